package activities

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"

	"vigil/workflows/incident"
)

// failureOf turns an adapter's error into one that Temporal's retry policy
// understands: its type is the incident.Kind, and what cannot succeed later is
// not retried. It is the only place where the two meet, and where it is decided
// how long to wait: many incidents fail together when a service does, so each
// waits a random time of its own, and none before the service may be asked at
// all. What was paid for is in the error's details, for PaidFor.
func failureOf(ctx context.Context, op string, err error) error {
	if err == nil {
		return nil
	}
	var already *temporal.ApplicationError
	if errors.As(err, &already) {
		return err
	}
	kind := incident.KindOf(err)
	options := temporal.ApplicationErrorOptions{NonRetryable: !kind.Retryable(), Cause: err}
	if kind == incident.KindThrottled {
		options.Category = temporal.ApplicationErrorCategoryBenign // expected where quotas are: no failure of the worker's
	}
	var paid *PaidError
	if errors.As(err, &paid) {
		options.Details = []any{paid.Provenance}
	}
	var later *NotBeforeError
	if errors.As(err, &later) && kind == incident.KindUnavailable {
		// Nobody is asked for a while. What there is instead, a smaller model or
		// the statistics, should be turned to now and not after that.
		options.NonRetryable = true
	}
	if !options.NonRetryable && activity.IsActivity(ctx) {
		options.NextRetryDelay = retryDelay(activity.GetInfo(ctx).Attempt)
		if later != nil {
			options.NextRetryDelay += max(0, time.Until(later.At))
		}
	}
	return temporal.NewApplicationErrorWithOptions(op+": "+err.Error(), string(kind), options)
}

// The wait after attempt n is random between nothing and retryBase·2ⁿ⁻¹, at
// most retryCap: spread over the whole span, callers that failed together do
// not come back together.
const (
	retryBase = time.Second
	retryCap  = 30 * time.Second
)

func retryDelay(attempt int32) time.Duration {
	span := retryCap
	if shift := max(attempt, 1) - 1; shift < 5 { // 2⁵ s is over the cap
		span = min(span, retryBase<<shift)
	}
	// Temporal takes 0 for "as the policy says".
	return time.Millisecond + rand.N(span)
}

// PaidFor reads what a failed model call consumed out of the error of its
// activity, as the workflow sees it. ok is false where nothing was paid for.
func PaidFor(err error) (p incident.Provenance, ok bool) {
	var app *temporal.ApplicationError
	if !errors.As(err, &app) || !app.HasDetails() || app.Details(&p) != nil {
		return incident.Provenance{}, false
	}
	return p, p.Usage != nil
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

// Said is what an activity or a child workflow said went wrong, without the
// frame that Temporal puts around it.
func Said(err error) string {
	var app *temporal.ApplicationError
	if errors.As(err, &app) && app.Message() != "" {
		return app.Message()
	}
	var timeout *temporal.TimeoutError
	if errors.As(err, &timeout) {
		return "there was no answer in time"
	}
	return err.Error()
}
