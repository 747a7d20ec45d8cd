package sandbox

import (
	"fmt"
	"strings"
	"time"

	"vigil/deploy/sandbox/world"
)

var ecsOperations = []operation{
	{"ecs", "DescribeServices", awsJSON, "AmazonEC2ContainerServiceV20141113.DescribeServices", (*Server).describeServices},
	{"ecs", "UpdateService", awsJSON, "AmazonEC2ContainerServiceV20141113.UpdateService", (*Server).updateService},
	{"ecs", "DescribeTaskDefinition", awsJSON, "AmazonEC2ContainerServiceV20141113.DescribeTaskDefinition", (*Server).describeTaskDefinition},
	{"ecs", "ListTaskDefinitions", awsJSON, "AmazonEC2ContainerServiceV20141113.ListTaskDefinitions", (*Server).listTaskDefinitions},
}

type ecsDeployment struct {
	ID                 string `json:"id"`
	Status             string `json:"status"` // PRIMARY or ACTIVE
	TaskDefinition     string `json:"taskDefinition"`
	DesiredCount       int    `json:"desiredCount"`
	PendingCount       int    `json:"pendingCount"`
	RunningCount       int    `json:"runningCount"`
	FailedTasks        int    `json:"failedTasks"`
	CreatedAt          epoch  `json:"createdAt"`
	UpdatedAt          epoch  `json:"updatedAt"`
	LaunchType         string `json:"launchType"`
	RolloutState       string `json:"rolloutState"`
	RolloutStateReason string `json:"rolloutStateReason"`
}

type ecsEvent struct {
	ID        string `json:"id"`
	CreatedAt epoch  `json:"createdAt"`
	Message   string `json:"message"`
}

type ecsService struct {
	ServiceARN     string          `json:"serviceArn"`
	ServiceName    string          `json:"serviceName"`
	ClusterARN     string          `json:"clusterArn"`
	Status         string          `json:"status"`
	DesiredCount   int             `json:"desiredCount"`
	RunningCount   int             `json:"runningCount"`
	PendingCount   int             `json:"pendingCount"`
	LaunchType     string          `json:"launchType"`
	TaskDefinition string          `json:"taskDefinition"`
	Deployments    []ecsDeployment `json:"deployments"`
	Events         []ecsEvent      `json:"events"`
	CreatedAt      epoch           `json:"createdAt"`
}

type ecsFailure struct {
	ARN    string `json:"arn"`
	Reason string `json:"reason"`
}

const clusterARN = "arn:aws:ecs:" + world.Region + ":" + world.Account + ":cluster/" + world.Cluster

// describeServices shows what serves now: the latest deployment, and the one
// before it while its tasks are still being replaced, or when they never were.
func (s *Server) describeServices(x *exchange) (any, error) {
	var in struct {
		Cluster  string   `json:"cluster"`
		Services []string `json:"services"`
	}
	if err := x.decode(&in); err != nil {
		return nil, err
	}
	switch {
	case in.Cluster != world.Cluster && in.Cluster != clusterARN:
		return nil, errorf("ClusterNotFoundException", "Cluster not found.")
	case len(in.Services) == 0:
		return nil, errorf("InvalidParameterException", "Services cannot be empty.")
	case len(in.Services) > 10:
		return nil, errorf("InvalidParameterException", "Services cannot have more than 10 elements.")
	}
	x.note("services", in.Services)
	services, failures := []ecsService{}, []ecsFailure{}
	now := s.world.Now()
	for _, name := range in.Services {
		name = name[strings.LastIndex(name, "/")+1:]
		if kind, ok := s.world.KindOf(name); !ok || kind != world.KindECS {
			failures = append(failures, ecsFailure{world.ServiceARN(name), "MISSING"})
			continue
		}
		services = append(services, s.ecsService(name, now))
	}
	return map[string]any{"services": services, "failures": failures}, nil
}

func (s *Server) ecsService(name string, now time.Time) ecsService {
	all, desired := s.world.Deployments(name)
	running, scaling := s.world.Tasks(name)
	latest := all[len(all)-1]
	rollout, share := latest.Rollout(now)
	out := ecsService{ServiceARN: world.ServiceARN(name), ServiceName: name, ClusterARN: clusterARN, Status: "ACTIVE",
		DesiredCount: desired, LaunchType: "FARGATE", TaskDefinition: world.TaskDefinitionARN(latest.TaskDefinition), CreatedAt: epoch(all[0].CreatedAt)}
	// Tasks are replaced one after another.
	replaced := min(int(share*float64(running)), running)
	primary := describeDeployment(latest, "PRIMARY", rollout)
	primary.DesiredCount, primary.RunningCount, primary.PendingCount = desired, replaced, max(desired-replaced, 0)
	switch {
	case rollout == world.RolloutInProgress:
		primary.UpdatedAt = epoch(now)
	case rollout == world.RolloutFailed || scaling == world.RolloutFailed:
		primary.RolloutState, primary.PendingCount = string(world.RolloutFailed), 0
		primary.FailedTasks = max(desired-replaced, 1)
		primary.RolloutStateReason = fmt.Sprintf("ECS deployment circuit breaker: tasks failed to start in %s.", latest.ID)
	}
	out.Deployments = append(out.Deployments, primary)
	out.RunningCount, out.PendingCount = primary.RunningCount, primary.PendingCount
	if rollout != world.RolloutCompleted && len(all) > 1 {
		before := describeDeployment(all[len(all)-2], "ACTIVE", world.RolloutCompleted)
		before.RunningCount = running - replaced
		out.Deployments = append(out.Deployments, before)
		out.RunningCount = running
	}
	for i := len(all) - 1; i >= max(0, len(all)-5); i-- {
		d := all[i]
		if done, _ := d.Rollout(now); done == world.RolloutCompleted {
			out.Events = append(out.Events, ecsEvent{"e" + strings.TrimPrefix(d.ID, "ecs-svc/"), epoch(d.DoneAt), fmt.Sprintf("(service %s) has reached a steady state.", name)})
		}
		out.Events = append(out.Events, ecsEvent{"s" + strings.TrimPrefix(d.ID, "ecs-svc/"), epoch(d.CreatedAt), fmt.Sprintf("(service %s) has started tasks of %s (%s).", name, d.TaskDefinition, d.Summary)})
	}
	return out
}

func describeDeployment(d world.Deployment, status string, rollout world.RolloutState) ecsDeployment {
	reason := map[world.RolloutState]string{world.RolloutCompleted: "completed", world.RolloutInProgress: "in progress", world.RolloutFailed: "failed"}[rollout]
	return ecsDeployment{ID: d.ID, Status: status, TaskDefinition: world.TaskDefinitionARN(d.TaskDefinition), CreatedAt: epoch(d.CreatedAt), UpdatedAt: epoch(d.DoneAt),
		LaunchType: "FARGATE", RolloutState: string(rollout), RolloutStateReason: fmt.Sprintf("ECS deployment %s %s.", d.ID, reason)}
}
