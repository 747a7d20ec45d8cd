package sender_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"vigil/gateway/sender"
)

func verify(tb testing.TB, s *sender.Sources, body []byte) sender.Reason {
	tb.Helper()
	_, err := check(tb, s, "sns", head("Content-Type", "text/plain; charset=UTF-8"), body)
	return reason(tb, err)
}

func TestSNS(t *testing.T) {
	t.Parallel()
	a := newAWS(t)
	s := a.sources(t, ", confirm: false")
	notification, subscription := a.notification(), a.subscription()
	unsubscription := subscription.with("Type", "UnsubscribeConfirmation")
	good := notification.signed(t, signingKey())
	for _, tc := range []struct {
		name string
		note note
		want sender.Reason
	}{
		{"notification", good, ""},
		{"version 1", notification.with("SignatureVersion", "1").signed(t, signingKey()), ""},
		{"without subject", notification.with("Subject", nil).signed(t, signingKey()), ""},
		{"with attributes", good.with("MessageAttributes", map[string]any{"Type": map[string]string{"Type": "String", "Value": "x"}}), ""},
		{"subscription", subscription.signed(t, signingKey()), ""},
		{"subscription, version 1", subscription.with("SignatureVersion", "1").signed(t, signingKey()), ""},
		{"unsubscription", unsubscription.signed(t, signingKey()), ""},

		{"another's key", notification.signed(t, otherKey()), sender.Mismatch},
		{"no signature", notification, sender.Missing},
		{"empty signature", good.with("Signature", ""), sender.Missing},
		{"signature that is no base64", good.with("Signature", "-"), sender.Malformed},
		{"signature of nothing", good.with("Signature", "AA=="), sender.Mismatch},
		{"version 3", good.with("SignatureVersion", "3"), sender.Malformed},
		{"version 1 for 2", good.with("SignatureVersion", "1"), sender.Mismatch},
		{"no version", good.with("SignatureVersion", nil), sender.Malformed},

		{"another message", good.with("Message", "{}"), sender.Mismatch},
		{"another id", good.with("MessageId", "3a6a339c-60fc-5718-875e-66cf50fbf89b"), sender.Mismatch},
		{"another subject", good.with("Subject", "x"), sender.Mismatch},
		{"subject taken away", good.with("Subject", nil), sender.Mismatch},
		{"another time", good.with("Timestamp", a.clock.now().Add(time.Second).Format(time.RFC3339)), sender.Mismatch},
		{"another type", good.with("Type", "UnsubscribeConfirmation", "Token", "x", "SubscribeURL", "x"), sender.Mismatch},
		{"unknown type", good.with("Type", "Notice"), sender.Malformed},
		{"another token", subscription.signed(t, signingKey()).with("Token", "x"), sender.Mismatch},
		{"another URL", subscription.signed(t, signingKey()).with("SubscribeURL", "https://evil.example/"), sender.Mismatch},

		{"topic not listed", notification.with("TopicArn", "arn:aws:sns:eu-west-1:123456789012:others").signed(t, signingKey()), sender.Topic},
		{"topic of another account", notification.with("TopicArn", strings.Replace(topic, "123456789012", "210987654321", 1)).signed(t, signingKey()), sender.Topic},
		{"longer topic", notification.with("TopicArn", topic+"2").signed(t, signingKey()), sender.Topic},
		{"topic in other letters", notification.with("TopicArn", strings.ToUpper(topic)).signed(t, signingKey()), sender.Topic},
		{"topic with a space", notification.with("TopicArn", topic+" ").signed(t, signingKey()), sender.Topic},

		{"an hour old", notification.with("Timestamp", a.clock.now().Add(-time.Hour).Format(time.RFC3339)).signed(t, signingKey()), ""},
		{"older than SNS tries", notification.with("Timestamp", a.clock.now().Add(-66*time.Minute).Format(time.RFC3339)).signed(t, signingKey()), sender.Stale},
		{"from the future", notification.with("Timestamp", a.clock.now().Add(6*time.Minute).Format(time.RFC3339)).signed(t, signingKey()), sender.Stale},
		{"no time", notification.with("Timestamp", "now").signed(t, signingKey()), sender.Malformed},

		// What is signed is lines: those of one value may not pass for another.
		{"subject moved into the id", good.with("Subject", nil, "MessageId", notification["MessageId"].(string)+"\nSubject\n"+notification["Subject"].(string)), sender.Malformed},
		{"unsigned alarm beside the message", good.with("AlarmName", "x", "NewStateValue", "ALARM"), sender.Malformed},
		{"unsigned records beside the message", good.with("Records", []any{}), sender.Malformed},
		{"member in other letters", good.with("message", "{}"), sender.Malformed},
		{"only member in other letters", notification.with("Message", nil, "message", "{}").signed(t, signingKey()), sender.Malformed},
		{"message that is an object", good.with("Message", map[string]any{}), sender.Malformed},
		{"subject that is null", notification.with("Subject", nil).signed(t, signingKey()).with("Subject", any((*int)(nil))), sender.Malformed},
	} {
		if got := verify(t, s, tc.note.json(t)); got != tc.want {
			t.Errorf("%s: %q, want %q", tc.name, got, tc.want)
		}
	}
	if n := a.outcomes(sender.FetchGood); n != 1 || len(a.requests()) != 1 {
		t.Errorf("the certificate was fetched %d times: %v", n, a.requests())
	}

	raw := string(good.json(t))
	for name, body := range map[string]string{
		"nothing": "", "null": "null", "a list": "[" + raw + "]", "a string": `"x"`, "half": raw[:len(raw)/2], "text after it": raw + "{}", "not UTF-8": raw + "\xff",
		"member twice":     strings.Replace(raw, "{", `{"Message": "{}",`, 1),
		"escaped twice":    strings.Replace(raw, "{", `{"\u004dessage": "{}",`, 1),
		"attributes twice": strings.Replace(raw, "{", `{"MessageAttributes": {}, "MessageAttributes": {},`, 1),
		"form":             "Type=Notification",
	} {
		if got := verify(t, s, []byte(body)); got != sender.Malformed {
			t.Errorf("%s: %q, want malformed", name, got)
		}
	}
	// Bytes that say the same are the same message: JSON is signed as it is read.
	if got := verify(t, s, []byte(strings.Replace(raw, `"Type"`, `"\u0054ype"`, 1))); got != "" {
		t.Errorf("another way to write a name: %q", got)
	}
}

// TestEveryByteOfAMessage: no byte of a message can be changed so that it says
// something else and is still believed.
func TestEveryByteOfAMessage(t *testing.T) {
	t.Parallel()
	a := newAWS(t)
	s := a.sources(t, "")
	body := a.notification().with("UnsubscribeURL", nil).signed(t, signingKey()).json(t)
	want, err := sender.ReadMessage(body)
	must(t, err)
	for i := range body {
		for _, bit := range []byte{1, 0x20} {
			changed := bytes.Clone(body)
			changed[i] ^= bit
			if verify(t, s, changed) != "" {
				continue
			}
			if got, err := sender.ReadMessage(changed); err != nil || got != want {
				t.Errorf("byte %d was changed, and %q was believed", i, changed)
			}
		}
	}
}

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

func TestSubscriptions(t *testing.T) {
	t.Parallel()
	a := newAWS(t)
	status, confirmed := http.StatusOK, url.Values{}
	var mu sync.Mutex
	a.handle("/", func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		confirmed = r.URL.Query()
		w.WriteHeader(status)
	})
	answer := func(s int) {
		mu.Lock()
		defer mu.Unlock()
		status, confirmed = s, url.Values{}
	}
	asked := func() url.Values {
		mu.Lock()
		defer mu.Unlock()
		return confirmed
	}
	s := a.sources(t, "")
	subscription := a.subscription()
	body := subscription.signed(t, signingKey()).json(t)

	proof, err := check(t, s, "sns", head(), body)
	if err != nil || !proof.Confirmed {
		t.Errorf("a subscription: %+v, %v", proof, err)
	}
	want := url.Values{"Action": {"ConfirmSubscription"}, "TopicArn": {topic}, "Token": {"2336412f37"}}
	if got := asked(); got.Encode() != want.Encode() {
		t.Errorf("confirmed by %v", got)
	}
	for _, bad := range []int{302, 400, 403, 500, 503} {
		answer(bad)
		if got := verify(t, s, body); got != sender.Unavailable {
			t.Errorf("confirming got %d: %q, want unavailable", bad, got)
		}
	}

	answer(http.StatusOK)
	for name, u := range map[string]string{
		"another host":    "https://evil.example/?" + want.Encode(),
		"look-alike":      "https://" + a.host + ".evil.example/?" + want.Encode(),
		"user":            "https://x@" + a.host + "/?" + want.Encode(),
		"http":            "http://" + a.host + "/?" + want.Encode(),
		"path":            a.URL + "/x?" + want.Encode(),
		"fragment":        a.URL + "/?" + want.Encode() + "#x",
		"another topic":   a.URL + "/?Action=ConfirmSubscription&Token=2336412f37&TopicArn=" + topic + "2",
		"another token":   a.URL + "/?Action=ConfirmSubscription&Token=0&TopicArn=" + topic,
		"another action":  a.URL + "/?Action=DeleteTopic&Token=2336412f37&TopicArn=" + topic,
		"one more":        a.URL + "/?x=1&" + want.Encode(),
		"one twice":       a.URL + "/?Action=DeleteTopic&" + want.Encode(),
		"nothing":         a.URL + "/",
		"semicolons":      a.URL + "/?Action=ConfirmSubscription;x=1&Token=2336412f37&TopicArn=" + topic,
		"a broken escape": a.URL + "/?Action=%zz",
	} {
		if got := verify(t, s, subscription.with("SubscribeURL", u).signed(t, signingKey()).json(t)); got != sender.Malformed {
			t.Errorf("%s: %q, want malformed", name, got)
		}
	}
	for name, body := range map[string][]byte{
		"not signed":       subscription.signed(t, otherKey()).json(t),
		"topic not listed": subscription.with("TopicArn", topic+"2").signed(t, signingKey()).json(t),
		"unsubscription":   subscription.with("Type", "UnsubscribeConfirmation").signed(t, signingKey()).json(t),
		"notification":     a.notification().signed(t, signingKey()).json(t),
	} {
		if proof, _ := check(t, s, "sns", head(), body); proof.Confirmed || len(asked()) != 0 {
			t.Errorf("%s was confirmed", name)
		}
	}
	if proof, err := check(t, a.sources(t, ", confirm: false"), "sns", head(), body); err != nil || proof.Confirmed || len(asked()) != 0 {
		t.Errorf("left to a person: %+v, %v, %v", proof, err, asked())
	}
	if got := asked(); len(got) != 0 {
		t.Errorf("confirmed by %v", got)
	}
}

func FuzzMessage(f *testing.F) {
	f.Add([]byte(`{"Type":"Notification","MessageId":"1","TopicArn":"t","Message":"m","Timestamp":"2026-03-01T12:00:00Z","Signature":"x"}`))
	f.Add([]byte(`{"Type":"SubscriptionConfirmation","Token":"1","MessageAttributes":{"a":[{}]},"Message":"\ud800"}`))
	f.Add([]byte(`{"Type":1}{}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		text, err := sender.ReadMessage(body)
		if err != nil {
			reason(t, err)
			return
		}
		if !strings.HasPrefix(text, "Message\n") || !strings.Contains(text, "\nType\n") || !strings.HasSuffix(text, "\n") {
			t.Errorf("what is signed of %q is %q", body, text)
		}
	})
}
