package e2e_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"syscall"
	"testing"
	"time"

	enums "go.temporal.io/api/enums/v1"

	"vigil/deploy/processes"
	"vigil/workflows/incident"
)

// killSwitchWithin is how soon after it was flipped no new effect begins.
const killSwitchWithin = 5 * time.Second

// TestKillSwitch: flipped while 50 remediations of many steps are in flight on
// two workers, no effect begins more than five seconds later. One of the workers
// loses NATS in the second half: it begins nothing either, since it cannot look.
func TestKillSwitch(t *testing.T) {
	for name, cutOff := range map[string]bool{"flipped": false, "cut off": true} {
		t.Run(name, func(t *testing.T) {
			sideBySide(t)
			s := startStage(t, 50)
			line := newCable(t, s.v.NATSAddr)
			s.otherWorker(line.listener.Addr().String()).StartPart(processes.Worker)
			for n := range 50 {
				s.begin(n, 12, 50)
			}
			eventually(t, 90*time.Second, "two effects of each on the average", func() (int, bool) {
				n := len(s.starts())
				return n, n >= 100
			})
			flipped := time.Now()
			if cutOff {
				line.sever()
			}
			s.must(http.MethodPost, s.gateway+"/api/v1/controls/kill", map[string]string{"reason": "something is odd"}, nil)
			answered := time.Since(flipped)
			states := s.outcomes(3 * time.Minute)
			late, last := 0, time.Duration(0)
			for _, c := range s.starts() {
				after := c.StartedAt.Sub(flipped)
				last = max(last, after)
				if after > killSwitchWithin {
					late++
				}
			}
			if late > 0 {
				t.Errorf("%d effects began later than %s after the kill switch was flipped", late, killSwitchWithin)
			}
			if states[incident.RemediationHelped]+states[incident.RemediationUnproven] == 50 {
				t.Errorf("every remediation had ended before: %v", states)
			}
			if w := s.workersThatActed(); w != 2 {
				t.Errorf("%d workers acted, there were two", w)
			}
			s.leasesFree()
			checkEffects(t, s.api)
			t.Logf("the switch answered after %s, the last effect began %s after it was flipped; %d effects, ended as %v", answered.Round(time.Millisecond), last.Round(time.Millisecond), len(s.starts()), states)
		})
	}
}

// workersThatActed counts the processes that began an effect.
func (s *stage) workersThatActed() int {
	s.t.Helper()
	who := map[string]bool{}
	for _, run := range s.runs {
		events := s.client.GetWorkflowHistory(context.Background(), run.GetID(), run.GetRunID(), false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
		actions := map[int64]bool{}
		for events.HasNext() {
			e, err := events.Next()
			if err != nil {
				s.t.Fatal(err)
			}
			if a := e.GetActivityTaskScheduledEventAttributes(); a != nil && a.ActivityType.Name == "ExecuteAction" {
				actions[e.EventId] = true
			}
			if a := e.GetActivityTaskCompletedEventAttributes(); a != nil && actions[a.ScheduledEventId] {
				who[a.Identity] = true
			}
		}
	}
	return len(who)
}

// TestKilledBetweenCallAndReport is F2: the worker is killed at random moments
// after an executor was called and before the outcome was reported. Each effect
// takes place once, counted at the target, and every remediation ends: what
// cannot be told ends as unknown.
func TestKilledBetweenCallAndReport(t *testing.T) {
	sideBySide(t)
	kills := 3
	if *campaign {
		kills = *campaignKills
	}
	r := rand.New(rand.NewPCG(*seed, 5))
	t.Logf("seed %d", *seed)
	s := startStage(t, 1000)
	// The effect takes place, and its answer takes long, or never comes.
	s.must(http.MethodPost, s.sandbox+"/_world/chaos", map[string]any{"operation": "StartAutomationExecution", "mode": "do_then_time_out", "count": -1, "ms": 2500}, nil)
	n, between := 0, 0
	for range kills {
		seen := len(s.starts())
		for range 3 {
			s.begin(n, 1, 1000)
			n++
		}
		eventually(t, time.Minute, "an executor was called", func() (int, bool) {
			now := len(s.starts())
			return now, now > seen
		})
		pause(t, time.Duration(r.IntN(1500))*time.Millisecond)
		s.v.Kill(processes.Worker)
		between++
		s.v.StartPart(processes.Worker)
	}
	s.must(http.MethodDelete, s.sandbox+"/_world/chaos", nil, nil)
	states := s.outcomes(3 * time.Minute)
	checkEffects(t, s.api)
	if got := len(s.effects()); got > n {
		t.Errorf("%d effects of %d actions", got, n)
	}
	s.leasesFree()
	t.Logf("%d kills, %d actions of one step, %d effects, ended as %v", between, n, len(s.effects()), states)
}

// TestZombieFinishesLate is F3: a worker is stopped in the middle of an effect
// for longer than its heartbeat, another one takes over, and the first goes on
// late. What it says then is not believed, and nothing takes place twice.
func TestZombieFinishesLate(t *testing.T) {
	sideBySide(t)
	rounds := 1
	if *campaign {
		rounds = 10
	}
	s := startStage(t, 1000)
	for n := range rounds {
		s.must(http.MethodPost, s.sandbox+"/_world/chaos", map[string]any{"operation": "StartAutomationExecution", "mode": "do_then_time_out", "count": 1, "ms": 4000}, nil)
		seen := len(s.starts())
		run := s.begin(n, 1, 1000)
		eventually(t, time.Minute, "the executor was called", func() (int, bool) {
			now := len(s.starts())
			return now, now > seen
		})
		s.v.Signal(processes.Worker, syscall.SIGSTOP)
		second := s.otherWorker(s.v.NATSAddr)
		second.StartPart(processes.Worker)
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
		var r incident.Remediation
		if err := run.Get(ctx, &r); err != nil {
			t.Error(err)
		}
		cancel()
		s.v.Signal(processes.Worker, syscall.SIGCONT)
		if len(r.Executions) != 1 || r.Executions[0].ID == "" {
			t.Errorf("the effect was not read back: %+v", r)
		}
		second.Kill(processes.Worker)
	}
	checkEffects(t, s.api)
	if got := len(s.effects()); got != rounds {
		t.Errorf("%d effects of %d actions", got, rounds)
	}
	s.leasesFree()
}

// TestDoneAndNotSaid is F7 at the executor: the effect takes place, and the
// connection is cut before the answer, every time. It is read back and not
// repeated.
func TestDoneAndNotSaid(t *testing.T) {
	sideBySide(t)
	s := startStage(t, 1000)
	s.must(http.MethodPost, s.sandbox+"/_world/chaos", map[string]any{"operation": "StartAutomationExecution", "mode": "do_then_time_out", "count": -1, "ms": 300}, nil)
	actions := 6
	if *campaign {
		actions = 60
	}
	for n := range actions {
		s.begin(n, 2, 1000)
	}
	states := s.outcomes(3 * time.Minute)
	checkEffects(t, s.api)
	if got := len(s.effects()); got != 2*actions {
		t.Errorf("%d effects of %d steps", got, 2*actions)
	}
	for _, doubtful := range []incident.RemediationState{incident.RemediationUnknown, incident.RemediationUnsafe} {
		if states[doubtful] > 0 {
			t.Errorf("%d ended as %s, and everything could be read back", states[doubtful], doubtful)
		}
	}
	t.Logf("%d actions of two steps ended as %v", actions, states)
}

// TestTemporalsStoreFails is F7: a tenth of what the Temporal server writes and
// reads of executions times out, half of the writes after they were done.
// Alerts that were accepted are in one incident each, and no effect takes place
// twice (I1 I2 I3).
func TestTemporalsStoreFails(t *testing.T) {
	sideBySide(t)
	actions, alerts := 8, 10
	if *campaign {
		actions, alerts = 60, 100
	}
	s := startFaultyStage(t, 1000, 0.1)
	began := time.Now().Add(-time.Minute)
	for n := range alerts {
		eventually(t, time.Minute, "the alert is accepted", func() (int, bool) { // senders try again
			code := s.alertmanager(fmt.Sprint("g", n), "firing", began)
			return code, code == http.StatusAccepted
		})
	}
	for n := range actions {
		s.begin(n, 2, 1000)
	}
	states := s.outcomes(5 * time.Minute)
	checkEffects(t, s.api)
	if got := len(s.effects()); got > 2*actions {
		t.Errorf("%d effects of %d steps", got, 2*actions)
	}
	eventually(t, 3*time.Minute, "an incident for each alert", func() (int, bool) {
		n := len(s.allIncidents())
		return n, n == alerts
	})
	of := map[string]int{}
	for _, i := range s.allIncidents() {
		of[i.Service]++
	}
	for service, n := range of {
		if n != 1 {
			t.Errorf("%d incidents of %s", n, service)
		}
	}
	s.leasesFree()
	t.Logf("%d actions of two steps, %d effects, ended as %v; %d alerts in %d incidents", actions, len(s.effects()), states, alerts, len(of))
}
