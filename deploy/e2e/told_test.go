package e2e_test

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"vigil/deploy/e2e/harness"
	"vigil/deploy/processes"
	"vigil/deploy/sandbox"
	"vigil/deploy/sandbox/telling"
	"vigil/workflows/event"
	"vigil/workflows/incident"
)

// TestPeopleAreTold is an incident from its alarm to its end as people who watch
// no dashboard see it. Slack has one message, changed in place, with what has to
// be noticed in its thread; PagerDuty rings, is acknowledged by the decision and
// resolved by the end; SNS and a webhook have all of it. Somebody decides with a
// button. A forged click, a click of a stranger, and one of somebody whose role
// was taken away meanwhile decide nothing.
func TestPeopleAreTold(t *testing.T) {
	sideBySide(t)
	ana, bob := someone("ana", incident.RoleApprover), someone("bob", incident.RoleApprover)
	r := startReceivers(t, nil, ana, bob)
	r.fault("bad_deployment")
	id := r.opened(time.Minute).IncidentID
	p := r.reaches(id, time.Minute, "a proposal", awaitsApproval).Proposal

	if got := r.click(sandbox.Click{User: slackUsers["ana"], Incident: id, Action: buttonApprove, Secret: "not " + slackSigning}); !slices.Equal(got, []int{http.StatusUnauthorized}) {
		t.Errorf("a forged click was answered %v", got)
	}
	r.click(sandbox.Click{User: slackStranger, Incident: id, Action: buttonApprove, Secret: slackSigning})
	r.answered("does not know who you are")
	bob.role = incident.RoleResponder
	r.roles(ana, bob)
	r.click(sandbox.Click{User: slackUsers["bob"], Incident: id, Action: buttonApprove, Secret: slackSigning})
	r.answered("with the role responder")
	r.roles(ana)
	r.click(sandbox.Click{User: slackUsers["bob"], Incident: id, Action: buttonReject, Secret: slackSigning})
	r.answered("may not use it any more")
	if now := r.view(id).Proposal; now.ID != p.ID || now.State != incident.ProposalPending || len(now.Approvals) != 0 {
		t.Fatalf("clicks of people who may not decide have decided: %+v", now)
	}
	if n := len(r.effects()); n != 0 {
		t.Fatalf("%d actions took effect before anybody approved", n)
	}

	if got := r.click(sandbox.Click{User: slackUsers["ana"], Incident: id, Action: buttonApprove, Secret: slackSigning, Times: 3}); !slices.Equal(got, []int{200, 200, 200}) {
		t.Errorf("a click that Slack delivers three times was answered %v", got)
	}
	v := r.reaches(id, 90*time.Second, "remediated", func(v event.View) bool { return v.Status.Terminal() })
	if v.Outcome != incident.OutcomeRemediated || v.Proposal.DecidedBy != "ana" {
		t.Errorf("ended as %s (%s), decided by %q", v.Outcome, v.StatusReason, v.Proposal.DecidedBy)
	}
	if e := r.effects(); len(e) != 1 || e[0].Count != 1 {
		t.Errorf("effects at the target: %+v", e)
	}
	r.toldOnceEach(id)
	r.everythingWasTold(id)
	r.keepsSecrets(id)
}

// toldOnceEach holds that a decision is in the history once, and each delivery
// arrived.
func (r *receivers) toldOnceEach(id string) {
	r.t.Helper()
	decisions := 0
	for _, e := range r.history(id) {
		if !e.Provenance.Origin.Valid() {
			r.t.Errorf("event %d (%s) does not say where it comes from", e.Seq, e.Type)
		}
		switch e.Type {
		case event.TypeApprovalDecided:
			decisions++
		case event.TypeNotificationSent:
			d, err := e.Decode()
			if err != nil {
				r.t.Fatal(err)
			}
			if n, ok := d.(*event.NotificationSent); ok && n.Delivery.State != incident.DeliverySent && n.Delivery.State != incident.DeliverySuppressed {
				r.t.Errorf("%s to %s is shown as %s: %s", n.Delivery.Kind, n.Delivery.Channel, n.Delivery.State, n.Delivery.Detail)
			}
		}
	}
	if decisions != 1 {
		r.t.Errorf("there are %d decisions", decisions)
	}
}

// everythingWasTold holds what each receiver has of an incident that was
// approved and remediated.
func (r *receivers) everythingWasTold(id string) {
	r.t.Helper()
	if updates, replies := r.checkSlack(); updates == 0 || replies < 2 {
		r.t.Errorf("Slack has %d changes and %d replies, not those of a proposal and the end", updates, replies)
	}
	alert := "vigil-" + id
	if got, want := r.pager(), []string{"trigger " + alert, "acknowledge " + alert, "resolve " + alert}; !slices.Equal(got, want) {
		r.t.Errorf("PagerDuty was told %q, want %q", got, want)
	}
	want := map[incident.NotificationKind]int{incident.NotifyOpened: 1, incident.NotifyApproval: 1, incident.NotifyDecided: 1,
		incident.NotifyOutcome: 1, incident.NotifyUpdate: 1,
		incident.NotifyClosed: 1}
	got := r.hook()
	topic := map[string]int{}
	all, _ := r.heard("sns")
	for _, one := range all {
		var m struct {
			Subject    string            `json:"subject"`
			Attributes map[string]string `json:"attributes"`
		}
		if err := json.Unmarshal(one.Body, &m); err != nil {
			r.t.Fatal(err)
		}
		if one.Done {
			topic[m.Attributes["kind"]]++
		}
		if !strings.HasPrefix(m.Subject, "[simulated]") || m.Attributes["origin"] != string(incident.OriginSimulated) {
			r.t.Errorf("the topic does not say that this is simulated: %s", one.Body)
		}
	}
	for k, n := range want {
		if got[k] != n || topic[string(k)] != n {
			r.t.Errorf("%s: the webhook was told %d times, the topic %d times; want %d", k, got[k], topic[string(k)], n)
		}
	}
}

// TestReceiversInTrouble: every receiver asks to wait, does what it was told
// and loses the answer, cuts it in half, or fails. Nothing is said twice in
// Slack, everything arrives in the end, and the incident goes on meanwhile.
func TestReceiversInTrouble(t *testing.T) {
	sideBySide(t)
	ana := someone("ana", incident.RoleApprover)
	r := startReceivers(t, nil, ana)
	// Each trouble once: were all of it one message's, its attempts would still
	// be over within the minute that is given to telling the end.
	trouble := []string{"throttled", "do_then_time_out", "stream_cut", "failing", "none", "unavailable", "malformed"}
	for service, operation := range map[string]string{"slack": "chat.*", "pagerduty": "enqueue", "webhook": "notify", "sns": "Publish"} {
		r.must(http.MethodPost, r.sandbox+"/_world/chaos", map[string]any{"service": service, "operation": operation, "modes": trouble, "ms": 300}, nil)
	}
	r.fault("bad_deployment")
	id := r.opened(time.Minute).IncidentID
	p := r.reaches(id, time.Minute, "a proposal", awaitsApproval).Proposal
	if status, text := r.as(bearer(ana)).decide(id, incident.DecisionApprove, *p); status != http.StatusOK {
		t.Fatalf("approve: %d %s", status, text)
	}
	v := r.reaches(id, 2*time.Minute, "remediated", terminal)
	if v.Outcome != incident.OutcomeRemediated {
		t.Errorf("ended as %s: %s", v.Outcome, v.StatusReason)
	}
	r.toldOnceEach(id)
	r.everythingWasTold(id)
	struck := map[string]int{}
	all, _ := r.heard("")
	for _, one := range all {
		if one.Chaos != "" && one.Chaos != sandbox.ChaosNone {
			struck[one.Channel]++
		}
	}
	if len(struck) < 3 {
		t.Errorf("hardly anything went wrong: %v", struck)
	}
	r.keepsSecrets(id)
	t.Logf("what went wrong at each receiver: %v", struck)
}

// TestNobodyCanBeTold: no receiver answers at all. The incident is decided on
// and remediated all the same, and says whom it could not tell.
func TestNobodyCanBeTold(t *testing.T) {
	sideBySide(t)
	ana := someone("ana", incident.RoleApprover)
	r := startReceivers(t, nil, ana)
	for _, operation := range []string{"chat.*", "conversations.*", "enqueue", "notify", "Publish"} {
		r.must(http.MethodPost, r.sandbox+"/_world/chaos", map[string]any{"operation": operation, "mode": "unavailable", "count": -1}, nil)
	}
	r.fault("bad_deployment")
	id := r.opened(time.Minute).IncidentID
	p := r.reaches(id, time.Minute, "a proposal", awaitsApproval).Proposal
	if status, text := r.as(bearer(ana)).decide(id, incident.DecisionApprove, *p); status != http.StatusOK {
		t.Fatalf("approve: %d %s", status, text)
	}
	r.reaches(id, 90*time.Second, "the telemetry shows that it helped", func(v event.View) bool {
		return v.Remediation != nil && v.Remediation.State == incident.RemediationHelped
	})
	v := r.reaches(id, 2*time.Minute, "closed", terminal) // a minute is given to telling the end
	if v.Outcome != incident.OutcomeRemediated {
		t.Errorf("ended as %s: %s", v.Outcome, v.StatusReason)
	}
	all, _ := r.heard("")
	if len(all) == 0 || slices.ContainsFunc(all, func(one sandbox.Told) bool { return one.Done }) {
		t.Errorf("%d attempts, and some arrived: %+v", len(all), all)
	}
	r.keepsSecrets(id)
}

// TestDevelopmentTellsAtTheSandbox: who starts Vigil to try it, in one process
// and without a flag, finds at the sandbox who was told what, all of it marked
// as simulated, and can decide by a click in the sandbox's Slack.
func TestDevelopmentTellsAtTheSandbox(t *testing.T) {
	sideBySide(t)
	v := harness.Start(t, harness.Options{Tick: time.Second, WorkerArgs: quick})
	r := &receivers{api: api{t: t, gateway: v.GatewayURL(), sandbox: v.SandboxURL()}, v: v}
	r.fault("bad_deployment")
	id := r.opened(time.Minute).IncidentID
	secret, err := os.ReadFile(telling.GatewayFlags(filepath.Join(v.StateDir, processes.Sandbox), r.sandbox)["slack-signing-secret-file"])
	if err != nil {
		t.Fatal(err)
	}
	r.reaches(id, time.Minute, "a proposal", awaitsApproval)
	r.click(sandbox.Click{User: telling.Member, Incident: id, Action: buttonApprove, Secret: string(secret)})
	done := r.reaches(id, 90*time.Second, "remediated", terminal)
	if done.Outcome != incident.OutcomeRemediated || done.Proposal.DecidedBy != telling.Person {
		t.Errorf("ended as %s (%s), decided by %q", done.Outcome, done.StatusReason, done.Proposal.DecidedBy)
	}
	r.toldOnceEach(id)
	r.everythingWasTold(id)
}

// TestLostRoleVoidsTheDecision is F24: one of two approvers loses the role
// before the other one approves. The decision is void: nothing takes effect, and
// the action is put before people anew. Two who may then decide.
func TestLostRoleVoidsTheDecision(t *testing.T) {
	sideBySide(t)
	ana, bob, cleo := someone("ana", incident.RoleApprover), someone("bob", incident.RoleApprover), someone("cleo", incident.RoleApprover)
	policy := policyFile(t, "  - {name: pairs, when: 'true', then: two_approvers, reason: this test wants two}\n")
	r := startReceivers(t, []string{"--policy-file", policy, "--enable-actions", "all"}, ana, bob, cleo)
	r.fault("bad_deployment")
	id := r.opened(time.Minute).IncidentID
	first := r.reaches(id, time.Minute, "a proposal", awaitsApproval).Proposal
	approve := func(who somebody, p incident.Proposal) {
		t.Helper()
		if status, text := r.as(bearer(who)).decide(id, incident.DecisionApprove, p); status != http.StatusOK {
			t.Fatalf("%s approves: %d %s", who.name, status, text)
		}
	}
	approve(ana, *first)
	ana.role = incident.RoleViewer
	r.roles(ana, bob, cleo)
	approve(bob, *first)

	second := r.reaches(id, time.Minute, "the action is put before people anew", func(v event.View) bool {
		return awaitsApproval(v) && v.Proposal.ID != first.ID
	}).Proposal
	if n := len(r.effects()); n != 0 {
		t.Fatalf("%d actions took effect on the word of somebody who may not decide", n)
	}
	if len(second.Approvals) != 0 || second.ActionHash == first.ActionHash || second.Action.Target != first.Action.Target {
		t.Errorf("the new proposal is %+v", second)
	}
	voided := ""
	for _, e := range r.history(id) {
		if d, err := e.Decode(); err != nil {
			t.Fatal(err)
		} else if x, ok := d.(*event.ApprovalVoided); ok {
			voided = x.Reason
		}
	}
	if !strings.Contains(voided, "ana") {
		t.Errorf("the decision is void because %q", voided)
	}
	if status, text := r.as(bearer(ana)).decide(id, incident.DecisionApprove, *second); status != http.StatusForbidden {
		t.Errorf("ana approves again: %d %s", status, text)
	}
	approve(bob, *second)
	approve(cleo, *second)
	v := r.reaches(id, 90*time.Second, "remediated", terminal)
	if e := r.effects(); v.Outcome != incident.OutcomeRemediated || len(e) != 1 || e[0].Count != 1 {
		t.Errorf("ended as %s (%s) after %+v", v.Outcome, v.StatusReason, e)
	}
	r.checkSlack()
	r.keepsSecrets(id)
}
