import { ChartSpline } from "lucide-react";
import { useMemo } from "react";

import type { DecodedEvent } from "../protocol/decoder";
import type { View } from "../protocol/generated";
import { MarkLegend, MetricChart } from "../ui/metric-chart";
import { Panel } from "../ui/panel";
import { useSource } from "../ui/sources";
import { metricWord } from "../ui/words";
import { Cites } from "./citations";
import { implicated, marksOf, measuredAfter } from "./implicated";

/** The measures that the evidence implicates, with the anomaly, the forecast and what was done marked on them. */
export function MetricsPanel({ view: v, events }: { view: View; events: readonly DecodedEvent[] }) {
  const at = useSource();
  const list = useMemo(() => implicated(v).map((x) => ({ ...x, after: measuredAfter(x.series, events) })), [v, events]);
  const marks = useMemo(() => marksOf(v, events, (pointer) => at(pointer)["data-source"] ?? ""), [v, events, at]);
  if (list.length === 0) return null;
  return (
    <Panel title="Measures that the evidence implicates" icon={<ChartSpline className="size-4" />} testId="metrics">
      <div className="space-y-3 p-3.5">
        <MarkLegend marks={marks} />
        <div className="grid gap-x-4 gap-y-4 sm:grid-cols-2">
        {list.map(({ series, pointer, evidence, prediction, after }) => (
          <div key={pointer} className="min-w-0 space-y-1 first:col-span-full">
            <MetricChart
              label={`${metricWord(series.metric)} of ${series.service}`}
              unit={series.unit}
              points={series.points ?? []}
              after={after.points}
              anomaly={series.anomaly}
              forecast={prediction?.forecast ?? []}
              limit={prediction?.limit}
              marks={marks}
              pointer={pointer}
              afterSources={after.sources}
            />
            <Cites ids={[evidence.id]} label="from" />
          </div>
        ))}
        </div>
      </div>
    </Panel>
  );
}
