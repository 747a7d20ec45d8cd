package analytics

import (
	"slices"
	"strings"
	"time"

	"vigil/workflows/event"
	"vigil/workflows/incident"
)

// Range is the incidents that are asked for, by when they opened: from From on
// and before To. Zero leaves that side open.
type Range struct{ From, To time.Time }

// Holds reports whether f opened within the range.
func (r Range) Holds(f event.IncidentFigures) bool {
	return (r.From.IsZero() || !f.OpenedAt.Before(r.From)) && (r.To.IsZero() || f.OpenedAt.Before(r.To))
}

// Pick returns those of one origin that opened within the range, in the order
// in which they opened, and how many of another origin it left out. Without an
// origin it takes those that are live and, where there are none, those that
// are simulated.
func Pick(all []event.IncidentFigures, r Range, origin incident.Origin) (list []event.IncidentFigures, of incident.Origin, leftOut int) {
	for _, f := range all {
		if r.Holds(f) {
			list = append(list, f)
		}
	}
	if origin == "" {
		origin = incident.OriginLive
		is := func(o incident.Origin) bool {
			return slices.ContainsFunc(list, func(f event.IncidentFigures) bool { return f.Origin == o })
		}
		if !is(incident.OriginLive) && is(incident.OriginSimulated) {
			origin = incident.OriginSimulated
		}
	}
	within := len(list)
	list = slices.DeleteFunc(list, func(f event.IncidentFigures) bool { return f.Origin != origin })
	slices.SortFunc(list, Opening)
	return list, origin, within - len(list)
}

// Opening orders incidents by when they opened.
func Opening(a, b event.IncidentFigures) int {
	if c := a.OpenedAt.Compare(b.OpenedAt); c != 0 {
		return c
	}
	return strings.Compare(a.IncidentID, b.IncidentID)
}

// Summarise computes the business metrics of the incidents that Pick picks.
func (r *Estimator) Summarise(all []event.IncidentFigures, rates Rates, within Range, origin incident.Origin) event.BusinessMetrics {
	list, origin, leftOut := Pick(all, within, origin)
	m := event.BusinessMetrics{From: within.From, To: within.To, Origin: origin, LeftOut: leftOut, Currency: rates.Currency}
	for i := range list {
		list[i] = rates.Price(list[i])
		count(&m, list[i])
	}
	shares(&m, list)
	m.MTTD = r.estimate(values(list, func(f event.IncidentFigures) *float64 { return f.DetectSeconds }))
	m.MTTA = r.estimate(values(list, func(f event.IncidentFigures) *float64 { return f.AcknowledgeSeconds }))
	m.MTTR = r.estimate(values(list, func(f event.IncidentFigures) *float64 { return f.ResolveSeconds }))
	m.Phases = r.phases(list)
	m.AICost = r.estimate(values(list, func(f event.IncidentFigures) *float64 {
		if !Handled(f) {
			return nil
		}
		return amount(&f.AICostMicros)
	}))
	if rates.Currency != "" {
		m.Downtime = r.downtime(list)
		if rates.Baseline != nil {
			m.Savings = r.savings(list, *rates.Baseline)
		}
	}
	return m
}

func count(m *event.BusinessMetrics, f event.IncidentFigures) {
	if !f.Status.Terminal() {
		m.Open++
	} else {
		m.Closed++
	}
	if Handled(f) {
		m.Handled++
	}
	if f.Outcome == incident.OutcomeRemediated {
		m.Remediated++
	}
	if f.Prevented {
		m.Prevented++
	}
	m.AICostTotalMicros += f.AICostMicros
	m.AICallsUnknownPrice += f.AICallsUnknownPrice
}

func shares(m *event.BusinessMetrics, list []event.IncidentFigures) {
	var acted, helped, alone, reviewed, correct int
	for _, f := range list {
		if f.Acted && f.Status.Terminal() {
			acted++
			helped += one(f.Helped)
		}
		if f.Outcome == incident.OutcomeRemediated {
			alone += one(f.Autonomous)
		}
		if f.CauseCorrect != nil {
			reviewed++
			correct += one(*f.CauseCorrect)
		}
	}
	m.Success, m.Autonomy, m.Diagnosis = share(helped, acted), share(alone, m.Remediated), share(correct, reviewed)
}

// phases leaves out those that no incident went through.
func (r *Estimator) phases(list []event.IncidentFigures) []event.PhaseTime {
	out := []event.PhaseTime{}
	for _, p := range incident.Phases {
		e := r.estimate(values(list, func(f event.IncidentFigures) *float64 {
			if s, ok := f.PhaseSeconds[string(p)]; ok && f.Status == incident.StatusResolved {
				return &s
			}
			return nil
		}))
		if e.N > 0 {
			out = append(out, event.PhaseTime{Phase: p, Seconds: e})
		}
	}
	return out
}

func (r *Estimator) downtime(list []event.IncidentFigures) *event.DowntimeSum {
	d := &event.DowntimeSum{Tiers: []event.TierCost{}}
	for _, f := range list {
		switch {
		case f.DowntimeSeconds == nil:
			continue
		case f.DowntimeMicros == nil:
			d.Unrated++
			continue
		}
		d.N++
		d.Seconds += *f.DowntimeSeconds
		d.TotalMicros += *f.DowntimeMicros
		i, found := slices.BinarySearchFunc(d.Tiers, f.Tier, func(t event.TierCost, name string) int { return strings.Compare(t.Tier, name) })
		if !found {
			d.Tiers = slices.Insert(d.Tiers, i, event.TierCost{Tier: f.Tier})
		}
		t := &d.Tiers[i]
		t.N++
		t.Seconds += *f.DowntimeSeconds
		t.TotalMicros += *f.DowntimeMicros
	}
	d.Each = r.estimate(values(list, func(f event.IncidentFigures) *float64 { return amount(f.DowntimeMicros) }))
	return d
}

func (r *Estimator) savings(list []event.IncidentFigures, b Baseline) *event.SavingsSum {
	s := &event.SavingsSum{BaselineSource: b.Source, BaselineN: b.N}
	for _, f := range list {
		if f.SavedMicros == nil {
			continue
		}
		s.N++
		s.BaselineSeconds += *f.BaselineSeconds
		s.Seconds += *f.DowntimeSeconds
		s.TotalMicros += *f.SavedMicros
	}
	s.Each = r.estimate(values(list, func(f event.IncidentFigures) *float64 { return amount(f.SavedMicros) }))
	return s
}

// values are those that there are.
func values(list []event.IncidentFigures, of func(event.IncidentFigures) *float64) []float64 {
	var out []float64
	for _, f := range list {
		if v := of(f); v != nil {
			out = append(out, *v)
		}
	}
	return out
}

func amount(n *int64) *float64 {
	if n == nil {
		return nil
	}
	v := float64(*n)
	return &v
}

func one(b bool) int {
	if b {
		return 1
	}
	return 0
}
