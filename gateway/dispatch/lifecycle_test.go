package dispatch_test

import (
	"context"
	"reflect"
	"regexp"
	"slices"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"vigil/gateway/dispatch"
	"vigil/gateway/intake"
	"vigil/gateway/store"
)

func TestStop(t *testing.T) {
	t.Run("waits for what is under way", func(t *testing.T) {
		s, f := openStore(t), newFake()
		g := &gate{f, make(chan string), make(chan struct{})}
		id := accept(t, s, fires("k", 1))
		accept(t, s, fires("k", 2))
		_, stop := start(t, s, f, func(c *dispatch.Config) { c.Incidents = g })
		<-g.entered
		go close(g.leave)
		stop()
		if got := record(t, s, id).Dispatches; !slices.Equal(got, []store.DispatchState{store.DispatchDelivered}) {
			t.Errorf("after Stop: %v", got)
		}
	})
	t.Run("interrupts when time is up", func(t *testing.T) {
		s, f := openStore(t), newFake()
		g := &gate{f, make(chan string), make(chan struct{})}
		id := accept(t, s, fires("k", 1))
		d, _ := start(t, s, f, func(c *dispatch.Config) { c.Incidents = g })
		<-g.entered
		over, cancel := context.WithCancel(context.Background())
		cancel()
		if err := d.Stop(over); err == nil {
			t.Error("Stop says nothing of the attempt that it interrupted")
		}
		if got := record(t, s, id).Dispatches; !slices.Equal(got, []store.DispatchState{store.DispatchPending}) {
			t.Errorf("after Stop: %v", got)
		}
	})
}

func TestMetrics(t *testing.T) {
	s, f := openStore(t), newFake()
	reg := prometheus.NewRegistry()
	accept(t, s, fires("k", 1))
	accept(t, s, resolves("other", 1))
	accept(t, s, "no message")
	_, stop := start(t, s, f, func(c *dispatch.Config) { c.Metrics = reg })
	s.idle(t)
	stop() // everything is counted by now
	got := map[string]float64{}
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, fam := range families {
		for _, m := range fam.Metric {
			name := fam.GetName()
			for _, l := range m.Label {
				name += " " + l.GetValue()
			}
			got[name] = m.GetCounter().GetValue() + float64(m.GetHistogram().GetSampleCount())
		}
	}
	want := map[string]float64{
		"gateway_inbox_deliveries_total test normalised": 2, "gateway_inbox_deliveries_total test quarantined": 1,
		"gateway_inbox_dispatches_total delivered": 1, "gateway_inbox_dispatches_total no_open_problem": 1,
		"gateway_inbox_delay_seconds": 1,
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	if _, err := dispatch.New(dispatch.Config{Inbox: s, Incidents: f, Metrics: reg}); err == nil {
		t.Error("two dispatchers on one registry")
	}
	if _, err := dispatch.New(dispatch.Config{}); err == nil {
		t.Error("a dispatcher without inbox and incidents")
	}
}

func TestNewID(t *testing.T) {
	shape := regexp.MustCompile(`^inc-[a-z0-9]{14}$`)
	seen, last := map[string]bool{}, ""
	for range 100 {
		id := dispatch.NewID()
		if !shape.MatchString(id) || seen[id] || id[:12] < last {
			t.Fatalf("id %q after %q", id, last)
		}
		seen[id], last = true, id[:12]
	}
}

// The real intake, to see the parts fit.
func TestWithTheIntake(t *testing.T) {
	s, f := openStore(t), newFake()
	body := `{"status":"firing","groupKey":"{}:{alertname=\"X\"}","groupLabels":{"alertname":"X"},"alerts":[
		{"status":"firing","labels":{"alertname":"X","service":"checkout"},"startsAt":"2026-11-23T13:59:00Z"},
		{"status":"resolved","labels":{"alertname":"X","service":"web"},"startsAt":"2026-11-23T13:58:00Z"}]}`
	if _, err := s.Accept(context.Background(), store.Delivery{Source: intake.SourceAlertmanager, ReceivedAt: t0, Body: []byte(body)}); err != nil {
		t.Fatal(err)
	}
	_, stop := start(t, s, f, func(c *dispatch.Config) { c.Parse = nil })
	defer stop()
	s.idle(t)
	if all := f.of(`{}:{alertname="X"}`); len(all) != 1 || len(all[0].titles) != 2 || f.inputs[0].Service != "checkout" {
		t.Errorf("incidents %+v, inputs %+v", all, f.inputs)
	}
}
