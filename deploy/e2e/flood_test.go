package e2e_test

import (
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"vigil/deploy/e2e/harness"
	"vigil/deploy/processes"
	"vigil/workflows/event"
	"vigil/workflows/incident"
)

// TestTemporalStoppedUnderLoad is F6: Temporal is away while fifty alerts a
// second come, for twelve seconds, in a campaign for ten minutes. Every one is
// accepted (I1); after Temporal is back, each is with exactly one incident (I2)
// within a minute, and what was said of one alert arrived in the order said.
func TestTemporalStoppedUnderLoad(t *testing.T) {
	sideBySide(t)
	away, healed := 12*time.Second, 3*time.Minute // other tests run beside this one
	if *campaign {
		away, healed = 10*time.Minute, time.Minute
	}
	v := harness.Start(t, harness.Options{Split: true, Tick: time.Second, WorkerArgs: quick})
	a := api{t: t, gateway: v.GatewayURL(), sandbox: v.SandboxURL()}
	l := newLedger()

	// Alerts that say one thing after the other, half of them known before
	// Temporal goes away: their order can be told from what incidents took.
	const talkers, bulks = 6, 4
	began := time.Now()
	word := func(i, n int) sentAlert {
		return fires(fmt.Sprint("talker-", i), "f", fmt.Sprint("word ", n), began.Add(time.Duration(n)*time.Millisecond))
	}
	for i := range talkers / 2 {
		if code := l.send(a.gateway, word(i, 0)); code != http.StatusAccepted {
			t.Fatalf("with everything up an alert was answered %d", code)
		}
	}
	eventually(t, 60*time.Second, "the first incidents", func() (int, bool) { n := len(a.incidents()); return n, n == talkers/2 })

	v.Kill(processes.Temporal)
	said := load(t, away, talkers, func(i, n int) {
		l.send(a.gateway, word(i, n))
	}, func(n int) {
		l.send(a.gateway, fires(fmt.Sprint("bulk-", n%bulks), fmt.Sprint("f-", n), "down", began))
	})
	if refused := l.refused(); len(refused) > 0 {
		t.Errorf("while Temporal was away alerts were answered %v (0: not at all)", refused)
	}
	n, p50 := l.accepted(.50)
	_, p99 := l.accepted(.99)
	t.Logf("%d deliveries in %s; acknowledged within %s (median), %s (99%%)", n, away, p50.Round(time.Millisecond), p99.Round(time.Millisecond))
	if *campaign && p99 >= time.Second {
		t.Errorf("99%% were acknowledged within %s, wanted less than a second", p99)
	}

	v.StartPart(processes.Temporal)
	by := l.found(a, healed)
	for id, alerts := range by {
		a.reaches(id, healed, "its workflow counts all of its alerts", func(v event.View) bool { return v.AlertsTotal == alerts })
	}
	inOrder(t, a, by, talkers, said)
}

// load sends for a while: each talker says its next word once a second, when
// the word before is answered, and everything else makes it fifty in all.
// It returns the number of words that each talker said.
func load(t *testing.T, span time.Duration, talkers int, talk func(i, n int), other func(n int)) []int {
	t.Helper()
	const perSecond = 50
	said := make([]int, talkers)
	end := time.After(span)
	beat, each := time.NewTicker(time.Second/time.Duration(perSecond-talkers)), time.NewTicker(time.Second)
	defer beat.Stop()
	defer each.Stop()
	var wg sync.WaitGroup
	defer wg.Wait()
	turns := make([]chan struct{}, talkers)
	for i := range turns {
		turns[i] = make(chan struct{}, 2*int(span/time.Second)+2)
		wg.Go(func() {
			for range turns[i] {
				said[i]++
				talk(i, said[i])
			}
		})
		defer close(turns[i])
	}
	for n := 0; ; {
		select {
		case <-end:
			return said
		case <-each.C:
			for _, turn := range turns {
				turn <- struct{}{}
			}
		case <-beat.C:
			n++
			wg.Go(func() { other(n) })
		case <-t.Context().Done():
			return said
		}
	}
}

// inOrder holds that incidents took the words of each talker one after the
// other, none left out.
func inOrder(t *testing.T, a api, incidents map[string]int, talkers int, said []int) {
	t.Helper()
	last := map[string]int{}
	for id := range incidents {
		for _, e := range a.history(id) {
			d, err := e.Decode()
			if err != nil {
				t.Fatal(err)
			}
			r, ok := d.(*event.AlertReceived)
			if !ok || r.Alert.Fingerprint != "f" || r.Alert.Status != incident.AlertFiring {
				continue
			}
			var n int
			if _, err := fmt.Sscanf(r.Alert.Description, "word %d", &n); err != nil {
				t.Fatalf("%q: %v", r.Alert.Description, err)
			}
			before, known := last[r.Alert.Service]
			if known && n != before+1 {
				t.Errorf("%s took word %d of %s after word %d", id, n, r.Alert.Service, before)
			}
			last[r.Alert.Service] = n
		}
	}
	for i := range talkers {
		if got := last[fmt.Sprint("talker-", i)]; got != said[i] || got == 0 {
			t.Errorf("talker %d said %d words, an incident took %d", i, said[i], got)
		}
	}
}
