package sandbox

import (
	"fmt"
	"strings"
)

// refusal is the error that a strike answers with, in the service's own words;
// nil where the strike is no error.
func (st strike) refusal(op operation, params []string) *apiError {
	codes := refusals[op.service]
	pick := func(mode ChaosMode, otherwise string) string {
		if code, ok := codes[mode]; ok {
			return code
		}
		return otherwise
	}
	switch st.mode {
	case ChaosThrottle:
		return errorf(pick(st.mode, "ThrottlingException"), "Too many requests, please wait before trying again.")
	case ChaosUnavailable:
		return errorf(pick(st.mode, "ServiceUnavailableException"), "The service is unavailable at the moment, please try again later.")
	case ChaosAccessDenied:
		return errorf(pick(st.mode, "AccessDeniedException"), "User: %s is not authorized to perform: %s on resource: %s because no identity-based policy allows the %[2]s action",
			callerARN, op.action(), op.resource(params))
	case ChaosNotFound:
		return errorf(pick(st.mode, "ResourceNotFoundException"), "The resource %s was not found.", op.resource(params))
	case ChaosQuota:
		return errorf(pick(st.mode, "ServiceQuotaExceededException"), "Too many tokens per day, please wait before trying again.")
	case ChaosFailing:
		return errorf(pick(st.mode, "InternalServerException"), "The system encountered an unexpected error during processing. Try your request again.")
	case ChaosNotReady:
		return errorf("ModelNotReadyException", "The model is not ready to serve inference requests.")
	case ChaosModelTimeout:
		return errorf("ModelTimeoutException", "The model took too long to process the request.")
	case ChaosModelError:
		return errorf("ModelErrorException", "The model returned an error while it processed the request.")
	case ChaosError:
		return errorf(st.error, "The sandbox was told to answer so.")
	}
	return nil
}

// refusals are the error codes of services that do not use the usual ones.
var refusals = map[string]map[ChaosMode]string{
	"xray":                  {ChaosThrottle: "ThrottledException", ChaosUnavailable: serviceUnavailable, ChaosFailing: internalFailure},
	"rds":                   {ChaosThrottle: "Throttling", ChaosUnavailable: serviceUnavailable, ChaosAccessDenied: "AccessDenied", ChaosFailing: internalFailure, ChaosNotFound: "DBInstanceNotFound"},
	"sts":                   {ChaosThrottle: "Throttling", ChaosUnavailable: serviceUnavailable, ChaosAccessDenied: "AccessDenied", ChaosFailing: internalFailure},
	"cloudwatch":            {ChaosUnavailable: "InternalServiceFault", ChaosFailing: "InternalServiceFault"},
	"ecs":                   {ChaosUnavailable: "ServerException", ChaosFailing: "ServerException"},
	"ssm":                   {ChaosUnavailable: "InternalServerError", ChaosFailing: "InternalServerError"},
	"sns":                   {ChaosThrottle: "Throttled", ChaosUnavailable: serviceUnavailable, ChaosAccessDenied: "AuthorizationError", ChaosFailing: "InternalError", ChaosNotFound: "NotFound"},
	"cloudtrail":            {ChaosUnavailable: serviceUnavailable, ChaosFailing: internalFailure},
	"pi":                    {ChaosThrottle: "ThrottlingException", ChaosUnavailable: "InternalServiceError", ChaosFailing: "InternalServiceError", ChaosAccessDenied: "NotAuthorizedException"},
	"bedrock-agent-runtime": {ChaosUnavailable: "DependencyFailedException"},
	"bedrock-agent":         {ChaosUnavailable: serviceUnavailable},
	"bedrock-agentcore":     {ChaosThrottle: "ThrottledException", ChaosUnavailable: "ServiceException", ChaosFailing: "ServiceException"},
	"qbusiness":             {ChaosUnavailable: serviceUnavailable},
	"sqs": {ChaosThrottle: "RequestThrottled", ChaosUnavailable: serviceUnavailable, ChaosAccessDenied: "AccessDenied", ChaosNotFound: "QueueDoesNotExist",
		ChaosQuota: "OverLimit", ChaosFailing: internalFailure},
}

// Who asks and where, in ARNs. The account is nobody's.
const (
	account   = "000000000000"
	region    = "us-east-1"
	callerARN = "arn:aws:sts::" + account + ":assumed-role/vigil-worker/sandbox"
)

// action is the IAM action that allows an operation.
func (op operation) action() string {
	name := op.name
	switch name {
	case "Converse":
		name = "InvokeModel"
	case "ConverseStream":
		name = "InvokeModelWithResponseStream"
	}
	prefix := op.service
	if op.service == "sqs" { // one permission for a message and for many
		name = strings.TrimSuffix(name, "Batch")
	}
	switch {
	case strings.HasPrefix(op.service, "bedrock-agentcore"):
	case strings.HasPrefix(op.service, "bedrock"):
		prefix = "bedrock"
	}
	return prefix + ":" + name
}

// resource is what an operation was asked about, as an ARN or by its name.
func (op operation) resource(params []string) string {
	if len(params) == 0 {
		return "*"
	}
	if strings.HasPrefix(params[0], "arn:") {
		return params[0]
	}
	kind := map[string]string{"Converse": "foundation-model", "ConverseStream": "foundation-model", "GetFoundationModel": "foundation-model",
		"ApplyGuardrail": "guardrail", "GetGuardrail": "guardrail", "Retrieve": "knowledge-base", "GetKnowledgeBase": "knowledge-base", "InvokeAgent": "agent-alias",
		"CreateEvent": "memory", "ListEvents": "memory", "RetrieveMemoryRecords": "memory", "ChatSync": "application", "SearchRelevantContent": "application"}[op.name]
	if kind == "" {
		return params[0]
	}
	owner, service := account, "bedrock"
	switch {
	case kind == "foundation-model":
		owner = ""
	case op.service == "bedrock-agentcore", op.service == "qbusiness":
		service = op.service
	}
	return fmt.Sprintf("arn:aws:%s:%s:%s:%s/%s", service, region, owner, kind, params[0])
}
