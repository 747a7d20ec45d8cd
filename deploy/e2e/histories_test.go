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
	alone := []string{"--policy-file", policyFile(t, everythingAlone)}
	for _, r := range []struct {
		name   string
		play   func(*testing.T, api) string
		args   []string                   // of the worker, besides
		others func(id string) []recorded // histories besides the incident's own
	}{
		{"approved", playApproved, nil, func(id string) []recorded {
			return []recorded{{incident.RemediationID(id, 1), "approved-remediation", true}, {incident.PostmortemID(id, 1), "approved-postmortem", true},
				{incident.LeaseID(incident.ServiceResource("checkout")), "approved-lease-service", false},
				{incident.LeaseID(incident.AccountResource("default")), "approved-lease-account", false}}
		}},
		{"undone-then-next", playStubborn, alone, func(id string) []recorded {
			return []recorded{{incident.RemediationID(id, 1), "undone-remediation", true}, {incident.RemediationID(id, 2), "next-remediation", true}}
		}},
		{"autonomous", playAlone, alone, nil},
		{"killed", playKilled, alone, func(id string) []recorded {
			return []recorded{{incident.RemediationID(id, 1), "killed-remediation", true}}
		}},
		{"dry-run", playDryRun, nil, nil},
		{"rejected", playRejected, nil, nil},
		{"approval-expired", playExpired, nil, nil},
		{"model-throttled-then-fine", playThrottled, nil, nil},
		{"inconclusive", playInconclusive, nil, nil},
		{"cleared-by-itself", playCleared, nil, nil},
		{"degraded-then-restored", playDegraded, []string{"--second-look", "5s", "--approval-timeout", "5m"}, nil},
		{"budget-raised", playPaused, []string{"--max-turns-diagnosis", "1"}, nil},
		{"without-models", playRejected, []string{"--models", "none"}, nil},
	} {
		t.Run(r.name, func(t *testing.T) {
			v := harness.Start(t, harness.Options{Tick: time.Second, WorkerArgs: slices.Concat([]string{"--approval-timeout", "8s", "--reminder", "2s"}, quick, r.args)})
			c, err := client.Dial(client.Options{HostPort: v.TemporalAddr})
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			id := r.play(t, api{t: t, gateway: v.GatewayURL(), sandbox: v.SandboxURL()})
			save(t, c, recorded{id, r.name, true})
			if r.others != nil {
				for _, o := range r.others(id) {
					save(t, c, o)
				}
			}
		})
	}
}

// recorded is a workflow, and the file that its history goes to. One that does
// not end, such as a lease's, is taken as it is.
type recorded struct {
	id, name string
	ends     bool
}

// playStubborn has the first action not help: it is undone, and the next ends it.
func playStubborn(t *testing.T, a api) string {
	a.letAct()
	a.must(http.MethodPost, a.sandbox+"/_world/fault", map[string]any{"fault": "connections_exhausted", "stubborn": 1}, nil)
	id := a.opened(time.Minute).IncidentID
	a.reaches(id, 4*time.Minute, "remediated", func(v event.View) bool { return v.Outcome == incident.OutcomeRemediated })
	return id
}

func (a api) letAct() {
	a.t.Helper()
	a.must(http.MethodPut, a.gateway+"/api/v1/controls", map[string]any{"mode": incident.ModeExecute, "reason": "recorded", "revision": 0}, nil)
}

func playAlone(t *testing.T, a api) string {
	a.letAct()
	a.fault("bad_deployment")
	id := a.opened(time.Minute).IncidentID
	a.reaches(id, 2*time.Minute, "remediated", func(v event.View) bool { return v.Outcome == incident.OutcomeRemediated })
	return id
}

func playKilled(t *testing.T, a api) string {
	a.letAct()
	a.must(http.MethodPost, a.gateway+"/api/v1/controls/kill", map[string]string{"reason": "recorded"}, nil)
	a.fault("bad_deployment")
	return finish(t, a, a.opened(time.Minute).IncidentID)
}

func playDryRun(t *testing.T, a api) string {
	a.must(http.MethodPut, a.gateway+"/api/v1/controls", map[string]any{"mode": incident.ModeAdvisory, "dry_run": true, "reason": "recorded", "revision": 0}, nil)
	a.fault("bad_deployment")
	id := a.opened(time.Minute).IncidentID
	approve(t, a, id)
	return finish(t, a, id)
}

func playApproved(t *testing.T, a api) string {
	a.fault("bad_deployment")
	id := a.opened(time.Minute).IncidentID
	approve(t, a, id)
	v := a.reaches(id, 2*time.Minute, "remediated", func(v event.View) bool { return v.Outcome == incident.OutcomeRemediated })
	lines := append(v.ReviewLines, incident.ReviewLine{Section: "Summary", Text: "Seen by a person."})
	a.must(http.MethodPut, a.gateway+"/api/v1/incidents/"+id+"/review", map[string]any{"base": v.ReviewVer, "lines": lines}, nil)
	a.reaches(id, 20*time.Second, "the edit", func(v event.View) bool { return v.ReviewVer == 2 })
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
func save(t *testing.T, c client.Client, r recorded) {
	t.Helper()
	id, name := r.id, r.name
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if r.ends {
		if err := c.GetWorkflow(ctx, id, "").Get(ctx, nil); err != nil {
			t.Fatal(err)
		}
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
