import { LoaderCircle, Play } from "lucide-react";

import type { Action, Execution } from "../../protocol/generated";
import { Badge } from "../../ui/badge";
import { noData } from "../../ui/format";
import { Elapsed, Moment } from "../../ui/now";
import { Fact, Panel } from "../../ui/panel";
import { ProvenanceLine } from "../../ui/provenance";
import { executionStateWord } from "../../ui/words";
import { actionName } from "./proposal-card";

/** An action that was started: from then on it may have happened. */
export function ActionPanel({ action, execution: x }: { action: Action; execution: Execution | undefined }) {
  const state = x === undefined ? undefined : executionStateWord(x.state);
  return (
    <Panel
      title="Action"
      icon={<Play className="size-4" />}
      testId="execution"
      aside={
        state !== undefined && (
          <span data-testid="execution-state" data-state={x?.state} className="inline-flex items-center gap-1.5">
            {x?.state === "running" && <LoaderCircle aria-hidden className="size-3.5 animate-spin text-accent" />}
            <Badge tone={state.tone}>{state.text}</Badge>
          </span>
        )
      }
    >
      <div className="space-y-2 p-3.5">
        <p className="text-[13px] font-medium">
          {actionName(action.type, action.target)}
          {x?.detail !== undefined && <span className="font-normal text-ink-2">: {x.detail}</span>}
        </p>
        {x !== undefined && (
          <>
            <dl className="grid grid-cols-2 gap-x-4 gap-y-2 sm:grid-cols-4">
              <Fact label="Started">
                <Moment at={x.started_at} className="tabular" />
              </Fact>
              <Fact label={x.state === "running" ? "Running for" : "Took"}>
                <Elapsed from={x.started_at} to={x.ended_at} className="tabular" />
              </Fact>
              <Fact label="Execution">
                <span className="font-mono text-2xs">{x.id ?? noData}</span>
              </Fact>
              <Fact label="Client token">
                <span className="font-mono text-2xs">{x.client_token}</span>
              </Fact>
            </dl>
            <ProvenanceLine of={x.provenance} />
          </>
        )}
      </div>
    </Panel>
  );
}
