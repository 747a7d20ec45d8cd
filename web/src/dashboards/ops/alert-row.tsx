import { Activity, BellOff } from "lucide-react";
import type { ReactNode } from "react";

import type { MemberState } from "../../protocol/generated";
import { Badge, OriginBadge, SeverityMark } from "../../ui/badge";
import { Button } from "../../ui/button";
import { count } from "../../ui/format";
import { Age } from "../../ui/now";
import { from } from "../../ui/source";
import type { Tone } from "../../ui/words";
import { type AlertRow, type KeyGroup, flaps } from "./alerts-model";
import { SilenceLink } from "./places";

/** A word for each, so that it can be told without seeing colours. */
const states: Record<MemberState, { text: string; tone: Tone; icon?: ReactNode }> = {
  firing: { text: "firing", tone: "warn" },
  resolved: { text: "resolved", tone: "good" },
  silenced: { text: "silenced", tone: "neutral", icon: <BellOff aria-hidden className="size-3" /> },
};

interface GroupProps {
  group: KeyGroup;
  /** Where each alert and key is. */
  sources: ReadonlyMap<object, string>;
  /** Why nothing can be silenced now. */
  refusal: string | undefined;
  onSilence: (row: AlertRow) => void;
}

/** The alerts that came with one key, and how the key came to the incident. */
export function AlertGroup({ group: g, sources, refusal, onSilence }: GroupProps) {
  return (
    <section {...from(sources.get(g.known ?? g.rows[0]?.alert ?? g) ?? "")} aria-label={`Alerts of ${g.key}`}>
      <h3 className="flex flex-wrap items-center gap-x-2 gap-y-0.5 border-b border-line bg-sunken px-3.5 py-1 text-2xs">
        <code className="min-w-0 font-mono text-ink-2 [overflow-wrap:anywhere]">{g.key}</code>
        <span className="ml-auto text-ink-3" data-testid="joined-by">
          {g.joinedBy === undefined || g.joinedBy === "" ? "the incident was opened for it" : `joined by: ${g.joinedBy}`}
          {g.known !== undefined && (
            <>
              {", "}
              <Age at={g.known.bound_at} className="tabular" /> ago
              <span className="tabular">
                , {count(g.known.firing)} of {count(g.known.alerts)} firing
              </span>
            </>
          )}
        </span>
      </h3>
      <ul className="divide-y divide-line border-b border-line">
        {g.rows.map((row) => (
          <Row key={row.id} row={row} sources={sources} refusal={refusal} onSilence={onSilence} />
        ))}
      </ul>
    </section>
  );
}

function Row({ row, sources, refusal, onSilence }: { row: AlertRow; sources: ReadonlyMap<object, string>; refusal: string | undefined; onSilence: (row: AlertRow) => void }) {
  const { alert: a } = row;
  const state = states[row.state] ?? { text: row.state, tone: "neutral" };
  const silencedBy = a.silenced_by ?? "";
  const source = sources.get(a) ?? "";
  const heard = sources.get(row.heard ?? a) ?? "";
  return (
    <li {...from(source)} data-testid={`alert-${row.id}`} data-state={row.state} className="px-3.5 py-2 text-xs [content-visibility:auto] [contain-intrinsic-size:auto_3.5rem]">
      <div className="flex flex-wrap items-center gap-x-2 gap-y-0.5">
        {a.severity !== undefined && <SeverityMark severity={a.severity} />}
        <span className="min-w-0 font-medium [overflow-wrap:anywhere]">{a.title}</span>
        <Badge tone={state.tone} icon={state.icon}>
          {state.text}
        </Badge>
        {silencedBy !== "" && (
          <span className="text-2xs text-ink-2">
            by <SilenceLink id={silencedBy} />
          </span>
        )}
        {a.origin !== undefined && <OriginBadge origin={a.origin} />}
        <span className="ml-auto flex items-center gap-2 text-2xs text-ink-3">
          <span className="tabular">
            {a.source}, <Age at={row.heard?.last_at ?? a.received_at} source={from(row.heard?.last_at === undefined ? `${source}/received_at` : `${heard}/last_at`)} /> ago
          </span>
          {row.state === "firing" && (
            <Button kind="ghost" aria-label={`Silence ${a.title}`} title={refusal ?? "Silence alerts like this one"} disabled={refusal !== undefined} onClick={() => onSilence(row)} className="h-6! px-1!">
              <BellOff aria-hidden className="size-3.5" />
            </Button>
          )}
        </span>
      </div>
      {a.description !== undefined && <p className="mt-0.5 text-2xs text-ink-2 [overflow-wrap:anywhere]">{a.description}</p>}
      <Heard row={row} source={heard} />
    </li>
  );
}

/** An alert that comes and goes says more about its rule than about the service. */
function Heard({ row, source }: { row: AlertRow; source: string }) {
  const { heard: h } = row;
  if (h === undefined) return null;
  return (
    <p {...from(`${source}/changes`)} className="mt-0.5 flex flex-wrap items-center gap-x-2 text-2xs text-ink-3" data-testid="heard">
      <span {...from(`${source}/deliveries`)} className="tabular">
        heard {h.deliveries === 1 ? "once" : `${count(h.deliveries)} times`}
        {h.deliveries > 1 && (
          <>
            , first <Age at={h.first_at} source={from(`${source}/first_at`)} /> ago
          </>
        )}
      </span>
      {flaps(row) ? (
        <Badge tone="warn" icon={<Activity aria-hidden className="size-3" />} title="It clears and comes back, again and again">
          flaps: changed {count(h.changes)} times
        </Badge>
      ) : (
        h.changes > 0 && <span className="tabular">changed {h.changes === 1 ? "once" : `${h.changes} times`}</span>
      )}
    </p>
  );
}
