package activities

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"
	"time"

	"vigil/workflows/incident"
)

// The tools by which agents look at the user's systems and at what is known
// already. The workflow uses the same ones before any model is asked.
const (
	ToolQueryMetrics     = "query_metrics"
	ToolSearchLogs       = "search_logs"
	ToolRecentChanges    = "recent_changes"
	ToolServiceGraph     = "service_graph"
	ToolPlatformEvents   = "platform_events"
	ToolDatabaseLoad     = "database_load"
	ToolSimilarIncidents = "similar_incidents"
	ToolFindRunbooks     = "find_runbooks"
)

// CollectInput is one look with one tool.
type CollectInput struct {
	Tool       string         `json:"tool"`
	IncidentID string         `json:"incident_id"`
	Service    string         `json:"service,omitempty"`
	Text       string         `json:"text,omitempty"` // what runbooks and past incidents are searched for; of a graph, the service to start from
	Cause      incident.Cause `json:"cause,omitempty"`
	Window     Window         `json:"window"`
	StartedAt  time.Time      `json:"started_at"`  // when the trouble began, as far as is known
	BaselineTo time.Time      `json:"baseline_to"` // the window before this is normal operation
	Agent      incident.Agent `json:"agent"`
}

// Collected is what came of a look. Guard is nil where there was no text of
// strangers in it.
type Collected struct {
	Evidence incident.Evidence `json:"evidence"`
	Guard    *GuardReport      `json:"guard,omitempty"`
}

// CollectEvidence uses one tool once. What is not there comes back as
// evidence with found false: that something was looked for is worth knowing.
// Text that strangers wrote is redacted and anonymised here, before it enters
// any history; what is larger than a history should hold is kept elsewhere and
// shortened. The workflow gives the evidence its id.
func (a *Activities) CollectEvidence(ctx context.Context, in CollectInput) (Collected, error) {
	defer keepAlive(ctx)()
	look, known := a.tools()[in.Tool]
	if !known {
		return Collected{}, failureOf(ctx, "collect evidence", incident.Errorf(incident.KindInvalid, "there is no tool %q", in.Tool))
	}
	op := strings.TrimSpace(in.Tool + " " + in.Service)
	e, err := look(ctx, in)
	if err != nil {
		return Collected{}, failureOf(ctx, op, err)
	}
	e.Service, e.From, e.To, e.CollectedBy = in.Service, in.Window.From, in.Window.To, in.Agent
	e.Provenance = attempt(ctx, e.Provenance)
	e.Source = e.Provenance.Service
	guard := a.guardEvidence(ctx, &e)
	if err := a.shorten(ctx, &e); err != nil {
		return Collected{}, failureOf(ctx, op, err)
	}
	return Collected{Evidence: e, Guard: guard}, nil
}

func (a *Activities) tools() map[string]func(context.Context, CollectInput) (incident.Evidence, error) {
	return map[string]func(context.Context, CollectInput) (incident.Evidence, error){
		ToolQueryMetrics:     a.metricEvidence,
		ToolSearchLogs:       a.logEvidence,
		ToolRecentChanges:    a.changeEvidence,
		ToolServiceGraph:     a.topologyEvidence,
		ToolPlatformEvents:   a.eventEvidence,
		ToolDatabaseLoad:     a.loadEvidence,
		ToolSimilarIncidents: a.pastEvidence,
		ToolFindRunbooks:     a.runbookEvidence,
	}
}

// available names the tools that have something behind them. Past incidents
// and runbooks are always looked for: that there are none is worth saying.
func (a *Activities) available() []string {
	out := []string{ToolQueryMetrics}
	for _, t := range []struct {
		name string
		has  bool
	}{
		{ToolSearchLogs, a.Logs != nil}, {ToolRecentChanges, a.Changes != nil}, {ToolServiceGraph, a.Topology != nil},
		{ToolPlatformEvents, a.Database != nil || a.Platform != nil}, {ToolDatabaseLoad, a.Database != nil},
		{ToolSimilarIncidents, true}, {ToolFindRunbooks, true},
	} {
		if t.has {
			out = append(out, t.name)
		}
	}
	return out
}

// nothing is the evidence of a look that had nobody to ask.
func nothing(kind incident.EvidenceKind, title, finding string) incident.Evidence {
	return incident.Evidence{Kind: kind, Title: title, Query: strings.ToLower(title), Finding: finding,
		Provenance: incident.Provenance{Origin: incident.OriginLive, Service: "vigil", Operation: "nothing is configured to ask"}}
}

func hash(v any) string {
	raw, err := json.Marshal(v)
	if err != nil {
		return "" // a NaN from the source; the evidence stands without a hash
	}
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:])
}
