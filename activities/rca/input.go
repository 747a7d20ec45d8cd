package rca

import (
	"time"

	"vigil/workflows/incident"
)

// Input is what Rank looks at. Evidence fields hold the ids under which a
// suspect cites; they may be empty.
type Input struct {
	Series        []Series
	Edges         []incident.Edge // caller → callee
	EdgesEvidence string
	Changes       []Change
	Logs          map[string]Logs // by service
	Events        []Event
	Loads         []Load    // one a service
	Alerting      string    // the service that the alert is about; empty: not known
	StartedAt     time.Time // when the alert says that it began; zero: not known
	BaselineTo    time.Time // the normal state is read up to here; zero: StartedAt
}

// Series is one metric of one service and the evidence that holds it.
type Series struct {
	incident.Series
	Evidence string
}

// Change is one change and the evidence that holds it.
type Change struct {
	incident.Change
	Evidence string
}

// Logs are the log patterns of one service and the evidence that holds them.
type Logs struct {
	Patterns []incident.LogPattern
	Evidence string
}

// Event is something that a platform reported of a part of a service, and
// the evidence that holds it.
type Event struct {
	incident.SystemEvent
	Service  string
	Evidence string
}

// Load is what a database spent its time on and the evidence that holds it.
type Load struct {
	incident.DatabaseLoad
	Service  string
	Evidence string
}

// FromEvidence gathers the input of Rank from evidence. What is in it twice
// counts once: the later piece of evidence replaces the earlier.
func FromEvidence(evidence []incident.Evidence, alerting string, startedAt, baselineTo time.Time) Input {
	in := Input{Logs: map[string]Logs{}, Alerting: alerting, StartedAt: startedAt, BaselineTo: baselineTo}
	type seriesKey struct {
		service string
		metric  incident.Metric
	}
	series := map[seriesKey]int{}
	changes := map[incident.Change]int{}
	edges := map[incident.Edge]bool{}
	type eventKey struct {
		service string
		event   incident.SystemEvent
	}
	events := map[eventKey]int{}
	loads := map[string]int{}
	for _, e := range evidence {
		for _, s := range e.Series {
			key := seriesKey{s.Service, s.Metric}
			if i, ok := series[key]; ok {
				in.Series[i] = Series{s, e.ID}
				continue
			}
			series[key] = len(in.Series)
			in.Series = append(in.Series, Series{s, e.ID})
		}
		for _, c := range e.Changes {
			if i, ok := changes[c]; ok {
				in.Changes[i].Evidence = e.ID
				continue
			}
			changes[c] = len(in.Changes)
			in.Changes = append(in.Changes, Change{c, e.ID})
		}
		if e.Kind == incident.EvidenceLog && e.Found {
			in.Logs[e.Service] = Logs{e.Logs, e.ID}
		}
		for _, s := range e.Events {
			event, key := Event{s, e.Service, e.ID}, eventKey{e.Service, s}
			if i, ok := events[key]; ok {
				in.Events[i] = event
				continue
			}
			events[key] = len(in.Events)
			in.Events = append(in.Events, event)
		}
		if e.Load != nil {
			load := Load{*e.Load, e.Service, e.ID}
			if i, ok := loads[e.Service]; ok {
				in.Loads[i] = load
			} else {
				loads[e.Service] = len(in.Loads)
				in.Loads = append(in.Loads, load)
			}
		}
		for _, d := range e.Edges {
			in.EdgesEvidence = e.ID
			if !edges[d] {
				edges[d] = true
				in.Edges = append(in.Edges, d)
			}
		}
	}
	return in
}
