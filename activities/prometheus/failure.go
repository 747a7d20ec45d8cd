package prometheus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"unicode"

	v1 "github.com/prometheus/client_golang/api/prometheus/v1"

	"vigil/activities"
	"vigil/workflows/incident"
)

// maxMessage bounds what is repeated of a server's message, which can hold
// the query.
const maxMessage = 200

// fail turns err, as the client returned it, into the error that leaves.
func fail(ctx context.Context, operation string, seen *sighting, err error) *incident.Error {
	kind, what, advice := classify(ctx, seen, err)
	e := &incident.Error{Kind: kind, Op: name + " " + operation, Msg: clean(what) + "; " + advice}
	if ctx.Err() != nil {
		e.Err = ctx.Err()
	}
	return e
}

func classify(ctx context.Context, seen *sighting, err error) (kind incident.Kind, what, advice string) {
	const later = "it may succeed later"
	var (
		api   *v1.Error
		own   *incident.Error
		trip  *url.Error
		wrong = "is the URL that of a Prometheus?"
	)
	switch {
	case ctx.Err() != nil:
		return incident.KindUnavailable, "given up before an answer came", later
	case errors.As(err, &own): // credentials that cannot be read
		return own.Kind, own.Msg, "check the worker's configuration"
	case errors.Is(err, errRedirect):
		return incident.KindInvalid, errRedirect.Error(), "configure the URL that it leads to"
	case errors.Is(err, errTooLarge):
		return incident.KindInvalid, errTooLarge.Error(), "ask for a shorter window"
	case seen.status == 401 || seen.status == 403:
		return incident.KindDenied, fmt.Sprintf("HTTP %d", seen.status), "check the credentials and the tenant of the worker"
	case seen.status == 429:
		return incident.KindThrottled, "HTTP 429", later + ", or with a higher limit"
	case errors.As(err, &api):
		api = told(api)
		switch {
		case api.Type == v1.ErrBadData:
			return incident.KindInvalid, api.Msg, "repeating it will not help"
		case api.Type == v1.ErrExec:
			return incident.KindInvalid, api.Msg, "ask for a shorter window"
		case api.Type == v1.ErrTimeout, api.Type == v1.ErrCanceled:
			return incident.KindUnavailable, api.Msg, later + ", or with a shorter window"
		case seen.status == 404:
			return incident.KindUnavailable, "HTTP 404", wrong
		case api.Type == v1.ErrBadResponse && seen.status == 200:
			return incident.KindInternal, "the answer cannot be read", wrong
		case seen.status >= 500, api.Type == v1.ErrServer:
			return incident.KindUnavailable, api.Msg, later
		case seen.status >= 400:
			return incident.KindInvalid, fmt.Sprintf("HTTP %d %s", seen.status, api.Msg), "repeating it will not help"
		}
		return incident.KindUnavailable, api.Msg, wrong
	case errors.As(err, &trip):
		return incident.KindUnavailable, "no answer: " + trip.Err.Error(), later // without the URL
	case seen.origin != "":
		return incident.KindUnavailable, "the answer broke off", later
	}
	return incident.KindInternal, err.Error(), later
}

// told reads what the client leaves unread: the server's own words in an
// answer whose status is 5xx.
func told(e *v1.Error) *v1.Error {
	var own struct {
		Type v1.ErrorType `json:"errorType"`
		Msg  string       `json:"error"`
	}
	if json.Unmarshal([]byte(e.Detail), &own) != nil || own.Type == "" || own.Msg == "" {
		return e
	}
	return &v1.Error{Type: own.Type, Msg: own.Msg}
}

// clean makes a line of a server's words that may be shown and logged.
func clean(s string) string {
	s = activities.Redact(strings.Join(strings.FieldsFunc(s, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }), " "))
	if r := []rune(s); len(r) > maxMessage {
		s = string(r[:maxMessage]) + "…"
	}
	return s
}
