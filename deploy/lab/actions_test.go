package lab

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"go.temporal.io/sdk/testsuite"

	"vigil/deploy/sandbox/world"
	"vigil/workflows/event"
	"vigil/workflows/incident"
)

// people approve whatever is proposed, as many of them as it needs, some time
// after each of so many moments.
func (l *lab) people(every time.Duration, times int) {
	for n := range times {
		for i, name := range []string{"ada", "bob"} {
			l.env.RegisterDelayedCallback(func() {
				p := l.view().Proposal
				if p == nil || p.State != incident.ProposalPending || len(p.Approvals) != i {
					return
				}
				l.env.UpdateWorkflow(incident.UpdateDecide, "", &testsuite.TestUpdateCallback{
					OnAccept: func() {}, OnReject: func(err error) { l.t.Errorf("approving was refused: %v", err) }, OnComplete: func(any, error) {},
				}, incident.DecideArgs{Principal: incident.Principal{Name: name, Role: incident.RoleAdmin}, Decision: incident.DecisionApprove,
					ProposalID: p.ID, ActionHash: p.ActionHash})
			}, time.Duration(n+1)*every+time.Duration(i)*time.Second)
		}
	}
}

// handle runs an incident to its end.
func (l *lab) handle(in incident.Input) event.View {
	l.t.Helper()
	in.Service, in.Title = l.watched(), "Latency of "+l.watched()+" is high"
	l.mu.Lock()
	l.clock = l.env.Now
	l.mu.Unlock()
	l.env.ExecuteWorkflow(incident.WorkflowType, in)
	if err := l.env.GetWorkflowError(); err != nil {
		l.t.Fatalf("the workflow failed: %v", err)
	}
	return l.view()
}

// story of the actions, for who reads a failure.
func (l *lab) actions() string {
	var out []string
	for _, r := range events[event.RemediationChanged](l) {
		if r.Remediation.State.Ended() {
			out = append(out, fmt.Sprintf("%s on %s: %s (%s)", r.Remediation.Name, r.Remediation.Target, r.Remediation.State, r.Remediation.Detail))
		}
	}
	return strings.Join(out, "\n")
}

// TestEachFaultIsCured: for each fault of the world the right action is chosen
// from the shipped catalogue, carried out by the product's own executors,
// verified, and the incident is resolved. In the second variant the first action
// does not help: it is taken back, and the next option is proposed and ends it.
func TestEachFaultIsCured(t *testing.T) {
	for _, f := range world.Faults {
		for _, stubborn := range []int{0, 1} {
			t.Run(fmt.Sprintf("%s/stubborn %d", f, stubborn), func(t *testing.T) {
				t.Parallel()
				l := start(t, setup{fault: f, stubborn: stubborn})
				l.people(time.Minute, 90)
				v := l.handle(incident.Input{Severity: incident.SeverityHigh})
				if v.Outcome != incident.OutcomeRemediated || v.Cause != incident.Cause(f) {
					t.Fatalf("ended as %s (%s) with cause %s on %s; handover %s %s; excluded %+v\n%s", v.Outcome, v.StatusReason, v.Cause, v.CauseService,
						v.Handover, v.StatusReason, v.Decision, l.actions())
				}
				if _, wrong := l.sandbox.World().Truth(); wrong {
					t.Errorf("the fault is still there after\n%s", l.actions())
				}
				if v.Verification == nil || v.Verification.State != incident.VerificationHelped {
					t.Errorf("resolved on %+v", v.Verification)
				}
				l.checkActions(v, stubborn)
			})
		}
	}
}

// checkActions holds that the last action helped, that all before it were taken
// back as far as that goes, and that each effect took place once.
func (l *lab) checkActions(v event.View, stubborn int) {
	l.t.Helper()
	var ends []incident.Remediation
	for _, r := range events[event.RemediationChanged](l) {
		if r.Remediation.State.Ended() {
			ends = append(ends, r.Remediation)
		}
	}
	if len(ends) != stubborn+1 {
		l.t.Errorf("%d actions, expected %d\n%s", len(ends), stubborn+1, l.actions())
	}
	for i, r := range ends {
		if want := map[bool]incident.RemediationState{true: incident.RemediationHelped, false: incident.RemediationUndone}[i == len(ends)-1]; r.State != want {
			l.t.Errorf("action %d ended as %s, want %s", i+1, r.State, want)
		}
	}
	proposed := events[event.ApprovalRequested](l)
	hashes := []string{}
	for _, p := range proposed {
		hashes = append(hashes, p.Proposal.ActionHash)
	}
	for _, x := range v.Executions {
		if !slices.Contains(hashes, x.ActionHash) {
			l.t.Errorf("%s ran without having been proposed", x.Document)
		}
		if x.Provenance.Origin != incident.OriginSimulated {
			l.t.Errorf("%s is shown as %s", x.Document, x.Provenance.Origin)
		}
	}
	resp, err := http.Get(l.aws + "/_effects")
	if err != nil {
		l.t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		l.t.Fatal(err)
	}
	var out struct {
		Effects []struct {
			Token string `json:"client_token"`
			Count int    `json:"token_count"`
		} `json:"effects"`
	}
	if err := json.Unmarshal(raw, &out); err != nil {
		l.t.Fatalf("%s: %v", raw, err)
	}
	for _, e := range out.Effects {
		if e.Token != "" && e.Count != 1 {
			l.t.Errorf("an effect took place %d times", e.Count)
		}
	}
	if len(out.Effects) != len(v.Executions) {
		l.t.Errorf("the world saw %d effects, the page shows %d", len(out.Effects), len(v.Executions))
	}
}
