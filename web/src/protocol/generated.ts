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
 * BlastRadius says what else an action can hurt.
 */
export type BlastRadius = "instance" | "service" | "callers" | "account";
/**
 * Autonomy says who has to agree before an action runs.
 */
export type Autonomy = "autonomous" | "notify" | "approve" | "two_approvers" | "never";
/**
 * Role is what a principal may do; each includes the ones before it.
 */
export type Role = "viewer" | "responder" | "approver" | "admin";
/**
 * Mode is how far Vigil may go, for everything at once.
 */
export type Mode = "read_only" | "advisory" | "execute";
/**
 * BudgetScope says whose budget is meant.
 */
export type BudgetScope = "agent" | "incident" | "day";
/**
 * EstimateMethod says what Low and High are.
 */
export type EstimateMethod = "none" | "range" | "bca";
/**
 * TrendDirection is where a figure goes.
 */
export type TrendDirection = "up" | "down" | "none";
/**
 * NotificationKind says why people are told.
 */
export type NotificationKind =
  | "opened"
  | "escalated"
  | "approval"
  | "reminder"
  | "decided"
  | "acting"
  | "outcome"
  | "handover"
  | "failed_unsafe"
  | "update"
  | "acknowledged"
  | "closed";
/**
 * DeliveryState says what became of a notification.
 */
export type NotificationState = "sent" | "suppressed" | "failed" | "doubtful";
/**
 * Verdict says whether a diagnosis names a cause.
 */
export type Verdict = "probable" | "inconclusive" | "healthy";
/**
 * Kind classifies errors for everything that has to react to them: retry
 * policies, HTTP statuses, close codes. What has no kind is internal.
 */
export type Kind =
  | "invalid"
  | "not_found"
  | "conflict"
  | "denied"
  | "throttled"
  | "unavailable"
  | "budget"
  | "internal";
/**
 * EvidenceKind says what a piece of evidence is made of.
 */
export type EvidenceKind =
  | "metric"
  | "log"
  | "change"
  | "topology"
  | "events"
  | "database_load"
  | "runbook"
  | "past_incident"
  | "ranking";
/**
 * Point is one sample of a series. As JSON it is [milliseconds since 1970,
 * value], the value to six significant digits: an incident holds thousands.
 *
 * @minItems 2
 * @maxItems 2
 */
export type Point = [number, number];
/**
 * GuardrailOutcome is what came of a check.
 */
export type GuardrailOutcome = "passed" | "anonymized" | "blocked" | "failed" | "off";
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
  | "healthy"
  | "guardrail"
  | "policy"
  | "failed_unsafe"
  | "withdrawn"
  | "failed";
/**
 * HolderState says how a holder stands.
 */
export type HolderState = "waiting" | "holds" | "unknown";
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
  | "remediated"
  | "recovered"
  | "resolved_by_person"
  | "alert_cleared"
  | "unresolved"
  | "merged"
  | "aborted";
/**
 * PhaseState says how a phase stands or ended.
 */
export type PhaseState = "pending" | "running" | "completed" | "degraded" | "skipped" | "failed";
/**
 * VerificationState says what the telemetry shows after an action.
 */
export type VerificationState = "measuring" | "helped" | "not_helped" | "unknown";
/**
 * RemediationState says how the carrying out of an action stands, or ended.
 */
export type RemediationState =
  | "waiting"
  | "running"
  | "probing"
  | "undoing"
  | "helped"
  | "undone"
  | "failed"
  | "unproven"
  | "unknown"
  | "failed_unsafe"
  | "withdrawn"
  | "rehearsed";
/**
 * MemberState is how an alert that is only mentioned stands.
 */
export type MemberState = "firing" | "resolved" | "silenced";
/**
 * One thing that happened to an incident.
 */
export type IncidentEvent =
  | ActionFinishedEvent
  | ActionStartedEvent
  | AgentUpdatedEvent
  | AlertReceivedEvent
  | AlertsMentionedEvent
  | AlertsMovedEvent
  | ApprovalDecidedEvent
  | ApprovalExpiredEvent
  | ApprovalGivenEvent
  | ApprovalRequestedEvent
  | ApprovalVoidedEvent
  | BudgetExhaustedEvent
  | BudgetRaisedEvent
  | CauseReviewedEvent
  | DecisionMadeEvent
  | DiagnosisConcludedEvent
  | ErrorRaisedEvent
  | EvidenceCollectedEvent
  | GuardrailCheckedEvent
  | IncidentAbortedEvent
  | IncidentAcknowledgedEvent
  | IncidentClosedEvent
  | IncidentContinuedEvent
  | IncidentDegradedEvent
  | IncidentEscalatedEvent
  | IncidentNotedEvent
  | IncidentOpenedEvent
  | IncidentSeverityChangedEvent
  | IncidentStatusChangedEvent
  | LessonLearnedEvent
  | MessageDraftedEvent
  | ModelCalledEvent
  | ModelRoutedEvent
  | NotificationSentEvent
  | OptionProposedEvent
  | PhaseChangedEvent
  | PolicyRuledEvent
  | PredictionConcludedEvent
  | QuestionAnsweredEvent
  | QuestionAskedEvent
  | RemediationChangedEvent
  | ReviewEditedEvent
  | ReviewWrittenEvent
  | VerificationMeasuredEvent;
/**
 * Purpose is what a model is asked for. Each has a model in the settings.
 */
export type Purpose = "classify" | "forecast" | "diagnose" | "plan" | "communicate" | "answer";
/**
 * RouteReason is why a model was chosen.
 */
export type RouteReason = "configured" | "malformed" | "unsupported" | "unavailable" | "statistics";
/**
 * Every frame that the gateway sends.
 */
export type ServerFrame =
  | ActionFinishedEvent
  | ActionStartedEvent
  | AgentUpdatedEvent
  | AlertReceivedEvent
  | AlertsMentionedEvent
  | AlertsMovedEvent
  | ApprovalDecidedEvent
  | ApprovalExpiredEvent
  | ApprovalGivenEvent
  | ApprovalRequestedEvent
  | ApprovalVoidedEvent
  | BudgetExhaustedEvent
  | BudgetRaisedEvent
  | CauseReviewedEvent
  | DecisionMadeEvent
  | DiagnosisConcludedEvent
  | ErrorRaisedEvent
  | EvidenceCollectedEvent
  | GuardrailCheckedEvent
  | IncidentAbortedEvent
  | IncidentAcknowledgedEvent
  | IncidentClosedEvent
  | IncidentContinuedEvent
  | IncidentDegradedEvent
  | IncidentEscalatedEvent
  | IncidentNotedEvent
  | IncidentOpenedEvent
  | IncidentSeverityChangedEvent
  | IncidentStatusChangedEvent
  | LessonLearnedEvent
  | MessageDraftedEvent
  | ModelCalledEvent
  | ModelRoutedEvent
  | NotificationSentEvent
  | OptionProposedEvent
  | PhaseChangedEvent
  | PolicyRuledEvent
  | PredictionConcludedEvent
  | QuestionAnsweredEvent
  | QuestionAskedEvent
  | RemediationChangedEvent
  | ReviewEditedEvent
  | ReviewWrittenEvent
  | VerificationMeasuredEvent
  | SystemHealthEvent
  | BusinessMetricsEvent
  | AWSServicesEvent
  | ControlsChangedEvent
  | Welcome
  | Snapshot
  | Position
  | ErrorFrame
  | ModelDelta;
/**
 * SystemEvent is the frame of a system event.
 */
export type SystemEvent =
  SystemHealthEvent | BusinessMetricsEvent | AWSServicesEvent | ControlsChangedEvent;

/**
 * AWSServiceMetrics is one AWS service (and model, where it has one) as one
 * worker measured it since it started. Latencies are of the latest calls that
 * were answered, in milliseconds; nil where there were none.
 */
export interface AWSServiceMetrics {
  service: string;
  model?: string;
  calls: number;
  errors: number;
  /**
   * by incident.Kind
   */
  errors_by_kind?: {
    [k: string]: number;
  };
  average_latency_ms?: number;
  p50_latency_ms?: number;
  p95_latency_ms?: number;
  p99_latency_ms?: number;
  input_tokens: number;
  output_tokens: number;
  cache_tokens: number;
  text_units: number;
  /**
   * nil: no price of any of it is known
   */
  cost_usd_micros?: number;
  unknown_priced_calls: number;
  /**
   * closed, open, half_open
   */
  breaker?: string;
  breaker_until?: string;
  /**
   * refused or held back by our own rate limit
   */
  limited_calls: number;
  /**
   * healthy, degraded, error
   */
  health: string;
  last_error?: string;
  guardrail_outcomes?: {
    [k: string]: number;
  };
  origin?: Origin;
}
/**
 * AWSServices is the data of aws.services.
 */
export interface AWSServices {
  /**
   * which worker measured it
   */
  worker: string;
  services: AWSServiceMetrics[] | null;
  today?: Spend;
}
/**
 * Spend is what models used on one day (UTC), all incidents together.
 */
export interface Spend {
  /**
   * 2006-01-02
   */
  day: string;
  used: Budget;
  cap: Budget;
  unknown_priced_calls: number;
}
/**
 * Budget caps what models may use, or says what they have used. As a cap, a
 * field that is zero caps nothing.
 */
export interface Budget {
  /**
   * model calls
   */
  turns?: number;
  /**
   * input and output
   */
  tokens?: number;
  cost_usd_micros?: number;
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
   * above 1: repeated after a crash or a failure
   */
  attempt?: number;
  /**
   * earlier attempts that were sent and whose answer nobody saw: paid for again
   */
  lost?: number;
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
  /**
   * of the input, read from or written to the cache
   */
  cache_tokens?: number;
  /**
   * of a guardrail, all policies together
   */
  text_units?: number;
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
  /**
   * of the catalogue entry
   */
  name: string;
  type: string;
  target: string;
  /**
   * in order; undone in reverse
   */
  steps: Step[] | null;
  precondition?: string;
  planned?: TargetState;
  /**
   * digest of the diagnosis and the evidence that it rests on
   */
  basis?: string;
  catalogue_version: string;
}
/**
 * Step is one change to the user's systems, and what takes it back.
 */
export interface Step {
  executor: string;
  /**
   * operation, in the executor's words
   */
  document: string;
  arguments?: {
    [k: string]: string;
  };
  undo?: Undo;
}
/**
 * Undo is how a step is taken back, by the same executor.
 */
export interface Undo {
  document: string;
  arguments?: {
    [k: string]: string;
  };
}
/**
 * TargetState is what an executor reads of a target: strings, numbers and
 * booleans by name, such as desired_count or task_definition. Numbers are
 * float64, as JSON has them.
 */
export interface TargetState {
  [k: string]: string | number | boolean;
}
/**
 * ActionFinished is the outcome of a step, or that there is no telling.
 */
export interface ActionFinished {
  execution: Execution;
}
/**
 * Execution is one run of an effect: a step of an action, or what takes it back.
 */
export interface Execution {
  action_hash: string;
  step: number;
  undo?: boolean;
  executor: string;
  document: string;
  client_token: string;
  /**
   * the executor's own id, once it is known
   */
  id?: string;
  state: ExecutionState;
  /**
   * failed before anything was sent, or turned down: nothing happened
   */
  refused?: boolean;
  /**
   * refused because what it was decided on no longer holds
   */
  voided?: boolean;
  detail?: string;
  started_at?: string;
  ended_at?: string;
  provenance: Provenance;
}
/**
 * ActionFinished is the outcome of a step, or that there is no telling.
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
 * ActionStarted is the intent: from here on this step of the action, or what
 * takes it back, may have happened.
 */
export interface ActionStarted {
  action: Action;
  effect: Effect;
  client_token: string;
}
/**
 * Effect is one call that changes something: a step of an action, or what
 * takes that step back.
 */
export interface Effect {
  incident_id: string;
  action_hash: string;
  /**
   * from 1
   */
  step: number;
  undo?: boolean;
  type: string;
  executor: string;
  document: string;
  target: string;
  arguments?: {
    [k: string]: string;
  };
}
/**
 * ActionStarted is the intent: from here on this step of the action, or what
 * takes it back, may have happened.
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
  /**
   * that it asks; empty: none yet, or none is left
   */
  model?: string;
  used: Budget;
}
/**
 * Alert is one alert of one sender, normalised. CorrelationKey is the sender's
 * word for the problem and Fingerprint tells the problem's alerts apart. Keys of
 * several problems may share an incident: JoinedBy says by which rule, or by
 * whose hand, this one came to it.
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
  /**
   * MemberID of key and fingerprint, set when it is dispatched
   */
  member?: string;
  /**
   * empty: the incident was opened for its key
   */
  joined_by?: string;
  /**
   * id of the silence that held when it came
   */
  silenced_by?: string;
}
/**
 * AlertMention is an alert of an incident that has many: enough to count it and
 * to find it. The whole is in the gateway, in row InboxID of its inbox.
 */
export interface AlertMention {
  member: string;
  status: AlertStatus;
  severity?: Severity;
  inbox_id?: number;
  silenced?: boolean;
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
 * AlertsMentioned is alerts that joined an incident, or changed, which shows
 * many already: they are counted, and read from the gateway's inbox.
 */
export interface AlertsMentioned {
  alerts: AlertMention[] | null;
}
/**
 * AlertsMentioned is alerts that joined an incident, or changed, which shows
 * many already: they are counted, and read from the gateway's inbox.
 */
export interface AlertsMentionedEvent {
  type: "alerts.mentioned";
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
  data: AlertsMentioned;
}
/**
 * AlertsMoved says that a person moved alerts between two incidents. Both have
 * this event.
 */
export interface AlertsMoved {
  move: Move;
}
/**
 * Move is a person's word on which incident alerts belong to: all of From's
 * (From is part of To, and ends), or some of them (To is another problem). The
 * gateway has bound the keys of those alerts to To and brings them there.
 */
export interface Move {
  id: string;
  from: string;
  to: string;
  all?: boolean;
  /**
   * of From; empty where it is all
   */
  members?: string[];
  /**
   * alerts that moved
   */
  count: number;
  by: string;
  reason: string;
}
/**
 * AlertsMoved says that a person moved alerts between two incidents. Both have
 * this event.
 */
export interface AlertsMovedEvent {
  type: "alerts.moved";
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
  data: AlertsMoved;
}
/**
 * Anomaly is how a series left what was normal for it.
 */
export interface Anomaly {
  /**
   * the first point of the excursion
   */
  onset: string;
  /**
   * What was normal before: the median and three robust standard deviations to
   * either side of it, in the unit of the series.
   */
  low: number;
  high: number;
  /**
   * the worst that held for three points
   */
  level: number;
  /**
   * the last points are near normal again
   */
  over?: boolean;
}
/**
 * Answer is the answer to a person's question about an incident.
 */
export interface Answer {
  text: string;
  claims?: Claim[];
  /**
   * "model" or "statistics"
   */
  method: string;
  /**
   * computed from the evidence cited
   */
  confidence?: number;
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
 * Approval is one person's yes.
 */
export interface Approval {
  by: string;
  at: string;
  comment?: string;
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
 * ApprovalGiven is one yes of those that are needed. An ApprovalDecided follows
 * the last one.
 */
export interface ApprovalGiven {
  proposal_id: string;
  by: string;
  comment?: string;
  have: number;
  need: number;
}
/**
 * ApprovalGiven is one yes of those that are needed. An ApprovalDecided follows
 * the last one.
 */
export interface ApprovalGivenEvent {
  type: "approval.given";
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
  data: ApprovalGiven;
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
  blast_radius: BlastRadius;
  effect: string;
  /**
   * approving shows what would run, and runs nothing
   */
  dry_run: boolean;
  ruling: Ruling;
  score: number;
  /**
   * step of the escalation ladder, from 0
   */
  level: number;
  asked_of: string;
  /**
   * a person who chose this option, and may not approve it; empty: Vigil
   */
  proposed_by?: string;
  /**
   * approvals, by as many people
   */
  need: number;
  approvals?: Approval[];
  state: ProposalState;
  requested_at: string;
  deadline: string;
  decided_by?: string;
  decided_at?: string;
  comment?: string;
}
/**
 * Ruling is what comes of a policy's verdict under the controls: who has to
 * agree, and whether anything runs at all.
 */
export interface Ruling {
  autonomy: Autonomy;
  /**
   * name of the rule that decided
   */
  rule: string;
  reason: string;
  /**
   * of the file
   */
  version: string;
  tier?: string;
  /**
   * name of the change freeze that is on
   */
  freeze?: string;
  role?: Role;
  mode: Mode;
  dry_run: boolean;
  dry_run_reason?: string;
  /**
   * why it is stricter than the policy says
   */
  bounds?: string[];
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
 * BudgetExhausted says that an agent waits for a person, until Deadline, to
 * raise a budget. What scope day exhausts, nobody can raise here: the agent
 * goes on without models.
 */
export interface BudgetExhausted {
  scope: BudgetScope;
  agent: Agent;
  /**
   * turns, tokens or cost
   */
  which: string;
  cap: Budget;
  used: Budget;
  deadline?: string;
}
/**
 * BudgetExhausted says that an agent waits for a person, until Deadline, to
 * raise a budget. What scope day exhausts, nobody can raise here: the agent
 * goes on without models.
 */
export interface BudgetExhaustedEvent {
  type: "budget.exhausted";
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
  data: BudgetExhausted;
}
/**
 * BudgetRaised says who raised a budget, and to what. Declined: they want the
 * incident to go on without models.
 */
export interface BudgetRaised {
  scope: BudgetScope;
  agent?: Agent;
  by: string;
  cap: Budget;
  declined?: boolean;
  comment?: string;
}
/**
 * BudgetRaised says who raised a budget, and to what. Declined: they want the
 * incident to go on without models.
 */
export interface BudgetRaisedEvent {
  type: "budget.raised";
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
  data: BudgetRaised;
}
/**
 * BusinessBucket is the incidents that opened from From on and before To.
 */
export interface BusinessBucket {
  from: string;
  to: string;
  opened: number;
  resolved: number;
  remediated: number;
  mttr_seconds: Estimate;
  downtime_micros?: number;
  saved_micros?: number;
}
/**
 * Estimate is a figure made of a sample: its mean with a 95 % bootstrap
 * interval (BCa; Efron 1987) where there is enough of it, and otherwise only the
 * smallest and the largest value.
 */
export interface Estimate {
  n: number;
  method: EstimateMethod;
  /**
   * with method bca
   */
  mean?: number;
  median?: number;
  /**
   * of the interval, or the smallest value
   */
  low?: number;
  high?: number;
  /**
   * Level is what the interval aims at, Coverage how often such intervals held
   * the true mean when it was tried on log-normal data of this size; both with
   * method bca only, as shares.
   */
  level?: number;
  coverage?: number;
  trend?: Trend;
}
/**
 * Trend compares the mean of the later half of incidents with that of the
 * earlier half: 0.1 is a tenth more. Direction is said only where the interval
 * leaves out 0.
 */
export interface Trend {
  change: number;
  low: number;
  high: number;
  direction: TrendDirection;
}
/**
 * BusinessMetrics is what incidents cost, and what was saved, over a range of
 * time. Every figure is a projection over the permanent event table; what each
 * means is said by the gateway's analytics definitions, under the names of the
 * fields here. Times are seconds, money is millionths: of a US dollar where a
 * field says so, and otherwise of Currency.
 *
 * Incidents of one origin only are counted together: those that are live or,
 * where there are none, those that are simulated. Others are LeftOut.
 */
export interface BusinessMetrics {
  /**
   * incidents that opened from here on; zero: all
   */
  from?: string;
  /**
   * and before here; zero: until now
   */
  to?: string;
  origin: Origin;
  /**
   * incidents of another origin
   */
  left_out: number;
  incidents_open: number;
  incidents_closed: number;
  /**
   * closed, and neither aborted nor merged into another
   */
  incidents_handled: number;
  incidents_remediated: number;
  incidents_prevented: number;
  mttd_seconds: Estimate;
  mtta_seconds: Estimate;
  mttr_seconds: Estimate;
  /**
   * of incidents that were resolved, in the order of phases
   */
  phases: PhaseTime[] | null;
  success: Share;
  autonomy: Share;
  diagnosis: Share;
  ai_cost_usd_micros: Estimate;
  ai_cost_total_usd_micros: number;
  ai_calls_unknown_price: number;
  /**
   * ISO 4217; empty: nobody said what downtime costs
   */
  currency?: string;
  downtime?: DowntimeSum;
  savings?: SavingsSum;
}
/**
 * PhaseTime is how long a phase took, in seconds.
 */
export interface PhaseTime {
  phase: Phase;
  seconds: Estimate;
}
/**
 * Share is K of N with a 95 % interval (Wilson 1927), from 20 on.
 */
export interface Share {
  k: number;
  n: number;
  /**
   * from 20 on
   */
  value?: number;
  low?: number;
  high?: number;
}
/**
 * DowntimeSum is what the time from the beginning of the trouble until it was
 * resolved cost, by the rates that the user gave.
 */
export interface DowntimeSum {
  /**
   * incidents with a rate
   */
  n: number;
  /**
   * resolved incidents of services without one
   */
  unrated: number;
  /**
   * of those with a rate
   */
  seconds: number;
  total_micros: number;
  each_micros: Estimate;
  tiers: TierCost[] | null;
}
/**
 * TierCost is the part of one service tier.
 */
export interface TierCost {
  tier: string;
  n: number;
  seconds: number;
  total_micros: number;
}
/**
 * SavingsSum compares what Vigil's incidents cost with what the user said that
 * they took before. It may be below zero.
 */
export interface SavingsSum {
  n: number;
  /**
   * where the user has it from, in the user's words
   */
  baseline_source: string;
  /**
   * incidents behind it, as the user says
   */
  baseline_n: number;
  /**
   * what N incidents would have taken
   */
  baseline_seconds: number;
  /**
   * what they took
   */
  seconds: number;
  /**
   * of downtime; what models cost is not taken off
   */
  total_micros: number;
  each_micros: Estimate;
}
/**
 * BusinessMetrics is what incidents cost, and what was saved, over a range of
 * time. Every figure is a projection over the permanent event table; what each
 * means is said by the gateway's analytics definitions, under the names of the
 * fields here. Times are seconds, money is millionths: of a US dollar where a
 * field says so, and otherwise of Currency.
 *
 * Incidents of one origin only are counted together: those that are live or,
 * where there are none, those that are simulated. Others are LeftOut.
 */
export interface BusinessMetricsEvent {
  type: "business.metrics";
  at: string;
  provenance: Provenance;
  data: BusinessMetrics;
}
/**
 * BusinessSeries is BusinessMetrics bucket by bucket, oldest first.
 */
export interface BusinessSeries {
  /**
   * day, week or month, in UTC; weeks begin on Monday
   */
  bucket: string;
  origin: Origin;
  currency?: string;
  points: BusinessBucket[] | null;
}
/**
 * Call is a request exactly as an executor would send it.
 */
export interface Call {
  /**
   * ssm, ecs, kubernetes, webhook
   */
  service: string;
  /**
   * StartAutomationExecution, UpdateService, …
   */
  operation: string;
  request: unknown;
}
/**
 * CauseReviewed is a person's answer to "was this the cause?". It may come
 * after the end, and carries no number.
 */
export interface CauseReviewed {
  by: string;
  correct: boolean;
  /**
   * what it was
   */
  cause?: string;
  /**
   * where it was
   */
  cause_service?: string;
  comment?: string;
}
/**
 * CauseReviewed is a person's answer to "was this the cause?". It may come
 * after the end, and carries no number.
 */
export interface CauseReviewedEvent {
  type: "cause.reviewed";
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
  data: CauseReviewed;
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
  metric: string;
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
 * Controls are what people set for all incidents while they run. The zero
 * value is how Vigil ships: advisory, nothing in dry run but what the
 * catalogue has not enabled, nothing stopped.
 */
export interface Controls {
  mode?: Mode;
  dry_run?: boolean;
  dry_run_services?: string[];
  dry_run_incidents?: string[];
  /**
   * the kill switch: no new effect begins, whatever was decided
   */
  killed?: boolean;
  /**
   * who changed them last
   */
  by?: string;
  reason?: string;
  at?: string;
  /**
   * of the store they are in, for changing them without overwriting another's change
   */
  revision?: number;
}
/**
 * Controls are what people set for all incidents while they run. The zero
 * value is how Vigil ships: advisory, nothing in dry run but what the
 * catalogue has not enabled, nothing stopped.
 */
export interface ControlsChangedEvent {
  type: "controls.changed";
  at: string;
  provenance: Provenance;
  data: Controls;
}
/**
 * Cost is what models and guardrail consumed for one incident. CostMicros is
 * the sum of all calls whose price is known; UnknownPriced counts the others.
 * Repeated counts calls that were sent and whose answer was lost in a crash:
 * they are taken to have used what the call that took their place used, and
 * are in every sum but ModelCalls. RepeatedMicros is the part of CostMicros
 * that is so estimated.
 */
export interface Cost {
  model_calls: number;
  input_tokens: number;
  output_tokens: number;
  cache_tokens: number;
  cost_usd_micros: number;
  unknown_priced_calls: number;
  repeated_calls: number;
  repeated_cost_usd_micros: number;
}
/**
 * Counterfactual is what would have been chosen without one agent's vote.
 */
export interface Counterfactual {
  without: Agent;
  /**
   * empty: nothing
   */
  chosen_id?: string;
  score: number;
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
 * DatabaseLoad is what a database spent its time on in a window, in average
 * active sessions. More sessions than CPUs is more than it can serve at once.
 */
export interface DatabaseLoad {
  average: number;
  peak: number;
  /**
   * 0: not known
   */
  cpus?: number;
  /**
   * largest first
   */
  waits?: WaitLoad[];
  /**
   * largest first
   */
  statements?: Statement[];
}
/**
 * WaitLoad is the part of a load that waited for one thing.
 */
export interface WaitLoad {
  /**
   * such as CPU, IO:DataFileWrite, Client:ClientRead
   */
  name: string;
  /**
   * average active sessions
   */
  load: number;
}
/**
 * Statement is the part of a load that one SQL statement caused.
 */
export interface Statement {
  /**
   * without literals
   */
  sql: string;
  user?: string;
  /**
   * average active sessions
   */
  load: number;
  calls_per_second?: number;
  waits?: WaitLoad[];
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
  rationale: string;
  excluded?: Exclusion[];
  /**
   * valid votes for something else, or for nothing
   */
  minority?: Vote[];
  /**
   * where another option would have won
   */
  counterfactuals?: Counterfactual[];
}
/**
 * Option is one thing that could be done. Agents vote on one shared list.
 */
export interface Option {
  /**
   * name:target, unique within a decision
   */
  id: string;
  name: string;
  type: string;
  target: string;
  title: string;
  steps?: Step[];
  precondition?: string;
  planned?: TargetState;
  risk: Risk;
  blast_radius: BlastRadius;
  share?: number;
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
 * Exclusion is an option that could not be chosen, and why.
 */
export interface Exclusion {
  option_id: string;
  title: string;
  reason: string;
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
 * Definition says what a figure is, and how it is computed.
 */
export interface Definition {
  /**
   * of the field
   */
  name: string;
  /**
   * as people say it
   */
  label: string;
  text: string;
}
/**
 * DeliveryView is what became of telling somebody, and when.
 */
export interface DeliveryView {
  key: string;
  kind: NotificationKind;
  channel: string;
  team?: string;
  /**
   * who that is now, such as the person on call
   */
  to?: string;
  state: NotificationState;
  detail?: string;
  ref?: string;
  provenance: Provenance;
  at: string;
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
  /**
   * Problem says why a model's answer was not used; empty where it was, or
   * where no model was asked.
   */
  problem?: string;
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
 * Document is something that was written down before: a runbook, or what is
 * known of a past incident.
 */
export interface Document {
  id: string;
  title: string;
  /**
   * the part that matched, redacted
   */
  text: string;
  /**
   * provider: archive, knowledge_base, agentcore, …
   */
  source: string;
  uri?: string;
  /**
   * 0–1, comparable within one search
   */
  score: number;
  /**
   * past incident: which
   */
  incident_id?: string;
  /**
   * past incident: the service at fault
   */
  service?: string;
  /**
   * past incident: only where it was confirmed
   */
  cause?: string;
  /**
   * verification, or the person who said so
   */
  confirmed_by?: string;
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
  /**
   * topology: services that are there, where it is not known who calls whom
   */
  services?: string[];
  events?: PlatformEvent[];
  load?: DatabaseLoad;
  documents?: Document[];
  suspects?: Suspect[];
  /**
   * SHA-256 of the content as received
   */
  hash?: string;
  /**
   * where the whole is kept, when what is here was shortened
   */
  ref?: string;
  /**
   * size of the whole, when it was shortened
   */
  bytes?: number;
  provenance: Provenance;
  collected_by?: Agent;
}
/**
 * Series is one metric of one service, oldest point first.
 */
export interface Series {
  service: string;
  metric: string;
  unit: string;
  points: Point[] | null;
  anomaly?: Anomaly;
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
 * SystemEvent is what a platform reported of one of its parts.
 */
export interface PlatformEvent {
  at: string;
  /**
   * instance, pod, deployment, …
   */
  resource: string;
  /**
   * the platform's word: failover, backup, BackOff, …
   */
  category?: string;
  /**
   * redacted
   */
  message: string;
  /**
   * how often, where the platform counts
   */
  count?: number;
  /**
   * the platform itself calls it a problem
   */
  warning?: boolean;
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
 * ForecastPoint is where a measure is expected at one moment.
 */
export interface ForecastPoint {
  at: string;
  low: number;
  value: number;
  high: number;
}
/**
 * Span is a stretch of time in which nothing is granted.
 */
export interface Freeze {
  name: string;
  from: string;
  to: string;
}
/**
 * Grant is a lease that was given, for counting by the hour.
 */
export interface Grant {
  action: string;
  at: string;
}
/**
 * GuardrailChecked says what the guardrail made of a text. What it was is
 * said, the text is not.
 */
export interface GuardrailChecked {
  agent?: Agent;
  /**
   * input, answer, action or message
   */
  subject: string;
  outcome: GuardrailOutcome;
  /**
   * that intervened
   */
  policies?: string[];
  detail?: string;
}
/**
 * GuardrailChecked says what the guardrail made of a text. What it was is
 * said, the text is not.
 */
export interface GuardrailCheckedEvent {
  type: "guardrail.checked";
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
  data: GuardrailChecked;
}
/**
 * GuardrailCounts is what the guardrail made of an incident's texts.
 */
export interface GuardrailCounts {
  passed: number;
  anonymized: number;
  blocked: number;
  failed: number;
  text_units: number;
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
 * Holder is a remediation that wants, or has, a lease.
 */
export interface Holder {
  workflow_id: string;
  run_id: string;
  incident_id: string;
  action: Action;
  state: HolderState;
  detail?: string;
  asked_at?: string;
  granted_at?: string;
  /**
   * unknown: when nothing of its action was seen under way; seen again a while later, it is released
   */
  read_at?: string;
  share?: number;
  /**
   * of its request's limits
   */
  per_hour?: number;
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
 * IncidentContinued is the first event of a run that takes up a long incident
 * where another run left it. View is all that the events before added up to.
 */
export interface IncidentContinued {
  from_run_id: string;
  view: View;
}
/**
 * View is what an incident's events add up to. Apply is the only way to
 * change it, and replaces what it changes rather than writing into it: a copy
 * of a view stays as it was. The TypeScript reducer in web/src/store mirrors it
 * field by field.
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
  degraded: boolean;
  degraded_reason?: string;
  /**
   * what a person said of the diagnosis; nil: nobody did
   */
  cause_correct?: boolean;
  reviewed_by?: string;
  /**
   * of the post-incident review; 0: not written
   */
  review_version?: number;
  description?: string;
  labels?: {
    [k: string]: string;
  };
  phases: PhaseView[] | null;
  agents: AgentView[] | null;
  /**
   * one per member, as last heard
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
  /**
   * ReviewLines as one text
   */
  review?: string;
  ruling?: Ruling;
  /**
   * every step of every action, and what took them back, as they began
   */
  executions?: Execution[];
  remediation?: Remediation;
  proposed?: OptionProposed;
  review_lines?: ReviewLine[];
  /**
   * the latest ShownDeliveries, one per notification and channel
   */
  deliveries?: DeliveryView[];
  budget: Budget;
  /**
   * raised for agents
   */
  agent_budgets?: {
    [k: string]: Budget;
  };
  paused?: BudgetExhausted;
  questions?: Question[];
  guardrail: GuardrailCounts;
  lesson?: Lesson;
  /**
   * those that were only mentioned, by member
   */
  more_alerts?: {
    [k: string]: MemberState;
  };
  /**
   * without the names of members
   */
  moves?: Move[];
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
 * Prediction is a forecast of one measure if nobody acts. The forecast is a
 * straight line through recent points (Theil–Sen) with its 90 % interval;
 * BreachAt is zero where the line does not reach the limit within the horizon.
 */
export interface Prediction {
  summary: string;
  service?: string;
  metric?: string;
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
  forecast?: ForecastPoint[];
  /**
   * dependents that it will reach, or has
   */
  spread?: Spread[];
}
/**
 * Spread is a service that depends on the one at fault.
 */
export interface Spread {
  service: string;
  /**
   * calls between it and the fault
   */
  hops: number;
  /**
   * its measures show it already
   */
  reached: boolean;
  /**
   * when they began to
   */
  since?: string;
  cites?: string[];
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
 * Remediation is the carrying out of one action.
 */
export interface Remediation {
  workflow_id: string;
  action_hash: string;
  name: string;
  target: string;
  state: RemediationState;
  detail?: string;
  /**
   * the lease that it has not got
   */
  waits_for?: string;
  executions?: Execution[];
  verification?: Verification;
  /**
   * rehearsed: what would have been sent
   */
  calls?: Call[];
  /**
   * withdrawn because the decision no longer holds: it may be asked for anew
   */
  voided?: boolean;
  /**
   * of the workflow
   */
  started_at: string;
  /**
   * of the first effect
   */
  acted_at?: string;
  ended_at?: string;
}
/**
 * OptionProposed says that a person put another option forward.
 */
export interface OptionProposed {
  option_id: string;
  by: string;
  reason: string;
}
/**
 * ReviewLine is one line of a post-incident review, and the events that it
 * rests on. A line that a person wrote may cite none.
 */
export interface ReviewLine {
  /**
   * Summary, Timeline, Cause, Actions, People, Cost
   */
  section: string;
  text: string;
  /**
   * event ids
   */
  cites?: string[];
  /**
   * a person, where one wrote or changed it
   */
  by?: string;
}
/**
 * Question is a person's question with its answer, once there is one.
 */
export interface Question {
  /**
   * Q1, Q2, …
   */
  id: string;
  by: string;
  text: string;
  asked_at: string;
  answer?: Answer;
  error?: string;
  answered_at?: string;
}
/**
 * Lesson is what is kept of a closed incident. Cause and CauseService are
 * filled only where the telemetry or a person confirmed them.
 */
export interface Lesson {
  incident_id: string;
  run_id: string;
  title: string;
  /**
   * the one that complained
   */
  service: string;
  symptoms: string;
  summary: string;
  cause?: string;
  cause_service?: string;
  /**
   * "verification", or the person's name
   */
  confirmed_by?: string;
  /**
   * what was done, where something was
   */
  action?: string;
  outcome: Outcome;
  origin: Origin;
  opened_at: string;
  closed_at: string;
}
/**
 * IncidentContinued is the first event of a run that takes up a long incident
 * where another run left it. View is all that the events before added up to.
 */
export interface IncidentContinuedEvent {
  type: "incident.continued";
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
  data: IncidentContinued;
}
/**
 * IncidentDegraded says that the incident goes on on less than it wanted, or
 * (Degraded false) that it no longer has to.
 */
export interface IncidentDegraded {
  degraded: boolean;
  reason: string;
}
/**
 * IncidentDegraded says that the incident goes on on less than it wanted, or
 * (Degraded false) that it no longer has to.
 */
export interface IncidentDegradedEvent {
  type: "incident.degraded";
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
  data: IncidentDegraded;
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
 * LessonLearned says what was kept of the incident for later ones.
 */
export interface LessonLearnedEvent {
  type: "lesson.learned";
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
  data: LessonLearned;
}
/**
 * LessonLearned says what was kept of the incident for later ones.
 */
export interface LessonLearned {
  lesson: Lesson;
  /**
   * archive, agentcore, …
   */
  into: string[] | null;
}
/**
 * MessageDrafted is a status update for people. Whether, and to whom, it was
 * sent is said by each NotificationSent.
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
 * MessageDrafted is a status update for people. Whether, and to whom, it was
 * sent is said by each NotificationSent.
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
  /**
   * SHA-256 of all that it was told
   */
  prompt_hash?: string;
  /**
   * why the answer cannot be used, where it cannot
   */
  problem?: string;
}
/**
 * ModelRouted says which model an agent asks from now on, and why.
 */
export interface ModelRoutedEvent {
  type: "model.routed";
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
  data: ModelRouted;
}
/**
 * ModelRouted says which model an agent asks from now on, and why.
 */
export interface ModelRouted {
  agent: Agent;
  purpose: Purpose;
  /**
   * empty: none is left, the statistics go on alone
   */
  model?: string;
  /**
   * the one before
   */
  from?: string;
  reason: RouteReason;
  detail?: string;
}
/**
 * NotificationSent is what became of telling somebody.
 */
export interface NotificationSentEvent {
  type: "notification.sent";
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
  data: NotificationSent;
}
/**
 * NotificationSent is what became of telling somebody.
 */
export interface NotificationSent {
  delivery: NotificationDelivery;
}
/**
 * Delivery is what became of a notification.
 */
export interface NotificationDelivery {
  key: string;
  kind: NotificationKind;
  channel: string;
  team?: string;
  /**
   * who that is now, such as the person on call
   */
  to?: string;
  state: NotificationState;
  detail?: string;
  ref?: string;
  provenance: Provenance;
}
/**
 * OptionProposed says that a person put another option forward.
 */
export interface OptionProposedEvent {
  type: "option.proposed";
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
  data: OptionProposed;
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
 * PolicyRuled says who has to agree to an action, and which rule says so.
 */
export interface PolicyRuledEvent {
  type: "policy.ruled";
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
  data: PolicyRuled;
}
/**
 * PolicyRuled says who has to agree to an action, and which rule says so.
 */
export interface PolicyRuled {
  option_id: string;
  action_hash: string;
  ruling: Ruling;
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
 * QuestionAnswered is the answer, or why there is none.
 */
export interface QuestionAnsweredEvent {
  type: "question.answered";
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
  data: QuestionAnswered;
}
/**
 * QuestionAnswered is the answer, or why there is none.
 */
export interface QuestionAnswered {
  id: string;
  answer?: Answer;
  error?: string;
}
/**
 * QuestionAsked is a person's question about the incident.
 */
export interface QuestionAskedEvent {
  type: "question.asked";
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
  data: QuestionAsked;
}
/**
 * QuestionAsked is a person's question about the incident.
 */
export interface QuestionAsked {
  /**
   * Q1, Q2, …
   */
  id: string;
  by: string;
  text: string;
}
/**
 * RemediationChanged is how the carrying out of an action stands now.
 */
export interface RemediationChangedEvent {
  type: "remediation.changed";
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
  data: RemediationChanged;
}
/**
 * RemediationChanged is how the carrying out of an action stands now.
 */
export interface RemediationChanged {
  remediation: Remediation;
}
/**
 * ReviewEdited is a person's edit of the review. It may come after the end, and
 * carries no number.
 */
export interface ReviewEditedEvent {
  type: "review.edited";
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
  data: ReviewEdited;
}
/**
 * ReviewEdited is a person's edit of the review. It may come after the end, and
 * carries no number.
 */
export interface ReviewEdited {
  by: string;
  /**
   * that this makes; the written review is 1
   */
  version: number;
  lines: ReviewLine[] | null;
}
/**
 * ReviewWritten is the review at the end, made from the events alone. Every
 * line cites the events that it rests on. It is version 1.
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
 * ReviewWritten is the review at the end, made from the events alone. Every
 * line cites the events that it rests on. It is version 1.
 */
export interface ReviewWritten {
  /**
   * all lines, for those who show no more
   */
  text: string;
  lines: ReviewLine[] | null;
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
 * IncidentFigures is what one incident adds to the business metrics. What is
 * absent is not known, or did not happen.
 */
export interface IncidentFigures {
  incident_id: string;
  run_id: string;
  title: string;
  service: string;
  severity: Severity;
  status: Status;
  outcome?: Outcome;
  origin: Origin;
  started_at?: string;
  opened_at?: string;
  acknowledged_at?: string;
  closed_at?: string;
  detect_seconds?: number;
  acknowledge_seconds?: number;
  resolve_seconds?: number;
  /**
   * by incident.Phase
   */
  phase_seconds?: {
    [k: string]: number;
  };
  /**
   * an action took effect
   */
  acted: boolean;
  /**
   * and the telemetry confirmed it
   */
  helped: boolean;
  autonomous: boolean;
  prevented: boolean;
  cause_correct?: boolean;
  ai_cost_usd_micros: number;
  ai_calls_unknown_price: number;
  /**
   * By the user's rates, when they were asked for; not kept.
   */
  tier?: string;
  affected_users?: number;
  downtime_seconds?: number;
  downtime_micros?: number;
  baseline_seconds?: number;
  saved_micros?: number;
}
/**
 * LeaseLimits bound what happens to a resource at once.
 */
export interface LeaseLimits {
  /**
   * holders at once; 1 or more
   */
  concurrent: number;
  /**
   * of capacity, all holders together; 0: not bounded
   */
  share?: number;
  /**
   * grants for the request's own action within an hour; 0: not bounded
   */
  per_hour?: number;
}
/**
 * LeaseState is a lease as it stands, and the input of its workflow.
 */
export interface LeaseState {
  resource: string;
  limits: LeaseLimits;
  frozen?: Freeze[];
  /**
   * holding or unknown
   */
  holders?: Holder[];
  /**
   * first come first
   */
  waiting?: Holder[];
  /**
   * within the last hour
   */
  recent?: Grant[];
  /**
   * ever
   */
  granted: number;
  released: number;
}
/**
 * ModelDelta is a piece of what a model is saying, as it arrives. It is
 * ephemeral: nothing keeps it, pieces may be missing, and the model.called
 * event of the same agent and turn takes the place of all of them. A piece of
 * a higher attempt voids those of the attempts before; Index counts from 0.
 */
export interface ModelDelta {
  type: "model.delta";
  incident_id: string;
  run_id: string;
  agent: Agent;
  turn: number;
  attempt: number;
  index: number;
  text: string;
  origin: Origin;
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
   * dispatches that keep failing and hold up their key
   */
  inbox_poisoned: number;
  /**
   * silences and maintenance windows that hold now
   */
  silences_active: number;
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
  degraded: boolean;
  degraded_reason?: string;
  /**
   * what a person said of the diagnosis; nil: nobody did
   */
  cause_correct?: boolean;
  reviewed_by?: string;
  /**
   * of the post-incident review; 0: not written
   */
  review_version?: number;
}

export const protocolVersion = 1;
export const agentValues = ["detection", "diagnosis", "prediction", "resolution", "communication"] as const satisfies readonly Agent[];
export const agentStateValues = ["idle", "initializing", "analyzing", "processing", "waiting", "completed", "error", "timeout"] as const satisfies readonly AgentState[];
export const alertStatusValues = ["firing", "resolved"] as const satisfies readonly AlertStatus[];
export const autonomyValues = ["autonomous", "notify", "approve", "two_approvers", "never"] as const satisfies readonly Autonomy[];
export const blastRadiusValues = ["instance", "service", "callers", "account"] as const satisfies readonly BlastRadius[];
export const budgetScopeValues = ["agent", "incident", "day"] as const satisfies readonly BudgetScope[];
export const estimateMethodValues = ["none", "range", "bca"] as const satisfies readonly EstimateMethod[];
export const evidenceKindValues = ["metric", "log", "change", "topology", "events", "database_load", "runbook", "past_incident", "ranking"] as const satisfies readonly EvidenceKind[];
export const executionStateValues = ["running", "succeeded", "failed", "unknown"] as const satisfies readonly ExecutionState[];
export const guardrailOutcomeValues = ["passed", "anonymized", "blocked", "failed", "off"] as const satisfies readonly GuardrailOutcome[];
export const handoverReasonValues = ["inconclusive", "no_action", "rejected", "approval_expired", "dry_run", "action_failed", "action_unknown", "not_verified", "cancelled", "healthy", "guardrail", "policy", "failed_unsafe", "withdrawn", "failed"] as const satisfies readonly HandoverReason[];
export const holderStateValues = ["waiting", "holds", "unknown"] as const satisfies readonly HolderState[];
export const kindValues = ["invalid", "not_found", "conflict", "denied", "throttled", "unavailable", "budget", "internal"] as const satisfies readonly Kind[];
export const memberStateValues = ["firing", "resolved", "silenced"] as const satisfies readonly MemberState[];
export const modeValues = ["read_only", "advisory", "execute"] as const satisfies readonly Mode[];
export const notificationKindValues = ["opened", "escalated", "approval", "reminder", "decided", "acting", "outcome", "handover", "failed_unsafe", "update", "acknowledged", "closed"] as const satisfies readonly NotificationKind[];
export const notificationStateValues = ["sent", "suppressed", "failed", "doubtful"] as const satisfies readonly NotificationState[];
export const originValues = ["live", "recorded", "simulated"] as const satisfies readonly Origin[];
export const outcomeValues = ["remediated", "recovered", "resolved_by_person", "alert_cleared", "unresolved", "merged", "aborted"] as const satisfies readonly Outcome[];
export const phaseValues = ["detection", "diagnosis", "prediction", "decision", "approval", "resolution", "verification", "communication", "review"] as const satisfies readonly Phase[];
export const phaseStateValues = ["pending", "running", "completed", "degraded", "skipped", "failed"] as const satisfies readonly PhaseState[];
export const proposalStateValues = ["pending", "approved", "rejected", "expired", "voided"] as const satisfies readonly ProposalState[];
export const purposeValues = ["classify", "forecast", "diagnose", "plan", "communicate", "answer"] as const satisfies readonly Purpose[];
export const remediationStateValues = ["waiting", "running", "probing", "undoing", "helped", "undone", "failed", "unproven", "unknown", "failed_unsafe", "withdrawn", "rehearsed"] as const satisfies readonly RemediationState[];
export const riskValues = ["low", "medium", "high", "critical"] as const satisfies readonly Risk[];
export const roleValues = ["viewer", "responder", "approver", "admin"] as const satisfies readonly Role[];
export const routeReasonValues = ["configured", "malformed", "unsupported", "unavailable", "statistics"] as const satisfies readonly RouteReason[];
export const severityValues = ["critical", "high", "medium", "low"] as const satisfies readonly Severity[];
export const statusValues = ["detected", "investigating", "awaiting_approval", "resolving", "verifying", "needs_human", "resolved", "closed", "aborted"] as const satisfies readonly Status[];
export const trendDirectionValues = ["up", "down", "none"] as const satisfies readonly TrendDirection[];
export const verdictValues = ["probable", "inconclusive", "healthy"] as const satisfies readonly Verdict[];
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
