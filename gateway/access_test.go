package gateway_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"vigil/gateway"
	"vigil/gateway/store"
	"vigil/workflows/event"
	"vigil/workflows/incident"
)

// demo is a sandbox with one fault.
type demo struct{ active string }

func (d *demo) Status(context.Context) (gateway.DemoStatus, error) {
	return gateway.DemoStatus{Faults: []gateway.DemoFault{{Name: "bad_deployment", Title: "Bad deployment"}}, Active: d.active}, nil
}

func (d *demo) Start(_ context.Context, fault string) error {
	if fault != "bad_deployment" {
		return incident.Errorf(incident.KindNotFound, "there is no fault %q", fault)
	}
	return nil
}

func withDemo(s *setup) { s.deps.Demo = &demo{} }

// requests has one good request for each route, and the status it gets from
// somebody who may. TestEveryRouteByEveryRole and the OpenAPI test go by it.
var requests = []struct {
	method, path, route string
	need                incident.Role
	body                any
	ok                  int
}{
	{"POST", "/api/v1/alerts/alertmanager", "/api/v1/alerts/{source}", incident.RoleResponder, []byte(`{}`), 202},
	{"POST", "/api/v1/alerts/nobody-knows-it", "/api/v1/alerts/{source}", incident.RoleResponder, []byte(`{}`), 202},
	{"POST", "/v2/enqueue", "", incident.RoleResponder, []byte(`{}`), 202},
	{"POST", "/v2/change/enqueue", "", incident.RoleResponder, []byte(`{}`), 202},
	{"GET", "/api/v1/deliveries?state=quarantined&limit=1", "/api/v1/deliveries", incident.RoleViewer, nil, 200},
	{"GET", "/api/v1/deliveries/1", "/api/v1/deliveries/{id}", incident.RoleViewer, nil, 200},
	{"GET", "/api/v1/deliveries/1/body", "/api/v1/deliveries/{id}/body", incident.RoleViewer, nil, 200},
	{"POST", "/api/v1/deliveries/9999/retry", "/api/v1/deliveries/{id}/retry", incident.RoleResponder, nil, 404},
	{"POST", "/api/v1/deliveries/retry", "", incident.RoleResponder, gateway.RetryAllRequest{Source: "none"}, 200},
	{"POST", "/api/v1/deliveries/9999/discard", "/api/v1/deliveries/{id}/discard", incident.RoleResponder, gateway.ReasonRequest{Reason: "noise"}, 404},
	{"GET", "/api/v1/sources", "", incident.RoleViewer, nil, 200},
	{"GET", "/api/v1/events/run-inc-1%2F1", "/api/v1/events/{id}", incident.RoleViewer, nil, 200},
	{"GET", "/api/v1/analytics/summary?from=2020-01-01T00:00:00Z&severity=high", "/api/v1/analytics/summary", incident.RoleViewer, nil, 200},
	{"GET", "/api/v1/analytics/series?bucket=week", "/api/v1/analytics/series", incident.RoleViewer, nil, 200},
	{"GET", "/api/v1/analytics/incidents?limit=2", "/api/v1/analytics/incidents", incident.RoleViewer, nil, 200},
	{"GET", "/api/v1/analytics/incidents/inc-1", "/api/v1/analytics/incidents/{id}", incident.RoleViewer, nil, 200},
	{"GET", "/api/v1/analytics/definitions", "", incident.RoleViewer, nil, 200},
	{"GET", "/api/v1/correlation", "", incident.RoleViewer, nil, 200},
	{"GET", "/api/v1/audit?subject=x", "/api/v1/audit", incident.RoleViewer, nil, 200},
	{"GET", "/api/v1/silences?state=active", "/api/v1/silences", incident.RoleViewer, nil, 200},
	{"POST", "/api/v1/silences", "", incident.RoleResponder, gateway.SilenceRequest{Kind: store.KindSilence, Reason: "known", EndsAt: time.Now().Add(time.Hour),
		Matchers: []store.Matcher{{Name: "service", Op: "=", Value: "quiet"}}}, 200},
	{"POST", "/api/v1/silences/none/end", "/api/v1/silences/{id}/end", incident.RoleResponder, gateway.ReasonRequest{Reason: "done"}, 404},
	{"GET", "/api/v1/silences/none/alerts", "/api/v1/silences/{id}/alerts", incident.RoleViewer, nil, 404},
	{"GET", "/api/v1/incidents/inc-1/alerts?q=x", "/api/v1/incidents/{id}/alerts", incident.RoleViewer, nil, 200},
	{"POST", "/api/v1/incidents/inc-1/merge", "/api/v1/incidents/{id}/merge", incident.RoleResponder, gateway.MergeRequest{Into: "none", Reason: "same"}, 404},
	{"POST", "/api/v1/incidents/inc-1/split", "/api/v1/incidents/{id}/split", incident.RoleResponder, gateway.SplitRequest{CorrelationKeys: []string{"none"}, Reason: "other"}, 409},
	{"GET", "/api/v1/incidents?open=true&severity=high&q=slow", "/api/v1/incidents", incident.RoleViewer, nil, 200},
	{"POST", "/api/v1/incidents", "", incident.RoleResponder, gateway.StartRequest{Title: "Checkout is slow"}, 201},
	{"GET", "/api/v1/incidents/inc-1", "/api/v1/incidents/{id}", incident.RoleViewer, nil, 200},
	{"GET", "/api/v1/incidents/inc-1/events?after=0&limit=10", "/api/v1/incidents/{id}/events", incident.RoleViewer, nil, 200},
	{"POST", "/api/v1/incidents/inc-1/decisions", "/api/v1/incidents/{id}/decisions", incident.RoleApprover,
		gateway.DecisionRequest{Decision: "approve", ProposalID: "p-1", ActionHash: "h"}, 200},
	{"POST", "/api/v1/incidents/inc-1/acknowledge", "/api/v1/incidents/{id}/acknowledge", incident.RoleResponder, nil, 200},
	{"POST", "/api/v1/incidents/inc-1/notes", "/api/v1/incidents/{id}/notes", incident.RoleResponder, gateway.NoteRequest{Text: "hm"}, 200},
	{"POST", "/api/v1/incidents/inc-1/severity", "/api/v1/incidents/{id}/severity", incident.RoleResponder, gateway.SeverityRequest{Severity: "low"}, 200},
	{"POST", "/api/v1/incidents/inc-1/resolve", "/api/v1/incidents/{id}/resolve", incident.RoleResponder, gateway.ResolveRequest{Reason: "was a drill"}, 200},
	{"POST", "/api/v1/incidents/inc-1/questions", "/api/v1/incidents/{id}/questions", incident.RoleResponder, gateway.QuestionRequest{Question: "why?"}, 202},
	{"POST", "/api/v1/incidents/inc-1/budget", "/api/v1/incidents/{id}/budget", incident.RoleApprover, gateway.BudgetRequest{Turns: 5}, 200},
	{"POST", "/api/v1/incidents/inc-1/review", "/api/v1/incidents/{id}/review", incident.RoleResponder, gateway.ReviewRequest{Correct: new(bool)}, 202},
	{"GET", "/api/v1/incidents/inc-1/evidence/E-whole/whole", "/api/v1/incidents/{id}/evidence/{evidence_id}/whole", incident.RoleViewer, nil, 200},
	{"POST", "/api/v1/incidents/inc-1/proposals", "/api/v1/incidents/{id}/proposals", incident.RoleResponder, gateway.ProposalRequest{OptionID: "restart:checkout", Reason: "it leaks"}, 200},
	{"PUT", "/api/v1/incidents/inc-1/review", "/api/v1/incidents/{id}/review", incident.RoleResponder, editOf("x"), 404}, // none yet
	{"GET", "/api/v1/incidents/inc-1/review.md", "/api/v1/incidents/{id}/review.md", incident.RoleViewer, nil, 404},
	{"GET", "/api/v1/controls", "", incident.RoleViewer, nil, 200},
	{"PUT", "/api/v1/controls", "", incident.RoleAdmin, gateway.ControlsRequest{Mode: incident.ModeExecute, DryRunServices: []string{"ledger"}, Reason: "ready"}, 200},
	{"POST", "/api/v1/controls/kill", "", incident.RoleResponder, gateway.KillRequest{Reason: "it misfires"}, 200},
	{"DELETE", "/api/v1/controls/kill", "", incident.RoleAdmin, gateway.StartAgainRequest{Reason: "fixed"}, 200},
	{"GET", "/api/v1/leases", "", incident.RoleViewer, nil, 200},
	{"POST", "/api/v1/leases/service:checkout/clear", "/api/v1/leases/{id}/clear", incident.RoleAdmin, gateway.ClearLeaseRequest{WorkflowID: "inc-1-remediation-1", Reason: "looked"}, 200},
	{"GET", "/api/v1/me", "", incident.RoleViewer, nil, 200},
	{"DELETE", "/api/v1/session", "", "", nil, 204},
	{"GET", "/api/v1/system/health", "", incident.RoleViewer, nil, 200},
	{"GET", "/api/v1/openapi.json", "", incident.RoleViewer, nil, 200},
	{"GET", "/api/v1/demo", "", incident.RoleViewer, nil, 200},
	{"POST", "/api/v1/demo/faults", "", incident.RoleResponder, gateway.FaultRequest{Fault: "bad_deployment"}, 202},
	{"GET", "/metrics", "", incident.RoleViewer, nil, 200},
	{"GET", "/healthz", "", "", nil, 200},
	{"GET", "/readyz", "", "", nil, 200},
	{"GET", "/api/v1/ws", "", incident.RoleViewer, nil, 400}, // not an upgrade, which the hub says
}

func TestEveryRouteByEveryRole(t *testing.T) {
	t.Parallel()
	r := start(t, withDemo, withKept)
	r.open("inc-1")
	r.publishKept("inc-1", 2)
	roles := append([]incident.Role{""}, incident.Roles...)
	for _, q := range requests {
		for _, role := range roles {
			want := q.ok
			switch {
			case q.need == "":
			case role == "":
				want = http.StatusUnauthorized
			case !(incident.Principal{Name: "x", Role: role}).May(q.need):
				want = http.StatusForbidden
			}
			a := r.do(q.method, q.path, q.body, as(role))
			what := fmt.Sprintf("%s %s as %q", q.method, q.path, role)
			if a.status != want {
				t.Errorf("%s: %d %s, want %d", what, a.status, a.body, want)
			}
			switch a.status {
			case http.StatusUnauthorized:
				if !strings.HasPrefix(a.header.Get("WWW-Authenticate"), "B") {
					t.Errorf("%s: 401 without a challenge", what)
				}
			case http.StatusForbidden:
				if d := a.detail(t); !strings.Contains(d, string(role)) || !strings.Contains(d, string(q.need)) {
					t.Errorf("%s: %q does not say which role there is and which is needed", what, d)
				}
			}
		}
	}
}

func TestCredentials(t *testing.T) {
	t.Parallel()
	r := start(t)
	good := tokens[incident.RoleViewer]
	for _, c := range []struct {
		name   string
		change func(*http.Request)
		status int
		words  string
	}{
		{"nothing", func(*http.Request) {}, 401, "who are you"},
		{"bearer", header("Authorization", "Bearer "+good), 200, ""},
		{"bearer in lower case", header("Authorization", "bearer "+good), 200, ""},
		{"unknown token", header("Authorization", "Bearer nope"), 401, "nobody here has that token"},
		{"empty token", header("Authorization", "Bearer "), 401, "nobody here has that token"},
		{"basic", func(q *http.Request) { q.SetBasicAuth("a viewer", good) }, 200, ""},
		{"basic without name", func(q *http.Request) { q.SetBasicAuth("", good) }, 200, ""},
		{"basic with another's name", func(q *http.Request) { q.SetBasicAuth("a admin", good) }, 401, "nobody here has that token"},
		{"broken basic", header("Authorization", "Basic !!!"), 401, "cannot be read"},
		{"other scheme", header("Authorization", "Digest "+good), 401, "cannot be read"},
		{"a hash is not a token", header("Authorization", "Bearer "+strings.Repeat("0", 64)), 401, "nobody"},
		{"made-up cookie", header("Cookie", "vigil_session=YQ.99999999999.x.y"), 401, "session is over"},
	} {
		r.expect(c.name, r.do("GET", "/api/v1/me", nil, c.change), c.status, c.words)
	}
}

func TestAlertSourcesAreAskedForBasic(t *testing.T) {
	t.Parallel()
	r := start(t)
	// SNS sends its credentials only after such a challenge.
	if c := r.do("POST", "/api/v1/alerts/sns", []byte("{}")).header.Get("WWW-Authenticate"); !strings.HasPrefix(c, "Basic ") {
		t.Errorf("challenge is %q", c)
	}
	// A browser would open a dialogue on Basic.
	if c := r.do("GET", "/api/v1/me", nil).header.Get("WWW-Authenticate"); !strings.HasPrefix(c, "Bearer ") {
		t.Errorf("challenge is %q", c)
	}
}

func TestDevPrincipal(t *testing.T) {
	t.Parallel()
	r := start(t, func(s *setup) {
		s.cfg.DevPrincipal, s.cfg.TemporalUIURL = true, "https://temporal.example.com/namespaces/vigil/"
	}, withDemo)
	var me gateway.Me
	r.expect("from here", r.do("GET", "/api/v1/me", nil), 200, "").into(t, &me)
	if me.Name != "dev" || me.Role != incident.RoleAdmin || !me.Dev || !me.Sandbox || me.TemporalUI != "https://temporal.example.com/namespaces/vigil" {
		t.Errorf("me is %+v", me)
	}
	r.expect("through a proxy", r.do("GET", "/api/v1/me", nil, header("X-Forwarded-For", "203.0.113.9")), 401, "through a proxy")
	r.expect("wrong token", r.do("GET", "/api/v1/me", nil, header("Authorization", "Bearer nope")), 401, "nobody here has that token")
	r.expect("own token", r.do("GET", "/api/v1/me", nil, as(incident.RoleViewer)), 200, "").into(t, &me)
	if me.Dev || me.Role != incident.RoleViewer {
		t.Errorf("with a token, me is %+v", me)
	}
	// A cookie from before must not lock a developer out.
	r.expect("stale cookie", r.do("GET", "/api/v1/me", nil, header("Cookie", "vigil_session=old")), 200, "")
}

func TestHostAndOrigin(t *testing.T) {
	t.Parallel()
	r := start(t, func(s *setup) {
		s.cfg.AllowedHosts, s.cfg.AllowedOrigins = []string{"vigil.example.com"}, []string{"https://ops.example.com"}
	})
	own := "http://" + r.gateway.Addr()
	for _, c := range []struct {
		name    string
		changes []func(*http.Request)
		status  int
		words   string
	}{
		{"own address", nil, 200, ""},
		{"localhost", []func(*http.Request){header("Host", "LocalHost:8080")}, 200, ""},
		{"loopback, version 6", []func(*http.Request){header("Host", "[::1]:8080")}, 200, ""},
		{"allowed name", []func(*http.Request){header("Host", "vigil.example.com")}, 200, ""},
		{"rebound name", []func(*http.Request){header("Host", "evil.example.net")}, 421, "--allowed-hosts"},
		{"name that begins well", []func(*http.Request){header("Host", "localhost.evil.example.net")}, 421, "--allowed-hosts"},
		{"own page", []func(*http.Request){header("Origin", own)}, 200, ""},
		{"allowed page", []func(*http.Request){header("Origin", "https://ops.example.com")}, 200, ""},
		{"foreign page", []func(*http.Request){header("Origin", "https://evil.example.net")}, 403, "--allowed-origins"},
		{"sandboxed page", []func(*http.Request){header("Origin", "null")}, 403, "--allowed-origins"},
		{"allowed name, other scheme", []func(*http.Request){header("Origin", "http://ops.example.com")}, 403, "--allowed-origins"},
	} {
		for _, request := range []struct{ method, path string }{{"GET", "/api/v1/me"}, {"POST", "/api/v1/incidents"}} {
			changes := append([]func(*http.Request){as(incident.RoleAdmin)}, c.changes...)
			status, body := c.status, any(nil)
			if request.method == "POST" {
				body = `{"title":"x"}`
				if status == 200 {
					status = 201
				}
			}
			r.expect(c.name+" "+request.method, r.do(request.method, request.path, body, changes...), status, c.words)
		}
	}
	// A form that a foreign page posts carries no Origin in some browsers, but always this.
	r.expect("cross-site", r.do("POST", "/api/v1/incidents", `{"title":"x"}`, as(incident.RoleAdmin), header("Sec-Fetch-Site", "cross-site")), 403, "cross-origin")
	// Probes know the gateway by its address.
	r.expect("probe", r.do("GET", "/readyz", nil, header("Host", "10.1.2.3:8080")), 200, "")
}

func TestSession(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	r := startIn(t, dir)
	r.expect("wrong token", r.do("POST", "/api/v1/session", map[string]string{"token": "nope"}), 401, "nobody here has that token")
	in := r.expect("sign in", r.do("POST", "/api/v1/session", map[string]string{"token": tokens[incident.RoleApprover]}), 200, "")
	set := in.header.Get("Set-Cookie")
	if !strings.Contains(set, "HttpOnly") || !strings.Contains(set, "SameSite=Strict") || !strings.Contains(set, "Path=/") {
		t.Errorf("cookie is %q", set)
	}
	cookie := header("Cookie", strings.Split(set, ";")[0])
	var me gateway.Me
	r.expect("with cookie", r.do("GET", "/api/v1/me", nil, cookie), 200, "").into(t, &me)
	if me.Role != incident.RoleApprover {
		t.Errorf("me is %+v", me)
	}

	t.Run("outlives a restart", func(t *testing.T) {
		again := startIn(t, dir)
		again.expect("with cookie", again.do("GET", "/api/v1/me", nil, cookie), 200, "")
	})
	t.Run("cannot be altered", func(t *testing.T) {
		parts := strings.Split(strings.TrimPrefix(strings.Split(set, ";")[0], "vigil_session="), ".")
		later := strings.Join([]string{parts[0], "99999999999", parts[2], parts[3]}, ".")
		r.expect("later", r.do("GET", "/api/v1/me", nil, header("Cookie", "vigil_session="+later)), 401, "session is over")
		other := strings.Join([]string{"YSBhZG1pbg", parts[1], parts[2], parts[3]}, ".") // "a admin"
		r.expect("other", r.do("GET", "/api/v1/me", nil, header("Cookie", "vigil_session="+other)), 401, "session is over")
	})
	t.Run("ends when signed out", func(t *testing.T) {
		r.expect("sign out", r.do("DELETE", "/api/v1/session", nil, cookie), 204, "")
		r.expect("after", r.do("GET", "/api/v1/me", nil, cookie), 401, "session is over")
	})
}

func TestTokenFileIsReread(t *testing.T) {
	t.Parallel()
	core, seen := observer.New(zapcore.InfoLevel)
	r := start(t, func(s *setup) { s.deps.Log = zap.New(core) })
	logged := func(words string) func() bool {
		return func() bool { return seen.FilterMessageSnippet(words).Len() > 0 }
	}
	rewrite := func(content string) {
		must(t, os.WriteFile(filepath.Join(r.dir, "tokens.yaml"), []byte(content), 0o600))
	}
	in := r.expect("sign in", r.do("POST", "/api/v1/session", map[string]string{"token": tokens[incident.RoleApprover]}), 200, "")
	cookie := header("Cookie", strings.Split(in.header.Get("Set-Cookie"), ";")[0])
	conn, _, err := r.dial(incident.RoleApprover)
	must(t, err)

	rewrite("principals: 7")
	eventually(t, "the wrong file to be noticed", logged("the token file is wrong; the last version stays in force"))
	r.expect("after a wrong file", r.do("GET", "/api/v1/me", nil, as(incident.RoleApprover)), 200, "")

	token, entry, err := gateway.NewToken("a approver", incident.RoleViewer)
	must(t, err)
	rewrite("principals:\n" + entry)
	eventually(t, "the new file to be read", logged("the token file was reloaded"))
	r.expect("old token", r.do("GET", "/api/v1/me", nil, as(incident.RoleApprover)), 401, "nobody here has that token")
	r.expect("session of the old token", r.do("GET", "/api/v1/me", nil, cookie), 401, "session is over")
	r.expect("new token", r.do("GET", "/api/v1/me", nil, header("Authorization", "Bearer "+token)), 200, "")
	for err == nil {
		_, _, err = conn.ReadMessage()
	}
	if !websocket.IsCloseError(err, event.CloseUnauthorized) {
		t.Errorf("the socket of the old token ended with %v, want code %d", err, event.CloseUnauthorized)
	}
}

func TestTemporalUIURLNamesANamespace(t *testing.T) {
	t.Parallel()
	for url, ok := range map[string]bool{
		"": true, "https://temporal.example.com/namespaces/default": true, "http://127.0.0.1:8233/namespaces/vigil/": true,
		"https://temporal.example.com": false, "temporal.example.com/namespaces/default": false, "javascript:alert(1)//namespaces/x": false,
	} {
		cfg := gateway.DefaultConfig()
		cfg.DevPrincipal, cfg.TemporalUIURL = true, url
		if err := cfg.Validate(); (err == nil) != ok {
			t.Errorf("%q: %v", url, err)
		}
	}
}
