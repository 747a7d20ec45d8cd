package lab

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"vigil/deploy/sandbox"
	"vigil/deploy/sandbox/world"
	"vigil/worker"
	"vigil/workflows/incident"
)

// threeSteps is a catalogue of one action of three steps, each with what takes
// it back.
const threeSteps = `
version: three-steps
actions:
  - name: shed_and_shrink
    type: drain_traffic
    title: Shed load in three steps
    causes: [bad_deployment]
    risk: low
    blast_radius: service
    effect: The service has less to do.
    timeout: 1m
    steps:
      - executor: ssm
        document: Vigil-EnableCircuitBreaker
        arguments: {Service: "=target", Cluster: "=env.cluster"}
        undo: {document: Vigil-DisableCircuitBreaker, arguments: {Service: "=target", Cluster: "=env.cluster"}}
      - executor: ssm
        document: Vigil-DrainTraffic
        arguments: {Service: "=target", Cluster: "=env.cluster", Percent: "20"}
        undo: {document: Vigil-RestoreTraffic, arguments: {Service: "=target", Cluster: "=env.cluster", Percent: "20"}}
      - executor: ssm
        document: Vigil-IncreaseResources
        arguments: {Service: "=target", Cluster: "=env.cluster", Resource: cpu}
        undo: {document: Vigil-RestoreResources, arguments: {Service: "=target", Cluster: "=env.cluster", Resource: cpu}}
    parameters:
      type: object
      required: [Service, Cluster]
      properties:
        Service: {type: string, minLength: 1}
        Cluster: {type: string, minLength: 1}
        Percent: {enum: ["20"]}
        Resource: {enum: [cpu]}
      additionalProperties: false
`

// begun is one execution that the world was asked for, and how it ended.
func begun(document string, status world.ExecutionStatus) string {
	return document + " " + string(status)
}

// TestHalfDoneIsTakenBack is F26 and F27, counted at the world: the second of
// three steps fails, and what was done is taken back once each, last first. What
// cannot be taken back, because the undo fails or never ends, is a person's:
// nothing more is tried, and people are told that it is unsafe.
func TestHalfDoneIsTakenBack(t *testing.T) {
	const (
		one, two         = world.DocumentEnableBreaker, world.DocumentDrain
		undoOne, undoTwo = world.DocumentDisableBreaker, world.DocumentRestoreTraffic
	)
	half := []string{begun(one, world.ExecutionSuccess), begun(two, world.ExecutionFailed)}
	for name, c := range map[string]struct {
		fates    []sandbox.ChaosMode // of the executions, in order
		step     string              // at which an execution comes to its bad end
		state    incident.RemediationState
		handover incident.HandoverReason
		world    []string
	}{
		"the second step fails before it acts": {
			fates: []sandbox.ChaosMode{sandbox.ChaosNone, sandbox.ChaosExecutionFails}, step: world.StepAct,
			state: incident.RemediationUndone, handover: incident.HandoverActionFailed,
			world: append(slices.Clone(half), begun(undoTwo, world.ExecutionSuccess), begun(undoOne, world.ExecutionSuccess)),
		},
		"the second step fails after it has acted": {
			fates: []sandbox.ChaosMode{sandbox.ChaosNone, sandbox.ChaosExecutionFails}, step: world.StepSettle,
			state: incident.RemediationUndone, handover: incident.HandoverActionFailed,
			world: append(slices.Clone(half), begun(undoTwo, world.ExecutionSuccess), begun(undoOne, world.ExecutionSuccess)),
		},
		"the first undo fails": {
			fates: []sandbox.ChaosMode{sandbox.ChaosNone, sandbox.ChaosExecutionFails, sandbox.ChaosExecutionFails}, step: world.StepSettle,
			state: incident.RemediationUnsafe, handover: incident.HandoverUnsafe,
			world: append(slices.Clone(half), begun(undoTwo, world.ExecutionFailed)),
		},
		"the last undo fails": {
			fates: []sandbox.ChaosMode{sandbox.ChaosNone, sandbox.ChaosExecutionFails, sandbox.ChaosNone, sandbox.ChaosExecutionFails}, step: world.StepAct,
			state: incident.RemediationUnsafe, handover: incident.HandoverUnsafe,
			world: append(slices.Clone(half), begun(undoTwo, world.ExecutionSuccess), begun(undoOne, world.ExecutionFailed)),
		},
		"the undo hangs": {
			fates: []sandbox.ChaosMode{sandbox.ChaosNone, sandbox.ChaosExecutionFails, sandbox.ChaosExecutionHangs}, step: world.StepAct,
			state: incident.RemediationUnsafe, handover: incident.HandoverUnsafe,
			world: append(slices.Clone(half), begun(undoTwo, world.ExecutionInProgress)),
		},
		"the undo is turned down": {
			fates: []sandbox.ChaosMode{sandbox.ChaosNone, sandbox.ChaosExecutionFails, sandbox.ChaosAccessDenied}, step: world.StepAct,
			state: incident.RemediationUnsafe, handover: incident.HandoverUnsafe,
			world: half,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := start(t, setup{fault: world.FaultBadDeployment, worker: func(w *worker.Config) {
				w.ActionsFile, w.NotifyFile = file(t, "actions.yaml", threeSteps), tellsReceivers(t, w.Endpoint)
			}})
			l.chaos(map[string]any{"operation": "StartAutomationExecution", "modes": c.fates, "step": c.step})
			l.people(time.Minute, 30)
			v := l.investigate(incident.Input{Severity: incident.SeverityHigh})

			if v.Remediation == nil || v.Remediation.State != c.state || v.Handover != c.handover {
				t.Fatalf("ended as %+v, handed over with %q (%s), want %s and %s", v.Remediation, v.Handover, v.StatusReason, c.state, c.handover)
			}
			if got := l.executions(); !slices.Equal(got, c.world) {
				t.Errorf("the world was asked for\n%q, want\n%q", got, c.world)
			}
			for _, e := range l.sandbox.World().Effects() {
				if e.TokenCount != 1 || e.TargetCount != 1 {
					t.Errorf("%s took effect %d times on %s", e.Document, e.TargetCount, e.Service)
				}
			}
			unsafe := 0
			for _, told := range l.told("webhook ops") {
				if told.Kind == incident.NotifyUnsafe {
					unsafe++
				}
			}
			want := 0
			if c.state == incident.RemediationUnsafe {
				want = 2 // of the action, and that the incident is theirs
			}
			if unsafe != want {
				t.Errorf("people were told %d times that it is unsafe, want %d", unsafe, want)
			}
			if rings := l.rings("-unsafe"); rings != (want > 0) {
				t.Errorf("an alert of its own rings for it: %v", rings)
			}
		})
	}
}

// executions are what the world was asked for, in order, and how each stands.
func (l *lab) executions() []string {
	l.t.Helper()
	var out []string
	for _, e := range l.sandbox.World().State().Executions {
		out = append(out, begun(e.Document, e.Status))
	}
	return out
}

// file writes a file of the test's own.
func file(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// tellsReceivers is a notification file by which everybody is told at the
// sandbox at url.
func tellsReceivers(t *testing.T, url string) string {
	t.Helper()
	return file(t, "notify.yaml", fmt.Sprintf(`
channels:
  ops: {kind: webhook, url: "%[1]s/_webhooks/ops", secret_file: %[2]s, rate: 1000/s}
  pager: {kind: pagerduty, url: "%[1]s/_pagerduty/v2/enqueue", routing_key_file: %[2]s, rate: 1000/s}
teams: {on-call: {channels: [ops, pager]}, engineering leads: {channels: [ops, pager]}}
`, url, file(t, "secret", "a-secret-of-this-test")))
}

// message is what a webhook was told.
type message struct {
	Kind incident.NotificationKind `json:"kind"`
	Text string                    `json:"text"`
}

// receipts are what a receiver of the sandbox's took.
func (l *lab) receipts(channel string) []sandbox.Told {
	l.t.Helper()
	resp, err := http.Get(l.aws + "/_told?channel=" + url.QueryEscape(channel))
	if err != nil {
		l.t.Fatal(err)
	}
	defer resp.Body.Close()
	var out struct {
		Told []sandbox.Told `json:"told"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&out); err != nil {
		l.t.Fatal(err)
	}
	return out.Told
}

// told are the messages that a webhook took.
func (l *lab) told(channel string) []message {
	l.t.Helper()
	var out []message
	for _, r := range l.receipts(channel) {
		var m message
		if err := json.Unmarshal(r.Body, &m); err != nil {
			l.t.Fatal(err)
		}
		out = append(out, m)
	}
	return out
}

// rings reports whether an alert whose key ends so was triggered.
func (l *lab) rings(suffix string) bool {
	l.t.Helper()
	return slices.ContainsFunc(l.receipts("pagerduty"), func(r sandbox.Told) bool {
		return r.Done && r.Operation == "trigger" && strings.HasSuffix(r.Key, suffix)
	})
}
