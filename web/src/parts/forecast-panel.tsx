import { TrendingUp } from "lucide-react";

import type { Evidence, Prediction, Spread } from "../protocol/generated";
import { Badge } from "../ui/badge";
import { duration, measure, noData, parseTime, quantity } from "../ui/format";
import { ForecastChart } from "../ui/forecast-chart";
import { Meter } from "../ui/meter";
import { Moment, useNow } from "../ui/now";
import { Empty, Fact, Panel } from "../ui/panel";
import { useSource } from "../ui/sources";
import { metricWord } from "../ui/words";
import { Attributed } from "./attribution";
import { Cites } from "./citations";

/** Where the measure goes if nobody acts, when it reaches its limit, and what else it will reach. */
export function ForecastPanel({ prediction: p, evidence }: { prediction: Prediction | undefined; evidence: readonly Evidence[] }) {
  return (
    <Panel
      title="If nobody acts"
      icon={<TrendingUp className="size-4" />}
      testId="forecast"
      aside={p !== undefined && <Badge title="How the forecast was put into words; the line itself is statistics">by {p.method}</Badge>}
    >
      {p === undefined ? <Empty>No forecast.</Empty> : <Forecast prediction={p} evidence={evidence} />}
    </Panel>
  );
}

function Forecast({ prediction: p, evidence }: { prediction: Prediction; evidence: readonly Evidence[] }) {
  const now = useNow();
  const at = useSource();
  const breach = parseTime(p.breach_at);
  const found = evidence.flatMap((e, i) => (e.series ?? []).map((series, j) => ({ series, pointer: `/evidence/${i}/series/${j}/points` }))).findLast(({ series: s }) => s.service === p.service && s.metric === p.metric);
  const series = found?.series;
  const unit = series?.unit ?? (p.metric === "error_rate" ? "share" : undefined);
  const forecast = p.forecast ?? [];
  const name = p.metric === undefined ? undefined : `${metricWord(p.metric)}${p.service === undefined ? "" : ` of ${p.service}`}`;
  return (
    <div className="space-y-2.5 p-3.5">
      <p {...at("/prediction/summary")} className="text-[13px] [overflow-wrap:anywhere]">{p.summary}</p>
      {p.method === "model" && <Attributed agent="prediction" is={(e) => e.type === "prediction.concluded"} />}
      {forecast.length > 0 && name !== undefined && (
        <ForecastChart measured={series?.points ?? []} forecast={forecast} limit={p.limit} breachAt={breach} unit={unit} label={name} measuredAt={found?.pointer} pointer="/prediction" />
      )}
      <dl className="grid grid-cols-2 gap-x-4 gap-y-2">
        <Fact label="Measure">{name ?? noData}</Fact>
        <Fact label="Trend" source={at("/prediction/per_minute")}>{`${p.per_minute > 0 ? "+" : ""}${unit === undefined ? quantity(p.per_minute) : measure(p.per_minute, unit)} a minute`}</Fact>
        <Fact source={at(["/prediction/limit", "/prediction/breach_at", "/prediction/horizon_s"])} label={p.limit === undefined ? "Reaches its limit" : `Reaches ${measure(p.limit, unit)}`}>
          <span data-testid="breach" className={breach !== undefined && breach > now ? "font-semibold text-warn" : undefined}>
            {breach === undefined ? `not within ${duration(p.horizon_s * 1000)}` : <><Moment at={p.breach_at} className="tabular" /> {breach > now ? <span {...at("/prediction", "left /breach_at")}>(in {duration(breach - now)})</span> : "(passed)"}</>}
          </span>
        </Fact>
        <Fact label="Confidence">
          <Meter source={at("/prediction/confidence")} value={p.confidence} label="Confidence of the forecast" className="w-28" />
        </Fact>
      </dl>
      <SpreadList list={p.spread ?? []} />
      <Cites ids={p.cites} label="from" />
    </div>
  );
}

function SpreadList({ list }: { list: readonly Spread[] }) {
  const at = useSource();
  if (list.length === 0) return null;
  return (
    <div>
      <h3 className="mb-1 text-2xs font-semibold text-ink-3">Spread to what depends on it</h3>
      <ul className="space-y-1" data-testid="spread">
        {list.map((s, i) => (
          <li key={s.service} {...at(`/prediction/spread/${i}`)} className="flex flex-wrap items-center gap-x-2 gap-y-0.5 text-xs">
            <span className="font-medium">{s.service}</span>
            <span className="text-2xs text-ink-3">{s.hops === 1 ? "calls it" : `${s.hops} calls away`}</span>
            {s.reached ? <Badge tone="bad">reached</Badge> : <Badge>not reached yet</Badge>}
            {parseTime(s.since) !== undefined && (
              <span className="text-2xs text-ink-3">
                since <Moment at={s.since} className="tabular" />
              </span>
            )}
            <Cites ids={s.cites} />
          </li>
        ))}
      </ul>
    </div>
  );
}
