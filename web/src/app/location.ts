/** The address bar. Three kinds of page need no router. */
import { useCallback, useSyncExternalStore } from "react";

export type Page = { name: "ops"; incidentId: string | undefined } | { name: "unknown"; path: string };

export function pageOf(path: string): Page {
  const parts = path.split("/").filter(Boolean);
  if (parts.length === 0 || (parts.length === 1 && parts[0] === "ops")) return { name: "ops", incidentId: undefined };
  const [dashboard, kind, id, ...rest] = parts;
  if (dashboard === "ops" && kind === "incidents" && rest.length === 0) return { name: "ops", incidentId: id === undefined ? undefined : decode(id) };
  return { name: "unknown", path };
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

const changed = "vigil:location";

function subscribe(run: () => void): () => void {
  window.addEventListener("popstate", run);
  window.addEventListener(changed, run);
  return () => {
    window.removeEventListener("popstate", run);
    window.removeEventListener(changed, run);
  };
}

/** The path, and how to go to another without loading the page anew. */
export function useLocation(): [path: string, go: (path: string) => void] {
  const path = useSyncExternalStore(subscribe, () => window.location.pathname);
  const go = useCallback((to: string) => {
    if (to === window.location.pathname) return;
    window.history.pushState(null, "", to);
    window.dispatchEvent(new Event(changed));
  }, []);
  return [path, go];
}

export function replaceLocation(path: string): void {
  window.history.replaceState(null, "", path);
}
