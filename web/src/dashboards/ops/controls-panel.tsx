import { OctagonX, ShieldHalf, X } from "lucide-react";
import { useState } from "react";

import { paths } from "../../feed/rest";
import { type Controls, modeValues } from "../../protocol/generated";
import { Button } from "../../ui/button";
import { Field, TextField, fieldClass } from "../../ui/field";
import { Age } from "../../ui/now";
import { Panel } from "../../ui/panel";
import { from, pageSource, querySource } from "../../ui/source";
import { modeWord } from "../../ui/words";
import { StartDialog, StopDialog } from "./kill-switch";
import { IncidentLink } from "../../parts/navigation";
import { Paged } from "./paged";
import { useRefusalNow } from "./permissions";
import { type Settable, toggled, useControls, useReadControls, useSetControls } from "./use-controls";

/** How far Vigil may go, for everything at once. */
export function ControlsPanel() {
  const query = useReadControls();
  const controls = useControls();
  const verb = useSetControls(); // outlives the form, which begins anew with other controls
  return (
    <>
      {controls !== undefined && <Switch controls={controls} />}
      <Panel title="How far Vigil may go" icon={<ShieldHalf className="size-4" />} testId="controls" source={from(querySource(paths.controls))} aside={controls?.by !== undefined && <Changed controls={controls} />}>
        <Paged list={query} shown={controls === undefined ? 0 : 1} empty="Nothing is set.">
          {controls !== undefined && <Form key={controls.revision ?? 0} controls={controls} verb={verb} />}
        </Paged>
      </Panel>
    </>
  );
}

function Changed({ controls: c }: { controls: Controls }) {
  return (
    <span className="min-w-0 [overflow-wrap:anywhere]">
      {c.by}
      {c.at !== undefined && (
        <>
          , <Age at={c.at} className="tabular" /> ago
        </>
      )}
      {c.reason !== undefined && `: ${c.reason}`}
    </span>
  );
}

function Switch({ controls: c }: { controls: Controls }) {
  const killed = c.killed === true;
  return (
    <section aria-label="Kill switch" {...from(querySource(paths.controls))} data-testid="kill-switch" data-killed={killed} className={`flex flex-wrap items-center gap-x-4 gap-y-2 rounded-lg border-2 px-4 py-3 ${killed ? "border-bad bg-bad-soft" : "border-line bg-surface"}`}>
      <OctagonX aria-hidden className={`size-6 shrink-0 ${killed ? "text-bad" : "text-ink-3"}`} />
      <p className="min-w-0 flex-1 basis-64 text-[13px] [overflow-wrap:anywhere]">
        <b className="font-semibold">{killed ? "Stopped: no action begins." : "Running: actions may begin."}</b>{" "}
        <span className="text-xs text-ink-2">{killed ? `${c.by ?? "Somebody"} stopped it${c.reason === undefined ? "" : `: ${c.reason}`}` : "The kill switch is off. It stops every new call that changes anything, in all incidents at once."}</span>
      </p>
      {killed ? <StartDialog controls={c} /> : <StopDialog />}
    </section>
  );
}

function Form({ controls: c, verb }: { controls: Controls; verb: ReturnType<typeof useSetControls> }) {
  const refusal = useRefusalNow("admin");
  const [draft, setDraft] = useState<Settable>(c);
  const [reason, setReason] = useState("");
  const changed = JSON.stringify(settable(draft)) !== JSON.stringify(settable(c));
  const change = (part: Settable) => setDraft({ ...draft, ...part });
  const services = draft.dry_run_services ?? [];
  const incidents = draft.dry_run_incidents ?? [];
  return (
    <form
      aria-label="Controls"
      className="space-y-4 p-3.5"
      onSubmit={(e) => {
        e.preventDefault();
        if (changed && reason.trim() !== "" && refusal === undefined) void verb.run(draft, c.revision, reason.trim());
      }}
    >
      <fieldset className="space-y-1.5" disabled={refusal !== undefined}>
        <legend className="mb-1 text-2xs font-semibold text-ink-3">Mode</legend>
        {modeValues.map((m) => (
          <label key={m} className="flex cursor-pointer items-start gap-2.5 rounded-md border border-line-strong px-3 py-2 has-checked:border-accent has-checked:bg-accent-soft has-disabled:cursor-default">
            <input type="radio" name="mode" value={m} checked={(draft.mode ?? "advisory") === m} onChange={() => change({ mode: m })} className="mt-0.5 accent-(--accent)" />
            <span className="min-w-0 text-xs">
              <b className="font-semibold">{modeWord(m).text}</b>
              {(c.mode ?? "advisory") === m && <span className="text-ink-3"> (now)</span>}
              <span className="block text-ink-2">{modeWord(m).meaning}</span>
            </span>
          </label>
        ))}
      </fieldset>
      <fieldset className="space-y-2" disabled={refusal !== undefined}>
        <legend className="mb-1 text-2xs font-semibold text-ink-3">Dry run: actions are decided on as always, and what would have run is shown instead of run</legend>
        <label className="flex items-center gap-2 text-xs">
          <input type="checkbox" checked={draft.dry_run === true} onChange={(e) => change({ dry_run: e.target.checked })} className="accent-(--accent)" />
          Everything
        </label>
        <Names label="Services in dry run" add="Add a service" names={services} saved={c.dry_run_services} pointer="/dry_run_services" onToggle={(name, on) => change({ dry_run_services: toggled(services, name, on) })} />
        <Names label="Incidents in dry run" names={incidents} saved={c.dry_run_incidents} pointer="/dry_run_incidents" incidents onToggle={(name, on) => change({ dry_run_incidents: toggled(incidents, name, on) })} />
      </fieldset>
      {changed && <TextField label="Reason" value={reason} onChange={setReason} rows={2} />}
      {verb.error !== undefined && (
        <p role="alert" data-testid="controls-error" className="rounded-md bg-bad-soft px-2.5 py-1.5 text-xs text-bad [overflow-wrap:anywhere]">
          {verb.error}
        </p>
      )}
      <div className="flex flex-wrap items-center gap-2">
        <Button type="submit" kind="primary" disabled={!changed || reason.trim() === "" || verb.busy || refusal !== undefined}>
          {verb.busy ? "Sending…" : "Set"}
        </Button>
        {changed && (
          <Button kind="ghost" onClick={() => setDraft(c)}>
            Undo changes
          </Button>
        )}
        {verb.done && !changed && (
          <span role="status" className="text-xs text-good">
            Set.
          </span>
        )}
        {refusal !== undefined && <span className="text-2xs text-ink-3">{refusal}</span>}
      </div>
    </form>
  );
}

/** What is saved is at pointer; what is not saved yet was typed here. */
function Names({ label, add, names, saved, pointer, incidents = false, onToggle }: { label: string; add?: string; names: readonly string[]; saved: readonly string[] | null | undefined; pointer: string; incidents?: boolean; onToggle: (name: string, on: boolean) => void }) {
  const [text, setText] = useState("");
  const name = text.trim();
  const put = () => {
    if (name === "") return;
    onToggle(name, true);
    setText("");
  };
  return (
    <div className="space-y-1">
      <p className="text-2xs text-ink-2">{label}</p>
      {names.length === 0 ? (
        <p className="text-xs text-ink-3">None{incidents && ". An incident's own page puts it in dry run"}.</p>
      ) : (
        <ul className="flex flex-wrap gap-1.5" aria-label={label}>
          {names.map((n) => (
            <li key={n} {...from(saved?.includes(n) === true ? querySource(paths.controls, `${pointer}/${saved.indexOf(n)}`) : pageSource("typed"))} className="inline-flex h-6 max-w-full items-center gap-1 rounded bg-hover pl-2 text-xs">
              {incidents ? (
                <IncidentLink to={n} className="truncate text-accent underline">
                  {n}
                </IncidentLink>
              ) : (
                <span className="truncate">{n}</span>
              )}
              <button type="button" onClick={() => onToggle(n, false)} className="rounded p-1 text-ink-3 hover:text-ink">
                <X aria-hidden className="size-3" />
                <span className="sr-only">Take {n} out of dry run</span>
              </button>
            </li>
          ))}
        </ul>
      )}
      {add !== undefined && (
        <div className="flex items-end gap-1.5">
          <Field label={add} className="w-56">
            {(id) => (
              <input
                id={id}
                value={text}
                maxLength={200}
                className={fieldClass}
                onChange={(e) => setText(e.target.value)}
                onKeyDown={(e) => {
                  if (e.key !== "Enter") return;
                  e.preventDefault();
                  put();
                }}
              />
            )}
          </Field>
          <Button disabled={name === ""} onClick={put}>
            Add
          </Button>
        </div>
      )}
    </div>
  );
}

/** What of the controls is set here, in one spelling. */
function settable({ mode, dry_run, dry_run_services, dry_run_incidents }: Settable): Required<Settable> {
  return { mode: mode ?? "advisory", dry_run: dry_run ?? false, dry_run_services: (dry_run_services ?? []).toSorted(), dry_run_incidents: (dry_run_incidents ?? []).toSorted() };
}
