package nats_test

import (
	"context"
	"net"
	"strings"
	"testing"
	"time"

	natsgo "github.com/nats-io/nats.go"
	"go.uber.org/zap/zaptest"

	"vigil/deploy/nats"
	"vigil/internal/bus"
)

func mustStart(t *testing.T, dir, addr string) *nats.Server {
	t.Helper()
	s, err := nats.New(nats.Config{Dir: dir, Addr: addr, Log: zaptest.NewLogger(t)})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { mustStop(t, s) })
	return s
}

func mustStop(t *testing.T, s *nats.Server) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 5*time.Second)
	defer cancel()
	if err := s.Stop(ctx); err != nil {
		t.Error(err)
	}
}

func mustConnect(t *testing.T, url string, opts ...natsgo.Option) *natsgo.Conn {
	t.Helper()
	nc, err := bus.Connect(url, t.Name(), opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}

func TestStreamSurvivesRestart(t *testing.T) {
	dir := t.TempDir()
	first := mustStart(t, dir, "")
	streams, err := bus.Open(t.Context(), mustConnect(t, first.URL(), first.Options()...), 1)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := streams.JS.Publish(t.Context(), bus.EventSubject+"inc-1", []byte("one")); err != nil {
		t.Fatal(err)
	}
	mustStop(t, first)

	second := mustStart(t, dir, "127.0.0.1:0") // the same files, over TCP this time
	again, err := bus.Open(t.Context(), mustConnect(t, second.URL()), 1)
	if err != nil {
		t.Fatal(err)
	}
	msg, err := again.Events.GetMsg(t.Context(), 1)
	if err != nil || string(msg.Data) != "one" {
		t.Fatalf("message 1 after the restart: %v, %v", msg, err)
	}
	if again.Epoch != streams.Epoch {
		t.Errorf("epoch changed from %s to %s", streams.Epoch, again.Epoch)
	}
}

func TestTakenAddressIsNamed(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	s, err := nats.New(nats.Config{Dir: t.TempDir(), Addr: l.Addr().String()})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(t.Context()); err == nil || !strings.Contains(err.Error(), l.Addr().String()) {
		t.Errorf("Start on a taken address = %v", err)
	}
}

func TestUnusableDirectoryIsAnError(t *testing.T) {
	s, err := nats.New(nats.Config{Dir: "/proc/vigil"})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(t.Context()); err == nil || !strings.Contains(err.Error(), "/proc/vigil") {
		t.Errorf("Start in an unusable directory = %v", err)
	}
}
