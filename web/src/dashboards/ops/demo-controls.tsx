import { Popover } from "@base-ui/react/popover";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { FlaskConical } from "lucide-react";
import { useCallback } from "react";

import { type DemoFault, paths } from "../../feed/rest";
import { useVigil } from "../../store/react";
import { Badge } from "../../ui/badge";
import { Button, buttonClass } from "../../ui/button";
import { from, querySource } from "../../ui/source";
import { useVerb } from "./use-verb";

/** Makes something go wrong in the sandbox. Not there where the gateway has no sandbox. */
export function DemoControls() {
  const { rest } = useVigil();
  const demo = useQuery({ queryKey: ["demo"], queryFn: async () => (await rest.demo()) ?? null, refetchInterval: (q) => (q.state.data ? 5_000 : false) });
  if (!demo.data) return null;
  const { faults, active } = demo.data;
  return (
    <Popover.Root>
      <Popover.Trigger className={buttonClass("plain")} data-testid="demo">
        <FlaskConical aria-hidden className={active === undefined ? "size-3.5" : "size-3.5 text-warn"} />
        <span className="max-2xl:sr-only">Sandbox</span>
        {active !== undefined && (
          <span className="max-w-48 max-2xl:hidden" {...from(querySource(paths.demo))}>
            <Badge tone="warn">{faults.find((f) => f.name === active)?.title ?? active}</Badge>
          </span>
        )}
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
