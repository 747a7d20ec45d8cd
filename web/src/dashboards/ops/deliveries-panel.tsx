import { useInfiniteQuery } from "@tanstack/react-query";
import { Inbox } from "lucide-react";
import { useMemo } from "react";

import type { Delivery } from "../../feed/rest";
import { useVigil, useVigilState } from "../../store/react";
import { Badge, OriginBadge } from "../../ui/badge";
import { Button } from "../../ui/button";
import { bytes } from "../../ui/format";
import { Age } from "../../ui/now";
import { Empty, Panel, Skeleton } from "../../ui/panel";
import { IncidentLink } from "./navigation";

/** Deliveries that could not be read, with their bytes and the reason; and those that were too large to keep. */
export function DeliveriesPanel() {
  const { rest } = useVigil();
  const health = useVigilState((s) => s.system.health?.data);
  const list = useInfiniteQuery({
    // The count is part of the key: when it changes, the list is read anew.
    queryKey: ["deliveries", "quarantined", health?.inbox_quarantined],
    queryFn: ({ pageParam }) => rest.deliveries("quarantined", pageParam),
    initialPageParam: undefined as number | undefined,
    getNextPageParam: (page) => page.next,
  });
  const deliveries = list.data?.pages.flatMap((p) => p.deliveries) ?? [];
  const lost = health?.deliveries_lost ?? 0;
  return (
    <Panel title="Deliveries set aside" icon={<Inbox className="size-4" />} testId="deliveries" aside={health !== undefined && <span className="tabular">{health.inbox_quarantined}</span>}>
      {lost > 0 && (
        <p className="border-b border-line bg-bad-soft px-3.5 py-2 text-xs text-bad" data-testid="deliveries-lost" data-lost={lost}>
          <b>{lost} {lost === 1 ? "delivery was" : "deliveries were"} refused as too large</b> and not kept. The sender was told (413); nothing of it is here.
        </p>
      )}
      {list.isPending && <Skeleton className="m-3.5 h-10" />}
      {list.isError && (
        <div role="alert" className="flex items-center gap-3 px-3.5 py-3 text-xs text-bad">
          {list.error.message}
          <Button onClick={() => void list.refetch()}>Try again</Button>
        </div>
      )}
      {list.isSuccess && deliveries.length === 0 && <Empty>None: every delivery could be read.</Empty>}
      <ul className="divide-y divide-line">
        {deliveries.map((d) => (
          <Item key={d.id} delivery={d} />
        ))}
      </ul>
      {list.hasNextPage && (
        <div className="p-2 text-center">
          <Button kind="ghost" disabled={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>
            Show older deliveries
          </Button>
        </div>
      )}
    </Panel>
  );
}

function Item({ delivery: d }: { delivery: Delivery }) {
  const text = useMemo(() => bodyText(d.body), [d.body]);
  return (
    <li data-testid={`delivery-${d.id}`} className="px-3.5 py-2 text-xs">
      <div className="flex flex-wrap items-center gap-x-2 gap-y-0.5">
        <span className="font-mono text-2xs text-ink-3">#{d.id}</span>
        <Badge>{d.source}</Badge>
        <OriginBadge origin={d.origin} />
        <span className="min-w-0 flex-1 text-bad [overflow-wrap:anywhere]">{d.reason ?? "no reason was recorded"}</span>
        <span className="tabular text-2xs text-ink-3">
          {bytes(d.body_bytes)}, <Age at={d.received_at} /> ago
        </span>
      </div>
      {d.incident_ids !== undefined && d.incident_ids.length > 0 && (
        <p className="text-2xs">
          {d.incident_ids.map((id) => (
            <IncidentLink key={id} to={id} className="mr-2 text-accent underline">
              {id}
            </IncidentLink>
          ))}
        </p>
      )}
      <details className="mt-1">
        <summary className="text-2xs text-ink-3">
          Bytes as they came ({d.content_type === "" ? "no content type" : d.content_type}){d.truncated && ", the beginning only"}
        </summary>
        <pre className="mt-1 max-h-72 overflow-auto rounded bg-sunken p-2 font-mono text-2xs [overflow-wrap:anywhere] whitespace-pre-wrap">{text}</pre>
      </details>
    </li>
  );
}

/** Bytes as text, whatever they are: what is not UTF-8 shows as replacement characters. */
export function bodyText(base64: string | null): string {
  if (base64 === null) return "";
  try {
    return new TextDecoder().decode(Uint8Array.from(atob(base64), (c) => c.charCodeAt(0)));
  } catch {
    return base64;
  }
}
