import { Check, Flag, MessageSquarePlus, UserCheck } from "lucide-react";
import { useCallback, useState } from "react";

import { type Severity, type View, severityValues } from "../../protocol/generated";
import { useVigil, useVigilState } from "../../store/react";
import { SeverityLabel } from "../../ui/badge";
import { Button } from "../../ui/button";
import { TextField } from "../../ui/field";
import { from, pageSource } from "../../ui/source";
import { DryRunDialog } from "./dry-run-dialog";
import { isOver } from "./list-model";
import { MergeDialog } from "./move-dialogs";
import { useRefusal, useRefusalNow } from "./permissions";
import { useVerb } from "./use-verb";
import { VerbDialog } from "./verb-dialog";

/** What a person can do at any time, whatever Vigil is doing. */
export function HumanVerbs({ view }: { view: View }) {
  const refusal = useRefusalNow("responder");
  const over = isOver(view);
  if (over) return null;
  return (
    <div className="flex flex-wrap items-center gap-1.5" role="group" aria-label="What you can do" title={refusal}>
      <Acknowledge view={view} refusal={refusal} />
      <NoteDialog id={view.incident_id} />
      <SeverityDialog id={view.incident_id} current={view.severity} refusal={refusal} />
      <MergeDialog view={view} />
      <DryRunDialog id={view.incident_id} />
      <ResolveDialog id={view.incident_id} refusal={refusal} />
    </div>
  );
}

function Acknowledge({ view, refusal }: { view: View; refusal: string | undefined }) {
  const { rest } = useVigil();
  const verb = useVerb(useCallback((key: string) => rest.acknowledge(view.incident_id, key), [rest, view.incident_id]));
  if (view.acknowledged_by !== undefined) return null;
  return (
    <>
      <Button data-action="acknowledge" disabled={refusal !== undefined || verb.busy || verb.done} onClick={() => void verb.run()}>
        <UserCheck aria-hidden className="size-3.5" />
        Acknowledge
      </Button>
      {verb.error !== undefined && (
        <span role="alert" {...from(pageSource("answer"))} className="text-xs text-bad">
          {verb.error}
        </span>
      )}
    </>
  );
}

interface FormProps {
  id: string;
  refusal: string | undefined;
}

/** A note harms nobody by being late: written without a connection, it is kept and sent when there is one. */
function NoteDialog({ id }: { id: string }) {
  const { rest, outbox } = useVigil();
  const live = useVigilState((s) => s.connection.state === "live");
  const refusal = useRefusal("responder");
  const [text, setText] = useState("");
  const verb = useVerb(useCallback((key: string, words: string) => rest.note(id, words, key), [rest, id]));
  return (
    <VerbDialog
      trigger="Note"
      triggerAction="note"
      icon={<MessageSquarePlus aria-hidden className="size-3.5" />}
      title="Add a note"
      submit={live ? "Add note" : "Keep and send later"}
      refusal={refusal}
      ready={text.trim() !== ""}
      verb={verb}
      run={async () => {
        if (live) return verb.run(text.trim());
        outbox.add(id, text.trim());
        return true;
      }}
      onDone={() => setText("")}
    >
      {!live && <p className="text-xs text-warn">There is no connection to the gateway. The note is kept in this tab and sent once there is one.</p>}
      <TextField label="Note" value={text} onChange={setText} rows={4} />
    </VerbDialog>
  );
}

function SeverityDialog({ id, current, refusal }: FormProps & { current: Severity }) {
  const { rest } = useVigil();
  const [severity, setSeverity] = useState<Severity>(current);
  const [reason, setReason] = useState("");
  const verb = useVerb(useCallback((key: string, s: Severity, why: string) => rest.setSeverity(id, s, why, key), [rest, id]));
  return (
    <VerbDialog
      trigger="Severity"
      icon={<Flag aria-hidden className="size-3.5" />}
      title="Change the severity"
      submit="Change"
      refusal={refusal}
      ready={severity !== current}
      verb={verb}
      run={() => verb.run(severity, reason.trim())}
      onDone={() => setReason("")}
    >
      <fieldset className="grid grid-cols-2 gap-2">
        <legend className="sr-only">Severity</legend>
        {severityValues.map((s) => (
          <label key={s} className="flex cursor-pointer items-center gap-2 rounded-md border border-line-strong px-2.5 py-2 has-checked:border-accent has-checked:bg-accent-soft">
            <input type="radio" name="severity" value={s} checked={severity === s} onChange={() => setSeverity(s)} className="accent-(--accent)" />
            <SeverityLabel severity={s} />
            {s === current && <span className="ml-auto text-2xs text-ink-3">now</span>}
          </label>
        ))}
      </fieldset>
      <TextField label="Reason (optional)" value={reason} onChange={setReason} rows={2} />
    </VerbDialog>
  );
}

function ResolveDialog({ id, refusal }: FormProps) {
  const { rest } = useVigil();
  const [reason, setReason] = useState("");
  const verb = useVerb(useCallback((key: string, why: string) => rest.resolve(id, why, key), [rest, id]));
  return (
    <VerbDialog
      trigger="Resolve"
      icon={<Check aria-hidden className="size-3.5" />}
      title="Resolve on your word"
      submit="Resolve"
      refusal={refusal}
      ready={reason.trim() !== ""}
      verb={verb}
      run={() => verb.run(reason.trim())}
      onDone={() => setReason("")}
    >
      <p className="text-xs text-ink-2">The investigation ends and the incident is closed as resolved by you. The reason is kept with it.</p>
      <TextField label="Reason" value={reason} onChange={setReason} rows={3} />
    </VerbDialog>
  );
}
