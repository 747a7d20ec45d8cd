package rca

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	"vigil/workflows/incident"
)

const (
	// leastPoints is how few points a line is drawn through.
	leastPoints = 5
	// forecastPoints is how many moments of the future are given.
	forecastPoints = 15
	// ninety is the normal quantile that leaves five percent on either side.
	ninety = 1.6449
)

// Forecast draws a straight line through the recent points of s, says where it
// leads within the horizon, and when it reaches limit, an upper bound; 0 or no
// number: there is none. What is used up rather than filled, such as free
// storage, has its limit at nothing left.
//
// The line is Theil–Sen's, through the whole series, its last half or its last
// quarter, whichever is the clearest trend. With fewer than five points nothing
// is forecast and the confidence is 0; without a trend that is remarkable by
// Kendall's test (|z| below 3) the line is flat, at the median of what is recent.
//
// The interval of 90 % has two parts. The slope lies between the two slopes of
// the pairs that Sen's confidence interval names (Sen 1968, by the variance of
// Kendall's statistic), and points lie around the line as they did so far,
// between the 5th and the 95th percentile of what is left over. It takes points
// to be independent: where they are not, it is too narrow.
//
// Confidence = |tau| × n/(n+5) × √(span/(span+lead)): how much of a line the
// points are, how many there are, and how far the breach lies ahead compared
// with the time that the line was drawn through. A flat line has half of
// n/(n+5): that something stays as it is, is the weakest thing to say.
func Forecast(s incident.Series, limit float64, horizon time.Duration) incident.Prediction {
	p := prediction(s, limit, horizon)
	points := clean(s.Points)
	if len(points) < leastPoints {
		return tooFew(p, len(points))
	}
	t := latestTrend(points)
	last := points[len(points)-1]
	line := points[len(points)-t.points:]
	if math.Abs(t.z) < remarkable || t.slope == 0 {
		stay(&p, points[len(points)-max(leastPoints, len(points)/4):], horizon)
		p.Summary = fmt.Sprintf("%s of %s shows no trend; it is at %s", s.Metric, s.Service, num(last.Value))
		return p
	}
	p.Forecast = extend(t, line, s.Metric, horizon)
	p.PerMinute = significant(60 * t.slope)
	lead, beyond := breach(&p, t, last.At, horizon)
	span := t.end.Sub(t.start).Seconds()
	p.Confidence = round(math.Abs(t.tau) * float64(t.points) / float64(t.points+5) * math.Sqrt(span/(span+lead.Seconds())))

	way := "rises"
	if t.slope < 0 {
		way = "falls"
	}
	text := fmt.Sprintf("%s of %s %s by %s a minute from %s", s.Metric, s.Service, way, num(math.Abs(p.PerMinute)), num(t.at))
	limitName := num(p.Limit)
	switch {
	case beyond:
		p.Summary = fmt.Sprintf("%s, already beyond %s", text, limitName)
	case !p.BreachAt.IsZero():
		p.Summary = fmt.Sprintf("%s and reaches %s at %s", text, limitName, p.BreachAt.UTC().Format(time.TimeOnly))
	case p.Limit > 0:
		p.Summary = fmt.Sprintf("%s and does not reach %s within %s", text, limitName, horizon)
	default:
		p.Summary = text
	}
	return p
}

// Hold forecasts that a measure stays where it went: all there is to say while
// the points since then are too few for a line. s has only those; fewer than
// three are no level.
func Hold(s incident.Series, limit float64, horizon time.Duration) incident.Prediction {
	p := prediction(s, limit, horizon)
	points := clean(s.Points)
	if len(points) < sustain {
		return tooFew(p, len(points))
	}
	stay(&p, points, horizon)
	p.Summary = fmt.Sprintf("%s of %s is at %s; it is too early to say where it goes", s.Metric, s.Service, num(points[len(points)-1].Value))
	return p
}

func prediction(s incident.Series, limit float64, horizon time.Duration) incident.Prediction {
	p := incident.Prediction{Service: s.Service, Metric: s.Metric, Method: "statistics", HorizonS: int64(horizon / time.Second)}
	if limit > 0 && limit <= maxValue {
		p.Limit = limit
	}
	return p
}

func tooFew(p incident.Prediction, points int) incident.Prediction {
	p.Summary = fmt.Sprintf("%s of %s has %d points; too few for a forecast", p.Metric, p.Service, points)
	return p
}

// stay has p say that its measure stays at the level of line.
func stay(p *incident.Prediction, line []incident.Point, horizon time.Duration) {
	flat := fit(line)
	flat.slope, flat.at = 0, medianOf(line)
	p.Forecast = extend(flat, line, p.Metric, horizon)
	p.Confidence = round(0.5 * float64(len(line)) / float64(len(line)+5))
}

// breach says when the line t reaches the limit of p, counted from the last
// point on, and whether it is beyond it already.
func breach(p *incident.Prediction, t trend, last time.Time, horizon time.Duration) (lead time.Duration, beyond bool) {
	seconds := math.Inf(1)
	switch {
	case p.Limit > 0 && t.at >= p.Limit:
		p.BreachAt = last
		return 0, true
	case p.Limit > 0 && t.slope > 0:
		seconds = (p.Limit - t.at) / t.slope
	case p.Limit == 0 && t.slope < 0 && usedUp(p.Metric):
		seconds = math.Max(t.at, 0) / -t.slope
	}
	if seconds > horizon.Seconds() {
		return 0, false
	}
	lead = time.Duration(seconds * float64(time.Second))
	p.BreachAt = last.Add(lead)
	return lead, false
}

// usedUp reports whether a measure counts down to nothing left.
func usedUp(m incident.Metric) bool {
	return m == incident.MetricFreeStorage || m == incident.MetricFreeMemory || m == incident.MetricCertificateDays
}

// extend gives moments of the line's future with their interval, within what
// the measure can be.
func extend(t trend, line []incident.Point, m incident.Metric, horizon time.Duration) []incident.ForecastPoint {
	if horizon <= 0 {
		return nil
	}
	slow, fast := slopeLimits(line)
	slow, fast = math.Min(slow, t.slope), math.Max(fast, t.slope)
	rest := make([]float64, len(line))
	for i, p := range line {
		rest[i] = p.Value - t.at - t.slope*p.At.Sub(t.end).Seconds()
	}
	below := math.Min(quantileInPlace(rest, 0.05), 0) // sorts
	above := math.Max(rest[int(math.Ceil(0.95*float64(len(rest)-1)))], 0)
	out := make([]incident.ForecastPoint, forecastPoints)
	for i := range out {
		ahead := horizon * time.Duration(i+1) / forecastPoints
		x := ahead.Seconds()
		out[i] = incident.ForecastPoint{At: t.end.Add(ahead), Low: within(t.at+slow*x+below, m), Value: within(t.at+t.slope*x, m),
			High: within(t.at+fast*x+above, m)}
	}
	return out
}

// within keeps a forecast to what the measure can be.
func within(v float64, m incident.Metric) float64 {
	most := maxValue
	switch m {
	case incident.MetricErrorRate, incident.MetricCacheHitRate, incident.MetricThrottledCPU:
		most = 1
	case incident.MetricCPU, incident.MetricMemory:
		most = 100
	}
	if m == incident.MetricCertificateDays {
		return significant(math.Max(-maxValue, math.Min(v, most))) // it may have expired
	}
	return significant(math.Max(0, math.Min(v, most)))
}

// significant rounds to six digits, as points are: more say nothing, and each
// is part of a prompt.
func significant(v float64) float64 {
	r, err := strconv.ParseFloat(strconv.FormatFloat(v, 'g', 6, 64), 64)
	if err != nil {
		return v // FormatFloat's output always parses; v itself is right too
	}
	return r
}

// slopeLimits are the ends of Sen's confidence interval of 90 % for the slope:
// of all N slopes between pairs in order, those (N ± c) / 2 from the start, where
// c is 1.645 standard deviations of Kendall's statistic.
func slopeLimits(points []incident.Point) (low, high float64) {
	ps := every(points, maxPairs)
	m := len(ps)
	var slopes []float64
	for i := 1; i < m; i++ {
		for j := range i {
			slopes = append(slopes, (ps[i].Value-ps[j].Value)/ps[i].At.Sub(ps[j].At).Seconds())
		}
	}
	if len(slopes) == 0 {
		return 0, 0
	}
	slices.Sort(slopes)
	k, n := float64(m), float64(len(slopes))
	c := ninety * math.Sqrt(k*(k-1)*(2*k+5)/18)
	at := func(rank float64) float64 { return slopes[int(math.Max(0, math.Min(n-1, rank)))] }
	return at(math.Floor((n-c)/2) - 1), at(math.Ceil((n + c) / 2))
}

func medianOf(points []incident.Point) float64 {
	values := make([]float64, len(points))
	for i, p := range points {
		values[i] = p.Value
	}
	return medianInPlace(values)
}
