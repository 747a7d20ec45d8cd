package main

import (
	"time"

	"vigil/workflows/event"
	"vigil/workflows/incident"
)

// remedy records one remediation as its workflow tells its incident of it.
type remedy struct {
	t      *tape
	action incident.Action
	r      incident.Remediation
}

// changed records that it stands at s.
func (r *remedy) changed(after time.Duration, s incident.RemediationState) {
	r.r.State = s
	now := r.r
	now.Executions = append([]incident.Execution{}, r.r.Executions...)
	r.t.add(after, &event.RemediationChanged{Remediation: now}, byWorkflow(incident.OriginSimulated))
}

// effect records a call that did what it should.
func (r *remedy) effect(e incident.Effect, took time.Duration, detail string) {
	r.call(e, took, func(x *incident.Execution) { x.Detail = detail })
}

// fails records one that did not.
func (r *remedy) fails(e incident.Effect, took time.Duration, s incident.ExecutionState, detail string) {
	r.call(e, took, func(x *incident.Execution) { x.State, x.Detail = s, detail })
}

func (r *remedy) call(e incident.Effect, took time.Duration, outcome func(*incident.Execution)) {
	const o = incident.OriginSimulated
	r.t.add(time.Millisecond, &event.ActionStarted{Action: r.action, Effect: e, ClientToken: e.Token()}, byWorkflow(o))
	if r.r.ActedAt.IsZero() {
		r.r.ActedAt = r.t.now
	}
	p := byAWS(o, e.Executor, e.Document, 80+len(r.r.Executions), took.Milliseconds())
	x := execution(e, r.t.now, took, p)
	outcome(&x)
	r.r.Executions = append(r.r.Executions, x)
	r.t.add(took, &event.ActionFinished{Execution: x}, p)
}

// told records what became of telling a channel.
func told(t *tape, kind incident.NotificationKind, key, channel, team, to string, s incident.DeliveryState, detail string) {
	p := incident.Provenance{Origin: incident.OriginSimulated, Service: channel, Operation: "notify", LatencyMS: 84}
	t.add(80*time.Millisecond, &event.NotificationSent{Delivery: incident.Delivery{Key: key, Kind: kind, Channel: channel, Team: team, To: to, State: s, Detail: detail, Provenance: p}}, p)
}

// plan makes an option the incident's plan, revision n.
func plan(t *tape, o incident.Option, n int) incident.Action {
	return incident.Action{IncidentID: t.incidentID, PlanRevision: n, Name: o.Name, Type: o.Type, Target: o.Target, Steps: o.Steps,
		Precondition: o.Precondition, Planned: o.Planned, Basis: contentHash("payments diagnosis"), CatalogueVersion: "2026-11-1"}
}

func propose(t *tape, id string, o incident.Option, a incident.Action, ruling incident.Ruling, score float64) incident.Proposal {
	return incident.Proposal{ID: id, Action: a, ActionHash: a.Hash(), Title: o.Title, Reason: "payments waits for connections (E1)", Risk: o.Risk,
		BlastRadius: o.BlastRadius, Effect: o.Effect, Ruling: ruling, Score: score, AskedOf: "on-call", Need: ruling.Autonomy.Approvers(),
		State: incident.ProposalPending, RequestedAt: t.now, Deadline: t.now.Add(15 * time.Minute)}
}

func paymentsRuling(a incident.Autonomy, rule, reason string) incident.Ruling {
	return incident.Ruling{PolicyVerdict: incident.PolicyVerdict{Autonomy: a, Rule: rule, Reason: reason, Version: "2026-11-1", Tier: "1",
		Role: incident.RoleApprover}, Mode: incident.ModeExecute}
}

// capacityOption has two steps, each of which can be taken back.
func capacityOption() incident.Option {
	service := func(count string) map[string]string {
		return map[string]string{"cluster": "prod", "service": "payments", "desired_count": count}
	}
	pool := func(size string) map[string]string {
		return map[string]string{"Parameter": "/payments/pool-size", "Value": size}
	}
	return incident.Option{ID: "add_capacity:payments", Name: "add_capacity", Type: incident.ActionIncreaseResources, Target: "payments", Title: "Add capacity",
		Steps: []incident.Step{
			{Executor: "ecs", Document: "UpdateService", Arguments: service("6"), Undo: &incident.Undo{Document: "UpdateService", Arguments: service("4")}},
			{Executor: "ssm", Document: "Vigil-SetParameter", Arguments: pool("40"), Undo: &incident.Undo{Document: "Vigil-SetParameter", Arguments: pool("20")}},
		}, Precondition: `state.desired_count == 4.0 && state.task_definition == "payments:118"`,
		Planned: incident.TargetState{"desired_count": 4.0, "task_definition": "payments:118", "cpu_share": 0.25, "stable": true},
		Risk:    incident.RiskHigh, BlastRadius: incident.BlastCallers, Share: 0.25, Effect: "requests find a free connection", Enabled: true}
}

// restartOption has nothing to take back.
func restartOption() incident.Option {
	return incident.Option{ID: "restart:payments", Name: "restart", Type: incident.ActionRestartService, Target: "payments", Title: "Restart the service",
		Steps: []incident.Step{{Executor: "ecs", Document: "UpdateService", Arguments: map[string]string{"cluster": "prod", "service": "payments", "force_new_deployment": "true"}}},
		Risk:  incident.RiskMedium, BlastRadius: incident.BlastService, Share: 0.5, Effect: "fresh tasks with empty pools", Enabled: true}
}

func revertOption() incident.Option {
	config := func(version string) map[string]string {
		return map[string]string{"Application": "payments", "Version": version}
	}
	return incident.Option{ID: "revert_config:payments", Name: "revert_config", Type: incident.ActionUpdateConfig, Target: "payments", Title: "Revert the configuration",
		Steps: []incident.Step{{Executor: "ssm", Document: "Vigil-DeployConfiguration", Arguments: config("71"),
			Undo: &incident.Undo{Document: "Vigil-DeployConfiguration", Arguments: config("72")}}},
		Precondition: "state.configuration == 72.0", Planned: incident.TargetState{"configuration": 72.0},
		Risk: incident.RiskLow, BlastRadius: incident.BlastService, Effect: "the pool is as large as before 17:58", Enabled: true}
}

func paymentsChecks(latency float64, good int) []incident.Check {
	return []incident.Check{{Service: "payments", Metric: incident.MetricLatency, Unit: "ms", Baseline: 84, Limit: 130, Incident: 1960, Now: latency, Good: good, Needed: 3}}
}
