import { clsx } from "clsx";
import { BookOpen, ChartLine, Database, GitCommitHorizontal, History, ListOrdered, Megaphone, Microscope, Network, ScrollText } from "lucide-react";
import { useEffect, useRef, useState, type ReactNode } from "react";

import type { Evidence, EvidenceKind } from "../../protocol/generated";
import { useVigil } from "../../store/react";
import { Badge } from "../../ui/badge";
import { bytes } from "../../ui/format";
import { Meter } from "../../ui/meter";
import { Empty, Panel } from "../../ui/panel";
import { SourceAt, useSource } from "../../ui/sources";
import { ProvenanceLine } from "../../ui/provenance";
import { useCitations } from "../../parts/citations";
import { EvidenceBody } from "../../parts/evidence-body";

const icons: Record<EvidenceKind, ReactNode> = {
  metric: <ChartLine aria-hidden className="size-4" />,
  log: <ScrollText aria-hidden className="size-4" />,
  change: <GitCommitHorizontal aria-hidden className="size-4" />,
  topology: <Network aria-hidden className="size-4" />,
  events: <Megaphone aria-hidden className="size-4" />,
  database_load: <Database aria-hidden className="size-4" />,
  runbook: <BookOpen aria-hidden className="size-4" />,
  past_incident: <History aria-hidden className="size-4" />,
  ranking: <ListOrdered aria-hidden className="size-4" />,
};

/** How much a piece of evidence must stand out to be shown unfolded. */
const remarkable = 0.5;

interface Props {
  incidentId: string;
  evidence: readonly Evidence[];
  startedAt: number | undefined;
}

export function EvidencePanel({ incidentId, evidence, startedAt }: Props) {
  const at = useSource();
  const found = evidence.filter((e) => e.found).length;
  return (
    <Panel
      title="Evidence"
      icon={<Microscope className="size-4" />}
      testId="evidence"
      aside={evidence.length > 0 && <span><span className="tabular" {...at("/evidence", "count . found=true")}>{found}</span> of <span className="tabular" {...at("/evidence", "count .")}>{evidence.length}</span> found</span>}
    >
      {evidence.length === 0 ? (
        <Empty>Nothing was looked at yet.</Empty>
      ) : (
        <ul className="divide-y divide-line">
          {evidence.map((e, i) => (
            <SourceAt key={e.id} pointer={`/evidence/${i}`}>
              <Item incidentId={incidentId} evidence={e} startedAt={startedAt} />
            </SourceAt>
          ))}
        </ul>
      )}
    </Panel>
  );
}

function Item({ incidentId, evidence: e, startedAt }: { incidentId: string; evidence: Evidence; startedAt: number | undefined }) {
  const at = useSource();
  const { shown } = useCitations();
  const ref = useRef<HTMLLIElement>(null);
  const cited = shown?.id === e.id ? shown.times : 0;
  // What the person did last stands until the evidence is cited again.
  const [chosen, setChosen] = useState<{ open: boolean; cited: number }>();
  const open = chosen?.cited === cited ? chosen.open : cited > 0 || (e.found && e.strength >= remarkable);
  useEffect(() => {
    if (cited === 0) return;
    ref.current?.scrollIntoView({ block: "center", behavior: "smooth" });
    ref.current?.querySelector("summary")?.focus({ preventScroll: true });
  }, [cited]);
  return (
    <li ref={ref} data-testid={`evidence-${e.id}`} className={clsx("scroll-mt-28", cited > 0 && "bg-accent-soft/60")}>
      <details open={open} onToggle={(event) => setChosen({ open: event.currentTarget.open, cited })}>
        <summary className="flex list-none items-center gap-2.5 px-3.5 py-2 hover:bg-hover [&::-webkit-details-marker]:hidden">
          <span className="w-7 shrink-0 rounded bg-hover text-center font-mono text-2xs leading-[18px] font-medium text-ink-2">{e.id}</span>
          <span className="shrink-0 text-ink-3">{icons[e.kind]}</span>
          <span className="min-w-0 flex-1">
            <span {...at("/finding")} className="flex flex-wrap items-baseline gap-x-2">
              <span {...at("/title")} className="text-xs font-medium">{e.title}</span>
              {e.finding !== undefined && <span className="text-xs text-ink-2 [overflow-wrap:anywhere]">{e.finding}</span>}
            </span>
          </span>
          {e.found ? (
            <Meter source={at("/strength")} value={e.strength} label="How far outside of normal, from statistics alone" className="w-24 shrink-0 max-sm:hidden" />
          ) : (
            <Badge tone="warn">not found</Badge>
          )}
        </summary>
        {open && (
          <div className="space-y-2 px-3.5 pt-1 pb-3">
            <EvidenceBody evidence={e} startedAt={startedAt} />
            {e.ref !== undefined && <Whole incidentId={incidentId} evidence={e} />}
            {e.query !== undefined && <p {...at("/query")} className="font-mono text-2xs text-ink-3 [overflow-wrap:anywhere]">{e.query}</p>}
            <div {...at("/provenance")}>
              <ProvenanceLine of={e.provenance} />
            </div>
          </div>
        )}
      </details>
    </li>
  );
}

/** What is shown was shortened: the whole is kept elsewhere. */
function Whole({ incidentId, evidence: e }: { incidentId: string; evidence: Evidence }) {
  const { rest } = useVigil();
  const at = useSource();
  return (
    <p {...at("/bytes")} className="text-2xs text-ink-2" data-testid="shortened">
      This was shortened{e.bytes !== undefined && ` from ${bytes(e.bytes)}`}.{" "}
      <a href={rest.wholeEvidence(incidentId, e.id)} target="_blank" rel="noreferrer" className="text-accent underline underline-offset-2">
        Show the whole of {e.id}
      </a>
    </p>
  );
}
