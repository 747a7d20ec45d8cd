import { FlaskConical, Hand, SearchCheck } from "lucide-react";

import type { View } from "../../protocol/generated";
import { Badge, OriginBadge, SeverityLabel, StatusBadge } from "../../ui/badge";
import { cost, count, noData } from "../../ui/format";
import { Age, Elapsed, Moment } from "../../ui/now";
import { Fact } from "../../ui/panel";
import { useSource } from "../../ui/sources";
import { causeWord, handoverWord, outcomeWord } from "../../ui/words";
import { HumanVerbs } from "./human-verbs";
import { isOver } from "./list-model";
import { MovesLine, partOf } from "./moves-line";
import { LinkedText, PageLink, explainPath } from "../../parts/navigation";
import { useControls } from "./use-controls";

export function IncidentHeader({ view: v }: { view: View }) {
  const at = useSource();
  const over = isOver(v);
  const began = v.started_at === undefined ? "/opened_at" : "/started_at";
  return (
    <header className="space-y-3">
      <div className="flex flex-wrap items-start gap-x-4 gap-y-2">
        <div className="min-w-0 flex-1 basis-80">
          <div className="mb-1 flex flex-wrap items-center gap-2">
            <SeverityLabel severity={v.severity} />
            <StatusBadge of={v} />
            <OriginBadge origin={v.origin} />
            {!over && <DryRunBadge view={v} />}
            <span {...at("/incident_id")} className="font-mono text-2xs text-ink-3 select-all">{v.incident_id}</span>
            <PageLink to={explainPath(v.incident_id)} className="inline-flex items-center gap-1 text-2xs font-medium text-accent underline underline-offset-2">
              <SearchCheck aria-hidden className="size-3.5" />
              Explain
            </PageLink>
          </div>
          <h1 {...at("/title")} className="text-xl leading-tight font-semibold [overflow-wrap:anywhere]">{v.title}</h1>
          {v.description !== undefined && <p {...at("/description")} className="mt-1 max-w-prose text-xs text-ink-2 [overflow-wrap:anywhere]">{v.description}</p>}
        </div>
        <HumanVerbs view={v} />
      </div>
      {v.needs_human && (
        <div className="flex items-start gap-2.5 rounded-lg bg-warn-soft px-3.5 py-2.5 text-[13px] text-warn" data-testid="needs-human" data-handover={v.handover}>
          <Hand aria-hidden className="mt-0.5 size-4 shrink-0" />
          <p>
            <b>{v.handover === undefined ? "A person has to decide" : handoverWord(v.handover)}.</b>{" "}
            {v.status_reason !== undefined && <span {...at("/status_reason")} className="[overflow-wrap:anywhere]">{v.status_reason}</span>}
          </p>
        </div>
      )}
      {over && (
        <p className="text-[13px]" data-testid="outcome" data-outcome={v.outcome}>
          <b>{v.outcome === undefined ? "Over" : outcomeWord(v.outcome)}.</b> {v.status_reason !== undefined && (
            <span {...at("/status_reason")} className="text-ink-2">
              <LinkedText text={v.status_reason} incident={partOf(v)} />
            </span>
          )}
        </p>
      )}
      <MovesLine view={v} />
      <dl className="grid grid-cols-2 gap-x-6 gap-y-2 sm:grid-cols-3 lg:grid-cols-6">
        <Fact label="Service" source={at("/service")}>{v.service === "" ? noData : v.service}</Fact>
        <Fact label="Cause" source={at("/cause_service")}>{causeOf(v)}</Fact>
        <Fact label={over ? "Lasted" : "Going on for"}>
          <Elapsed from={v.started_at ?? v.opened_at} to={over ? v.closed_at : undefined} className="tabular" source={over ? at([began, "/closed_at"], "span") : at(began, "span .")} />
          <span className="text-ink-3">
            {" since "}
            <Moment at={v.started_at ?? v.opened_at} className="tabular" source={at(began)} />
          </span>
        </Fact>
        <Fact label="Acknowledged" source={at(["/acknowledged_by", "/acknowledged_at"])}>
          {v.acknowledged_by === undefined ? (
            "by nobody yet"
          ) : (
            <>
              {v.acknowledged_by}, <Age at={v.acknowledged_at} className="tabular" /> ago
            </>
          )}
        </Fact>
        <Fact label="Alerts" source={at(["/alerts_firing", "/alerts_total", "/source"])}>
          <span className="tabular">{v.alerts_total === 0 ? `none, from ${v.source}` : `${v.alerts_firing} firing of ${v.alerts_total}, from ${v.source}`}</span>
        </Fact>
        <Fact label="Models" source={at("/cost")}>
          <span className="tabular">
            {v.cost.model_calls === 0
              ? "no calls"
              : `${v.cost.model_calls === 1 ? "1 call" : `${v.cost.model_calls} calls`}, ${count(v.cost.input_tokens)} tokens in, ${count(v.cost.output_tokens)} out, ${cost(v.cost.cost_usd_micros, v.cost.unknown_priced_calls)}`}
            {v.cost.repeated_calls > 0 && (
              <span className="text-warn">
                {" "}
                ({v.cost.repeated_calls} repeated, {cost(v.cost.repeated_cost_usd_micros)} of it)
              </span>
            )}
          </span>
        </Fact>
      </dl>
    </header>
  );
}

/** Says that nothing of this incident would run, and why. */
function DryRunBadge({ view: v }: { view: View }) {
  const controls = useControls();
  const why = [
    controls?.dry_run === true && "everything is in dry run",
    controls?.dry_run_services?.includes(v.service) === true && `${v.service} is in dry run`,
    controls?.dry_run_incidents?.includes(v.incident_id) === true && "this incident is in dry run",
  ].find((text) => text !== false);
  if (why === undefined) return null;
  return (
    <span data-testid="dry-run">
      <Badge tone="accent" title={`Actions are shown, not run: ${why}`} icon={<FlaskConical aria-hidden className="size-3" />}>
        dry run
      </Badge>
    </span>
  );
}

function causeOf(v: View): string {
  if (v.verdict === undefined) return "not known yet";
  if (v.verdict === "inconclusive") return "inconclusive";
  if (v.verdict === "healthy") return "healthy: nothing is wrong now";
  return `probably ${causeWord(v.cause ?? "unknown")}${v.cause_service === undefined ? "" : ` in ${v.cause_service}`}`;
}
