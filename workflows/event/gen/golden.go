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
		event.TypeBusinessMetrics: event.BusinessMetrics{IncidentsOpen: 2, IncidentsClosed: 7, Remediated: 5, MTTRSeconds: ptr(871.0),
			MTTRLowerSeconds: ptr(502.0), MTTRUpperSeconds: ptr(1240.0), MTTASeconds: ptr(64.0), SampleSize: 7, ModelCostMicros: 51240, ModelCallsUnknown: 2,
			CausesReviewed: 6, CausesCorrect: 5},
		event.TypeAWSServices: awsServices(),
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
