package gateway_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"vigil/gateway"
	"vigil/gateway/store"
	"vigil/gateway/store/sqlite"
	"vigil/workflows/incident"
)

const webhook = `{"version":"4","groupKey":"{}:{alertname=\"HighLatency\"}","status":"firing","receiver":"vigil","groupLabels":{"alertname":"HighLatency"},
"commonLabels":{"alertname":"HighLatency","service":"checkout","severity":"critical"},"commonAnnotations":{},"externalURL":"http://am",
"alerts":[{"status":"firing","labels":{"alertname":"HighLatency","service":"checkout","severity":"critical"},"annotations":{"summary":"Checkout is slow"},
"startsAt":"2026-03-01T12:00:00Z","endsAt":"0001-01-01T00:00:00Z","generatorURL":"http://prom","fingerprint":"f1"}]}`

func zipped(tb testing.TB, body []byte) []byte {
	tb.Helper()
	var buf bytes.Buffer
	z := gzip.NewWriter(&buf)
	_, err := z.Write(body)
	must(tb, errors.Join(err, z.Close()))
	return buf.Bytes()
}

// deliveries lists what the inbox has in a state.
func (r *rig) deliveries(state store.DeliveryState) []gateway.DeliveryItem {
	r.tb.Helper()
	var list gateway.DeliveryList
	r.expect("list deliveries", r.do("GET", "/api/v1/deliveries?state="+string(state), nil, as(incident.RoleViewer)), 200, "").into(r.tb, &list)
	return list.Deliveries
}

func TestAlertBecomesIncident(t *testing.T) {
	t.Parallel()
	r := start(t)
	var got gateway.Accepted
	r.expect("post", r.do("POST", "/api/v1/alerts/alertmanager", []byte(webhook), as(incident.RoleResponder)), 202, "").into(t, &got)
	if got.DeliveryID == 0 {
		t.Error("no delivery id")
	}
	eventually(t, "the alert to reach its workflow", func() bool { return len(r.engine.delivered()) == 1 })
	a := r.engine.delivered()[0]
	if a.Service != "checkout" || a.InboxID != got.DeliveryID || a.Origin != incident.OriginLive {
		t.Errorf("alert is %+v", a)
	}
	var item gateway.DeliveryItem
	eventually(t, "the delivery to be settled", func() bool {
		r.expect("read", r.do("GET", "/api/v1/deliveries/1", nil, as(incident.RoleViewer)), 200, "").into(t, &item)
		return len(item.IncidentIDs) == 1
	})
	if item.Principal != "a responder" || item.State != store.DeliveryNormalised || string(item.Body) != webhook {
		t.Errorf("delivery is %+v", item)
	}
}

func TestAlertsAreTakenWhileTemporalIsDown(t *testing.T) {
	t.Parallel()
	down := incident.Errorf(incident.KindUnavailable, "Temporal cannot be reached")
	r := start(t, func(s *setup) { s.deps.Engine.(*engine).down = down })
	r.expect("post", r.do("POST", "/api/v1/alerts/alertmanager", []byte(webhook), as(incident.RoleResponder)), 202, "")
	r.expect("ready", r.do("GET", "/readyz", nil), 200, "")
}

func TestUnreadableIsAcceptedAndQuarantined(t *testing.T) {
	t.Parallel()
	r := start(t)
	for _, c := range []struct {
		name     string
		body     []byte
		encoding string
	}{
		{"not JSON", []byte("{bad"), ""},
		{"nothing", nil, ""},
		{"not gzip", []byte("{}"), "gzip"},
		{"unknown encoding", []byte("{}"), "br"},
		{"cut gzip", zipped(t, []byte(webhook))[:40], "gzip"},
	} {
		a := r.do("POST", "/api/v1/alerts/alertmanager", c.body, as(incident.RoleResponder), header("Content-Encoding", c.encoding))
		r.expect(c.name, a, 202, "")
		var got gateway.Accepted
		a.into(t, &got)
		eventually(t, c.name+" to be quarantined", func() bool {
			for _, d := range r.deliveries(store.DeliveryQuarantined) {
				if d.ID == got.DeliveryID && d.Reason != "" && bytes.Equal(d.Body, c.body) && d.Headers["content-encoding"] == c.encoding {
					return true
				}
			}
			return false
		})
	}
	raw := r.expect("bytes", r.do("GET", "/api/v1/deliveries/1/body", nil, as(incident.RoleViewer)), 200, "")
	if string(raw.body) != "{bad" || !strings.HasPrefix(raw.header.Get("Content-Disposition"), "attachment") || raw.header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("bytes came as %q with %v", raw.body, raw.header)
	}
	r.expect("no such delivery", r.do("GET", "/api/v1/deliveries/99", nil, as(incident.RoleViewer)), 404, "no delivery 99")
	r.expect("no number", r.do("GET", "/api/v1/deliveries/x", nil, as(incident.RoleViewer)), 400, "not the number")
}

func TestWhatADeliveryKeeps(t *testing.T) {
	t.Parallel()
	r := start(t)
	r.expect("post", r.do("POST", "/api/v1/alerts/cloudevents", []byte(`{"x":1}`), as(incident.RoleResponder), header("Ce-Id", "7"),
		header("Ce-Type", "t"), header("Content-Type", "application/json"), header("X-Vigil-Simulated", "true"), header("Cookie", "secret=1")), 202, "")
	var d gateway.DeliveryItem
	r.expect("read", r.do("GET", "/api/v1/deliveries/1", nil, as(incident.RoleViewer)), 200, "").into(t, &d)
	if d.Headers["ce-id"] != "7" || d.Headers["ce-type"] != "t" || d.ContentType != "application/json" || d.Origin != incident.OriginSimulated {
		t.Errorf("delivery is %+v", d)
	}
	for name := range d.Headers {
		if name == "authorization" || name == "cookie" {
			t.Errorf("%s was kept", name)
		}
	}
}

func TestGzipIsUnpacked(t *testing.T) {
	t.Parallel()
	r := start(t)
	r.expect("post", r.do("POST", "/api/v1/alerts/alertmanager", zipped(t, []byte(webhook)), as(incident.RoleResponder), header("Content-Encoding", "gzip")), 202, "")
	eventually(t, "the alert to reach its workflow", func() bool { return len(r.engine.delivered()) == 1 })
}

func TestTooLargeIsCountedAsLost(t *testing.T) {
	t.Parallel()
	r := start(t, func(s *setup) { s.cfg.MaxAlertBytes = 4096 })
	big := bytes.Repeat([]byte(" "), 4097)
	bomb := zipped(t, make([]byte, 3<<20))
	if len(bomb) > 4096 {
		t.Fatalf("the bomb has %d bytes on the wire, which is over the limit by itself", len(bomb))
	}
	for _, c := range []struct {
		name     string
		body     any
		encoding string
	}{
		{"declared", big, ""},
		{"streamed", io.MultiReader(bytes.NewReader(big)), ""}, // no Content-Length
		{"gzip bomb", bomb, "gzip"},
		{"small on the wire", zipped(t, big), "gzip"},
	} {
		a := r.do("POST", "/api/v1/alerts/alertmanager", c.body, as(incident.RoleResponder), header("Content-Encoding", c.encoding))
		r.expect(c.name, a, 413, "--max-alert-bytes")
	}
	r.expect("exactly the limit", r.do("POST", "/api/v1/alerts/alertmanager", big[:4096], as(incident.RoleResponder)), 202, "")
	var h struct {
		Lost int64 `json:"deliveries_lost"`
	}
	r.expect("health", r.do("GET", "/api/v1/system/health", nil, as(incident.RoleViewer)), 200, "").into(t, &h)
	if h.Lost != 4 {
		t.Errorf("health shows %d lost deliveries, want 4", h.Lost)
	}
}

// failing is a store whose disk is full.
type failing struct {
	store.Store
	mu  sync.Mutex
	err error
}

func (f *failing) fail(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.err = err
}

func (f *failing) failure() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.err
}

func (f *failing) Accept(ctx context.Context, d store.Delivery) (int64, error) {
	if err := f.failure(); err != nil {
		return 0, err
	}
	return f.Store.Accept(ctx, d)
}

func (f *failing) Ping(ctx context.Context) error {
	return errors.Join(f.failure(), f.Store.Ping(ctx))
}

func openStore(tb testing.TB) store.Store {
	tb.Helper()
	s, err := sqlite.Open(tb.Context(), filepath.Join(tb.TempDir(), "store.db"))
	must(tb, err)
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Error(err)
		}
	})
	return s
}

func TestWhatCannotBeStoredIs503(t *testing.T) {
	t.Parallel()
	f := &failing{Store: openStore(t)}
	r := start(t, func(s *setup) { s.deps.Store = f })
	// Whatever kind the store gives it: a sender must try again.
	for _, kind := range incident.Kinds {
		f.fail(incident.Errorf(kind, "disk full"))
		a := r.expect(string(kind), r.do("POST", "/api/v1/alerts/alertmanager", []byte(webhook), as(incident.RoleResponder)), 503, "send it again")
		if a.header.Get("Retry-After") == "" {
			t.Error("503 without Retry-After")
		}
	}
	r.expect("not ready", r.do("GET", "/readyz", nil), 503, "disk full")
	f.fail(nil)
	r.expect("after it healed", r.do("POST", "/api/v1/alerts/alertmanager", []byte(webhook), as(incident.RoleResponder)), 202, "")
}

func TestSlowBodyIs503(t *testing.T) {
	t.Parallel()
	r := start(t, func(s *setup) { s.cfg.ReadTimeout = 150 * time.Millisecond })
	conn, err := net.Dial("tcp", r.gateway.Addr())
	must(t, err)
	defer conn.Close()
	_, err = io.WriteString(conn, "POST /api/v1/alerts/alertmanager HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer "+
		tokens[incident.RoleResponder]+"\r\nContent-Length: 100\r\n\r\n{\"half\":")
	must(t, err)
	answer, err := io.ReadAll(conn)
	must(t, err)
	if !bytes.HasPrefix(answer, []byte("HTTP/1.1 503 ")) {
		t.Errorf("answer is %q", answer)
	}
	if n := len(r.deliveries("")); n != 0 {
		t.Errorf("%d deliveries were stored of half a body", n)
	}
}

func TestTooManyAtOnceIs503(t *testing.T) {
	t.Parallel()
	r := start(t, func(s *setup) { s.cfg.MaxAlertBytes, s.cfg.MaxAlertMemory = 1024, 2048 })
	// Two deliveries of unknown length hold all the memory while they arrive.
	var holding []*io.PipeWriter
	var done sync.WaitGroup
	for range 2 {
		reader, writer := io.Pipe()
		holding = append(holding, writer)
		done.Go(func() {
			req, err := http.NewRequestWithContext(t.Context(), "POST", r.url+"/api/v1/alerts/sns", reader)
			if err != nil {
				t.Error(err)
				return
			}
			as(incident.RoleResponder)(req)
			resp, err := client.Do(req)
			if err != nil {
				t.Error(err)
				return
			}
			resp.Body.Close()
			if resp.StatusCode != 202 {
				t.Errorf("a delivery that held memory got %d", resp.StatusCode)
			}
		})
		_, err := writer.Write([]byte("{"))
		must(t, err)
	}
	eventually(t, "memory to run out", func() bool {
		a := r.do("POST", "/api/v1/alerts/sns", []byte("{}"), as(incident.RoleResponder))
		return a.status == 503 && strings.Contains(a.detail(t), "send it again")
	})
	for _, w := range holding {
		must(t, w.Close())
	}
	done.Wait()
	r.expect("after they left", r.do("POST", "/api/v1/alerts/sns", []byte("{}"), as(incident.RoleResponder)), 202, "")
}

func TestDeliveriesPageWithShortenedBodies(t *testing.T) {
	t.Parallel()
	r := start(t)
	large := bytes.Repeat([]byte("x"), 100<<10)
	for i := range 7 {
		body := []byte("{bad")
		if i == 6 {
			body = large
		}
		r.expect("post", r.do("POST", "/api/v1/alerts/sns", body, as(incident.RoleResponder)), 202, "")
	}
	var ids []int64
	path := "/api/v1/deliveries?limit=3"
	for pages := 0; path != "" && pages < 9; pages++ {
		var list gateway.DeliveryList
		r.expect(path, r.do("GET", path, nil, as(incident.RoleViewer)), 200, "").into(t, &list)
		for _, d := range list.Deliveries {
			ids = append(ids, d.ID)
			if d.ID == 7 && (!d.Truncated || d.BodyBytes != len(large) || len(d.Body) >= len(large)) {
				t.Errorf("large delivery: truncated %v, %d of %d bytes", d.Truncated, len(d.Body), d.BodyBytes)
			}
		}
		path = ""
		if list.Next != 0 {
			path = "/api/v1/deliveries?limit=3&before=" + jsonOf(t, list.Next)
		}
	}
	if len(ids) != 7 || ids[0] != 7 || ids[6] != 1 {
		t.Errorf("pages gave %v", ids)
	}
	r.expect("unknown state", r.do("GET", "/api/v1/deliveries?state=lost", nil, as(incident.RoleViewer)), 400, "quarantined")
}

// TestTenAtOnce posts each kind of delivery ten times at once: each is taken,
// and there is one incident for each problem.
func TestTenAtOnce(t *testing.T) {
	t.Parallel()
	r := start(t)
	files := map[string]string{"alertmanager": "alertmanager_v4_mixed.json", "sns": "sns_alarm.json", "cloudevents": "cloudevent_alarm.json"}
	for source, name := range files {
		raw, err := os.ReadFile(filepath.Join("intake", "testdata", name))
		must(t, err)
		var all sync.WaitGroup
		for range 10 {
			all.Go(func() {
				if a := r.do("POST", "/api/v1/alerts/"+source, raw, as(incident.RoleResponder)); a.status != 202 {
					t.Errorf("%s: %d %s", name, a.status, a.body)
				}
			})
		}
		all.Wait()
	}
	eventually(t, "the inbox to be worked off", func() bool {
		var h struct {
			Pending int64 `json:"inbox_pending"`
		}
		r.do("GET", "/api/v1/system/health", nil, as(incident.RoleViewer)).into(t, &h)
		return h.Pending == 0 && len(r.engine.delivered()) > 0
	})
	r.engine.mu.Lock()
	defer r.engine.mu.Unlock()
	// The CloudEvent says that an alarm is over which was never open.
	if n := len(r.engine.alerts); n != 2 {
		t.Errorf("%d incidents for 2 problems", n)
	}
}
