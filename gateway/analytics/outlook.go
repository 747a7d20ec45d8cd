package analytics

import (
	"time"

	"vigil/workflows/incident"
)

// Outlook is a forecast that a measure passes its limit, and what was seen of
// that measure afterwards. It is what proves that something was prevented.
type Outlook struct {
	MadeAt   time.Time       `json:"made_at"`
	Service  string          `json:"service"`
	Metric   incident.Metric `json:"metric"`
	Limit    float64         `json:"limit"` // 0: of what is used up, nothing left
	Earliest time.Time       `json:"earliest"`
	BreachAt time.Time       `json:"breach_at"`

	Passed bool `json:"passed,omitempty"` // it was seen beyond the limit, at any time of the incident
	Held   bool `json:"held,omitempty"`   // it was seen within the limit at BreachAt or later
}

// lookAhead returns nil for a forecast that says of no measure that its limit
// is still ahead.
func lookAhead(p incident.Prediction, at time.Time) *Outlook {
	if p.Metric == "" || !p.BreachAt.After(at) {
		return nil
	}
	o := &Outlook{MadeAt: at, Service: p.Service, Metric: p.Metric, Limit: p.Limit, Earliest: p.BreachAt, BreachAt: p.BreachAt}
	for _, f := range p.Forecast { // the interval reaches the limit before the line does
		if o.beyond(o.worse(f)) && f.At.Before(o.Earliest) {
			o.Earliest = f.At
		}
	}
	return o
}

// worse is the end of the interval that is nearer to the limit.
func (o *Outlook) worse(f incident.ForecastPoint) float64 {
	if o.Limit == 0 {
		return f.Low
	}
	return f.High
}

func (o *Outlook) beyond(v float64) bool {
	if o.Limit == 0 {
		return v <= 0
	}
	return v >= o.Limit
}

// see returns o with one more look at the measure. o itself stays as it was.
func (o *Outlook) see(v float64, at time.Time) *Outlook {
	next := *o
	next.Passed = next.Passed || o.beyond(v)
	next.Held = next.Held || !o.beyond(v) && !at.Before(o.BreachAt)
	return &next
}

// evidence looks at the points of the measure from the forecast on.
func (o *Outlook) evidence(e incident.Evidence) *Outlook {
	if o == nil {
		return nil
	}
	for _, s := range e.Series {
		if s.Service != o.Service || s.Metric != o.Metric {
			continue
		}
		for _, p := range s.Points {
			if !p.At.Before(o.MadeAt) {
				o = o.see(p.Value, p.At)
			}
		}
	}
	return o
}

// verification looks at the latest point that a look at the telemetry had, and
// at the worst of the whole incident.
func (o *Outlook) verification(v incident.Verification, at time.Time) *Outlook {
	if o == nil {
		return nil
	}
	for _, c := range v.Checks {
		if c.Service != o.Service || c.Metric != o.Metric {
			continue
		}
		o = o.see(c.Now, at)
		if o.Limit > 0 && o.beyond(c.Incident) {
			o = o.see(c.Incident, o.MadeAt)
		}
	}
	return o
}

// prevented reports whether what was forecast did not come, because of an
// action that took effect at actedAt.
func (o *Outlook) prevented(actedAt time.Time) bool {
	return o != nil && !actedAt.IsZero() && actedAt.Before(o.Earliest) && o.Held && !o.Passed
}
