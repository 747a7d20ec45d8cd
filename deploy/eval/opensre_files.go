package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"vigil/workflows/incident"
)

// readMetrics reads a file that holds all series, or one.
func readMetrics(path string) ([]recordedSeries, error) {
	var file struct {
		Results []recordedSeries `json:"metric_data_results"`
		AsAWS   []struct {
			Label      string      `json:"Label"`
			Timestamps []time.Time `json:"Timestamps"`
			Values     []float64   `json:"Values"`
		} `json:"MetricDataResults"`
		recordedSeries
	}
	if err := readJSON(path, &file); err != nil {
		return nil, err
	}
	if file.Name != "" {
		return []recordedSeries{file.recordedSeries}, nil
	}
	for _, r := range file.AsAWS {
		file.Results = append(file.Results, recordedSeries{Name: r.Label, Timestamps: r.Timestamps, Values: r.Values})
	}
	return file.Results, nil
}

// readEvents reads a list of what happened, whatever the service calls the
// parts of it. Entries without a time or a message are no events.
func readEvents(path string) ([]incident.SystemEvent, error) {
	var file any
	if err := readJSON(path, &file); err != nil {
		return nil, err
	}
	var out []incident.SystemEvent
	for _, e := range entries(file) {
		at := timeOf(e, "date", "timestamp", "time", "eventTime", "event_time", "created_at", "createdAt", "start_time")
		message := textOf(e, "message", "description", "detail", "eventDescription", "event_name", "eventName", "reason", "status_reason")
		if at.IsZero() || message == "" {
			continue
		}
		category := textOf(e, "event_categories", "category", "event_category", "type", "event_type", "severity")
		out = append(out, incident.SystemEvent{At: at, Resource: textOf(e, "source_identifier", "resource", "resource_id", "source", "service"), Category: category, Message: message,
			Warning: slices.ContainsFunc([]string{"fail", "low storage", "warn", "error", "critical"}, func(w string) bool {
				return strings.Contains(strings.ToLower(category), w)
			})})
	}
	return out, nil
}

// entries finds the list of objects in a document: itself, or the largest one
// directly in it.
func entries(v any) []map[string]any {
	var out []map[string]any
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			if m, ok := e.(map[string]any); ok {
				out = append(out, m)
			}
		}
	case map[string]any:
		for _, k := range slices.Sorted(maps.Keys(v)) {
			if list, ok := v[k].([]any); ok {
				if e := entries(list); len(e) > len(out) {
					out = e
				}
			}
		}
	}
	return out
}

func textOf(e map[string]any, names ...string) string {
	for _, n := range names {
		switch v := e[n].(type) {
		case string:
			if v != "" {
				return v
			}
		case []any:
			var all []string
			for _, x := range v {
				if s, ok := x.(string); ok {
					all = append(all, s)
				}
			}
			if len(all) > 0 {
				return strings.Join(all, ", ")
			}
		}
	}
	return ""
}

func timeOf(e map[string]any, names ...string) time.Time {
	for _, n := range names {
		switch v := e[n].(type) {
		case string:
			if t, err := time.Parse(time.RFC3339, v); err == nil {
				return t
			}
		case float64: // seconds or milliseconds since 1970
			if v > 1e11 {
				v /= 1000
			}
			if v > 0 {
				return time.UnixMilli(int64(v * 1000)).UTC()
			}
		}
	}
	return time.Time{}
}

type namedLoad struct {
	Name string  `json:"name"`
	Load float64 `json:"db_load_avg"`
}

// readLoad reads what Performance Insights recorded; nil where there is none.
func readLoad(path string, cpus float64) (*incident.DatabaseLoad, error) {
	var file struct {
		Load struct {
			Values []float64 `json:"values"`
		} `json:"db_load"`
		Statements []struct {
			SQL   string      `json:"statement"`
			Load  float64     `json:"db_load_avg"`
			Calls float64     `json:"calls_per_sec"`
			Waits []namedLoad `json:"wait_events"`
		} `json:"top_sql"`
		Waits []namedLoad `json:"top_wait_events"`
		Users []namedLoad `json:"top_users"`
	}
	switch err := readJSON(path, &file); {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, err
	}
	l := &incident.DatabaseLoad{CPUs: cpus}
	for _, v := range file.Load.Values {
		l.Average += v / float64(len(file.Load.Values))
		l.Peak = max(l.Peak, v)
	}
	// Some recordings give parts in percent of the load rather than in sessions.
	var sum float64
	for _, w := range file.Waits {
		sum += w.Load
	}
	scale := 1.0
	if l.Peak > 0 && sum > 3*l.Peak && sum > 50 {
		scale = l.Average / 100
	}
	waits := func(in []namedLoad) (out []incident.WaitLoad) {
		for _, w := range in {
			out = append(out, incident.WaitLoad{Name: w.Name, Load: w.Load * scale})
		}
		return out
	}
	l.Waits = waits(file.Waits)
	for _, s := range file.Statements {
		l.Statements = append(l.Statements, incident.Statement{SQL: s.SQL, Load: s.Load * scale, CallsPerSecond: s.Calls, Waits: waits(s.Waits),
			User: userOf(s.Load, file.Users)})
	}
	return l, nil
}

// userOf finds who ran a statement. The recording lists users apart from
// statements; where one of them has the statement's load and no other comes
// near, it is that one.
func userOf(load float64, users []namedLoad) string {
	var near []string
	for _, u := range users {
		if load > 0 && math.Abs(u.Load-load) <= 0.1*load {
			near = append(near, u.Name)
		}
	}
	if len(near) != 1 {
		return ""
	}
	return near[0]
}

// dimensions are the values of a series' dimensions, which recordings give as a
// list of names and values or as one object.
type dimensions []string

func (d *dimensions) UnmarshalJSON(raw []byte) error {
	var list []struct {
		Value string `json:"value"`
	}
	if err := json.Unmarshal(raw, &list); err == nil {
		for _, v := range list {
			*d = append(*d, v.Value)
		}
		return nil
	}
	var named map[string]string
	if err := json.Unmarshal(raw, &named); err != nil {
		return fmt.Errorf("dimensions are neither a list nor an object: %w", err)
	}
	for _, k := range slices.Sorted(maps.Keys(named)) {
		*d = append(*d, named[k])
	}
	return nil
}
