import { useQuery, useQueryClient } from "@tanstack/react-query";
import { CircleHelp, Eraser, KeyRound, Snowflake } from "lucide-react";
import { useCallback, useState } from "react";

import { type Lease, paths } from "../../feed/rest";
import type { Holder } from "../../protocol/generated";
import { useVigil } from "../../store/react";
import { Badge } from "../../ui/badge";
import { TextField } from "../../ui/field";
import { count, parseTime } from "../../ui/format";
import { Age, Moment, useNow } from "../../ui/now";
import { Panel } from "../../ui/panel";
import { from, querySource } from "../../ui/source";
import { capital, holderWord } from "../../ui/words";
import { limitWords, resourceWords } from "../../parts/lease-words";
import { IncidentLink } from "../../parts/navigation";
import { Paged } from "./paged";
import { useRefusalNow } from "./permissions";
import { useVerb } from "./use-verb";
import { VerbDialog } from "./verb-dialog";

/** No event tells of leases. */
const refreshMs = 5_000;

/** Who may act on what now, and who waits for it. */
export function LeasesPanel() {
  const { rest } = useVigil();
  const list = useQuery({ queryKey: ["leases"], queryFn: () => rest.leases(), refetchInterval: refreshMs });
  const leases = (list.data?.leases ?? []).map((lease, place) => ({ lease, place })).toSorted((a, b) => urgency(b.lease) - urgency(a.lease) || a.lease.resource.localeCompare(b.lease.resource));
  return (
    <Panel title="Leases" icon={<KeyRound className="size-4" />} testId="leases">
      <p className="border-b border-line px-3.5 py-1.5 text-2xs text-ink-3">An action takes the lease of its service and of its account before it changes anything, so that no two get in each other's way.</p>
      <Paged list={list} shown={leases.length} empty="Nothing has been acted on yet.">
        <ul className="divide-y divide-line">
          {leases.map(({ lease, place }) => (
            <LeaseItem key={lease.resource} lease={lease} place={place} />
          ))}
        </ul>
        {list.data?.more === true && <p className="border-t border-line px-3.5 py-2 text-xs text-ink-3">There are more; these are the latest.</p>}
      </Paged>
    </Panel>
  );
}

/** What needs a person first, then what is waited for, then what is held. */
function urgency(l: Lease): number {
  if (l.error !== undefined && l.error !== "") return 4;
  if (l.holders?.some((h) => h.state === "unknown")) return 3;
  if ((l.waiting?.length ?? 0) > 0) return 2;
  return (l.holders?.length ?? 0) > 0 ? 1 : 0;
}

function LeaseItem({ lease: l, place }: { lease: Lease; place: number }) {
  const source = from(querySource(paths.leases, `/leases/${place}`));
  const now = useNow();
  if (l.error !== undefined && l.error !== "") {
    return (
      <li {...source} data-testid={`lease-${l.resource}`} className="px-3.5 py-2.5 text-xs">
        <b className="font-semibold">{named(l)}</b>: <span className="text-bad [overflow-wrap:anywhere]">how it stands could not be asked: {l.error}</span>
      </li>
    );
  }
  const holders = l.holders ?? [];
  const waiting = l.waiting ?? [];
  const frozen = (l.frozen ?? []).find((f) => (parseTime(f.from) ?? Infinity) <= now && now < (parseTime(f.to) ?? 0));
  return (
    <li {...source} data-testid={`lease-${l.resource}`} className="space-y-1.5 px-3.5 py-2.5 text-xs">
      <p className="flex flex-wrap items-center gap-x-2 gap-y-0.5">
        <b className="font-semibold">{named(l)}</b>
        <span className="text-2xs text-ink-3">{limitWords(l.limits)}</span>
        {frozen !== undefined && (
          <Badge tone="warn" icon={<Snowflake aria-hidden className="size-3" />}>
            frozen: {frozen.name}
          </Badge>
        )}
        <span className="tabular ml-auto text-2xs text-ink-3">
          given {count(l.granted)}, back {count(l.released)}
        </span>
      </p>
      {frozen !== undefined && (
        <p className="text-2xs text-ink-2">
          Nothing is given until <Moment at={frozen.to} />.
        </p>
      )}
      {holders.length === 0 && waiting.length === 0 && <p className="text-ink-3">Free.</p>}
      {holders.length > 0 && (
        <ul className="space-y-1" aria-label={`Holders of ${l.resource}`}>
          {holders.map((h) => (
            <Held key={h.workflow_id} resource={l.resource} holder={h} />
          ))}
        </ul>
      )}
      {waiting.length > 0 && (
        <ol className="list-decimal space-y-0.5 pl-5 marker:text-2xs marker:text-ink-3" aria-label={`Waiting for ${l.resource}, first come first`}>
          {waiting.map((h) => (
            <li key={h.workflow_id} data-testid="lease-waiting" className="text-ink-2">
              <span className="flex items-baseline gap-2"><Whose holder={h} />
              <span className="tabular ml-auto shrink-0 text-2xs text-ink-3">
                waits <Age at={h.asked_at} />
              </span>
              </span>
            </li>
          ))}
        </ol>
      )}
    </li>
  );
}

function named(l: Lease): string {
  return capital(resourceWords(l.resource).replace(/^the /, ""));
}

function Held({ resource, holder: h }: { resource: string; holder: Holder }) {
  const unknown = h.state === "unknown";
  const word = holderWord(h.state);
  return (
    <li data-testid="lease-holder" data-state={h.state} className={unknown ? "space-y-1 rounded-md border border-bad bg-bad-soft px-2.5 py-1.5" : "px-2.5"}>
      <p className="flex flex-wrap items-center gap-x-2 gap-y-0.5">
        <Badge tone={word.tone} icon={unknown ? <CircleHelp aria-hidden className="size-3" /> : undefined}>
          {word.text}
        </Badge>
        <Whose holder={h} />
        <span className="tabular ml-auto text-2xs text-ink-3">
          for <Age at={h.granted_at} />
        </span>
      </p>
      {unknown && (
        <div className="flex flex-wrap items-end gap-2">
          <p className="min-w-0 flex-1 basis-64 text-bad [overflow-wrap:anywhere]">
            It closed without saying what became of its action. It keeps the lease until that is read back, or until somebody who has looked clears it.
            {h.detail !== undefined && ` ${capital(h.detail)}.`}
          </p>
          <ClearDialog resource={resource} holder={h} />
        </div>
      )}
    </li>
  );
}

function Whose({ holder: h }: { holder: Holder }) {
  return (
    <span className="min-w-0 [overflow-wrap:anywhere]">
      <IncidentLink to={h.incident_id} className="text-accent underline">
        {h.incident_id}
      </IncidentLink>{" "}
      <span className="text-ink-2">
        {h.action.name} on {h.action.target}
      </span>
    </span>
  );
}

function ClearDialog({ resource, holder: h }: { resource: string; holder: Holder }) {
  const { rest } = useVigil();
  const queries = useQueryClient();
  const refusal = useRefusalNow("admin");
  const [reason, setReason] = useState("");
  const verb = useVerb(
    useCallback(
      async (key: string, why: string) => {
        await rest.clearLease(resource, h.workflow_id, why, key);
        await queries.invalidateQueries({ queryKey: ["leases"] });
      },
      [rest, queries, resource, h.workflow_id],
    ),
  );
  return (
    <VerbDialog
      trigger="Clear"
      triggerLabel={`Clear the lease of ${h.incident_id}`}
      triggerTestId="lease-clear"
      icon={<Eraser aria-hidden className="size-3.5" />}
      title={`Clear the lease of ${resourceWords(resource)}`}
      submit="It is sound, clear it"
      kind="danger"
      refusal={refusal}
      ready={reason.trim() !== ""}
      verb={verb}
      run={() => verb.run(reason.trim())}
      onDone={() => setReason("")}
    >
      <p className="text-xs text-ink-2 [overflow-wrap:anywhere]" {...from(querySource(paths.leases, "/leases"))}>
        You say that you have looked at {h.action.target} and know what became of {h.action.name}, of incident {h.incident_id}. Whoever waits acts on it next. What you write is kept.
      </p>
      <TextField label="What you found" value={reason} onChange={setReason} rows={3} />
    </VerbDialog>
  );
}
