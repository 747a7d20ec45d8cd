/**
 * The gateway's HTTP API. Errors are the gateway's problem documents (RFC 9457) as ApiError. Every
 * write carries an Idempotency-Key; whoever repeats a write because its answer was lost passes the
 * same key, and the gateway does it once.
 */
import { type DecodedEvent, decodeEvent, decodeSummary, decodeView } from "../protocol/decoder";
import type { Agent, Kind, Origin, Role, Severity, Summary, View } from "../protocol/generated";

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

export interface Me {
  name: string;
  role: Role;
  /** Given by development mode without credentials. */
  dev: boolean;
}

export interface DemoFault {
  name: string;
  title: string;
  description?: string;
}

export interface DemoStatus {
  faults: DemoFault[];
  active?: string;
}

export type DeliveryState = "received" | "normalised" | "quarantined" | "recorded";

export interface Delivery {
  id: number;
  source: string;
  received_at: string;
  content_type: string;
  /** The beginning of the bytes, base64. */
  body: string | null;
  body_bytes: number;
  truncated: boolean;
  principal: string;
  origin: Origin;
  state: DeliveryState;
  reason?: string;
  incident_ids?: string[];
}

export interface DeliveryPage {
  deliveries: Delivery[];
  next?: number;
}

export interface EventPage {
  events: DecodedEvent[];
  more: boolean;
}

export interface IncidentPage {
  incidents: Summary[];
  nextCursor?: string;
}

export interface DecisionRequest {
  decision: "approve" | "reject";
  proposal_id: string;
  action_hash: string;
  comment?: string;
}

/** What is added to a budget, of one agent or of the incident. Declined: go on without models. */
export interface BudgetRequest {
  agent?: Agent;
  turns?: number;
  tokens?: number;
  cost_usd?: number;
  decline?: boolean;
  comment?: string;
}

/** A person's answer to "was this the cause?". */
export interface ReviewRequest {
  correct: boolean;
  cause?: string;
  cause_service?: string;
  comment?: string;
}

/** A key for one intention to change something. */
export function newIdempotencyKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16)); // randomUUID needs a secure context
  return Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("");
}

/** Attempts of a request whose answer was lost on the way. */
const attempts = 3;

export class Rest {
  private readonly fetch: typeof fetch;
  private readonly pause: (ms: number) => Promise<void>;

  constructor(
    fetcher: typeof fetch = (input, init) => globalThis.fetch(input, init),
    pause: (ms: number) => Promise<void> = (ms) => new Promise((done) => setTimeout(done, ms)),
  ) {
    this.fetch = fetcher;
    this.pause = pause;
  }

  async me(): Promise<Me> {
    return (await this.get("/me")) as Me;
  }

  async signIn(token: string): Promise<void> {
    await this.send("POST", "/session", { token }, newIdempotencyKey());
  }

  async incidents(cursor?: string): Promise<IncidentPage> {
    const page = (await this.get(`/incidents${query({ cursor, limit: 100 })}`)) as { incidents: unknown[]; next_cursor?: string };
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

  /** Where the whole of a piece of evidence is that was shortened. */
  wholeEvidence(id: string, evidenceId: string): string {
    return `/api/v1/incidents/${encodeURIComponent(id)}/evidence/${encodeURIComponent(evidenceId)}/whole`;
  }

  async deliveries(state: DeliveryState, before?: number): Promise<DeliveryPage> {
    return (await this.get(`/deliveries${query({ state, before })}`)) as DeliveryPage;
  }

  /** The sandbox's faults; undefined where this gateway has no sandbox. */
  async demo(): Promise<DemoStatus | undefined> {
    try {
      return (await this.get("/demo")) as DemoStatus;
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) return undefined;
      throw error;
    }
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
      response = await this.fetch(`/api/v1${path}`, { ...init, credentials: "same-origin", cache: "no-store" });
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
