/** Which incidents the list shows, and in which order. */
import { type Summary, severityValues } from "../../protocol/generated";

export type Show = "all" | "needs_human" | "open" | "over";

export interface Filter {
  text: string;
  show: Show;
}

export interface Sections {
  open: Summary[];
  over: Summary[];
}

export function isOver(s: Summary): boolean {
  return s.status === "resolved" || s.status === "closed" || s.status === "aborted";
}

/** Open ones first: those that need a person, then by severity, then the newest. Over ones by when they ended. */
export function sections(summaries: Iterable<Summary>, filter: Filter): Sections {
  const words = filter.text.toLowerCase().split(/\s+/).filter(Boolean);
  const out: Sections = { open: [], over: [] };
  for (const s of summaries) {
    if (!matches(s, words) || !shows(s, filter.show)) continue;
    (isOver(s) ? out.over : out.open).push(s);
  }
  out.open.sort(byUrgency);
  out.over.sort((a, b) => keyOf(b).ended - keyOf(a).ended || byId(a, b));
  return out;
}

interface Key {
  text: string;
  severity: number;
  opened: number;
  ended: number;
}

/** What a summary is sorted and found by. A summary is never changed in place, so each is looked at once. */
const keys = new WeakMap<Summary, Key>();

function keyOf(s: Summary): Key {
  let key = keys.get(s);
  if (key === undefined) {
    key = {
      text: [s.title, s.incident_id, s.service, s.status, s.severity, s.cause, s.cause_service, s.acknowledged_by].join(" ").toLowerCase(),
      severity: severityValues.indexOf(s.severity),
      opened: time(s.opened_at),
      ended: time(s.closed_at ?? s.updated_at),
    };
    keys.set(s, key);
  }
  return key;
}

function matches(s: Summary, words: string[]): boolean {
  if (words.length === 0) return true;
  const { text } = keyOf(s);
  return words.every((w) => text.includes(w));
}

function shows(s: Summary, show: Show): boolean {
  switch (show) {
    case "all":
      return true;
    case "needs_human":
      return s.needs_human;
    case "open":
      return !isOver(s);
    case "over":
      return isOver(s);
  }
}

function byUrgency(a: Summary, b: Summary): number {
  return (
    Number(b.needs_human) - Number(a.needs_human) ||
    keyOf(a).severity - keyOf(b).severity ||
    keyOf(b).opened - keyOf(a).opened ||
    byId(a, b)
  );
}

function byId(a: Summary, b: Summary): number {
  return a.incident_id < b.incident_id ? -1 : 1;
}

function time(at: string | undefined): number {
  return Date.parse(at ?? "") || 0;
}
