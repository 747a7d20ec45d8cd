import { useQuery, useQueryClient } from "@tanstack/react-query";
import { clsx } from "clsx";
import { Check, CircleAlert, LoaderCircle, RotateCcw, Trash2 } from "lucide-react";
import { useCallback, useMemo, useState, type ReactNode } from "react";

import { type Delivery, paths } from "../../feed/rest";
import { useVigil } from "../../store/react";
import { Badge, OriginBadge } from "../../ui/badge";
import { Button } from "../../ui/button";
import { TextField } from "../../ui/field";
import { bytes } from "../../ui/format";
import { Age } from "../../ui/now";
import { from, querySource } from "../../ui/source";
import { IncidentLink } from "../../parts/navigation";
import { useRefusalNow } from "./permissions";
import { useVerb } from "./use-verb";
import { VerbDialog } from "./verb-dialog";

interface Props {
  delivery: Delivery;
  /** What was done with it here, if anything: then it is said what became of it. */
  done?: "retried" | "discarded";
  onDone: (delivery: Delivery, done: "retried" | "discarded") => void;
  onReason: (reason: string) => void;
}

export function DeliveryItem({ delivery, done, onDone, onReason }: Props) {
  const fresh = useFate(delivery, done !== undefined);
  const d = fresh.delivery;
  const { rest } = useVigil();
  const text = useMemo(() => bodyText(d.body), [d.body]);
  return (
    <li {...from(querySource(paths.delivery(d.id)))} data-testid={`delivery-${d.id}`} data-state={d.state} className="space-y-1 px-3.5 py-2 text-xs">
      <div className="flex flex-wrap items-center gap-x-2 gap-y-1">
        <span className="font-mono text-2xs text-ink-3">#{d.id}</span>
        <Badge>{d.source}</Badge>
        <OriginBadge origin={d.origin} />
        <span className="tabular ml-auto text-2xs text-ink-3">
          {bytes(d.body_bytes)}, from {d.principal === "" ? "nobody known" : d.principal}, <Age at={d.received_at} /> ago
        </span>
      </div>
      {(d.state === "quarantined" || d.reason !== undefined) && (
        <p className="flex flex-wrap items-baseline gap-x-2">
          <span data-testid="delivery-reason" className={clsx("min-w-0 [overflow-wrap:anywhere]", d.state === "quarantined" ? "text-bad" : "text-ink-2")}>{d.reason ?? "no reason was recorded"}</span>
          {d.state === "quarantined" && d.reason !== undefined && (
            <button type="button" onClick={() => onReason(d.reason ?? "")} className="text-2xs text-accent underline">
              all with this reason
            </button>
          )}
        </p>
      )}
      {done === undefined ? <Incidents ids={d.incident_ids} /> : <Fate {...fresh} done={done} />}
      <div className="flex flex-wrap items-start gap-x-2 gap-y-1">
        <details className="min-w-0 flex-1">
          <summary className="py-1 text-2xs text-ink-3">
            Bytes as they came ({d.content_type === "" ? "no content type" : d.content_type}){d.truncated && ", the beginning only"}
          </summary>
          <pre {...from(querySource(rest.wholeDelivery(d.id)))} className="mt-1 max-h-72 overflow-auto rounded bg-sunken p-2 font-mono text-2xs [overflow-wrap:anywhere] whitespace-pre-wrap">{text}</pre>
          <WholeLink id={d.id} />
        </details>
        {d.state === "quarantined" && <Verbs delivery={d} onDone={onDone} />}
      </div>
    </li>
  );
}

function WholeLink({ id }: { id: number }) {
  const { rest } = useVigil();
  return (
    <a href={rest.wholeDelivery(id)} download className="text-2xs text-accent underline">
      Save all bytes as a file
    </a>
  );
}

function Verbs({ delivery: d, onDone }: Pick<Props, "delivery" | "onDone">) {
  const { rest } = useVigil();
  const queries = useQueryClient();
  const refusal = useRefusalNow("responder");
  const [reason, setReason] = useState("");
  const retry = useVerb(
    useCallback(
      async (key: string) => {
        const { state } = await rest.retryDelivery(d.id, key);
        onDone({ ...d, state }, "retried");
        await queries.invalidateQueries({ queryKey: ["delivery", d.id] });
      },
      [rest, queries, d, onDone],
    ),
  );
  const discard = useVerb(
    useCallback(
      async (key: string, why: string) => {
        const { state } = await rest.discardDelivery(d.id, why, key);
        onDone({ ...d, state }, "discarded");
        await queries.invalidateQueries({ queryKey: ["delivery", d.id] });
      },
      [rest, queries, d, onDone],
    ),
  );
  return (
    <div className="flex flex-wrap items-center justify-end gap-1.5">
      {retry.error !== undefined && (
        <span role="alert" className="text-2xs text-bad [overflow-wrap:anywhere]">
          {retry.error}
        </span>
      )}
      <Button data-testid="delivery-retry" aria-label={`Retry #${d.id}`} title={refusal ?? "Read it again, as after a mapping was put right"} disabled={refusal !== undefined || retry.busy} onClick={() => void retry.run()} className="h-7!">
        <RotateCcw aria-hidden className="size-3.5" />
        Retry
      </Button>
      <VerbDialog
        trigger="Discard"
        triggerLabel={`Discard #${d.id}`}
        triggerKind="danger"
        triggerClass="h-7!"
        triggerTestId="delivery-discard"
        icon={<Trash2 aria-hidden className="size-3.5" />}
        title="Discard the delivery"
        submit="Discard"
        kind="danger"
        refusal={refusal}
        ready={reason.trim() !== ""}
        verb={discard}
        run={() => discard.run(reason.trim())}
        onDone={() => setReason("")}
      >
        <p className="text-xs text-ink-2" {...from(querySource(paths.delivery(d.id)))}>
          Number {d.id}. It came from {d.source} and is never read again: no alert comes of it. Its bytes are kept, among the discarded ones, with the reason.
        </p>
        <TextField label="Reason" value={reason} onChange={setReason} rows={2} />
      </VerbDialog>
    </div>
  );
}

interface Fresh {
  delivery: Delivery;
  /** Whether it is still being looked at. */
  watching: boolean;
}

const lookEveryMs = 1_000;

/** How often it is looked whether an incident came of it: resolves and silenced alerts open none. */
const looks = 15;

/** What became of a delivery since something was done with it. */
function useFate(delivery: Delivery, done: boolean): Fresh {
  const { rest } = useVigil();
  const [looked, setLooked] = useState(0);
  const fate = useQuery({
    queryKey: ["delivery", delivery.id],
    queryFn: async () => {
      const d = await rest.delivery(delivery.id);
      setLooked((n) => n + 1);
      return d;
    },
    enabled: done,
    refetchInterval: (q) => (settled(q.state.data ?? delivery) || looked >= looks ? false : lookEveryMs),
  });
  const now = done ? (fate.data ?? delivery) : delivery;
  return { delivery: now, watching: done && !fate.isError && looked < looks && !settled(now) };
}

function settled(d: Delivery): boolean {
  return d.state !== "received" && (d.state !== "normalised" || (d.incident_ids ?? []).length > 0);
}

function Fate({ delivery: d, watching, done }: Fresh & { done: "retried" | "discarded" }) {
  const good = d.state === "normalised" || d.state === "recorded";
  const icon = watching ? <LoaderCircle aria-hidden className="mt-px size-3.5 shrink-0 animate-spin" /> : good ? <Check aria-hidden className="mt-px size-3.5 shrink-0" /> : <CircleAlert aria-hidden className="mt-px size-3.5 shrink-0" />;
  return (
    <p role="status" data-testid="delivery-fate" className={good ? "flex items-start gap-1.5 text-good" : "flex items-start gap-1.5 text-warn"}>
      {icon}
      <span>{fateWords(d, watching, done)}</span>
    </p>
  );
}

function fateWords(d: Delivery, watching: boolean, done: "retried" | "discarded"): ReactNode {
  switch (d.state) {
    case "received":
      return watching ? "Retried: it is being read again." : "Retried: it waits to be read.";
    case "normalised":
      if ((d.incident_ids ?? []).length > 0) return <>Read. Its alerts are in <Incidents inline ids={d.incident_ids} /></>;
      return watching ? "Read. Its alerts are on their way to an incident." : "Read. No incident has come of it yet: alerts that are resolved or silenced open none.";
    case "recorded":
      return "Read. It holds no alert and is kept among the recorded ones.";
    case "discarded":
      return "Discarded. It is kept among the discarded ones.";
    case "quarantined":
      return done === "retried" ? "Retried, and it still cannot be read, for the reason above." : "It is still set aside.";
  }
}

function Incidents({ ids, inline = false }: { ids: string[] | undefined; inline?: boolean }) {
  if (ids === undefined || ids.length === 0) return null;
  const links = ids.map((id) => (
    <IncidentLink key={id} to={id} className="mr-2 text-accent underline">
      {id}
    </IncidentLink>
  ));
  return inline ? <>{links}</> : <p className="text-2xs">{links}</p>;
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
