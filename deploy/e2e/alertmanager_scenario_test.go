package e2e_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"
)

// resendEvery is how often Prometheus says everything again. Its own default
// is a minute; an Alertmanager that was told once must not be taken for one
// that is told for ever.
const resendEvery = time.Second

// scripted is one alert with the moments, from the beginning of its scenario
// on, at which it fires, resolves, fires again, and so on.
type scripted struct {
	labels map[string]string
	flips  []time.Duration

	startsAt, endsAt time.Time // as told last; no start: it never fired
}

func (s *scripted) fires() bool { return !s.startsAt.IsZero() && s.endsAt.IsZero() }

// scriptID is how messages are matched with scripts; fingerprints are
// Alertmanager's to compute.
func scriptID(labels map[string]string) string {
	return labels["alertname"] + "/" + labels["service"] + "/" + labels["instance"]
}

// scenario is a Prometheus whose rules follow a script: it tells both
// Alertmanagers what fires and what has resolved, again and again.
type scenario struct {
	alerts []*scripted

	mu      sync.Mutex
	changed time.Time // when anything flipped last
	fired   int       // how often alerts began to fire
	sent    int       // alerts in requests
	failed  int       // requests

	stopping chan struct{}
	done     sync.WaitGroup
}

// newScenario writes the script: groups of up to four alerts, each of which
// fires for good, resolves for good, or goes on and off, within a time.
func newScenario(r *rand.Rand, groups int, within time.Duration) *scenario {
	s := &scenario{stopping: make(chan struct{})}
	names, severities := []string{"HighLatency", "ErrorRate", "DiskFull"}, []string{"critical", "warning", "info"}
	for g := range groups {
		for i := range 1 + r.IntN(4) {
			a := &scripted{labels: map[string]string{
				"alertname": names[g%len(names)], "service": fmt.Sprintf("shop-%02d", g/len(names)),
				"instance": fmt.Sprintf("10.0.%d.%d:9100", g, i), "severity": severities[r.IntN(len(severities))],
			}}
			flips := []int{1, 2, 2 + r.IntN(1+int(within/(10*time.Second)))}[r.IntN(3)]
			at := time.Duration(r.Int64N(int64(within / 3)))
			for range flips {
				if at >= within {
					break
				}
				a.flips = append(a.flips, at)
				at += time.Second + time.Duration(r.Int64N(int64(min(within/3, 40*time.Second))))
			}
			s.alerts = append(s.alerts, a)
		}
	}
	return s
}

// play begins to tell the Alertmanagers, until the test or stop ends it.
func (s *scenario) play(t *testing.T, urls []string) {
	began := time.Now()
	client := &http.Client{Timeout: 10 * time.Second}
	s.done.Go(func() {
		tick := time.NewTicker(resendEvery)
		defer tick.Stop()
		for {
			body := s.advance(time.Since(began))
			for _, u := range urls {
				resp, err := client.Post(u+"/api/v2/alerts", "application/json", bytes.NewReader(body))
				if err == nil {
					resp.Body.Close()
				}
				if err != nil || resp.StatusCode != http.StatusOK {
					s.mu.Lock()
					s.failed++
					s.mu.Unlock()
				}
			}
			select {
			case <-tick.C:
			case <-s.stopping:
				return
			}
		}
	})
	t.Cleanup(s.stop)
}

func (s *scenario) stop() {
	select {
	case <-s.stopping:
	default:
		close(s.stopping)
	}
	s.done.Wait()
}

// advance brings every alert to where the script has it, and returns what
// there is to tell.
func (s *scenario) advance(at time.Duration) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now().UTC().Truncate(time.Millisecond)
	type told struct {
		Labels      map[string]string `json:"labels"`
		Annotations map[string]string `json:"annotations"`
		StartsAt    time.Time         `json:"startsAt"`
		EndsAt      time.Time         `json:"endsAt"`
	}
	all := []told{}
	for _, a := range s.alerts {
		done, _ := slices.BinarySearch(a.flips, at)
		switch should := done%2 == 1; {
		case should && !a.fires():
			a.startsAt, a.endsAt, s.changed = now, time.Time{}, now
			s.fired++
		case !should && a.fires():
			a.endsAt, s.changed = now, now
		}
		if a.startsAt.IsZero() {
			continue
		}
		ends := a.endsAt
		if a.fires() {
			ends = now.Add(5 * time.Minute) // Alertmanager's patience with a Prometheus that falls silent
		}
		all = append(all, told{a.labels, map[string]string{"summary": a.labels["service"] + " is not well"}, a.startsAt, ends})
	}
	s.sent += len(all)
	body, err := json.Marshal(all)
	if err != nil {
		panic(err) // strings and times
	}
	return body
}

// last is what was told last of each alert: when it began where it fires, else
// zero; and when that changed last.
func (s *scenario) last() (begun map[string]int64, changed time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	begun = map[string]int64{}
	for _, a := range s.alerts {
		if begun[scriptID(a.labels)] = 0; a.fires() {
			begun[scriptID(a.labels)] = a.startsAt.UnixMilli()
		}
	}
	return begun, s.changed
}
