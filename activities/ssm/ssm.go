// Package ssm runs actions as AWS Systems Manager automations.
//
// At most once: every execution is begun with a client token that is derived
// from the effect, which SSM honours, and carries a tag whose key holds the
// same token, so that an execution whose start was never reported is found
// again. Only documents that the catalogue names are ever run; what they may do
// is set by the role that runs them, not here.
//
// A document gets the effect's arguments and nothing else: they are what a
// person approved. One of them, Service, must be the effect's target.
//
// Executor is immutable and safe for concurrent use.
package ssm

import (
	"cmp"
	"context"
	"regexp"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/aws/smithy-go/middleware"

	"vigil/activities"
	"vigil/activities/internal/actionrole"
	"vigil/activities/internal/awscall"
	"vigil/activities/internal/ecsservice"
	"vigil/workflows/incident"
)

const (
	service     = "ssm"
	readTimeout = time.Minute
	maxPages    = 20

	tagPrefix = "vigil-action-" // + client token
	tagOwner  = "vigil-incident"

	parameterService = "Service"
	parameterCluster = "Cluster"
)

// Config configures an Executor. The zero value is the shipped configuration.
type Config struct {
	Cluster string                         // ECS cluster of targets whose document names none; default prod
	Roles   map[incident.ActionType]string // ARN of the role that starts each class; empty: the worker's own
}

// Executor runs automations.
type Executor struct {
	api       *ssm.Client
	call      awscall.Caller
	cluster   string
	roles     *actionrole.Roles
	reader    ecsservice.Reader
	databases *rds.Client
	rds       awscall.Caller
}

var _ activities.Executor = (*Executor)(nil)

// New makes an Executor. recorder may be nil.
func New(cfg aws.Config, c Config, recorder activities.Recorder) (*Executor, error) {
	roles, err := actionrole.New(cfg, c.Roles, recorder)
	if err != nil {
		return nil, err
	}
	prepared := awscall.Prepare(cfg, readTimeout)
	return &Executor{api: ssm.NewFromConfig(prepared), call: awscall.New(service, recorder), cluster: cmp.Or(c.Cluster, "prod"), roles: roles,
		reader:    ecsservice.New(ecs.NewFromConfig(prepared), awscall.New("ecs", recorder)),
		databases: rds.NewFromConfig(prepared), rds: awscall.New("rds", recorder).AbsenceIsAnswer()}, nil
}

// Call is the StartAutomationExecution that Start sends.
func (e *Executor) Call(a incident.Effect) (incident.Call, error) {
	in, err := input(a)
	if err != nil {
		return incident.Call{}, err
	}
	body, err := awscall.Render(func(option func(*middleware.Stack) error) error {
		_, err := e.api.StartAutomationExecution(context.Background(), in, ssm.WithAPIOptions(option))
		return err
	})
	return incident.Call{Service: service, Operation: "StartAutomationExecution", Request: body}, err
}

// Start begins the effect's document on its target.
func (e *Executor) Start(ctx context.Context, a incident.Effect) (string, incident.Provenance, error) {
	in, err := input(a)
	if err != nil {
		return "", incident.Provenance{}, err
	}
	own, err := e.roles.Credentials(ctx, a, func(p actionrole.Place) []actionrole.Statement { return needs(p, a.Document) })
	if err != nil {
		return "", incident.Provenance{}, err
	}
	start := func(ctx context.Context, in *ssm.StartAutomationExecutionInput, options ...func(*ssm.Options)) (*ssm.StartAutomationExecutionOutput, error) {
		return e.api.StartAutomationExecution(ctx, in, append(options, func(o *ssm.Options) {
			if own != nil {
				o.Credentials = own
			}
		})...)
	}
	if err := activities.LastLook(ctx); err != nil {
		return "", incident.Provenance{}, err
	}
	out, p, err := awscall.Do(ctx, e.call, "StartAutomationExecution", start, in)
	if err != nil {
		return "", p, awscall.Effect(err)
	}
	if aws.ToString(out.AutomationExecutionId) == "" {
		return "", p, awscall.Malformed(p, "the execution has no id")
	}
	return *out.AutomationExecutionId, p, nil
}

// input is the request that begins an effect: what was approved is what is sent.
func input(a incident.Effect) (*ssm.StartAutomationExecutionInput, error) {
	if err := check(a); err != nil {
		return nil, err
	}
	parameters := map[string][]string{}
	for name, value := range a.Arguments {
		parameters[name] = []string{value}
	}
	token := a.Token()
	return &ssm.StartAutomationExecutionInput{
		DocumentName: &a.Document, ClientToken: &token, Parameters: parameters, Mode: types.ExecutionModeAuto,
		Tags: []types.Tag{
			{Key: aws.String(tagPrefix + token), Value: &a.ActionHash},
			{Key: aws.String(tagOwner), Value: &a.IncidentID},
		},
	}, nil
}

// needs is what starting one document takes: the document, the tags of its
// execution, and passing it the role that it runs with, which is bounded by the
// role that is taken on.
func needs(p actionrole.Place, document string) []actionrole.Statement {
	document = document[strings.LastIndex(document, "/")+1:]
	return []actionrole.Statement{
		{Effect: "Allow", Action: []string{"ssm:StartAutomationExecution"}, Resource: []string{
			"arn:" + p.Partition + ":ssm:" + p.Region + ":*:automation-definition/" + document + ":*"}},
		{Effect: "Allow", Action: []string{"ssm:AddTagsToResource"}, Resource: []string{
			"arn:" + p.Partition + ":ssm:" + p.Region + ":" + p.Account + ":automation-execution/*"}},
		{Effect: "Allow", Action: []string{"iam:PassRole"}, Resource: []string{"arn:" + p.Partition + ":iam::" + p.Account + ":role/*"},
			Condition: map[string]map[string]string{"StringEquals": {"iam:PassedToService": "ssm.amazonaws.com"}}},
	}
}

// Find looks for the execution that carries the token's tag. SSM keeps
// executions for 30 days.
func (e *Executor) Find(ctx context.Context, a incident.Effect) (string, error) {
	if err := check(a); err != nil {
		return "", err
	}
	in := &ssm.DescribeAutomationExecutionsInput{Filters: []types.AutomationExecutionFilter{
		{Key: types.AutomationExecutionFilterKeyTagKey, Values: []string{tagPrefix + a.Token()}},
	}}
	for page := 0; ; page++ {
		out, p, err := awscall.Do(ctx, e.call, "DescribeAutomationExecutions", e.api.DescribeAutomationExecutions, in)
		if err != nil {
			return "", err
		}
		for _, x := range out.AutomationExecutionMetadataList {
			if id := aws.ToString(x.AutomationExecutionId); id != "" {
				return id, nil
			}
		}
		if aws.ToString(out.NextToken) == "" {
			return "", nil
		}
		if page == maxPages { // an empty page may be followed by a full one, but not for ever
			return "", awscall.Malformed(p, "the pages do not end")
		}
		in.NextToken = out.NextToken
	}
}

// Get reads how an execution stands. The string says it in SSM's words.
func (e *Executor) Get(ctx context.Context, _ incident.Effect, id string) (incident.ExecutionState, string, incident.Provenance, error) {
	out, p, err := awscall.Do(ctx, e.call, "GetAutomationExecution", e.api.GetAutomationExecution, &ssm.GetAutomationExecutionInput{AutomationExecutionId: &id})
	if err != nil {
		return "", "", p, err
	}
	x := out.AutomationExecution
	if x == nil || x.AutomationExecutionStatus == "" {
		return "", "", p, awscall.Malformed(p, "the execution %s has no status", id)
	}
	return state(x.AutomationExecutionStatus), detail(x), p, nil
}

// states says what each status of SSM means. One that is not here cannot be
// told, and a person decides.
var states = map[types.AutomationExecutionStatus]incident.ExecutionState{
	types.AutomationExecutionStatusPending:                        incident.ExecutionRunning,
	types.AutomationExecutionStatusInprogress:                     incident.ExecutionRunning,
	types.AutomationExecutionStatusWaiting:                        incident.ExecutionRunning,
	types.AutomationExecutionStatusCancelling:                     incident.ExecutionRunning,
	types.AutomationExecutionStatusPendingApproval:                incident.ExecutionRunning,
	types.AutomationExecutionStatusApproved:                       incident.ExecutionRunning,
	types.AutomationExecutionStatusScheduled:                      incident.ExecutionRunning,
	types.AutomationExecutionStatusRunbookInprogress:              incident.ExecutionRunning,
	types.AutomationExecutionStatusPendingChangeCalendarOverride:  incident.ExecutionRunning,
	types.AutomationExecutionStatusChangeCalendarOverrideApproved: incident.ExecutionRunning,

	types.AutomationExecutionStatusSuccess:              incident.ExecutionSucceeded,
	types.AutomationExecutionStatusCompletedWithSuccess: incident.ExecutionSucceeded,

	types.AutomationExecutionStatusFailed:                         incident.ExecutionFailed,
	types.AutomationExecutionStatusTimedout:                       incident.ExecutionFailed,
	types.AutomationExecutionStatusCancelled:                      incident.ExecutionFailed,
	types.AutomationExecutionStatusRejected:                       incident.ExecutionFailed,
	types.AutomationExecutionStatusChangeCalendarOverrideRejected: incident.ExecutionFailed,
	types.AutomationExecutionStatusCompletedWithFailure:           incident.ExecutionFailed,

	types.AutomationExecutionStatusExited: incident.ExecutionUnknown, // left its runbook half-way
}

func state(s types.AutomationExecutionStatus) incident.ExecutionState {
	return cmp.Or(states[s], incident.ExecutionUnknown)
}

func detail(x *types.AutomationExecution) string {
	d := string(x.AutomationExecutionStatus)
	if step := aws.ToString(x.CurrentStepName); step != "" {
		d += " at step " + step
	}
	if failure := strings.TrimSpace(aws.ToString(x.FailureMessage)); failure != "" {
		d += ": " + activities.Redact(failure)
	}
	return d
}

// documentName is what SSM calls documents, by name or by ARN. What it does not
// hold, such as a star, would mean more than one document in a policy.
var documentName = regexp.MustCompile(`^(arn:[\w:-]+:document/)?[A-Za-z0-9_.-]{3,128}$`)

func check(a incident.Effect) error {
	switch {
	case a.ActionHash == "" || a.IncidentID == "" || a.Step < 1:
		return incident.Errorf(incident.KindInvalid, "ssm: the effect is of no action: it has no hash, no incident or no step, and its token would not be its own")
	case !documentName.MatchString(a.Document) || a.Target == "":
		return incident.Errorf(incident.KindInvalid, "ssm: the %s action runs %q on %q; it must name a document and a target", a.Type, a.Document, a.Target)
	}
	if got := a.Arguments[parameterService]; got != a.Target {
		return incident.Errorf(incident.KindInvalid, "ssm: the action is on %q and would run on %s %q; they must be the same", a.Target, parameterService, got)
	}
	return nil
}
