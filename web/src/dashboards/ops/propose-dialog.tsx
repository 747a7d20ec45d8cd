import { CornerUpRight } from "lucide-react";
import { useCallback, useState } from "react";

import type { Option } from "../../protocol/generated";
import { useVigil, useVigilState } from "../../store/react";
import { TextField } from "../../ui/field";
import { ActionSteps, Precondition } from "../../parts/action-steps";
import { useRefusalNow } from "./permissions";
import { useVerb } from "./use-verb";
import { VerbDialog } from "./verb-dialog";

/** Puts another of the options before people, in place of what is proposed now. */
export function ProposeDialog({ incidentId, option: o, pointer, busy }: { incidentId: string; option: Option; pointer: string; busy: string | undefined }) {
  const { rest } = useVigil();
  const me = useVigilState((s) => s.connection.principal?.name);
  const role = useRefusalNow("responder");
  const [reason, setReason] = useState("");
  const verb = useVerb(useCallback((key: string, why: string) => rest.propose(incidentId, { option_id: o.id, reason: why }, key), [rest, incidentId, o.id]));
  return (
    <VerbDialog
      trigger="Put forward"
      triggerLabel={`Put forward: ${o.title}, ${o.target}`}
      triggerKind="ghost"
      triggerClass="h-6! px-1.5!"
      triggerTestId={`propose-${o.id}`}
      icon={<CornerUpRight aria-hidden className="size-3.5" />}
      title={`Put forward: ${o.title}, ${o.target}`}
      submit="Put forward"
      wide
      refusal={role ?? busy}
      ready={reason.trim() !== ""}
      verb={verb}
      run={() => verb.run(reason.trim())}
      onDone={() => setReason("")}
    >
      <p className="text-xs text-ink-2">
        It takes the place of what is proposed now, and goes through the policy as every action does. Somebody else has to approve it: {me ?? "whoever puts it forward"} may not.
      </p>
      <div className="space-y-2.5 rounded-md bg-sunken px-3 py-2">
        <ActionSteps of={o} pointer={pointer} />
        <Precondition of={o} pointer={pointer} />
      </div>
      <TextField label="Reason" value={reason} onChange={setReason} rows={3} />
    </VerbDialog>
  );
}
