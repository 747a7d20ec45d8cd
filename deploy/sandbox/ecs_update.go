package sandbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"vigil/deploy/sandbox/world"
)

// updateMembers are what of an UpdateService the sandbox carries out.
var updateMembers = []string{"cluster", "service", "desiredCount", "taskDefinition", "forceNewDeployment"}

// updateService changes what is wanted of a service at once; its tasks follow
// over several ticks. What changes nothing is answered like any other, as ECS
// does, and is no effect.
func (s *Server) updateService(x *exchange) (any, error) {
	var members map[string]json.RawMessage
	var in struct {
		Cluster            string `json:"cluster"`
		Service            string `json:"service"`
		DesiredCount       *int   `json:"desiredCount"`
		TaskDefinition     string `json:"taskDefinition"`
		ForceNewDeployment bool   `json:"forceNewDeployment"`
	}
	if err := errors.Join(x.decode(&members), x.decode(&in)); err != nil {
		return nil, err
	}
	for name := range members {
		if !slices.Contains(updateMembers, name) {
			return nil, errorf("InvalidParameterException", "The sandbox does not change %s; it changes %s.", name, strings.Join(updateMembers[2:], ", "))
		}
	}
	x.note("service", in.Service)
	name := in.Service[strings.LastIndex(in.Service, "/")+1:]
	switch {
	case in.Cluster != world.Cluster && in.Cluster != clusterARN:
		return nil, errorf("ClusterNotFoundException", "Cluster not found.")
	case in.DesiredCount != nil && (*in.DesiredCount < 0 || *in.DesiredCount > maxDesired):
		return nil, errorf("InvalidParameterException", "desiredCount must be from 0 to %d.", maxDesired)
	}
	update := world.ServiceUpdate{Desired: in.DesiredCount, Force: in.ForceNewDeployment, Fate: x.strike.fate()}
	if in.TaskDefinition != "" {
		d, err := s.taskDefinition(in.TaskDefinition)
		if err != nil {
			return nil, err
		}
		if d.Service != name {
			return nil, errorf("InvalidParameterException", "The sandbox runs task definitions of %s in this service, not %s.", name, d.Service)
		}
		update.Revision = d.Revision
	}
	x.note("update", update.String())
	changed, err := s.world.UpdateService(name, update)
	switch {
	case errors.Is(err, world.ErrUnknownService):
		return nil, errorf("ServiceNotFoundException", "Service not found.")
	case err != nil:
		return nil, err
	}
	x.note("changed", changed)
	return map[string]any{"service": s.ecsService(name, s.world.Now())}, nil
}

const maxDesired = 5000 // tasks, as ECS allows

type ecsTaskDefinition struct {
	ARN             string         `json:"taskDefinitionArn"`
	Family          string         `json:"family"`
	Revision        int            `json:"revision"`
	Status          string         `json:"status"`
	Containers      []ecsContainer `json:"containerDefinitions"`
	CPU             string         `json:"cpu"`
	Memory          string         `json:"memory"`
	NetworkMode     string         `json:"networkMode"`
	Compatibilities []string       `json:"requiresCompatibilities"`
	RegisteredAt    epoch          `json:"registeredAt"`
	RegisteredBy    string         `json:"registeredBy"`
}

type ecsContainer struct {
	Name      string `json:"name"`
	Image     string `json:"image"`
	CPU       int    `json:"cpu"`
	Memory    int    `json:"memory"`
	Essential bool   `json:"essential"`
}

// taskDefinition finds a task definition by its ARN, family:revision, or family
// for the latest.
func (s *Server) taskDefinition(name string) (world.TaskDefinition, error) {
	family, revision, exact := strings.Cut(name[strings.LastIndex(name, "/")+1:], ":")
	all := s.world.TaskDefinitions(family)
	for _, d := range slices.Backward(all) { // the latest first
		if !exact || strconv.Itoa(d.Revision) == revision {
			return d, nil
		}
	}
	return world.TaskDefinition{}, errorf("ClientException", "Unable to describe task definition.")
}

func (s *Server) describeTaskDefinition(x *exchange) (any, error) {
	var in struct {
		TaskDefinition string   `json:"taskDefinition"`
		Include        []string `json:"include"`
	}
	if err := x.decode(&in); err != nil {
		return nil, err
	}
	x.note("task_definition", in.TaskDefinition)
	d, err := s.taskDefinition(in.TaskDefinition)
	if err != nil {
		return nil, err
	}
	out := map[string]any{"taskDefinition": ecsTaskDefinition{
		ARN: definitionARN(d), Family: d.Service, Revision: d.Revision, Status: "ACTIVE", CPU: strconv.Itoa(d.CPU), Memory: strconv.Itoa(d.Memory),
		NetworkMode: "awsvpc", Compatibilities: []string{"FARGATE"}, RegisteredAt: epoch(d.RegisteredAt),
		RegisteredBy: "arn:aws:sts::" + world.Account + ":assumed-role/" + d.By + "/session",
		Containers: []ecsContainer{{Name: d.Service, Image: fmt.Sprintf("%s.dkr.ecr.%s.amazonaws.com/%s:v%d", world.Account, world.Region, d.Service, d.Code),
			CPU: d.CPU, Memory: d.Memory, Essential: true}}}}
	if slices.Contains(in.Include, "TAGS") {
		out["tags"] = []any{}
	}
	return out, nil
}

func definitionARN(d world.TaskDefinition) string {
	return world.TaskDefinitionARN(fmt.Sprintf("%s:%d", d.Service, d.Revision))
}

func (s *Server) listTaskDefinitions(x *exchange) (any, error) {
	var in struct {
		FamilyPrefix string `json:"familyPrefix"`
		Status       string `json:"status"`
		Sort         string `json:"sort"`
		MaxResults   *int   `json:"maxResults"`
		NextToken    string `json:"nextToken"`
	}
	if err := x.decode(&in); err != nil {
		return nil, err
	}
	x.note("family", in.FamilyPrefix)
	size := 100
	if in.MaxResults != nil {
		size = *in.MaxResults
	}
	offset, err := pageOffset(in.NextToken)
	switch {
	case size < 1 || size > 100:
		return nil, errorf("InvalidParameterException", "maxResults must be from 1 to 100.")
	case err != nil:
		return nil, errorf("InvalidParameterException", "Invalid token.")
	case in.Status != "" && in.Status != "ACTIVE" && in.Status != "INACTIVE" && in.Status != "DELETE_IN_PROGRESS":
		return nil, errorf("InvalidParameterException", "Invalid status %s.", in.Status)
	case in.Sort != "" && in.Sort != "ASC" && in.Sort != "DESC":
		return nil, errorf("InvalidParameterException", "Invalid sort %s.", in.Sort)
	}
	arns := []string{}
	for _, svc := range s.world.Services() {
		if in.Status != "" && in.Status != "ACTIVE" || in.FamilyPrefix != "" && in.FamilyPrefix != svc.Name {
			continue
		}
		for _, d := range s.world.TaskDefinitions(svc.Name) {
			arns = append(arns, definitionARN(d))
		}
	}
	if in.Sort == "DESC" {
		slices.Reverse(arns)
	}
	page, next := paginate(arns, offset, size)
	out := map[string]any{"taskDefinitionArns": page}
	if next != "" {
		out["nextToken"] = next
	}
	return out, nil
}
