import { useEffect, useRef } from "react";

export const shortcuts = [
  { key: "j", text: "Next incident" },
  { key: "k", text: "Previous incident" },
  { key: "a", text: "Go to Approve (Enter then decides)" },
  { key: "/", text: "Filter incidents" },
  { key: "s", text: "System: health, AWS services, controls, sources, audit" },
  { key: "d", text: "Deliveries that could not be read" },
  { key: "m", text: "Silences and maintenance" },
  { key: "c", text: "Controls: mode, dry run, kill switch" },
  { key: "l", text: "Leases: who acts on what, who waits" },
  { key: "o", text: "Overview" },
  { key: "?", text: "This help" },
] as const;

export type Shortcut = (typeof shortcuts)[number]["key"];

/** Single keys, unless somebody is typing, a dialog is open, or a modifier makes it another command. */
export function useShortcuts(run: (key: Shortcut) => void): void {
  const latest = useRef(run);
  useEffect(() => {
    latest.current = run;
  });
  useEffect(() => {
    const onKey = (e: KeyboardEvent) => {
      if (e.metaKey || e.ctrlKey || e.altKey || e.defaultPrevented || isTyping(e.target)) return;
      if (document.querySelector('[role="dialog"][data-open]') !== null) return;
      const shortcut = shortcuts.find((s) => s.key === e.key);
      if (shortcut === undefined) return;
      e.preventDefault();
      latest.current(shortcut.key);
    };
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, []);
}

function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || ["INPUT", "TEXTAREA", "SELECT"].includes(target.tagName));
}
