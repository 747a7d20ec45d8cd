package activities_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"vigil/activities"
	"vigil/workflows/event"
	"vigil/workflows/incident"
)

// speaker is a model that says pieces, then fails or replies.
type speaker struct {
	pieces []string
	reply  activities.ModelReply
	err    error
	asked  []activities.ModelRequest
	during func()
}

func (s *speaker) Converse(ctx context.Context, r activities.ModelRequest, onText func(string)) (activities.ModelReply, error) {
	s.asked = append(s.asked, r)
	activities.ReportOrigin(ctx, incident.OriginSimulated)
	for _, p := range s.pieces {
		if onText != nil {
			onText(p)
		}
	}
	if s.during != nil {
		s.during()
	}
	if s.err != nil {
		return activities.ModelReply{}, s.err
	}
	return s.reply, nil
}

type purse struct {
	closed error
	added  []incident.Usage
}

func (p *purse) Allow(context.Context) error             { return p.closed }
func (p *purse) Add(_ context.Context, u incident.Usage) { p.added = append(p.added, u) }

type listener struct {
	mu    sync.Mutex
	heard []event.ModelDelta
}

func (l *listener) Delta(d event.ModelDelta) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.heard = append(l.heard, d)
}

func cost(n int64) *int64 { return &n }

// left is what the heartbeats of a model call say.
type left struct {
	Lost     int32 `json:"lost"`
	InFlight bool  `json:"in_flight"`
}

// callModel runs the activity after an attempt that left before behind; it
// returns what this attempt left behind, heartbeat by heartbeat.
func callModel(t *testing.T, a *activities.Activities, before *left, r activities.ModelRequest) (activities.ModelReply, []left, error) {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestActivityEnvironment()
	env.RegisterActivityWithOptions(a.CallModel, activity.RegisterOptions{Name: activities.CallModelName})
	if before != nil {
		env.SetHeartbeatDetails(*before)
	}
	var beats []left
	env.SetOnActivityHeartbeatListener(func(_ *activity.Info, details converter.EncodedValues) {
		var l left
		if err := details.Get(&l); err != nil {
			t.Errorf("a heartbeat without details would wipe out the one before: %v", err)
		}
		beats = append(beats, l)
	})
	value, err := env.ExecuteActivity(activities.CallModelName, r)
	if err != nil {
		return activities.ModelReply{}, beats, err
	}
	var reply activities.ModelReply
	if err := value.Get(&reply); err != nil {
		t.Fatal(err)
	}
	return reply, beats, nil
}

func ask(text string) activities.ModelRequest {
	return activities.ModelRequest{IncidentID: "inc-1", RunID: "run-1", Agent: incident.AgentDiagnosis, Turn: 3, Model: "m",
		Messages: []activities.Message{{Role: "user", Text: text}}}
}

func answered(text string) activities.ModelReply {
	return activities.ModelReply{Text: text, StopReason: "end_turn", Provenance: incident.Provenance{Origin: incident.OriginSimulated,
		Usage: &incident.Usage{InputTokens: 10, OutputTokens: 5, CostMicros: cost(7)}}}
}

func TestCallModel(t *testing.T) {
	t.Parallel()
	words := strings.SplitAfter(strings.Repeat("the connections ran out after the deployment ", 20), " ")
	m, money, l := &speaker{pieces: words, reply: answered(strings.Join(words, ""))}, &purse{}, &listener{}
	reply, beats, err := callModel(t, &activities.Activities{Model: m, Spending: money, Deltas: l}, nil, ask("why?"))
	if err != nil || reply.Text != strings.Join(words, "") || reply.Provenance.Attempt != 1 || reply.Provenance.Lost != 0 {
		t.Fatalf("%+v, %v", reply, err)
	}
	if len(money.added) != 1 || *money.added[0].CostMicros != 7 {
		t.Errorf("spent %+v", money.added)
	}
	if !slices.Equal(beats, []left{{InFlight: true}}) {
		t.Errorf("left behind %+v", beats)
	}
	text := ""
	for i, d := range l.heard {
		text += d.Text
		d.Text = ""
		if want := (event.ModelDelta{Type: event.TypeModelDelta, IncidentID: "inc-1", RunID: "run-1", Agent: incident.AgentDiagnosis,
			Turn: 3, Attempt: 1, Index: i, Origin: incident.OriginSimulated}); d != want {
			t.Errorf("delta %d is %+v", i, d)
		}
	}
	if len(l.heard) < 2 || text != reply.Text {
		t.Errorf("%d deltas said %q", len(l.heard), text)
	}
}

// TestLost: each attempt can tell how many before it were sent and never ended.
func TestLost(t *testing.T) {
	t.Parallel()
	unknown := incident.Provenance{Origin: incident.OriginSimulated, Usage: &incident.Usage{}}
	for _, c := range []struct {
		name   string
		before *left
		err    error
		lost   int32 // that this attempt says
		spent  int   // calls counted against the day
		after  left
	}{
		{"the first", nil, nil, 0, 1, left{InFlight: true}},
		{"after a kill", &left{InFlight: true}, nil, 1, 2, left{Lost: 1, InFlight: true}},
		{"after two kills", &left{Lost: 1, InFlight: true}, nil, 2, 2, left{Lost: 2, InFlight: true}},
		{"after an attempt that ended", &left{Lost: 0}, nil, 0, 1, left{InFlight: true}},
		{"after a kill and one that ended", &left{Lost: 1}, nil, 1, 1, left{Lost: 1, InFlight: true}},
		{"fails before an answer", nil, incident.Errorf(incident.KindThrottled, "slow down"), 0, 0, left{}},
		{"fails after a kill", &left{InFlight: true}, incident.Errorf(incident.KindThrottled, "slow down"), 1, 0, left{Lost: 1}},
		{"is cut in its answer", nil, &activities.PaidError{Provenance: unknown, Err: incident.Errorf(incident.KindUnavailable, "broke off")}, 0, 1, left{Lost: 1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			m, money := &speaker{reply: answered("so"), err: c.err}, &purse{}
			reply, beats, err := callModel(t, &activities.Activities{Model: m, Spending: money}, c.before, ask("why?"))
			if (err != nil) != (c.err != nil) {
				t.Fatal(err)
			}
			if err == nil && reply.Provenance.Lost != c.lost {
				t.Errorf("lost %d, want %d", reply.Provenance.Lost, c.lost)
			}
			if len(beats) == 0 || beats[0] != (left{Lost: c.lost, InFlight: true}) || beats[len(beats)-1] != c.after {
				t.Errorf("left behind %+v; want to begin with %d lost and to end with %+v", beats, c.lost, c.after)
			}
			if len(money.added) != c.spent {
				t.Errorf("%d calls counted against the day, want %d", len(money.added), c.spent)
			}
		})
	}
}

// TestTheDayIsOver: nothing is sent, and nothing is tried again.
func TestTheDayIsOver(t *testing.T) {
	t.Parallel()
	m := &speaker{reply: answered("so")}
	_, beats, err := callModel(t, &activities.Activities{Model: m, Spending: &purse{closed: incident.Errorf(incident.KindBudget, "the day's cap of $5.00 is reached")}}, nil, ask("why?"))
	var app *temporal.ApplicationError
	if activities.KindOf(err) != incident.KindBudget || !errors.As(err, &app) || !app.NonRetryable() || len(m.asked) != 0 || len(beats) != 0 {
		t.Errorf("%v after %d calls", err, len(m.asked))
	}
}

// TestCanaries: no secret goes to the model, whichever part of the
// conversation holds it, none is read aloud, and none is in the reply.
func TestCanaries(t *testing.T) {
	t.Parallel()
	for name, secret := range secrets {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := "user said " + secret + " and left"
			quoted, _ := json.Marshal(map[string]any{"service": "checkout", "note": in, "n": json.Number("1.50")})
			r := ask(in)
			r.Messages = append(r.Messages,
				activities.Message{Role: "assistant", Text: in, Calls: []activities.ToolRequest{{ID: "t1", Name: "search_logs", Input: quoted}}},
				activities.Message{Role: "user", Results: []activities.ToolOutput{{ID: "t1", Text: string(quoted)}}})
			said := answered(in)
			said.Calls = []activities.ToolRequest{{ID: "t2", Name: "search_logs", Input: quoted}}
			m, l := &speaker{pieces: strings.SplitAfter(in, ""), reply: said}, &listener{}
			reply, _, err := callModel(t, &activities.Activities{Model: m, Deltas: l}, nil, r)
			if err != nil {
				t.Fatal(err)
			}
			for what, v := range map[string]any{"request": m.asked, "deltas": l.heard, "reply": reply} {
				raw, err := json.Marshal(v)
				if err != nil {
					t.Fatal(err)
				}
				if strings.Contains(string(raw), secret) {
					t.Errorf("the %s holds it: %s", what, raw)
				}
			}
			if input := reply.Calls[0].Input; !json.Valid(input) || !strings.Contains(string(input), "1.50") || !strings.Contains(string(input), "checkout") {
				t.Errorf("the tool's input is now %s", input)
			}
			if !strings.Contains(string(r.Messages[1].Calls[0].Input), secret) {
				t.Error("the caller's own request was changed")
			}
		})
	}
}

// TestNamedSecretsInToolInput: JSON stays JSON where a name says that its
// value is a secret.
func TestNamedSecretsInToolInput(t *testing.T) {
	t.Parallel()
	said := answered(`{"api_key": 12345, "cause": "bad_deployment"}`)
	said.Calls = []activities.ToolRequest{{ID: "t", Name: "x", Input: json.RawMessage(`{"password":"correct horse","token":123,"rows":[{"api_key":["abc def"]}],"service":"checkout"}`)}}
	reply, _, err := callModel(t, &activities.Activities{Model: &speaker{reply: said}}, nil, ask("why?"))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := string(reply.Calls[0].Input), `{"password":"[redacted]","rows":[{"api_key":["[redacted]"]}],"service":"checkout","token":"[redacted]"}`; got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
	if want := `{"api_key":"[redacted]","cause":"bad_deployment"}`; reply.Text != want {
		t.Errorf("\n got %s\nwant %s", reply.Text, want)
	}
}

// TestFailures: what a failed call means for Temporal.
func TestFailures(t *testing.T) {
	t.Parallel()
	paid := incident.Provenance{Origin: incident.OriginLive, RequestID: "r1", Usage: &incident.Usage{InputTokens: 10, CostMicros: cost(8)}}
	malformed := incident.Errorf(incident.KindInvalid, "not JSON")
	soon := &activities.NotBeforeError{At: time.Now().Add(20 * time.Second), Err: incident.Errorf(incident.KindUnavailable, "open")}
	later := &activities.NotBeforeError{At: time.Now().Add(20 * time.Second), Err: incident.Errorf(incident.KindThrottled, "too many")}
	for _, c := range []struct {
		name     string
		err      error
		kind     incident.Kind
		again    bool
		benign   bool
		min, max time.Duration // of the wait before the second attempt
	}{
		{"throttled", incident.Errorf(incident.KindThrottled, "x"), incident.KindThrottled, true, true, time.Millisecond, time.Second},
		{"unavailable", incident.Errorf(incident.KindUnavailable, "x"), incident.KindUnavailable, true, false, time.Millisecond, time.Second},
		{"an open breaker", soon, incident.KindUnavailable, false, false, 0, 0}, // what there is instead is turned to at once
		{"over the rate limit", later, incident.KindThrottled, true, true, 15 * time.Second, 21 * time.Second},
		{"denied", incident.Errorf(incident.KindDenied, "x"), incident.KindDenied, false, false, 0, 0},
		{"a cut answer", &activities.PaidError{Provenance: paid, Err: incident.Errorf(incident.KindUnavailable, "cut")}, incident.KindUnavailable, true, false, time.Millisecond, time.Second},
		{"an answer that cannot be used", &activities.PaidError{Provenance: paid, Err: malformed}, incident.KindInvalid, false, false, 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, _, err := callModel(t, &activities.Activities{Model: &speaker{err: c.err}}, &left{Lost: 2}, ask("why?"))
			var app *temporal.ApplicationError
			if !errors.As(err, &app) || activities.KindOf(err) != c.kind || app.NonRetryable() == c.again || (app.Category() == temporal.ApplicationErrorCategoryBenign) != c.benign {
				t.Fatalf("%v: %+v", err, app)
			}
			if d := app.NextRetryDelay(); d < c.min || d > c.max {
				t.Errorf("waits %s, want %s to %s", d, c.min, c.max)
			}
			p, ok := activities.PaidFor(err)
			var was *activities.PaidError
			if errors.As(c.err, &was) != ok || ok && (p.RequestID != "r1" || p.Usage.InputTokens != 10 || p.Attempt != 1 || p.Lost != 2) {
				t.Errorf("paid for %+v, %t", p, ok)
			}
		})
	}
}
