package pull_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"vigil/worker/pull"
	"vigil/workflows/incident"
)

// TestStopInTheMiddle: a hand-over that is on its way finishes, and the rest is
// there for others at once.
func TestStopInTheMiddle(t *testing.T) {
	t.Parallel()
	for name, takes := range map[string]time.Duration{"soon": 200 * time.Millisecond, "never": time.Hour} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bubble(t, pull.Config{InFlight: 3, Batch: 3}, func() (*queue, *server) {
				s := &server{}
				s.post = func(body string, r *http.Request) (int, string, error) {
					if body != "slow" {
						return 503, "", nil
					}
					s.mu.Unlock()
					defer s.mu.Lock()
					select {
					case <-time.After(takes):
						return 202, accepted, nil
					case <-r.Context().Done():
						return 0, "", r.Context().Err()
					}
				}
				return newQueue("1/q", "slow", "b", "c", "d"), s
			}, func(q *queue, s *server, reg *prometheus.Registry, stop func()) {
				later(50 * time.Millisecond)
				began := time.Now()
				stop()
				if took := time.Since(began); took > time.Second {
					t.Errorf("stopping took %s", took)
				}
				want := 3 // b, c, d
				if takes == time.Hour {
					want = 4
				}
				if live, dead := q.left(); live != want || dead != 0 {
					t.Errorf("%d left, want %d; %d dead", live, want, dead)
				}
				got, err := q.Receive(t.Context(), 10, 0, time.Minute)
				if err != nil || len(got) != want {
					t.Errorf("others receive %d messages, %v; want %d", len(got), err, want)
				}
				if n := value(t, reg, "vigil_alert_queue_in_hand", ""); n != 0 {
					t.Errorf("%g still in hand", n)
				}
			})
		})
	}
}

// TestWhatIsSent: the bytes as they are, with whose word it is and where they
// come from.
func TestWhatIsSent(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte("vigil_first\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	const body = "{\"a\": \"\u00fc\"}\r\n\x00 not even JSON"
	for _, origin := range []incident.Origin{incident.OriginLive, incident.OriginSimulated} {
		var seen []*http.Request
		bubble(t, pull.Config{TokenFile: file}, func() (*queue, *server) {
			q := newQueue("1/q", body, body)
			for _, m := range q.messages {
				m.Origin = origin
			}
			q.messages[1].visible = time.Now().Add(time.Minute)
			return q, &server{post: func(_ string, r *http.Request) (int, string, error) {
				seen = append(seen, r)
				return 202, accepted, os.WriteFile(file, []byte("vigil_second"), 0o600) // the token is changed
			}}
		}, func(_ *queue, s *server, _ *prometheus.Registry, _ func()) {
			later(2 * time.Minute)
			if len(seen) != 2 || s.posts[0] != body || s.posts[1] != body {
				t.Fatalf("posted %q", s.posts)
			}
			r := seen[0]
			if r.Method != http.MethodPost || r.URL.Path != "/api/v1/alerts/sqs" || r.Header.Get("Content-Type") != "application/json" {
				t.Errorf("%s %s %v", r.Method, r.URL, r.Header)
			}
			if (r.Header.Get("X-Vigil-Simulated") == "true") != (origin == incident.OriginSimulated) {
				t.Errorf("%s: header %q", origin, r.Header.Get("X-Vigil-Simulated"))
			}
			if got := seen[1].Header.Get("Authorization"); got != "Bearer vigil_second" {
				t.Errorf("after the token was changed: %q", got)
			}
		})
	}
}

func TestBadSettingsSayWhatWouldBeRight(t *testing.T) {
	t.Parallel()
	empty := filepath.Join(t.TempDir(), "empty")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	good := pull.Config{Gateway: "https://vigil.example.org/"}
	for want, change := range map[string]func(*pull.Config){
		"https://vigil.example.org, without": func(c *pull.Config) { c.Gateway = "vigil.example.org" },
		"without user":                       func(c *pull.Config) { c.Gateway = "https://secret-canary@vigil.example.org" },
		"1 to 10":                            func(c *pull.Config) { c.Batch = 11 },
		"at least one batch":                 func(c *pull.Config) { c.InFlight = 9 },
		"up to 20s":                          func(c *pull.Config) { c.Wait = time.Minute },
		"use 1s to 1h":                       func(c *pull.Config) { c.Lease = time.Millisecond },
		"no such file":                       func(c *pull.Config) { c.TokenFile = empty + "x" },
		"must hold one token":                func(c *pull.Config) { c.TokenFile = empty },
	} {
		c := good
		change(&c)
		_, err := pull.New(c, []pull.Queue{newQueue("1/q")}, prometheus.NewRegistry(), zap.NewNop())
		if err == nil || incident.KindOf(err) != incident.KindInvalid || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "canary") {
			t.Errorf("%v, want %q", err, want)
		}
	}
	if _, err := pull.New(good, []pull.Queue{newQueue("1/q"), newQueue("1/q")}, prometheus.NewRegistry(), zap.NewNop()); err == nil {
		t.Error("two queues of one name")
	}
}
