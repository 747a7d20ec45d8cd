package tell

import (
	"context"
	"fmt"
	"os"
	"strings"

	"vigil/workflows/incident"
)

// Message is a notification as a channel is to say it. Title and Text are
// rendered for that kind of channel: what came from outside is inert there.
type Message struct {
	incident.Notification
	Title string
	Text  string
	Link  string  // of the incident's page; "" for none
	To    *Person // on call for the team at this moment; nil for nobody in particular
	Again bool    // it may have arrived already: look before saying it twice
}

// Person is somebody who can be told.
type Person struct {
	Key     string // in the notification file
	Name    string
	SlackID string
}

// Receipt is what a channel made of a message.
type Receipt struct {
	State      incident.DeliveryState // "": sent
	Detail     string
	Ref        string // what later messages of the same incident to this channel bring back; "": as before
	Provenance incident.Provenance
}

// Channel says messages somewhere.
type Channel interface {
	// Send returns an error of a kind that is Retryable where it may be tried
	// again; any other kind is a failure for good.
	Send(ctx context.Context, m Message) (Receipt, error)
}

// Chooser is a Channel that is not told of everything that it might be sent.
type Chooser interface {
	// Skip says why m is none of the channel's business; "" where it is.
	Skip(m Message) string
}

// Secret reads a file that holds one secret. It is read for each message, so
// that secrets can be rotated without a restart. Errors quote nothing of it.
func Secret(what, path string) (string, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return "", &incident.Error{Kind: incident.KindDenied, Op: "read " + what, Msg: "the file cannot be read", Err: err}
	}
	s := strings.TrimSpace(string(raw))
	if s == "" || strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
		return "", incident.Errorf(incident.KindDenied, "read %s: %s must hold it and nothing else", what, path)
	}
	return s, nil
}

// Clip shortens s to at most n characters, the last of which then is an ellipsis.
func Clip(s string, n int) string {
	if len(s) <= n { // bytes: at least as many as characters
		return s
	}
	if r := []rune(s); len(r) > n {
		return string(r[:max(n-1, 0)]) + "…"
	}
	return s
}

// Line makes a single line of s: no control characters, no line breaks and
// nothing that turns the direction of what follows.
func Line(s string) string {
	return strings.Join(strings.FieldsFunc(Inert(s), func(r rune) bool { return r == '\n' || r == ' ' }), " ")
}

// Inert removes from s what a reader cannot see and a program may act upon:
// control characters but line breaks, and marks of direction.
func Inert(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n':
			return r
		case r == '\t' || r == '\r' || r == '\u2028' || r == '\u2029' || r == '\u0085':
			return ' '
		case r < ' ', r >= 0x7f && r < 0xa0, r == '\u200e', r == '\u200f', r == '\u061c', r >= '\u202a' && r <= '\u202e', r >= '\u2066' && r <= '\u2069', r == '\ufeff', r == '\ufffd':
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, ""))
}

// mrkdwn are the characters by which Slack knows mentions, links and entities,
// and those that would format what follows.
var mrkdwn = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "`", "'", "*", "∗", "~", "∼")

// Mrkdwn makes text that mentions nobody, links nowhere and formats nothing
// where Slack reads mrkdwn.
func Mrkdwn(s string) string { return mrkdwn.Replace(s) }

// Refusal is the error of a channel that will not take a message, ever.
func Refusal(op, format string, args ...any) *incident.Error {
	return &incident.Error{Kind: incident.KindInvalid, Op: op, Msg: fmt.Sprintf(format, args...)}
}
