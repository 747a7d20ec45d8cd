package e2e_test

import (
	"cmp"
	"context"
	"database/sql"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"go.temporal.io/sdk/client"

	"vigil/deploy/e2e/harness"
	"vigil/deploy/processes"
	"vigil/gateway"
	"vigil/internal/sqlitefile"
	"vigil/workflows/event"
	"vigil/workflows/incident"
)

// outagePatience bounds every wait for an outage to be felt, and for two
// Alertmanagers to have told all they know.
const outagePatience = 3 * time.Minute

var campaignPair = flag.Duration("pair", 12*time.Minute, "how long the campaign has two Alertmanagers tell of alerts; shorter to look for a failure quickly")

// TestAlertmanagerPair has two real Alertmanagers in high availability tell of
// many alerts, which fire, resolve and fire again, while gateway, Temporal and
// store fail in turn. Afterwards every alert that was answered 2xx is in one
// incident, what still fires is shown firing in an open one, nothing else is,
// and no correlation key has two that are open.
func TestAlertmanagerPair(t *testing.T) {
	sideBySide(t)
	groups, within := 20, 50*time.Second
	if *campaign {
		groups, within = 60, *campaignPair
	}
	r := rand.New(rand.NewPCG(*seed, 3))
	t.Logf("seed %d", *seed)
	// Without models; incidents whose alerts cleared close soon, so that an
	// alert which fires again finds them open, closing or closed, and those
	// that people should look at stay.
	v := harness.Start(t, harness.Options{Split: true, Tick: time.Second,
		WorkerArgs: append(slices.Clone(quick), "--models=none", "--verify-timeout=4s", "--handover-timeout=2h")})
	a := api{t: t, gateway: v.GatewayURL(), sandbox: v.SandboxURL()}
	p := startPair(t, v)
	s := newScenario(r, groups, within)
	o := outages{t: t, v: v, a: a, notes: p.notes, felt: map[string]int{}}

	began := time.Now()
	s.play(t, p.urls)
	eventually(t, outagePatience, "the first alerts are taken", func() (int, bool) {
		n := len(p.notes.since(began))
		return n, n >= groups/4
	})
	kinds := []func(time.Duration){o.gateway, o.temporal, o.store}
	for i := 0; i < len(kinds) || *campaign && time.Since(began) < within; i++ {
		if i%len(kinds) == 0 {
			r.Shuffle(len(kinds), func(i, j int) { kinds[i], kinds[j] = kinds[j], kinds[i] })
		}
		var last time.Duration // as short as it can be and still be felt
		if *campaign {
			pause(t, time.Duration(r.IntN(8000))*time.Millisecond)
			last = time.Duration(r.IntN(20000)) * time.Millisecond
		}
		kinds[i%len(kinds)](last)
	}

	told := p.tellAll(t, s, began, within)
	p.stop()
	s.stop()
	answers := p.notes.since(time.Time{})
	temporal, err := client.Dial(client.Options{HostPort: v.TemporalAddr, Logger: nil})
	if err != nil {
		t.Fatal(err)
	}
	defer temporal.Close()
	eventually(t, outagePatience, "the inbox is empty", func() (int64, bool) {
		var h event.SystemHealthMetrics
		a.must(http.MethodGet, a.gateway+"/api/v1/system/health", nil, &h)
		return h.InboxPending, h.InboxPending == 0
	})
	last := atRest(func() verdict { return judge(read(a, temporal), answers, told) })
	for _, f := range last.faults {
		t.Error(f)
	}
	report(t, s, answers, last, o.felt)
}

// atRest gives what is still being projected a minute, and returns the verdict
// of the last reading: the second without a fault, for it has to stay so.
func atRest(read func() verdict) verdict {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	deadline := time.Now().Add(time.Minute)
	for good := 0; ; <-tick.C {
		v := read()
		if good++; len(v.faults) > 0 {
			good = 0
		}
		if good == 2 || time.Now().After(deadline) {
			return v
		}
	}
}

// tellAll waits until the script is at its end and the gateway has taken, of
// every alert, what the scenario said last of it; and until nothing that was
// said earlier can still be under way. It returns what was said last.
func (p *pair) tellAll(t *testing.T, s *scenario, began time.Time, within time.Duration) map[string]int64 {
	t.Helper()
	var told map[string]int64
	eventually(t, within+outagePatience, "the Alertmanagers have told all", func() ([]string, bool) {
		last, changed := s.last()
		taken, by := map[string]int64{}, map[string]int64{} // the delivery that said it
		quietSince := changed
		for _, a := range p.notes.since(began) {
			if !a.accepted() {
				quietSince = latest(quietSince, a.at)
				continue
			}
			for i, alert := range a.message.Alerts {
				name := scriptID(alert.Labels)
				if a.deliveryID < by[name] { // answered after a later one
					continue
				}
				if by[name], taken[name] = a.deliveryID, 0; alert.Status == incident.AlertFiring {
					taken[name] = a.message.episode(i).startsAt
				}
			}
		}
		told = last
		var behind []string
		for name, begun := range last {
			if taken[name] != begun {
				behind = append(behind, name)
			}
		}
		over := time.Since(began) > within && time.Since(quietSince) > notifyTimeout+groupInterval
		return behind, over && len(behind) == 0
	})
	return told
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// outages take something away until it is felt, and for a while, and bring it
// back.
type outages struct {
	t     *testing.T
	v     *harness.Vigil
	a     api
	notes *recorder
	felt  map[string]int
}

// lasts waits until a peer had such an answer since the outage began, and
// until it has lasted long enough.
func (o *outages) lasts(kind string, begun time.Time, least time.Duration, such func(answered) bool) {
	o.t.Helper()
	eventually(o.t, outagePatience, "an Alertmanager feels the outage of "+kind, func() (int, bool) {
		since := o.notes.since(begun)
		return len(since), time.Since(begun) >= least && slices.ContainsFunc(since, such)
	})
	o.felt[kind]++
}

// gateway is killed: nobody answers.
func (o *outages) gateway(least time.Duration) {
	o.t.Helper()
	o.v.Kill(processes.Gateway)
	o.lasts("gateway", time.Now(), least, func(a answered) bool { return a.code == http.StatusBadGateway })
	o.v.StartPart(processes.Gateway)
}

// temporal is killed: alerts are taken all the same.
func (o *outages) temporal(least time.Duration) {
	o.t.Helper()
	o.v.Kill(processes.Temporal)
	o.lasts("temporal", time.Now(), least, answered.accepted)
	o.v.StartPart(processes.Temporal)
}

// store cannot be written to, because another process holds its lock: alerts
// are refused with a status after which they come again, and none is taken.
func (o *outages) store(least time.Duration) {
	o.t.Helper()
	db, err := sqlitefile.Writer(filepath.Join(o.v.StateDir, processes.Gateway, "gateway.db"))
	if err != nil {
		o.t.Fatal(err)
	}
	defer db.Close()
	var tx *sql.Tx
	eventually(o.t, outagePatience, "the store's lock is had", func() (error, bool) {
		tx, err = db.BeginTx(context.Background(), nil)
		return err, err == nil
	})
	begun := time.Now()
	var newest gateway.DeliveryList // reading goes on
	o.a.must(http.MethodGet, o.a.gateway+"/api/v1/deliveries?limit=1", nil, &newest)
	o.lasts("store", begun, least, func(a answered) bool { return a.code == http.StatusServiceUnavailable })
	for _, a := range o.notes.since(begun) {
		if a.accepted() && len(newest.Deliveries) > 0 && a.deliveryID > newest.Deliveries[0].ID {
			o.t.Errorf("delivery %d was answered %d while nothing could be written", a.deliveryID, a.code)
		}
		if !a.accepted() && a.code != http.StatusServiceUnavailable && a.code != gaveUp {
			o.t.Errorf("without its store the gateway answered %d", a.code)
		}
	}
	if err := tx.Rollback(); err != nil {
		o.t.Fatal(err)
	}
}

// report logs the figures, and fails a run that has shown nothing.
func report(t *testing.T, s *scenario, answers []answered, v verdict, felt map[string]int) {
	t.Helper()
	codes, peers, alerts, bodies, retries := map[int]int{}, map[int]int{}, 0, map[string]int{}, 0
	for _, a := range answers {
		codes[a.code]++
		peers[a.peer]++
		if a.accepted() {
			alerts += len(a.message.Alerts)
		}
		if bodies[string(a.body)]++; bodies[string(a.body)] > 1 {
			retries++
		}
	}
	last, _ := s.last()
	s.mu.Lock()
	defer s.mu.Unlock()
	t.Logf("%d alerts fired %d times; Prometheus told %d, %d of its requests failed; outages %v", len(s.alerts), s.fired, s.sent, s.failed, felt)
	t.Logf("%d messages (%d said again; by peer %s), answered %s; those taken held %d alerts, %d firings among them, %d resolves taken back, %d resolves told to an incident that the alert did not fire in",
		len(answers), retries, counts(peers), counts(codes), alerts, v.episodes, v.reopened, v.echoes)
	t.Logf("incidents %s; %d open, %d of %d alerts fire", counts(v.outcomes), v.open, v.firing, len(last))
	if v.firing == 0 || v.firing == len(last) || v.open == 0 || codes[http.StatusServiceUnavailable] == 0 || codes[http.StatusBadGateway] == 0 {
		t.Error("nothing was shown: some alerts have to fire and some to have resolved, some messages to be refused")
	}
}

func counts[K cmp.Ordered](m map[K]int) string {
	out := ""
	for _, k := range slices.Sorted(maps.Keys(m)) {
		out += fmt.Sprintf(", %v: %d", k, m[k])
	}
	return out[min(2, len(out)):]
}
