package e2e_test

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	enums "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"
	sdk "go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
	"google.golang.org/protobuf/proto"

	"vigil/deploy/e2e/harness"
	"vigil/workflows/event"
	"vigil/workflows/incident"
)

// BenchmarkActivityToFrame measures how long it takes from the completion of
// an activity, as the history has it, until the event that it caused is read
// by a client of the socket: workflow task, publishing activity, stream, store
// and hub are in between. Beside it, in the same run and on the same server, a
// bare workflow of as many activities that do nothing: from one activity's
// completion until the next one is scheduled (a workflow task), which is the
// part of the way that nobody can leave out.
func BenchmarkActivityToFrame(b *testing.B) {
	v := harness.Start(b, harness.Options{Tick: time.Second, WorkerArgs: quick})
	a := api{t: b, gateway: v.GatewayURL(), sandbox: v.SandboxURL()}
	c, err := client.Dial(client.Options{HostPort: v.TemporalAddr, Logger: log.NewStructuredLogger(slog.New(slog.DiscardHandler))})
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	arrived := listen(b, v.GatewayURL())
	a.fault("bad_deployment")
	a.opened(time.Minute)

	const incidents = 10
	var lags []time.Duration
	activities, historyEvents, historyBytes := 0, 0, 0
	var cost event.Cost
	for range b.N {
		for i := range incidents {
			id := a.open(fmt.Sprint("benchmark ", i))
			a.reaches(id, time.Minute, "a proposal or a person", func(v event.View) bool { return awaitsApproval(v) || v.Status == incident.StatusNeedsHuman })
			events := events(b, c, id)
			historyEvents += len(events)
			for _, e := range events {
				historyBytes += proto.Size(e)
			}
			spent := a.view(id).Cost
			cost.ModelCalls, cost.InputTokens = cost.ModelCalls+spent.ModelCalls, cost.InputTokens+spent.InputTokens
			cost.OutputTokens, cost.CostMicros = cost.OutputTokens+spent.OutputTokens, cost.CostMicros+spent.CostMicros
			for request, done := range completions(b, events) {
				if at, ok := arrived.at(request); ok {
					lags = append(lags, at.Sub(done))
				}
				activities++
			}
			a.must(http.MethodPost, a.gateway+"/api/v1/incidents/"+id+"/resolve", map[string]string{"reason": "benchmark"}, nil)
		}
	}
	bare := bareWorkflow(b, c, max(activities/incidents/b.N, 1), incidents)
	if len(lags) < activities/2 {
		b.Fatalf("only %d of %d completions were matched with a frame", len(lags), activities)
	}
	slices.Sort(lags)
	b.ReportMetric(float64(lags[len(lags)/2].Microseconds())/1000, "frame-p50-ms")
	b.ReportMetric(float64(lags[len(lags)*99/100].Microseconds())/1000, "frame-p99-ms")
	b.ReportMetric(float64(bare[len(bare)/2].Microseconds())/1000, "bare-p50-ms")
	b.ReportMetric(float64(bare[len(bare)*99/100].Microseconds())/1000, "bare-p99-ms")
	b.ReportMetric(float64(activities)/float64(incidents*b.N), "activities/incident")
	per := func(n int64, unit string) { b.ReportMetric(float64(n)/float64(incidents*b.N), unit+"/incident") }
	per(int64(historyEvents), "history-events")
	per(int64(historyBytes), "history-bytes")
	per(int64(cost.ModelCalls), "model-calls")
	per(cost.InputTokens, "input-tokens")
	per(cost.OutputTokens, "output-tokens")
	b.ReportMetric(float64(cost.CostMicros)/1e6/float64(incidents*b.N), "dollars/incident")
}

// arrivals remembers when the event of each request id came.
type arrivals struct {
	mu sync.Mutex
	m  map[string]time.Time
}

func (a *arrivals) at(request string) (time.Time, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	t, ok := a.m[request]
	return t, ok
}

func listen(b *testing.B, gateway string) *arrivals {
	b.Helper()
	conn, _, err := websocket.DefaultDialer.Dial("ws"+gateway[len("http"):]+"/api/v1/ws", http.Header{"Origin": {gateway}})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { conn.Close() })
	if err := conn.WriteJSON(event.Hello{Type: event.FrameHello, Protocol: event.Protocol, Topics: []string{event.TopicIncidents}}); err != nil {
		b.Fatal(err)
	}
	a := &arrivals{m: map[string]time.Time{}}
	go func() {
		for {
			_, raw, err := conn.ReadMessage()
			now := time.Now()
			if err != nil {
				return // the benchmark is over
			}
			var e event.Event
			if json.Unmarshal(raw, &e) != nil || e.Type != event.TypeModelCalled && e.Type != event.TypeEvidenceCollected {
				continue
			}
			a.mu.Lock()
			a.m[e.Provenance.RequestID] = now
			a.mu.Unlock()
		}
	}()
	return a
}

func events(b *testing.B, c client.Client, id string) []*history.HistoryEvent {
	b.Helper()
	var all []*history.HistoryEvent
	it := c.GetWorkflowHistory(context.Background(), id, "", false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for it.HasNext() {
		e, err := it.Next()
		if err != nil {
			b.Fatal(err)
		}
		all = append(all, e)
	}
	return all
}

// completions are the times at which activities that asked AWS completed, by
// the request id in their result.
func completions(b *testing.B, all []*history.HistoryEvent) map[string]time.Time {
	b.Helper()
	done := map[string]time.Time{}
	for _, e := range all {
		for _, p := range e.GetActivityTaskCompletedEventAttributes().GetResult().GetPayloads() {
			var result struct {
				Provenance incident.Provenance `json:"provenance"`
				Evidence   incident.Evidence   `json:"evidence"`
			}
			if json.Unmarshal(p.GetData(), &result) != nil {
				continue
			}
			if id := cmp.Or(result.Provenance.RequestID, result.Evidence.Provenance.RequestID); id != "" {
				done[id] = e.GetEventTime().AsTime()
			}
		}
	}
	return done
}

// bareWorkflow runs n workflows of as many empty activities, one after
// another, and returns the times from completion to the next scheduled.
func bareWorkflow(b *testing.B, c client.Client, activities, n int) []time.Duration {
	b.Helper()
	const queue = "bare"
	w := sdk.New(c, queue, sdk.Options{})
	w.RegisterActivityWithOptions(func(context.Context) error { return nil }, activity.RegisterOptions{Name: "Nothing"})
	w.RegisterWorkflowWithOptions(func(ctx workflow.Context) error {
		ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: 10 * time.Second})
		for range activities {
			if err := workflow.ExecuteActivity(ctx, "Nothing").Get(ctx, nil); err != nil {
				return err
			}
		}
		return nil
	}, workflow.RegisterOptions{Name: "Bare"})
	if err := w.Start(); err != nil {
		b.Fatal(err)
	}
	defer w.Stop()
	var gaps []time.Duration
	for i := range n {
		id := fmt.Sprint("bare-", i)
		run, err := c.ExecuteWorkflow(context.Background(), client.StartWorkflowOptions{ID: id, TaskQueue: queue}, "Bare")
		if err != nil {
			b.Fatal(err)
		}
		if err := run.Get(context.Background(), nil); err != nil {
			b.Fatal(err)
		}
		var completed time.Time
		for _, e := range events(b, c, id) {
			switch e.GetEventType() {
			case enums.EVENT_TYPE_ACTIVITY_TASK_COMPLETED:
				completed = e.GetEventTime().AsTime()
			case enums.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
				if !completed.IsZero() {
					gaps = append(gaps, e.GetEventTime().AsTime().Sub(completed))
				}
			}
		}
	}
	slices.Sort(gaps)
	return gaps
}
