package webhooknotify_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"vigil/activities"
	"vigil/activities/internal/signing"
	"vigil/activities/internal/tell"
	"vigil/activities/internal/tell/telltest"
	"vigil/activities/webhooknotify"
	"vigil/workflows/incident"
)

func channel(tb testing.TB, url string, rec activities.Recorder) tell.Channel {
	return webhooknotify.New(webhooknotify.Config{URL: url + "/in/path-canary-77", SecretFile: telltest.File(tb, telltest.Secret+"\nanother secret of the rotation\n")}, rec)
}

func accept(w http.ResponseWriter, _ telltest.Request) { w.WriteHeader(204) }

func TestConformance(t *testing.T) {
	t.Parallel()
	telltest.Conform(t, telltest.Adapter{Service: "webhook", Operation: "notify", New: channel, OK: accept, Message: telltest.Message(incident.NotifyOpened)})
}

func TestRequest(t *testing.T) {
	t.Parallel()
	s := telltest.Serve(t, accept)
	m := telltest.Message(incident.NotifyApproval)
	m.Proposal = telltest.Proposal()
	for range 2 {
		if _, err := channel(t, s.URL, nil).Send(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	got := s.Requests()
	for _, r := range got {
		for _, secret := range []string{telltest.Secret, "another secret of the rotation"} {
			if err := signing.Verify(r.Header, [][]byte{[]byte(secret)}, r.Body, time.Now()); err != nil {
				t.Errorf("%v", err)
			}
		}
		if err := signing.Verify(r.Header, [][]byte{[]byte("somebody else's secret")}, r.Body, time.Now()); err == nil {
			t.Error("another secret verifies it")
		}
		if r.Header.Get("Idempotency-Key") == "" || r.Header.Get("Idempotency-Key") != got[0].Header.Get("Idempotency-Key") {
			t.Errorf("a repetition has another key: %q", r.Header.Get("Idempotency-Key"))
		}
	}
	var b webhooknotify.Body
	if err := json.Unmarshal(got[0].Body, &b); err != nil {
		t.Fatal(err)
	}
	if b.Version != 1 || b.Key != m.Key || b.Incident != "inc-1" || b.Kind != incident.NotifyApproval || b.OnCall != "Alice" || b.ActionHash != m.Proposal.ActionHash || b.State != incident.ProposalPending || b.Link != m.Link {
		t.Errorf("%+v", b)
	}
}

// TestPathIsSecret: many services put a secret into the path of a webhook.
func TestPathIsSecret(t *testing.T) {
	t.Parallel()
	s, rec := telltest.Serve(t, func(w http.ResponseWriter, r telltest.Request) { http.Error(w, "no such hook: "+r.Path, 400) }), &telltest.Recorder{}
	_, err := channel(t, s.URL, rec).Send(t.Context(), telltest.Message(incident.NotifyOpened))
	if err == nil || strings.Contains(err.Error(), "canary") || strings.Contains(rec.Calls()[0].Error, "canary") {
		t.Errorf("%v", err)
	}
}

func TestNoSecret(t *testing.T) {
	t.Parallel()
	c := webhooknotify.New(webhooknotify.Config{URL: "http://127.0.0.1:1", SecretFile: telltest.File(t, "short")}, nil)
	if _, err := c.Send(t.Context(), telltest.Message(incident.NotifyOpened)); incident.KindOf(err) != incident.KindDenied {
		t.Errorf("%v", err)
	}
}
