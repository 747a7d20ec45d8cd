import { clsx } from "clsx";
import { Bot, Check, Cog, Link, ListTree, User } from "lucide-react";
import { useEffect, useMemo, useRef, useState, type MouseEvent, type ReactNode } from "react";

import type { DecodedEvent } from "../../protocol/decoder";
import { OriginBadge } from "../../ui/badge";
import { toneText } from "../../ui/badge";
import { Choices } from "../../ui/choices";
import { Moment } from "../../ui/now";
import { eventSource, from, pageSource } from "../../ui/source";
import { Empty, Panel } from "../../ui/panel";
import { useEventLinks } from "../../parts/event-links";
import { LinkedText, eventPath, useNavigation } from "../../parts/navigation";
import { type Actor, type Line, lineOf } from "../../parts/timeline-words";

const actors: Record<Actor, { icon: ReactNode; text: string; className: string }> = {
  person: { icon: <User aria-hidden className="size-3.5" />, text: "Person", className: "bg-accent text-accent-ink" },
  ai: { icon: <Bot aria-hidden className="size-3.5" />, text: "Model", className: "bg-accent-soft text-accent" },
  system: { icon: <Cog aria-hidden className="size-3.5" />, text: "Vigil", className: "bg-hover text-ink-3" },
};

/** All that happened, newest first. */
export function Timeline({ events }: { events: readonly DecodedEvent[] }) {
  const { shown: asked, known } = useEventLinks();
  // Whoever asks for an event sees it, whether it matters to others or not.
  const [choice, setChoice] = useState({ everything: false, times: 0 });
  const everything = choice.everything || (asked?.times ?? 0) > choice.times;
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
            { value: "all", text: "Everything" },
          ]}
          value={everything ? "all" : "key"}
          onChange={(value) => setChoice({ everything: value === "all", times: asked?.times ?? 0 })}
        />
      }
    >
      {asked !== undefined && !known.has(asked.id) && (
        <p role="status" className="border-b border-line px-3.5 py-2 text-xs text-warn [overflow-wrap:anywhere]" {...from(pageSource("typed"))}>
          The address names the event {asked.id}, which is not in this incident&apos;s timeline.
        </p>
      )}
      {shown.length === 0 ? (
        <Empty>Nothing yet.</Empty>
      ) : (
        <ol className="px-3.5 py-2">
          {shown.map((l) => (
            <Entry key={l.id} line={l} asked={asked?.id === l.id ? asked.times : 0} />
          ))}
        </ol>
      )}
    </Panel>
  );
}

/** asked is how often any event was asked for, when this is the one that was asked for last. */
function Entry({ line: l, asked }: { line: Line; asked: number }) {
  const actor = actors[l.actor];
  const ref = useRef<HTMLLIElement>(null);
  useEffect(() => {
    if (asked === 0) return;
    ref.current?.scrollIntoView({ block: "center", behavior: "smooth" });
    ref.current?.focus({ preventScroll: true });
  }, [asked]);
  return (
    <li ref={ref} tabIndex={-1} {...from(eventSource(l.id, "/data"), l.derive)} data-testid="timeline-entry" data-type={l.type} data-seq={l.event.seq} data-asked={asked > 0} className={clsx("group relative flex gap-2.5 pb-2.5 last:pb-0.5", asked > 0 && "rounded bg-accent-soft")}>
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
          <CopyLink event={l.event} />
          <Moment at={l.at} className="tabular shrink-0 text-2xs text-ink-3" source={from(eventSource(l.id, "/at"))} />
        </p>
        {l.detail !== undefined && l.detail !== "" && <Detail text={l.detail} />}
        {l.actor === "ai" && l.type === "model.called" && <OriginBadge origin={l.event.provenance.origin} />}
      </div>
    </li>
  );
}

/** The way to this event, for whoever it is sent to: copied, and in the address bar. */
function CopyLink({ event: e }: { event: Line["event"] }) {
  const { goTo } = useNavigation();
  const [copied, setCopied] = useState(false);
  const path = eventPath(e.incident_id, e.id);
  const click = (press: MouseEvent) => {
    if (press.button !== 0 || press.metaKey || press.ctrlKey || press.shiftKey || press.altKey) return;
    press.preventDefault();
    goTo?.(path);
    // Pages that came without TLS may not write to the clipboard: the address bar has the link then.
    const writing = navigator.clipboard?.writeText(new URL(path, window.location.href).href);
    void writing?.then(
      () => setCopied(true),
      () => {},
    );
  };
  return (
    <a
      href={path}
      onClick={click}
      onBlur={() => setCopied(false)}
      title="Copy a link to this event"
      className="shrink-0 self-center rounded text-ink-3 opacity-0 group-hover:opacity-100 hover:text-accent focus-visible:opacity-100 pointer-coarse:opacity-100"
    >
      {copied ? <Check aria-hidden className="size-3 text-good" /> : <Link aria-hidden className="size-3" />}
      <span className="sr-only">Copy a link to this event</span>
      <span role="status" className="sr-only">
        {copied && "Copied"}
      </span>
    </a>
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
