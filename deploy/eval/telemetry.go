package main

import (
	"context"
	"slices"
	"time"

	"vigil/activities"
	"vigil/workflows/incident"
)

// telemetry is what was recorded of some services, behind the ports through
// which the product looks at anything. It has no state but what it was given.
type telemetry struct {
	series  map[string][]incident.Series // by service
	lines   map[string][]activities.LogLine
	changes map[string][]incident.Change
	events  map[string][]incident.SystemEvent // of databases and of other platforms
	loads   map[string]*incident.DatabaseLoad
	edges   []incident.Edge
}

// ports binds the product's activities to what was recorded.
func (t *telemetry) ports() *activities.Activities {
	return &activities.Activities{Settings: incident.DefaultSettings(), Metrics: metricsPort{t}, Logs: logsPort{t}, Changes: changesPort{t},
		Topology: topologyPort{t}, Database: databasePort{t}, Platform: platformPort{t}}
}

// metricsOnly is for recordings that hold nothing else.
func (t *telemetry) metricsOnly() *activities.Activities {
	return &activities.Activities{Settings: incident.DefaultSettings(), Metrics: metricsPort{t}, Topology: topologyPort{t}}
}

// recorded is where all of it came from.
func recorded(operation string) incident.Provenance {
	return incident.Provenance{Service: "recording", Operation: operation}
}

func during(w activities.Window, at time.Time) bool { return !at.Before(w.From) && !at.After(w.To) }

type (
	metricsPort  struct{ *telemetry }
	logsPort     struct{ *telemetry }
	changesPort  struct{ *telemetry }
	topologyPort struct{ *telemetry }
	databasePort struct{ *telemetry }
	platformPort struct{ *telemetry }
)

func (p metricsPort) Query(_ context.Context, service string, w activities.Window) ([]incident.Series, incident.Provenance, error) {
	var out []incident.Series
	for _, s := range p.series[service] {
		all := s.Points
		s.Points = nil
		for _, q := range all {
			if during(w, q.At) {
				s.Points = append(s.Points, q)
			}
		}
		if len(s.Points) > 0 {
			out = append(out, s)
		}
	}
	return out, recorded("Query"), nil
}

func (p logsPort) Search(_ context.Context, service string, w activities.Window, limit int) ([]activities.LogLine, incident.Provenance, error) {
	var out []activities.LogLine
	for _, l := range p.lines[service] {
		if during(w, l.At) && len(out) < limit {
			out = append(out, l)
		}
	}
	return out, recorded("Search"), nil
}

func (p changesPort) Recent(_ context.Context, service string, w activities.Window) ([]incident.Change, incident.Provenance, error) {
	var out []incident.Change
	for _, c := range p.changes[service] {
		if during(w, c.At) {
			out = append(out, c)
		}
	}
	return out, recorded("Recent"), nil
}

func (p topologyPort) Graph(context.Context, activities.Window) ([]incident.Edge, incident.Provenance, error) {
	return slices.Clone(p.edges), recorded("Graph"), nil
}

func (p databasePort) Events(_ context.Context, service string, w activities.Window) ([]incident.SystemEvent, incident.Provenance, error) {
	if p.loads[service] == nil {
		return nil, recorded("Events"), nil
	}
	return p.happened(service, w), recorded("Events"), nil
}

func (p databasePort) Load(_ context.Context, service string, _ activities.Window) (*incident.DatabaseLoad, incident.Provenance, error) {
	return p.loads[service], recorded("Load"), nil
}

func (p platformPort) Events(_ context.Context, service string, w activities.Window) ([]incident.SystemEvent, incident.Provenance, error) {
	if p.loads[service] != nil {
		return nil, recorded("Events"), nil
	}
	return p.happened(service, w), recorded("Events"), nil
}

func (t *telemetry) happened(service string, w activities.Window) []incident.SystemEvent {
	var out []incident.SystemEvent
	for _, e := range t.events[service] {
		if during(w, e.At) {
			out = append(out, e)
		}
	}
	return out
}
