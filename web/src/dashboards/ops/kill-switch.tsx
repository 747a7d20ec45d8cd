import { Dialog } from "@base-ui/react/dialog";
import { OctagonX, Power, ShieldHalf } from "lucide-react";
import { useState } from "react";

import { paths } from "../../feed/rest";
import type { Controls } from "../../protocol/generated";
import { useVigilState } from "../../store/react";
import { Badge } from "../../ui/badge";
import { buttonClass } from "../../ui/button";
import { TextField } from "../../ui/field";
import { Age } from "../../ui/now";
import { from, querySource } from "../../ui/source";
import { modeWord } from "../../ui/words";
import { may, useRefusalNow } from "./permissions";
import { useOpenPlace } from "./places";
import { useControls, useReadControls, useStartAgain, useStop } from "./use-controls";
import { VerbDialog } from "./verb-dialog";

/** The mode, and the way to stop everything. */
export function ControlsChip() {
  const open = useOpenPlace();
  useReadControls();
  const controls = useControls();
  return (
    <div className="flex items-center gap-1.5">
      <button type="button" onClick={() => open({ tab: "controls" })} data-testid="mode" data-mode={controls?.mode ?? (controls === undefined ? "" : "advisory")} title="How far Vigil may go">
        <Badge icon={<ShieldHalf aria-hidden className="size-3" />}>
          {controls === undefined ? "mode: no data" : modeWord(controls.mode).text}
          {controls?.dry_run === true && ", dry run"}
        </Badge>
      </button>
      {controls?.killed !== true && <StopDialog compact />}
    </div>
  );
}

/** Says, for as long as it is so, that nothing new begins. */
export function KillBanner() {
  const controls = useControls();
  if (controls?.killed !== true) return null;
  return (
    <div role="alert" data-testid="killed" {...from(querySource(paths.controls))} className="flex flex-wrap items-center gap-x-4 gap-y-1.5 bg-bad px-4 py-2.5 text-canvas">
      <OctagonX aria-hidden className="size-6 shrink-0" />
      <p className="min-w-0 flex-1 basis-72 [overflow-wrap:anywhere]">
        <b className="text-base font-semibold">Vigil is stopped: no action begins, whatever was decided.</b>{" "}
        <span className="text-[13px]">
          {controls.by ?? "Somebody"} stopped it{controls.at !== undefined && <>, <Age at={controls.at} className="tabular" /> ago</>}
          {controls.reason !== undefined && `: ${controls.reason}`}
        </span>
      </p>
      <StartDialog controls={controls} />
    </div>
  );
}

/** Works while the page is not live too: nobody is kept from stopping. */
export function StopDialog({ compact = false }: { compact?: boolean }) {
  const principal = useVigilState((s) => s.connection.principal);
  const refusal = principal === undefined || may(principal.role, "responder") ? undefined : `This takes the role responder; ${principal.name} is ${principal.role}`;
  const [reason, setReason] = useState("");
  const verb = useStop();
  return (
    <VerbDialog
      trigger={compact ? "Stop" : "Stop everything"}
      triggerLabel="Stop everything"
      triggerKind="danger"
      triggerClass={compact ? "h-6! border-bad!" : "h-10! border-bad! px-4! text-[13px]!"}
      triggerTestId={compact ? "kill" : "kill-in-panel"}
      icon={<OctagonX aria-hidden className={compact ? "size-3.5" : "size-5"} />}
      title="Stop everything"
      submit="Stop now"
      kind="danger"
      refusal={refusal}
      ready
      verb={verb}
      run={() => verb.run(reason.trim())}
      onDone={() => setReason("")}
    >
      <p className="text-xs text-ink-2">
        No new call that changes anything begins from now on, in any incident, whatever was approved. Calls that are under way end by themselves. Vigil goes on looking and telling. Only an admin starts it again.
      </p>
      <TextField label="Reason, which everybody sees (optional)" value={reason} onChange={setReason} rows={2} />
    </VerbDialog>
  );
}

export function StartDialog({ controls }: { controls: Controls }) {
  const refusal = useRefusalNow("admin");
  const [reason, setReason] = useState("");
  const [seen, setSeen] = useState(controls.revision);
  const verb = useStartAgain();
  return (
    <VerbDialog
      trigger="Start again"
      triggerTestId="start-again"
      triggerClass="bg-surface! text-ink!"
      icon={<Power aria-hidden className="size-3.5" />}
      title="Let Vigil act again"
      submit="Start again"
      refusal={refusal}
      ready={reason.trim() !== ""}
      verb={verb}
      run={() => verb.run(reason.trim(), seen)}
      onDone={() => setReason("")}
      onOpen={() => setSeen(controls.revision)}
    >
      <p className="text-xs text-ink-2 [overflow-wrap:anywhere]" {...from(querySource(paths.controls))}>
        {controls.by ?? "Somebody"} stopped it{controls.reason !== undefined && `: ${controls.reason}`}. What is approved and still holds begins as soon as you start it.
      </p>
      {controls.revision !== seen && (
        <p role="alert" className="rounded-md bg-warn-soft px-2.5 py-1.5 text-xs text-warn">
          The controls changed while this was open. <Dialog.Close className={buttonClass("plain", "h-6!")}>Look again</Dialog.Close>
        </p>
      )}
      <TextField label="Reason" value={reason} onChange={setReason} rows={2} />
    </VerbDialog>
  );
}
