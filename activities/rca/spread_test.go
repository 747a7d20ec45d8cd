package rca_test

import (
	"reflect"
	"testing"

	"vigil/activities/rca"
	"vigil/workflows/incident"
)

func TestSpread(t *testing.T) {
	slow := []float64{600, 620, 610, 605, 600, 610, 600}
	calm := noisy(9, 7, 100, 2)
	in := rca.Input{Edges: chain, EdgesEvidence: "graph", Alerting: "checkout", StartedAt: at(64), Series: []rca.Series{
		of("payments", incident.MetricLatency, 100, slow...), of("checkout", incident.MetricLatency, 150, slow...),
		of("web", incident.MetricLatency, 200, calm...)}}
	got := rca.Spread(in, "payments")
	want := []incident.Spread{{Service: "checkout", Hops: 1, Reached: true, Since: at(60), Cites: []string{"graph", "m-checkout"}},
		{Service: "web", Hops: 2, Cites: []string{"graph"}}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	// What was slow long before is slow for a reason of its own.
	in.Series[1] = of("checkout", incident.MetricLatency, 150, append(append([]float64{}, slow...), slow...)...)
	in.Series[0] = of("payments", incident.MetricLatency, 100, append(noisy(3, 10, 100, 2), slow[:4]...)...)
	if got := rca.Spread(in, "payments"); got[0].Reached {
		t.Errorf("got %+v", got)
	}
	if got := rca.Spread(in, "nobody"); got != nil {
		t.Errorf("got %+v for a service that is not there", got)
	}
}
