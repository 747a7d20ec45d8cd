package dispatch

import (
	"time"

	"vigil/workflows/incident"
)

// input makes an incident from its first firing alert; severity is the worst
// of all that fire, and the service is the first that one of them names.
func input(alerts []incident.Alert) incident.Input {
	var in incident.Input
	for _, a := range alerts {
		if a.State() != incident.MemberFiring {
			continue
		}
		if in.Title == "" {
			in = incident.Input{Title: a.Title, Description: a.Description, Service: a.Service, Severity: a.Severity,
				Labels: a.Labels, Source: a.Source, Origin: a.Origin, StartedAt: startedAt(a)}
		}
		if a.Severity.Rank() > in.Severity.Rank() {
			in.Severity = a.Severity
		}
		if in.Service == "" {
			in.Service = a.Service
		}
	}
	return in
}

// startedAt believes the sender's clock within reason, else ours.
func startedAt(a incident.Alert) time.Time {
	if a.StartsAt.After(a.ReceivedAt) || a.StartsAt.Before(a.ReceivedAt.Add(-maxBackdate)) {
		return a.ReceivedAt
	}
	return a.StartsAt
}
