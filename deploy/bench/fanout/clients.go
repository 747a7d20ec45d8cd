package main

import (
	"bytes"
	"context"
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"syscall"
	"time"

	"github.com/gorilla/websocket"
	"golang.org/x/sync/errgroup"

	"vigil/workflows/event"
)

const readyLine = "ready\n"

// clientReport is what the process of the clients writes in the end.
type clientReport struct {
	Arrived [][]int64 // by client, then event
	CPU     time.Duration
}

// readAll is the process of the clients: it connects them, reads until each
// has every event, and reports.
func readAll(ctx context.Context, o options) error {
	total := o.warmUp + o.events
	report := clientReport{Arrived: make([][]int64, o.clients)}
	conns := make([]*websocket.Conn, o.clients)
	connecting, _ := errgroup.WithContext(ctx)
	connecting.SetLimit(32)
	for i := range conns {
		connecting.Go(func() (err error) {
			conns[i], err = connect(ctx, o.readFrom)
			return err
		})
	}
	if err := connecting.Wait(); err != nil {
		return err
	}
	warm := make(chan struct{}, o.clients) // one for each client that is warm
	until := time.Now().Add(time.Duration(float64(total)/o.rate*float64(time.Second)) + patience)
	var reading errgroup.Group
	for i, conn := range conns {
		report.Arrived[i] = make([]int64, total)
		reading.Go(func() error {
			defer conn.Close()
			if err := readEvents(conn, report.Arrived[i], o.warmUp, warm, until); err != nil {
				return fmt.Errorf("client %d: %w", i+1, err)
			}
			return nil
		})
	}
	if _, err := os.Stdout.WriteString(readyLine); err != nil {
		return err
	}
	var cpu time.Duration
	go func() {
		for range conns {
			<-warm
		}
		cpu = cpuTime(syscall.RUSAGE_SELF)
	}()
	if err := reading.Wait(); err != nil {
		return err
	}
	report.CPU = cpuTime(syscall.RUSAGE_SELF) - cpu
	return gob.NewEncoder(os.Stdout).Encode(report)
}

func connect(ctx context.Context, url string) (*websocket.Conn, error) {
	d := websocket.Dialer{ReadBufferSize: 4096, WriteBufferSize: 512}
	conn, _, err := d.DialContext(ctx, url, nil)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", url, err)
	}
	return conn, conn.WriteJSON(event.Hello{Type: event.FrameHello, Protocol: event.Protocol, Topics: []string{event.TopicIncidents}})
}

// readEvents notes when each event arrived, until all have.
func readEvents(conn *websocket.Conn, arrived []int64, warmUp int, warm chan<- struct{}, until time.Time) error {
	var buf bytes.Buffer
	if warmUp == 0 {
		warm <- struct{}{}
	}
	if err := conn.SetReadDeadline(until); err != nil {
		return err
	}
	for next := 1; next <= len(arrived); {
		_, r, err := conn.NextReader()
		if err != nil {
			return fmt.Errorf("after %d events: %w", next-1, err)
		}
		buf.Reset()
		if _, err := io.Copy(&buf, r); err != nil {
			return fmt.Errorf("after %d events: %w", next-1, err)
		}
		now := time.Now().UnixNano()
		seq, ok := seqOf(buf.Bytes())
		if !ok {
			continue // welcome, snapshot, position
		}
		if seq != next {
			return fmt.Errorf("got event %d, want %d: there is a gap or a duplicate", seq, next)
		}
		arrived[seq-1] = now
		if next++; seq == warmUp {
			warm <- struct{}{}
		}
	}
	err := conn.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, ""), time.Now().Add(patience))
	if errors.Is(err, websocket.ErrCloseSent) {
		return nil
	}
	return err
}

// seqOf finds an event's number without decoding the frame.
func seqOf(frame []byte) (int, bool) {
	_, rest, ok := bytes.Cut(frame, []byte(`"seq":`))
	if !ok {
		return 0, false
	}
	end := bytes.IndexByte(rest, ',')
	if end < 0 {
		return 0, false
	}
	seq, err := strconv.Atoi(string(rest[:end]))
	return seq, err == nil
}
