package pull

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"vigil/activities/sqs"
	"vigil/workflows/incident"
)

// Queue is what is asked of a queue; *sqs.Queue is one.
type Queue interface {
	Name() string
	Receive(ctx context.Context, n int, wait, hide time.Duration) ([]sqs.Message, error)
	Delete(ctx context.Context, messages []sqs.Message) ([]sqs.Refused, error)
	Hide(ctx context.Context, messages []sqs.Message, d time.Duration) ([]sqs.Refused, error)
}

// Config says where alerts go, and how patiently. The zero value of a field
// other than the first two means its default.
type Config struct {
	Gateway   string // base URL of the gateway, such as https://vigil.example.org
	TokenFile string // file with a bearer token of a responder; read anew for every hand-over; "" sends none

	InFlight int           // messages of one queue in hand at once; default 40
	Batch    int           // messages of one receive; default 10, which is the most
	Wait     time.Duration // of a long poll; default 20 s, which is the most
	Lease    time.Duration // for how long messages are hidden at a time; default 1 min
	Later    time.Duration // until a message that will never be taken is tried again; default 30 s, doubling to 15 min; negative: at once

	Transport http.RoundTripper // to the gateway; default: one of its own
}

const (
	maxLater = 15 * time.Minute
	// grace is how long hand-overs that are on their way have to finish when the
	// Puller is stopped, and then again for what is left to be given back.
	grace = 500 * time.Millisecond
	// longest is how long a message is kept in hand: a little less than SQS allows.
	longest = sqs.MaxHide - 30*time.Minute
)

// Validate says what is wrong with c; the file with the token must be there.
func (c Config) Validate() error {
	_, err := c.withDefaults()
	return err
}

func (c Config) withDefaults() (Config, error) {
	c.InFlight, c.Batch = cmp.Or(c.InFlight, 40), cmp.Or(c.Batch, sqs.MaxBatch)
	c.Wait, c.Lease, c.Later = cmp.Or(c.Wait, sqs.MaxWait), cmp.Or(c.Lease, time.Minute), cmp.Or(c.Later, 30*time.Second)
	switch {
	case c.Batch < 1 || c.Batch > sqs.MaxBatch:
		return c, incident.Errorf(incident.KindInvalid, "pull: a batch of %d messages; SQS gives 1 to %d at a time", c.Batch, sqs.MaxBatch)
	case c.InFlight < c.Batch:
		return c, incident.Errorf(incident.KindInvalid, "pull: %d messages in hand with batches of %d; allow at least one batch", c.InFlight, c.Batch)
	case c.Wait < 0 || c.Wait > sqs.MaxWait:
		return c, incident.Errorf(incident.KindInvalid, "pull: a long poll of %s; SQS waits for up to %s", c.Wait, sqs.MaxWait)
	case c.Lease < time.Second || c.Lease > time.Hour:
		return c, incident.Errorf(incident.KindInvalid, "pull: messages hidden for %s at a time; use 1s to 1h", c.Lease)
	}
	u, err := url.Parse(c.Gateway)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return c, incident.Errorf(incident.KindInvalid, "pull: the gateway's URL will not do; write it as https://vigil.example.org, without user, query or fragment")
	}
	c.Gateway = strings.TrimRight(c.Gateway, "/")
	if c.TokenFile != "" {
		if _, err := readToken(c.TokenFile); err != nil {
			return c, &incident.Error{Kind: incident.KindInvalid, Op: "pull", Msg: "the token for the gateway", Err: err}
		}
	}
	return c, nil
}
