package sandbox

import (
	"fmt"
	"net/url"
	"slices"
	"time"

	"go.uber.org/zap"
)

// Config configures a Server. The zero value is usable: it listens on any free
// loopback port and tells no gateway of alarms.
type Config struct {
	Listen string        // default 127.0.0.1:0
	Tick   time.Duration // of the world; default 5 s
	Seed   uint64        // of all noise; the same seed gives the same world
	Varied bool          // services, faults and noise of the seed's own; otherwise the shop

	// Gateway is the base URL to which alarms are posted, at
	// /api/v1/alerts/sns. Empty: they are shown and sent nowhere. User and
	// password in it are sent as basic authentication, as SNS does.
	Gateway      string
	GatewayToken string // sent as a bearer token where it is set

	// SNSListen is where the certificate is served, over TLS, with which alarms
	// are signed; default 127.0.0.1:0. SNSDir is where that identity is kept;
	// empty: it is made anew at every start. Without a gateway there is none.
	SNSListen string
	SNSDir    string
	// Queues are the queues of SQS. Default: AlarmQueue with a dead-letter queue,
	// and both again as FIFO queues.
	Queues []Queue
	// AlarmEvents publishes what alarms do to AlarmQueue as well, as EventBridge
	// does. It is off by default, so that an alarm does not come twice.
	AlarmEvents bool

	// Compromised are parts of the ids of models that obey every instruction
	// that they find in what they read, such as nova-pro; "*" is all of them.
	Compromised []string

	// Webhooks are the secrets of receivers at /_webhooks/{name}, by name, which
	// refuse what is signed by none of them. PUT there changes them.
	Webhooks map[string][]string

	// Runbooks are what knowledge bases, Q Business and agents know. Default:
	// those in the directory runbooks; empty but not nil: none.
	Runbooks []Runbook

	// MemoryDelay is how long after an event its record can be found in an
	// AgentCore memory. AWS takes a minute or so.
	MemoryDelay time.Duration

	ModelLatency Latency       // how long Converse takes; default 30 to 120 ms
	QueryTime    time.Duration // how long a Logs Insights query runs; default 100 ms, negative: none

	// Retry is how long to wait before each further attempt at a notification
	// that the gateway did not take. Default: three at once, then after 1 s,
	// doubling to 20 s: 13 further attempts in about three minutes.
	Retry []time.Duration

	// Now is the clock of the world and of the call log. Default time.Now.
	// Waiting (retries, latency, chaos) goes by the real clock.
	Now    func() time.Time
	Logger *zap.Logger // default: none
}

// Latency is a span from which a latency is drawn. Max 0 means the default,
// Max below 0 none at all.
type Latency struct{ Min, Max time.Duration }

var defaultRetry = []time.Duration{
	0, 0, 0, time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second, 16 * time.Second,
	20 * time.Second, 20 * time.Second, 20 * time.Second, 20 * time.Second, 20 * time.Second,
}

const snsPath = "/api/v1/alerts/sns"

func (c Config) withDefaults() (Config, error) {
	if c.Listen == "" {
		c.Listen = "127.0.0.1:0"
	}
	if c.SNSListen == "" {
		c.SNSListen = "127.0.0.1:0"
	}
	if c.Tick == 0 {
		c.Tick = 5 * time.Second
	}
	if c.ModelLatency.Max == 0 {
		c.ModelLatency = Latency{30 * time.Millisecond, 120 * time.Millisecond}
	}
	if c.ModelLatency.Max > 0 && c.ModelLatency.Min > c.ModelLatency.Max {
		return c, fmt.Errorf("sandbox: model latency from %s to %s; the first must not be larger", c.ModelLatency.Min, c.ModelLatency.Max)
	}
	if c.QueryTime == 0 {
		c.QueryTime = 100 * time.Millisecond
	}
	if c.Runbooks == nil {
		c.Runbooks = shippedRunbooks()
	}
	if c.Queues == nil {
		c.Queues = shippedQueues()
	}
	if c.AlarmEvents && !slices.ContainsFunc(c.Queues, func(q Queue) bool { return q.Name == AlarmQueue }) {
		return c, fmt.Errorf("sandbox: alarms are to be published to the queue %s, which is not among the queues", AlarmQueue)
	}
	if c.Retry == nil {
		c.Retry = defaultRetry
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = zap.NewNop()
	}
	if c.Gateway != "" {
		u, err := url.Parse(c.Gateway)
		if err != nil {
			return c, fmt.Errorf("sandbox: the gateway's URL: %w", err)
		}
		if u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
			return c, fmt.Errorf("sandbox: the gateway's URL is %q; use http://host:port", c.Gateway)
		}
	}
	return c, nil
}
