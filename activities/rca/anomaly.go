package rca

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"vigil/workflows/incident"
)

// Direction says which way a series left its normal state.
type Direction string

const (
	Steady Direction = "steady"
	Up     Direction = "up"
	Down   Direction = "down"
)

const (
	// remarkable and extreme are the robust z-scores at which strength is 0 and 1.
	// Between them strength goes by the logarithm: 10 is 0.52.
	remarkable = 3.0
	extreme    = 30.0

	// sustain is how many points in a row make a level: a single spike is none.
	sustain = 3
	// maxGap is how many times farther apart than their neighbours two points
	// are that have a hole between them.
	maxGap = 4

	// minBaseline is how few points describe a normal state, fullBaseline how
	// many describe it well: strength grows from 0 to its full size with them.
	minBaseline  = 3
	fullBaseline = 8
)

// Anomaly is what became of one metric of one service.
type Anomaly struct {
	Service   string
	Metric    incident.Metric
	Unit      string
	Known     bool    // false: too few points to say anything; the rest is zero
	Baseline  float64 // median before the incident
	Spread    float64 // robust standard deviation before the incident, with a floor
	Level     float64 // worst level that held for three points
	Peak      float64 // worst single point
	Now       float64 // latest point
	Z         float64 // robust z-score of Level, negative where it fell
	Onset     time.Time
	Slope     float64 // per minute since the onset (Theil–Sen); 0 without one
	Direction Direction
	Strength  float64       // 0 unremarkable … 1 far outside normal
	Spike     bool          // no level, but a point far beyond any of the past
	Over      bool          // it was abnormal and its last point is not, nor far from it the one before
	Period    time.Duration // distance between points, around the onset where there is one
}

// Abnormal reports whether the series left its normal state.
func (a Anomaly) Abnormal() bool { return a.Strength > 0 }

// Harmful reports whether it did so in the direction that hurts.
func (a Anomaly) Harmful() bool {
	return a.Strength > 0 && (a.Direction == Up && hurtsUp(a.Metric) || a.Direction == Down && hurtsDown(a.Metric))
}

// hurtsDown reports whether less of a measure is a sign of trouble. Traffic
// hurts both ways: more of it is load, less of it is customers who left.
func hurtsDown(m incident.Metric) bool {
	switch m {
	case incident.MetricRequestRate, incident.MetricFreeStorage, incident.MetricFreeMemory, incident.MetricCacheHitRate,
		incident.MetricCertificateDays:
		return true
	}
	return false
}

// hurtsUp reports whether more of a measure is a sign of trouble.
func hurtsUp(m incident.Metric) bool {
	return m == incident.MetricRequestRate || !hurtsDown(m) && m != incident.MetricMaxConnections
}

// Summarise compares a series with its own past.
//
// Points up to baselineTo are the past; where that is zero, or leaves fewer than
// three points, the first half is.
// An incident that began before baselineTo is found and taken out of the past.
// onset is when the incident began; zero: it is estimated, as the start of the
// excursion that holds the worst level of three points.
func Summarise(s incident.Series, onset, baselineTo time.Time) Anomaly {
	return summarise(s, clean(s.Points), onset, baselineTo)
}

// summarise is Summarise for points that are clean already.
func summarise(s incident.Series, points []incident.Point, onset, baselineTo time.Time) Anomaly {
	a := Anomaly{Service: s.Service, Metric: s.Metric, Unit: s.Unit, Direction: Steady}
	n := len(points)
	if n < minBaseline+1 {
		return a
	}
	split := n / 2
	switch {
	case !onset.IsZero() && (baselineTo.IsZero() || onset.Before(baselineTo)):
		split = firstAfter(points, onset.Add(-1))
	case !baselineTo.IsZero():
		if split = firstAfter(points, baselineTo); split < minBaseline {
			split = n / 2
		}
	}
	// A normal state needs a few points, and so does what is compared with it.
	from := min(split, n-1)
	if split >= n {
		from = n - max(min(sustain, n/3), n/5)
	}
	from = max(from, minBaseline)
	w := newWindow(points, s.Metric, from)
	k, up := w.worst(from)
	if onset.IsZero() {
		// The incident may have begun before the past was said to end.
		for range 3 {
			begin := w.excursion(k, up)
			if begin >= w.baseline || begin < minBaseline || begin < w.baseline/4 {
				break
			}
			w = newWindow(points, s.Metric, begin)
		}
	}
	w.calibrate(from)
	k, up = w.worst(from)
	a.Known, a.Baseline, a.Spread, a.Period = true, w.median, w.spread, period(points)
	a.Now, a.Level = points[n-1].Value, w.levels[k]
	a.Z = (a.Level - w.median) / w.spread
	a.Strength = clamp01(math.Log(math.Abs(a.Z)/remarkable) / math.Log(extreme/remarkable))
	a.Strength *= clamp01(float64(w.baseline) / fullBaseline)
	begin := from
	if a.Strength > 0 {
		a.Direction = Down
		if up {
			a.Direction = Up
		}
		near := math.Max(remarkable*w.spread, math.Abs(a.Level-w.median)/10)
		a.Over = math.Abs(a.Now-w.median) < near && math.Abs(points[n-2].Value-w.median) < math.Max(near, 0.3*math.Abs(a.Level-w.median))
		if a.Onset = onset; onset.IsZero() {
			begin = w.excursion(k, up)
			a.Onset = points[begin].At
			if begin > 0 {
				a.Period = max(a.Period, a.Onset.Sub(points[begin-1].At))
			}
		}
	}
	if a.Strength == 0 {
		a.Spike = w.spikes(from)
	}
	a.Peak = points[begin].Value
	for _, p := range points[begin:] {
		if (p.Value > a.Peak) == up && p.Value != a.Peak {
			a.Peak = p.Value
		}
	}
	if a.Strength > 0 {
		a.Slope = 60 * fit(points[begin:]).slope
	}
	return a
}

// firstAfter is the index of the first point after t.
func firstAfter(points []incident.Point, t time.Time) int {
	for i, p := range points {
		if p.At.After(t) {
			return i
		}
	}
	return len(points)
}

// window is a series with the normal state of its first points.
type window struct {
	points   []incident.Point
	values   []float64 // of points
	levels   []float64 // median of sustain points from here on
	baseline int       // points before this one are normal
	median   float64
	spread   float64
	scratch  []float64
}

func newWindow(points []incident.Point, m incident.Metric, baseline int) *window {
	n := len(points)
	buf := make([]float64, 4*n)
	w := &window{points: points, baseline: baseline, values: buf[:n:n], levels: buf[n : n : 2*n], scratch: buf[2*n : 2*n : 3*n]}
	for i, p := range points {
		w.values[i] = p.Value
	}
	for i := range n {
		w.levels = append(w.levels, medianOf3(w.values[i:min(i+sustain, n)]))
	}
	past := append(buf[3*n:3*n], w.values[:baseline]...)
	w.median = medianInPlace(past)
	w.spread = math.Max(scale(past, w.median, w.scratch), spreadFloor(m, w.median))
	return w
}

// medianOf3 is the median of one to three values.
func medianOf3(v []float64) float64 {
	switch len(v) {
	case 1:
		return v[0]
	case 2:
		return v[0] + (v[1]-v[0])/2
	}
	return math.Max(math.Min(v[0], v[1]), math.Min(math.Max(v[0], v[1]), v[2]))
}

// worst finds the level farthest from normal among those that begin at from
// or later and are whole, or the only one there is.
func (w *window) worst(from int) (at int, up bool) {
	last := max(from, len(w.points)-sustain)
	at = from
	for i := from; i <= last; i++ {
		if math.Abs(w.levels[i]-w.median) > math.Abs(w.levels[at]-w.median) {
			at = i
		}
	}
	return at, w.levels[at] >= w.median
}

// excursion walks back from level k to where its excursion began: the
// earliest point that is remarkable, and at least a tenth of the way to the
// level, with no two in a row after it that are not. It does not reach
// across a hole in the data.
func (w *window) excursion(k int, up bool) int {
	least := math.Max(remarkable*w.spread, math.Abs(w.levels[k]-w.median)/10)
	begin, misses := k, 0
	found := false
	end := min(k+sustain-1, len(w.values)-1)
	for i := end; i >= 0; i-- {
		if i < end && (found || i < k) && hole(w.points, i) {
			break
		}
		d := w.values[i] - w.median
		if !up {
			d = -d
		}
		if d >= least {
			begin, misses, found = i, 0, true
			continue
		}
		if misses++; misses > 1 && (found || i < k) {
			break
		}
	}
	return begin
}

// calibrate widens the spread to what the past itself has shown: a level that
// the past reached as often as once in all the levels that are now compared
// with it is at most remarkable. Tails heavier than the normal distribution's,
// and daily cycles, are accounted for by this, and so is that among many levels
// one is always the worst.
func (w *window) calibrate(from int) {
	n := w.baseline - sustain + 1
	if n < 2*fullBaseline {
		return
	}
	dev := w.scratch[:0]
	for _, l := range w.levels[:n] {
		dev = append(dev, math.Abs(l-w.median))
	}
	compared := float64(len(w.points) - from)
	w.spread = math.Max(w.spread, quantileInPlace(dev, math.Max(0.98, 1-0.5/compared))/remarkable)
}

// spikes reports whether a single point since from is twice as far from normal
// as any of the past, and remarkable. That it did not last is why it is no
// anomaly; that it was there is worth saying.
func (w *window) spikes(from int) bool {
	var usual, now float64
	for i, v := range w.values {
		d := math.Abs(v - w.median)
		if i < w.baseline {
			usual = math.Max(usual, d)
		} else if i >= from {
			now = math.Max(now, d)
		}
	}
	return now > 2*usual && now > remarkable*w.spread && w.baseline >= fullBaseline
}

// spreadFloor is the smallest spread that a metric is taken to have: a twentieth
// of its level, and no less than a change of it that matters to anybody.
func spreadFloor(m incident.Metric, median float64) float64 {
	least := 1e-9
	switch m {
	case incident.MetricLatency, incident.MetricReadLatency, incident.MetricWriteLatency:
		least = 0.5
	case incident.MetricErrorRate:
		least = 0.002
	case incident.MetricRequestRate, incident.MetricThrottles:
		least = 0.02
	case incident.MetricCPU, incident.MetricMemory, incident.MetricConnections, incident.MetricReplicaLag, incident.MetricQueueDepth,
		incident.MetricQueueAge:
		least = 1
	case incident.MetricRestarts, incident.MetricUnavailable, incident.MetricDiskQueue, incident.MetricDatabaseLoad,
		incident.MetricCertificateDays:
		least = 0.3 // one of them is remarkable
	case incident.MetricReadIOPS, incident.MetricWriteIOPS:
		least = 5
	case incident.MetricThrottledCPU, incident.MetricCacheHitRate:
		least = 0.01
	}
	return math.Max(least, 0.05*math.Abs(median))
}

// Finding says in words what became of the series.
func Finding(a Anomaly) string {
	switch {
	case !a.Known:
		return fmt.Sprintf("%s too short to judge", a.Metric)
	case a.Spike:
		return fmt.Sprintf("%s within normal (%s) but for a spike to %s", a.Metric, num(a.Baseline), num(a.Peak))
	case !a.Abnormal():
		return fmt.Sprintf("%s within normal (%s)", a.Metric, num(a.Baseline))
	}
	s := fmt.Sprintf("%s %s → %s since %s", a.Metric, num(a.Baseline), num(a.Level), a.Onset.UTC().Format(time.TimeOnly))
	if a.Over {
		s += ", back to " + num(a.Now)
	}
	return s
}

// Describe summarises the series of one piece of evidence: what stands out, in
// words, and how much. Without anything abnormal it says so in one phrase. It
// notes at each series that is abnormal how it is.
func Describe(series []incident.Series, baselineTo time.Time) (finding string, strength float64) {
	var words []string
	known := false
	for i, s := range series {
		a := Summarise(s, time.Time{}, baselineTo)
		known = known || a.Known
		if a.Abnormal() {
			series[i].Anomaly = a.note()
			words = append(words, Finding(a))
			strength = math.Max(strength, a.Strength)
		}
	}
	switch {
	case len(words) > 0:
		return strings.Join(words, "; "), round(strength)
	case known:
		return "within normal", 0
	}
	return "no data", 0
}

// note is what a chart needs of it. No measure goes below zero.
func (a Anomaly) note() *incident.Anomaly {
	return &incident.Anomaly{Onset: a.Onset.UTC(), Low: significant(max(0, a.Baseline-remarkable*a.Spread)), High: significant(a.Baseline + remarkable*a.Spread), Level: significant(a.Level), Over: a.Over}
}

// num writes a measurement with three significant digits or all its integer ones.
func num(x float64) string {
	if math.Abs(x) >= 100 {
		return strconv.FormatFloat(math.Round(x), 'f', -1, 64)
	}
	v, err := strconv.ParseFloat(strconv.FormatFloat(x, 'g', 3, 64), 64)
	if err != nil {
		v = x // FormatFloat's output always parses; x itself is right too
	}
	return strconv.FormatFloat(v, 'f', -1, 64)
}
