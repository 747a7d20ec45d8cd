package workflows_test

import (
	"strings"
	"testing"
	"time"

	"vigil/workflows/incident"
)

func TestLeaseOfATerminatedHolderIsReadBack(t *testing.T) {
	for name, state := range map[string]incident.RemediationState{"terminated": "", "unknown": incident.RemediationUnknown, "not ended": incident.RemediationRunning} {
		t.Run(name, func(t *testing.T) {
			l := newLease(t, "a", "b")
			l.reads["a"] = func() (string, error) {
				switch now := l.now(); {
				case now.Before(leaseStart.Add(3 * time.Minute)):
					return "", leaseFailure(incident.KindUnavailable, "step 1 is still running as exec-1")
				case now.Before(leaseStart.Add(4 * time.Minute)):
					return "", leaseFailure(incident.KindInvalid, "this worker has no executor")
				}
				return "step 1: succeeded", nil
			}
			l.at(time.Second, func(l *leaseRun) { l.asks("a"); l.asks("b") })
			l.at(time.Minute, func(l *leaseRun) { l.closes("a", state) })
			l.at(3*time.Minute-time.Second, func(l *leaseRun) {
				s := l.state()
				if h := s.Holders[0]; h.State != incident.HolderUnknown || !strings.Contains(h.Detail, "still running") || len(s.Waiting) != 1 {
					t.Errorf("read back as %+v", h)
				}
				l.clears(incident.Principal{Name: "ada", Role: incident.RoleApprover}, "a", "looked", incident.KindDenied)
			})
			l.at(30*time.Minute, func(l *leaseRun) { l.closes("b", incident.RemediationHelped) })
			last := l.run()
			if last.Released != 2 {
				t.Fatalf("ended as %+v", last)
			}
			seen := l.read["a"]
			first := len(seen) - 2
			if gap := seen[first+1].Sub(seen[first]); gap < 10*time.Second || gap > 11*time.Second {
				t.Errorf("read as done twice, %s apart", gap)
			}
			if d := l.told[1].Sub(leaseStart); d < 4*time.Minute || d > 6*time.Minute {
				t.Errorf("the next one got it after %s", d)
			}
		})
	}
}

// An effect in flight may become visible after its holder is gone.
func TestLeaseLooksTwiceBeforeItIsReleased(t *testing.T) {
	l := newLease(t, "a", "b")
	done := 0
	l.reads["a"] = func() (string, error) {
		if now := l.now(); now.After(leaseStart.Add(time.Minute+5*time.Second)) && now.Before(leaseStart.Add(2*time.Minute)) {
			return "", leaseFailure(incident.KindUnavailable, "still running")
		}
		done++
		return "nothing", nil
	}
	l.at(time.Second, func(l *leaseRun) { l.asks("a"); l.asks("b") })
	l.at(time.Minute, func(l *leaseRun) { l.closes("a", "") })
	l.at(2*time.Minute, func(l *leaseRun) { wantIDs(t, "hold", holderIDs(l.state().Holders), "a") })
	l.at(5*time.Minute, func(l *leaseRun) {
		wantIDs(t, "hold", holderIDs(l.state().Holders), "b")
		l.closes("b", incident.RemediationHelped)
	})
	l.run()
	if done != 3 {
		t.Errorf("read as done %d times, wanted once before it was visible and twice in a row after", done)
	}
}

// A holder that cannot be followed may be at work: reading back proves nothing.
func TestLeaseOfAHolderThatCannotBeFollowedIsKept(t *testing.T) {
	l := newLease(t, "a", "b")
	l.lost["a"] = leaseFailure(incident.KindDenied, "no permission to read a")
	l.at(time.Second, func(l *leaseRun) { l.asks("a"); l.asks("b") })
	l.at(30*time.Second, func(l *leaseRun) {
		if h := l.state().Holders[0]; h.State != incident.HolderUnknown || !strings.Contains(h.Detail, "no permission") {
			t.Errorf("stands as %+v", h)
		}
	})
	l.at(time.Hour, func(l *leaseRun) {
		wantIDs(t, "hold", holderIDs(l.state().Holders), "a")
		if n := len(l.read["a"]); n != 0 {
			t.Errorf("read back %d times", n)
		}
		l.closes("a", incident.RemediationHelped)
	})
	l.at(2*time.Hour, func(l *leaseRun) {
		wantIDs(t, "hold", holderIDs(l.state().Holders), "b")
		l.closes("b", incident.RemediationHelped)
	})
	l.run()
}

func TestLeaseIsClearedByAnAdministratorOnly(t *testing.T) {
	l := newLease(t, "a", "b")
	l.reads["a"] = func() (string, error) { return "", leaseFailure(incident.KindDenied, "no permission") }
	l.at(time.Second, func(l *leaseRun) { l.asks("a"); l.asks("b") })
	l.at(2*time.Second, func(l *leaseRun) {
		l.clears(leaseAdmin, "a", "I know better", incident.KindConflict) // it is at work
		l.clears(leaseAdmin, "b", "I know better", incident.KindConflict) // it waits
		l.clears(leaseAdmin, "c", "I know better", incident.KindConflict)
	})
	l.at(time.Minute, func(l *leaseRun) { l.closes("a", "") })
	l.at(time.Hour, func(l *leaseRun) {
		wantIDs(t, "hold", holderIDs(l.state().Holders), "a")
		l.clears(incident.Principal{Name: "ada", Role: incident.RoleApprover}, "a", "looked at it", incident.KindDenied)
		l.clears(leaseAdmin, "a", " ", incident.KindInvalid)
		l.clears(leaseAdmin, "a", "looked at it: the document has ended", "")
		l.clears(leaseAdmin, "a", "once more", incident.KindConflict)
	})
	l.at(time.Hour+time.Second, func(l *leaseRun) {
		wantIDs(t, "hold", holderIDs(l.state().Holders), "b")
		l.closes("b", incident.RemediationHelped)
	})
	last := l.run()
	if n := len(l.read["a"]); last.Released != 2 || n < 55 || n > 70 {
		t.Errorf("read back %d times in an hour; ended as %+v", n, last)
	}
}

// What was seen before the run ended counts in the next one.
func TestReadingBackGoesOnInANewRun(t *testing.T) {
	l := newLease(t, "a", "b")
	l.at(time.Second, func(l *leaseRun) { l.asks("a"); l.asks("b") })
	l.at(time.Minute, func(l *leaseRun) { l.closes("a", "") })
	for n := range 3 {
		l.at(time.Minute+time.Duration(1+3*n)*time.Second, func(l *leaseRun) { l.env.SetContinueAsNewSuggested(true); l.asks("b") })
	}
	l.at(time.Minute+12*time.Second, func(l *leaseRun) {
		wantIDs(t, "hold", holderIDs(l.state().Holders), "b")
		l.closes("b", incident.RemediationHelped)
	})
	if _, runs := l.runAll("a", "b"); runs != 4 {
		t.Errorf("%d runs", runs)
	}
}
