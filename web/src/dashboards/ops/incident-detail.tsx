import { ArrowLeft, MessageSquareText } from "lucide-react";
import { memo, useMemo, type ReactNode } from "react";

import type { View } from "../../protocol/generated";
import type { Detail } from "../../store/incidents";
import { useIncident, useVigil } from "../../store/react";
import { Button, buttonClass } from "../../ui/button";
import { parseTime } from "../../ui/format";
import { Panel } from "../../ui/panel";
import { incidentSource } from "../../ui/source";
import { SourceProvider, useSource } from "../../ui/sources";
import { IncidentLoading } from "./incident-loading";
import { ActionBanner } from "./action-banner";
import { AgentsPanel } from "./agents-panel";
import { AlertsPanel } from "./alerts-panel";
import { AskPanel } from "./ask-panel";
import { BudgetCard } from "./budget-card";
import { Attributed, AttributionProvider } from "../../parts/attribution";
import { CitationsProvider } from "../../parts/citations";
import { CostPanel } from "./cost-panel";
import { DecisionPanel } from "./decision-panel";
import { DegradedBanner } from "./degraded-banner";
import { DiagnosisPanel } from "../../parts/diagnosis-panel";
import { EventLinksProvider } from "../../parts/event-links";
import { ErrorsPanel } from "./errors-panel";
import { EvidencePanel } from "./evidence-panel";
import { ForecastPanel } from "../../parts/forecast-panel";
import { GuardrailLine } from "../../parts/guardrail-line";
import { IncidentHeader } from "./incident-header";
import { IncidentLink } from "../../parts/navigation";
import { ImpactPanel } from "../../parts/impact-panel";
import { MetricsPanel } from "../../parts/metrics-panel";
import { PendingNotes } from "./pending-notes";
import { PhaseRail } from "../../parts/phase-rail";
import { PostmortemPanel } from "./postmortem-panel";
import { ProposalCard } from "./proposal-card";
import { carriedOut } from "../../parts/remediation-model";
import { RemediationPanel } from "./remediation-panel";
import { ReviewPanel } from "./review-panel";
import { Timeline } from "./timeline";
import { ToldPanel } from "../../parts/told-panel";
import { VerificationPanel } from "../../parts/verification-panel";

/** Drawn anew when its own incident changes, not when another does. */
export const IncidentDetail = memo(function IncidentDetail({ id, eventId }: { id: string; eventId?: string | undefined }) {
  const detail = useIncident(id);
  const { incidents } = useVigil();
  if (detail?.view !== undefined) {
    return (
      <SourceProvider base={incidentSource(id)}>
        <Whole detail={detail} eventId={eventId} view={detail.view} onRetry={() => incidents.retry(id)} />
      </SourceProvider>
    );
  }
  if (detail?.load === "not_found") {
    return (
      <Message title="There is no such incident">
        <p>
          Nothing is known of <code className="font-mono">{id}</code>. It may have been opened in another environment.
        </p>
        <IncidentLink to={undefined} className={buttonClass()}>
          To the overview
        </IncidentLink>
      </Message>
    );
  }
  if (detail?.load === "error") {
    return (
      <Message title="This incident cannot be read right now">
        <p role="alert">{detail.error} It is being tried again.</p>
        <Button onClick={() => incidents.retry(id)}>Try now</Button>
      </Message>
    );
  }
  return <IncidentLoading />;
});

function Whole({ detail, view: v, eventId, onRetry }: { detail: Detail; view: View; eventId: string | undefined; onRetry: () => void }) {
  const at = useSource();
  const evidence = v.evidence ?? [];
  const known = useMemo(() => new Set((v.evidence ?? []).map((e) => e.id)), [v.evidence]);
  const events = useMemo(() => [...detail.earlier, ...detail.events], [detail.earlier, detail.events]);
  const startedAt = parseTime(v.started_at) ?? parseTime(v.opened_at);
  const acting = v.proposal?.state === "pending";
  const proposal = v.proposal !== undefined && <ProposalCard key={v.proposal.id} incidentId={v.incident_id} proposal={v.proposal} />;
  return (
    <article
      data-testid="incident-detail"
      data-incident={v.incident_id}
      data-status={v.status}
      data-seq={v.seq}
      data-cause={v.cause ?? ""}
      data-verdict={v.verdict ?? ""}
      data-run={v.run_id}
      data-events={detail.events.length}
      {...at()}
      className="mx-auto max-w-[1280px] space-y-4 p-4 lg:p-5"
    >
      <IncidentLink to={undefined} className="inline-flex items-center gap-1 text-xs text-accent lg:hidden">
        <ArrowLeft aria-hidden className="size-3.5" /> All incidents
      </IncidentLink>
      {detail.error !== undefined && (
        <p role="alert" className="flex items-center gap-3 rounded-md bg-warn-soft px-3 py-1.5 text-xs text-warn">
          Some events could not be read yet: {detail.error}
          <Button className="ml-auto h-6!" onClick={onRetry}>
            Try now
          </Button>
        </p>
      )}
      <IncidentHeader view={v} />
      <PendingNotes incidentId={v.incident_id} />
      <PhaseRail phases={v.phases ?? []} />
      <CitationsProvider known={known}>
        <EventLinksProvider events={events} asked={eventId}>
          <AttributionProvider events={events}>
          <ActionBanner view={v} />
          <DegradedBanner view={v} />
          <div className="grid items-start gap-4 xl:grid-cols-[minmax(0,1fr)_23rem]">
            <div className="grid min-w-0 gap-4">
              {v.paused !== undefined && <BudgetCard view={v} paused={v.paused} />}
              {acting && proposal}
              <RemediationPanel view={v} events={events} />
              {v.verification !== undefined && <VerificationPanel verification={v.verification} earlier={beginsAnew(v)} />}
              {!acting && proposal}
              <DiagnosisPanel diagnosis={v.diagnosis} />
              <MetricsPanel view={v} events={events} />
              <ImpactPanel view={v} />
              <AskPanel view={v} />
              <ReviewPanel view={v} events={events} />
              <PostmortemPanel view={v} />
              {v.message !== undefined && <Prose title="Update for people" icon={<MessageSquareText className="size-4" />} text={v.message} note={sentNote(v)} />}
              <AlertsPanel view={v} events={events} />
              <EvidencePanel incidentId={v.incident_id} evidence={evidence} startedAt={startedAt} />
              {v.decision !== undefined && <DecisionPanel view={v} decision={v.decision} events={events} />}
              <ErrorsPanel events={events} />
              <CostPanel cost={v.cost} guardrail={v.guardrail} events={events} />
              <GuardrailLine counts={v.guardrail} events={events} />
            </div>
            <div className="grid min-w-0 gap-4 md:grid-cols-2 md:items-start xl:grid-cols-1">
              <AgentsPanel view={v} events={events} />
              <div className="grid min-w-0 gap-4">
                <Timeline events={events} />
                <ToldPanel deliveries={v.deliveries ?? []} />
                <ForecastPanel prediction={v.prediction} evidence={evidence} />
              </div>
            </div>
          </div>
          </AttributionProvider>
        </EventLinksProvider>
      </CitationsProvider>
    </article>
  );
}

/** Whether the latest action has not come to be judged: what was measured is of the one before. */
function beginsAnew(v: View): boolean {
  const r = carriedOut(v);
  return r !== undefined && v.remediation !== undefined && (r.state === "waiting" || r.state === "running");
}

/** What a model wrote for people to read: shown as text, line by line. */
function Prose({ title, icon, text, note }: { title: string; icon: ReactNode; text: string; note?: string }) {
  return (
    <Panel title={title} icon={icon} aside={note}>
      <p className="max-w-prose p-3.5 text-[13px] whitespace-pre-wrap [overflow-wrap:anywhere]">{text}</p>
      <Attributed agent="communication" is={(e) => e.type === "message.drafted"} className="px-3.5 pb-2.5" />
    </Panel>
  );
}

function Message({ title, children }: { title: string; children: ReactNode }) {
  return (
    <div className="mx-auto flex max-w-md flex-col items-start gap-3 px-6 py-16 text-[13px] text-ink-2">
      <h1 className="text-base font-semibold text-ink">{title}</h1>
      {children}
    </div>
  );
}

/** To how many channels the update went, as each delivery of it says. */
function sentNote(v: View): string {
  const sent = new Set((v.deliveries ?? []).filter((d) => d.kind === "update" && d.state === "sent").map((d) => d.channel));
  return sent.size === 0 ? "written; no channel has it" : `sent to ${[...sent].sort().join(", ")}`;
}
