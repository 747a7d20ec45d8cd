package main

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"vigil/activities/rca"
	"vigil/workflows/incident"
)

const nabTime = "2006-01-02 15:04:05"

// span is a stretch of time.
type span struct{ from, to time.Time }

// evalNAB measures detection alone, on single CloudWatch series with labelled
// windows: a day of past, then the window. Controls are stretches of the same
// length, a day or more from every label, chosen by a seed. Several series are
// of machines at a tenth of a percent of CPU, whose anomalies are of no size
// and stay below the floor on purpose.
func evalNAB(w io.Writer, folder string, _ bool) error {
	var labels map[string][][2]string
	raw, err := os.ReadFile(filepath.Join(folder, "labels", "combined_windows.json"))
	if err != nil {
		return err
	}
	if err := json.Unmarshal(raw, &labels); err != nil {
		return fmt.Errorf("labels: %w", err)
	}
	paths, err := filepath.Glob(filepath.Join(folder, "data", "realAWSCloudwatch", "*.csv"))
	if err != nil {
		return err
	}
	slices.Sort(paths)
	r := rand.New(rand.NewPCG(1, 1))
	var windows, found, byZ, controls, falsely, falseZ int
	for _, p := range paths {
		s, err := readNAB(p)
		if err != nil {
			return err
		}
		var marked []span
		for _, l := range labels["realAWSCloudwatch/"+filepath.Base(p)] {
			m, err := parseSpan(l)
			if err != nil {
				return fmt.Errorf("labels of %s: %w", filepath.Base(p), err)
			}
			marked = append(marked, m)
		}
		for _, m := range marked {
			rank, z, ok := detects(s, m)
			if !ok {
				continue
			}
			windows++
			found += one(rank)
			byZ += one(z)
			if c, ok := control(s, marked, m.to.Sub(m.from), r); ok {
				rank, z, _ := detects(s, c)
				controls++
				falsely += one(rank)
				falseZ += one(z)
			}
		}
	}
	fmt.Fprintf(w, "\nNAB: labelled windows of single series\n  %-24s %14s %18s\n", "method", "windows found", "false on controls")
	fmt.Fprintf(w, "  %-24s %8d of %2d %12d of %2d\n", "summarise", found, windows, falsely, controls)
	fmt.Fprintf(w, "  %-24s %8d of %2d %12d of %2d\n", "ordinary z-score above 3", byZ, windows, falseZ, controls)
	return nil
}

func parseSpan(l [2]string) (s span, err error) {
	if s.from, err = time.Parse(nabTime+".999999", l[0]); err != nil {
		return s, err
	}
	s.to, err = time.Parse(nabTime+".999999", l[1])
	return s, err
}

func readNAB(path string) (incident.Series, error) {
	s := incident.Series{Service: filepath.Base(path), Metric: incident.MetricCPU}
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

// detects asks both methods whether the stretch is abnormal, compared with the
// day before it. ok is false where there is no such day.
func detects(s incident.Series, at span) (rank, z, ok bool) {
	cut := incident.Series{Service: s.Service, Metric: s.Metric}
	past := 0
	for _, p := range s.Points {
		if p.At.Before(at.from.Add(-24*time.Hour)) || p.At.After(at.to) {
			continue
		}
		if p.At.Before(at.from) {
			past++
		}
		cut.Points = append(cut.Points, p)
	}
	if past < 100 {
		return false, false, false
	}
	to := at.from.Add(-time.Second)
	a := rca.Summarise(cut, time.Time{}, to)
	v, known := maxZ(cut.Points, to)
	return a.Abnormal(), known && v > 3, true
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
