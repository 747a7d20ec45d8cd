import { clsx } from "clsx";
import { CircleSlash, CloudOff, LoaderCircle, Radio } from "lucide-react";
import type { ReactNode } from "react";

import type { Connection, ConnectionState } from "../feed/feed";
import { quality } from "../feed/quality";
import { useVigil, useVigilState } from "../store/react";
import { Button } from "../ui/button";
import { duration } from "../ui/format";
import { Moment, useNow } from "../ui/now";
import { from, pageSource } from "../ui/source";

const words: Record<ConnectionState, { text: string; colour: string; icon: ReactNode }> = {
  connecting: { text: "Connecting", colour: "text-ink-2", icon: <LoaderCircle aria-hidden className="size-3.5 animate-spin" /> },
  live: { text: "Live", colour: "text-good", icon: <Radio aria-hidden className="size-3.5" /> },
  reconnecting: { text: "Reconnecting", colour: "text-warn", icon: <LoaderCircle aria-hidden className="size-3.5 animate-spin" /> },
  offline: { text: "Offline", colour: "text-bad", icon: <CloudOff aria-hidden className="size-3.5" /> },
  refused: { text: "Refused", colour: "text-bad", icon: <CircleSlash aria-hidden className="size-3.5" /> },
};

export function ConnectionBadge() {
  const connection = useVigilState((s) => s.connection);
  const gaps = useVigilState((s) => s.incidents.gaps);
  const unreadable = useVigilState((s) => s.incidents.unreadable);
  const { text, colour, icon } = words[connection.state];
  const word = connection.state === "live" ? quality(connection.rttMs) : undefined;
  const notes = [
    word === undefined ? "round trip not measured yet" : `round trip ${connection.rttMs?.toFixed(1)} ms, as the gateway measures it`,
    `${gaps} gaps found and filled`,
    `${unreadable + connection.malformed} frames that could not be read`,
  ];
  return (
    <span
      data-testid="connection"
      data-state={connection.state}
      title={notes.join("\n")}
      {...from(pageSource("connection"))}
      className={clsx("inline-flex items-center gap-1.5 text-xs font-medium whitespace-nowrap", colour)}
    >
      {icon}
      {text}
      {word !== undefined && (
        <span className="tabular hidden font-normal text-ink-2 2xl:inline">
          {word}
        </span>
      )}
    </span>
  );
}

/** Says that what is on screen may be old, for as long as it may be. */
export function ConnectionBanner() {
  const vigil = useVigil();
  const connection = useVigilState((s) => s.connection);
  if (connection.state === "live") return null;
  if (connection.state === "connecting" && connection.attempts === 0) return null;
  return (
    <div role="status" {...from(pageSource("connection"))} className="flex flex-wrap items-center gap-x-3 gap-y-1 border-b border-line bg-warn-soft px-4 py-1.5 text-xs text-warn">
      <span className="font-semibold">Not live since <Moment at={new Date(connection.since).toISOString()} className="tabular" />.</span>
      <span>
        What you see may be out of date{connection.reason === undefined ? "." : `: ${connection.reason}.`} <NextAttempt connection={connection} />
      </span>
      {connection.state !== "offline" && (
        <Button className="ml-auto h-6!" onClick={() => vigil.reconnect()}>
          Reconnect now
        </Button>
      )}
    </div>
  );
}

function NextAttempt({ connection }: { connection: Connection }) {
  const now = useNow() - connection.clockOffsetMs;
  if (connection.state === "refused") return <>It will not be tried again by itself.</>;
  if (connection.retryAt === undefined) return null;
  const left = connection.retryAt - now;
  return <>{left > 1_000 ? `Next attempt in ${duration(Math.ceil(left / 1000) * 1000)}.` : "Trying now."}</>;
}
