package activities_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"go.temporal.io/sdk/testsuite"

	"vigil/activities"
	"vigil/workflows/incident"
)

// source answers every port with what it was given.
type source struct {
	series    []incident.Series
	lines     []activities.LogLine
	changes   []incident.Change
	events    []incident.SystemEvent
	load      *incident.DatabaseLoad
	documents []incident.Document
	services  []string
	searched  activities.Search
	kept      []byte
	guard     func(activities.GuardDirection, string) (activities.GuardrailResult, error)
}

var from = incident.Provenance{Origin: incident.OriginSimulated, Service: "test"}

func (s *source) Query(context.Context, string, activities.Window) ([]incident.Series, incident.Provenance, error) {
	return s.series, from, nil
}

func (s *source) Near(context.Context, string, activities.Window) ([]string, error) {
	return s.services, nil
}

func (s *source) Search(context.Context, string, activities.Window, int) ([]activities.LogLine, incident.Provenance, error) {
	return s.lines, from, nil
}

func (s *source) Recent(context.Context, string, activities.Window) ([]incident.Change, incident.Provenance, error) {
	return s.changes, from, nil
}

func (s *source) Events(context.Context, string, activities.Window) ([]incident.SystemEvent, incident.Provenance, error) {
	return s.events, from, nil
}

func (s *source) Load(context.Context, string, activities.Window) (*incident.DatabaseLoad, incident.Provenance, error) {
	return s.load, from, nil
}

func (s *source) Find(_ context.Context, q activities.Search) ([]incident.Document, incident.Provenance, error) {
	s.searched = q
	return s.documents, from, nil
}

func (s *source) Recall(_ context.Context, q activities.Search) ([]incident.Document, incident.Provenance, error) {
	s.searched = q
	return s.documents, from, nil
}

func (s *source) Learn(context.Context, incident.Lesson) ([]string, incident.Provenance, error) {
	return nil, from, nil
}

func (s *source) Keep(_ context.Context, content []byte) (string, error) {
	s.kept = content
	return "file:///kept", nil
}

func (s *source) Check(_ context.Context, d activities.GuardDirection, text string) (activities.GuardrailResult, error) {
	if s.guard != nil {
		return s.guard(d, text)
	}
	return activities.GuardrailResult{Text: text, Provenance: from}, nil
}

// collect runs the activity as a worker would.
func collect(t *testing.T, a *activities.Activities, in activities.CollectInput) (activities.Collected, error) {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestActivityEnvironment()
	a.Register(env)
	in.Window, in.StartedAt, in.BaselineTo = activities.Window{From: noon.Add(-15 * time.Minute), To: noon}, noon, noon.Add(-7*time.Minute)
	value, err := env.ExecuteActivity(activities.CollectEvidenceName, in)
	if err != nil {
		return activities.Collected{}, err
	}
	var c activities.Collected
	return c, value.Get(&c)
}

func all(s *source) *activities.Activities {
	return &activities.Activities{Settings: incident.DefaultSettings(), Metrics: s, Logs: s, Changes: s, Database: s, Platform: s, Runbooks: s, Memory: s,
		Keeper: s, Guardrail: s}
}

func TestEveryToolGivesEvidenceOrSaysThatThereIsNone(t *testing.T) {
	full := &source{
		series:    []incident.Series{{Service: "db", Metric: incident.MetricCPU, Unit: "%", Points: []incident.Point{{At: noon, Value: 1}}}},
		lines:     []activities.LogLine{{At: noon, Level: "error", Message: "boom"}},
		changes:   []incident.Change{{Service: "db", Kind: "deployment", Summary: "v2", At: noon}},
		events:    []incident.SystemEvent{{At: noon, Resource: "db", Message: "failover started", Warning: true}},
		load:      &incident.DatabaseLoad{Average: 2, Peak: 9, CPUs: 4},
		documents: []incident.Document{{ID: "1", Title: "Full disks", Text: "Make room.", Source: "archive"}},
		services:  []string{"api", "db"},
	}
	for _, tool := range []string{activities.ToolQueryMetrics, activities.ToolSearchLogs, activities.ToolRecentChanges, activities.ToolServiceGraph,
		activities.ToolPlatformEvents, activities.ToolDatabaseLoad, activities.ToolSimilarIncidents, activities.ToolFindRunbooks} {
		c, err := collect(t, all(full), activities.CollectInput{Tool: tool, Service: "db", Text: "disk"})
		if err != nil {
			t.Errorf("%s: %v", tool, err)
			continue
		}
		e := c.Evidence
		if tool != activities.ToolServiceGraph && (!e.Found || e.Hash == "") || e.Finding == "" || e.Title == "" || !e.Kind.Valid() || e.Source == "" {
			t.Errorf("%s gives %+v", tool, e)
		}
		c, err = collect(t, all(&source{}), activities.CollectInput{Tool: tool, Service: "db", Text: "disk"})
		if err != nil || c.Evidence.Found || c.Evidence.Finding == "" {
			t.Errorf("%s with nothing there gives %+v, %v", tool, c.Evidence, err)
		}
		bare := &activities.Activities{Settings: incident.DefaultSettings(), Metrics: &source{}}
		if c, err = collect(t, bare, activities.CollectInput{Tool: tool, Service: "db", Text: "disk"}); err != nil || c.Evidence.Found || c.Evidence.Finding == "" {
			t.Errorf("%s with nobody to ask gives %+v, %v", tool, c.Evidence, err)
		}
	}
	if _, err := collect(t, all(full), activities.CollectInput{Tool: "run_shell"}); activities.KindOf(err) != incident.KindInvalid {
		t.Errorf("an unknown tool ends with %v", err)
	}
}

func TestNothingFoundIsSaidInThePromisedWords(t *testing.T) {
	for tool, want := range map[string]string{activities.ToolSimilarIncidents: "No historical matches found", activities.ToolFindRunbooks: "No runbook found"} {
		if c, err := collect(t, all(&source{}), activities.CollectInput{Tool: tool, Text: "disk"}); err != nil || c.Evidence.Finding != want {
			t.Errorf("%s says %q, %v", tool, c.Evidence.Finding, err)
		}
	}
}

func TestSearchesHoldNoSecretsAndLeaveTheIncidentItselfOut(t *testing.T) {
	s := &source{}
	if _, err := collect(t, all(s), activities.CollectInput{Tool: activities.ToolFindRunbooks, IncidentID: "inc-1",
		Text: "AKIAIOSFODNN7EXAMPLE " + strings.Repeat("x", 1000)}); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(s.searched.Text, "AKIA") || len(s.searched.Text) > 600 || s.searched.Exclude != "inc-1" {
		t.Errorf("searched %+v", s.searched)
	}
}

func TestLargeEvidenceIsKeptElsewhereAndShortened(t *testing.T) {
	s := &source{}
	for m := range 40 {
		series := incident.Series{Service: "db", Metric: incident.Metric(fmt.Sprintf("measure_%02d", m)), Unit: "1"}
		for i := range 400 {
			series.Points = append(series.Points, incident.Point{At: noon.Add(time.Duration(i-400) * time.Second), Value: float64(i) * 1.234567})
		}
		s.series = append(s.series, series)
	}
	c, err := collect(t, all(s), activities.CollectInput{Tool: activities.ToolQueryMetrics, Service: "db"})
	if err != nil {
		t.Fatal(err)
	}
	raw, _ := json.Marshal(c.Evidence)
	if len(raw) > 33<<10 || c.Evidence.Ref != "file:///kept" || int(c.Evidence.Bytes) != len(s.kept) || len(s.kept) < 33<<10 {
		t.Errorf("%d bytes remain of %d, kept %d at %q", len(raw), c.Evidence.Bytes, len(s.kept), c.Evidence.Ref)
	}
	var whole incident.Evidence
	if err := json.Unmarshal(s.kept, &whole); err != nil || len(whole.Series) != 40 {
		t.Errorf("what was kept holds %d series, %v", len(whole.Series), err)
	}
}

func TestStrangersTextIsAnonymisedBeforeItEntersAHistory(t *testing.T) {
	s := &source{
		events:    []incident.SystemEvent{{At: noon, Resource: "db", Message: "paged Grace Hopper", Warning: true}},
		documents: []incident.Document{{ID: "1", Title: "by Grace Hopper", Text: "call Grace Hopper", Source: "archive"}},
		guard: func(d activities.GuardDirection, text string) (activities.GuardrailResult, error) {
			if d != activities.GuardInput {
				return activities.GuardrailResult{}, fmt.Errorf("direction %s", d)
			}
			return activities.GuardrailResult{Text: strings.ReplaceAll(text, "Grace Hopper", "{NAME}"), Changed: true, Policies: []string{"pii:NAME"}, Provenance: from}, nil
		},
	}
	for _, tool := range []string{activities.ToolPlatformEvents, activities.ToolFindRunbooks} {
		c, err := collect(t, all(s), activities.CollectInput{Tool: tool, Service: "db", Text: "x"})
		if err != nil {
			t.Fatal(err)
		}
		if raw, _ := json.Marshal(c.Evidence); strings.Contains(string(raw), "Hopper") || !strings.Contains(string(raw), "{NAME}") {
			t.Errorf("%s brings %s", tool, raw)
		}
		if c.Guard == nil || !c.Guard.Changed || c.Guard.Policies[0] != "pii:NAME" {
			t.Errorf("%s reports %+v", tool, c.Guard)
		}
	}
	if s.documents[0].Text != "call Grace Hopper" {
		t.Error("the source's own document was changed")
	}
}

func TestGuardrailThatFailsDoesNotHoldUpEvidence(t *testing.T) {
	s := &source{events: []incident.SystemEvent{{At: noon, Resource: "db", Message: "token ghp_0123456789abcdefghijABCDEFGHIJ012345 used"}},
		guard: func(activities.GuardDirection, string) (activities.GuardrailResult, error) {
			return activities.GuardrailResult{}, incident.Errorf(incident.KindUnavailable, "down")
		}}
	c, err := collect(t, all(s), activities.CollectInput{Tool: activities.ToolPlatformEvents, Service: "db"})
	if err != nil || c.Guard == nil || c.Guard.Failed == "" {
		t.Fatalf("%+v, %v", c.Guard, err)
	}
	if strings.Contains(c.Evidence.Events[0].Message, "ghp_") {
		t.Errorf("the secret is in %q", c.Evidence.Events[0].Message)
	}
}
