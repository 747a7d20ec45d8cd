/** Single keys, unless somebody is typing, a dialog is open, or what has the focus used the key itself. */
import { useEffect, useRef } from "react";

export function useKeys(commands: Readonly<Record<string, () => void>>): void {
  const latest = useRef(commands);
  useEffect(() => {
    latest.current = commands;
  });
  useEffect(() => {
    const onKey = (e: KeyboardEvent) => {
      if (e.metaKey || e.ctrlKey || e.altKey || e.defaultPrevented || isTyping(e.target)) return;
      if (document.querySelector('[role="dialog"][data-open]') !== null) return;
      // Space presses what has the focus.
      if (e.key === " " && e.target instanceof HTMLElement && e.target.closest("button, a, summary, [role=tab]") !== null) return;
      const run = latest.current[e.key];
      if (run === undefined) return;
      e.preventDefault();
      run();
    };
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, []);
}

function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target instanceof HTMLInputElement && target.type === "range") return false;
  return target.isContentEditable || ["INPUT", "TEXTAREA", "SELECT"].includes(target.tagName);
}
