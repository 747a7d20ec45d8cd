import { TriangleAlert } from "lucide-react";
import { useMemo } from "react";

import { EventCites } from "../../parts/event-links";
import type { DecodedEvent } from "../../protocol/decoder";
import { Badge, OriginBadge } from "../../ui/badge";
import { Moment } from "../../ui/now";
import { Panel } from "../../ui/panel";
import { eventSource, from } from "../../ui/source";
import { capital, spaced } from "../../ui/words";

/** What went wrong while Vigil worked on the incident: what, of which kind, where, and how it went on. */
export function ErrorsPanel({ events }: { events: readonly DecodedEvent[] }) {
  const errors = useMemo(() => events.flatMap((d) => (d.readable && d.event.type === "error.raised" ? [d.event] : [])).toReversed(), [events]);
  if (errors.length === 0) return null;
  return (
    <Panel title="Errors on the way" icon={<TriangleAlert className="size-4" />} testId="errors">
      <ul className="divide-y divide-line">
        {errors.map(({ id, at, data: e, provenance: p }) => (
          <li key={id} className="space-y-0.5 px-3.5 py-2 text-xs" data-recoverable={e.recoverable} {...from(eventSource(id))}>
            <p className="flex flex-wrap items-center gap-x-2 gap-y-0.5">
              <Badge tone={e.recoverable ? "warn" : "bad"}>{spaced(e.kind)}</Badge>
              <span className="min-w-40 flex-1 font-medium [overflow-wrap:anywhere]">{e.message}</span>
              <OriginBadge origin={p.origin} />
              <Moment at={at} className="tabular text-2xs text-ink-3" />
              <EventCites ids={[id]} />
            </p>
            <p className="text-2xs text-ink-2 [overflow-wrap:anywhere]">
              {[
                e.phase !== undefined && `in ${e.phase}`,
                e.agent !== undefined && `${capital(e.agent)} agent`,
                p.service !== undefined && (p.operation === undefined ? p.service : `${p.service} ${p.operation}`),
                e.retries !== undefined && e.retries > 0 && `tried again ${e.retries === 1 ? "once" : `${e.retries} times`}`,
              ]
                .filter(Boolean)
                .join(", ")}
              {". "}
              {e.recovery === undefined ? (e.recoverable ? "It went on." : "It could not go on from there.") : `${capital(e.recovery)}.`}
            </p>
          </li>
        ))}
      </ul>
    </Panel>
  );
}
