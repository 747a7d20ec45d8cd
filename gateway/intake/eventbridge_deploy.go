package intake

import "strings"

// outcome reads events that tell how something ended which runs again and
// again: it fires where the run failed, and is resolved by the next that
// succeeds. AWS gives them no severity.
type outcome struct {
	kind    string     // begins the key
	what    string     // for the title
	names   [][]string // paths in detail that name the problem
	member  [][]string // paths that tell members of it apart; none: it is its own
	service []string   // path of the service, where one is named
	state   []string
	fires   []string
	over    []string
	reason  [][]string // paths of what to tell beside it
}

func path(p ...string) []string { return p }

var codePipelineReason = [][]string{path("execution-result", "error-code"), path("execution-result", "external-execution-summary"),
	path("additional-attributes", "failedActions")}

// outcomes by detail-type. Whatever else these events say (started, in
// progress, superseded, cancelled by a person) is recorded.
// https://docs.aws.amazon.com/codedeploy/latest/userguide/monitoring-cloudwatch-events.html
// https://docs.aws.amazon.com/codepipeline/latest/userguide/detect-state-changes-cloudwatch-events.html
// https://docs.aws.amazon.com/codebuild/latest/userguide/sample-build-notifications.html
// https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html
// https://docs.aws.amazon.com/batch/latest/userguide/batch_cwe_events.html
// https://docs.aws.amazon.com/glue/latest/dg/automating-awsglue-with-cloudwatch-events.html
var outcomes = map[string]outcome{
	"CodeDeploy Deployment State-change Notification": {kind: "codedeploy", what: "CodeDeploy deployment",
		names: [][]string{path("application"), path("deploymentGroup")}, service: path("application"), state: path("state"),
		fires: []string{"FAILURE", "STOPPED"}, over: []string{"SUCCESS"}, reason: [][]string{path("deploymentId"), path("errorInformation")}},
	// The pipeline is the problem; the pipeline itself, its stages and their
	// actions are members, each of which says itself when it works again.
	"CodePipeline Pipeline Execution State Change": {kind: "codepipeline", what: "CodePipeline pipeline",
		names: [][]string{path("pipeline")}, state: path("state"),
		fires: []string{"FAILED"}, over: []string{"SUCCEEDED"}, reason: codePipelineReason},
	"CodePipeline Stage Execution State Change": {kind: "codepipeline", what: "CodePipeline stage",
		names: [][]string{path("pipeline")}, member: [][]string{path("stage")}, state: path("state"),
		fires: []string{"FAILED"}, over: []string{"SUCCEEDED"}, reason: codePipelineReason},
	"CodePipeline Action Execution State Change": {kind: "codepipeline", what: "CodePipeline action",
		names: [][]string{path("pipeline")}, member: [][]string{path("stage"), path("action")}, state: path("state"),
		fires: []string{"FAILED"}, over: []string{"SUCCEEDED"}, reason: codePipelineReason},
	"CodeBuild Build State Change": {kind: "codebuild", what: "CodeBuild build",
		names: [][]string{path("project-name")}, state: path("build-status"),
		fires: []string{"FAILED", "FAULT", "TIMED_OUT"}, over: []string{"SUCCEEDED"}, reason: [][]string{path("build-id")}},
	"Step Functions Execution Status Change": {kind: "stepfunctions", what: "Step Functions execution",
		names: [][]string{path("stateMachineArn")}, state: path("status"),
		fires: []string{"FAILED", "TIMED_OUT"}, over: []string{"SUCCEEDED"}, reason: [][]string{path("error"), path("cause"), path("executionArn")}},
	"Batch Job State Change": {kind: "batch", what: "Batch job",
		names: [][]string{path("jobQueue"), path("jobName")}, state: path("status"),
		fires: []string{"FAILED"}, over: []string{"SUCCEEDED"}, reason: [][]string{path("statusReason"), path("jobId")}},
	"Glue Job State Change": {kind: "glue", what: "Glue job",
		names: [][]string{path("jobName")}, state: path("state"),
		fires: []string{"FAILED", "TIMEOUT", "ERROR"}, over: []string{"SUCCEEDED"}, reason: [][]string{path("message"), path("jobRunId")}},
}

func (o outcome) read(e bridgeEvent) (Result, error) {
	texts := func(paths [][]string) []string {
		var out []string
		for _, p := range paths {
			out = append(out, e.detail.at(p...).text())
		}
		return out
	}
	names, members := texts(o.names), texts(o.member)
	a, err := e.alert(o.kind, append(names, members...)...)
	if err != nil {
		return Result{}, err
	}
	state := strings.ToUpper(e.detail.at(o.state...).text())
	over := contains(o.over, state)
	if !over && !contains(o.fires, state) {
		return e.record("which is neither a failure nor its end"), nil
	}
	if len(members) > 0 {
		member := a.CorrelationKey
		if a, err = e.alert(o.kind, names...); err != nil {
			return Result{}, err
		}
		a.Fingerprint = hash(member)
	}
	if len(o.service) > 0 {
		a.Service = e.detail.at(o.service...).text()
	}
	a.Title = o.what + " " + strings.Join(append(names, members...), "/") + " " + state
	a.Description = joined(texts(o.reason)...)
	a.Labels["state"] = state
	return one(end(a, over)), nil
}

// scaling is what an event of EC2 Auto Scaling says of a group. The group is
// the problem; launching, terminating, detaching and refreshing instances are
// its members, so that a launch that works does not end a refresh that failed.
// https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-event-reference.html
type scaling struct {
	member string
	over   bool
}

// scalings by detail-type; others are recorded.
var scalings = map[string]scaling{
	"EC2 Instance Launch Unsuccessful":    {"launch", false},
	"EC2 Instance Launch Successful":      {"launch", true},
	"EC2 Instance Terminate Unsuccessful": {"terminate", false},
	"EC2 Instance Terminate Successful":   {"terminate", true},
	"EC2 Instance Detach Unsuccessful":    {"detach", false},
	"EC2 Instance Detach Successful":      {"detach", true},

	"EC2 Auto Scaling Instance Refresh Failed":             {"instance refresh", false},
	"EC2 Auto Scaling Instance Refresh Succeeded":          {"instance refresh", true},
	"EC2 Auto Scaling Instance Refresh Rollback Failed":    {"instance refresh", false},
	"EC2 Auto Scaling Instance Refresh Rollback Succeeded": {"instance refresh", true},
}

func (s scaling) read(e bridgeEvent) (Result, error) {
	group := e.detail.at("AutoScalingGroupName").text()
	a, err := e.alert("autoscaling", group)
	if err != nil {
		return Result{}, err
	}
	a.Fingerprint = hash(a.CorrelationKey, s.member)
	a.Service = group
	a.Title = "Auto Scaling group " + group + ": " + string(e.DetailType)
	a.Description = joined(e.detail.first("Description"), e.detail.first("StatusMessage"), e.detail.first("Cause"))
	a.Labels["instance"] = e.detail.first("EC2InstanceId")
	return one(end(a, s.over)), nil
}
