/** The places of the System drawer, and the way to them from anywhere on the page. */
import { createContext, useContext } from "react";

export type Place =
  | { tab: "vigil" }
  /** With the deliveries of one source. */
  | { tab: "deliveries"; source?: string }
  /** With one silence on top. */
  | { tab: "silences"; silence?: string }
  | { tab: "sources" }
  /** How far Vigil may go. */
  | { tab: "controls" }
  /** Who may act on what. */
  | { tab: "leases" }
  | { tab: "audit" };

const Context = createContext<(place: Place) => void>(() => {});

export const PlacesProvider = Context.Provider;

export function useOpenPlace(): (place: Place) => void {
  return useContext(Context);
}

/** A silence by its id, wherever an alert names it. */
export function SilenceLink({ id, className }: { id: string; className?: string }) {
  const open = useOpenPlace();
  return (
    <button type="button" onClick={() => open({ tab: "silences", silence: id })} className={className ?? "text-accent underline"}>
      {id}
    </button>
  );
}
