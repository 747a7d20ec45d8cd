/**
 * The gateway's HTTP API. Errors are the gateway's problem documents (RFC 9457) as ApiError. Every
 * write carries an Idempotency-Key; whoever repeats a write because its answer was lost passes the
 * same key, and the gateway does it once.
 */
import { decodeEvent, decodeSummary, decodeView } from "../protocol/decoder";
import type { Controls, IncidentFigures, Kind, Move, Severity, View } from "../protocol/generated";
import type {
  AlertSource,
  AuditPage,
  BudgetRequest,
  ControlsRequest,
  Correlation,
  DecisionRequest,
  Delivery,
  DeliveryChanged,
  DeliveryFilter,
  DeliveryPage,
  DeliveryState,
  DemoStatus,
  EventPage,
  IncidentAlertPage,
  IncidentPage,
  LeaseList,
  Me,
  ProposeRequest,
  ReviewEdit,
  ReviewRequest,
  Silence,
  SilencePage,
  SilenceRequest,
  SilenceState,
  SilencedAlertPage,
} from "./answers";

export type * from "./answers";

export class ApiError extends Error {
  override name = "ApiError";
  /** HTTP status; 0 where there was no answer. */
  readonly status: number;
  readonly kind: Kind;
  readonly title: string;

  constructor(status: number, kind: Kind, title: string, detail?: string) {
    super(detail !== undefined && detail !== "" ? detail : title);
    this.status = status;
    this.kind = kind;
    this.title = title;
  }

  /** Whether nothing is known to have happened, so that the same request may be sent again. */
  get retryable(): boolean {
    return this.status === 0 || this.kind === "unavailable" || this.kind === "throttled" || this.status >= 500;
  }
}

/** A key for one intention to change something. */
export function newIdempotencyKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16)); // randomUUID needs a secure context
  return Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("");
}

/** Where lists are, page by page: what is shown of them says so. */
export const paths = {
  openIncidents: "/api/v1/incidents?open=true",
  controls: "/api/v1/controls",
  leases: "/api/v1/leases",
  sources: "/api/v1/sources",
  correlation: "/api/v1/correlation",
  demo: "/api/v1/demo",
  deliveries: (state: string, filter: { source?: string; q?: string }, before?: number) => `/api/v1/deliveries${query({ state, source: filter.source, q: filter.q, before })}`,
  delivery: (id: number) => `/api/v1/deliveries/${id}`,
  incidentAlerts: (id: string, q?: string, after?: string) => `/api/v1/incidents/${encodeURIComponent(id)}/alerts${query({ q, after, limit: 50 })}`,
  silences: (state?: string, before?: string, limit?: number) => `/api/v1/silences${query({ state, before, limit })}`,
  silencedAlerts: (id: string, before?: number) => `/api/v1/silences/${encodeURIComponent(id)}/alerts${query({ before })}`,
  audit: (subject?: string, before?: number) => `/api/v1/audit${query({ subject, before, limit: 25 })}`,
} as const;

/** Attempts of a request whose answer was lost on the way. */
const attempts = 3;

/** How long an answer may take before it counts as lost, in ms: figures over many incidents take longest. */
const lostAfter = 60_000;

export class Rest {
  private readonly fetch: typeof fetch;
  private readonly pause: (ms: number) => Promise<void>;
  private readonly patience: () => AbortSignal;

  constructor(
    fetcher: typeof fetch = (input, init) => globalThis.fetch(input, init),
    pause: (ms: number) => Promise<void> = (ms) => new Promise((done) => setTimeout(done, ms)),
    patience: () => AbortSignal = () => AbortSignal.timeout(lostAfter),
  ) {
    this.fetch = fetcher;
    this.pause = pause;
    this.patience = patience;
  }

  async me(): Promise<Me> {
    return (await this.get("/me")) as Me;
  }

  async signIn(token: string): Promise<void> {
    await this.send("POST", "/session", { token }, newIdempotencyKey());
  }

  /** A page of the list, newest first; open: only of those that are not over. */
  async incidents(cursor?: string, open?: boolean): Promise<IncidentPage> {
    const page = (await this.get(`/incidents${query({ cursor, open: open === undefined ? undefined : String(open), limit: 100 })}`)) as { incidents: unknown[]; next_cursor?: string };
    return { incidents: page.incidents.map(decodeSummary), nextCursor: page.next_cursor };
  }

  async incident(id: string): Promise<View> {
    return decodeView(await this.get(`/incidents/${encodeURIComponent(id)}`));
  }

  /** A page of events of a run, by default the latest, after a seq. */
  async events(id: string, after: number, runId?: string, signal?: AbortSignal): Promise<EventPage> {
    const path = `/incidents/${encodeURIComponent(id)}/events${query({ after, run_id: runId })}`;
    const page = (await this.get(path, signal)) as { events: unknown[] | null; more: boolean };
    return { events: (page.events ?? []).map(decodeEvent), more: page.more };
  }

  async decide(id: string, request: DecisionRequest, key: string): Promise<void> {
    await this.verb(id, "decisions", request, key);
  }

  async acknowledge(id: string, key: string): Promise<void> {
    await this.verb(id, "acknowledge", {}, key);
  }

  async note(id: string, text: string, key: string): Promise<void> {
    await this.verb(id, "notes", { text }, key);
  }

  async setSeverity(id: string, severity: Severity, reason: string, key: string): Promise<void> {
    await this.verb(id, "severity", { severity, reason }, key);
  }

  async resolve(id: string, reason: string, key: string): Promise<void> {
    await this.verb(id, "resolve", { reason }, key);
  }

  async ask(id: string, question: string, key: string): Promise<void> {
    await this.verb(id, "questions", { question }, key);
  }

  async raiseBudget(id: string, request: BudgetRequest, key: string): Promise<void> {
    await this.verb(id, "budget", request, key);
  }

  async review(id: string, request: ReviewRequest, key: string): Promise<void> {
    await this.verb(id, "review", request, key);
  }

  /** Puts another option forward in place of what is proposed. */
  async propose(id: string, request: ProposeRequest, key: string): Promise<void> {
    await this.verb(id, "proposals", request, key);
  }

  /** A conflict says that somebody else edited the same version before. */
  async editReview(id: string, edit: ReviewEdit, key: string): Promise<void> {
    await this.send("PUT", `/incidents/${encodeURIComponent(id)}/review`, edit, key);
  }

  /** Where the review is as Markdown. */
  reviewMarkdown(id: string): string {
    return `/api/v1/incidents/${encodeURIComponent(id)}/review.md`;
  }

  async controls(): Promise<Controls> {
    return (await this.get("/controls")) as Controls;
  }

  /** A conflict says that somebody else changed them since the revision that was seen. */
  async setControls(request: ControlsRequest, key: string): Promise<Controls> {
    return (await this.send("PUT", "/controls", request, key)) as Controls;
  }

  /** No new effect begins from now on, whatever was decided. */
  async stopActing(reason: string, key: string): Promise<Controls> {
    return (await this.send("POST", "/controls/kill", { reason }, key)) as Controls;
  }

  /** A kill that came after the revision that was seen stays. */
  async startActing(reason: string, revision: number | undefined, key: string): Promise<Controls> {
    return (await this.send("DELETE", "/controls/kill", { reason, revision }, key)) as Controls;
  }

  async leases(): Promise<LeaseList> {
    const list = (await this.get("/leases")) as LeaseList;
    return { ...list, leases: list.leases ?? [] };
  }

  /** Ends an unknown lease on a person's word. */
  async clearLease(resource: string, workflowId: string, reason: string, key: string): Promise<void> {
    await this.send("POST", `/leases/${encodeURIComponent(resource)}/clear`, { workflow_id: workflowId, reason }, key);
  }

  /** Where the whole of a piece of evidence is that was shortened. */
  wholeEvidence(id: string, evidenceId: string): string {
    return `/api/v1/incidents/${encodeURIComponent(id)}/evidence/${encodeURIComponent(evidenceId)}/whole`;
  }

  /** A page of the incident's alerts, with all of its keys; q is searched in what an alert says. */
  async incidentAlerts(id: string, q?: string, after?: string): Promise<IncidentAlertPage> {
    const page = (await this.getPath(paths.incidentAlerts(id, q, after))) as IncidentAlertPage;
    return { ...page, keys: page.keys ?? [], alerts: page.alerts ?? [] };
  }

  /** The incident becomes part of another, and ends. */
  async merge(id: string, into: string, reason: string, key: string): Promise<Move> {
    return ((await this.verb(id, "merge", { into, reason }, key)) as { move: Move }).move;
  }

  /** Those keys become an incident of their own: move.to. */
  async split(id: string, correlationKeys: string[], reason: string, key: string): Promise<Move> {
    return ((await this.verb(id, "split", { correlation_keys: correlationKeys, reason }, key)) as { move: Move }).move;
  }

  async deliveries(state: DeliveryState, filter: DeliveryFilter = {}, before?: number): Promise<DeliveryPage> {
    const page = (await this.getPath(paths.deliveries(state, filter, before))) as DeliveryPage;
    return { ...page, deliveries: page.deliveries ?? [] };
  }

  async delivery(id: number): Promise<Delivery> {
    return (await this.get(`/deliveries/${id}`)) as Delivery;
  }

  /** Reads it again, as after a mapping was put right. */
  async retryDelivery(id: number, key: string): Promise<DeliveryChanged> {
    return (await this.send("POST", `/deliveries/${id}/retry`, {}, key)) as DeliveryChanged;
  }

  /** Reads all again that are set aside and match. */
  async retryDeliveries(filter: DeliveryFilter, key: string): Promise<number> {
    return ((await this.send("POST", "/deliveries/retry", filter, key)) as { retried: number }).retried;
  }

  async discardDelivery(id: number, reason: string, key: string): Promise<DeliveryChanged> {
    return (await this.send("POST", `/deliveries/${id}/discard`, { reason }, key)) as DeliveryChanged;
  }

  /** Where the bytes of a delivery are, as they came. */
  wholeDelivery(id: number): string {
    return `/api/v1/deliveries/${id}/body`;
  }

  async silences(state?: SilenceState, before?: string, limit?: number): Promise<SilencePage> {
    const page = (await this.getPath(paths.silences(state, before, limit))) as SilencePage;
    return { ...page, silences: page.silences ?? [] };
  }

  async createSilence(request: SilenceRequest, key: string): Promise<Silence> {
    return (await this.send("POST", "/silences", request, key)) as Silence;
  }

  async endSilence(id: string, reason: string, key: string): Promise<Silence> {
    return (await this.send("POST", `/silences/${encodeURIComponent(id)}/end`, { reason }, key)) as Silence;
  }

  async silencedAlerts(id: string, before?: number): Promise<SilencedAlertPage> {
    const page = (await this.getPath(paths.silencedAlerts(id, before))) as SilencedAlertPage;
    return { ...page, alerts: page.alerts ?? [] };
  }

  async audit(subject?: string, before?: number): Promise<AuditPage> {
    const page = (await this.getPath(paths.audit(subject, before))) as AuditPage;
    return { ...page, entries: page.entries ?? [] };
  }

  /** What an incident adds to the business figures. */
  async incidentFigures(id: string): Promise<IncidentFigures> {
    return (await this.get(`/analytics/incidents/${encodeURIComponent(id)}`)) as IncidentFigures;
  }

  async correlation(): Promise<Correlation> {
    const answer = (await this.get("/correlation")) as Correlation;
    return { ...answer, rules: answer.rules ?? [] };
  }

  async sources(): Promise<AlertSource[]> {
    return ((await this.get("/sources")) as { sources: AlertSource[] | null }).sources ?? [];
  }

  /** What a query answers. path begins with /api/v1/, and is what a number's source names. */
  async query(path: string, signal?: AbortSignal): Promise<unknown> {
    return this.get(path.slice("/api/v1".length), signal);
  }

  /** The sandbox's faults; only where the gateway has a sandbox. */
  async demo(): Promise<DemoStatus> {
    return (await this.get("/demo")) as DemoStatus;
  }

  async startFault(fault: string, key: string): Promise<void> {
    await this.send("POST", "/demo/faults", { fault }, key);
  }

  private verb(id: string, verb: string, body: unknown, key: string): Promise<unknown> {
    return this.send("POST", `/incidents/${encodeURIComponent(id)}/${verb}`, body, key);
  }

  private get(path: string, signal?: AbortSignal): Promise<unknown> {
    return this.exchange(path, { method: "GET", signal: signal ?? null, headers: { Accept: "application/json" } });
  }

  private getPath(path: string): Promise<unknown> {
    return this.get(path.slice("/api/v1".length));
  }

  /** Repeats, with the same key, where no answer came at all. */
  private async send(method: string, path: string, body: unknown, key: string): Promise<unknown> {
    const headers = { Accept: "application/json", "Content-Type": "application/json", "Idempotency-Key": key };
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.exchange(path, { method, headers, body: JSON.stringify(body) });
      } catch (error) {
        if (!(error instanceof ApiError) || error.status !== 0 || attempt === attempts) throw error;
        await this.pause(300 * 2 ** attempt);
      }
    }
  }

  private async exchange(path: string, init: RequestInit): Promise<unknown> {
    let response: Response;
    let text: string;
    try {
      const signal = AbortSignal.any([this.patience(), ...(init.signal ? [init.signal] : [])]);
      response = await this.fetch(`/api/v1${path}`, { ...init, signal, credentials: "same-origin", cache: "no-store" });
      text = await response.text();
    } catch (error) {
      if (error instanceof DOMException && error.name === "AbortError") throw error;
      throw new ApiError(0, "unavailable", "The gateway did not answer", "The gateway did not answer. Check the connection and try again.");
    }
    if (!response.ok) throw problem(response.status, text);
    if (text === "") return undefined;
    try {
      return JSON.parse(text);
    } catch {
      throw new ApiError(response.status, "internal", "The answer is not JSON", `GET ${path} was answered with something that is not JSON`);
    }
  }
}

function problem(status: number, text: string): ApiError {
  try {
    const p = JSON.parse(text) as { title?: string; detail?: string; kind?: Kind };
    return new ApiError(status, p.kind ?? "internal", p.title ?? `HTTP ${status}`, p.detail);
  } catch {
    return new ApiError(status, status >= 500 ? "unavailable" : "internal", `HTTP ${status}`, `The gateway answered ${status} without saying why.`);
  }
}

function query(values: Record<string, string | number | undefined>): string {
  const q = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) if (value !== undefined) q.set(name, String(value));
  const text = q.toString();
  return text === "" ? "" : `?${text}`;
}
