// Package sendguard has the guard of an effect looked at once more at the last
// moment there is: when the connection stands and the request is about to be
// written. Finding a host, connecting, shaking hands and waiting for a proxy
// can each take longer than what the guard saw may be relied on.
//
// It rests on how net/http writes a request: it asks the body for its first
// bytes once it has a connection, and gives the request up where that fails.
// Nothing has been acted on then, because nobody acts on half a request.
package sendguard

import (
	"io"
	"net/http"

	"vigil/activities"
	"vigil/workflows/incident"
)

// Hold returns r with a body that lets the guard of r's context decide when it
// is first read; r itself where it has no body. What the guard refuses comes
// back as the error of the round trip: an incident.Error of kind conflict.
// Outside of an effect nothing is held.
func Hold(r *http.Request) *http.Request {
	if r.Body == nil || r.Body == http.NoBody {
		return r
	}
	held := r.WithContext(r.Context()) // a round tripper does not change what it was given
	held.Body = &body{ReadCloser: r.Body, look: func() error { return activities.LastLook(r.Context()) }}
	held.GetBody = nil // of which net/http would take another, unguarded
	return held
}

type body struct {
	io.ReadCloser
	look func() error // nil once it was looked
}

func (b *body) Read(p []byte) (int, error) {
	if b.look != nil {
		if err := b.look(); err != nil {
			return 0, incident.Errorf(incident.KindConflict, "%s", err)
		}
		b.look = nil
	}
	return b.ReadCloser.Read(p)
}
