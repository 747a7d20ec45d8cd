package webhook

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/net/http/httpguts"

	"vigil/activities"
	"vigil/activities/internal/sendguard"
	"vigil/activities/internal/signing"
	"vigil/workflows/incident"
)

const (
	connectTimeout = 5 * time.Second
	maxAnswer      = 64 << 10
	maxSaid        = 200 // characters that an error repeats of an answer
	maxRetryAfter  = 10 * time.Minute
	// simulatedHeader is set on every answer that does not come from a system
	// of the user's.
	simulatedHeader = "X-Vigil-Simulated"
)

// newClient sends each request once and on a connection of its own: on a
// connection that is used again, net/http sends a request with an
// Idempotency-Key a second time when the first finds it broken.
func newClient() *http.Client {
	return &http.Client{
		Transport: &http.Transport{Proxy: http.ProxyFromEnvironment, DialContext: (&net.Dialer{Timeout: connectTimeout}).DialContext,
			TLSHandshakeTimeout: connectTimeout, DisableKeepAlives: true, MaxResponseHeaderBytes: maxAnswer,
			TLSNextProto: map[string]func(string, *tls.Conn) http.RoundTripper{}}, // no HTTP/2, which repeats too
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// credentials are the secrets of a hook, as its files have them now.
type credentials struct {
	sign    [][]byte
	headers map[string]string
}

func (h Hook) credentials() (credentials, error) {
	sign, err := signing.ReadSecrets(h.SecretFile)
	if err != nil {
		return credentials{}, incident.Errorf(incident.KindInvalid, "webhook %s: %v", h.Name, err)
	}
	c := credentials{sign: sign, headers: map[string]string{}}
	for name, path := range h.HeaderFiles {
		raw, err := os.ReadFile(path)
		if err != nil {
			return credentials{}, incident.Errorf(incident.KindInvalid, "webhook %s: read the header %s: %v", h.Name, name, err)
		}
		value := strings.TrimSpace(string(raw))
		if value == "" || !httpguts.ValidHeaderFieldValue(value) {
			return credentials{}, incident.Errorf(incident.KindInvalid, "webhook %s: the file of the header %s is empty, or holds what no header can", h.Name, name)
		}
		c.headers[name] = value
	}
	return c, nil
}

// mask takes out of s what a receiver repeats of the secrets.
func (c credentials) mask(s string) string {
	for _, secret := range c.sign {
		s = strings.ReplaceAll(s, string(secret), "[redacted]")
	}
	for _, value := range c.headers {
		s = strings.ReplaceAll(s, value, "[redacted]")
		if _, bare, ok := strings.Cut(value, " "); ok && len(bare) >= signing.MinSecret { // Bearer …
			s = strings.ReplaceAll(s, bare, "[redacted]")
		}
	}
	return s
}

// line makes others' words fit to be shown.
func (c credentials) line(s string, most int) string {
	s = strings.Join(strings.Fields(activities.Redact(c.mask(s))), " ")
	if r := []rune(s); len(r) > most {
		s = string(r[:most]) + "…"
	}
	return s
}

type request struct {
	method, address string
	body            []byte
	key             string // Idempotency-Key
	known           string // a 409 that names this token is an answer
}

type reply struct {
	answer Answer
	body   []byte
	mask   func(string) string // takes the hook's own secrets out of a text
}

// send makes one request and reports it.
func (x *Executor) send(ctx context.Context, h Hook, r request) (reply, incident.Provenance, error) {
	p := incident.Provenance{Service: service, Operation: h.Name}
	c, err := h.credentials()
	if err != nil {
		return reply{}, p, err
	}
	start := time.Now()
	got, header, err := x.trip(ctx, h, c, r)
	p.LatencyMS = int64((time.Since(start) + time.Millisecond - 1) / time.Millisecond)
	if header != nil {
		p.Origin = incident.OriginLive
		if strings.EqualFold(header.Get(simulatedHeader), "true") {
			p.Origin = incident.OriginSimulated
		}
		p.RequestID = c.line(header.Get("X-Request-Id"), maxID)
	}
	call := activities.Call{Provenance: p}
	if err != nil {
		call.Failed, call.Error, call.Cancelled = incident.KindOf(err), err.Error(), errors.Is(ctx.Err(), context.Canceled)
	}
	if x.recorder != nil {
		x.recorder.Record(call)
	}
	return got, p, err
}

// trip makes the round trip; header is nil where no answer came.
func (x *Executor) trip(ctx context.Context, h Hook, c credentials, r request) (reply, http.Header, error) {
	bounded, cancel := context.WithTimeout(ctx, h.Timeout)
	defer cancel()
	var connected atomic.Bool // from then on something may have been sent
	req, err := http.NewRequestWithContext(httptrace.WithClientTrace(bounded, &httptrace.ClientTrace{
		GotConn: func(httptrace.GotConnInfo) { connected.Store(true) }}), r.method, r.address, bytes.NewReader(r.body))
	if err != nil {
		return reply{}, nil, h.errorf(incident.KindInvalid, "its address cannot be called; check the file of hooks")
	}
	req.GetBody = nil // so that net/http has nothing to send again
	for name, value := range c.headers {
		req.Header.Set(name, value)
	}
	req.Header.Set("User-Agent", "Vigil")
	req.Header.Set("Accept", "application/json")
	if len(r.body) > 0 {
		req.Header.Set("Content-Type", "application/json")
	}
	if r.key != "" {
		req.Header.Set("Idempotency-Key", r.key)
	}
	signing.Sign(req.Header, c.sign, content(req, r.body), x.now())
	resp, err := x.client.Do(sendguard.Hold(req))
	if err != nil {
		return reply{}, nil, h.noAnswer(ctx, c, err, connected.Load())
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	acted := r.method == http.MethodPost && resp.StatusCode/100 == 2 // whatever else it says, it took it
	switch {
	case acted && (err != nil || len(raw) > maxAnswer):
		raw = nil
	case err != nil:
		return reply{}, resp.Header, &incident.Error{Kind: incident.KindUnavailable, Op: h.op(), Msg: "the answer broke off", Err: ctx.Err()}
	case len(raw) > maxAnswer:
		return reply{}, resp.Header, h.errorf(incident.KindInternal, "the answer has more than %d bytes; is the address the right one?", maxAnswer)
	}
	a := answered(resp.StatusCode, raw)
	if resp.StatusCode/100 != 2 {
		if resp.StatusCode != http.StatusConflict || r.known == "" || a.Token != r.known {
			return reply{}, resp.Header, h.refusal(c, resp, raw)
		}
		if h.StatusURL == "" { // it says that it has the token, not what came of it
			a = Answer{State: incident.ExecutionRunning, ID: a.ID, Detail: a.Detail}
		}
	}
	a.ID, a.Detail = c.line(a.ID, maxID), c.line(a.Detail, maxDetail)
	return reply{answer: a, body: raw, mask: c.mask}, resp.Header, nil
}

func (h Hook) op() string { return service + " " + h.Name }

func (h Hook) errorf(k incident.Kind, format string, args ...any) *incident.Error {
	return &incident.Error{Kind: k, Op: h.op(), Msg: fmt.Sprintf(format, args...)}
}

// noAnswer says why none came. Where there never was a connection nothing was
// sent, which is a refusal.
func (h Hook) noAnswer(ctx context.Context, c credentials, err error, connected bool) error {
	var trip *url.Error
	if errors.As(err, &trip) {
		err = trip.Err // without the address
	}
	var own *incident.Error
	if errors.As(err, &own) { // of the guard
		return h.errorf(own.Kind, "%s", own.Msg)
	}
	what := "no answer: " + c.line(err.Error(), maxSaid)
	switch {
	case ctx.Err() != nil:
		what = "given up before an answer came"
	case errors.Is(err, context.DeadlineExceeded):
		what = "no answer within " + h.Timeout.String()
	}
	kind := incident.KindUnavailable
	if !connected {
		kind, what = incident.KindConflict, "nothing was sent: "+what+"; see that the hook can be reached and decide anew"
	}
	return &incident.Error{Kind: kind, Op: h.op(), Msg: what, Err: ctx.Err()}
}

// refusal is what a status other than 2xx means.
func (h Hook) refusal(c credentials, resp *http.Response, raw []byte) error {
	said := fmt.Sprintf("HTTP %d", resp.StatusCode)
	if text := strings.TrimSpace(string(raw)); text != "" && !strings.HasPrefix(text, "<") {
		said += ": " + c.line(text, maxSaid)
	}
	fail := func(k incident.Kind, advice string) *incident.Error { return h.errorf(k, "%s; %s", said, advice) }
	switch status := resp.StatusCode; {
	case status == http.StatusTooManyRequests:
		err := fail(incident.KindThrottled, "it may succeed later")
		if wait := retryAfter(resp.Header); wait > 0 {
			return &activities.NotBeforeError{At: time.Now().Add(wait), Err: err}
		}
		return err
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		return fail(incident.KindDenied, "check the hook's secret and headers, and the receiver's clock")
	case status == http.StatusNotFound, status == http.StatusGone:
		return fail(incident.KindNotFound, "check the hook's address, and that it knows the target")
	case status == http.StatusConflict:
		return fail(incident.KindConflict, "read the state again before deciding anew")
	case status == http.StatusRequestTimeout, status == http.StatusTooEarly, status >= 500:
		return fail(incident.KindUnavailable, "whether anything happened is not known")
	case status/100 == 4:
		return fail(incident.KindInvalid, "repeating it will not help")
	}
	return fail(incident.KindInternal, "this is no answer of a hook; redirects are not followed, configure the address that it leads to")
}

// retryAfter is how long the receiver wants to be left alone, within reason.
func retryAfter(h http.Header) time.Duration {
	v := strings.TrimSpace(h.Get("Retry-After"))
	wait := time.Duration(0)
	if s, err := strconv.ParseInt(v, 10, 32); err == nil {
		wait = time.Duration(s) * time.Second
	} else if at, err := http.ParseTime(v); err == nil {
		wait = time.Until(at)
	}
	return min(max(0, wait), maxRetryAfter)
}
