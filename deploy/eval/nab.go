package main

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"vigil/activities/rca"
	"vigil/workflows/incident"
)

const nabTime = "2006-01-02 15:04:05"

// nabControls is how many controls each window has, spikeSure how sure a spike
// is of being what was labelled.
const (
	nabControls = 5
	spikeSure   = 0.5
)

// nabPast is how much of the past describes normal operation.
const nabPast = 72 * time.Hour

// span is a stretch of time.
type span struct{ from, to time.Time }

// evalNAB measures detection alone, on single CloudWatch series with labelled
// windows: a day of past, then the window. Controls are stretches of the same
// length, a day or more from every label, chosen by a seed. Several series are
// of machines at a tenth of a percent of CPU, whose anomalies are of no size
// and stay below the floor on purpose.
func evalNAB(_ context.Context, _ io.Writer, folder string, _ options) ([]*row, error) {
	var labels map[string][][2]string
	raw, err := os.ReadFile(filepath.Join(folder, "labels", "combined_windows.json"))
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(raw, &labels); err != nil {
		return nil, fmt.Errorf("labels: %w", err)
	}
	paths, err := filepath.Glob(filepath.Join(folder, "data", "realAWSCloudwatch", "*.csv"))
	if err != nil {
		return nil, err
	}
	slices.Sort(paths)
	r := rand.New(rand.NewPCG(1, 1))
	mine := &row{set: "labelled windows of single series", answered: statistics}
	z := &row{set: mine.set, answered: "largest z"}
	for _, p := range paths {
		s, err := readNAB(p)
		if err != nil {
			return nil, err
		}
		var marked []span
		for _, l := range labels["realAWSCloudwatch/"+filepath.Base(p)] {
			m, err := parseSpan(l)
			if err != nil {
				return nil, fmt.Errorf("labels of %s: %w", filepath.Base(p), err)
			}
			marked = append(marked, m)
		}
		for _, m := range marked {
			if !detects(s, m, mine, z, true) {
				continue
			}
			for range nabControls {
				if c, ok := control(s, marked, m.to.Sub(m.from), r); ok {
					detects(s, c, mine, z, false)
				}
			}
		}
	}
	return []*row{mine, z}, nil
}

func parseSpan(l [2]string) (s span, err error) {
	if s.from, err = time.Parse(nabTime+".999999", l[0]); err != nil {
		return s, err
	}
	s.to, err = time.Parse(nabTime+".999999", l[1])
	return s, err
}

// nabMetric is the measure that a file says in its name to hold.
func nabMetric(name string) incident.Metric {
	name = strings.ToLower(name)
	switch {
	case strings.Contains(name, "cpu"):
		return incident.MetricCPU
	case strings.Contains(name, "network"):
		return incident.MetricNetworkIn
	case strings.Contains(name, "request"):
		return incident.MetricRequestRate
	}
	return incident.Metric(strings.TrimSuffix(name, ".csv"))
}

func readNAB(path string) (incident.Series, error) {
	s := incident.Series{Service: filepath.Base(path), Metric: nabMetric(filepath.Base(path))}
	f, err := os.Open(path)
	if err != nil {
		return s, err
	}
	defer func() { _ = f.Close() }() // only read from
	records, err := csv.NewReader(f).ReadAll()
	if err != nil {
		return s, fmt.Errorf("%s: %w", path, err)
	}
	for _, r := range records[1:] {
		at, err := time.Parse(nabTime, r[0])
		if err != nil {
			return s, fmt.Errorf("%s: %w", path, err)
		}
		v, err := strconv.ParseFloat(r[1], 64)
		if err != nil {
			return s, fmt.Errorf("%s: %w", path, err)
		}
		s.Points = append(s.Points, incident.Point{At: at, Value: v})
	}
	return s, nil
}

// detects asks both methods whether the stretch is abnormal, compared with what
// came before it, and counts what they say. It returns false where too little
// came before.
func detects(s incident.Series, at span, mine, z *row, wrong bool) bool {
	cut := incident.Series{Service: s.Service, Metric: s.Metric}
	past := 0
	for _, p := range s.Points {
		if p.At.Before(at.from.Add(-nabPast)) || p.At.After(at.to) {
			continue
		}
		if p.At.Before(at.from) {
			past++
		}
		cut.Points = append(cut.Points, p)
	}
	if past < 100 {
		return false
	}
	to := at.from.Add(-time.Second)
	began := time.Now()
	a := rca.Summarise(cut, time.Time{}, to)
	mine.detected(wrong, a.Abnormal() || a.Spike, math.Max(a.Strength, spikeSure*float64(one(a.Spike))), time.Since(began))
	began = time.Now()
	v, known := maxZ(cut.Points, to)
	sure := 0.0
	if known && v > 1 {
		sure = 1 - 1/(v*v)
	}
	z.detected(wrong, known && v > 3, sure, time.Since(began))
	return true
}

// detected counts one stretch of a series that is wrong or is not.
func (r *row) detected(wrong, found bool, sure float64, took time.Duration) {
	switch {
	case !wrong:
		r.countHealthy(found, sure, took)
	case found:
		r.count(1, sure, took)
	default:
		r.count(0, sure, took)
	}
}

// maxZ is the largest single point's z-score after to.
func maxZ(points []incident.Point, to time.Time) (best float64, ok bool) {
	past := slices.DeleteFunc(slices.Clone(points), func(p incident.Point) bool { return p.At.After(to) })
	for _, p := range points[len(past):] {
		if z, known := zScore(append(past[:len(past):len(past)], p), to); known && z > best {
			best, ok = z, true
		}
	}
	return best, ok
}

// control picks a stretch that has a day of past and no label within a day.
func control(s incident.Series, marked []span, length time.Duration, r *rand.Rand) (span, bool) {
	for range 200 {
		from := s.Points[r.IntN(len(s.Points))].At
		c := span{from, from.Add(length)}
		clear := from.Sub(s.Points[0].At) > 24*time.Hour && s.Points[len(s.Points)-1].At.After(c.to)
		for _, m := range marked {
			if c.from.Before(m.to.Add(24*time.Hour)) && m.from.Before(c.to.Add(24*time.Hour)) {
				clear = false
			}
		}
		if clear {
			return c, true
		}
	}
	return span{}, false
}
