package workflows_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"go.temporal.io/sdk/temporal"

	"vigil/activities"
	"vigil/workflows/incident"
)

func concurrent(n int) func(*incident.LeaseRequest) {
	return func(r *incident.LeaseRequest) { r.Limits.Concurrent = n }
}

func TestLeaseIsGrantedInTheOrderOfAsking(t *testing.T) {
	l := newLease(t, "a", "b", "c")
	l.at(time.Second, func(l *leaseRun) { l.asks("b"); l.asks("a"); l.asks("b"); l.asks("c") })
	l.at(2*time.Second, func(l *leaseRun) {
		s := l.state()
		wantIDs(t, "hold", holderIDs(s.Holders), "b")
		wantIDs(t, "wait", holderIDs(s.Waiting), "a", "c")
		if h := s.Holders[0]; h.State != incident.HolderHolds || h.AskedAt.IsZero() || h.GrantedAt.IsZero() || s.Waiting[0].State != incident.HolderWaiting {
			t.Errorf("the holder is %+v, the next %+v", h, s.Waiting[0])
		}
		l.asks("b") // has it, and asks once more
	})
	l.at(time.Minute, func(l *leaseRun) { l.closes("b", incident.RemediationHelped) })
	l.at(2*time.Minute, func(l *leaseRun) { l.closes("a", incident.RemediationUnsafe) })
	l.at(3*time.Minute, func(l *leaseRun) { l.closes("c", incident.RemediationDropped) })
	last := l.run()
	wantIDs(t, "granted", l.granted, "b", "a", "c")
	if last.Granted != 3 || last.Released != 3 || len(last.Holders)+len(last.Waiting) != 0 {
		t.Errorf("ended as %+v", last)
	}
	if d := l.told[1].Sub(leaseStart); d > time.Minute+time.Second {
		t.Errorf("the second was told after %s", d)
	}
}

// What is granted counts for an hour, so the lease is there for that long.
func TestLeaseEndsWhenNobodyWantsIt(t *testing.T) {
	l := newLease(t, "a")
	l.at(time.Second, func(l *leaseRun) { l.asks("a") })
	l.at(2*time.Second, func(l *leaseRun) { l.closes("a", incident.RemediationHelped) })
	l.run()
	if d := l.env.Now().Sub(leaseStart); d < time.Hour || d > time.Hour+10*time.Minute {
		t.Errorf("ended after %s", d)
	}
	l = newLease(t)
	l.run()
	if d := l.env.Now().Sub(leaseStart); d != 10*time.Minute {
		t.Errorf("nobody ever asked, and it ended after %s", d)
	}
}

func TestLeaseBoundsHowManyHoldAtOnce(t *testing.T) {
	l := newLease(t, "a", "b", "c", "d")
	l.at(time.Second, func(l *leaseRun) {
		for _, id := range []string{"a", "b", "c", "d"} {
			l.asks(id, concurrent(2))
		}
	})
	l.at(time.Minute, func(l *leaseRun) {
		wantIDs(t, "hold", holderIDs(l.state().Holders), "a", "b")
		l.closes("b", incident.RemediationUndone)
	})
	l.at(2*time.Minute, func(l *leaseRun) {
		wantIDs(t, "hold", holderIDs(l.state().Holders), "a", "c")
		l.asks("d", concurrent(3))
	}) // the latest limits are in force
	l.at(3*time.Minute, func(l *leaseRun) {
		wantIDs(t, "hold", holderIDs(l.state().Holders), "a", "c", "d")
		for _, id := range []string{"a", "c", "d"} {
			l.closes(id, incident.RemediationHelped)
		}
	})
	l.run()
}

func TestLeaseBoundsTheShareOfCapacity(t *testing.T) {
	wants := func(share float64) func(*incident.LeaseRequest) {
		return func(r *incident.LeaseRequest) {
			r.Limits = incident.LeaseLimits{Concurrent: 10, Share: 0.3}
			r.Holder.Share = share
		}
	}
	l := newLease(t, "a", "b", "c", "d", "huge", "none", "e")
	l.at(time.Second, func(l *leaseRun) {
		for _, id := range []string{"a", "b", "c", "d"} {
			l.asks(id, wants(0.1))
		}
		l.asks("huge", wants(1))
		l.asks("none", wants(0))
		l.asks("e", wants(0.1))
	})
	l.at(time.Minute, func(l *leaseRun) {
		wantIDs(t, "hold", holderIDs(l.state().Holders), "a", "b", "c") // three tenths are 0.3, not more
		l.closes("a", incident.RemediationHelped)
	})
	l.at(2*time.Minute, func(l *leaseRun) {
		wantIDs(t, "hold", holderIDs(l.state().Holders), "b", "c", "d")
		l.closes("b", incident.RemediationHelped)
		l.closes("c", incident.RemediationHelped)
	})
	l.at(3*time.Minute, func(l *leaseRun) {
		wantIDs(t, "hold", holderIDs(l.state().Holders), "d") // the fifth wants more than there is, and is not overtaken
		l.closes("d", incident.RemediationHelped)
	})
	l.at(4*time.Minute, func(l *leaseRun) {
		wantIDs(t, "hold", holderIDs(l.state().Holders), "huge", "none") // alone, but for what takes nothing
		l.closes("huge", incident.RemediationHelped)
		l.closes("none", incident.RemediationHelped)
		l.closes("e", incident.RemediationHelped)
	})
	l.run()
}

func TestLeaseBoundsGrantsByTheHour(t *testing.T) {
	twice := func(r *incident.LeaseRequest) { r.Limits.Concurrent, r.Limits.PerHour = 5, 2 }
	other := func(r *incident.LeaseRequest) { twice(r); r.Holder.Action.Name = "scale" }
	l := newLease(t, "a", "b", "c", "d", "gone", "e")
	l.at(time.Minute, func(l *leaseRun) { l.asks("a", twice) })
	l.at(2*time.Minute, func(l *leaseRun) { l.asks("b", twice); l.asks("c", twice); l.asks("d", other) })
	l.at(3*time.Minute, func(l *leaseRun) {
		s := l.state()
		wantIDs(t, "hold", holderIDs(s.Holders), "a", "b")
		wantIDs(t, "wait", holderIDs(s.Waiting), "c", "d") // the fourth may, but the third is first
		l.closes("a", incident.RemediationHelped)
		l.closes("b", incident.RemediationHelped)
	})
	l.at(61*time.Minute+time.Second, func(l *leaseRun) {
		wantIDs(t, "hold", holderIDs(l.state().Holders), "c", "d")
		l.asks("gone", twice) // for its action, the hour is over at 2 minutes past
		l.closes("c", incident.RemediationHelped)
		l.closes("d", incident.RemediationHelped)
	})
	l.at(61*time.Minute+2*time.Second, func(l *leaseRun) { l.asks("e", other) })
	l.at(61*time.Minute+3*time.Second, func(l *leaseRun) {
		wantIDs(t, "wait", holderIDs(l.state().Waiting), "gone", "e")
		l.closes("gone", "") // gives up, and must not keep the next one for the hour
	})
	l.at(61*time.Minute+4*time.Second, func(l *leaseRun) {
		wantIDs(t, "hold", holderIDs(l.state().Holders), "e")
		l.closes("e", incident.RemediationHelped)
	})
	l.run()
	wantIDs(t, "granted", l.granted, "a", "b", "c", "d", "e")
	if d := l.told[2].Sub(leaseStart); d != 61*time.Minute {
		t.Errorf("the third was granted after %s", d)
	}
}

func TestLeaseIsNotGrantedWhileFrozen(t *testing.T) {
	freeze := func(r *incident.LeaseRequest) {
		r.Frozen = []incident.Span{{Name: "past", From: leaseStart.Add(-time.Hour), To: leaseStart},
			{Name: "deploys", From: leaseStart.Add(time.Minute), To: leaseStart.Add(time.Hour)},
			{Name: "night", From: leaseStart.Add(time.Hour), To: leaseStart.Add(8 * time.Hour)}}
	}
	l := newLease(t, "a", "b", "c")
	l.at(time.Second, func(l *leaseRun) { l.asks("a", freeze); l.closes("a", incident.RemediationHelped) })
	l.at(2*time.Minute, func(l *leaseRun) { l.asks("b", freeze) })
	l.at(3*time.Hour, func(l *leaseRun) { wantIDs(t, "wait", holderIDs(l.state().Waiting), "b") })
	l.at(9*time.Hour, func(l *leaseRun) {
		l.closes("b", incident.RemediationHelped)
		l.asks("c", func(r *incident.LeaseRequest) {
			r.Frozen = []incident.Span{{From: leaseStart, To: leaseStart.Add(20 * time.Hour)}}
		})
	})
	l.at(10*time.Hour, func(l *leaseRun) { l.asks("c") }) // lifted
	l.at(11*time.Hour, func(l *leaseRun) {
		wantIDs(t, "hold", holderIDs(l.state().Holders), "c")
		l.closes("c", incident.RemediationHelped)
	})
	l.run()
	if d := l.told[0].Sub(leaseStart); d != 8*time.Hour {
		t.Errorf("granted after %s", d)
	}
}

func TestLeasePassesOverAHolderThatHasClosed(t *testing.T) {
	l := newLease(t, "a", "b", "c")
	l.at(time.Second, func(l *leaseRun) { l.asks("a"); l.asks("b"); l.asks("c") })
	l.at(time.Minute, func(l *leaseRun) { l.closes("b", ""); l.closes("a", incident.RemediationHelped) })
	l.at(2*time.Minute, func(l *leaseRun) { l.closes("c", incident.RemediationHelped) })
	last := l.run()
	wantIDs(t, "granted", l.granted, "a", "c")
	if last.Granted != 2 || last.Released != 2 {
		t.Errorf("ended as %+v", last)
	}
}

func TestLeaseGoesOnInANewRun(t *testing.T) {
	names := []string{"a", "b", "c", "d", "e"}
	l := newLease(t, names...)
	l.reads["b"] = func() (string, error) {
		if l.now().Before(leaseStart.Add(20 * time.Minute)) {
			return "", leaseFailure(incident.KindUnavailable, "still running")
		}
		return "done", nil
	}
	limits := func(r *incident.LeaseRequest) {
		r.Limits = incident.LeaseLimits{Concurrent: 2, PerHour: 3}
		r.Frozen = []incident.Span{{Name: "noon", From: leaseStart.Add(5 * time.Minute), To: leaseStart.Add(15 * time.Minute)}}
	}
	l.at(time.Second, func(l *leaseRun) {
		for _, id := range names {
			l.asks(id, limits)
		}
	})
	l.at(time.Minute, func(l *leaseRun) { l.closes("b", "") })
	var before incident.LeaseState
	l.at(2*time.Minute, func(l *leaseRun) { before = l.state(); l.env.SetContinueAsNewSuggested(true); l.asks("c", limits) })
	l.at(2*time.Minute+time.Second, func(l *leaseRun) {
		after := l.state()
		if fmt.Sprint(holderIDs(before.Holders), holderIDs(before.Waiting), len(before.Recent), before.Granted) != "[a b] [c d e] 2 2" ||
			fmt.Sprint(holderIDs(after.Holders), holderIDs(after.Waiting), len(after.Recent), after.Granted) != "[a b] [c d e] 2 2" ||
			after.Holders[1].State != incident.HolderUnknown || !after.Waiting[0].AskedAt.Equal(before.Waiting[0].AskedAt) {
			t.Errorf("carried\n%+v as\n%+v", before, after)
		}
	})
	l.at(10*time.Minute, func(l *leaseRun) { l.closes("a", incident.RemediationHelped) })
	l.at(11*time.Minute, func(l *leaseRun) {
		wantIDs(t, "hold while frozen", holderIDs(l.state().Holders), "b")
		l.env.SetCurrentHistoryLength(1100)
	})
	l.at(16*time.Minute, func(l *leaseRun) {
		wantIDs(t, "hold", holderIDs(l.state().Holders), "b", "c")
		l.closes("c", incident.RemediationHelped)
	})
	l.at(30*time.Minute, func(l *leaseRun) { wantIDs(t, "hold in this hour", holderIDs(l.state().Holders)) })
	l.at(61*time.Minute, func(l *leaseRun) {
		l.closes("d", incident.RemediationHelped)
		l.closes("e", incident.RemediationFailed)
	})
	last, runs := l.runAll(names...)
	wantIDs(t, "granted", l.granted, names...)
	if d := l.told[3].Sub(leaseStart); runs != 3 || last.Released != 5 || d < time.Hour || d > time.Hour+2*time.Second {
		t.Errorf("%d runs, the fourth was granted after %s, ended as %+v", runs, d, last)
	}
}

// A line that is too long to be carried is worked off in this run.
func TestLeaseWithAVeryLongLineDoesNotGoOnYet(t *testing.T) {
	names := []string{"a", "b", "c"}
	l := newLease(t, names...)
	first := l.env
	l.at(time.Second, func(l *leaseRun) {
		for _, id := range names {
			l.asks(id, func(r *incident.LeaseRequest) { r.Holder.Action.Basis = strings.Repeat("x", 400<<10) })
		}
	})
	l.at(2*time.Second, func(l *leaseRun) { l.env.SetContinueAsNewSuggested(true); l.asks("c") })
	l.at(time.Minute, func(l *leaseRun) {
		wantIDs(t, "wait", holderIDs(l.state().Waiting), "b", "c")
		if l.env != first {
			t.Error("it went on in a new run with all of it")
		}
		l.closes("a", incident.RemediationHelped)
	})
	l.at(2*time.Minute, func(l *leaseRun) { l.closes("b", incident.RemediationHelped) })
	l.at(3*time.Minute, func(l *leaseRun) { l.closes("c", incident.RemediationHelped) })
	if _, runs := l.runAll(names...); runs != 2 {
		t.Errorf("%d runs", runs)
	}
	wantIDs(t, "granted", l.granted, names...)
}

func TestLeaseIsNotCancelled(t *testing.T) {
	l := newLease(t, "a", "b")
	l.at(time.Second, func(l *leaseRun) { l.asks("a"); l.asks("b"); l.env.CancelWorkflow() })
	l.at(time.Minute, func(l *leaseRun) { l.closes("a", incident.RemediationHelped) })
	l.at(2*time.Minute, func(l *leaseRun) { l.closes("b", incident.RemediationHelped) })
	l.run()
	wantIDs(t, "granted", l.granted, "a", "b")
}

func TestLeaseOfNothingIsRefused(t *testing.T) {
	l := newLease(t)
	l.env.ExecuteWorkflow(incident.LeaseWorkflowType, incident.LeaseState{})
	var failed *temporal.ApplicationError
	if err := l.env.GetWorkflowError(); !errors.As(err, &failed) || activities.KindOf(err) != incident.KindInvalid {
		t.Errorf("ended with %v", err)
	}
}

// TestRefusedActionTakesNothingOffTheHour: the kill switch, or an approval that
// no longer held, once used up the hourly bound, and the action that was agreed
// to anew waited for an hour.
func TestRefusedActionTakesNothingOffTheHour(t *testing.T) {
	l := newLease(t, "a", "b")
	limits := func(r *incident.LeaseRequest) { r.Limits = incident.LeaseLimits{Concurrent: 1, PerHour: 1} }
	l.at(time.Second, func(l *leaseRun) { l.asks("a", limits); l.asks("b", limits) })
	l.at(time.Minute, func(l *leaseRun) { l.closes("a", incident.RemediationDropped) })
	l.at(2*time.Minute, func(l *leaseRun) {
		wantIDs(t, "granted", l.granted, "a", "b")
		l.closes("b", incident.RemediationHelped)
	})
	l.run()
}
