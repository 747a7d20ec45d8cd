import { Clock4, TriangleAlert } from "lucide-react";

import { useVigil, useVigilState } from "../../store/react";
import { Button } from "../../ui/button";
import { from, pageSource } from "../../ui/source";

/** Notes of this incident that are not with the gateway yet. */
export function PendingNotes({ incidentId }: { incidentId: string }) {
  const { outbox } = useVigil();
  const notes = useVigilState((s) => s.pendingNotes);
  const own = notes.filter((n) => n.incidentId === incidentId);
  if (own.length === 0) return null;
  return (
    <ul aria-label="Notes that are not sent yet" data-testid="pending-notes" className="space-y-1.5" {...from(pageSource("typed"))}>
      {own.map((n) => (
        <li key={n.key} className="flex flex-wrap items-start gap-x-3 gap-y-1 rounded-md border border-dashed border-line-strong bg-surface px-3 py-2 text-xs" data-refused={n.refused !== undefined}>
          {n.refused === undefined ? <Clock4 aria-hidden className="mt-px size-3.5 shrink-0 text-warn" /> : <TriangleAlert aria-hidden className="mt-px size-3.5 shrink-0 text-bad" />}
          <span className="min-w-0 flex-1 basis-48 whitespace-pre-wrap [overflow-wrap:anywhere]">
            <b role="status" className={n.refused === undefined ? "font-semibold text-warn" : "font-semibold text-bad"}>
              {n.refused === undefined ? "Your note will be sent once there is a connection. It is lost when this tab is closed." : `Your note was not taken: ${n.refused}`}
            </b>
            <span className="block">{n.text}</span>
          </span>
          <Button kind="ghost" className="h-6!" onClick={() => outbox.discard(n.key)}>
            Discard
          </Button>
        </li>
      ))}
    </ul>
  );
}
