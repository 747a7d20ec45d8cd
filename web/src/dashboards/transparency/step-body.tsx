/** What a step says besides its title, by the kind of its event. Text of models and of other systems is shown as text. */
import type { ReactNode } from "react";

import type { Evidence, IncidentEvent, Prediction, Proposal } from "../../protocol/generated";
import { Claims } from "../../parts/claims";
import { Cites, useCitations } from "../../parts/citations";
import { EvidenceBody } from "../../parts/evidence-body";
import { type SourceProps, from, step } from "../../ui/source";
import { type At, SourceAt, SourceProvider, useSource } from "../../ui/sources";
import { RulingBox } from "../../parts/ruling-box";
import { Badge } from "../../ui/badge";
import { duration, measure, noData, parseTime, percent, quantity } from "../../ui/format";
import { ForecastChart } from "../../ui/forecast-chart";
import { Meter } from "../../ui/meter";
import { Moment } from "../../ui/now";
import { Fact } from "../../ui/panel";
import { blastWord, executionStateWord, metricWord, remediationMeaning, riskTone, spaced } from "../../ui/words";
import { Checks } from "./checks";
import { DecisionBody } from "./decision-body";
import { DiagnosisBody } from "./diagnosis-body";
import type { Step } from "./steps";
import { useSubject } from "./subject";

export function StepBody({ step: s }: { step: Step }) {
  const { recording } = useSubject();
  if (!s.decoded.readable) return <Body>{s.line.detail !== undefined && <Words>{s.line.detail}</Words>}</Body>;
  const content = bodyOf(s.decoded.event, s, (pointer, derive) => from(recording.sourceOf(s.decoded.event.id, `/data${pointer}`), derive));
  return content === null ? null : (
    <SourceProvider base={recording.sourceOf(s.decoded.event.id, "/data")}>
      <Body>{content}</Body>
    </SourceProvider>
  );
}

function Body({ children }: { children: ReactNode }) {
  return <div className="space-y-2.5 px-3.5 pb-3">{children}</div>;
}

function bodyOf(e: IncidentEvent, s: Step, at: At): ReactNode {
  switch (e.type) {
    case "model.called":
      return (
        <>
          {e.data.problem !== undefined && <p {...at("/problem")} className="text-xs text-bad [overflow-wrap:anywhere]">{e.data.problem}</p>}
          {e.data.tools !== undefined && e.data.tools.length > 0 && <p className="text-xs text-ink-2">It asks for {e.data.tools.map(spaced).join(", ")}.</p>}
          {e.data.text === undefined || e.data.text === "" ? <p className="text-xs text-ink-3">It said nothing besides.</p> : <Said text={e.data.text} source={at("/text")} />}
          <dl className="grid grid-cols-2 gap-x-8 gap-y-1.5 sm:grid-cols-[auto_auto_1fr]">
            <Fact label="Turn" source={at("/turn")}>
              <span className="tabular">{e.data.turn}</span>
            </Fact>
            <Fact label="It stopped because of">{spaced(e.data.stop_reason)}</Fact>
            <Fact label="Prompt sha256" source={at("/prompt_hash")} className="max-sm:col-span-2">
              {e.data.prompt_hash === undefined ? noData : <code className="font-mono text-2xs select-all">{e.data.prompt_hash}</code>}
            </Fact>
          </dl>
        </>
      );
    case "evidence.collected":
      return <EvidenceStep evidence={e.data.evidence} />;
    case "diagnosis.concluded":
      return <DiagnosisBody diagnosis={e.data.diagnosis} />;
    case "prediction.concluded":
      return <PredictionBody prediction={e.data.prediction} />;
    case "decision.made":
      return <DecisionBody decision={e.data.decision} />;
    case "policy.ruled":
      return <RulingBox ruling={e.data.ruling} pointer="/ruling" />;
    case "approval.requested":
      return <ProposalBody proposal={e.data.proposal} />;
    case "action.started":
      return (
        <dl className="grid grid-cols-2 gap-x-6 gap-y-1.5 sm:grid-cols-3">
          <Fact label="Through">{e.data.effect.executor}</Fact>
          <Fact label="Document" source={at("/effect/document")}>{e.data.effect.document}</Fact>
          <Fact label="Token of the call" source={at("/client_token")}>
            <code className="font-mono text-2xs">{e.data.client_token}</code>
          </Fact>
          {Object.entries(e.data.effect.arguments ?? {}).map(([name, value]) => (
            <Fact key={name} label={name} source={at(`/effect/arguments${step(name)}`)}>
              <code className="font-mono text-2xs">{value}</code>
            </Fact>
          ))}
        </dl>
      );
    case "action.finished": {
      const { execution: x } = e.data;
      return (
        <dl className="grid grid-cols-2 gap-x-6 gap-y-1.5 sm:grid-cols-3">
          <Fact label="State">
            <Badge tone={executionStateWord(x.state).tone}>{executionStateWord(x.state).text}</Badge>
          </Fact>
          <Fact label="What the service said" source={at("/execution/detail")}>{x.detail === undefined || x.detail === "" ? noData : x.detail}</Fact>
          <Fact label="Id of the execution" source={at("/execution/id")}>{x.id === undefined ? noData : <code className="font-mono text-2xs">{x.id}</code>}</Fact>
        </dl>
      );
    }
    case "remediation.changed":
      return (
        <>
          <p className="text-xs text-ink-2">{remediationMeaning(e.data.remediation.state)}</p>
          {e.data.remediation.detail !== undefined && <Words>{e.data.remediation.detail}</Words>}
        </>
      );
    case "verification.measured":
      return <Checks verification={e.data.verification} />;
    case "alerts.mentioned":
      return (
        <ul className="space-y-0.5 font-mono text-2xs text-ink-2">
          {(e.data.alerts ?? []).map((a, i) => (
            <li key={a.member} {...at(`/alerts/${i}/member`)}>
              {a.member}: {a.silenced === true ? "silenced" : a.status}
            </li>
          ))}
        </ul>
      );
    case "question.answered":
      return e.data.answer === undefined ? null : (
        <>
          <Claims claims={e.data.answer.claims ?? []} title="Claims and their evidence" pointer="/answer/claims" />
          {e.data.answer.confidence !== undefined && <Meter source={at("/answer/confidence")} value={e.data.answer.confidence} label="Confidence, computed from the evidence cited" className="w-40" />}
        </>
      );
    case "agent.updated":
      return e.data.confidence === undefined ? null : <Meter source={at("/confidence")} value={e.data.confidence} label={`Confidence of the ${e.data.agent} agent, computed from evidence`} className="w-44" />;
    default:
      return s.line.detail === undefined || s.line.detail === "" ? null : <Words>{s.line.detail}</Words>;
  }
}

function Words({ children }: { children: string }) {
  return <p className="max-w-prose text-xs text-ink-2 whitespace-pre-line [overflow-wrap:anywhere]">{children}</p>;
}

/** What a model wrote: laid out where it is JSON. */
function Said({ text, source }: { text: string; source: Partial<SourceProps> }) {
  return (
    <details {...source} open={text.length < 900}>
      <summary className="text-2xs font-semibold text-ink-3">What it said</summary>
      {/* oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- without it a keyboard cannot scroll */}
      <pre tabIndex={0} className="mt-1 max-h-80 overflow-auto rounded-md bg-sunken px-2.5 py-1.5 font-mono text-2xs whitespace-pre-wrap [overflow-wrap:anywhere]">{laidOut(text)}</pre>
    </details>
  );
}

function laidOut(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

function EvidenceStep({ evidence: e }: { evidence: Evidence }) {
  const at = useSource();
  const { recording } = useSubject();
  const { shown } = useCitations();
  const startedAt = parseTime(recording.viewAfter(0)?.started_at);
  return (
    <SourceAt pointer="/evidence">
      <div className="flex flex-wrap items-center gap-x-4 gap-y-1 text-xs">
        <span className="rounded bg-hover px-1.5 font-mono text-2xs leading-[18px] font-medium">{e.id}</span>
        <span className="text-ink-2">
          {spaced(e.kind)} from {e.source}
        </span>
        {e.found ? <Meter source={at("/evidence/strength")} value={e.strength} label="How far outside of normal, from statistics alone" className="w-36" /> : <Badge tone="warn">not found</Badge>}
      </div>
      {e.found ? (
        <details open={shown?.id === e.id}>
          <summary className="text-2xs font-semibold text-ink-3">Look at it</summary>
          <div className="mt-2 space-y-2">
            <EvidenceBody evidence={e} startedAt={startedAt} />
          </div>
        </details>
      ) : (
        <EvidenceBody evidence={e} startedAt={undefined} />
      )}
      {e.query !== undefined && <p {...at("/evidence/query")} className="font-mono text-2xs text-ink-3 [overflow-wrap:anywhere]">{e.query}</p>}
      {e.hash !== undefined && (
        <p {...at("/evidence/hash")} className="text-2xs text-ink-3">
          Content sha256 <code className="font-mono select-all [overflow-wrap:anywhere]">{e.hash}</code>
        </p>
      )}
    </SourceAt>
  );
}

function PredictionBody({ prediction: p }: { prediction: Prediction }) {
  const at = useSource();
  const unit = p.metric === "error_rate" ? "share" : undefined;
  const name = p.metric === undefined ? undefined : `${metricWord(p.metric)}${p.service === undefined ? "" : ` of ${p.service}`}`;
  const breach = parseTime(p.breach_at);
  return (
    <>
      {(p.forecast ?? []).length > 0 && name !== undefined && <ForecastChart measured={[]} forecast={p.forecast ?? []} limit={p.limit} breachAt={breach} unit={unit} label={name} pointer="/prediction" />}
      <dl className="grid grid-cols-2 gap-x-6 gap-y-1.5 sm:grid-cols-4">
        <Fact label="Measure">{name ?? noData}</Fact>
        <Fact label="Change a minute" source={at("/prediction/per_minute")}>{unit === undefined ? quantity(p.per_minute) : measure(p.per_minute, unit)}</Fact>
        <Fact label="Reaches its limit" source={at(["/prediction/breach_at", "/prediction/horizon_s"])}>{breach === undefined ? `not within ${duration(p.horizon_s * 1000)}` : <Moment at={p.breach_at} className="tabular" />}</Fact>
        <Fact label="Confidence">
          <Meter source={at("/prediction/confidence")} value={p.confidence} label="Confidence of the forecast" className="w-28" />
        </Fact>
      </dl>
      <p className="flex flex-wrap items-center gap-2 text-2xs text-ink-3">
        Put into words by {p.method}; the line itself is statistics. <Cites ids={p.cites} label="from" />
      </p>
    </>
  );
}

function ProposalBody({ proposal: p }: { proposal: Proposal }) {
  const at = useSource();
  return (
    <>
      <p {...at("/proposal/reason")} className="max-w-prose text-xs text-ink-2 [overflow-wrap:anywhere]">{p.reason}</p>
      <dl className="grid grid-cols-2 gap-x-6 gap-y-1.5 sm:grid-cols-4">
        <Fact label="Effect" source={at("/proposal/effect")}>{p.effect}</Fact>
        <Fact label="Risk">
          <Badge tone={riskTone(p.risk)}>{p.risk}</Badge>
        </Fact>
        <Fact label="It touches">{blastWord(p.blast_radius)}</Fact>
        <Fact label="Score" source={at("/proposal/score")}>
          <span className="tabular">{percent(p.score)}</span>
        </Fact>
        <Fact label="Asked">{p.asked_of}</Fact>
        <Fact label="Approvals needed" source={at("/proposal/need")}>
          <span className="tabular">{p.need}</span>
        </Fact>
        <Fact label="Until" source={at("/proposal/deadline")}>
          <Moment at={p.deadline} className="tabular" />
        </Fact>
        <Fact label="Hash of the action" source={at("/proposal/action_hash")}>
          <code title={p.action_hash} className="font-mono text-2xs">
            {p.action_hash.slice(0, 12)}
          </code>
        </Fact>
      </dl>
      {p.dry_run && <Badge tone="accent">dry run: nothing would be sent</Badge>}
    </>
  );
}

