/** What the command palette offers, and what of it somebody means who types. */
import { explainPath, incidentPath } from "../../parts/navigation";
import type { Summary } from "../../protocol/generated";
import { statusWord } from "../../ui/words";
import { sections } from "./list-model";
import type { Place } from "./places";

/** What choosing an entry does. */
export type Command =
  | { do: "go"; path: string }
  | { do: "place"; place: Place }
  | { do: "help" }
  | { do: "filter" }
  /** Presses what an incident's page offers; Approve is only brought into focus. */
  | { do: "press"; action: "approve" | "acknowledge" | "note" }
  | { do: "theme" };

export interface Entry {
  id: string;
  group: "This incident" | "Go to" | "System" | "Page" | "Incidents";
  text: string;
  /** Said after the text, and searched as it is. */
  detail?: string;
  /** The shortcut that does the same. */
  key?: string;
  /** The incident that it leads to. */
  incident?: string;
  command: Command;
}

/** How many incidents are offered at once; more are found by typing. */
const offered = 30;

const fixed: readonly Entry[] = [
  { id: "overview", group: "Go to", text: "Overview", key: "o", command: { do: "go", path: "/ops" } },
  { id: "transparency", group: "Go to", text: "Transparency", detail: "incidents explained", command: { do: "go", path: "/transparency" } },
  { id: "demo", group: "Go to", text: "Executive", detail: "what incidents cost, what was saved", command: { do: "go", path: "/demo" } },
  { id: "vigil", group: "System", text: "Vigil itself", detail: "health, AWS services", key: "s", command: { do: "place", place: { tab: "vigil" } } },
  { id: "controls", group: "System", text: "Controls", detail: "mode, dry run, kill switch", key: "c", command: { do: "place", place: { tab: "controls" } } },
  { id: "leases", group: "System", text: "Leases", detail: "who acts on what", key: "l", command: { do: "place", place: { tab: "leases" } } },
  { id: "deliveries", group: "System", text: "Deliveries", detail: "what could not be read", key: "d", command: { do: "place", place: { tab: "deliveries" } } },
  { id: "silences", group: "System", text: "Silences and maintenance", key: "m", command: { do: "place", place: { tab: "silences" } } },
  { id: "sources", group: "System", text: "Sources and rules", command: { do: "place", place: { tab: "sources" } } },
  { id: "audit", group: "System", text: "Audit", detail: "who did what", command: { do: "place", place: { tab: "audit" } } },
  { id: "filter", group: "Page", text: "Filter incidents", key: "/", command: { do: "filter" } },
  { id: "theme", group: "Page", text: "Change light and dark", command: { do: "theme" } },
  { id: "help", group: "Page", text: "Keyboard and signs", key: "?", command: { do: "help" } },
];

/** What the page that is open offers: which of its buttons are there and may be pressed. */
export interface Here {
  incidentId: string | undefined;
  can: ReadonlySet<string>;
}

export function entries(text: string, summaries: Iterable<Summary>, here: Here): Entry[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const matches = (e: Entry) => {
    const said = `${e.group} ${e.text} ${e.detail ?? ""}`.toLowerCase();
    return words.every((w) => said.includes(w));
  };
  const found = sections(summaries, { text, show: "all" });
  const incidents = [...found.open, ...found.over].slice(0, offered).map(incidentEntry);
  return [...ofIncident(here).filter(matches), ...fixed.filter(matches), ...incidents];
}

function ofIncident({ incidentId, can }: Here): Entry[] {
  if (incidentId === undefined) return [];
  const all: Entry[] = [
    { id: "approve", group: "This incident", text: "Go to Approve", detail: "Enter then decides", key: "a", command: { do: "press", action: "approve" } },
    { id: "acknowledge", group: "This incident", text: "Acknowledge", command: { do: "press", action: "acknowledge" } },
    { id: "note", group: "This incident", text: "Add a note", command: { do: "press", action: "note" } },
  ];
  const explain: Entry = { id: "explain", group: "This incident", text: "Explain", detail: "step by step, in Transparency", command: { do: "go", path: explainPath(incidentId) } };
  return [...all.filter((e) => can.has(e.id)), explain];
}

function incidentEntry(s: Summary): Entry {
  const where = [s.service === "" ? "service unknown" : s.service, statusWord(s.status).text.toLowerCase(), s.incident_id].join(", ");
  return { id: s.incident_id, group: "Incidents", text: s.title, detail: where, incident: s.incident_id, command: { do: "go", path: incidentPath(s.incident_id) } };
}
