package analytics

import (
	"math"
	"path"

	"vigil/workflows/event"
	"vigil/workflows/incident"
)

// Rates are what a user says that downtime costs, and what incidents took
// before there was Vigil. The zero value knows neither: no money is computed.
type Rates struct {
	Currency string // ISO 4217
	Tiers    map[string]Tier
	Services []ServiceRate // the first that fits holds
	Baseline *Baseline
}

// Tier is what a minute of downtime costs, in whole units of the currency.
type Tier struct {
	PerMinute     float64
	PerUserMinute float64 // for each affected user, besides PerMinute
}

// ServiceRate puts services into a tier.
type ServiceRate struct {
	Match string // a name, or a pattern as path.Match has it
	Tier  string
	Users *int64 // affected when it is down; nil: not known
}

// Baseline is what incidents took before, from the beginning of the trouble
// until it was resolved.
type Baseline struct {
	Seconds    float64
	BySeverity map[incident.Severity]float64 // instead of Seconds
	N          int                           // incidents behind it
	Source     string                        // where the user has it from
}

// of is what an incident of severity s took before.
func (b *Baseline) of(s incident.Severity) float64 {
	if seconds, ok := b.BySeverity[s]; ok {
		return seconds
	}
	return b.Seconds
}

const microsPerUnit = 1_000_000

// Price fills in what f cost, and what was saved, by the rates. Only incidents
// that were resolved have an end to count up to.
func (r Rates) Price(f event.IncidentFigures) event.IncidentFigures {
	if f.Status == incident.StatusResolved {
		f.DowntimeSeconds = span(f.StartedAt, f.ClosedAt)
	}
	s, ok := r.service(f.Service)
	if !ok || r.Currency == "" {
		return f
	}
	f.Tier = s.Tier
	if f.AffectedUsers == nil {
		f.AffectedUsers = s.Users
	}
	if f.DowntimeSeconds == nil {
		return f
	}
	tier := r.Tiers[s.Tier]
	perMinute := tier.PerMinute
	if f.AffectedUsers != nil {
		perMinute += tier.PerUserMinute * float64(*f.AffectedUsers)
	}
	cost := micros(*f.DowntimeSeconds / 60 * perMinute)
	f.DowntimeMicros = &cost
	if r.Baseline != nil && f.Outcome == incident.OutcomeRemediated {
		before := r.Baseline.of(f.Severity)
		saved := micros((before - *f.DowntimeSeconds) / 60 * perMinute)
		f.BaselineSeconds, f.SavedMicros = &before, &saved
	}
	return f
}

func (r Rates) service(name string) (ServiceRate, bool) {
	for _, s := range r.Services {
		if s.Match == name {
			return s, true
		}
		if fits, err := path.Match(s.Match, name); err == nil && fits {
			return s, true
		}
	}
	return ServiceRate{}, false
}

// micros is an amount in millionths, rounded. Beyond what a number in JSON
// keeps exactly it stays at that.
func micros(units float64) int64 {
	const most = 1 << 53
	return int64(max(-most, min(most, math.Round(units*microsPerUnit))))
}
