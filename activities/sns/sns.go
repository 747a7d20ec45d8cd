// Package sns tells a topic of Amazon SNS, and so whoever subscribes to it: by
// e-mail, text message, queue or function.
//
// A FIFO topic is given the incident as message group and the notification's
// key as deduplication id, so a repetition within five minutes is dropped and
// an incident's messages come in order. A standard topic knows no key and may
// deliver twice by itself: what may have arrived is published again, and the
// attribute "key" tells subscribers what they have.
//
// A Channel is immutable and safe for concurrent use.
package sns

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sns/types"

	"vigil/activities"
	"vigil/activities/internal/awscall"
	"vigil/activities/internal/tell"
	"vigil/workflows/incident"
)

const (
	service     = "sns"
	readTimeout = 15 * time.Second
	maxSubject  = 99        // characters; SNS takes fewer than 100
	maxMessage  = 200 << 10 // bytes; SNS takes 256 KiB, attributes included
)

// Channel is one topic.
type Channel struct {
	api   *sns.Client
	call  awscall.Caller
	topic string
}

var _ tell.Channel = (*Channel)(nil)

var region = regexp.MustCompile(`^arn:aws[a-z-]*:sns:([a-z0-9-]+):`)

// New makes a Channel of the topic with an ARN, in whose region it is asked.
// recorder may be nil.
func New(cfg aws.Config, topicARN string, recorder activities.Recorder) (*Channel, error) {
	m := region.FindStringSubmatch(topicARN)
	if m == nil {
		return nil, incident.Errorf(incident.KindInvalid, "%.80q is no ARN of a topic; it looks like arn:aws:sns:eu-west-1:111122223333:vigil", topicARN)
	}
	cfg = cfg.Copy()
	cfg.Region = m[1]
	return &Channel{api: sns.NewFromConfig(awscall.Prepare(cfg, readTimeout)), call: awscall.New(service, recorder), topic: topicARN}, nil
}

// Send publishes m.
func (c *Channel) Send(ctx context.Context, m tell.Message) (tell.Receipt, error) {
	body := m.Text
	for len(body) > maxMessage {
		body = tell.Clip(body, len([]rune(body))*3/4)
	}
	if body == "" {
		body = m.Title // SNS refuses an empty message
	}
	in := &sns.PublishInput{TopicArn: &c.topic, Message: &body, MessageAttributes: attributes(m)}
	if s := subject(m.Title); s != "" {
		in.Subject = &s
	}
	if strings.HasSuffix(c.topic, ".fifo") {
		in.MessageGroupId, in.MessageDeduplicationId = aws.String(digest(m.IncidentID)), aws.String(digest(m.Key))
	}
	out, p, err := awscall.Do(ctx, c.call, "Publish", c.api.Publish, in)
	if err != nil {
		return tell.Receipt{Provenance: p}, err
	}
	return tell.Receipt{Detail: "message " + aws.ToString(out.MessageId), Provenance: p}, nil
}

// attributes let subscribers choose what they want.
func attributes(m tell.Message) map[string]types.MessageAttributeValue {
	out := map[string]types.MessageAttributeValue{}
	for name, value := range map[string]string{"incident": m.IncidentID, "kind": string(m.Kind), "severity": string(m.Severity),
		"service": tell.Clip(tell.Line(m.Service), 200), "team": m.Team, "key": m.Key, "origin": string(m.Origin)} {
		if value != "" { // SNS refuses empty ones
			out[name] = types.MessageAttributeValue{DataType: aws.String("String"), StringValue: aws.String(value)}
		}
	}
	return out
}

// subject is what SNS takes for one: ASCII on one line that begins with a
// letter, a digit or a sign.
func subject(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, tell.Line(s))
	return strings.TrimSpace(s[:min(len(s), maxSubject)])
}

// digest makes an id of up to 128 characters, as SNS takes them, of any key.
func digest(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}
