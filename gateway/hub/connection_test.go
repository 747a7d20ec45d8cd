package hub_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"vigil/gateway/hub"
	"vigil/workflows/event"
)

func TestPingsAreAnswered(t *testing.T) {
	f := started(t, hub.Config{})
	conn := f.join(t, nil)
	defer conn.Close()
	answers := make(chan string, 1)
	conn.SetPongHandler(func(payload string) error { answers <- payload; return nil })
	if err := conn.WriteControl(websocket.PingMessage, []byte("are you there"), time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	want(t, conn, event.FrameWelcome)
	want(t, conn, event.FrameSnapshot)
	reading := make(chan struct{})
	go func() {
		defer close(reading)
		for {
			if _, _, err := conn.ReadMessage(); err != nil {
				return
			}
		}
	}()
	if got := <-answers; got != "are you there" {
		t.Errorf("the pong says %q", got)
	}
	conn.Close()
	<-reading
}

func TestNoPong(t *testing.T) {
	f := started(t, hub.Config{PingPeriod: 10 * time.Millisecond, PongWait: 100 * time.Millisecond})
	conn := f.join(t, nil)
	conn.SetPingHandler(func(string) error { return nil })
	if code, _ := closing(t, conn); code != event.CloseNoPong {
		t.Errorf("got close code %d, want %d", code, event.CloseNoPong)
	}
}

func TestPongsKeepASocketOpen(t *testing.T) {
	f := started(t, hub.Config{PingPeriod: 10 * time.Millisecond, PongWait: 500 * time.Millisecond, PositionEvery: 10 * time.Millisecond,
		WriteWait: 300 * time.Millisecond})
	conn := f.join(t, nil)
	defer conn.Close()
	for began := time.Now(); time.Since(began) < time.Second; {
		if _, err := read(conn); err != nil { // answers pings while it reads
			t.Fatal(err)
		}
	}
}

func TestSourceFailure(t *testing.T) {
	for name, cursor := range map[string]*event.Cursor{"snapshot": nil, "since": {Epoch: "e7", Offset: 3}} {
		t.Run(name, func(t *testing.T) {
			f := started(t, hub.Config{})
			f.fail = errors.New("disk on fire")
			if code, told := closing(t, f.join(t, cursor)); code != event.CloseUnavailable || told != code {
				t.Errorf("got close code %d, error frame %d, want %d", code, told, event.CloseUnavailable)
			}
		})
	}
}

func TestUpgradeRefusals(t *testing.T) {
	f := started(t, hub.Config{MaxClients: 1, CheckOrigin: func(r *http.Request) bool { return r.Header.Get("Origin") != "http://evil.example" }})
	refused := func(header http.Header, status int) {
		t.Helper()
		_, res, err := f.try(header)
		if err == nil {
			t.Fatal("the upgrade was not refused")
		}
		defer res.Body.Close()
		var problem struct{ Status int }
		if err := json.NewDecoder(res.Body).Decode(&problem); err != nil {
			t.Fatalf("the answer is no problem document: %v", err)
		}
		if res.StatusCode != status || problem.Status != status || res.Header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("got %d %s, want a problem document with %d", res.StatusCode, res.Header.Get("Content-Type"), status)
		}
	}
	refused(http.Header{"Origin": {"http://evil.example"}}, http.StatusForbidden)
	conn := f.join(t, nil)
	want(t, conn, event.FrameWelcome)
	refused(nil, http.StatusServiceUnavailable)
	conn.Close()
	eventually(t, "the place is free again", func() bool { return f.hub.Stats().Connections == 0 })
	conn = f.join(t, nil)
	defer conn.Close()
	want(t, conn, event.FrameWelcome)
}

func TestRevoke(t *testing.T) {
	f := started(t, hub.Config{})
	conn := f.join(t, nil)
	want(t, conn, event.FrameWelcome)
	if n := f.hub.Revoke("grace"); n != 0 {
		t.Errorf("revoked %d sockets of somebody else", n)
	}
	if n := f.hub.Revoke("ada"); n != 1 {
		t.Errorf("revoked %d sockets, want 1", n)
	}
	if code, _ := closing(t, conn); code != event.CloseUnauthorized {
		t.Errorf("got close code %d, want %d", code, event.CloseUnauthorized)
	}
}

func TestShutdown(t *testing.T) {
	f := started(t, hub.Config{})
	conns := []*websocket.Conn{f.dial(t), f.join(t, nil), f.join(t, nil)} // one has not said hello
	codes := make(chan int, len(conns))
	for _, conn := range conns {
		go func() {
			code, _ := closing(t, conn)
			codes <- code
		}()
	}
	eventually(t, "all are connected", func() bool { return f.hub.Stats().Connections == len(conns) })
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := f.hub.Shutdown(ctx); err != nil {
		t.Fatal(err)
	}
	for range conns {
		if code := <-codes; code != event.CloseShutdown {
			t.Errorf("got close code %d, want %d", code, event.CloseShutdown)
		}
	}
	if _, res, err := f.try(nil); err == nil || res.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("after shutdown an upgrade is not answered 503: %v", err)
	} else {
		res.Body.Close()
	}
}
