/**
 * The history of a run in Temporal's own web UI. namespace is the page of the namespace there, as the
 * gateway was told.
 */
export function historyURL(namespace: string, workflowId: string, runId: string): string {
  return [namespace, "workflows", encodeURIComponent(workflowId), encodeURIComponent(runId), "history"].join("/");
}
