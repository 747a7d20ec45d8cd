package event_test

import (
	"testing"
	"time"

	"vigil/workflows/event"
	"vigil/workflows/incident"
)

// An incident that a person opened is live until something simulated enters
// it; from then on a list must not show it as live.
func TestIncidentThatRestsOnSomethingSimulatedIsSimulated(t *testing.T) {
	var v event.View
	apply := func(d event.Data, o incident.Origin) {
		t.Helper()
		e, err := event.New(d, "inc-1", "run-1", v.Seq+1, time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC), incident.Provenance{Origin: o})
		if err != nil || !v.Apply(e) {
			t.Fatal(err, "does not apply")
		}
	}
	apply(&event.IncidentOpened{Title: "slow", Service: "checkout", Severity: incident.SeverityHigh, Source: "manual"}, incident.OriginLive)
	if v.Origin != incident.OriginLive {
		t.Fatalf("opened as %s", v.Origin)
	}
	apply(&event.EvidenceCollected{}, incident.OriginSimulated)
	apply(&event.IncidentNoted{By: "ada", Text: "looking"}, incident.OriginLive)
	if v.Origin != incident.OriginSimulated {
		t.Errorf("shown as %s", v.Origin)
	}
}
