import { useQuery } from "@tanstack/react-query";
import { Hourglass, LoaderCircle, Play } from "lucide-react";

import type { DecodedEvent } from "../../protocol/decoder";
import type { Call, LeaseState, View } from "../../protocol/generated";
import { paths } from "../../feed/rest";
import { useVigil } from "../../store/react";
import { eventSource, from, querySource } from "../../ui/source";
import { Badge } from "../../ui/badge";
import { noData } from "../../ui/format";
import { Age, Elapsed, Moment } from "../../ui/now";
import { Fact, Panel } from "../../ui/panel";
import { useSource } from "../../ui/sources";
import { ProvenanceLine } from "../../ui/provenance";
import { capital, executionStateWord, remediationMeaning, remediationWord } from "../../ui/words";
import { ActionSteps } from "../../parts/action-steps";
import { resourceWords } from "../../parts/lease-words";
import { IncidentLink } from "../../parts/navigation";
import { useOpenPlace } from "./places";
import { type Carried, type Located, actionOf, carriedOut, earlierRemediations, executionsOf, hasEnded, isUndo } from "../../parts/remediation-model";

/** The carrying out of an action, from its lease to what came of it. */
export function RemediationPanel({ view: v, events }: { view: View; events: readonly DecodedEvent[] }) {
  const at = useSource();
  const r = carriedOut(v);
  if (r === undefined) return null;
  const word = remediationWord(r.state);
  const executions = executionsOf(v, r);
  const undone = executions.filter(isUndo);
  const action = actionOf(v, r);
  const earlier = earlierRemediations(events, r.action_hash);
  return (
    <Panel
      title="Action"
      icon={<Play className="size-4" />}
      testId="remediation"
      aside={
        <span data-testid="remediation-state" data-state={r.state} className="inline-flex items-center gap-1.5">
          {!hasEnded(r.state) && <LoaderCircle aria-hidden className="size-3.5 animate-spin text-accent" />}
          <Badge tone={word.tone}>{word.text}</Badge>
        </span>
      }
    >
      <div className="space-y-3 p-3.5">
        <div>
          <p {...at(v.remediation === undefined ? "/action/target" : "/remediation/target")} className="text-[13px] font-medium">{capital(r.name)} on {r.target}</p>
          <p {...at("/remediation/detail")} className="text-xs text-ink-2" role="status" aria-live="polite" data-testid="remediation-meaning">
            {remediationMeaning(r.state)}
            {r.waits_for === undefined && r.detail !== undefined && r.detail !== "" && <span className="[overflow-wrap:anywhere]"> {sentence(r.detail)}</span>}
          </p>
        </div>
        {r.waits_for !== undefined && r.waits_for !== "" && <WaitsFor resource={r.waits_for} detail={r.detail} workflowId={r.workflow_id} />}
        <Times carried={r} />
        {action !== undefined && <ActionSteps {...action} standing={r.state === "rehearsed" ? undefined : (action.of.steps ?? []).map((_, i) => <Standing key={i} execution={executions.find((x) => x.step === i + 1 && !isUndo(x))} ended={hasEnded(r.state)} />)} />}
        {undone.length > 0 && (
          <section aria-label="Taken back" data-testid="undone" className="space-y-1.5 border-t border-line pt-2.5">
            <h3 className="text-2xs font-semibold text-ink-3">Taken back, the last step first</h3>
            <ol className="space-y-1.5">
              {undone.map((x) => (
                <li key={x.step} data-testid={`undo-${x.step}`} className="space-y-0.5">
                  <p {...at([`${x.at}/step`, `${x.at}/document`])} className="text-xs">
                    Step {x.step} by <code className="font-mono [overflow-wrap:anywhere]">{x.document}</code> <span className="text-2xs text-ink-3">through {x.executor}</span>
                  </p>
                  <State execution={x} />
                </li>
              ))}
            </ol>
          </section>
        )}
        {r.state === "rehearsed" && <Rehearsed calls={r.calls ?? []} />}
        {earlier.length > 0 && (
          <section aria-label="Actions before" data-testid="earlier-actions" className="space-y-1 border-t border-line pt-2.5">
            <h3 className="text-2xs font-semibold text-ink-3">Actions before</h3>
            <ul className="space-y-1">
              {earlier.map((e) => (
                <li key={e.action_hash} {...from(eventSource(e.eventId, "/data/remediation"))} className="flex flex-wrap items-baseline gap-x-2 gap-y-0.5 text-xs">
                  <Badge tone={remediationWord(e.state).tone}>{remediationWord(e.state).text}</Badge>
                  <span className="font-medium">
                    {capital(e.name)} on {e.target}
                  </span>
                  {e.detail !== undefined && <span className="min-w-0 text-ink-2 [overflow-wrap:anywhere]">{e.detail}</span>}
                </li>
              ))}
            </ul>
          </section>
        )}
      </div>
    </Panel>
  );
}

function Times({ carried: r }: { carried: Carried }) {
  const at = useSource();
  return (
    <dl className="grid grid-cols-2 gap-x-4 gap-y-2 sm:grid-cols-4">
      <Fact label="First call">{r.acted_at === undefined ? "not yet" : <Moment at={r.acted_at} className="tabular" source={at("/remediation/acted_at")} />}</Fact>
      <Fact label={hasEnded(r.state) ? "Took" : "Going on for"}>{r.started_at === undefined ? noData : <Elapsed from={r.started_at} to={r.ended_at} className="tabular" source={r.ended_at === undefined ? at("/remediation/started_at", "span .") : at(["/remediation/started_at", "/remediation/ended_at"], "span")} />}</Fact>
      <Fact label="Workflow" source={at("/remediation/workflow_id")} className="sm:col-span-2">
        <span className="font-mono text-2xs select-all">{r.workflow_id ?? noData}</span>
      </Fact>
    </dl>
  );
}

/** Which lease it has not got, and who has. */
function WaitsFor({ resource, detail, workflowId }: { resource: string; detail: string | undefined; workflowId: string | undefined }) {
  const { rest } = useVigil();
  const open = useOpenPlace();
  const at = useSource();
  const leases = useQuery({ queryKey: ["leases"], queryFn: () => rest.leases(), refetchInterval: 10_000 });
  const lease = leases.data?.leases.find((l) => l.resource === resource);
  return (
    <div data-testid="waits-for" data-resource={resource} className="flex items-start gap-2.5 rounded-md bg-accent-soft px-3 py-2 text-xs">
      <Hourglass aria-hidden className="mt-0.5 size-3.5 shrink-0 text-accent" />
      <div className="min-w-0 flex-1 space-y-0.5">
        <p {...at("/remediation/waits_for")}>
          Waits for <b className="font-semibold">{resourceWords(resource)}</b>, so that no two actions change it at once.
        </p>
        {lease === undefined ? detail !== undefined && <p {...at("/remediation/detail")} className="text-ink-2 [overflow-wrap:anywhere]">{detail}</p> : <Queue lease={lease} workflowId={workflowId} />}
      </div>
      <button type="button" onClick={() => open({ tab: "leases" })} className="shrink-0 text-accent underline">
        All leases
      </button>
    </div>
  );
}

function Queue({ lease, workflowId }: { lease: LeaseState; workflowId: string | undefined }) {
  const holders = lease.holders ?? [];
  const before = (lease.waiting ?? []).findIndex((h) => h.workflow_id === workflowId);
  return (
    <p className="text-ink-2" {...from(querySource(paths.leases, "/leases"))}>
      {holders.map((h, i) => (
        <span key={h.workflow_id}>
          {i > 0 && ", "}
          <IncidentLink to={h.incident_id} className="text-accent underline">
            {h.incident_id}
          </IncidentLink>{" "}
          {h.state === "unknown" ? "has it, and it is not known what became of its action" : "has it"}
          {h.granted_at !== undefined && (
            <>
              {" "}
              (<Age at={h.granted_at} className="tabular" />)
            </>
          )}
        </span>
      ))}
      {before > 0 && `${holders.length > 0 ? "; " : ""}${before === 1 ? "another waits" : "others wait"} before`}
      {(holders.length > 0 || before > 0) && "."}
    </p>
  );
}

function Standing({ execution: x, ended }: { execution: Located | undefined; ended: boolean }) {
  if (x === undefined) return <p className="text-2xs text-ink-3">{ended ? "was not begun" : "not begun yet"}</p>;
  return <State execution={x} />;
}

function State({ execution: x }: { execution: Located }) {
  const at = useSource();
  const word = executionStateWord(x.state);
  return (
    <div {...at(x.at)} data-testid="execution-state" data-step={x.step} data-undo={isUndo(x)} data-state={x.state} className="space-y-0.5 text-2xs">
      <p className="flex flex-wrap items-center gap-x-2 gap-y-0.5">
        {x.state === "running" && <LoaderCircle aria-hidden className="size-3 animate-spin text-accent" />}
        <Badge tone={word.tone}>{x.refused === true ? "Refused, nothing was sent" : word.text}</Badge>
        {x.detail !== undefined && <span {...at(`${x.at}/detail`)} className="min-w-0 text-xs text-ink-2 [overflow-wrap:anywhere]">{x.detail}</span>}
        <span className="tabular ml-auto text-ink-3">
          <Moment at={x.started_at} source={at(`${x.at}/started_at`)} />
          {x.ended_at !== undefined && (
            <>
              , <Elapsed from={x.started_at} to={x.ended_at} source={at([`${x.at}/started_at`, `${x.at}/ended_at`], "span")} />
            </>
          )}
        </span>
      </p>
      <p {...at([`${x.at}/id`, `${x.at}/client_token`])} className="font-mono text-ink-3 [overflow-wrap:anywhere]">
        {x.id !== undefined && `${x.id} · `}token {x.client_token === "" ? noData : x.client_token}
      </p>
      <div {...at(`${x.at}/provenance`)}>
        <ProvenanceLine of={x.provenance} />
      </div>
    </div>
  );
}

/** Exactly what a dry run would have sent. */
function Rehearsed({ calls }: { calls: readonly Call[] }) {
  const at = useSource();
  return (
    <section aria-label="What would have been sent" data-testid="rehearsed" className="space-y-2 rounded-md border border-dashed border-line-strong p-3">
      <h3 className="text-xs font-semibold">What would have been sent</h3>
      {calls.length === 0 ? (
        <p className="text-xs text-ink-3">The executors named no call.</p>
      ) : (
        <ol className="list-decimal space-y-2 pl-5 marker:text-2xs marker:text-ink-3">
          {calls.map((c, i) => (
            // oxlint-disable-next-line no-array-index-key -- a call is its place in the order
            <li key={i} {...at(`/remediation/calls/${i}`)} className="space-y-1">
              <p className="font-mono text-2xs font-medium">
                {c.service} {c.operation}
              </p>
              <pre className="overflow-x-auto rounded bg-sunken px-2.5 py-1.5 font-mono text-2xs whitespace-pre-wrap [overflow-wrap:anywhere]">{JSON.stringify(c.request, null, 2)}</pre>
            </li>
          ))}
        </ol>
      )}
    </section>
  );
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? "" : "."}`;
}
