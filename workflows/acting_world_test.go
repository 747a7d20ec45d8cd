package workflows_test

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"vigil/workflows/incident"
)

// What the scripted shop answers where Vigil acts on it.

var executorOrigin = incident.Provenance{Origin: incident.OriginSimulated, Service: "ssm"}

// shopCatalogue has what tests act with: an action that can be undone, one that
// cannot, and one of three steps.
func shopCatalogue() []incident.CatalogueEntry {
	step := func(document string, undo string) incident.StepSpec {
		s := incident.StepSpec{Executor: "ssm", Document: document, Arguments: map[string]string{"Service": "=target"}}
		if undo != "" {
			s.Undo = &incident.UndoSpec{Document: undo, Arguments: map[string]string{"Service": "=target"}}
		}
		return s
	}
	entry := func(name string, typ incident.ActionType, risk incident.Risk, causes []incident.Cause, steps ...incident.StepSpec) incident.CatalogueEntry {
		return incident.CatalogueEntry{Name: name, Type: typ, Title: strings.ReplaceAll(name, "_", " "), Causes: causes, Steps: steps, Risk: risk,
			BlastRadius: incident.BlastService, Effect: "it works again", Enabled: true, TimeoutMS: 180_000}
	}
	return []incident.CatalogueEntry{
		entry("rollback_deployment", incident.ActionRollbackDeployment, incident.RiskMedium, []incident.Cause{incident.CauseBadDeployment},
			step("Rollback", "DeployAgain")),
		entry("restart_service", incident.ActionRestartService, incident.RiskMedium, []incident.Cause{incident.CauseMemoryLeak, incident.CauseBadDeployment},
			step("Restart", "")),
		entry("shift_traffic", incident.ActionDrainTraffic, incident.RiskHigh, []incident.Cause{incident.CauseBadDeployment},
			step("Drain", "Restore"), step("Divert", "Return"), step("Throttle", "Release")),
	}
}

func (s *shop) Observe(context.Context, incident.Effect) (incident.TargetState, incident.Provenance, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.target == nil {
		return incident.TargetState{"kind": "ecs", "desired_count": 2.0}, executorOrigin, nil
	}
	return maps.Clone(s.target), executorOrigin, nil
}

func (s *shop) Call(e incident.Effect) (incident.Call, error) {
	return incident.Call{Service: e.Executor, Operation: e.Document, Request: []byte(`{"Service":"` + e.Target + `"}`)}, nil
}

func (s *shop) Start(_ context.Context, e incident.Effect) (string, incident.Provenance, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.startErr) > 0 {
		err := s.startErr[0]
		s.startErr = s.startErr[1:]
		if err != nil {
			return "", incident.Provenance{}, err
		}
	}
	if s.onEffect != nil {
		s.onEffect(e)
	}
	s.starts++
	s.effects = append(s.effects, e)
	if !s.incurable && !e.Undo && (s.cures == "" || s.cures == e.Document) {
		s.curedAt = s.now()
	}
	if s.lostStart {
		return "", incident.Provenance{}, incident.Errorf(incident.KindUnavailable, "connection reset")
	}
	return "exec-" + e.Token()[:8], executorOrigin, nil
}

func (s *shop) Find(_ context.Context, e incident.Effect) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	began := slices.ContainsFunc(s.effects, func(o incident.Effect) bool { return o.Token() == e.Token() })
	if s.invisible || !began {
		return "", nil
	}
	return "exec-" + e.Token()[:8], nil
}

func (s *shop) Get(_ context.Context, e incident.Effect, _ string) (incident.ExecutionState, string, incident.Provenance, error) {
	if state := s.failing[e.Document]; state != "" {
		return state, "it says " + string(state), executorOrigin, nil
	}
	return incident.ExecutionSucceeded, "Success", executorOrigin, nil
}

// Plan knows of expressions only "=target".
func (s *shop) Plan(e incident.CatalogueEntry, target string, _ incident.TargetState) ([]incident.Step, error) {
	fill := func(in map[string]string) map[string]string {
		out := maps.Clone(in)
		for k, v := range out {
			if v == "=target" {
				out[k] = target
			}
		}
		return out
	}
	var out []incident.Step
	for _, spec := range e.Steps {
		step := incident.Step{Executor: spec.Executor, Document: spec.Document, Arguments: fill(spec.Arguments)}
		if spec.Undo != nil {
			step.Undo = &incident.Undo{Document: spec.Undo.Document, Arguments: fill(spec.Undo.Arguments)}
		}
		out = append(out, step)
	}
	return out, nil
}

// Holds knows one precondition: that nobody has changed how many there are.
func (s *shop) Holds(precondition, _ string, planned, now incident.TargetState) (bool, error) {
	return precondition == "" || planned["desired_count"] == now["desired_count"], nil
}

func (s *shop) Judge(context.Context, incident.Facts, time.Time) (incident.PolicyVerdict, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v := s.verdict
	if v.Autonomy == "" {
		v.Autonomy = incident.AutonomyApprove
	}
	v.Rule, v.Reason, v.Version = "test", "the test says so", "1"
	return v, nil
}

func (s *shop) Read(context.Context) (incident.Controls, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.controls, s.controlErr
}

func (s *shop) Role(_ context.Context, name string) (incident.Role, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if role, changed := s.roles[name]; changed {
		return role, nil
	}
	return incident.RoleApprover, nil
}

func (s *shop) Request(_ context.Context, r incident.LeaseRequest) error {
	s.mu.Lock()
	wait := s.leased != nil && !s.leased(r)
	s.mu.Unlock()
	if !wait {
		s.grant(r)
	}
	return nil
}

func (s *shop) AwaitClose(context.Context, string, string) (*incident.Remediation, error) {
	return nil, nil
}

func (s *shop) Notify(_ context.Context, n incident.Notification) (incident.Delivery, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.told = append(s.told, n)
	return incident.Delivery{State: incident.DeliverySent, Ref: n.Channel + "/1", Provenance: incident.Provenance{Origin: incident.OriginSimulated, Service: "slack"}}, s.tellErr
}

// documents is what took effect, in order.
func (s *shop) documents() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []string
	for _, e := range s.effects {
		out = append(out, e.Document)
	}
	return strings.Join(out, " ")
}
