package tell

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"vigil/activities"
	"vigil/workflows/incident"
)

const (
	connectTimeout = 5 * time.Second
	callTimeout    = 10 * time.Second // of a whole call: people wait for what is in it
	maxAnswer      = 1 << 20
	maxQuoted      = 200              // characters that an error repeats of an answer
	maxRetryAfter  = 10 * time.Minute // a service that asks for more is asked again after this

	// simulatedHeader is set on every answer that does not come from a system
	// of the user's.
	simulatedHeader = "X-Vigil-Simulated"
)

// Caller makes the calls of one service.
type Caller struct {
	service  string
	client   *http.Client
	recorder activities.Recorder
}

// New is a Caller for service, the name that provenance and metrics carry.
// recorder may be nil.
func New(service string, recorder activities.Recorder) Caller {
	return Caller{service: service, recorder: recorder, client: &http.Client{
		Transport: &http.Transport{Proxy: http.ProxyFromEnvironment, DialContext: (&net.Dialer{Timeout: connectTimeout}).DialContext,
			TLSHandshakeTimeout: connectTimeout, MaxIdleConnsPerHost: 4, IdleConnTimeout: time.Minute, ForceAttemptHTTP2: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// Request is one call.
type Request struct {
	Operation string
	Method    string // default POST
	URL       string
	Header    http.Header
	Body      []byte
	Secrets   []string // what no error may repeat
}

// Answer is what came back.
type Answer struct {
	Status     int
	Header     http.Header
	Body       []byte
	Provenance incident.Provenance
}

// Do makes one call. judge reads from an answer of status 2xx whether it is
// one of success; nil takes all of them for that. Other statuses are errors;
// what judge and Do say of an answer is recorded.
func (c Caller) Do(ctx context.Context, r Request, judge func(Answer) error) (Answer, error) {
	p := incident.Provenance{Service: c.service, Operation: r.Operation}
	start := time.Now()
	a, err := c.send(ctx, r)
	p.LatencyMS = int64((time.Since(start) + time.Millisecond - 1) / time.Millisecond)
	if a.Header != nil {
		p.Origin = incident.OriginLive
		if strings.EqualFold(a.Header.Get(simulatedHeader), "true") {
			p.Origin = incident.OriginSimulated
		}
		p.RequestID = Clip(Line(firstOf(a.Header, "X-Request-Id", "X-Slack-Req-Id", "X-Slack-Unique-Id")), 80)
	}
	a.Provenance = p
	if err == nil {
		err = statusError(a)
	}
	if err == nil && judge != nil {
		err = judge(a)
	}
	call := activities.Call{Provenance: p}
	if err != nil {
		err = finish(err, c.service+" "+r.Operation, r.Secrets)
		call.Failed, call.Error, call.Cancelled = incident.KindOf(err), err.Error(), errors.Is(err, context.Canceled)
	}
	if c.recorder != nil {
		c.recorder.Record(call)
	}
	return a, err
}

func firstOf(h http.Header, names ...string) string {
	for _, n := range names {
		if v := h.Get(n); v != "" {
			return v
		}
	}
	return ""
}

// send makes the round trip. The answer has a header where one came at all.
func (c Caller) send(ctx context.Context, r Request) (Answer, error) {
	bounded, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	method := r.Method
	if method == "" {
		method = http.MethodPost
	}
	req, err := http.NewRequestWithContext(bounded, method, r.URL, bytes.NewReader(r.Body))
	if err != nil {
		return Answer{}, incident.Errorf(incident.KindInvalid, "the address cannot be called; check the notification file")
	}
	req.Header = r.Header.Clone()
	if req.Header == nil {
		req.Header = http.Header{}
	}
	req.Header.Set("User-Agent", "Vigil")
	req.GetBody = nil // net/http itself would send it again on a connection that broke
	resp, err := c.client.Do(req)
	if err != nil {
		return Answer{}, noAnswer(ctx, err)
	}
	defer resp.Body.Close()
	a := Answer{Status: resp.StatusCode, Header: resp.Header}
	if a.Body, err = io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1)); err != nil {
		return a, doubt(incident.Errorf(incident.KindUnavailable, "the answer broke off; it may succeed later"), ctx.Err())
	}
	if len(a.Body) > maxAnswer {
		return a, doubt(incident.Errorf(incident.KindUnavailable, "the answer has more than %d bytes; is the address the right one?", maxAnswer), nil)
	}
	return a, nil
}

// noAnswer says why none came. Only where no connection was made is it certain
// that nothing arrived.
func noAnswer(ctx context.Context, err error) error {
	var trip *url.Error
	if errors.As(err, &trip) {
		err = trip.Err
	}
	var op *net.OpError
	unsent := errors.As(err, &op) && op.Op == "dial"
	what := "no answer: " + err.Error()
	switch {
	case ctx.Err() != nil:
		what = "given up before an answer came"
	case errors.Is(err, context.DeadlineExceeded):
		what = fmt.Sprintf("no answer within %s", callTimeout)
	}
	e := incident.Errorf(incident.KindUnavailable, "%s; it may succeed later", what)
	if unsent {
		e.Err = ctx.Err()
		return e
	}
	return doubt(e, ctx.Err())
}

// statusError is what a status other than 2xx means.
func statusError(a Answer) error {
	said := ""
	if text := strings.TrimSpace(string(a.Body)); text != "" && !strings.HasPrefix(text, "<") {
		said = ": " + Clip(Line(text), maxQuoted)
	}
	fail := func(k incident.Kind, advice string) *incident.Error {
		return incident.Errorf(k, "HTTP %d%s; %s", a.Status, said, advice)
	}
	switch {
	case a.Status/100 == 2:
		return nil
	case a.Status == http.StatusTooManyRequests:
		return Throttled(a.Header, fail(incident.KindThrottled, "it may succeed later"))
	case a.Status == http.StatusUnauthorized, a.Status == http.StatusForbidden:
		return fail(incident.KindDenied, "check the secret of this channel")
	case a.Status == http.StatusNotFound, a.Status == http.StatusGone:
		return fail(incident.KindNotFound, "check the address of this channel")
	case a.Status == http.StatusRequestTimeout, a.Status == http.StatusTooEarly, a.Status >= 500:
		return doubt(fail(incident.KindUnavailable, "it may succeed later"), nil)
	case a.Status/100 == 3:
		return fail(incident.KindInvalid, "redirects are not followed; configure the address that it leads to")
	}
	return fail(incident.KindInvalid, "repeating it will not help")
}

// Throttled adds to err when the answer with these headers lets the next call come.
func Throttled(h http.Header, err *incident.Error) error {
	wait := time.Duration(0)
	if v := h.Get("Retry-After"); v != "" {
		if s, e := strconv.ParseInt(strings.TrimSpace(v), 10, 32); e == nil && s > 0 {
			wait = time.Duration(s) * time.Second
		} else if at, e := http.ParseTime(v); e == nil {
			wait = time.Until(at)
		}
	}
	if wait <= 0 {
		return err
	}
	return &activities.NotBeforeError{At: time.Now().Add(min(wait, maxRetryAfter)), Err: err}
}

// doubtful is an error after which the message may have arrived.
type doubtful struct{ err *incident.Error }

func (d *doubtful) Error() string { return d.err.Error() }
func (d *doubtful) Unwrap() error { return d.err }

func doubt(e *incident.Error, cause error) error {
	e.Err = cause
	return &doubtful{e}
}

// Doubt marks err as one after which the message may have arrived.
func Doubt(err *incident.Error) error { return &doubtful{err} }

// Doubtful reports whether the message may have arrived in spite of err.
func Doubtful(err error) bool {
	var d *doubtful
	return errors.As(err, &d)
}

// finish names the operation in err and takes secrets out of it. Errors are
// made in this package, or by judge, for this one call.
func finish(err error, op string, secrets []string) error {
	var e *incident.Error
	if !errors.As(err, &e) {
		return &incident.Error{Kind: incident.KindInternal, Op: op, Msg: Scrub(err.Error(), secrets)}
	}
	e.Op, e.Msg = op, Scrub(e.Msg, secrets)
	return err
}

// Scrub removes what must not be shown from a service's words.
func Scrub(s string, secrets []string) string {
	for _, secret := range secrets {
		if secret != "" {
			s = strings.ReplaceAll(s, secret, "[redacted]")
		}
	}
	return activities.Redact(s)
}
