package analytics

import (
	"slices"
	"time"

	"vigil/workflows/event"
	"vigil/workflows/incident"
)

// Bucket is how long a point of a series is.
type Bucket string

const (
	Day   Bucket = "day"
	Week  Bucket = "week" // from Monday
	Month Bucket = "month"
)

// Buckets lists all.
var Buckets = []Bucket{Day, Week, Month}

// MaxPoints is the longest series.
const MaxPoints = 1000

// floor is the beginning of the bucket that t lies in, in UTC.
func (b Bucket) floor(t time.Time) time.Time {
	y, m, d := t.UTC().Date()
	switch b {
	case Week:
		d -= (int(t.UTC().Weekday()) + 6) % 7
	case Month:
		d = 1
	}
	return time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
}

func (b Bucket) next(t time.Time) time.Time {
	switch b {
	case Week:
		return t.AddDate(0, 0, 7)
	case Month:
		return t.AddDate(0, 1, 0)
	}
	return t.AddDate(0, 0, 1)
}

// Series is the incidents that Pick picks, bucket by bucket: from the bucket of
// From, or of the first incident, to that of To, or of the last incident.
// Buckets in which nothing opened are there. The first and the last hold what
// of them lies within the range. ok is false where there would be more than
// MaxPoints.
func (r *Estimator) Series(all []event.IncidentFigures, rates Rates, within Range, origin incident.Origin, b Bucket) (s event.BusinessSeries, ok bool) {
	list, origin, _ := Pick(all, within, origin)
	s = event.BusinessSeries{Bucket: string(b), Origin: origin, Currency: rates.Currency, Points: []event.BusinessBucket{}}
	from, to := within.From, within.To
	if len(list) > 0 {
		if from.IsZero() {
			from = list[0].OpenedAt
		}
		if to.IsZero() {
			to = list[len(list)-1].OpenedAt.Add(1)
		}
	}
	if from.IsZero() || to.IsZero() {
		return s, true // there is nothing, and no end to where it is not
	}
	for at := b.floor(from); at.Before(to); at = b.next(at) {
		if len(s.Points) == MaxPoints {
			return s, false
		}
		end := b.next(at)
		n := slices.IndexFunc(list, func(f event.IncidentFigures) bool { return !f.OpenedAt.Before(end) })
		if n < 0 {
			n = len(list)
		}
		s.Points = append(s.Points, r.bucket(list[:n], rates, at, end))
		list = list[n:]
	}
	return s, true
}

func (r *Estimator) bucket(list []event.IncidentFigures, rates Rates, from, to time.Time) event.BusinessBucket {
	p := event.BusinessBucket{From: from, To: to, Opened: len(list)}
	var cost, saved int64
	for i := range list {
		f := rates.Price(list[i])
		p.Resolved += one(f.Status == incident.StatusResolved)
		p.Remediated += one(f.Outcome == incident.OutcomeRemediated)
		if f.DowntimeMicros != nil {
			cost += *f.DowntimeMicros
			p.DowntimeMicros = &cost
		}
		if f.SavedMicros != nil {
			saved += *f.SavedMicros
			p.SavedMicros = &saved
		}
	}
	p.MTTR = r.estimate(values(list, func(f event.IncidentFigures) *float64 { return f.ResolveSeconds }))
	return p
}
