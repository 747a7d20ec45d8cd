/** The four questions, each answered by one figure and what it rests on. */
import { clsx } from "clsx";
import type { ReactNode } from "react";

import { cost, count, duration } from "../../ui/format";
import { money } from "../../ui/money";
import { Defined } from "./defined";
import { Coverage, EstimateBar, EstimateGrounds, EstimateValue, ShareFigure, TrendLine } from "./estimate";
import { useFigures } from "./figures";

export const seconds = (s: number): string => duration(s * 1000);

export function Headline() {
  return (
    <div className="grid gap-3 sm:grid-cols-2 xl:grid-cols-4 print:grid-cols-2 print:gap-2">
      <Happened />
      <Took />
      <Cost />
      <Saved />
    </div>
  );
}

function Happened() {
  const { metrics: m, at } = useFigures();
  return (
    <Card question="What happened">
      <Big label={<Defined name="incidents_handled">{m.incidents_handled === 1 ? "incident handled" : "incidents handled"}</Defined>}>
        <span {...at("/incidents_handled")}>{count(m.incidents_handled)}</span>
      </Big>
      <dl className="space-y-1 text-xs">
        <Row label={<Defined name="incidents_remediated">remediated by Vigil</Defined>}>
          <span {...at("/incidents_remediated")}>{count(m.incidents_remediated)}</span>
        </Row>
        <Row label={<Defined name="incidents_prevented">prevented</Defined>}>
          <span {...at("/incidents_prevented")}>{count(m.incidents_prevented)}</span>
        </Row>
        <Row label={<Defined name="incidents_open">open now</Defined>}>
          <span {...at("/incidents_open")}>{count(m.incidents_open)}</span>
        </Row>
      </dl>
      <p className="text-2xs text-ink-3">Prevented is counted strictly: only where the recorded events prove it.</p>
    </Card>
  );
}

function Took() {
  const { metrics: m } = useFigures();
  const e = m.mttr_seconds;
  return (
    <Card question="How long it took">
      <Big label={<Defined name="mttr_seconds">{e.method === "bca" ? "to resolve an incident (MTTR)" : "to resolve an incident"}</Defined>} small={e.method === "range"}>
        <EstimateValue estimate={e} pointer="/mttr_seconds" show={seconds} />
      </Big>
      <EstimateBar estimate={e} pointer="/mttr_seconds" show={seconds} label="Time to resolve" />
      <EstimateGrounds estimate={e} pointer="/mttr_seconds" show={seconds} />
      <TrendLine trend={e.trend} pointer="/mttr_seconds" better="down" />
      <Coverage estimate={e} pointer="/mttr_seconds" />
      <dl className="space-y-1 border-t border-line pt-2 text-xs">
        <Row label={<Defined name="mttd_seconds">to detect</Defined>}>
          <EstimateValue estimate={m.mttd_seconds} pointer="/mttd_seconds" show={seconds} />
        </Row>
        <Row label={<Defined name="mtta_seconds">to acknowledge</Defined>}>
          <EstimateValue estimate={m.mtta_seconds} pointer="/mtta_seconds" show={seconds} />
        </Row>
      </dl>
    </Card>
  );
}

function Cost() {
  const { metrics: m, at } = useFigures();
  const { downtime, currency } = m;
  const known = downtime !== undefined && currency !== undefined && downtime.n > 0;
  const show = (micros: number) => money(micros, currency ?? "");
  return (
    <Card question="What it cost">
      {known ? (
        <>
          <Big label={<Defined name="downtime">of downtime, by your rates</Defined>}>
            <span {...at("/downtime/total_micros")}>{show(downtime.total_micros)}</span>
          </Big>
          <p className="text-xs text-ink-2">
            Each incident: <EstimateValue estimate={downtime.each_micros} pointer="/downtime/each_micros" show={show} />
          </p>
          <EstimateGrounds estimate={downtime.each_micros} pointer="/downtime/each_micros" show={show} />
          {downtime.unrated > 0 && (
            <p {...at("/downtime/unrated")} className="text-2xs text-ink-3">
              {count(downtime.unrated)} more were resolved of services without a rate: they are not in it.
            </p>
          )}
        </>
      ) : (
        <Unsaid title={downtime === undefined ? "No rates were given" : "No data"}>
          {downtime === undefined ? (
            <>
              What a minute of downtime costs is for you to say. Give the gateway a file of rates with <code className="font-mono whitespace-nowrap">--business-file</code>; deploy/docs/business-figures.md says how.
            </>
          ) : (
            "No incident of a service with a rate was resolved in this range."
          )}
        </Unsaid>
      )}
      <AICost />
    </Card>
  );
}

function AICost() {
  const { metrics: m, at } = useFigures();
  const e = m.ai_cost_usd_micros;
  return (
    <div className="space-y-1 border-t border-line pt-2 text-xs text-ink-2">
      <p>
        <Defined name="ai_cost_total_usd_micros">Models and guardrails</Defined>: <span {...at("")} className="font-semibold text-ink">{cost(m.ai_cost_total_usd_micros, m.ai_calls_unknown_price)}</span>
      </p>
      {e.method !== "none" && (
        <p>
          Each incident: <EstimateValue estimate={e} pointer="/ai_cost_usd_micros" show={cost} />
        </p>
      )}
    </div>
  );
}

function Saved() {
  const { metrics: m, at } = useFigures();
  const { savings, currency, downtime } = m;
  if (savings === undefined || currency === undefined) {
    return (
      <Card question="What was saved">
        <Unsaid title={downtime === undefined ? "No rates, so nothing is said about savings" : "No baseline, so nothing is said about savings"}>
          A saving is a comparison with what incidents took before. State your own baseline, with where you have it from, in the file of <code className="font-mono whitespace-nowrap">--business-file</code>; deploy/docs/business-figures.md says how.
        </Unsaid>
      </Card>
    );
  }
  const show = (micros: number) => money(micros, currency);
  const lost = savings.total_micros < 0;
  return (
    <Card question="What was saved">
      <Big label={<Defined name="savings">{lost ? "more was lost than by your baseline" : "less was lost than by your baseline"}</Defined>} tone={lost ? "warn" : "good"}>
        <span {...at("/savings/total_micros")}>{show(savings.total_micros)}</span>
      </Big>
      <p className="text-xs text-ink-2">
        Each incident: <EstimateValue estimate={savings.each_micros} pointer="/savings/each_micros" show={show} />
      </p>
      <EstimateBar estimate={savings.each_micros} pointer="/savings/each_micros" show={show} label="Saved by incident" />
      <EstimateGrounds estimate={savings.each_micros} pointer="/savings/each_micros" show={show} />
      <Coverage estimate={savings.each_micros} pointer="/savings/each_micros" />
      <p className="text-2xs text-ink-3">What models cost is not taken off.</p>
    </Card>
  );
}

/** How often it went well, and how often nobody had to step in. */
export function Shares() {
  const { metrics: m } = useFigures();
  return (
    <div className="grid gap-x-8 gap-y-5 p-3.5 sm:grid-cols-3">
      <ShareFigure share={m.success} pointer="/success" title={<Defined name="success">Actions that helped</Defined>} of="incidents with an action" />
      <ShareFigure share={m.autonomy} pointer="/autonomy" title={<Defined name="autonomy">Without a person deciding</Defined>} of="incidents remediated" />
      <ShareFigure share={m.diagnosis} pointer="/diagnosis" title={<Defined name="diagnosis">Diagnoses that people confirmed</Defined>} of="causes that people looked back at" />
    </div>
  );
}

function Card({ question, children }: { question: string; children: ReactNode }) {
  return (
    <section aria-label={question} className="min-w-0 space-y-2.5 rounded-lg border border-line bg-surface p-4 break-inside-avoid print:p-3">
      <h2 className="text-xs font-semibold text-ink-2">{question}</h2>
      {children}
    </section>
  );
}

function Big({ label, tone, small = false, children }: { label: ReactNode; tone?: "good" | "warn"; small?: boolean; children: ReactNode }) {
  return (
    <div>
      <p className={clsx("tabular font-semibold tracking-tight", small ? "text-xl" : "text-3xl", tone === "good" && "text-good", tone === "warn" && "text-warn")}>{children}</p>
      <div className="text-xs text-ink-2">{label}</div>
    </div>
  );
}

function Row({ label, children }: { label: ReactNode; children: ReactNode }) {
  return (
    <div className="flex items-baseline justify-between gap-2">
      <dt className="text-ink-2">{label}</dt>
      <dd className="tabular font-semibold">{children}</dd>
    </div>
  );
}

/** A figure that is not there, why, and what to do about it. */
function Unsaid({ title, children }: { title: string; children: ReactNode }) {
  return (
    <div className="space-y-1">
      <p className="text-sm font-semibold text-ink-2">{title}</p>
      <p className="text-xs text-ink-3 [overflow-wrap:anywhere]">{children}</p>
    </div>
  );
}
