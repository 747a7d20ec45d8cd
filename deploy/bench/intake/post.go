package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	postTimeout = 10 * time.Second
	// settle is between connecting and the first post.
	settle = 200 * time.Millisecond
)

// answers is what came of the posts of a load.
type answers struct {
	latencies times // since each was due
	waits     times // of that, until it was sent
	statuses  map[int]int
	failed    error // an example of those without an answer
	took      time.Duration
	ended     time.Time
}

// post sends a load to the alerts' address at addr, by a timetable. Posts are
// written as bytes made in advance, so that the processors are the server's.
func post(ctx context.Context, l *load, addr, token string, conns int) (answers, error) {
	requests := make([][]byte, len(l.bodies))
	for i, b := range l.bodies {
		requests[i] = fmt.Appendf(nil, "POST /api/v1/alerts/alertmanager HTTP/1.1\r\nHost: %s\r\nUser-Agent: vigil-bench\r\nAuthorization: Bearer %s\r\n"+
			"X-Vigil-Simulated: true\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", addr, token, len(b.json), b.json)
	}
	p := &poster{addr: addr, latency: make([]time.Duration, len(l.order)), wait: make([]time.Duration, len(l.order)), status: make([]int, len(l.order))}
	senders := make([]*sender, conns)
	for i := range senders {
		senders[i] = &sender{poster: p}
		if err := senders[i].dial(ctx); err != nil {
			return answers{}, err
		}
		defer senders[i].close()
	}
	begin := time.Now().Add(settle)
	var next atomic.Int64
	var sending errgroup.Group
	for _, s := range senders {
		sending.Go(func() error {
			for {
				i := int(next.Add(1) - 1)
				if i >= len(l.order) {
					return nil
				}
				due := begin.Add(time.Duration(float64(i) / l.rate * float64(time.Second)))
				select {
				case <-time.After(time.Until(due)):
				case <-ctx.Done():
					return ctx.Err()
				}
				s.send(ctx, i, due, requests[l.order[i]])
			}
		})
	}
	if err := sending.Wait(); err != nil {
		return answers{}, err
	}
	a := answers{statuses: map[int]int{}, ended: time.Now(), latencies: p.latency, waits: p.wait, took: time.Since(begin)}
	for _, s := range p.status {
		a.statuses[s]++
	}
	if err := p.failed.Load(); err != nil {
		a.failed = *err
	}
	slices.Sort(a.latencies)
	slices.Sort(a.waits)
	return a, nil
}

// poster is where all senders note, each post in a place of its own.
type poster struct {
	addr          string
	latency, wait []time.Duration
	status        []int // 0: no answer
	failed        atomic.Pointer[error]
}

// sender has one connection.
type sender struct {
	*poster
	conn net.Conn
	r    *bufio.Reader
}

func (s *sender) dial(ctx context.Context) error {
	s.close()
	conn, err := (&net.Dialer{Timeout: postTimeout}).DialContext(ctx, "tcp", s.addr)
	if err != nil {
		return fmt.Errorf("connect to %s: %w", s.addr, err)
	}
	s.conn, s.r = conn, bufio.NewReader(conn)
	return nil
}

func (s *sender) close() {
	if s.conn != nil {
		_ = s.conn.Close() // the bench is done with it
		s.conn = nil
	}
}

// send posts and waits for the answer. A post without one is not repeated.
func (s *sender) send(ctx context.Context, i int, due time.Time, request []byte) {
	s.wait[i] = time.Since(due)
	status, err := s.exchange(ctx, request)
	if err != nil {
		s.failed.Store(&err)
		s.close()
	}
	s.latency[i], s.status[i] = time.Since(due), status
}

func (s *sender) exchange(ctx context.Context, request []byte) (int, error) {
	if s.conn == nil {
		if err := s.dial(ctx); err != nil {
			return 0, err
		}
	}
	if err := s.conn.SetDeadline(time.Now().Add(postTimeout)); err != nil {
		return 0, err
	}
	if _, err := s.conn.Write(request); err != nil {
		return 0, err
	}
	resp, err := http.ReadResponse(s.r, nil)
	if err != nil {
		return 0, err
	}
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return 0, err
	}
	if resp.Close {
		s.close()
	}
	return resp.StatusCode, nil
}
