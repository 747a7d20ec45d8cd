package activities_test

import (
	"testing"

	"pgregory.net/rapid"

	"vigil/activities"
	"vigil/workflows/incident"
)

var (
	slow     = incident.Evidence{ID: "E1", Kind: incident.EvidenceMetric, Service: "checkout", Title: "Metrics of checkout", Source: "cloudwatch", Found: true, Strength: 0.9}
	deployed = incident.Evidence{ID: "E2", Kind: incident.EvidenceChange, Service: "checkout", Title: "Changes to checkout", Source: "ecs", Found: true, Strength: 0.8}
	noLogs   = incident.Evidence{ID: "E3", Kind: incident.EvidenceLog, Service: "checkout", Title: "Logs of checkout", Source: "cloudwatchlogs"}
	suspect  = incident.Suspect{Service: "checkout", Cause: incident.CauseBadDeployment, Score: 0.8, Reasons: []string{"deployed just before"}, Cites: []string{"E1", "E2"}}
)

func conclude(t testing.TB, in activities.ConcludeInput) incident.Diagnosis {
	t.Helper()
	d, err := activities.ConcludeDiagnosis(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestModelMustCiteWhatExists(t *testing.T) {
	all := []incident.Evidence{slow, deployed, noLogs}
	answer := func(cites ...string) *activities.DiagnosisAnswer {
		return &activities.DiagnosisAnswer{Verdict: incident.VerdictProbable, Cause: incident.CauseBadDeployment, Service: "checkout",
			Summary: "version 42", Confidence: 0.99, Claims: []activities.AnswerClaim{{Text: "it was deployed", Cites: cites}}}
	}
	for name, c := range map[string]struct {
		answer *activities.DiagnosisAnswer
		method string
	}{
		"cites evidence":      {answer("E1", "E2"), "model"},
		"cites what is not":   {answer("E99"), "statistics"},
		"cites nothing":       {answer(), "statistics"},
		"names no cause":      {&activities.DiagnosisAnswer{Verdict: incident.VerdictProbable, Cause: incident.CauseUnknown, Claims: answer("E1").Claims}, "statistics"},
		"there is no answer":  {nil, "statistics"},
		"says it cannot tell": {&activities.DiagnosisAnswer{Verdict: incident.VerdictInconclusive, Summary: "?"}, "model"},
	} {
		d := conclude(t, activities.ConcludeInput{Answer: c.answer, Suspects: []incident.Suspect{suspect}, Evidence: all})
		if d.Method != c.method {
			t.Errorf("%s: concluded by %s, wanted %s", name, d.Method, c.method)
		}
	}
}

func TestModelsOwnConfidenceIsShownAndNeverUsed(t *testing.T) {
	in := activities.ConcludeInput{Suspects: []incident.Suspect{suspect}, Evidence: []incident.Evidence{slow, deployed}}
	var got []float64
	for _, own := range []float64{0.01, 0.5, 1} {
		in.Answer = &activities.DiagnosisAnswer{Verdict: incident.VerdictProbable, Cause: incident.CauseBadDeployment, Service: "checkout",
			Confidence: own, Claims: []activities.AnswerClaim{{Text: "x", Cites: []string{"E1"}}}}
		d := conclude(t, in)
		if d.ModelConfidence == nil || *d.ModelConfidence != own {
			t.Errorf("the model's own %v is shown as %v", own, d.ModelConfidence)
		}
		got = append(got, d.Confidence)
	}
	if got[0] != got[1] || got[1] != got[2] {
		t.Errorf("confidence %v follows the model's own", got)
	}
}

func TestConfidenceHalvesWhereStatisticsDisagree(t *testing.T) {
	answer := &activities.DiagnosisAnswer{Verdict: incident.VerdictProbable, Cause: incident.CauseMemoryLeak, Service: "checkout",
		Claims: []activities.AnswerClaim{{Text: "x", Cites: []string{"E1"}}}}
	other := suspect
	other.Cause = incident.CauseMemoryLeak
	agree := conclude(t, activities.ConcludeInput{Answer: answer, Suspects: []incident.Suspect{other}, Evidence: []incident.Evidence{slow}})
	disagree := conclude(t, activities.ConcludeInput{Answer: answer, Suspects: []incident.Suspect{suspect}, Evidence: []incident.Evidence{slow}})
	if disagree.Confidence*2 != agree.Confidence || agree.Confidence == 0 {
		t.Errorf("%.3f where they agree, %.3f where not", agree.Confidence, disagree.Confidence)
	}
}

// Without evidence nothing is concluded, whatever the model says; with it,
// confidence stays below certainty and inconclusive names nothing.
func TestConclusionProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := activities.ConcludeInput{}
		for _, e := range []incident.Evidence{slow, deployed, noLogs} {
			if rapid.Bool().Draw(t, e.ID) {
				in.Evidence = append(in.Evidence, e)
			}
		}
		if rapid.Bool().Draw(t, "suspect") && len(in.Evidence) > 0 {
			in.Suspects = []incident.Suspect{suspect}
		}
		if rapid.Bool().Draw(t, "answered") {
			in.Answer = &activities.DiagnosisAnswer{
				Verdict:    rapid.SampledFrom([]incident.Verdict{incident.VerdictProbable, incident.VerdictInconclusive, "sure"}).Draw(t, "verdict"),
				Cause:      rapid.SampledFrom([]incident.Cause{"", incident.CauseUnknown, incident.CauseBadDeployment, "gremlins"}).Draw(t, "cause"),
				Service:    "checkout",
				Confidence: rapid.Float64().Draw(t, "confidence"),
				Claims:     []activities.AnswerClaim{{Text: "x", Cites: rapid.SliceOfN(rapid.SampledFrom([]string{"E1", "E2", "E3", "E9"}), 0, 3).Draw(t, "cites")}},
			}
		}
		d, err := activities.ConcludeDiagnosis(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		if !(d.Confidence >= 0 && d.Confidence <= 0.95) {
			t.Fatalf("confidence %f", d.Confidence)
		}
		if len(in.Evidence) == 0 && d.Verdict != incident.VerdictInconclusive {
			t.Fatalf("concluded %s from nothing", d.Cause)
		}
		if !d.Verdict.Valid() {
			t.Fatalf("verdict %q", d.Verdict)
		}
		if d.Verdict == incident.VerdictInconclusive && (d.Service != "" || d.Cause != incident.CauseUnknown || d.Confidence != 0) {
			t.Fatalf("inconclusive, and yet %+v", d)
		}
		for _, c := range d.Claims {
			if c.Supported != (len(c.Cites) > 0) {
				t.Fatalf("claim %+v", c)
			}
		}
	})
}
