package worker

import (
	"context"
	"flag"
	"slices"
	"strings"

	"vigil/activities"
	"vigil/activities/awsconfig"
	"vigil/activities/sqs"
	"vigil/internal/lifecycle"
	"vigil/worker/pull"
	"vigil/workflows/incident"
)

// AlertQueues says which SQS queues alerts are pulled from, and to which
// gateway they are handed. The worker does it because it has AWS credentials,
// which the gateway has not.
type AlertQueues struct {
	QueueURLs        []string // none: nothing is pulled
	GatewayURL       string
	GatewayTokenFile string // file with the token of a responder; "" where the gateway asks for none
	QueueInFlight    int    // messages of a queue in hand at once
	QueueBatch       int    // messages of one receive
}

func defaultAlertQueues() AlertQueues {
	return AlertQueues{QueueInFlight: 40, QueueBatch: sqs.MaxBatch}
}

func (a *AlertQueues) flags(fs *flag.FlagSet) {
	fs.Var(&moreFlag{to: &a.QueueURLs}, "alert-queue-url", "`url` of an SQS queue that alerts are pulled from and handed to the gateway; may be repeated, or separated by commas")
	fs.StringVar(&a.GatewayURL, "gateway-url", a.GatewayURL, "base `url` of the gateway that alerts from queues are handed to, such as http://gateway:8080")
	fs.StringVar(&a.GatewayTokenFile, "gateway-token-file", a.GatewayTokenFile, "`file` with the gateway's token of a responder; empty where the gateway asks for none")
	fs.IntVar(&a.QueueInFlight, "alert-queue-in-flight", a.QueueInFlight, "messages of one queue that may be in hand at once")
	fs.IntVar(&a.QueueBatch, "alert-queue-batch", a.QueueBatch, "messages that are received at a time, 1 to 10")
}

func (a AlertQueues) validate() error {
	if len(a.QueueURLs) == 0 {
		if a.GatewayURL != "" || a.GatewayTokenFile != "" {
			return incident.Errorf(incident.KindInvalid, "--gateway-url and --gateway-token-file are for alerts from queues; name a queue with --alert-queue-url, or leave them out")
		}
		return nil
	}
	if a.GatewayURL == "" {
		return incident.Errorf(incident.KindInvalid, "--alert-queue-url needs to know where alerts go; say so with --gateway-url")
	}
	var names []string
	for _, u := range a.QueueURLs {
		name, err := sqs.Name(u)
		if err != nil {
			return &incident.Error{Kind: incident.KindInvalid, Op: "--alert-queue-url", Msg: "one of the values", Err: err}
		}
		if slices.Contains(names, name) {
			return incident.Errorf(incident.KindInvalid, "--alert-queue-url names %s twice; queues of one account and name in two regions need a worker each", name)
		}
		names = append(names, name)
	}
	if err := a.pull().Validate(); err != nil {
		return &incident.Error{Kind: incident.KindInvalid, Op: "--alert-queue-url", Msg: "with --gateway-url, --gateway-token-file, --alert-queue-in-flight and --alert-queue-batch", Err: err}
	}
	return nil
}

func (a AlertQueues) pull() pull.Config {
	return pull.Config{Gateway: a.GatewayURL, TokenFile: a.GatewayTokenFile, InFlight: a.QueueInFlight, Batch: a.QueueBatch}
}

// pulling is the part of a worker that pulls alerts.
func (w *Worker) pulling() lifecycle.Hook {
	var p *pull.Puller
	return lifecycle.Hook{
		Name: "alerts from queues",
		Start: func(ctx context.Context) error {
			queues, err := openQueues(ctx, w.config, w.deps, w.meter)
			if err != nil {
				return err
			}
			if p, err = pull.New(w.config.pull(), queues, w.deps.Registry, w.log); err != nil {
				return err
			}
			return p.Start(ctx)
		},
		Stop: func(ctx context.Context) error { return p.Stop(ctx) },
	}
}

func openQueues(ctx context.Context, c Config, d Deps, recorder activities.Recorder) ([]pull.Queue, error) {
	o := awsconfig.Options{Region: c.Region, Endpoint: c.Endpoint, AccessKeyID: d.AccessKeyID, SecretAccessKey: d.SecretAccessKey}
	if o.Region == "" {
		o.Region = sqs.Region(c.QueueURLs[0]) // a worker that has no other use for AWS may have no region
	}
	cfg, err := awsconfig.Load(ctx, o)
	if err != nil {
		return nil, err
	}
	var queues []pull.Queue
	for _, u := range c.QueueURLs {
		q, err := sqs.New(cfg, u, recorder)
		if err != nil {
			return nil, err
		}
		queues = append(queues, q)
	}
	return queues, nil
}

// moreFlag is a list that may be given in parts, each separated by commas.
type moreFlag struct {
	to    *[]string
	given bool
}

func (m *moreFlag) String() string {
	if m.to == nil {
		return ""
	}
	return strings.Join(*m.to, ",")
}

func (m *moreFlag) Set(s string) error {
	var part []string
	if err := (listFlag{&part}).Set(s); err != nil {
		return err
	}
	if !m.given { // what is given replaces the default
		*m.to, m.given = nil, true
	}
	*m.to = append(*m.to, part...)
	return nil
}
