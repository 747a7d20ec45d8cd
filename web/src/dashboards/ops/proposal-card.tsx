import { Check, FlaskConical, ShieldCheck, ShieldX, Stamp } from "lucide-react";
import { useCallback, useId, useMemo, useState } from "react";

import { actionHash } from "../../protocol/action-hash";
import type { Proposal } from "../../protocol/generated";
import { useVigil, useVigilState } from "../../store/react";
import { Badge } from "../../ui/badge";
import { Button } from "../../ui/button";
import { duration, parseTime, percent } from "../../ui/format";
import { Moment, useNow } from "../../ui/now";
import { Fact, Panel } from "../../ui/panel";
import { from, pageSource } from "../../ui/source";
import { useSource } from "../../ui/sources";
import { blastWord, capital, proposalStateWord, riskTone, sentence } from "../../ui/words";
import { ActionSteps, Precondition } from "../../parts/action-steps";
import { useRefusalNow } from "./permissions";
import { RulingBox } from "../../parts/ruling-box";
import { useVerb } from "./use-verb";

/** An action put before people: exactly what would run, and the decision. */
export function ProposalCard({ incidentId, proposal: p }: { incidentId: string; proposal: Proposal }) {
  const at = useSource();
  const state = proposalStateWord(p.state);
  const pending = p.state === "pending";
  const genuine = useMemo(() => actionHash(p.action) === p.action_hash && p.action.incident_id === incidentId, [p, incidentId]);
  return (
    <Panel
      title="Proposed action"
      icon={<Stamp className="size-4" />}
      urgent={pending}
      testId="proposal"
      aside={
        <span data-testid="proposal-state" data-state={p.state}>
          <Badge tone={state.tone}>{state.text}</Badge>
        </span>
      }
    >
      <div className="space-y-3 p-3.5">
        <div className="space-y-0.5">
          <p {...at(["/proposal/title", "/proposal/action/target"])} className="text-base font-semibold">
            {p.title}: {p.action.target}
          </p>
          <p {...at(["/proposal/proposed_by", "/proposal/reason"])} className="text-xs text-ink-2 [overflow-wrap:anywhere]">
            {p.proposed_by !== undefined && <b className="font-semibold text-ink">Put forward by {p.proposed_by}: </b>}
            {p.reason}
          </p>
          <p {...at("/proposal/effect")} className="text-xs text-ink-2">Expected: {sentence(p.effect)}</p>
        </div>
        {p.dry_run && (
          <p {...at("/proposal/ruling/dry_run_reason")} className="flex items-center gap-2 rounded-md border border-dashed border-line-strong px-2.5 py-1.5 text-xs">
            <FlaskConical aria-hidden className="size-4 shrink-0 text-ink-3" />
            <span>
              <b>Dry run.</b> {sentence(capital(p.ruling.dry_run_reason || "this kind of action is not enabled"))} Approving shows what would run, and runs nothing.
            </span>
          </p>
        )}
        {pending ? (
          <>
            <Facts proposal={p} genuine={genuine} />
            <Decide incidentId={incidentId} proposal={p} genuine={genuine} />
          </>
        ) : (
          <>
            <Outcome proposal={p} />
            <Approvals proposal={p} />
            <details>
              <summary className="text-2xs font-semibold text-ink-3">What was proposed, exactly</summary>
              <div className="mt-2 space-y-3">
                <Facts proposal={p} genuine={genuine} />
              </div>
            </details>
          </>
        )}
      </div>
    </Panel>
  );
}

function Facts({ proposal: p, genuine }: { proposal: Proposal; genuine: boolean }) {
  const at = useSource();
  const { action } = p;
  return (
    <>
      <dl className="grid grid-cols-2 gap-x-4 gap-y-2 sm:grid-cols-4">
        <Fact label="Risk">
          <Badge tone={riskTone(p.risk)}>{p.risk}</Badge>
        </Fact>
        <Fact label="What it can hurt">{blastWord(p.blast_radius)}</Fact>
        <Fact label="Support of the agents" source={at("/proposal/score")}>{percent(p.score)}</Fact>
        <Fact label="Asked of" source={at(["/proposal/asked_of", "/proposal/level"])}>
          {p.asked_of}
          {p.level > 0 && ` (escalated, level ${p.level})`}
        </Fact>
      </dl>
      <div className="space-y-2.5 rounded-md bg-sunken px-3 py-2">
        <p className="flex flex-wrap items-center gap-x-2 text-2xs font-semibold text-ink-3">
          {p.dry_run ? "Exactly this would run, and will not" : "Exactly this would run"}
          <span {...at("/proposal/action_hash")} title={p.action_hash} className="ml-auto inline-flex items-center gap-1 font-mono font-normal" data-testid="action-hash" data-hash={p.action_hash}>
            {genuine ? <ShieldCheck aria-hidden className="size-3.5 text-good" /> : <ShieldX aria-hidden className="size-3.5 text-bad" />}
            {p.action_hash.slice(0, 12)}
            <span className="sr-only">{genuine ? "The hash is that of the action shown" : "The hash is not that of the action shown"}</span>
          </span>
        </p>
        <ActionSteps of={action} pointer="/proposal/action" />
        <Precondition of={action} pointer="/proposal/action" />
        <p {...at(["name", "type", "target", "plan_revision", "catalogue_version"].map((field) => `/proposal/action/${field}`))} className="font-mono text-2xs text-ink-3">
          {action.name} ({action.type}) on {action.target}, plan revision {action.plan_revision}, catalogue {action.catalogue_version}
        </p>
      </div>
      <RulingBox ruling={p.ruling} pointer="/proposal/ruling" />
    </>
  );
}

/** Who has agreed, and how many more have to. */
function Approvals({ proposal: p }: { proposal: Proposal }) {
  const at = useSource();
  const given = p.approvals ?? [];
  const missing = Math.max(0, p.need - given.length);
  if (p.need === 0 && given.length === 0) return null;
  return (
    <div {...at("/proposal/need")} data-testid="approvals" data-have={given.length} data-need={p.need} className="space-y-1 text-xs">
      <p aria-live="polite">
        <b className="font-semibold">
          Approvals: <span {...at("/proposal/approvals", "count .")}>{given.length}</span> of {p.need}
        </b>
        {p.state === "pending" && missing > 0 && <span className="text-ink-2">, {missing === 1 ? "one more person has" : "more people have"} to agree</span>}
      </p>
      {given.length > 0 && (
        <ul className="space-y-0.5">
          {given.map((a, i) => (
            <li key={a.by} {...at(`/proposal/approvals/${i}`)} className="flex items-baseline gap-2">
              <Check aria-hidden className="size-3.5 shrink-0 self-center text-good" />
              <span className="min-w-0 flex-1 [overflow-wrap:anywhere]">
                <b className="font-medium">{a.by}</b>
                {a.comment !== undefined && <span className="text-ink-2">: {a.comment}</span>}
              </span>
              <Moment at={a.at} className="tabular text-2xs text-ink-3" />
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

/** Why the person on screen may not approve; the workflow checks the same again. */
function useApprovalRefusal(p: Proposal): string | undefined {
  const role = useRefusalNow(p.ruling.role ?? "approver");
  const me = useVigilState((s) => s.connection.principal?.name);
  if (role !== undefined) return role;
  if (me !== undefined && p.proposed_by === me) return "You put this forward: somebody else has to approve it";
  if (p.approvals?.some((a) => a.by === me)) return `You have approved it already: ${p.need} different people have to`;
  return undefined;
}

function Decide({ incidentId, proposal: p, genuine }: { incidentId: string; proposal: Proposal; genuine: boolean }) {
  const { rest } = useVigil();
  const at = useSource();
  const [comment, setComment] = useState("");
  const commentId = useId();
  const refusalId = useId();
  const forged = genuine ? undefined : "The hash is not that of the action shown: do not decide on it";
  const toReject = useRefusalNow("approver") ?? forged;
  const toApprove = useApprovalRefusal(p) ?? forged;
  const decide = useVerb(
    useCallback(
      (key: string, decision: "approve" | "reject", text: string) =>
        rest.decide(incidentId, { decision, proposal_id: p.id, action_hash: p.action_hash, comment: text === "" ? undefined : text }, key),
      [rest, incidentId, p.id, p.action_hash],
    ),
  );
  const settled = decide.busy || decide.done;
  const refusal = toReject ?? toApprove;
  return (
    <div className="space-y-2">
      <Approvals proposal={p} />
      <Countdown proposal={p} />
      <label htmlFor={commentId} className="sr-only">
        Comment on the decision
      </label>
      <textarea
        id={commentId}
        rows={1}
        value={comment}
        maxLength={10_000}
        disabled={settled || toReject !== undefined}
        onChange={(e) => setComment(e.target.value)}
        placeholder="Comment (optional, kept with the decision)"
        className="field-sizing-content max-h-32 min-h-8 w-full rounded-md border border-line-strong bg-surface px-2.5 py-1.5 text-xs placeholder:text-ink-3 disabled:opacity-60"
      />
      <div className="flex flex-wrap items-center gap-2">
        <Button
          kind="primary"
          data-action="approve"
          className="min-w-24"
          aria-describedby={refusal === undefined ? undefined : refusalId}
          disabled={settled || toApprove !== undefined}
          onClick={() => void decide.run("approve", comment.trim())}
        >
          {p.dry_run ? "Approve the dry run" : "Approve"}
        </Button>
        <Button kind="danger" className="min-w-24" disabled={settled || toReject !== undefined} onClick={() => void decide.run("reject", comment.trim())}>
          Reject
        </Button>
        {decide.busy && <span className="text-xs text-ink-2">Asking the workflow…</span>}
        {decide.done && (
          <span role="status" className="text-xs text-good">
            Recorded.
          </span>
        )}
        {refusal !== undefined && (
          <span id={refusalId} {...at("/proposal/need")} data-testid="may-not-decide" className="text-xs text-ink-2">
            {refusal}.
          </span>
        )}
      </div>
      {decide.error !== undefined && (
        <p role="alert" {...from(pageSource("answer"))} data-testid="decision-error" className="rounded-md bg-bad-soft px-2.5 py-1.5 text-xs text-bad">
          {decide.error}
        </p>
      )}
    </div>
  );
}

function Countdown({ proposal: p }: { proposal: Proposal }) {
  const now = useNow();
  const at = useSource();
  const deadline = parseTime(p.deadline);
  const asked = parseTime(p.requested_at);
  if (deadline === undefined || asked === undefined) return null;
  const left = deadline - now;
  const share = Math.min(1, Math.max(0, left / Math.max(1, deadline - asked)));
  return (
    <div className="flex items-center gap-2.5" data-testid="countdown">
      <span className="h-1 flex-1 overflow-hidden rounded-full bg-hover" aria-hidden>
        <span className={`block h-full rounded-full ${share < 0.2 ? "bg-bad" : "bg-warn"}`} style={{ width: `${share * 100}%` }} />
      </span>
      <span role="timer" className="tabular text-xs text-ink-2">
        {left > 0 ? <><span {...at("/proposal/deadline", "left .")}>{duration(left)}</span> left, until </> : "past its deadline of "}
        <Moment at={p.deadline} source={at("/proposal/deadline")} />
      </span>
    </div>
  );
}

function Outcome({ proposal: p }: { proposal: Proposal }) {
  const at = useSource();
  return (
    <p {...at(["/proposal/decided_by", "/proposal/comment"])} className="text-xs" data-testid="proposal-outcome">
      <b>{proposalStateWord(p.state).text}</b>
      {p.decided_by !== undefined && ` by ${p.decided_by}`}
      {p.decided_at !== undefined && (
        <>
          {" at "}
          <Moment at={p.decided_at} className="tabular" source={at("/proposal/decided_at")} />
        </>
      )}
      {p.comment !== undefined && <span className="text-ink-2">: {p.comment}</span>}
    </p>
  );
}
