package store_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"vigil/gateway/store"
	"vigil/workflows/event"
	"vigil/workflows/incident"
)

// The half width of the interval divided by the standard error is the
// quantile of Student's t. The values from 31 degrees of freedom on come from
// integrating its density numerically.
func TestInterval(t *testing.T) {
	for df, want := range map[int]float64{1: 12.706, 2: 4.303, 10: 2.228, 30: 2.042, 31: 2.039513, 40: 2.021075, 60: 2.000298, 120: 1.979930, 1000: 1.962339} {
		t.Run(fmt.Sprint(df), func(t *testing.T) {
			// df+1 durations whose mean is 10000 s and that differ by ±1 s.
			var all []event.Summary
			var sum2 float64
			n := df + 1
			for i := range n {
				x := 10_000.0
				if i < n/2 {
					x, sum2 = x+1, sum2+1
				} else if i >= n-n/2 {
					x, sum2 = x-1, sum2+1
				}
				all = append(all, closed(incident.StatusResolved, time.Duration(x)*time.Second))
			}
			b := store.Business(all)
			if b.MTTRSeconds == nil || b.MTTRUpperSeconds == nil || *b.MTTRSeconds != 10_000 || b.SampleSize != n {
				t.Fatalf("%+v", b)
			}
			se := math.Sqrt(sum2 / float64(df) / float64(n))
			if got := (*b.MTTRUpperSeconds - 10_000) / se; math.Abs(got-want) > 0.0005 {
				t.Errorf("t(%d) = %.5f, want %.5f", df, got, want)
			}
		})
	}
}

func closed(s incident.Status, took time.Duration) event.Summary {
	opened := time.Date(2026, 11, 23, 14, 0, 0, 0, time.UTC)
	return event.Summary{Status: s, OpenedAt: opened, ClosedAt: opened.Add(took)}
}

func TestBusinessWithoutAnInterval(t *testing.T) {
	one := store.Business([]event.Summary{closed(incident.StatusResolved, time.Minute), closed(incident.StatusAborted, time.Hour), {Status: incident.StatusVerifying}})
	if one.MTTRSeconds == nil || *one.MTTRSeconds != 60 || one.MTTRLowerSeconds != nil || one.SampleSize != 1 || one.IncidentsClosed != 2 || one.IncidentsOpen != 1 {
		t.Errorf("of one: %+v", one)
	}
	odd := store.Business([]event.Summary{closed(incident.StatusResolved, -time.Minute)})
	if odd.MTTRSeconds != nil || odd.SampleSize != 0 {
		t.Errorf("closed before it opened: %+v", odd)
	}
	wide := store.Business([]event.Summary{closed(incident.StatusResolved, time.Second), closed(incident.StatusResolved, time.Hour)})
	if *wide.MTTRLowerSeconds != 0 {
		t.Errorf("a duration below zero: %v", *wide.MTTRLowerSeconds)
	}
}
