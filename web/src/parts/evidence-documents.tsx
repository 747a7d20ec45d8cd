/** Evidence of what was written down or said: platform events, runbooks, past incidents. */
import { clsx } from "clsx";

import type { Document, Evidence, PlatformEvent } from "../protocol/generated";
import { Badge } from "../ui/badge";
import { Meter } from "../ui/meter";
import { Moment } from "../ui/now";
import { useSource } from "../ui/sources";
import { causeWord, spaced } from "../ui/words";

export function PlatformEvents({ events }: { events: readonly PlatformEvent[] }) {
  const at = useSource();
  return (
    <ul className="space-y-1">
      {events.map((e, i) => (
        <li key={`${e.at}/${e.resource}/${e.message}`} {...at(`/events/${i}`)} className="flex flex-wrap items-baseline gap-x-2 gap-y-0.5 text-xs">
          <Moment at={e.at} className="tabular font-mono text-2xs text-ink-2" />
          {e.category !== undefined && <Badge tone={e.warning === true ? "warn" : "neutral"}>{e.category}</Badge>}
          <span className="font-mono text-2xs">{e.resource}</span>
          <span className={clsx("min-w-40 flex-1 [overflow-wrap:anywhere]", e.warning === true ? "text-ink" : "text-ink-2")}>{e.message}</span>
          {(e.count ?? 0) > 1 && <span className="tabular text-2xs text-ink-3">{e.count} times</span>}
          {e.warning === true && <span className="sr-only">the platform calls it a problem</span>}
        </li>
      ))}
    </ul>
  );
}

/** Said in the words that people know where a search found nothing. */
export function nothingFound(e: Evidence): string {
  switch (e.kind) {
    case "past_incident":
      return `No historical matches found in ${e.source}.`;
    case "runbook":
      return `No runbook found in ${e.source}.`;
    default:
      return `It was looked for in ${e.source} and is not there.`;
  }
}

export function Documents({ documents }: { documents: readonly Document[] }) {
  const at = useSource();
  return (
    <ul className="space-y-2">
      {documents.map((d, i) => (
        <li key={`${d.source}/${d.id}`} {...at(`/documents/${i}`)} className="rounded-md bg-sunken px-2.5 py-1.5 text-xs">
          <div className="flex flex-wrap items-center gap-x-3 gap-y-0.5">
            <span className="font-medium [overflow-wrap:anywhere]">{d.title}</span>
            <Meter source={at(`/documents/${i}/score`)} value={d.score} label={`How well ${d.title} matches`} className="w-24 shrink-0" />
            <span className="ml-auto text-2xs text-ink-3">{spaced(d.source)}</span>
          </div>
          {d.incident_id !== undefined && <p className="text-2xs text-ink-2">{learnedFrom(d)}</p>}
          <p {...at(`/documents/${i}/text`)} className="mt-1 text-ink-2 whitespace-pre-wrap [overflow-wrap:anywhere]">{d.text}</p>
          {d.uri !== undefined && <p className="mt-0.5 font-mono text-2xs text-ink-3 [overflow-wrap:anywhere]">{d.uri}</p>}
        </li>
      ))}
    </ul>
  );
}

function learnedFrom(d: Document): string {
  if (d.cause === undefined) return `From incident ${d.incident_id}; its cause was never confirmed.`;
  const where = d.service === undefined ? "" : ` in ${d.service}`;
  return `Learned from incident ${d.incident_id}, confirmed by ${d.confirmed_by ?? "nobody named"}: ${causeWord(d.cause)}${where}.`;
}
