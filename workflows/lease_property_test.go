package workflows_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"go.temporal.io/sdk/testsuite"
	"pgregory.net/rapid"

	"vigil/workflows/incident"
)

// contender is what one holder will do.
type contender struct {
	id      string
	asks    time.Duration
	again   time.Duration // asks once more, so long after it asked; 0: never
	gives   time.Duration // closes so long after it asked, if nothing was granted until then; 0: never
	works   time.Duration // closes so long after the grant
	says    incident.RemediationState
	goesOn  time.Duration // says nothing: its effect is under way for so long after it closed
	late    bool          // and cannot be seen in the first seconds
	cleared time.Duration // says nothing: a person says that it is done, so long after it closed; 0: nobody does
	share   float64
	action  string
	perHour int

	closedAt, clearedAt, grantedAt time.Time
}

// underWay reports whether it may be changing something.
func (c *contender) underWay(now time.Time) bool {
	switch {
	case c.grantedAt.IsZero() || !c.clearedAt.IsZero():
		return false
	case c.closedAt.IsZero():
		return true
	case c.says == "" || c.says == incident.RemediationUnknown:
		return now.Before(c.closedAt.Add(c.goesOn))
	}
	return false
}

func drawContender(t *rapid.T, n int) *contender {
	seconds := func(name string, most int) time.Duration {
		return time.Duration(rapid.IntRange(1, most).Draw(t, name)) * time.Second
	}
	maybe := func(name string, most int) time.Duration {
		return time.Duration(max(0, rapid.IntRange(-most, most).Draw(t, name))) * time.Second
	}
	c := &contender{id: fmt.Sprint("h", n), asks: seconds("asks", 600), again: maybe("again", 300), gives: maybe("gives up", 900), works: seconds("works", 300),
		says: rapid.SampledFrom([]incident.RemediationState{incident.RemediationHelped, incident.RemediationHelped, incident.RemediationUndone, "", "",
			incident.RemediationUnknown}).Draw(t, "says"),
		share:   rapid.SampledFrom([]float64{0, 0.1, 0.2, 0.5, 1}).Draw(t, "share"),
		action:  rapid.SampledFrom([]string{"restart", "scale"}).Draw(t, "action"),
		perHour: rapid.SampledFrom([]int{0, 0, 0, 1, 2}).Draw(t, "per hour")}
	if c.says == "" || c.says == incident.RemediationUnknown {
		c.goesOn, c.late, c.cleared = seconds("goes on", 400), rapid.Bool().Draw(t, "late"), maybe("cleared", 200)
	}
	return c
}

// TestLeaseProperty holds the promises of LeaseWorkflow against the world: what
// is under way there, not what the workflow thinks.
func TestLeaseProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limits := incident.LeaseLimits{Concurrent: rapid.IntRange(1, 3).Draw(t, "concurrent"), Share: rapid.SampledFrom([]float64{0, 0.3, 0.5}).Draw(t, "bound")}
		var frozen []incident.Span
		if rapid.Bool().Draw(t, "freeze") {
			from := leaseStart.Add(time.Duration(rapid.IntRange(0, 900).Draw(t, "from")) * time.Second)
			frozen = append(frozen, incident.Span{Name: "freeze", From: from, To: from.Add(time.Duration(rapid.IntRange(1, 7200).Draw(t, "for")) * time.Second)})
		}
		var all []*contender
		var names []string
		for n := range rapid.IntRange(1, 10).Draw(t, "holders") {
			all = append(all, drawContender(t, n))
			names = append(names, all[n].id)
		}
		l := newLease(t, names...)
		race := &leaseRace{leaseRun: l, t: t, limits: limits, frozen: frozen, all: all}
		race.script()
		for n := range rapid.IntRange(0, 4).Draw(t, "new runs") {
			after := time.Duration(rapid.IntRange(1, 1500).Draw(t, "new run after")) * time.Second
			race.step(after, func(l *leaseRun) { l.env.SetContinueAsNewSuggested(true); race.nudge(n) })
		}
		last, _ := l.runAll(names...)
		if len(last.Holders)+len(last.Waiting) != 0 || last.Granted != last.Released || int(last.Granted) != len(l.granted) {
			t.Errorf("ended as %+v, %d were told", last, len(l.granted))
		}
		for _, c := range all {
			if c.grantedAt.IsZero() && c.closedAt.IsZero() {
				t.Errorf("%s waited for nothing", c.id)
			}
		}
		if now := l.env.Now(); slices.ContainsFunc(all, func(c *contender) bool { return c.underWay(now) }) {
			t.Errorf("the lease ended while something was under way")
		}
	})
}

// leaseRace is contenders for one lease.
type leaseRace struct {
	*leaseRun
	t      *rapid.T
	limits incident.LeaseLimits
	frozen []incident.Span
	all    []*contender
	line   []*contender // as they asked
	steps  int
}

// step has something happen at a moment of its own: the test environment loses
// a signal that is sent in the moment in which a run ends.
func (r *leaseRace) step(after time.Duration, do func(*leaseRun)) {
	r.steps++
	r.at(after.Truncate(time.Second)+time.Duration(r.steps)*time.Millisecond, do)
}

func (r *leaseRace) script() {
	r.onGrant = func(id string) { // holds the lock of the holders
		c := r.all[slices.IndexFunc(r.all, func(c *contender) bool { return c.id == id })]
		now := r.now()
		r.judge(c, now)
		c.grantedAt = now
		r.step(now.Sub(leaseStart)+c.works, func(*leaseRun) { r.close(c) })
	}
	for _, c := range r.all {
		r.reads[c.id] = func() (string, error) {
			now := r.now()
			if c.underWay(now) && !(c.late && now.Before(c.closedAt.Add(8*time.Second))) {
				return "", leaseFailure(incident.KindUnavailable, "it is still running")
			}
			return "nothing is under way", nil
		}
		r.step(c.asks, func(*leaseRun) {
			r.mu.Lock()
			r.line = append(r.line, c)
			r.mu.Unlock()
			r.ask(c)
		})
		if c.again > 0 {
			r.step(c.asks+c.again, func(*leaseRun) { r.ask(c) })
		}
		if c.gives > 0 {
			r.step(c.asks+c.gives, func(*leaseRun) {
				r.mu.Lock()
				granted := !c.grantedAt.IsZero()
				r.mu.Unlock()
				if !granted {
					r.close(c)
				}
			})
		}
	}
}

func (r *leaseRace) ask(c *contender) {
	r.asks(c.id, func(q *incident.LeaseRequest) {
		q.Limits, q.Frozen, q.Holder.Share, q.Holder.Action.Name = r.limits, r.frozen, c.share, c.action
		q.Limits.PerHour = c.perHour
	})
}

// nudge makes the workflow look: somebody asks again.
func (r *leaseRace) nudge(n int) {
	if len(r.line) > 0 {
		r.ask(r.line[n%len(r.line)])
	}
}

func (r *leaseRace) close(c *contender) {
	r.mu.Lock()
	first := c.closedAt.IsZero()
	if first {
		c.closedAt = r.now()
	}
	r.mu.Unlock()
	if !first {
		return
	}
	r.closes(c.id, c.says)
	if c.cleared > 0 {
		r.step(r.now().Sub(leaseStart)+c.cleared, func(l *leaseRun) {
			l.env.UpdateWorkflow(incident.UpdateClearLease, c.id, &testsuite.TestUpdateCallback{OnReject: func(error) {}, OnComplete: func(any, error) {},
				OnAccept: func() {
					r.mu.Lock()
					c.clearedAt = r.now()
					r.mu.Unlock()
				}}, incident.ClearLeaseArgs{Principal: leaseAdmin, WorkflowID: c.id, Reason: "it has ended"})
		})
	}
}

// judge holds a grant against what is under way in the world at that moment.
func (r *leaseRace) judge(c *contender, now time.Time) {
	if !c.grantedAt.IsZero() {
		r.t.Errorf("%s was granted twice", c.id)
	}
	var active []string
	held, hour := 0, 0
	share := min(c.share, r.limits.Share)
	for _, o := range r.all {
		if o.underWay(now) {
			active = append(active, o.id)
			held++
			share += min(o.share, r.limits.Share)
		}
		if o.action == c.action && !o.grantedAt.IsZero() && now.Sub(o.grantedAt) < time.Hour {
			hour++
		}
	}
	if held >= r.limits.Concurrent {
		r.t.Errorf("%s was granted beside %s, and %d may at once", c.id, strings.Join(active, ", "), r.limits.Concurrent)
	}
	if r.limits.Share > 0 && share > r.limits.Share+1e-6 {
		r.t.Errorf("%s was granted beside %s: a share of %v of %v", c.id, strings.Join(active, ", "), share, r.limits.Share)
	}
	if c.perHour > 0 && hour >= c.perHour {
		r.t.Errorf("%s was granted, the %dth time within the hour", c.id, hour+1)
	}
	for _, s := range r.frozen {
		if !now.Before(s.From) && now.Before(s.To) {
			r.t.Errorf("%s was granted at %s, while frozen until %s", c.id, now, s.To)
		}
	}
	for _, o := range r.line {
		if o == c {
			return
		}
		if o.grantedAt.IsZero() && o.closedAt.IsZero() {
			r.t.Errorf("%s overtook %s", c.id, o.id)
		}
	}
	r.t.Errorf("%s was granted and never asked", c.id)
}
