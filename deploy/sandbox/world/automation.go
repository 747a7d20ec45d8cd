package world

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"time"

	"github.com/google/uuid"
)

// The automation documents that the world knows.
const (
	DocumentRollback = "Vigil-RollbackDeployment"
	DocumentRestart  = "Vigil-RestartService"
	DocumentScale    = "Vigil-ScaleService"
)

// Documents lists them.
var Documents = []string{DocumentRollback, DocumentRestart, DocumentScale}

var (
	// ErrUnknownDocument says that there is no such automation document.
	ErrUnknownDocument = errors.New("no such automation document")
	// ErrInvalidParameters says that a document was given wrong parameters.
	ErrInvalidParameters = errors.New("invalid parameters")
	// ErrTokenReused says that a client token came with another request before.
	ErrTokenReused = errors.New("the client token was used with another request")
)

// ExecutionStatus is how an automation execution stands.
type ExecutionStatus string

const (
	ExecutionInProgress ExecutionStatus = "InProgress"
	ExecutionSuccess    ExecutionStatus = "Success"
	ExecutionFailed     ExecutionStatus = "Failed"
)

// Execution is one run of an automation document.
type Execution struct {
	ID         string              `json:"id"`
	Token      string              `json:"client_token,omitempty"`
	Document   string              `json:"document"`
	Parameters map[string][]string `json:"parameters"`
	Tags       map[string]string   `json:"tags,omitempty"`
	Status     ExecutionStatus     `json:"status"`
	Step       string              `json:"step,omitempty"` // the one that runs now
	Failure    string              `json:"failure,omitempty"`
	Outputs    []string            `json:"outputs,omitempty"`
	StartedAt  time.Time           `json:"started_at"`
	EndedAt    time.Time           `json:"ended_at,omitzero"`

	since int64 // tick
	acted bool
}

// Service is the target that the parameters name.
func (e Execution) Service() string { return first(e.Parameters["Service"]) }

// Effect is one thing that an automation did to its target.
type Effect struct {
	N           int       `json:"n"`
	ExecutionID string    `json:"execution_id"`
	Token       string    `json:"client_token,omitempty"`
	Document    string    `json:"document"`
	Service     string    `json:"service"`
	At          time.Time `json:"at"`
	TokenCount  int       `json:"token_count"`  // how often this token has taken effect, this one included
	TargetCount int       `json:"target_count"` // how often this document has taken effect on this service
}

// An automation looks at its target, acts, and waits for the target to settle.
const (
	actAfter    = 2 // ticks
	finishAfter = 3

	stepCheck  = "checkTarget"
	stepAct    = "act"
	stepSettle = "waitUntilStable"
)

// StartAutomation begins an execution, and returns the one that token began
// before where there is one. Without a token every call begins another.
func (w *World) StartAutomation(document string, parameters map[string][]string, tags map[string]string, token string) (Execution, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	known := false
	for _, d := range Documents {
		known = known || d == document
	}
	if !known {
		return Execution{}, fmt.Errorf("%w: %q; there are %v", ErrUnknownDocument, document, Documents)
	}
	for name, values := range parameters {
		if name != "Cluster" && name != "Service" {
			return Execution{}, fmt.Errorf("%w: %s takes Cluster and Service, not %q", ErrInvalidParameters, document, name)
		}
		if len(values) != 1 || values[0] == "" {
			return Execution{}, fmt.Errorf("%w: %s needs exactly one %s", ErrInvalidParameters, document, name)
		}
	}
	if len(parameters["Service"]) == 0 {
		return Execution{}, fmt.Errorf("%w: %s needs a Service", ErrInvalidParameters, document)
	}
	if before := w.byToken[token]; token != "" && before != nil {
		if before.Document != document || !reflect.DeepEqual(before.Parameters, parameters) {
			return Execution{}, fmt.Errorf("%w: %s began %s", ErrTokenReused, token, before.ID)
		}
		return before.copy(), nil
	}
	e := &Execution{
		ID: uuid.NewString(), Token: token, Document: document, Parameters: maps.Clone(parameters), Tags: maps.Clone(tags),
		Status: ExecutionInProgress, Step: stepCheck, StartedAt: w.present(), since: w.tick,
	}
	w.jobs = append(w.jobs, e)
	if token != "" {
		w.byToken[token] = e
	}
	w.audit(TrailEvent{
		Name: "StartAutomationExecution", Source: "ssm.amazonaws.com", At: e.StartedAt, Username: "vigil-executor",
		Resources: []Resource{{Type: "AWS::SSM::AutomationExecution", Name: e.ID}, {Type: "AWS::SSM::Document", Name: document}},
		Request:   map[string]any{"documentName": document, "parameters": parameters, "clientToken": token},
		Response:  map[string]any{"automationExecutionId": e.ID},
	})
	return e.copy(), nil
}

// Executions returns the executions for which keep holds, oldest first.
func (w *World) Executions(keep func(Execution) bool) []Execution {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []Execution
	for _, e := range w.jobs {
		if keep(*e) {
			out = append(out, e.copy())
		}
	}
	return out
}

// Effects returns what automations did, oldest first.
func (w *World) Effects() []Effect {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]Effect{}, w.effects...)
}

func (e *Execution) copy() Execution {
	out := *e
	out.Parameters, out.Tags = maps.Clone(e.Parameters), maps.Clone(e.Tags)
	out.Outputs = append([]string(nil), e.Outputs...)
	return out
}

// runJobs moves every execution on by one tick.
func (w *World) runJobs() {
	for _, e := range w.jobs {
		if e.Status != ExecutionInProgress {
			continue
		}
		age := w.tick - e.since
		if age < actAfter {
			continue
		}
		if !e.acted {
			e.acted, e.Step = true, stepAct
			if err := w.act(e); err != nil {
				e.Status, e.Failure, e.EndedAt = ExecutionFailed, fmt.Sprintf("Step %s failed: %s", stepAct, err), w.at(w.tick)
				continue
			}
			w.recordEffect(e)
			e.Step = stepSettle
		}
		if age >= finishAfter {
			e.Status, e.Step, e.EndedAt = ExecutionSuccess, "", w.at(w.tick)
		}
	}
}

// act does to the target what the document says. Only the remedy of the
// active fault's own cause, on its own service, ends that fault.
func (w *World) act(e *Execution) error {
	service, cluster := e.Service(), first(e.Parameters["Cluster"])
	kind, ok := w.topo.kindOf(service)
	switch {
	case !ok:
		return fmt.Errorf("there is no service %q", service)
	case kind == KindTable || kind == KindQueue || kind == KindExternal:
		return fmt.Errorf("%s is a %s, and there is nothing to run on it", service, kind)
	case cluster != "" && cluster != Cluster:
		return fmt.Errorf("there is no cluster %q; there is %q", cluster, Cluster)
	}
	actor := "vigil-executor"
	switch e.Document {
	case DocumentRollback:
		if kind != KindECS {
			return fmt.Errorf("%s is a %s and has no deployments", service, kind)
		}
		bad := w.current(service).TaskDefinition
		d, ok := w.rollback(service, actor)
		if !ok {
			return fmt.Errorf("%s has no earlier version to go back to", service)
		}
		e.Outputs = append(e.Outputs, fmt.Sprintf("%s is back on %s", service, d.TaskDefinition))
		w.cureDeployment(service, bad)
	case DocumentRestart:
		w.restart(service, kind, actor)
		e.Outputs = append(e.Outputs, fmt.Sprintf("tasks of %s were replaced one by one", service))
		w.cure(e.Document, service)
	case DocumentScale:
		w.scale(e, service, kind, actor)
		w.cure(e.Document, service)
	}
	return nil
}

// restart replaces what runs, with the version that it has.
func (w *World) restart(service string, kind Kind, actor string) {
	switch kind {
	case KindECS:
		w.record(Deployment{Service: service, Revision: w.current(service).Revision, Actor: actor,
			Summary: "replace tasks", CreatedAt: w.present(), Forced: true})
		w.logRestart(service)
	case KindDatabase:
		w.auditChange("RebootDBInstance", service, kind, actor, map[string]any{"dBInstanceIdentifier": service})
		w.report(service, "availability", "DB instance restarted")
	case KindCache:
		w.auditChange("RebootCacheCluster", service, kind, actor, map[string]any{"cacheClusterId": service})
	}
}

// scale gives a database more connections, a cache another node and anything
// else another task.
func (w *World) scale(e *Execution, service string, kind Kind, actor string) {
	switch kind {
	case KindECS:
		w.desired[service]++
		w.auditChange("UpdateService", service, kind, actor,
			map[string]any{"cluster": Cluster, "service": service, "desiredCount": w.desired[service]})
		e.Outputs = append(e.Outputs, fmt.Sprintf("%s runs %d tasks", service, w.desired[service]))
	case KindCache:
		w.auditChange("ModifyCacheCluster", service, kind, actor, map[string]any{"cacheClusterId": service, "numCacheNodes": 2})
		e.Outputs = append(e.Outputs, fmt.Sprintf("%s has another node", service))
	case KindDatabase:
		before := w.limits[service]
		after := 2 * before
		w.limits[service] = after
		w.auditChange("ModifyDBParameterGroup", service, kind, actor, map[string]any{
			"dBParameterGroupName": service, "parameters": []any{map[string]any{
				"parameterName": "max_connections", "parameterValue": fmt.Sprint(after), "applyMethod": "immediate"}}})
		w.report(service, "configuration change", fmt.Sprintf("Updated parameter max_connections to %d with apply method immediate", after))
		e.Outputs = append(e.Outputs, fmt.Sprintf("%s takes %d connections, %d before", service, after, before))
	}
}

func (w *World) recordEffect(e *Execution) {
	f := Effect{N: len(w.effects) + 1, ExecutionID: e.ID, Token: e.Token, Document: e.Document, Service: e.Service(),
		At: w.at(w.tick), TokenCount: 1, TargetCount: 1}
	for _, o := range w.effects {
		if o.Token == f.Token && f.Token != "" {
			f.TokenCount++
		}
		if o.Document == f.Document && o.Service == f.Service {
			f.TargetCount++
		}
	}
	w.effects = append(w.effects, f)
}

func first(values []string) string {
	if len(values) == 0 {
		return ""
	}
	return values[0]
}
