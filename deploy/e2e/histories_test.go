//go:build record

package e2e_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"flag"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
	"time"

	enums "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/history/v1"
	"go.temporal.io/api/temporalproto"
	"go.temporal.io/sdk/client"

	"vigil/deploy/e2e/harness"
	"vigil/workflows/event"
	"vigil/workflows/incident"
)

var record = flag.String("record", "", "folder to record workflow histories to, for the replay test; `task histories` sets it")

// TestRecordHistories makes the histories that workflows/replay_test.go
// replays, from real runs on a real server. It is no check and so is built
// only with the tag record.
func TestRecordHistories(t *testing.T) {
	if *record == "" {
		t.Fatal("say where to put the histories: -record folder")
	}
	for _, r := range []struct {
		name  string
		play  func(*testing.T, api) string
		child bool     // the remediation's history as well
		args  []string // of the worker, besides
	}{
		{"approved", playApproved, true, nil},
		{"rejected", playRejected, false, nil},
		{"approval-expired", playExpired, false, nil},
		{"model-throttled-then-fine", playThrottled, false, nil},
		{"inconclusive", playInconclusive, false, nil},
		{"cleared-by-itself", playCleared, false, nil},
		{"degraded-then-restored", playDegraded, false, []string{"--second-look", "5s", "--approval-timeout", "5m"}},
		{"budget-raised", playPaused, false, []string{"--max-turns-diagnosis", "1"}},
		{"without-models", playRejected, false, []string{"--models", "none"}},
	} {
		t.Run(r.name, func(t *testing.T) {
			v := harness.Start(t, harness.Options{Tick: time.Second, WorkerArgs: slices.Concat([]string{"--approval-timeout", "8s"}, quick, r.args)})
			c, err := client.Dial(client.Options{HostPort: v.TemporalAddr})
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			id := r.play(t, api{t: t, gateway: v.GatewayURL(), sandbox: v.SandboxURL()})
			save(t, c, id, r.name)
			if r.child {
				save(t, c, id+"-remediation-1-1", r.name+"-remediation")
			}
		})
	}
}

func playApproved(t *testing.T, a api) string {
	a.fault("bad_deployment")
	id := a.opened(time.Minute).IncidentID
	approve(t, a, id)
	a.reaches(id, 2*time.Minute, "remediated", func(v event.View) bool { return v.Outcome == incident.OutcomeRemediated })
	return id
}

func playRejected(t *testing.T, a api) string {
	a.fault("bad_deployment")
	id := a.opened(time.Minute).IncidentID
	p := a.reaches(id, time.Minute, "a proposal", awaitsApproval).Proposal
	if status, text := a.decide(id, incident.DecisionReject, *p); status != http.StatusOK {
		t.Fatalf("%d %s", status, text)
	}
	return finish(t, a, id)
}

func playExpired(t *testing.T, a api) string {
	a.fault("memory_leak")
	return finish(t, a, a.opened(time.Minute).IncidentID)
}

func playThrottled(t *testing.T, a api) string {
	a.must(http.MethodPost, a.sandbox+"/_world/chaos", map[string]any{"operation": "ConverseStream", "mode": "throttled", "count": 3}, nil)
	a.fault("connections_exhausted")
	id := a.opened(time.Minute).IncidentID
	approve(t, a, id)
	a.reaches(id, 2*time.Minute, "ended", terminal)
	return id
}

// playDegraded has no model answer until a second look finds them back.
func playDegraded(t *testing.T, a api) string {
	a.must(http.MethodPost, a.sandbox+"/_world/chaos", map[string]any{"operation": "ConverseStream", "mode": "access_denied", "count": -1}, nil)
	a.fault("bad_deployment")
	id := a.opened(time.Minute).IncidentID
	a.reaches(id, time.Minute, "degraded", func(v event.View) bool { return v.Degraded && v.Diagnosis != nil })
	a.must(http.MethodDelete, a.sandbox+"/_world/chaos", nil, nil)
	a.reaches(id, 2*time.Minute, "models answer again", func(v event.View) bool { return !v.Degraded })
	a.must(http.MethodPost, a.gateway+"/api/v1/incidents/"+id+"/questions", map[string]string{"question": "What was deployed?"}, nil)
	a.reaches(id, time.Minute, "an answer", func(v event.View) bool { return len(v.Questions) == 1 && v.Questions[0].Answer != nil })
	if status, text := a.resolve(id, "seen to by hand"); status != http.StatusOK {
		t.Fatalf("%d %s", status, text)
	}
	a.reaches(id, 20*time.Second, "resolved", terminal)
	return id
}

// playPaused reaches its budget and has it raised.
func playPaused(t *testing.T, a api) string {
	a.fault("bad_deployment")
	id := a.opened(time.Minute).IncidentID
	paused := a.reaches(id, time.Minute, "paused at its budget", func(v event.View) bool { return v.Paused != nil }).Paused
	a.must(http.MethodPost, a.gateway+"/api/v1/incidents/"+id+"/budget", map[string]any{"agent": paused.Agent, "turns": 10}, nil)
	return finish(t, a, id)
}

func playInconclusive(t *testing.T, a api) string {
	a.alertmanager("unknown", "firing", time.Now())
	return finish(t, a, a.opened(20*time.Second).IncidentID)
}

func playCleared(t *testing.T, a api) string {
	a.fault("bad_deployment")
	id := a.opened(time.Minute).IncidentID
	a.reaches(id, time.Minute, "a proposal", awaitsApproval)
	a.fault("clear")
	a.reaches(id, 3*time.Minute, "ended", terminal)
	return id
}

func approve(t *testing.T, a api, id string) {
	t.Helper()
	p := a.reaches(id, time.Minute, "a proposal", awaitsApproval).Proposal
	if status, text := a.decide(id, incident.DecisionApprove, *p); status != http.StatusOK {
		t.Fatalf("%d %s", status, text)
	}
}

// finish lets a person resolve what was handed over.
func finish(t *testing.T, a api, id string) string {
	t.Helper()
	a.reaches(id, time.Minute, "a person has it", func(v event.View) bool { return v.Status == incident.StatusNeedsHuman && v.Message != "" })
	if status, text := a.resolve(id, "seen to by hand"); status != http.StatusOK {
		t.Fatalf("%d %s", status, text)
	}
	a.reaches(id, 20*time.Second, "resolved", terminal)
	return id
}

// save writes a history as compressed JSON, without the names of the machine it was made on.
func save(t *testing.T, c client.Client, id, name string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := c.GetWorkflow(ctx, id, "").Get(ctx, nil); err != nil {
		t.Fatal(err)
	}
	var h history.History
	it := c.GetWorkflowHistory(ctx, id, "", false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for it.HasNext() {
		e, err := it.Next()
		if err != nil {
			t.Fatal(err)
		}
		h.Events = append(h.Events, e)
	}
	raw, err := temporalproto.CustomJSONMarshalOptions{}.Marshal(&h)
	if err != nil {
		t.Fatal(err)
	}
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	raw = regexp.MustCompile(`"(identity|workerIdentity)": ?"[^"]*"`).ReplaceAll(raw, []byte(`"$1":"worker"`))
	raw = regexp.MustCompile(`"name": ?"`+regexp.QuoteMeta(host)+`:[^"]*"`).ReplaceAll(raw, []byte(`"name":"sticky"`))
	if bytes.Contains(raw, []byte("@"+host)) {
		t.Errorf("the history of %s names this machine", name)
	}
	var packed bytes.Buffer
	w, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(append(raw, '\n')); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.Close(), os.WriteFile(filepath.Join(*record, name+".json.gz"), packed.Bytes(), 0o644)); err != nil {
		t.Fatal(err)
	}
	t.Logf("%s: %d events, %d KB", name, len(h.Events), len(raw)/1024)
}
