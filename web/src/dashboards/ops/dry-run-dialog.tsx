import { FlaskConical } from "lucide-react";
import { useState } from "react";

import { TextField } from "../../ui/field";
import { useRefusalNow } from "./permissions";
import { toggled, useControls, useSetControls } from "./use-controls";
import { VerbDialog } from "./verb-dialog";

/** Puts one incident in dry run, or lets its actions run again. */
export function DryRunDialog({ id }: { id: string }) {
  const controls = useControls();
  const role = useRefusalNow("admin");
  const [reason, setReason] = useState("");
  const verb = useSetControls();
  const on = controls?.dry_run_incidents?.includes(id) === true;
  const refusal = role ?? (controls === undefined ? "The controls are not known yet" : undefined);
  return (
    <VerbDialog
      trigger={on ? "End dry run" : "Dry run"}
      triggerTestId="incident-dry-run"
      icon={<FlaskConical aria-hidden className="size-3.5" />}
      title={on ? "End the dry run of this incident" : "Dry run for this incident"}
      submit={on ? "Let actions run" : "Start dry run"}
      refusal={refusal}
      ready={reason.trim() !== ""}
      verb={verb}
      run={() => verb.run({ ...controls, dry_run_incidents: toggled(controls?.dry_run_incidents, id, !on) }, controls?.revision, reason.trim())}
      onDone={() => setReason("")}
    >
      <p className="text-xs text-ink-2">
        {on
          ? "Actions of this incident that are approved from now on run, where nothing else keeps them in dry run."
          : "From now on, actions of this incident are decided on as always, and what would have run is shown instead of run. What is under way goes on."}
      </p>
      <TextField label="Reason" value={reason} onChange={setReason} rows={2} />
    </VerbDialog>
  );
}
