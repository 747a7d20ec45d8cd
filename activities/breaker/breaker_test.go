package breaker_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"vigil/activities"
	"vigil/activities/agentcore"
	"vigil/activities/bedrock"
	"vigil/activities/bedrockagent"
	"vigil/activities/breaker"
	"vigil/activities/internal/awstest"
	"vigil/activities/knowledgebase"
	"vigil/activities/qbusiness"
	"vigil/workflows/incident"
)

const pro = "us.amazon.nova-pro-v1:0"

func mustBreakers(t *testing.T, c breaker.Config) *breaker.Breakers {
	t.Helper()
	b, err := breaker.New(c, nil)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func ended(kind incident.Kind) activities.Call {
	return activities.Call{Provenance: incident.Provenance{Origin: incident.OriginLive}, Failed: kind}
}

// call makes one call that ends as c; it reports whether it was let through.
func call(t *testing.T, b *breaker.Breakers, c activities.Call) bool {
	t.Helper()
	leave, err := b.Enter(t.Context(), "bedrock", pro)
	if err != nil {
		return false
	}
	leave(c)
	return true
}

func state(b *breaker.Breakers) activities.GateState { return b.States()[0] }

func TestWhatCounts(t *testing.T) {
	t.Parallel()
	cancelled := ended(incident.KindUnavailable)
	cancelled.Cancelled = true
	unsigned := ended(incident.KindDenied)
	unsigned.Provenance.Origin = ""
	for name, c := range map[string]struct {
		call activities.Call
		want string
	}{
		"throttled": {ended(incident.KindThrottled), "open"}, "unavailable": {ended(incident.KindUnavailable), "open"},
		"internal": {ended(incident.KindInternal), "open"}, "invalid": {ended(incident.KindInvalid), "closed"},
		"denied": {ended(incident.KindDenied), "closed"}, "not found": {ended(incident.KindNotFound), "closed"},
		"cancelled": {cancelled, "closed"}, "no credentials": {unsigned, "closed"}, "answered": {ended(""), "closed"},
	} {
		b := mustBreakers(t, breaker.Config{})
		for range 5 {
			call(t, b, c.call)
		}
		if got := state(b).Breaker; got != c.want {
			t.Errorf("after 5 calls that ended %s: %s, want %s", name, got, c.want)
		}
	}
}

// TestInARow: only failures in a row count. A refusal is an answer and ends
// the row; a call that was given up says nothing.
func TestInARow(t *testing.T) {
	t.Parallel()
	cancelled := ended(incident.KindUnavailable)
	cancelled.Cancelled = true
	for between, want := range map[*activities.Call]string{ptr(ended("")): "closed", ptr(ended(incident.KindDenied)): "closed", &cancelled: "open"} {
		b := mustBreakers(t, breaker.Config{})
		for i := range 6 {
			if i == 3 {
				call(t, b, *between)
			}
			call(t, b, ended(incident.KindThrottled))
		}
		if got := state(b).Breaker; got != want {
			t.Errorf("six failures with %+v between: %s, want %s", *between, got, want)
		}
	}
}

func ptr[T any](v T) *T { return &v }

func TestOpenAndBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := mustBreakers(t, breaker.Config{})
		for range 5 {
			call(t, b, ended(incident.KindThrottled))
		}
		opened := time.Now()
		_, err := b.Enter(t.Context(), "bedrock", pro)
		var later *activities.NotBeforeError
		if incident.KindOf(err) != incident.KindUnavailable || !errors.As(err, &later) || !later.At.Equal(opened.Add(30*time.Second)) ||
			!strings.Contains(err.Error(), later.At.UTC().Format(time.TimeOnly)) {
			t.Fatalf("%v; want unavailable until 30 s from now", err)
		}
		if s := state(b); s.Breaker != "open" || !s.Until.Equal(later.At) {
			t.Errorf("state %+v", s)
		}
		time.Sleep(30*time.Second + time.Millisecond)
		leave, err := b.Enter(t.Context(), "bedrock", pro)
		if err != nil {
			t.Fatalf("the call that tries: %v", err)
		}
		if call(t, b, ended("")) {
			t.Error("a second call went out while one was trying")
		}
		if s := state(b); s.Breaker != "half_open" {
			t.Errorf("state %+v", s)
		}
		leave(ended(incident.KindUnavailable))
		if call(t, b, ended("")) {
			t.Error("open again, and a call went out")
		}
		time.Sleep(30*time.Second + time.Millisecond)
		if !call(t, b, ended("")) || state(b).Breaker != "closed" || !state(b).Until.IsZero() {
			t.Errorf("after an answer: %+v", state(b))
		}
	})
}

// TestATryThatIsGivenUp: the next call may try instead.
func TestATryThatIsGivenUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := mustBreakers(t, breaker.Config{})
		for range 5 {
			call(t, b, ended(incident.KindThrottled))
		}
		time.Sleep(31 * time.Second)
		cancelled := ended(incident.KindUnavailable)
		cancelled.Cancelled = true
		if !call(t, b, cancelled) || !call(t, b, ended("")) || state(b).Breaker != "closed" {
			t.Errorf("%+v", state(b))
		}
	})
}

func TestOthersAreNotHeldBack(t *testing.T) {
	t.Parallel()
	b := mustBreakers(t, breaker.Config{})
	for range 50 {
		leave, err := b.Enter(t.Context(), "ssm", "")
		if err != nil {
			t.Fatal(err)
		}
		leave(ended(incident.KindUnavailable))
	}
	for range 5 {
		call(t, b, ended(incident.KindThrottled))
	}
	if _, err := b.Enter(t.Context(), "bedrock", "amazon.nova-lite-v1:0"); err != nil {
		t.Errorf("another model: %v", err)
	}
}

func TestRequestLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := mustBreakers(t, breaker.Config{Limits: map[string]breaker.Limit{"amazon.nova-pro-v1:0": {Requests: 60}}}) // 10 at once, one a second
		start := time.Now()
		for range 13 {
			if !call(t, b, ended("")) {
				t.Fatal("a call within the time that it may wait was refused")
			}
		}
		if took := time.Since(start); took != 3*time.Second || state(b).Limited != 3 {
			t.Errorf("13 calls took %s, %d held back; want 3s and 3", took, state(b).Limited)
		}
		var refused, let atomic.Int64
		var wg sync.WaitGroup
		for range 10 {
			wg.Go(func() {
				leave, err := b.Enter(t.Context(), "bedrock", pro)
				var later *activities.NotBeforeError
				switch {
				case err == nil:
					let.Add(1)
					leave(ended(""))
				case incident.KindOf(err) == incident.KindThrottled && errors.As(err, &later) && later.At.After(time.Now()):
					refused.Add(1)
				default:
					t.Errorf("%v", err)
				}
			})
		}
		wg.Wait()
		if let.Load() != 3 || refused.Load() != 7 {
			t.Errorf("%d let through and %d refused; want 3 and 7", let.Load(), refused.Load())
		}
		if state(b).Breaker != "closed" {
			t.Error("our own limit opened the breaker")
		}
	})
}

func TestTheDeadlineDoesNotWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := mustBreakers(t, breaker.Config{Limits: map[string]breaker.Limit{"amazon.nova-pro-v1:0": {Requests: 60}}})
		for range 10 {
			call(t, b, ended(""))
		}
		short, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		defer cancel()
		start := time.Now()
		if _, err := b.Enter(short, "bedrock", pro); incident.KindOf(err) != incident.KindThrottled || time.Since(start) != 0 {
			t.Errorf("%v after %s; want throttled at once", err, time.Since(start))
		}
		given, cancel := context.WithCancel(t.Context())
		time.AfterFunc(100*time.Millisecond, cancel)
		if _, err := b.Enter(given, "bedrock", pro); !errors.Is(err, context.Canceled) || incident.KindOf(err) != incident.KindUnavailable {
			t.Errorf("%v; want cancelled", err)
		}
	})
}

// TestTokenLimit: what a call used is known afterwards, and the next one pays.
func TestTokenLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := mustBreakers(t, breaker.Config{Limits: map[string]breaker.Limit{"amazon.nova-pro-v1:0": {Tokens: 60_000}}}) // 1,000 a second
		big := ended("")
		big.Provenance.Usage = &incident.Usage{InputTokens: 59_000, OutputTokens: 3_000}
		start := time.Now()
		if !call(t, b, big) || !call(t, b, ended("")) {
			t.Fatal("refused")
		}
		if took := time.Since(start).Round(10 * time.Millisecond); took != 2*time.Second {
			t.Errorf("the call after one that used 2,000 too many waited %s, want 2s", took)
		}
		call(t, b, big)
		if call(t, b, ended("")) {
			t.Error("a minute's tokens are used up, and a call went out")
		}
		time.Sleep(time.Minute + 2*time.Second)
		if !call(t, b, ended("")) {
			t.Error("a minute later, and the call was refused")
		}
	})
}

func TestConfigRefuses(t *testing.T) {
	t.Parallel()
	for _, c := range []breaker.Config{{Open: -1}, {Wait: -1}, {Limits: map[string]breaker.Limit{"m": {Requests: -1}}}, {Limits: map[string]breaker.Limit{"m": {Tokens: -1}}}} {
		if _, err := breaker.New(c, nil); err == nil || incident.KindOf(err) != incident.KindInvalid {
			t.Errorf("%+v: %v, want invalid", c, err)
		}
	}
}

// TestThroughAnAdapter: an adapter that is given Breakers for a recorder asks
// them, and what they refuse never goes out.
func TestThroughAnAdapter(t *testing.T) {
	t.Parallel()
	s, rec := awstest.Serve(t, func(_ string, r *http.Request, _ []byte) awstest.Answer {
		return awstest.Exception(r, 429, "ThrottlingException", "slow down")
	}), &awstest.Recorder{}
	b, err := breaker.New(breaker.Config{}, rec)
	if err != nil {
		t.Fatal(err)
	}
	m, err := bedrock.New(awstest.Config(s.URL), bedrock.Config{}, b)
	if err != nil {
		t.Fatal(err)
	}
	ask := activities.ModelRequest{Model: pro, Messages: []activities.Message{{Role: "user", Text: "why?"}}}
	for range 5 {
		if _, err := m.Converse(t.Context(), ask, nil); incident.KindOf(err) != incident.KindThrottled {
			t.Fatal(err)
		}
	}
	_, err = m.Converse(t.Context(), ask, nil)
	var later *activities.NotBeforeError
	if incident.KindOf(err) != incident.KindUnavailable || !errors.As(err, &later) || !strings.Contains(err.Error(), "bedrock ConverseStream "+pro) {
		t.Errorf("%v; want unavailable with a time", err)
	}
	if n, calls := len(s.Requests()), rec.Calls(); n != 5 || len(calls) != 5 {
		t.Errorf("%d requests and %d calls recorded, want 5 and 5", n, len(calls))
	}
}

// TestEveryAIService: each adapter of an AI service goes by a name that has a
// breaker. One that was renamed would go without, and nobody would see it.
func TestEveryAIService(t *testing.T) {
	t.Parallel()
	s := awstest.Serve(t, func(_ string, r *http.Request, _ []byte) awstest.Answer {
		return awstest.Exception(r, 429, "ThrottlingException", "slow down")
	})
	cfg, b := awstest.Config(s.URL), mustBreakers(t, breaker.Config{})
	model, err := bedrock.New(cfg, bedrock.Config{}, b)
	must(t, err)
	guardrail, err := bedrock.NewGuardrail(cfg, bedrock.GuardrailConfig{ID: "gr1"}, b)
	must(t, err)
	base, err := knowledgebase.New(cfg, knowledgebase.Config{ID: "KB12345678"}, b)
	must(t, err)
	memory, err := agentcore.New(cfg, agentcore.Config{MemoryID: "vigil-memory-1234567890"}, b)
	must(t, err)
	business, err := qbusiness.New(cfg, qbusiness.Config{ApplicationID: "app", RetrieverID: "r"}, b)
	must(t, err)
	agent, err := bedrockagent.New(cfg, bedrockagent.Config{AgentID: "AGENT12345", AliasID: "ALIAS12345"}, b)
	must(t, err)
	search := activities.Search{Text: "connections exhausted", Service: "orders-db"}
	for name, ask := range map[string]func() error{
		"model": func() error {
			_, err := model.Converse(t.Context(), activities.ModelRequest{Model: pro, Messages: []activities.Message{{Role: "user", Text: "why?"}}}, nil)
			return err
		},
		"guardrail":      func() error { _, err := guardrail.Check(t.Context(), activities.GuardInput, "x"); return err },
		"knowledge base": func() error { _, _, err := base.Find(t.Context(), search); return err },
		"memory":         func() error { _, _, err := memory.Recall(t.Context(), search); return err },
		"Q Business":     func() error { _, _, err := business.Find(t.Context(), search); return err },
		"agent":          func() error { _, _, err := agent.Find(t.Context(), search); return err },
	} {
		before := len(b.States())
		if err := ask(); incident.KindOf(err) != incident.KindThrottled {
			t.Errorf("%s: %v", name, err)
		}
		if after := len(b.States()); after != before+1 {
			t.Errorf("%s has no breaker of its own: %+v", name, b.States())
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
