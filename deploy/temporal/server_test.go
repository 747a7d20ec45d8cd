package temporal_test

import (
	"context"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"
	sdktemporal "go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest"

	"vigil/deploy/temporal"
)

// mustStart starts a server on file and stops it with the test.
func mustStart(t *testing.T, file string, attributes map[string]enumspb.IndexedValueType) *temporal.Server {
	t.Helper()
	s, err := temporal.New(temporal.Config{
		DBFile: file, Addr: "127.0.0.1:0", UIAddr: "127.0.0.1:0", SearchAttributes: attributes,
		Log:      zaptest.NewLogger(t, zaptest.Level(zapcore.ErrorLevel)),
		LogLevel: zapcore.ErrorLevel,
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	begin := time.Now()
	if err := s.Start(ctx); err != nil {
		t.Fatal(err)
	}
	t.Logf("server ready after %s on %s, web UI on %s", time.Since(begin).Round(time.Millisecond), s.Addr(), s.UIAddr())
	t.Cleanup(func() { mustStop(t, s) })
	return s
}

func mustStop(t *testing.T, s *temporal.Server) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 10*time.Second)
	defer cancel()
	begin := time.Now()
	if err := s.Stop(ctx); err != nil {
		t.Error(err)
	}
	if d := time.Since(begin); d > 100*time.Millisecond {
		t.Logf("stopped in %s", d.Round(time.Millisecond))
	}
}

func mustDial(t *testing.T, s *temporal.Server) client.Client {
	t.Helper()
	c, err := client.Dial(client.Options{HostPort: s.Addr(), Logger: log.NewStructuredLogger(slog.New(slog.DiscardHandler))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// waiting is a workflow that ends when it is told to.
func waiting(ctx workflow.Context) (string, error) {
	var word string
	workflow.GetSignalChannel(ctx, "go").Receive(ctx, &word)
	return word, nil
}

func TestOpenWorkflowsContinueAfterRestart(t *testing.T) {
	file := filepath.Join(t.TempDir(), "temporal.db")
	service := sdktemporal.NewSearchAttributeKeyKeyword("TestService")
	first := mustStart(t, file, map[string]enumspb.IndexedValueType{"TestService": enumspb.INDEXED_VALUE_TYPE_KEYWORD})
	c := mustDial(t, first)
	_, err := c.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{
		ID: "waits", TaskQueue: "test", TypedSearchAttributes: sdktemporal.NewSearchAttributes(service.ValueSet("checkout")),
	}, "Waiting")
	if err != nil {
		t.Fatal(err)
	}
	mustStop(t, first)

	// The second start also registers an attribute that the file does not have.
	second := mustStart(t, file, map[string]enumspb.IndexedValueType{
		"TestService": enumspb.INDEXED_VALUE_TYPE_KEYWORD, "TestUrgent": enumspb.INDEXED_VALUE_TYPE_BOOL,
	})
	c = mustDial(t, second)
	w := worker.New(c, "test", worker.Options{})
	w.RegisterWorkflowWithOptions(waiting, workflow.RegisterOptions{Name: "Waiting"})
	if err := w.Start(); err != nil {
		t.Fatal(err)
	}
	defer w.Stop()
	if err := c.SignalWorkflow(t.Context(), "waits", "", "go", "done"); err != nil {
		t.Fatal(err)
	}
	var got string
	if err := c.GetWorkflow(t.Context(), "waits", "").Get(t.Context(), &got); err != nil || got != "done" {
		t.Fatalf("workflow returned %q, %v", got, err)
	}
	for _, query := range []string{`TestService = "checkout"`, `TestUrgent is null and WorkflowId = "waits"`} {
		list, err := c.WorkflowService().CountWorkflowExecutions(t.Context(), &workflowservice.CountWorkflowExecutionsRequest{
			Namespace: "default", Query: query,
		})
		if err != nil || list.GetCount() != 1 {
			t.Errorf("count of %s = %d, %v; want 1", query, list.GetCount(), err)
		}
	}
}

func TestSequentialActivitiesAreNotThrottled(t *testing.T) {
	c := mustDial(t, mustStart(t, filepath.Join(t.TempDir(), "temporal.db"), nil))
	w := worker.New(c, "test", worker.Options{})
	w.RegisterWorkflowWithOptions(func(ctx workflow.Context) error {
		ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: time.Second})
		for range 6 {
			if err := workflow.ExecuteActivity(ctx, "Nothing").Get(ctx, nil); err != nil {
				return err
			}
		}
		return nil
	}, workflow.RegisterOptions{Name: "Six"})
	w.RegisterActivityWithOptions(func(context.Context) error { return nil }, activity.RegisterOptions{Name: "Nothing"})
	if err := w.Start(); err != nil {
		t.Fatal(err)
	}
	defer w.Stop()

	best := time.Hour // the best of a few: the machine may be busy
	for range 5 {
		begin := time.Now()
		run, err := c.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{TaskQueue: "test"}, "Six")
		if err != nil {
			t.Fatal(err)
		}
		if err := run.Get(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		best = min(best, time.Since(begin))
	}
	t.Logf("six activities one after the other take %s", best.Round(time.Millisecond))
	if best > 250*time.Millisecond {
		t.Errorf("six activities take %s; at the server's default poll rates it is some 350ms, so the dynamic configuration is not in force", best)
	}
}

func TestTakenAddressIsNamed(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	s, err := temporal.New(temporal.Config{DBFile: filepath.Join(t.TempDir(), "temporal.db"), Addr: l.Addr().String()})
	if err != nil {
		t.Fatal(err)
	}
	err = s.Start(t.Context())
	if err == nil || !strings.Contains(err.Error(), l.Addr().String()) || !strings.Contains(err.Error(), "in use") {
		t.Errorf("Start on a taken address = %v", err)
	}
	mustStop(t, s)
}

func TestNewRefuses(t *testing.T) {
	for _, tc := range []struct {
		name string
		cfg  temporal.Config
		want string
	}{
		{"no file", temporal.Config{}, "DBFile"},
		{"short retention", temporal.Config{DBFile: "x", Retention: time.Hour}, "24h"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if _, err := temporal.New(tc.cfg); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("New = %v, want an error that says %s", err, tc.want)
			}
		})
	}
}
