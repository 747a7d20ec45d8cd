package gateway_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/gorilla/websocket"
	"go.uber.org/goleak"

	"vigil/gateway"
	"vigil/workflows/event"
	"vigil/workflows/incident"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestConfigSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	for words, change := range map[string]func(*gateway.Config){
		"host:port":           func(c *gateway.Config) { c.Listen = "8080" },
		"listen on 127.0.0.1": func(c *gateway.Config) { c.DevPrincipal, c.Listen = true, ":8080" },
		"would make everyone": func(c *gateway.Config) { c.DevPrincipal, c.Listen = true, "192.0.2.1:8080" },
		"nobody could use it": func(c *gateway.Config) { c.TokenFile = "" },
		"--data-dir":          func(c *gateway.Config) { c.DataDir = "" },
		"--max-alert-bytes":   func(c *gateway.Config) { c.MaxAlertBytes = 1 },
		"--max-alert-memory":  func(c *gateway.Config) { c.MaxAlertMemory = c.MaxAlertBytes },
		"--stream-replicas":   func(c *gateway.Config) { c.StreamReplicas = 0 },
		"must be positive":    func(c *gateway.Config) { c.SystemEvery = 0 },
		"Deps.Engine is nil":  func(*gateway.Config) {},
	} {
		c := gateway.DefaultConfig()
		c.TokenFile = "tokens.yaml"
		change(&c)
		if _, err := gateway.New(c, gateway.Deps{}); err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("New = %v, want an error that says %q", err, words)
		}
	}
}

func TestStartSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	r := start(t)
	for words, change := range map[string]func(*gateway.Config){
		"another address by --listen": func(c *gateway.Config) { c.Listen = r.gateway.Addr() },
		"--token-file":                func(c *gateway.Config) { c.TokenFile = c.DataDir + "/none.yaml" },
		"--allowed-hosts":             func(c *gateway.Config) { c.AllowedHosts = []string{"https://x"} },
		"--allowed-origins":           func(c *gateway.Config) { c.AllowedOrigins = []string{"x.example.com"} },
	} {
		c := gateway.DefaultConfig()
		c.Listen, c.DataDir, c.DevPrincipal = "127.0.0.1:0", t.TempDir(), true
		change(&c)
		g, err := gateway.New(c, gateway.Deps{Engine: &engine{}, Streams: newStream(), Publisher: newStream(), Controls: newBucket(), Principals: newBucket()})
		must(t, err)
		if err := g.Start(t.Context()); err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("Start = %v, want an error that says %q", err, words)
		}
	}
}

// dial opens a socket and says hello.
func (r *rig) dial(role incident.Role, change ...func(http.Header)) (*websocket.Conn, *http.Response, error) {
	r.tb.Helper()
	h := http.Header{}
	if role != "" {
		h.Set("Authorization", "Bearer "+tokens[role])
	}
	for _, f := range change {
		f(h)
	}
	conn, resp, err := websocket.DefaultDialer.DialContext(r.tb.Context(), "ws"+strings.TrimPrefix(r.url, "http")+"/api/v1/ws", h)
	if err != nil {
		return nil, resp, err
	}
	r.tb.Cleanup(func() { conn.Close() })
	must(r.tb, conn.SetReadDeadline(time.Now().Add(10*time.Second)))
	must(r.tb, conn.WriteJSON(event.Hello{Type: event.FrameHello, Protocol: event.Protocol, Topics: []string{event.TopicIncidents}}))
	return conn, resp, nil
}

func TestSocket(t *testing.T) {
	t.Parallel()
	r := start(t)
	r.open("inc-1")
	conn, _, err := r.dial(incident.RoleViewer)
	must(t, err)
	seen := map[string]json.RawMessage{}
	want := []string{event.FrameWelcome, event.FrameSnapshot, event.TypeSystemHealth, event.TypeBusinessMetrics}
	missing := func() bool {
		for _, w := range want {
			if seen[w] == nil {
				return true
			}
		}
		return false
	}
	next := func() {
		var raw json.RawMessage
		must(t, conn.ReadJSON(&raw))
		var f struct{ Type string }
		must(t, json.Unmarshal(raw, &f))
		seen[f.Type] = raw
	}
	for missing() {
		next()
	}
	var welcome event.Welcome
	must(t, json.Unmarshal(seen[event.FrameWelcome], &welcome))
	if welcome.Principal.Name != "a viewer" || welcome.Epoch != "epoch-1" {
		t.Errorf("welcome is %+v", welcome)
	}
	if !strings.Contains(string(seen[event.FrameSnapshot]), "inc-1") {
		t.Errorf("snapshot is %s", seen[event.FrameSnapshot])
	}
	var health event.SystemEvent
	must(t, json.Unmarshal(seen[event.TypeSystemHealth], &health))
	var m event.SystemHealthMetrics
	must(t, json.Unmarshal(health.Data, &m))
	if len(m.Components) != 6 || m.OpenIncidents != 1 || health.Provenance.Origin != incident.OriginLive {
		t.Errorf("health is %+v", m)
	}
	r.publish("inc-1", 2, &event.IncidentNoted{By: "alice", Text: "hm"})
	want = append(want, string(event.TypeIncidentNoted))
	for missing() {
		next()
	}
}

func TestSocketIsGuarded(t *testing.T) {
	t.Parallel()
	r := start(t, func(s *setup) { s.cfg.AllowedOrigins = []string{"https://ops.example.com"} })
	origin := func(o string) func(http.Header) { return func(h http.Header) { h.Set("Origin", o) } }
	for _, c := range []struct {
		name   string
		role   incident.Role
		change func(http.Header)
		status int
	}{
		{"nobody", "", func(http.Header) {}, 401},
		{"foreign page", incident.RoleAdmin, origin("https://evil.example.net"), 403},
		{"own page", incident.RoleViewer, origin(r.url), 101},
		{"allowed page", incident.RoleViewer, origin("https://ops.example.com"), 101},
	} {
		_, resp, _ := r.dial(c.role, c.change)
		if resp == nil || resp.StatusCode != c.status {
			t.Errorf("%s: %+v, want %d", c.name, resp, c.status)
		}
	}
}

func TestStopClosesSocketsSoThatTheyComeBack(t *testing.T) {
	t.Parallel()
	r := start(t)
	conn, _, err := r.dial(incident.RoleViewer)
	must(t, err)
	_, _, err = conn.ReadMessage() // welcome
	must(t, err)
	stopped := make(chan error, 1)
	go func() { stopped <- r.gateway.Stop(context.WithoutCancel(t.Context())) }()
	for err == nil {
		_, _, err = conn.ReadMessage()
	}
	if !websocket.IsCloseError(err, event.CloseShutdown) {
		t.Errorf("the socket ended with %v, want code %d", err, event.CloseShutdown)
	}
	must(t, <-stopped)
	if _, err := http.Get(r.url + "/healthz"); err == nil {
		t.Error("it still serves")
	}
}

// TestRestartForgetsNothing stops a gateway and starts another on its data.
func TestRestartForgetsNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	down := incident.Errorf(incident.KindUnavailable, "Temporal cannot be reached")
	first := startIn(t, dir, func(s *setup) { s.deps.Engine.(*engine).down = down })
	first.open("inc-1")
	first.expect("post", first.do("POST", "/api/v1/alerts/alertmanager", []byte(webhook), as(incident.RoleResponder)), 202, "")
	must(t, first.gateway.Stop(context.WithoutCancel(t.Context())))

	second := startIn(t, dir, func(s *setup) { s.deps.Streams = first.stream })
	second.expect("incident", second.do("GET", "/api/v1/incidents/inc-1", nil, as(incident.RoleViewer)), 200, "")
	eventually(t, "the alert to reach its workflow", func() bool { return len(second.engine.delivered()) == 1 })
}

func TestHealth(t *testing.T) {
	t.Parallel()
	r := start(t)
	states := func() map[string]string {
		var m event.SystemHealthMetrics
		r.expect("health", r.do("GET", "/api/v1/system/health", nil, as(incident.RoleViewer)), 200, "").into(t, &m)
		out := map[string]string{}
		for _, c := range m.Components {
			out[c.Name] = c.State
		}
		return out
	}
	eventually(t, "the stream to be reached", func() bool {
		s := states()
		return s["stream"] == "healthy" && s["store"] == "healthy" && s["temporal"] == "healthy" && s["worker"] == "down"
	})
}

func TestDashboards(t *testing.T) {
	t.Parallel()
	r := start(t, func(s *setup) {
		s.deps.Web = fstest.MapFS{
			"index.html":           {Data: []byte("<!doctype html><title>Vigil</title>")},
			"assets/app-1.js":      {Data: []byte("export {}")},
			"favicon.svg":          {Data: []byte("<svg/>")},
			"scenarios/index.json": {Data: []byte("[]")},
			".env":                 {Data: []byte("SECRET=1")},
			"assets/.map/x.js":     {Data: []byte("secret")},
		}
	})
	if a := r.do("HEAD", "/healthz", nil); a.status != 200 {
		t.Errorf("HEAD /healthz: %d", a.status)
	}
	for _, c := range []struct {
		path   string
		status int
		cache  string
		body   string
	}{
		{"/", 200, "no-store", "<title>Vigil"},
		{"/ops", 200, "no-store", "<title>Vigil"},
		{"/ops/incidents/demo.1", 200, "no-store", "<title>Vigil"},
		{"/transparency/inc-1", 200, "no-store", "<title>Vigil"},
		{"/transparency/incidents/demo.1", 200, "no-store", "<title>Vigil"},
		{"/demo/present/incidents/demo.1", 200, "no-store", "<title>Vigil"},
		{"/scenarios/index.json", 200, "no-cache", "[]"},
		{"/scenarios/missing.json", 404, "no-store", ""},
		{"/demo.json", 404, "no-store", ""},
		{"/index.html", 200, "no-store", "<title>Vigil"},
		{"/assets/app-1.js", 200, "public, max-age=31536000, immutable", "export"},
		{"/favicon.svg", 200, "no-cache", "<svg/>"},
		{"/assets/app-0.js", 404, "no-store", ""},
		{"/assets", 200, "no-store", "<title>Vigil"},
		{"/robots.txt", 404, "no-store", ""},
		{"/.env", 404, "no-store", ""},
		{"/assets/.map/x.js", 404, "no-store", ""},
		{"/../gateway.db", 404, "no-store", ""},
		{"/%2e%2e/tokens.yaml", 404, "no-store", ""},
		{"/api", 404, "no-store", ""},
	} {
		a := r.do("GET", c.path, nil)
		if a.status != c.status || a.header.Get("Cache-Control") != c.cache || c.status == 200 && !strings.Contains(string(a.body), c.body) {
			t.Errorf("%s: %d %q %s, want %d %q", c.path, a.status, a.header.Get("Cache-Control"), a.body, c.status, c.cache)
		}
		if strings.Contains(string(a.body), "SECRET") || strings.Contains(string(a.body), "secret") {
			t.Errorf("%s gives away %s", c.path, a.body)
		}
		if p := a.header.Get("Content-Security-Policy"); !strings.HasPrefix(p, "default-src 'none'") || strings.Contains(p, "unsafe") {
			t.Errorf("%s: policy is %q", c.path, p)
		}
	}
}

// TestDashboardsAreCompressed where that is of use, and wholly the same after it.
func TestDashboardsAreCompressed(t *testing.T) {
	t.Parallel()
	script := strings.Repeat("export const a = 1;\n", 500)
	r := start(t, func(s *setup) {
		s.deps.Web = fstest.MapFS{"assets/app-1.js": {Data: []byte(script)}, "assets/inter-1.woff2": {Data: []byte(script)}, "assets/small-1.js": {Data: []byte("export {}")}}
	})
	for _, c := range []struct{ path, ask, encoding string }{
		{"/assets/app-1.js", "gzip, br", "gzip"},
		{"/assets/app-1.js", "", ""},
		{"/assets/small-1.js", "gzip", ""},
		{"/assets/inter-1.woff2", "gzip", ""}, // which is compressed already
	} {
		a := r.do("GET", c.path, nil, func(req *http.Request) { req.Header.Set("Accept-Encoding", c.ask) })
		if got := a.header.Get("Content-Encoding"); a.status != 200 || got != c.encoding {
			t.Errorf("%s for %q: %d, encoded as %q", c.path, c.ask, a.status, got)
		}
		if c.encoding == "" {
			continue
		}
		z, err := gzip.NewReader(bytes.NewReader(a.body))
		if err != nil {
			t.Fatal(err)
		}
		if plain, err := io.ReadAll(z); err != nil || string(plain) != script || len(a.body)*10 > len(script) {
			t.Errorf("%s: %d bytes came of %d, %v", c.path, len(plain), len(a.body), err)
		}
		part := r.do("GET", c.path, nil, func(req *http.Request) {
			req.Header.Set("Accept-Encoding", "gzip")
			req.Header.Set("Range", "bytes=0-5")
		})
		if part.status != 206 || string(part.body) != script[:6] {
			t.Errorf("a part of %s: %d %q", c.path, part.status, part.body)
		}
	}
}

func TestDashboardsThatAreNotBuilt(t *testing.T) {
	t.Parallel()
	r := start(t)
	if a := r.do("GET", "/ops", nil); a.status != 503 || !strings.Contains(string(a.body), "npm run build") {
		t.Errorf("%d %s", a.status, a.body)
	}
}

func TestMetricsAreServed(t *testing.T) {
	t.Parallel()
	r := start(t)
	r.open("inc-1")
	r.expect("post", r.do("POST", "/api/v1/alerts/alertmanager", []byte(webhook), as(incident.RoleResponder)), 202, "")
	text := string(r.expect("metrics", r.do("GET", "/metrics", nil, as(incident.RoleViewer)), 200, "").body)
	for _, line := range []string{
		`gateway_alert_deliveries_total{outcome="accepted",source="alertmanager"} 1`, `gateway_incidents_open 1`,
		`gateway_requests_total{method="GET",route="/api/v1/incidents/:id",status="200"}`, "gateway_ws_published_total", "gateway_events_applied_total 1",
	} {
		if !strings.Contains(text, line) {
			t.Errorf("%q is not among the metrics", line)
		}
	}
	if strings.Contains(text, "inc-1") {
		t.Error("a metric is labelled with an incident's id")
	}
}
