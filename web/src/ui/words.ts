/** The words of the protocol as people say them. A word that is not here is shown as it came. */
import type {
  AgentState,
  ExecutionState,
  HandoverReason,
  Metric,
  Outcome,
  PhaseState,
  ProposalState,
  Severity,
  Status,
  VerificationState,
} from "../protocol/generated";

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
  failed: "Vigil cannot go on by itself",
};

export const handoverWord = (reason: HandoverReason): string => handovers[reason] ?? spaced(reason);

const outcomes: Record<Outcome, string> = {
  remediated: "Remediated: Vigil acted and the telemetry confirmed it",
  recovered: "Recovered by itself",
  resolved_by_person: "Resolved by a person",
  alert_cleared: "The alerts cleared; telemetry could not confirm it",
  unresolved: "Unresolved: nobody took it",
  aborted: "Aborted",
};

export const outcomeWord = (outcome: Outcome): string => outcomes[outcome] ?? spaced(outcome);

const metrics: Record<Metric, string> = {
  latency_ms: "Latency p95",
  error_rate: "Error rate",
  request_rate: "Request rate",
  cpu_percent: "CPU",
  memory_percent: "Memory",
  connections: "Connections",
};

export const metricWord = (metric: Metric): string => metrics[metric] ?? spaced(metric);

/** bad_deployment → bad deployment */
export function spaced(word: string): string {
  return word.replaceAll("_", " ");
}

export function capital(word: string): string {
  const text = spaced(word);
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function lookUp<K extends string>(words: Record<K, Word>, key: K): Word {
  return words[key] ?? { text: capital(key), tone: "neutral" };
}
