package activities_test

import (
	"context"
	"testing"
	"time"

	"vigil/activities"
	"vigil/workflows/incident"
)

// asked keeps the last request for a lease.
type asked struct {
	activities.Leases
	request incident.LeaseRequest
}

func (a *asked) Request(_ context.Context, r incident.LeaseRequest) error {
	a.request = r
	return nil
}

// plain is a policy that knows no freezes, frozen one that does.
type plain struct{}

func (plain) Judge(context.Context, incident.Facts, time.Time) (incident.PolicyVerdict, error) {
	return incident.PolicyVerdict{}, nil
}

type frozen struct{ plain }

func (frozen) FreezeSpans(from, to time.Time) []incident.Span {
	return []incident.Span{{Name: "year end", From: from.Add(-time.Hour), To: to}}
}

// A lease is told when nothing may begin, by policies that know.
func TestLeaseIsToldOfFreezes(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		policy activities.Policy
		want   int
	}{"none": {nil, 0}, "plain": {plain{}, 0}, "frozen": {frozen{}, 1}} {
		leases := &asked{}
		a := &activities.Activities{Leases: leases, Policy: tc.policy}
		if err := a.RequestLease(t.Context(), incident.LeaseRequest{Resource: "service:checkout"}); err != nil {
			t.Fatal(err)
		}
		spans := leases.request.Frozen
		if len(spans) != tc.want || tc.want > 0 && (spans[0].Name != "year end" || time.Until(spans[0].To) < 24*time.Hour) {
			t.Errorf("%s: %v", name, spans)
		}
	}
}
