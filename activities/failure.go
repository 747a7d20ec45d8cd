package activities

import (
	"errors"

	"go.temporal.io/sdk/temporal"

	"vigil/workflows/incident"
)

// failure turns an adapter's error into one that Temporal's retry policy
// understands: its type is the incident.Kind, and what cannot succeed later
// is not retried. It is the only place where the two meet.
func failure(op string, err error) error {
	if err == nil {
		return nil
	}
	var already *temporal.ApplicationError
	if errors.As(err, &already) {
		return err
	}
	kind := incident.KindOf(err)
	return temporal.NewApplicationErrorWithOptions(op+": "+err.Error(), string(kind), temporal.ApplicationErrorOptions{
		NonRetryable: !kind.Retryable(),
		Cause:        err,
	})
}

// KindOf reads the kind back out of the error of an activity or a child
// workflow, as the workflow sees it. Timeouts are unavailable: whether the
// call took effect cannot be told.
func KindOf(err error) incident.Kind {
	var timeout *temporal.TimeoutError
	if errors.As(err, &timeout) {
		return incident.KindUnavailable
	}
	var app *temporal.ApplicationError
	if errors.As(err, &app) && incident.Kind(app.Type()).Valid() {
		return incident.Kind(app.Type())
	}
	return incident.KindOf(err)
}
