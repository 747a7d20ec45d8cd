package pull_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"vigil/activities/sqs"
	"vigil/worker/pull"
	"vigil/workflows/incident"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var errDown = errors.New("connection refused")

func TestHandsOverAndDeletes(t *testing.T) {
	t.Parallel()
	bubble(t, pull.Config{InFlight: 10}, func() (*queue, *server) {
		return newQueue("1/q", strings.Split(strings.Repeat("alert ", 100)[:599], " ")...), &server{}
	}, func(q *queue, s *server, reg *prometheus.Registry, _ func()) {
		later(time.Second)
		if live, dead := q.left(); live != 0 || dead != 0 || s.posted() != 100 {
			t.Errorf("%d left, %d dead, %d posts", live, dead, s.posted())
		}
		for name, want := range map[string]float64{"vigil_alert_queue_received_total": 100, "vigil_alert_queue_handed_over_total": 100, "vigil_alert_queue_deleted_total": 100,
			"vigil_alert_queue_receives": 100, "vigil_alert_queue_age_seconds": 100, "vigil_alert_queue_failures_total": 0, "vigil_alert_queue_in_hand": 0,
			"vigil_alert_queue_oldest_seconds": 0, "vigil_alert_queue_gateway_up": 1} {
			if got := value(t, reg, name, ""); got != want {
				t.Errorf("%s is %g, want %g", name, got, want)
			}
		}
	})
}

// TestOutageCostsNoReceives: eight hours without a gateway, and no message was
// received twice or beyond what may be in hand.
func TestOutageCostsNoReceives(t *testing.T) {
	t.Parallel()
	up := true
	bubble(t, pull.Config{InFlight: 4, Batch: 2}, func() (*queue, *server) {
		q := newQueue("1/q", "a", "b", "c", "d", "e", "f", "g", "h")
		q.maxReceives = 1
		s := &server{}
		s.ready = func() (int, error) {
			if !up {
				return 503, nil
			}
			return 200, nil
		}
		s.post = func(string, *http.Request) (int, string, error) {
			if len(s.took) == 1 {
				up = false
			}
			if !up {
				return 503, `{"detail":"it cannot be stored right now"}`, nil
			}
			return 202, accepted, nil
		}
		return q, s
	}, func(q *queue, s *server, reg *prometheus.Registry, _ func()) {
		later(8 * time.Hour)
		if n := value(t, reg, "vigil_alert_queue_received_total", ""); n > 5 || n < 2 {
			t.Errorf("%g messages were received during the outage", n)
		}
		if value(t, reg, "vigil_alert_queue_gateway_up", "") != 0 || value(t, reg, "vigil_alert_queue_oldest_seconds", "") != (8*time.Hour).Seconds() {
			t.Errorf("up %g, the oldest is %g s old", value(t, reg, "vigil_alert_queue_gateway_up", ""), value(t, reg, "vigil_alert_queue_oldest_seconds", ""))
		}
		s.mu.Lock()
		up, s.post = true, nil
		s.mu.Unlock()
		later(time.Minute)
		if live, dead := q.left(); live != 0 || dead != 0 || len(s.took) != 8 || value(t, reg, "vigil_alert_queue_gateway_up", "") != 1 {
			t.Errorf("%d left, %d dead, taken %q", live, dead, s.taken())
		}
	})
}

// TestNothingIsReceivedBeforeTheGatewayIsReady: a worker that starts again and
// again while the gateway is away costs no receive at all.
func TestNothingIsReceivedBeforeTheGatewayIsReady(t *testing.T) {
	t.Parallel()
	ready := false
	bubble(t, pull.Config{}, func() (*queue, *server) {
		return newQueue("1/q", "a"), &server{ready: func() (int, error) {
			if !ready {
				return 0, errDown
			}
			return 200, nil
		}}
	}, func(q *queue, s *server, reg *prometheus.Registry, _ func()) {
		later(time.Hour)
		if q.receives(0) != 0 {
			t.Errorf("received %d times", q.receives(0))
		}
		s.mu.Lock()
		ready = true
		s.mu.Unlock()
		later(time.Minute)
		if live, _ := q.left(); live != 0 || q.receives(0) != 1 {
			t.Errorf("%d left, received %d times", live, q.receives(0))
		}
	})
}

// TestAnswers says for every kind of answer whose fault it is: the message's,
// which is received again until SQS puts it aside, or the gateway's, which
// costs the message nothing.
func TestAnswers(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status int
		body   string
		err    error
		reason string
		dead   bool
	}{
		"too large":             {413, `{"detail":"over 1048576 bytes"}`, nil, "too_large", true},
		"unreadable":            {400, ``, nil, "refused", true},
		"invalid":               {422, `{}`, nil, "refused", true},
		"unavailable":           {503, `{}`, nil, "unavailable", false},
		"internal":              {500, ``, nil, "unavailable", false},
		"bad gateway":           {502, `<html>`, nil, "unavailable", false},
		"request timeout":       {408, ``, nil, "unavailable", false},
		"throttled":             {429, ``, nil, "throttled", false},
		"who are you":           {401, ``, nil, "denied", false},
		"may not":               {403, ``, nil, "denied", false},
		"no such path":          {404, ``, nil, "not_found", false},
		"no such method":        {405, ``, nil, "not_found", false},
		"moved":                 {307, ``, nil, "not_the_gateway", false},
		"a page":                {200, `<html>Welcome to nginx</html>`, nil, "not_the_gateway", false},
		"accepted by who knows": {202, `{}`, nil, "not_the_gateway", false},
		"nothing":               {204, ``, nil, "not_the_gateway", false},
		"no connection":         {0, "", errDown, "no_answer", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bubble(t, pull.Config{}, func() (*queue, *server) {
				q := newQueue("1/q", "a")
				q.maxReceives = 3
				return q, &server{post: func(string, *http.Request) (int, string, error) { return c.status, c.body, c.err }}
			}, func(q *queue, s *server, reg *prometheus.Registry, _ func()) {
				later(2 * time.Hour)
				live, dead := q.left()
				want, receives := 0, 1
				if c.dead {
					want, receives = 1, 3
				}
				if live+dead != 1 || dead != want || q.receives(0) != receives || s.taken() != "" {
					t.Errorf("%d left, %d dead, received %d times, taken %q", live, dead, q.receives(0), s.taken())
				}
				if n := value(t, reg, "vigil_alert_queue_failures_total", c.reason); n < float64(receives) || n != value(t, reg, "vigil_alert_queue_failures_total", "") {
					t.Errorf("%g failures for %s", n, c.reason)
				}
			})
		})
	}
}

// TestRefusedHoldsUpNobody: others pass a message that will never be taken, and
// it is not tried in a tight loop.
func TestRefusedHoldsUpNobody(t *testing.T) {
	t.Parallel()
	bubble(t, pull.Config{InFlight: 1, Batch: 1}, func() (*queue, *server) {
		q := newQueue("1/q", "huge", "a", "b")
		q.maxReceives = 4
		return q, &server{post: func(body string, _ *http.Request) (int, string, error) {
			if body == "huge" {
				return 413, "", nil
			}
			return 202, accepted, nil
		}}
	}, func(q *queue, s *server, reg *prometheus.Registry, _ func()) {
		later(10 * time.Second)
		if s.taken() != "a b" || s.posted() != 3 {
			t.Errorf("taken %q of %d", s.taken(), s.posted())
		}
		later((30 + 60 + 120) * time.Second) // its three further receives
		if q.receives(0) != 4 {
			t.Errorf("received %d times", q.receives(0))
		}
		later((240 + 30) * time.Second)
		if live, dead := q.left(); live != 0 || dead != 1 || s.posted() != 6 {
			t.Errorf("%d left, %d dead, %d posts", live, dead, s.posted())
		}
	})
}

// TestStuck: a message that alone fails, with an answer that means the gateway,
// goes the way of the refused ones while others are taken.
func TestStuck(t *testing.T) {
	t.Parallel()
	bubble(t, pull.Config{}, func() (*queue, *server) {
		q := newQueue("1/q", "poison", "a", "b")
		q.maxReceives = 2
		return q, &server{post: func(body string, _ *http.Request) (int, string, error) {
			if body == "poison" {
				return 500, "", nil
			}
			return 202, accepted, nil
		}}
	}, func(q *queue, s *server, reg *prometheus.Registry, _ func()) {
		later(5 * time.Second)
		if s.taken() != "a b" && s.taken() != "b a" {
			t.Errorf("taken %q", s.taken())
		}
		for n := 0; n < 20; n++ { // others go on coming
			q.mu.Lock()
			q.messages = append(q.messages, &stored{Message: sqs.Message{ID: "later", Body: "c"}})
			q.mu.Unlock()
			later(time.Minute)
		}
		if live, dead := q.left(); live != 0 || dead != 1 || q.receives(0) != 2 {
			t.Errorf("%d left, %d dead, received %d times", live, dead, q.receives(0))
		}
		if n := value(t, reg, "vigil_alert_queue_failures_total", "stuck"); n != 2 {
			t.Errorf("stuck %g times", n)
		}
	})
}

// TestHeldTooLong: SQS hides a message for twelve hours. One that is given back
// before is not received while the gateway is away.
func TestHeldTooLong(t *testing.T) {
	t.Parallel()
	bubble(t, pull.Config{}, func() (*queue, *server) {
		s := &server{post: func(string, *http.Request) (int, string, error) { return 503, "", nil }}
		s.ready = func() (int, error) {
			if len(s.posts) > 0 {
				return 503, nil
			}
			return 200, nil
		}
		return newQueue("1/q", "a"), s
	}, func(q *queue, s *server, reg *prometheus.Registry, _ func()) {
		later(11 * time.Hour)
		if n := value(t, reg, "vigil_alert_queue_in_hand", ""); n != 1 {
			t.Errorf("%g in hand after eleven hours", n)
		}
		later(20 * time.Hour)
		if n := value(t, reg, "vigil_alert_queue_in_hand", ""); n != 0 || q.receives(0) != 1 {
			t.Errorf("%g in hand after 31 hours, received %d times", n, q.receives(0))
		}
		s.mu.Lock()
		s.ready, s.post = nil, nil
		s.mu.Unlock()
		later(time.Minute)
		if live, _ := q.left(); live != 0 || s.taken() != "a" {
			t.Errorf("%d left, taken %q", live, s.taken())
		}
	})
}

// TestDeleteFails: what was handed over and cannot be deleted is tried again,
// and in the end comes again: twice is allowed, never is not.
func TestDeleteFails(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		failures int
		whole    bool
		posts    int
	}{"one message, for a while": {3, false, 2}, "the call, for a while": {3, true, 2}, "for long": {10, false, 3}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bubble(t, pull.Config{}, func() (*queue, *server) {
				q := newQueue("1/q", "a", "b")
				left := c.failures
				fail := func(operation string) error {
					if operation == "delete" && left > 0 {
						left--
						return errors.New("sorry")
					}
					return nil
				}
				if c.whole {
					q.refuse = fail
				} else {
					q.fail = func(operation string, m sqs.Message) error {
						if m.Body != "a" {
							return nil
						}
						return fail(operation)
					}
				}
				return q, &server{}
			}, func(q *queue, s *server, reg *prometheus.Registry, _ func()) {
				later(20 * time.Minute)
				if live, dead := q.left(); live != 0 || dead != 0 || s.posted() != c.posts {
					t.Errorf("%d left, %d dead, %d posts", live, dead, s.posted())
				}
				if value(t, reg, "vigil_alert_queue_failures_total", "delete") < float64(c.failures) || value(t, reg, "vigil_alert_queue_in_hand", "") != 0 {
					t.Errorf("%g failures, %g in hand", value(t, reg, "vigil_alert_queue_failures_total", "delete"), value(t, reg, "vigil_alert_queue_in_hand", ""))
				}
			})
		})
	}
}

// TestQueueIsAway: a queue that throttles, or is gone, is asked again, seldom.
func TestQueueIsAway(t *testing.T) {
	t.Parallel()
	asked, away := 0, true
	bubble(t, pull.Config{}, func() (*queue, *server) {
		q := newQueue("1/q", "a")
		q.refuse = func(operation string) error {
			if operation == "receive" && away {
				asked++
				return incident.Errorf(incident.KindThrottled, "slow down")
			}
			return nil
		}
		return q, &server{}
	}, func(q *queue, s *server, reg *prometheus.Registry, _ func()) {
		later(10 * time.Minute)
		q.mu.Lock()
		if asked < 10 || asked > 60 {
			t.Errorf("asked %d times in ten minutes", asked)
		}
		away = false
		q.mu.Unlock()
		later(time.Minute)
		if s.taken() != "a" || value(t, reg, "vigil_alert_queue_failures_total", "receive") != float64(asked) {
			t.Errorf("taken %q, %g failures", s.taken(), value(t, reg, "vigil_alert_queue_failures_total", "receive"))
		}
	})
}

// TestLostLease: a message that cannot be kept hidden is dropped once another
// receiver may have it, and is not lost.
func TestLostLease(t *testing.T) {
	t.Parallel()
	down := true
	bubble(t, pull.Config{}, func() (*queue, *server) {
		q := newQueue("1/q", "a")
		q.fail = func(operation string, _ sqs.Message) error {
			if operation == "hide" && down {
				return errors.New("sorry")
			}
			return nil
		}
		return q, &server{post: func(string, *http.Request) (int, string, error) {
			if down {
				return 503, "", nil
			}
			return 202, accepted, nil
		}}
	}, func(q *queue, s *server, reg *prometheus.Registry, _ func()) {
		later(10 * time.Minute)
		if q.receives(0) < 2 || value(t, reg, "vigil_alert_queue_in_hand", "") > 2 {
			t.Errorf("received %d times, %g in hand", q.receives(0), value(t, reg, "vigil_alert_queue_in_hand", ""))
		}
		q.mu.Lock()
		s.mu.Lock()
		down = false
		s.mu.Unlock()
		q.mu.Unlock()
		later(10 * time.Minute)
		if live, dead := q.left(); live != 0 || dead != 0 {
			t.Errorf("%d left, %d dead", live, dead)
		}
	})
}

// TestOrder: within a group of a FIFO queue nothing overtakes, whatever fails.
func TestOrder(t *testing.T) {
	t.Parallel()
	n := 0
	bubble(t, pull.Config{InFlight: 20}, func() (*queue, *server) {
		return newQueue("1/q.fifo", "a:1", "b:1", "a:2", "a:3", "b:2", "a:4", "b:3", "a:5"), &server{post: func(body string, _ *http.Request) (int, string, error) {
			switch n++; {
			case n%3 == 0:
				return 503, "", nil
			case n%5 == 0:
				return 413, "", nil
			}
			return 202, accepted, nil
		}}
	}, func(q *queue, s *server, reg *prometheus.Registry, _ func()) {
		later(24 * time.Hour)
		byGroup := map[string]string{}
		for _, body := range s.took {
			byGroup[body[:1]] += body[2:]
		}
		if live, dead := q.left(); live != 0 || dead != 0 || byGroup["a"] != "12345" || byGroup["b"] != "123" {
			t.Errorf("%d left, %d dead, taken %v", live, dead, s.took)
		}
	})
}
