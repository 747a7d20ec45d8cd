package sender_test

import (
	"bytes"
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
