package hub_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"go.uber.org/goleak"

	"vigil/gateway/hub"
	"vigil/workflows/event"
	"vigil/workflows/incident"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds every wait. It is only ever used up by a failing test.
const patience = 20 * time.Second

// tb is what testing.T and rapid.T have in common.
type tb interface {
	Helper()
	Fatalf(format string, args ...any)
	Errorf(format string, args ...any)
}

// ledger is the truth: every frame there is, stored before it is published.
// It is the hub's Source.
type ledger struct {
	mu     sync.Mutex
	epoch  string
	epochs int
	last   uint64
	frames []hub.Frame // of this epoch
	fail   error
	during func() // runs once, after a read and before its answer is given
}

// interrupt runs what is to happen during a read, if anything.
func (l *ledger) interrupt() {
	l.mu.Lock()
	f := l.during
	l.during = nil
	l.mu.Unlock()
	if f != nil {
		f()
	}
}

func newLedger() *ledger { return &ledger{epoch: "e0"} }

// add stores a group of n frames that share the next offset but step-1.
func (l *ledger) add(step uint64, n, pad int) (epoch string, group []hub.Frame) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.last += step
	for range n {
		body, err := json.Marshal(map[string]any{"type": "test", "epoch": l.epoch, "offset": l.last,
			"n": len(l.frames), "pad": strings.Repeat("x", pad)})
		if err != nil {
			panic(err)
		}
		f := hub.Frame{Offset: l.last, Body: body}
		l.frames = append(l.frames, f)
		group = append(group, f)
	}
	return l.epoch, group
}

func (l *ledger) newEpoch() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.epochs++
	l.epoch, l.last, l.frames = fmt.Sprintf("e%d", l.epochs), 0, nil
	return l.epoch
}

func (l *ledger) position() event.Cursor {
	l.mu.Lock()
	defer l.mu.Unlock()
	return event.Cursor{Epoch: l.epoch, Offset: l.last}
}

// after is the number of frames at or below offset, which is the index of the
// first frame after it.
func after(frames []hub.Frame, offset uint64) int {
	n := 0
	for n < len(frames) && frames[n].Offset <= offset {
		n++
	}
	return n
}

func (l *ledger) Snapshot(context.Context) (event.Cursor, []byte, error) {
	defer l.interrupt()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.fail != nil {
		return event.Cursor{}, nil, l.fail
	}
	body, err := json.Marshal(map[string]any{"type": "snapshot", "epoch": l.epoch, "offset": l.last, "n": len(l.frames)})
	return event.Cursor{Epoch: l.epoch, Offset: l.last}, body, err
}

func (l *ledger) Since(_ context.Context, c event.Cursor, limit int) ([]hub.Frame, error) {
	defer l.interrupt()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.fail != nil {
		return nil, l.fail
	}
	if c.Epoch != l.epoch || c.Offset > l.last {
		return nil, hub.ErrNeedSnapshot
	}
	rest := l.frames[after(l.frames, c.Offset):]
	if len(rest) > limit {
		return nil, hub.ErrNeedSnapshot
	}
	return rest, nil
}

// fixture is a hub behind a real listener, with a ledger as its source.
type fixture struct {
	*ledger
	hub    *hub.Hub
	server *httptest.Server
	stop   func()
	tight  bool // small socket buffers, so that who does not read is felt early
}

func start(t tb, cfg hub.Config) *fixture {
	t.Helper()
	return startWith(t, cfg, false)
}

func startWith(t tb, cfg hub.Config, tight bool) *fixture {
	t.Helper()
	l := newLedger()
	h := hub.New(cfg, l)
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.Serve(w, r, event.Welcome{Principal: incident.Principal{Name: r.Header.Get("X-Name"), Role: incident.RoleViewer}})
	}))
	s.Config.ConnContext = func(ctx context.Context, c net.Conn) context.Context {
		if tight {
			if err := c.(*net.TCPConn).SetWriteBuffer(4 << 10); err != nil {
				t.Errorf("set the write buffer: %v", err)
			}
		}
		return ctx
	}
	s.Start()
	f := &fixture{ledger: l, hub: h, server: s, tight: tight}
	f.stop = sync.OnceFunc(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := h.Shutdown(ctx); err != nil {
			t.Errorf("shutdown: %v", err)
		}
		s.Close()
	})
	return f
}

func started(t *testing.T, cfg hub.Config) *fixture { return startedWith(t, cfg, false) }

func startedWith(t *testing.T, cfg hub.Config, tight bool) *fixture {
	t.Helper()
	f := startWith(t, cfg, tight)
	t.Cleanup(f.stop)
	f.hub.Reset(f.position())
	return f
}

// publish stores one frame and hands it to the hub.
func (f *fixture) publish() uint64 { return f.publishPadded(0) }

func (f *fixture) publishPadded(pad int) uint64 {
	epoch, frames := f.add(1, 1, pad)
	f.hub.Publish(epoch, frames)
	return frames[0].Offset
}

func (f *fixture) dial(t tb) *websocket.Conn {
	t.Helper()
	conn, _, err := f.try(http.Header{"X-Name": {"ada"}})
	if err != nil {
		t.Fatalf("dial: %v", err)
	}
	return conn
}

func (f *fixture) try(header http.Header) (*websocket.Conn, *http.Response, error) {
	d := websocket.Dialer{NetDialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := new(net.Dialer).DialContext(ctx, network, addr)
		if err != nil || !f.tight {
			return c, err
		}
		return c, c.(*net.TCPConn).SetReadBuffer(4 << 10)
	}}
	return d.Dial("ws"+strings.TrimPrefix(f.server.URL, "http"), header)
}

// join connects and says hello.
func (f *fixture) join(t tb, cursor *event.Cursor) *websocket.Conn {
	t.Helper()
	conn := f.dial(t)
	send(t, conn, event.Hello{Type: event.FrameHello, Protocol: event.Protocol, Topics: []string{event.TopicIncidents}, Cursor: cursor})
	return conn
}

func send(t tb, conn *websocket.Conn, v any) {
	t.Helper()
	if err := conn.WriteJSON(v); err != nil {
		t.Fatalf("send: %v", err)
	}
}

// frame is what tests look at in any frame.
type frame struct {
	Type      string              `json:"type"`
	Epoch     string              `json:"epoch"`
	Offset    uint64              `json:"offset"`
	N         int                 `json:"n"`
	Protocol  int                 `json:"protocol"`
	Resumed   bool                `json:"resumed"`
	RTTMS     float64             `json:"rtt_ms"`
	Code      int                 `json:"code"`
	Message   string              `json:"message"`
	Principal incident.Principal  `json:"principal"`
	At        time.Time           `json:"at"`
	Value     int                 `json:"value"`
	Prov      incident.Provenance `json:"provenance"`
}

func read(conn *websocket.Conn) (frame, error) {
	var f frame
	if err := conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		return f, err
	}
	_, body, err := conn.ReadMessage()
	if err != nil {
		return f, err
	}
	return f, json.Unmarshal(body, &f) // one JSON message a frame
}

// next reads the next frame other than a position.
func next(t tb, conn *websocket.Conn) frame {
	t.Helper()
	for {
		f, err := read(conn)
		if err != nil {
			t.Fatalf("read: %v", err)
		}
		if f.Type != event.FramePosition {
			return f
		}
	}
}

// want reads the next frame and checks its type.
func want(t tb, conn *websocket.Conn, kind string) frame {
	t.Helper()
	f := next(t, conn)
	if f.Type != kind {
		t.Fatalf("got frame %+v, want one of type %s", f, kind)
	}
	return f
}

// closing reads on until the socket closes and returns close code and the
// code of the error frame before it.
func closing(t tb, conn *websocket.Conn) (code, told int) {
	t.Helper()
	defer conn.Close()
	for {
		f, err := read(conn)
		var closed *websocket.CloseError
		switch {
		case errors.As(err, &closed):
			return closed.Code, told
		case err != nil:
			t.Fatalf("the socket ended without a close frame: %v", err)
		case f.Type == event.FrameError:
			told = f.Code
		}
	}
}

// eventually waits for cond, looking again whenever the clock ticks.
func eventually(t tb, what string, cond func() bool) {
	t.Helper()
	eventuallyOr(t, func() string { return what }, cond)
}

func eventuallyOr(t tb, what func() string, cond func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); !cond(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("waited %v in vain: %s", patience, what())
		}
	}
}
