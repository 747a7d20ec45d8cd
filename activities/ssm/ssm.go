// Package ssm runs actions as AWS Systems Manager automations.
//
// At most once: every execution is begun with a client token that is derived
// from the action, which SSM honours, and carries a tag whose key holds the
// same token, so that an execution whose start was never reported is found
// again. Only documents that the catalogue names are ever run; what they may do
// is set by the role that runs them, not here.
//
// A document gets the action's arguments and nothing else: they are what a
// person approved. One of them, Service, must be the action's target.
//
// Executor is immutable and safe for concurrent use.
package ssm

import (
	"cmp"
	"context"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/google/uuid"

	"vigil/activities"
	"vigil/activities/internal/awscall"
	"vigil/workflows/incident"
)

const (
	service     = "ssm"
	readTimeout = time.Minute
	maxPages    = 20

	tagPrefix = "vigil-action-" // + client token
	tagOwner  = "vigil-incident"

	parameterService = "Service"
)

// Executor runs automations.
type Executor struct {
	api  *ssm.Client
	call awscall.Caller
}

var _ activities.Executor = (*Executor)(nil)

// New makes an Executor. recorder may be nil.
func New(cfg aws.Config, recorder activities.Recorder) *Executor {
	return &Executor{api: ssm.NewFromConfig(awscall.Prepare(cfg, readTimeout)), call: awscall.New(service, recorder)}
}

// Start begins the action's document on its target.
func (e *Executor) Start(ctx context.Context, a incident.Action, token string) (string, incident.Provenance, error) {
	if err := check(a, token); err != nil {
		return "", incident.Provenance{}, err
	}
	parameters := map[string][]string{}
	for name, value := range a.Arguments { // all of them: what was approved is what is sent
		parameters[name] = []string{value}
	}
	out, p, err := awscall.Do(ctx, e.call, "StartAutomationExecution", e.api.StartAutomationExecution, &ssm.StartAutomationExecutionInput{
		DocumentName: &a.Document, ClientToken: &token, Parameters: parameters, Mode: types.ExecutionModeAuto,
		Tags: []types.Tag{
			{Key: aws.String(tagPrefix + token), Value: aws.String(a.Hash())},
			{Key: aws.String(tagOwner), Value: aws.String(a.IncidentID)},
		},
	})
	if err != nil {
		return "", p, err
	}
	if aws.ToString(out.AutomationExecutionId) == "" {
		return "", p, awscall.Malformed(p, "the execution has no id")
	}
	return *out.AutomationExecutionId, p, nil
}

// Find looks for the execution that carries the token's tag. SSM keeps
// executions for 30 days.
func (e *Executor) Find(ctx context.Context, a incident.Action, token string) (string, error) {
	if err := check(a, token); err != nil {
		return "", err
	}
	in := &ssm.DescribeAutomationExecutionsInput{Filters: []types.AutomationExecutionFilter{
		{Key: types.AutomationExecutionFilterKeyTagKey, Values: []string{tagPrefix + token}},
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
func (e *Executor) Get(ctx context.Context, id string) (incident.ExecutionState, string, incident.Provenance, error) {
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

func check(a incident.Action, token string) error {
	if id, err := uuid.Parse(token); err != nil || id.String() != strings.ToLower(token) {
		return incident.Errorf(incident.KindInvalid, "ssm: the client token %q is no UUID; SSM takes no other", token)
	}
	if a.Document == "" || a.Target == "" {
		return incident.Errorf(incident.KindInvalid, "ssm: the action %s on %q names no document or no target", a.Type, a.Target)
	}
	if got := a.Arguments[parameterService]; got != a.Target {
		return incident.Errorf(incident.KindInvalid, "ssm: the action is on %q and would run on %s %q; they must be the same", a.Target, parameterService, got)
	}
	return nil
}
