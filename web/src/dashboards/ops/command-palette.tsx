import { Autocomplete } from "@base-ui/react/autocomplete";
import { Dialog } from "@base-ui/react/dialog";
import { Search } from "lucide-react";
import { useMemo, useState } from "react";

import { useNavigation } from "../../parts/navigation";
import { useVigilState } from "../../store/react";
import { from, incidentSource } from "../../ui/source";
import { setTheme, theme, themes } from "../../ui/theme";
import { type Command, type Entry, type Here, entries } from "./commands";

interface Props {
  open: boolean;
  onOpenChange: (open: boolean) => void;
  run: (command: Command) => void;
}

/** One field from which every place and every action of the page is reached. */
export function CommandPalette({ open, onOpenChange, run }: Props) {
  return (
    <Dialog.Root open={open} onOpenChange={onOpenChange}>
      <Dialog.Portal>
        <Dialog.Backdrop className="fixed inset-0 z-50 bg-black/40" />
        <Dialog.Popup data-testid="command-palette" className="fixed top-[10dvh] left-1/2 z-50 flex max-h-[75dvh] w-[min(36rem,calc(100vw-1.5rem))] -translate-x-1/2 flex-col overflow-hidden rounded-xl border border-line-strong bg-surface shadow-2xl">
          <Dialog.Title className="sr-only">Command palette</Dialog.Title>
          <Palette run={run} />
        </Dialog.Popup>
      </Dialog.Portal>
    </Dialog.Root>
  );
}

function Palette({ run }: Pick<Props, "run">) {
  const { incidentId } = useNavigation();
  const summaries = useVigilState((s) => s.incidents.summaries);
  const [text, setText] = useState("");
  const [here] = useState<Here>(() => ({ incidentId, can: pressable() }));
  const found = useMemo(() => entries(text, summaries.values(), here), [text, summaries, here]);
  const groups = useMemo(() => grouped(found), [found]);
  const choose = (command: Command) => {
    if (command.do === "theme") setTheme(themes[(themes.indexOf(theme()) + 1) % themes.length] ?? "system");
    run(command);
  };
  return (
    <Autocomplete.Root open inline items={groups} filter={null} value={text} onValueChange={(value, { reason }) => reason !== "item-press" && setText(value)} itemToStringValue={(e: Entry) => e.text} autoHighlight="always" keepHighlight>
      <div className="flex items-center gap-2 border-b border-line px-3.5">
        <Search aria-hidden className="size-4 shrink-0 text-ink-3" />
        <Autocomplete.Input aria-label="What to go to or to do" placeholder="Go to an incident, a place, an action" className="h-11 w-full bg-transparent text-[13px] outline-none placeholder:text-ink-3" />
      </div>
      <Autocomplete.Empty className="px-4 py-6 text-center text-xs text-ink-3 empty:hidden">Nothing is called that.</Autocomplete.Empty>
      <Autocomplete.List className="min-h-0 overflow-y-auto p-1.5 empty:hidden" data-testid="commands">
        {groups.map(({ group, items }) => (
          <Autocomplete.Group key={group} items={items} className="pb-1">
            <Autocomplete.GroupLabel className="px-2 py-1 text-2xs font-semibold text-ink-3">{group}</Autocomplete.GroupLabel>
            {items.map((e) => (
              <Autocomplete.Item key={e.id} value={e} onClick={() => choose(e.command)} {...(e.incident !== undefined && from(sourceOf(e.incident)))} className="flex cursor-pointer items-baseline gap-2 rounded-md px-2 py-1.5 text-xs data-highlighted:bg-accent-soft">
                <span className="min-w-0 font-medium [overflow-wrap:anywhere]">{e.text}</span>
                {e.detail !== undefined && <span className="min-w-0 flex-1 truncate text-2xs text-ink-2">{e.detail}</span>}
                {e.key !== undefined && <kbd className="ml-auto shrink-0 rounded border border-line-strong bg-sunken px-1.5 font-mono text-2xs">{e.key}</kbd>}
              </Autocomplete.Item>
            ))}
          </Autocomplete.Group>
        ))}
      </Autocomplete.List>
    </Autocomplete.Root>
  );
}

function sourceOf(incident: string): string {
  return ["title", "service", "incident_id"].map((field) => incidentSource(incident, `/${field}`)).join(" ");
}

function grouped(list: readonly Entry[]): { group: Entry["group"]; items: Entry[] }[] {
  const groups = new Map<Entry["group"], Entry[]>();
  for (const e of list) groups.set(e.group, [...(groups.get(e.group) ?? []), e]);
  return [...groups].map(([group, items]) => ({ group, items }));
}

/** Which of the page's buttons may be pressed now. */
function pressable(): ReadonlySet<string> {
  const buttons = [...document.querySelectorAll<HTMLButtonElement>("#main [data-action]")];
  return new Set(buttons.filter((b) => !b.disabled).map((b) => b.dataset.action ?? ""));
}
