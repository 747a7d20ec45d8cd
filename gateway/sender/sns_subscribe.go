package sender

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
)

// maxConfirmation is how much of SNS's answer to a confirmation is read; it is
// a few lines of XML.
const maxConfirmation = 64 << 10

// subscribe confirms a subscription whose message has been verified. Doing so
// twice is once to SNS, and after a failure it asks again.
func (s snsSource) subscribe(ctx context.Context, t snsTopic, m message) error {
	where, err := t.confirmation(m)
	if err != nil {
		return err
	}
	status, body, err := get(ctx, s.certs.client, where, maxConfirmation)
	switch {
	case err != nil:
		return &Error{Reason: Unavailable, Msg: "the subscription cannot be confirmed", Err: err}
	case status != http.StatusOK:
		return refuse(Unavailable, "the subscription cannot be confirmed: SNS answers %d %q", status, shorten(string(body)))
	}
	return nil
}

// confirmation is the URL that confirms a subscription. It is written anew from
// what was verified, after the one in the message has been found to say just
// that.
func (t snsTopic) confirmation(m message) (string, error) {
	u, err := url.Parse(m.subscribeURL)
	if err != nil || u.Scheme != "https" || u.Host != t.host || u.User != nil || (u.Path != "/" && u.Path != "") || u.Fragment != "" || u.Opaque != "" {
		return "", refuse(Malformed, "SubscribeURL is %q; subscriptions to this topic are confirmed at https://%s/", shorten(m.subscribeURL), t.host)
	}
	query, err := url.ParseQuery(u.RawQuery)
	want := url.Values{"Action": {"ConfirmSubscription"}, "TopicArn": {t.arn}, "Token": {m.token}}
	if err == nil {
		err = sameValues(query, want)
	}
	if err != nil || m.token == "" {
		return "", refuse(Malformed, "SubscribeURL asks for something else than to confirm this subscription: %q", shorten(u.RawQuery))
	}
	return "https://" + t.host + "/?" + want.Encode(), nil
}

func sameValues(got, want url.Values) error {
	if len(got) != len(want) {
		return fmt.Errorf("it has %d parameters", len(got))
	}
	for name, values := range want {
		if !slices.Equal(got[name], values) {
			return fmt.Errorf("its %s is another", name)
		}
	}
	return nil
}
