package workflows_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"vigil/activities"
	"vigil/workflows"
	"vigil/workflows/event"
	"vigil/workflows/incident"
)

// Models are measured by what an incident asks them: turn by turn, Consult
// sends the very same.
func TestConsultAsksAsAnIncidentDoes(t *testing.T) {
	s := newStory(t)
	s.decide(time.Minute, incident.DecideArgs{Principal: approver, Decision: incident.DecisionApprove}, "")
	s.run(slowCheckout)
	var want []activities.ModelRequest
	for _, r := range s.shop.requests {
		if r.Agent == incident.AgentDiagnosis {
			want = append(want, r)
		}
	}
	if len(want) < 2 || len(want[0].Tools) == 0 {
		t.Fatalf("the diagnosis asked %d times; it is to use a tool", len(want))
	}

	v := s.state()
	ranked := slices.IndexFunc(v.Evidence, func(e incident.Evidence) bool { return e.Kind == incident.EvidenceRanking })
	later := v.Evidence[ranked+1:]
	c := workflows.Consultation{Settings: incident.DefaultSettings(), View: v, Suspects: v.Evidence[ranked].Suspects, Model: sensible}
	c.View.Evidence = v.Evidence[:ranked]
	for _, tool := range want[0].Tools {
		c.Settings.Tools = append(c.Settings.Tools, tool.Name)
	}
	c.Settings.Suffix = regexp.MustCompile(`<evidence-([0-9a-f]+)>`).FindStringSubmatch(want[0].System)[1]
	c.Look = func(in activities.CollectInput) (activities.Collected, error) {
		if in.Tool != activities.ToolQueryMetrics || in.Service != "checkout" || len(later) == 0 {
			return activities.Collected{}, fmt.Errorf("nothing of %+v", in)
		}
		e := later[0]
		later, e.ID = later[1:], ""
		return activities.Collected{Evidence: e}, nil
	}
	var got []activities.ModelRequest
	c.Model = func(r activities.ModelRequest) (activities.ModelReply, error) {
		got = append(got, r)
		return sensible(r)
	}
	answer, evidence, err := workflows.Consult(c, want[0].Model)
	if err != nil || answer == nil || answer.Cause != incident.CauseBadDeployment {
		t.Fatalf("%+v, %v", answer, err)
	}
	if len(got) != len(want) {
		t.Fatalf("asked %d times, an incident %d times", len(got), len(want))
	}
	for i := range want {
		if g, w := asJSON(t, got[i]), asJSON(t, want[i]); g != w {
			t.Errorf("turn %d asks\n%s\nan incident asks\n%s", i+1, g, w)
		}
	}
	if len(evidence) != ranked+2 || evidence[ranked+1].ID != fmt.Sprintf("E%d", ranked+2) {
		t.Errorf("%d pieces of evidence, the last is %s", len(evidence), evidence[len(evidence)-1].ID)
	}
}

func TestConsultEnds(t *testing.T) {
	t.Parallel()
	wishes := activities.ModelReply{Calls: []activities.ToolRequest{{ID: "t", Name: activities.ToolQueryMetrics, Input: json.RawMessage(`{"service":"checkout"}`)}}}
	prose := activities.ModelReply{Text: "It is the database, I think."}
	whole := activities.ModelReply{Text: `{"verdict":"inconclusive","cause":"unknown","service":"","summary":"","confidence":0,"claims":[]}`}
	some := []incident.Evidence{{ID: "E1", Kind: incident.EvidenceMetric, Service: "checkout", Found: true}}
	for name, c := range map[string]struct {
		evidence []incident.Evidence
		replies  []activities.ModelReply // the last one again and again
		fails    error
		asked    int
		answers  bool
		kind     incident.Kind
		says     string
	}{
		"nothing to reason about":   {evidence: []incident.Evidence{{ID: "E1", Kind: incident.EvidenceTopology, Found: true}}},
		"prose, then an answer":     {evidence: some, replies: []activities.ModelReply{prose, whole}, asked: 2, answers: true},
		"prose and nothing else":    {evidence: some, replies: []activities.ModelReply{prose}, asked: 2, kind: incident.KindInvalid, says: "second try"},
		"looking without end":       {evidence: some, replies: []activities.ModelReply{wishes}, asked: 8, kind: incident.KindInvalid, says: "within 8 turns"},
		"a model that is not there": {evidence: some, fails: incident.Errorf(incident.KindDenied, "no access"), asked: 1, kind: incident.KindDenied, says: "no access"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var asked []activities.ModelRequest
			answer, _, err := workflows.Consult(workflows.Consultation{
				Settings: incident.Settings{Tools: []string{activities.ToolQueryMetrics}, Suffix: "0f"},
				View:     event.View{Summary: event.Summary{Service: "checkout"}, Evidence: c.evidence},
				Model: func(r activities.ModelRequest) (activities.ModelReply, error) {
					asked = append(asked, r)
					if c.fails != nil {
						return activities.ModelReply{}, c.fails
					}
					return c.replies[min(len(asked), len(c.replies))-1], nil
				},
				Look: func(activities.CollectInput) (activities.Collected, error) {
					return activities.Collected{Evidence: some[0]}, nil
				},
			}, pro)
			if len(asked) != c.asked || (answer != nil) != c.answers || (err != nil) != (c.kind != "") {
				t.Fatalf("asked %d times: %+v, %v", len(asked), answer, err)
			}
			if err != nil && (incident.KindOf(err) != c.kind || !strings.Contains(err.Error(), c.says)) {
				t.Errorf("%v, wanted %s with %q", err, c.kind, c.says)
			}
			for i, r := range asked {
				if (len(r.Tools) == 0) != (i == 7) {
					t.Errorf("turn %d has %d tools", i+1, len(r.Tools))
				}
			}
		})
	}
}
