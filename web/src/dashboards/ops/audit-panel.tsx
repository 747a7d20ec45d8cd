import { useInfiniteQuery } from "@tanstack/react-query";
import { ScrollText } from "lucide-react";

import { type AuditEntry, paths } from "../../feed/rest";
import { useVigil, useVigilState } from "../../store/react";
import { Age } from "../../ui/now";
import { Panel } from "../../ui/panel";
import { from, querySource } from "../../ui/source";
import { spaced } from "../../ui/words";
import { IncidentLink } from "../../parts/navigation";
import { Paged } from "./paged";
import { SilenceLink } from "./places";

const refreshMs = 30_000;

/** Who did what, when, and why. */
export function AuditPanel() {
  const { rest } = useVigil();
  const list = useInfiniteQuery({
    queryKey: ["audit"],
    queryFn: ({ pageParam }) => rest.audit(undefined, pageParam),
    initialPageParam: undefined as number | undefined,
    getNextPageParam: (page) => page.next,
    refetchInterval: refreshMs,
  });
  const entries = list.data?.pages.flatMap((p, page) => p.entries.map((entry, i) => ({ entry, source: querySource(paths.audit(undefined, list.data.pages[page - 1]?.next), `/entries/${i}`) }))) ?? [];
  return (
    <Panel title="Audit" icon={<ScrollText className="size-4" />} testId="audit" aside="what people did, newest first">
      <Paged list={list} shown={entries.length} empty="Nobody has done anything yet that is kept here." more="Show earlier entries">
        <ol className="divide-y divide-line">
          {entries.map(({ entry, source }) => (
            <Entry key={entry.id} entry={entry} source={source} />
          ))}
        </ol>
      </Paged>
    </Panel>
  );
}

const actions: Readonly<Record<string, string>> = {
  "silence.created": "silenced alerts:",
  "silence.ended": "ended the silence",
  "delivery.retried": "had a delivery read again:",
  "delivery.discarded": "discarded the delivery",
  "deliveries.retried": "had deliveries read again:",
  "incident.merged": "merged the incident",
  "incident.split": "split the incident",
  "controls.set": "set the",
  "controls.killed": "stopped everything:",
  "controls.started": "let Vigil act again:",
  "lease.cleared": "cleared the lease",
  "option.proposed": "put an option forward in",
  "review.edited": "edited the review of",
};

function Entry({ entry: e, source }: { entry: AuditEntry; source: string }) {
  const detail = Object.entries(e.detail ?? {});
  return (
    <li {...from(source)} data-testid={`audit-${e.id}`} data-action={e.action} className="px-3.5 py-2 text-xs">
      <p className="flex items-baseline gap-2">
        <span className="min-w-0 flex-1 [overflow-wrap:anywhere]">
          <b className="font-semibold">{e.principal}</b> {actions[e.action] ?? spaced(e.action.replaceAll(".", " "))} <Subject entry={e} />
        </span>
        <Age at={e.at} className="tabular text-2xs text-ink-3" />
      </p>
      {e.reason !== undefined && e.reason !== "" && <p className="text-ink-2 [overflow-wrap:anywhere]">{e.reason}</p>}
      {detail.length > 0 && (
        <p className="text-2xs text-ink-3 [overflow-wrap:anywhere]">
          {detail.map(([name, value]) => `${spaced(name)}: ${plain(value)}`).join("; ")}
        </p>
      )}
    </li>
  );
}

function Subject({ entry: { action, subject } }: { entry: AuditEntry }) {
  const own = useVigilState((s) => s.incidents.summaries.has(subject));
  if (action.startsWith("incident.") || own) {
    return (
      <IncidentLink to={subject} className="text-accent underline">
        {subject}
      </IncidentLink>
    );
  }
  if (action.startsWith("silence.")) return <SilenceLink id={subject} />;
  return <>{action === "delivery.retried" || action === "delivery.discarded" ? `#${subject}` : subject}</>;
}

function plain(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}
