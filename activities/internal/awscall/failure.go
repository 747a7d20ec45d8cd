package awscall

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"vigil/activities"
	"vigil/workflows/incident"
)

// kinds says what each exception means for whoever has to react to it. It is
// the one place where AWS's words become ours. An exception that is not here
// goes by whose fault it calls itself, then by its HTTP status.
var kinds = map[string]incident.Kind{
	// Later, and less.
	"ThrottlingException":                       incident.KindThrottled,
	"ThrottledException":                        incident.KindThrottled,
	"Throttling":                                incident.KindThrottled,
	"TooManyRequestsException":                  incident.KindThrottled,
	"RequestLimitExceeded":                      incident.KindThrottled,
	"RequestThrottled":                          incident.KindThrottled,
	"LimitExceededException":                    incident.KindThrottled, // CloudWatch Logs: too many queries at once
	"ServiceQuotaExceededException":             incident.KindThrottled,
	"AutomationExecutionLimitExceededException": incident.KindThrottled,
	"MaxConcurrentQueriesException":             incident.KindThrottled,
	"OverLimit":                                 incident.KindThrottled, // SQS: too many messages in flight
	"KmsThrottled":                              incident.KindThrottled,
	"Throttled":                                 incident.KindThrottled, // SNS
	"KMSThrottling":                             incident.KindThrottled,

	// Later.
	"InternalServerException":     incident.KindUnavailable,
	"InternalServerError":         incident.KindUnavailable,
	"InternalServiceFault":        incident.KindUnavailable,
	"InternalServiceError":        incident.KindUnavailable,
	"InternalFailure":             incident.KindUnavailable,
	"InternalError":               incident.KindUnavailable,
	"ServerException":             incident.KindUnavailable,
	"ServiceException":            incident.KindUnavailable,
	"ServiceUnavailable":          incident.KindUnavailable,
	"ServiceUnavailableException": incident.KindUnavailable,
	"ModelNotReadyException":      incident.KindUnavailable,
	"ModelTimeoutException":       incident.KindUnavailable,
	"ModelErrorException":         incident.KindUnavailable, // unless the model's own status says otherwise, see exception
	"ModelStreamErrorException":   incident.KindUnavailable,
	"RequestTimeout":              incident.KindUnavailable,
	"RequestTimeoutException":     incident.KindUnavailable,

	// Not with these credentials.
	"AccessDenied":                   incident.KindDenied,
	"AccessDeniedException":          incident.KindDenied,
	"UnauthorizedOperation":          incident.KindDenied,
	"UnauthorizedException":          incident.KindDenied,
	"NotAuthorized":                  incident.KindDenied,
	"NotAuthorizedException":         incident.KindDenied,
	"UnrecognizedClientException":    incident.KindDenied,
	"InvalidClientTokenId":           incident.KindDenied,
	"InvalidSignatureException":      incident.KindDenied,
	"SignatureDoesNotMatch":          incident.KindDenied,
	"IncompleteSignature":            incident.KindDenied,
	"MissingAuthenticationToken":     incident.KindDenied,
	"ExpiredToken":                   incident.KindDenied,
	"ExpiredTokenException":          incident.KindDenied,
	"RequestExpired":                 incident.KindDenied,
	"RequestTimeTooSkewed":           incident.KindDenied,
	"OptInRequired":                  incident.KindDenied,
	"KmsAccessDeniedException":       incident.KindDenied,
	"KmsAccessDenied":                incident.KindDenied,
	"InvalidSecurity":                incident.KindDenied, // SQS: not over TLS, or not signed
	"AuthorizationError":             incident.KindDenied, // SNS
	"KMSAccessDenied":                incident.KindDenied,
	"OperationNotPermittedException": incident.KindDenied,

	// Nothing there.
	"DBClusterNotFoundFault":                       incident.KindNotFound,
	"DBInstanceNotFound":                           incident.KindNotFound,
	"ResourceNotFound":                             incident.KindNotFound,
	"NotFound":                                     incident.KindNotFound, // SNS
	"ResourceNotFoundException":                    incident.KindNotFound,
	"ClusterNotFoundException":                     incident.KindNotFound,
	"ServiceNotFoundException":                     incident.KindNotFound,
	"AutomationDefinitionNotFoundException":        incident.KindNotFound,
	"AutomationDefinitionVersionNotFoundException": incident.KindNotFound,
	"AutomationExecutionNotFoundException":         incident.KindNotFound,
	"QueueDoesNotExist":                            incident.KindNotFound,
	"AWS.SimpleQueueService.NonExistentQueue":      incident.KindNotFound,

	// Not in this state.
	"ConflictException":           incident.KindConflict,
	"IdempotentParameterMismatch": incident.KindConflict,
	"ResourceConflict":            incident.KindConflict,
	"OperationAbortedException":   incident.KindConflict,
}

// advice ends the message of an error: what its reader can do.
var advice = map[incident.Kind]string{
	incident.KindInvalid:     "repeating it will not help",
	incident.KindNotFound:    "check the name, the account and the region",
	incident.KindConflict:    "read the state again before deciding anew",
	incident.KindDenied:      "check the worker's credentials and what its role may do",
	incident.KindThrottled:   "it may succeed later, or with a higher quota",
	incident.KindUnavailable: "it may succeed later",
	incident.KindInternal:    "it may succeed later",
}

// maxMessage bounds what is repeated of a service's message, which can hold
// the request.
const maxMessage = 300

// fail turns err, as an SDK client returned it, into the error that leaves.
func fail(ctx context.Context, p incident.Provenance, seen *sighting, err error) *incident.Error {
	kind, what, cause := classify(ctx, seen, err)
	what = activities.Redact(what)
	if r := []rune(what); len(r) > maxMessage {
		what = string(r[:maxMessage]) + "…"
	}
	var where []string
	var response *smithyhttp.ResponseError
	if errors.As(err, &response) && response.HTTPStatusCode() != 0 {
		where = append(where, fmt.Sprintf("HTTP %d", response.HTTPStatusCode()))
	}
	if seen.requestID != "" {
		where = append(where, "request "+seen.requestID)
	}
	if len(where) > 0 {
		what += " (" + strings.Join(where, ", ") + ")"
	}
	if kind == incident.KindUnavailable && !seen.connected.Load() {
		cause = errors.Join(cause, errUnsent)
	}
	return &incident.Error{Kind: kind, Op: operation(p), Msg: what + "; " + advice[kind], Err: cause}
}

// errUnsent marks a failure of which it is certain that nothing was sent: there
// never was a connection.
var errUnsent = errors.New("there was no connection, so nothing was sent")

// Effect is the error of a call that changes something. One that never left is
// a refusal, of kind conflict, and not in doubt as one whose answer is missing.
func Effect(err error) error {
	if !errors.Is(err, errUnsent) {
		return err
	}
	return &incident.Error{Kind: incident.KindConflict, Msg: "nothing was sent", Err: err}
}

func operation(p incident.Provenance) string {
	return strings.TrimSpace(p.Service + " " + p.Operation + " " + p.Model)
}

// classify says what kind of failure err is and what happened, in words that
// do not quote the request. cause is set where callers look for it: the end of
// their own context.
func classify(ctx context.Context, seen *sighting, err error) (kind incident.Kind, what string, cause error) {
	var (
		api      smithy.APIError
		response *smithyhttp.ResponseError
		send     *smithyhttp.RequestSendError
		unsent   smithy.InvalidParamsError
		encode   *smithy.SerializationError
		region   *aws.MissingRegionError
		network  net.Error
		own      *incident.Error
	)
	switch {
	case errors.As(err, &own): // of whoever read the answer
		return own.Kind, own.Msg, nil
	case errors.As(err, &api) && api.ErrorCode() != "" && api.ErrorCode() != unknownCode:
		what = api.ErrorCode()
		if m := api.ErrorMessage(); m != "" {
			what += ": " + m
		}
		return exception(api, err), what, nil
	case ctx.Err() != nil:
		return incident.KindUnavailable, "given up before an answer came", ctx.Err()
	case errors.As(err, &response) && response.HTTPStatusCode() >= 300:
		return plain(response.HTTPStatusCode()), "an answer that is not AWS's; is the endpoint right?", nil
	case errors.As(err, &unsent):
		return incident.KindInvalid, strings.Join(strings.Fields(unsent.Error()), " "), nil
	case errors.As(err, &encode):
		return incident.KindInvalid, "the request cannot be encoded", nil
	case errors.As(err, &region):
		return incident.KindInvalid, "no region is configured", nil
	case errors.As(err, &send):
		return incident.KindUnavailable, "no answer: " + transport(send.Err), nil
	case errors.Is(err, io.ErrUnexpectedEOF), errors.As(err, &network):
		return incident.KindUnavailable, "the answer broke off", nil
	case seen.attempts == 0:
		return incident.KindDenied, "the request could not be signed: " + innermost(err).Error(), nil
	default:
		return incident.KindInternal, "the answer cannot be read", nil
	}
}

func exception(api smithy.APIError, err error) incident.Kind {
	var model *types.ModelErrorException
	if errors.As(err, &model) { // its HTTP status is always 424; the model's own says whose fault it was
		if original := aws.ToInt32(model.OriginalStatusCode); original >= 400 && original < 500 {
			return status(int(original))
		}
	}
	if kind, ok := kinds[api.ErrorCode()]; ok {
		return kind
	}
	var response *smithyhttp.ResponseError
	switch {
	case api.ErrorFault() == smithy.FaultServer:
		return incident.KindUnavailable
	case api.ErrorFault() == smithy.FaultClient:
		return incident.KindInvalid
	case errors.As(err, &response) && response.HTTPStatusCode() >= 300:
		return status(response.HTTPStatusCode())
	}
	return incident.KindInternal
}

// unknownCode is what the SDK calls an error answer that names no exception.
const unknownCode = "UnknownError"

// plain is the kind of an error answer without an exception, as a proxy or a
// wrong endpoint gives it. Its 404 is not AWS saying that there is no such thing.
func plain(code int) incident.Kind {
	if code == 404 {
		return incident.KindUnavailable
	}
	return status(code)
}

func status(code int) incident.Kind {
	switch {
	case code == 401, code == 403:
		return incident.KindDenied
	case code == 404:
		return incident.KindNotFound
	case code == 408:
		return incident.KindUnavailable
	case code == 409:
		return incident.KindConflict
	case code == 429:
		return incident.KindThrottled
	case code >= 400 && code < 500:
		return incident.KindInvalid
	default: // a redirect is no answer of AWS's either
		return incident.KindUnavailable
	}
}

// transport describes a failed round trip without its URL, which names the
// model or the guardrail and may carry more.
func transport(err error) string {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	return err.Error()
}

func innermost(err error) error {
	for {
		next := errors.Unwrap(err)
		if next == nil {
			return err
		}
		err = next
	}
}
