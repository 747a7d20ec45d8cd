package notify_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"vigil/activities"
	"vigil/activities/internal/tell"
	"vigil/activities/notify"
	"vigil/workflows/incident"
)

// ear is a channel that hears.
type ear struct {
	mu    sync.Mutex
	heard []tell.Message
	times []time.Time
	say   func(n int, m tell.Message) (tell.Receipt, error)
}

func (e *ear) Send(_ context.Context, m tell.Message) (tell.Receipt, error) {
	e.mu.Lock()
	e.heard, e.times = append(e.heard, m), append(e.times, time.Now())
	n := len(e.heard)
	e.mu.Unlock()
	if e.say != nil {
		return e.say(n, m)
	}
	return tell.Receipt{Ref: "ref", Provenance: incident.Provenance{Origin: incident.OriginLive, Service: "ear"}}, nil
}

func (e *ear) messages() []tell.Message {
	e.mu.Lock()
	defer e.mu.Unlock()
	return append([]tell.Message(nil), e.heard...)
}

const one = `
channels: {ops: {kind: slack, token_file: /t, channel: C0123456789, rate: %s, kinds: [opened, approval, closed], min_severity: medium}}
people: {alice: {name: Alice <!channel>, slack_id: U0123456789}}
schedules: {s: {zone: UTC, start: 2026-01-05, every: 24h, people: [alice]}}
teams: {sre: {channels: [ops], schedule: s}}
`

func router(t testing.TB, rate string, e *ear) *notify.Router {
	t.Helper()
	r, err := notify.New(mustParse(t, fmt.Sprintf(one, rate)), map[string]tell.Channel{"ops": e}, "https://vigil.example.org/base/")
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func notification(key string) incident.Notification {
	return incident.Notification{Key: key, Kind: incident.NotifyOpened, Channel: "ops", Team: "sre", IncidentID: "inc/1", Title: "Checkout\nis <slow>", Text: "<!channel> token=abcdefgh12345678 *run*",
		Service: "checkout", Severity: incident.SeverityHigh, Status: incident.StatusDetected, Origin: incident.OriginSimulated, At: time.Now()}
}

func TestNotify(t *testing.T) {
	t.Parallel()
	e := &ear{}
	r := router(t, "100/s", e)
	d, err := r.Notify(t.Context(), notification("k1"))
	if err != nil || d.State != incident.DeliverySent || d.Ref != "ref" || d.To != "Alice <!channel>" || d.Provenance.Service != "ear" {
		t.Fatalf("%+v, %v", d, err)
	}
	m := e.messages()[0]
	if m.Title != "Checkout is &lt;slow&gt;" || m.Link != "https://vigil.example.org/base/ops/incidents/inc%2F1" || m.To.SlackID != "U0123456789" || m.Again {
		t.Errorf("%+v", m)
	}
	if strings.Contains(m.Text, "<!") || strings.Contains(m.Text, "abcdefgh") || strings.Contains(m.Text, "*run*") || !strings.Contains(m.Text, "Simulated") {
		t.Errorf("text %q", m.Text)
	}
	d, err = r.Notify(t.Context(), notification("k1"))
	if err != nil || d.State != incident.DeliverySuppressed || d.Ref != "ref" || !strings.Contains(d.Detail, "told already") || len(e.messages()) != 1 {
		t.Errorf("told twice: %+v, %v", d, err)
	}
}

func TestNotTold(t *testing.T) {
	t.Parallel()
	e := &ear{}
	r := router(t, "100/s", e)
	for name, c := range map[string]struct {
		change func(*incident.Notification)
		want   incident.DeliveryState
		says   string
	}{
		"another kind":   {func(n *incident.Notification) { n.Kind = incident.NotifyActing }, incident.DeliverySuppressed, "not told of acting"},
		"not bad enough": {func(n *incident.Notification) { n.Severity = incident.SeverityLow }, incident.DeliverySuppressed, "medium and worse"},
		"no channel":     {func(n *incident.Notification) { n.Channel = "gone" }, incident.DeliveryFailed, "gone is no channel"},
	} {
		n := notification(name)
		n.Ref = "before"
		c.change(&n)
		d, err := r.Notify(t.Context(), n)
		if err != nil || d.State != c.want || !strings.Contains(d.Detail, c.says) {
			t.Errorf("%s: %+v, %v", name, d, err)
		}
	}
	if len(e.messages()) != 0 {
		t.Errorf("told %+v", e.messages())
	}
}

// choosy is an ear that is not told of everything.
type choosy struct{ ear }

func (*choosy) Skip(m tell.Message) string {
	if m.Key == "none" {
		return "none of its business"
	}
	return ""
}

// TestSkippedTakesNoTurn: what a channel does not say holds nobody up.
func TestSkippedTakesNoTurn(t *testing.T) {
	t.Parallel()
	e := &choosy{}
	r, err := notify.New(mustParse(t, fmt.Sprintf(one, "1/hour")), map[string]notify.Speaker{"ops": e}, "")
	if err != nil {
		t.Fatal(err)
	}
	for range 5 {
		if d, err := r.Notify(t.Context(), notification("none")); err != nil || d.State != incident.DeliverySuppressed || d.Detail != "none of its business" {
			t.Fatalf("%+v, %v", d, err)
		}
	}
	if d, err := r.Notify(t.Context(), notification("k")); err != nil || d.State != incident.DeliverySent || len(e.messages()) != 1 {
		t.Errorf("%+v, %v", d, err)
	}
}

// TestFailures: what may succeed later is an error, what cannot is a delivery.
func TestFailures(t *testing.T) {
	t.Parallel()
	for _, k := range incident.Kinds {
		e := &ear{say: func(int, tell.Message) (tell.Receipt, error) {
			return tell.Receipt{}, incident.Errorf(k, "no")
		}}
		d, err := router(t, "100/s", e).Notify(t.Context(), notification("k"))
		if k.Retryable() != (err != nil) || err == nil && (d.State != incident.DeliveryFailed || d.Detail != "no") {
			t.Errorf("%s: %+v, %v", k, d, err)
		}
	}
	e := &ear{say: func(int, tell.Message) (tell.Receipt, error) {
		return tell.Receipt{State: incident.DeliveryDoubtful, Detail: "who knows"}, nil
	}}
	if d, err := router(t, "100/s", e).Notify(t.Context(), notification("k")); err != nil || d.State != incident.DeliveryDoubtful || d.Detail != "who knows" {
		t.Errorf("%+v, %v", d, err)
	}
}

// TestAgain: a channel is asked to look first exactly where an earlier attempt
// may have arrived.
func TestAgain(t *testing.T) {
	t.Parallel()
	doubt := tell.Doubt(incident.Errorf(incident.KindUnavailable, "no answer"))
	certain := incident.Errorf(incident.KindUnavailable, "nobody listens")
	for name, c := range map[string]struct {
		errs    []error // of the attempts before, in this process
		attempt int     // that the activity is at, with the last
		want    bool
	}{
		"first":                        {nil, 1, false},
		"second, the first never left": {[]error{certain}, 2, false},
		"second, the first in doubt":   {[]error{doubt}, 2, true},
		"third, the first in doubt":    {[]error{doubt, certain}, 3, true},
		"second, of another process":   {nil, 2, true},
		"third, one of another":        {[]error{certain}, 3, true},
	} {
		e := &ear{say: func(n int, _ tell.Message) (tell.Receipt, error) {
			if n <= len(c.errs) {
				return tell.Receipt{}, c.errs[n-1]
			}
			return tell.Receipt{}, nil
		}}
		r := router(t, "100/s", e)
		at := c.attempt - len(c.errs)
		if len(c.errs) > 0 {
			at = 1
		}
		r.Patient(time.Second, func(context.Context) int { return at })
		for range c.errs {
			if _, err := r.Notify(t.Context(), notification("k")); err == nil {
				t.Fatal("no error")
			}
			at++
		}
		at = c.attempt
		if _, err := r.Notify(t.Context(), notification("k")); err != nil {
			t.Fatal(err)
		}
		all := e.messages()
		if got := all[len(all)-1].Again; got != c.want {
			t.Errorf("%s: again %t, want %t", name, got, c.want)
		}
	}
}

// TestRateHolds: no channel is told faster than its rate; what would wait too
// long comes back with the time from which on it may try.
func TestRateHolds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := &ear{}
		r := router(t, "2/minute", e)
		begin := time.Now()
		var later *activities.NotBeforeError
		for i := range 3 {
			_, err := r.Notify(t.Context(), notification(fmt.Sprint(i)))
			if i < 2 && err != nil {
				t.Fatalf("%d: %v", i, err)
			}
			if i == 2 && (!errors.As(err, &later) || incident.KindOf(err) != incident.KindThrottled) {
				t.Fatalf("the third: %v", err)
			}
		}
		if wait := later.At.Sub(begin); wait < 29*time.Second || wait > 31*time.Second {
			t.Errorf("to come back after %s", wait)
		}
		time.Sleep(time.Until(later.At)) // fake time
		if _, err := r.Notify(t.Context(), notification("2")); err != nil {
			t.Errorf("when it came back: %v", err)
		}
		// A short wait is waited for.
		time.Sleep(25 * time.Second)
		if _, err := r.Notify(t.Context(), notification("3")); err != nil || time.Since(begin) < 59*time.Second {
			t.Errorf("%v after %s", err, time.Since(begin))
		}
		for i := 2; i < len(e.times); i++ {
			if gap := e.times[i].Sub(e.times[i-2]); gap < 30*time.Second-time.Millisecond {
				t.Errorf("three within %s", gap)
			}
		}
	})
}

// TestLeftAlone: a channel that answers 429 is left alone by everybody for as
// long as it asked.
func TestLeftAlone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := &ear{say: func(n int, _ tell.Message) (tell.Receipt, error) {
			if n == 1 {
				return tell.Receipt{}, &activities.NotBeforeError{At: time.Now().Add(time.Minute), Err: incident.Errorf(incident.KindThrottled, "429")}
			}
			return tell.Receipt{}, nil
		}}
		r := router(t, "100/s", e)
		var later *activities.NotBeforeError
		for range 2 {
			if _, err := r.Notify(t.Context(), notification("k")); !errors.As(err, &later) {
				t.Fatalf("%v", err)
			}
		}
		if n := len(e.messages()); n != 1 {
			t.Errorf("asked %d times within its minute", n)
		}
		time.Sleep(time.Until(later.At))
		if _, err := r.Notify(t.Context(), notification("k")); err != nil {
			t.Error(err)
		}
	})
}

// TestAtOnce: of many attempts at one key at the same time one is made.
func TestAtOnce(t *testing.T) {
	t.Parallel()
	e := &ear{}
	r := router(t, "100/s", e)
	var wg sync.WaitGroup
	sent := make(chan incident.DeliveryState, 20)
	for range cap(sent) {
		wg.Go(func() {
			d, err := r.Notify(t.Context(), notification("k"))
			if err != nil {
				t.Error(err)
			}
			sent <- d.State
		})
	}
	wg.Wait()
	close(sent)
	n := 0
	for s := range sent {
		if s == incident.DeliverySent {
			n++
		}
	}
	if n != 1 || len(e.messages()) != 1 {
		t.Errorf("%d sent, heard %d", n, len(e.messages()))
	}
}

func TestMemoryIsBounded(t *testing.T) {
	t.Parallel()
	e := &ear{}
	r := router(t, "10000/s", e)
	r.Patient(time.Hour, nil)
	n := notification("")
	n.Severity = incident.SeverityHigh
	for i := range notify.MaxRemembered + 50 {
		n.Key = fmt.Sprint(i)
		if _, err := r.Notify(t.Context(), n); err != nil {
			t.Fatal(err)
		}
	}
	if got := r.Remembered(); got > notify.MaxRemembered {
		t.Errorf("%d are remembered", got)
	}
}

func TestTemplates(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "slack.tmpl")
	write := func(s string) {
		if err := os.WriteFile(file, []byte(s), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	raw := fmt.Sprintf(one, "100/s") + "templates: {slack: " + file + "}\n"
	write(`{{define "opened.title"}}OPEN {{.Title}}{{end}}`)
	e := &ear{}
	r, err := notify.New(mustParse(t, raw), map[string]tell.Channel{"ops": e}, "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Notify(t.Context(), notification("k")); err != nil || e.messages()[0].Title != "OPEN Checkout is &lt;slow&gt;" || e.messages()[0].Text == "" || e.messages()[0].Link != "" {
		t.Errorf("%+v, %v", e.messages(), err)
	}
	for content, want := range map[string]string{`{{define "title"}}{{.Colour}}{{end}}`: "Colour", `{{define "title"}}{{end`: "unclosed action", strings.Repeat("x", 100<<10): "most that is read"} {
		write(content)
		if _, err := notify.New(mustParse(t, raw), map[string]tell.Channel{"ops": e}, ""); incident.KindOf(err) != incident.KindInvalid || !strings.Contains(err.Error(), want) {
			t.Errorf("%.30s: %v", content, err)
		}
	}
}

// TestEveryKind: each kind of notification has words in each kind of channel,
// which stay within their bounds.
func TestEveryKind(t *testing.T) {
	t.Parallel()
	f := mustParse(t, read(t, "good.yaml"))
	ears := map[string]tell.Channel{}
	for name := range f.Channels {
		ears[name] = &ear{}
	}
	r, err := notify.New(f, ears, "")
	if err != nil {
		t.Fatal(err)
	}
	r.Patient(time.Hour, nil)
	r.At(time.Date(2026, 1, 6, 0, 0, 0, 0, time.UTC))
	long := strings.Repeat("ü<&", 5000)
	for _, k := range incident.NotificationKinds {
		for _, c := range []string{"topic", "hook"} {
			n := notification(string(k))
			n.Kind, n.Channel, n.Severity, n.Title, n.Text, n.Summary = k, c, incident.SeverityCritical, long, long, long
			n.Proposal = &incident.Proposal{Title: long, Reason: long, Effect: long}
			if d, err := r.Notify(t.Context(), n); err != nil || d.State != incident.DeliverySent {
				t.Fatalf("%s to %s: %+v, %v", k, c, d, err)
			}
		}
	}
	for _, c := range []string{"topic", "hook"} {
		for _, m := range ears[c].(*ear).messages() {
			if m.Title == "" || m.Text == "" || len([]rune(m.Title)) > 300 || len([]rune(m.Text)) > 8000 {
				t.Errorf("%s to %s: %d and %d characters", m.Kind, c, len(m.Title), len(m.Text))
			}
		}
	}
}

func TestPublicURL(t *testing.T) {
	t.Parallel()
	for _, u := range []string{"vigil.example.org", "ftp://x", "https://u:p@x", "https://x?y=1"} {
		if _, err := notify.New(mustParse(t, fmt.Sprintf(one, "1/s")), map[string]tell.Channel{"ops": &ear{}}, u); incident.KindOf(err) != incident.KindInvalid {
			t.Errorf("%s: %v", u, err)
		}
	}
}
