package world

import (
	"strings"
	"time"
)

// EffectKind says by which way an effect came.
type EffectKind string

const (
	EffectAutomation    EffectKind = "automation"     // an execution of a document
	EffectServiceUpdate EffectKind = "service_update" // a call of ECS UpdateService
)

// Effect is one thing that was done to a target.
type Effect struct {
	N           int               `json:"n"`
	Kind        EffectKind        `json:"kind"`
	ExecutionID string            `json:"execution_id,omitempty"`
	Token       string            `json:"client_token,omitempty"`
	Document    string            `json:"document"` // or the operation
	Service     string            `json:"service"`
	Arguments   map[string]string `json:"arguments,omitempty"`
	TargetState string            `json:"target_state,omitempty"` // of an update: what it brought about
	Undo        string            `json:"undo,omitempty"`         // the document that this one takes back
	At          time.Time         `json:"at"`
	TokenCount  int               `json:"token_count"`           // how often this token has taken effect, this one included
	TargetCount int               `json:"target_count"`          // how often this document has taken effect on this service
	StateCount  int               `json:"state_count,omitempty"` // how often this target state has been brought about on this service
}

// Tally compares how often something was asked for with how often it took
// effect. The same thing is the same token or, without one, the same execution
// or target state.
type Tally struct {
	Kind     EffectKind `json:"kind"`
	Document string     `json:"document"`
	Service  string     `json:"service"`
	Key      string     `json:"key"`
	Calls    int        `json:"calls"` // that were accepted
	Effects  int        `json:"effects"`
}

// Effects returns what was done, oldest first.
func (w *World) Effects() []Effect {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]Effect{}, w.effects...)
}

// Tallies returns what was asked for, in the order in which it first was.
func (w *World) Tallies() []Tally {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := make([]Tally, len(w.tallies))
	for i, t := range w.tallies {
		out[i] = *t
	}
	return out
}

// tally is the count of one thing.
func (w *World) tally(of Tally) *Tally {
	t := w.tallied[of]
	if t == nil {
		t = new(of)
		w.tallied[of], w.tallies = t, append(w.tallies, t)
	}
	return t
}

func automationKey(e *Execution) Tally {
	key := e.Token
	if key == "" {
		key = e.ID
	}
	return Tally{Kind: EffectAutomation, Document: e.Document, Service: e.Service(), Key: key}
}

func (w *World) recordAutomation(e *Execution) {
	f := Effect{Kind: EffectAutomation, ExecutionID: e.ID, Token: e.Token, Document: e.Document, Service: e.Service(), Undo: documentOf(e.Document).undoes,
		Arguments: map[string]string{}}
	for name, values := range e.Parameters {
		f.Arguments[name] = strings.Join(values, ",")
	}
	w.recordEffect(f)
	w.tally(automationKey(e)).Effects++
}

// recordEffect keeps an effect, with how often the same has been there.
func (w *World) recordEffect(f Effect) {
	f.N, f.At, f.TokenCount, f.TargetCount = len(w.effects)+1, w.present(), 1, 1
	if f.TargetState != "" {
		f.StateCount = 1
	}
	for _, o := range w.effects {
		if o.Token == f.Token && f.Token != "" {
			f.TokenCount++
		}
		if o.Document == f.Document && o.Service == f.Service {
			f.TargetCount++
			if f.TargetState != "" && o.TargetState == f.TargetState {
				f.StateCount++
			}
		}
	}
	w.effects = append(w.effects, f)
}
