package ecs

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"vigil/activities"
	"vigil/activities/internal/ecsservice"
	"vigil/workflows/incident"
)

// The documents of the Executor.
const (
	SetDesiredCount    = "set_desired_count"
	SetTaskDefinition  = "set_task_definition"
	ForceNewDeployment = "force_new_deployment"
)

// maxCount is ECS's limit on the tasks of one service.
const maxCount = 5000

// document is a target state of a service.
type document interface {
	// ask writes the state into a request.
	ask(*ecs.UpdateServiceInput)
	// reached reports whether a service wants the state; an error where that
	// cannot be told.
	reached(*types.Service) (bool, error)
	// scales reports that no new deployment brings it about.
	scales() bool
}

type setDesiredCount struct{ count int32 }

func (d setDesiredCount) ask(in *ecs.UpdateServiceInput) { in.DesiredCount = &d.count }

func (d setDesiredCount) reached(s *types.Service) (bool, error) {
	return s.DesiredCount == d.count, nil
}

func (setDesiredCount) scales() bool { return true }

type setTaskDefinition struct{ name string }

func (d setTaskDefinition) ask(in *ecs.UpdateServiceInput) { in.TaskDefinition = &d.name }

func (d setTaskDefinition) reached(s *types.Service) (bool, error) {
	p := ecsservice.Primary(s)
	return p != nil && ecsservice.Version(p.TaskDefinition) == ecsservice.Version(&d.name), nil
}

func (setTaskDefinition) scales() bool { return false }

type forceNewDeployment struct{ deployment string } // that is replaced; "" is not said

func (forceNewDeployment) ask(in *ecs.UpdateServiceInput) { in.ForceNewDeployment = true }

func (d forceNewDeployment) reached(s *types.Service) (bool, error) {
	if d.deployment == "" {
		return false, incident.Errorf(incident.KindInvalid, "ecs: %s without the argument Deployment cannot be read back: a deployment that was forced looks like any other. Look at the service's events", ForceNewDeployment)
	}
	p := ecsservice.Primary(s)
	return p != nil && aws.ToString(p.Id) != d.deployment, nil
}

func (forceNewDeployment) scales() bool { return false }

// taskDefinition names one revision, by name or by ARN.
var taskDefinition = regexp.MustCompile(`^(arn:[\w:-]+:task-definition/)?[A-Za-z0-9_-]{1,255}:[1-9][0-9]{0,8}$`)

// target is what ECS calls services. What it does not hold, such as a star,
// would mean more than one service in a policy.
var target = regexp.MustCompile(`^[A-Za-z0-9_-]{1,255}$`)

// parse reads the state that an effect asks for. It takes exactly the arguments
// of the document: one that it would not send was approved for nothing.
func parse(e incident.Effect) (document, error) {
	if !target.MatchString(e.Target) {
		return nil, incident.Errorf(incident.KindInvalid, "ecs: %q is no name of a service", e.Target)
	}
	takes := map[string]string{SetDesiredCount: "DesiredCount", SetTaskDefinition: "TaskDefinition", ForceNewDeployment: "Deployment"}
	name, ok := takes[e.Document]
	if !ok {
		return nil, incident.Errorf(incident.KindInvalid, "ecs: there is no document %q; there are %s", e.Document, strings.Join(slices.Sorted(maps.Keys(takes)), ", "))
	}
	for given := range e.Arguments {
		if given != name {
			return nil, incident.Errorf(incident.KindInvalid, "ecs: %s takes the argument %s and no %q", e.Document, name, given)
		}
	}
	value := e.Arguments[name]
	switch e.Document {
	case SetDesiredCount:
		n, err := strconv.ParseInt(value, 10, 32)
		if err != nil || n < 0 || n > maxCount {
			return nil, incident.Errorf(incident.KindInvalid, "ecs: the DesiredCount of %s is %q; it must be a whole number from 0 to %d", e.Target, value, maxCount)
		}
		return setDesiredCount{int32(n)}, nil
	case SetTaskDefinition:
		if !taskDefinition.MatchString(value) {
			return nil, incident.Errorf(incident.KindInvalid, "ecs: the TaskDefinition of %s is %q; it must name a revision, as checkout:41 does", e.Target, value)
		}
		return setTaskDefinition{value}, nil
	default:
		return forceNewDeployment{value}, nil
	}
}

// stands says how the state stands that the deployment id brings about.
func stands(s *types.Service, want document, id string) (incident.ExecutionState, string) {
	primary := ecsservice.Primary(s)
	if want.scales() { // which outlives deployments
		return count(s, primary, want)
	}
	i := slices.IndexFunc(s.Deployments, func(d types.Deployment) bool { return aws.ToString(d.Id) == id })
	switch {
	case i < 0 && primary == nil:
		return incident.ExecutionUnknown, "the deployment " + id + " is gone, and nothing has taken its place"
	case i < 0:
		return incident.ExecutionUnknown, "the deployment " + id + " was replaced by " + words(*primary)
	}
	d := s.Deployments[i]
	switch {
	case d.RolloutState == types.DeploymentRolloutStateFailed:
		return incident.ExecutionFailed, words(d)
	case primary == nil:
		return incident.ExecutionUnknown, words(d) + " is being replaced"
	case aws.ToString(primary.Id) != id:
		return incident.ExecutionUnknown, words(d) + " is being replaced by " + words(*primary)
	case d.RolloutState == types.DeploymentRolloutStateCompleted:
		return incident.ExecutionSucceeded, words(d)
	case d.RolloutState == "" && settled(s) && d.RunningCount == d.DesiredCount: // of a service that ECS keeps no rollout of
		return incident.ExecutionSucceeded, words(d)
	}
	return incident.ExecutionRunning, words(d)
}

// count says how a wanted number of tasks stands: ECS makes no deployment for
// it, and a rollout says nothing of it but that it failed.
func count(s *types.Service, primary *types.Deployment, want document) (incident.ExecutionState, string) {
	detail := fmt.Sprintf("%d of %d tasks run, %d are on their way", s.RunningCount, s.DesiredCount, s.PendingCount)
	there, err := want.reached(s)
	switch {
	case err != nil || !there:
		return incident.ExecutionUnknown, detail + "; another number was asked for meanwhile, by a person or by auto scaling"
	case primary != nil && primary.RolloutState == types.DeploymentRolloutStateFailed:
		return incident.ExecutionFailed, detail + "; " + words(*primary)
	case settled(s) && (primary == nil || primary.RunningCount == primary.DesiredCount):
		return incident.ExecutionSucceeded, detail
	}
	return incident.ExecutionRunning, detail
}

func settled(s *types.Service) bool { return s.RunningCount == s.DesiredCount && s.PendingCount == 0 }

// words describe a deployment.
func words(d types.Deployment) string {
	out := fmt.Sprintf("deployment %s of %s", aws.ToString(d.Id), ecsservice.Version(d.TaskDefinition))
	if d.RolloutState != "" {
		out += ", " + strings.ToLower(strings.ReplaceAll(string(d.RolloutState), "_", " "))
	}
	if reason := strings.TrimSpace(aws.ToString(d.RolloutStateReason)); reason != "" {
		out += ": " + activities.Redact(reason)
	}
	return out
}
