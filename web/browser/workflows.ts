/** What the workflows themselves say, asked by way of Temporal's web UI: nothing of Vigil's gateway is between. */
import type { View } from "../src/protocol/generated";

const namespace = "/api/v1/namespaces/default";

interface Execution {
  execution: { workflowId: string };
  type: { name: string };
}

interface Answer {
  queryResult: { payloads: { data: string }[] };
}

export class Workflows {
  private readonly ui: string;
  /** The UI takes a query only with a token that it gave out before. */
  private token: Promise<string> | undefined;

  constructor(ui: string) {
    this.ui = ui;
  }

  /** The ids of all incidents that there are workflows of. */
  async incidents(): Promise<string[]> {
    const ids = new Set<string>();
    let next = "";
    do {
      const query = new URLSearchParams({ query: 'WorkflowType="IncidentWorkflow"', nextPageToken: next });
      const page = (await answered(await fetch(`${this.ui}${namespace}/workflows?${query}`))) as { executions?: Execution[]; nextPageToken?: string };
      page.executions?.forEach(({ execution }) => ids.add(execution.workflowId));
      next = page.nextPageToken ?? "";
    } while (next !== "");
    return [...ids].toSorted();
  }

  /** The state of an incident's latest run. */
  async state(id: string): Promise<View> {
    this.token ??= this.askToken();
    const token = await this.token;
    const headers = { "Content-Type": "application/json", "X-CSRF-Token": token, Cookie: `_csrf=${token}` };
    const response = await fetch(`${this.ui}${namespace}/workflows/${encodeURIComponent(id)}/query/state`, { method: "POST", headers, body: "{}" });
    const { queryResult } = (await answered(response)) as Answer;
    const data = queryResult.payloads[0]?.data;
    if (data === undefined) throw new Error(`The workflow ${id} has no state.`);
    return JSON.parse(Buffer.from(data, "base64").toString("utf8")) as View;
  }

  private async askToken(): Promise<string> {
    const response = await fetch(`${this.ui}${namespace}`);
    const token = /_csrf=([^;]+)/.exec(response.headers.getSetCookie().join("; "))?.[1];
    if (token === undefined) throw new Error(`Temporal's web UI gave no token: ${response.status}`);
    return token;
  }
}

async function answered(response: Response): Promise<unknown> {
  if (!response.ok) throw new Error(`${response.url}: ${response.status} ${await response.text()}`);
  return response.json();
}
