import { Megaphone } from "lucide-react";

import type { DeliveryView } from "../protocol/generated";
import { Badge, OriginBadge } from "../ui/badge";
import { Moment } from "../ui/now";
import { Empty, Panel } from "../ui/panel";
import { useSource } from "../ui/sources";
import { notificationStateWord, notificationWord } from "../ui/words";

/** Who was told of the incident, over which channel, and whether it got there. */
export function ToldPanel({ deliveries }: { deliveries: readonly DeliveryView[] }) {
  const newest = deliveries.map((delivery, place) => ({ delivery, place })).toReversed();
  const failed = deliveries.some((d) => d.state === "failed" || d.state === "doubtful");
  return (
    <Panel title="Who was told" icon={<Megaphone className="size-4" />} testId="told" aside={failed && <Badge tone="bad">not everything arrived</Badge>}>
      {newest.length === 0 ? (
        <Empty>Nobody yet.</Empty>
      ) : (
        <ul className="divide-y divide-line">
          {newest.map(({ delivery: d, place }) => (
            <Told key={`${d.key}/${d.channel}`} delivery={d} place={place} />
          ))}
        </ul>
      )}
    </Panel>
  );
}

function Told({ delivery: d, place }: { delivery: DeliveryView; place: number }) {
  const at = useSource();
  const word = notificationStateWord(d.state);
  const whom = [d.team, d.to].filter((w) => w !== undefined && w !== "");
  return (
    <li data-testid="told-entry" {...at(`/deliveries/${place}`)} data-state={d.state} data-channel={d.channel} className="space-y-0.5 px-3.5 py-1.5 text-xs">
      <p className="flex flex-wrap items-center gap-x-2 gap-y-0.5">
        <Badge tone={word.tone}>{word.text}</Badge>
        <span className="min-w-0 flex-1 [overflow-wrap:anywhere]">
          <b className="font-medium">{whom.length === 0 ? d.channel : whom.join(": ")}</b>
          {whom.length > 0 && <span className="text-ink-3"> over {d.channel}</span>}
        </span>
        <OriginBadge origin={d.provenance.origin} />
        <Moment at={d.at} className="tabular text-2xs text-ink-3" source={at(`/deliveries/${place}/at`)} />
      </p>
      <p {...at(`/deliveries/${place}/detail`)} className="text-2xs text-ink-2 [overflow-wrap:anywhere]">
        {notificationWord(d.kind)}
        {d.detail !== undefined && d.detail !== "" && <span className={d.state === "failed" ? "text-bad" : "text-ink-3"}>. {d.detail}</span>}
      </p>
    </li>
  );
}
