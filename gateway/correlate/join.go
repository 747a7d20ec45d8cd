package correlate

import (
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"vigil/gateway/store"
	"vigil/workflows/incident"
)

const (
	// costLimit bounds the work of one rule on one incident: far above what
	// looking at 64 services takes.
	costLimit = 100_000

	// openedWindow is how far back a scene knows of incidents that were opened.
	openedWindow = time.Hour

	// RuleStorm is the rule shown with alerts that joined because of a storm.
	RuleStorm = "storm"
)

// environment is what rules see. The names are for ever.
func (r *Rules) environment() (*cel.Env, error) {
	texts := []string{"alert.service", "alert.source", "alert.severity", "alert.title", "alert.correlation_key", "alert.fingerprint",
		"incident.service", "incident.title", "incident.severity"}
	options := []cel.EnvOption{
		cel.OptionalTypes(),
		cel.Variable("alert.labels", cel.MapType(cel.StringType, cel.StringType)),
		cel.Variable("alert.received_at", cel.TimestampType),
		cel.Variable("incident.labels", cel.MapType(cel.StringType, cel.StringType)),
		cel.Variable("incident.services", cel.ListType(cel.StringType)),
		cel.Variable("incident.sources", cel.ListType(cel.StringType)),
		cel.Variable("incident.opened_at", cel.TimestampType),
		cel.Variable("incident.last_alert_at", cel.TimestampType),
		cel.Variable("incident.alerts", cel.IntType),
		cel.Variable("now", cel.TimestampType),
		cel.Function("hops", cel.Overload("hops_string_string", []*cel.Type{cel.StringType, cel.StringType}, cel.IntType,
			cel.BinaryBinding(func(a, b ref.Val) ref.Val {
				from, _ := a.Value().(string) // checked when the rule was compiled
				to, _ := b.Value().(string)
				return types.Int(r.graph.hops(from, to))
			}))),
	}
	for _, name := range texts {
		options = append(options, cel.Variable(name, cel.StringType))
	}
	return cel.NewEnv(options...)
}

// Join implements store.Correlator.
func (r *Rules) Join(a incident.Alert, s store.Scene) (incidentID, rule string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.graph = newGraph(r.static, s.Edges)
	for _, rule := range r.rules {
		for _, p := range s.Problems {
			if s.Now.Sub(p.LastAlertAt) > rule.Window {
				break // the others are older
			}
			if r.says(rule, a, p, s.Now) {
				return p.IncidentID, rule.Name
			}
		}
	}
	if id := r.stormy(s); id != "" {
		return id, RuleStorm
	}
	return "", ""
}

func (r *Rules) says(rule Rule, a incident.Alert, p store.Problem, now time.Time) bool {
	out, _, err := rule.program.Eval(map[string]any{
		"alert.service": a.Service, "alert.source": a.Source, "alert.severity": string(a.Severity), "alert.title": a.Title,
		"alert.correlation_key": a.CorrelationKey, "alert.fingerprint": a.Fingerprint, "alert.labels": notNil(a.Labels), "alert.received_at": a.ReceivedAt,
		"incident.service": p.Service, "incident.title": p.Title, "incident.severity": string(p.Severity), "incident.labels": notNil(p.Labels),
		"incident.services": p.Services, "incident.sources": p.Sources, "incident.opened_at": p.OpenedAt, "incident.last_alert_at": p.LastAlertAt,
		"incident.alerts": p.Alerts, "now": now,
	})
	if err != nil {
		r.failed(rule.Name, err)
		return false
	}
	yes, ok := out.Value().(bool)
	return ok && yes
}

// stormy returns the incident that alerts join while a storm lasts: the latest
// opened of those that are open.
func (r *Rules) stormy(s store.Scene) string {
	if r.storm.Incidents == 0 || len(s.Opened) < r.storm.Incidents || s.Now.Sub(s.Opened[r.storm.Incidents-1]) > r.storm.Window {
		return ""
	}
	var latest store.Problem
	for _, p := range s.Problems {
		if s.Now.Sub(p.OpenedAt) <= r.storm.Window && p.OpenedAt.After(latest.OpenedAt) {
			latest = p
		}
	}
	return latest.IncidentID
}

func notNil(m map[string]string) map[string]string {
	if m == nil {
		return map[string]string{}
	}
	return m
}

// Description is the rules as people read them.
type Description struct {
	File  string            `json:"file,omitempty"` // empty: those that come with Vigil
	Rules []RuleDescription `json:"rules"`
	Storm StormDescription  `json:"storm"`
}

// RuleDescription is one rule.
type RuleDescription struct {
	Name    string `json:"name"`
	About   string `json:"about,omitempty"`
	WindowS int64  `json:"window_s"`
	When    string `json:"when"`
}

// StormDescription is when incidents are so many that alerts join the latest.
type StormDescription struct {
	Incidents int   `json:"incidents"` // 0: never
	WindowS   int64 `json:"window_s"`
}

// Describe returns the rules in the order in which they are asked.
func (r *Rules) Describe() Description {
	d := Description{File: r.file, Rules: []RuleDescription{}, Storm: StormDescription{r.storm.Incidents, int64(r.storm.Window / time.Second)}}
	for _, rule := range r.rules {
		d.Rules = append(d.Rules, RuleDescription{rule.Name, rule.About, int64(rule.Window / time.Second), rule.When})
	}
	return d
}
