package sender

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Types of SNS's messages.
const (
	snsNotify      = "Notification"
	snsSubscribe   = "SubscriptionConfirmation"
	snsUnsubscribe = "UnsubscribeConfirmation"
)

// message is a message of SNS, with what of it is signed.
type message struct {
	kind, topic, token, subscribeURL   string
	timestamp                          string
	at                                 time.Time
	version, signature, certificateURL string
	values                             map[string]string // members that are strings, by name
}

// Members of an SNS message. Whoever reads the same bytes later sees all of
// them, so there may be none whose meaning we do not know: an unsigned
// "AlarmName" beside a signed "Message" would be read as an alarm.
// https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html
var (
	snsMembers = []string{"Type", "MessageId", "TopicArn", "Subject", "Message", "Timestamp", "SignatureVersion", "Signature",
		"SigningCertURL", "UnsubscribeURL", "SubscribeURL", "Token"}
	// snsAttributes hangs an object under the message, which is not signed.
	snsAttributes = "MessageAttributes"
)

// snsSigned are the names that are signed, in the order in which they are.
var snsSigned = map[string][]string{
	snsNotify:      {"Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"},
	snsSubscribe:   {"Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"},
	snsUnsubscribe: {"Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"},
}

// parseMessage reads a message of SNS strictly.
func parseMessage(body []byte) (message, error) {
	values, err := readMembers(body)
	if err != nil {
		return message{}, err
	}
	m := message{values: values, kind: values["Type"], topic: values["TopicArn"], token: values["Token"], subscribeURL: values["SubscribeURL"],
		timestamp: values["Timestamp"], version: values["SignatureVersion"], signature: values["Signature"], certificateURL: values["SigningCertURL"]}
	names, known := snsSigned[m.kind]
	if !known {
		return message{}, refuse(Malformed, "Type is %q; SNS sends %s, %s and %s", shorten(m.kind), snsNotify, snsSubscribe, snsUnsubscribe)
	}
	if m.signature == "" {
		return message{}, refuse(Missing, "the message has no Signature")
	}
	for _, name := range names {
		value, ok := values[name]
		switch {
		case !ok && name != "Subject":
			return message{}, refuse(Malformed, "the message has no %s", name)
		case name != "Message" && strings.ContainsFunc(value, unicode.IsControl):
			// What is signed has one line for each value. Only the message may have
			// several, or a line of one could pass for a value of another.
			return message{}, refuse(Malformed, "%s has control characters in it", name)
		}
	}
	if m.at, err = time.Parse(time.RFC3339, m.timestamp); err != nil {
		return message{}, refuse(Malformed, "Timestamp is %q, which is no time", shorten(m.timestamp))
	}
	return m, nil
}

// readMembers reads one JSON object whose members are those of a message, each
// at most once.
func readMembers(body []byte) (map[string]string, error) {
	if !utf8.Valid(body) {
		return nil, refuse(Malformed, "the body is not UTF-8")
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	if tok, err := dec.Token(); err != nil || tok != json.Delim('{') {
		return nil, refuse(Malformed, "the body is no JSON object, as SNS sends one")
	}
	values := map[string]string{}
	attributes := false
	for dec.More() {
		tok, err := dec.Token()
		if err != nil {
			return nil, refuse(Malformed, "the body is not JSON")
		}
		name, _ := tok.(string) // the names of an object are strings
		_, twice := values[name]
		switch {
		case name == snsAttributes && !attributes:
			attributes = true
			var skipped json.RawMessage
			if err := dec.Decode(&skipped); err != nil {
				return nil, refuse(Malformed, "%s cannot be read", name)
			}
			continue
		case twice || name == snsAttributes:
			return nil, refuse(Malformed, "the message has %q twice", name)
		case !slices.Contains(snsMembers, name):
			return nil, refuse(Malformed, "the message has a member %q, which SNS's messages have not", shorten(name))
		}
		if tok, err = dec.Token(); err != nil {
			return nil, refuse(Malformed, "the body is not JSON")
		}
		value, ok := tok.(string)
		if !ok {
			return nil, refuse(Malformed, "%s is not a string", name)
		}
		values[name] = value
	}
	if _, err := dec.Token(); err != nil {
		return nil, refuse(Malformed, "the body is not JSON")
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, refuse(Malformed, "there is something after the JSON of the body")
	}
	return values, nil
}

// signed is what the signature is made over: every name and every value on
// lines of their own.
// https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html
func (m message) signed() []byte {
	var b bytes.Buffer
	for _, name := range snsSigned[m.kind] {
		if value, ok := m.values[name]; ok {
			b.WriteString(name + "\n" + value + "\n")
		}
	}
	return b.Bytes()
}
