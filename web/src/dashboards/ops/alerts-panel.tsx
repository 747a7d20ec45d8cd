import { BellRing } from "lucide-react";

import type { Alert } from "../../protocol/generated";
import { Badge, OriginBadge, SeverityMark } from "../../ui/badge";
import { Age } from "../../ui/now";
import { Empty, Panel } from "../../ui/panel";

export function AlertsPanel({ alerts }: { alerts: readonly Alert[] }) {
  return (
    <Panel title="Alerts" icon={<BellRing className="size-4" />} aside={alerts.length > 0 && <span className="tabular">{alerts.length}</span>}>
      {alerts.length === 0 ? (
        <Empty>No alert belongs to this incident.</Empty>
      ) : (
        <ul className="divide-y divide-line">
          {alerts.map((a) => (
            <li key={a.fingerprint} className="px-3.5 py-2 text-xs">
              <div className="flex flex-wrap items-center gap-x-2 gap-y-0.5">
                {a.severity !== undefined && <SeverityMark severity={a.severity} />}
                <span className="font-medium [overflow-wrap:anywhere]">{a.title}</span>
                <Badge tone={a.status === "resolved" ? "good" : "warn"}>{a.status}</Badge>
                {a.origin !== undefined && <OriginBadge origin={a.origin} />}
                <span className="tabular ml-auto text-2xs text-ink-3">
                  {a.source}, <Age at={a.received_at} /> ago
                </span>
              </div>
              {a.description !== undefined && <p className="mt-0.5 text-2xs text-ink-2 [overflow-wrap:anywhere]">{a.description}</p>}
            </li>
          ))}
        </ul>
      )}
    </Panel>
  );
}
