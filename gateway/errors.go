package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"github.com/labstack/echo/v4"
	"go.uber.org/zap"

	"vigil/workflows/incident"
)

// Problem is an RFC 9457 problem document. Every error is answered with one.
type Problem struct {
	Type     string        `json:"type"` // urn:vigil:problem: and a word for the class of problem
	Title    string        `json:"title"`
	Status   int           `json:"status"`
	Detail   string        `json:"detail,omitempty"`
	Instance string        `json:"instance"` // urn:vigil:request: and the id that the log has
	Kind     incident.Kind `json:"kind"`

	Controls *incident.Controls `json:"controls,omitempty"` // as they are, where a change was based on others
}

const (
	mediaJSON    = "application/json"
	mediaProblem = "application/problem+json"

	headerRequestID = "X-Request-Id"

	// retryAfterSeconds is what a 503 asks for. Senders with a backoff of their own
	// ignore it; the others should neither wait for long nor hammer.
	retryAfterSeconds = 2
)

// statuses is the only table from kinds to HTTP statuses. What was read and
// understood but is wrong is 422; bytes that cannot be read are 400, which
// handlers say by malformed.
var statuses = map[incident.Kind]int{
	incident.KindInvalid:     http.StatusUnprocessableEntity,
	incident.KindNotFound:    http.StatusNotFound,
	incident.KindConflict:    http.StatusConflict,
	incident.KindDenied:      http.StatusForbidden,
	incident.KindThrottled:   http.StatusTooManyRequests,
	incident.KindBudget:      http.StatusConflict, // a person has to raise it first
	incident.KindUnavailable: http.StatusServiceUnavailable,
	incident.KindInternal:    http.StatusInternalServerError,
}

// statusError is an error whose HTTP status says more than its kind.
type statusError struct {
	status int
	err    *incident.Error
}

func (e *statusError) Error() string { return e.err.Error() }
func (e *statusError) Unwrap() error { return e.err }

func withStatus(status int, k incident.Kind, format string, args ...any) error {
	return &statusError{status: status, err: incident.Errorf(k, format, args...)}
}

// malformed says that a request cannot be read.
func malformed(format string, args ...any) error {
	return withStatus(http.StatusBadRequest, incident.KindInvalid, format, args...)
}

// problemOf describes err to the person who asked. The cause of an internal
// error stays in the log.
func problemOf(err error, requestID string) Problem {
	kind, detail := incident.KindOf(err), ""
	var known *incident.Error
	if errors.As(err, &known) {
		detail = known.Msg
	}
	status := statuses[kind]
	var se *statusError
	var he *echo.HTTPError
	switch {
	case errors.As(err, &se):
		status = se.status
	case errors.As(err, &he) && he.Code == http.StatusNotFound:
		status, kind, detail = he.Code, incident.KindNotFound, "there is nothing at this address; /api/v1/openapi.json lists what there is"
	case errors.As(err, &he) && he.Code == http.StatusMethodNotAllowed:
		status, kind, detail = he.Code, incident.KindInvalid, "this address does not take that method; /api/v1/openapi.json lists what it takes"
	}
	var mv *moved
	var current *incident.Controls
	if errors.As(err, &mv) {
		current = &mv.current
	}
	word := string(kind)
	switch status {
	case http.StatusUnauthorized:
		word = "unauthenticated"
	case http.StatusInternalServerError:
		detail = "something went wrong inside Vigil; its log has the cause under the id in instance"
	}
	return Problem{Type: "urn:vigil:problem:" + word, Title: http.StatusText(status), Status: status,
		Detail: detail, Instance: "urn:vigil:request:" + requestID, Kind: kind, Controls: current}
}

// handleError answers err with a problem document and logs what only the log
// can tell. It is the server's only error handler.
func (a *api) handleError(err error, c echo.Context) {
	id := c.Response().Header().Get(headerRequestID)
	p := problemOf(err, id)
	fields := []zap.Field{zap.String("request_id", id), zap.String("method", c.Request().Method),
		zap.String("path", c.Request().URL.Path), zap.Int("status", p.Status), zap.Error(err)}
	switch {
	case c.Response().Committed:
		a.log.Warn("an answer broke off", fields...)
		return
	case errors.Is(err, context.Canceled) && c.Request().Context().Err() != nil:
		a.log.Debug("the client went away", fields...)
	case p.Status == http.StatusInternalServerError:
		a.log.Error("internal error", fields...)
	case p.Status > http.StatusInternalServerError:
		a.log.Warn("cannot serve now", fields...)
	default:
		a.log.Debug("refused", fields...)
	}
	if err := writeProblem(c, p); err != nil {
		a.log.Debug("the answer could not be written", zap.String("request_id", id), zap.Error(err))
	}
}

func writeProblem(c echo.Context, p Problem) error {
	body, err := json.Marshal(p)
	if err != nil {
		return fmt.Errorf("encode problem document: %w", err)
	}
	h := c.Response().Header()
	h.Set("Cache-Control", "no-store")
	if p.Status == http.StatusServiceUnavailable || p.Status == http.StatusTooManyRequests {
		h.Set("Retry-After", strconv.Itoa(retryAfterSeconds))
	}
	if c.Request().Method == http.MethodHead {
		return c.NoContent(p.Status)
	}
	return c.Blob(p.Status, mediaProblem, append(body, '\n'))
}
