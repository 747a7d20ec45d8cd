package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"vigil/activities"
	"vigil/activities/awsconfig"
	"vigil/activities/bedrock"
	"vigil/deploy/sandbox"
	"vigil/deploy/sandbox/world"
	"vigil/workflows/incident"
)

// simulatedModel is the answerer that is the sandbox's Bedrock.
const simulatedModel = "sandbox"

// answerer is who answers: a model of Bedrock, or, without one, the statistics.
type answerer struct {
	name  string
	id    string // as Bedrock knows it
	model activities.Model
}

// answering is who answers, the statistics alone where nobody is named.
func (o options) answering() []answerer {
	if len(o.who) == 0 {
		return []answerer{{name: statistics}}
	}
	return o.who
}

// statistics reports whether they are among those who answer.
func (o options) statistics() bool {
	return slices.ContainsFunc(o.answering(), func(a answerer) bool { return a.model == nil })
}

// credentialsWithin is how long credentials are looked for: instance roles are
// asked for over a network that may not be there.
const credentialsWithin = 15 * time.Second

// answerers makes those that the command line names ready. The sandbox runs in
// this process until stop is called and is spoken to as AWS is.
func answerers(ctx context.Context, names string) (out []answerer, stop func(), err error) {
	stop = func() {}
	if names == "" {
		names = statistics
	}
	defer func() {
		if err != nil {
			stop()
		}
	}()
	for name := range strings.SplitSeq(names, ",") {
		a := answerer{name: strings.TrimSpace(name)}
		switch {
		case a.name == "":
			return nil, stop, errors.New("-models has an empty name in it; use statistics, sandbox or ids of Bedrock models")
		case slices.ContainsFunc(out, func(b answerer) bool { return b.name == a.name }):
			return nil, stop, fmt.Errorf("-models names %s twice", a.name)
		case a.name == simulatedModel:
			a.id = incident.DefaultSettings().Models[incident.PurposeDiagnose]
			a.model, stop, err = startSandbox(ctx)
		case a.name != statistics:
			a.id = a.name
			a.model, err = onAWS(ctx)
		}
		if err != nil {
			return nil, stop, fmt.Errorf("-models %s: %w", a.name, err)
		}
		out = append(out, a)
	}
	return out, stop, nil
}

// startSandbox starts a sandbox that answers at once. Its world is nobody's:
// the model sees what it is told of a case and nothing else.
func startSandbox(ctx context.Context) (activities.Model, func(), error) {
	none := func() {}
	s, err := sandbox.New(sandbox.Config{ModelLatency: sandbox.Latency{Max: -1}})
	if err != nil {
		return nil, none, err
	}
	if err := s.Start(ctx); err != nil {
		return nil, none, err
	}
	stop := func() { _ = s.Stop(context.WithoutCancel(ctx)) } // nothing is lost with it
	cfg, err := awsconfig.Load(ctx, awsconfig.Options{Region: world.Region, Endpoint: s.URL(), AccessKeyID: "sandbox", SecretAccessKey: "sandbox"})
	if err != nil {
		return nil, stop, err
	}
	m, err := bedrock.New(cfg, bedrock.Config{}, nil)
	return m, stop, err
}

// onAWS is Bedrock itself, for whoever the usual places say who is asking.
func onAWS(ctx context.Context) (activities.Model, error) {
	cfg, err := awsconfig.Load(ctx, awsconfig.Options{})
	if err != nil {
		return nil, err
	}
	within, cancel := context.WithTimeout(ctx, credentialsWithin)
	defer cancel()
	if _, err := cfg.Credentials.Retrieve(within); err != nil {
		return nil, fmt.Errorf("there are no AWS credentials, so this model of Bedrock cannot be asked; "+
			"set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or name sandbox instead: %w", err)
	}
	return bedrock.New(cfg, bedrock.Config{}, nil)
}

// firstWait is after how long a call that failed is made again, doubled each
// time, and callAttempts how often it is made, as in an incident.
const (
	firstWait    = time.Second
	callAttempts = 4
)

// call makes one turn. paid is what was answered, with or without an error.
func (by answerer) call(ctx context.Context, a *activities.Activities, r activities.ModelRequest) (reply activities.ModelReply, paid usage, err error) {
	wait := firstWait
	for attempt := 1; ; attempt++ {
		if reply, err = a.CallModel(ctx, r); err == nil {
			paid.count(reply.Provenance)
			return reply, paid, nil
		}
		if p, ok := activities.PaidFor(err); ok {
			paid.count(p)
		}
		if attempt == callAttempts || !activities.KindOf(err).Retryable() {
			if cause := errors.Unwrap(err); cause != nil {
				err = cause // without what is Temporal's alone
			}
			return reply, paid, err
		}
		select {
		case <-time.After(wait):
			wait *= 2
		case <-ctx.Done():
			return reply, paid, context.Cause(ctx)
		}
	}
}
