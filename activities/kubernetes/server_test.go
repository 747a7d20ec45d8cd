package kubernetes_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"vigil/activities/internal/awstest"
	"vigil/activities/kubernetes"
	"vigil/workflows/incident"
)

// apiServer is an API server with two pods of checkout and whatever else
// answer says.
type apiServer struct {
	answer func(w http.ResponseWriter, r *http.Request) bool

	mu    sync.Mutex
	asked []string
}

func (s *apiServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.asked = append(s.asked, r.Method+" "+r.URL.Path)
	s.mu.Unlock()
	if s.answer != nil && s.answer(w, r) {
		return
	}
	w.Header().Set("Content-Type", "application/json")
	if strings.HasSuffix(r.URL.Path, "/pods") && r.URL.Query().Get("labelSelector") == "app=checkout" {
		list := corev1.PodList{TypeMeta: metav1.TypeMeta{Kind: "PodList", APIVersion: "v1"}, Items: []corev1.Pod{
			*pod("checkout-1-a", checkout, corev1.ContainerStatus{Name: "main", Ready: true, RestartCount: 1}, corev1.ContainerStatus{Name: "istio-proxy", Ready: true}),
			*pod("checkout-1-b", checkout, corev1.ContainerStatus{Name: "main"})}}
		_ = json.NewEncoder(w).Encode(list)
		return
	}
	_, _ = fmt.Fprint(w, `{"kind":"List","apiVersion":"v1","items":[]}`)
}

func (s *apiServer) requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.asked)
}

// mustConnect is a Cluster that was configured as users do.
func mustConnect(t *testing.T, s *apiServer, rec *awstest.Recorder) *kubernetes.Cluster {
	t.Helper()
	c, err := kubernetes.New(mustConfig(t, s), rec)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func mustConfig(t *testing.T, s *apiServer) kubernetes.Config {
	t.Helper()
	srv := httptest.NewServer(s)
	t.Cleanup(srv.Close)
	path := filepath.Join(t.TempDir(), "kubeconfig")
	if err := os.WriteFile(path, fmt.Appendf(nil, `{"apiVersion":"v1","kind":"Config","current-context":"wrong",
		"contexts":[{"name":"test","context":{"cluster":"test","user":"test"}}],"users":[{"name":"test","user":{"token":"token-canary"}}],
		"clusters":[{"name":"test","cluster":{"server":%q}}]}`, srv.URL), 0o600); err != nil {
		t.Fatal(err)
	}
	return kubernetes.Config{Kubeconfig: path, Context: "test"}
}

func status(w http.ResponseWriter, code int, reason, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Retry-After", "1")
	w.WriteHeader(code)
	_, _ = fmt.Fprintf(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":%q,"message":%q,"code":%d}`, reason, message, code)
}

func TestLogs(t *testing.T) {
	t.Parallel()
	s := &apiServer{answer: func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasSuffix(r.URL.Path, "/log") {
			return false
		}
		q := r.URL.Query()
		if q.Get("timestamps") != "true" || q.Get("sinceTime") == "" || q.Get("tailLines") != "3" || q.Get("limitBytes") == "" || q.Get("container") != "main" {
			t.Errorf("asked %s", r.URL)
		}
		switch {
		case strings.Contains(r.URL.Path, "checkout-1-b"):
			status(w, 400, "BadRequest", `container "main" in pod "checkout-1-b" is waiting to start: CrashLoopBackOff`)
		case q.Get("previous") == "true":
			_, _ = fmt.Fprintf(w, "%s panic: out of widgets\n", ago(8).Format("2006-01-02T15:04:05.999999999Z07:00"))
		default:
			_, _ = fmt.Fprintf(w, "no time here\n2026-11-23T11:58:00.5Z {\"level\":\"error\",\"msg\":\"a\"}\n2026-11-23T11:59:00Z INFO %s\n2026-11-23T11:59:01Z b\n2026-11-23T12:30:00Z later\n2026-11-23T11:00", strings.Repeat("x", 1<<20))
		}
		return true
	}}
	c := mustConnect(t, s, &awstest.Recorder{})
	got, p, err := c.Search(t.Context(), "checkout", window, 3)
	if err != nil || p.Operation != "read log" {
		t.Fatal(p, err)
	}
	var said []string
	for _, l := range got {
		said = append(said, fmt.Sprintf("%s %s %.20s", l.At.Format("15:04:05.0"), l.Level, l.Message))
	}
	want := []string{`11:58:00.5 error {"level":"error","ms`, `11:59:00.0 info INFO xxxxxxxxxxxxxxx`, `11:59:01.0  b`}
	if !reflect.DeepEqual(said, want) {
		t.Errorf("got %q, want %q", said, want)
	}
	all, _, err := c.Search(t.Context(), "nobody", window, 3)
	if err != nil || len(all) != 0 {
		t.Errorf("%v, %v", all, err)
	}
	for _, a := range s.requests() {
		if !strings.HasPrefix(a, "GET ") {
			t.Errorf("asked %s; this only reads", a)
		}
	}
}

func TestFailures(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answer func(http.ResponseWriter)
		want   incident.Kind
		says   string
	}{
		"forbidden": {func(w http.ResponseWriter) {
			status(w, 403, "Forbidden", "deployments is forbidden, token=hunter2hunter2")
		}, incident.KindDenied, "reader.yaml"},
		"unauthorised": {func(w http.ResponseWriter) { status(w, 401, "Unauthorized", "who") }, incident.KindDenied, "role"},
		"throttled":    {func(w http.ResponseWriter) { status(w, 429, "TooManyRequests", "slow") }, incident.KindThrottled, "later"},
		"broken":       {func(w http.ResponseWriter) { status(w, 500, "InternalError", "etcd") }, incident.KindUnavailable, "etcd"},
		"overloaded":   {func(w http.ResponseWriter) { status(w, 503, "ServiceUnavailable", "no") }, incident.KindUnavailable, "later"},
		"a page":       {func(w http.ResponseWriter) { w.WriteHeader(502); _, _ = fmt.Fprint(w, "<html>") }, incident.KindUnavailable, "later"},
		"no answer":    {func(http.ResponseWriter) { panic(http.ErrAbortHandler) }, incident.KindUnavailable, "no answer"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, rec := &apiServer{answer: func(w http.ResponseWriter, _ *http.Request) bool { c.answer(w); return true }}, &awstest.Recorder{}
			_, _, err := mustConnect(t, s, rec).Events(t.Context(), "checkout", window)
			if err == nil || incident.KindOf(err) != c.want || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "127.0.0.1") {
				t.Errorf("%v is %s, want %s that says %q", err, incident.KindOf(err), c.want, c.says)
			}
			if calls := rec.Calls(); len(calls) != 1 || calls[0].Failed != c.want {
				t.Errorf("recorded %+v", calls)
			}
			if n := len(s.requests()); n != 1 {
				t.Errorf("%d requests; one attempt is promised", n)
			}
		})
	}
}

func TestCancelled(t *testing.T) {
	t.Parallel()
	asked, release := make(chan struct{}), make(chan struct{})
	s := &apiServer{answer: func(http.ResponseWriter, *http.Request) bool { close(asked); <-release; return true }}
	rec := &awstest.Recorder{}
	c := mustConnect(t, s, rec)
	t.Cleanup(func() { close(release) })
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-asked; cancel() }()
	if _, _, err := c.Recent(ctx, "checkout", window); !errors.Is(err, context.Canceled) || incident.KindOf(err) != incident.KindUnavailable {
		t.Errorf("%v", err)
	}
	if calls := rec.Calls(); len(calls) != 1 || !calls[0].Cancelled {
		t.Errorf("recorded %+v", calls)
	}
}
