/** What the gateway's HTTP API is asked and answers, where the protocol's schema has no word for it. */
import type { DecodedEvent } from "../protocol/decoder";
import type { Agent, Alert, Controls, LeaseState, Origin, ReviewLine, Role, Summary } from "../protocol/generated";

export interface Me {
  name: string;
  role: Role;
  /** Given by development mode without credentials. */
  dev: boolean;
  /** The gateway has a sandbox, in which things can be made to go wrong. */
  sandbox: boolean;
  /** The page of the namespace in Temporal's web UI; absent where the gateway was not told. */
  temporal_ui?: string;
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

/** What became of a delivery: waiting to be read, read, set aside, without an alert, or set aside for good by a person. */
export type DeliveryState = "received" | "normalised" | "quarantined" | "recorded" | "discarded";

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

/** Another option that a person puts forward. Whoever does may not approve it. */
export interface ProposeRequest {
  option_id: string;
  reason: string;
}

/** An edit of the post-incident review, of the version that base names. */
export interface ReviewEdit {
  base: number;
  lines: ReviewLine[];
}

/** All that people set for Vigil as a whole, on top of the revision that they saw. */
export type ControlsRequest = Pick<Controls, "mode" | "dry_run" | "dry_run_services" | "dry_run_incidents" | "revision"> & { reason: string };

/** How a lease stands; where error says why it could not be asked, the resource is all that is known. */
export interface Lease extends LeaseState {
  error?: string;
}

export interface LeaseList {
  leases: Lease[];
  /** There are others. */
  more: boolean;
}

/** Which deliveries: q is searched in source, reason and body. */
export interface DeliveryFilter {
  source?: string;
  q?: string;
}

export interface DeliveryChanged {
  delivery_id: number;
  state: DeliveryState;
}

export type MatcherOp = "=" | "!=" | "=~" | "!~";

/** One condition of a silence. Regular expressions are anchored at both ends. */
export interface Matcher {
  /** service, severity, source, title, correlation_key, fingerprint; any other name is a label of the alert. */
  name: string;
  op: MatcherOp;
  value: string;
}

export type SilenceKind = "silence" | "maintenance";
export type SilenceState = "pending" | "active" | "expired" | "ended";
export type Repeat = "daily" | "weekly";

export interface SilenceRequest {
  kind: SilenceKind;
  matchers: Matcher[];
  /** Absent: at once. */
  starts_at?: string;
  ends_at: string;
  repeat?: Repeat;
  reason: string;
}

export interface Silence extends SilenceRequest {
  id: string;
  starts_at: string;
  created_by: string;
  created_at: string;
  ended_by?: string;
  ended_at?: string;
  end_reason?: string;
  state: SilenceState;
  /** How many alerts it touched. */
  alerts: number;
  last_alert_at?: string;
}

export interface SilencePage {
  silences: Silence[];
  next?: string;
}

/** An alert that a silence kept from opening anything. */
export interface SilencedAlert {
  delivery_id: number;
  received_at: string;
  correlation_key: string;
  incident_id?: string;
  alert: Alert;
}

export interface SilencedAlertPage {
  alerts: SilencedAlert[];
  next?: number;
}

/** A correlation key that belongs to an incident, and how it came to it. */
export interface IncidentKey {
  correlation_key: string;
  /** Absent: the incident was opened for it. */
  joined_by?: string;
  bound_at: string;
  /** The incident that has it now, where somebody moved it away. */
  moved_to?: string;
  alerts: number;
  firing: number;
}

export interface IncidentAlert {
  alert: Alert;
  /** The incident that has it now, where somebody moved it away. */
  moved_to?: string;
  first_at: string;
  last_at: string;
  /** How often it was heard. */
  deliveries: number;
  /** How often its status changed. */
  changes: number;
}

export interface IncidentAlertPage {
  keys: IncidentKey[];
  total: number;
  firing: number;
  alerts: IncidentAlert[];
  next?: string;
}

export interface AuditEntry {
  id: number;
  at: string;
  principal: string;
  action: string;
  subject: string;
  reason?: string;
  detail?: Record<string, unknown>;
}

export interface AuditPage {
  entries: AuditEntry[];
  next?: number;
}

export interface CorrelationRule {
  name: string;
  about: string;
  window_s: number;
  when: string;
}

/** By which rules alerts of several problems become one incident. */
export interface Correlation {
  /** Absent: the rules that Vigil brings. */
  file?: string;
  rules: CorrelationRule[];
  storm?: Record<string, unknown>;
}

export interface AlertSource {
  name: string;
  about: string;
  kind: "built in" | "shipped mapping" | "your mapping";
  deliveries: number;
  quarantined: number;
  last_at?: string;
}
