/** Where the values below come from, so that a panel names only the way from there. */
import { createContext, useCallback, useContext, type ReactNode } from "react";

import { type SourceProps, from } from "./source";

const Base = createContext<string | undefined>(undefined);

/** base is a source as in source.ts, with its `#` and the pointer to what the parts below show. */
export function SourceProvider({ base, children }: { base: string; children: ReactNode }) {
  return <Base.Provider value={base}>{children}</Base.Provider>;
}

/** A part of what the provider above names. */
export function SourceAt({ pointer, children }: { pointer: string; children: ReactNode }) {
  const base = useContext(Base);
  return <Base.Provider value={base === undefined ? undefined : base + pointer}>{children}</Base.Provider>;
}

/** The props that say where a value is; none where nobody above says. Several pointers for what lies in several places. */
export type At = (pointer?: string | readonly string[], derive?: string) => Partial<SourceProps>;

export function useSource(): At {
  const base = useContext(Base);
  return useCallback<At>(
    (pointer = "", derive) => {
      if (base === undefined) return {};
      const pointers = typeof pointer === "string" ? [pointer] : pointer;
      return from(pointers.map((p) => base + p).join(" "), derive);
    },
    [base],
  );
}
