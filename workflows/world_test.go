package workflows_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"sync"
	"time"

	"vigil/activities"
	"vigil/workflows/event"
	"vigil/workflows/incident"
)

// shop is a scripted world behind every port: a deployment of checkout at
// brokenAt makes it slow and failing until a rollback. Its clock is that of
// the workflow's test environment.
type shop struct {
	mu         sync.Mutex
	now        func() time.Time
	brokenAt   time.Time
	curedAt    time.Time // zero: not yet
	silent     bool      // no telemetry at all
	incurable  bool
	startErr   []error                            // what Start answers, call by call; then nil
	lostStart  bool                               // the action takes effect, its answer is lost
	invisible  bool                               // Find sees nothing
	starts     int                                // effects
	cures      string                             // document that cures; empty: any but those that undo
	failing    map[string]incident.ExecutionState // how executions of a document end, where not well
	onEffect   func(incident.Effect)
	effects    []incident.Effect      // in order, each as it took effect
	target     incident.TargetState   // what is observed
	verdict    incident.PolicyVerdict // of the policy; zero: approve
	controls   incident.Controls
	controlErr error
	roles      map[string]incident.Role         // lost or changed; others keep theirs
	leased     func(incident.LeaseRequest) bool // false: not granted yet
	grant      func(incident.LeaseRequest)
	told       []incident.Notification
	tellErr    error
	models     func(r activities.ModelRequest) (activities.ModelReply, error)
	published  []event.Event
	publishErr []error
	onPublish  func([]event.Event)
	guard      func(activities.GuardDirection, string) (activities.GuardrailResult, error)
	dayErr     error
	lessons    []incident.Lesson
	requests   []activities.ModelRequest
}

var simulated = incident.Provenance{Origin: incident.OriginSimulated, Service: "cloudwatch"}

func (s *shop) broken(at time.Time) bool {
	if at.Before(s.brokenAt) {
		return false
	}
	return s.curedAt.IsZero() || at.Before(s.curedAt.Add(10*time.Second))
}

func (s *shop) Query(_ context.Context, service string, w activities.Window) ([]incident.Series, incident.Provenance, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.silent || service == "unknown" {
		return nil, simulated, nil
	}
	latency := incident.Series{Service: service, Metric: incident.MetricLatency, Unit: "ms"}
	errors := incident.Series{Service: service, Metric: incident.MetricErrorRate, Unit: "share"}
	for at := w.From.Truncate(5 * time.Second); at.Before(w.To); at = at.Add(5 * time.Second) {
		wobble := 1 + 0.05*math.Sin(float64(at.Unix()))
		l, e := 100*wobble, 0.002*wobble
		if service == "checkout" && s.broken(at) {
			l, e = 900*wobble, 0.2*wobble
		}
		latency.Points = append(latency.Points, incident.Point{At: at, Value: l})
		errors.Points = append(errors.Points, incident.Point{At: at, Value: e})
	}
	return []incident.Series{latency, errors}, simulated, nil
}

func (s *shop) Search(_ context.Context, service string, w activities.Window, _ int) ([]activities.LogLine, incident.Provenance, error) {
	if s.silent || service != "checkout" {
		return nil, simulated, nil
	}
	var lines []activities.LogLine
	for at := w.From.Truncate(5 * time.Second); at.Before(w.To); at = at.Add(5 * time.Second) {
		lines = append(lines, activities.LogLine{At: at, Level: "info", Message: fmt.Sprintf("order %d placed", at.Unix())})
		if s.broken(at) {
			lines = append(lines, activities.LogLine{At: at, Level: "error", Message: fmt.Sprintf("NullPointerException in CartPricing at line %d", at.Unix()%90)})
		}
	}
	return lines, simulated, nil
}

func (s *shop) Graph(context.Context, activities.Window) ([]incident.Edge, incident.Provenance, error) {
	if s.silent {
		return nil, simulated, nil
	}
	return []incident.Edge{{From: "api", To: "checkout"}, {From: "checkout", To: "orders"}}, simulated, nil
}

func (s *shop) Recent(_ context.Context, service string, w activities.Window) ([]incident.Change, incident.Provenance, error) {
	if s.silent || service != "checkout" {
		return nil, simulated, nil
	}
	return []incident.Change{{Service: service, Kind: "deployment", Summary: "checkout:42 deployed", Version: "42", Before: "41",
		At: s.brokenAt.Add(-5 * time.Second)}}, simulated, nil
}

func (s *shop) Publish(_ context.Context, events []event.Event) error {
	if s.onPublish != nil {
		s.onPublish(events)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.publishErr) > 0 {
		err := s.publishErr[0]
		s.publishErr = s.publishErr[1:]
		if err != nil {
			return err
		}
	}
	s.published = append(s.published, events...)
	return nil
}

func (s *shop) Converse(_ context.Context, r activities.ModelRequest, _ func(string)) (activities.ModelReply, error) {
	s.mu.Lock()
	s.requests = append(s.requests, r)
	s.mu.Unlock()
	reply, err := s.models(r)
	cost := int64(40)
	reply.Provenance = incident.Provenance{Origin: incident.OriginSimulated, Service: "bedrock", Operation: "ConverseStream", Model: r.Model,
		Usage: &incident.Usage{InputTokens: 1000, OutputTokens: 100, CostMicros: &cost}}
	if reply.StopReason == "" {
		reply.StopReason = "end_turn"
	}
	return reply, err
}

// sensible answers as a good model would: it looks before it speaks.
func sensible(r activities.ModelRequest) (activities.ModelReply, error) {
	switch r.Agent {
	case incident.AgentDetection:
		return answer(map[string]any{"severity": "high", "service": "checkout", "summary": "checkout is slow and fails", "confidence": 0.8, "cites": []string{"E1"}})
	case incident.AgentDiagnosis:
		if r.Turn == 1 {
			return activities.ModelReply{StopReason: "tool_use", Calls: []activities.ToolRequest{
				{ID: "t1", Name: activities.ToolQueryMetrics, Input: json.RawMessage(`{"service":"checkout"}`)},
				{ID: "t2", Name: "delete_everything", Input: json.RawMessage(`{}`)},
			}}, nil
		}
		id := idOf(r, `"kind":"change"`)
		return answer(map[string]any{"verdict": "probable", "cause": "bad_deployment", "service": "checkout", "summary": "version 42 of checkout fails",
			"confidence": 0.99, "claims": []any{map[string]any{"text": "42 was deployed just before", "cites": []string{id, "E1"}},
				map[string]any{"text": "the moon was full", "cites": []string{"E999"}}}})
	case incident.AgentPrediction:
		return answer(map[string]any{"summary": "it stays broken", "service": "checkout", "metric": "latency_ms", "confidence": 0.5, "cites": []string{"E1"}})
	case incident.AgentResolution:
		return answer(map[string]any{"option_id": "rollback_deployment:checkout", "reason": "the version before worked", "confidence": 0.9, "cites": []string{"E1"}})
	}
	return answer(map[string]any{"audience": "stakeholders", "text": "Checkout is slow; we are rolling back."})
}

func answer(v any) (activities.ModelReply, error) {
	raw, err := json.Marshal(v)
	return activities.ModelReply{Text: string(raw)}, err
}

// idOf returns the id of the first evidence line that contains what.
func idOf(r activities.ModelRequest, what string) string {
	for _, m := range r.Messages {
		for _, line := range strings.Split(m.Text, "\n") {
			var e incident.Evidence
			if strings.Contains(line, what) && json.Unmarshal([]byte(line), &e) == nil && e.Found {
				return e.ID
			}
		}
	}
	return ""
}

func (s *shop) Check(_ context.Context, d activities.GuardDirection, text string) (activities.GuardrailResult, error) {
	if s.guard != nil {
		return s.guard(d, text)
	}
	return activities.GuardrailResult{Text: text, Provenance: simulated}, nil
}

func (s *shop) Allow(context.Context) error { return s.dayErr }

func (s *shop) Add(context.Context, incident.Usage) {}

func (s *shop) Delta(event.ModelDelta) {}

func (s *shop) Learn(_ context.Context, l incident.Lesson) ([]string, incident.Provenance, error) {
	s.lessons = append(s.lessons, l)
	return []string{"archive"}, simulated, nil
}

func (s *shop) Recall(context.Context, activities.Search) ([]incident.Document, incident.Provenance, error) {
	return nil, simulated, nil
}
