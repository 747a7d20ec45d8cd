package event_test

import (
	"encoding/json"
	"testing"
	"time"

	"pgregory.net/rapid"

	"vigil/workflows/event"
	"vigil/workflows/incident"
)

var stories = []string{"story", "story-inconclusive", "story-aborted", "story-agents", "story-continued", "story-healthy", "story-actions", "story-unsafe"}

type story struct {
	Events []event.Event   `json:"events"`
	View   json.RawMessage `json:"view"`
}

func mustStory(tb testing.TB, name string) story {
	tb.Helper()
	var s story
	mustUnmarshal(tb, mustGolden(tb, name), &s)
	return s
}

// TestStories: the events of each story match the schema, lose nothing, and
// add up to the view beside them, which the TypeScript reducer reproduces.
func TestStories(t *testing.T) {
	t.Parallel()
	events, views := mustSchema(t, "IncidentEvent"), mustSchema(t, "View")
	for _, name := range stories {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := mustStory(t, name)
			var v event.View
			for _, e := range s.Events {
				raw := mustMarshal(t, e)
				mustValidate(t, events, raw)
				checkEvent(t, raw)
				if !v.Apply(e) {
					t.Errorf("event %s of type %s does not apply", e.ID, e.Type)
				}
			}
			have := mustMarshal(t, v)
			mustValidate(t, views, have)
			sameJSON(t, s.View, have)
		})
	}
}

// TestApplyIsStableUnderRepeats: whatever earlier numbered events come again,
// in whatever order, between the events of a run, they change nothing.
func TestApplyIsStableUnderRepeats(t *testing.T) {
	t.Parallel()
	all, states := map[string]story{}, map[string][]string{}
	for _, name := range stories {
		all[name] = mustStory(t, name)
		var clean event.View
		for _, e := range all[name].Events {
			clean.Apply(e)
			states[name] = append(states[name], encode(t, clean))
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.SampledFrom(stories).Draw(t, "story")
		s, want := all[name], states[name]
		looked := rapid.IntRange(0, len(s.Events)-1).Draw(t, "looked at")
		var v event.View
		for i, e := range s.Events {
			if !v.Apply(e) {
				t.Fatalf("event %s does not apply", e.ID)
			}
			for _, j := range rapid.SliceOfN(rapid.IntRange(0, i), 0, 3).Draw(t, "repeats") {
				again := s.Events[j]
				if again.Seq == 0 || again.RunID != v.RunID {
					continue // the caller's to sort out
				}
				if v.Apply(again) {
					t.Fatalf("event %s applied again after %s", again.ID, e.ID)
				}
			}
			if i == looked && encode(t, v) != want[i] {
				t.Fatalf("repeats changed the view after event %s", e.ID)
			}
		}
	})
}

// TestApplyPrefixThenRest: a view that was stored and read back in the middle
// goes on to the same end, and what it stands for does not depend on where.
func TestApplyPrefixThenRest(t *testing.T) {
	t.Parallel()
	all, want := map[string]story{}, map[string]string{}
	for _, name := range stories {
		all[name] = mustStory(t, name)
		want[name] = canonical(t, all[name].View)
	}
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.SampledFrom(stories).Draw(t, "story")
		s := all[name]
		cut := rapid.IntRange(1, len(s.Events)).Draw(t, "cut")
		var v event.View
		for _, e := range s.Events[:cut] {
			v.Apply(e)
		}
		var restored event.View
		if err := json.Unmarshal([]byte(encode(t, v)), &restored); err != nil {
			t.Fatal(err)
		}
		for _, e := range s.Events[cut:] {
			restored.Apply(e)
		}
		if encode(t, restored) != want[name] {
			t.Fatalf("stored after %d events, the view ends differently", cut)
		}
	})
}

// TestApplyLeavesEventsAlone: a view never writes into what it was given.
func TestApplyLeavesEventsAlone(t *testing.T) {
	t.Parallel()
	for _, name := range stories {
		s := mustStory(t, name)
		before := mustMarshal(t, s.Events)
		var v event.View
		for _, e := range s.Events {
			v.Apply(e)
		}
		sameJSON(t, before, mustMarshal(t, s.Events))
	}
}

// TestApplyLeavesCopiesAlone: a copy of a view stays as it was, whatever is
// applied to the view after, and two copies can go different ways.
func TestApplyLeavesCopiesAlone(t *testing.T) {
	t.Parallel()
	for _, name := range stories {
		s := mustStory(t, name)
		var v event.View
		copies, want := []event.View{}, []string{}
		for _, e := range s.Events {
			v.Apply(e)
			copies, want = append(copies, v), append(want, encode(t, v))
			aside := v // goes another way: the same event once more, as the next one
			e.Seq = v.Seq + 1
			aside.Apply(e)
			copies, want = append(copies, aside), append(want, encode(t, aside))
		}
		for i := range copies {
			if encode(t, copies[i]) != want[i] {
				t.Fatalf("%s: later events changed the copy made after event %s", name, s.Events[i/2].ID)
			}
		}
	}
}

func TestApplyRefuses(t *testing.T) {
	t.Parallel()
	s := mustStory(t, "story-aborted")
	first, second := s.Events[1], s.Events[3] // one event of each run
	if first.RunID == second.RunID {
		t.Fatal("the story has only one run")
	}
	unreadable := second
	unreadable.Seq, unreadable.Data = 99, json.RawMessage(`{"status":3}`)
	unknown := second
	unknown.Seq, unknown.Type = 99, "incident.invented"
	var v event.View
	for _, e := range s.Events {
		v.Apply(e)
	}
	for name, e := range map[string]event.Event{"an earlier run": first, "data that does not decode": unreadable, "an unknown type": unknown} {
		before := mustMarshal(t, v)
		if v.Apply(e) {
			t.Errorf("%s: applied", name)
		}
		sameJSON(t, before, mustMarshal(t, v))
	}
	var empty event.View
	if empty.Apply(second) {
		t.Error("an event before incident.opened applied to an empty view")
	}
}

// tally applies data with its provenance, one event a second.
type tally struct {
	t *testing.T
	v event.View
}

func newTally(t *testing.T) *tally {
	c := &tally{t: t}
	c.apply(&event.IncidentOpened{Title: "t"}, incident.Provenance{Origin: incident.OriginLive})
	return c
}

func (c *tally) apply(d event.Data, p incident.Provenance) {
	c.t.Helper()
	seq := c.v.Seq + 1
	if d.EventType() == event.TypeCauseReviewed {
		seq = 0
	}
	at := time.Date(2026, 11, 23, 14, 0, int(c.v.Seq), 0, time.UTC)
	e, err := event.New(d, "inc-1", "run-1", seq, at, p)
	if err != nil || !c.v.Apply(e) {
		c.t.Fatal(err, "does not apply")
	}
}

// TestApplyCosts: tokens and money add up over calls, of models and of the
// guardrail; an unknown price is counted as unknown and never as nothing, and
// a call whose answer was lost counts as often as it was sent.
func TestApplyCosts(t *testing.T) {
	t.Parallel()
	price := int64(1500)
	call := &event.ModelCalled{Agent: incident.AgentDiagnosis, Turn: 1, StopReason: "end_turn"}
	check := &event.GuardrailChecked{Subject: "answer", Outcome: event.GuardrailPassed}
	used := &incident.Usage{InputTokens: 10, OutputTokens: 2, CacheTokens: 4, CostMicros: &price}
	for name, c := range map[string]struct {
		data  event.Data
		p     incident.Provenance
		want  event.Cost
		agent incident.Budget
		units int64
	}{
		"priced": {data: call, p: incident.Provenance{Attempt: 1, Usage: used},
			want:  event.Cost{ModelCalls: 1, InputTokens: 10, OutputTokens: 2, CacheTokens: 4, CostMicros: 1500},
			agent: incident.Budget{Turns: 1, Tokens: 12, CostMicros: 1500}},
		"tried again and never sent before": {data: call, p: incident.Provenance{Attempt: 3, Usage: used},
			want:  event.Cost{ModelCalls: 1, InputTokens: 10, OutputTokens: 2, CacheTokens: 4, CostMicros: 1500},
			agent: incident.Budget{Turns: 1, Tokens: 12, CostMicros: 1500}},
		"lost twice": {data: call, p: incident.Provenance{Attempt: 3, Lost: 2, Usage: used},
			want: event.Cost{ModelCalls: 1, InputTokens: 30, OutputTokens: 6, CacheTokens: 12, CostMicros: 4500,
				Repeated: 2, RepeatedMicros: 3000},
			agent: incident.Budget{Turns: 1, Tokens: 36, CostMicros: 4500}},
		"price unknown, lost once": {data: call, p: incident.Provenance{Attempt: 2, Lost: 1, Usage: &incident.Usage{InputTokens: 5, OutputTokens: 1}},
			want:  event.Cost{ModelCalls: 1, InputTokens: 10, OutputTokens: 2, UnknownPriced: 2, Repeated: 1},
			agent: incident.Budget{Turns: 1, Tokens: 12}},
		"nothing known": {data: call, want: event.Cost{ModelCalls: 1, UnknownPriced: 1}, agent: incident.Budget{Turns: 1}},
		"guardrail, lost once": {data: check, p: incident.Provenance{Attempt: 2, Lost: 1, Usage: &incident.Usage{TextUnits: 3, CostMicros: &price}},
			want: event.Cost{CostMicros: 3000, Repeated: 1, RepeatedMicros: 1500}, units: 6},
		"guardrail, price unknown":       {data: check, p: incident.Provenance{Usage: &incident.Usage{TextUnits: 1}}, want: event.Cost{UnknownPriced: 1}, units: 1},
		"guardrail that was not charged": {data: check},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sum := newTally(t)
			sum.apply(c.data, c.p)
			if sum.v.Cost != c.want {
				t.Errorf("cost is %+v, want %+v", sum.v.Cost, c.want)
			}
			for _, a := range sum.v.Agents {
				if a.Agent == incident.AgentDiagnosis && a.Used != c.agent {
					t.Errorf("the agent used %+v, want %+v", a.Used, c.agent)
				}
			}
			if sum.v.Guardrail.TextUnits != c.units {
				t.Errorf("the guardrail took %d text units, want %d", sum.v.Guardrail.TextUnits, c.units)
			}
		})
	}
}

// TestApplyPause: what a budget is waited for ends with a person's word or
// with the incident, and only a person's word changes a cap.
func TestApplyPause(t *testing.T) {
	t.Parallel()
	c := newTally(t)
	none := incident.Provenance{}
	exhausted := &event.BudgetExhausted{Scope: event.BudgetOfAgent, Agent: incident.AgentDiagnosis, Which: "turns"}
	c.apply(&event.BudgetExhausted{Scope: event.BudgetOfDay, Agent: incident.AgentDiagnosis, Which: "cost"}, none)
	if c.v.Paused != nil {
		t.Error("waits for a budget that nobody can raise here")
	}
	c.apply(exhausted, none)
	if c.v.Paused == nil {
		t.Fatal("does not wait")
	}
	c.apply(&event.BudgetRaised{Scope: event.BudgetOfAgent, Agent: incident.AgentDiagnosis, By: "noor", Cap: incident.Budget{Turns: 9}}, none)
	before := c.v
	c.apply(&event.BudgetRaised{Scope: event.BudgetOfAgent, Agent: incident.AgentPrediction, By: "noor", Cap: incident.Budget{Turns: 3}}, none)
	if c.v.Paused != nil || len(c.v.AgentBudgets) != 2 || len(before.AgentBudgets) != 1 || c.v.Budget != (incident.Budget{}) {
		t.Errorf("after two raises: paused %v, agents %v, before %v, incident %v", c.v.Paused, c.v.AgentBudgets, before.AgentBudgets, c.v.Budget)
	}
	c.apply(exhausted, none)
	c.apply(&event.BudgetRaised{Scope: event.BudgetOfAgent, Agent: incident.AgentDiagnosis, By: "noor", Declined: true}, none)
	if c.v.Paused != nil || c.v.AgentBudgets[incident.AgentDiagnosis].Turns != 9 {
		t.Error("declining changed a cap, or left the incident waiting")
	}
	c.apply(exhausted, none)
	c.apply(&event.IncidentClosed{Status: incident.StatusResolved, Outcome: incident.OutcomeResolvedByPerson, Reason: "fixed"}, none)
	if c.v.Paused != nil {
		t.Error("a closed incident waits for a budget")
	}
}

// TestApplyUnnumberedLate: a review that comes late, or again, moves no time back.
func TestApplyUnnumberedLate(t *testing.T) {
	t.Parallel()
	s := mustStory(t, "story-continued")
	var v event.View
	for _, e := range s.Events {
		v.Apply(e)
	}
	at := v.UpdatedAt
	for _, e := range s.Events {
		if e.Type == event.TypeCauseReviewed && !v.Apply(e) {
			t.Error("a review does not apply")
		}
	}
	if !v.UpdatedAt.Equal(at) {
		t.Errorf("updated at %s, was %s", v.UpdatedAt, at)
	}
}

func encode(t rapid.TB, v event.View) string {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return canonical(t, raw)
}

// canonical spells equal JSON equally.
func canonical(t rapid.TB, raw []byte) string {
	t.Helper()
	var v any
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatal(err)
	}
	out, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}
