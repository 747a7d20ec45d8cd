/** What the tests ask the gateway and the sandbox themselves, to compare it with what the page shows. */
import { randomUUID } from "node:crypto";

import type { IncidentEvent, Summary, View } from "../src/protocol/generated";
import type { Address } from "./product";
import { until } from "./until";

export class Api {
  private readonly address: Address;

  constructor(address: Address) {
    this.address = address;
  }

  async get<T>(path: string): Promise<T> {
    const response = await fetch(this.address.gateway + path, { headers: { Accept: "application/json" } });
    if (!response.ok) throw new Error(`GET ${path}: ${response.status} ${await response.text()}`);
    return (await response.json()) as T;
  }

  async summaries(): Promise<Summary[]> {
    return (await this.get<{ incidents: Summary[] | null }>("/api/v1/incidents?limit=100")).incidents ?? [];
  }

  view(id: string): Promise<View> {
    return this.get<View>(`/api/v1/incidents/${encodeURIComponent(id)}`);
  }

  async events(id: string): Promise<IncidentEvent[]> {
    const all: IncidentEvent[] = [];
    for (;;) {
      const page = await this.get<{ events: IncidentEvent[] | null; more: boolean }>(`/api/v1/incidents/${encodeURIComponent(id)}/events?after=${all.at(-1)?.seq ?? 0}`);
      all.push(...(page.events ?? []));
      if (!page.more || (page.events ?? []).length === 0) return all;
    }
  }

  /** Approves what is proposed, as somebody at another desk would. */
  async approve(id: string): Promise<void> {
    const { proposal } = await this.view(id);
    if (proposal === undefined) throw new Error(`Nothing is proposed in ${id}.`);
    await this.post(`${this.address.gateway}/api/v1/incidents/${encodeURIComponent(id)}/decisions`, { decision: "approve", proposal_id: proposal.id, action_hash: proposal.action_hash });
  }

  /** Adds a note to an incident: the smallest thing that a person can do. */
  note(id: string, text: string): Promise<void> {
    return this.post(`${this.address.gateway}/api/v1/incidents/${encodeURIComponent(id)}/notes`, { text });
  }

  /** An alert as Alertmanager sends it. */
  alert(name: string, service: string, summary: string): Promise<void> {
    const alert = {
      status: "firing",
      labels: { alertname: name, service, severity: "warning" },
      annotations: { summary },
      startsAt: new Date().toISOString(),
      endsAt: "0001-01-01T00:00:00Z",
      fingerprint: randomUUID().replaceAll("-", "").slice(0, 16),
    };
    return this.post(`${this.address.gateway}/api/v1/alerts/alertmanager`, { version: "4", groupKey: `{}:{alertname="${name}"}`, status: "firing", receiver: "vigil", alerts: [alert] });
  }

  /** Breaks something in the sandbox's world; its own alarm opens an incident. */
  fault(name: string): Promise<void> {
    return this.post(`${this.address.sandbox}/_world/fault`, { fault: name });
  }

  /** The incident that was opened after these. */
  async opened(before: readonly Summary[], withinMs = 90_000): Promise<string> {
    const known = new Set(before.map((s) => s.incident_id));
    return until(
      "an incident is opened",
      async () => {
        const fresh = (await this.summaries()).find((s) => !known.has(s.incident_id));
        if (fresh === undefined) throw new Error(`There are ${known.size} still.`);
        return fresh.incident_id;
      },
      withinMs,
    );
  }

  /** The view of an incident once it has this status. */
  async reaches(id: string, status: View["status"], withinMs = 150_000): Promise<View> {
    return until(
      `${id} is ${status}`,
      async () => {
        const view = await this.view(id);
        if (view.status !== status) throw new Error(`It is ${view.status}: ${view.status_reason ?? "no reason"}`);
        return view;
      },
      withinMs,
    );
  }

  private async post(url: string, body: unknown): Promise<void> {
    const response = await fetch(url, { method: "POST", headers: { "Content-Type": "application/json", "Idempotency-Key": randomUUID() }, body: JSON.stringify(body) });
    if (!response.ok) throw new Error(`POST ${url}: ${response.status} ${await response.text()}`);
  }
}
