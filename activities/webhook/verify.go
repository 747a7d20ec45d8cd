package webhook

import (
	"net/http"
	"time"

	"vigil/activities/internal/signing"
)

// Window is how far a request's timestamp may be from the receiver's clock.
const Window = signing.Window

// Why Verify does not believe a request.
var (
	ErrMissing  = signing.ErrMissing
	ErrFormat   = signing.ErrFormat
	ErrStale    = signing.ErrStale
	ErrMismatch = signing.ErrMismatch
)

// Verify returns nil where r, whose body has been read into body, was signed
// with one of the secrets not longer than Window ago. Two secrets make a
// rotation. A receiver must besides carry out one Idempotency-Key only once:
// within Window the same request can come again, from Vigil or from whoever
// has seen it.
//
// The path of a GET must be what the sender sent: verify before a proxy or a
// router has rewritten it.
func Verify(r *http.Request, body []byte, now time.Time, secrets ...[]byte) error {
	return signing.Verify(r.Header, secrets, content(r, body), now)
}

// content is what of a request is signed: its body, or of one without a body
// the path and query. One cannot be taken for the other: a body is a JSON
// object, and a path begins with a slash.
func content(r *http.Request, body []byte) []byte {
	if len(body) > 0 {
		return body
	}
	if r.RequestURI != "" { // at the receiver: as it came
		return []byte(r.RequestURI)
	}
	return []byte(r.URL.RequestURI())
}
