package world

import (
	"fmt"
	"maps"
	"reflect"
	"time"

	"github.com/google/uuid"
)

// ExecutionStatus is how an automation execution stands.
type ExecutionStatus string

const (
	ExecutionInProgress ExecutionStatus = "InProgress"
	ExecutionSuccess    ExecutionStatus = "Success"
	ExecutionFailed     ExecutionStatus = "Failed"
	ExecutionTimedOut   ExecutionStatus = "TimedOut"
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
	fate  Fate
}

// Service is the target that the parameters name.
func (e Execution) Service() string { return first(e.Parameters["Service"]) }

// When an automation acts, and when it ends.
const (
	actAfter    = 2 // ticks
	finishAfter = 3
)

// StartAutomation begins an execution, and returns the one that token began
// before where there is one. Without a token every call begins another.
func (w *World) StartAutomation(document string, parameters map[string][]string, tags map[string]string, token string) (Execution, error) {
	return w.StartFated(document, parameters, tags, token, Fate{})
}

// StartFated is StartAutomation of an execution that comes to a bad end.
func (w *World) StartFated(document string, parameters map[string][]string, tags map[string]string, token string, fate Fate) (Execution, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	d := documentOf(document)
	if d.name == "" {
		return Execution{}, fmt.Errorf("%w: %q; there are %v", ErrUnknownDocument, document, Documents)
	}
	if err := d.check(parameters); err != nil {
		return Execution{}, err
	}
	if before := w.byToken[token]; token != "" && before != nil {
		if before.Document != document || !reflect.DeepEqual(before.Parameters, parameters) {
			return Execution{}, fmt.Errorf("%w: %s began %s", ErrTokenReused, token, before.ID)
		}
		w.tally(automationKey(before)).Calls++
		return before.copy(), nil
	}
	e := &Execution{
		ID: uuid.NewString(), Token: token, Document: document, Parameters: maps.Clone(parameters), Tags: maps.Clone(tags),
		Status: ExecutionInProgress, Step: stepCheck, StartedAt: w.present(), since: w.tick, fate: fate,
	}
	w.jobs = append(w.jobs, e)
	if token != "" {
		w.byToken[token] = e
	}
	w.tally(automationKey(e)).Calls++
	w.audit(TrailEvent{
		Name: "StartAutomationExecution", Source: "ssm.amazonaws.com", At: e.StartedAt, Username: executor,
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
			e.Step = stepAct
			if w.meetsFate(e) {
				continue
			}
			if err := w.act(e); err != nil {
				w.end(e, ExecutionFailed, fmt.Sprintf("Step %s failed: %s", stepAct, err))
				continue
			}
			e.acted = true
			w.recordAutomation(e)
			e.Step = stepSettle
		}
		if age >= finishAfter && !w.meetsFate(e) {
			e.Status, e.Step, e.EndedAt = ExecutionSuccess, "", w.at(w.tick)
		}
	}
}

// meetsFate reports whether an execution was made to stop at its step, and ends
// it when it is time.
func (w *World) meetsFate(e *Execution) bool {
	if !e.fate.at(e.Step) {
		return false
	}
	if !e.fate.due(e.StartedAt, w.at(w.tick)) {
		return true
	}
	if e.fate.Kind == FateHangs {
		w.end(e, ExecutionTimedOut, fmt.Sprintf("Step %s did not end in %s", e.Step, e.fate.After))
	} else {
		w.end(e, ExecutionFailed, fmt.Sprintf("Step %s failed: it was told to", e.Step))
	}
	return true
}

// end ends an execution badly. Its step stays the one at which it stopped.
func (w *World) end(e *Execution, status ExecutionStatus, failure string) {
	e.Status, e.Failure, e.EndedAt = status, failure, w.at(w.tick)
}

// act does to the target what the document says.
func (w *World) act(e *Execution) error {
	t, err := w.find(e)
	if err != nil {
		return err
	}
	return documentOf(e.Document).act(w, e, t)
}
