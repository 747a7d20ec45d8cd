// Package ecs reads the deployments of a service from Amazon ECS, and changes
// services. ECS keeps the current deployment and those that it is still
// replacing; what came before is in the audit trail (package cloudtrail).
//
// Changes and Executor are immutable and safe for concurrent use.
package ecs

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"vigil/activities"
	"vigil/activities/internal/awscall"
	"vigil/activities/internal/ecsservice"
	"vigil/workflows/incident"
)

const (
	service     = "ecs"
	readTimeout = time.Minute
	// missing is ECS's reason for not describing a service.
	missing = "MISSING"
)

// Config configures Changes. The zero value is the shipped configuration.
type Config struct {
	Cluster string // name or ARN; default prod
}

// Changes reads deployments.
type Changes struct {
	api     *ecs.Client
	call    awscall.Caller
	cluster string
}

var _ activities.Changes = (*Changes)(nil)

// New makes Changes. recorder may be nil.
func New(cfg aws.Config, c Config, recorder activities.Recorder) *Changes {
	return &Changes{api: ecs.NewFromConfig(awscall.Prepare(cfg, readTimeout)), call: awscall.New(service, recorder), cluster: cmp.Or(c.Cluster, "prod")}
}

// Recent returns the deployments of one service that began in the window. A
// name that is no ECS service has none.
func (c *Changes) Recent(ctx context.Context, service string, w activities.Window) ([]incident.Change, incident.Provenance, error) {
	if service == "" {
		return nil, incident.Provenance{}, incident.Errorf(incident.KindInvalid, "ecs: there is no service to ask about")
	}
	out, p, err := awscall.Do(ctx, c.call, "DescribeServices", c.api.DescribeServices, &ecs.DescribeServicesInput{Cluster: &c.cluster, Services: []string{service}})
	if err != nil {
		return nil, p, err
	}
	for _, f := range out.Failures {
		if reason := aws.ToString(f.Reason); reason != missing {
			return nil, p, incident.Errorf(incident.KindUnavailable, "ecs DescribeServices: %s is not described: %s %s", service, reason, aws.ToString(f.Detail))
		}
	}
	var changes []incident.Change
	for _, s := range out.Services {
		changes = append(changes, deployments(service, s.Deployments, w)...)
	}
	return changes, p, nil
}

func deployments(service string, all []types.Deployment, w activities.Window) []incident.Change {
	all = slices.DeleteFunc(slices.Clone(all), func(d types.Deployment) bool { return d.CreatedAt == nil })
	slices.SortStableFunc(all, func(a, b types.Deployment) int { return a.CreatedAt.Compare(*b.CreatedAt) })
	var out []incident.Change
	for i, d := range all {
		if d.CreatedAt.Before(w.From) || d.CreatedAt.After(w.To) {
			continue
		}
		change := incident.Change{Service: service, Kind: "deployment", Version: version(d), At: d.CreatedAt.UTC()}
		if i > 0 {
			change.Before = version(all[i-1])
		}
		change.Summary = fmt.Sprintf("deployment of %s", cmp.Or(change.Version, "an unnamed version"))
		if change.Before != "" {
			change.Summary += " after " + change.Before
		}
		if d.RolloutState != "" {
			change.Summary += ", rollout " + strings.ToLower(strings.ReplaceAll(string(d.RolloutState), "_", " "))
		}
		out = append(out, change)
	}
	return out
}

func version(d types.Deployment) string { return ecsservice.Version(d.TaskDefinition) }
