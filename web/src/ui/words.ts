/** The words of the protocol as people say them. A word that is not here is shown as it came. */
import type {
  AgentState,
  Autonomy,
  BlastRadius,
  Budget,
  ExecutionState,
  GuardrailOutcome,
  HandoverReason,
  HolderState,
  Mode,
  NotificationKind,
  NotificationState,
  Outcome,
  PhaseState,
  ProposalState,
  Purpose,
  RemediationState,
  Risk,
  RouteReason,
  Severity,
  Status,
  VerificationState,
} from "../protocol/generated";
import { cost, count } from "./format";

export type Tone = "neutral" | "accent" | "good" | "warn" | "bad";

interface Word {
  text: string;
  tone: Tone;
}

export function severityWord(severity: Severity): string {
  return capital(severity);
}

const statuses: Record<Status, Word> = {
  detected: { text: "Detected", tone: "accent" },
  investigating: { text: "Investigating", tone: "accent" },
  awaiting_approval: { text: "Awaiting approval", tone: "warn" },
  resolving: { text: "Acting", tone: "accent" },
  verifying: { text: "Verifying", tone: "accent" },
  needs_human: { text: "Needs a person", tone: "warn" },
  resolved: { text: "Resolved", tone: "good" },
  closed: { text: "Closed, unproven", tone: "neutral" },
  aborted: { text: "Aborted", tone: "bad" },
};

export const statusWord = (status: Status): Word => lookUp(statuses, status);

/** As statusWord; but what is part of another incident is not "closed, unproven". */
export function standingWord(of: { status: Status; outcome?: Outcome }): Word {
  return of.outcome === "merged" ? { text: "Merged", tone: "neutral" } : statusWord(of.status);
}

const phaseStates: Record<PhaseState, Word> = {
  pending: { text: "not begun", tone: "neutral" },
  running: { text: "running", tone: "accent" },
  completed: { text: "done", tone: "good" },
  degraded: { text: "degraded", tone: "warn" },
  skipped: { text: "skipped", tone: "neutral" },
  failed: { text: "failed", tone: "bad" },
};

export const phaseStateWord = (state: PhaseState): Word => lookUp(phaseStates, state);

const agentStates: Record<AgentState, Word> = {
  idle: { text: "Idle", tone: "neutral" },
  initializing: { text: "Starting", tone: "accent" },
  analyzing: { text: "Thinking", tone: "accent" },
  processing: { text: "Gathering", tone: "accent" },
  waiting: { text: "Waiting", tone: "neutral" },
  completed: { text: "Done", tone: "good" },
  error: { text: "Failed", tone: "bad" },
  timeout: { text: "Out of time", tone: "bad" },
};

export const agentStateWord = (state: AgentState): Word => lookUp(agentStates, state);

const proposalStates: Record<ProposalState, Word> = {
  pending: { text: "Waiting for a decision", tone: "warn" },
  approved: { text: "Approved", tone: "good" },
  rejected: { text: "Rejected", tone: "bad" },
  expired: { text: "Expired", tone: "warn" },
  voided: { text: "Overtaken", tone: "neutral" },
};

export const proposalStateWord = (state: ProposalState): Word => lookUp(proposalStates, state);

const executionStates: Record<ExecutionState, Word> = {
  running: { text: "Running", tone: "accent" },
  succeeded: { text: "Succeeded", tone: "good" },
  failed: { text: "Failed", tone: "bad" },
  unknown: { text: "Unknown: a person has to look", tone: "warn" },
};

export const executionStateWord = (state: ExecutionState): Word => lookUp(executionStates, state);

const remediationStates: Record<RemediationState, Word> = {
  waiting: { text: "Waiting for its lease", tone: "accent" },
  running: { text: "Running", tone: "accent" },
  probing: { text: "Looking whether it helps", tone: "accent" },
  undoing: { text: "Taking it back", tone: "warn" },
  helped: { text: "It helped", tone: "good" },
  undone: { text: "Taken back", tone: "warn" },
  failed: { text: "Failed, nothing is left of it", tone: "bad" },
  unproven: { text: "Done, unproven", tone: "warn" },
  unknown: { text: "Unknown: a person has to look", tone: "bad" },
  failed_unsafe: { text: "Not safe: it could not be taken back", tone: "bad" },
  withdrawn: { text: "Withdrawn before anything changed", tone: "neutral" },
  rehearsed: { text: "Rehearsed, nothing ran", tone: "neutral" },
};

export const remediationWord = (state: RemediationState): Word => lookUp(remediationStates, state);

const remediationMeanings: Record<RemediationState, string> = {
  waiting: "Nothing has been changed yet. It begins when its turn comes.",
  running: "Its steps are being carried out, one after the other. Each is sent once.",
  probing: "All steps are done. The telemetry is compared with its state before the incident.",
  undoing: "It did not help, or failed half-way. What there is to take back is taken back, the last step first.",
  helped: "The telemetry is back to its state before the incident.",
  undone: "It did not help, or failed half-way, and what there is to take back was taken back.",
  failed: "It was refused, or reported that it failed. Nothing of it is left.",
  unproven: "It ran. Whether it helped cannot be told from the telemetry: missing data is not success.",
  unknown: "Whether it ran cannot be told. It is not tried again.",
  failed_unsafe: "It failed, and could not be taken back. Nothing more is tried.",
  withdrawn: "It was called off, or refused, before anything was changed.",
  rehearsed: "This was a dry run: what would have been sent is below, and was not sent.",
};

/** What a state means for the target, in a sentence or two. */
export const remediationMeaning = (state: RemediationState): string => remediationMeanings[state] ?? capital(state);

const holderStates: Record<HolderState, Word> = {
  waiting: { text: "waits", tone: "neutral" },
  holds: { text: "holds it", tone: "accent" },
  unknown: { text: "unknown", tone: "bad" },
};

export const holderWord = (state: HolderState): Word => lookUp(holderStates, state);

const notificationKinds: Record<NotificationKind, string> = {
  opened: "it opened",
  escalated: "nobody acknowledged it",
  approval: "a decision is needed",
  reminder: "a decision is still needed",
  decided: "somebody decided",
  acting: "Vigil acts",
  outcome: "what came of an action",
  handover: "it is theirs now",
  failed_unsafe: "an action could not be taken back",
  update: "how it stands",
  acknowledged: "somebody is on it",
  closed: "it is over",
};

export const notificationWord = (kind: NotificationKind): string => notificationKinds[kind] ?? spaced(kind);

const notificationStates: Record<NotificationState, Word> = {
  sent: { text: "sent", tone: "good" },
  suppressed: { text: "not repeated", tone: "neutral" },
  failed: { text: "failed", tone: "bad" },
  doubtful: { text: "may not have arrived", tone: "warn" },
};

export const notificationStateWord = (state: NotificationState): Word => lookUp(notificationStates, state);

const autonomies: Record<Autonomy, string> = {
  autonomous: "Vigil may act alone",
  notify: "Vigil may act alone, and tells people before",
  approve: "One person has to approve",
  two_approvers: "Two different people have to approve",
  never: "Not by Vigil",
};

export const autonomyWord = (autonomy: Autonomy): string => autonomies[autonomy] ?? capital(autonomy);

const modes: Record<Mode, { text: string; meaning: string }> = {
  read_only: { text: "Read-only", meaning: "Vigil looks, and proposes nothing. No action runs." },
  advisory: { text: "Advisory", meaning: "Vigil proposes; people decide on every action." },
  execute: { text: "Execute", meaning: "The policy decides which actions need a person. The others run on their own." },
};

export const modeWord = (mode: Mode | undefined): { text: string; meaning: string } => modes[mode ?? "advisory"] ?? { text: capital(mode ?? ""), meaning: "" };

const blasts: Record<BlastRadius, string> = {
  instance: "one instance of the target",
  service: "the target",
  callers: "the target and all that call it",
  account: "the account",
};

export const blastWord = (radius: BlastRadius): string => blasts[radius] ?? spaced(radius);

const risks: Record<Risk, Tone> = { low: "neutral", medium: "warn", high: "bad", critical: "bad" };

export const riskTone = (risk: Risk): Tone => risks[risk] ?? "neutral";

const verificationStates: Record<VerificationState, Word> = {
  measuring: { text: "Measuring", tone: "accent" },
  helped: { text: "It helped", tone: "good" },
  not_helped: { text: "It did not help", tone: "bad" },
  unknown: { text: "Cannot be told: no data", tone: "warn" },
};

export const verificationStateWord = (state: VerificationState): Word => lookUp(verificationStates, state);

const handovers: Record<HandoverReason, string> = {
  inconclusive: "No cause could be shown",
  no_action: "A cause, but no known action for it",
  rejected: "The proposal was rejected",
  approval_expired: "Nobody decided in time",
  dry_run: "The action is not enabled: dry run only",
  action_failed: "The action failed",
  action_unknown: "It cannot be told whether the action ran",
  not_verified: "It ran, and the telemetry did not come back",
  cancelled: "The investigation was stopped",
  healthy: "The telemetry shows nothing wrong now",
  guardrail: "The guardrail did not let the action through",
  policy: "The policy, or the mode, keeps Vigil from acting",
  failed_unsafe: "An action could not be taken back",
  withdrawn: "An approved action was refused before it began",
  failed: "Vigil cannot go on by itself",
};

export const handoverWord = (reason: HandoverReason): string => handovers[reason] ?? spaced(reason);

const outcomes: Record<Outcome, string> = {
  remediated: "Remediated: Vigil acted and the telemetry confirmed it",
  recovered: "Recovered by itself",
  resolved_by_person: "Resolved by a person",
  alert_cleared: "The alerts cleared; telemetry could not confirm it",
  unresolved: "Unresolved: nobody took it",
  merged: "Merged into another incident",
  aborted: "Aborted",
};

export const outcomeWord = (outcome: Outcome): string => outcomes[outcome] ?? spaced(outcome);

/** Measures are an open set: adapters bring their own. */
const metrics: Readonly<Record<string, string>> = {
  latency_ms: "Latency p95",
  error_rate: "Error rate",
  request_rate: "Request rate",
  cpu_percent: "CPU",
  memory_percent: "Memory",
  connections: "Connections",
  max_connections: "Connections allowed",
  free_storage_bytes: "Free storage",
  free_memory_bytes: "Free memory",
  swap_bytes: "Swap",
  replica_lag_s: "Replica lag",
  read_iops: "Read operations",
  write_iops: "Write operations",
  read_latency_ms: "Disk read latency",
  write_latency_ms: "Disk write latency",
  disk_queue_depth: "Disk queue",
  transaction_log_rate: "Write-ahead log",
  used_transaction_ids: "Transaction ids used",
  database_load: "Database load",
  network_in_rate: "Network in",
  network_out_rate: "Network out",
  restarts: "Restarts",
  unavailable_replicas: "Instances missing",
  cpu_throttled: "CPU held back",
  queue_depth: "Messages waiting",
  queue_age_s: "Oldest message",
  throttled_requests: "Throttled requests",
  cache_hit_rate: "Cache hit rate",
  certificate_days_left: "Certificate days left",
};

export const knownMetrics: readonly string[] = Object.keys(metrics);

export const metricWord = (metric: string): string => metrics[metric] ?? capital(metric);

/** Causes are an open set too. */
const causes: Readonly<Record<string, string>> = {
  unknown: "unknown cause",
  bad_deployment: "bad deployment",
  bad_configuration: "bad configuration",
  connections_exhausted: "connections used up",
  memory_leak: "memory leak",
  out_of_memory: "out of memory",
  crash_loop: "crash loop",
  cpu_saturation: "CPU saturated",
  traffic_surge: "surge of traffic",
  storage_full: "storage full",
  disk_saturation: "disk cannot keep up",
  replication_lag: "replica cannot keep up",
  expensive_query: "expensive query",
  lock_contention: "lock contention",
  maintenance_load: "load of maintenance",
  failover: "failover",
  network_failure: "network failure",
  throttled: "throttled by a quota",
  dependency_failure: "failure of a dependency",
  cache_failure: "cache failure",
  queue_backlog: "backlog in a queue",
  certificate_expired: "certificate expired",
  node_pressure: "machine short of resources",
  image_pull: "image cannot be fetched",
  memory_pressure: "memory running short",
  transaction_id_wraparound: "transaction ids running out",
  ports_exhausted: "ports used up",
  instance_restart: "restart of an instance",
  host_failure: "failure of a machine",
  unhealthy_targets: "unhealthy targets",
};

export const knownCauses: readonly string[] = Object.keys(causes);

export const causeWord = (cause: string): string => causes[cause] ?? spaced(cause);

const routeReasons: Record<RouteReason, Word> = {
  configured: { text: "configured", tone: "neutral" },
  malformed: { text: "stepped up: the answer could not be read", tone: "warn" },
  unsupported: { text: "stepped up: the answer cited no evidence", tone: "warn" },
  unavailable: { text: "stepped down: the model cannot be had", tone: "warn" },
  statistics: { text: "no model is left: statistics alone", tone: "bad" },
};

export const routeWord = (reason: RouteReason): Word => lookUp(routeReasons, reason);

const purposes: Record<Purpose, string> = {
  classify: "to classify",
  forecast: "to explain the forecast",
  diagnose: "to diagnose",
  plan: "to plan",
  communicate: "to communicate",
  answer: "to answer a question",
};

export const purposeWord = (purpose: Purpose): string => purposes[purpose] ?? spaced(purpose);

const guardrailOutcomes: Record<GuardrailOutcome, Word> = {
  passed: { text: "passed", tone: "good" },
  anonymized: { text: "anonymised", tone: "accent" },
  blocked: { text: "blocked", tone: "bad" },
  failed: { text: "could not be asked", tone: "warn" },
  off: { text: "none is configured", tone: "neutral" },
};

export const guardrailWord = (outcome: GuardrailOutcome): Word => lookUp(guardrailOutcomes, outcome);

/** One figure of a budget, in its own unit. */
export function amount(b: Budget, which: string): string {
  switch (which) {
    case "turns":
      return count(b.turns ?? 0);
    case "tokens":
      return count(b.tokens ?? 0);
    case "cost":
      return cost(b.cost_usd_micros ?? 0);
    default:
      return capital(which);
  }
}

/** bad_deployment → bad deployment */
export function spaced(word: string): string {
  return word.replaceAll("_", " ");
}

/** Text of somebody else as a sentence: it ends as one, and once. */
export function sentence(text: string): string {
  return /[.!?…]$/.test(text.trim()) ? text.trim() : `${text.trim()}.`;
}

export function capital(word: string): string {
  const text = spaced(word);
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function lookUp<K extends string>(words: Record<K, Word>, key: K): Word {
  return words[key] ?? { text: capital(key), tone: "neutral" };
}
