/** What happened, what it cost, what was saved, and how sure we are: to be read in a minute, and printed. */
import { Download, Printer } from "lucide-react";
import { useEffect, useState, type ReactNode } from "react";
import { flushSync } from "react-dom";

import { type Bucket, type Span, analyticsPaths, readSummary } from "../../feed/analytics";
import { ConnectionBadge, ConnectionBanner } from "../../parts/connection-badge";
import { DashboardNav, ThemeButton } from "../../parts/dashboard-nav";
import type { BusinessMetrics } from "../../protocol/generated";
import { useVigilState } from "../../store/react";
import { Badge, OriginBadge } from "../../ui/badge";
import { Button, buttonClass } from "../../ui/button";
import { dayTime } from "../../ui/format";
import { NowProvider, useNow } from "../../ui/now";
import { Skeleton } from "../../ui/panel";
import { from, querySource } from "../../ui/source";
import { demoPath, rangePath } from "./addresses";
import { BeforeAfter } from "./before-after";
import { PhaseTimes, TierCosts } from "./breakdowns";
import { lastDayBefore, utcDay } from "./days";
import { DefinitionsProvider } from "./defined";
import { FiguresProvider, useAnswer, useDefinitions, useRefresh } from "./figures";
import { HowSure, PrintedDefinitions } from "./grounds";
import { Headline } from "./headline";
import { LatestIncidents } from "./latest-incidents";
import { OverTime } from "./over-time";
import { PresentDialog } from "./present-dialog";
import "./print.css";
import { type Range, parseRange, rangeText, spanOf, usual, usualBucket } from "./range";
import { RangePicker } from "./range-picker";

interface Props {
  range: string | undefined;
  go: (path: string) => void;
  /** Stops the clock, for pictures and tests. */
  now?: number | undefined;
}

export function ExecutivePage({ range, go, now }: Props) {
  const offsetMs = useVigilState((s) => s.connection.clockOffsetMs);
  useEffect(() => {
    document.title = "Executive view · Vigil";
  }, []);
  return (
    <NowProvider offsetMs={offsetMs} {...(now === undefined ? {} : { fixed: now })}>
      <Page range={parseRange(range)} go={go} />
    </NowProvider>
  );
}

function Page({ range, go }: { range: Range; go: (path: string) => void }) {
  const now = useNow();
  const span = spanOf(range, now);
  const path = analyticsPaths.summary(span);
  const answer = useAnswer(path, readSummary);
  const definitions = useDefinitions();
  const [chosen, setChosen] = useState<Bucket>();
  useRefresh();
  const onRange = (next: Range) => {
    setChosen(undefined);
    go(rangeText(next) === rangeText(usual) ? demoPath : rangePath(rangeText(next)));
  };
  return (
    <>
      <header className="flex min-h-12 flex-wrap items-center gap-x-4 gap-y-1.5 border-b border-line bg-surface px-3 py-1.5 lg:px-4 print:hidden">
        <span className="text-sm font-semibold">Vigil</span>
        <DashboardNav current="demo" go={go} />
        <div className="ml-auto flex items-center gap-3">
          <ConnectionBadge />
          <ThemeButton />
        </div>
      </header>
      <div className="print:hidden">
        <ConnectionBanner />
      </div>
      <main className="mx-auto max-w-[90rem] space-y-4 p-4 lg:p-6 print:max-w-none print:space-y-2 print:p-0">
        <div className="flex flex-wrap items-end justify-between gap-x-6 gap-y-3">
          <div className="space-y-1">
            <h1 className="text-xl font-semibold tracking-tight">Incidents, and what they cost</h1>
            {answer.data !== undefined && <Counted metrics={answer.data} path={path} />}
          </div>
          <div className="flex flex-wrap items-center gap-2 print:hidden">
            <a href={analyticsPaths.csv(span)} download className={buttonClass()} title="All incidents of this range, with their figures, for a spreadsheet">
              <Download aria-hidden className="size-4" />
              CSV
            </a>
            <Button onClick={() => window.print()} disabled={answer.data === undefined}>
              <Printer aria-hidden className="size-4" />
              Print
            </Button>
            <PresentDialog go={go} />
          </div>
        </div>
        <RangePicker range={range} now={now} onRange={onRange} />
        <DefinitionsProvider value={definitions}>
          {answer.data !== undefined ? (
            <FiguresProvider value={{ path, metrics: answer.data }}>
              <Body span={span} metrics={answer.data} bucket={chosen ?? usualBucket(range)} onBucket={setChosen} go={go} />
            </FiguresProvider>
          ) : answer.isError ? (
            <Failed message={answer.error.message} onAgain={() => void answer.refetch()} />
          ) : (
            <Waiting />
          )}
        </DefinitionsProvider>
        <PrintedFrom path={path} />
      </main>
    </>
  );
}

/** Which incidents these are: their days, and where they come from. */
function Counted({ metrics: m, path }: { metrics: BusinessMetrics; path: string }) {
  return (
    <p className="flex flex-wrap items-center gap-2 text-xs text-ink-2">
      <span>
        Opened {m.from === undefined ? "at any time" : <>from <span {...from(querySource(path, "/from"))}>{utcDay(m.from)}</span></>}
        {m.to === undefined ? " until now" : <> to <span {...from(querySource(path, "/to"))}>{lastDayBefore(m.to)}</span></>}
      </span>
      {m.origin === "live" ? <Badge tone="good">live</Badge> : <OriginBadge origin={m.origin} />}
    </p>
  );
}

interface BodyProps {
  span: Span;
  metrics: BusinessMetrics;
  bucket: Bucket;
  onBucket: (bucket: Bucket) => void;
  go: (path: string) => void;
}

function Body({ span, metrics: m, bucket, onBucket, go }: BodyProps) {
  if (m.incidents_open + m.incidents_closed === 0) {
    return (
      <div className="rounded-lg border border-line bg-surface p-8 text-center">
        <p className="text-sm font-semibold">No incident opened in this range</p>
        <p className="mt-1 text-xs text-ink-2">There is nothing to count, and nothing is made up. Choose a longer range, or present a recorded incident.</p>
      </div>
    );
  }
  return (
    <>
      <Headline />
      <div className="grid gap-3 xl:grid-cols-[3fr_2fr] print:grid-cols-1 print:gap-2">
        <div className="grid min-w-0 content-start gap-3 print:gap-2">
          <OverTime span={span} bucket={bucket} onBucket={onBucket} />
          <HowSure />
        </div>
        <div className="grid min-w-0 content-start gap-3 print:block print:columns-2 print:gap-2 print:*:mb-2">
          <BeforeAfter />
          <PhaseTimes />
          <TierCosts />
        </div>
      </div>
      <LatestIncidents span={span} go={go} />
      <PrintedDefinitions />
    </>
  );
}

function Failed({ message, onAgain }: { message: string; onAgain: () => void }) {
  return (
    <div role="alert" className="space-y-2 rounded-lg border border-line bg-surface p-6 text-[13px]">
      <p className="font-semibold">The figures cannot be shown</p>
      <p className="text-ink-2">{message}</p>
      <Button onClick={onAgain}>Ask again</Button>
    </div>
  );
}

function Waiting() {
  return (
    <div role="status" aria-label="Waiting for the figures" className="space-y-3">
      <div className="grid gap-3 sm:grid-cols-2 xl:grid-cols-4">
        {["happened", "took", "cost", "saved"].map((key) => (
          <Skeleton key={key} className="h-52" />
        ))}
      </div>
      <Skeleton className="h-72" />
    </div>
  );
}

/** On paper: when it was printed, and what was asked. */
function PrintedFrom({ path }: { path: string }): ReactNode {
  const [at, setAt] = useState<number>();
  useEffect(() => {
    const before = () => flushSync(() => setAt(Date.now()));
    const after = () => setAt(undefined);
    window.addEventListener("beforeprint", before);
    window.addEventListener("afterprint", after);
    return () => {
      window.removeEventListener("beforeprint", before);
      window.removeEventListener("afterprint", after);
    };
  }, []);
  if (at === undefined) return null;
  return (
    <footer {...from(querySource(path))} className="hidden border-t border-line pt-1.5 text-2xs text-ink-3 [overflow-wrap:anywhere] print:block">
      Vigil, printed {dayTime(at)}. Every figure is a projection over recorded events: {window.location.origin}
      {path}
    </footer>
  );
}
