package slack_test

import (
	"encoding/json"
	"errors"
	"flag"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"vigil/activities"
	"vigil/activities/internal/tell"
	"vigil/activities/internal/tell/telltest"
	"vigil/activities/slack"
	"vigil/workflows/incident"
)

var update = flag.Bool("update", false, "write the golden files anew")

func channel(tb testing.TB, url string, rec activities.Recorder) tell.Channel {
	return slack.New(slack.Config{URL: url + "/api/", TokenFile: telltest.File(tb, telltest.Secret), Channel: channelID}, rec)
}

func TestConformance(t *testing.T) {
	t.Parallel()
	telltest.Conform(t, telltest.Adapter{Service: "slack", Operation: "chat.postMessage", New: channel, Message: telltest.Message(incident.NotifyOpened),
		OK: func(w http.ResponseWriter, _ telltest.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, `{"ok":true,"channel":"C0123456789","ts":"1.2"}`)
		}})
}

// TestOneMessage: an incident is one message, which later notifications
// change, and what must be noticed is in its thread.
func TestOneMessage(t *testing.T) {
	t.Parallel()
	s := newWorkspace(t)
	c := channel(t, s.URL, nil)
	ref := ""
	for _, k := range incident.NotificationKinds {
		m := telltest.Message(k)
		m.Ref = ref
		got, err := c.Send(t.Context(), m)
		if err != nil || got.Ref == "" || ref != "" && got.Ref != ref {
			t.Fatalf("%s: %+v, %v", k, got, err)
		}
		ref = got.Ref
	}
	_, root, _ := strings.Cut(ref, "/")
	if all := s.in(""); len(all) != 1 || all[0].Edits != len(incident.NotificationKinds)-1 {
		t.Errorf("%d messages in the channel, the first edited %d times", len(all), all[0].Edits)
	}
	var kinds []string
	for _, m := range s.in(root) {
		var md struct {
			Payload map[string]string `json:"event_payload"`
		}
		if err := json.Unmarshal(m.Metadata, &md); err != nil {
			t.Fatal(err)
		}
		kinds = append(kinds, strings.Split(md.Payload["key"], "/")[1])
	}
	if want := []string{"escalated", "approval", "reminder", "handover", "failed_unsafe", "closed"}; !slices.Equal(kinds, want) {
		t.Errorf("the thread has %v, want %v", kinds, want)
	}
}

// TestDoubt: what may have been said is looked for before it is said again,
// in the channel as in the thread.
func TestDoubt(t *testing.T) {
	t.Parallel()
	for _, lost := range []bool{true, false} { // the answer, or the request
		for _, inThread := range []bool{false, true} {
			s := newWorkspace(t)
			c := channel(t, s.URL, nil)
			m, n, ref := telltest.Message(incident.NotifyApproval), 1, ""
			if inThread {
				first, err := c.Send(t.Context(), telltest.Message(incident.NotifyOpened))
				if err != nil {
					t.Fatal(err)
				}
				ref, n = first.Ref, 2
			}
			m.Ref = ref
			if lost {
				s.strike = breakOff("chat.postMessage", n)
			} else {
				s.strike = func(method string, k int, _ http.ResponseWriter, _ func()) bool {
					if method == "chat.postMessage" && k == n {
						panic(http.ErrAbortHandler)
					}
					return true
				}
			}
			if _, err := c.Send(t.Context(), m); !tell.Doubtful(err) {
				t.Fatalf("%v", err)
			}
			m.Again = true
			got, err := c.Send(t.Context(), m)
			if err != nil || got.Ref == "" || ref != "" && got.Ref != ref {
				t.Fatalf("%+v, %v", got, err)
			}
			_, root, _ := strings.Cut(ref, "/")
			if all := s.in(root); len(all) != 1 {
				t.Errorf("answer lost %t, in a thread %t: it was said %d times", lost, inThread, len(all))
			}
		}
	}
}

// TestCannotLook: without the scope to read, a page is said again, and what
// pages nobody is left in doubt.
func TestCannotLook(t *testing.T) {
	t.Parallel()
	s := newWorkspace(t)
	s.strike = func(method string, n int, w http.ResponseWriter, do func()) bool {
		return fail("conversations.history", n, "missing_scope")(method, n, w, do)
	}
	c := channel(t, s.URL, nil)
	page, quiet := telltest.Message(incident.NotifyOpened), telltest.Message(incident.NotifyActing)
	page.Again, quiet.Again = true, true
	if got, err := c.Send(t.Context(), page); err != nil || got.State != "" || len(s.in("")) != 1 {
		t.Errorf("a page: %+v, %v", got, err)
	}
	if got, err := c.Send(t.Context(), quiet); err != nil || got.State != incident.DeliveryDoubtful || !strings.Contains(got.Detail, "channels:history") || len(s.in("")) != 1 {
		t.Errorf("no page: %+v, %v", got, err)
	}
	s.strike = func(method string, n int, w http.ResponseWriter, do func()) bool {
		return fail("conversations.history", n, "internal_error")(method, n, w, do)
	}
	if _, err := c.Send(t.Context(), page); !incident.KindOf(err).Retryable() || !tell.Doubtful(err) {
		t.Errorf("not now: %v", err)
	}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]incident.Kind{
		"invalid_auth": incident.KindDenied, "token_revoked": incident.KindDenied, "missing_scope": incident.KindDenied, "not_in_channel": incident.KindDenied,
		"channel_not_found": incident.KindNotFound, "is_archived": incident.KindConflict, "ratelimited": incident.KindThrottled,
		"internal_error": incident.KindUnavailable, "fatal_error": incident.KindUnavailable, "invalid_blocks": incident.KindInvalid,
		"something_new": incident.KindInvalid, "": incident.KindInvalid,
	} {
		s, rec := newWorkspace(t), &telltest.Recorder{}
		s.strike = fail("chat.postMessage", 1, code)
		_, err := channel(t, s.URL, rec).Send(t.Context(), telltest.Message(incident.NotifyOpened))
		if incident.KindOf(err) != want || err == nil || !strings.Contains(err.Error(), code) || tell.Doubtful(err) != (want == incident.KindUnavailable) {
			t.Errorf("%s: %v (%s), want %s", code, err, incident.KindOf(err), want)
		}
		if c := rec.Calls(); len(c) != 1 || c[0].Failed != want {
			t.Errorf("%s: recorded %+v", code, c)
		}
	}
	s := newWorkspace(t)
	s.strike = func(_ string, _ int, w http.ResponseWriter, _ func()) bool {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Retry-After", "7")
		_, _ = io.WriteString(w, `{"ok":false,"error":"ratelimited"}`)
		return false
	}
	_, err := channel(t, s.URL, nil).Send(t.Context(), telltest.Message(incident.NotifyOpened))
	var later *activities.NotBeforeError
	if !errors.As(err, &later) || time.Until(later.At) > 7*time.Second {
		t.Errorf("Retry-After: %v", err)
	}
}

// TestMessageIsGone: an incident whose message was deleted gets another.
func TestMessageIsGone(t *testing.T) {
	t.Parallel()
	for _, code := range []string{"message_not_found", "cant_update_message", "edit_window_closed"} {
		s := newWorkspace(t)
		s.strike = fail("chat.update", 1, code)
		m := telltest.Message(incident.NotifyHandover)
		m.Ref = channelID + "/1.1"
		got, err := channel(t, s.URL, nil).Send(t.Context(), m)
		if err != nil || got.Ref == m.Ref || len(s.in("")) != 1 {
			t.Errorf("%s: %+v, %v", code, got, err)
		}
	}
	s := newWorkspace(t)
	s.strike = fail("chat.update", 1, "is_archived")
	m := telltest.Message(incident.NotifyHandover)
	m.Ref = channelID + "/1.1"
	if _, err := channel(t, s.URL, nil).Send(t.Context(), m); incident.KindOf(err) != incident.KindConflict {
		t.Errorf("an archived channel: %v", err)
	}
}

// TestBlocks holds what is shown against files that can be read, and pasted
// into Slack's Block Kit Builder.
func TestBlocks(t *testing.T) {
	t.Parallel()
	hostile := telltest.Message(incident.NotifyApproval)
	hostile.Service, hostile.By = "<!channel> *bold* `code`", "<@U0BOSS> & <https://evil.example|click>"
	hostile.Proposal = telltest.Proposal()
	hostile.Proposal.Title, hostile.Proposal.Reason = "<!here> approve me", "password=hunter2hunter2\n> quoted @everyone https://evil.example"
	waiting := telltest.Message(incident.NotifyApproval)
	waiting.Proposal = telltest.Proposal()
	decided := telltest.Message(incident.NotifyDecided)
	decided.By, decided.Proposal = "alice", telltest.Proposal()
	decided.Proposal.State, decided.Proposal.DecidedBy = incident.ProposalApproved, "alice"
	for name, m := range map[string]tell.Message{"opened": telltest.Message(incident.NotifyOpened), "waiting": waiting, "decided": decided, "hostile": hostile} {
		s := newWorkspace(t)
		if _, err := channel(t, s.URL, nil).Send(t.Context(), m); err != nil {
			t.Fatal(err)
		}
		var body any
		if err := json.Unmarshal(s.Requests()[0].Body, &body); err != nil {
			t.Fatal(err)
		}
		got, err := json.MarshalIndent(body, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join("testdata", name+".json")
		if *update {
			if err := os.WriteFile(file, append(got, '\n'), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if string(got)+"\n" != string(want) {
			t.Errorf("%s: %s", name, got)
		}
	}
}

// TestInert: nothing from outside mentions, links or formats, wherever it stands.
func TestInert(t *testing.T) {
	t.Parallel()
	evil := strings.Repeat("<!channel>&<@U1|x> *b* `c` \u202e", 400)
	m := telltest.Message(incident.NotifyApproval)
	m.Proposal = telltest.Proposal()
	m.Service, m.By, m.IncidentID, m.To.SlackID, m.Link = evil, evil, evil, "", ""
	m.Proposal.Title, m.Proposal.Reason, m.Proposal.Effect, m.Proposal.Action.Target, m.Proposal.AskedOf = evil, evil, evil, evil, evil
	m.Proposal.DecidedBy, m.Proposal.ActionHash, m.Proposal.Deadline = evil, evil, time.Time{}
	m.OpenedAt, m.At = time.Time{}, time.Time{}
	s := newWorkspace(t)
	if _, err := channel(t, s.URL, nil).Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	var body struct {
		Blocks []struct {
			Text     *struct{ Type, Text string }
			Fields   []struct{ Type, Text string }
			Elements []struct{ Value string }
		}
	}
	if err := json.Unmarshal(s.Requests()[0].Body, &body); err != nil {
		t.Fatal(err)
	}
	check := func(kind, text string, limit int) {
		if n := len([]rune(text)); n > limit || n == 0 {
			t.Errorf("%d characters, %d are the most", n, limit)
		}
		if kind == "mrkdwn" && strings.ContainsAny(text, "<>`\u202e") {
			t.Errorf("not inert: %q", text)
		}
	}
	for _, b := range body.Blocks {
		if b.Text != nil {
			check(b.Text.Type, b.Text.Text, 3000)
		}
		for _, f := range b.Fields {
			check(f.Type, f.Text, 2000)
		}
		if len(b.Fields) > 10 {
			t.Errorf("%d fields", len(b.Fields))
		}
		for _, e := range b.Elements {
			if len(e.Value) > 2000 {
				t.Errorf("a button carries %d bytes", len(e.Value))
			}
		}
	}
}

func TestNoToken(t *testing.T) {
	t.Parallel()
	c := slack.New(slack.Config{URL: "http://127.0.0.1:1", TokenFile: "/nowhere", Channel: channelID}, nil)
	if _, err := c.Send(t.Context(), telltest.Message(incident.NotifyOpened)); incident.KindOf(err) != incident.KindDenied {
		t.Errorf("%v", err)
	}
}
