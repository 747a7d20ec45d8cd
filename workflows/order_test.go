package workflows_test

import (
	"testing"
	"time"

	"vigil/workflows/event"
	"vigil/workflows/incident"
)

// Two gateways on one store may bring the words of an alert out of order, and
// so may an attempt that was given up on. What was received last counts: an
// alert that had cleared was taken to fire again, and its incident never ended.
func TestWhatWasReceivedLastCounts(t *testing.T) {
	said := func(row int64, status incident.AlertStatus) incident.Alert {
		a := stormAlert(1, incident.SeverityHigh)
		a.InboxID, a.Status, a.StartsAt = row, status, t0.Add(time.Duration(row)*time.Second)
		return a
	}
	mentioned := func(row int64, status incident.AlertStatus) incident.AlertMention {
		m := mention(2, status)
		m.InboxID = row
		return m
	}
	s := newStory(t, func(set *incident.Settings) { set.ContinueAfter = 0 })
	s.shop.silent = true
	one := func(at time.Duration, row int64, status incident.AlertStatus) {
		s.signal(at, incident.AlertSignal{Alerts: []incident.Alert{said(row, status)}, Mentions: []incident.AlertMention{mentioned(row, status)}})
	}
	one(0, 1, incident.AlertFiring)
	one(time.Second, 4, incident.AlertResolved)
	one(2*time.Second, 3, incident.AlertFiring) // older
	one(3*time.Second, 2, incident.AlertResolved)
	s.env.RegisterDelayedCallback(func() {
		if v := s.state(); v.AlertsFiring != 0 || v.AlertsTotal != 2 || v.Alerts[0].InboxID != 4 {
			t.Errorf("%d of %d fire; the last word is of row %d", v.AlertsFiring, v.AlertsTotal, v.Alerts[0].InboxID)
		}
	}, 4*time.Second)
	one(5*time.Second, 5, incident.AlertFiring)
	s.env.RegisterDelayedCallback(func() {
		if v := s.state(); v.AlertsFiring != 2 {
			t.Errorf("%d fire after both have fired again", v.AlertsFiring)
		}
	}, 6*time.Second)
	s.run(incident.Input{Service: "billing"})
	if n, m := len(s.events(event.TypeAlertReceived)), len(s.events(event.TypeAlertsMentioned)); n != 3 || m != 3 {
		t.Errorf("%d words and %d mentions were taken, wanted 3 and 3", n, m)
	}
}
