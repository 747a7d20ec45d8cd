package analytics

import (
	"slices"
	"time"

	"vigil/workflows/event"
	"vigil/workflows/incident"
)

// Tally is what an incident's figures need and its view does not keep: how
// long phases took over all their rounds, who was first, what was forecast
// before anything was done. Apply is the only way to change it.
type Tally struct {
	Runs []string `json:"runs"` // the latest run, after those that it goes on from
	Seq  int64    `json:"seq"`  // of the latest run

	AcknowledgedAt time.Time                    `json:"acknowledged_at,omitzero"` // the first time
	Phases         map[incident.Phase]float64   `json:"phases,omitempty"`         // seconds of the rounds that ended
	Running        map[incident.Phase]time.Time `json:"running,omitempty"`        // since when

	Started bool      `json:"started,omitempty"` // an action may have changed something
	ActedAt time.Time `json:"acted_at,omitzero"` // the first time that an action took effect
	Helped  bool      `json:"helped,omitempty"`  // the telemetry confirmed one that did
	Undone  bool      `json:"undone,omitempty"`  // something was taken back, or was to be
	Person  bool      `json:"person,omitempty"`  // a person decided on an action, or put one forward
	Outlook *Outlook  `json:"outlook,omitempty"` // the latest forecast before Started
	Reviews []Review  `json:"reviews,omitempty"` // of the cause, one per run: the latest
	Users   *int64    `json:"users,omitempty"`   // that the incident's label says are affected
}

// Review is what a person said of the cause.
type Review struct {
	RunID   string    `json:"run_id"`
	ID      string    `json:"id"`
	At      time.Time `json:"at"`
	Correct bool      `json:"correct"`
}

// Apply adds e. Events of a run come in the order of their numbers; what came
// before, and what belongs to no run of this story, changes nothing.
func (t *Tally) Apply(e event.Event) {
	data, err := e.Decode()
	if err != nil {
		return // of a version that this build does not know; the view does not show it either
	}
	if e.Seq != 0 && e.RunID == t.run() && e.Seq <= t.Seq {
		return
	}
	switch d := data.(type) {
	case *event.IncidentOpened:
		*t = Tally{Runs: []string{e.RunID}, Users: usersOf(d.Labels)}
	case *event.IncidentContinued:
		t.goOn(e, d)
	case *event.CauseReviewed:
		t.review(e, d)
		return
	default:
		if e.RunID != t.run() {
			return
		}
		t.apply(e, data)
	}
	if e.Seq != 0 {
		t.Seq = e.Seq
	}
}

func (t *Tally) run() string {
	if len(t.Runs) == 0 {
		return ""
	}
	return t.Runs[len(t.Runs)-1]
}

// goOn takes up an incident in another run. Where the run before is not known,
// what its view tells is all there is.
func (t *Tally) goOn(e event.Event, d *event.IncidentContinued) {
	if !slices.Contains(t.Runs, d.FromRunID) {
		*t = fromView(d.View)
		t.Runs = []string{d.FromRunID}
	}
	if !slices.Contains(t.Runs, e.RunID) {
		t.Runs = append(slices.Clip(t.Runs), e.RunID)
	}
}

func fromView(v event.View) Tally {
	t := Tally{AcknowledgedAt: v.AcknowledgedAt, Users: usersOf(v.Labels), Person: v.Proposed != nil}
	for _, p := range v.Phases {
		switch {
		case p.State == incident.PhaseRunning:
			t.phase(p.Phase, p.State, p.StartedAt)
		case !p.StartedAt.IsZero():
			t.phase(p.Phase, incident.PhaseRunning, p.StartedAt)
			t.phase(p.Phase, p.State, p.EndedAt)
		}
	}
	if p := v.Proposal; p != nil {
		t.Person = t.Person || p.ProposedBy != "" || p.DecidedBy != "" || len(p.Approvals) > 0
	}
	for _, x := range v.Executions {
		t.Started = true
		t.execute(x, x.EndedAt)
	}
	if r := v.Remediation; r != nil {
		t.remediate(*r)
	}
	return t
}

func (t *Tally) apply(e event.Event, data event.Data) {
	switch d := data.(type) {
	case *event.IncidentAcknowledged:
		if t.AcknowledgedAt.IsZero() {
			t.AcknowledgedAt = e.At
		}
	case *event.PhaseChanged:
		t.phase(d.Phase, d.State, e.At)
	case *event.PredictionConcluded:
		if !t.Started {
			t.Outlook = lookAhead(d.Prediction, e.At)
		}
	case *event.OptionProposed, *event.ApprovalGiven, *event.ApprovalDecided:
		t.Person = true
	case *event.ActionStarted:
		t.Started = true
		t.Undone = t.Undone || d.Effect.Undo
	case *event.ActionFinished:
		t.execute(d.Execution, e.At)
	case *event.RemediationChanged:
		t.remediate(d.Remediation)
	case *event.EvidenceCollected:
		t.Outlook = t.Outlook.evidence(d.Evidence)
	case *event.VerificationMeasured:
		t.Outlook = t.Outlook.verification(d.Verification, e.At)
	case *event.IncidentClosed, *event.IncidentAborted:
		for _, p := range incident.Phases { // nothing goes on after the end
			t.phase(p, incident.PhaseCompleted, e.At)
		}
	}
}

// phase adds up the rounds of a phase.
func (t *Tally) phase(p incident.Phase, s incident.PhaseState, at time.Time) {
	if s == incident.PhaseRunning {
		if t.Running == nil {
			t.Running = map[incident.Phase]time.Time{}
		}
		if _, runs := t.Running[p]; !runs {
			t.Running[p] = at
		}
		return
	}
	since, runs := t.Running[p]
	if !runs {
		return
	}
	delete(t.Running, p)
	if at.Before(since) {
		return
	}
	if t.Phases == nil {
		t.Phases = map[incident.Phase]float64{}
	}
	t.Phases[p] += at.Sub(since).Seconds()
}

// execute notes that a step took effect. One of which it cannot be told did not.
func (t *Tally) execute(x incident.Execution, at time.Time) {
	switch {
	case x.Undo:
		t.Undone = true
	case x.State == incident.ExecutionSucceeded && t.ActedAt.IsZero():
		t.ActedAt = at
	}
}

func (t *Tally) remediate(r incident.Remediation) {
	switch r.State {
	case incident.RemediationHelped:
		t.Helped = true
	case incident.RemediationUndoing, incident.RemediationUndone, incident.RemediationUnsafe:
		t.Undone = true
	}
}

// review keeps the latest word on the cause of each run. It carries no number
// and may come at any time: which is the latest is told by its time and id.
func (t *Tally) review(e event.Event, d *event.CauseReviewed) {
	if !slices.Contains(t.Runs, e.RunID) {
		return
	}
	r := Review{RunID: e.RunID, ID: e.ID, At: e.At, Correct: d.Correct}
	i := slices.IndexFunc(t.Reviews, func(have Review) bool { return have.RunID == r.RunID })
	switch t.Reviews = slices.Clone(t.Reviews); {
	case i < 0:
		t.Reviews = append(t.Reviews, r)
		slices.SortFunc(t.Reviews, earlier)
	case earlier(t.Reviews[i], r) < 0:
		t.Reviews[i] = r
		slices.SortFunc(t.Reviews, earlier)
	}
}

func earlier(a, b Review) int {
	if c := a.At.Compare(b.At); c != 0 {
		return c
	}
	switch {
	case a.ID < b.ID:
		return -1
	case a.ID > b.ID:
		return 1
	}
	return 0
}
