package worker

import (
	"flag"
	"strings"
	"time"

	"vigil/workflows/incident"
)

// Config is what a worker is told. DefaultConfig says every default; Flags
// names each field on the command line, and VIGIL_ with the flag's name in
// capitals and underscores names it in the environment. Temporal's own
// settings (address, namespace, TLS, API key) come from the TEMPORAL_*
// environment or Temporal's configuration file.
type Config struct {
	NATSURL        string // where the event stream is; unused when Deps has a connection
	StreamReplicas int    // copies of the stream when it is made
	MetricsListen  string // address for Prometheus; "" serves none

	Region   string // AWS region; "" is what the AWS SDK finds
	Endpoint string // one endpoint for every AWS service; "" is AWS itself, or AWS_ENDPOINT_URL
	DataDir  string // of the worker's own tables and of evidence that is too large for a history; "" keeps neither
	Runbooks string // directory of Markdown files; "" for none
	Bucket   string // S3 bucket for large evidence, instead of DataDir; "bucket" or "bucket/prefix"

	Telemetry
	AI
	AlertQueues
	Actions
	Executing
	Notify

	Lookback      time.Duration
	Approval      time.Duration // per level of the ladder
	Handover      time.Duration // per level, once an incident is a person's
	VerifyEvery   time.Duration
	VerifyPoints  int
	VerifyTimeout time.Duration
	Ladder        []string
}

// DefaultConfig is the configuration of a worker that nobody configured: AWS
// itself, and every action a dry run.
func DefaultConfig() Config {
	d := incident.DefaultSettings()
	return Config{
		NATSURL: "nats://127.0.0.1:4222", StreamReplicas: 1,
		DataDir: "vigil-worker", Telemetry: defaultTelemetry(), AI: defaultAI(), AlertQueues: defaultAlertQueues(), Actions: defaultActions(),
		Lookback: dur(d.LookbackMS), Approval: dur(d.ApprovalMS), Handover: dur(d.HandoverMS),
		VerifyEvery: dur(d.VerifyEveryMS), VerifyPoints: d.VerifyPoints, VerifyTimeout: dur(d.VerifyTimeoutMS),
		Ladder: d.Ladder,
	}
}

// Flags adds a flag for every field to fs. The field's value is the default.
func (c *Config) Flags(fs *flag.FlagSet) {
	fs.StringVar(&c.NATSURL, "nats-url", c.NATSURL, "`url` of the NATS server that has the event stream")
	fs.IntVar(&c.StreamReplicas, "stream-replicas", c.StreamReplicas, "copies of the event stream, when this worker is the one that makes it; 3 on a NATS cluster")
	fs.StringVar(&c.MetricsListen, "metrics-listen", c.MetricsListen, "`address` to serve Prometheus metrics on, such as 127.0.0.1:9464; empty for none")
	fs.StringVar(&c.Region, "aws-region", c.Region, "AWS `region`; empty for what the AWS SDK finds")
	fs.StringVar(&c.Endpoint, "aws-endpoint", c.Endpoint, "one `url` for every AWS service; empty for AWS itself, or AWS_ENDPOINT_URL")
	fs.StringVar(&c.DataDir, "data-dir", c.DataDir, "`directory` of what the worker keeps: past incidents, and evidence too large for a history; empty keeps neither")
	fs.StringVar(&c.Runbooks, "runbooks-dir", c.Runbooks, "`directory` of runbooks in Markdown; empty for none")
	fs.StringVar(&c.Bucket, "evidence-bucket", c.Bucket, "S3 `bucket` or bucket/prefix for evidence too large for a history, instead of the data directory")
	c.Telemetry.flags(fs)
	c.AI.flags(fs)
	c.AlertQueues.flags(fs)
	c.Actions.flags(fs)
	c.Executing.flags(fs)
	c.Notify.flags(fs)
	fs.DurationVar(&c.Lookback, "lookback", c.Lookback, "how far before an incident telemetry is read; the first half counts as normal")
	fs.DurationVar(&c.Approval, "approval-timeout", c.Approval, "how long each level of the ladder has to decide")
	fs.DurationVar(&c.Handover, "handover-timeout", c.Handover, "how long each level has, once an incident is a person's")
	fs.DurationVar(&c.VerifyEvery, "verify-every", c.VerifyEvery, "how often the telemetry is read after an action")
	fs.IntVar(&c.VerifyPoints, "verify-points", c.VerifyPoints, "consecutive good points that count as recovered; 2 or more")
	fs.DurationVar(&c.VerifyTimeout, "verify-timeout", c.VerifyTimeout, "how long the telemetry has to recover")
	fs.Var(listFlag{&c.Ladder}, "escalation-ladder", "comma-separated `levels` that are asked one after another")
}

// settings are what the configuration means for an incident.
func (c Config) settings() (incident.Settings, error) {
	s := incident.DefaultSettings()
	s.LookbackMS, s.ApprovalMS, s.HandoverMS = c.Lookback.Milliseconds(), c.Approval.Milliseconds(), c.Handover.Milliseconds()
	s.VerifyEveryMS, s.VerifyTimeoutMS, s.VerifyPoints = c.VerifyEvery.Milliseconds(), c.VerifyTimeout.Milliseconds(), c.VerifyPoints
	s.Ladder = c.Ladder
	if err := c.AI.apply(&s); err != nil {
		return s, err
	}
	if err := c.Telemetry.validate(); err != nil {
		return s, err
	}
	if err := c.AlertQueues.validate(); err != nil {
		return s, err
	}
	if err := c.Notify.apply(&s); err != nil {
		return s, err
	}
	if err := c.Actions.apply(&s); err != nil {
		return s, err
	}
	return s, s.Validate()
}

func dur(ms int64) time.Duration { return time.Duration(ms) * time.Millisecond }

// listFlag is a flag whose value is separated by commas.
type listFlag struct{ to *[]string }

func (l listFlag) String() string {
	if l.to == nil {
		return ""
	}
	return strings.Join(*l.to, ",")
}

func (l listFlag) Set(s string) error {
	*l.to = nil
	for _, part := range strings.Split(s, ",") {
		if part = strings.TrimSpace(part); part != "" {
			*l.to = append(*l.to, part)
		}
	}
	return nil
}
