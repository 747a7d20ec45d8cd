package activities_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"vigil/activities"
	"vigil/workflows/incident"
)

// collected is what one incident has gathered.
var collected = []incident.Evidence{
	{ID: "E1", Kind: incident.EvidenceMetric, Service: "checkout", Title: "Metrics of checkout", Found: true, Strength: 0.9, Finding: "latency_ms 80 → 900 since 10:02:00",
		Series: []incident.Series{{Service: "checkout", Metric: incident.MetricLatency}}},
	{ID: "E2", Kind: incident.EvidenceChange, Service: "checkout", Title: "Changes to checkout", Found: true, Strength: 0.6, Finding: "deployment 42 at 10:00:00, 2m0s before the alert",
		Changes: []incident.Change{{Service: "checkout", Kind: "deployment", Version: "42"}}},
	{ID: "E3", Kind: incident.EvidenceLog, Service: "checkout", Title: "Logs of checkout"},
	{ID: "E4", Kind: incident.EvidenceMetric, Service: "orders-db", Title: "Metrics of orders-db", Found: true, Finding: "within normal"},
	{ID: "E5", Kind: incident.EvidenceRanking, Title: "Ranking", Found: true},
}

var diagnosed = incident.Diagnosis{Verdict: incident.VerdictProbable, Cause: incident.CauseBadDeployment, Service: "checkout", Summary: "Version 42 broke checkout.",
	Claims: []incident.Claim{{Text: "It slowed down right after the deployment.", Cites: []string{"E1", "E2"}, Supported: true}, {Text: "It feels like it.", Supported: false}}}

func TestAnswerFromStatistics(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		question string
		cites    []string // one of which the first claim rests on; none: nothing is said
		never    string
	}{
		"the cause":               {"Why is checkout slow?", []string{"E1", "E2"}, ""},
		"changes":                 {"was anything deployed?", []string{"E2"}, "E4"},
		"what is not there":       {"What do the logs say?", []string{"E3"}, ""},
		"another service":         {"what about the metrics of orders-db", []string{"E4"}, "E1"},
		"something else":          {"Is the moon full?", nil, ""},
		"nothing":                 {"", nil, ""},
		"no words":                {"?!… \\x00", nil, ""},
		"more than anybody reads": {strings.Repeat("moon ", 1<<16), nil, ""},
	} {
		a := activities.AnswerFromStatistics(c.question, diagnosed, collected, nil)
		if a.Method != "statistics" || a.Text == "" {
			t.Errorf("%s: %+v", name, a)
		}
		if len(c.cites) == 0 {
			if len(a.Claims) > 0 || a.Confidence != 0 || !strings.Contains(a.Text, "Nothing that was collected") {
				t.Errorf("%s: answers %+v", name, a)
			}
			continue
		}
		if len(a.Claims) == 0 {
			t.Errorf("%s: says nothing", name)
			continue
		}
		found := false
		for _, claim := range a.Claims {
			for _, id := range claim.Cites {
				if id == c.never {
					t.Errorf("%s: cites %s: %+v", name, id, a)
				}
			}
		}
		for _, id := range a.Claims[0].Cites {
			for _, want := range c.cites {
				found = found || id == want
			}
		}
		if !found {
			t.Errorf("%s: starts with %+v", name, a.Claims[0])
		}
	}
}

// Every claim of an answer by statistics cites evidence that exists, whatever
// is asked, and nothing that a diagnosis could not support is repeated.
func TestAnswersCiteWhatExists(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		question := rapid.StringOf(rapid.RuneFrom([]rune("why deploy log checkout orders-db metric ?É"))).Draw(t, "question")
		a := activities.AnswerFromStatistics(question, diagnosed, collected, []incident.Suspect{{Service: "checkout", Score: 0.7, Reasons: []string{"r"}, Cites: []string{"E1"}}})
		if !(a.Confidence >= 0 && a.Confidence <= 0.95) || len(a.Claims) > 8 {
			t.Fatalf("%+v", a)
		}
		for _, c := range a.Claims {
			if !c.Supported || len(c.Cites) == 0 || c.Text == "It feels like it." {
				t.Fatalf("claim %+v", c)
			}
		}
	})
}

func TestCheckAnswer(t *testing.T) {
	t.Parallel()
	a := activities.CheckAnswer(activities.QuestionAnswer{Text: " It was deployed. ", Claims: []activities.AnswerClaim{
		{Text: "deployed at ten", Cites: []string{"E2", "E2", "E404"}}, {Text: "I am sure"}}}, collected)
	if a.Method != "model" || a.Text != "It was deployed." || a.Confidence <= 0 {
		t.Errorf("%+v", a)
	}
	if c := a.Claims; len(c) != 2 || !c[0].Supported || len(c[0].Cites) != 1 || c[1].Supported {
		t.Errorf("claims %+v", c)
	}
	if a := activities.CheckAnswer(activities.QuestionAnswer{Text: "trust me", Claims: []activities.AnswerClaim{{Text: "x", Cites: []string{"E99"}}}}, collected); a.Confidence != 0 {
		t.Errorf("confidence %v from nothing", a.Confidence)
	}
	if a := activities.CheckAnswer(activities.QuestionAnswer{Text: strings.Repeat("long ", 1<<20), Claims: make([]activities.AnswerClaim, 9999)}, collected); len(a.Text) > 5000 || len(a.Claims) > 50 {
		t.Errorf("%d bytes, %d claims", len(a.Text), len(a.Claims))
	}
}
