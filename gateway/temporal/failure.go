package temporal

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	sdktemporal "go.temporal.io/sdk/temporal"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"vigil/workflows/incident"
)

// unknownOutcome is what a person is told when a call may or may not have
// taken effect.
const unknownOutcome = "no answer came in time; nothing is assumed; repeat with the same Idempotency-Key"

// wrap turns an error of the SDK into one with a kind. It is the only place
// where Temporal's errors are read.
func wrap(err error, op string, args ...any) error {
	if err == nil {
		return nil
	}
	kind, msg := classify(err)
	return &incident.Error{Kind: kind, Op: fmt.Sprintf(op, args...), Msg: msg, Err: err}
}

func classify(err error) (incident.Kind, string) {
	// What the workflow itself refuses comes as an application error whose
	// type is the kind and whose message is meant for the person.
	var app *sdktemporal.ApplicationError
	if errors.As(err, &app) {
		if k := incident.Kind(app.Type()); k.Valid() {
			return k, app.Message()
		}
		if app.Type() == "AcceptedUpdateCompletedWorkflow" {
			return incident.KindConflict, "the incident ended before this could take effect"
		}
		return incident.KindInternal, "the workflow failed to handle it"
	}

	var (
		started     *serviceerror.WorkflowExecutionAlreadyStarted
		notFound    *serviceerror.NotFound
		noNamespace *serviceerror.NamespaceNotFound
		invalid     *serviceerror.InvalidArgument
		exhausted   *serviceerror.ResourceExhausted
		updateLost  *client.WorkflowUpdateServiceTimeoutOrCanceledError
	)
	switch {
	case errors.As(err, &started):
		return incident.KindConflict, "its id is in use, or was used by an incident that is over"
	case errors.As(err, &notFound) && strings.Contains(notFound.Message, "already completed"):
		return incident.KindConflict, "the incident is over"
	case errors.As(err, &notFound):
		return incident.KindNotFound, "Temporal has no such incident"
	case errors.As(err, &noNamespace):
		return incident.KindUnavailable, "Temporal has no such namespace; create it, or correct TEMPORAL_NAMESPACE"
	case errors.As(err, &invalid) && strings.Contains(strings.ToLower(invalid.Message), "search attribute"):
		// The worker registers them when it starts; until then it is not the request that is wrong.
		return incident.KindUnavailable, "Temporal does not know Vigil's search attributes yet; the worker registers them when it starts"
	case errors.As(err, &exhausted):
		return incident.KindThrottled, "Temporal is overloaded; try again later"
	case errors.As(err, &updateLost):
		return incident.KindUnavailable, unknownOutcome
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return incident.KindUnavailable, "Temporal, or the worker behind it, did not answer in time"
	}
	// The code of a plain status survives the SDK's wrapping only as text in
	// some calls, so both forms are asked.
	switch code := codeOf(err); code {
	case codes.Unavailable:
		return incident.KindUnavailable, "Temporal cannot be reached; try again later"
	case codes.DeadlineExceeded, codes.Canceled:
		return incident.KindUnavailable, "Temporal, or the worker behind it, did not answer in time"
	case codes.FailedPrecondition, codes.Aborted:
		return incident.KindUnavailable, "Temporal cannot do this right now; try again later"
	case codes.PermissionDenied, codes.Unauthenticated:
		return incident.KindUnavailable, "Temporal refuses the gateway's credentials; correct TEMPORAL_API_KEY or the TLS settings"
	default:
		return incident.KindInternal, "Temporal answered with an error"
	}
}

func codeOf(err error) codes.Code {
	var se serviceerror.ServiceError
	if errors.As(err, &se) {
		return se.Status().Code()
	}
	return status.Code(err)
}
