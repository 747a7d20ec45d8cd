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
	Alerting      string          // the service that the alert is about; empty: not known
	StartedAt     time.Time       // when the alert says that it began; zero: not known
	BaselineTo    time.Time       // the normal state is read up to here; zero: StartedAt
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
