package doctor

import (
	"cmp"
	"context"
	"errors"
	"strings"

	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// denials are what services call it when a role may not do something.
var denials = []string{"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "NotAuthorized", "NotAuthorizedException", "AuthorizationError"}

// strangers are what services call it when the credentials are no good.
var strangers = []string{"UnrecognizedClientException", "InvalidClientTokenId", "ExpiredToken", "ExpiredTokenException", "InvalidSignatureException",
	"SignatureDoesNotMatch", "MissingAuthenticationToken", "IncompleteSignature"}

// absences are what services call it when there is no such thing.
var absences = []string{"ResourceNotFoundException", "ResourceNotFound", "ClusterNotFoundException", "NoSuchBucket",
	"QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue"}

// explain says what went wrong, and what to do about it.
func explain(c check, err error) (detail, todo string) {
	var api smithy.APIError
	var send *smithyhttp.RequestSendError
	var signing interface{ ProviderName() string }
	switch {
	case errors.As(err, &api) && api.ErrorCode() != "UnknownError":
		return code(c, api)
	case errors.Is(err, context.DeadlineExceeded):
		return "no answer within " + timeout.String(), "check the network, the region and the endpoint"
	case errors.As(err, &send):
		return "no answer: " + innermost(err), "check the network, the region and the endpoint"
	case errors.As(err, &signing), strings.Contains(err.Error(), "failed to refresh cached credentials"), strings.Contains(err.Error(), "get identity"):
		return "no credentials: " + innermost(err), "set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run where a role is attached"
	default:
		return "the answer cannot be read: " + innermost(err), "check that the endpoint is AWS's"
	}
}

func code(c check, api smithy.APIError) (detail, todo string) {
	detail = api.ErrorCode()
	if m := oneLine(api.ErrorMessage()); m != "" {
		detail += ": " + m
	}
	says := strings.ToLower(api.ErrorMessage())
	switch {
	case is(api, strangers):
		return detail, "the credentials are wrong or have expired; renew them"
	case strings.Contains(says, "access to the model"), strings.Contains(says, "model access"):
		return detail, "ask for access to the model in the Bedrock console of this region"
	case is(api, denials):
		return detail, "allow " + c.action + " to the role; " + cmp.Or(c.policy, "deploy/iam/read-only.json") + " has the statement"
	case strings.Contains(says, "on-demand throughput"):
		return detail, "the model is to be had by an inference profile only; put one such as us.amazon.nova-pro-v1:0 into " + c.setting
	case is(api, absences):
		if c.setting == "" {
			return detail, "check the account and the region"
		}
		return detail, "there is no such thing in this account and region; check " + c.setting
	case strings.Contains(strings.ToLower(api.ErrorCode()), "throttl"), strings.Contains(api.ErrorCode(), "Quota"), strings.Contains(api.ErrorCode(), "LimitExceeded"):
		return detail, "the permission is there, the quota is not; look at Service Quotas"
	case api.ErrorFault() == smithy.FaultServer:
		return detail, "try again; the service failed"
	default:
		if c.setting == "" {
			return detail, "the service refuses the request"
		}
		return detail, "check " + c.setting
	}
}

func is(api smithy.APIError, codes []string) bool {
	for _, code := range codes {
		if api.ErrorCode() == code {
			return true
		}
	}
	return false
}

func innermost(err error) string {
	for {
		next := errors.Unwrap(err)
		if next == nil {
			return oneLine(err.Error())
		}
		err = next
	}
}

// maxDetail keeps a row readable.
const maxDetail = 240

func oneLine(s string) string {
	r := []rune(strings.Join(strings.Fields(s), " "))
	if len(r) > maxDetail {
		return string(r[:maxDetail]) + "…"
	}
	return string(r)
}
