package slack

import (
	"context"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"vigil/activities"
	"vigil/activities/internal/tell"
	"vigil/workflows/incident"
)

const (
	service   = "slack"
	eventType = "vigil_notification"

	// lookBack allows for clocks that differ from Slack's.
	lookBack  = 5 * time.Minute
	pageSize  = 200 // messages of one answer
	maxPages  = 5
	replyChar = 2800 // characters of a reply
)

// Config says where and as whom.
type Config struct {
	URL       string // of the Web API, such as https://slack.com/api
	TokenFile string // holds the bot's token, xoxb-…
	Channel   string // id
}

// Channel is one channel of Slack.
type Channel struct {
	config Config
	caller tell.Caller
}

var _ tell.Channel = (*Channel)(nil)

// New makes a Channel. recorder may be nil. Nothing is asked yet.
func New(c Config, recorder activities.Recorder) *Channel {
	c.URL = strings.TrimRight(c.URL, "/")
	return &Channel{config: c, caller: tell.New(service, recorder)}
}

// noticed are the kinds that are also said in the thread.
var noticed = []incident.NotificationKind{incident.NotifyEscalated, incident.NotifyApproval, incident.NotifyReminder,
	incident.NotifyHandover, incident.NotifyUnsafe, incident.NotifyClosed}

// Send posts the incident's message, or updates it and replies to it. The
// update comes first: repeating it is harmless, so whatever fails, the whole of
// Send may be tried again.
func (c *Channel) Send(ctx context.Context, m tell.Message) (tell.Receipt, error) {
	channel, ts, ok := strings.Cut(m.Ref, "/")
	if !ok || channel == "" || ts == "" {
		return c.post(ctx, m, message{Channel: c.config.Channel}, blocks(m))
	}
	out, p, err := c.call(ctx, "chat.update", nil, message{Channel: channel, TS: ts, Text: fallback(m), Blocks: blocks(m), Parse: "none"})
	if gone(err) { // deleted, or too old to be changed: the incident needs a message
		return c.post(ctx, m, message{Channel: c.config.Channel}, blocks(m))
	}
	if err != nil {
		return tell.Receipt{Provenance: p}, err
	}
	ref := refOf(out, channel, ts)
	if !slices.Contains(noticed, m.Kind) {
		return tell.Receipt{Ref: ref, Provenance: p}, nil
	}
	r, err := c.post(ctx, m, message{Channel: channel, Thread: ts}, reply(m))
	r.Ref = ref
	return r, err
}

func gone(err error) bool {
	k := incident.KindOf(err)
	return err != nil && (k == incident.KindNotFound && !strings.Contains(err.Error(), "channel_not_found") || k == incident.KindConflict && !strings.Contains(err.Error(), "is_archived"))
}

func refOf(e envelope, channel, ts string) string {
	if e.Channel != "" && e.TS != "" {
		channel, ts = e.Channel, e.TS
	}
	return channel + "/" + ts
}

// post says m once: what may have been said is looked for first.
func (c *Channel) post(ctx context.Context, m tell.Message, to message, body []block) (tell.Receipt, error) {
	if m.Again {
		ts, p, err := c.find(ctx, m, to)
		switch {
		case err != nil && incident.KindOf(err).Retryable():
			return tell.Receipt{Provenance: p}, tell.Doubt(incident.Errorf(incident.KindOf(err), "whether it was said already cannot be looked up yet: %s", err))
		case err != nil && !m.Kind.Pages():
			return tell.Receipt{State: incident.DeliveryDoubtful, Provenance: p,
				Detail: "an earlier attempt may have arrived, and the channel cannot be read to see: " + err.Error()}, nil
		case err == nil && ts != "":
			return tell.Receipt{Ref: to.Channel + "/" + ts, Provenance: p, Detail: "an earlier attempt had arrived"}, nil
		}
	}
	to.Text, to.Blocks, to.Parse = fallback(m), body, "none"
	to.Metadata = &metadata{Type: eventType, Payload: map[string]string{"incident": m.IncidentID, "key": m.Key}}
	out, p, err := c.call(ctx, "chat.postMessage", nil, to)
	if err != nil {
		return tell.Receipt{Provenance: p}, err
	}
	if out.TS == "" {
		return tell.Receipt{Provenance: p}, tell.Doubt(incident.Errorf(incident.KindUnavailable, "slack chat.postMessage: the answer does not name the message"))
	}
	return tell.Receipt{Ref: refOf(out, to.Channel, out.TS), Provenance: p}, nil
}

// find looks for the message of m's key; "" where it is not there.
func (c *Channel) find(ctx context.Context, m tell.Message, in message) (ts string, p incident.Provenance, err error) {
	method := "conversations.history"
	form := url.Values{"channel": {in.Channel}, "include_all_metadata": {"true"}, "limit": {strconv.Itoa(pageSize)},
		"oldest": {strconv.FormatInt(m.At.Add(-lookBack).Unix(), 10)}}
	if in.Thread != "" {
		method = "conversations.replies"
		form.Set("ts", in.Thread)
	}
	for range maxPages {
		out, p, err := c.call(ctx, method, form, nil)
		if err != nil {
			return "", p, err
		}
		for _, have := range out.Messages {
			if have.Metadata.EventType == eventType && have.Metadata.Payload["key"] == m.Key && have.TS != in.Thread {
				return have.TS, p, nil
			}
		}
		if out.Next.Cursor == "" {
			return "", p, nil
		}
		form.Set("cursor", out.Next.Cursor)
	}
	return "", p, incident.Errorf(incident.KindInvalid, "more than %d messages since then", maxPages*pageSize)
}
