/** Chooses what is presented: one of the latest incidents, or one that ships with the page. */
import { Dialog } from "@base-ui/react/dialog";
import { useQuery } from "@tanstack/react-query";
import { Presentation as PresentIcon } from "lucide-react";
import type { ReactNode } from "react";

import { readScenarios } from "../../feed/scenarios";
import { useVigilState } from "../../store/react";
import { OriginBadge, SeverityMark, StatusBadge } from "../../ui/badge";
import { buttonClass } from "../../ui/button";
import { incidentSource, from } from "../../ui/source";
import { scenarioIndexPath } from "../../feed/scenarios";
import { type Subject, presentPath } from "./addresses";
import { follow } from "./latest-incidents";

const shown = 6;

export function PresentDialog({ go }: { go: (path: string) => void }) {
  return (
    <Dialog.Root>
      <Dialog.Trigger className={buttonClass("primary")}>
        <PresentIcon aria-hidden className="size-4" />
        Present
      </Dialog.Trigger>
      <Dialog.Portal>
        <Dialog.Backdrop className="fixed inset-0 z-40 bg-black/40" />
        <Dialog.Popup className="fixed top-1/2 left-1/2 z-50 max-h-[85dvh] w-[min(32rem,calc(100vw-2rem))] -translate-1/2 space-y-4 overflow-y-auto rounded-xl border border-line-strong bg-surface p-4 shadow-2xl">
          <Dialog.Title className="text-sm font-semibold">What shall be presented?</Dialog.Title>
          <Dialog.Description className="text-xs text-ink-2">One incident, told in about three minutes from what was recorded of it. An open one goes on as events come.</Dialog.Description>
          <Incidents go={go} />
          <Scenarios go={go} />
          <div className="flex justify-end">
            <Dialog.Close className={buttonClass()}>Close</Dialog.Close>
          </div>
        </Dialog.Popup>
      </Dialog.Portal>
    </Dialog.Root>
  );
}

function Incidents({ go }: { go: (path: string) => void }) {
  const { summaries, known } = useVigilState((s) => s.incidents);
  const latest = [...summaries.values()].toSorted((a, b) => Date.parse(b.opened_at ?? "") - Date.parse(a.opened_at ?? "")).slice(0, shown);
  return (
    <Group title="The latest incidents">
      {latest.length === 0 && <li className="text-xs text-ink-3">{known ? "There are none yet." : "Not known yet: the gateway has not answered."}</li>}
      {latest.map((s) => (
        <Choice key={s.incident_id} subject={{ kind: "incident", id: s.incident_id }} go={go}>
          <SeverityMark severity={s.severity} />
          <span {...from(incidentSource(s.incident_id, "/title"))} className="min-w-0 flex-1 truncate">
            {s.title}
          </span>
          <StatusBadge of={s} />
          <OriginBadge origin={s.origin} />
        </Choice>
      ))}
    </Group>
  );
}

function Scenarios({ go }: { go: (path: string) => void }) {
  const scenarios = useQuery({ queryKey: ["scenarios"], queryFn: readScenarios, staleTime: Infinity, retry: false });
  if (scenarios.data === undefined || scenarios.data.length === 0) return null;
  return (
    <Group title="Recorded, and part of Vigil">
      {scenarios.data.map((s, i) => (
        <Choice key={s.name} subject={{ kind: "scenario", name: s.name }} go={go}>
          <SeverityMark severity={s.severity} />
          <span {...from(`${scenarioIndexPath}#/scenarios/${i}/title`)} className="min-w-0 flex-1 truncate">
            {s.title}
          </span>
          <OriginBadge origin="recorded" />
        </Choice>
      ))}
    </Group>
  );
}

function Group({ title, children }: { title: string; children: ReactNode }) {
  return (
    <section aria-label={title} className="space-y-1">
      <h3 className="text-2xs text-ink-3">{title}</h3>
      <ul className="space-y-0.5">{children}</ul>
    </section>
  );
}

function Choice({ subject, go, children }: { subject: Subject; go: (path: string) => void; children: ReactNode }) {
  const path = presentPath(subject);
  return (
    <li>
      <a href={path} onClick={(e) => follow(e, path, go)} className="flex min-h-8 items-center gap-2 rounded-md px-2 text-xs hover:bg-hover">
        {children}
      </a>
    </li>
  );
}
