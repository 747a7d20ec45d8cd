package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"vigil/workflows/event"
	"vigil/workflows/incident"
)

const (
	shipped = "../../../web/public/scenarios"
	schema  = "../../../workflows/event/schema/protocol.json"

	mostOfOne = 400 << 10
	mostOfAll = 2_500 << 10
)

// TestShipped holds what a scenario promises to who opens it: every event is
// of the protocol, none is missing, they add up to an incident that is over,
// and nothing says where they were recorded.
func TestShipped(t *testing.T) {
	t.Parallel()
	is := mustSchema(t, "IncidentEvent")
	total := 0
	for _, s := range index(t) {
		t.Run(s.Name, func(t *testing.T) {
			file := filepath.Join(shipped, s.Name+".json")
			raw, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if total += len(raw); len(raw) > mostOfOne {
				t.Errorf("%d bytes; a page reads all of it at once", len(raw))
			}
			if what, where := suspect(string(raw)); what != "" {
				t.Errorf("it holds %s: …%s…", what, where)
			}
			full, err := read(file)
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(full.summary, s) {
				t.Errorf("the index has %+v, the file %+v", s, full.summary)
			}
			if again, err := encode(full); err != nil || !bytes.Equal(again, raw) {
				t.Errorf("it is not as the recorder writes it: %v", err)
			}
			again := full
			if err := again.complete(); err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(again, full) {
				t.Errorf("the events give %+v, the file says %+v", again.summary, full.summary)
			}
			view := replay(t, is, full)
			checkFigures(t, view, full.Figures)
			if s.Service != view.Service || s.Severity != view.Severity || s.RecordedFrom.Version == "" || s.RecordedFrom.What == "" {
				t.Errorf("it is about %s, %s; the incident about %s, %s; recorded from %+v", s.Service, s.Severity, view.Service, view.Severity, s.RecordedFrom)
			}
			t.Logf("%s: %d events, %d KB, %s as %s, cause %s, %d model calls", s.Name, s.EventCount, len(raw)>>10, view.Status, view.Outcome, view.Cause, view.Cost.ModelCalls)
		})
	}
	if total > mostOfAll {
		t.Errorf("%d bytes together", total)
	}
}

// TestEachShips holds that what can be recorded was.
func TestEachShips(t *testing.T) {
	t.Parallel()
	have := index(t)
	for i, p := range catalogue {
		if i >= len(have) || have[i].Name != p.Name {
			t.Fatalf("number %d of the index is not %s; record it: task scenarios:record -- %s", i+1, p.Name, p.Name)
		}
		if have[i].Title != p.Title || have[i].Description != p.Description || have[i].RecordedFrom.What != p.source() {
			t.Errorf("%s was recorded as something else; record it anew", p.Name)
		}
	}
}

// replay applies the events, one by one in the order of their numbers.
func replay(t *testing.T, schema *jsonschema.Schema, s scenario) event.View {
	t.Helper()
	var v event.View
	origin := incident.OriginLive
	for i, raw := range s.Events {
		value, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(value); err != nil {
			t.Errorf("event %d is not of the protocol: %v", i+1, err)
		}
		var e event.Event
		if err := json.Unmarshal(raw, &e); err != nil {
			t.Fatal(err)
		}
		if e.Seq != 0 && e.RunID == v.RunID && e.Seq != v.Seq+1 {
			t.Errorf("%s comes after %d", e.ID, v.Seq)
		}
		if !e.Provenance.Origin.Valid() {
			t.Errorf("%s does not say where it is from", e.ID)
		}
		if e.Provenance.Origin == incident.OriginSimulated {
			origin = incident.OriginSimulated
		}
		if !v.Apply(e) {
			t.Errorf("%s (%s) is not applied", e.ID, e.Type)
		}
	}
	if !v.Status.Terminal() || v.ReviewVer == 0 {
		t.Errorf("it ends %s, with review %d", v.Status, v.ReviewVer)
	}
	if s.RecordedFrom.Origin != origin || v.Origin != origin || (origin == incident.OriginSimulated) != (s.RecordedFrom.Seed != nil) {
		t.Errorf("its events are %s, and it says %+v", origin, s.RecordedFrom)
	}
	return v
}

// checkFigures holds that the figures are this incident's.
func checkFigures(t *testing.T, v event.View, f event.IncidentFigures) {
	t.Helper()
	if f.IncidentID != v.IncidentID || f.Status != v.Status || f.Outcome != v.Outcome || f.Origin != v.Origin || !f.ClosedAt.Equal(v.ClosedAt) {
		t.Errorf("the figures are of %s, %s as %s; the incident is %s, %s as %s", f.IncidentID, f.Status, f.Outcome, v.IncidentID, v.Status, v.Outcome)
	}
	if f.AICostMicros != v.Cost.CostMicros {
		t.Errorf("the figures have a cost of %d, the incident of %d", f.AICostMicros, v.Cost.CostMicros)
	}
	if f.DowntimeMicros != nil || f.SavedMicros != nil {
		t.Error("the figures hold money, and nobody gave rates")
	}
}

func index(t *testing.T) []summary {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(shipped, indexFile))
	if err != nil {
		t.Fatal(err)
	}
	var all listing
	if err := json.Unmarshal(raw, &all); err != nil {
		t.Fatal(err)
	}
	return all.Scenarios
}

// mustSchema compiles a definition of the generated schema.
func mustSchema(t *testing.T, definition string) *jsonschema.Schema {
	t.Helper()
	raw, err := os.ReadFile(schema)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("urn:vigil:protocol", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("urn:vigil:protocol#/$defs/" + definition)
	if err != nil {
		t.Fatal(err)
	}
	return s
}
