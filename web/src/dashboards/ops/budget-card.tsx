import { PauseCircle } from "lucide-react";
import { useCallback, useId, useState } from "react";

import type { BudgetRequest } from "../../feed/rest";
import type { BudgetExhausted, View } from "../../protocol/generated";
import { useVigil } from "../../store/react";
import { Button } from "../../ui/button";
import { cost, count, duration, parseTime } from "../../ui/format";
import { useNow } from "../../ui/now";
import { Fact, Panel } from "../../ui/panel";
import { from, pageSource } from "../../ui/source";
import { useSource } from "../../ui/sources";
import { amount, causeWord } from "../../ui/words";
import { useRefusalNow } from "./permissions";
import { useVerb } from "./use-verb";

/** An agent that waits for a person to raise a budget: what is used up, what is known, what can be done. */
export function BudgetCard({ view, paused: p }: { view: View; paused: BudgetExhausted }) {
  const at = useSource();
  return (
    <Panel title="Waiting for budget" icon={<PauseCircle className="size-4" />} urgent testId="budget" source={at("/paused")} aside={<TimeLeft deadline={p.deadline} />}>
      <div className="space-y-3 p-3.5">
        <p className="text-base font-semibold" data-testid="budget-exhausted" data-scope={p.scope} data-which={p.which}>
          The {p.scope === "agent" ? `${p.agent} agent has` : "incident has"} used up its {whichWord(p.which)}: {amount(p.used, p.which)} of {amount(p.cap, p.which)}.
        </p>
        <dl className="grid grid-cols-3 gap-x-4 gap-y-2">
          <Fact label="Turns">{used(p, "turns")}</Fact>
          <Fact label="Tokens">{used(p, "tokens")}</Fact>
          <Fact label="Cost">{used(p, "cost")}</Fact>
        </dl>
        <KnownSoFar view={view} />
        <Raise key={`${p.scope}/${p.agent}/${p.which}`} incidentId={view.incident_id} paused={p} />
      </div>
    </Panel>
  );
}

function TimeLeft({ deadline }: { deadline: string | undefined }) {
  const now = useNow();
  const at = useSource();
  const until = parseTime(deadline);
  if (until === undefined) return <>no deadline</>;
  return <span className="tabular" {...at("/paused/deadline", "left .")}>{until > now ? `goes on without models in ${duration(until - now)}` : "goes on without models now"}</span>;
}

function KnownSoFar({ view: v }: { view: View }) {
  const at = useSource();
  const evidence = v.evidence ?? [];
  const found = evidence.filter((e) => e.found).length;
  const ranking = evidence.findLastIndex((e) => e.kind === "ranking" && e.found);
  const suspect = evidence[ranking]?.suspects?.[0];
  const known = [
    suspect === undefined ? { text: "no suspect by statistics yet" } : { text: `statistics suspect ${suspect.service} (${causeWord(suspect.cause)})`, pointer: `/evidence/${ranking}/suspects/0/service` },
    v.diagnosis === undefined ? { text: "no diagnosis yet" } : { text: v.diagnosis.summary, pointer: "/diagnosis/summary" },
  ];
  return (
    <div>
      <h3 className="mb-0.5 text-2xs font-semibold text-ink-3">Known so far</h3>
      <ul className="list-inside list-disc text-xs text-ink-2 [overflow-wrap:anywhere]">
        <li>
          <span {...at("/evidence", "count . found=true")}>{found}</span> of <span {...at("/evidence", "count .")}>{evidence.length}</span> pieces of evidence found
        </li>
        {known.map((k) => (
          <li key={k.text} {...(k.pointer !== undefined && at(k.pointer))}>{k.text}</li>
        ))}
      </ul>
    </div>
  );
}

/** What the form offers to add. */
const offers: Record<string, string> = { turns: "10", tokens: "100000", cost: "0.50" };

function Raise({ incidentId, paused: p }: { incidentId: string; paused: BudgetExhausted }) {
  const { rest } = useVigil();
  const [add, setAdd] = useState({ turns: "", tokens: "", cost: "", [p.which]: offers[p.which] ?? "" });
  const [comment, setComment] = useState("");
  const commentId = useId();
  const refusal = useRefusalNow("approver");
  const verb = useVerb(useCallback((key: string, request: BudgetRequest) => rest.raiseBudget(incidentId, request, key), [rest, incidentId]));
  const request: BudgetRequest = {
    agent: p.scope === "agent" ? p.agent : undefined,
    turns: whole(add.turns),
    tokens: whole(add.tokens),
    cost_usd: positive(add.cost),
    comment: comment.trim() === "" ? undefined : comment.trim(),
  };
  const raises = p.which === "turns" ? request.turns : p.which === "tokens" ? request.tokens : request.cost_usd;
  const blocked = refusal !== undefined || verb.busy || verb.done;
  const field = (name: "turns" | "tokens" | "cost", label: string, step: string) => (
    <NumberField label={label} value={add[name]} step={step} onChange={(text) => setAdd((before) => ({ ...before, [name]: text }))} />
  );
  return (
    <form
      {...from(pageSource("typed"))}
      aria-label="Raise the budget"
      className="space-y-2.5"
      onSubmit={(e) => {
        e.preventDefault();
        if (!blocked && raises !== undefined) void verb.run(request);
      }}
    >
      <div className="grid grid-cols-3 gap-2">
        {field("turns", "More turns", "1")}
        {field("tokens", "More tokens", "1")}
        {field("cost", "More US dollars", "any")}
      </div>
      <label htmlFor={commentId} className="sr-only">
        Comment on the budget
      </label>
      <input id={commentId} value={comment} maxLength={2_000} placeholder="Comment" onChange={(e) => setComment(e.target.value)} className="h-8 w-full rounded-md border border-line-strong bg-canvas px-2.5 text-xs" />
      <div className="flex flex-wrap items-center gap-2">
        <Button type="submit" kind="primary" disabled={blocked || raises === undefined}>
          Raise and go on
        </Button>
        <Button disabled={blocked} onClick={() => void verb.run({ agent: request.agent, decline: true, comment: request.comment })}>
          Go on without models
        </Button>
        {verb.done && (
          <span role="status" className="text-xs text-good">
            Recorded.
          </span>
        )}
        {refusal !== undefined && <span className="text-2xs text-ink-3">{refusal}</span>}
        {verb.error !== undefined && (
          <span role="alert" {...from(pageSource("answer"))} className="text-xs text-bad">
            {verb.error}
          </span>
        )}
      </div>
    </form>
  );
}

function NumberField({ label, value, step, onChange }: { label: string; value: string; step: string; onChange: (text: string) => void }) {
  const id = useId();
  return (
    <div className="min-w-0 space-y-0.5">
      <label htmlFor={id} className="text-2xs text-ink-2">
        {label}
      </label>
      <input id={id} type="number" min="0" step={step} inputMode="decimal" value={value} placeholder="none" onChange={(e) => onChange(e.target.value)} className="tabular h-8 w-full rounded-md border border-line-strong bg-canvas px-2.5 text-xs" />
    </div>
  );
}

function positive(text: string): number | undefined {
  const n = Number(text);
  return text.trim() !== "" && Number.isFinite(n) && n > 0 ? n : undefined;
}

function whole(text: string): number | undefined {
  const n = positive(text);
  return n === undefined || !Number.isInteger(n) ? undefined : n;
}

function whichWord(which: string): string {
  return which === "cost" ? "money" : which;
}

function used({ used: u, cap }: BudgetExhausted, which: "turns" | "tokens" | "cost"): string {
  const capped = which === "cost" ? cap.cost_usd_micros : cap[which];
  const spent = which === "cost" ? cost(u.cost_usd_micros ?? 0) : count(u[which] ?? 0);
  return capped === undefined || capped === 0 ? `${spent}, no cap` : `${spent} of ${amount(cap, which)}`;
}
