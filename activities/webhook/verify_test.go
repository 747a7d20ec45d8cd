package webhook_test

import (
	"bytes"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"vigil/activities/webhook"
)

// TestVerify takes requests that the executor sent and does to them what a
// forger, a slow network or a replay does.
func TestVerify(t *testing.T) {
	t.Parallel()
	f := serve(t, true, says(200, `{"state":"succeeded"}`))
	if _, _, err := f.x.Start(t.Context(), drain); err != nil {
		t.Fatal(err)
	}
	if _, err := f.x.Find(t.Context(), drain); err != nil {
		t.Fatal(err)
	}
	secret, now := []byte(secretCanary), time.Now()
	for _, s := range f.all() {
		again := func() *http.Request {
			r := httptest.NewRequest(s.method, s.uri, bytes.NewReader(s.body))
			r.Header = s.header.Clone()
			return r
		}
		for name, c := range map[string]struct {
			change func(*http.Request) []byte // returns the body
			now    time.Time
			secret []byte
			want   error
		}{
			"as it came":            {func(*http.Request) []byte { return s.body }, now, secret, nil},
			"just within":           {func(*http.Request) []byte { return s.body }, now.Add(webhook.Window - 30*time.Second), secret, nil},
			"replayed later":        {func(*http.Request) []byte { return s.body }, now.Add(webhook.Window + 30*time.Second), secret, webhook.ErrStale},
			"from the future":       {func(*http.Request) []byte { return s.body }, now.Add(-webhook.Window - 30*time.Second), secret, webhook.ErrStale},
			"another secret":        {func(*http.Request) []byte { return s.body }, now, []byte("another-secret-0123456789"), webhook.ErrMismatch},
			"another body":          {func(*http.Request) []byte { return append([]byte("{}"), s.body...) }, now, secret, webhook.ErrMismatch},
			"unsigned":              {func(r *http.Request) []byte { r.Header.Del("Vigil-Signature"); return s.body }, now, secret, webhook.ErrMissing},
			"without a time":        {func(r *http.Request) []byte { r.Header.Del("Vigil-Timestamp"); return s.body }, now, secret, webhook.ErrMissing},
			"made younger":          {func(r *http.Request) []byte { r.Header.Set("Vigil-Timestamp", "1999999999"); return s.body }, time.Unix(1999999999, 0), secret, webhook.ErrMismatch},
			"of a scheme not known": {func(r *http.Request) []byte { r.Header.Set("Vigil-Signature", "v0=00"); return s.body }, now, secret, webhook.ErrFormat},
		} {
			r := again()
			body := c.change(r)
			if err := webhook.Verify(r, body, c.now, c.secret); !errors.Is(err, c.want) || (c.want == nil && err != nil) {
				t.Errorf("%s %s: %v, want %v", s.method, name, err, c.want)
			}
		}
		if err := webhook.Verify(again(), s.body, now, []byte("the-new-secret-0123456789"), secret); err != nil {
			t.Errorf("two secrets in force: %v", err)
		}
		if s.method == http.MethodGet {
			r := httptest.NewRequest(s.method, strings.Replace(s.uri, drain.Token(), "another", 1), nil)
			r.Header = s.header.Clone()
			if err := webhook.Verify(r, nil, now, secret); !errors.Is(err, webhook.ErrMismatch) {
				t.Errorf("asked about another token: %v", err)
			}
		}
	}
}
