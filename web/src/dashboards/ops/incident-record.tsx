/**
 * What an incident is looked up for: impact, questions, the review, alerts, evidence, options, errors and cost.
 * It stands below what has to be seen at once, and is loaded after it.
 */
import { MessageSquareText } from "lucide-react";
import type { ReactNode } from "react";

import type { DecodedEvent } from "../../protocol/decoder";
import type { View } from "../../protocol/generated";
import { Panel } from "../../ui/panel";
import { useSource } from "../../ui/sources";
import { Attributed } from "../../parts/attribution";
import { ForecastPanel } from "../../parts/forecast-panel";
import { GuardrailLine } from "../../parts/guardrail-line";
import { ImpactPanel } from "../../parts/impact-panel";
import { ToldPanel } from "../../parts/told-panel";
import { AlertsPanel } from "./alerts-panel";
import { AskPanel } from "./ask-panel";
import { CostPanel } from "./cost-panel";
import { DecisionPanel } from "./decision-panel";
import { ErrorsPanel } from "./errors-panel";
import { EvidencePanel } from "./evidence-panel";
import { PostmortemPanel } from "./postmortem-panel";
import { ReviewPanel } from "./review-panel";

export function IncidentRecord({ view: v, events, startedAt }: { view: View; events: readonly DecodedEvent[]; startedAt: number | undefined }) {
  return (
    <>
      <ImpactPanel view={v} />
      <AskPanel view={v} />
      <ReviewPanel view={v} events={events} />
      <PostmortemPanel view={v} />
      {v.message !== undefined && <Prose title="Update for people" icon={<MessageSquareText className="size-4" />} text={v.message} note={sentNote(v)} />}
      <AlertsPanel view={v} events={events} />
      <EvidencePanel incidentId={v.incident_id} evidence={v.evidence ?? []} startedAt={startedAt} />
      {v.decision !== undefined && <DecisionPanel view={v} decision={v.decision} events={events} />}
      <ErrorsPanel events={events} />
      <CostPanel cost={v.cost} guardrail={v.guardrail} events={events} />
      <GuardrailLine counts={v.guardrail} events={events} />
    </>
  );
}

/** The part of it that stands beside: who was told, and what is to be expected. */
export function IncidentRecordAside({ view: v }: { view: View }) {
  return (
    <>
      <ToldPanel deliveries={v.deliveries ?? []} />
      <ForecastPanel prediction={v.prediction} evidence={v.evidence ?? []} />
    </>
  );
}

/** What a model wrote for people to read: shown as text, line by line. */
function Prose({ title, icon, text, note }: { title: string; icon: ReactNode; text: string; note?: string }) {
  const at = useSource();
  return (
    <Panel title={title} icon={icon} aside={note}>
      <p {...at("/message")} className="max-w-prose p-3.5 text-[13px] whitespace-pre-wrap [overflow-wrap:anywhere]">{text}</p>
      <Attributed agent="communication" is={(e) => e.type === "message.drafted"} className="px-3.5 pb-2.5" />
    </Panel>
  );
}

/** To how many channels the update went, as each delivery of it says. */
function sentNote(v: View): string {
  const sent = new Set((v.deliveries ?? []).filter((d) => d.kind === "update" && d.state === "sent").map((d) => d.channel));
  return sent.size === 0 ? "written; no channel has it" : `sent to ${[...sent].sort().join(", ")}`;
}
