package activities_test

import (
	"context"
	"strings"
	"testing"

	"vigil/activities"
	"vigil/workflows/incident"
)

type notifier func(incident.Notification) (incident.Delivery, error)

func (f notifier) Notify(_ context.Context, n incident.Notification) (incident.Delivery, error) {
	return f(n)
}

func TestNotifyNamesWhatItIsOf(t *testing.T) {
	t.Parallel()
	a := &activities.Activities{Notifier: notifier(func(incident.Notification) (incident.Delivery, error) {
		return incident.Delivery{State: incident.DeliverySent, Ref: "r"}, nil
	})}
	d, err := a.Notify(t.Context(), incident.Notification{Key: "k", Kind: incident.NotifyOpened, Channel: "ops", Team: "sre", Origin: incident.OriginSimulated})
	want := incident.Delivery{Key: "k", Kind: incident.NotifyOpened, Channel: "ops", Team: "sre", State: incident.DeliverySent, Ref: "r",
		Provenance: incident.Provenance{Origin: incident.OriginSimulated, Service: "notify"}} // nobody was asked: it is as the incident is
	if err != nil || d != want {
		t.Errorf("%+v, %v", d, err)
	}
}

// TestNotifyOfAnotherWorker: settings are of the worker that an incident began
// at; one that has no notification file leaves it to one that has.
func TestNotifyOfAnotherWorker(t *testing.T) {
	t.Parallel()
	_, err := (&activities.Activities{}).Notify(t.Context(), incident.Notification{Channel: "ops"})
	if !activities.KindOf(err).Retryable() || !strings.Contains(err.Error(), "--notify-file") {
		t.Errorf("%v", err)
	}
}
