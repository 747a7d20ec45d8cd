package e2e_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"vigil/deploy/e2e/harness"
	"vigil/deploy/processes"
	"vigil/workflows/event"
	"vigil/workflows/incident"
)

// TestDecisions holds what people may decide, over HTTP: a rejection executes
// nothing, an approval that expires escalates, and a decision with a stale
// hash, by a viewer, or the second of two is refused with the reason.
func TestDecisions(t *testing.T) {
	sideBySide(t)
	const viewer = "viewer-token-of-this-test"
	v := harness.Start(t, harness.Options{Split: true, Tick: time.Second, WorkerArgs: append([]string{"--approval-timeout", "8s"}, quick...),
		GatewayArgs: []string{"--token-file", tokenFile(t, viewer)}})
	a := api{t: t, gateway: v.GatewayURL(), sandbox: v.SandboxURL()}
	a.fault("bad_deployment")
	expiring := a.opened(60 * time.Second).IncidentID // left alone
	rejected := a.open("rejected")

	p := a.reaches(rejected, 60*time.Second, "a proposal", awaitsApproval).Proposal
	if status, text := a.decide(rejected, incident.DecisionReject, *p); status != http.StatusOK {
		t.Fatalf("rejecting: %d %s", status, text)
	}
	a.reaches(rejected, 10*time.Second, "a person has it", func(v event.View) bool {
		return v.Status == incident.StatusNeedsHuman && v.Handover == incident.HandoverRejected
	})
	if n := len(a.effects()); n != 0 {
		t.Fatalf("%d actions took effect after a rejection", n)
	}

	a.reaches(expiring, 60*time.Second, "the expired approval escalates", func(v event.View) bool { return v.Level > 0 })
	types := map[event.Type]int{}
	for _, e := range a.history(expiring) {
		types[e.Type]++
	}
	if types[event.TypeApprovalExpired] == 0 || types[event.TypeIncidentEscalated] == 0 {
		t.Errorf("the timeline of the expired approval: %v", types)
	}

	approved := a.open("approved") // last, because it cures the world
	p = a.reaches(approved, 60*time.Second, "a proposal", awaitsApproval).Proposal
	url := a.gateway + "/api/v1/incidents/" + approved + "/decisions"
	body := map[string]string{"decision": "approve", "proposal_id": p.ID, "action_hash": p.ActionHash}
	for _, c := range []struct {
		name, hash, token, say string
		status                 int
	}{
		{"a viewer", p.ActionHash, viewer, "approver", http.StatusForbidden},
		{"a stale hash", strings.Repeat("0", 64), "", "hash", http.StatusConflict},
	} {
		var headers []string
		if c.token != "" {
			headers = []string{"Authorization", "Bearer " + c.token}
		}
		status, text := a.call(http.MethodPost, url, map[string]string{"decision": "approve", "proposal_id": p.ID, "action_hash": c.hash}, nil, headers...)
		if status != c.status || !strings.Contains(text, c.say) {
			t.Errorf("%s: %d %s, wanted %d and %q", c.name, status, text, c.status, c.say)
		}
	}
	if status, text := a.call(http.MethodPost, url, body, nil, "Idempotency-Key", "first"); status != http.StatusOK {
		t.Fatalf("approving: %d %s", status, text)
	}
	if status, text := a.call(http.MethodPost, url, body, nil, "Idempotency-Key", "first"); status != http.StatusOK {
		t.Errorf("the same request again: %d %s, wanted the same answer", status, text)
	}
	if status, text := a.call(http.MethodPost, url, map[string]string{"decision": "reject", "proposal_id": p.ID, "action_hash": p.ActionHash}, nil, "Idempotency-Key", "first"); status != http.StatusUnprocessableEntity {
		t.Errorf("the same key with another body: %d %s, wanted 422", status, text)
	}
	if status, text := a.call(http.MethodPost, url, body, nil, "Idempotency-Key", "second"); status != http.StatusConflict || !strings.Contains(text, "already approved by") {
		t.Errorf("the second decision: %d %s", status, text)
	}

	a.reaches(approved, 90*time.Second, "the approved one is remediated", func(v event.View) bool { return v.Outcome == incident.OutcomeRemediated })
	checkEffects(t, a)
	if n := len(a.effects()); n != 1 {
		t.Errorf("%d actions took effect, one was approved", n)
	}

	v.Kill(processes.Worker)
	url = a.gateway + "/api/v1/incidents/" + rejected + "/resolve"
	reason := map[string]string{"reason": "rolled back by hand"}
	if status, text := a.call(http.MethodPost, url, reason, nil, "Idempotency-Key", "third"); status != http.StatusServiceUnavailable {
		t.Errorf("resolving with no worker to answer: %d %s, wanted 503", status, text)
	}
	v.StartPart(processes.Worker)
	eventually(t, 30*time.Second, "the same request, made again, is answered", func() (string, bool) {
		status, text := a.call(http.MethodPost, url, reason, nil, "Idempotency-Key", "third")
		return text, status == http.StatusOK
	})
	a.reaches(rejected, 20*time.Second, "resolved by a person", func(v event.View) bool { return v.Outcome == incident.OutcomeResolvedByPerson })
}

// open starts an incident by hand and returns its id.
func (a api) open(title string) string {
	a.t.Helper()
	return a.openWith(map[string]string{"title": title, "service": "checkout"})
}

func (a api) openWith(fields map[string]string) string {
	a.t.Helper()
	var out struct {
		IncidentID string `json:"incident_id"`
	}
	a.must(http.MethodPost, a.gateway+"/api/v1/incidents", fields, &out)
	return out.IncidentID
}

func tokenFile(t *testing.T, viewer string) string {
	t.Helper()
	sum := sha256.Sum256([]byte(viewer))
	path := filepath.Join(t.TempDir(), "tokens.yaml")
	text := fmt.Sprintf("principals:\n  - name: eve\n    role: viewer\n    token_sha256: %s\n", hex.EncodeToString(sum[:]))
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
