/** Whose words they are: the model call that a conclusion came of, drawn from the events alone. */
import { createContext, useContext, useMemo, type ReactNode } from "react";

import type { DecodedEvent } from "../protocol/decoder";
import type { Agent, IncidentEvent, Provenance } from "../protocol/generated";
import { ProvenanceLine } from "../ui/provenance";
import { eventSource, from } from "../ui/source";

interface Attribution {
  eventId: string;
  provenance: Provenance;
}

const Context = createContext<readonly IncidentEvent[]>([]);

export function AttributionProvider({ events, children }: { events: readonly DecodedEvent[]; children: ReactNode }) {
  const readable = useMemo(() => events.flatMap((d) => (d.readable ? [d.event] : [])), [events]);
  return <Context.Provider value={readable}>{children}</Context.Provider>;
}

/**
 * The call behind the last event that is meant: the event's own, where it names a model, else the
 * latest call of the agent before it whose answer was used.
 */
export function attribution(events: readonly IncidentEvent[], agent: Agent, is: (e: IncidentEvent) => boolean): Attribution | undefined {
  const at = events.findLastIndex(is);
  const concluded = events[at];
  if (concluded === undefined) return undefined;
  if (concluded.provenance.model !== undefined) return { eventId: concluded.id, provenance: concluded.provenance };
  const call = events.slice(0, at).findLast((e) => e.type === "model.called" && e.data.agent === agent && e.data.problem === undefined);
  return call === undefined ? undefined : { eventId: call.id, provenance: call.provenance };
}

/** Service, model, tokens, latency and price of what a model said; nothing where no model said it. */
export function Attributed({ agent, is, className }: { agent: Agent; is: (e: IncidentEvent) => boolean; className?: string }) {
  const events = useContext(Context);
  const by = attribution(events, agent, is);
  if (by === undefined) return null;
  return (
    <div className={className} data-testid="attributed" {...from(eventSource(by.eventId, "/provenance"))}>
      <ProvenanceLine of={by.provenance} />
    </div>
  );
}
