package notify

import (
	"net"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"vigil/activities/internal/tell"
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

// own are the settings of each kind of channel; those that are needed come first.
var own = map[ChannelKind]struct{ needed, optional []string }{
	KindSlack:     {[]string{"token_file", "channel"}, []string{"url"}},
	KindPagerDuty: {[]string{"routing_key_file"}, []string{"url"}},
	KindSNS:       {[]string{"topic_arn"}, nil},
	KindWebhook:   {[]string{"url", "secret_file"}, nil},
}

func (p *parser) channel(name string, n *yaml.Node) {
	what := "channel " + name
	if n.Kind != yaml.MappingNode {
		p.bad(n, "%s must have fields, kind among them", what)
		return
	}
	kind := ChannelKind("")
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == "kind" {
			kind = ChannelKind(n.Content[i+1].Value)
		}
	}
	settings, known := own[kind]
	if !known {
		p.bad(n, "kind of %s is %q; use slack, pagerduty, sns or webhook", what, tell.Clip(string(kind), 40))
		return
	}
	fields := p.fields(n, what, slices.Concat([]string{"kind", "kinds", "min_severity", "rate"}, settings.needed, settings.optional)...)
	for _, needed := range settings.needed {
		if fields[needed] == nil || fields[needed].Value == "" {
			p.bad(n, "%s, which is of kind %s, needs %s", what, kind, needed)
		}
	}
	c := Channel{Name: name, Kind: kind, URL: p.text(fields["url"], "url"), MinSeverity: incident.Severity(p.text(fields["min_severity"], "min_severity")), Rate: defaultRates[kind]}
	for _, f := range []string{"token_file", "routing_key_file", "secret_file"} {
		c.SecretFile += p.text(fields[f], f)
	}
	p.target(&c, fields)
	if u := fields["url"]; u != nil && c.URL != "" {
		if why := badURL(c.URL); why != "" {
			p.bad(u, "url of %s %s", what, why)
		}
	}
	if m := fields["min_severity"]; m != nil && !c.MinSeverity.Valid() {
		p.bad(m, "min_severity of %s is %q; use critical, high, medium or low", what, m.Value)
	}
	for _, k := range p.list(fields["kinds"], "kinds") {
		if kind := incident.NotificationKind(k.Value); !kind.Valid() {
			p.bad(k, "%s wants %q; there are %s", what, k.Value, join(incident.NotificationKinds))
		} else if !slices.Contains(c.Kinds, kind) {
			c.Kinds = append(c.Kinds, kind)
		}
	}
	if k := fields["kinds"]; k != nil && len(k.Content) == 0 {
		p.bad(k, "kinds of %s is empty; leave it out for all of them", what)
	}
	if r := fields["rate"]; r != nil {
		var err error
		if c.Rate, err = ParseRate(r.Value); err != nil {
			p.bad(r, "rate of %s: %v", what, err)
		}
	}
	p.file.Channels[name] = c
}

var (
	slackChannel = regexp.MustCompile(`^[CGD][A-Z0-9]{8,20}$`)
	topicARN     = regexp.MustCompile(`^arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:[A-Za-z0-9_-]{1,256}(?:\.fifo)?$`)
)

// target reads where in the service the channel is.
func (p *parser) target(c *Channel, fields map[string]*yaml.Node) {
	switch c.Kind {
	case KindSlack:
		if c.URL == "" {
			c.URL = slackURL
		}
		if n := fields["channel"]; n != nil && n.Value != "" {
			if c.Target = p.text(n, "channel"); !slackChannel.MatchString(c.Target) {
				p.bad(n, "channel of %s is %q; give the id, such as C0123456789 (in Slack: the channel's details, at the bottom), because names change", c.Name, tell.Clip(c.Target, 40))
			}
		}
	case KindPagerDuty:
		if c.URL == "" {
			c.URL = pagerDutyURL
		}
	case KindSNS:
		if n := fields["topic_arn"]; n != nil && n.Value != "" {
			if c.Target = p.text(n, "topic_arn"); !topicARN.MatchString(c.Target) {
				p.bad(n, "topic_arn of %s is %q; it looks like arn:aws:sns:eu-west-1:111122223333:vigil", c.Name, tell.Clip(c.Target, 80))
			}
		}
	}
}

// badURL says what is wrong with an address; "" for nothing. It may hold a
// secret, so it is not repeated.
func badURL(s string) string {
	u, err := url.Parse(s)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		return "is no address; it looks like https://hooks.example.org/vigil"
	case u.User != nil:
		return "holds credentials; requests are signed instead"
	case u.Fragment != "":
		return "has a fragment, which is never sent; leave it out"
	case u.Scheme == "http" && !loopback(u.Hostname()):
		return "is http, which anybody on the way can read and change; use https"
	}
	return ""
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func join[T ~string](list []T) string {
	var b strings.Builder
	for i, v := range list {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(string(v))
	}
	return b.String()
}
