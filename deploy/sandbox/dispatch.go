package sandbox

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"go.uber.org/zap"
)

// operation is one operation of an AWS service.
type operation struct {
	service  string // as the SDKs' endpoint variables call it
	name     string
	protocol protocol
	route    string // awsJSON and awsJSON10: the X-Amz-Target; awsQuery: version and action; others: the path, {} for a parameter, after the method where it is not POST
	handle   func(s *Server, x *exchange) (any, error)
}

// exchange is one call of an operation.
type exchange struct {
	ctx       context.Context
	operation operation
	body      []byte
	path      []string   // parameters of the path, unescaped
	query     url.Values // awsQuery: the form; others: what follows the path
	strike    strike     // what is to be done to it on purpose
	started   time.Time
	requestID string
	note      func(key string, value any) // puts a fact into the call log
}

// decode reads a JSON body.
func (x *exchange) decode(into any) error {
	if len(x.body) == 0 {
		return nil
	}
	if err := json.Unmarshal(x.body, into); err != nil {
		return errorf("SerializationException", "the body is not what this operation takes: %v", err)
	}
	return nil
}

// operations is all of AWS that the sandbox speaks.
var operations = slices.Concat(cloudwatchOperations, logsOperations, xrayOperations, cloudtrailOperations,
	ecsOperations, ssmOperations, rdsOperations, piOperations, bedrockOperations, knowledgeOperations, memoryOperations, agentOperations, qbusinessOperations,
	controlPlaneOperations, sqsOperations, snsOperations)

// serveAWS finds the operation that a request is for. Model ids may be ARNs,
// whose slashes come escaped, so paths are matched before they are unescaped.
func (s *Server) serveAWS(w http.ResponseWriter, r *http.Request) {
	w.Header().Set(requestIDHeader, uuid.NewString())
	if target := r.Header.Get("X-Amz-Target"); target != "" {
		for _, op := range operations {
			if (op.protocol == awsJSON || op.protocol == awsJSON10) && op.route == target {
				s.serve(op, nil, w, r)
				return
			}
		}
		s.unknown(awsJSON, target, w, r)
		return
	}
	if strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		s.serveQuery(w, r)
		return
	}
	path := r.URL.EscapedPath()
	for _, op := range operations {
		if op.protocol == awsJSON || op.protocol == awsJSON10 || op.protocol == awsQuery {
			continue
		}
		method, route := http.MethodPost, op.route
		if m, rest, ok := strings.Cut(op.route, " "); ok {
			method, route = m, rest
		}
		if params, ok := match(route, path); ok && r.Method == method {
			s.serve(op, params, w, r)
			return
		}
	}
	p := restJSON
	if r.Header.Get("Smithy-Protocol") == string(rpcCBOR) {
		p = rpcCBOR
	}
	s.unknown(p, r.Method+" "+path, w, r)
}

// serveQuery finds the operation of a form, whose body has to be read for that.
func (s *Server) serveQuery(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxForm))
	if err != nil {
		awsQuery.writeError(w, http.StatusBadRequest, errorf("ValidationError", "The form cannot be read: %v", err))
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	form, err := url.ParseQuery(string(body))
	if err != nil {
		awsQuery.writeError(w, http.StatusBadRequest, errorf("MalformedQueryString", "The form cannot be read: %v", err))
		return
	}
	what := form.Get("Version") + " " + form.Get("Action")
	for _, op := range operations {
		if op.protocol == awsQuery && op.route == what {
			s.serve(op, nil, w, r)
			return
		}
	}
	s.unknown(awsQuery, what, w, r)
}

// match compares a path with a route and returns the parameters.
func match(route, path string) ([]string, bool) {
	want, have := strings.Split(route, "/"), strings.Split(path, "/")
	if len(want) != len(have) {
		return nil, false
	}
	var params []string
	for i := range want {
		if want[i] != "{}" {
			if want[i] != have[i] {
				return nil, false
			}
			continue
		}
		p, err := url.PathUnescape(have[i])
		if err != nil || p == "" {
			return nil, false
		}
		params = append(params, p)
	}
	return params, true
}

func (s *Server) unknown(p protocol, what string, w http.ResponseWriter, r *http.Request) {
	var names []string
	for _, op := range operations {
		names = append(names, op.service+":"+op.name)
	}
	s.log.Warn("operation is not supported", zap.String("operation", what), zap.String("user_agent", r.UserAgent()))
	p.writeError(w, http.StatusNotFound, errorf("UnknownOperationException", "The sandbox does not support %s. It supports %s.", what, strings.Join(names, ", ")))
}

// serve runs one call, from the log's first line of it to the last.
func (s *Server) serve(op operation, params []string, w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	arrived := time.Now()
	sum := sha256.Sum256(body)
	id := w.Header().Get(requestIDHeader)
	call := s.calls.begin(Call{Service: op.service, Operation: op.name, RequestID: id, StartedAt: s.cfg.Now().UTC(),
		BodySHA256: hex.EncodeToString(sum[:]), BodyBytes: len(body)})
	if err := s.bodies.keep(call.N, r.Method+" "+r.URL.RequestURI(), body); err != nil {
		s.log.Error("a request is missing in the call log", zap.Error(err))
	}
	finish := func(o Outcome, status int, e *apiError) {
		at := s.cfg.Now().UTC()
		s.calls.update(call, func(c *Call) {
			c.FinishedAt, c.Outcome, c.Status = &at, o, status
			if e != nil {
				c.Error, c.Message = e.code, e.message
			}
		})
	}
	gone := func() {
		finish(OutcomeGone, 0, nil)
		panic(http.ErrAbortHandler)
	}
	fail := func(e *apiError) {
		if s.pause(r.Context(), leastAnswerTime-time.Since(arrived)) != nil {
			gone()
		}
		// Recorded first: whoever has the answer in hand finds it in the log.
		code := status(op.service, e.code)
		finish(OutcomeError, code, e)
		op.protocol.writeError(w, code, e)
	}
	if err != nil {
		var tooLarge *http.MaxBytesError
		if !errors.As(err, &tooLarge) {
			gone()
		}
		fail(errorf("ValidationException", "The body is larger than %d bytes.", maxBody))
		return
	}

	model := modelOf(op, params)
	incident := incidentOf(body)
	s.calls.update(call, func(c *Call) { c.Model, c.Incident = model, incident })
	identity, denied := s.sessions.permit(op, r, body, s.cfg.Now())
	if identity != "" {
		s.calls.update(call, func(c *Call) { c.Facts["source_identity"] = identity })
	}
	if denied != nil {
		fail(denied)
		return
	}
	st, refused := asked(r, op.name)
	if refused != nil {
		fail(refused)
		return
	}
	if st.mode == "" {
		st = s.chaos.take(target{op.service, op.name, model, incident})
	}
	if st.mode != "" {
		s.calls.update(call, func(c *Call) { c.Chaos = st.mode })
	}
	if e := st.refusal(op, params); e != nil {
		fail(e)
		return
	}
	switch st.mode {
	case ChaosHang:
		s.hold(r.Context(), st)
		gone()
	case ChaosSlow:
		if s.pause(r.Context(), time.Duration(st.ms)*time.Millisecond) != nil {
			gone()
		}
	}

	s.advance()
	x := &exchange{ctx: r.Context(), operation: op, body: body, path: params, query: r.URL.Query(), strike: st, started: call.StartedAt, requestID: id,
		note: func(key string, value any) { s.calls.update(call, func(c *Call) { c.Facts[key] = value }) }}
	if op.protocol == awsQuery {
		if x.query, err = url.ParseQuery(string(body)); err != nil {
			fail(errorf("MalformedQueryString", "The form cannot be read: %v", err))
			return
		}
	}
	result, err := op.handle(s, x)
	switch {
	case st.mode == ChaosDoThenTimeout:
		s.hold(r.Context(), st)
		gone()
	case r.Context().Err() != nil || errors.Is(err, errStopping):
		gone()
	case err != nil:
		fail(s.asAPIError(op, err))
		return
	}
	if stream, ok := result.(*eventStream); ok {
		frames, err := stream.frames(st)
		if err != nil {
			fail(s.asAPIError(op, err))
			return
		}
		if s.pause(r.Context(), leastAnswerTime-time.Since(arrived)) != nil ||
			!s.writeStream(w, r, stream, frames, st, func() { finish(OutcomeOK, http.StatusOK, nil) }) {
			gone()
		}
		return
	}
	raw, err := op.encode(result, id)
	if err != nil {
		fail(s.asAPIError(op, fmt.Errorf("encode the answer: %w", err)))
		return
	}
	if s.pause(r.Context(), leastAnswerTime-time.Since(arrived)) != nil {
		gone()
	}
	switch st.mode {
	case ChaosMalformed:
		raw = raw[:len(raw)/2]
	case ChaosStreamCut:
		// The length is that of the whole, so the client knows that it is cut.
		w.Header().Set("Content-Length", strconv.Itoa(len(raw)))
		op.protocol.write(w, http.StatusOK, raw[:len(raw)/2])
		gone()
	}
	finish(OutcomeOK, http.StatusOK, nil)
	op.protocol.write(w, http.StatusOK, raw)
}

// modelOf is the model that a call asks; empty where it asks none.
func modelOf(op operation, params []string) string {
	if op.service == "bedrock-runtime" && strings.HasPrefix(op.route, "/model/") {
		return params[0]
	}
	return ""
}

// leastAnswerTime is how long an answer takes at least. AWS takes longer, and
// clients rely on it without knowing: once the Go SDK has an answer it closes
// the body of its request, and if net/http is at that moment still about to
// see whether the body holds more, it takes the connection down with the
// answer half read. On a busy machine that needs no more than an answer within
// a few hundred microseconds.
const leastAnswerTime = 5 * time.Millisecond

// hold keeps a call open until its client leaves, the server stops, or the
// strike's time is up.
func (s *Server) hold(ctx context.Context, st strike) {
	d := time.Duration(st.ms) * time.Millisecond
	if d == 0 {
		d = 24 * time.Hour
	}
	_ = s.pause(ctx, d) // however it ends, the connection is cut
}

func (s *Server) asAPIError(op operation, err error) *apiError {
	var e *apiError
	if errors.As(err, &e) {
		return e
	}
	s.log.Error("an operation failed in the sandbox itself", zap.String("operation", op.name), zap.Error(err))
	return errorf(internalFailure, "The sandbox failed: %v", err)
}

// simulated marks every answer, so that nothing of the sandbox's can be taken
// for AWS.
func simulated(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set(simulatedHeader, "true")
		next.ServeHTTP(w, r)
	})
}
