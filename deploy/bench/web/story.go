package main

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"time"

	"vigil/workflows/event"
	"vigil/workflows/incident"
)

// idPrefix is what every incident of the bench is called by; the page marks
// its rows with it.
const idPrefix = "bench-"

// Incidents that the bench looks for on the page.
const (
	busyID = idPrefix + "busy" // the one that is open where one is
	lastID = idPrefix + "last" // is opened when the load is over
)

// busyShare is how much of the load is about the busy incident: three events a
// second, where a real one makes some hundred in all.
const busyShare = .015

// pieces is in how many parts a model's answer is heard before it is an event.
const pieces = 4

// line is one incident, from the moment it is opened.
type line struct {
	id, run  string
	service  string
	severity incident.Severity
	seq      int64
	turn     int
	alerts   int
	evidence int
	phase    int
}

// said is what happens at one instant: an event, and before it what a model
// said on the way to it.
type said struct {
	event  event.Event
	pieces []event.ModelDelta
}

// lines are all incidents, and what happens to them next.
type lines struct {
	rand  *rand.Rand
	all   []*line // all[0] is the busy one
	made  int
	start time.Time
}

func newLines(n int, seed uint64) *lines {
	s := &lines{rand: rand.New(rand.NewPCG(seed, 1)), start: time.Now().Add(-20 * time.Minute)}
	for i := range n {
		s.all = append(s.all, s.newLine(fmt.Sprintf("%s%05d", idPrefix, i)))
	}
	s.all[0].id = busyID
	s.made = n
	return s
}

var services = strings.Fields("checkout payments catalog search cart orders inventory shipping billing accounts sessions mail reports images gateway ledger")

func (s *lines) newLine(id string) *line {
	severities := []incident.Severity{incident.SeverityCritical, incident.SeverityHigh, incident.SeverityMedium, incident.SeverityMedium, incident.SeverityLow}
	return &line{id: id, run: fmt.Sprintf("%08x-%04x-7000-8000-%012x", s.rand.Uint32(), s.rand.IntN(1<<16), s.rand.Int64N(1<<48)),
		service: services[s.rand.IntN(len(services))], severity: severities[s.rand.IntN(len(severities))]}
}

// opening is how each incident begins: it is being investigated.
func (s *lines) opening(l *line) []said {
	return []said{s.say(l, s.opened(l)), s.say(l, s.alert(l)),
		s.say(l, &event.IncidentStatusChanged{Status: incident.StatusInvestigating}),
		s.say(l, &event.PhaseChanged{Phase: incident.PhaseDetection, State: incident.PhaseRunning})}
}

// mix is what happens while incidents are being investigated, in percent. What
// closes an incident opens another, so that as many stay open.
var mix = []struct {
	percent int
	make    func(*lines, *line) event.Data
}{
	{38, (*lines).agent}, {16, (*lines).model}, {12, (*lines).evidenceFound}, {10, (*lines).alert}, {9, (*lines).phaseMoves},
	{6, (*lines).status}, {3, (*lines).guardrail}, {2, (*lines).failure}, {2, (*lines).note}, {1, (*lines).severityMoves}, {1, (*lines).close},
}

// next is what happens next, and to which incident.
func (s *lines) next() []said {
	at := 0
	if s.rand.Float64() >= busyShare {
		at = 1 + s.rand.IntN(len(s.all)-1)
	}
	l := s.all[at]
	n := s.rand.IntN(100)
	for _, kind := range mix {
		if n -= kind.percent; n >= 0 {
			continue
		}
		data := kind.make(s, l)
		if l.id == busyID && data.EventType() == event.TypeIncidentClosed {
			data = s.agent(l) // it is looked at to the end
		}
		out := []said{s.say(l, data)}
		if data.EventType() != event.TypeIncidentClosed {
			return out
		}
		s.all[at] = s.newLine(fmt.Sprintf("%s%05d", idPrefix, s.made))
		s.made++
		return append(out, s.opening(s.all[at])...)
	}
	panic("the shares of the mix do not add up to 100")
}

// lastInList is an incident that is above all others in the list: a page that
// shows it there has applied everything before it.
func (s *lines) lastInList() []said {
	l := s.newLine(lastID)
	l.severity = incident.SeverityCritical
	return []said{s.say(l, s.opened(l)),
		s.say(l, &event.IncidentStatusChanged{Status: incident.StatusNeedsHuman, NeedsHuman: true, Handover: incident.HandoverInconclusive})}
}

// lastOfBusy is the very last event.
func (s *lines) lastOfBusy() []said { return []said{s.say(s.all[0], s.note(s.all[0]))} }

// say makes l's next event.
func (s *lines) say(l *line, data event.Data) said {
	l.seq++
	p := incident.Provenance{Origin: incident.OriginSimulated, Service: "workflow"}
	var heard []event.ModelDelta
	if call, ok := data.(*event.ModelCalled); ok {
		cost := int64(4_000 + s.rand.IntN(9_000))
		p = incident.Provenance{Origin: incident.OriginSimulated, Service: "bedrock", Operation: "ConverseStream", Model: "anthropic.claude-sonnet-4-20250514-v1:0",
			RequestID: l.run, LatencyMS: int64(800 + s.rand.IntN(3000)), Attempt: 1,
			Usage: &incident.Usage{InputTokens: int64(2_000 + s.rand.IntN(4_000)), OutputTokens: int64(200 + s.rand.IntN(600)), CostMicros: &cost}}
		for i := range pieces {
			from, to := i*len(call.Text)/pieces, (i+1)*len(call.Text)/pieces
			heard = append(heard, event.ModelDelta{Type: event.TypeModelDelta, IncidentID: l.id, RunID: l.run, Agent: call.Agent, Turn: call.Turn, Attempt: 1,
				Index: i, Text: call.Text[from:to], Origin: incident.OriginSimulated})
		}
	}
	// What is made here can always be written as JSON.
	raw, err := json.Marshal(data)
	if err != nil {
		panic(err)
	}
	return said{event.Event{Type: data.EventType(), ID: event.MakeID(l.run, l.seq), IncidentID: l.id, RunID: l.run, Seq: l.seq, At: time.Now().UTC(), Provenance: p, Data: raw}, heard}
}

func (s *lines) opened(l *line) event.Data {
	return &event.IncidentOpened{Title: "Latency of " + l.service + " is high", Service: l.service, Severity: l.severity, Source: "alertmanager",
		Labels: map[string]string{"region": "eu-central-1", "team": "commerce"}, StartedAt: s.start}
}

func (s *lines) alert(l *line) event.Data {
	// One in three is new; the others say again what was said, or that it is over.
	which, status := s.rand.IntN(l.alerts+1), incident.AlertFiring
	if l.alerts == 0 || s.rand.IntN(3) == 0 {
		which = l.alerts
		l.alerts++
	} else if s.rand.IntN(3) == 0 {
		status = incident.AlertResolved
	}
	key, fingerprint := l.service+"/latency", fmt.Sprintf("%s-%d", l.run[:8], which)
	return &event.AlertReceived{Alert: incident.Alert{Source: "alertmanager", CorrelationKey: key, Fingerprint: fingerprint, Status: status, Severity: l.severity,
		Title: "p99 latency over 900 ms", Service: l.service, Labels: map[string]string{"instance": fmt.Sprintf("%s-%d", l.service, which), "region": "eu-central-1"},
		StartsAt: s.start, ReceivedAt: time.Now(), Origin: incident.OriginSimulated, Member: incident.MemberID(key, fingerprint)}}
}

func (s *lines) who() incident.Agent { return incident.Agents[s.rand.IntN(len(incident.Agents))] }

func (s *lines) agent(l *line) event.Data {
	confidence := float64(s.rand.IntN(90)) / 100
	state := []incident.AgentState{incident.AgentAnalyzing, incident.AgentProcessing, incident.AgentWaiting}[s.rand.IntN(3)]
	return &event.AgentUpdated{Agent: s.who(), State: state, Phase: incident.Phases[l.phase], Turn: l.turn%6 + 1, MaxTurns: 6, Confidence: &confidence, EvidenceCount: l.evidence,
		Task:       "Compare the metrics of " + l.service + " with those before the deployment",
		KeyFinding: "latency_ms 121 → 940 since 14:02:10; error_rate 0.001 → 0.12 since 14:02:15; both follow version 42 of " + l.service}
}

func (s *lines) model(l *line) event.Data {
	l.turn++
	return &event.ModelCalled{Agent: s.who(), Turn: l.turn, StopReason: "tool_use", Tools: []string{"query_metrics"}, PromptHash: strings.Repeat("5f3a", 16),
		Text: "The rise in the latency of " + l.service + " begins eleven seconds after version 42 was deployed [E1, E2]. Its callers see more errors in the same seconds [E3]. " +
			"Saturation of the database would show in its connections, which are as they were. I compare the metrics before and after the change."}
}

func (s *lines) evidenceFound(l *line) event.Data {
	l.evidence++
	points := make([]incident.Point, 60)
	for i := range points {
		points[i] = incident.Point{At: s.start.Add(time.Duration(i) * 20 * time.Second), Value: math.Round(100 + 20*s.rand.NormFloat64() + 800/(1+math.Exp(float64(30-i))))}
	}
	return &event.EvidenceCollected{Evidence: incident.Evidence{ID: fmt.Sprintf("E%d", l.evidence), Kind: incident.EvidenceMetric, Source: "cloudwatch", Service: l.service,
		Title: "Latency of " + l.service, Query: "latency_ms", From: s.start, To: s.start.Add(20 * time.Minute), Found: true, Finding: "rises from 121 to 940 at 14:02:10", Strength: .9,
		Series:     []incident.Series{{Service: l.service, Metric: incident.MetricLatency, Unit: "ms", Points: points}},
		Provenance: incident.Provenance{Origin: incident.OriginSimulated, Service: "cloudwatch", Operation: "GetMetricData", LatencyMS: 80}}}
}

func (s *lines) phaseMoves(l *line) event.Data {
	state := incident.PhaseRunning
	if s.rand.IntN(2) == 0 {
		state = incident.PhaseCompleted
		l.phase = (l.phase + 1) % len(incident.Phases)
	}
	return &event.PhaseChanged{Phase: incident.Phases[l.phase], State: state}
}

func (s *lines) status(*line) event.Data {
	switch s.rand.IntN(4) {
	case 0:
		return &event.IncidentStatusChanged{Status: incident.StatusNeedsHuman, NeedsHuman: true, Handover: incident.HandoverInconclusive, Reason: "no cause could be shown"}
	case 1:
		return &event.IncidentStatusChanged{Status: incident.StatusVerifying}
	default:
		return &event.IncidentStatusChanged{Status: incident.StatusInvestigating}
	}
}

func (s *lines) guardrail(*line) event.Data {
	return &event.GuardrailChecked{Agent: s.who(), Subject: "answer", Outcome: event.GuardrailPassed}
}

func (s *lines) failure(*line) event.Data {
	return &event.ErrorRaised{Kind: incident.KindThrottled, Message: "bedrock: ConverseStream: too many requests", Agent: s.who(), Retries: 1, Recoverable: true, Recovery: "it is asked again"}
}

func (s *lines) note(*line) event.Data {
	return &event.IncidentNoted{By: "dana", Text: "The deployment of 14:02 is being looked at by the team."}
}

func (s *lines) severityMoves(l *line) event.Data {
	from := l.severity
	l.severity = incident.Severities[s.rand.IntN(len(incident.Severities))]
	return &event.IncidentSeverityChanged{From: from, To: l.severity, By: "dana", Reason: "more is affected than was thought"}
}

func (s *lines) close(*line) event.Data {
	return &event.IncidentClosed{Status: incident.StatusResolved, Outcome: incident.OutcomeRecovered, Reason: "the telemetry is back to its state before the incident"}
}
