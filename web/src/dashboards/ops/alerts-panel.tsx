import { BellOff, BellRing } from "lucide-react";
import { useMemo, useState } from "react";

import { type Matcher, paths } from "../../feed/rest";
import type { DecodedEvent } from "../../protocol/decoder";
import type { View } from "../../protocol/generated";
import { Button } from "../../ui/button";
import { SearchField } from "../../ui/field";
import { count } from "../../ui/format";
import { Empty, Panel } from "../../ui/panel";
import { from, incidentSource, pageSource, querySource } from "../../ui/source";
import { useSource } from "../../ui/sources";
import { AlertGroup } from "./alert-row";
import { byKey, listedAlerts, shownAlerts } from "./alerts-model";
import { useIncidentAlerts } from "./incident-alerts";
import { isOver } from "./list-model";
import { Paged } from "./paged";
import { useRefusalNow } from "./permissions";
import { SilenceDialog } from "./silence-dialog";
import { matchersOf } from "./silence-words";
import { SplitDialog } from "./move-dialogs";
import { useSettled } from "./use-settled";

const typingMs = 300;

/** The alerts of an incident by the keys that they came with: why each is here, how it stands, how often it was heard. */
export function AlertsPanel({ view: v, events }: { view: View; events: readonly DecodedEvent[] }) {
  const [all, setAll] = useState(false);
  const [text, setText] = useState("");
  const [silencing, setSilencing] = useState<readonly Matcher[]>();
  const refusal = useRefusalNow("responder");
  const q = useSettled(text.trim(), typingMs);
  const list = useIncidentAlerts(v, all ? q : "", events);
  const pages = list.data?.pages;
  const listed = useMemo(() => pages?.flatMap((p) => p.alerts) ?? [], [pages]);
  const keys = useMemo(() => pages?.[0]?.keys ?? [], [pages]);
  const rows = useMemo(() => (all ? listedAlerts(v, listed) : shownAlerts(v, listed)), [all, v, listed]);
  const groups = useMemo(() => byKey(rows, keys), [rows, keys]);
  const asked = all && q !== "" ? q : undefined;
  /** Where each alert and key is. */
  const sources = useMemo(() => {
    const found = new Map<object, string>((v.alerts ?? []).map((alert, i) => [alert, incidentSource(v.incident_id, `/alerts/${i}`)]));
    for (const [i, page] of (pages ?? []).entries()) {
      const answer = paths.incidentAlerts(v.incident_id, asked, pages?.[i - 1]?.next);
      for (const [j, l] of page.alerts.entries()) found.set(l, querySource(answer, `/alerts/${j}`)).set(l.alert, querySource(answer, `/alerts/${j}/alert`));
      if (i === 0) for (const [j, key] of page.keys.entries()) found.set(key, querySource(answer, `/keys/${j}`));
    }
    return found;
  }, [v.alerts, v.incident_id, pages, asked]);
  const at = useSource();
  const more = Object.keys(v.more_alerts ?? {}).length;
  return (
    <Panel title="Alerts" icon={<BellRing className="size-4" />} testId="alerts" aside={<Aside view={v} refusal={refusal} keys={keys} onSilence={() => setSilencing(matchersOf(v.alerts ?? []))} />}>
      {v.alerts_total === 0 && rows.length === 0 ? (
        <Empty>No alert belongs to this incident.</Empty>
      ) : (
        <>
          {all && (
            <div className="flex items-center gap-2 border-b border-line px-3.5 py-2">
              <SearchField label="Search alerts" placeholder="Search what alerts say" value={text} onChange={setText} className="flex-1" />
              <Button
                kind="ghost"
                onClick={() => {
                  setAll(false);
                  setText("");
                }}
              >
                Show fewer
              </Button>
            </div>
          )}
          {all ? (
            <Paged list={list} shown={rows.length} empty={q === "" ? "The gateway lists none." : "Nothing matches."} more="Show more alerts">
              <Groups groups={groups} sources={sources} refusal={refusal} onSilence={setSilencing} />
            </Paged>
          ) : (
            <>
              <Groups groups={groups} sources={sources} refusal={refusal} onSilence={setSilencing} />
              {list.isError && (
                <p role="alert" {...from(pageSource("answer"))} className="px-3.5 py-2 text-2xs text-warn">
                  How often they were heard cannot be read now: {list.error.message}
                </p>
              )}
              {more > 0 && (
                <div className="p-2 text-center">
                  <Button kind="ghost" data-testid="alerts-more" onClick={() => setAll(true)}>
                    and <span {...at("/more_alerts", "count .")}>{count(more)}</span> more
                  </Button>
                </div>
              )}
            </>
          )}
        </>
      )}
      <SilenceDialog open={silencing !== undefined} onOpenChange={(open) => !open && setSilencing(undefined)} matchers={silencing} />
    </Panel>
  );
}

interface GroupsProps {
  groups: ReturnType<typeof byKey>;
  sources: ReadonlyMap<object, string>;
  refusal: string | undefined;
  onSilence: (matchers: readonly Matcher[]) => void;
}

function Groups({ groups, sources, refusal, onSilence }: GroupsProps) {
  return (
    <div className="max-h-[34rem] overflow-y-auto">
      {groups.map((g) => (
        <AlertGroup key={g.key} group={g} sources={sources} refusal={refusal} onSilence={(row) => onSilence(matchersOf([row.alert]))} />
      ))}
    </div>
  );
}

function Aside({ view: v, keys, refusal, onSilence }: { view: View; keys: Parameters<typeof SplitDialog>[0]["keys"]; refusal: string | undefined; onSilence: () => void }) {
  const silenced = (v.alerts ?? []).some((a) => a.status === "firing" && (a.silenced_by ?? "") !== "") || Object.values(v.more_alerts ?? {}).includes("silenced");
  const at = useSource();
  if (v.alerts_total === 0) return null;
  return (
    <>
      <span className="tabular" data-testid="alerts-count" {...at(["/alerts_firing", "/alerts_total"])}>
        {count(v.alerts_firing)} firing{silenced && ", some silenced"}, of {count(v.alerts_total)}
      </span>
      {!isOver(v) && (
        <>
          <Button disabled={refusal !== undefined} title={refusal ?? "Silence alerts like these"} onClick={onSilence}>
            <BellOff aria-hidden className="size-3.5" />
            Silence
          </Button>
          <SplitDialog view={v} keys={keys} />
        </>
      )}
    </>
  );
}
