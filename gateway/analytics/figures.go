package analytics

import (
	"strconv"
	"time"

	"vigil/workflows/event"
	"vigil/workflows/incident"
)

// UsersLabel is the label by which an incident says how many users it affects.
// It goes before what the user's file says of the service.
const UsersLabel = "affected_users"

// byHand is the source of incidents that were started without one.
const byHand = "manual"

// maxUsers is more than there are people.
const maxUsers = 10_000_000_000

// Version changes when the same events give other figures than before: what
// was kept by an older version is then derived anew.
const Version = 1

// Figures is what an incident adds to the business metrics. v and t are of the
// same events.
func Figures(v event.View, t Tally) event.IncidentFigures {
	f := event.IncidentFigures{
		IncidentID: v.IncidentID, RunID: v.RunID, Title: v.Title, Service: v.Service, Severity: v.Severity,
		Status: v.Status, Outcome: v.Outcome, Origin: v.Origin,
		StartedAt: v.StartedAt.UTC(), OpenedAt: v.OpenedAt.UTC(), AcknowledgedAt: t.AcknowledgedAt.UTC(), ClosedAt: v.ClosedAt.UTC(),
		AcknowledgeSeconds: span(v.OpenedAt, t.AcknowledgedAt),
		Acted:              !t.ActedAt.IsZero(), AffectedUsers: t.Users,
		AICostMicros: v.Cost.CostMicros, AICallsUnknownPrice: v.Cost.UnknownPriced,
	}
	if v.OpenedBy == "" && v.Source != byHand { // what a person opens is not what alerts took to tell
		f.DetectSeconds = span(v.StartedAt, v.OpenedAt)
	}
	if v.Status == incident.StatusResolved {
		f.ResolveSeconds = span(v.OpenedAt, v.ClosedAt)
	}
	for _, p := range incident.Phases {
		if s, ok := t.Phases[p]; ok {
			if f.PhaseSeconds == nil {
				f.PhaseSeconds = map[string]float64{}
			}
			f.PhaseSeconds[string(p)] = s
		}
	}
	remediated := v.Outcome == incident.OutcomeRemediated
	f.Helped = f.Acted && (t.Helped || remediated)
	f.Autonomous = remediated && !t.Person
	f.Prevented = remediated && f.Helped && !t.Undone && t.Outlook.prevented(t.ActedAt)
	if n := len(t.Reviews); n > 0 {
		f.CauseCorrect = &t.Reviews[n-1].Correct
	}
	return f
}

// span is the seconds from one moment to a later one; nil for what did not
// happen, or is out of order.
func span(from, to time.Time) *float64 {
	if from.IsZero() || to.IsZero() || to.Before(from) {
		return nil
	}
	s := to.Sub(from).Seconds()
	return &s
}

// usersOf reads the label; nil where there is none, or where it is no number.
func usersOf(labels map[string]string) *int64 {
	n, err := strconv.ParseInt(labels[UsersLabel], 10, 64)
	if err != nil || n < 0 || n > maxUsers {
		return nil
	}
	return &n
}

// Handled reports whether an incident was seen to its end: it closed, and was
// neither aborted nor merged into another.
func Handled(f event.IncidentFigures) bool {
	return f.Status.Terminal() && f.Outcome != incident.OutcomeMerged && f.Outcome != incident.OutcomeAborted
}
