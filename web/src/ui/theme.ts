/** Light, dark, or as the system is. The choice is this browser's. */
import { useSyncExternalStore } from "react";

export const themes = ["system", "light", "dark"] as const;
export type Theme = (typeof themes)[number];

const key = "vigil:theme";
const listeners = new Set<() => void>();

export function theme(): Theme {
  try {
    const kept = window.localStorage.getItem(key);
    return themes.find((t) => t === kept) ?? "system";
  } catch {
    return "system"; // storage is turned off
  }
}

/** Puts the choice on the page, also when another tab makes one; called before anything is drawn. */
export function applyTheme(): void {
  draw(theme());
  window.addEventListener("storage", ({ key: changed }) => {
    if (changed === key || changed === null) draw(theme());
  });
}

export function setTheme(next: Theme): void {
  try {
    window.localStorage.setItem(key, next);
  } catch {
    // Then it holds until the page is left.
  }
  draw(next);
  for (const listener of listeners) listener();
}

function draw(chosen: Theme): void {
  if (chosen === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = chosen;
}

export function useTheme(): Theme {
  return useSyncExternalStore(subscribe, theme);
}

function subscribe(run: () => void): () => void {
  listeners.add(run);
  window.addEventListener("storage", run); // another tab
  return () => {
    listeners.delete(run);
    window.removeEventListener("storage", run);
  };
}
