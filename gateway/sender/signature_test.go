package sender_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"vigil/gateway/sender"
)

const (
	oldSecret = "the-old-secret-of-this-sender"
	newSecret = "the-new-secret-of-this-sender"
)

func sum(secret, text string) []byte {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(text))
	return mac.Sum(nil)
}

func hexSum(secret, text string) string { return hex.EncodeToString(sum(secret, text)) }

// TestGenuinePagerDuty verifies a webhook that PagerDuty signed, and none of
// those that differ from it in one byte of body or signature.
func TestGenuinePagerDuty(t *testing.T) {
	t.Parallel()
	root := os.Getenv("VIGIL_TESTDATA")
	if root == "" {
		root = filepath.Join("..", "..", "..", "shared", "data")
	}
	dir := filepath.Join(root, "payloads", "pagerduty-v3")
	vector, err := os.ReadFile(filepath.Join(dir, "SIGNATURE_VECTOR.txt"))
	if err != nil {
		t.Skipf("no corpus at %s; set VIGIL_TESTDATA", root)
	}
	body, err := os.ReadFile(filepath.Join(dir, "go-pagerduty-priority_updated.json"))
	must(t, err)
	_, signature, ok := strings.Cut(string(vector), "X-PagerDuty-Signature: ")
	signature, _, _ = strings.Cut(signature, "\n")
	_, secret, ok2 := strings.Cut(string(vector), "webhookv3_test.go): ")
	secret, _, _ = strings.Cut(secret, "\n")
	if !ok || !ok2 {
		t.Fatalf("the vector is written in another way: %s", vector)
	}
	everyChange(t, secret, strings.TrimSpace(signature), body)
}

// TestEveryChangeIsSeen is the same for a webhook of our own.
func TestEveryChangeIsSeen(t *testing.T) {
	t.Parallel()
	body := `{"event":{"id":"01","event_type":"incident.triggered","data":{"title":"Größe"}}}`
	everyChange(t, oldSecret, "v1="+hexSum(oldSecret, body), []byte(body))
}

func everyChange(t *testing.T, secret, signature string, body []byte) {
	t.Helper()
	s := open(t, "sources: [{name: pagerduty, auth: {signature: {secret_files: [a]}}}]", map[string]string{"a": secret + "\n"})
	ask := func(signature string, body []byte) sender.Reason {
		_, err := check(t, s, "pagerduty", head("X-PagerDuty-Signature", signature), body)
		return reason(t, err)
	}
	if r := ask(signature, body); r != "" {
		t.Fatalf("the genuine one is refused: %s", r)
	}
	for i := range body {
		changed := bytes.Clone(body)
		changed[i] ^= 0x20 // the case of a letter, where it is one
		if ask(signature, changed) != sender.Mismatch {
			t.Errorf("byte %d of the body was changed, and nobody saw it", i)
		}
	}
	for i := range signature {
		for _, bit := range []byte{1, 0x20} {
			changed := []byte(signature)
			changed[i] ^= bit
			if r := ask(string(changed), body); r != sender.Mismatch && r != sender.Malformed {
				t.Errorf("byte %d of the signature was changed to %q, and the answer was %q", i, changed, r)
			}
		}
	}
	for n := range body {
		if ask(signature, body[:n]) != sender.Mismatch {
			t.Errorf("a body cut after %d bytes was taken", n)
		}
	}
}

func TestSignatures(t *testing.T) {
	t.Parallel()
	c := newClock()
	s := open(t, `
sources:
  - name: pagerduty
    auth: {signature: {secret_files: [old, new]}}
  - name: eu
    format: grafana
    auth: {signature: {secret_files: [new]}}
  - name: grafana
    auth: {signature: {secret_files: [new], require_timestamp: true}}
  - name: dated
    format: grafana
    auth: {signature: {secret_files: [new], header: X-Sig, timestamp_header: X-Time}}
  - name: forge
    auth: {signature: {secret_files: [new], header: X-Hub-Signature-256, prefix: "sha256="}}
  - name: shop
    auth: {signature: {secret_files: [new], header: X-Hmac, encoding: base64}}
`, map[string]string{"old": oldSecret, "new": newSecret + "\r\n"}, func(o *sender.Options) { o.Now = c.now })
	const body = `{"status":"firing"}`
	unix := func(ago time.Duration) string { return strconv.FormatInt(c.now().Add(-ago).Unix(), 10) }
	dated := func(at, secret string) string { return hexSum(secret, at+":"+body) }
	now := unix(0)
	many := strings.Repeat("v1="+strings.Repeat("0", 64)+",", 16)
	for _, tc := range []struct {
		name, source string
		head         http.Header
		body         string
		want         sender.Reason
	}{
		{"old secret", "pagerduty", head("X-PagerDuty-Signature", "v1="+hexSum(oldSecret, body)), body, ""},
		{"new secret", "pagerduty", head("X-PagerDuty-Signature", "v1="+hexSum(newSecret, body)), body, ""},
		{"both", "pagerduty", head("X-PagerDuty-Signature", "v1="+hexSum("nobody's", body)+", v1="+hexSum(newSecret, body)), body, ""},
		{"two lines", "pagerduty", head("X-PagerDuty-Signature", "v1="+hexSum("nobody's", body), "X-PagerDuty-Signature", "v1="+hexSum(oldSecret, body)), body, ""},
		{"a version to come beside it", "pagerduty", head("X-PagerDuty-Signature", "v2=abc,v1="+hexSum(oldSecret, body)), body, ""},
		{"another version alone", "pagerduty", head("X-PagerDuty-Signature", "v2="+hexSum(oldSecret, body)), body, sender.Malformed},
		{"another's secret", "pagerduty", head("X-PagerDuty-Signature", "v1="+hexSum("nobody's", body)), body, sender.Mismatch},
		{"empty secret", "pagerduty", head("X-PagerDuty-Signature", "v1="+hexSum("", body)), body, sender.Mismatch},
		{"no header", "pagerduty", head(), body, sender.Missing},
		{"empty header", "pagerduty", head("X-PagerDuty-Signature", ""), body, sender.Missing},
		{"prefix alone", "pagerduty", head("X-PagerDuty-Signature", "v1="), body, sender.Malformed},
		{"too many", "pagerduty", head("X-PagerDuty-Signature", many+"v1="+hexSum(oldSecret, body)), body, sender.Malformed},
		{"a token is no signature", "pagerduty", head("Authorization", "Bearer x"), body, sender.Missing},
		{"upper case", "pagerduty", head("X-PagerDuty-Signature", "v1="+strings.ToUpper(hexSum(oldSecret, body))), body, sender.Mismatch},

		{"without time", "eu", head("X-Grafana-Alerting-Signature", hexSum(newSecret, body)), body, ""},
		{"with time", "eu", head("X-Grafana-Alerting-Signature", dated(now, newSecret), "X-Grafana-Alerting-Timestamp", now), body, ""},
		{"a time that is not signed", "eu", head("X-Grafana-Alerting-Signature", hexSum(newSecret, body), "X-Grafana-Alerting-Timestamp", now), body, sender.Mismatch},
		{"the time moved into the body", "eu", head("X-Grafana-Alerting-Signature", dated(now, newSecret)), now + ":" + body, sender.Mismatch},
		{"six minutes old", "eu", head("X-Grafana-Alerting-Signature", dated(unix(6*time.Minute), newSecret), "X-Grafana-Alerting-Timestamp", unix(6*time.Minute)), body, sender.Stale},
		{"four minutes old", "eu", head("X-Grafana-Alerting-Signature", dated(unix(4*time.Minute), newSecret), "X-Grafana-Alerting-Timestamp", unix(4*time.Minute)), body, ""},
		{"from the future", "eu", head("X-Grafana-Alerting-Signature", dated(unix(-6*time.Minute), newSecret), "X-Grafana-Alerting-Timestamp", unix(-6*time.Minute)), body, sender.Stale},
		{"from the far future", "eu", head("X-Grafana-Alerting-Signature", dated("9223372036854775807", newSecret), "X-Grafana-Alerting-Timestamp", "9223372036854775807"), body, sender.Stale},
		{"from the far past", "eu", head("X-Grafana-Alerting-Signature", dated("-9223372036854775808", newSecret), "X-Grafana-Alerting-Timestamp", "-9223372036854775808"), body, sender.Stale},
		{"no time at all", "eu", head("X-Grafana-Alerting-Signature", dated("soon", newSecret), "X-Grafana-Alerting-Timestamp", "soon"), body, sender.Malformed},
		{"two times", "eu", head("X-Grafana-Alerting-Signature", dated(now, newSecret), "X-Grafana-Alerting-Timestamp", now, "X-Grafana-Alerting-Timestamp", now), body, sender.Malformed},

		{"time required and there", "grafana", head("X-Grafana-Alerting-Signature", dated(now, newSecret), "X-Grafana-Alerting-Timestamp", now), body, ""},
		{"time required and not there", "grafana", head("X-Grafana-Alerting-Signature", hexSum(newSecret, body)), body, sender.Missing},
		{"headers of one's own", "dated", head("X-Sig", dated(now, newSecret), "X-Time", now), body, ""},
		{"a header that was named is asked for", "dated", head("X-Sig", hexSum(newSecret, body)), body, sender.Missing},

		{"GitHub", "forge", head("X-Hub-Signature-256", "sha256="+hexSum(newSecret, body)), body, ""},
		{"GitHub without prefix", "forge", head("X-Hub-Signature-256", hexSum(newSecret, body)), body, sender.Malformed},
		{"base64", "shop", head("X-Hmac", base64.StdEncoding.EncodeToString(sum(newSecret, body))), body, ""},
		{"base64 of another", "shop", head("X-Hmac", base64.StdEncoding.EncodeToString(sum(oldSecret, body))), body, sender.Mismatch},
		{"hex for base64", "shop", head("X-Hmac", hexSum(newSecret, body)), body, sender.Mismatch},
	} {
		_, err := check(t, s, tc.source, tc.head, []byte(tc.body))
		if got := reason(t, err); got != tc.want {
			t.Errorf("%s: %q (%v), want %q", tc.name, got, err, tc.want)
		}
	}
}

// TestHeadSparesTheBody: what no body can mend is refused before it is read.
func TestHeadSparesTheBody(t *testing.T) {
	t.Parallel()
	s := open(t, "sources: [{name: pagerduty, auth: {signature: {secret_files: [a]}}}]", map[string]string{"a": oldSecret})
	one, _ := s.Find("pagerduty")
	if _, err := one.Auth.Head(head()); reason(t, err) != sender.Missing {
		t.Errorf("a head without a signature: %v", err)
	}
	if decided, err := one.Auth.Head(head("X-PagerDuty-Signature", "v1=0")); decided || err != nil {
		t.Errorf("a head with one: decided %v, %v", decided, err)
	}
}

func TestSecrets(t *testing.T) {
	t.Parallel()
	first, firstHash := sender.NewSecret()
	second, secondHash := sender.NewSecret()
	if first == second || len(firstHash) != 64 {
		t.Fatalf("secrets are %q and %q, hash %q", first, second, firstHash)
	}
	s := open(t, "sources:\n- {name: datadog, auth: {header: {name: X-Vigil-Secret, sha256: ["+firstHash+", "+strings.ToUpper(secondHash)+"]}}}\n"+
		"- {name: pagerduty-events, auth: {routing_key: {sha256: ["+firstHash+", "+secondHash+"]}}}", nil)
	for _, tc := range []struct {
		name, source string
		head         http.Header
		body         string
		want         sender.Reason
	}{
		{"first", "datadog", head("X-Vigil-Secret", first), "", ""},
		{"second", "datadog", head("x-vigil-secret", second), "", ""},
		{"another", "datadog", head("X-Vigil-Secret", first+"x"), "", sender.Mismatch},
		{"a hash is no secret", "datadog", head("X-Vigil-Secret", firstHash), "", sender.Mismatch},
		{"none", "datadog", head(), "", sender.Missing},
		{"empty", "datadog", head("X-Vigil-Secret", ""), "", sender.Missing},
		{"two", "datadog", head("X-Vigil-Secret", "x", "X-Vigil-Secret", first), "", sender.Malformed},
		{"in another header", "datadog", head("Authorization", "Bearer "+first), "", sender.Missing},
		{"key", "pagerduty-events", head(), `{"routing_key":"` + second + `"}`, ""},
		{"another key", "pagerduty-events", head(), `{"routing_key":"x"}`, sender.Mismatch},
		{"no key", "pagerduty-events", head(), `{}`, sender.Missing},
		{"no JSON", "pagerduty-events", head(), first, sender.Missing},
	} {
		_, err := check(t, s, tc.source, tc.head, []byte(tc.body))
		if got := reason(t, err); got != tc.want {
			t.Errorf("%s: %q (%v), want %q", tc.name, got, err, tc.want)
		}
	}
	one, _ := s.Find("datadog")
	if decided, err := one.Auth.Head(head("X-Vigil-Secret", first)); !decided || err != nil {
		t.Errorf("the head did not decide: %v, %v", decided, err)
	}
	if _, err := one.Auth.Verify(t.Context(), sender.Delivery{Header: head()}); reason(t, err) != sender.Missing {
		t.Errorf("a delivery without the header: %v", err)
	}
}
