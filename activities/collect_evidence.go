package activities

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"vigil/activities/rca"
	"vigil/workflows/incident"
)

// The tools by which agents look at the user's systems. The workflow uses the
// same ones before any model is asked.
const (
	ToolQueryMetrics  = "query_metrics"
	ToolSearchLogs    = "search_logs"
	ToolRecentChanges = "recent_changes"
	ToolServiceGraph  = "service_graph"
)

const (
	maxPoints    = 120  // per series, so that a history stays small
	maxLogLines  = 2000 // read from the source
	maxPatterns  = 12   // kept of them
	maxChanges   = 20
	changeMargin = 30 * time.Minute // changes are looked for this much further back than telemetry
)

// CollectInput is one look with one tool.
type CollectInput struct {
	Tool       string         `json:"tool"`
	Service    string         `json:"service,omitempty"`
	Window     Window         `json:"window"`
	StartedAt  time.Time      `json:"started_at"`  // when the trouble began, as far as is known
	BaselineTo time.Time      `json:"baseline_to"` // the window before this is normal operation
	Agent      incident.Agent `json:"agent"`
}

// CollectEvidence uses one tool once. What is not there comes back as
// evidence with found false: that something was looked for is worth knowing.
// The workflow gives the evidence its id.
func (a *Activities) CollectEvidence(ctx context.Context, in CollectInput) (incident.Evidence, error) {
	defer keepAlive(ctx)()
	var (
		e   incident.Evidence
		err error
	)
	switch in.Tool {
	case ToolQueryMetrics:
		e, err = a.metricEvidence(ctx, in)
	case ToolSearchLogs:
		e, err = a.logEvidence(ctx, in)
	case ToolRecentChanges:
		e, err = a.changeEvidence(ctx, in)
	case ToolServiceGraph:
		e, err = a.topologyEvidence(ctx, in)
	default:
		err = incident.Errorf(incident.KindInvalid, "there is no tool %q", in.Tool)
	}
	if err != nil {
		return incident.Evidence{}, failure(strings.TrimSpace(in.Tool+" "+in.Service), err)
	}
	e.Service, e.From, e.To, e.CollectedBy = in.Service, in.Window.From, in.Window.To, in.Agent
	e.Provenance = attempt(ctx, e.Provenance)
	e.Source = e.Provenance.Service
	return e, nil
}

func (a *Activities) metricEvidence(ctx context.Context, in CollectInput) (incident.Evidence, error) {
	series, p, err := a.Metrics.Query(ctx, in.Service, in.Window)
	if err != nil {
		return incident.Evidence{}, err
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

func (a *Activities) topologyEvidence(ctx context.Context, in CollectInput) (incident.Evidence, error) {
	edges, p, err := a.Topology.Graph(ctx, in.Window)
	if err != nil {
		return incident.Evidence{}, err
	}
	e := incident.Evidence{Kind: incident.EvidenceTopology, Title: "Service graph", Query: "service graph",
		Found: len(edges) > 0, Hash: hash(edges), Provenance: p, Edges: edges}
	e.Finding = fmt.Sprintf("%d dependencies", len(edges))
	return e, nil
}

func hash(v any) string {
	raw, err := json.Marshal(v)
	if err != nil {
		return "" // a NaN from the source; the evidence stands without a hash
	}
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:])
}
