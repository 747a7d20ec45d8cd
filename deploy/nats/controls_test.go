package nats_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"testing"
	"testing/fstest"
	"time"

	natsgo "github.com/nats-io/nats.go"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest"

	"vigil/activities/controls"
	"vigil/activities/principals"
	"vigil/gateway"
	"vigil/internal/bus"
	"vigil/workflows/incident"
)

// engine is a Temporal that has nothing: what the gateway asks of it by itself
// is answered, and nothing else is asked here.
type engine struct{ gateway.Engine }

func (engine) Workers(context.Context) (int, error) { return 0, nil }
func (engine) Health(context.Context) error         { return nil }

// mustServe runs a gateway on nc, in which whoever asks is an admin.
func mustServe(t *testing.T, nc *natsgo.Conn) (url string) {
	t.Helper()
	cfg := gateway.DefaultConfig()
	cfg.Listen, cfg.DataDir, cfg.DevPrincipal, cfg.ReconcileEvery = "127.0.0.1:0", t.TempDir(), true, time.Hour
	g, err := gateway.New(cfg, gateway.Deps{Engine: engine{}, NATS: nc, Web: fstest.MapFS{}, Log: zaptest.NewLogger(t, zaptest.Level(zapcore.ErrorLevel))})
	must(t, err)
	must(t, g.Start(t.Context()))
	t.Cleanup(func() {
		if err := g.Stop(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	return "http://" + g.Addr()
}

// ask sends a request and returns status and body.
func ask(t *testing.T, method, url string, body any) (int, []byte) {
	t.Helper()
	raw, err := json.Marshal(body)
	must(t, err)
	req, err := http.NewRequestWithContext(t.Context(), method, url, bytes.NewReader(raw))
	must(t, err)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	must(t, err)
	defer func() { must(t, resp.Body.Close()) }()
	answer, err := io.ReadAll(resp.Body)
	must(t, err)
	return resp.StatusCode, answer
}

// TestKillIsSeenAtOnce: once a gateway has answered, every worker that looks
// sees it; and a worker that cannot look is told so in time.
func TestKillIsSeenAtOnce(t *testing.T) {
	s := mustStart(t, t.TempDir(), "127.0.0.1:0")
	url := mustServe(t, mustConnect(t, s.URL())) + "/api/v1/controls"
	type worker struct {
		set    *controls.Controls
		people *principals.Principals
	}
	var workers []worker
	for range 2 {
		js := mustJetStream(t, mustConnect(t, s.URL()))
		workers = append(workers, worker{controls.New(bus.Controls(js, 1)), principals.New(bus.Principals(js, 1))})
	}
	see := func(killed bool) {
		t.Helper()
		for i, w := range workers {
			began := time.Now()
			c, err := w.set.Read(t.Context())
			if err != nil || c.Killed != killed {
				t.Fatalf("worker %d sees %+v, %v; want killed %t", i, c, err, killed)
			}
			if took := time.Since(began); took > time.Second {
				t.Errorf("worker %d took %s", i, took)
			}
		}
	}
	see(false)
	began := time.Now()
	const rounds = 20
	for range rounds {
		if status, body := ask(t, http.MethodPost, url+"/kill", gateway.KillRequest{Reason: "drill"}); status != http.StatusOK {
			t.Fatalf("kill: %d %s", status, body)
		}
		see(true)
		if status, body := ask(t, http.MethodDelete, url+"/kill", gateway.StartAgainRequest{Reason: "over"}); status != http.StatusOK {
			t.Fatalf("start: %d %s", status, body)
		}
		see(false)
	}
	t.Logf("%d kills, each seen by two workers and taken back: %s a round", rounds, (time.Since(began) / rounds).Round(100*time.Microsecond))

	eventually(t, "the gateway to write who may do what", func(ctx context.Context) bool {
		role, err := workers[0].people.Role(ctx, "dev")
		return err == nil && role == incident.RoleAdmin
	})
	if role, err := workers[1].people.Role(t.Context(), "nobody"); err != nil || role != "" {
		t.Errorf("nobody has the role %q, %v", role, err)
	}

	mustStop(t, s)
	began = time.Now()
	if c, err := workers[0].set.Read(t.Context()); err == nil || incident.KindOf(err) != incident.KindUnavailable {
		t.Errorf("without NATS: %+v, %v", c, err)
	}
	if role, err := workers[1].people.Role(t.Context(), "dev"); err == nil || role != "" {
		t.Errorf("without NATS dev has the role %q, %v", role, err)
	}
	if took := time.Since(began); took > 4*time.Second {
		t.Errorf("two looks without NATS took %s, want 2 s each at most", took)
	}
	if status, body := ask(t, http.MethodPost, url+"/kill", gateway.KillRequest{Reason: "now"}); status != http.StatusServiceUnavailable || !bytes.Contains(body, []byte("Vigil is NOT stopped")) {
		t.Errorf("kill without NATS: %d %s", status, body)
	}
}
