package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"vigil/workflows/event"
	"vigil/workflows/incident"
)

// stories are whole incidents, by the name of their golden file.
var stories = map[string]func() *tape{
	"story":              deploymentStory,
	"story-inconclusive": inconclusiveStory,
	"story-aborted":      abortedStory,
	"story-agents":       databaseStory,
	"story-continued":    continuedStory,
	"story-healthy":      healthyStory,
	"story-moves":        movesStory,
	"story-actions":      actionsStory,
	"story-unsafe":       unsafeStory,
}

// storyOrder is where goldens of single types are looked for, in this order.
var storyOrder = []func() *tape{deploymentStory, inconclusiveStory, abortedStory, databaseStory, continuedStory, healthyStory, movesStory, actionsStory, unsafeStory, oddments}

// buildGoldens makes one file per event type, per frame and per system event,
// and one per story. The file of a type is called after it; evidence has
// one more for each kind.
func buildGoldens() (map[string][]byte, error) {
	files := map[string][]byte{}
	for _, f := range []func(map[string][]byte) error{eventGoldens, frameGoldens, storyGoldens} {
		if err := f(files); err != nil {
			return nil, err
		}
	}
	return files, nil
}

func eventGoldens(files map[string][]byte) error {
	first := map[event.Type]event.Event{}
	for _, make := range storyOrder {
		t := make()
		if t.err != nil {
			return t.err
		}
		for _, e := range t.events {
			if _, have := first[e.Type]; !have {
				first[e.Type] = e
			}
		}
	}
	for _, e := range databaseEvidence(storyStart, incident.OriginSimulated) {
		name := string(event.TypeEvidenceCollected) + "." + string(e.Kind)
		if e.Ref != "" {
			name = string(event.TypeEvidenceCollected) + ".shortened"
		} else if e.Kind == incident.EvidenceMetric || e.Kind == incident.EvidenceRanking || !e.Found {
			continue
		}
		one := &tape{incidentID: "inc-orders-db-3m7q8z", runID: "0195a200-3e00-7c30-8a00-2a3b4c5d6e06", now: storyStart, epoch: streamEpoch, offset: 610, seq: 10}
		one.add(0, &event.EvidenceCollected{Evidence: e}, e.Provenance)
		if one.err != nil {
			return one.err
		}
		if err := put(files, name, one.events[0]); err != nil {
			return err
		}
	}
	short := &tape{incidentID: "inc-checkout-7f3k2m", runID: "0195a1f0-6c1e-7d42-9b57-2f1d6f0a4c01", now: storyStart, epoch: streamEpoch, offset: 111, seq: 11}
	for _, e := range deploymentEvidence(storyStart.Add(-38*time.Second), incident.OriginSimulated, 8) {
		short.add(50*time.Millisecond, &event.EvidenceCollected{Evidence: e}, e.Provenance)
		if short.err != nil {
			return short.err
		}
		if e.Kind == incident.EvidenceMetric {
			first[event.TypeEvidenceCollected] = short.events[0]
			continue
		}
		if err := put(files, string(event.TypeEvidenceCollected)+"."+string(e.Kind), short.events[len(short.events)-1]); err != nil {
			return err
		}
	}
	for _, kind := range event.Types() {
		e, ok := first[kind]
		if !ok {
			return fmt.Errorf("no story has an event of type %s: add one", kind)
		}
		if err := put(files, string(kind), e); err != nil {
			return err
		}
	}
	return nil
}

func frameGoldens(files map[string][]byte) error {
	view, err := deploymentStory().view()
	if err != nil {
		return err
	}
	open, err := inconclusiveStory().view()
	if err != nil {
		return err
	}
	cursor := event.Cursor{Epoch: streamEpoch, Offset: 320}
	here := incident.Provenance{Origin: incident.OriginLive, Service: "gateway"}
	all := map[string]any{
		event.FrameHello: event.Hello{Type: event.FrameHello, Protocol: event.Protocol, Topics: []string{event.TopicIncidents}, Cursor: &cursor},
		event.FrameWelcome: event.Welcome{Type: event.FrameWelcome, Protocol: event.Protocol, Epoch: streamEpoch, Resumed: true,
			Principal: incident.Principal{Name: "dana", Role: incident.RoleApprover}, At: storyStart},
		event.FrameSnapshot: event.Snapshot{Type: event.FrameSnapshot, Epoch: streamEpoch, Offset: cursor.Offset, Incidents: []event.Summary{open.Summary, view.Summary}},
		event.FramePosition: event.Position{Type: event.FramePosition, Epoch: streamEpoch, Offset: cursor.Offset, RTTMS: 12.4},
		event.FrameError:    event.ErrorFrame{Type: event.FrameError, Code: event.CloseSlow, Message: event.CloseReasons[event.CloseSlow]},
		event.TypeModelDelta: event.ModelDelta{Type: event.TypeModelDelta, IncidentID: view.IncidentID, RunID: view.RunID, Agent: incident.AgentDiagnosis,
			Turn: 1, Attempt: 1, Index: 3, Text: "The change precedes the symptom.", Origin: incident.OriginSimulated},
	}
	for name, data := range map[string]any{
		event.TypeSystemHealth: event.SystemHealthMetrics{
			Components: []event.ComponentHealth{
				{Name: "temporal", State: "healthy"}, {Name: "stream", State: "healthy"}, {Name: "store", State: "healthy"},
				{Name: "worker", State: "degraded", Detail: "1 of 2 workers polls"},
			},
			OpenIncidents: 2, InboxPending: 1, InboxQuarantined: 3, InboxPoisoned: 1, SilencesActive: 2, DeliveriesLost: 1, WebSocketConnections: 4,
			WebSocketLatencyMS: ptr(11.8), EventPublishLagMS: ptr(4.6), ProjectionOffset: cursor.Offset, EventsPerSecond: 7.5,
			GatewayUptimeSeconds: 8124, WorkersPolling: ptr(1)},
		event.TypeBusinessMetrics: businessMetrics(),
		event.TypeAWSServices:     awsServices(),
		event.TypeControlsChanged: incident.Controls{Mode: incident.ModeExecute, DryRunServices: []string{"payments"}, DryRunIncidents: []string{"inc-orders-9d4t7w"}, Killed: true,
			By: "noor", Reason: "a rollback hit the wrong cluster", At: storyStart.Add(-time.Minute), Revision: 12},
	} {
		raw, err := json.Marshal(data)
		if err != nil {
			return err
		}
		all[name] = event.SystemEvent{Type: name, At: storyStart, Provenance: here, Data: raw}
	}
	for name, frame := range all {
		if err := put(files, name, frame); err != nil {
			return err
		}
	}
	return nil
}

// storyGoldens writes a story as {"events": [...], "view": {...}}, one event a
// line: a difference shows which event changed.
func storyGoldens(files map[string][]byte) error {
	for name, make := range stories {
		t := make()
		view, err := t.view()
		if err != nil {
			return err
		}
		lines := []string{}
		for _, e := range t.events {
			raw, err := json.Marshal(e)
			if err != nil {
				return err
			}
			lines = append(lines, string(unescapeHTML(raw)))
		}
		raw, err := json.Marshal(view)
		if err != nil {
			return err
		}
		var buf bytes.Buffer
		fmt.Fprintf(&buf, "{\"events\":[\n%s\n],\n\"view\":%s}\n", strings.Join(lines, ",\n"), unescapeHTML(raw))
		files[name] = buf.Bytes()
	}
	return nil
}

func put(files map[string][]byte, name string, v any) error {
	raw, err := indent(v)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	files[name] = raw
	return nil
}

// businessMetrics is a month of 64 incidents, and too few reviews for a share.
func businessMetrics() event.BusinessMetrics {
	level := ptr(0.95)
	estimate := func(n int, mean, median, low, high, coverage float64) event.Estimate {
		return event.Estimate{N: n, Method: event.MethodBCa, Mean: &mean, Median: &median, Low: &low, High: &high, Level: level, Coverage: &coverage}
	}
	resolve := estimate(58, 871, 640, 702, 1130, 0.93)
	resolve.Trend = &event.Trend{Change: -0.21, Low: -0.38, High: -0.02, Direction: event.TrendDown}
	return event.BusinessMetrics{
		From: storyStart.AddDate(0, -1, 0), To: storyStart, Origin: incident.OriginLive, LeftOut: 3,
		Open: 2, Closed: 62, Handled: 60, Remediated: 41, Prevented: 4,
		MTTD: estimate(60, 96, 71, 80, 121, 0.93), MTTA: event.Estimate{N: 12, Method: event.MethodRange, Median: ptr(64.0), Low: ptr(21.0), High: ptr(310.0)}, MTTR: resolve,
		Phases: []event.PhaseTime{
			{Phase: incident.PhaseDetection, Seconds: estimate(58, 9.5, 8, 8.2, 11.9, 0.93)},
			{Phase: incident.PhaseDiagnosis, Seconds: estimate(58, 74, 66, 64, 91, 0.93)},
			{Phase: incident.PhaseApproval, Seconds: event.Estimate{N: 17, Method: event.MethodRange, Median: ptr(140.0), Low: ptr(22.0), High: ptr(900.0)}},
		},
		Success:   event.Share{K: 41, N: 44, Value: ptr(0.932), Low: ptr(0.818), High: ptr(0.977)},
		Autonomy:  event.Share{K: 24, N: 41, Value: ptr(0.585), Low: ptr(0.434), High: ptr(0.722)},
		Diagnosis: event.Share{K: 9, N: 11},
		AICost:    estimate(60, 38400, 31000, 33100, 46200, 0.93), AICostTotalMicros: 2_304_000, AICallsUnknownPrice: 2,
		Currency: "EUR",
		Downtime: &event.DowntimeSum{N: 55, Unrated: 3, Seconds: 53_185, TotalMicros: 88_641_000_000, Each: estimate(55, 1.61e9, 1.2e9, 1.3e9, 2.1e9, 0.93),
			Tiers: []event.TierCost{{Tier: "tier_1", N: 31, Seconds: 24_800, TotalMicros: 82_600_000_000}, {Tier: "tier_2", N: 24, Seconds: 28_385, TotalMicros: 6_041_000_000}}},
		Savings: &event.SavingsSum{N: 55, BaselineSource: "our pager's report of the year before", BaselineN: 212, BaselineSeconds: 99_000, Seconds: 53_185,
			TotalMicros: 76_358_000_000, Each: estimate(55, 1.38e9, 1.3e9, 1.1e9, 1.7e9, 0.93)},
	}
}
