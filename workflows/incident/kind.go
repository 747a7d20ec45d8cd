package incident

import (
	"errors"
	"fmt"
)

// Kind classifies errors for everything that has to react to them: retry
// policies, HTTP statuses, close codes. What has no kind is internal.
type Kind string

const (
	KindInvalid     Kind = "invalid"     // the request is wrong; repeating it will not help
	KindNotFound    Kind = "not_found"   // no such thing
	KindConflict    Kind = "conflict"    // not in this state; read again and decide anew
	KindDenied      Kind = "denied"      // the principal may not
	KindThrottled   Kind = "throttled"   // too much; later
	KindUnavailable Kind = "unavailable" // not now; later
	KindBudget      Kind = "budget"      // a cap on what models may use is reached; raise it, or go on without
	KindInternal    Kind = "internal"
)

var Kinds = []Kind{KindInvalid, KindNotFound, KindConflict, KindDenied, KindThrottled, KindUnavailable, KindBudget, KindInternal}

func (k Kind) Valid() bool { return contains(Kinds, k) }

// Retryable reports whether the same request may succeed later.
func (k Kind) Retryable() bool {
	return k == KindThrottled || k == KindUnavailable || k == KindInternal
}

// Error is an error with a kind and a message for the person who gets it.
type Error struct {
	Kind Kind
	Op   string // what was tried
	Msg  string // what happened and what to do
	Err  error  // cause, for logs; may be nil
}

func (e *Error) Error() string {
	s := e.Msg
	if e.Op != "" {
		s = e.Op + ": " + s
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

func (e *Error) Unwrap() error { return e.Err }

// Errorf makes an Error of kind k without a cause.
func Errorf(k Kind, format string, args ...any) *Error {
	return &Error{Kind: k, Msg: fmt.Sprintf(format, args...)}
}

// KindOf returns the kind of err, KindInternal where it has none.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) && e.Kind.Valid() {
		return e.Kind
	}
	return KindInternal
}
