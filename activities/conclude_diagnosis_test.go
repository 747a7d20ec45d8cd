package activities_test

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

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

// Problem tells why an answer was not used, for whoever asks a better model.
func TestProblemOfAnAnswer(t *testing.T) {
	t.Parallel()
	probable := func(cause incident.Cause, service string, cites ...string) *activities.DiagnosisAnswer {
		return &activities.DiagnosisAnswer{Verdict: incident.VerdictProbable, Cause: cause, Service: service,
			Claims: []activities.AnswerClaim{{Text: "x", Cites: cites}}}
	}
	well := &activities.DiagnosisAnswer{Verdict: incident.VerdictHealthy, Summary: "all is well", Claims: []activities.AnswerClaim{{Text: "x", Cites: []string{"E1"}}}}
	for name, c := range map[string]struct {
		answer   *activities.DiagnosisAnswer
		suspects []incident.Suspect
		problem  string // part of it; empty: used
	}{
		"used":                     {probable(incident.CauseBadDeployment, "checkout", "E1"), []incident.Suspect{suspect}, ""},
		"cites nothing":            {probable(incident.CauseBadDeployment, "checkout"), []incident.Suspect{suspect}, "cites no evidence"},
		"cites what is not":        {probable(incident.CauseBadDeployment, "checkout", "E77"), []incident.Suspect{suspect}, "cites no evidence"},
		"names nobody's service":   {probable(incident.CauseBadDeployment, "billing", "E1"), []incident.Suspect{suspect}, "nobody observed"},
		"names no cause":           {probable("", "checkout", "E1"), []incident.Suspect{suspect}, "names no cause"},
		"names the unknown":        {probable(incident.CauseUnknown, "checkout", "E1"), []incident.Suspect{suspect}, "names no cause"},
		"has a verdict of its own": {&activities.DiagnosisAnswer{Verdict: "certain", Claims: well.Claims}, nil, "verdict"},
		"well, against a suspect":  {well, []incident.Suspect{suspect}, "all is well"},
		"well, and so say all":     {well, nil, ""},
		"well, and cites nothing":  {&activities.DiagnosisAnswer{Verdict: incident.VerdictHealthy}, nil, "cites no evidence"},
		"no answer":                {nil, []incident.Suspect{suspect}, ""},
	} {
		d := conclude(t, activities.ConcludeInput{Answer: c.answer, Suspects: c.suspects, Evidence: []incident.Evidence{slow, deployed, noLogs}})
		if (d.Problem == "") != (c.problem == "") || !strings.Contains(d.Problem, c.problem) {
			t.Errorf("%s: problem %q, wanted %q", name, d.Problem, c.problem)
		}
		if used := c.answer != nil && c.problem == ""; (d.Method == "model") != used {
			t.Errorf("%s: concluded by %s", name, d.Method)
		}
	}
}

// The names that a model gives take the form that names have.
func TestCauseOfAModelIsPlain(t *testing.T) {
	t.Parallel()
	for given, want := range map[incident.Cause]incident.Cause{"Bad Deployment": incident.CauseBadDeployment, "cache-stampede": "cache_stampede",
		" dns_failure\n": "dns_failure", "<script>": "script", incident.Cause(strings.Repeat("x", 4000)): incident.Cause(strings.Repeat("x", 128))} {
		answer := &activities.DiagnosisAnswer{Verdict: incident.VerdictProbable, Cause: given, Service: "checkout", Claims: []activities.AnswerClaim{{Text: "x", Cites: []string{"E1"}}}}
		if d := conclude(t, activities.ConcludeInput{Answer: answer, Evidence: []incident.Evidence{slow}}); d.Cause != want {
			t.Errorf("%.40q became %.40q", given, d.Cause)
		}
	}
}

// calm is a database in which nothing is wrong.
func calm(name string) []incident.Evidence {
	at := time.Date(2025, 4, 1, 9, 0, 0, 0, time.UTC)
	series := func(m incident.Metric, level float64) incident.Series {
		s := incident.Series{Service: name, Metric: m}
		for i := range 30 {
			s.Points = append(s.Points, incident.Point{At: at.Add(time.Duration(i) * time.Minute), Value: level * (1 + 0.01*float64(i%3))})
		}
		return s
	}
	return []incident.Evidence{
		{ID: "E1", Kind: incident.EvidenceMetric, Service: name, Source: "cloudwatch", Title: "Metrics", Found: true,
			Series: []incident.Series{series(incident.MetricCPU, 20), series(incident.MetricWriteIOPS, 500), series(incident.MetricConnections, 40)}},
		{ID: "E2", Kind: incident.EvidenceEvents, Service: name, Source: "rds", Title: "Events"},
		{ID: "E3", Kind: incident.EvidenceDatabaseLoad, Service: name, Title: "Load", Found: true, Load: &incident.DatabaseLoad{Average: 0.4, Peak: 0.6, CPUs: 4}},
	}
}

func TestHealthyByStatistics(t *testing.T) {
	t.Parallel()
	d := conclude(t, activities.ConcludeInput{Evidence: calm("ledger"), Service: "ledger"})
	if d.Verdict != incident.VerdictHealthy || d.Category() != incident.CategoryHealthy || d.Service != "" || d.Confidence < 0.5 {
		t.Errorf("%+v", d)
	}
	less := conclude(t, activities.ConcludeInput{Evidence: calm("ledger")[:1], Service: "ledger"})
	if less.Confidence >= d.Confidence {
		t.Errorf("as sure from less: %.2f and %.2f", less.Confidence, d.Confidence)
	}
	if d := conclude(t, activities.ConcludeInput{Evidence: calm("ledger"), Service: "ledger", Suspects: []incident.Suspect{suspect}}); d.Verdict == incident.VerdictHealthy {
		t.Errorf("healthy with a suspect: %+v", d)
	}
	if d := conclude(t, activities.ConcludeInput{Evidence: calm("ledger"), Service: "basket"}); d.Verdict == incident.VerdictHealthy {
		t.Errorf("healthy, though nothing was seen of the one that complained: %+v", d)
	}
}

// What a model says has no size that it keeps to.
func TestAnswersAreBounded(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("ü", 1<<20)
	answer := &activities.DiagnosisAnswer{Verdict: incident.VerdictProbable, Cause: incident.CauseBadDeployment, Service: "checkout", Summary: long, Confidence: math.Inf(1)}
	for range 5000 {
		answer.Claims = append(answer.Claims, activities.AnswerClaim{Text: long[:1<<10], Cites: []string{"E1", "E1", "E2", "E9", "E1"}})
		answer.Hypotheses = append(answer.Hypotheses, incident.Hypothesis{Cause: "x", Service: long[:1<<10], Supports: []string{"E1", "E1"}, Score: math.NaN()})
	}
	d := conclude(t, activities.ConcludeInput{Answer: answer, Suspects: []incident.Suspect{suspect}, Evidence: []incident.Evidence{slow, slow, deployed}})
	if d.Method != "model" || d.ModelConfidence != nil {
		t.Errorf("method %s, confidence of the model %v", d.Method, d.ModelConfidence)
	}
	raw, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	if len(raw) > 120<<10 || !utf8.Valid(raw) {
		t.Errorf("%d bytes", len(raw))
	}
	if len(d.Claims) == 0 || len(d.Claims[0].Cites) != 2 {
		t.Errorf("ids are not counted once each: %+v", d.Claims[:1])
	}
}

func FuzzConcludeDiagnosis(f *testing.F) {
	f.Add([]byte(`{"verdict":"probable","cause":"bad_deployment","service":"checkout","confidence":0.9,"claims":[{"text":"x","cites":["E1","E1","E404"]}]}`))
	f.Add([]byte(`{"verdict":"healthy","claims":[{"text":"","cites":null}],"hypotheses":[{"cause":"x","score":1e308}]}`))
	f.Add([]byte(`{"verdict":"sure","confidence":-1,"claims":[{}]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		var answer activities.DiagnosisAnswer
		if json.Unmarshal(raw, &answer) != nil {
			return
		}
		for _, suspects := range [][]incident.Suspect{nil, {suspect}} {
			d := conclude(t, activities.ConcludeInput{Answer: &answer, Suspects: suspects, Evidence: []incident.Evidence{slow, deployed, noLogs}})
			if !d.Verdict.Valid() || !(d.Confidence >= 0 && d.Confidence <= 0.95) {
				t.Fatalf("verdict %q, confidence %v", d.Verdict, d.Confidence)
			}
			if d.Verdict == incident.VerdictHealthy && len(suspects) > 0 {
				t.Fatal("healthy, with a suspect")
			}
			if d.Verdict == incident.VerdictProbable && d.Service != "checkout" {
				t.Fatalf("service %q was not observed", d.Service)
			}
			for _, c := range d.Claims {
				if c.Supported != (len(c.Cites) > 0) {
					t.Fatalf("claim %+v", c)
				}
				for _, id := range c.Cites {
					if id != "E1" && id != "E2" && id != "E3" {
						t.Fatalf("cites %q", id)
					}
				}
			}
			if out, err := json.Marshal(d); err != nil || len(out) > 120<<10 {
				t.Fatalf("%d bytes: %v", len(out), err)
			}
		}
	})
}

// Telemetry that ended long ago says nothing of now.
func TestOldTelemetryIsNotHealthy(t *testing.T) {
	t.Parallel()
	evidence := calm("ledger")
	points := evidence[0].Series[0].Points
	end := points[len(points)-1].At
	for name, c := range map[string]struct {
		now  time.Time
		want incident.Verdict
	}{"just now": {end.Add(time.Minute), incident.VerdictHealthy}, "an hour ago": {end.Add(time.Hour), incident.VerdictInconclusive}} {
		if d := conclude(t, activities.ConcludeInput{Evidence: evidence, Service: "ledger", Now: c.now}); d.Verdict != c.want {
			t.Errorf("%s: %s", name, d.Verdict)
		}
	}
}

// A cause that nobody measures directly is told with what was missing.
func TestMissingMeasureIsLookedFor(t *testing.T) {
	t.Parallel()
	evidence := calm("ledger")
	at := evidence[0].Series[0].Points[20].At
	evidence[1].Found = true
	evidence[1].Events = []incident.SystemEvent{{At: at, Resource: "ledger", Category: "failure", Message: "The allocated storage for the DB instance has been consumed."}}
	in := activities.RankInput{Evidence: evidence, Service: "ledger", StartedAt: at, BaselineTo: at.Add(-5 * time.Minute)}
	suspects, err := activities.RankSuspects(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	d := conclude(t, activities.ConcludeInput{Suspects: suspects, Evidence: evidence, Service: "ledger"})
	if d.Cause != incident.CauseStorageFull || d.Category() != incident.CategoryResourceExhaustion || len(d.Claims) == 0 || d.Confidence == 0 {
		t.Fatalf("%+v", d)
	}
	missing := false
	for _, l := range d.LookedFor {
		missing = missing || !l.Found && strings.Contains(l.What, "storage")
	}
	if !missing {
		t.Errorf("nothing is said of the free storage that nobody measured: %+v", d.LookedFor)
	}
}
