package main

import (
	"fmt"
	"time"

	"vigil/workflows/event"
	"vigil/workflows/incident"
)

// movesStory is an incident that a storm of alerts joins: some are silenced,
// most are only mentioned, a worse one raises the severity, a person takes one
// problem out of it and later makes the rest part of another incident.
func movesStory() *tape {
	t := &tape{incidentID: "inc-cart-5h2n8w", runID: "0195a260-1d00-7b10-8c00-4e5f60718293",
		now: storyStart.Add(3 * time.Hour), epoch: streamEpoch, offset: 2000}
	flow := byWorkflow(incident.OriginLive)
	t.add(0, &event.IncidentOpened{Title: "Carts are slow", Service: "cart", Severity: incident.SeverityMedium, Source: "alertmanager", StartedAt: t.now}, flow)
	t.add(0, &event.AlertReceived{Alert: stormAlert(t, "cart", 1, incident.SeverityMedium)}, flow)
	t.add(0, &event.IncidentStatusChanged{Status: incident.StatusInvestigating}, flow)
	joined := stormAlert(t, "checkout", 2, incident.SeverityCritical)
	joined.JoinedBy = "neighbours"
	t.add(time.Second, &event.AlertReceived{Alert: joined}, flow)
	t.add(0, &event.IncidentSeverityChanged{From: incident.SeverityMedium, To: incident.SeverityCritical, By: "vigil", Reason: "an alert that joined is critical: checkout 2"}, flow)
	quiet := stormAlert(t, "search", 3, incident.SeverityLow)
	quiet.JoinedBy, quiet.SilencedBy = "same service", "sil-8f2k"
	t.add(time.Second, &event.AlertReceived{Alert: quiet}, flow)
	var many []incident.AlertMention
	for i := range 4 {
		many = append(many, incident.AlertMention{Member: memberOf("cart", 10+i), Status: incident.AlertFiring, Severity: incident.SeverityMedium, InboxID: int64(210 + i)})
	}
	many[3].Silenced = true
	t.add(time.Second, &event.AlertsMentioned{Alerts: many}, flow)
	cleared := many[0]
	cleared.Status = incident.AlertResolved
	shown := incident.AlertMention{Member: memberOf("cart", 1), Status: incident.AlertResolved, InboxID: 220}
	t.add(time.Minute, &event.AlertsMentioned{Alerts: []incident.AlertMention{cleared, shown}}, flow)
	split := incident.Move{ID: "mov-1", From: t.incidentID, To: "inc-checkout-9d4c1b", Members: []string{memberOf("checkout", 2), memberOf("cart", 12)}, Count: 2,
		By: "alice", Reason: "checkout has a deployment of its own to blame"}
	t.add(2*time.Minute, &event.AlertsMoved{Move: split}, byPerson(incident.OriginLive, "alice"))
	brought := incident.Move{ID: "mov-2", From: "inc-search-1p6v3x", To: t.incidentID, All: true, Count: 1, By: "bob", Reason: "search calls cart"}
	t.add(time.Minute, &event.AlertsMoved{Move: brought}, byPerson(incident.OriginLive, "bob"))
	t.add(0, &event.AlertReceived{Alert: stormAlert(t, "cart", 11, incident.SeverityMedium)}, flow) // in full now
	merge := incident.Move{ID: "mov-3", From: t.incidentID, To: "inc-orders-2k8s5q", All: true, Count: 6, By: "bob", Reason: "orders is what fails"}
	t.add(time.Minute, &event.AlertsMoved{Move: merge}, byPerson(incident.OriginLive, "bob"))
	t.add(0, &event.IncidentClosed{Status: incident.StatusClosed, Outcome: incident.OutcomeMerged, By: "bob", Reason: "part of incident inc-orders-2k8s5q: orders is what fails"}, flow)
	return t
}

func memberOf(service string, n int) string {
	return incident.MemberID(fmt.Sprintf(`{}:{service=%q}`, service), fmt.Sprintf("fp-%d", n))
}

func stormAlert(t *tape, service string, n int, s incident.Severity) incident.Alert {
	return incident.Alert{Source: "alertmanager", CorrelationKey: fmt.Sprintf(`{}:{service=%q}`, service), Fingerprint: fmt.Sprintf("fp-%d", n),
		Status: incident.AlertFiring, Severity: s, Title: fmt.Sprintf("%s %d", service, n), Service: service, StartsAt: t.now.Add(-time.Minute),
		ReceivedAt: t.now, InboxID: int64(200 + n), Origin: incident.OriginLive, Member: memberOf(service, n)}
}
