/** How this dashboard moves: the app says where we are and takes us elsewhere. */
import { createContext, useContext, type AnchorHTMLAttributes, type MouseEvent } from "react";

export interface Navigation {
  /** The incident that the address names. */
  incidentId: string | undefined;
  /** Goes to an incident, or to the overview. */
  go(incidentId: string | undefined): void;
}

const Context = createContext<Navigation>({ incidentId: undefined, go: () => {} });

export const NavigationProvider = Context.Provider;

export function useNavigation(): Navigation {
  return useContext(Context);
}

export function incidentPath(id: string | undefined): string {
  return id === undefined ? "/ops" : `/ops/incidents/${encodeURIComponent(id)}`;
}

/** A real link, so that it can be opened in a tab and copied, that moves without loading the page anew. */
export function IncidentLink({ to, children, ...rest }: { to: string | undefined } & AnchorHTMLAttributes<HTMLAnchorElement>) {
  const { go } = useNavigation();
  const click = (e: MouseEvent) => {
    if (e.button !== 0 || e.metaKey || e.ctrlKey || e.shiftKey || e.altKey) return;
    e.preventDefault();
    go(to);
  };
  return (
    <a {...rest} href={incidentPath(to)} onClick={click}>
      {children}
    </a>
  );
}

/** Words that name an incident, with the way to it. */
export function LinkedText({ text, incident }: { text: string; incident: string | undefined }) {
  const at = incident === undefined ? -1 : text.indexOf(incident);
  if (incident === undefined || at === -1) return <>{text}</>;
  return (
    <>
      {text.slice(0, at)}
      <IncidentLink to={incident} className="text-accent underline">
        {incident}
      </IncidentLink>
      {text.slice(at + incident.length)}
    </>
  );
}
