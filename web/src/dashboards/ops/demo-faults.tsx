/** The faults of the sandbox, to be started by hand. Loaded when somebody asks for them: a popover is large. */
import { Popover } from "@base-ui/react/popover";
import { useQueryClient } from "@tanstack/react-query";
import { useCallback, type ReactNode } from "react";

import { type DemoFault, type DemoStatus, paths } from "../../feed/rest";
import { useVigil } from "../../store/react";
import { Button, buttonClass } from "../../ui/button";
import { from, querySource } from "../../ui/source";
import { useVerb } from "./use-verb";

/** Open from the start: whoever sees it has pressed its button already. */
export function DemoFaults({ demo: { faults, active }, label }: { demo: DemoStatus; label: ReactNode }) {
  return (
    <Popover.Root defaultOpen>
      <Popover.Trigger className={buttonClass("plain")} data-testid="demo">
        {label}
      </Popover.Trigger>
      <Popover.Portal>
        <Popover.Positioner sideOffset={6} align="end" className="z-50">
          <Popover.Popup className="w-80 rounded-xl border border-line-strong bg-surface p-2 shadow-2xl">
            <Popover.Title className="px-2 pt-1 text-xs font-semibold">Make something go wrong</Popover.Title>
            <Popover.Description className="px-2 pb-2 text-2xs text-ink-2">
              In the sandbox&apos;s small world. Its own alarm will reach Vigil as any other does.
            </Popover.Description>
            <ul {...from(querySource(paths.demo, "/faults"))}>
              {faults.map((f) => (
                <Fault key={f.name} fault={f} active={active} />
              ))}
            </ul>
          </Popover.Popup>
        </Popover.Positioner>
      </Popover.Portal>
    </Popover.Root>
  );
}

function Fault({ fault: f, active }: { fault: DemoFault; active: string | undefined }) {
  const { rest } = useVigil();
  const queries = useQueryClient();
  const verb = useVerb(
    useCallback(
      async (key: string) => {
        await rest.startFault(f.name, key);
        await queries.invalidateQueries({ queryKey: ["demo"] });
      },
      [rest, queries, f.name],
    ),
  );
  const running = active === f.name;
  return (
    <li className="flex items-center gap-2 rounded-md px-2 py-1.5 hover:bg-hover">
      <span className="min-w-0 flex-1">
        <span className="block text-xs font-medium">{f.title}</span>
        {f.description !== undefined && <span className="block text-2xs text-ink-2">{f.description}</span>}
        {verb.error !== undefined && (
          <span role="alert" className="block text-2xs text-bad">
            {verb.error}
          </span>
        )}
      </span>
      <Button aria-label={`Start: ${f.title}`} data-testid={`fault-${f.name}`} disabled={verb.busy || running} onClick={() => void verb.run()}>
        {running ? "Going on" : "Start"}
      </Button>
    </li>
  );
}
