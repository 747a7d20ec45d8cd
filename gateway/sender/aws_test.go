package sender_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"vigil/gateway/sender"
)

// Keys take long to make and say nothing.
var (
	signingKey = sync.OnceValue(func() *rsa.PrivateKey { return rsaKey(2048) })
	otherKey   = sync.OnceValue(func() *rsa.PrivateKey { return rsaKey(2048) })
	weakKey    = sync.OnceValue(func() *rsa.PrivateKey { return rsaKey(1024) })
)

func rsaKey(bits int) *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		panic(err)
	}
	return key
}

// authority makes certificates.
type authority struct {
	tb   testing.TB
	at   time.Time
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(tb testing.TB, at time.Time) *authority {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(tb, err)
	a := &authority{tb: tb, at: at, key: key}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "an authority of this test"},
		NotBefore: at.Add(-48 * time.Hour), NotAfter: at.Add(480 * time.Hour), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	must(tb, err)
	a.cert, err = x509.ParseCertificate(raw)
	must(tb, err)
	return a
}

func (a *authority) pem() string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw}))
}

// issue makes a certificate that is good for a day, unless it is changed.
func (a *authority) issue(public any, names []string, change ...func(*x509.Certificate)) []byte {
	a.tb.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: names[0]}, NotBefore: a.at.Add(-24 * time.Hour),
		NotAfter: a.at.Add(24 * time.Hour), KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment}
	for _, n := range names {
		if ip := net.ParseIP(n); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, n)
		}
	}
	for _, f := range change {
		f(template)
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, a.cert, public, a.key)
	must(a.tb, err)
	return raw
}

// aws is where the certificates of SNS are: a TLS server with an authority of
// its own.
type aws struct {
	*httptest.Server
	clock *clock
	ca    *authority
	host  string

	mu      sync.Mutex
	answers map[string]http.HandlerFunc // by path
	asked   []string                    // URLs, in the order in which they came
	fetched map[string]int              // outcomes
}

// newAWS starts one that has the certificate that signs at path "0…0".
func newAWS(tb testing.TB) *aws {
	tb.Helper()
	a := &aws{clock: newClock(), answers: map[string]http.HandlerFunc{}, fetched: map[string]int{}}
	a.ca = newAuthority(tb, a.clock.now())
	a.Server = httptest.NewUnstartedServer(http.HandlerFunc(a.answer))
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(tb, err)
	a.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{a.ca.issue(&key.PublicKey, []string{"127.0.0.1"})}, PrivateKey: key}}, Time: a.clock.now}
	a.Config.ErrorLog = log.New(io.Discard, "", 0) // clients that do not trust it are part of the test
	a.StartTLS()
	tb.Cleanup(a.Close)
	a.host = strings.TrimPrefix(a.URL, "https://")
	a.serve('0', a.ca.issue(&signingKey().PublicKey, []string{"sns.amazonaws.com"}))
	return a
}

func path(digit byte) string {
	return "/SimpleNotificationService-" + strings.Repeat(string(digit), 32) + ".pem"
}

// serve has a certificate at the path that is made of a digit.
func (a *aws) serve(digit byte, der []byte) {
	a.handle(path(digit), func(w http.ResponseWriter, _ *http.Request) {
		_ = pem.Encode(w, &pem.Block{Type: "CERTIFICATE", Bytes: der})
	})
}

func (a *aws) handle(path string, h http.HandlerFunc) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.answers[path] = h
}

func (a *aws) answer(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	h, ok := a.answers[r.URL.Path]
	a.asked = append(a.asked, r.URL.String())
	a.mu.Unlock()
	if !ok {
		http.NotFound(w, r)
		return
	}
	h(w, r)
}

func (a *aws) requests() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return append([]string(nil), a.asked...)
}

func (a *aws) outcomes(name string) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.fetched[name]
}

// sources has one source, sns, whose certificates are here. more is added to
// its entry.
func (a *aws) sources(tb testing.TB, more string) *sender.Sources {
	tb.Helper()
	yaml := fmt.Sprintf("sources: [{name: sns, auth: {sns: {topics: [%q], certificate_host: %q, ca_file: ca.pem%s}}}]", topic, a.host, more)
	return open(tb, yaml, map[string]string{"ca.pem": a.ca.pem()}, a.options)
}

func (a *aws) options(o *sender.Options) {
	o.Now = a.clock.now
	o.Fetched = func(outcome string) {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.fetched[outcome]++
	}
}

// note is a message of SNS before it is signed.
type note map[string]any

func (a *aws) notification() note {
	return note{"Type": "Notification", "MessageId": "3a6a339c-60fc-5718-875e-66cf50fbf89a", "TopicArn": topic, "Subject": `ALARM: "checkout" in EU (Ireland)`,
		"Message": "{\"AlarmName\":\"checkout\"}\nand a second line — größer", "Timestamp": a.clock.now().Format("2006-01-02T15:04:05.000Z"), "SignatureVersion": "2",
		"SigningCertURL": a.URL + path('0'), "UnsubscribeURL": a.URL + "/?Action=Unsubscribe"}
}

func (a *aws) subscription() note {
	n := a.notification()
	n["Type"], n["Token"], n["Message"] = "SubscriptionConfirmation", "2336412f37", "You have chosen to subscribe"
	n["SubscribeURL"] = a.URL + "/?Action=ConfirmSubscription&TopicArn=" + topic + "&Token=2336412f37"
	delete(n, "Subject")
	delete(n, "UnsubscribeURL")
	return n
}

// with is n with other values; nil takes a member away.
func (n note) with(pairs ...any) note {
	out := note{}
	for k, v := range n {
		out[k] = v
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		if name := pairs[i].(string); pairs[i+1] == nil {
			delete(out, name)
		} else {
			out[name] = pairs[i+1]
		}
	}
	return out
}

// signed signs n as its version says.
func (n note) signed(tb testing.TB, key *rsa.PrivateKey) note {
	tb.Helper()
	names := []string{"Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"}
	if n["Type"] != "Notification" {
		names = []string{"Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"}
	}
	var text bytes.Buffer
	for _, name := range names {
		if v, ok := n[name]; ok {
			fmt.Fprintf(&text, "%s\n%v\n", name, v)
		}
	}
	hash, digest := crypto.SHA256, []byte(nil)
	if n["SignatureVersion"] == "1" {
		sum := sha1.Sum(text.Bytes())
		hash, digest = crypto.SHA1, sum[:]
	} else {
		sum := sha256.Sum256(text.Bytes())
		digest = sum[:]
	}
	signature, err := rsa.SignPKCS1v15(rand.Reader, key, hash, digest)
	must(tb, err)
	return n.with("Signature", base64.StdEncoding.EncodeToString(signature))
}

func (n note) json(tb testing.TB) []byte {
	tb.Helper()
	raw, err := json.MarshalIndent(n, "", "  ")
	must(tb, err)
	return raw
}
