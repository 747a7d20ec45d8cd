package gateway

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/labstack/echo/v4"
	"go.uber.org/zap"

	"vigil/gateway/intake"
	"vigil/gateway/sender"
	"vigil/workflows/incident"
)

// challengeSender goes with a 401 to a source that has a means of its own:
// there is no scheme that it could use instead.
const challengeSender = `Sender realm="vigil"`

// otherSource stands in metrics for every source that neither the code nor the
// sources file knows: strangers may call themselves whatever they like.
const otherSource = "other"

// sourceLabel is how a source is called in metrics.
func sourceLabel(listed *sender.Sources, reader *intake.Reader, source string) string {
	if _, known := listed.Find(source); known || reader.Known(source) {
		return source
	}
	return otherSource
}

// arrival is a delivery on its way in.
type arrival struct {
	source    string
	label     string          // of metrics
	principal string          // "" until somebody is believed
	verify    sender.Verifier // nil once decided
}

// arrive decides what the head of a request can decide about who sends. Where
// the source has a means of its own, that alone counts; all others are people or
// programs with a token.
func (a *api) arrive(c echo.Context, source string) (arrival, error) {
	r := c.Request()
	in := arrival{source: source, label: a.label(source)}
	listed, _ := a.sources.Find(source)
	if listed.Auth == nil {
		id, err := a.identify(c, incident.RoleResponder, challengeAlerts)
		if err != nil {
			a.senderRefused(in, err)
			return in, err
		}
		in.principal = id.Name
		return in, nil
	}
	decided, err := listed.Auth.Head(r.Header)
	switch {
	case err != nil:
		return in, a.disbelieve(c, in, err)
	case decided:
		in.principal = source
	default:
		in.verify = listed.Auth
	}
	return in, nil
}

// believe decides the rest, once the body is there.
func (a *api) believe(c echo.Context, in *arrival, raw, body []byte) (sender.Proof, error) {
	if in.verify == nil {
		return sender.Proof{}, nil
	}
	r := c.Request()
	ctx, cancel := context.WithTimeout(r.Context(), believeWait)
	defer cancel()
	proof, err := in.verify.Verify(ctx, sender.Delivery{Header: r.Header, Raw: raw, Body: body})
	if err != nil {
		return proof, a.disbelieve(c, *in, err)
	}
	in.principal, in.verify = in.source, nil
	return proof, nil
}

// disbelieve answers a delivery that was not believed: 503 where it may be in a
// moment, and 401 otherwise.
func (a *api) disbelieve(c echo.Context, in arrival, err error) error {
	a.senderRefused(in, err)
	var e *sender.Error
	if !errors.As(err, &e) {
		return a.unavailable(in.label, err)
	}
	if e.Reason == sender.Unavailable {
		a.metrics.alerts.WithLabelValues(in.label, alertRefused).Inc()
		return &incident.Error{Kind: incident.KindUnavailable, Op: "verify a delivery from " + in.source,
			Msg: "whether it is genuine cannot be told right now; send it again", Err: err}
	}
	c.Response().Header().Set("WWW-Authenticate", challengeSender)
	return withStatus(http.StatusUnauthorized, incident.KindDenied, "%s", e.Msg)
}

// senderRefused counts a delivery that was not believed, and logs one of each
// sort a minute: its sender may drop what it gets 4xx for, so somebody has to
// find out.
func (a *api) senderRefused(in arrival, err error) {
	reason := "token" // or the lack of one, or a role too low
	var e *sender.Error
	if errors.As(err, &e) {
		reason = string(e.Reason)
	}
	a.metrics.senderFailures.WithLabelValues(in.label, reason).Inc()
	if a.refusals.first(in.label+" "+reason, a.now()) {
		a.log.Warn("a delivery was not believed; more of its sort within a minute are only counted",
			zap.String("source", in.label), zap.String("reason", reason), zap.Error(err))
	}
}

// believeWait bounds finding out whether a delivery is genuine: fetching a
// certificate and confirming a subscription. SNS waits 15 s for an answer, and
// storing takes up to acceptWait of that.
const believeWait = 10 * time.Second

// seldom tells the first of each sort within a minute. Sorts are few.
type seldom struct {
	mu   sync.Mutex
	last map[string]time.Time
}

func (s *seldom) first(sort string, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if last, ok := s.last[sort]; ok && now.Sub(last) < time.Minute {
		return false
	}
	if s.last == nil {
		s.last = map[string]time.Time{}
	}
	s.last[sort] = now
	return true
}
