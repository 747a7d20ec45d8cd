package main

import (
	"cmp"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"vigil/workflows/incident"
)

// PetShop (Hardt et al., 2023) is a recording of an application into which
// issues were injected: regimes of traffic, each with a recording of normal
// operation (noissue), a service graph and any number of issues of a few points.
// Normal operation is put before each issue, moved in time to end where it begins.

// column is one series of a file.
type column struct {
	service, metric, statistic string
	values                     []string // as written; empty: no data
}

// sheet is one file: four header rows, then one row for each moment.
type sheet struct {
	columns []column
	times   []time.Time
}

func readSheet(path string) (*sheet, error) {
	records, err := readCSV(path)
	if err != nil {
		return nil, err
	}
	if len(records) < 5 {
		return nil, fmt.Errorf("%s has %d rows; four of header and at least one of data are needed", path, len(records))
	}
	out := &sheet{}
	for _, r := range records[4:] {
		t, err := strconv.ParseFloat(r[0], 64)
		if err != nil {
			return nil, fmt.Errorf("%s: time %q: %w", path, r[0], err)
		}
		out.times = append(out.times, time.Unix(int64(t), 0).UTC())
	}
	for i := 1; i < len(records[0]); i++ {
		c := column{service: records[0][i], metric: records[1][i], statistic: records[2][i]}
		for _, r := range records[4:] {
			c.values = append(c.values, r[i])
		}
		out.columns = append(out.columns, c)
	}
	return out, nil
}

func readCSV(path string) ([][]string, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // only read from
	records, err := csv.NewReader(f).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return records, nil
}

// measure says what Vigil calls a column, and in which unit it has it. The
// latency that counts is the statistic that the alert is about.
func (c column) measure(latency string, period time.Duration) (m incident.Metric, convert func(float64) float64, ok bool) {
	switch {
	case c.metric == "latency" && c.statistic == latency:
		return incident.MetricLatency, func(v float64) float64 { return v * 1000 }, true
	case c.metric == "availability" && c.statistic == "Average":
		return incident.MetricErrorRate, func(v float64) float64 { return 1 - v/100 }, true
	case c.metric == "requests" && c.statistic == "Sum":
		return incident.MetricRequestRate, func(v float64) float64 { return v / period.Seconds() }, true
	}
	return "", nil, false
}

// points are the given rows of a column, the first at start.
func (c column) points(rows []int, start time.Time, period time.Duration, convert func(float64) float64) ([]incident.Point, error) {
	var out []incident.Point
	for i, row := range rows {
		if c.values[row] == "" {
			continue
		}
		v, err := strconv.ParseFloat(c.values[row], 64)
		if err != nil {
			return nil, fmt.Errorf("%s of %s: %w", c.metric, c.service, err)
		}
		out = append(out, incident.Point{At: start.Add(time.Duration(i) * period), Value: convert(v)})
	}
	return out, nil
}

// regime is one recording of normal operation with the issues that belong to it.
type regime struct {
	name   string
	normal *sheet
	edges  []incident.Edge
	issues []string // folders
}

func (r *regime) period() time.Duration {
	t := r.normal.times
	if len(t) < 2 || !t[1].After(t[0]) {
		return 5 * time.Minute
	}
	return t[1].Sub(t[0])
}

// readRegimes finds every recording of normal operation under root.
func readRegimes(root string) ([]*regime, error) {
	found := map[string]*regime{}
	var issues []string
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.Name() == "target.json":
			issues = append(issues, filepath.Dir(path))
		case d.IsDir() && d.Name() == "noissue":
			home := filepath.Dir(path)
			r := &regime{name: filepath.Base(home)}
			if r.normal, err = readSheet(filepath.Join(path, "metrics.csv")); err != nil {
				return err
			}
			if r.edges, err = readGraph(filepath.Join(home, "graph.csv")); err != nil {
				return err
			}
			found[home] = r
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for _, p := range issues {
		for home := filepath.Dir(p); ; home = filepath.Dir(home) {
			if r := found[home]; r != nil {
				r.issues = append(r.issues, p)
				break
			}
			if home == filepath.Dir(home) {
				return nil, fmt.Errorf("no folder above %s has normal operation in a folder noissue", p)
			}
		}
	}
	var out []*regime
	for _, home := range slices.Sorted(maps.Keys(found)) {
		slices.Sort(found[home].issues)
		out = append(out, found[home])
	}
	return out, nil
}

// readGraph reads who calls whom: a matrix with the caller in the row.
func readGraph(path string) ([]incident.Edge, error) {
	records, err := readCSV(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil // rankings do without
	}
	if err != nil {
		return nil, err
	}
	var out []incident.Edge
	for _, r := range records[1:] {
		for i, v := range r[1:] {
			if n, err := strconv.ParseFloat(v, 64); err == nil && n > 0 {
				out = append(out, incident.Edge{From: r[0], To: records[0][i+1]})
			}
		}
	}
	return out, nil
}

// join puts rows of normal operation before rows of an issue, which begins at start.
func (r *regime) join(issue *sheet, normalRows, issueRows []int, latency string, start time.Time) (*telemetry, question, error) {
	period := r.period()
	first := start.Add(-time.Duration(len(normalRows)) * period)
	t := &telemetry{series: map[string][]incident.Series{}, edges: r.edges}
	past := map[[3]string]column{}
	for _, c := range r.normal.columns {
		past[[3]string{c.service, c.metric, c.statistic}] = c
	}
	for _, c := range issue.columns {
		m, convert, ok := c.measure(latency, period)
		if !ok {
			continue
		}
		s := incident.Series{Service: c.service, Metric: m}
		var err error
		if p, ok := past[[3]string{c.service, c.metric, c.statistic}]; ok {
			if s.Points, err = p.points(normalRows, first, period, convert); err != nil {
				return nil, question{}, err
			}
		}
		now, err := c.points(issueRows, start, period, convert)
		if err != nil {
			return nil, question{}, err
		}
		s.Points = append(s.Points, now...)
		t.series[c.service] = append(t.series[c.service], s)
	}
	return t, question{from: first, baselineTo: start.Add(-period), startedAt: start,
		to: start.Add(time.Duration(len(issueRows)) * period), services: slices.Sorted(maps.Keys(t.series))}, nil
}

// petShopCase is a recorded case and what answers for it.
type petShopCase struct {
	question
	telemetry *telemetry
}

func (r *regime) cases() ([]petShopCase, error) {
	var out []petShopCase
	for _, p := range r.issues {
		var target struct {
			Target struct {
				Node      string `json:"node"`
				Metric    string `json:"metric"`
				Statistic string `json:"agg"`
			} `json:"target"`
			RootCause struct {
				Node string `json:"node"`
			} `json:"root_cause"`
		}
		if err := readJSON(filepath.Join(p, "target.json"), &target); err != nil {
			return nil, err
		}
		issue, err := readSheet(filepath.Join(p, "metrics.csv"))
		if err != nil {
			return nil, err
		}
		if target.Target.Statistic == "" {
			target.Target.Statistic = "Average"
		}
		t, q, err := r.join(issue, rangeOf(0, len(r.normal.times)), rangeOf(0, len(issue.times)), target.Target.Statistic, issue.times[0])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", p, err)
		}
		split, name := filepath.Split(p)
		q.name, q.alerting, q.service = filepath.Join(r.name, filepath.Base(split), name), target.Target.Node, target.RootCause.Node
		q.alert = alertOf(target.Target.Metric, q.alerting)
		out = append(out, petShopCase{q, t})
	}
	return out, nil
}

// controls are stretches of normal operation, as long as an issue, against all the rest of it.
func (r *regime) controls(alerting string) ([]petShopCase, error) {
	const length, apart = 5, 23
	var out []petShopCase
	n := len(r.normal.times)
	for from := length; from+length <= n; from += apart {
		others := append(rangeOf(from+length, n), rangeOf(0, from)...)
		t, q, err := r.join(r.normal, others, rangeOf(from, from+length), "Average", r.normal.times[from])
		if err != nil {
			return nil, err
		}
		q.name, q.alerting, q.alert = fmt.Sprintf("%s/control-%d", r.name, from), alerting, alertOf("latency", alerting)
		out = append(out, petShopCase{q, t})
	}
	return out, nil
}

// alertOf is the alert that the data set gives as a measure and a service.
func alertOf(metric, service string) string {
	return fmt.Sprintf("The %s of %s is not what it should be", cmp.Or(metric, "latency"), service)
}

func rangeOf(from, to int) []int {
	out := make([]int, 0, to-from)
	for i := from; i < to; i++ {
		out = append(out, i)
	}
	return out
}

// evalPetShop asks for the service at fault in every issue, and for silence in
// normal operation.
func evalPetShop(ctx context.Context, w io.Writer, root string, o options) ([]*row, error) {
	regimes, err := readRegimes(root)
	if err != nil {
		return nil, err
	}
	if len(regimes) == 0 {
		return nil, fmt.Errorf("no folder under %s has normal operation in a folder noissue", root)
	}
	var rows []*row
	for _, r := range regimes {
		all, err := r.cases()
		if err != nil {
			return nil, err
		}
		alerting := ""
		if len(all) > 0 {
			alerting = all[0].alerting
		}
		controls, err := r.controls(alerting)
		if err != nil {
			return nil, err
		}
		all = append(all, controls...)
		lines := o.rows("petshop " + r.name)
		z := &row{set: "petshop " + r.name, answered: "largest z", notable: 1 - 1.0/9} // three deviations
		if err := askAll(ctx, w, all, nil, lines, z, o); err != nil {
			return nil, err
		}
		rows = append(append(rows, lines...), z)
		if o.perturb {
			alone := options{} // only the statistics are asked about what is perturbed
			for _, p := range perturbations {
				lines := alone.rows(p.name)
				for seed := range uint64(p.seeds) {
					if err := askAll(ctx, w, all, p.with(seed), lines, nil, alone); err != nil {
						return nil, err
					}
				}
				rows = append(rows, lines...)
			}
		}
	}
	return rows, nil
}

// askAll puts every case to all who answer, and to the reference where z is not nil.
func askAll(ctx context.Context, w io.Writer, cases []petShopCase, perturb func(*telemetry, question) *telemetry, lines []*row, z *row, o options) error {
	for _, c := range cases {
		t := c.telemetry
		if perturb != nil {
			t = perturb(t, c.question)
		}
		answers, err := o.ask(ctx, t.metricsOnly(), c.question)
		if err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
		for i, a := range answers {
			lines[i].add(c.question, a, false)
			if o.verbose {
				describe(w, c.question, a)
			}
		}
		if z != nil {
			began := time.Now()
			largest := byZ(t, c.baselineTo)
			z.add(c.question, answer{suspects: largest, took: time.Since(began)}, false)
		}
	}
	return nil
}
