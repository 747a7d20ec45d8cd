/** The address bar. A handful of pages needs no router. */
import { useCallback, useSyncExternalStore } from "react";

/** What a dashboard explains: an incident of the gateway's, or one that was recorded and ships with the page. */
export type Subject = { kind: "incident"; id: string } | { kind: "scenario"; name: string };

export type Page =
  | { name: "ops"; incidentId: string | undefined; eventId: string | undefined }
  /** view is which of the five, at the event that the replay stands at: its number, or its id. */
  | { name: "transparency"; subject: Subject | undefined; view: string | undefined; at: string | undefined }
  /** range is which incidents are counted. */
  | { name: "demo"; present: Subject | undefined; range: string | undefined }
  | { name: "unknown"; path: string };

/** The page of a path with its query. */
export function pageOf(location: string): Page {
  const [path = "", search = ""] = location.split("?");
  const query = new URLSearchParams(search);
  const [dashboard, ...parts] = path.split("/").filter(Boolean).map(decode);
  if (dashboard === undefined) return { name: "ops", incidentId: undefined, eventId: undefined };
  if (dashboard === "ops") {
    const [kind, id, ...rest] = parts;
    if (kind === undefined) return { name: "ops", incidentId: undefined, eventId: undefined };
    if (kind === "incidents" && rest.length === 0) return { name: "ops", incidentId: id, eventId: query.get("event") ?? undefined };
  }
  if (dashboard === "transparency") {
    const subject = subjectOf(parts);
    if (subject !== null) return { name: "transparency", subject, view: query.get("view") ?? undefined, at: query.get("at") ?? undefined };
  }
  if (dashboard === "demo") {
    if (parts.length === 0) return { name: "demo", present: undefined, range: query.get("range") ?? undefined };
    const subject = parts[0] === "present" ? subjectOf(parts.slice(1)) : null;
    if (subject !== null && subject !== undefined) return { name: "demo", present: subject, range: undefined };
  }
  return { name: "unknown", path };
}

/** undefined: none was named; null: what was named is none. */
function subjectOf(parts: readonly string[]): Subject | undefined | null {
  const [kind, name, ...rest] = parts;
  if (kind === undefined) return undefined;
  if (name === undefined || rest.length > 0) return null;
  if (kind === "incidents") return { kind: "incident", id: name };
  return kind === "scenarios" ? { kind: "scenario", name } : null;
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

function here(): string {
  return window.location.pathname + window.location.search;
}

/** Path and query, and how to go elsewhere without loading the page anew. */
export function useLocation(): [location: string, go: (to: string) => void, replace: (to: string) => void] {
  const location = useSyncExternalStore(subscribe, here);
  const go = useCallback((to: string) => {
    if (to === here()) return;
    window.history.pushState(null, "", to);
    window.dispatchEvent(new Event(changed));
  }, []);
  const replace = useCallback((to: string) => {
    if (to === here()) return;
    window.history.replaceState(null, "", to);
    window.dispatchEvent(new Event(changed));
  }, []);
  return [location, go, replace];
}
