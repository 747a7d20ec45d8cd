package sender_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"vigil/gateway/sender"
)

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

// clock stands still until it is moved.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func newClock() *clock { return &clock{at: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) move(by time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(by)
}

// open writes a sources file, and the files that it names, and opens it.
func open(tb testing.TB, yaml string, files map[string]string, change ...func(*sender.Options)) *sender.Sources {
	tb.Helper()
	s, err := sender.Open(write(tb, yaml, files), options(change))
	must(tb, err)
	return s
}

func write(tb testing.TB, yaml string, files map[string]string) string {
	tb.Helper()
	dir := tb.TempDir()
	for name, content := range files {
		must(tb, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600))
	}
	path := filepath.Join(dir, "sources.yaml")
	must(tb, os.WriteFile(path, []byte(yaml), 0o600))
	return path
}

func options(change []func(*sender.Options)) sender.Options {
	o := sender.Options{RoutingKey: func(body []byte) string {
		var event struct {
			Key string `json:"routing_key"`
		}
		_ = json.Unmarshal(body, &event) // what cannot be read has no key
		return event.Key
	}}
	for _, f := range change {
		f(&o)
	}
	return o
}

// check asks a source about a delivery as the gateway does: the head first.
func check(tb testing.TB, s *sender.Sources, name string, h http.Header, body []byte) (sender.Proof, error) {
	tb.Helper()
	one, ok := s.Find(name)
	if !ok || one.Auth == nil {
		tb.Fatalf("the source %q has no means of its own", name)
	}
	decided, err := one.Auth.Head(h)
	if decided || err != nil {
		return sender.Proof{}, err
	}
	return one.Auth.Verify(tb.Context(), sender.Delivery{Header: h, Raw: body, Body: body})
}

// reason is why a delivery was not believed, "" where it was.
func reason(tb testing.TB, err error) sender.Reason {
	tb.Helper()
	var e *sender.Error
	switch {
	case err == nil:
		return ""
	case !errors.As(err, &e):
		tb.Errorf("%v is a %T", err, err)
	case e.Error() == "":
		tb.Error("an error without words")
	}
	return e.Reason
}

func head(pairs ...string) http.Header {
	h := http.Header{}
	for i := 0; i+1 < len(pairs); i += 2 {
		h.Add(pairs[i], pairs[i+1])
	}
	return h
}
