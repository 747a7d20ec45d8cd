package sender

import (
	"context"
	"fmt"
	"net/http"
	"time"
)

// Reason says why a delivery was not believed; a label of a metric.
type Reason string

const (
	Missing     Reason = "missing"     // nothing to go by
	Malformed   Reason = "malformed"   // it cannot be read
	Mismatch    Reason = "mismatch"    // signature or secret is another's
	Stale       Reason = "stale"       // too old, or from the future
	Topic       Reason = "topic"       // of SNS, and not listed
	Certificate Reason = "certificate" // of SNS, and not to be trusted
	Unavailable Reason = "unavailable" // cannot be told right now
)

// Error is why a delivery was not believed.
type Error struct {
	Reason Reason
	Msg    string
	Err    error // cause, may be nil
}

func (e *Error) Error() string {
	if e.Err != nil {
		return e.Msg + ": " + e.Err.Error()
	}
	return e.Msg
}

func (e *Error) Unwrap() error { return e.Err }

func refuse(r Reason, format string, args ...any) error {
	return &Error{Reason: r, Msg: fmt.Sprintf(format, args...)}
}

// Delivery is what is looked at.
type Delivery struct {
	Header http.Header
	Raw    []byte // the body as it came
	Body   []byte // the body unpacked, as it is going to be stored
}

// Proof is what was found out on the way.
type Proof struct {
	// Confirmed means that a subscription was confirmed.
	Confirmed bool
}

// Verifier tells whether a delivery is from the source that it belongs to.
// Errors are of type *Error.
type Verifier interface {
	// Head looks at the head of a request alone, before its body is read. It
	// refuses what no body can mend, and reports whether that decided it.
	Head(http.Header) (decided bool, err error)
	// Verify looks at the whole delivery, where Head did not decide.
	Verify(context.Context, Delivery) (Proof, error)
}

// replayWindow is how far the time of a signed delivery may be from ours.
const replayWindow = 5 * time.Minute
