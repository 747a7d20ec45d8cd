// Generated from workflows/event/schema/protocol.json by `npm run generate`. Do not edit.

/**
 * Origin says whether a value comes from the user's systems, from a recording,
 * or from the sandbox.
 */
export type Origin = "live" | "recorded" | "simulated";
/**
 * ExecutionState says how an execution stands.
 */
export type ExecutionState = "running" | "succeeded" | "failed" | "unknown";
/**
 * Agent names one of the five agents.
 */
export type Agent = "detection" | "diagnosis" | "prediction" | "resolution" | "communication";
/**
 * AgentState is what an agent is doing now.
 */
export type AgentState =
  | "idle"
  | "initializing"
  | "analyzing"
  | "processing"
  | "waiting"
  | "completed"
  | "error"
  | "timeout";
/**
 * Phase is a chapter of an incident's story. They appear in this order;
 * diagnosis and prediction run side by side.
 */
export type Phase =
  | "detection"
  | "diagnosis"
  | "prediction"
  | "decision"
  | "approval"
  | "resolution"
  | "verification"
  | "communication"
  | "review";
/**
 * AlertStatus says whether the sender's condition holds.
 */
export type AlertStatus = "firing" | "resolved";
/**
 * Severity says how bad an incident is for users.
 */
export type Severity = "critical" | "high" | "medium" | "low";
/**
 * ProposalState says what became of a proposal.
 */
export type ProposalState = "pending" | "approved" | "rejected" | "expired" | "voided";
/**
 * Risk says how much harm an action may do.
 */
export type Risk = "low" | "medium" | "high" | "critical";
/**
 * Autonomy says who has to agree before an action runs.
 */
export type Autonomy = "approve" | "never";
/**
 * Metric is Vigil's own name of a measure; adapters map it to their source's.
 */
export type Metric =
  "latency_ms" | "error_rate" | "request_rate" | "cpu_percent" | "memory_percent" | "connections";
/**
 * Verdict says whether a diagnosis names a cause.
 */
export type Verdict = "probable" | "inconclusive";
/**
 * Kind classifies errors for everything that has to react to them: retry
 * policies, HTTP statuses, close codes. What has no kind is internal.
 */
export type Kind =
  "invalid" | "not_found" | "conflict" | "denied" | "throttled" | "unavailable" | "internal";
/**
 * EvidenceKind says what a piece of evidence is made of.
 */
export type EvidenceKind = "metric" | "log" | "change" | "topology" | "ranking";
/**
 * HandoverReason says why a person was brought in.
 */
export type HandoverReason =
  | "inconclusive"
  | "no_action"
  | "rejected"
  | "approval_expired"
  | "dry_run"
  | "action_failed"
  | "action_unknown"
  | "not_verified"
  | "cancelled"
  | "failed";
/**
 * Status is where an incident stands, in one word.
 */
export type Status =
  | "detected"
  | "investigating"
  | "awaiting_approval"
  | "resolving"
  | "verifying"
  | "needs_human"
  | "resolved"
  | "closed"
  | "aborted";
/**
 * Outcome says how an incident ended.
 */
export type Outcome =
  "remediated" | "recovered" | "resolved_by_person" | "alert_cleared" | "unresolved" | "aborted";
/**
 * One thing that happened to an incident.
 */
export type IncidentEvent =
  | ActionFinishedEvent
  | ActionStartedEvent
  | AgentUpdatedEvent
  | AlertReceivedEvent
  | ApprovalDecidedEvent
  | ApprovalExpiredEvent
  | ApprovalRequestedEvent
  | ApprovalVoidedEvent
  | DecisionMadeEvent
  | DiagnosisConcludedEvent
  | ErrorRaisedEvent
  | EvidenceCollectedEvent
  | IncidentAbortedEvent
  | IncidentAcknowledgedEvent
  | IncidentClosedEvent
  | IncidentEscalatedEvent
  | IncidentNotedEvent
  | IncidentOpenedEvent
  | IncidentSeverityChangedEvent
  | IncidentStatusChangedEvent
  | MessageDraftedEvent
  | ModelCalledEvent
  | PhaseChangedEvent
  | PredictionConcludedEvent
  | ReviewWrittenEvent
  | VerificationMeasuredEvent;
/**
 * PhaseState says how a phase stands or ended.
 */
export type PhaseState = "pending" | "running" | "completed" | "degraded" | "skipped" | "failed";
/**
 * VerificationState says what the telemetry shows after an action.
 */
export type VerificationState = "measuring" | "helped" | "not_helped" | "unknown";
/**
 * Role is what a principal may do; each includes the ones before it.
 */
export type Role = "viewer" | "responder" | "approver" | "admin";
/**
 * Every frame that the gateway sends.
 */
export type ServerFrame =
  | ActionFinishedEvent
  | ActionStartedEvent
  | AgentUpdatedEvent
  | AlertReceivedEvent
  | ApprovalDecidedEvent
  | ApprovalExpiredEvent
  | ApprovalRequestedEvent
  | ApprovalVoidedEvent
  | DecisionMadeEvent
  | DiagnosisConcludedEvent
  | ErrorRaisedEvent
  | EvidenceCollectedEvent
  | IncidentAbortedEvent
  | IncidentAcknowledgedEvent
  | IncidentClosedEvent
  | IncidentEscalatedEvent
  | IncidentNotedEvent
  | IncidentOpenedEvent
  | IncidentSeverityChangedEvent
  | IncidentStatusChangedEvent
  | MessageDraftedEvent
  | ModelCalledEvent
  | PhaseChangedEvent
  | PredictionConcludedEvent
  | ReviewWrittenEvent
  | VerificationMeasuredEvent
  | SystemHealthEvent
  | BusinessMetricsEvent
  | AWSServicesEvent
  | Welcome
  | Snapshot
  | Position
  | ErrorFrame;
/**
 * SystemEvent is the frame of a system event.
 */
export type SystemEvent = SystemHealthEvent | BusinessMetricsEvent | AWSServicesEvent;

/**
 * AWSServiceMetrics is one AWS service (and model, where it has one) as the
 * worker measured it since it started.
 */
export interface AWSServiceMetrics {
  service: string;
  model?: string;
  calls: number;
  errors: number;
  average_latency_ms?: number;
  input_tokens: number;
  output_tokens: number;
  /**
   * nil: price unknown
   */
  cost_usd_micros?: number;
  /**
   * healthy, degraded, error
   */
  health: string;
  last_error?: string;
  origin: Origin;
}
/**
 * AWSServices is the data of aws.services.
 */
export interface AWSServices {
  services: AWSServiceMetrics[] | null;
}
/**
 * AWSServices is the data of aws.services.
 */
export interface AWSServicesEvent {
  type: "aws.services";
  at: string;
  provenance: Provenance;
  data: AWSServices;
}
/**
 * Provenance says where a value came from. Every event and every piece of
 * evidence carries one; fields that do not apply are absent.
 */
export interface Provenance {
  origin: Origin;
  /**
   * AWS service or adapter: bedrock, cloudwatch, workflow, person
   */
  service?: string;
  /**
   * API operation, such as Converse
   */
  operation?: string;
  model?: string;
  request_id?: string;
  latency_ms?: number;
  /**
   * above 1: repeated after a crash or a failure, and paid for again
   */
  attempt?: number;
  usage?: Usage;
  /**
   * the person who caused it
   */
  principal?: string;
}
/**
 * Usage is what a model call consumed. CostMicros is nil where the price of
 * the model is not known: unknown, never zero.
 */
export interface Usage {
  input_tokens: number;
  output_tokens: number;
  cache_tokens?: number;
  /**
   * millionths of a US dollar
   */
  cost_usd_micros?: number;
}
/**
 * Action is one exact thing to do. Everything that could change what happens
 * is in it, so that its hash binds a decision to it.
 */
export interface Action {
  incident_id: string;
  plan_revision: number;
  step: number;
  type: string;
  target: string;
  document: string;
  arguments?: {
    [k: string]: string;
  };
  precondition?: string;
  catalogue_version: string;
}
/**
 * ActionFinished is the outcome, or that there is no telling.
 */
export interface ActionFinished {
  execution: Execution;
}
/**
 * Execution is one run of an action.
 */
export interface Execution {
  action_hash: string;
  client_token: string;
  /**
   * the executor's own id, once it is known
   */
  id?: string;
  state: ExecutionState;
  detail?: string;
  started_at?: string;
  ended_at?: string;
  provenance: Provenance;
}
/**
 * ActionFinished is the outcome, or that there is no telling.
 */
export interface ActionFinishedEvent {
  type: "action.finished";
  /**
   * run_id/seq
   */
  id: string;
  incident_id: string;
  run_id: string;
  /**
   * Seq counts 1, 2, 3, … per incident and run. 0 is an event that the
   * gateway made because the workflow no longer can (incident.aborted).
   */
  seq: number;
  epoch?: string;
  offset?: number;
  at: string;
  published_at?: string;
  provenance: Provenance;
  data: ActionFinished;
}
/**
 * ActionStarted is the intent: from here on the action may have happened.
 */
export interface ActionStarted {
  proposal_id: string;
  action: Action;
  client_token: string;
}
/**
 * ActionStarted is the intent: from here on the action may have happened.
 */
export interface ActionStartedEvent {
  type: "action.started";
  /**
   * run_id/seq
   */
  id: string;
  incident_id: string;
  run_id: string;
  /**
   * Seq counts 1, 2, 3, … per incident and run. 0 is an event that the
   * gateway made because the workflow no longer can (incident.aborted).
   */
  seq: number;
  epoch?: string;
  offset?: number;
  at: string;
  published_at?: string;
  provenance: Provenance;
  data: ActionStarted;
}
/**
 * AgentUpdated is what an agent does now. Confidence is absent until there is
 * evidence to compute it from.
 */
export interface AgentUpdated {
  agent: Agent;
  state: AgentState;
  phase?: Phase;
  task?: string;
  turn?: number;
  max_turns?: number;
  confidence?: number;
  evidence_count: number;
  key_finding?: string;
}
/**
 * AgentUpdated is what an agent does now. Confidence is absent until there is
 * evidence to compute it from.
 */
export interface AgentUpdatedEvent {
  type: "agent.updated";
  /**
   * run_id/seq
   */
  id: string;
  incident_id: string;
  run_id: string;
  /**
   * Seq counts 1, 2, 3, … per incident and run. 0 is an event that the
   * gateway made because the workflow no longer can (incident.aborted).
   */
  seq: number;
  epoch?: string;
  offset?: number;
  at: string;
  published_at?: string;
  provenance: Provenance;
  data: AgentUpdated;
}
/**
 * AgentView is one agent as it stands.
 */
export interface AgentView {
  agent: Agent;
  state: AgentState;
  phase?: Phase;
  task?: string;
  turn?: number;
  max_turns?: number;
  confidence?: number;
  evidence_count: number;
  key_finding?: string;
  updated_at?: string;
  provenance?: Provenance;
}
/**
 * Alert is one alert of one sender, normalised. CorrelationKey decides which
 * incident it belongs to, Fingerprint which member of that incident it is.
 */
export interface Alert {
  /**
   * the intake it came by: alertmanager, sns, cloudevents
   */
  source: string;
  correlation_key: string;
  fingerprint: string;
  status: AlertStatus;
  severity?: Severity;
  title: string;
  description?: string;
  /**
   * empty: the sender did not say
   */
  service?: string;
  labels?: {
    [k: string]: string;
  };
  starts_at?: string;
  ends_at?: string;
  /**
   * our clock; ordering goes by this one
   */
  received_at?: string;
  /**
   * row of the gateway's inbox that holds the raw bytes
   */
  inbox_id?: number;
  origin?: Origin;
}
/**
 * AlertReceived is an alert that joined the incident, firing or resolved.
 */
export interface AlertReceived {
  alert: Alert;
}
/**
 * AlertReceived is an alert that joined the incident, firing or resolved.
 */
export interface AlertReceivedEvent {
  type: "alert.received";
  /**
   * run_id/seq
   */
  id: string;
  incident_id: string;
  run_id: string;
  /**
   * Seq counts 1, 2, 3, … per incident and run. 0 is an event that the
   * gateway made because the workflow no longer can (incident.aborted).
   */
  seq: number;
  epoch?: string;
  offset?: number;
  at: string;
  published_at?: string;
  provenance: Provenance;
  data: AlertReceived;
}
/**
 * ApprovalDecided says who decided, and how.
 */
export interface ApprovalDecided {
  proposal_id: string;
  state: ProposalState;
  by: string;
  comment?: string;
}
/**
 * ApprovalDecided says who decided, and how.
 */
export interface ApprovalDecidedEvent {
  type: "approval.decided";
  /**
   * run_id/seq
   */
  id: string;
  incident_id: string;
  run_id: string;
  /**
   * Seq counts 1, 2, 3, … per incident and run. 0 is an event that the
   * gateway made because the workflow no longer can (incident.aborted).
   */
  seq: number;
  epoch?: string;
  offset?: number;
  at: string;
  published_at?: string;
  provenance: Provenance;
  data: ApprovalDecided;
}
/**
 * ApprovalExpired says that nobody decided in time.
 */
export interface ApprovalExpired {
  proposal_id: string;
  level: number;
}
/**
 * ApprovalExpired says that nobody decided in time.
 */
export interface ApprovalExpiredEvent {
  type: "approval.expired";
  /**
   * run_id/seq
   */
  id: string;
  incident_id: string;
  run_id: string;
  /**
   * Seq counts 1, 2, 3, … per incident and run. 0 is an event that the
   * gateway made because the workflow no longer can (incident.aborted).
   */
  seq: number;
  epoch?: string;
  offset?: number;
  at: string;
  published_at?: string;
  provenance: Provenance;
  data: ApprovalExpired;
}
/**
 * ApprovalRequested puts a proposal before people.
 */
export interface ApprovalRequested {
  proposal: Proposal;
}
/**
 * Proposal is an action put before people.
 */
export interface Proposal {
  id: string;
  action: Action;
  action_hash: string;
  title: string;
  reason: string;
  risk: Risk;
  blast_radius: string;
  effect: string;
  /**
   * approving shows what would run, and runs nothing
   */
  dry_run: boolean;
  score: number;
  /**
   * step of the escalation ladder, from 0
   */
  level: number;
  asked_of: string;
  state: ProposalState;
  requested_at: string;
  deadline: string;
  decided_by?: string;
  decided_at?: string;
  comment?: string;
}
/**
 * ApprovalRequested puts a proposal before people.
 */
export interface ApprovalRequestedEvent {
  type: "approval.requested";
  /**
   * run_id/seq
   */
  id: string;
  incident_id: string;
  run_id: string;
  /**
   * Seq counts 1, 2, 3, … per incident and run. 0 is an event that the
   * gateway made because the workflow no longer can (incident.aborted).
   */
  seq: number;
  epoch?: string;
  offset?: number;
  at: string;
  published_at?: string;
  provenance: Provenance;
  data: ApprovalRequested;
}
/**
 * ApprovalVoided says that a proposal was overtaken by events.
 */
export interface ApprovalVoided {
  proposal_id: string;
  reason: string;
}
/**
 * ApprovalVoided says that a proposal was overtaken by events.
 */
export interface ApprovalVoidedEvent {
  type: "approval.voided";
  /**
   * run_id/seq
   */
  id: string;
  incident_id: string;
  run_id: string;
  /**
   * Seq counts 1, 2, 3, … per incident and run. 0 is an event that the
   * gateway made because the workflow no longer can (incident.aborted).
   */
  seq: number;
  epoch?: string;
  offset?: number;
  at: string;
  published_at?: string;
  provenance: Provenance;
  data: ApprovalVoided;
}
/**
 * BusinessMetrics is what incidents cost in time. Every figure is computed
 * from closed incidents in the store; nil where there are none.
 */
export interface BusinessMetrics {
  incidents_open: number;
  incidents_closed: number;
  remediated: number;
  /**
   * mean, opened until resolved
   */
  mttr_seconds?: number;
  mttr_lower_seconds?: number;
  /**
   * 95 % interval, Student's t; from 2 incidents on
   */
  mttr_upper_seconds?: number;
  /**
   * mean, opened until acknowledged
   */
  mtta_seconds?: number;
  sample_size: number;
  model_cost_usd_micros: number;
  model_calls_unknown_price: number;
}
/**
 * BusinessMetrics is what incidents cost in time. Every figure is computed
 * from closed incidents in the store; nil where there are none.
 */
export interface BusinessMetricsEvent {
  type: "business.metrics";
  at: string;
  provenance: Provenance;
  data: BusinessMetrics;
}
/**
 * Change is something that somebody or something did to a service.
 */
export interface Change {
  service: string;
  /**
   * deployment, configuration, scaling, other
   */
  kind: string;
  summary: string;
  /**
   * version after
   */
  version?: string;
  /**
   * version before
   */
  before?: string;
  actor?: string;
  at: string;
}
/**
 * Check is one measure of one service against its own past.
 */
export interface Check {
  service: string;
  metric: Metric;
  unit?: string;
  /**
   * median before the incident
   */
  baseline: number;
  /**
   * what still counts as back to normal
   */
  limit: number;
  /**
   * worst during the incident
   */
  incident: number;
  /**
   * latest point
   */
  now: number;
  /**
   * consecutive latest points within the limit
   */
  good: number;
  /**
   * how many there must be
   */
  needed: number;
}
/**
 * Claim is one sentence of a diagnosis with the evidence that it cites.
 * Supported is false where it cites nothing that exists.
 */
export interface Claim {
  text: string;
  cites?: string[];
  supported: boolean;
}
/**
 * ComponentHealth is one part: temporal, stream, store, worker.
 */
export interface ComponentHealth {
  name: string;
  /**
   * healthy, degraded, down
   */
  state: string;
  detail?: string;
}
/**
 * Cost is what the models consumed for one incident. Unknown counts calls
 * whose price is not known; Repeated counts calls that were paid for again
 * after a crash or a failure.
 */
export interface Cost {
  model_calls: number;
  input_tokens: number;
  output_tokens: number;
  cost_usd_micros: number;
  unknown_priced_calls: number;
  repeated_calls: number;
}
/**
 * Cursor is a place in the stream of events: "I have everything up to here".
 * Offset alone is not enough. Suppose a client has seen offset 40, the stream
 * is restored from a backup that ends at 30, and ten other events follow: the
 * stream is at 40 again, and the client would believe that it missed nothing.
 * Epoch is a random id that changes whenever the stream is made anew.
 */
export interface Cursor {
  epoch: string;
  offset: number;
}
/**
 * Decision is the outcome of a vote.
 */
export interface Decision {
  options: Option[] | null;
  votes: Vote[] | null;
  /**
   * by option id
   */
  scores?: {
    [k: string]: number;
  };
  chosen_id?: string;
  score: number;
  /**
   * share of all weight held by valid voters
   */
  valid_weight: number;
  autonomy: Autonomy;
  rationale: string;
}
/**
 * Option is one thing that could be done. Agents vote on one shared list.
 */
export interface Option {
  /**
   * type:target, unique within a decision
   */
  id: string;
  type: string;
  target: string;
  arguments?: {
    [k: string]: string;
  };
  title: string;
  risk: Risk;
  blast_radius: string;
  effect: string;
  enabled: boolean;
}
/**
 * Vote is one agent's support for one option. An empty OptionID is a valid
 * voter who supports none of them.
 */
export interface Vote {
  agent: Agent;
  option_id?: string;
  confidence: number;
  cites?: string[];
  /**
   * mean strength of what it cites; 0 where it cites nothing
   */
  evidence_confidence: number;
  reason?: string;
  /**
   * why the vote does not count; empty: it counts
   */
  dropped?: string;
}
/**
 * DecisionMade is the outcome of the agents' vote.
 */
export interface DecisionMade {
  decision: Decision;
}
/**
 * DecisionMade is the outcome of the agents' vote.
 */
export interface DecisionMadeEvent {
  type: "decision.made";
  /**
   * run_id/seq
   */
  id: string;
  incident_id: string;
  run_id: string;
  /**
   * Seq counts 1, 2, 3, … per incident and run. 0 is an event that the
   * gateway made because the workflow no longer can (incident.aborted).
   */
  seq: number;
  epoch?: string;
  offset?: number;
  at: string;
  published_at?: string;
  provenance: Provenance;
  data: DecisionMade;
}
/**
 * Diagnosis is what is believed to be wrong, and why.
 */
export interface Diagnosis {
  verdict: Verdict;
  cause: string;
  /**
   * the service at fault, not the one that complained
   */
  service?: string;
  summary: string;
  /**
   * computed from the evidence cited
   */
  confidence: number;
  /**
   * the model's own rating: shown, never used
   */
  model_confidence?: number;
  claims?: Claim[];
  hypotheses?: Hypothesis[];
  looked_for?: LookedFor[];
  /**
   * "model" or "statistics"
   */
  method: string;
}
/**
 * Hypothesis is one candidate explanation.
 */
export interface Hypothesis {
  cause: string;
  service?: string;
  score: number;
  /**
   * evidence ids for it
   */
  supports?: string[];
  /**
   * evidence ids against it
   */
  contradicts?: string[];
}
/**
 * LookedFor is something that was searched for, found or not.
 */
export interface LookedFor {
  what: string;
  source: string;
  found: boolean;
  evidence_id?: string;
}
/**
 * DiagnosisConcluded is the diagnosis, inconclusive ones included.
 */
export interface DiagnosisConcluded {
  diagnosis: Diagnosis;
}
/**
 * DiagnosisConcluded is the diagnosis, inconclusive ones included.
 */
export interface DiagnosisConcludedEvent {
  type: "diagnosis.concluded";
  /**
   * run_id/seq
   */
  id: string;
  incident_id: string;
  run_id: string;
  /**
   * Seq counts 1, 2, 3, … per incident and run. 0 is an event that the
   * gateway made because the workflow no longer can (incident.aborted).
   */
  seq: number;
  epoch?: string;
  offset?: number;
  at: string;
  published_at?: string;
  provenance: Provenance;
  data: DiagnosisConcluded;
}
/**
 * Edge is one dependency of the service graph: From calls To.
 */
export interface Edge {
  from: string;
  to: string;
}
/**
 * ErrorFrame tells why the socket is about to close.
 */
export interface ErrorFrame {
  type: "error";
  code: number;
  message: string;
}
/**
 * ErrorRaised is something that went wrong and what is done about it.
 */
export interface ErrorRaised {
  kind: Kind;
  message: string;
  phase?: Phase;
  agent?: Agent;
  retries?: number;
  recoverable: boolean;
  /**
   * what happens instead
   */
  recovery?: string;
}
/**
 * ErrorRaised is something that went wrong and what is done about it.
 */
export interface ErrorRaisedEvent {
  type: "error.raised";
  /**
   * run_id/seq
   */
  id: string;
  incident_id: string;
  run_id: string;
  /**
   * Seq counts 1, 2, 3, … per incident and run. 0 is an event that the
   * gateway made because the workflow no longer can (incident.aborted).
   */
  seq: number;
  epoch?: string;
  offset?: number;
  at: string;
  published_at?: string;
  provenance: Provenance;
  data: ErrorRaised;
}
/**
 * Evidence is one thing that was looked at. Exactly the slice that belongs to
 * its Kind is filled; Found false means that it was looked for and is not there.
 */
export interface Evidence {
  /**
   * E1, E2, …: short, because models and people cite it
   */
  id: string;
  kind: EvidenceKind;
  /**
   * adapter that answered: cloudwatch, xray, …
   */
  source: string;
  service?: string;
  /**
   * one line for a person
   */
  title: string;
  query?: string;
  from?: string;
  to?: string;
  found: boolean;
  /**
   * what the statistics say of it
   */
  finding?: string;
  /**
   * 0 unremarkable … 1 far outside normal; from statistics alone
   */
  strength: number;
  series?: Series[];
  logs?: LogPattern[];
  changes?: Change[];
  edges?: Edge[];
  suspects?: Suspect[];
  /**
   * SHA-256 of the content as received
   */
  hash?: string;
  provenance: Provenance;
  collected_by?: Agent;
}
/**
 * Series is one metric of one service, oldest point first.
 */
export interface Series {
  service: string;
  metric: Metric;
  unit: string;
  points: Point[] | null;
}
/**
 * Point is one sample of a series.
 */
export interface Point {
  at: string;
  value: number;
}
/**
 * LogPattern is a template of log lines, with numbers and identifiers masked,
 * and how often it was seen. Example is one redacted line.
 */
export interface LogPattern {
  level?: string;
  template: string;
  example?: string;
  count: number;
  /**
   * count in the window of equal length before the incident
   */
  baseline: number;
  first_at?: string;
  last_at?: string;
}
/**
 * Suspect is a service that may be the root cause, as statistics rank it.
 */
export interface Suspect {
  service: string;
  cause: string;
  /**
   * 0–1, comparable within one ranking
   */
  score: number;
  reasons?: string[];
  /**
   * evidence ids
   */
  cites?: string[];
}
/**
 * EvidenceCollected is one thing that was looked at.
 */
export interface EvidenceCollected {
  evidence: Evidence;
}
/**
 * EvidenceCollected is one thing that was looked at.
 */
export interface EvidenceCollectedEvent {
  type: "evidence.collected";
  /**
   * run_id/seq
   */
  id: string;
  incident_id: string;
  run_id: string;
  /**
   * Seq counts 1, 2, 3, … per incident and run. 0 is an event that the
   * gateway made because the workflow no longer can (incident.aborted).
   */
  seq: number;
  epoch?: string;
  offset?: number;
  at: string;
  published_at?: string;
  provenance: Provenance;
  data: EvidenceCollected;
}
/**
 * Hello is the first frame of a client. Without a cursor it gets a snapshot.
 */
export interface Hello {
  type: "hello";
  protocol: number;
  topics: string[] | null;
  cursor?: Cursor;
}
/**
 * IncidentAborted is made by the gateway for a workflow that was terminated,
 * timed out, failed or deleted.
 */
export interface IncidentAborted {
  reason: string;
}
/**
 * IncidentAborted is made by the gateway for a workflow that was terminated,
 * timed out, failed or deleted.
 */
export interface IncidentAbortedEvent {
  type: "incident.aborted";
  /**
   * run_id/seq
   */
  id: string;
  incident_id: string;
  run_id: string;
  /**
   * Seq counts 1, 2, 3, … per incident and run. 0 is an event that the
   * gateway made because the workflow no longer can (incident.aborted).
   */
  seq: number;
  epoch?: string;
  offset?: number;
  at: string;
  published_at?: string;
  provenance: Provenance;
  data: IncidentAborted;
}
/**
 * IncidentAcknowledged says who is on it.
 */
export interface IncidentAcknowledged {
  by: string;
}
/**
 * IncidentAcknowledged says who is on it.
 */
export interface IncidentAcknowledgedEvent {
  type: "incident.acknowledged";
  /**
   * run_id/seq
   */
  id: string;
  incident_id: string;
  run_id: string;
  /**
   * Seq counts 1, 2, 3, … per incident and run. 0 is an event that the
   * gateway made because the workflow no longer can (incident.aborted).
   */
  seq: number;
  epoch?: string;
  offset?: number;
  at: string;
  published_at?: string;
  provenance: Provenance;
  data: IncidentAcknowledged;
}
/**
 * IncidentClosed is the last event of a run. Status is resolved or closed.
 */
export interface IncidentClosed {
  status: Status;
  outcome: Outcome;
  by?: string;
  reason: string;
}
/**
 * IncidentClosed is the last event of a run. Status is resolved or closed.
 */
export interface IncidentClosedEvent {
  type: "incident.closed";
  /**
   * run_id/seq
   */
  id: string;
  incident_id: string;
  run_id: string;
  /**
   * Seq counts 1, 2, 3, … per incident and run. 0 is an event that the
   * gateway made because the workflow no longer can (incident.aborted).
   */
  seq: number;
  epoch?: string;
  offset?: number;
  at: string;
  published_at?: string;
  provenance: Provenance;
  data: IncidentClosed;
}
/**
 * IncidentEscalated says that the next level of the ladder is asked.
 */
export interface IncidentEscalated {
  level: number;
  to: string;
  reason: string;
}
/**
 * IncidentEscalated says that the next level of the ladder is asked.
 */
export interface IncidentEscalatedEvent {
  type: "incident.escalated";
  /**
   * run_id/seq
   */
  id: string;
  incident_id: string;
  run_id: string;
  /**
   * Seq counts 1, 2, 3, … per incident and run. 0 is an event that the
   * gateway made because the workflow no longer can (incident.aborted).
   */
  seq: number;
  epoch?: string;
  offset?: number;
  at: string;
  published_at?: string;
  provenance: Provenance;
  data: IncidentEscalated;
}
/**
 * IncidentNoted is a person's note.
 */
export interface IncidentNotedEvent {
  type: "incident.noted";
  /**
   * run_id/seq
   */
  id: string;
  incident_id: string;
  run_id: string;
  /**
   * Seq counts 1, 2, 3, … per incident and run. 0 is an event that the
   * gateway made because the workflow no longer can (incident.aborted).
   */
  seq: number;
  epoch?: string;
  offset?: number;
  at: string;
  published_at?: string;
  provenance: Provenance;
  data: IncidentNoted;
}
/**
 * IncidentNoted is a person's note.
 */
export interface IncidentNoted {
  by: string;
  text: string;
}
/**
 * IncidentOpened is always the first event of a run.
 */
export interface IncidentOpenedEvent {
  type: "incident.opened";
  /**
   * run_id/seq
   */
  id: string;
  incident_id: string;
  run_id: string;
  /**
   * Seq counts 1, 2, 3, … per incident and run. 0 is an event that the
   * gateway made because the workflow no longer can (incident.aborted).
   */
  seq: number;
  epoch?: string;
  offset?: number;
  at: string;
  published_at?: string;
  provenance: Provenance;
  data: IncidentOpened;
}
/**
 * IncidentOpened is always the first event of a run.
 */
export interface IncidentOpened {
  title: string;
  description?: string;
  service: string;
  severity: Severity;
  labels?: {
    [k: string]: string;
  };
  source: string;
  opened_by?: string;
  /**
   * when the trouble began, as far as is known
   */
  started_at: string;
}
/**
 * IncidentSeverityChanged says who changed the severity, or what.
 */
export interface IncidentSeverityChangedEvent {
  type: "incident.severity_changed";
  /**
   * run_id/seq
   */
  id: string;
  incident_id: string;
  run_id: string;
  /**
   * Seq counts 1, 2, 3, … per incident and run. 0 is an event that the
   * gateway made because the workflow no longer can (incident.aborted).
   */
  seq: number;
  epoch?: string;
  offset?: number;
  at: string;
  published_at?: string;
  provenance: Provenance;
  data: IncidentSeverityChanged;
}
/**
 * IncidentSeverityChanged says who changed the severity, or what.
 */
export interface IncidentSeverityChanged {
  from: Severity;
  to: Severity;
  by: string;
  reason?: string;
}
/**
 * IncidentStatusChanged says where the incident stands now.
 */
export interface IncidentStatusChangedEvent {
  type: "incident.status_changed";
  /**
   * run_id/seq
   */
  id: string;
  incident_id: string;
  run_id: string;
  /**
   * Seq counts 1, 2, 3, … per incident and run. 0 is an event that the
   * gateway made because the workflow no longer can (incident.aborted).
   */
  seq: number;
  epoch?: string;
  offset?: number;
  at: string;
  published_at?: string;
  provenance: Provenance;
  data: IncidentStatusChanged;
}
/**
 * IncidentStatusChanged says where the incident stands now.
 */
export interface IncidentStatusChanged {
  status: Status;
  needs_human: boolean;
  handover?: HandoverReason;
  reason?: string;
}
/**
 * MessageDrafted is a status update for people. It was written, not sent.
 */
export interface MessageDraftedEvent {
  type: "message.drafted";
  /**
   * run_id/seq
   */
  id: string;
  incident_id: string;
  run_id: string;
  /**
   * Seq counts 1, 2, 3, … per incident and run. 0 is an event that the
   * gateway made because the workflow no longer can (incident.aborted).
   */
  seq: number;
  epoch?: string;
  offset?: number;
  at: string;
  published_at?: string;
  provenance: Provenance;
  data: MessageDrafted;
}
/**
 * MessageDrafted is a status update for people. It was written, not sent.
 */
export interface MessageDrafted {
  audience: string;
  text: string;
}
/**
 * ModelCalled is one finished model call; its provenance carries model,
 * tokens, cost, latency and request id.
 */
export interface ModelCalledEvent {
  type: "model.called";
  /**
   * run_id/seq
   */
  id: string;
  incident_id: string;
  run_id: string;
  /**
   * Seq counts 1, 2, 3, … per incident and run. 0 is an event that the
   * gateway made because the workflow no longer can (incident.aborted).
   */
  seq: number;
  epoch?: string;
  offset?: number;
  at: string;
  published_at?: string;
  provenance: Provenance;
  data: ModelCalled;
}
/**
 * ModelCalled is one finished model call; its provenance carries model,
 * tokens, cost, latency and request id.
 */
export interface ModelCalled {
  agent: Agent;
  turn: number;
  text?: string;
  /**
   * tools that the model asked for
   */
  tools?: string[];
  stop_reason: string;
}
/**
 * PhaseChanged is the flow of an incident: a phase began or ended.
 */
export interface PhaseChangedEvent {
  type: "phase.changed";
  /**
   * run_id/seq
   */
  id: string;
  incident_id: string;
  run_id: string;
  /**
   * Seq counts 1, 2, 3, … per incident and run. 0 is an event that the
   * gateway made because the workflow no longer can (incident.aborted).
   */
  seq: number;
  epoch?: string;
  offset?: number;
  at: string;
  published_at?: string;
  provenance: Provenance;
  data: PhaseChanged;
}
/**
 * PhaseChanged is the flow of an incident: a phase began or ended.
 */
export interface PhaseChanged {
  phase: Phase;
  state: PhaseState;
  detail?: string;
}
/**
 * PredictionConcluded is the forecast.
 */
export interface PredictionConcludedEvent {
  type: "prediction.concluded";
  /**
   * run_id/seq
   */
  id: string;
  incident_id: string;
  run_id: string;
  /**
   * Seq counts 1, 2, 3, … per incident and run. 0 is an event that the
   * gateway made because the workflow no longer can (incident.aborted).
   */
  seq: number;
  epoch?: string;
  offset?: number;
  at: string;
  published_at?: string;
  provenance: Provenance;
  data: PredictionConcluded;
}
/**
 * PredictionConcluded is the forecast.
 */
export interface PredictionConcluded {
  prediction: Prediction;
}
/**
 * Prediction is a forecast of one measure if nobody acts. The forecast is a
 * straight line through recent points (Theil–Sen); BreachAt is zero where
 * the line does not reach the limit within the horizon.
 */
export interface Prediction {
  summary: string;
  service?: string;
  metric?: Metric;
  per_minute: number;
  limit?: number;
  breach_at?: string;
  horizon_s: number;
  confidence: number;
  cites?: string[];
  /**
   * "model" or "statistics"
   */
  method: string;
}
/**
 * ReviewWritten is the short factual review at the end.
 */
export interface ReviewWrittenEvent {
  type: "review.written";
  /**
   * run_id/seq
   */
  id: string;
  incident_id: string;
  run_id: string;
  /**
   * Seq counts 1, 2, 3, … per incident and run. 0 is an event that the
   * gateway made because the workflow no longer can (incident.aborted).
   */
  seq: number;
  epoch?: string;
  offset?: number;
  at: string;
  published_at?: string;
  provenance: Provenance;
  data: ReviewWritten;
}
/**
 * ReviewWritten is the short factual review at the end.
 */
export interface ReviewWritten {
  text: string;
}
/**
 * VerificationMeasured is one look at the telemetry after an action; its
 * state says whether it was the last.
 */
export interface VerificationMeasuredEvent {
  type: "verification.measured";
  /**
   * run_id/seq
   */
  id: string;
  incident_id: string;
  run_id: string;
  /**
   * Seq counts 1, 2, 3, … per incident and run. 0 is an event that the
   * gateway made because the workflow no longer can (incident.aborted).
   */
  seq: number;
  epoch?: string;
  offset?: number;
  at: string;
  published_at?: string;
  provenance: Provenance;
  data: VerificationMeasured;
}
/**
 * VerificationMeasured is one look at the telemetry after an action; its
 * state says whether it was the last.
 */
export interface VerificationMeasured {
  verification: Verification;
}
/**
 * Verification compares the telemetry with its state before the incident.
 */
export interface Verification {
  state: VerificationState;
  checks?: Check[];
  detail?: string;
}
/**
 * PhaseView is one phase as it stands.
 */
export interface PhaseView {
  phase: Phase;
  state: PhaseState;
  detail?: string;
  started_at?: string;
  ended_at?: string;
}
/**
 * Position says up to where the client's topics are complete. It comes every
 * five seconds; RTTMS is the round trip as the server measured it by ping and
 * pong, 0 before the first.
 */
export interface Position {
  type: "position";
  epoch: string;
  offset: number;
  rtt_ms: number;
}
/**
 * Principal is who asks. The gateway authenticates it and passes it on; it
 * is never taken from the body of a request.
 */
export interface Principal {
  name: string;
  role: Role;
}
/**
 * SystemHealthMetrics is the state of Vigil itself, as one gateway sees it.
 * Absent parts are nil, never a made-up number.
 */
export interface SystemHealthEvent {
  type: "system.health";
  at: string;
  provenance: Provenance;
  data: SystemHealthMetrics;
}
/**
 * SystemHealthMetrics is the state of Vigil itself, as one gateway sees it.
 * Absent parts are nil, never a made-up number.
 */
export interface SystemHealthMetrics {
  components: ComponentHealth[] | null;
  open_incidents: number;
  inbox_pending: number;
  inbox_quarantined: number;
  /**
   * refused because too large
   */
  deliveries_lost: number;
  websocket_connections: number;
  /**
   * median round trip
   */
  websocket_latency_ms?: number;
  /**
   * happened until seen by this gateway, latest event
   */
  event_publish_lag_ms?: number;
  projection_offset: number;
  events_per_second: number;
  gateway_uptime_seconds: number;
  workers_polling?: number;
}
/**
 * Welcome answers Hello. Resumed says that the frames that follow continue
 * the client's cursor; otherwise a snapshot comes next.
 */
export interface Welcome {
  type: "welcome";
  protocol: number;
  epoch: string;
  resumed: boolean;
  principal: Principal;
  at: string;
}
/**
 * Snapshot replaces all that the client knows about the topic.
 */
export interface Snapshot {
  type: "snapshot";
  epoch: string;
  /**
   * the incidents are exactly as of here
   */
  offset: number;
  incidents: Summary[] | null;
}
/**
 * Summary is the part of a View that a list of incidents shows.
 */
export interface Summary {
  incident_id: string;
  run_id: string;
  /**
   * last numbered event applied
   */
  seq: number;
  title: string;
  service: string;
  severity: Severity;
  status: Status;
  phase?: Phase;
  needs_human: boolean;
  handover?: HandoverReason;
  status_reason?: string;
  outcome?: Outcome;
  verdict?: Verdict;
  cause?: string;
  cause_service?: string;
  source: string;
  origin: Origin;
  opened_by?: string;
  acknowledged_by?: string;
  /**
   * step of the escalation ladder reached
   */
  level: number;
  alerts_firing: number;
  alerts_total: number;
  started_at?: string;
  opened_at?: string;
  acknowledged_at?: string;
  closed_at?: string;
  updated_at?: string;
  cost: Cost;
}
/**
 * View is what an incident's events add up to. Apply is the only way to
 * change it; the TypeScript reducer in web/src/store mirrors it field by field.
 */
export interface View {
  incident_id: string;
  run_id: string;
  /**
   * last numbered event applied
   */
  seq: number;
  title: string;
  service: string;
  severity: Severity;
  status: Status;
  phase?: Phase;
  needs_human: boolean;
  handover?: HandoverReason;
  status_reason?: string;
  outcome?: Outcome;
  verdict?: Verdict;
  cause?: string;
  cause_service?: string;
  source: string;
  origin: Origin;
  opened_by?: string;
  acknowledged_by?: string;
  /**
   * step of the escalation ladder reached
   */
  level: number;
  alerts_firing: number;
  alerts_total: number;
  started_at?: string;
  opened_at?: string;
  acknowledged_at?: string;
  closed_at?: string;
  updated_at?: string;
  cost: Cost;
  description?: string;
  labels?: {
    [k: string]: string;
  };
  phases: PhaseView[] | null;
  agents: AgentView[] | null;
  /**
   * one per fingerprint, as last heard
   */
  alerts: Alert[] | null;
  /**
   * in the order collected
   */
  evidence: Evidence[] | null;
  diagnosis?: Diagnosis;
  prediction?: Prediction;
  decision?: Decision;
  proposal?: Proposal;
  action?: Action;
  execution?: Execution;
  verification?: Verification;
  message?: string;
  review?: string;
}

export const protocolVersion = 1;
export const agentValues = ["detection", "diagnosis", "prediction", "resolution", "communication"] as const satisfies readonly Agent[];
export const agentStateValues = ["idle", "initializing", "analyzing", "processing", "waiting", "completed", "error", "timeout"] as const satisfies readonly AgentState[];
export const alertStatusValues = ["firing", "resolved"] as const satisfies readonly AlertStatus[];
export const autonomyValues = ["approve", "never"] as const satisfies readonly Autonomy[];
export const evidenceKindValues = ["metric", "log", "change", "topology", "ranking"] as const satisfies readonly EvidenceKind[];
export const executionStateValues = ["running", "succeeded", "failed", "unknown"] as const satisfies readonly ExecutionState[];
export const handoverReasonValues = ["inconclusive", "no_action", "rejected", "approval_expired", "dry_run", "action_failed", "action_unknown", "not_verified", "cancelled", "failed"] as const satisfies readonly HandoverReason[];
export const kindValues = ["invalid", "not_found", "conflict", "denied", "throttled", "unavailable", "internal"] as const satisfies readonly Kind[];
export const metricValues = ["latency_ms", "error_rate", "request_rate", "cpu_percent", "memory_percent", "connections"] as const satisfies readonly Metric[];
export const originValues = ["live", "recorded", "simulated"] as const satisfies readonly Origin[];
export const outcomeValues = ["remediated", "recovered", "resolved_by_person", "alert_cleared", "unresolved", "aborted"] as const satisfies readonly Outcome[];
export const phaseValues = ["detection", "diagnosis", "prediction", "decision", "approval", "resolution", "verification", "communication", "review"] as const satisfies readonly Phase[];
export const phaseStateValues = ["pending", "running", "completed", "degraded", "skipped", "failed"] as const satisfies readonly PhaseState[];
export const proposalStateValues = ["pending", "approved", "rejected", "expired", "voided"] as const satisfies readonly ProposalState[];
export const riskValues = ["low", "medium", "high", "critical"] as const satisfies readonly Risk[];
export const roleValues = ["viewer", "responder", "approver", "admin"] as const satisfies readonly Role[];
export const severityValues = ["critical", "high", "medium", "low"] as const satisfies readonly Severity[];
export const statusValues = ["detected", "investigating", "awaiting_approval", "resolving", "verifying", "needs_human", "resolved", "closed", "aborted"] as const satisfies readonly Status[];
export const verdictValues = ["probable", "inconclusive"] as const satisfies readonly Verdict[];
export const verificationStateValues = ["measuring", "helped", "not_helped", "unknown"] as const satisfies readonly VerificationState[];

/** Close codes of the WebSocket, as workflows/event/close.go documents them. */
export const closeCode = {
  bad_hello: 4100,
  no_pong: 4002,
  protocol: 4101,
  rate: 4104,
  shutdown: 4000,
  slow: 4001,
  too_large: 4103,
  unauthorized: 4102,
  unavailable: 4003,
} as const;

export const closeReason: Readonly<Record<number, string>> = {
  4000: "the gateway is shutting down",
  4001: "the client fell behind",
  4002: "no pong in time",
  4003: "the gateway cannot read its store",
  4100: "the first frame must be a hello",
  4101: "protocol version not supported",
  4102: "not authorized",
  4103: "frame over 64 KB",
  4104: "too many frames",
};
