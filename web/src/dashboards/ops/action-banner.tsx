import { OctagonAlert } from "lucide-react";

import type { View } from "../../protocol/generated";
import { useSource } from "../../ui/sources";
import { capital } from "../../ui/words";
import { isOver } from "./list-model";
import { useOpenPlace } from "./places";
import { type Located, carriedOut, executionsOf, isUndo, leftStanding } from "../../parts/remediation-model";

/** An action whose end nobody may overlook: what is known, and what a person should do now. */
export function ActionBanner({ view: v }: { view: View }) {
  const open = useOpenPlace();
  const at = useSource();
  const r = carriedOut(v);
  if (r === undefined || isOver(v) || (r.state !== "failed_unsafe" && r.state !== "unknown")) return null;
  const executions = executionsOf(v, r);
  const unsafe = r.state === "failed_unsafe";
  const standing = leftStanding(executions);
  const target = v.remediation === undefined ? "/action/target" : "/remediation/target";
  const doubtful = executions.filter((x) => x.state === "unknown");
  return (
    <section {...at(target)} role="alert" aria-label={unsafe ? "Action failed and is not taken back" : "Action of unknown outcome"} data-testid="action-banner" data-state={r.state} className="rounded-lg border-2 border-bad bg-bad-soft px-4 py-3 text-[13px]">
      <p className="flex items-start gap-2.5 text-bad">
        <OctagonAlert aria-hidden className="mt-0.5 size-5 shrink-0" />
        <span className="min-w-0 text-base leading-6 font-semibold [overflow-wrap:anywhere]">
          {unsafe ? `${r.target} may be left half-changed: an action failed and could not be taken back` : `It cannot be told whether the action on ${r.target} ran`}
        </span>
      </p>
      <div className="mt-1.5 space-y-2 pl-7.5">
        {r.detail !== undefined && <p {...at("/remediation/detail")} className="[overflow-wrap:anywhere]">{capital(r.detail)}.</p>}
        <p>
          Vigil does nothing more about it by itself. {unsafe ? <Paged view={v} /> : "It is not tried again, because it may have happened."}
        </p>
        <div>
          <h3 className="text-xs font-semibold">What to do now</h3>
          <ol className="list-decimal space-y-0.5 pl-5 text-xs">
            <li {...at([target, ...doubtful.flatMap(pointers)])}>
              Look at {r.target} itself{doubtful.length > 0 && <>: it is not known what became of {doubtful.map(named).join(", ")}</>}.
            </li>
            {standing.length > 0 && (
              <li {...at(standing.flatMap(pointers))}>
                Decide whether {standing.map(named).join(", ")} {standing.length === 1 ? "is" : "are"} to stay. If not, take {standing.length === 1 ? "it" : "them"} back by hand, the last first: how is said at each step below.
              </li>
            )}
            <li>Write down what you found as a note, and resolve the incident, or put another option forward.</li>
            <li>
              See under{" "}
              <button type="button" onClick={() => open({ tab: "leases" })} className="font-medium underline">
                leases
              </button>{" "}
              whether anything else may act on {r.target} meanwhile. A lease that is held as unknown is cleared by an admin, once {r.target} is known to be sound.
            </li>
          </ol>
        </div>
      </div>
    </section>
  );
}

/** Whether somebody is known to have been woken for it. */
function Paged({ view: v }: { view: View }) {
  const paged = (v.deliveries ?? []).filter((d) => d.kind === "failed_unsafe" && d.state === "sent").map((d) => d.to ?? d.team ?? d.channel);
  if (paged.length > 0) return <span data-testid="paged">Paged: {[...new Set(paged)].join(", ")}.</span>;
  return (
    <b data-testid="paged" className="font-semibold text-bad">
      Nobody is known to have been paged for it yet.
    </b>
  );
}

function pointers(x: Located): string[] {
  return [`${x.at}/step`, `${x.at}/document`];
}

function named(x: Located): string {
  return `${isUndo(x) ? "undoing step" : "step"} ${x.step} (${x.document})`;
}
