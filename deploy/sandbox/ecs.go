package sandbox

import (
	"fmt"
	"strings"
	"time"

	"vigil/deploy/sandbox/world"
)

var ecsOperations = []operation{
	{"ecs", "DescribeServices", awsJSON, "AmazonEC2ContainerServiceV20141113.DescribeServices", (*Server).describeServices},
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
// before it while its tasks are still being replaced.
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
	latest := all[len(all)-1]
	out := ecsService{ServiceARN: world.ServiceARN(name), ServiceName: name, ClusterARN: clusterARN, Status: "ACTIVE",
		DesiredCount: desired, RunningCount: desired, LaunchType: "FARGATE",
		TaskDefinition: world.TaskDefinitionARN(latest.TaskDefinition), CreatedAt: epoch(all[0].CreatedAt)}
	for i := len(all) - 1; i >= 0; i-- {
		d := all[i]
		rolling := now.Before(latest.DoneAt)
		if d.ID != latest.ID && (!rolling || i < len(all)-2) {
			break
		}
		e := ecsDeployment{ID: d.ID, Status: "ACTIVE", TaskDefinition: world.TaskDefinitionARN(d.TaskDefinition), DesiredCount: desired,
			CreatedAt: epoch(d.CreatedAt), UpdatedAt: epoch(d.DoneAt), LaunchType: "FARGATE",
			RolloutState: "COMPLETED", RolloutStateReason: fmt.Sprintf("ECS deployment %s completed.", d.ID), RunningCount: desired}
		if d.ID == latest.ID {
			e.Status = "PRIMARY"
		}
		if rolling {
			// Tasks are replaced one after another.
			share := float64(now.Sub(latest.CreatedAt)) / float64(latest.DoneAt.Sub(latest.CreatedAt))
			replaced := min(int(share*float64(desired)), desired)
			if d.ID == latest.ID {
				e.RolloutState, e.RolloutStateReason = "IN_PROGRESS", fmt.Sprintf("ECS deployment %s in progress.", d.ID)
				e.RunningCount, e.PendingCount, e.UpdatedAt = replaced, desired-replaced, epoch(now)
			} else {
				e.RunningCount, e.DesiredCount = desired-replaced, 0
			}
		}
		out.Deployments = append(out.Deployments, e)
	}
	for i := len(all) - 1; i >= max(0, len(all)-5); i-- {
		d := all[i]
		if d.DoneAt.Before(now) {
			out.Events = append(out.Events, ecsEvent{"e" + strings.TrimPrefix(d.ID, "ecs-svc/"), epoch(d.DoneAt), fmt.Sprintf("(service %s) has reached a steady state.", name)})
		}
		out.Events = append(out.Events, ecsEvent{"s" + strings.TrimPrefix(d.ID, "ecs-svc/"), epoch(d.CreatedAt), fmt.Sprintf("(service %s) has started tasks of %s (%s).", name, d.TaskDefinition, d.Summary)})
	}
	return out
}
