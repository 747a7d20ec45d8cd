/** How this dashboard moves: the app says where we are and takes us elsewhere. */
import { createContext, useContext, type AnchorHTMLAttributes, type MouseEvent } from "react";

export interface Navigation {
  /** The incident that the address names. */
  incidentId: string | undefined;
  /** Goes to an incident, or to the overview. */
  go(incidentId: string | undefined): void;
  /** Goes to any path, of this dashboard or of another. */
  goTo?(path: string): void;
}

const Context = createContext<Navigation>({ incidentId: undefined, go: () => {} });

export const NavigationProvider = Context.Provider;

export function useNavigation(): Navigation {
  return useContext(Context);
}

export function incidentPath(id: string | undefined): string {
  return id === undefined ? "/ops" : `/ops/incidents/${encodeURIComponent(id)}`;
}

/** Where one incident is explained, step by step. */
export function explainPath(id: string): string {
  return `/transparency/incidents/${encodeURIComponent(id)}`;
}

/** Where one event is shown in its incident's timeline. */
export function eventPath(incidentId: string, eventId: string): string {
  return `${incidentPath(incidentId)}?${new URLSearchParams({ event: eventId }).toString()}`;
}

/** A link to a page of another dashboard. */
export function PageLink({ to, children, ...rest }: { to: string } & AnchorHTMLAttributes<HTMLAnchorElement>) {
  const { goTo } = useNavigation();
  const click = (e: MouseEvent) => {
    if (goTo === undefined || e.button !== 0 || e.metaKey || e.ctrlKey || e.shiftKey || e.altKey) return;
    e.preventDefault();
    goTo(to);
  };
  return (
    <a {...rest} href={to} onClick={click}>
      {children}
    </a>
  );
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
