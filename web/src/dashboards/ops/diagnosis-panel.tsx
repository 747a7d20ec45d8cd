import { clsx } from "clsx";
import { CircleHelp, Search, SearchX, Stethoscope, TrendingUp } from "lucide-react";

import type { Diagnosis, Hypothesis, LookedFor, Prediction } from "../../protocol/generated";
import { Badge } from "../../ui/badge";
import { duration, measure, noData, parseTime, percent, quantity } from "../../ui/format";
import { Meter } from "../../ui/meter";
import { Moment, useNow } from "../../ui/now";
import { Empty, Fact, Panel } from "../../ui/panel";
import { metricWord, spaced } from "../../ui/words";
import { Cites } from "./citations";

export function DiagnosisPanel({ diagnosis: d }: { diagnosis: Diagnosis | undefined }) {
  const probable = d?.verdict === "probable";
  return (
    <Panel
      title="Diagnosis"
      icon={<Stethoscope className="size-4" />}
      testId="diagnosis"
      aside={d !== undefined && <Badge title="How the diagnosis was reached">by {d.method}</Badge>}
    >
      {d === undefined ? (
        <Empty>No diagnosis yet.</Empty>
      ) : (
        <div className="space-y-4 p-3.5">
          <div className="space-y-1.5">
            <div className="flex flex-wrap items-center gap-x-3 gap-y-1">
              <p className="text-base font-semibold">
                {probable ? `Probable: ${spaced(d.cause)}${d.service === undefined ? "" : ` in ${d.service}`}` : "Inconclusive: no cause could be shown"}
              </p>
              {probable && <Meter value={d.confidence} label="Confidence, computed from the evidence cited" className="w-36" />}
            </div>
            <p className="max-w-prose text-[13px] text-ink-2 [overflow-wrap:anywhere]">{d.summary}</p>
            {d.model_confidence !== undefined && (
              <p className="text-2xs text-ink-3">The model rates itself {percent(d.model_confidence)}: shown, never used.</p>
            )}
          </div>
          <Claims claims={d.claims ?? []} />
          <Hypotheses list={d.hypotheses ?? []} />
          <LookedForList list={d.looked_for ?? []} open={!probable} />
        </div>
      )}
    </Panel>
  );
}

function Claims({ claims }: { claims: NonNullable<Diagnosis["claims"]> }) {
  if (claims.length === 0) return null;
  return (
    <div>
      <h3 className="mb-1 text-2xs font-semibold text-ink-3">Claims and their evidence</h3>
      <ul className="space-y-1">
        {claims.map((c) => (
          <li key={c.text} className="flex flex-wrap items-baseline gap-x-2 gap-y-0.5 text-xs">
            <span className={c.supported ? "" : "text-ink-3"}>{c.text}</span>
            <Cites ids={c.cites} />
            {!c.supported && (
              <Badge tone="bad" icon={<CircleHelp aria-hidden className="size-3" />}>
                unsupported: cites nothing that exists
              </Badge>
            )}
          </li>
        ))}
      </ul>
    </div>
  );
}

function Hypotheses({ list }: { list: readonly Hypothesis[] }) {
  if (list.length === 0) return null;
  return (
    <div>
      <h3 className="mb-1 text-2xs font-semibold text-ink-3">Hypotheses</h3>
      <ul className="divide-y divide-line rounded-md border border-line">
        {list.map((h) => (
          <li key={`${h.cause}/${h.service}`} className="flex flex-wrap items-center gap-x-3 gap-y-1 px-2.5 py-1.5 text-xs">
            <Meter value={h.score} label={`Score of ${h.cause}`} className="w-28 shrink-0" />
            <span className="min-w-40 flex-1">
              {spaced(h.cause)}
              {h.service !== undefined && <span className="text-ink-2"> in {h.service}</span>}
            </span>
            <Cites ids={h.supports} label="for" />
            <Cites ids={h.contradicts} label="against" />
          </li>
        ))}
      </ul>
    </div>
  );
}

function LookedForList({ list, open }: { list: readonly LookedFor[]; open: boolean }) {
  if (list.length === 0) return null;
  const found = list.filter((l) => l.found).length;
  return (
    <details open={open} className="group" data-testid="looked-for">
      <summary className="text-2xs font-semibold text-ink-3 marker:text-ink-3">
        Looked for {list.length} things, found {found}
      </summary>
      <ul className="mt-1.5 space-y-1">
        {list.map((l) => (
          <li key={`${l.what}/${l.source}`} className="flex items-center gap-2 text-xs">
            {l.found ? <Search aria-hidden className="size-3.5 shrink-0 text-good" /> : <SearchX aria-hidden className="size-3.5 shrink-0 text-warn" />}
            <span className="min-w-0 [overflow-wrap:anywhere]">
              {l.what} <span className="text-ink-3">in {l.source}</span>
            </span>
            <span className={clsx("text-2xs whitespace-nowrap", l.found ? "text-ink-3" : "text-warn")}>{l.found ? "found" : "not there"}</span>
            <Cites ids={l.evidence_id === undefined ? undefined : [l.evidence_id]} />
          </li>
        ))}
      </ul>
    </details>
  );
}

export function PredictionPanel({ prediction: p }: { prediction: Prediction | undefined }) {
  const now = useNow();
  const breach = parseTime(p?.breach_at);
  return (
    <Panel
      title="If nobody acts"
      icon={<TrendingUp className="size-4" />}
      aside={p !== undefined && <Badge title="How the forecast was put into words; the line itself is statistics">by {p.method}</Badge>}
    >
      {p === undefined ? (
        <Empty>No forecast.</Empty>
      ) : (
        <div className="space-y-2 p-3.5">
          <p className="text-[13px] [overflow-wrap:anywhere]">{p.summary}</p>
          <dl className="grid grid-cols-2 gap-x-4 gap-y-2">
            <Fact label="Measure">{p.metric === undefined ? noData : `${metricWord(p.metric)}${p.service === undefined ? "" : ` of ${p.service}`}`}</Fact>
            <Fact label="Trend">{quantityPerMinute(p)}</Fact>
            <Fact label="Reaches its limit">
              {breach === undefined ? `not within ${duration(p.horizon_s * 1000)}` : <><Moment at={p.breach_at} className="tabular" /> {breach > now ? `(in ${duration(breach - now)})` : "(passed)"}</>}
            </Fact>
            <Fact label="Confidence">
              <Meter value={p.confidence} label="Confidence of the forecast" className="w-28" />
            </Fact>
          </dl>
          <Cites ids={p.cites} label="from" />
        </div>
      )}
    </Panel>
  );
}

function quantityPerMinute(p: Prediction): string {
  const unit = p.metric === "error_rate" ? "share" : undefined;
  const sign = p.per_minute > 0 ? "+" : "";
  return `${sign}${unit === undefined ? quantity(p.per_minute) : measure(p.per_minute, unit)} a minute`;
}
