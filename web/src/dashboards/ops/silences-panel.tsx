import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { BellOff, Plus } from "lucide-react";
import { useState } from "react";

import { type Rest, type Silence, type SilenceState, paths } from "../../feed/rest";
import { useVigil, useVigilState } from "../../store/react";
import { Button } from "../../ui/button";
import { Choices } from "../../ui/choices";
import { Panel } from "../../ui/panel";
import { from, pageSource, querySource, systemSource } from "../../ui/source";
import { Paged } from "./paged";
import { useRefusalNow } from "./permissions";
import { SilenceDialog } from "./silence-dialog";
import { SilenceItem } from "./silence-item";
import { silencesActive } from "./silence-words";

/** What is kept from opening incidents, now, later and in the past, and why. */
export function SilencesPanel({ pointed }: { pointed?: string }) {
  const health = useVigilState((s) => s.system.health);
  const active = silencesActive(health?.data);
  const refusal = useRefusalNow("responder");
  const [show, setShow] = useState<"now" | "past">("now");
  const [creating, setCreating] = useState(false);
  return (
    <Panel
      title="Silences and maintenance"
      icon={<BellOff className="size-4" />}
      testId="silences"
      aside={
        <>
          {health !== undefined && active !== undefined && <span className="tabular" {...from(systemSource(health, "/silences_active"))}>{active} active</span>}
          <Choices
            label="Which silences"
            options={[
              { value: "now", text: "Now and later" },
              { value: "past", text: "Past" },
            ]}
            value={show}
            onChange={setShow}
          />
          <Button data-testid="silence-create" disabled={refusal !== undefined} title={refusal} onClick={() => setCreating(true)}>
            <Plus aria-hidden className="size-3.5" />
            New silence
          </Button>
        </>
      }
    >
      {refusal !== undefined && <p className="border-b border-line px-3.5 py-1.5 text-2xs text-ink-3">{refusal}</p>}
      {pointed !== undefined && <Pointed id={pointed} />}
      {show === "now" ? (
        <>
          <Section title="Active" state="active" empty="Nothing is silenced." except={pointed} />
          <Section title="Pending" state="pending" empty="Nothing is planned." except={pointed} />
        </>
      ) : (
        <>
          <Section title="Over" state="expired" empty="None has run its time yet." except={pointed} />
          <Section title="Ended early" state="ended" empty="None was ended early." except={pointed} />
        </>
      )}
      <SilenceDialog open={creating} onOpenChange={setCreating} onDone={() => setShow("now")} />
    </Panel>
  );
}

/** They begin and end by the clock, of which no event tells. */
const refreshMs = 30_000;

function Section({ title, state, empty, except }: { title: string; state: SilenceState; empty: string; except: string | undefined }) {
  const { rest } = useVigil();
  const active = useVigilState((s) => silencesActive(s.system.health?.data));
  const list = useInfiniteQuery({
    // How many there are is part of the key: when it changes, the list is read anew.
    queryKey: ["silences", state, active],
    queryFn: ({ pageParam }) => rest.silences(state, pageParam),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next,
    placeholderData: (before, query) => (query?.queryKey[1] === state ? before : undefined),
    refetchInterval: refreshMs,
  });
  const pages = list.data?.pages.map((p, i) => ({ silences: p.silences, path: paths.silences(state, list.data.pages[i - 1]?.next) })) ?? [];
  const silences = pages.flatMap((p) => p.silences.map((silence, i) => ({ silence, source: querySource(p.path, `/silences/${i}`) }))).filter(({ silence }) => silence.id !== except);
  return (
    <section aria-label={`${title} silences`} data-testid={`silences-${state}`}>
      <h3 className="border-b border-line bg-sunken px-3.5 py-1 text-2xs font-semibold text-ink-3">
        {title} {pages.length === 1 && silences.length > 0 && <span className="tabular font-normal" {...from(querySource(paths.silences(state)), "count /silences")}>{pages[0]?.silences.length}{list.hasNextPage && "+"}</span>}
      </h3>
      <Paged list={list} shown={silences.length} empty={empty} more="Show earlier silences">
        <ul className="divide-y divide-line border-b border-line">
          {silences.map(({ silence, source }) => (
            <SilenceItem key={silence.id} silence={silence} source={source} />
          ))}
        </ul>
      </Paged>
    </section>
  );
}

/** The silence that something on the page names, on top and with its alerts. */
function Pointed({ id }: { id: string }) {
  const { rest } = useVigil();
  const found = useQuery({ queryKey: ["silences", "one", id], queryFn: () => find(rest, id), refetchInterval: refreshMs });
  return (
    <section aria-label={`The silence ${id}`} data-source={found.data?.source ?? pageSource("typed")} className="border-b-2 border-accent bg-accent-soft">
      <Paged list={found} shown={found.data ? 1 : 0} empty={<>The silence {id} is not among the latest.</>}>
        <ul>{found.data && <SilenceItem {...found.data} open />}</ul>
      </Paged>
    </section>
  );
}

/** How many pages of silences are looked through for one: the latest thousand. */
const pages = 10;

async function find(rest: Rest, id: string): Promise<{ silence: Silence; source: string } | null> {
  let before: string | undefined;
  for (let i = 0; i < pages; i++) {
    // oxlint-disable-next-line no-await-in-loop -- each page says where the next begins
    const page = await rest.silences(undefined, before, 100);
    const place = page.silences.findIndex((s) => s.id === id);
    const silence = page.silences[place];
    if (silence !== undefined) return { silence, source: querySource(paths.silences(undefined, before, 100), `/silences/${place}`) };
    if (page.next === undefined) return null;
    before = page.next;
  }
  return null;
}
