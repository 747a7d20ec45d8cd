package e2e_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"time"

	"vigil/deploy/e2e/harness"
	"vigil/deploy/processes"
	"vigil/deploy/sandbox/world"
	"vigil/workflows/event"
	"vigil/workflows/incident"
)

var seed = flag.Uint64("seed", uint64(time.Now().UnixNano()), "seed of the campaigns; it is printed, so that a failure can be had again")

var campaignKills = flag.Int("kills", 200, "how often the campaign kills the worker; fewer to look for a failure quickly")

// call is one AWS call as the sandbox saw it.
type call struct {
	N         int64          `json:"n"`
	Operation string         `json:"operation"`
	RequestID string         `json:"request_id"`
	StartedAt time.Time      `json:"started_at"`
	Incident  string         `json:"incident"`
	Body      string         `json:"body_sha256"`
	Model     string         `json:"model"`
	Facts     map[string]any `json:"facts"`
}

// kill is when a worker was killed and when the next one was up.
type kill struct{ at, back time.Time }

// TestWorkerKilledAnywhere kills the worker at random points of incidents that
// are under way. Every incident ends; a model call whose completion is in the
// history is never made again; one in flight is repeated at most once per
// kill; and each action takes effect at most once, counted at the target.
func TestWorkerKilledAnywhere(t *testing.T) {
	sideBySide(t)
	kills, atOnce := 3, 5
	if *campaign {
		kills, atOnce = *campaignKills, 20
	}
	r := rand.New(rand.NewPCG(*seed, 1))
	t.Logf("seed %d", *seed)
	v := harness.Start(t, harness.Options{Split: true, Tick: time.Second, WorkerArgs: quick})
	a := api{t: t, gateway: v.GatewayURL(), sandbox: v.SandboxURL()}
	w := watch(t, v.GatewayURL())
	people := attend(t, a)

	var struck []kill
	for round := 0; len(struck) < kills; round++ {
		a.fault(string(world.Faults[round%len(world.Faults)]))
		for i := range min(5, kills-len(struck), atOnce) / 2 * 2 { // besides the one that the alarm opens
			a.must(http.MethodPost, a.gateway+"/api/v1/incidents",
				map[string]string{"title": fmt.Sprintf("Checkout is slow, says person %d", i), "service": "checkout"}, nil)
		}
		for i := range min(atOnce, kills-len(struck)) {
			if i%5 == 4 { // so that there is always one to be killed in the middle of
				a.must(http.MethodPost, a.gateway+"/api/v1/incidents", map[string]string{"title": fmt.Sprintf("Checkout is slow, says person %d", 10+i), "service": "checkout"}, nil)
			}
			pause(t, time.Duration(200+r.IntN(2300))*time.Millisecond)
			k := kill{at: time.Now()}
			v.Kill(processes.Worker)
			v.StartPart(processes.Worker)
			k.back = time.Now()
			struck = append(struck, k)
		}
		a.quiet(3 * time.Minute)
		if world := a.activeFault(); world != "" { // nobody cured it: the incident was a person's in the end
			a.must(http.MethodPost, a.sandbox+"/_world/fault", map[string]string{"fault": "clear"}, nil)
		}
	}
	people.stop()

	all := a.incidents()
	ends := map[incident.Outcome]int{}
	for _, s := range all {
		if !s.Status.Terminal() {
			t.Errorf("%s is still %s", s.IncidentID, s.Status)
		}
		ends[s.Outcome]++
		if got := w.summary(s.IncidentID); got.Seq != s.Seq || got.Status != s.Status {
			t.Errorf("a watching client shows %s at %d as %s, it is at %d, %s", s.IncidentID, got.Seq, got.Status, s.Seq, s.Status)
		}
	}
	w.clean()
	checkEffects(t, a)
	repeated := checkCalls(t, a, all, struck)
	checkBudgets(t, a, all)
	t.Logf("%d kills, %d incidents (%v), %d model calls repeated", len(struck), len(all), ends, repeated)
}

// checkBudgets holds that no incident used more than its budget, and that what
// its page says it cost is the sum of its calls, repeated ones included: the
// sandbox counted what it served.
func checkBudgets(t *testing.T, a api, all []event.Summary) {
	t.Helper()
	served, largest := map[string]int64{}, int64(0) // tokens, by incident and of one call
	for _, c := range a.callsOf("ConverseStream") {
		served[c.Incident] += c.tokens()
		largest = max(largest, c.tokens())
	}
	budget := incident.DefaultSettings().Budget
	var shown, counted, lost int64
	for _, s := range all {
		used := incident.Budget{Turns: s.Cost.ModelCalls, Tokens: s.Cost.InputTokens + s.Cost.OutputTokens, CostMicros: s.Cost.CostMicros}
		if which := budget.Exceeded(used); which != "" {
			t.Errorf("%s used %+v, its budget of %s is %+v", s.IncidentID, used, which, budget)
		}
		shown, counted, lost = shown+used.Tokens, counted+served[s.IncidentID], lost+int64(s.Cost.Repeated)
		if s.Cost.Repeated == 0 && used.Tokens != served[s.IncidentID] {
			t.Errorf("%s shows %d tokens, the sandbox served it %d", s.IncidentID, used.Tokens, served[s.IncidentID])
		}
	}
	// A call whose answer was lost is shown as what the call that took its
	// place used; a model may have answered the first time at another length, or
	// was killed for before it was asked.
	allowed := max(counted/20, lost*largest)
	if difference := shown - counted; difference > allowed || -difference > allowed {
		t.Errorf("the pages show %d tokens, the sandbox served %d", shown, counted)
	}
	t.Logf("tokens shown %d, served %d; %d calls whose answer was lost", shown, counted, lost)
}

// tokens that a model call used, as the sandbox counted them.
func (c call) tokens() int64 {
	n := func(key string) int64 { v, _ := c.Facts[key].(float64); return int64(v) }
	return n("input_tokens") + n("cache_read_tokens") + n("cache_write_tokens") + n("output_tokens")
}

// checkCalls compares the sandbox's log with the histories. Requests that are
// alike are one call and its repetitions: the one whose answer is in an event
// must be the last of them, and between two of them a worker was killed.
func checkCalls(t *testing.T, a api, all []event.Summary, struck []kill) (repeated int) {
	t.Helper()
	calls := a.callsOf("ConverseStream")
	recorded := map[string]bool{}
	for _, s := range all {
		for _, e := range a.history(s.IncidentID) {
			if e.Type == event.TypeModelCalled {
				recorded[e.Provenance.RequestID] = true
			}
		}
	}
	alike := map[string][]call{}
	for _, c := range calls {
		alike[c.Model+c.Body] = append(alike[c.Model+c.Body], c)
	}
	for _, calls := range alike {
		for i, c := range calls[:len(calls)-1] {
			repeated++
			if recorded[c.RequestID] {
				t.Errorf("model call %d was answered and recorded, and made again as %d", c.N, calls[i+1].N)
			}
			between := 0
			for _, k := range struck {
				if k.at.After(c.StartedAt) && k.at.Before(calls[i+1].StartedAt) {
					between++
				}
			}
			if between == 0 {
				t.Errorf("model call %d was repeated as %d, and no worker was killed in between", c.N, calls[i+1].N)
			}
		}
	}
	return repeated
}

// checkEffects holds that each action was started at most once and took effect
// at most once, both counted at the target.
func checkEffects(t *testing.T, a api) {
	t.Helper()
	for _, e := range a.effects() {
		if e.Count != 1 {
			t.Errorf("action %s took effect %d times", e.Token, e.Count)
		}
	}
	var log struct {
		Calls []call `json:"calls"`
	}
	a.must(http.MethodGet, a.sandbox+"/_calls?operation=StartAutomationExecution", nil, &log)
	starts := map[any]int{}
	for _, c := range log.Calls {
		if starts[c.Facts["client_token"]]++; starts[c.Facts["client_token"]] > 1 {
			t.Errorf("action %v was started again by call %d", c.Facts["client_token"], c.N)
		}
	}
}

// TestGatewayKilledWithClientsConnected kills the gateway while incidents are
// under way: when it is back, every client converges on the workflow's state,
// without gap or repetition.
func TestGatewayKilledWithClientsConnected(t *testing.T) {
	sideBySide(t)
	kills, clients := 2, 5
	if *campaign {
		kills, clients = 15, 100
	}
	r := rand.New(rand.NewPCG(*seed, 2))
	t.Logf("seed %d", *seed)
	v := harness.Start(t, harness.Options{Split: true, Tick: time.Second, WorkerArgs: quick})
	a := api{t: t, gateway: v.GatewayURL(), sandbox: v.SandboxURL()}
	people := attend(t, a)
	var watchers []*watcher
	for range clients {
		watchers = append(watchers, watch(t, v.GatewayURL()))
	}
	a.fault("bad_deployment")
	first := a.opened(60 * time.Second)
	page := openBrowser(t, 1280, 900)
	page.visit(v.GatewayURL() + "/ops")
	page.sees(`[data-testid="incident-`+first.IncidentID+`"]`, 15*time.Second)
	for range kills {
		pause(t, time.Duration(300+r.IntN(2500))*time.Millisecond)
		v.Kill(processes.Gateway)
		v.StartPart(processes.Gateway)
		back := time.Now()
		converges(t, a, watchers, 10*time.Second)
		page.shows(a, first.IncidentID, 10*time.Second-time.Since(back))
	}
	a.reaches(first.IncidentID, 2*time.Minute, "the incident ends", terminal)
	people.stop()
	converges(t, a, watchers, 10*time.Second)
	page.shows(a, first.IncidentID, 10*time.Second)
	resumed := 0
	for _, w := range watchers {
		w.clean()
		w.mu.Lock()
		resumed += w.resumes
		w.mu.Unlock()
	}
	if resumed == 0 {
		t.Error("no client ever resumed with its cursor")
	}
}

// shows waits until the page is live and shows the incident as it is.
func (b browser) shows(a api, id string, within time.Duration) {
	b.t.Helper()
	eventually(b.t, within, "the page shows the incident as it is", func() (string, bool) {
		item := `[data-testid="incident-` + id + `"]`
		live, seq, status := b.attribute(`[data-testid="connection"]`, "data-state"), b.attribute(item, "data-seq"), b.attribute(item, "data-status")
		v := a.view(id)
		return live + " " + seq + " " + status, live == "live" && seq == fmt.Sprint(v.Seq) && status == string(v.Status)
	})
}

// converges waits until every watcher is connected and shows every incident as
// the store has it.
func converges(t *testing.T, a api, watchers []*watcher, within time.Duration) {
	t.Helper()
	eventually(t, within, "every client shows what is", func() (string, bool) {
		list := a.incidents()
		if len(list) == 0 {
			return "no incidents", false
		}
		for i, w := range watchers {
			w.mu.Lock()
			connected := w.connected
			w.mu.Unlock()
			if !connected {
				return fmt.Sprintf("client %d is not connected", i), false
			}
			for _, s := range list {
				if got := w.summary(s.IncidentID); got.RunID != s.RunID || got.Seq < s.Seq {
					return fmt.Sprintf("client %d shows %s at seq %d, it is at %d", i, s.IncidentID, got.Seq, s.Seq), false
				}
			}
		}
		return "", true
	})
}

// attendants are the people of a campaign: they approve what is proposed and
// resolve what they are handed.
type attendants struct {
	stopping chan struct{}
	done     sync.WaitGroup
}

func attend(t *testing.T, a api) *attendants {
	p := &attendants{stopping: make(chan struct{})}
	p.done.Add(1)
	go func() {
		defer p.done.Done()
		tick := time.NewTicker(300 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-p.stopping:
				return
			case <-tick.C:
			}
			for _, s := range a.incidents() {
				switch {
				case s.Status == incident.StatusAwaitingApproval:
					if v := a.view(s.IncidentID); awaitsApproval(v) {
						a.decide(s.IncidentID, incident.DecisionApprove, *v.Proposal) // refusals are told by the outcome
					}
				case s.Status == incident.StatusNeedsHuman:
					a.resolve(s.IncidentID, "seen to by hand")
				}
			}
		}
	}()
	t.Cleanup(p.stop)
	return p
}

func (p *attendants) stop() {
	select {
	case <-p.stopping:
	default:
		close(p.stopping)
	}
	p.done.Wait()
}

// quiet waits until no incident is open.
func (a api) quiet(within time.Duration) {
	a.t.Helper()
	eventually(a.t, within, "every incident ends", func() ([]string, bool) {
		var open []string
		list := a.incidents()
		for _, s := range list {
			if !s.Status.Terminal() {
				open = append(open, s.IncidentID+" "+string(s.Status)+" "+string(s.Phase))
			}
		}
		return open, len(list) > 0 && len(open) == 0
	})
}

func (a api) activeFault() string {
	a.t.Helper()
	var world struct {
		Faults []struct {
			Fault string `json:"fault"`
			Phase string `json:"phase"`
		} `json:"faults"`
	}
	a.must(http.MethodGet, a.sandbox+"/_world", nil, &world)
	for _, f := range world.Faults {
		if f.Phase == "active" {
			return f.Fault
		}
	}
	return ""
}

// pause lets a random time pass: it is the point of a kill, not a wait for
// something.
func pause(t *testing.T, d time.Duration) {
	t.Helper()
	timer := time.NewTimer(d)
	defer timer.Stop()
	<-timer.C
}
