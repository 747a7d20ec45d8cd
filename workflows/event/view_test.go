package event_test

import (
	"encoding/json"
	"testing"
	"time"

	"pgregory.net/rapid"

	"vigil/workflows/event"
	"vigil/workflows/incident"
)

var stories = []string{"story", "story-inconclusive", "story-aborted"}

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
	s := mustStory(t, "story")
	clean, want := event.View{}, []string{}
	for _, e := range s.Events {
		clean.Apply(e)
		want = append(want, encode(t, clean))
	}
	rapid.Check(t, func(t *rapid.T) {
		looked := rapid.IntRange(0, len(s.Events)-1).Draw(t, "looked at")
		var v event.View
		for i, e := range s.Events {
			if !v.Apply(e) {
				t.Fatalf("event %s does not apply", e.ID)
			}
			for _, j := range rapid.SliceOfN(rapid.IntRange(0, i), 0, 3).Draw(t, "repeats") {
				if v.Apply(s.Events[j]) {
					t.Fatalf("event %s applied again after %s", s.Events[j].ID, e.ID)
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

// TestApplyCosts: tokens and money add up over calls; an unknown price is
// counted as unknown and never as nothing, a repeated call as repeated.
func TestApplyCosts(t *testing.T) {
	t.Parallel()
	var v event.View
	at := time.Date(2026, 11, 23, 14, 0, 0, 0, time.UTC)
	apply := func(seq int64, d event.Data, p incident.Provenance) {
		e, err := event.New(d, "inc-1", "run-1", seq, at, p)
		if err != nil {
			t.Fatal(err)
		}
		v.Apply(e)
	}
	price := int64(1500)
	call := &event.ModelCalled{Agent: incident.AgentDiagnosis, Turn: 1, StopReason: "end_turn"}
	apply(1, &event.IncidentOpened{Title: "t"}, incident.Provenance{Origin: incident.OriginLive})
	apply(2, call, incident.Provenance{Attempt: 1, Usage: &incident.Usage{InputTokens: 10, OutputTokens: 2, CostMicros: &price}})
	apply(3, call, incident.Provenance{Attempt: 3, Usage: &incident.Usage{InputTokens: 5, OutputTokens: 1}})
	apply(4, call, incident.Provenance{Attempt: 1})
	want := event.Cost{ModelCalls: 3, InputTokens: 15, OutputTokens: 3, CostMicros: 1500, UnknownPriced: 2, Repeated: 2}
	if v.Cost != want {
		t.Errorf("cost is %+v, want %+v", v.Cost, want)
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
