package analytics_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"vigil/gateway/analytics"
	"vigil/workflows/event"
	"vigil/workflows/incident"
)

// t0 is when the trouble of every incident here begins.
var t0 = time.Date(2026, 11, 23, 14, 0, 0, 0, time.UTC)

// story makes the events of an incident, and what follows from them.
type story struct {
	t         *testing.T
	id, runID string
	seq       int64
	events    []event.Event
	view      event.View
	tally     analytics.Tally
}

func newStory(t *testing.T, labels map[string]string) *story {
	s := &story{t: t, id: "inc-1", runID: "run-1"}
	return s.at(60, &event.IncidentOpened{Title: "x", Service: "checkout", Severity: incident.SeverityHigh, StartedAt: t0, Labels: labels})
}

// at adds what happens so many seconds after t0.
func (s *story) at(seconds int, d event.Data) *story {
	s.t.Helper()
	s.seq++
	return s.add(s.runID, s.seq, "", seconds, d)
}

func (s *story) add(runID string, seq int64, id string, seconds int, d event.Data) *story {
	s.t.Helper()
	e, err := event.New(d, s.id, runID, seq, t0.Add(time.Duration(seconds)*time.Second), incident.Provenance{Origin: incident.OriginLive})
	if err != nil {
		s.t.Fatal(err)
	}
	if id != "" {
		e.ID = id
	}
	s.events = append(s.events, e)
	s.view.Apply(e)
	s.tally.Apply(e)
	return s
}

func (s *story) phase(from, to int, p incident.Phase) *story {
	return s.at(from, &event.PhaseChanged{Phase: p, State: incident.PhaseRunning}).at(to, &event.PhaseChanged{Phase: p, State: incident.PhaseCompleted})
}

var action = incident.Action{IncidentID: "inc-1", Target: "checkout", Steps: []incident.Step{{Executor: "ecs", Document: "scale", Undo: &incident.Undo{Document: "back"}}}}

// acts begins a step and ends it.
func (s *story) acts(from, to int, state incident.ExecutionState) *story {
	e := action.Effect(1)
	return s.at(from, &event.ActionStarted{Action: action, Effect: e}).
		at(to, &event.ActionFinished{Execution: incident.Execution{ActionHash: e.ActionHash, Step: 1, State: state}})
}

// forecast says that the latency passes 2,000 ms at so many seconds, and that
// its interval does so at others, 0 for never.
func (s *story) forecast(made, breach, interval int) *story {
	p := incident.Prediction{Service: "checkout", Metric: incident.MetricLatency, PerMinute: 100, Limit: 2000, BreachAt: t0.Add(time.Duration(breach) * time.Second)}
	for at := made; at < breach+600; at += 30 {
		f := incident.ForecastPoint{At: t0.Add(time.Duration(at) * time.Second), Low: 1000, Value: 1500, High: 1800}
		if interval != 0 && at >= interval {
			f.High = 2000
		}
		p.Forecast = append(p.Forecast, f)
	}
	return s.at(made, &event.PredictionConcluded{Prediction: p})
}

func (s *story) looks(at int, now, worst float64) *story {
	return s.at(at, &event.VerificationMeasured{Verification: incident.Verification{State: incident.VerificationHelped,
		Checks: []incident.Check{{Service: "checkout", Metric: incident.MetricLatency, Now: now, Incident: worst},
			{Service: "orders", Metric: incident.MetricLatency, Now: 9000, Incident: 9000}}}})
}

func (s *story) helped(at int) *story {
	return s.at(at, &event.RemediationChanged{Remediation: incident.Remediation{State: incident.RemediationHelped}})
}

func (s *story) closes(at int, status incident.Status, o incident.Outcome) *story {
	return s.at(at, &event.IncidentClosed{Status: status, Outcome: o, Reason: "x"})
}

func (s *story) remediated(at int) *story {
	return s.closes(at, incident.StatusResolved, incident.OutcomeRemediated)
}

func (s *story) figures() event.IncidentFigures { return analytics.Figures(s.view, s.tally) }

func TestFiguresByHand(t *testing.T) {
	t.Parallel()
	s := newStory(t, map[string]string{"affected_users": "1200"})
	s.phase(60, 70, incident.PhaseDetection).phase(70, 190, incident.PhaseDiagnosis)
	s.at(200, &event.IncidentAcknowledged{By: "ana"}).at(300, &event.IncidentAcknowledged{By: "ben"})
	s.acts(310, 320, incident.ExecutionSucceeded)
	s.phase(400, 430, incident.PhaseDiagnosis) // a second look
	s.at(440, &event.PhaseChanged{Phase: incident.PhaseReview, State: incident.PhaseSkipped})
	s.at(450, &event.PhaseChanged{Phase: incident.PhaseVerification, State: incident.PhaseRunning})
	s.helped(500).remediated(660)
	s.add("run-1", 0, "review-b", 900, &event.CauseReviewed{By: "ben", Correct: false})
	s.add("run-1", 0, "review-a", 800, &event.CauseReviewed{By: "ana", Correct: true})
	f := s.figures()
	for name, c := range map[string]struct {
		got  *float64
		want float64
	}{"detect": {f.DetectSeconds, 60}, "acknowledge": {f.AcknowledgeSeconds, 140}, "resolve": {f.ResolveSeconds, 600}} {
		if c.got == nil || *c.got != c.want {
			t.Errorf("%s: %v, want %v", name, c.got, c.want)
		}
	}
	if have, want := fmt.Sprint(f.PhaseSeconds), "map[detection:10 diagnosis:150 verification:210]"; have != want {
		t.Errorf("phases are %s, want %s", have, want)
	}
	if !f.Acted || !f.Helped || !f.Autonomous || f.Prevented || f.CauseCorrect == nil || *f.CauseCorrect || f.AffectedUsers == nil || *f.AffectedUsers != 1200 {
		t.Errorf("%+v", f)
	}
}

func TestWhoDecided(t *testing.T) {
	t.Parallel()
	end := func(s *story) *story {
		return s.acts(200, 210, incident.ExecutionSucceeded).helped(300).remediated(310)
	}
	for name, c := range map[string]struct {
		s    *story
		want bool
	}{
		"nobody":       {end(newStory(t, nil)), true},
		"acknowledged": {end(newStory(t, nil).at(100, &event.IncidentAcknowledged{By: "ana"})), true},
		"expired":      {end(newStory(t, nil).at(100, &event.ApprovalExpired{ProposalID: "P1"})), true},
		"approved":     {end(newStory(t, nil).at(100, &event.ApprovalDecided{ProposalID: "P1", State: incident.ProposalApproved, By: "ana"})), false},
		"rejected":     {end(newStory(t, nil).at(100, &event.ApprovalDecided{ProposalID: "P1", State: incident.ProposalRejected, By: "ana"})), false},
		"one of two":   {end(newStory(t, nil).at(100, &event.ApprovalGiven{ProposalID: "P1", By: "ana"})), false},
		"put forward":  {end(newStory(t, nil).at(100, &event.OptionProposed{OptionID: "o", By: "ana"})), false},
		"by a person":  {newStory(t, nil).closes(300, incident.StatusResolved, incident.OutcomeResolvedByPerson), false},
		"open":         {newStory(t, nil).acts(200, 210, incident.ExecutionSucceeded), false},
	} {
		if f := c.s.figures(); f.Autonomous != c.want {
			t.Errorf("%s: autonomous is %t", name, f.Autonomous)
		}
	}
}

func TestActed(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		s             *story
		acted, helped bool
	}{
		"failed":             {newStory(t, nil).acts(100, 110, incident.ExecutionFailed).closes(200, incident.StatusClosed, incident.OutcomeUnresolved), false, false},
		"nobody can tell":    {newStory(t, nil).acts(100, 110, incident.ExecutionUnknown).closes(200, incident.StatusClosed, incident.OutcomeUnresolved), false, false},
		"did not help":       {newStory(t, nil).acts(100, 110, incident.ExecutionSucceeded).closes(200, incident.StatusClosed, incident.OutcomeUnresolved), true, false},
		"helped":             {newStory(t, nil).acts(100, 110, incident.ExecutionSucceeded).remediated(200), true, true},
		"helped, and closed": {newStory(t, nil).acts(100, 110, incident.ExecutionSucceeded).helped(150).closes(200, incident.StatusResolved, incident.OutcomeResolvedByPerson), true, true},
		"recovered":          {newStory(t, nil).closes(200, incident.StatusResolved, incident.OutcomeRecovered), false, false},
	} {
		if f := c.s.figures(); f.Acted != c.acted || f.Helped != c.helped {
			t.Errorf("%s: acted %t, helped %t", name, f.Acted, f.Helped)
		}
	}
}

// TestPrevented: each part of the definition, when it is all that is missing,
// keeps an incident from being counted.
func TestPrevented(t *testing.T) {
	t.Parallel()
	undo, _ := action.Undo(1)
	for name, c := range map[string]struct {
		s    *story
		want bool
	}{
		"all of it":                        {newStory(t, nil).forecast(100, 600, 0).acts(200, 210, incident.ExecutionSucceeded).looks(610, 900, 1900).remediated(620), true},
		"before the interval":              {newStory(t, nil).forecast(100, 600, 400).acts(200, 210, incident.ExecutionSucceeded).looks(610, 900, 1900).remediated(620), true},
		"within the interval":              {newStory(t, nil).forecast(100, 600, 190).acts(200, 210, incident.ExecutionSucceeded).looks(610, 900, 1900).remediated(620), false},
		"no forecast":                      {newStory(t, nil).acts(200, 210, incident.ExecutionSucceeded).looks(610, 900, 1900).remediated(620), false},
		"forecast after the action":        {newStory(t, nil).acts(80, 90, incident.ExecutionSucceeded).forecast(100, 600, 0).looks(610, 900, 1900).remediated(620), false},
		"a later forecast takes it back":   {newStory(t, nil).forecast(100, 600, 0).at(150, &event.PredictionConcluded{}).acts(200, 210, incident.ExecutionSucceeded).looks(610, 900, 1900).remediated(620), false},
		"passed already":                   {newStory(t, nil).forecast(100, 100, 0).acts(200, 210, incident.ExecutionSucceeded).looks(610, 900, 1900).remediated(620), false},
		"too late":                         {newStory(t, nil).forecast(100, 205, 0).acts(200, 210, incident.ExecutionSucceeded).looks(610, 900, 1900).remediated(620), false},
		"nobody looked after that moment":  {newStory(t, nil).forecast(100, 600, 0).acts(200, 210, incident.ExecutionSucceeded).looks(590, 900, 1900).remediated(620), false},
		"it passed all the same":           {newStory(t, nil).forecast(100, 600, 0).acts(200, 210, incident.ExecutionSucceeded).looks(610, 2000, 1900).remediated(620), false},
		"it had passed during it":          {newStory(t, nil).forecast(100, 600, 0).acts(200, 210, incident.ExecutionSucceeded).looks(610, 900, 2100).remediated(620), false},
		"it failed":                        {newStory(t, nil).forecast(100, 600, 0).acts(200, 210, incident.ExecutionFailed).looks(610, 900, 1900).remediated(620), false},
		"it recovered by itself":           {newStory(t, nil).forecast(100, 600, 0).looks(610, 900, 1900).closes(620, incident.StatusResolved, incident.OutcomeRecovered), false},
		"it was taken back":                {newStory(t, nil).forecast(100, 600, 0).acts(200, 210, incident.ExecutionSucceeded).at(220, &event.ActionStarted{Action: action, Effect: undo}).looks(610, 900, 1900).remediated(620), false},
		"still open":                       {newStory(t, nil).forecast(100, 600, 0).acts(200, 210, incident.ExecutionSucceeded).looks(610, 900, 1900), false},
		"evidence shows it within":         {newStory(t, nil).forecast(100, 600, 0).acts(200, 210, incident.ExecutionSucceeded).at(610, points(600, 900)).remediated(620), true},
		"evidence shows it beyond":         {newStory(t, nil).forecast(100, 600, 0).acts(200, 210, incident.ExecutionSucceeded).at(610, points(300, 2500)).looks(615, 900, 1900).remediated(620), false},
		"evidence of before is not of now": {newStory(t, nil).forecast(100, 600, 0).acts(200, 210, incident.ExecutionSucceeded).at(610, points(50, 2500)).looks(615, 900, 1900).remediated(620), true},
	} {
		if f := c.s.figures(); f.Prevented != c.want {
			t.Errorf("%s: prevented is %t; outlook %+v", name, f.Prevented, c.s.tally.Outlook)
		}
	}
}

// What is used up has its limit at nothing left.
func TestPreventedOfWhatIsUsedUp(t *testing.T) {
	t.Parallel()
	for now, want := range map[float64]bool{1 << 30: true, 0: false} {
		s := newStory(t, nil).at(100, &event.PredictionConcluded{Prediction: incident.Prediction{Service: "db", Metric: incident.MetricFreeStorage, PerMinute: -5,
			BreachAt: t0.Add(600 * time.Second), Forecast: []incident.ForecastPoint{{At: t0.Add(300 * time.Second), Low: 0, Value: 10, High: 20}}}})
		s.acts(200, 210, incident.ExecutionSucceeded).at(610, &event.VerificationMeasured{Verification: incident.Verification{
			Checks: []incident.Check{{Service: "db", Metric: incident.MetricFreeStorage, Now: now}}}}).remediated(620)
		if f := s.figures(); f.Prevented != want {
			t.Errorf("with %v left, prevented is %t", now, f.Prevented)
		}
		if want := t0.Add(300 * time.Second); !s.tally.Outlook.Earliest.Equal(want) {
			t.Errorf("the earliest moment is %s, want %s", s.tally.Outlook.Earliest, want)
		}
	}
}

func points(at int, value float64) *event.EvidenceCollected {
	return &event.EvidenceCollected{Evidence: incident.Evidence{ID: "E1", Kind: incident.EvidenceMetric, Series: []incident.Series{{Service: "checkout",
		Metric: incident.MetricLatency, Points: []incident.Point{{At: t0.Add(time.Duration(at) * time.Second), Value: value}}}}}}
}

// TestContinued: an incident that goes on in another run is one, whether the
// run before is known or only its view; a reset begins anew.
func TestContinued(t *testing.T) {
	t.Parallel()
	s := newStory(t, nil).phase(60, 100, incident.PhaseDetection).at(110, &event.IncidentAcknowledged{By: "ana"}).
		at(120, &event.PhaseChanged{Phase: incident.PhaseDiagnosis, State: incident.PhaseRunning})
	before := s.view
	s.runID, s.seq = "run-2", 0
	s.at(200, &event.IncidentContinued{FromRunID: "run-1", View: before}).
		at(220, &event.PhaseChanged{Phase: incident.PhaseDiagnosis, State: incident.PhaseCompleted})
	s.add("run-1", 0, "review-1", 230, &event.CauseReviewed{By: "ana", Correct: true})
	whole := s.figures()
	if fmt.Sprint(whole.PhaseSeconds) != "map[detection:40 diagnosis:100]" || *whole.AcknowledgeSeconds != 50 || whole.CauseCorrect == nil {
		t.Errorf("both runs give %+v", whole)
	}
	half := &story{t: t, id: "inc-1", runID: "run-2"}
	for _, e := range s.events[5:] {
		half.view.Apply(e)
		half.tally.Apply(e)
	}
	if have, want := asJSON(t, half.figures()), asJSON(t, whole); have != want {
		t.Errorf("the second run alone gives\n%s\nwant\n%s", have, want)
	}
	s.runID, s.seq = "run-3", 0
	s.at(300, &event.IncidentOpened{Title: "again", Service: "checkout", StartedAt: t0})
	s.add("run-1", 0, "review-2", 310, &event.CauseReviewed{By: "ana", Correct: true})
	if f := s.figures(); f.PhaseSeconds != nil || f.CauseCorrect != nil || f.AcknowledgeSeconds != nil {
		t.Errorf("after a reset %+v", f)
	}
}

// TestAppliedTwice: events that come again change nothing, and a tally that was
// kept in between goes on as if it had not been.
func TestAppliedTwice(t *testing.T) {
	t.Parallel()
	s := newStory(t, nil).phase(60, 70, incident.PhaseDetection).forecast(100, 600, 400).acts(200, 210, incident.ExecutionSucceeded).
		at(220, &event.IncidentAcknowledged{By: "ana"}).looks(610, 900, 1900).remediated(620)
	want := asJSON(t, s.figures())
	for _, e := range s.events[1:] {
		s.tally.Apply(e)
		s.view.Apply(e)
	}
	if have := asJSON(t, s.figures()); have != want {
		t.Errorf("once more gives\n%s\nwant\n%s", have, want)
	}
	var kept analytics.Tally
	var v event.View
	for _, e := range s.events {
		kept.Apply(e)
		v.Apply(e)
		raw := asJSON(t, kept)
		kept = analytics.Tally{}
		if err := json.Unmarshal([]byte(raw), &kept); err != nil {
			t.Fatal(err)
		}
	}
	if have := asJSON(t, analytics.Figures(v, kept)); have != want {
		t.Errorf("kept in between gives\n%s\nwant\n%s", have, want)
	}
}

// Only alerts take time to tell of a trouble.
func TestDetected(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		opened event.IncidentOpened
		want   bool
	}{"alert": {event.IncidentOpened{Source: "alertmanager", StartedAt: t0}, true}, "person": {event.IncidentOpened{Source: "phone", OpenedBy: "ana", StartedAt: t0}, false},
		"by hand": {event.IncidentOpened{Source: "manual", StartedAt: t0}, false}, "in the future": {event.IncidentOpened{Source: "x", StartedAt: t0.Add(time.Hour)}, false}} {
		s := &story{t: t, id: "inc-1", runID: "run-1"}
		if f := s.at(60, &c.opened).figures(); (f.DetectSeconds != nil) != c.want {
			t.Errorf("%s: detected after %v", name, f.DetectSeconds)
		}
	}
}

func TestAffectedUsersLabel(t *testing.T) {
	t.Parallel()
	for label, want := range map[string]string{"0": "0", "40000": "40000", "": "none", "-1": "none", "many": "none", "1e3": "none", "99999999999": "none"} {
		have := "none"
		if f := newStory(t, map[string]string{"affected_users": label}).figures(); f.AffectedUsers != nil {
			have = fmt.Sprint(*f.AffectedUsers)
		}
		if have != want {
			t.Errorf("%q is read as %s, want %s", label, have, want)
		}
	}
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}
