package prometheus_test

import (
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"vigil/activities"
	"vigil/activities/internal/awstest"
	"vigil/activities/prometheus"
	"vigil/workflows/incident"
)

var (
	noon   = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	window = activities.Window{From: noon.Add(-30 * time.Minute), To: noon}
)

const empty = `{"status":"success","data":{"resultType":"matrix","result":[]}}`

// serve answers all requests alike.
func serve(t testing.TB, answer http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(answer)
	t.Cleanup(s.Close)
	return s.URL
}

func says(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = fmt.Fprint(w, body)
	}
}

func TestFailures(t *testing.T) {
	t.Parallel()
	problem := func(kind, text string) string {
		return fmt.Sprintf(`{"status":"error","errorType":%q,"error":%q}`, kind, text)
	}
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		want   incident.Kind
		says   string
	}{
		"bad data":        {says(400, problem("bad_data", "parse error: unexpected end")), incident.KindInvalid, "parse error"},
		"execution":       {says(422, problem("execution", "query processing would load too many samples")), incident.KindInvalid, "shorter window"},
		"timeout":         {says(503, problem("timeout", "query timed out in expression evaluation")), incident.KindUnavailable, "timed out"},
		"unauthorised":    {says(401, "who are you?"), incident.KindDenied, "credentials"},
		"forbidden":       {says(403, "no"), incident.KindDenied, "tenant"},
		"throttled":       {says(429, "slow down"), incident.KindThrottled, "429"},
		"broken":          {says(500, "oops"), incident.KindUnavailable, "500"},
		"gateway":         {says(502, "<html>"), incident.KindUnavailable, "502"},
		"not Prometheus":  {says(404, "<html>"), incident.KindUnavailable, "is the URL"},
		"a web page":      {says(200, "<html>welcome</html>"), incident.KindInternal, "cannot be read"},
		"a scalar":        {says(200, `{"status":"success","data":{"resultType":"scalar","result":[1,"2"]}}`), incident.KindInternal, "cannot be read"},
		"an error in 200": {says(200, problem("bad_data", "odd")), incident.KindInvalid, "odd"},
		"cut off": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			_, _ = fmt.Fprint(w, `{"status":`)
		}, incident.KindUnavailable, "broke off"},
		"no answer": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, incident.KindUnavailable, "no answer"},
		"too large": {func(w http.ResponseWriter, _ *http.Request) {
			_, _ = fmt.Fprint(w, `{"status":"success","data":{"resultType":"matrix","result":[]},"pad":"`)
			pad := []byte(strings.Repeat("x", 1<<20))
			for range 33 {
				_, _ = w.Write(pad)
			}
			_, _ = fmt.Fprint(w, `"}`)
		}, incident.KindInvalid, "larger"},
		"elsewhere": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://localhost:1/", http.StatusTemporaryRedirect)
		}, incident.KindInvalid, "another host"},
		"secrets": {says(400, problem("bad_data", "bad password=hunter2hunter2 in it")), incident.KindInvalid, "[redacted]"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rec := &awstest.Recorder{}
			url := serve(t, c.answer)
			s := mustSource(t, prometheus.Config{URL: url}, rec)
			_, _, err := s.Query(t.Context(), "checkout", window)
			if err == nil || incident.KindOf(err) != c.want || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v is %s; want %s that says %q", err, incident.KindOf(err), c.want, c.says)
			}
			if err != nil && (strings.Contains(err.Error(), url) || strings.Contains(err.Error(), "hunter2")) {
				t.Errorf("the error says too much: %v", err)
			}
			if calls := rec.Calls(); len(calls) != 1 || calls[0].Failed != c.want || calls[0].Provenance.Service != "prometheus" || calls[0].Provenance.Operation != "query_range" {
				t.Errorf("recorded %+v", calls)
			}
		})
	}
}

func TestCancelled(t *testing.T) {
	t.Parallel()
	asked, release := make(chan struct{}), make(chan struct{})
	url := serve(t, func(http.ResponseWriter, *http.Request) { close(asked); <-release })
	defer close(release)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-asked; cancel() }()
	rec := &awstest.Recorder{}
	_, _, err := mustSource(t, prometheus.Config{URL: url}, rec).Graph(ctx, window)
	if !errors.Is(err, context.Canceled) || incident.KindOf(err) != incident.KindUnavailable {
		t.Errorf("%v", err)
	}
	if calls := rec.Calls(); len(calls) != 1 || !calls[0].Cancelled {
		t.Errorf("recorded %+v", calls)
	}
}

func TestCredentials(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	var got atomic.Pointer[http.Request]
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		got.Store(r.Clone(context.Background()))
		says(200, empty)(w, r)
	})
	token := file("token", "first\n")
	s := mustSource(t, prometheus.Config{URL: url + "/prometheus/", BearerTokenFile: token, TenantID: "shop"}, nil)
	for _, now := range []string{"first", "second"} { // tokens are rotated
		file("token", now)
		if _, _, err := s.Graph(t.Context(), window); err != nil {
			t.Fatal(err)
		}
		if r := got.Load(); r.Header.Get("Authorization") != "Bearer "+now || r.Header.Get("X-Scope-OrgID") != "shop" || r.URL.Path != "/prometheus/api/v1/query_range" {
			t.Errorf("asked %s with %v", r.URL, r.Header)
		}
	}
	file("token", "")
	if _, _, err := s.Graph(t.Context(), window); incident.KindOf(err) != incident.KindDenied {
		t.Errorf("an empty token: %v", err)
	}
	s = mustSource(t, prometheus.Config{URL: url, Username: "vigil", PasswordFile: file("password", "p")}, nil)
	if _, _, err := s.Graph(t.Context(), window); err != nil {
		t.Fatal(err)
	}
	if user, password, _ := got.Load().BasicAuth(); user != "vigil" || password != "p" {
		t.Errorf("basic authentication as %s with %s", user, password)
	}
}

func TestCA(t *testing.T) {
	t.Parallel()
	s := httptest.NewUnstartedServer(says(200, empty))
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // the handshake that is to fail
	s.StartTLS()
	t.Cleanup(s.Close)
	if _, _, err := mustSource(t, prometheus.Config{URL: s.URL}, nil).Graph(t.Context(), window); incident.KindOf(err) != incident.KindUnavailable {
		t.Errorf("an unknown certificate: %v", err)
	}
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := mustSource(t, prometheus.Config{URL: s.URL, CAFile: ca}, nil).Graph(t.Context(), window); err != nil {
		t.Error(err)
	}
}

func TestRefusesConfig(t *testing.T) {
	t.Parallel()
	for _, c := range []prometheus.Config{
		{}, {URL: "prometheus:9090"}, {URL: "ftp://x"}, {URL: "http://user:secret@x"}, {URL: "http://x?y=z"},
		{URL: "http://x", BearerTokenFile: "/nowhere/token"}, {URL: "http://x", PasswordFile: "p"}, {URL: "http://x", CAFile: "/nowhere/ca"},
		{URL: "http://x", CAFile: "unit_test.go"}, {URL: "http://x", BearerTokenFile: "unit_test.go", Username: "u"}, {URL: "http://x", ServiceLabels: []string{`a"`}},
	} {
		if s, err := prometheus.New(c, nil); err == nil || s != nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

func TestRefusesQueries(t *testing.T) {
	t.Parallel()
	s := mustSource(t, prometheus.Config{URL: "http://127.0.0.1:1"}, nil)
	for _, service := range []string{"", "\xff", strings.Repeat("x", 300)} {
		if _, _, err := s.Query(t.Context(), service, window); incident.KindOf(err) != incident.KindInvalid {
			t.Errorf("service %.20q: %v", service, err)
		}
	}
	for _, w := range []activities.Window{{From: noon, To: noon}, {From: noon, To: noon.Add(-1)}, {From: time.Now().Add(time.Hour), To: time.Now().Add(2 * time.Hour)}} {
		if _, _, err := s.Graph(t.Context(), w); incident.KindOf(err) != incident.KindInvalid {
			t.Errorf("window %v: %v", w, err)
		}
	}
}

// TestWarnings: what Prometheus says of a partial answer stays with it, and
// simulated telemetry says so.
func TestWarnings(t *testing.T) {
	t.Parallel()
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Vigil-Simulated", "true")
		says(200, `{"status":"success","warnings":["store gateway 3 did not answer"],"data":{"resultType":"matrix","result":[]}}`)(w, r)
	})
	_, p, err := mustSource(t, prometheus.Config{URL: url}, nil).Graph(t.Context(), window)
	if err != nil || p.Origin != incident.OriginSimulated || p.Operation != "query_range (warning: store gateway 3 did not answer)" {
		t.Errorf("%+v, %v", p, err)
	}
}

// TestNumbers: what is no number is no point, and the future is not asked for.
func TestNumbers(t *testing.T) {
	t.Parallel()
	now := noon.Add(-10 * time.Minute)
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err != nil {
			t.Error(err)
		}
		if end := r.Form.Get("end") + r.Form.Get("time"); !strings.HasPrefix(end, fmt.Sprint(now.Unix())) {
			t.Errorf("asked up to %s", end)
		}
		at := now.Unix()
		switch q := r.Form.Get("query"); {
		case strings.Contains(q, "count by (__name__)"):
			says(200, fmt.Sprintf(`{"status":"success","data":{"resultType":"matrix","result":[
				{"metric":{"__name__":"odd_depth","vigil":"0"},"values":[[%d,"1"]]},{"metric":{"__name__":"ignored","vigil":"999"},"values":[[%d,"1"]]}]}}`, at, at))(w, r)
		case strings.HasSuffix(q, "ms]"):
			says(200, fmt.Sprintf(`{"status":"success","data":{"resultType":"matrix","result":[{"metric":{},"values":[[%d,"1"],[%d,"1"],[%d,"1"]]}]}}`, at-60, at-30, at))(w, r)
		default:
			if step := r.Form.Get("step"); step != "30" {
				t.Errorf("step %s, want the 30 s between samples", step)
			}
			part := q[strings.LastIndex(q, `"vigil", "`)+len(`"vigil", "`):]
			part = part[:strings.IndexByte(part, '"')]
			says(200, fmt.Sprintf(`{"status":"success","data":{"resultType":"matrix","result":[
				{"metric":{"vigil":%q},"values":[[%d,"NaN"],[%d,"2.5"],[%d,"+Inf"]]}]}}`, part, at-60, at-30, at))(w, r)
		}
	})
	s := mustSource(t, prometheus.Config{URL: url}, nil)
	s.SetNow(now)
	got, _, err := s.Query(t.Context(), "odd", window)
	want := []incident.Series{{Service: "odd", Metric: "odd_depth", Points: []incident.Point{{At: now.Add(-30 * time.Second), Value: 2.5}}}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v; want %+v", got, err, want)
	}
}
