/** The sources of a page that is looked at: the gateway, the files beside the page, and what its own socket carried. */
import type { Tab } from "../chromium";
import type { Sources } from "./walk";

export function liveSources(gateway: string, tab: Tab): Sources {
  const kept = new Map<string, Promise<unknown>>();
  return {
    read(what, fresh) {
      const system = /^system:([^@]+)@(.+)$/u.exec(what);
      if (system !== null) return carried(tab.frames, system[1] ?? "", system[2] ?? "");
      const path = what.startsWith("event:") ? `/api/v1/events/${encodeURIComponent(what.slice("event:".length))}` : what;
      if (!path.startsWith("/api/v1/") && !path.startsWith("/scenarios/")) return Promise.reject(new Error("it is neither an event, a query, a scenario nor a system event"));
      const known = kept.get(path);
      if (known !== undefined && !fresh) return known;
      const answer = fetchJSON(gateway + path);
      // What was recorded does not change; a query may.
      if (!path.startsWith("/api/v1/") || what.startsWith("event:")) kept.set(path, answer);
      return answer;
    },
  };
}

async function fetchJSON(url: string): Promise<unknown> {
  const response = await fetch(url, { headers: { Accept: "application/json" } });
  if (!response.ok) throw new Error(`HTTP status ${response.status}`);
  return response.json();
}

async function carried(frames: readonly string[], type: string, at: string): Promise<unknown> {
  for (const text of frames.toReversed()) {
    if (!text.includes(type) || !text.includes(at)) continue;
    const frame = JSON.parse(text) as { type?: string; at?: string };
    if (frame.type === type && frame.at === at) return frame;
  }
  throw new Error("no socket of the page carried it");
}
