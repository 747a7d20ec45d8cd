package sender_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"vigil/gateway/sender"
)

// TestCertificatesOfOtherHosts: no URL but those of the topic's Region is so
// much as asked.
func TestCertificatesOfOtherHosts(t *testing.T) {
	t.Parallel()
	const hex = "0123456789abcdef0123456789abcdef"
	const file = "/SimpleNotificationService-" + hex + ".pem"
	a := newAWS(t)
	yaml := fmt.Sprintf("sources: [{name: sns, auth: {sns: {topics: [%q, %q, %q]}}}]", topic,
		"arn:aws-cn:sns:cn-north-1:123456789012:alarms", "arn:aws-us-gov:sns:us-gov-west-1:123456789012:alarms")
	s := open(t, yaml, nil, a.options)
	for _, u := range []string{
		"https://sns.us-east-1.amazonaws.com" + file, // of another Region
		"https://sns.eu-west-1.amazonaws.com.evil.example" + file,
		"https://evil.example/sns.eu-west-1.amazonaws.com" + file,
		"https://sns.eu-west-1.amazonaws.com@evil.example" + file,
		"https://evil@sns.eu-west-1.amazonaws.com" + file,
		"https://user:password@sns.eu-west-1.amazonaws.com" + file,
		"https://evil.example#sns.eu-west-1.amazonaws.com" + file,
		"https://evil.example\\.sns.eu-west-1.amazonaws.com" + file,
		"https://evil.example?sns.eu-west-1.amazonaws.com" + file,
		"https://sns.s3.amazonaws.com" + file,
		"https://mybucket.s3.amazonaws.com" + file,
		"https://sns.s3-eu-west-1.amazonaws.com" + file,
		"https://sns.s3.eu-west-1.amazonaws.com" + file,
		"https://s3.amazonaws.com/sns.eu-west-1.amazonaws.com" + file,
		"https://sns-eu-west-1.amazonaws.com" + file,
		"https://xsns.eu-west-1.amazonaws.com" + file,
		"https://evil.sns.eu-west-1.amazonaws.com" + file,
		"https://sns.eu-west-1xamazonaws.com" + file,
		"https://sns.eu-west-1.amazonaws.com.cn" + file,
		"https://sns.eu-west-1.amazonaws.com." + file,
		"https://sns.eu-west-1.amazonaws.com:443" + file,
		"https://sns.eu-west-1.amazonaws.com:8443" + file,
		"https://sns.eu-west-1.amazonaws.com:" + file,
		"http://sns.eu-west-1.amazonaws.com" + file,
		"ftp://sns.eu-west-1.amazonaws.com" + file,
		"file:///etc" + file,
		"//sns.eu-west-1.amazonaws.com" + file,
		"HTTPS://sns.eu-west-1.amazonaws.com" + file,
		"https://SNS.eu-west-1.amazonaws.com" + file,
		"https://sns.EU-WEST-1.amazonaws.com" + file,
		"https://ѕns.eu-west-1.amazonaws.com" + file, // a Cyrillic s
		"https://sns.eu-west-1.amazonaws。com" + file, // a full stop of Chinese
		"https://sns.eu-west-1.amazonaws.com" + strings.ReplaceAll(file, "S", "s"),
		"https://sns.eu-west-1.amazonaws.com/" + file,
		"https://sns.eu-west-1.amazonaws.com/x" + file,
		"https://sns.eu-west-1.amazonaws.com/.." + file,
		"https://sns.eu-west-1.amazonaws.com" + file + "?x=1",
		"https://sns.eu-west-1.amazonaws.com" + file + "?",
		"https://sns.eu-west-1.amazonaws.com" + file + "#",
		"https://sns.eu-west-1.amazonaws.com" + file + "#x",
		"https://sns.eu-west-1.amazonaws.com" + file + "/",
		"https://sns.eu-west-1.amazonaws.com" + file + "%00",
		"https://sns.eu-west-1.amazonaws.com" + file + "\n",
		"https://sns.eu-west-1.amazonaws.com" + strings.Replace(file, "0", "%30", 1),
		"https://sns.eu-west-1.amazonaws.com" + strings.ToUpper(file),
		"https://sns.eu-west-1.amazonaws.com" + strings.Replace(file, hex, hex[1:], 1),
		"https://sns.eu-west-1.amazonaws.com" + strings.Replace(file, hex, hex+"0", 1),
		"https://sns.eu-west-1.amazonaws.com/?Action=Publish",
		" https://sns.eu-west-1.amazonaws.com" + file,
		"https:sns.eu-west-1.amazonaws.com" + file,
		"https://127.0.0.1" + file,
		a.URL + path('0'), // it would sign well
		"",
	} {
		body := a.notification().with("SigningCertURL", u).signed(t, signingKey()).json(t)
		if got := verify(t, s, body); got != sender.Certificate {
			t.Errorf("%q: %q, want certificate", u, got)
		}
	}
	if asked := a.requests(); len(asked) != 0 || len(a.fetched) != 0 {
		t.Errorf("certificates were fetched: %v", asked)
	}
}

// TestWrongCertificates: what is at the right URL has to be SNS's all the same.
func TestWrongCertificates(t *testing.T) {
	t.Parallel()
	a := newAWS(t)
	other := newAuthority(t, a.clock.now())
	ecKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	sns := []string{"sns.amazonaws.com"}
	key := &signingKey().PublicKey
	until := func(at time.Time) func(*x509.Certificate) { return func(c *x509.Certificate) { c.NotAfter = at } }
	from := func(at time.Time) func(*x509.Certificate) { return func(c *x509.Certificate) { c.NotBefore = at } }
	noNames := func(c *x509.Certificate) { c.DNSNames = nil }

	digit := byte('a')
	for _, tc := range []struct {
		name string
		der  []byte
		want sender.Reason
	}{
		{"of the Region", a.ca.issue(key, []string{"sns.eu-west-1.amazonaws.com"}), ""},
		{"of a Region that is opted into", a.ca.issue(key, []string{"sns-signing.eu-west-1.amazonaws.com"}), ""},
		{"for SNS among others", a.ca.issue(key, []string{"x.example", "sns.amazonaws.com"}), ""},
		{"with a name in the subject only", a.ca.issue(key, sns, noNames), ""},
		{"expired", a.ca.issue(key, sns, until(a.clock.now().Add(-time.Second))), sender.Certificate},
		{"not valid yet", a.ca.issue(key, sns, from(a.clock.now().Add(time.Second))), sender.Certificate},
		{"of another authority", other.issue(key, sns), sender.Certificate},
		{"for another name", a.ca.issue(key, []string{"evil.example"}), sender.Certificate},
		{"for another Region", a.ca.issue(key, []string{"sns.us-east-1.amazonaws.com"}), sender.Certificate},
		{"for a bucket", a.ca.issue(key, []string{"s3.amazonaws.com"}), sender.Certificate},
		{"for every name", a.ca.issue(key, []string{"*.amazonaws.com"}), sender.Certificate},
		{"for a name beneath", a.ca.issue(key, []string{"sns.amazonaws.com.evil.example"}), sender.Certificate},
		{"with another name in the subject only", a.ca.issue(key, []string{"evil.example"}, noNames), sender.Certificate},
		{"the subject says SNS, the names do not", a.ca.issue(key, []string{"sns.amazonaws.com"}, func(c *x509.Certificate) { c.DNSNames = []string{"evil.example"} }), sender.Certificate},
		{"of an authority itself", a.ca.issue(key, sns, func(c *x509.Certificate) {
			c.IsCA, c.BasicConstraintsValid, c.KeyUsage = true, true, x509.KeyUsageCertSign|x509.KeyUsageDigitalSignature
		}), sender.Certificate},
		{"not for signing", a.ca.issue(key, sns, func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageKeyEncipherment }), sender.Certificate},
		{"a weak key", a.ca.issue(&weakKey().PublicKey, sns), sender.Certificate},
		{"no RSA", a.ca.issue(&ecKey.PublicKey, sns), sender.Certificate},
		{"another's key", a.ca.issue(&otherKey().PublicKey, sns), sender.Mismatch},
	} {
		a.serve(digit, tc.der)
		s := a.sources(t, "") // nothing cached
		body := a.notification().with("SigningCertURL", a.URL+path(digit)).signed(t, signingKey()).json(t)
		for range 2 {
			if got := verify(t, s, body); got != tc.want {
				t.Errorf("%s: %q, want %q", tc.name, got, tc.want)
			}
		}
	}

	good := a.ca.issue(key, sns)
	for _, tc := range []struct {
		name   string
		answer http.HandlerFunc
		want   sender.Reason
	}{
		{"not there", http.NotFound, sender.Certificate},
		{"gone", answers(410), sender.Certificate},
		{"redirect to the right one", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, path('0'), http.StatusFound) }, sender.Certificate},
		{"redirect elsewhere", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://evil.example/x.pem", http.StatusMovedPermanently)
		}, sender.Certificate},
		{"no PEM", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) }, sender.Certificate},
		{"DER", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(good) }, sender.Certificate},
		{"a key in PEM", func(w http.ResponseWriter, _ *http.Request) {
			_ = pem.Encode(w, &pem.Block{Type: "PUBLIC KEY", Bytes: good})
		}, sender.Certificate},
		{"nonsense in PEM", func(w http.ResponseWriter, _ *http.Request) {
			_ = pem.Encode(w, &pem.Block{Type: "CERTIFICATE", Bytes: good[:100]})
		}, sender.Certificate},
		{"without end", func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				if _, err := w.Write(make([]byte, 1<<12)); err != nil {
					return
				}
			}
		}, sender.Certificate},
		{"forbidden", answers(403), sender.Unavailable},
		{"too many", answers(429), sender.Unavailable},
		{"broken", answers(500), sender.Unavailable},
		{"overloaded", answers(503), sender.Unavailable},
		{"nothing", answers(204), sender.Unavailable},
		{"cut off", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, sender.Unavailable},
	} {
		a.handle(path('f'), tc.answer)
		body := a.notification().with("SigningCertURL", a.URL+path('f')).signed(t, signingKey()).json(t)
		if got := verify(t, a.sources(t, ""), body); got != tc.want {
			t.Errorf("%s: %q, want %q", tc.name, got, tc.want)
		}
	}
	if n := a.outcomes(sender.FetchUnavailable); n != 6 {
		t.Errorf("%d times nothing came, want 6", n)
	}
}

func answers(status int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }
}

// TestTLSIsVerified: a host whose certificate is of no authority that we trust
// is as good as none, and its answer is not read.
func TestTLSIsVerified(t *testing.T) {
	t.Parallel()
	a := newAWS(t)
	body := a.notification().signed(t, signingKey()).json(t)
	yaml := fmt.Sprintf("sources: [{name: sns, auth: {sns: {topics: [%q], certificate_host: %q%%s}}}]", topic, a.host)
	other := newAuthority(t, a.clock.now())
	for name, s := range map[string]*sender.Sources{
		"the system's":      open(t, fmt.Sprintf(yaml, ""), nil, a.options),
		"another authority": open(t, fmt.Sprintf(yaml, ", ca_file: ca.pem"), map[string]string{"ca.pem": other.pem()}, a.options),
	} {
		if got := verify(t, s, body); got != sender.Unavailable {
			t.Errorf("%s: %q, want unavailable", name, got)
		}
	}
	// Nor is one that is for another name.
	elsewhere := open(t, fmt.Sprintf("sources: [{name: sns, auth: {sns: {topics: [%q], certificate_host: %q, ca_file: ca.pem}}}]", topic, strings.Replace(a.host, "127.0.0.1", "localhost", 1)),
		map[string]string{"ca.pem": a.ca.pem()}, a.options)
	there := a.notification().with("SigningCertURL", strings.Replace(a.URL, "127.0.0.1", "localhost", 1)+path('0')).signed(t, signingKey()).json(t)
	if got := verify(t, elsewhere, there); got != sender.Unavailable {
		t.Errorf("another name: %q, want unavailable", got)
	}
	if asked := a.requests(); len(asked) != 0 {
		t.Errorf("it was asked for %v", asked)
	}
}

// TestCertificatesAreKept until they expire, and asked for once however many
// wait for one.
func TestCertificatesAreKept(t *testing.T) {
	t.Parallel()
	a := newAWS(t)
	s := a.sources(t, "")
	arrived, release := make(chan struct{}, 1), make(chan struct{})
	der := a.ca.issue(&signingKey().PublicKey, []string{"sns.amazonaws.com"})
	a.handle(path('0'), func(w http.ResponseWriter, _ *http.Request) {
		arrived <- struct{}{}
		<-release
		_ = pem.Encode(w, &pem.Block{Type: "CERTIFICATE", Bytes: der})
	})
	body := a.notification().signed(t, signingKey()).json(t)
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if got := verify(t, s, body); got != "" {
				t.Errorf("%q", got)
			}
		})
	}
	<-arrived
	close(release)
	all.Wait()
	// Those that came after the answer found it; those before it waited for it.
	if n := a.outcomes(sender.FetchGood); n != 1 {
		t.Errorf("it was fetched %d times", n)
	}

	a.clock.move(25 * time.Hour) // it has expired, and so has TLS's
	body = a.notification().signed(t, signingKey()).json(t)
	if got := verify(t, s, body); got != sender.Unavailable {
		t.Errorf("after it expired: %q, want another attempt", got)
	}
}

// TestMoreCertificatesThanAreKept: the first to expire gives way.
func TestMoreCertificatesThanAreKept(t *testing.T) {
	t.Parallel()
	a := newAWS(t)
	s := a.sources(t, "")
	where := func(i int) string { return fmt.Sprintf("/SimpleNotificationService-%032x.pem", i) }
	ask := func(i int) {
		t.Helper()
		if got := verify(t, s, a.notification().with("SigningCertURL", a.URL+where(i)).signed(t, signingKey()).json(t)); got != "" {
			t.Fatalf("certificate %d: %q", i, got)
		}
	}
	for i := range 40 {
		der := a.ca.issue(&signingKey().PublicKey, []string{"sns.amazonaws.com"}, func(c *x509.Certificate) { c.NotAfter = a.clock.now().Add(time.Duration(i+1) * time.Hour) })
		a.handle(where(i), func(w http.ResponseWriter, _ *http.Request) {
			_ = pem.Encode(w, &pem.Block{Type: "CERTIFICATE", Bytes: der})
		})
		ask(i)
	}
	before := len(a.requests())
	ask(39)
	if n := len(a.requests()); n != before {
		t.Error("the one that expires last was not kept")
	}
	ask(0)
	if n := len(a.requests()); n != before+1 {
		t.Error("the one that expires first was kept")
	}
}
