/** Who told whom what, in the order in which it was said. */
import { clsx } from "clsx";
import { ArrowRight } from "lucide-react";
import { useMemo, useState } from "react";

import { toneText } from "../../ui/badge";
import { Choices } from "../../ui/choices";
import { Select } from "../../ui/field";
import { Moment } from "../../ui/now";
import { Empty } from "../../ui/panel";
import { LongList } from "./long-list";
import { type Message, type MessageKind, type Party, lanesOf, messageKinds, messagesOf, partyName } from "./messages";
import { usePlace, useSource, useSubject } from "./subject";

export function CommunicationView({ scroller }: { scroller: HTMLElement | null }) {
  const { recording } = useSubject();
  const { index, atEnd } = usePlace();
  const all = useMemo(() => messagesOf(recording.events), [recording]);
  const lanes = useMemo(() => lanesOf(all), [all]);
  const [kind, setKind] = useState<MessageKind | "all">("all");
  const [party, setParty] = useState("");
  const until = useMemo(() => all.filter((m) => m.index <= index), [all, index]);
  const shown = useMemo(() => until.filter((m) => (kind === "all" || m.kind === kind) && (party === "" || m.from === party || m.to === party)), [until, kind, party]);
  const present = new Set(all.map((m) => m.kind));
  return (
    <div className="mx-auto max-w-6xl space-y-2.5">
      <div className="flex flex-wrap items-center gap-x-4 gap-y-1.5">
        <Choices label="Which messages" options={[{ value: "all" as MessageKind | "all", text: "All" }, ...messageKinds.filter((k) => present.has(k.kind)).map((k) => ({ value: k.kind as MessageKind | "all", text: k.text }))]} value={kind} onChange={setKind} />
        <Select label="Who speaks or is spoken to" value={party} onChange={setParty} options={[{ value: "", text: "Everybody" }, ...lanes.map((p) => ({ value: p, text: partyName(p) }))]} className="ml-auto w-40" />
      </div>
      <div className="rounded-lg border border-line bg-surface" data-testid="communication">
        <div aria-hidden className="sticky top-9 z-10 hidden rounded-t-lg border-b border-line bg-surface md:grid md:grid-cols-[4.5rem_1fr]">
          <span />
          <span className="grid" style={{ gridTemplateColumns: `repeat(${lanes.length}, minmax(0, 1fr))` }}>
            {lanes.map((p) => (
              <button key={p} type="button" tabIndex={-1} onClick={() => setParty((before) => (before === p ? "" : p))} className={clsx("truncate py-2 text-center text-2xs font-semibold", party === p ? "text-accent underline underline-offset-4" : "text-ink-2 hover:text-ink")}>
                {partyName(p)}
              </button>
            ))}
          </span>
        </div>
        {shown.length === 0 ? (
          <Empty>Nobody has said anything of the kind yet.</Empty>
        ) : (
          <LongList label="Messages" items={shown} keyOf={(m) => m.key} render={(m) => <Row message={m} lanes={lanes} current={m.index === index} />} scroller={scroller} about={52} current={shown.at(-1)?.key} fromTop={atEnd} gap="" />
        )}
      </div>
    </div>
  );
}

function Row({ message: m, lanes, current }: { message: Message; lanes: readonly Party[]; current: boolean }) {
  const { recording, open } = useSubject();
  const source = useSource();
  const event = recording.events[m.index]?.event;
  if (event === undefined) return null;
  const said = ["/data", ...(event.provenance.model === undefined ? [] : ["/provenance/model"])].map((pointer) => recording.sourceOf(event.id, pointer)).join(" ");
  const [a, b] = [(lanes.indexOf(m.from) + 0.5) / lanes.length, (lanes.indexOf(m.to) + 0.5) / lanes.length];
  const [left, right] = [Math.min(a, b), Math.max(a, b)];
  // The words begin where the arrow does, or end there, wherever there is more room.
  const room = left <= 1 - right ? { left: `${left * 100}%`, maxWidth: `${(1 - left) * 100}%` } : { right: `${(1 - right) * 100}%`, maxWidth: `${right * 100}%` };
  return (
    <button
      type="button"
      onClick={() => open(m.index, "reasoning")}
      title={`${m.text}\nShow the step`}
      data-source={said}
      data-testid="message"
      data-kind={m.kind}
      className={clsx("block w-full border-b border-line px-3 py-1.5 text-left hover:bg-hover md:grid md:grid-cols-[4.5rem_1fr] md:px-0 md:py-0", current && "bg-accent-soft")}
    >
      <span className="flex items-baseline gap-2 md:contents">
        <span {...source(event.id, "/at")} className="tabular text-2xs text-ink-3 md:self-center md:pl-3">
          <Moment at={event.at} />
        </span>
        <span className="inline-flex items-center gap-1 text-2xs font-semibold text-ink-2 md:hidden">
          {partyName(m.from)} <ArrowRight aria-label="to" className="size-3" /> {partyName(m.to)}
        </span>
        <span data-source={said} className="relative block min-w-0 max-md:hidden md:h-12">
          <Lanes count={lanes.length} />
          <span className={clsx("absolute top-1.5 truncate px-1.5 text-xs", m.tone !== "neutral" && toneText[m.tone])} style={room}>
            <Text message={m} />
          </span>
          <Arrow from={a} to={b} kind={m.kind} />
        </span>
      </span>
      <span data-source={said} className={clsx("mt-0.5 block text-xs [overflow-wrap:anywhere] md:hidden", m.tone !== "neutral" && toneText[m.tone])}>
        <Text message={m} />
      </span>
    </button>
  );
}

function Text({ message: m }: { message: Message }) {
  return (
    <>
      {m.fromName !== undefined && <b className="font-semibold">{m.fromName}: </b>}
      {m.text}
      {m.toName !== undefined && m.toName !== "" && <span className="text-ink-3"> (to {m.toName})</span>}
    </>
  );
}

function Lanes({ count }: { count: number }) {
  return (
    <span aria-hidden className="absolute inset-0">
      {Array.from({ length: count }, (_, i) => (
        <span key={i} className="absolute inset-y-0 w-px bg-line" style={{ left: `${((i + 0.5) / count) * 100}%` }} />
      ))}
    </span>
  );
}

/** A line with a head, from lane to lane. */
function Arrow({ from, to, kind }: { from: number; to: number; kind: MessageKind }) {
  const forward = to > from;
  const strong = kind === "decision" || kind === "action" || kind === "vote";
  return (
    <span aria-hidden className={clsx("absolute bottom-3 h-0 border-t-2", strong ? "border-accent" : "border-ink-3", kind === "model" || kind === "notice" ? "border-dashed" : "border-solid")} style={{ left: `${Math.min(from, to) * 100}%`, width: `${Math.abs(to - from) * 100}%` }}>
      <span className={clsx("absolute -top-[5px] size-0 border-y-4 border-y-transparent", forward ? "right-0 border-l-[7px]" : "left-0 border-r-[7px]", strong ? (forward ? "border-l-accent" : "border-r-accent") : forward ? "border-l-ink-3" : "border-r-ink-3")} />
      <span className={clsx("absolute -top-[4px] size-1.5 rounded-full", forward ? "-left-[3px]" : "-right-[3px]", strong ? "bg-accent" : "bg-ink-3")} />
    </span>
  );
}
