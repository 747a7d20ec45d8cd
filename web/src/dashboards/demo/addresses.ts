/** Where this dashboard's pages are. */

/** An incident of the gateway's, or one that was recorded and ships with the page. */
export type Subject = { kind: "incident"; id: string } | { kind: "scenario"; name: string };

export const demoPath = "/demo";

export function rangePath(range: string): string {
  return `${demoPath}?${new URLSearchParams({ range }).toString()}`;
}

export function presentPath(subject: Subject): string {
  return subject.kind === "incident" ? `${demoPath}/present/incidents/${encodeURIComponent(subject.id)}` : `${demoPath}/present/scenarios/${encodeURIComponent(subject.name)}`;
}
