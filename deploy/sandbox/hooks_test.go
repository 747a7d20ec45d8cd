package sandbox_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"testing"
	"time"

	"vigil/deploy/sandbox"
)

type hookView struct {
	Setup      sandbox.HookSetup
	Calls      []sandbox.HookCall
	Executions []sandbox.HookExecution
}

// ask sends a request to a hook as the executor does.
func (f *fixture) ask(method, path, token, secret, body string, at time.Time) (int, map[string]any, error) {
	f.tb.Helper()
	req, err := http.NewRequestWithContext(f.tb.Context(), method, f.URL()+path, bytes.NewReader([]byte(body)))
	if err != nil {
		f.tb.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Idempotency-Key", token)
	}
	if secret != "" {
		stamp, content := strconv.FormatInt(at.Unix(), 10), body
		if content == "" {
			content = path
		}
		mac := hmac.New(sha256.New, []byte(secret))
		mac.Write([]byte(stamp + "." + content))
		req.Header.Set("Vigil-Timestamp", stamp)
		req.Header.Set("Vigil-Signature", "v1=00,v1="+hex.EncodeToString(mac.Sum(nil)))
	}
	// On a connection that is used again net/http would repeat what has a key.
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		f.tb.Fatal(err)
	}
	var out map[string]any
	if err := json.Unmarshal(raw, &out); err != nil {
		f.tb.Fatalf("%q: %v", raw, err)
	}
	return resp.StatusCode, out, nil
}

func TestHookActsOnceForEachToken(t *testing.T) {
	t.Parallel()
	f := mustServe(t)
	const body = `{"document":"feature-flag","target":"web","token":"t-1"}`
	status, first, err := f.ask("POST", "/_hooks/flags", "t-1", "", body, genesis)
	if err != nil || status != http.StatusAccepted || first["id"] == "" || first["state"] != "running" {
		t.Fatalf("%d %v, %v", status, first, err)
	}
	// The token is in the header or in the body.
	for _, header := range []string{"t-1", ""} {
		if status, again, err := f.ask("POST", "/_hooks/flags", header, "", body, genesis); err != nil || status != http.StatusConflict || again["token"] != "t-1" || again["id"] != first["id"] {
			t.Errorf("again: %d %v, %v", status, again, err)
		}
	}
	for _, path := range []string{"/status?token=t-1&document=x", "/t-1", "/status?id=" + first["id"].(string)} {
		if status, got, err := f.ask("GET", "/_hooks/flags"+path, "", "", "", genesis); err != nil || status != http.StatusOK || got["state"] != "succeeded" || got["id"] != first["id"] {
			t.Errorf("%s: %d %v, %v", path, status, got, err)
		}
	}
	for _, path := range []string{"/_hooks/flags/t-2", "/_hooks/other/t-1", "/_hooks/flags/status", "/_hooks/flags/state?target=web"} {
		if status, _, err := f.ask("GET", path, "", "", "", genesis); err != nil || status != http.StatusNotFound {
			t.Errorf("%s: %d, %v", path, status, err)
		}
	}
	var view hookView
	if f.do("GET", "/_hooks/flags", nil, &view); len(view.Executions) != 1 || view.Executions[0].Calls != 3 || view.Calls[0].Body != body || view.Calls[0].Status != 202 ||
		view.Calls[0].Signed || view.Calls[0].Header["Idempotency-Key"][0] != "t-1" {
		t.Errorf("%+v", view)
	}
	if f.do("POST", "/_reset", nil, nil); f.do("GET", "/_hooks/flags", nil, &view) != http.StatusOK || len(view.Calls)+len(view.Executions) != 0 {
		t.Errorf("after a reset: %+v", view)
	}
}

func TestHookIsToldHowToBehave(t *testing.T) {
	t.Parallel()
	f := mustServe(t)
	tell := func(setup sandbox.HookSetup) {
		t.Helper()
		if status := f.do("PUT", "/_hooks/h", setup, nil); status != http.StatusOK {
			t.Fatalf("%+v answered %d", setup, status)
		}
	}
	tell(sandbox.HookSetup{Status: 503, Count: 2, State: "failed", Detail: "no such flag", AfterMS: 10_000, Targets: map[string]map[string]any{"web": {"flag": true, "rate": 4}}})
	for _, want := range []int{503, 503, 202} {
		if status, _, err := f.ask("POST", "/_hooks/h", "t-1", "", "{}", genesis); err != nil || status != want {
			t.Errorf("%d, %v; want %d", status, err, want)
		}
	}
	if _, got, _ := f.ask("GET", "/_hooks/h/t-1", "", "", "", genesis); got["state"] != "running" {
		t.Errorf("at once: %v", got)
	}
	f.clock.ticks(2)
	if _, got, _ := f.ask("GET", "/_hooks/h/t-1", "", "", "", genesis); got["state"] != "failed" || got["detail"] != "no such flag" {
		t.Errorf("after ten seconds: %v", got)
	}
	if status, got, _ := f.ask("GET", "/_hooks/h/state?document=x&target=web", "", "", "", genesis); status != 200 || got["flag"] != true || got["rate"] != 4.0 {
		t.Errorf("%d %v", status, got)
	}
	// Done, and nobody is told: asked again it says that it was.
	tell(sandbox.HookSetup{Cut: true, Count: 1})
	if status, _, err := f.ask("POST", "/_hooks/h", "t-2", "", "{}", genesis); err == nil {
		t.Errorf("there was an answer: %d", status)
	}
	if status, got, err := f.ask("POST", "/_hooks/h", "t-2", "", "{}", genesis); err != nil || status != http.StatusConflict || got["token"] != "t-2" {
		t.Errorf("asked again: %d %v, %v", status, got, err)
	}
	for _, bad := range []sandbox.HookSetup{{State: "splendid"}, {Status: 99}, {Count: -1}, {AfterMS: -1}} {
		if status := f.do("PUT", "/_hooks/h", bad, nil); status != http.StatusBadRequest {
			t.Errorf("%+v was taken with %d", bad, status)
		}
	}
}

func TestHookBelievesSignatures(t *testing.T) {
	t.Parallel()
	f := mustServe(t)
	const secret = "a secret that is long enough"
	var view hookView
	if f.do("PUT", "/_hooks/h", sandbox.HookSetup{Secrets: []string{"another that is long enough", secret}}, &view); len(view.Setup.Secrets) != 0 {
		t.Errorf("the secrets are shown: %+v", view.Setup)
	}
	for name, tc := range map[string]struct {
		secret string
		at     time.Time
		want   int
	}{
		"signed":        {secret, genesis, 202},
		"of another":    {"somebody else's secret, long too", genesis, 401},
		"unsigned":      {"", genesis, 401},
		"too old":       {secret, genesis.Add(-6 * time.Minute), 401},
		"of the future": {secret, genesis.Add(6 * time.Minute), 401},
	} {
		if status, _, err := f.ask("POST", "/_hooks/h", name, tc.secret, `{"token":"x"}`, tc.at); err != nil || status != tc.want {
			t.Errorf("%s: %d, %v", name, status, err)
		}
	}
	for key, want := range map[string]int{secret: 200, "": 401} {
		if status, _, err := f.ask("GET", "/_hooks/h/status?token=signed", "", key, "", genesis); err != nil || status != want {
			t.Errorf("reading, signed %v: %d, %v", key != "", status, err)
		}
	}
	if f.do("GET", "/_hooks/h", nil, &view); len(view.Executions) != 1 || view.Executions[0].Token != "signed" {
		t.Errorf("%+v", view.Executions)
	}
}
