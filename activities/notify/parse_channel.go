package notify

import (
	"net"
	"net/url"
	"regexp"
	"slices"
	"time"

	"gopkg.in/yaml.v3"

	"vigil/activities/internal/tell"
	"vigil/activities/internal/yamlfile"
	"vigil/workflows/incident"
)

// Defaults of the services' addresses.
const (
	slackURL     = "https://slack.com/api"
	pagerDutyURL = "https://events.pagerduty.com/v2/enqueue"
)

// defaultRates are per channel. Slack takes one message a second and channel;
// a PagerDuty that rings more than twice a minute is no longer heard.
var defaultRates = map[ChannelKind]Rate{
	KindSlack:     {1, time.Second},
	KindPagerDuty: {2, time.Minute},
	KindSNS:       {10, time.Second},
	KindWebhook:   {5, time.Second},
}

// own are the settings of each kind of channel, besides those of all: those
// that are needed, with what they are, and those that are not.
var own = map[ChannelKind]struct {
	needed   map[string]string
	optional []string
}{
	KindSlack:     {map[string]string{"token_file": "the file with the bot's token", "channel": "the id of the channel, such as C0123456789"}, []string{"url"}},
	KindPagerDuty: {map[string]string{"routing_key_file": "the file with the integration key of a service"}, []string{"url"}},
	KindSNS:       {map[string]string{"topic_arn": "the ARN of the topic"}, nil},
	KindWebhook:   {map[string]string{"url": "where to post", "secret_file": "the file with the secrets to sign with, one a line"}, nil},
}

var (
	slackChannel = regexp.MustCompile(`^[CGD][A-Z0-9]{8,20}$`)
	topicARN     = regexp.MustCompile(`^arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:[A-Za-z0-9_-]{1,256}(?:\.fifo)?$`)
)

func (p *parser) channel(all yamlfile.Map, key string) {
	// Known to teams whatever is wrong with it.
	c := Channel{Name: key}
	defer func() { p.file.Channels[key] = c }()
	kind := kindOf(all.At(key))
	settings, known := own[kind]
	if !known {
		if m, ok := all.Map(key); ok {
			m.Wrong("kind", "%q is none of %s", tell.Clip(string(kind), 40), yamlfile.Join(ChannelKinds))
		}
		return
	}
	fields := append([]string{"kind", "kinds", "min_severity", "rate"}, settings.optional...)
	for f := range settings.needed {
		fields = append(fields, f)
	}
	slices.Sort(fields)
	m, _ := all.Map(key, fields...)
	for _, f := range fields {
		if why, needed := settings.needed[f]; needed {
			m.Required(f, why)
		}
	}
	c.Kind, c.Rate, c.URL = kind, defaultRates[kind], m.Text("url")
	for _, f := range []string{"token_file", "routing_key_file", "secret_file"} {
		if settings.needed[f] != "" {
			c.SecretFile = m.Text(f)
		}
	}
	if why := badURL(c.URL); c.URL != "" && why != "" {
		m.Wrong("url", "it %s", why)
	}
	target(&c, m)
	c.MinSeverity = yamlfile.Word(m, "min_severity", incident.Severities, "")
	for _, k := range m.Texts("kinds") {
		if kind := incident.NotificationKind(k); !kind.Valid() {
			m.Wrong("kinds", "%q is none of %s", tell.Clip(k, 40), yamlfile.Join(incident.NotificationKinds))
		} else if !slices.Contains(c.Kinds, kind) {
			c.Kinds = append(c.Kinds, kind)
		}
	}
	if n := m.At("kinds"); m.Has("kinds") && n.Kind == yaml.SequenceNode && len(n.Content) == 0 {
		m.Wrong("kinds", "it is empty; leave it out for all of them")
	}
	if s := m.Text("rate"); s != "" {
		var err error
		if c.Rate, err = ParseRate(s); err != nil {
			m.Wrong("rate", "%v", err)
		}
	}
}

// kindOf is the kind of a channel, on which it depends what else may be there.
func kindOf(n *yaml.Node) ChannelKind {
	for i := 0; n.Kind == yaml.MappingNode && i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == "kind" {
			return ChannelKind(n.Content[i+1].Value)
		}
	}
	return ""
}

// target reads where in the service the channel is.
func target(c *Channel, m yamlfile.Map) {
	switch c.Kind {
	case KindSlack:
		if c.URL == "" {
			c.URL = slackURL
		}
		if c.Target = m.Text("channel"); c.Target != "" && !slackChannel.MatchString(c.Target) {
			m.Wrong("channel", "%q is no id; give that, such as C0123456789 (in Slack: the channel's details, at the bottom), because names change", tell.Clip(c.Target, 40))
		}
	case KindPagerDuty:
		if c.URL == "" {
			c.URL = pagerDutyURL
		}
	case KindSNS:
		if c.Target = m.Text("topic_arn"); c.Target != "" && !topicARN.MatchString(c.Target) {
			m.Wrong("topic_arn", "%q is none; it looks like arn:aws:sns:eu-west-1:111122223333:vigil", tell.Clip(c.Target, 80))
		}
	}
}

// badURL says what is wrong with an address; "" for nothing. It may hold a
// secret, so it is not repeated.
func badURL(s string) string {
	u, err := url.Parse(s)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		return "is no address; one looks like https://hooks.example.org/vigil"
	case u.User != nil:
		return "holds credentials; requests are signed instead"
	case u.Fragment != "":
		return "has a fragment, which is never sent; leave that out"
	case u.Scheme == "http" && !loopback(u.Hostname()):
		return "is http, which anybody on the way can read and change; use https"
	}
	return ""
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
