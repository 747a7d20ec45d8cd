import { ArrowLeft } from "lucide-react";
import { Suspense, lazy, memo, useDeferredValue, useMemo, type ReactNode } from "react";

import type { View } from "../../protocol/generated";
import type { Detail } from "../../store/incidents";
import { useIncident, useVigil } from "../../store/react";
import { Button, buttonClass } from "../../ui/button";
import { parseTime } from "../../ui/format";
import { Skeleton } from "../../ui/panel";
import { from, incidentSource, pageSource } from "../../ui/source";
import { SourceProvider } from "../../ui/sources";
import { IncidentLoading } from "./incident-loading";
import { ActionBanner } from "./action-banner";
import { AgentsPanel } from "./agents-panel";
import { AttributionProvider } from "../../parts/attribution";
import { CitationsProvider } from "../../parts/citations";
import { DegradedBanner } from "./degraded-banner";
import { DiagnosisPanel } from "../../parts/diagnosis-panel";
import { EventLinksProvider } from "../../parts/event-links";
import { IncidentHeader } from "./incident-header";
import { IncidentLink } from "../../parts/navigation";
import { MetricsPanel } from "../../parts/metrics-panel";
import { PendingNotes } from "./pending-notes";
import { PhaseRail } from "../../parts/phase-rail";
import { ProposalCard } from "./proposal-card";
import { carriedOut } from "../../parts/remediation-model";
import { RemediationPanel } from "./remediation-panel";
import { Timeline } from "./timeline";
import { VerificationPanel } from "../../parts/verification-panel";

const later = {
  record: () => import("./incident-record"),
  budget: () => import("./budget-card"),
};

const BudgetCard = lazy(async () => ({ default: (await later.budget()).BudgetCard }));
const IncidentRecord = lazy(async () => ({ default: (await later.record()).IncidentRecord }));
const IncidentRecordAside = lazy(async () => ({ default: (await later.record()).IncidentRecordAside }));

/** Fetches what few incidents show, and what stands below. */
export async function prefetch(): Promise<void> {
  await Promise.all(Object.values(later).map((load) => load()));
}

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
  // What stands below is drawn, and loaded, after what has to be seen at once.
  const below = useDeferredValue(true, false);
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
      className="mx-auto max-w-[1280px] space-y-4 p-4 lg:p-5"
    >
      <IncidentLink to={undefined} className="inline-flex items-center gap-1 text-xs text-accent lg:hidden">
        <ArrowLeft aria-hidden className="size-3.5" /> All incidents
      </IncidentLink>
      {detail.error !== undefined && (
        <p role="alert" {...from(pageSource("answer"))} className="flex items-center gap-3 rounded-md bg-warn-soft px-3 py-1.5 text-xs text-warn">
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
              {v.paused !== undefined && (
                <Suspense>
                  <BudgetCard view={v} paused={v.paused} />
                </Suspense>
              )}
              {acting && proposal}
              <RemediationPanel view={v} events={events} />
              {v.verification !== undefined && <VerificationPanel verification={v.verification} earlier={beginsAnew(v)} />}
              {!acting && proposal}
              <DiagnosisPanel diagnosis={v.diagnosis} />
              <MetricsPanel view={v} events={events} />
              {below ? (
                <Suspense fallback={<Skeleton className="h-40" />}>
                  <IncidentRecord view={v} events={events} startedAt={startedAt} />
                </Suspense>
              ) : (
                <Skeleton className="h-40" />
              )}
            </div>
            <div className="grid min-w-0 gap-4 md:grid-cols-2 md:items-start xl:grid-cols-1">
              <AgentsPanel view={v} events={events} />
              <div className="grid min-w-0 gap-4">
                <Timeline events={events} />
                {below && (
                  <Suspense>
                    <IncidentRecordAside view={v} />
                  </Suspense>
                )}
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

function Message({ title, children }: { title: string; children: ReactNode }) {
  return (
    <div className="mx-auto flex max-w-md flex-col items-start gap-3 px-6 py-16 text-[13px] text-ink-2">
      <h1 className="text-base font-semibold text-ink">{title}</h1>
      {children}
    </div>
  );
}
