package main

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"vigil/activities"
	"vigil/deploy/sandbox/world"
	"vigil/workflows/incident"
)

// TestSandboxAnswers holds that a model is asked as AWS is, over a socket, uses
// its tools on the case, and is told from the statistics and from a real model.
func TestSandboxAnswers(t *testing.T) {
	t.Parallel()
	who, stop, err := answerers(t.Context(), "statistics, sandbox")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	o := options{who: who}
	c, err := sandboxIncident(sandboxKind{fault: world.FaultBadDeployment, varied: true, tick: 5 * time.Second}, 7)
	if err != nil {
		t.Fatal(err)
	}
	answers, err := o.ask(t.Context(), c.ports, c.question)
	if err != nil {
		t.Fatal(err)
	}
	rows := o.rows("a case")
	for i, a := range answers {
		rows[i].add(answered(c.truth, a.suspects), a, true)
		if !right(c.truth, a.suspects) {
			t.Errorf("%s says %s, the truth is %v", a.by.name, firstOf(a.suspects), c.truth)
		}
	}
	s, m := answers[0], answers[1]
	if s.used != (usage{}) || s.diagnosis.Verdict != "" {
		t.Errorf("the statistics asked a model: %+v", s)
	}
	if m.diagnosis.Method != "model" || m.aside != "" || !m.used.simulated || m.used.turns < 2 || m.used.tokens == 0 || m.used.micros == 0 || m.used.unpriced > 0 {
		t.Errorf("the model's answer: %+v, used %+v, set aside %q", m.diagnosis, m.used, m.aside)
	}
	if len(m.evidence) < len(s.evidence)+2 || m.evidence[len(s.evidence)].Kind != incident.EvidenceRanking || m.took <= s.took {
		t.Errorf("%d pieces of evidence in %s, gathered were %d in %s; a ranking and what a tool brought should have come to it", len(m.evidence), m.took, len(s.evidence), s.took)
	}
	var out bytes.Buffer
	write(&out, "title", rows)
	for _, want := range []string{"a case                             statistics              1  100.0%", "sandbox (simulated)     1  100.0%", "tokens", "$0.0"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in:\n%s", want, &out)
		}
	}
}

// script is a model that says one thing after another, the last again and again.
type script struct {
	say   []func() (activities.ModelReply, error)
	asked int
}

func (s *script) Converse(context.Context, activities.ModelRequest, func(string)) (activities.ModelReply, error) {
	s.asked++
	return s.say[min(s.asked, len(s.say))-1]()
}

// TestAnswersOfNoUse holds that an answer which the product sets aside is
// counted as that, with what was paid for it, that one which broke off is asked
// for again, and that a model which does not answer is an error: no measurement.
func TestAnswersOfNoUse(t *testing.T) {
	t.Parallel()
	paid := incident.Provenance{Origin: incident.OriginLive, Usage: &incident.Usage{InputTokens: 90, OutputTokens: 10}}
	says := func(text string) func() (activities.ModelReply, error) {
		return func() (activities.ModelReply, error) {
			return activities.ModelReply{Text: text, Provenance: paid}, nil
		}
	}
	fails := func(err error) func() (activities.ModelReply, error) {
		return func() (activities.ModelReply, error) { return activities.ModelReply{}, err }
	}
	type turns = []func() (activities.ModelReply, error)
	invented := says(`{"verdict":"probable","cause":"sunspots","service":"moon","summary":"","confidence":1,"claims":[{"text":"so","cites":["E999"]}]}`)
	unsure := says(`{"verdict":"inconclusive","cause":"unknown","service":"","summary":"who knows","confidence":0,"claims":[]}`)
	for name, c := range map[string]struct {
		say     turns
		turns   int
		waited  time.Duration
		aside   string
		err     string
		verdict incident.Verdict // where the answer is set aside, the statistics' own
	}{
		"an answer that cites nothing": {say: turns{invented}, turns: 1, aside: "cites no evidence", verdict: incident.VerdictProbable},
		"prose":                        {say: turns{says("It is the moon.")}, turns: 2, aside: "second try", verdict: incident.VerdictProbable},
		"a filter withholds it": {say: turns{fails(&activities.PaidError{Provenance: paid, Err: incident.Errorf(incident.KindDenied, "withheld")})},
			turns: 1, aside: "withheld", verdict: incident.VerdictProbable},
		"busy, then unsure": {say: turns{fails(incident.Errorf(incident.KindThrottled, "busy")), fails(incident.Errorf(incident.KindThrottled, "busy")), unsure},
			turns: 1, waited: 3 * time.Second, verdict: incident.VerdictInconclusive},
		"slow": {say: turns{func() (activities.ModelReply, error) { time.Sleep(time.Minute); return unsure() }},
			turns: 1, waited: time.Minute, verdict: incident.VerdictInconclusive},
		"always busy": {say: turns{fails(incident.Errorf(incident.KindThrottled, "busy"))}, waited: 7 * time.Second, err: "busy"},
		"no access":   {say: turns{fails(incident.Errorf(incident.KindDenied, "no access"))}, err: "no access"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c2, err := sandboxIncident(sandboxKind{fault: world.FaultBadDeployment, tick: 5 * time.Second}, 1)
			if err != nil {
				t.Fatal(err)
			}
			synctest.Test(t, func(t *testing.T) {
				o := options{who: []answerer{{name: "some", id: "some", model: &script{say: c.say}}}}
				began := time.Now()
				answers, err := o.ask(t.Context(), c2.ports, c2.question)
				if waited := time.Since(began); waited != c.waited {
					t.Errorf("it took %s, wanted %s", waited, c.waited)
				}
				if c.err != "" {
					if err == nil || !strings.Contains(err.Error(), c.err) || !strings.HasPrefix(err.Error(), "some: ") {
						t.Errorf("%v, wanted %q", err, c.err)
					}
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				a := answers[0]
				if a.used.turns != c.turns || a.used.tokens != 100*int64(c.turns) || a.used.unpriced != c.turns || a.used.simulated || a.used.cost(1) != "unknown" {
					t.Errorf("used %+v", a.used)
				}
				if (c.aside == "") != (a.aside == "") || !strings.Contains(a.aside, c.aside) || a.diagnosis.Verdict != c.verdict {
					t.Errorf("set aside %q, %+v", a.aside, a.diagnosis)
				}
				r := &row{}
				r.add(answered(c2.truth, a.suspects), a, true)
				if r.aside != one(c.aside != "") || r.inconclusive != one(c.verdict == incident.VerdictInconclusive) || r.cases != 1 {
					t.Errorf("counted as %+v", r)
				}
			})
		})
	}
}

// TestAnswerers holds that what cannot be asked is refused before anything is
// measured, with what to do.
func TestAnswerers(t *testing.T) {
	for name, value := range map[string]string{"AWS_REGION": "us-east-1", "AWS_PROFILE": "", "AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "",
		"AWS_CONFIG_FILE": t.TempDir() + "/none", "AWS_SHARED_CREDENTIALS_FILE": t.TempDir() + "/none", "AWS_EC2_METADATA_DISABLED": "true",
		"AWS_WEB_IDENTITY_TOKEN_FILE": "", "AWS_CONTAINER_CREDENTIALS_FULL_URI": "", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": ""} {
		t.Setenv(name, value)
	}
	for names, want := range map[string]string{
		"statistics,amazon.nova-pro-v1:0": "-models amazon.nova-pro-v1:0: there are no AWS credentials",
		"sandbox,statistics,sandbox":      "names sandbox twice",
		"statistics,":                     "empty name",
	} {
		err := run(t.Context(), &bytes.Buffer{}, options{seeds: 1, only: "made", models: names})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, wanted %q", names, err, want)
		}
	}
	var out bytes.Buffer
	if err := run(t.Context(), &out, options{seeds: 1, only: "made", models: "sandbox"}); err != nil || !strings.Contains(out.String(), "made: not measured") {
		t.Errorf("%v\n%s", err, &out)
	}
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "example")
	who, stop, err := answerers(t.Context(), "amazon.nova-pro-v1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	if len(who) != 1 || who[0].id != "amazon.nova-pro-v1:0" || who[0].model == nil {
		t.Errorf("%+v", who)
	}
}

// TestNamed holds whom a diagnosis suspects, in which order.
func TestNamed(t *testing.T) {
	t.Parallel()
	hypotheses := []incident.Hypothesis{{Service: "b", Cause: "y", Score: 0.7}, {Service: "a", Cause: "x", Score: 0.6}, {Cause: "z", Score: 0.5}}
	for verdict, want := range map[incident.Verdict]string{incident.VerdictProbable: "a b", incident.VerdictInconclusive: "b a", incident.VerdictHealthy: ""} {
		var got []string
		for _, s := range named(incident.Diagnosis{Verdict: verdict, Service: "a", Cause: "x", Confidence: 0.9, Hypotheses: hypotheses}) {
			got = append(got, s.Service)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %v, wanted %s", verdict, got, want)
		}
	}
}
