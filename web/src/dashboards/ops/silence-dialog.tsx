import { useQueryClient } from "@tanstack/react-query";
import { clsx } from "clsx";
import { useCallback, useRef, useState, type ReactNode } from "react";

import type { Matcher, Repeat, SilenceKind, SilenceRequest } from "../../feed/rest";
import { useVigil } from "../../store/react";
import { Field, TextField, fieldClass } from "../../ui/field";
import { dayTime, remaining } from "../../ui/format";
import { useNow } from "../../ui/now";
import { pageSource } from "../../ui/source";
import { useRefusalNow } from "./permissions";
import { MatcherFields, type Row } from "./silence-matchers";
import { periodOf, repeatWords } from "./silence-words";
import { useVerb } from "./use-verb";
import { DialogFrame, VerbForm } from "./verb-dialog";

interface Props {
  open: boolean;
  onOpenChange: (open: boolean) => void;
  /** What is to be silenced, as far as it is known. */
  matchers?: readonly Matcher[];
  onDone?: () => void;
}

/** Silences alerts from now on or from later, or says when maintenance is. */
export function SilenceDialog({ open, onOpenChange, matchers, onDone }: Props) {
  return (
    <DialogFrame open={open} onOpenChange={onOpenChange} title="Silence alerts" wide testId="silence-dialog">
      <Form
        matchers={matchers ?? []}
        onDone={() => {
          onOpenChange(false);
          onDone?.();
        }}
      />
    </DialogFrame>
  );
}

const hour = 3_600_000;

const lengths = [
  { value: "1h", text: "One hour", ms: hour },
  { value: "4h", text: "Four hours", ms: 4 * hour },
  { value: "1d", text: "One day", ms: 24 * hour },
  { value: "until", text: "Until…", ms: undefined },
] as const;

interface Draft {
  kind: SilenceKind;
  rows: Row[];
  /** datetime-local; empty: at once. */
  start: string;
  length: (typeof lengths)[number]["value"];
  until: string;
  repeat: Repeat | "";
  reason: string;
}

function Form({ matchers, onDone }: { matchers: readonly Matcher[]; onDone: () => void }) {
  const { rest } = useVigil();
  const queries = useQueryClient();
  const now = useNow();
  const refusal = useRefusalNow("responder");
  const [draft, setDraft] = useState<Draft>(() => ({
    kind: "silence",
    rows: (matchers.length > 0 ? matchers : [{ name: "service", op: "=", value: "" } as const]).map((m, id) => ({ ...m, id })),
    start: "",
    length: "1h",
    until: "",
    repeat: "",
    reason: "",
  }));
  const [later, setLater] = useState(false);
  const change = (part: Partial<Draft>) => setDraft((d) => ({ ...d, ...part }));
  const verb = useVerb(
    useCallback(
      async (key: string, request: SilenceRequest) => {
        await rest.createSilence(request, key);
        await queries.invalidateQueries({ queryKey: ["silences"] });
      },
      [rest, queries],
    ),
  );
  // "For one hour" is counted from when it was first sent: sent again, it has to be the same request.
  const sent = useRef<{ draft: Draft; request: SilenceRequest }>(undefined);
  const meant = later ? draft : { ...draft, start: "" };
  const times = timesOf(meant, now);
  const wrong = complaint(meant, times, now);
  const conditions = draft.rows.filter((r) => r.name.trim() !== "" && r.value !== "").length;
  const ready = wrong === undefined && times.to !== undefined && draft.reason.trim() !== "" && conditions > 0 && draft.rows.every((r) => r.name.trim() !== "");
  const send = async () => {
    if (JSON.stringify(sent.current?.draft) !== JSON.stringify(meant)) sent.current = { draft: meant, request: requestOf(meant, times) };
    if (sent.current !== undefined && (await verb.run(sent.current.request))) onDone();
  };
  return (
    <VerbForm submit={draft.kind === "maintenance" ? "Plan maintenance" : "Silence"} ready={ready} refusal={refusal} verb={verb} onSubmit={() => void send()}>
      <fieldset className="grid gap-2 sm:grid-cols-2">
        <legend className="sr-only">Kind</legend>
        <Option name="kind" checked={draft.kind === "silence"} onCheck={() => change({ kind: "silence", repeat: "" })} text="Silence" about="Known trouble that needs no incident" />
        <Option name="kind" checked={draft.kind === "maintenance"} onCheck={() => change({ kind: "maintenance" })} text="Maintenance window" about="Planned work; may come again" />
      </fieldset>
      <MatcherFields rows={draft.rows} onChange={(rows) => change({ rows })} />
      <fieldset className="space-y-1.5">
        <legend className="text-2xs text-ink-2">For how long</legend>
        <div className="grid grid-cols-2 gap-2 sm:grid-cols-4">
          {lengths.map((l) => (
            <Option key={l.value} name="length" checked={draft.length === l.value} onCheck={() => change({ length: l.value })} text={l.text} />
          ))}
        </div>
      </fieldset>
      <div className="grid gap-2 empty:hidden sm:grid-cols-2">
        {draft.length === "until" && <When label="Until" value={draft.until} onChange={(until) => change({ until })} />}
        {later && <When label="From" value={draft.start} onChange={(start) => change({ start })} />}
        {draft.kind === "maintenance" && (
          <Field label="Comes again">
            {(id) => (
              <select id={id} value={draft.repeat} onChange={(e) => change({ repeat: e.target.value as Draft["repeat"] })} className={fieldClass}>
                <option value="">no, once</option>
                <option value="daily">{repeatWords.daily}</option>
                <option value="weekly">{repeatWords.weekly}</option>
              </select>
            )}
          </Field>
        )}
      </div>
      <label className="flex items-center gap-2 text-xs">
        <input type="checkbox" checked={later} onChange={(e) => setLater(e.target.checked)} className="accent-(--accent)" />
        Starts later
      </label>
      <p data-source={pageSource("typed")} className={clsx("text-2xs", wrong === undefined ? "text-ink-3" : "text-bad")} role="status">
        {wrong ?? summary(meant, times, now)}
      </p>
      <TextField label="Reason" value={draft.reason} onChange={(reason) => change({ reason })} rows={2} />
      <p className="text-2xs text-ink-3">Alerts that match are kept and open nothing. When it ends, those that still fire open an incident, or join one.</p>
    </VerbForm>
  );
}

interface Times {
  from: number;
  /** Undefined while it is not said. */
  to: number | undefined;
}

function timesOf(d: Draft, now: number): Times {
  const from = local(d.start) ?? now;
  const ms = lengths.find((l) => l.value === d.length)?.ms;
  return { from, to: ms === undefined ? local(d.until) : from + ms };
}

function requestOf(d: Draft, { from, to }: Times): SilenceRequest {
  return {
    kind: d.kind,
    matchers: d.rows.map(({ name, op, value }) => ({ name: name.trim(), op, value })),
    starts_at: d.start === "" ? undefined : new Date(from).toISOString(),
    ends_at: new Date(to ?? from).toISOString(),
    repeat: d.repeat === "" ? undefined : d.repeat,
    reason: d.reason.trim(),
  };
}

function complaint(d: Draft, { from, to }: Times, now: number): string | undefined {
  if (to === undefined) return undefined;
  if (to <= from) return "It would end before it starts.";
  if (to <= now) return "It would be over already.";
  if (d.repeat !== "" && to - from >= periodOf(d.repeat)) return `It would never end: each time lasts as long as the time until the next, ${repeatWords[d.repeat]}.`;
  return undefined;
}

function summary(d: Draft, { from, to }: Times, now: number): string {
  if (to === undefined) return "Say until when.";
  const start = d.start === "" ? "From now" : `From ${dayTime(from)}, in ${remaining(from - now)},`;
  const again = d.repeat === "" ? "" : `, and again ${repeatWords[d.repeat]} until somebody ends it`;
  return `${start} until ${dayTime(to)}${again}.`;
}

/** What a datetime-local field says, in this computer's time zone. */
function local(value: string): number | undefined {
  const ms = value === "" ? Number.NaN : new Date(value).getTime();
  return Number.isNaN(ms) ? undefined : ms;
}

function When({ label, value, onChange }: { label: string; value: string; onChange: (value: string) => void }) {
  return (
    <Field label={`${label} (${new Intl.DateTimeFormat().resolvedOptions().timeZone})`}>
      {(id) => <input id={id} type="datetime-local" value={value} onChange={(e) => onChange(e.target.value)} className={fieldClass} />}
    </Field>
  );
}

function Option({ name, checked, onCheck, text, about }: { name: string; checked: boolean; onCheck: () => void; text: string; about?: ReactNode }) {
  return (
    <label className="flex cursor-pointer items-center gap-2 rounded-md border border-line-strong px-2.5 py-1.5 text-xs has-checked:border-accent has-checked:bg-accent-soft">
      <input type="radio" name={name} checked={checked} onChange={onCheck} className="accent-(--accent)" />
      <span>
        <span className="block font-medium">{text}</span>
        {about !== undefined && <span className="block text-2xs text-ink-2">{about}</span>}
      </span>
    </label>
  );
}
