import { clsx } from "clsx";
import { Bot, Radio } from "lucide-react";
import { useMemo } from "react";

import type { DecodedEvent } from "../../protocol/decoder";
import type { AgentView, Budget, ModelRouted, View } from "../../protocol/generated";
import { useVigilState } from "../../store/react";
import { speechKey } from "../../store/speech";
import { Badge, OriginBadge } from "../../ui/badge";
import { cost, count } from "../../ui/format";
import { Meter } from "../../ui/meter";
import { Age } from "../../ui/now";
import { Panel } from "../../ui/panel";
import { type SourceProps, eventSource, from, pageSource } from "../../ui/source";
import { useSource } from "../../ui/sources";
import { ProvenanceLine } from "../../ui/provenance";
import { agentStateWord, capital, purposeWord, routeWord } from "../../ui/words";
import { latestRoutes } from "../../parts/routes";

export function AgentsPanel({ view: v, events }: { view: View; events: readonly DecodedEvent[] }) {
  const routes = useMemo(() => latestRoutes(events), [events]);
  return (
    <Panel title="Agents" icon={<Bot className="size-4" />}>
      <ul className="divide-y divide-line">
        {(v.agents ?? []).map((a, i) => (
          <Agent key={a.agent} place={i} incidentId={v.incident_id} agent={a} route={routes.get(a.agent)} budget={capOf(v, a, i)} />
        ))}
      </ul>
    </Panel>
  );
}

/** What is known of an agent's budget: its turns always, the rest once it mattered. */
function capOf(v: View, a: AgentView, place: number): { cap: Budget; pointer: string } {
  const raised = v.agent_budgets?.[a.agent];
  if (raised !== undefined) return { cap: raised, pointer: `/agent_budgets/${a.agent}` };
  if (v.paused?.scope === "agent" && v.paused.agent === a.agent) return { cap: v.paused.cap, pointer: "/paused/cap" };
  return { cap: { turns: a.max_turns }, pointer: `/agents/${place}/max_turns` };
}

function Agent({ incidentId, agent: a, place, route, budget }: { incidentId: string; agent: AgentView; place: number; route: Routed | undefined; budget: ReturnType<typeof capOf> }) {
  const at = useSource();
  const word = agentStateWord(a.state);
  const working = word.tone === "accent";
  return (
    <li data-testid={`agent-${a.agent}`} data-state={a.state} data-model={a.model ?? ""} className={clsx("space-y-1.5 px-3.5", a.state === "idle" ? "py-1.5 text-ink-3" : "py-2.5")}>
      <div className="flex items-center gap-2">
        <span className={clsx("text-xs font-semibold", a.state === "idle" && "text-ink-3")}>{capital(a.agent)}</span>
        <Badge tone={word.tone} icon={working && <span aria-hidden className="pulse-soft size-1.5 rounded-full bg-accent" />}>
          {word.text}
        </Badge>
        <span {...at([`/agents/${place}/turn`, `/agents/${place}/max_turns`])} className="tabular ml-auto text-2xs text-ink-3">
          {a.turn !== undefined && a.turn > 0 && `turn ${a.turn}${a.max_turns === undefined ? "" : ` of ${a.max_turns}`}`}
          {a.updated_at !== undefined && (
            <>
              {a.turn !== undefined && a.turn > 0 && " · "}
              <Age at={a.updated_at} source={at(`/agents/${place}/updated_at`)} /> ago
            </>
          )}
        </span>
      </div>
      {a.task !== undefined && (working || a.state === "waiting") && <p {...at(`/agents/${place}/task`)} className="text-xs text-ink-2">{a.task}</p>}
      <Speaking incidentId={incidentId} agent={a.agent} />
      {a.key_finding !== undefined && <p {...at(`/agents/${place}/key_finding`)} className="text-xs [overflow-wrap:anywhere]">{a.key_finding}</p>}
      {route !== undefined && <Route route={route} />}
      {a.state !== "idle" && (
        <div className="flex items-center gap-3">
          <Meter source={at(`/agents/${place}/confidence`)} value={a.confidence} label={`Confidence of the ${a.agent} agent, computed from its evidence`} absent="no confidence: nothing cited yet" className="max-w-44 flex-1" />
          <span {...at(`/agents/${place}/evidence_count`)} className="tabular text-2xs text-ink-3">{gathered(a.evidence_count)}</span>
        </div>
      )}
      <Used used={a.used} cap={budget.cap} source={at([`/agents/${place}/used`, budget.pointer])} />
      {a.provenance !== undefined && (
        <div {...at(`/agents/${place}/provenance`)}>
          <ProvenanceLine of={a.provenance} />
        </div>
      )}
    </li>
  );
}

type Routed = ModelRouted & { eventId: string };

function Route({ route: r }: { route: Routed }) {
  const word = routeWord(r.reason);
  return (
    <p {...from(eventSource(r.eventId, "/data"))} className="flex flex-wrap items-center gap-x-1.5 gap-y-0.5 text-2xs" data-testid="route" data-reason={r.reason} title={r.detail}>
      <span className={clsx("[overflow-wrap:anywhere]", r.model === undefined && "text-ink-3")}>{r.model ?? "statistics"}</span>
      <span className="text-ink-3">{purposeWord(r.purpose)}</span>
      <Badge tone={word.tone}>{word.text}</Badge>
    </p>
  );
}

function Used({ used: u, cap, source }: { used: Budget; cap: Budget; source: Partial<SourceProps> }) {
  if (u.turns === undefined) return null;
  const parts = [
    of(count(u.turns), cap.turns === undefined ? undefined : count(cap.turns), (cap.turns ?? u.turns) === 1 ? "call" : "calls"),
    of(count(u.tokens ?? 0), cap.tokens === undefined ? undefined : count(cap.tokens), "tokens"),
    of(cost(u.cost_usd_micros ?? 0), cap.cost_usd_micros === undefined ? undefined : cost(cap.cost_usd_micros), ""),
  ];
  return (
    <p {...source} className="tabular text-2xs text-ink-3" data-testid="used">
      used {parts.join(", ")}
    </p>
  );
}

function of(used: string, cap: string | undefined, unit: string): string {
  return `${used}${cap === undefined || cap === "0" ? "" : ` of ${cap}`}${unit === "" ? "" : ` ${unit}`}`;
}

/** How much of what is being said is shown. */
const tail = 1_200;

/** What the agent's model is saying right now. It is text, whatever it looks like, and not finished. */
function Speaking({ incidentId, agent }: { incidentId: string; agent: AgentView["agent"] }) {
  const speech = useVigilState((s) => s.speeches.get(speechKey(incidentId, agent)));
  if (speech === undefined || speech.text === "") return null;
  return (
    <div data-testid={`speaking-${agent}`} {...from(pageSource("speech"))} className="rounded-md border border-dashed border-line-strong bg-sunken px-2.5 py-1.5">
      <p className="mb-0.5 flex items-center gap-1.5 text-2xs text-ink-3">
        <Radio aria-hidden className="pulse-soft size-3 text-accent" />
        unfinished, turn {speech.turn}
        {speech.attempt > 1 && `, attempt ${speech.attempt}`}
        {speech.gaps && ", parts are missing"}
        <OriginBadge origin={speech.origin} />
      </p>
      <p className="max-h-40 overflow-hidden font-mono text-2xs text-ink-2 whitespace-pre-wrap [overflow-wrap:anywhere]">
        {speech.text.length > tail && "…"}
        {speech.text.slice(-tail)}
      </p>
    </div>
  );
}

/** What an agent rests on may have been gathered by another. */
function gathered(pieces: number): string {
  if (pieces === 0) return "gathered nothing itself";
  return pieces === 1 ? "gathered 1 piece of evidence" : `gathered ${pieces} pieces of evidence`;
}
