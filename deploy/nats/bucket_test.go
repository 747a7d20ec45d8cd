package nats_test

import (
	"context"
	"errors"
	"net"
	"net/url"
	"reflect"
	"strconv"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	natsgo "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"vigil/internal/bus"
)

func mustJetStream(t *testing.T, nc *natsgo.Conn) jetstream.JetStream {
	t.Helper()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	return js
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestBucketChangesWhatWasSeen(t *testing.T) {
	s := mustStart(t, t.TempDir(), "")
	js := mustJetStream(t, mustConnect(t, s.URL(), s.Options()...))
	ctx, b := t.Context(), bus.Controls(js, 1)
	if e, err := b.Read(ctx, "a"); err != nil || e.Value != nil || e.Revision != 0 {
		t.Fatalf("never written: %+v, %v", e, err)
	}
	one, err := b.Put(ctx, "a", []byte("1"), 0)
	must(t, err)
	if _, err := b.Put(ctx, "a", []byte("2"), 0); !errors.Is(err, bus.ErrMoved) {
		t.Errorf("a change that did not see the first: %v", err)
	}
	two, err := b.Put(ctx, "a", []byte("2"), one)
	must(t, err)
	if e, err := b.Read(ctx, "a"); err != nil || string(e.Value) != "2" || e.Revision != two {
		t.Errorf("read %+v, %v", e, err)
	}
	if err := b.Delete(ctx, "a", one); !errors.Is(err, bus.ErrMoved) {
		t.Errorf("a deletion that did not see the second: %v", err)
	}
	must(t, b.Delete(ctx, "a", two))
	gone, err := b.Get(ctx, "a")
	if err != nil || gone.Value != nil || gone.Revision <= two {
		t.Errorf("deleted: %+v, %v", gone, err)
	}
	_, err = b.Put(ctx, "b", []byte("1"), 0)
	must(t, err)
	if keys, err := b.Keys(ctx); err != nil || !reflect.DeepEqual(keys, []string{"a", "b"}) {
		t.Errorf("keys %v, %v", keys, err)
	}
	_, err = b.Put(ctx, "a", []byte("3"), gone.Revision)
	must(t, err)
	kv, err := js.KeyValue(ctx, bus.ControlsBucket) // as NATS's own tools read it
	must(t, err)
	if e, err := kv.Get(ctx, "a"); err != nil || string(e.Value()) != "3" {
		t.Errorf("NATS reads %v, %v", e, err)
	}
	if h, err := kv.History(ctx, "a"); err != nil || len(h) != 4 {
		t.Errorf("history %v, %v", h, err)
	}
}

func TestBucketIsWatchedInOrder(t *testing.T) {
	s := mustStart(t, t.TempDir(), "")
	nc := mustConnect(t, s.URL(), s.Options()...)
	b, other := bus.Controls(mustJetStream(t, nc), 1), bus.Controls(mustJetStream(t, nc), 1)
	ctx, cancel := context.WithCancel(t.Context())
	heard, done := make(chan string, 10), make(chan error)
	go func() {
		done <- b.Watch(ctx, "a", func(e bus.Entry) { heard <- string(e.Value) })
	}()
	if v := <-heard; v != "" {
		t.Errorf("before it was written: %q", v)
	}
	at := uint64(0)
	for _, v := range []string{"1", "2", "3"} {
		var err error
		at, err = other.Put(t.Context(), "a", []byte(v), at)
		must(t, err)
		_, err = other.Read(t.Context(), "b") // which writes, and is nothing to hear of
		must(t, err)
		if got := <-heard; got != v {
			t.Errorf("heard %q, want %q", got, v)
		}
	}
	must(t, other.Delete(t.Context(), "a", at))
	if v := <-heard; v != "" {
		t.Errorf("heard %q of a deletion", v)
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("Watch = %v", err)
	}
}

// TestWatchEndsWithoutNATS: whoever stops watching does not wait for NATS, which
// may be gone.
func TestWatchEndsWithoutNATS(t *testing.T) {
	s := mustStart(t, t.TempDir(), "127.0.0.1:0")
	b := bus.Controls(mustJetStream(t, mustConnect(t, s.URL())), 1)
	ctx, cancel := context.WithCancel(t.Context())
	heard, done := make(chan struct{}, 1), make(chan error, 1)
	go func() {
		done <- b.Watch(ctx, "a", func(bus.Entry) { heard <- struct{}{} })
	}()
	<-heard
	mustStop(t, s)
	cancel()
	select {
	case err := <-done:
		if !errors.Is(err, context.Canceled) {
			t.Errorf("Watch = %v", err)
		}
	case <-time.After(3 * time.Second): // the client's own wait is 5 s
		t.Error("Watch waits for a NATS that is gone")
	}
}

// TestBucketOfAnotherTool: one that any replica may answer for is made one that
// only the leader does.
func TestBucketOfAnotherTool(t *testing.T) {
	s := mustStart(t, t.TempDir(), "")
	js := mustJetStream(t, mustConnect(t, s.URL(), s.Options()...))
	kv, err := js.CreateKeyValue(t.Context(), jetstream.KeyValueConfig{Bucket: bus.ControlsBucket, History: 5})
	must(t, err)
	_, err = kv.PutString(t.Context(), "a", "1")
	must(t, err)
	b := bus.Controls(js, 1)
	must(t, b.Open(t.Context()))
	if e, err := b.Read(t.Context(), "a"); err != nil || string(e.Value) != "1" {
		t.Errorf("read %+v, %v", e, err)
	}
	stream, err := js.Stream(t.Context(), "KV_"+bus.ControlsBucket)
	must(t, err)
	if stream.CachedInfo().Config.AllowDirect {
		t.Error("replicas still answer")
	}
}

// TestBucketThatWasRemoved is made anew by the next but one that asks.
func TestBucketThatWasRemoved(t *testing.T) {
	s := mustStart(t, t.TempDir(), "")
	js := mustJetStream(t, mustConnect(t, s.URL(), s.Options()...))
	b := bus.Principals(js, 1)
	_, err := b.Put(t.Context(), "a", []byte("1"), 0)
	must(t, err)
	must(t, js.DeleteKeyValue(t.Context(), bus.PrincipalsBucket))
	if _, err := b.Read(t.Context(), "a"); err == nil {
		t.Error("a bucket that is gone was read")
	}
	if e, err := b.Get(t.Context(), "a"); err != nil || e.Value != nil || e.Revision != 0 {
		t.Errorf("made anew: %+v, %v", e, err)
	}
}

// TestReadNeedsAMajority: a leader whose followers are gone does not know it
// yet. It answers Get with what may no longer be so; Read fails in time.
func TestReadNeedsAMajority(t *testing.T) {
	nodes := cluster(t, 3)
	js := mustJetStream(t, mustConnect(t, nodes[0].ClientURL()))
	b := bus.Controls(js, 3)
	eventually(t, "a bucket with three replicas", func(ctx context.Context) bool { return b.Open(ctx) == nil })
	_, err := b.Put(t.Context(), bus.ControlsKey, []byte("1"), 0)
	must(t, err)
	stream, err := js.Stream(t.Context(), "KV_"+bus.ControlsBucket)
	must(t, err)
	leader := stream.CachedInfo().Cluster.Leader
	cut := bus.Controls(mustJetStream(t, mustConnect(t, byName(t, nodes, leader).ClientURL(), natsgo.NoReconnect())), 3)
	if e, err := cut.Read(t.Context(), bus.ControlsKey); err != nil || string(e.Value) != "1" {
		t.Fatalf("with all of them: %+v, %v", e, err)
	}
	for _, n := range nodes {
		if n.Name() != leader {
			n.Shutdown()
			n.WaitForShutdown()
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
	defer cancel()
	stale, err := cut.Get(ctx, bus.ControlsKey)
	t.Logf("the leader alone answers Get with %q, %v", stale.Value, err) // as long as it has not noticed
	ctx, cancel = context.WithTimeout(t.Context(), 1500*time.Millisecond)
	defer cancel()
	if e, err := cut.Read(ctx, bus.ControlsKey); err == nil {
		t.Errorf("the leader alone answers Read with %q", e.Value)
	}
}

// cluster starts n servers that keep streams together.
func cluster(t *testing.T, n int) []*server.Server {
	t.Helper()
	addrs := freePorts(t, n)
	var routes []*url.URL
	for _, a := range addrs {
		routes = append(routes, &url.URL{Scheme: "nats", Host: a.String()})
	}
	var nodes []*server.Server
	for i, a := range addrs {
		s, err := server.NewServer(&server.Options{ServerName: "node-" + strconv.Itoa(i), Host: "127.0.0.1", Port: server.RANDOM_PORT, NoLog: true, NoSigs: true,
			JetStream: true, StoreDir: t.TempDir(), Routes: routes, Cluster: server.ClusterOpts{Name: "vigil", Host: "127.0.0.1", Port: a.Port}})
		must(t, err)
		nodes = append(nodes, s)
		s.Start()
		t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	}
	for _, s := range nodes {
		if !s.ReadyForConnections(10 * time.Second) {
			t.Fatalf("%s takes no clients", s.Name())
		}
	}
	return nodes
}

// freePorts finds ports that differ. They are free again when it returns.
func freePorts(t *testing.T, n int) (addrs []*net.TCPAddr) {
	t.Helper()
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		must(t, err)
		defer func() { must(t, l.Close()) }()
		addrs = append(addrs, l.Addr().(*net.TCPAddr))
	}
	return addrs
}

func byName(t *testing.T, nodes []*server.Server, name string) *server.Server {
	t.Helper()
	for _, n := range nodes {
		if n.Name() == name {
			return n
		}
	}
	t.Fatalf("no server is called %q", name)
	return nil
}

// eventually tries for up to half a minute.
func eventually(t *testing.T, what string, try func(context.Context) bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		once, stop := context.WithTimeout(ctx, 2*time.Second)
		ok := try(once)
		stop()
		if ok {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("waited too long for %s", what)
		}
	}
}
