package gateway_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"vigil/gateway"
	"vigil/workflows/incident"
)

func jsonOf(tb testing.TB, v any) string {
	tb.Helper()
	raw, err := json.Marshal(v)
	must(tb, err)
	return string(raw)
}

func key(k string) func(*http.Request) { return header("Idempotency-Key", k) }

func TestVerbsCarryThePrincipal(t *testing.T) {
	t.Parallel()
	r := start(t)
	responder := incident.Principal{Name: "a responder", Role: incident.RoleResponder}
	approver := incident.Principal{Name: "a approver", Role: incident.RoleApprover}
	for _, c := range []struct {
		path, update string
		body         any
		role         incident.Role
		want         any
	}{
		{"decisions", incident.UpdateDecide, gateway.DecisionRequest{Decision: "reject", ProposalID: "p", ActionHash: "h", Comment: "no"}, incident.RoleApprover,
			incident.DecideArgs{Principal: approver, Decision: "reject", ProposalID: "p", ActionHash: "h", Comment: "no"}},
		{"acknowledge", incident.UpdateAcknowledge, nil, incident.RoleResponder, incident.AcknowledgeArgs{Principal: responder}},
		{"notes", incident.UpdateNote, gateway.NoteRequest{Text: "hm"}, incident.RoleResponder, incident.NoteArgs{Principal: responder, Text: "hm"}},
		{"severity", incident.UpdateSetSeverity, gateway.SeverityRequest{Severity: "low", Reason: "one user"}, incident.RoleResponder,
			incident.SetSeverityArgs{Principal: responder, Severity: incident.SeverityLow, Reason: "one user"}},
		{"resolve", incident.UpdateResolve, gateway.ResolveRequest{Reason: "a drill"}, incident.RoleResponder,
			incident.ResolveArgs{Principal: responder, Reason: "a drill"}},
	} {
		a := r.expect(c.path, r.do("POST", "/api/v1/incidents/inc-1/"+c.path, c.body, as(c.role)), 200, "")
		if a.header.Get("Idempotency-Key") == "" {
			t.Errorf("%s: no key was made up for the client", c.path)
		}
		u := r.engine.updates[len(r.engine.updates)-1]
		if u.id != "inc-1" || u.name != c.update || u.args != c.want {
			t.Errorf("%s became %+v, want %s %+v", c.path, u, c.update, c.want)
		}
	}
}

func TestCommandsRefuseWhatIsWrong(t *testing.T) {
	t.Parallel()
	r := start(t)
	for _, c := range []struct {
		path   string
		body   any
		status int
		words  string
	}{
		{"/decisions", `{"decision":"approve","proposal_id":"p","action_hash":"h","principal":{"name":"boss","role":"admin"}}`, 400, `unknown field "principal"`},
		{"/decisions", `{"decision":"maybe","proposal_id":"p","action_hash":"h"}`, 422, "use approve or reject"},
		{"/decisions", `{"decision":"approve","proposal_id":"p"}`, 422, "action_hash are both needed"},
		{"/decisions", `{`, 400, "cannot be read"},
		{"/decisions", `{} {}`, 400, "after its JSON object"},
		{"/decisions", []byte(`{}`), 422, "use approve or reject"}, // no Content-Type is taken for JSON
		{"/notes", `{"text":"  "}`, 422, "text is needed"},
		{"/notes", gateway.NoteRequest{Text: strings.Repeat("x", 10_001)}, 422, "10000 are the most"},
		{"/notes", gateway.NoteRequest{Text: strings.Repeat("x", 300<<10)}, 413, "over 262144 bytes"},
		{"/severity", `{"severity":"sev1"}`, 422, "critical, high, medium or low"},
		{"/resolve", `{}`, 422, "reason is needed"},
		{"", `{}`, 422, "say at least"},
		{"", `{"title":"x","severity":"bad"}`, 422, "critical, high, medium or low"},
		{"", `{"title":"x","opened_by":"boss"}`, 400, "unknown field"},
		{"", `{"title":"x","origin":"live"}`, 400, "unknown field"},
		{"", `{"title":"x","started_at":"yesterday"}`, 400, "cannot be read"},
	} {
		path := "/api/v1/incidents"
		if c.path != "" {
			path += "/inc-1" + c.path
		}
		r.expect(fmt.Sprintf("%s %.80s", c.path, c.body), r.do("POST", path, c.body, as(incident.RoleAdmin)), c.status, c.words)
	}
	form := header("Content-Type", "application/x-www-form-urlencoded")
	r.expect("a form", r.do("POST", "/api/v1/incidents/inc-1/notes", `text=x`, as(incident.RoleAdmin), form), 415, "must be application/json")
	r.expect("key with spaces", r.do("POST", "/api/v1/incidents/inc-1/acknowledge", nil, as(incident.RoleAdmin), key("a b")), 400, "visible ASCII")
	if n := len(r.engine.updates) + len(r.engine.started); n != 0 {
		t.Errorf("%d of them reached a workflow", n)
	}
}

func TestErrorsOfTheWorkflow(t *testing.T) {
	t.Parallel()
	r := start(t)
	for kind, status := range map[incident.Kind]int{
		incident.KindInvalid: 422, incident.KindNotFound: 404, incident.KindConflict: 409, incident.KindDenied: 403,
		incident.KindThrottled: 429, incident.KindUnavailable: 503,
	} {
		r.engine.onUpdate = func(updateCall) (any, error) { return nil, incident.Errorf(kind, "already decided by bob") }
		a := r.expect(string(kind), r.do("POST", "/api/v1/incidents/inc-1/acknowledge", nil, as(incident.RoleResponder)), status, "already decided by bob")
		if (status == 503 || status == 429) != (a.header.Get("Retry-After") != "") {
			t.Errorf("%d has Retry-After %q", status, a.header.Get("Retry-After"))
		}
	}
}

func TestIdempotency(t *testing.T) {
	t.Parallel()
	r := start(t)
	note := func(text, k string, role incident.Role) answer {
		return r.do("POST", "/api/v1/incidents/inc-1/notes", gateway.NoteRequest{Text: text}, as(role), key(k))
	}
	first := r.expect("first", note("hm", "k1", incident.RoleResponder), 200, "")
	second := r.expect("second", note("hm", "k1", incident.RoleResponder), 200, "")
	if len(r.engine.updates) != 1 || string(first.body) != string(second.body) {
		t.Errorf("%d updates, answers %s and %s", len(r.engine.updates), first.body, second.body)
	}
	if first.header.Get("Idempotency-Replayed") != "" || second.header.Get("Idempotency-Replayed") != "true" {
		t.Error("only the second answer is a replay")
	}
	r.expect("other body", note("oh", "k1", incident.RoleResponder), 422, "use a new key")
	r.expect("other path", r.do("POST", "/api/v1/incidents/inc-2/notes", gateway.NoteRequest{Text: "hm"}, as(incident.RoleResponder), key("k1")), 422, "use a new key")
	r.expect("another's key", note("hm", "k1", incident.RoleAdmin), 200, "")
	if len(r.engine.updates) != 2 || r.engine.updates[0].updateID == r.engine.updates[1].updateID {
		t.Errorf("two people with the same key are %+v", r.engine.updates)
	}
}

func TestIdempotencyRemembersRefusals(t *testing.T) {
	t.Parallel()
	r := start(t)
	r.engine.onUpdate = func(updateCall) (any, error) {
		return nil, incident.Errorf(incident.KindConflict, "already decided by bob")
	}
	decide := func() answer {
		return r.do("POST", "/api/v1/incidents/inc-1/decisions", gateway.DecisionRequest{Decision: "approve", ProposalID: "p", ActionHash: "h"},
			as(incident.RoleApprover), key("k"))
	}
	r.expect("first", decide(), 409, "already decided by bob")
	again := r.expect("second", decide(), 409, "already decided by bob")
	if len(r.engine.updates) != 1 || again.header.Get("Idempotency-Replayed") != "true" {
		t.Errorf("%d updates", len(r.engine.updates))
	}
}

func TestIdempotencyForgetsWhatIsNotKnownToHaveHappened(t *testing.T) {
	t.Parallel()
	r := start(t)
	r.engine.onUpdate = func(updateCall) (any, error) {
		return nil, incident.Errorf(incident.KindUnavailable, "nothing is assumed; repeat with the same Idempotency-Key")
	}
	ack := func() answer {
		return r.do("POST", "/api/v1/incidents/inc-1/acknowledge", nil, as(incident.RoleResponder), key("k"))
	}
	r.expect("no worker", ack(), 503, "nothing is assumed")
	r.engine.onUpdate = nil
	r.expect("with one", ack(), 200, "")
	// The workflow drops the second one if the first had arrived after all.
	if u := r.engine.updates; len(u) != 2 || u[0].updateID != u[1].updateID || u[0].updateID == "" {
		t.Errorf("updates are %+v", u)
	}
}

func TestStartByHand(t *testing.T) {
	t.Parallel()
	r := start(t)
	body := gateway.StartRequest{Title: " Checkout is slow ", Service: "checkout", Severity: incident.SeverityHigh, Labels: map[string]string{"team": "shop"}}
	post := func() answer {
		return r.do("POST", "/api/v1/incidents", body, as(incident.RoleResponder), key("k"))
	}
	var made gateway.Created
	a := r.expect("start", post(), 201, "")
	a.into(t, &made)
	if a.header.Get("Location") != "/api/v1/incidents/"+made.IncidentID || !strings.HasPrefix(made.IncidentID, "inc-") {
		t.Errorf("%s at %q", a.body, a.header.Get("Location"))
	}
	in := r.engine.started[made.IncidentID]
	if in.Title != "Checkout is slow" || in.OpenedBy != "a responder" || in.Labels["team"] != "shop" || in.Severity != incident.SeverityHigh {
		t.Errorf("input is %+v", in)
	}
	again := r.expect("again", post(), 201, "")
	if again.header.Get("Location") != a.header.Get("Location") || len(r.engine.started) != 1 {
		t.Errorf("a repetition went to %q; %d started", again.header.Get("Location"), len(r.engine.started))
	}
	// Without a key, each request is an incident of its own.
	for range 2 {
		r.expect("keyless", r.do("POST", "/api/v1/incidents", body, as(incident.RoleResponder)), 201, "")
	}
	if len(r.engine.started) != 3 {
		t.Errorf("%d started, want 3", len(r.engine.started))
	}
}

func TestStartWhoseAnswerWasLost(t *testing.T) {
	t.Parallel()
	r := start(t)
	lose := true
	r.engine.onStart = func(id string) error {
		if !lose {
			return nil
		}
		lose = false // it started, and the gateway never heard of it
		r.engine.started = map[string]incident.Input{id: {}}
		return incident.Errorf(incident.KindUnavailable, "no answer in time")
	}
	post := func() answer {
		return r.do("POST", "/api/v1/incidents", gateway.StartRequest{Title: "x"}, as(incident.RoleResponder), key("k"))
	}
	r.expect("first", post(), 503, "no answer in time")
	r.expect("second", post(), 201, "")
	if len(r.engine.started) != 1 {
		t.Errorf("%d incidents, want one", len(r.engine.started))
	}
}

func TestDoubleClick(t *testing.T) {
	t.Parallel()
	r := start(t)
	var all sync.WaitGroup
	statuses := make(chan int, 10)
	for range 10 {
		all.Go(func() {
			a := r.do("POST", "/api/v1/incidents/inc-1/acknowledge", nil, as(incident.RoleResponder), key("k"))
			statuses <- a.status
		})
	}
	all.Wait()
	close(statuses)
	for s := range statuses {
		if s != 200 && s != 409 { // 409: the first is still under way
			t.Errorf("status %d", s)
		}
	}
	if n := len(r.engine.updates); n != 1 {
		t.Errorf("%d updates, want 1", n)
	}
}
