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
  out.over.sort((a, b) => time(b.closed_at ?? b.updated_at) - time(a.closed_at ?? a.updated_at) || byId(a, b));
  return out;
}

function matches(s: Summary, words: string[]): boolean {
  const text = [s.title, s.incident_id, s.service, s.status, s.severity, s.cause, s.cause_service, s.acknowledged_by].join(" ").toLowerCase();
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
    severityValues.indexOf(a.severity) - severityValues.indexOf(b.severity) ||
    time(b.opened_at) - time(a.opened_at) ||
    byId(a, b)
  );
}

function byId(a: Summary, b: Summary): number {
  return a.incident_id < b.incident_id ? -1 : 1;
}

function time(at: string | undefined): number {
  return Date.parse(at ?? "") || 0;
}
