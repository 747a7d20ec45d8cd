package notify

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"vigil/activities"
	"vigil/workflows/incident"
)

// Rate is how much a channel may be told: Count at once, and as many again in
// each Per.
type Rate struct {
	Count int
	Per   time.Duration
}

var units = map[string]time.Duration{"s": time.Second, "second": time.Second, "m": time.Minute, "minute": time.Minute, "h": time.Hour, "hour": time.Hour}

// ParseRate reads a rate such as 1/s or 2/minute.
func ParseRate(s string) (Rate, error) {
	count, unit, _ := strings.Cut(s, "/")
	n, err := strconv.Atoi(strings.TrimSpace(count))
	per, ok := units[strings.TrimSpace(unit)]
	if err != nil || !ok || n < 1 || n > 10_000 {
		return Rate{}, fmt.Errorf("%.40q is none; write it as 1/s, 2/minute or 30/hour", s)
	}
	return Rate{n, per}, nil
}

func (r Rate) String() string { return fmt.Sprintf("%d per %s", r.Count, r.Per) }

// pace holds a channel to its rate, and to what the channel itself asked for.
type pace struct {
	channel string
	rate    Rate
	bucket  *rate.Limiter

	mu    sync.Mutex
	until time.Time // the channel wants to be left alone until then
}

func newPace(channel string, r Rate) *pace {
	return &pace{channel: channel, rate: r, bucket: rate.NewLimiter(rate.Limit(float64(r.Count)/r.Per.Seconds()), r.Count)}
}

// wait returns once the channel may be told. Where that would take longer than
// patience it is an error that says when to come back, and no turn is used up.
func (p *pace) wait(ctx context.Context, patience time.Duration) error {
	now := time.Now()
	p.mu.Lock()
	hold := max(0, p.until.Sub(now))
	p.mu.Unlock()
	if hold > patience {
		return p.later(now.Add(hold), "asked to be left alone")
	}
	turn := p.bucket.ReserveN(now.Add(hold), 1)
	delay := hold + turn.DelayFrom(now.Add(hold))
	if delay > patience {
		turn.CancelAt(now)
		return p.later(now.Add(delay), "is told no more than "+p.rate.String())
	}
	if delay <= 0 {
		return nil
	}
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		turn.Cancel()
		return &incident.Error{Kind: incident.KindUnavailable, Op: "wait for " + p.channel, Msg: "given up before its turn came", Err: ctx.Err()}
	}
}

func (p *pace) later(at time.Time, why string) error {
	return &activities.NotBeforeError{At: at, Err: incident.Errorf(incident.KindThrottled, "%s %s; it is tried again from %s on", p.channel, why, at.UTC().Format(time.TimeOnly))}
}

// leave keeps everybody from the channel until at.
func (p *pace) leave(at time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if at.After(p.until) {
		p.until = at
	}
}
