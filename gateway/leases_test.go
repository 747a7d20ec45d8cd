package gateway_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"vigil/gateway"
	"vigil/workflows/event"
	"vigil/workflows/incident"
)

func someLeases() map[string]incident.LeaseState {
	checkout := incident.ServiceResource("checkout")
	return map[string]incident.LeaseState{
		incident.LeaseID(checkout): {Resource: checkout, Limits: incident.LeaseLimits{Concurrent: 1}, Granted: 3, Released: 1,
			Frozen:  []incident.Span{{Name: "sale", From: time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC), To: time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)}},
			Holders: []incident.Holder{{WorkflowID: "inc-1-remediation-1", RunID: "r", IncidentID: "inc-1", State: incident.HolderUnknown, Detail: "it was terminated"}},
			Waiting: []incident.Holder{{WorkflowID: "inc-2-remediation-1", RunID: "r", IncidentID: "inc-2", State: incident.HolderWaiting}}},
		incident.LeaseID(incident.AccountResource("default")): {}, // whose worker does not answer
	}
}

func TestLeases(t *testing.T) {
	t.Parallel()
	r := start(t)
	r.engine.mu.Lock()
	r.engine.leases = someLeases()
	r.engine.mu.Unlock()
	var list gateway.LeaseList
	r.expect("list", r.do("GET", "/api/v1/leases", nil, as(incident.RoleViewer)), 200, "").into(t, &list)
	want := gateway.LeaseList{Leases: []gateway.Lease{
		{LeaseState: incident.LeaseState{Resource: "account:default"}, Error: "no worker answers"},
		{LeaseState: someLeases()["lease-service:checkout"]},
	}}
	if !reflect.DeepEqual(list, want) {
		t.Errorf("leases %+v, want %+v", list, want)
	}
	scraped := string(r.expect("metrics", r.do("GET", "/metrics", nil, as(incident.RoleViewer)), 200, "").body)
	for _, line := range []string{`gateway_lease_holders{state="unknown"} 1`, `gateway_lease_holders{state="waiting"} 1`, `gateway_lease_holders{state="holds"} 0`} {
		if !strings.Contains(scraped, line+"\n") {
			t.Errorf("no %s in the metrics", line)
		}
	}
	r.engine.mu.Lock()
	asked := r.engine.asked
	r.engine.mu.Unlock()
	if asked != 1 {
		t.Errorf("the engine was asked %d times within a second", asked)
	}
}

func TestManyLeasesAreCut(t *testing.T) {
	t.Parallel()
	r := start(t)
	many := map[string]incident.LeaseState{}
	for i := range 230 {
		resource := incident.ServiceResource(fmt.Sprintf("s%03d", i))
		many[incident.LeaseID(resource)] = incident.LeaseState{Resource: resource}
	}
	r.engine.mu.Lock()
	r.engine.leases = many
	r.engine.mu.Unlock()
	var list gateway.LeaseList
	r.expect("list", r.do("GET", "/api/v1/leases", nil, as(incident.RoleViewer)), 200, "").into(t, &list)
	if len(list.Leases) != 200 || !list.More || list.Leases[199].Resource != "service:s199" {
		t.Errorf("%d leases, more %t", len(list.Leases), list.More)
	}
	r.engine.mu.Lock()
	r.engine.down = incident.Errorf(incident.KindUnavailable, "Temporal cannot be reached")
	r.engine.mu.Unlock()
	eventually(t, "the list to be asked anew", func() bool { return r.do("GET", "/api/v1/leases", nil, as(incident.RoleViewer)).status == 503 })
	if m := string(r.do("GET", "/metrics", nil, as(incident.RoleViewer)).body); strings.Contains(m, "gateway_lease_holders{") {
		t.Error("figures of leases that cannot be asked")
	}
}

func TestClearLease(t *testing.T) {
	t.Parallel()
	r := start(t)
	body := gateway.ClearLeaseRequest{WorkflowID: "inc-1-remediation-1", Reason: " looked at it "}
	for _, path := range []string{"/api/v1/leases/service:checkout/clear", "/api/v1/leases/service%3Acheckout/clear"} {
		r.expect(path, r.do("POST", path, body, as(incident.RoleAdmin)), 200, "")
		r.engine.mu.Lock()
		u := r.engine.updates[len(r.engine.updates)-1]
		r.engine.mu.Unlock()
		want := incident.ClearLeaseArgs{Principal: incident.Principal{Name: "a admin", Role: incident.RoleAdmin}, WorkflowID: body.WorkflowID, Reason: "looked at it"}
		if u.id != "lease-service:checkout" || u.name != incident.UpdateClearLease || !reflect.DeepEqual(u.args, want) {
			t.Errorf("%s: %+v", path, u)
		}
	}
	var log gateway.AuditList
	r.expect("audit", r.do("GET", "/api/v1/audit?subject=service:checkout", nil, as(incident.RoleViewer)), 200, "").into(t, &log)
	if len(log.Entries) != 2 || log.Entries[0].Principal != "a admin" || log.Entries[0].Reason != "looked at it" || !strings.Contains(string(log.Entries[0].Detail), body.WorkflowID) {
		t.Errorf("audit %+v", log.Entries)
	}
	r.expect("no reason", r.do("POST", "/api/v1/leases/x/clear", gateway.ClearLeaseRequest{WorkflowID: "w"}, as(incident.RoleAdmin)), 422, "reason is needed")
	r.engine.onUpdate = func(updateCall) (any, error) {
		return nil, incident.Errorf(incident.KindNotFound, "Temporal has no such incident")
	}
	r.expect("no such lease", r.do("POST", "/api/v1/leases/service:x/clear", body, as(incident.RoleAdmin)), 404, "nobody holds a lease of service:x")
}

func TestPropose(t *testing.T) {
	t.Parallel()
	r := start(t)
	r.expect("propose", r.do("POST", "/api/v1/incidents/inc-1/proposals", gateway.ProposalRequest{OptionID: "restart:checkout", Reason: " it leaks "}, as(incident.RoleResponder)), 200, "")
	want := incident.ProposeArgs{Principal: incident.Principal{Name: "a responder", Role: incident.RoleResponder}, OptionID: "restart:checkout", Reason: "it leaks"}
	if u := r.engine.updates[0]; u.id != "inc-1" || u.name != incident.UpdatePropose || !reflect.DeepEqual(u.args, want) {
		t.Errorf("update %+v", u)
	}
	r.expect("no reason", r.do("POST", "/api/v1/incidents/inc-1/proposals", `{"option_id":"x"}`, as(incident.RoleResponder)), 422, "reason is needed")
	r.expect("no option", r.do("POST", "/api/v1/incidents/inc-1/proposals", `{"reason":"x"}`, as(incident.RoleResponder)), 422, "option_id is needed")
}

// TestDecisionsAreCounted by what became of them, and say how many agreed.
func TestDecisionsAreCounted(t *testing.T) {
	t.Parallel()
	r := start(t)
	results := []any{incident.DecideResult{ProposalID: "p", State: incident.ProposalPending, Have: 1, Need: 2}, incident.Errorf(incident.KindConflict, "already decided by bob")}
	r.engine.onUpdate = func(updateCall) (any, error) {
		next := results[0]
		results = results[1:]
		if err, ok := next.(error); ok {
			return nil, err
		}
		return next, nil
	}
	body := gateway.DecisionRequest{Decision: "approve", ProposalID: "p", ActionHash: "h"}
	var got incident.DecideResult
	r.expect("first", r.do("POST", "/api/v1/incidents/inc-1/decisions", body, as(incident.RoleApprover)), 200, "").into(t, &got)
	if got.State != incident.ProposalPending || got.Have != 1 || got.Need != 2 {
		t.Errorf("first of two: %+v", got)
	}
	r.expect("late", r.do("POST", "/api/v1/incidents/inc-1/decisions", body, as(incident.RoleApprover)), 409, "already decided by bob")
	scraped := string(r.do("GET", "/metrics", nil, as(incident.RoleViewer)).body)
	for _, line := range []string{`gateway_decisions_total{decision="approve",outcome="pending"} 1`, `gateway_decisions_total{decision="approve",outcome="conflict"} 1`} {
		if !strings.Contains(scraped, line+"\n") {
			t.Errorf("no %s in the metrics", line)
		}
	}
}

// TestRemediationsAreCounted once each, when they have ended.
func TestRemediationsAreCounted(t *testing.T) {
	t.Parallel()
	r := start(t)
	r.open("inc-1")
	for i, s := range []incident.RemediationState{incident.RemediationRunning, incident.RemediationUndoing, incident.RemediationUnsafe} {
		r.publish("inc-1", int64(i+2), &event.RemediationChanged{Remediation: incident.Remediation{WorkflowID: "w", State: s}})
	}
	r.until("inc-1", 4)
	scraped := string(r.do("GET", "/metrics", nil, as(incident.RoleViewer)).body)
	for line, want := range map[string]bool{`gateway_remediations_total{state="failed_unsafe"} 1`: true, `gateway_remediations_total{state="unknown"} 0`: true, `state="running"`: false} {
		if strings.Contains(scraped, line) != want {
			t.Errorf("%s in the metrics: %t, want %t", line, !want, want)
		}
	}
}
