import { clsx } from "clsx";
import { Bot } from "lucide-react";

import type { AgentView } from "../../protocol/generated";
import { Badge } from "../../ui/badge";
import { Meter } from "../../ui/meter";
import { Age } from "../../ui/now";
import { Panel } from "../../ui/panel";
import { ProvenanceLine } from "../../ui/provenance";
import { agentStateWord, capital } from "../../ui/words";

export function AgentsPanel({ agents }: { agents: readonly AgentView[] }) {
  return (
    <Panel title="Agents" icon={<Bot className="size-4" />}>
      <ul className="divide-y divide-line">
        {agents.map((a) => (
          <Agent key={a.agent} agent={a} />
        ))}
      </ul>
    </Panel>
  );
}

function Agent({ agent: a }: { agent: AgentView }) {
  const word = agentStateWord(a.state);
  const working = word.tone === "accent";
  return (
    <li data-testid={`agent-${a.agent}`} data-state={a.state} className={clsx("space-y-1.5 px-3.5", a.state === "idle" ? "py-1.5 text-ink-3" : "py-2.5")}>
      <div className="flex items-center gap-2">
        <span className={clsx("text-xs font-semibold", a.state === "idle" && "text-ink-3")}>{capital(a.agent)}</span>
        <Badge tone={word.tone} icon={working && <span aria-hidden className="pulse-soft size-1.5 rounded-full bg-accent" />}>
          {word.text}
        </Badge>
        <span className="tabular ml-auto text-2xs text-ink-3">
          {a.turn !== undefined && a.turn > 0 && `turn ${a.turn}${a.max_turns === undefined ? "" : ` of ${a.max_turns}`}`}
          {a.updated_at !== undefined && (
            <>
              {a.turn !== undefined && a.turn > 0 && " · "}
              <Age at={a.updated_at} /> ago
            </>
          )}
        </span>
      </div>
      {a.task !== undefined && working && <p className="text-xs text-ink-2">{a.task}</p>}
      {a.key_finding !== undefined && <p className="text-xs [overflow-wrap:anywhere]">{a.key_finding}</p>}
      {a.state !== "idle" && (
        <div className="flex items-center gap-3">
          <Meter value={a.confidence} label={`Confidence of the ${a.agent} agent, computed from its evidence`} absent="no confidence: nothing cited yet" className="max-w-44 flex-1" />
          <span className="tabular text-2xs text-ink-3">{a.evidence_count === 1 ? "1 piece of evidence" : `${a.evidence_count} pieces of evidence`}</span>
        </div>
      )}
      {a.provenance !== undefined && <ProvenanceLine of={a.provenance} />}
    </li>
  );
}
