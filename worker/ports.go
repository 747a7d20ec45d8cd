package worker

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"vigil/activities"
	"vigil/activities/awsconfig"
	"vigil/activities/bedrock"
	"vigil/activities/cloudtrail"
	"vigil/activities/cloudwatch"
	"vigil/activities/cloudwatchlogs"
	"vigil/activities/ecs"
	"vigil/activities/meter"
	"vigil/activities/nats"
	"vigil/activities/ssm"
	"vigil/activities/xray"
	"vigil/workflows/incident"
)

// ports puts an adapter behind every port.
func ports(ctx context.Context, c Config, d Deps, m *meter.Meter, publisher *nats.Publisher) (*activities.Activities, error) {
	settings, err := c.settings()
	if err != nil {
		return nil, err
	}
	cfg, err := awsconfig.Load(ctx, awsconfig.Options{Region: c.Region, Endpoint: c.Endpoint,
		AccessKeyID: d.AccessKeyID, SecretAccessKey: d.SecretAccessKey})
	if err != nil {
		return nil, err
	}
	a := &activities.Activities{Settings: settings, Topology: xray.New(cfg, m), Executor: ssm.New(cfg, m), Publisher: publisher,
		Changes: changes{ecs.New(cfg, ecs.Config{Cluster: c.Cluster}, m), cloudtrail.New(cfg, m)}}
	if a.Metrics, err = cloudwatch.New(cfg, cloudwatch.Config{Environment: c.Environment, Cluster: c.Cluster, Period: c.MetricPeriod}, m); err != nil {
		return nil, err
	}
	if a.Logs, err = cloudwatchlogs.New(cfg, cloudwatchlogs.Config{}, m); err != nil {
		return nil, err
	}
	if a.Model, err = bedrock.New(cfg, bedrock.Config{Models: c.Models}, m); err != nil {
		return nil, err
	}
	if a.Guardrail = (bedrock.NoGuardrail{}); c.GuardrailID != "" {
		a.Guardrail, err = bedrock.NewGuardrail(cfg, bedrock.GuardrailConfig{ID: c.GuardrailID, Version: c.GuardrailVersion}, m)
	}
	return a, err
}

// changes asks several sources at once and puts what they know in order of
// time. One that fails fails the whole: half a list of changes would read as
// if nothing else had been changed.
type changes []activities.Changes

func (all changes) Recent(ctx context.Context, service string, w activities.Window) ([]incident.Change, incident.Provenance, error) {
	found := make([][]incident.Change, len(all))
	from := make([]incident.Provenance, len(all))
	g, ctx := errgroup.WithContext(ctx)
	for i, source := range all {
		g.Go(func() (err error) {
			found[i], from[i], err = source.Recent(ctx, service, w)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, incident.Provenance{}, err
	}
	p := from[0]
	for _, next := range from[1:] {
		p.Service, p.LatencyMS = p.Service+" + "+next.Service, max(p.LatencyMS, next.LatencyMS)
		p.Operation = fmt.Sprintf("%s + %s", p.Operation, next.Operation)
		if next.Origin == incident.OriginSimulated {
			p.Origin = next.Origin
		}
	}
	out := slices.Concat(found...)
	slices.SortStableFunc(out, func(a, b incident.Change) int { return a.At.Compare(b.At) })
	return once(out), p, nil
}

// sameChange is how far apart two sources may date one change.
const sameChange = 10 * time.Second

// once drops what a second source says of a change that is there already: the
// same kind of change of the same service, at about the same time, to the same
// version or to one that only one of them knows.
func once(sorted []incident.Change) []incident.Change {
	var out []incident.Change
	for _, c := range sorted {
		i := slices.IndexFunc(out, func(have incident.Change) bool {
			return have.Service == c.Service && have.Kind == c.Kind && c.At.Sub(have.At) <= sameChange &&
				(have.Version == c.Version || have.Version == "" || c.Version == "")
		})
		if i < 0 {
			out = append(out, c)
			continue
		}
		have := &out[i]
		have.Version, have.Before, have.Actor = cmp.Or(have.Version, c.Version), cmp.Or(have.Before, c.Before), cmp.Or(have.Actor, c.Actor)
	}
	return out
}
