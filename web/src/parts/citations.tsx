/** Evidence is cited by id (E1, E2, …); a citation leads to what it cites. */
import { clsx } from "clsx";
import { createContext, useCallback, useContext, useMemo, useState, type ReactNode } from "react";

interface Citations {
  /** Evidence that exists. */
  known: ReadonlySet<string>;
  /** The one that was asked for last, and how often it was asked for anything. */
  shown: { id: string; times: number } | undefined;
  show(id: string): void;
}

const Context = createContext<Citations>({ known: new Set(), shown: undefined, show: () => {} });

export function CitationsProvider({ known, children }: { known: ReadonlySet<string>; children: ReactNode }) {
  const [shown, setShown] = useState<Citations["shown"]>();
  const show = useCallback((id: string) => setShown((before) => ({ id, times: (before?.times ?? 0) + 1 })), []);
  const value = useMemo(() => ({ known, shown, show }), [known, shown, show]);
  return <Context.Provider value={value}>{children}</Context.Provider>;
}

export function useCitations(): Citations {
  return useContext(Context);
}

export function Cites({ ids, label }: { ids: readonly string[] | undefined; label?: string }) {
  const { known, show } = useCitations();
  if (ids === undefined || ids.length === 0) return null;
  return (
    <span className="inline-flex flex-wrap items-center gap-1 align-middle">
      {label !== undefined && <span className="text-2xs text-ink-3">{label}</span>}
      {ids.map((id) => (
        <button
          key={id}
          type="button"
          disabled={!known.has(id)}
          title={known.has(id) ? `Show evidence ${id}` : `There is no evidence ${id}`}
          onClick={() => show(id)}
          className={clsx(
            "tabular inline-flex h-[18px] items-center rounded px-1 font-mono text-2xs font-medium",
            known.has(id) ? "bg-accent-soft text-accent hover:brightness-95" : "cursor-not-allowed text-bad line-through",
          )}
        >
          {id}
        </button>
      ))}
    </span>
  );
}
