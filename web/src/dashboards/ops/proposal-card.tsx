import { FlaskConical, ShieldCheck, ShieldX, Stamp } from "lucide-react";
import { useCallback, useId, useMemo, useState, type ReactNode } from "react";

import { actionHash } from "../../protocol/action-hash";
import type { Proposal, Risk } from "../../protocol/generated";
import { useVigil } from "../../store/react";
import { Badge } from "../../ui/badge";
import { Button } from "../../ui/button";
import { duration, parseTime, percent } from "../../ui/format";
import { Moment, useNow } from "../../ui/now";
import { Fact, Panel } from "../../ui/panel";
import { type Tone, capital, proposalStateWord, spaced } from "../../ui/words";
import { useRefusal } from "./permissions";
import { useVerb } from "./use-verb";

const risks: Record<Risk, Tone> = { low: "neutral", medium: "warn", high: "bad", critical: "bad" };

/** An action put before people: exactly what would run, and the decision. */
export function ProposalCard({ incidentId, proposal: p }: { incidentId: string; proposal: Proposal }) {
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
          <p className="text-base font-semibold">
            {p.title}: {p.action.target}
          </p>
          <p className="text-xs text-ink-2 [overflow-wrap:anywhere]">{p.reason}</p>
          <p className="text-xs text-ink-2">Expected: {p.effect}.</p>
        </div>
        {p.dry_run && (
          <p className="flex items-center gap-2 rounded-md border border-dashed border-line-strong px-2.5 py-1.5 text-xs">
            <FlaskConical aria-hidden className="size-4 shrink-0 text-ink-3" />
            <span>
              <b>Dry run.</b> This kind of action is not enabled: approving shows what would run, and runs nothing.
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
  const { action } = p;
  return (
    <>
      <dl className="grid grid-cols-2 gap-x-4 gap-y-2 sm:grid-cols-4">
        <Fact label="Risk">
          <Badge tone={risks[p.risk] ?? "neutral"}>{p.risk}</Badge>
        </Fact>
        <Fact label="Blast radius">{p.blast_radius}</Fact>
        <Fact label="Support of the agents">{percent(p.score)}</Fact>
        <Fact label="Asked of">
          {p.asked_of}
          {p.level > 0 && ` (escalated, level ${p.level})`}
        </Fact>
      </dl>
      <div className="rounded-md bg-sunken px-3 py-2">
        <p className="mb-1.5 flex flex-wrap items-center gap-x-2 text-2xs font-semibold text-ink-3">
          Exactly this would run
          <span title={p.action_hash} className="ml-auto inline-flex items-center gap-1 font-mono font-normal" data-testid="action-hash" data-hash={p.action_hash}>
            {genuine ? <ShieldCheck aria-hidden className="size-3.5 text-good" /> : <ShieldX aria-hidden className="size-3.5 text-bad" />}
            {p.action_hash.slice(0, 12)}
            <span className="sr-only">{genuine ? "The hash is that of the action shown" : "The hash is not that of the action shown"}</span>
          </span>
        </p>
        <dl className="grid grid-cols-[auto_1fr] gap-x-4 gap-y-0.5 font-mono text-2xs">
          <Row label="action">{action.type}</Row>
          <Row label="target">{action.target}</Row>
          <Row label="document">{action.document}</Row>
          {Object.entries(action.arguments ?? {}).map(([name, value]) => (
            <Row key={name} label={`  ${name}`}>
              {value}
            </Row>
          ))}
          {action.precondition !== undefined && <Row label="only if">{action.precondition}</Row>}
          <Row label="plan">
            revision {action.plan_revision}, step {action.step}, catalogue {action.catalogue_version}
          </Row>
        </dl>
      </div>
    </>
  );
}

function Row({ label, children }: { label: string; children: ReactNode }) {
  return (
    <>
      <dt className="whitespace-pre text-ink-3">{label}</dt>
      <dd className="min-w-0 [overflow-wrap:anywhere]">{children}</dd>
    </>
  );
}

function Decide({ incidentId, proposal: p, genuine }: { incidentId: string; proposal: Proposal; genuine: boolean }) {
  const { rest } = useVigil();
  const [comment, setComment] = useState("");
  const commentId = useId();
  const refusal = useRefusal("approver") ?? (genuine ? undefined : "The hash is not that of the action shown: do not decide on it");
  const decide = useVerb(
    useCallback(
      (key: string, decision: "approve" | "reject", text: string) =>
        rest.decide(incidentId, { decision, proposal_id: p.id, action_hash: p.action_hash, comment: text === "" ? undefined : text }, key),
      [rest, incidentId, p.id, p.action_hash],
    ),
  );
  const blocked = refusal !== undefined || decide.busy || decide.done;
  return (
    <div className="space-y-2">
      <Countdown proposal={p} />
      <label htmlFor={commentId} className="sr-only">
        Comment on the decision
      </label>
      <textarea
        id={commentId}
        rows={1}
        value={comment}
        maxLength={10_000}
        disabled={blocked}
        onChange={(e) => setComment(e.target.value)}
        placeholder="Comment (optional, kept with the decision)"
        className="field-sizing-content max-h-32 min-h-8 w-full rounded-md border border-line-strong bg-surface px-2.5 py-1.5 text-xs placeholder:text-ink-3 disabled:opacity-60"
      />
      <div className="flex flex-wrap items-center gap-2">
        <Button kind="primary" data-action="approve" className="min-w-24" disabled={blocked} onClick={() => void decide.run("approve", comment.trim())}>
          Approve
        </Button>
        <Button kind="danger" className="min-w-24" disabled={blocked} onClick={() => void decide.run("reject", comment.trim())}>
          Reject
        </Button>
        {decide.busy && <span className="text-xs text-ink-2">Asking the workflow…</span>}
        {decide.done && <span className="text-xs text-good">Recorded.</span>}
        {refusal !== undefined && <span className="text-xs text-ink-2">{refusal}.</span>}
      </div>
      {decide.error !== undefined && (
        <p role="alert" data-testid="decision-error" className="rounded-md bg-bad-soft px-2.5 py-1.5 text-xs text-bad">
          {decide.error}
        </p>
      )}
    </div>
  );
}

function Countdown({ proposal: p }: { proposal: Proposal }) {
  const now = useNow();
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
        {left > 0 ? `${duration(left)} left, until ` : "past its deadline of "}
        <Moment at={p.deadline} />
      </span>
    </div>
  );
}

function Outcome({ proposal: p }: { proposal: Proposal }) {
  return (
    <p className="text-xs" data-testid="proposal-outcome">
      <b>{proposalStateWord(p.state).text}</b>
      {p.decided_by !== undefined && ` by ${p.decided_by}`}
      {p.decided_at !== undefined && (
        <>
          {" at "}
          <Moment at={p.decided_at} className="tabular" />
        </>
      )}
      {p.comment !== undefined && <span className="text-ink-2">: {p.comment}</span>}
    </p>
  );
}

/** What the action is called, for other parts of the screen. */
export function actionName(type: string, target: string): string {
  return `${capital(spaced(type))} ${target}`;
}
