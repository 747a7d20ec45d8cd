package gateway_test

import (
	"bytes"
	"crypto"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"vigil/gateway"
	"vigil/gateway/sender"
	"vigil/gateway/store"
	"vigil/workflows/incident"
)

const signingSecret = "a-secret-that-pagerduty-has-too"

// withSources gives a gateway a sources file, and the files that it names.
func withSources(tb testing.TB, yaml string, files map[string]string) func(*setup) {
	tb.Helper()
	dir := tb.TempDir()
	files["sources.yaml"] = yaml
	for name, content := range files {
		must(tb, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600))
	}
	return func(s *setup) { s.cfg.SourcesFile = filepath.Join(dir, "sources.yaml") }
}

func sign(body []byte) string {
	mac := hmac.New(sha256.New, []byte(signingSecret))
	mac.Write(body)
	return "v1=" + hex.EncodeToString(mac.Sum(nil))
}

// metric reports whether the metrics have a line.
func (r *rig) metric(line string) bool {
	r.tb.Helper()
	a := r.expect("metrics", r.do("GET", "/metrics", nil, as(incident.RoleViewer)), 200, "")
	return strings.Contains(string(a.body), "\n"+line+"\n")
}

func TestSenders(t *testing.T) {
	t.Parallel()
	secret, sum := sender.NewSecret()
	r := start(t, withSources(t, `
sources:
  - name: pagerduty
    auth: {signature: {secret_files: [pagerduty]}}
  - name: datadog
    auth: {header: {name: X-Vigil-Secret, sha256: [`+sum+`]}}
  - name: pagerduty-events
    auth: {routing_key: {sha256: [`+sum+`]}}
  - name: checks
    format: alertmanager
`, map[string]string{"pagerduty": signingSecret}), func(s *setup) { s.cfg.DevPrincipal = true })
	body := []byte(`{"event":{"id":"1"}}`)
	signed, admin := header("X-PagerDuty-Signature", sign(body)), as(incident.RoleAdmin)
	event := []byte(`{"routing_key":"` + secret + `","event_action":"trigger","dedup_key":"disk/1"}`)
	for _, c := range []struct {
		name, path string
		body       []byte
		change     func(*http.Request)
		status     int
		words      string
	}{
		{"signed", "/api/v1/alerts/pagerduty", body, signed, 202, ""},
		{"signature of another body", "/api/v1/alerts/pagerduty", []byte("{}"), signed, 401, "another body"},
		{"not signed", "/api/v1/alerts/pagerduty", body, header("X", "y"), 401, "X-PagerDuty-Signature is missing"},
		{"an admin's token is no signature", "/api/v1/alerts/pagerduty", body, admin, 401, "is missing"},
		{"signed and unreadable", "/api/v1/alerts/pagerduty", []byte("{bad"), header("X-PagerDuty-Signature", sign([]byte("{bad"))), 202, ""},
		{"secret", "/api/v1/alerts/datadog", body, header("X-Vigil-Secret", secret), 202, ""},
		{"another secret", "/api/v1/alerts/datadog", body, header("X-Vigil-Secret", "x"), 401, "not this source's"},
		{"a token is no secret", "/api/v1/alerts/datadog", body, admin, 401, "is missing"},
		{"event", "/v2/enqueue", event, header("X", "y"), 202, ""},
		{"event at the source's own path", "/api/v1/alerts/pagerduty-events", event, header("X", "y"), 202, ""},
		{"change event", "/v2/change/enqueue", event, header("X", "y"), 202, ""},
		{"event with another key", "/v2/enqueue", []byte(`{"routing_key":"x"}`), admin, 401, "not this source's"},
		{"event with two keys", "/v2/enqueue", []byte(`{"routing_key":"x","routing_key":"` + secret + `"}`), admin, 401, "no routing_key"},
		{"change event without a key", "/v2/change/enqueue", []byte(`{}`), admin, 401, "no routing_key"},
		{"listed without a means", "/api/v1/alerts/checks", []byte(webhook), as(incident.RoleResponder), 202, ""},
		{"not listed", "/api/v1/alerts/alertmanager", []byte(webhook), as(incident.RoleResponder), 202, ""},
		{"not listed, from this machine", "/api/v1/alerts/alertmanager", []byte(webhook), header("X", "y"), 202, ""},
		{"not listed, with a token that is nobody's", "/api/v1/alerts/alertmanager", []byte(webhook), header("Authorization", "Bearer x"), 401, "nobody"},
		{"not listed, with a role too low", "/api/v1/alerts/alertmanager", []byte(webhook), as(incident.RoleViewer), 403, "needs responder"},
	} {
		a := r.expect(c.name, r.do("POST", c.path, c.body, c.change), c.status, c.words)
		if c.status == 401 && a.header.Get("WWW-Authenticate") == "" {
			t.Errorf("%s: 401 without a challenge", c.name)
		}
	}

	r.unread("no signature", "/api/v1/alerts/pagerduty", "X: y", 401)
	r.unread("another secret", "/api/v1/alerts/datadog", "X-Vigil-Secret: x", 401)
	r.unread("another token", "/api/v1/alerts/alertmanager", "Authorization: Bearer x", 401)

	principals := map[string]string{}
	for _, d := range r.deliveries("") {
		principals[d.Source] = d.Principal
		for name, value := range d.Headers {
			if strings.Contains(name, "secret") || strings.Contains(name, "signature") || strings.Contains(value, secret) {
				t.Errorf("the header %s of a delivery from %s was kept", name, d.Source)
			}
		}
	}
	for _, source := range []string{"pagerduty", "datadog", "pagerduty-events"} {
		if principals[source] != source {
			t.Errorf("what %s proved itself is under the name %q", source, principals[source])
		}
	}
	for _, line := range []string{
		`gateway_sender_auth_failures_total{reason="mismatch",source="pagerduty"} 1`, `gateway_sender_auth_failures_total{reason="missing",source="pagerduty"} 3`,
		`gateway_sender_auth_failures_total{reason="mismatch",source="pagerduty-events"} 1`, `gateway_sender_auth_failures_total{reason="token",source="alertmanager"} 3`,
		`gateway_alert_deliveries_total{outcome="accepted",source="pagerduty-events"} 3`,
	} {
		if !r.metric(line) {
			t.Errorf("no metric %s", line)
		}
	}
}

func TestEventsAreAnsweredAsPagerDutyDoes(t *testing.T) {
	t.Parallel()
	r := start(t)
	token := as(incident.RoleResponder) // no source is listed
	const success = `{"status":"success","message":"Event processed","dedup_key":"disk/1"}`
	if a := r.expect("event", r.do("POST", "/v2/enqueue", []byte(`{"event_action":"trigger","dedup_key":"disk/1"}`), token), 202, ""); strings.TrimSpace(string(a.body)) != success {
		t.Errorf("answer is %s", a.body)
	}
	if a := r.expect("change", r.do("POST", "/v2/change/enqueue", []byte(`{}`), token), 202, ""); strings.TrimSpace(string(a.body)) != `{"status":"success","message":"Change event processed"}` {
		t.Errorf("answer is %s", a.body)
	}
	// Triggers without a key get one of their bytes; what cannot be read has none.
	keys := map[string]string{}
	for name, c := range map[string]struct {
		body string
		key  bool
	}{
		"one": {`{"event_action":"trigger","payload":{"summary":"a"}}`, true}, "another": {`{"event_action":"trigger","payload":{"summary":"b"}}`, true},
		"not JSON": {"{bad", false}, "of two keys": {`{"event_action":"trigger","dedup_key":"a","dedup_key":"b"}`, false},
	} {
		var first, again gateway.EventsAccepted
		r.expect(name, r.do("POST", "/v2/enqueue", []byte(c.body), token), 202, "").into(t, &first)
		r.expect(name, r.do("POST", "/v2/enqueue", []byte(c.body), token), 202, "").into(t, &again)
		if (first.DedupKey != "") != c.key || first != again || c.key && keys[first.DedupKey] != "" {
			t.Errorf("%s: keys %q and %q, and %q has the first too", name, first.DedupKey, again.DedupKey, keys[first.DedupKey])
		}
		keys[first.DedupKey] = name
	}
	r.expect("without credentials", r.do("POST", "/v2/enqueue", []byte(`{}`)), 401, "who are you")
}

func FuzzEventsMember(f *testing.F) {
	f.Add([]byte(`{"routing_key":"x","payload":{"routing_key":"y"}}`), "routing_key")
	f.Add([]byte(`{"routing_key":"x","routing_key":"y"}`), "routing_key")
	f.Fuzz(func(t *testing.T, body []byte, name string) {
		got := gateway.EventsMember(body, name)
		if got == "" {
			return
		}
		var whole map[string]any
		if err := json.NewDecoder(bytes.NewReader(body)).Decode(&whole); err != nil || whole[name] != got {
			t.Errorf("%q of %q is read as %q, and is %v (%v)", name, body, got, whole[name], err)
		}
	})
}

func TestSourcesThatNothingReads(t *testing.T) {
	t.Parallel()
	r := start(t)
	token := as(incident.RoleResponder)
	r.expect("unknown", r.do("POST", "/api/v1/alerts/made-up.1", []byte(`{"x":1}`), token), 202, "")
	eventually(t, "it to be kept aside", func() bool {
		list := r.deliveries(store.DeliveryQuarantined)
		return len(list) == 1 && list[0].Source == "made-up.1" && strings.Contains(list[0].Reason, "made-up.1")
	})
	r.expect("unknown without credentials", r.do("POST", "/api/v1/alerts/made-up.2", []byte("{}")), 401, "who are you")
	for _, name := range []string{"Upper", "-x", ".x", "a%2Fb", "a%00", "a b", "a%20b", "ä", strings.Repeat("a", 65), "a%0Ab"} {
		a := r.do("POST", "/api/v1/alerts/"+strings.ReplaceAll(name, " ", "%20"), []byte("{}"), token)
		if a.status != 404 {
			t.Errorf("source %q: %d %s", name, a.status, a.body)
		}
	}
	// Strangers choose names, so what is counted of requests does not have them.
	for line := range strings.Lines(string(r.do("GET", "/metrics", nil, as(incident.RoleViewer)).body)) {
		if strings.Contains(line, "made-up") && (strings.HasPrefix(line, "gateway_alert") || strings.HasPrefix(line, "gateway_sender") || strings.HasPrefix(line, "gateway_request")) {
			t.Errorf("a metric has a name that a stranger chose: %s", line)
		}
	}
	for _, line := range []string{`gateway_alert_deliveries_total{outcome="accepted",source="other"} 1`, `gateway_sender_auth_failures_total{reason="token",source="other"} 1`} {
		if !r.metric(line) {
			t.Errorf("no metric %s", line)
		}
	}
}

// TestNotAdmitted: where nothing can be taken, that is said before a body is
// read, to those who may send.
func TestNotAdmitted(t *testing.T) {
	t.Parallel()
	var full atomic.Bool
	full.Store(true)
	r := start(t, func(s *setup) {
		s.admit = func() error {
			if full.Load() {
				return incident.Errorf(incident.KindUnavailable, "the disk is nearly full")
			}
			return nil
		}
	})
	a := r.expect("full", r.do("POST", "/api/v1/alerts/sns", []byte("{}"), as(incident.RoleResponder)), 503, "send it again")
	if a.header.Get("Retry-After") == "" {
		t.Error("503 without Retry-After")
	}
	r.unread("full", "/api/v1/alerts/sns", "Authorization: Bearer "+tokens[incident.RoleResponder], 503)
	r.expect("full, for a stranger", r.do("POST", "/api/v1/alerts/sns", []byte("{}")), 401, "who are you")
	full.Store(false)
	r.expect("emptied", r.do("POST", "/api/v1/alerts/sns", []byte("{}"), as(incident.RoleResponder)), 202, "")
}

// unread holds that a request is answered without its body having been asked
// for.
func (r *rig) unread(what, path, line string, status int) {
	r.tb.Helper()
	conn, err := net.Dial("tcp", r.gateway.Addr())
	must(r.tb, err)
	defer conn.Close()
	_, err = fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: localhost\r\n%s\r\nContent-Length: 100\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n", path, line)
	must(r.tb, err)
	answer, err := io.ReadAll(conn)
	must(r.tb, err)
	if want := fmt.Sprintf("HTTP/1.1 %d ", status); !strings.HasPrefix(string(answer), want) {
		r.tb.Errorf("%s: the answer begins with %.40q, want %q", what, answer, want)
	}
}

// TestTooLargeToBeBelieved: a delivery whose sender is known by its body alone is
// not counted as lost, because anybody can send one.
func TestTooLargeToBeBelieved(t *testing.T) {
	t.Parallel()
	r := start(t, withSources(t, "sources: [{name: pagerduty, auth: {signature: {secret_files: [a]}}}]", map[string]string{"a": signingSecret}),
		func(s *setup) { s.cfg.MaxAlertBytes = 4096 })
	big := bytes.Repeat([]byte(" "), 4097)
	r.expect("too large", r.do("POST", "/api/v1/alerts/pagerduty", big, header("X-PagerDuty-Signature", sign(big))), 413, "--max-alert-bytes")
	zip := zipped(t, []byte(`{"event":{}}`))
	r.expect("signed as it came", r.do("POST", "/api/v1/alerts/pagerduty", zip, header("X-PagerDuty-Signature", sign(zip)), header("Content-Encoding", "gzip")), 202, "")
	var h struct {
		Lost int64 `json:"deliveries_lost"`
	}
	r.expect("health", r.do("GET", "/api/v1/system/health", nil, as(incident.RoleViewer)), 200, "").into(t, &h)
	if h.Lost != 0 {
		t.Errorf("health shows %d lost deliveries that anybody can have sent", h.Lost)
	}
}

// snsHost stands in for SNS: one certificate of its own is that of its TLS, the
// one that signs, and the authority.
type snsHost struct {
	key       *rsa.PrivateKey
	pem       []byte
	server    *httptest.Server
	up        atomic.Bool
	confirmed atomic.Int64
}

func newSNSHost(tb testing.TB) *snsHost {
	tb.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	must(tb, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "sns.amazonaws.com"}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"sns.amazonaws.com"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	must(tb, err)
	h := &snsHost{key: key, pem: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: raw})}
	h.server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case !h.up.Load():
			w.WriteHeader(http.StatusServiceUnavailable)
		case r.URL.Path == "/":
			h.confirmed.Add(1)
		default:
			_, _ = w.Write(h.pem)
		}
	}))
	h.server.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{raw}, PrivateKey: key}}}
	h.server.StartTLS()
	tb.Cleanup(h.server.Close)
	return h
}

const snsTopicARN = "arn:aws:sns:eu-west-1:123456789012:alarms"

// message is a subscription confirmation, signed.
func (h *snsHost) message(tb testing.TB) []byte {
	tb.Helper()
	m := map[string]string{"Type": "SubscriptionConfirmation", "MessageId": "1", "Token": "2336", "TopicArn": snsTopicARN, "Message": "You have chosen to subscribe",
		"SubscribeURL": h.server.URL + "/?Action=ConfirmSubscription&TopicArn=" + snsTopicARN + "&Token=2336", "Timestamp": time.Now().UTC().Format(time.RFC3339)}
	var text strings.Builder
	for _, name := range []string{"Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"} {
		fmt.Fprintf(&text, "%s\n%s\n", name, m[name])
	}
	digest := sha256.Sum256([]byte(text.String()))
	signature, err := rsa.SignPKCS1v15(rand.Reader, h.key, crypto.SHA256, digest[:])
	must(tb, err)
	m["Signature"], m["SignatureVersion"] = base64.StdEncoding.EncodeToString(signature), "2"
	m["SigningCertURL"] = h.server.URL + "/SimpleNotificationService-" + strings.Repeat("0", 32) + ".pem"
	return []byte(jsonOf(tb, m))
}

func TestSNSIsVerified(t *testing.T) {
	t.Parallel()
	h := newSNSHost(t)
	r := start(t, withSources(t, fmt.Sprintf("sources: [{name: sns, auth: {sns: {topics: [%q], certificate_host: %q, ca_file: ca.pem}}}]",
		snsTopicARN, strings.TrimPrefix(h.server.URL, "https://")), map[string]string{"ca.pem": string(h.pem)}))
	message := h.message(t)
	text := header("Content-Type", "text/plain; charset=UTF-8")

	a := r.expect("certificate away", r.do("POST", "/api/v1/alerts/sns", message, text), 503, "send it again")
	if a.header.Get("Retry-After") == "" {
		t.Error("503 without Retry-After")
	}
	h.up.Store(true)
	r.expect("changed", r.do("POST", "/api/v1/alerts/sns", bytes.Replace(message, []byte("You have"), []byte("I have"), 1), text), 401, "another message")
	r.expect("not signed, from an admin", r.do("POST", "/api/v1/alerts/sns", []byte("{}"), as(incident.RoleAdmin)), 401, "Type")
	if n := len(r.deliveries("")); n != 0 || h.confirmed.Load() != 0 {
		t.Errorf("%d deliveries were stored and %d subscriptions confirmed that SNS did not send", n, h.confirmed.Load())
	}

	r.expect("genuine", r.do("POST", "/api/v1/alerts/sns", message, text, header("Vigil-Confirmed", "no")), 202, "")
	list := r.deliveries("")
	if len(list) != 1 || h.confirmed.Load() != 1 || list[0].Headers["vigil-confirmed"] != "true" || list[0].Principal != "sns" || !bytes.Equal(list[0].Body, message) {
		t.Errorf("confirmed %d times; deliveries %+v", h.confirmed.Load(), list)
	}
	for _, line := range []string{`gateway_sender_certificate_fetches_total{outcome="good"} 1`, `gateway_sender_certificate_fetches_total{outcome="unavailable"} 1`,
		`gateway_sender_auth_failures_total{reason="unavailable",source="sns"} 1`} {
		if !r.metric(line) {
			t.Errorf("no metric %s", line)
		}
	}
}
