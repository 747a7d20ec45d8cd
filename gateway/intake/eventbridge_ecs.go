package intake

import (
	"strings"

	"vigil/workflows/incident"
)

// An ECS service is one problem with one member, itself, whether a deployment
// fails, tasks do not start or tasks die: steady state ends all of it.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_service_events.html

// lastPart is the name at the end of an ARN.
func lastPart(arn string) string { return arn[strings.LastIndexByte(arn, '/')+1:] }

// cluster is the name of the event's cluster, also from a service's ARN.
func (e bridgeEvent) cluster() string {
	if arn := e.detail.first("clusterArn"); arn != "" {
		return lastPart(arn)
	}
	for _, r := range e.Resources {
		if _, rest, ok := strings.Cut(string(r), ":service/"); ok {
			if name, _, two := strings.Cut(rest, "/"); two {
				return name
			}
		}
	}
	return "default"
}

func (e bridgeEvent) ecsAlert(service string) (incident.Alert, error) {
	a, err := e.alert("ecs", e.cluster(), service)
	if err == nil {
		a.Service, a.Labels["cluster"] = service, e.cluster()
	}
	return a, err
}

// ecsService reads service actions and deployments. An event type ERROR or WARN
// fires, whatever its name, and is also the severity; INFO ends the problem
// where the service is steady or its deployment complete, and is recorded
// otherwise.
func ecsService(e bridgeEvent) (Result, error) {
	service := ""
	for _, r := range e.Resources {
		if strings.Contains(string(r), ":service/") {
			service = lastPart(string(r))
			break
		}
	}
	a, err := e.ecsAlert(service)
	if err != nil {
		return Result{}, err
	}
	name := strings.ToUpper(e.detail.first("eventName"))
	over := name == "SERVICE_STEADY_STATE" || name == "SERVICE_DEPLOYMENT_COMPLETED"
	kind := strings.ToUpper(e.detail.first("eventType"))
	if !over && kind != "ERROR" && kind != "WARN" && name != "SERVICE_DEPLOYMENT_FAILED" {
		return e.record("which is neither a problem nor its end (" + clean(name, MaxLabelName) + ")"), nil
	}
	a.Severity = severity(kind)
	if over {
		a.Severity = ""
	}
	a.Title = "ECS service " + service + ": " + name
	a.Description = joined(e.detail.first("reason"), noted("Deployment: ", e.detail.first("deploymentId")),
		noted("Capacity providers: ", e.detail.first("capacityProviderArns")))
	a.Labels["event_name"] = name
	return one(end(a, over)), nil
}

// ecsTask reads the stop of a task. It fires where the task could not start,
// failed a health check, or an essential container left with an error, and is
// resolved by a task of the same family that ran to its end, or by the service
// being steady again. A task that was stopped because somebody or the scheduler
// wanted it, or because its capacity was taken back, is recorded, and so is one
// that starts.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_task_events.html
func ecsTask(e bridgeEvent) (Result, error) {
	group := e.detail.first("group")
	name := strings.TrimPrefix(group, "service:")
	a, err := e.ecsAlert(name)
	if err != nil {
		return Result{}, err
	}
	ofService := name != group
	if !ofService {
		a.Service = strings.TrimPrefix(group, "family:")
	}
	if strings.ToUpper(e.detail.first("lastStatus")) != "STOPPED" {
		return e.record("which is neither a failure nor its end"), nil
	}
	failed, clean := false, true
	var why []string
	for _, c := range e.detail.at("containers").list() {
		code, reason := c.first("exitCode"), c.first("reason")
		failed = failed || code != "" && code != "0"
		clean = clean && code == "0"
		if code != "" && code != "0" || reason != "" {
			why = append(why, strings.TrimSpace("Container "+c.first("name")+" exit code "+code+" "+reason))
		}
	}
	stop, reason := e.detail.first("stopCode"), e.detail.first("stoppedReason")
	over := false
	switch lower := strings.ToLower(reason); {
	case stop == "TaskFailedToStart", strings.Contains(lower, "health check") && strings.Contains(lower, "fail"):
	case stop == "EssentialContainerExited" && failed, stop == "EssentialContainerExited" && len(why) > 0:
	case stop == "EssentialContainerExited" && clean && !ofService && len(e.detail.at("containers").list()) > 0:
		over = true
	default:
		return e.record("which is neither a failure nor its end: " + reason), nil
	}
	a.Title = "ECS task of " + name + ": " + firstNonEmpty(reason, stop)
	a.Description = joined(append([]string{reason}, why...)...)
	a.Labels["stop_code"], a.Labels["task"], a.Labels["task_definition"] = stop, e.detail.first("taskArn"), e.detail.first("taskDefinitionArn")
	return one(end(a, over)), nil
}

// ecsInstance reads the state of a container instance, which is the problem: it
// fires where the instance could not be registered, and is resolved once it is
// active with its agent connected. An agent that loses its connection is
// recorded: AWS says that this happens several times an hour and is no sign of
// a problem.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_container_instance_events.html
func ecsInstance(e bridgeEvent) (Result, error) {
	a, err := e.alert("ecs-instance", e.cluster(), lastPart(e.detail.first("containerInstanceArn")))
	if err != nil {
		return Result{}, err
	}
	status, connected := strings.ToUpper(e.detail.first("status")), e.detail.first("agentConnected")
	over := status == "ACTIVE" && connected == "true"
	if !over && status != "REGISTRATION_FAILED" {
		return e.record("which is neither a problem nor its end"), nil
	}
	a.Title = "ECS container instance " + firstNonEmpty(e.detail.first("ec2InstanceId"), lastPart(e.detail.first("containerInstanceArn"))) + ": " + status
	a.Description = e.detail.first("statusReason")
	a.Labels["cluster"], a.Labels["instance"] = e.cluster(), e.detail.first("ec2InstanceId")
	return one(end(a, over)), nil
}
