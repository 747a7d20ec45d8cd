// Package ecsservice reads a service of Amazon ECS as the executors see it, so
// that a precondition or an argument of the catalogue means the same whichever
// of them carries the action out.
//
// A Reader is immutable and safe for concurrent use.
package ecsservice

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"vigil/activities/internal/awscall"
	"vigil/workflows/incident"
)

const (
	// missing is ECS's reason for not describing a service: there is none of
	// that name, as of a database.
	missing = "MISSING"
	// primary is the deployment that ECS is bringing, or has brought, live.
	primary = "PRIMARY"
	// inactive is a service that was deleted and is still described.
	inactive = "INACTIVE"
)

// name is what ECS calls services; anything else it refuses, instead of saying
// that there is none.
var name = regexp.MustCompile(`^[A-Za-z0-9_-]{1,255}$`)

// Reader reads services.
type Reader struct {
	api  *ecs.Client
	call awscall.Caller
}

// New makes a Reader of a client that awscall has prepared.
func New(api *ecs.Client, call awscall.Caller) Reader { return Reader{api: api, call: call} }

// Describe returns a service; nil and no error where there is none of that name.
func (r Reader) Describe(ctx context.Context, cluster, service string) (*types.Service, incident.Provenance, error) {
	if !name.MatchString(service) {
		return nil, incident.Provenance{}, nil
	}
	out, p, err := awscall.Do(ctx, r.call, "DescribeServices", r.api.DescribeServices, &ecs.DescribeServicesInput{Cluster: &cluster, Services: []string{service}})
	if err != nil {
		return nil, p, err
	}
	for _, f := range out.Failures {
		if reason := aws.ToString(f.Reason); reason != missing {
			return nil, p, incident.Errorf(incident.KindUnavailable, "ecs DescribeServices: %s is not described: %s %s; try again later", service, reason, aws.ToString(f.Detail))
		}
	}
	for _, s := range out.Services {
		if aws.ToString(s.Status) != inactive {
			return &s, p, nil
		}
	}
	return nil, p, nil
}

// State is what the catalogue may ask about a service: kind "ecs",
// desired_count, running_count, pending_count, task_definition and
// previous_task_definition as family:revision, deployments (rollouts in
// progress) and deployment (id of the one that is live or on its way).
//
// previous_task_definition is the way back. It is that of the newest earlier
// deployment that ECS still has, unless its rollout failed or it is a later
// revision of the same family: after a rollback the version that was rolled
// back from is still draining, and is no way back. Where no earlier deployment
// is left, which is so minutes after a rollout, it is the revision before the
// current one, if that is still ACTIVE; teams withdraw a bad revision by
// deregistering it. Where neither is there it is left out, so that an entry
// that needs it does not fit, instead of going to a version nobody chose.
func (r Reader) State(ctx context.Context, s *types.Service) (incident.TargetState, incident.Provenance, error) {
	state := incident.TargetState{
		"kind":          "ecs",
		"desired_count": float64(s.DesiredCount), "running_count": float64(s.RunningCount), "pending_count": float64(s.PendingCount),
		"task_definition": Version(s.TaskDefinition),
	}
	rolling := 0
	for _, d := range s.Deployments {
		if d.RolloutState == types.DeploymentRolloutStateInProgress {
			rolling++
		}
	}
	state["deployments"] = float64(rolling)
	if d := Primary(s); d != nil && aws.ToString(d.Id) != "" {
		state["deployment"] = *d.Id
	}
	previous, p, err := r.previous(ctx, s)
	if err != nil {
		return nil, p, err
	}
	if previous != "" {
		state["previous_task_definition"] = previous
	}
	return state, p, nil
}

func (r Reader) previous(ctx context.Context, s *types.Service) (string, incident.Provenance, error) {
	if v := earlier(s); v != "" {
		return v, incident.Provenance{}, nil
	}
	family, revision, ok := Split(Version(s.TaskDefinition))
	if !ok || revision < 2 {
		return "", incident.Provenance{}, nil
	}
	before := fmt.Sprintf("%s:%d", family, revision-1)
	out, p, err := awscall.Do(ctx, r.call.AbsenceIsAnswer(), "DescribeTaskDefinition", r.api.DescribeTaskDefinition, &ecs.DescribeTaskDefinitionInput{TaskDefinition: &before})
	switch kind := incident.KindOf(err); {
	case err != nil && (kind == incident.KindNotFound || kind == incident.KindInvalid): // ECS calls one that is not there a ClientException
		return "", p, nil
	case err != nil:
		return "", p, err
	case out.TaskDefinition == nil || out.TaskDefinition.Status != types.TaskDefinitionStatusActive:
		return "", p, nil
	}
	return before, p, nil
}

// earlier is the version of the newest deployment before the current one that
// it makes sense to go back to.
func earlier(s *types.Service) string {
	current := Version(s.TaskDefinition)
	family, revision, _ := Split(current)
	all := slices.DeleteFunc(slices.Clone(s.Deployments), func(d types.Deployment) bool {
		f, n, ok := Split(Version(d.TaskDefinition))
		return !ok || d.CreatedAt == nil || aws.ToString(d.Status) == primary || d.RolloutState == types.DeploymentRolloutStateFailed || (f == family && n >= revision)
	})
	if len(all) == 0 {
		return ""
	}
	newest := slices.MaxFunc(all, func(a, b types.Deployment) int { return a.CreatedAt.Compare(*b.CreatedAt) })
	return Version(newest.TaskDefinition)
}

// Primary is the deployment that is live or on its way; nil for a service that
// ECS does not deploy itself.
func Primary(s *types.Service) *types.Deployment {
	for i, d := range s.Deployments {
		if aws.ToString(d.Status) == primary {
			return &s.Deployments[i]
		}
	}
	return nil
}

// Version is family:revision of a task definition's ARN or name.
func Version(arn *string) string {
	s := aws.ToString(arn)
	return s[strings.LastIndex(s, "/")+1:]
}

// Split takes family:revision apart; ok is false where no revision is named.
func Split(version string) (family string, revision int, ok bool) {
	family, number, found := strings.Cut(version, ":")
	revision, err := strconv.Atoi(number)
	return family, revision, found && err == nil && family != "" && revision > 0
}
