package activities

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"vigil/activities/rca"
	"vigil/workflows/incident"
)

const (
	maxPoints    = 120  // per series, so that a history stays small
	maxLogLines  = 2000 // read from the source
	maxPatterns  = 12   // kept of them
	maxChanges   = 20
	maxEvents    = 30
	maxServices  = 50
	changeMargin = 30 * time.Minute // changes are looked for this much further back than telemetry
	eventMargin  = 12 * time.Hour   // platform events: what is over is worth knowing to be over
	loadLead     = time.Minute      // database load is read from so long before the trouble was noticed
)

func (a *Activities) metricEvidence(ctx context.Context, in CollectInput) (incident.Evidence, error) {
	series, p, err := a.Metrics.Query(ctx, in.Service, in.Window)
	if err != nil {
		return incident.Evidence{}, err
	}
	for i := range series {
		series[i].Metric, series[i].Unit = incident.Metric(plainName(string(series[i].Metric))), plainName(series[i].Unit)
	}
	e := incident.Evidence{Kind: incident.EvidenceMetric, Title: "Metrics of " + in.Service, Query: "standard measures of " + in.Service,
		Found: len(series) > 0, Hash: hash(series), Provenance: p}
	e.Finding, e.Strength = rca.Describe(series, in.BaselineTo)
	if !e.Found {
		e.Finding = "no metrics of " + in.Service
	}
	for _, s := range series {
		s.Points = rca.Thin(s.Points, maxPoints)
		e.Series = append(e.Series, s)
	}
	return e, nil
}

func (a *Activities) logEvidence(ctx context.Context, in CollectInput) (incident.Evidence, error) {
	if a.Logs == nil {
		return nothing(incident.EvidenceLog, "Logs of "+in.Service, "no source of logs is configured"), nil
	}
	// The incident's lines against those of an equal span of normal time. Two
	// searches, so that a noisy incident cannot push normal time out of the limit.
	current, p, err := a.Logs.Search(ctx, in.Service, Window{From: in.BaselineTo, To: in.Window.To}, maxLogLines)
	if err != nil {
		return incident.Evidence{}, err
	}
	normal := Window{From: in.BaselineTo.Add(-in.Window.To.Sub(in.BaselineTo)), To: in.BaselineTo}
	baseline, _, err := a.Logs.Search(ctx, in.Service, normal, maxLogLines)
	if err != nil {
		return incident.Evidence{}, err
	}
	e := incident.Evidence{Kind: incident.EvidenceLog, Title: "Logs of " + in.Service, Query: "log lines of " + in.Service,
		Found: len(current)+len(baseline) > 0, Hash: hash(current), Provenance: p, Logs: Templates(current, baseline, maxPatterns)}
	if e.Finding, e.Strength = rca.DescribeLogs(e.Logs); !e.Found {
		e.Finding = "no logs of " + in.Service
	}
	return e, nil
}

func (a *Activities) changeEvidence(ctx context.Context, in CollectInput) (incident.Evidence, error) {
	if a.Changes == nil {
		return nothing(incident.EvidenceChange, "Changes to "+in.Service, "no source of changes is configured"), nil
	}
	w := Window{From: in.Window.From.Add(-changeMargin), To: in.Window.To}
	changes, p, err := a.Changes.Recent(ctx, in.Service, w)
	if err != nil {
		return incident.Evidence{}, err
	}
	if len(changes) > maxChanges {
		changes = changes[len(changes)-maxChanges:]
	}
	e := incident.Evidence{Kind: incident.EvidenceChange, Title: "Changes to " + in.Service, Query: "changes to " + in.Service,
		Found: len(changes) > 0, Hash: hash(changes), Provenance: p, Changes: changes}
	if e.Finding, e.Strength = rca.DescribeChanges(changes, in.StartedAt); !e.Found {
		e.Finding = "no change to " + in.Service
	}
	return e, nil
}

// lister is a source that knows which services there are, even where it does
// not know who calls whom.
type lister interface {
	// Near lists the services that there are, those most like service first;
	// all are alike to "".
	Near(ctx context.Context, service string, w Window) ([]string, error)
}

func (a *Activities) topologyEvidence(ctx context.Context, in CollectInput) (incident.Evidence, error) {
	e := nothing(incident.EvidenceTopology, "Service graph", "no source of a service graph is configured")
	if a.Topology != nil {
		edges, p, err := a.Topology.Graph(ctx, in.Window)
		if err != nil {
			return incident.Evidence{}, err
		}
		e.Edges, e.Provenance, e.Found, e.Hash = edges, p, len(edges) > 0, hash(edges)
		e.Finding = fmt.Sprintf("%d dependencies", len(edges))
	}
	if from, ok := a.Metrics.(lister); ok && len(e.Edges) == 0 {
		services, err := from.Near(ctx, in.Text, in.Window)
		if err != nil {
			return incident.Evidence{}, err
		}
		e.Services = services[:min(len(services), maxServices)]
		e.Finding = fmt.Sprintf("%d services, and nothing that says who calls whom", len(services))
	}
	return e, nil
}

// eventEvidence asks everything that reports events: the database platform
// and the one that containers run on. Most services are known to one of them.
func (a *Activities) eventEvidence(ctx context.Context, in CollectInput) (incident.Evidence, error) {
	e := nothing(incident.EvidenceEvents, "Platform events of "+in.Service, "no source of platform events is configured")
	w := Window{From: in.Window.From.Add(-eventMargin), To: in.Window.To}
	for _, source := range []interface {
		Events(context.Context, string, Window) ([]incident.SystemEvent, incident.Provenance, error)
	}{platformOrNil(a.Platform), databaseOrNil(a.Database)} {
		if source == nil {
			continue
		}
		events, p, err := source.Events(ctx, in.Service, w)
		if err != nil {
			return incident.Evidence{}, err
		}
		if len(events) > 0 || !e.Found {
			e.Provenance = p
		}
		e.Events, e.Found = append(e.Events, events...), e.Found || len(events) > 0
		e.Finding = "no event of " + in.Service
	}
	slices.SortStableFunc(e.Events, func(x, y incident.SystemEvent) int { return x.At.Compare(y.At) })
	e.Hash = hash(e.Events)
	if len(e.Events) > maxEvents {
		e.Events = e.Events[len(e.Events)-maxEvents:]
	}
	if e.Found {
		e.Finding, e.Strength = rca.DescribeEvents(e.Events, in.StartedAt)
	}
	return e, nil
}

// A nil interface value in another interface would not be nil.
func platformOrNil(p Platform) interface {
	Events(context.Context, string, Window) ([]incident.SystemEvent, incident.Provenance, error)
} {
	if p == nil {
		return nil
	}
	return p
}

func databaseOrNil(d Database) interface {
	Events(context.Context, string, Window) ([]incident.SystemEvent, incident.Provenance, error)
} {
	if d == nil {
		return nil
	}
	return d
}

func (a *Activities) loadEvidence(ctx context.Context, in CollectInput) (incident.Evidence, error) {
	title := "Database load of " + in.Service
	if a.Database == nil {
		return nothing(incident.EvidenceDatabaseLoad, title, "no source of database load is configured"), nil
	}
	// From not long before the trouble was noticed: averaged over normal time as
	// well, what takes the database now would hardly show.
	load, p, err := a.Database.Load(ctx, in.Service, Window{From: in.StartedAt.Add(-loadLead), To: in.Window.To})
	if err != nil {
		return incident.Evidence{}, err
	}
	e := incident.Evidence{Kind: incident.EvidenceDatabaseLoad, Title: title, Query: "statements and waits of " + in.Service,
		Found: load != nil, Load: load, Hash: hash(load), Provenance: p, Finding: "the load of " + in.Service + " is not measured"}
	if load != nil {
		e.Finding, e.Strength = rca.DescribeLoad(*load)
	}
	return e, nil
}

// plainName is the name of a measure without what no name needs. Names come
// from whoever writes metrics, and end up in sentences that models read.
func plainName(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', strings.ContainsRune("_:.%/-", r):
			return r
		}
		return '_'
	}, Redact(s))
	return clipText(s, 100)
}

// clipText shortens text to n bytes without cutting a character in two.
func clipText(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "") + "…"
}
