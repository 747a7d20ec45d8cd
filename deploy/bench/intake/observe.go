package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
)

const (
	lookEvery = time.Second            // during the load
	pollEvery = 100 * time.Millisecond // after it, until nothing waits
)

// client asks the gateway.
type client struct {
	url, token string
}

// get decodes an answer, or returns its bytes where into is *[]byte.
func (c client) get(ctx context.Context, path string, into any) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.url+path, nil)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+c.token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return fmt.Errorf("GET %s: %w", path, err)
	}
	if resp.StatusCode != http.StatusOK {
		return &statusError{path, resp.StatusCode, body}
	}
	if raw, ok := into.(*[]byte); ok {
		*raw = body
		return nil
	}
	return json.Unmarshal(body, into)
}

type statusError struct {
	path   string
	status int
	body   []byte
}

func (e *statusError) Error() string { return fmt.Sprintf("GET %s: %d: %s", e.path, e.status, e.body) }

func isNotFound(err error) bool {
	var s *statusError
	return errors.As(err, &s) && s.status == http.StatusNotFound
}

// inbox is what the gateway's metrics say of it.
type inbox struct {
	received, pending, poisoned, quarantined int64
	settled                                  map[string]int64 // dispatches that ended, by outcome
}

func (i inbox) backlog() int64 { return i.received + i.pending }

func (c client) inbox(ctx context.Context) (inbox, error) {
	var raw []byte
	if err := c.get(ctx, "/metrics", &raw); err != nil {
		return inbox{}, err
	}
	return parseInbox(raw)
}

// parseInbox reads the lines that matter of what Prometheus scrapes.
func parseInbox(raw []byte) (inbox, error) {
	i := inbox{settled: map[string]int64{}}
	seen := 0
	for line := range bytes.Lines(raw) {
		name, value, _ := strings.Cut(strings.TrimSpace(string(line)), " ")
		family, label, _ := strings.Cut(strings.TrimSuffix(name, `"}`), `{`)
		_, label, _ = strings.Cut(label, `="`)
		if family != "gateway_inbox_deliveries" && family != "gateway_inbox_dispatches_total" {
			continue
		}
		n, err := strconv.ParseFloat(value, 64)
		if err != nil {
			return i, fmt.Errorf("metric %s: %w", name, err)
		}
		if family == "gateway_inbox_dispatches_total" {
			i.settled[label] = int64(n)
			continue
		}
		seen++
		switch label {
		case "received":
			i.received = int64(n)
		case "pending":
			i.pending = int64(n)
		case "poisoned":
			i.poisoned = int64(n)
		case "quarantined":
			i.quarantined = int64(n)
		}
	}
	if seen == 0 {
		return i, errors.New("the gateway's metrics say nothing of the inbox; see its log")
	}
	return i, nil
}

// sample is what is seen once a second while the load lasts.
type sample struct {
	at      time.Duration // since its start
	rss     int64         // bytes; 0: not known
	backlog int64
}

// watch looks until ctx ends. A scrape that fails leaves no sample: it is the
// posts that tell how the gateway fares.
func watch(ctx context.Context, c client, pid int) []sample {
	var all []sample
	began := time.Now()
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return all
		case <-tick.C:
		}
		if in, err := c.inbox(ctx); err == nil {
			all = append(all, sample{time.Since(began), rssOf(pid), in.backlog()})
		}
	}
}

// drained waits until nothing waits any more, or patience ends, and returns
// the last it saw.
func drained(ctx context.Context, c client) (inbox, error) {
	until := time.Now().Add(patience)
	for {
		in, err := c.inbox(ctx)
		if err != nil || in.backlog() == 0 || time.Now().After(until) {
			return in, err
		}
		select {
		case <-ctx.Done():
			return in, ctx.Err()
		case <-time.After(pollEvery):
		}
	}
}

// rssOf is the resident memory of a process, 0 where /proc does not tell.
func rssOf(pid int) int64 {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0
	}
	f := strings.Fields(string(raw))
	if len(f) < 2 {
		return 0
	}
	pages, err := strconv.ParseInt(f[1], 10, 64)
	if err != nil {
		return 0
	}
	return pages * int64(os.Getpagesize())
}

// cpu is processor time that a process has used; ok is false where /proc does
// not tell.
type cpu struct {
	ms float64
	ok bool
}

// cpuOf reads user and system time, which Linux gives in hundredths of a second.
func cpuOf(pid int) cpu {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return cpu{}
	}
	_, rest, _ := strings.Cut(string(raw), ") ") // behind the name, which may hold blanks
	f := strings.Fields(rest)
	if len(f) < 13 {
		return cpu{}
	}
	user, err1 := strconv.ParseFloat(f[11], 64)
	system, err2 := strconv.ParseFloat(f[12], 64)
	return cpu{ms: (user + system) * 10, ok: err1 == nil && err2 == nil}
}

// per is the time between two readings, by delivery; nil where it is not known.
func (c cpu) per(after cpu, n int) *float64 {
	if !c.ok || !after.ok {
		return nil
	}
	v := (after.ms - c.ms) / float64(n)
	return &v
}

// loadAverage is the machine's, of the last minute; "no data" where it has none.
func loadAverage() string {
	raw, err := os.ReadFile("/proc/loadavg")
	if f := strings.Fields(string(raw)); err == nil && len(f) > 0 {
		return f[0]
	}
	return "no data"
}
