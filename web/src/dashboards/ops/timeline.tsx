import { clsx } from "clsx";
import { Bot, Cog, ListTree, User } from "lucide-react";
import { useMemo, useState, type ReactNode } from "react";

import type { DecodedEvent } from "../../protocol/decoder";
import { OriginBadge } from "../../ui/badge";
import { toneText } from "../../ui/badge";
import { Choices } from "../../ui/choices";
import { Moment } from "../../ui/now";
import { Empty, Panel } from "../../ui/panel";
import { LinkedText } from "./navigation";
import { type Actor, type Line, lineOf } from "./timeline-words";

const actors: Record<Actor, { icon: ReactNode; text: string; className: string }> = {
  person: { icon: <User aria-hidden className="size-3.5" />, text: "Person", className: "bg-accent text-accent-ink" },
  ai: { icon: <Bot aria-hidden className="size-3.5" />, text: "Model", className: "bg-accent-soft text-accent" },
  system: { icon: <Cog aria-hidden className="size-3.5" />, text: "Vigil", className: "bg-hover text-ink-3" },
};

/** All that happened, newest first. */
export function Timeline({ events }: { events: readonly DecodedEvent[] }) {
  const [everything, setEverything] = useState(false);
  const lines = useMemo(() => events.map(lineOf).toReversed(), [events]);
  const shown = everything ? lines : lines.filter((l) => l.key);
  return (
    <Panel
      title="Timeline"
      icon={<ListTree className="size-4" />}
      testId="timeline"
      aside={
        <Choices
          label="Detail of the timeline"
          options={[
            { value: "key", text: "What matters" },
            { value: "all", text: `All ${lines.length}` },
          ]}
          value={everything ? "all" : "key"}
          onChange={(value) => setEverything(value === "all")}
        />
      }
    >
      {shown.length === 0 ? (
        <Empty>Nothing yet.</Empty>
      ) : (
        <ol className="px-3.5 py-2">
          {shown.map((l) => (
            <Entry key={l.id} line={l} />
          ))}
        </ol>
      )}
    </Panel>
  );
}

function Entry({ line: l }: { line: Line }) {
  const actor = actors[l.actor];
  return (
    <li data-testid="timeline-entry" data-type={l.type} data-seq={l.event.seq} className="relative flex gap-2.5 pb-2.5 last:pb-0.5">
      <span aria-hidden className="absolute top-6 bottom-0 left-[11px] w-px bg-line" />
      <span title={actor.text} className={clsx("z-10 mt-px grid size-[23px] shrink-0 place-items-center rounded-full", actor.className)}>
        {actor.icon}
        <span className="sr-only">{actor.text}</span>
      </span>
      <div className="min-w-0 flex-1">
        <p className="flex items-baseline gap-2 text-xs">
          <span className={clsx("min-w-0 flex-1 [overflow-wrap:anywhere] whitespace-pre-line", l.tone !== "neutral" && l.tone !== "accent" && `font-medium ${toneText[l.tone]}`)}>
            {l.actor === "person" && l.who !== undefined && !l.text.includes(l.who) && <b className="font-semibold">{l.who}: </b>}
            <LinkedText text={l.text} incident={l.incident} />
          </span>
          <Moment at={l.at} className="tabular shrink-0 text-2xs text-ink-3" />
        </p>
        {l.detail !== undefined && l.detail !== "" && <Detail text={l.detail} />}
        {l.actor === "ai" && l.type === "model.called" && <OriginBadge origin={l.event.provenance.origin} />}
      </div>
    </li>
  );
}

/** How much of a detail is shown at once. */
const brief = 160;

function Detail({ text }: { text: string }) {
  if (text.length <= brief) return <p className="text-2xs text-ink-2 [overflow-wrap:anywhere] whitespace-pre-line">{text}</p>;
  return (
    <details className="text-2xs text-ink-2">
      <summary className="[overflow-wrap:anywhere]">{text.slice(0, brief)}…</summary>
      <p className="mt-1 rounded bg-sunken px-2 py-1 [overflow-wrap:anywhere] whitespace-pre-wrap">{text}</p>
    </details>
  );
}
