package main

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"vigil/activities/rca"
	"vigil/workflows/incident"
)

// PetShop (Hardt et al., 2023): issues injected into an AWS sample
// application, in points of five minutes. Each issue has five points, so normal
// operation is read from the recording without issues, moved in time to end
// where the issue begins.
const (
	petShopPeriod = 5 * time.Minute
	petShopPoints = 5
)

// column is one series of a PetShop file.
type column struct {
	service string
	metric  incident.Metric
	values  []string // as written; empty: no data
}

// readPetShop reads the columns that Vigil has a name for. Four header rows say
// what a column is; the first column is the time.
func readPetShop(path string) (columns []column, times []int64, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = f.Close() }() // only read from
	records, err := csv.NewReader(f).ReadAll()
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", path, err)
	}
	if len(records) < 5 {
		return nil, nil, fmt.Errorf("%s has %d rows; four of header and at least one of data are needed", path, len(records))
	}
	for i := 1; i < len(records[0]); i++ {
		var m incident.Metric
		switch [2]string{records[1][i], records[2][i]} {
		case [2]string{"latency", "Average"}:
			m = incident.MetricLatency
		case [2]string{"availability", "Average"}:
			m = incident.MetricErrorRate
		case [2]string{"requests", "Sum"}:
			m = incident.MetricRequestRate
		default:
			continue
		}
		c := column{service: records[0][i], metric: m}
		for _, r := range records[4:] {
			c.values = append(c.values, r[i])
		}
		columns = append(columns, c)
	}
	for _, r := range records[4:] {
		t, err := strconv.ParseFloat(r[0], 64)
		if err != nil {
			return nil, nil, fmt.Errorf("%s: time %q: %w", path, r[0], err)
		}
		times = append(times, int64(t))
	}
	return columns, times, nil
}

// value converts to Vigil's units: milliseconds, share of failures, per second.
func (c column) value(i int) (v float64, ok bool, err error) {
	if c.values[i] == "" {
		return 0, false, nil
	}
	v, err = strconv.ParseFloat(c.values[i], 64)
	if err != nil {
		return 0, false, fmt.Errorf("%s of %s: %w", c.metric, c.service, err)
	}
	switch c.metric {
	case incident.MetricLatency:
		v *= 1000
	case incident.MetricErrorRate:
		v = 1 - v/100
	case incident.MetricRequestRate:
		v /= petShopPeriod.Seconds()
	}
	return v, true, nil
}

// petShopInput puts the rows of normal before the rows of issue, the first of which is at start.
func petShopInput(normal, issue []column, normalRows, issueRows []int, start time.Time, edges []incident.Edge) (rca.Input, error) {
	in := rca.Input{Edges: edges, EdgesEvidence: "graph", StartedAt: start, BaselineTo: start.Add(-petShopPeriod)}
	first := start.Add(-time.Duration(len(normalRows)) * petShopPeriod)
	type key struct {
		service string
		metric  incident.Metric
	}
	past := map[key]column{}
	for _, c := range normal {
		past[key{c.service, c.metric}] = c
	}
	for _, c := range issue {
		s := incident.Series{Service: c.service, Metric: c.metric}
		if p, ok := past[key{c.service, c.metric}]; ok {
			for i, row := range normalRows {
				v, ok, err := p.value(row)
				if err != nil {
					return in, err
				}
				if ok {
					s.Points = append(s.Points, incident.Point{At: first.Add(time.Duration(i) * petShopPeriod), Value: v})
				}
			}
		}
		for i, row := range issueRows {
			v, ok, err := c.value(row)
			if err != nil {
				return in, err
			}
			if ok {
				s.Points = append(s.Points, incident.Point{At: start.Add(time.Duration(i) * petShopPeriod), Value: v})
			}
		}
		in.Series = append(in.Series, rca.Series{Series: s, Evidence: c.service})
	}
	return in, nil
}

func readPetShopGraph(path string) ([]incident.Edge, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // only read from
	records, err := csv.NewReader(f).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	var edges []incident.Edge
	for _, r := range records[1:] {
		for i := 1; i < len(r); i++ {
			if v, err := strconv.ParseFloat(r[i], 64); err != nil {
				return nil, fmt.Errorf("%s: %w", path, err)
			} else if v != 0 {
				edges = append(edges, incident.Edge{From: r[0], To: records[0][i]})
			}
		}
	}
	return edges, nil
}

func evalPetShop(w io.Writer, folder string, verbose bool) error {
	root := filepath.Join(folder, "dataset", "low_traffic")
	edges, err := readPetShopGraph(filepath.Join(root, "graph.csv"))
	if err != nil {
		return err
	}
	normal, times, err := readPetShop(filepath.Join(root, "noissue", "metrics.csv"))
	if err != nil {
		return err
	}
	cases, err := petShopIssues(root, normal, len(times), edges)
	if err != nil {
		return err
	}
	// Healthy controls: five points of normal operation against all the others.
	const apart = 23
	for from := petShopPoints; from+petShopPoints <= len(times); from += apart {
		rows := rangeOf(from, from+petShopPoints)
		others := append(rangeOf(from+petShopPoints, len(times)), rangeOf(0, from)...)
		in, err := petShopInput(normal, normal, others, rows, time.Unix(times[from], 0).UTC(), edges)
		if err != nil {
			return err
		}
		in.Alerting = "PetSite"
		cases = append(cases, scored{name: fmt.Sprintf("petshop/control-%d", from), input: in})
	}
	seen, held := halves(cases)
	table(w, "PetShop, the half that was looked at", seen)
	table(w, "PetShop, the half that was held out", held)
	if verbose {
		detail(w, seen)
	}
	return nil
}

func petShopIssues(root string, normal []column, rows int, edges []incident.Edge) ([]scored, error) {
	paths, err := filepath.Glob(filepath.Join(root, "t*", "issue_*"))
	if err != nil {
		return nil, err
	}
	slices.Sort(paths)
	var cases []scored
	for _, p := range paths {
		raw, err := os.ReadFile(filepath.Join(p, "target.json"))
		if err != nil {
			return nil, err
		}
		var target struct {
			Target struct {
				Node string `json:"node"`
			} `json:"target"`
			RootCause struct {
				Node string `json:"node"`
			} `json:"root_cause"`
		}
		if err := json.Unmarshal(raw, &target); err != nil {
			return nil, fmt.Errorf("%s/target.json: %w", p, err)
		}
		issue, times, err := readPetShop(filepath.Join(p, "metrics.csv"))
		if err != nil {
			return nil, err
		}
		in, err := petShopInput(normal, issue, rangeOf(0, rows), rangeOf(0, len(times)), time.Unix(times[0], 0).UTC(), edges)
		if err != nil {
			return nil, err
		}
		in.Alerting = target.Target.Node
		services := map[string]bool{}
		for _, s := range in.Series {
			if len(s.Points) > 0 {
				services[s.Service] = true
			}
		}
		split, issueName := filepath.Split(p)
		cases = append(cases, scored{name: "petshop/" + filepath.Base(split) + "/" + issueName, input: in,
			service: target.RootCause.Node, candidates: len(slices.Collect(maps.Keys(services)))})
	}
	return cases, nil
}

func rangeOf(from, to int) []int {
	out := make([]int, 0, to-from)
	for i := from; i < to; i++ {
		out = append(out, i)
	}
	return out
}

// detail prints what was found for each case.
func detail(w io.Writer, cases []scored) {
	for _, c := range cases {
		fmt.Fprintf(w, "\n%s: %s %s\n", c.name, c.service, c.cause)
		for i, s := range rca.Rank(c.input) {
			if i == 4 {
				break
			}
			mark := " "
			if s.Service == c.service {
				mark = "*"
			}
			fmt.Fprintf(w, "  %s %.3f %s %s %q\n", mark, s.Score, s.Service, s.Cause, s.Reasons)
		}
	}
}
