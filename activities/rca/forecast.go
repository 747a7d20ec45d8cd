package rca

import (
	"fmt"
	"math"
	"time"

	"vigil/workflows/incident"
)

// Forecast draws a straight line through the recent points of s and says when
// it reaches limit, an upper bound; 0 or no number: there is none.
//
// The line is Theil–Sen's, through the whole series, its last half or its last
// quarter, whichever is the clearest trend. With fewer than five points, or no
// trend that is remarkable by Kendall's test (|z| below 3), nothing is
// forecast and the confidence is 0.
//
// Confidence = |tau| × n/(n+5) × √(span/(span+lead)): how much of a line the
// points are, how many there are, and how far the breach lies ahead compared
// with the time that the line was drawn through.
func Forecast(s incident.Series, limit float64, horizon time.Duration) incident.Prediction {
	p := incident.Prediction{Service: s.Service, Metric: s.Metric, Method: "statistics", HorizonS: int64(horizon / time.Second)}
	if limit > 0 && limit <= maxValue {
		p.Limit = limit
	}
	points := clean(s.Points)
	if len(points) < 5 {
		p.Summary = fmt.Sprintf("%s of %s has %d points; too few for a forecast", s.Metric, s.Service, len(points))
		return p
	}
	t := latestTrend(points)
	now := points[len(points)-1]
	if math.Abs(t.z) < remarkable || t.slope == 0 {
		p.Summary = fmt.Sprintf("%s of %s shows no trend; it is at %s", s.Metric, s.Service, num(now.Value))
		return p
	}
	p.PerMinute = 60 * t.slope
	var lead time.Duration
	beyond := p.Limit > 0 && t.at >= p.Limit
	if p.Limit > 0 && t.slope > 0 && !beyond {
		seconds := (p.Limit - t.at) / t.slope
		if seconds <= horizon.Seconds() {
			lead = time.Duration(seconds * float64(time.Second))
			p.BreachAt = now.At.Add(lead)
		}
	}
	span := t.end.Sub(t.start).Seconds()
	p.Confidence = round(math.Abs(t.tau) * float64(t.points) / float64(t.points+5) * math.Sqrt(span/(span+lead.Seconds())))

	way := "rises"
	if t.slope < 0 {
		way = "falls"
	}
	line := fmt.Sprintf("%s of %s %s by %s a minute from %s", s.Metric, s.Service, way, num(math.Abs(p.PerMinute)), num(t.at))
	switch {
	case beyond:
		p.BreachAt = now.At
		p.Summary = fmt.Sprintf("%s, already beyond %s", line, num(p.Limit))
	case !p.BreachAt.IsZero():
		p.Summary = fmt.Sprintf("%s and reaches %s at %s", line, num(p.Limit), p.BreachAt.UTC().Format(time.TimeOnly))
	case p.Limit > 0:
		p.Summary = fmt.Sprintf("%s and does not reach %s within %s", line, num(p.Limit), horizon)
	default:
		p.Summary = line
	}
	return p
}
