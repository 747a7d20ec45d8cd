package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"vigil/activities/rca"
	"vigil/workflows/incident"
)

// rdsSeries is one CloudWatch series of a scenario.
type rdsSeries struct {
	Name       string `json:"metric_name"`
	Unit       string `json:"unit"`
	Dimensions []struct {
		Value string `json:"Value"`
	} `json:"dimensions"`
	Timestamps []time.Time `json:"timestamps"`
	Values     []float64   `json:"values"`
}

// metric maps a CloudWatch name to Vigil's, as the CloudWatch adapter does.
func (s rdsSeries) metric() (incident.Metric, bool) {
	switch s.Name {
	case "CPUUtilization":
		return incident.MetricCPU, true
	case "DatabaseConnections":
		return incident.MetricConnections, true
	case "ReadLatency":
		return incident.MetricLatency, true
	}
	return "", false
}

// series converts a recorded series to one of instance's.
func (s rdsSeries) series(instance string, m incident.Metric) incident.Series {
	out := incident.Series{Service: instance, Metric: m, Unit: s.Unit}
	for i := range min(len(s.Values), len(s.Timestamps)) {
		v := s.Values[i]
		if m == incident.MetricLatency && s.Unit == "Seconds" {
			v *= 1000
		}
		out.Points = append(out.Points, incident.Point{At: s.Timestamps[i], Value: v})
	}
	return out
}

// readRDS reads a scenario's series, which are in one file or in one each.
func readRDS(folder string) ([]rdsSeries, error) {
	raw, err := os.ReadFile(filepath.Join(folder, "aws_cloudwatch_metrics.json"))
	if err == nil {
		var file struct {
			Results []rdsSeries `json:"metric_data_results"`
		}
		if err := json.Unmarshal(raw, &file); err != nil {
			return nil, fmt.Errorf("%s: %w", folder, err)
		}
		return file.Results, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	paths, err := filepath.Glob(filepath.Join(folder, "aws_cloudwatch_metrics_*.json"))
	if err != nil {
		return nil, err
	}
	var out []rdsSeries
	for _, p := range paths {
		raw, err := os.ReadFile(p)
		if err != nil {
			return nil, err
		}
		var s rdsSeries
		if err := json.Unmarshal(raw, &s); err != nil {
			return nil, fmt.Errorf("%s: %w", p, err)
		}
		if s.Name != "" {
			out = append(out, s)
		}
	}
	return out, nil
}

// rdsCase is a scenario with its answer.
type rdsCase struct {
	scored
	mode string // failure_mode of the answer key
}

func readScenario(folder string) (rdsCase, error) {
	var c rdsCase
	raw, err := os.ReadFile(filepath.Join(folder, "scenario.yml"))
	if err != nil {
		return c, err
	}
	var key struct {
		Mode string `yaml:"failure_mode"`
	}
	if err := yaml.Unmarshal(raw, &key); err != nil {
		return c, fmt.Errorf("%s/scenario.yml: %w", folder, err)
	}
	var alert struct {
		Annotations struct {
			Instance string `json:"db_instance_identifier"`
		} `json:"commonAnnotations"`
	}
	if err := readJSON(filepath.Join(folder, "alert.json"), &alert); err != nil {
		return c, err
	}
	var events struct {
		Events []struct {
			Date    time.Time `json:"date"`
			Message string    `json:"message"`
		} `json:"events"`
	}
	if err := readJSON(filepath.Join(folder, "aws_rds_events.json"), &events); err != nil {
		return c, err
	}
	all, err := readRDS(folder)
	if err != nil {
		return c, err
	}
	instance := alert.Annotations.Instance
	c = rdsCase{mode: key.Mode, scored: scored{name: "opensre/" + filepath.Base(folder), candidates: 1}}
	in := rca.Input{Alerting: instance, Logs: map[string]rca.Logs{}}
	for _, s := range all {
		m, known := s.metric()
		// What the scenario does not set is filled in from another instance.
		if !known || !slices.ContainsFunc(s.Dimensions, func(d struct {
			Value string `json:"Value"`
		}) bool {
			return d.Value == instance
		}) || len(s.Timestamps) < 4 {
			continue
		}
		in.Series = append(in.Series, rca.Series{Series: s.series(instance, m), Evidence: s.Name})
		in.BaselineTo = s.Timestamps[2]
		in.StartedAt = in.BaselineTo
	}
	var lines []incident.LogPattern
	for _, e := range events.Events {
		lines = append(lines, incident.LogPattern{Template: e.Message, Count: 1, FirstAt: e.Date, LastAt: e.Date})
	}
	in.Logs[instance] = rca.Logs{Patterns: lines, Evidence: "events"}
	c.input = in
	if key.Mode != "healthy" {
		c.service = instance
	}
	if key.Mode == "connection_exhaustion" {
		c.cause = incident.CauseConnectionsExhausted
	}
	return c, nil
}

func readJSON(path string, into any) error {
	raw, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// evalOpenSRE measures on scripted scenarios of one database each. The
// question of which service does not arise in them, so what is counted is
// whether anything is found, and whether exhausted connections are told from
// the rest. Three points of past are far from enough for the statistics, which
// then give an anomaly three eighths of its strength: little of what is listed
// is notable. With so few cases no halves are told apart in the figures.
func evalOpenSRE(w io.Writer, folder string, verbose bool) error {
	paths, err := filepath.Glob(filepath.Join(folder, "rds_postgres", "*"))
	if err != nil {
		return err
	}
	slices.Sort(paths)
	var faults, listed, found, healthy, falsely, exhausted, named, others, misnamed int
	var seen []scored
	for _, p := range paths {
		c, err := readScenario(p)
		if err != nil {
			return err
		}
		if !c.held() {
			seen = append(seen, c.scored)
		}
		ranked := rca.Rank(c.input)
		notable := len(ranked) > 0 && ranked[0].Score >= rca.Notable
		says := notable && ranked[0].Cause == incident.CauseConnectionsExhausted
		if c.mode == "healthy" {
			healthy++
			falsely += one(notable)
		} else {
			faults++
			listed += one(len(ranked) > 0)
			found += one(notable)
		}
		if strings.Contains(c.mode, "connection") {
			exhausted++
			named += one(says)
		} else {
			others++
			misnamed += one(says)
		}
	}
	fmt.Fprintf(w, "\nopensre: one database each, normal state from the first three points\n")
	fmt.Fprintf(w, "  faults in which anything is listed        %d of %d\n", listed, faults)
	fmt.Fprintf(w, "  faults in which anything is notable       %d of %d\n", found, faults)
	fmt.Fprintf(w, "  healthy ones in which something is        %d of %d\n", falsely, healthy)
	fmt.Fprintf(w, "  exhausted connections named as such       %d of %d\n", named, exhausted)
	fmt.Fprintf(w, "  other scenarios named exhausted           %d of %d\n", misnamed, others)
	if verbose {
		detail(w, seen)
	}
	return nil
}

func one(b bool) int {
	if b {
		return 1
	}
	return 0
}
