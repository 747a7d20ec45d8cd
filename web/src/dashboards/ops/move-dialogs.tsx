/** A person's word on which problem alerts belong to. */
import { GitFork, GitMerge } from "lucide-react";
import { useCallback, useMemo, useState } from "react";

import { type IncidentKey, paths } from "../../feed/rest";
import type { Move, Summary, View } from "../../protocol/generated";
import { useVigil, useVigilState } from "../../store/react";
import { SeverityMark } from "../../ui/badge";
import { SearchField, TextField } from "../../ui/field";
import { count } from "../../ui/format";
import { Age } from "../../ui/now";
import { from, incidentSource, pageSource, querySource } from "../../ui/source";
import { statusWord } from "../../ui/words";
import { sections } from "./list-model";
import { IncidentLink } from "../../parts/navigation";
import { useRefusalNow } from "./permissions";
import { useVerb } from "./use-verb";
import { VerbDialog } from "./verb-dialog";

/** How many incidents are offered at once; more are found by searching. */
const offered = 50;

const none: ReadonlyMap<string, Summary> = new Map();

export function MergeDialog({ view: v }: { view: View }) {
  const { rest } = useVigil();
  const refusal = useRefusalNow("responder");
  // Until the dialog is opened, what happens to other incidents is none of its business.
  const [opened, setOpened] = useState(false);
  const summaries = useVigilState((s) => (opened ? s.incidents.summaries : none));
  const [text, setText] = useState("");
  const [into, setInto] = useState<string>();
  const [reason, setReason] = useState("");
  const [moved, setMoved] = useState<Move>();
  const verb = useVerb(useCallback(async (key: string, to: string, why: string) => setMoved(await rest.merge(v.incident_id, to, why, key)), [rest, v.incident_id]));
  const found = useMemo(() => sections(summaries.values(), { text, show: "open" }).open.filter((s) => s.incident_id !== v.incident_id), [summaries, text, v.incident_id]);
  // Somebody else may have ended the one that was chosen.
  const chosen = found.some((s) => s.incident_id === into) ? into : undefined;
  return (
    <>
      <VerbDialog
        trigger="Merge"
        triggerTestId="incident-merge"
        icon={<GitMerge aria-hidden className="size-3.5" />}
        title="Merge into another incident"
        submit="Merge"
        wide
        refusal={refusal}
        ready={chosen !== undefined && reason.trim() !== ""}
        verb={verb}
        run={async () => chosen !== undefined && (await verb.run(chosen, reason.trim()))}
        onOpen={() => setOpened(true)}
        onDone={() => {
          setOpened(false);
          setReason("");
          setText("");
        }}
      >
        <p className="text-xs text-ink-2">It is the same problem: the alerts of this incident become part of the one that you choose, and this one ends. Alerts that come later go there too.</p>
        <SearchField label="Search open incidents" placeholder="Search by title, service, id" value={text} onChange={setText} />
        {found.length === 0 ? (
          <p className="text-xs text-ink-3">{text === "" ? "No other incident is open." : "Nothing matches."}</p>
        ) : (
          <fieldset className="max-h-64 space-y-1 overflow-y-auto rounded-md border border-line p-1">
            <legend className="sr-only">The incident that this one is part of</legend>
            {found.slice(0, offered).map((s) => (
              <label key={s.incident_id} {...from(["title", "service", "incident_id", "alerts_firing", "alerts_total"].map((field) => incidentSource(s.incident_id, `/${field}`)).join(" "))} className="flex cursor-pointer items-start gap-2 rounded px-2 py-1.5 text-xs hover:bg-hover has-checked:bg-accent-soft">
                <input type="radio" name="into" value={s.incident_id} checked={into === s.incident_id} onChange={() => setInto(s.incident_id)} className="mt-0.5 accent-(--accent)" />
                <SeverityMark severity={s.severity} className="mt-0.5" />
                <span className="min-w-0 flex-1">
                  <span className="block font-medium [overflow-wrap:anywhere]">{s.title}</span>
                  <span className="block text-2xs text-ink-2 [overflow-wrap:anywhere]">
                    {s.service === "" ? "service unknown" : s.service}, {statusWord(s.status).text.toLowerCase()}, {count(s.alerts_firing)} of {count(s.alerts_total)} alerts firing, <span className="font-mono">{s.incident_id}</span>
                  </span>
                </span>
                <Age at={s.opened_at} className="tabular text-2xs text-ink-3" source={from(incidentSource(s.incident_id, "/opened_at"))} />
              </label>
            ))}
            {found.length > offered && <p className="px-2 py-1 text-2xs text-ink-3">and more: search for it.</p>}
          </fieldset>
        )}
        <TextField label="Reason" value={reason} onChange={setReason} rows={2} />
      </VerbDialog>
      <Asked move={moved} view={v} />
    </>
  );
}

export function SplitDialog({ view: v, keys: all }: { view: View; keys: readonly IncidentKey[] }) {
  const keys = useMemo(() => all.filter((k) => k.moved_to === undefined), [all]);
  const { rest } = useVigil();
  const now = useRefusalNow("responder");
  const refusal = now ?? (keys.length > 1 ? undefined : keys.length === 1 ? "All alerts came with one key: there is nothing to split" : "It is not known which keys the alerts came with");
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const [reason, setReason] = useState("");
  const [moved, setMoved] = useState<Move>();
  const verb = useVerb(useCallback(async (key: string, which: string[], why: string) => setMoved(await rest.split(v.incident_id, which, why, key)), [rest, v.incident_id]));
  const source = (k: IncidentKey) => querySource(paths.incidentAlerts(v.incident_id), `/keys/${all.indexOf(k)}`);
  const which = keys.map((k) => k.correlation_key).filter((k) => chosen.has(k));
  const everything = which.length === keys.length;
  const alerts = keys.filter((k) => chosen.has(k.correlation_key)).reduce((n, k) => n + k.alerts, 0);
  const toggle = (key: string) => {
    const next = new Set(chosen);
    if (!next.delete(key)) next.add(key);
    setChosen(next);
  };
  return (
    <>
      <VerbDialog
        trigger="Split"
        triggerTestId="incident-split"
        icon={<GitFork aria-hidden className="size-3.5" />}
        title="Split off another problem"
        submit="Split off"
        wide
        refusal={refusal}
        ready={which.length > 0 && !everything && reason.trim() !== ""}
        verb={verb}
        run={() => verb.run(which, reason.trim())}
        onDone={() => {
          setReason("");
          setChosen(new Set());
        }}
      >
        <p className="text-xs text-ink-2">The alerts of the keys that you choose become an incident of their own, and so do those that come later with these keys.</p>
        <fieldset className="max-h-64 space-y-1 overflow-y-auto rounded-md border border-line p-1">
          <legend className="sr-only">Keys to split off</legend>
          {keys.map((k) => (
            <label key={k.correlation_key} {...from(source(k))} className="flex cursor-pointer items-start gap-2 rounded px-2 py-1.5 text-xs hover:bg-hover has-checked:bg-accent-soft">
              <input type="checkbox" aria-label={k.correlation_key} checked={chosen.has(k.correlation_key)} onChange={() => toggle(k.correlation_key)} className="mt-0.5 accent-(--accent)" />
              <span className="min-w-0 flex-1">
                <code className="block font-mono text-2xs [overflow-wrap:anywhere]">{k.correlation_key}</code>
                <span className="tabular block text-2xs text-ink-2">
                  {count(k.firing)} of {count(k.alerts)} alerts firing, {k.joined_by === undefined ? "the incident was opened for it" : `joined by: ${k.joined_by}`}
                </span>
              </span>
            </label>
          ))}
        </fieldset>
        <p role="status" {...from(keys.filter((k) => chosen.has(k.correlation_key)).map(source).join(" "), "total /alerts")} className={everything ? "text-2xs text-bad" : "text-2xs text-ink-3"}>
          {everything ? "Something has to stay: leave out one key at least." : which.length === 0 ? "Choose what does not belong here." : `${count(alerts)} ${alerts === 1 ? "alert leaves" : "alerts leave"} this incident.`}
        </p>
        <TextField label="Reason" value={reason} onChange={setReason} rows={2} />
      </VerbDialog>
      <Asked move={moved} view={v} />
    </>
  );
}

/** Between the gateway's yes and the event that says it is done. */
function Asked({ move, view }: { move: Move | undefined; view: View }) {
  if (move === undefined || (view.moves ?? []).some((m) => m.id === move.id)) return null;
  return (
    <span role="status" className="text-xs text-ink-2" {...from(pageSource("answer"))}>
      On its way to{" "}
      <IncidentLink to={move.to} className="text-accent underline">
        {move.to}
      </IncidentLink>
    </span>
  );
}
