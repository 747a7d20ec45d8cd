package breaker

import (
	"context"
	"strings"
	"time"

	"golang.org/x/time/rate"

	"vigil/activities"
	"vigil/workflows/incident"
)

// Limit is what may be asked of a model or service within a minute. Zero is no
// limit.
type Limit struct {
	Requests int
	Tokens   int64 // in and out
}

// DefaultLimits are quotas of accounts in us-east-1, us-east-2 and us-west-2
// as a copy of AWS's General Reference of the middle of 2025 has them; the page
// itself was not read. In other regions they are a twentieth or a quarter of
// that, and new accounts may have less or none: Service Quotas says what an
// account has. For models AWS counts tokens, no longer requests.
var DefaultLimits = map[string]Limit{
	"amazon.nova-micro-v1:0": {Tokens: 4_000_000},
	"amazon.nova-lite-v1:0":  {Tokens: 4_000_000},
	"amazon.nova-pro-v1:0":   {Tokens: 800_000},
	"bedrock":                {Requests: 3_000}, // ApplyGuardrail: 50 a second, from secondary sources
	"knowledge_base":         {Requests: 1_200}, // Retrieve: 20 a second, from secondary sources
}

// withoutGeography is the model that an inference profile such as
// us.amazon.nova-pro-v1:0 stands for.
func withoutGeography(model string) string {
	for _, g := range []string{"us.", "eu.", "apac.", "global."} {
		if rest, ok := strings.CutPrefix(model, g); ok {
			return rest
		}
	}
	return model
}

// limiter keeps a Limit. Either part is nil where there is none.
type limiter struct{ requests, tokens *rate.Limiter }

// newLimiter lets a sixth of a minute's requests go at once, and all of its
// tokens: one call may use a good part of them.
func newLimiter(l Limit) *limiter {
	perMinute := func(n int64) rate.Limit { return rate.Limit(float64(n) / 60) }
	var out limiter
	if l.Requests > 0 {
		out.requests = rate.NewLimiter(perMinute(int64(l.Requests)), max(1, l.Requests/6))
	}
	if l.Tokens > 0 {
		out.tokens = rate.NewLimiter(perMinute(l.Tokens), int(l.Tokens))
	}
	return &out
}

// turn waits until the limit lets a call go, at most wait. A call that is held
// back or refused is counted.
func (g *gate) turn(ctx context.Context, wait time.Duration) error {
	now := time.Now()
	var delay time.Duration
	var held []*rate.Reservation
	for _, l := range []*rate.Limiter{g.limit.requests, g.limit.tokens} {
		if l != nil {
			r := l.ReserveN(now, 1)
			held, delay = append(held, r), max(delay, r.DelayFrom(now))
		}
	}
	if delay == 0 {
		return nil
	}
	g.limited.Add(1)
	giveBack := func() {
		for _, r := range held {
			r.Cancel()
		}
	}
	if end, ok := ctx.Deadline(); delay > wait || ok && now.Add(delay).After(end) {
		giveBack()
		return &activities.NotBeforeError{At: now.Add(delay), Err: incident.Errorf(incident.KindThrottled,
			"not asked, because our own limit for it is reached; the next call may go in %s, or raise the limit with the quota", delay.Round(100*time.Millisecond))}
	}
	t := time.NewTimer(delay)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		giveBack()
		return &incident.Error{Kind: incident.KindUnavailable, Msg: "given up while waiting for our own rate limit", Err: ctx.Err()}
	}
}

// used takes what a call consumed from what calls after it may.
func (l *limiter) used(u *incident.Usage) {
	if l.tokens == nil || u == nil {
		return
	}
	now := time.Now()
	for n := u.InputTokens + u.OutputTokens - 1; n > 0; { // one was taken before the call
		part := min(n, int64(l.tokens.Burst()))
		l.tokens.ReserveN(now, int(part))
		n -= part
	}
}
