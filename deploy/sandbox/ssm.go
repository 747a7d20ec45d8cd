package sandbox

import (
	"errors"
	"slices"
	"strings"

	"github.com/google/uuid"

	"vigil/deploy/sandbox/world"
)

var ssmOperations = []operation{
	{"ssm", "StartAutomationExecution", awsJSON, "AmazonSSM.StartAutomationExecution", (*Server).startAutomation},
	{"ssm", "GetAutomationExecution", awsJSON, "AmazonSSM.GetAutomationExecution", (*Server).getAutomation},
	{"ssm", "DescribeAutomationExecutions", awsJSON, "AmazonSSM.DescribeAutomationExecutions", (*Server).describeAutomations},
}

func (s *Server) startAutomation(x *exchange) (any, error) {
	var in struct {
		DocumentName       string
		DocumentVersion    string
		Parameters         map[string][]string
		ClientToken        string
		Mode               string
		Tags               []struct{ Key, Value string }
		Targets            []any
		TargetLocations    []any
		AlarmConfiguration any
	}
	if err := x.decode(&in); err != nil {
		return nil, err
	}
	x.note("document", in.DocumentName)
	x.note("client_token", in.ClientToken)
	x.note("parameters", in.Parameters)
	switch {
	case in.ClientToken != "" && (len(in.ClientToken) != 36 || uuid.Validate(in.ClientToken) != nil):
		return nil, errorf("ValidationException", "ClientToken must be a UUID of 36 characters.")
	case in.Mode != "" && in.Mode != "Auto":
		return nil, errorf("InvalidAutomationExecutionParametersException", "The sandbox runs documents in mode Auto, not %s.", in.Mode)
	case len(in.Targets)+len(in.TargetLocations) > 0:
		return nil, errorf("InvalidTarget", "The sandbox's documents take their target as a parameter.")
	case in.AlarmConfiguration != nil:
		return nil, errorf("InvalidAutomationExecutionParametersException", "The sandbox stops no automation on an alarm; leave AlarmConfiguration out.")
	case in.DocumentVersion != "" && in.DocumentVersion != "$DEFAULT" && in.DocumentVersion != "$LATEST" && in.DocumentVersion != "1":
		return nil, errorf("AutomationDefinitionVersionNotFoundException", "Document %s has version 1 only.", in.DocumentName)
	}
	tags := map[string]string{}
	for _, t := range in.Tags {
		tags[t.Key] = t.Value
	}
	e, err := s.world.StartFated(in.DocumentName, in.Parameters, tags, in.ClientToken, x.strike.fate())
	switch {
	case errors.Is(err, world.ErrUnknownDocument):
		return nil, errorf("AutomationDefinitionNotFoundException", "%v", err)
	case errors.Is(err, world.ErrInvalidParameters):
		return nil, errorf("InvalidAutomationExecutionParametersException", "%v", err)
	case errors.Is(err, world.ErrTokenReused):
		return nil, errorf("IdempotentParameterMismatch", "%v", err)
	case err != nil:
		return nil, err
	}
	x.note("execution_id", e.ID)
	return map[string]string{"AutomationExecutionId": e.ID}, nil
}

func (s *Server) getAutomation(x *exchange) (any, error) {
	var in struct{ AutomationExecutionID string }
	if err := x.decode(&in); err != nil {
		return nil, err
	}
	x.note("execution_id", in.AutomationExecutionID)
	found := s.world.Executions(func(e world.Execution) bool { return e.ID == in.AutomationExecutionID })
	if len(found) == 0 {
		return nil, errorf("AutomationExecutionNotFoundException", "There is no automation execution %q.", in.AutomationExecutionID)
	}
	e := found[0]
	x.note("status", e.Status)
	out := executionFields(e)
	out["Parameters"] = e.Parameters
	// Of the steps, those before the one that runs, or ended it, went well.
	succeeded, failed, timedOut := map[string]int{world.StepAct: 1, world.StepSettle: 2}[e.Step], 0, 0
	switch e.Status {
	case world.ExecutionSuccess:
		succeeded = 3
	case world.ExecutionFailed:
		failed = 1
	case world.ExecutionTimedOut:
		timedOut = 1
	}
	out["ProgressCounters"] = map[string]int{"TotalSteps": 3, "SuccessSteps": succeeded, "FailedSteps": failed, "CancelledSteps": 0, "TimedOutSteps": timedOut}
	return map[string]any{"AutomationExecution": out}, nil
}

func (s *Server) describeAutomations(x *exchange) (any, error) {
	var in struct {
		Filters []struct {
			Key    string
			Values []string
		}
		MaxResults *int
		NextToken  string
	}
	if err := x.decode(&in); err != nil {
		return nil, err
	}
	size := 50
	if in.MaxResults != nil {
		if size = *in.MaxResults; size < 1 || size > 50 {
			return nil, errorf("ValidationException", "MaxResults must be from 1 to 50.")
		}
	}
	offset, err := pageOffset(in.NextToken)
	if err != nil {
		return nil, errorf("InvalidNextToken", "The token is not one of the sandbox's.")
	}
	filters := map[string]func(world.Execution, string) bool{
		"DocumentNamePrefix": func(e world.Execution, v string) bool { return strings.HasPrefix(e.Document, v) },
		"ExecutionStatus":    func(e world.Execution, v string) bool { return string(e.Status) == v },
		"ExecutionId":        func(e world.Execution, v string) bool { return e.ID == v },
		"TagKey":             func(e world.Execution, v string) bool { _, ok := e.Tags[v]; return ok },
	}
	for _, f := range in.Filters {
		if filters[f.Key] == nil {
			return nil, errorf("InvalidFilterKey", "The sandbox does not filter by %q; it filters by DocumentNamePrefix, ExecutionStatus, ExecutionId and TagKey.", f.Key)
		}
		x.note(f.Key, f.Values)
	}
	found := s.world.Executions(func(e world.Execution) bool {
		for _, f := range in.Filters {
			if !slices.ContainsFunc(f.Values, func(v string) bool { return filters[f.Key](e, v) }) {
				return false
			}
		}
		return true
	})
	slices.Reverse(found) // newest first
	page, next := paginate(found, offset, size)
	list := []map[string]any{}
	for _, e := range page {
		m := executionFields(e)
		m["AutomationType"] = "Local"
		list = append(list, m)
	}
	x.note("executions", len(list))
	out := map[string]any{"AutomationExecutionMetadataList": list}
	if next != "" {
		out["NextToken"] = next
	}
	return out, nil
}

// executionFields is what the two ways of reading an execution have in common.
func executionFields(e world.Execution) map[string]any {
	out := map[string]any{
		"AutomationExecutionId": e.ID, "AutomationExecutionStatus": e.Status, "DocumentName": e.Document, "DocumentVersion": "1",
		"ExecutionStartTime": epoch(e.StartedAt), "Mode": "Auto", "ExecutedBy": "arn:aws:sts::" + world.Account + ":assumed-role/vigil-executor/session",
		"Outputs": map[string][]string{},
	}
	if !e.EndedAt.IsZero() {
		out["ExecutionEndTime"] = epoch(e.EndedAt)
	}
	if e.Step != "" {
		out["CurrentStepName"], out["CurrentAction"] = e.Step, "aws:executeScript"
	}
	if e.Failure != "" {
		out["FailureMessage"] = e.Failure
	}
	if len(e.Outputs) > 0 {
		out["Outputs"] = map[string][]string{"act.Message": e.Outputs}
	}
	return out
}
