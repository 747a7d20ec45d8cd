package analytics_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"vigil/gateway/analytics"
	"vigil/workflows/event"
	"vigil/workflows/incident"
)

// closed is an incident that opened some minutes after t0, a minute after its
// trouble began, and was resolved after others.
func closed(n, opened, took int, service string, o incident.Outcome) event.IncidentFigures {
	at := t0.Add(time.Duration(opened) * time.Minute)
	f := event.IncidentFigures{IncidentID: fmt.Sprintf("inc-%03d", n), RunID: "r", Service: service, Severity: incident.SeverityHigh, Origin: incident.OriginLive,
		Status: incident.StatusResolved, Outcome: o, StartedAt: at.Add(-time.Minute), OpenedAt: at, ClosedAt: at.Add(time.Duration(took) * time.Minute)}
	detect, resolve := 60.0, 60*float64(took)
	f.DetectSeconds, f.ResolveSeconds = &detect, &resolve
	return f
}

func rates() analytics.Rates {
	users := int64(1000)
	return analytics.Rates{Currency: "EUR",
		Tiers: map[string]analytics.Tier{"tier_1": {PerMinute: 100, PerUserMinute: 0.02}, "tier_2": {PerMinute: 5}},
		Services: []analytics.ServiceRate{{Match: "checkout", Tier: "tier_1", Users: &users}, {Match: "pay*", Tier: "tier_1"},
			{Match: "batch", Tier: "tier_2"}},
		Baseline: &analytics.Baseline{Seconds: 40 * 60, BySeverity: map[incident.Severity]float64{incident.SeverityCritical: 90 * 60}, N: 212, Source: "the pager"}}
}

// By hand. checkout costs 100 + 1000 × 0.02 = 120 a minute, payments 100,
// batch 5; each is down a minute longer than it is open.
func TestSummaryByHand(t *testing.T) {
	t.Parallel()
	all := []event.IncidentFigures{
		closed(1, 0, 9, "checkout", incident.OutcomeRemediated),      // 10 min × 120 = 1200; (40-10) × 120 = 3600 saved
		closed(2, 10, 59, "payments", incident.OutcomeRemediated),    // 60 × 100 = 6000; (40-60) × 100 = -2000
		closed(3, 20, 19, "batch", incident.OutcomeResolvedByPerson), // 20 × 5 = 100; not ours to have saved
		closed(4, 30, 5, "search", incident.OutcomeRemediated),       // no rate
		closed(5, 40, 29, "checkout", incident.OutcomeRecovered),     // 30 × 120 = 3600
		closed(6, 50, 4, "checkout", incident.OutcomeRemediated),     // another origin
		closed(7, 60, 0, "checkout", ""),                             // open
		closed(8, 70, 3, "checkout", incident.OutcomeMerged),         // closed, not handled
		closed(9, 80, 3, "checkout", incident.OutcomeAborted),        // the same
		closed(10, 90, 19, "pay", incident.OutcomeRemediated),        // critical: (90-20) × 100 = 7000; label: 500 users: 110
		closed(11, 100, 3, "checkout", incident.OutcomeUnresolved),   // handled, without an end
	}
	all[5].Origin = incident.OriginSimulated
	all[6].Status, all[6].ClosedAt, all[6].ResolveSeconds = incident.StatusInvestigating, time.Time{}, nil
	all[7].Status, all[8].Status, all[10].Status = incident.StatusClosed, incident.StatusAborted, incident.StatusClosed
	for _, i := range []int{7, 8, 10} {
		all[i].ResolveSeconds = nil
	}
	users := int64(500)
	all[9].Severity, all[9].AffectedUsers = incident.SeverityCritical, &users
	for i := range all {
		all[i].AICostMicros, all[i].AICallsUnknownPrice = 1000, 1
		all[i].Acted, all[i].Helped = all[i].Outcome == incident.OutcomeRemediated, all[i].Outcome == incident.OutcomeRemediated
	}
	all[0].Autonomous, all[1].Autonomous, all[1].Prevented = true, true, true
	all[6].Acted, all[10].Acted = true, true // not over; did not help
	yes, no := true, false
	all[0].CauseCorrect, all[2].CauseCorrect, all[6].CauseCorrect = &yes, &no, &yes
	acknowledged := 30.0
	all[2].AcknowledgeSeconds = &acknowledged
	all[0].PhaseSeconds, all[10].PhaseSeconds = map[string]float64{"diagnosis": 20}, map[string]float64{"review": 20}

	m := new(analytics.Estimator).Summarise(all, rates(), analytics.Range{}, "")
	counts := fmt.Sprint(m.LeftOut, m.Open, m.Closed, m.Handled, m.Remediated, m.Prevented, m.AICostTotalMicros, m.AICallsUnknownPrice)
	if want := "1 1 9 7 4 1 10000 10"; counts != want || m.Origin != incident.OriginLive || m.Currency != "EUR" {
		t.Errorf("counts are %s, want %s", counts, want)
	}
	sizes := fmt.Sprint(m.MTTD.N, m.MTTA.N, m.MTTR.N, m.AICost.N, m.Success.K, m.Success.N, m.Autonomy.K, m.Autonomy.N, m.Diagnosis.K, m.Diagnosis.N)
	if want := "10 1 6 7 4 5 2 4 2 3"; sizes != want {
		t.Errorf("samples are %s, want %s", sizes, want)
	}
	if e := m.MTTR; e.Method != event.MethodRange || *e.Low != 300 || *e.High != 59*60 || *e.Median != 19*60 || e.Mean != nil {
		t.Errorf("time to resolve: %+v", e)
	}
	if len(m.Phases) != 1 || m.Phases[0].Phase != incident.PhaseDiagnosis || m.Phases[0].Seconds.N != 1 {
		t.Errorf("phases: %+v", m.Phases)
	}
	d := m.Downtime
	if d == nil || d.N != 5 || d.Unrated != 1 || d.Seconds != 60*(10+60+20+30+20) || d.TotalMicros != (1200+6000+100+3600+20*110)*1_000_000 || d.Each.N != 5 {
		t.Errorf("downtime: %+v", d)
	} else if fmt.Sprint(d.Tiers) != "[{tier_1 4 7200 13000000000} {tier_2 1 1200 100000000}]" {
		t.Errorf("tiers: %v", d.Tiers)
	}
	s := m.Savings
	if s == nil || s.N != 3 || s.BaselineN != 212 || s.BaselineSource != "the pager" || s.BaselineSeconds != 60*(40+40+90) || s.Seconds != 60*(10+60+20) ||
		s.TotalMicros != (3600-2000+70*110)*1_000_000 {
		t.Errorf("savings: %+v", s)
	}
}

func TestNoRatesNoMoney(t *testing.T) {
	t.Parallel()
	all := []event.IncidentFigures{closed(1, 0, 9, "checkout", incident.OutcomeRemediated)}
	if m := new(analytics.Estimator).Summarise(all, analytics.Rates{}, analytics.Range{}, ""); m.Currency != "" || m.Downtime != nil || m.Savings != nil {
		t.Errorf("without rates: %+v", m)
	}
	r := rates()
	r.Baseline = nil
	if m := new(analytics.Estimator).Summarise(all, r, analytics.Range{}, ""); m.Downtime == nil || m.Savings != nil {
		t.Errorf("without a baseline: %+v", m)
	}
	if f := r.Price(all[0]); f.SavedMicros != nil || f.BaselineSeconds != nil || f.DowntimeMicros == nil {
		t.Errorf("without a baseline: %+v", f)
	}
	if all[0].DowntimeMicros != nil {
		t.Error("what was given was changed")
	}
}

func TestOrigins(t *testing.T) {
	t.Parallel()
	of := func(origins ...incident.Origin) (list []event.IncidentFigures) {
		for i, o := range origins {
			f := closed(i, i, 1, "x", incident.OutcomeRecovered)
			f.Origin = o
			list = append(list, f)
		}
		return list
	}
	const live, recorded, simulated = incident.OriginLive, incident.OriginRecorded, incident.OriginSimulated
	for _, c := range []struct {
		have      []event.IncidentFigures
		ask, want incident.Origin
		n, left   int
	}{
		{nil, "", live, 0, 0},
		{of(live, simulated, simulated), "", live, 1, 2},
		{of(simulated, simulated), "", simulated, 2, 0},
		{of(simulated, recorded), "", simulated, 1, 1},
		{of(live, simulated), simulated, simulated, 1, 1},
		{of(live), recorded, recorded, 0, 1},
	} {
		list, origin, left := analytics.Pick(c.have, analytics.Range{}, c.ask)
		if len(list) != c.n || origin != c.want || left != c.left {
			t.Errorf("asked for %q: %d of %s, %d left out; want %+v", c.ask, len(list), origin, left, c)
		}
	}
}

// The beginning of a range belongs to it, its end does not: ranges that touch
// count every incident once.
func TestRangesTouch(t *testing.T) {
	t.Parallel()
	var all []event.IncidentFigures
	for i := range 10 {
		all = append(all, closed(i, i, 1, "x", incident.OutcomeRecovered))
	}
	middle := t0.Add(5 * time.Minute)
	first := new(analytics.Estimator).Summarise(all, analytics.Rates{}, analytics.Range{To: middle}, "")
	second := new(analytics.Estimator).Summarise(all, analytics.Rates{}, analytics.Range{From: middle}, "")
	if first.Closed != 5 || second.Closed != 5 {
		t.Errorf("%d and %d of 10", first.Closed, second.Closed)
	}
}

// TestOrderDoesNotMatter: the same incidents give the same bytes, in whatever
// order they are read; those of a series add up to those of the summary.
func TestOrderDoesNotMatter(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		all := drawFigures(rt)
		bucket := rapid.SampledFrom(analytics.Buckets).Draw(rt, "bucket")
		m := new(analytics.Estimator).Summarise(all, rates(), analytics.Range{}, "")
		s, ok := new(analytics.Estimator).Series(all, rates(), analytics.Range{}, "", bucket)
		other := rapid.Permutation(all).Draw(rt, "other order")
		if again := new(analytics.Estimator).Summarise(other, rates(), analytics.Range{}, ""); asJSON(t, again) != asJSON(t, m) {
			rt.Fatalf("%s\nand in another order\n%s", asJSON(t, m), asJSON(t, again))
		}
		if again, _ := new(analytics.Estimator).Series(other, rates(), analytics.Range{}, "", bucket); asJSON(t, again) != asJSON(t, s) {
			rt.Fatalf("%s\nand in another order\n%s", asJSON(t, s), asJSON(t, again))
		}
		var opened, resolved, remediated int
		var cost, saved int64
		for i, p := range s.Points {
			opened, resolved, remediated = opened+p.Opened, resolved+p.Resolved, remediated+p.Remediated
			if p.DowntimeMicros != nil {
				cost += *p.DowntimeMicros
			}
			if p.SavedMicros != nil {
				saved += *p.SavedMicros
			}
			if !p.From.Before(p.To) || i > 0 && !p.From.Equal(s.Points[i-1].To) {
				rt.Fatalf("point %d is from %s to %s", i, p.From, p.To)
			}
		}
		if !ok || opened != m.Open+m.Closed || resolved != m.MTTR.N || remediated != m.Remediated || cost != m.Downtime.TotalMicros || saved != m.Savings.TotalMicros {
			rt.Fatalf("the series adds up to %d, %d, %d, %d, %d; the summary is %+v", opened, resolved, remediated, cost, saved, m)
		}
	})
}

func drawFigures(rt *rapid.T) []event.IncidentFigures {
	var all []event.IncidentFigures
	for i := range rapid.IntRange(0, 70).Draw(rt, "incidents") {
		f := closed(i, rapid.IntRange(0, 200_000).Draw(rt, "opened"), rapid.IntRange(0, 500).Draw(rt, "took"),
			rapid.SampledFrom([]string{"checkout", "pay", "batch", "search"}).Draw(rt, "service"), rapid.SampledFrom(incident.Outcomes[:4]).Draw(rt, "outcome"))
		f.Acted, f.AICostMicros = rapid.Bool().Draw(rt, "acted"), int64(rapid.IntRange(0, 1e6).Draw(rt, "cost"))
		all = append(all, f)
	}
	return all
}

func TestSeries(t *testing.T) {
	t.Parallel()
	days := func(p []event.BusinessBucket) (out []string) {
		for _, b := range p {
			out = append(out, fmt.Sprintf("%s:%d", b.From.Format("Mon 01-02"), b.Opened))
		}
		return out
	}
	all := []event.IncidentFigures{closed(1, 0, 1, "x", incident.OutcomeRecovered), closed(2, 3*1440, 1, "x", incident.OutcomeRecovered), closed(3, 40*1440, 1, "x", incident.OutcomeRecovered)}
	for bucket, want := range map[analytics.Bucket]string{
		analytics.Week:  "Mon 11-23:2 Mon 11-30:0 Mon 12-07:0 Mon 12-14:0 Mon 12-21:0 Mon 12-28:1",
		analytics.Month: "Sun 11-01:2 Tue 12-01:0 Fri 01-01:1",
	} {
		s, ok := new(analytics.Estimator).Series(all, analytics.Rates{}, analytics.Range{}, "", bucket)
		if have := strings.Join(days(s.Points), " "); !ok || have != want {
			t.Errorf("by %s: %s, want %s", bucket, have, want)
		}
	}
	s, _ := new(analytics.Estimator).Series(all, analytics.Rates{}, analytics.Range{From: t0.Add(-24 * time.Hour), To: t0.Add(24 * time.Hour)}, "", analytics.Day)
	if have := strings.Join(days(s.Points), " "); have != "Sun 11-22:0 Mon 11-23:1 Tue 11-24:0" {
		t.Errorf("by day: %s", have)
	}
	if s, ok := new(analytics.Estimator).Series(nil, analytics.Rates{}, analytics.Range{}, "", analytics.Day); !ok || s.Points == nil || len(s.Points) != 0 {
		t.Errorf("of nothing: %+v", s)
	}
	if _, ok := new(analytics.Estimator).Series(nil, analytics.Rates{}, analytics.Range{From: t0, To: t0.AddDate(3, 0, 0)}, "", analytics.Day); ok {
		t.Error("a series of three years by day is not refused")
	}
}

// TestDefinitions: every figure that is sent is defined, once.
func TestDefinitions(t *testing.T) {
	t.Parallel()
	names := map[string]bool{"estimate": true, "share": true, "trend": true}
	metrics := reflect.TypeFor[event.BusinessMetrics]()
	for i := range metrics.NumField() {
		name, _, _ := strings.Cut(metrics.Field(i).Tag.Get("json"), ",")
		names[name] = name != "from" && name != "to"
	}
	for _, d := range analytics.Definitions() {
		if !names[d.Name] || d.Label == "" || !strings.HasSuffix(d.Text, ".") {
			t.Errorf("%q: %q, %q", d.Name, d.Label, d.Text)
		}
		names[d.Name] = false
	}
	for name, missing := range names {
		if missing {
			t.Errorf("%s is not defined", name)
		}
	}
}

// Ten thousand incidents: when all is new, and when the samples are the same.
func BenchmarkSummarise(b *testing.B) {
	source := rand.New(rand.NewPCG(1, 1))
	var all []event.IncidentFigures
	for i := range 10_000 {
		f := closed(i, i*30, 1+int(10*math.Exp(source.NormFloat64())), "checkout", incident.OutcomeRemediated)
		f.PhaseSeconds = map[string]float64{}
		for _, p := range incident.Phases {
			f.PhaseSeconds[string(p)] = math.Exp(source.NormFloat64())
		}
		all = append(all, f)
	}
	b.Run("new", func(b *testing.B) {
		for b.Loop() {
			new(analytics.Estimator).Summarise(all, rates(), analytics.Range{}, "")
		}
	})
	b.Run("the same samples", func(b *testing.B) {
		var e analytics.Estimator
		e.Summarise(all, rates(), analytics.Range{}, "")
		b.ResetTimer()
		for b.Loop() {
			e.Summarise(all, rates(), analytics.Range{}, "")
		}
	})
}
