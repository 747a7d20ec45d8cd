package gateway_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"go.uber.org/zap"

	"vigil/gateway"
	"vigil/workflows/event"
	"vigil/workflows/incident"
)

// tokens of the principals that every test gateway knows, by role.
var tokens = map[incident.Role]string{}

// tokenFile is their token file.
var tokenFile = func() string {
	file := "principals:\n"
	for _, r := range incident.Roles {
		token, entry, err := gateway.NewToken("a "+string(r), r)
		if err != nil {
			panic(err)
		}
		tokens[r], file = token, file+entry
	}
	return file
}()

// rig is a gateway that runs, with everything around it made of memory except
// the store.
type rig struct {
	tb      testing.TB
	url     string
	gateway *gateway.Gateway
	engine  *engine
	stream  *stream
	dir     string

	controls   *bucket
	principals *bucket
}

// setup changes what a rig is made of.
type setup struct {
	cfg   gateway.Config
	deps  gateway.Deps
	admit func() error
}

// start runs a gateway until the test ends.
func start(tb testing.TB, change ...func(*setup)) *rig {
	tb.Helper()
	dir := tb.TempDir()
	return startIn(tb, dir, change...)
}

func startIn(tb testing.TB, dir string, change ...func(*setup)) *rig {
	tb.Helper()
	path := filepath.Join(dir, "tokens.yaml")
	if _, err := os.Stat(path); err != nil {
		must(tb, os.WriteFile(path, []byte(tokenFile), 0o600))
	}
	r := &rig{tb: tb, engine: &engine{}, stream: newStream(), dir: dir, controls: newBucket(), principals: newBucket()}
	s := setup{cfg: gateway.DefaultConfig(), deps: gateway.Deps{Engine: r.engine, Streams: r.stream, Publisher: r.stream, Controls: r.controls, Principals: r.principals,
		Log: zap.NewNop(), Web: fstest.MapFS{}}}
	s.cfg.Listen, s.cfg.DataDir, s.cfg.TokenFile = "127.0.0.1:0", dir, path
	s.cfg.ReconcileEvery, s.cfg.SystemEvery = 20*time.Millisecond, 20*time.Millisecond
	for _, f := range change {
		f(&s)
	}
	g, err := gateway.New(s.cfg, s.deps)
	must(tb, err)
	g.Admit(s.admit)
	must(tb, g.Start(tb.Context()))
	r.gateway, r.url = g, "http://"+g.Addr()
	tb.Cleanup(func() {
		if err := g.Stop(context.WithoutCancel(tb.Context())); err != nil {
			tb.Errorf("stop: %v", err)
		}
	})
	return r
}

// answer is what a request was answered with.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// into decodes the answer's body.
func (a answer) into(tb testing.TB, v any) {
	tb.Helper()
	if err := json.Unmarshal(a.body, v); err != nil {
		tb.Fatalf("%d %s: %v", a.status, a.body, err)
	}
}

// detail is the detail of a problem document.
func (a answer) detail(tb testing.TB) string {
	tb.Helper()
	if ct := a.header.Get("Content-Type"); ct != "application/problem+json" {
		tb.Fatalf("%d is %s, not a problem document: %s", a.status, ct, a.body)
	}
	var p gateway.Problem
	a.into(tb, &p)
	if p.Status != a.status || !p.Kind.Valid() || !strings.HasPrefix(p.Type, "urn:vigil:problem:") || !strings.HasPrefix(p.Instance, "urn:vigil:request:") {
		tb.Errorf("problem %+v for status %d", p, a.status)
	}
	return p.Detail
}

// as adds the credentials of a role; "" adds none.
func as(role incident.Role) func(*http.Request) {
	return func(r *http.Request) {
		if role != "" {
			r.Header.Set("Authorization", "Bearer "+tokens[role])
		}
	}
}

func header(name, value string) func(*http.Request) {
	return func(r *http.Request) {
		if name == "Host" {
			r.Host = value
			return
		}
		r.Header.Set(name, value)
	}
}

// do sends a request. A body that is not bytes or a reader goes as JSON.
func (r *rig) do(method, path string, body any, change ...func(*http.Request)) answer {
	r.tb.Helper()
	var reader io.Reader
	isJSON := false
	switch b := body.(type) {
	case nil:
	case io.Reader:
		reader = b
	case []byte:
		reader = bytes.NewReader(b)
	case string:
		reader, isJSON = strings.NewReader(b), true
	default:
		raw, err := json.Marshal(b)
		must(r.tb, err)
		reader, isJSON = bytes.NewReader(raw), true
	}
	req, err := http.NewRequestWithContext(r.tb.Context(), method, r.url+path, reader)
	must(r.tb, err)
	if isJSON {
		req.Header.Set("Content-Type", "application/json")
	}
	for _, f := range change {
		f(req)
	}
	return r.send(req)
}

// client does not follow redirects and keeps no connections, so that none is
// left when a test ends.
var client = &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DisableCompression: true},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}

func (r *rig) send(req *http.Request) answer {
	r.tb.Helper()
	resp, err := client.Do(req)
	must(r.tb, err)
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	must(r.tb, err)
	return answer{status: resp.StatusCode, header: resp.Header, body: raw}
}

// expect holds an answer against a status, and against a part of its detail
// where that is a problem.
func (r *rig) expect(what string, a answer, status int, words string) answer {
	r.tb.Helper()
	if a.status != status {
		r.tb.Fatalf("%s: %d %s, want %d", what, a.status, a.body, status)
	}
	if status >= 400 {
		if d := a.detail(r.tb); !strings.Contains(d, words) {
			r.tb.Errorf("%s: %d says %q, want %q in it", what, status, d, words)
		}
	}
	return a
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

// eventually waits until ok, and fails the test when that takes too long.
func eventually(tb testing.TB, what string, ok func() bool) {
	tb.Helper()
	deadline := time.After(10 * time.Second)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			tb.Fatalf("waited too long for %s", what)
		}
	}
}

// open publishes the first event of an incident and waits until the gateway
// shows it.
func (r *rig) open(id string) {
	r.tb.Helper()
	r.publish(id, 1, &event.IncidentOpened{Title: "Checkout is slow", Service: "checkout", Severity: incident.SeverityHigh,
		Source: "alertmanager", StartedAt: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)})
	eventually(r.tb, "incident "+id, func() bool { return r.do("GET", "/api/v1/incidents/"+id, nil, as(incident.RoleViewer)).status == 200 })
}

func (r *rig) publish(id string, seq int64, d event.Data) {
	r.tb.Helper()
	e, err := event.New(d, id, "run-"+id, seq, time.Date(2026, 3, 1, 12, 0, int(seq), 0, time.UTC), incident.Provenance{Origin: incident.OriginLive})
	must(r.tb, err)
	must(r.tb, r.stream.PublishEvent(r.tb.Context(), e))
}
