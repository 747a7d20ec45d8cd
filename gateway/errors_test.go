package gateway_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"vigil/gateway"
	"vigil/workflows/incident"
)

func TestEveryKindHasItsStatus(t *testing.T) {
	t.Parallel()
	want := map[incident.Kind]int{incident.KindInvalid: 422, incident.KindNotFound: 404, incident.KindConflict: 409, incident.KindDenied: 403,
		incident.KindThrottled: 429, incident.KindBudget: 409, incident.KindUnavailable: 503, incident.KindInternal: 500}
	for _, k := range incident.Kinds {
		p := gateway.ProblemOf(fmt.Errorf("wrapped: %w", incident.Errorf(k, "words for people")))
		if p.Status != want[k] || p.Kind != k || p.Type != "urn:vigil:problem:"+string(k) || p.Title == "" {
			t.Errorf("%s is %+v", k, p)
		}
		if k != incident.KindInternal && p.Detail != "words for people" {
			t.Errorf("%s says %q", k, p.Detail)
		}
	}
}

func TestCausesStayInside(t *testing.T) {
	t.Parallel()
	secret := errors.New("dial tcp 10.0.0.7: password=hunter2")
	for _, err := range []error{secret, fmt.Errorf("read: %w", secret),
		&incident.Error{Kind: incident.KindUnavailable, Op: "read", Msg: "not now", Err: secret},
		&incident.Error{Kind: incident.KindInternal, Msg: "hunter2", Err: secret}} {
		if p := gateway.ProblemOf(err); strings.Contains(fmt.Sprintf("%+v", p), "hunter2") {
			t.Errorf("%v is told as %+v", err, p)
		}
	}
}

func TestInternalErrorsAreFoundInTheLogByTheirID(t *testing.T) {
	t.Parallel()
	core, seen := observer.New(zapcore.WarnLevel)
	r := start(t, func(s *setup) { s.deps.Log = zap.New(core) })
	r.engine.onUpdate = func(updateCall) (any, error) { return nil, errors.New("the cause") }
	a := r.expect("internal", r.do("POST", "/api/v1/incidents/inc-1/acknowledge", nil, as(incident.RoleAdmin)), 500, "its log has the cause")
	var p gateway.Problem
	a.into(t, &p)
	entries := seen.FilterMessage("internal error").All()
	if len(entries) != 1 {
		t.Fatalf("%d entries", len(entries))
	}
	fields := entries[0].ContextMap()
	if p.Instance != fmt.Sprint("urn:vigil:request:", fields["request_id"]) || fields["error"] != "incident inc-1: the cause" {
		t.Errorf("instance %s, entry %v", p.Instance, fields)
	}
}

func TestPanicIsInternal(t *testing.T) {
	t.Parallel()
	core, seen := observer.New(zapcore.WarnLevel)
	r := start(t, func(s *setup) { s.deps.Log = zap.New(core) })
	r.engine.onUpdate = func(updateCall) (any, error) { panic("boom") }
	r.expect("panic", r.do("POST", "/api/v1/incidents/inc-1/acknowledge", nil, as(incident.RoleAdmin)), 500, "its log has the cause")
	if e := seen.FilterMessage("a handler panicked").All(); len(e) != 1 || !strings.Contains(fmt.Sprint(e[0].ContextMap()["stack"]), "errors_test.go") {
		t.Errorf("entries %v", e)
	}
}

func TestUnknownAddresses(t *testing.T) {
	t.Parallel()
	r := start(t)
	r.expect("unknown", r.do("GET", "/api/v1/nothing", nil, as(incident.RoleAdmin)), 404, "/api/v1/openapi.json lists what there is")
	r.expect("unknown, posted", r.do("POST", "/api/v1/nothing", "{}", as(incident.RoleAdmin)), 405, "lists what it takes")
	r.expect("wrong method", r.do("DELETE", "/api/v1/incidents", nil, as(incident.RoleAdmin)), 405, "lists what it takes")
	var me gateway.Me
	r.expect("me", r.do("GET", "/api/v1/me", nil, as(incident.RoleAdmin)), 200, "").into(t, &me)
	if me.Sandbox {
		t.Error("without a sandbox, /me says that there is one")
	}
	r.expect("no demo here", r.do("GET", "/api/v1/demo", nil, as(incident.RoleAdmin)), 404, "")
	r.expect("no such incident", r.do("GET", "/api/v1/incidents/inc-9", nil, as(incident.RoleAdmin)), 404, "does not exist")
}

func TestQueriesSayWhatIsWrong(t *testing.T) {
	t.Parallel()
	r := start(t)
	r.open("inc-1")
	for query, words := range map[string]string{
		"?status=open": "one of detected", "?severity=sev1": "one of critical", "?open=yes": "use true or false",
		"?limit=0": "from 1 to 200", "?limit=x": "from 1 to 200", "?state=open": `"state" is not a parameter here`, "?q=a&q=b": "give it once",
	} {
		r.expect(query, r.do("GET", "/api/v1/incidents"+query, nil, as(incident.RoleViewer)), 400, words)
	}
	r.expect("cursor", r.do("GET", "/api/v1/incidents?cursor=x", nil, as(incident.RoleViewer)), 422, "not a page cursor")
	r.expect("after", r.do("GET", "/api/v1/incidents/inc-1/events?after=-1", nil, as(incident.RoleViewer)), 400, "after is")
}
