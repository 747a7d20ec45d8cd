/** Where the workflow behind an incident can be looked at: Temporal's own web UI. */

export interface TemporalUI {
  /** Its address, without a path. */
  url: string;
  namespace: string;
}

/** The history of a run. */
export function historyURL(ui: TemporalUI, workflowId: string, runId: string): string {
  return [ui.url.replace(/\/+$/, ""), "namespaces", encodeURIComponent(ui.namespace), "workflows", encodeURIComponent(workflowId), encodeURIComponent(runId), "history"].join("/");
}
