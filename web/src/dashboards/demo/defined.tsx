/** The name of a figure, with what it means on demand. */
import { Popover } from "@base-ui/react/popover";
import { Info } from "lucide-react";
import { createContext, useContext, type ReactNode } from "react";

import { analyticsPaths } from "../../feed/analytics";
import type { Definition } from "../../protocol/generated";
import { from, querySource } from "../../ui/source";

const Context = createContext<readonly Definition[]>([]);

export const DefinitionsProvider = Context.Provider;

interface Props {
  /** Of the field. */
  name: string;
  children: ReactNode;
}

export function Defined({ name, children }: Props) {
  const definitions = useContext(Context);
  const at = definitions.findIndex((d) => d.name === name);
  const definition = definitions[at];
  if (definition === undefined) return <>{children}</>;
  return (
    <span className="inline-flex items-center gap-1">
      {children}
      <Popover.Root>
        <Popover.Trigger aria-label={`What ${definition.label} means`} className="grid size-5 place-items-center rounded text-ink-3 hover:bg-hover hover:text-ink print:hidden">
          <Info aria-hidden className="size-3.5" />
        </Popover.Trigger>
        <Popover.Portal>
          <Popover.Positioner sideOffset={6} collisionPadding={12} className="z-50">
            <Popover.Popup {...from(querySource(analyticsPaths.definitions, `/definitions/${at}`))} className="w-[min(22rem,calc(100vw-2rem))] space-y-1 rounded-lg border border-line-strong bg-surface p-3 text-xs shadow-2xl">
              <Popover.Title className="font-semibold">{definition.label}</Popover.Title>
              <Popover.Description className="text-ink-2">{definition.text}</Popover.Description>
            </Popover.Popup>
          </Popover.Positioner>
        </Popover.Portal>
      </Popover.Root>
    </span>
  );
}

/** The definition itself, written out. */
export function DefinitionText({ name }: { name: string }) {
  const definitions = useContext(Context);
  const at = definitions.findIndex((d) => d.name === name);
  const definition = definitions[at];
  if (definition === undefined) return null;
  return (
    <p {...from(querySource(analyticsPaths.definitions, `/definitions/${at}`))}>
      <b className="font-semibold">{definition.label}.</b> {definition.text}
    </p>
  );
}
