/** The one place where the live state enters React. */
import { createContext, useContext, useEffect } from "react";
import { useStore } from "zustand";

import type { Detail } from "./incidents";
import type { Vigil, VigilState } from "./vigil";

const Context = createContext<Vigil | undefined>(undefined);

export const VigilProvider = Context.Provider;

export function useVigil(): Vigil {
  const vigil = useContext(Context);
  if (vigil === undefined) throw new Error("useVigil: there is no VigilProvider above this component");
  return vigil;
}

/** Selectors must return what is in the state, or a primitive; what they make anew renders forever. */
export function useVigilState<T>(select: (state: VigilState) => T): T {
  return useStore(useVigil().state, select);
}

/** The incident down to its events, for as long as the component is there. */
export function useIncident(id: string): Detail | undefined {
  const { incidents } = useVigil();
  useEffect(() => incidents.watch(id), [incidents, id]);
  return useVigilState((state) => state.incidents.details.get(id));
}
