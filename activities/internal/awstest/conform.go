package awstest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	"vigil/activities"
	"vigil/workflows/incident"
)

// Adapter is what Conform needs to know of an adapter: how to make it do one
// thing, and how AWS answers.
type Adapter struct {
	Service   string            // the name in provenance
	Operation string            // the operation under test
	Model     string            // where the operation has one
	Answers   map[string]Answer // by operation, for Operation and whatever Call needs besides
	// Call makes a fresh adapter from cfg and has it do what leads to Operation
	// once. Secrets is text in the request that no error may repeat.
	Call    func(ctx context.Context, cfg aws.Config, rec activities.Recorder) error
	Secrets []string
	// AbsenceIsAnswer: "no such thing" is no error of this operation.
	AbsenceIsAnswer bool
	// EmptyAnswer: nothing is read of the answer, so nothing in it is garbage.
	EmptyAnswer bool
	// StatusNamed: the SDK itself makes an exception of an error answer that
	// names none, as that of S3 makes NotFound of 404.
	StatusNamed bool
}

// Exceptions says which exception means what. Statuses are as AWS sends them,
// which is why they decide nothing.
var Exceptions = []struct {
	Code   string
	Status int
	Kind   incident.Kind
}{
	{"ThrottlingException", 429, incident.KindThrottled},
	{"ThrottlingException", 400, incident.KindThrottled},
	{"ThrottledException", 429, incident.KindThrottled},
	{"TooManyRequestsException", 429, incident.KindThrottled},
	{"RequestLimitExceeded", 503, incident.KindThrottled},
	{"LimitExceededException", 400, incident.KindThrottled},
	{"ServiceQuotaExceededException", 400, incident.KindThrottled},
	{"ServiceQuotaExceededException", 402, incident.KindThrottled},
	{"AutomationExecutionLimitExceededException", 400, incident.KindThrottled},
	{"InternalServerException", 500, incident.KindUnavailable},
	{"InternalServerError", 500, incident.KindUnavailable},
	{"InternalServiceFault", 500, incident.KindUnavailable},
	{"InternalFailure", 500, incident.KindUnavailable},
	{"ServerException", 500, incident.KindUnavailable},
	{"ServiceUnavailableException", 503, incident.KindUnavailable},
	{"ModelNotReadyException", 429, incident.KindUnavailable},
	{"ModelTimeoutException", 408, incident.KindUnavailable},
	{"ModelStreamErrorException", 424, incident.KindUnavailable},
	{"ModelErrorException", 424, incident.KindUnavailable},
	{"AccessDeniedException", 403, incident.KindDenied},
	{"UnrecognizedClientException", 400, incident.KindDenied},
	{"ExpiredTokenException", 400, incident.KindDenied},
	{"InvalidSignatureException", 403, incident.KindDenied},
	{"ResourceNotFoundException", 404, incident.KindNotFound},
	{"ResourceNotFoundException", 400, incident.KindNotFound},
	{"ClusterNotFoundException", 400, incident.KindNotFound},
	{"AutomationDefinitionNotFoundException", 400, incident.KindNotFound},
	{"AutomationExecutionNotFoundException", 400, incident.KindNotFound},
	{"ConflictException", 400, incident.KindConflict},
	{"IdempotentParameterMismatch", 400, incident.KindConflict},
	{"ValidationException", 400, incident.KindInvalid},
	{"InvalidParameterException", 400, incident.KindInvalid},
	{"MalformedQueryException", 400, incident.KindInvalid},
	{"InvalidRequestException", 400, incident.KindInvalid},
	{"InvalidLookupAttributesException", 400, incident.KindInvalid},
	{"InvalidAutomationExecutionParametersException", 400, incident.KindInvalid},
	// Nobody's words, so the status speaks.
	{"SomethingNewException", 400, incident.KindInvalid},
	{"SomethingNewException", 404, incident.KindNotFound},
	{"SomethingNewException", 429, incident.KindThrottled},
	{"SomethingNewException", 500, incident.KindUnavailable},
}

// Statuses says what an answer means that is no exception at all, such as that
// of a proxy in between. It never means that there is no such thing.
var Statuses = map[int]incident.Kind{
	302: incident.KindUnavailable, 400: incident.KindInvalid, 401: incident.KindDenied, 403: incident.KindDenied,
	404: incident.KindUnavailable, 408: incident.KindUnavailable, 409: incident.KindConflict, 413: incident.KindInvalid,
	429: incident.KindThrottled, 500: incident.KindUnavailable, 502: incident.KindUnavailable,
	503: incident.KindUnavailable, 504: incident.KindUnavailable,
}

// Conform runs the promises of package awscall against an adapter.
func Conform(t *testing.T, a Adapter) {
	t.Run("exceptions", func(t *testing.T) {
		t.Parallel()
		for _, e := range Exceptions {
			a.fails(t, fmt.Sprintf("%s with %d", e.Code, e.Status), e.Kind, func(r *http.Request) Answer {
				return Exception(r, e.Status, e.Code, "as it is said")
			})
		}
	})
	t.Run("statuses", func(t *testing.T) {
		t.Parallel()
		for status, kind := range Statuses {
			if status == 404 && a.StatusNamed {
				kind = incident.KindNotFound
			}
			a.fails(t, fmt.Sprintf("status %d", status), kind, func(*http.Request) Answer {
				return Answer{Status: status, Header: http.Header{"Content-Type": {"text/html"}}, Body: []byte("<html>proxy</html>")}
			})
		}
	})
	t.Run("garbage", func(t *testing.T) {
		t.Parallel()
		if a.EmptyAnswer {
			return
		}
		a.fails(t, "garbage", incident.KindInternal, func(*http.Request) Answer {
			return Answer{Status: 200, Header: a.Answers[a.Operation].Header, Body: []byte("\xff{{ no answer")}
		})
	})
	t.Run("no answer", a.noAnswer)
	t.Run("secrets", a.secrets)
	t.Run("origin", a.origin)
	t.Run("cancelled", func(t *testing.T) { a.givenUp(t, context.Canceled) })
	t.Run("deadline", func(t *testing.T) { a.givenUp(t, context.DeadlineExceeded) })
}

// serve answers Operation with answer, and all else as Answers says.
func (a Adapter) serve(t testing.TB, answer func(*http.Request) Answer) *Server {
	return Serve(t, func(op string, r *http.Request, body []byte) Answer {
		if op == a.Operation {
			return answer(r)
		}
		other, ok := a.Answers[op]
		if !ok {
			return Exception(r, 400, "UnknownOperationException", op)
		}
		return other
	})
}

// fails checks kind, a single attempt and what was recorded of a failure.
func (a Adapter) fails(t *testing.T, name string, want incident.Kind, answer func(*http.Request) Answer) {
	t.Helper()
	s, rec := a.serve(t, answer), &Recorder{}
	err := a.Call(t.Context(), Config(s.URL), rec)
	if n := s.count(a.Operation); n != 1 {
		t.Errorf("%s: %d HTTP requests, want exactly 1", name, n)
	}
	calls := rec.of(a.Operation)
	if len(calls) != 1 {
		t.Fatalf("%s: %d calls recorded, want 1", name, len(calls))
	}
	if want == incident.KindNotFound && a.AbsenceIsAnswer {
		if err != nil || calls[0].Failed != "" {
			t.Errorf("%s: error %v, recorded as %q; absence is an answer", name, err, calls[0].Failed)
		}
		return
	}
	if err == nil {
		t.Errorf("%s: no error", name)
		return
	}
	var e *incident.Error
	if !errors.As(err, &e) {
		t.Errorf("%s: %T carries no kind: %v", name, err, err)
	}
	if got := incident.KindOf(err); got != want {
		t.Errorf("%s: kind %s, want %s: %v", name, got, want, err)
	}
	for _, part := range []string{a.Service, a.Operation} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%s: the error does not name %s: %v", name, part, err)
		}
	}
	if c := calls[0]; c.Failed != want || c.Error == "" || c.Cancelled || c.Provenance.Service != a.Service || c.Provenance.Model != a.Model {
		t.Errorf("%s: recorded %+v", name, c)
	}
}

func (a Adapter) noAnswer(t *testing.T) {
	t.Parallel()
	s := Serve(t, func(op string, r *http.Request, body []byte) Answer {
		if op == a.Operation {
			panic(http.ErrAbortHandler) // the connection breaks
		}
		return a.Answers[op]
	})
	rec := &Recorder{}
	err := a.Call(t.Context(), Config(s.URL), rec)
	if incident.KindOf(err) != incident.KindUnavailable || err == nil {
		t.Errorf("broken connection: %v, want unavailable", err)
	} else if strings.Contains(err.Error(), s.URL) || strings.Contains(err.Error(), s.path(a.Operation)) {
		t.Errorf("the error holds the URL: %v", err)
	}
	if n := s.count(a.Operation); n != 1 {
		t.Errorf("broken connection: %d requests, want exactly 1", n)
	}
	if c := rec.of(a.Operation); len(c) != 1 || c[0].Provenance.Origin != "" {
		t.Errorf("recorded %+v, want one call without an origin", c)
	}
}

// secrets has the server repeat all of the request in its error.
func (a Adapter) secrets(t *testing.T) {
	t.Parallel()
	s := Serve(t, func(op string, r *http.Request, body []byte) Answer {
		if op != a.Operation {
			return a.Answers[op]
		}
		said := fmt.Sprintf("bad request: X-Amz-Security-Token: %s Authorization: %s secret %s",
			r.Header.Get("X-Amz-Security-Token"), r.Header.Get("Authorization"), SecretAccessKey)
		if len(a.Secrets) > 0 {
			said = strings.Join(a.Secrets, " ") + " " + said
		}
		return Exception(r, 400, "ValidationException", said)
	})
	rec := &Recorder{}
	err := a.Call(t.Context(), Config(s.URL), rec)
	if err == nil {
		t.Fatal("no error")
	}
	for _, secret := range append([]string{AccessKeyID, SecretAccessKey, SessionToken}, a.Secrets...) {
		if strings.Contains(err.Error(), secret) || strings.Contains(fmt.Sprintf("%+v", errors.Unwrap(err)), secret) {
			t.Errorf("the error holds %q: %v", secret, err)
		}
		for _, c := range rec.Calls() {
			if strings.Contains(c.Error, secret) {
				t.Errorf("the recorded error holds %q: %s", secret, c.Error)
			}
		}
	}
}

func (a Adapter) origin(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]incident.Origin{"": incident.OriginLive, "true": incident.OriginSimulated, "false": incident.OriginLive} {
		s := Serve(t, func(op string, r *http.Request, body []byte) Answer {
			answer, ok := a.Answers[op]
			if !ok {
				return Exception(r, 400, "UnknownOperationException", op)
			}
			answer.Header = answer.Header.Clone()
			if header != "" {
				answer.Header.Set("X-Vigil-Simulated", header)
			}
			return answer
		})
		rec := &Recorder{}
		if err := a.Call(t.Context(), Config(s.URL), rec); err != nil {
			t.Fatalf("header %q: %v", header, err)
		}
		calls := rec.of(a.Operation)
		if len(calls) != 1 {
			t.Fatalf("header %q: %d calls recorded, want 1", header, len(calls))
		}
		p := calls[0].Provenance
		if p.Origin != want || p.RequestID != RequestID || p.LatencyMS < 1 || p.Service != a.Service || p.Operation != a.Operation || p.Model != a.Model {
			t.Errorf("header %q: provenance %+v", header, p)
		}
	}
}

// givenUp ends the context, for the reason want, while the server is thinking.
func (a Adapter) givenUp(t *testing.T, want error) {
	t.Parallel()
	started, release := make(chan struct{}, 1), make(chan struct{})
	s := a.serve(t, func(*http.Request) Answer {
		started <- struct{}{}
		<-release
		return a.Answers[a.Operation]
	})
	defer close(release)
	ctx := &ending{Context: context.Background(), done: make(chan struct{}), reason: want}
	done := make(chan error, 1)
	rec := &Recorder{}
	go func() { done <- a.Call(ctx, Config(s.URL), rec) }()
	select {
	case <-started:
	case err := <-done:
		t.Fatalf("over before it was asked: %v", err)
	}
	close(ctx.done)
	if err := <-done; !errors.Is(err, want) || incident.KindOf(err) != incident.KindUnavailable {
		t.Errorf("%v, want %v of kind unavailable", err, want)
	}
	if c := rec.of(a.Operation); len(c) != 1 || c[0].Cancelled != errors.Is(want, context.Canceled) {
		t.Errorf("recorded %+v", c)
	}
}

// ending is a context that ends when the test says so and for the reason that
// it says; a real deadline could pass before the request is out.
type ending struct {
	context.Context
	done   chan struct{}
	reason error
}

func (e *ending) Done() <-chan struct{} { return e.done }

func (e *ending) Err() error {
	select {
	case <-e.done:
		return e.reason
	default:
		return nil
	}
}

func (s *Server) count(op string) int {
	n := 0
	for _, r := range s.Requests() {
		if r.Operation == op {
			n++
		}
	}
	return n
}

func (s *Server) path(op string) string {
	for _, r := range s.Requests() {
		if r.Operation == op && r.Path != "/" {
			return r.Path
		}
	}
	return "no path"
}

func (r *Recorder) of(op string) []activities.Call {
	var out []activities.Call
	for _, c := range r.Calls() {
		if c.Provenance.Operation == op {
			out = append(out, c)
		}
	}
	return out
}
