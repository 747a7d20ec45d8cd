import { useInfiniteQuery, useQueryClient } from "@tanstack/react-query";
import { BellOff, Repeat, Square, Wrench } from "lucide-react";
import { useCallback, useState } from "react";

import { type Silence, type SilencedAlert, paths } from "../../feed/rest";
import { useVigil } from "../../store/react";
import { Badge, OriginBadge, SeverityMark } from "../../ui/badge";
import { TextField } from "../../ui/field";
import { count, exactTime, parseTime, remaining } from "../../ui/format";
import { Age, Left, useNow } from "../../ui/now";
import { from, querySource } from "../../ui/source";
import { IncidentLink } from "../../parts/navigation";
import { Paged } from "./paged";
import { useRefusalNow } from "./permissions";
import { kindWords, matchersText, opWords, repeatWords, windowOf } from "./silence-words";
import { useVerb } from "./use-verb";
import { VerbDialog } from "./verb-dialog";

export function SilenceItem({ silence: s, source, open = false }: { silence: Silence; source: string; open?: boolean }) {
  const [shown, setShown] = useState(open);
  return (
    <li {...from(source)} data-testid={`silence-${s.id}`} data-state={s.state} className="space-y-1 px-3.5 py-2.5 text-xs">
      <div className="flex flex-wrap items-center gap-x-2 gap-y-1">
        <Badge tone={s.state === "active" ? "accent" : "neutral"} icon={s.kind === "maintenance" ? <Wrench aria-hidden className="size-3" /> : <BellOff aria-hidden className="size-3" />}>
          {kindWords[s.kind] ?? s.kind}
        </Badge>
        {s.repeat !== undefined && <Badge icon={<Repeat aria-hidden className="size-3" />}>{repeatWords[s.repeat] ?? s.repeat}</Badge>}
        <span className="font-medium">
          <Standing silence={s} source={source} />
        </span>
        <span className="ml-auto font-mono text-2xs text-ink-3 select-all">{s.id}</span>
      </div>
      <ul className="flex flex-wrap gap-x-1.5 gap-y-1" aria-label="Alerts of which all of this is true">
        {s.matchers.map((m, i) => (
          <li key={`${m.name}${m.op}${m.value}`} className="min-w-0 [overflow-wrap:anywhere]">
            {i > 0 && <span className="mr-1.5 text-ink-3">and</span>}
            <span className="text-ink-2">
              {m.name} {opWords[m.op] ?? m.op}
            </span>{" "}
            <code className="rounded bg-sunken px-1 font-mono text-2xs">{m.value === "" ? "empty" : m.value}</code>
          </li>
        ))}
      </ul>
      <p className="[overflow-wrap:anywhere]">{s.reason}</p>
      <div className="flex flex-wrap items-center gap-x-3 gap-y-1 text-2xs text-ink-2">
        <span>
          {s.created_by}, <Age at={s.created_at} className="tabular" /> ago
        </span>
        <button type="button" aria-expanded={shown} disabled={s.alerts === 0} onClick={() => setShown(!shown)} className="tabular underline disabled:cursor-default disabled:no-underline">
          {s.alerts === 0 ? "touched no alert" : `touched ${count(s.alerts)} ${s.alerts === 1 ? "alert" : "alerts"}`}
        </button>
        {s.last_alert_at !== undefined && (
          <span>
            the last <Age at={s.last_alert_at} className="tabular" /> ago
          </span>
        )}
        {(s.state === "active" || s.state === "pending") && <EndDialog silence={s} source={source} />}
      </div>
      {s.state === "ended" && (
        <p className="text-2xs text-ink-2 [overflow-wrap:anywhere]">
          Ended by {s.ended_by ?? "somebody"}
          {s.end_reason !== undefined && `: ${s.end_reason}`}
        </p>
      )}
      {shown && s.alerts > 0 && <Touched id={s.id} />}
    </li>
  );
}

/** How much of it is left, or when it was over. */
function Standing({ silence: s, source }: { silence: Silence; source: string }) {
  const now = useNow();
  const { from: begins, to } = windowOf(s, now);
  switch (s.state) {
    case "active":
      if (begins > now) return <>starts again in <Left until={begins} className="tabular" source={from(`${source}/starts_at`, "left .")} /></>;
      return to > now ? <>ends in <Left until={to} className="tabular" source={from(`${source}/ends_at`, "left .")} />{s.repeat !== undefined && " for this time"}</> : <>over <Age at={s.ends_at} className="tabular" /> ago</>;
    case "pending":
      return <>starts in <Left until={begins} className="tabular" source={from(`${source}/starts_at`, "left .")} />, for <span title={exactTime(to)} className="tabular" {...from(`${source}/starts_at ${source}/ends_at`, "span")}>{remaining(to - begins)}</span></>;
    case "ended":
      return <>ended early, <Age at={s.ended_at ?? s.ends_at} className="tabular" /> ago</>;
    default:
      return <>over <Age at={s.ends_at} className="tabular" /> ago</>;
  }
}

function EndDialog({ silence: s, source }: { silence: Silence; source: string }) {
  const { rest } = useVigil();
  const queries = useQueryClient();
  const refusal = useRefusalNow("responder");
  const [reason, setReason] = useState("");
  const verb = useVerb(
    useCallback(
      async (key: string, why: string) => {
        await rest.endSilence(s.id, why, key);
        await queries.invalidateQueries({ queryKey: ["silences"] });
      },
      [rest, queries, s.id],
    ),
  );
  return (
    <VerbDialog
      trigger="End"
      triggerLabel={`End ${s.id}`}
      triggerKind="ghost"
      triggerClass="ml-auto h-6!"
      triggerTestId="silence-end"
      icon={<Square aria-hidden className="size-3" />}
      title={s.state === "pending" ? "Call it off" : "End it now"}
      submit={s.state === "pending" ? "Call off" : "End now"}
      refusal={refusal}
      ready={reason.trim() !== ""}
      verb={verb}
      run={() => verb.run(reason.trim())}
      onDone={() => setReason("")}
    >
      <p className="text-xs text-ink-2 [overflow-wrap:anywhere]" {...from(`${source}/matchers`)}>
        {kindWords[s.kind] ?? s.kind} of alerts where {matchersText(s.matchers)}. Those that it keeps back and that still fire open an incident then, or join one.
      </p>
      <TextField label="Reason" value={reason} onChange={setReason} rows={2} />
    </VerbDialog>
  );
}

/** The alerts that it kept back. */
function Touched({ id }: { id: string }) {
  const { rest } = useVigil();
  const list = useInfiniteQuery({
    queryKey: ["silences", "alerts", id],
    queryFn: ({ pageParam }) => rest.silencedAlerts(id, pageParam),
    initialPageParam: undefined as number | undefined,
    getNextPageParam: (page) => page.next,
  });
  const pages = list.data?.pages ?? [];
  const alerts = pages.flatMap((p, i) => p.alerts.map((alert, j) => ({ alert, source: querySource(paths.silencedAlerts(id, pages[i - 1]?.next), `/alerts/${j}`) })));
  return (
    <div className="rounded-md border border-line bg-sunken">
      <Paged list={list} shown={alerts.length} empty="No alert is kept of it." more="Show earlier alerts">
        <ul className="divide-y divide-line" aria-label={`Alerts that ${id} touched`}>
          {alerts.map(({ alert: a, source }) => (
            <TouchedAlert key={`${a.delivery_id}/${a.alert.member ?? a.alert.fingerprint}`} alert={a} source={source} />
          ))}
        </ul>
      </Paged>
    </div>
  );
}

function TouchedAlert({ alert: { alert: a, ...s }, source }: { alert: SilencedAlert; source: string }) {
  return (
    <li {...from(source)} data-testid="silenced-alert" data-state={a.status} className="flex flex-wrap items-center gap-x-2 gap-y-0.5 px-2.5 py-1.5 text-2xs">
      {a.severity !== undefined && <SeverityMark severity={a.severity} />}
      <span className="min-w-0 text-xs font-medium [overflow-wrap:anywhere]">{a.title}</span>
      <Badge tone={a.status === "resolved" ? "good" : "neutral"}>{a.status}</Badge>
      {a.origin !== undefined && <OriginBadge origin={a.origin} />}
      <span className="ml-auto text-ink-3">
        #{s.delivery_id}, <Age at={s.received_at} className="tabular" /> ago
      </span>
      <span className="w-full text-ink-2 [overflow-wrap:anywhere]">
        {a.service ?? "service unknown"}, <code className="font-mono">{s.correlation_key}</code>
        {s.incident_id !== undefined && (
          <>
            {", in "}
            <IncidentLink to={s.incident_id} className="text-accent underline">
              {s.incident_id}
            </IncidentLink>
          </>
        )}
        {parseTime(a.ends_at) !== undefined && a.status === "resolved" && ", cleared"}
      </span>
    </li>
  );
}
