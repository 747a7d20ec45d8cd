package gateway

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"
	"go.uber.org/zap"

	"vigil/gateway/intake"
	"vigil/gateway/sender"
	"vigil/gateway/store"
	"vigil/workflows/incident"
)

const (
	// alertMemoryWait is how long a delivery waits for others to leave memory.
	alertMemoryWait = time.Second
	// acceptWait bounds storing. Senders give up after 5 s at the earliest, and
	// one that has given up must not find its alert taken.
	acceptWait = 4 * time.Second
	// drainBytes is how much of a delivery that is too large is still read, so
	// that its sender gets to see the answer instead of a broken connection.
	drainBytes = 64 << 20

	simulatedHeader = "X-Vigil-Simulated"
)

// Outcomes of a delivery; labels of a metric.
const (
	alertAccepted = "accepted"
	alertTooLarge = "too_large"
	alertRefused  = "unavailable"
)

// Accepted is the answer to a delivery: it is on disk under this number.
type Accepted struct {
	DeliveryID int64 `json:"delivery_id"`
}

var errTooLarge = errors.New("over the limit")

// receive takes a delivery of the source that its path names, one that nothing
// here can read included: its deliveries are kept aside until something can.
func (a *api) receive(c echo.Context) error {
	source := c.Param("source")
	if !sender.Name.MatchString(source) {
		return incident.Errorf(incident.KindNotFound, "%q is no name of an alert source; use up to 64 lower-case letters, digits and . _ -", clip(source, 80))
	}
	return a.take(c, source, func(id int64, _ []byte) error {
		return answer(c, http.StatusAccepted, Accepted{DeliveryID: id})
	})
}

// take stores a delivery and answers it. But for who sends it, it looks at
// nothing but its size: what cannot be read is quarantined later, with the
// reason, instead of being refused to a sender that would not send it again. For
// the same reason every failure here is 503.
func (a *api) take(c echo.Context, source string, done func(id int64, body []byte) error) error {
	r := c.Request()
	in, err := a.arrive(c, source)
	if err != nil {
		return err
	}
	if err := a.admit(); err != nil {
		return a.unavailable(in.label, err)
	}
	release, err := a.reserve(r)
	if err != nil {
		return a.unavailable(in.label, err)
	}
	defer release()
	raw, body, encoding, err := a.readDelivery(r)
	switch {
	case errors.Is(err, errTooLarge):
		return a.lost(c, in, max(r.ContentLength, a.cfg.MaxAlertBytes+1))
	case err != nil:
		return a.unavailable(in.label, err)
	}
	proof, err := a.believe(c, &in, raw, body)
	if err != nil {
		return err
	}
	d := store.Delivery{
		Source: source, ReceivedAt: a.now().UTC(), ContentType: r.Header.Get("Content-Type"),
		Headers: keptHeaders(r.Header, encoding), Body: body, Principal: in.principal, Origin: incident.OriginLive,
	}
	if strings.EqualFold(r.Header.Get(simulatedHeader), "true") {
		d.Origin = incident.OriginSimulated
	}
	if proof.Confirmed {
		d.Headers[intake.ConfirmedHeader] = "true"
		a.log.Info("a subscription to SNS was confirmed", zap.String("source", in.label))
	}
	ctx, cancel := context.WithTimeout(r.Context(), acceptWait)
	defer cancel()
	id, err := a.store.Accept(ctx, d)
	if err != nil {
		return a.unavailable(in.label, err)
	}
	a.metrics.alerts.WithLabelValues(in.label, alertAccepted).Inc()
	a.wake()
	return done(id, body)
}

// reserve claims the memory that a delivery may need.
func (a *api) reserve(r *http.Request) (release func(), err error) {
	need := r.ContentLength
	if need < 0 || need > a.cfg.MaxAlertBytes {
		need = a.cfg.MaxAlertBytes
	}
	if r.Header.Get("Content-Encoding") != "" {
		need += a.cfg.MaxAlertBytes
	}
	ctx, cancel := context.WithTimeout(r.Context(), alertMemoryWait)
	defer cancel()
	if err := a.memory.Acquire(ctx, need); err != nil {
		return nil, incident.Errorf(incident.KindUnavailable, "too many deliveries at once; send it again")
	}
	return func() { a.memory.Release(need) }, nil
}

// readDelivery reads the body as it came, and unpacked where it is gzip.
// encoding is the one that the body still has: what does not unpack is kept as
// it came.
func (a *api) readDelivery(r *http.Request) (raw, body []byte, encoding string, err error) {
	if r.ContentLength > a.cfg.MaxAlertBytes {
		return nil, nil, "", errTooLarge
	}
	raw, err = readAtMost(r.Body, a.cfg.MaxAlertBytes)
	if errors.Is(err, errTooLarge) {
		return nil, nil, "", err
	} else if err != nil {
		return nil, nil, "", &incident.Error{Kind: incident.KindUnavailable, Op: "read delivery", Msg: "it did not arrive whole; send it again", Err: err}
	}
	encoding = strings.ToLower(strings.TrimSpace(r.Header.Get("Content-Encoding")))
	if encoding == "" || encoding == "identity" {
		return raw, raw, "", nil
	}
	if encoding != "gzip" {
		return raw, raw, encoding, nil
	}
	body, err = gunzip(raw, a.cfg.MaxAlertBytes)
	switch {
	case errors.Is(err, errTooLarge):
		return nil, nil, "", err
	case err != nil:
		return raw, raw, encoding, nil // not gzip after all: for a person to look at
	}
	return raw, body, "", nil
}

func gunzip(raw []byte, limit int64) ([]byte, error) {
	z, err := gzip.NewReader(bytes.NewReader(raw))
	if err != nil {
		return nil, err
	}
	body, err := readAtMost(z, limit)
	if err != nil {
		return nil, err
	}
	return body, z.Close()
}

func readAtMost(r io.Reader, limit int64) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(r, limit+1))
	if int64(len(body)) > limit {
		return nil, errTooLarge
	}
	return body, err
}

// lost answers a delivery that is too large. One whose sender is known is
// counted where people see it, because it will not come again; one that only its
// body could prove is counted among those that were not believed.
func (a *api) lost(c echo.Context, in arrival, bytes int64) error {
	a.metrics.alerts.WithLabelValues(in.label, alertTooLarge).Inc()
	c.Response().Header().Set("Connection", "close")
	if in.verify != nil {
		a.senderRefused(in, &sender.Error{Reason: sender.Malformed, Msg: fmt.Sprintf("a delivery of %d bytes or more is over --max-alert-bytes and was not read", bytes)})
		return withStatus(http.StatusRequestEntityTooLarge, incident.KindInvalid, "the delivery is over %d bytes (--max-alert-bytes); it was not taken", a.cfg.MaxAlertBytes)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.Request().Context()), acceptWait)
	defer cancel()
	if err := a.store.CountLost(ctx, in.source, bytes); err != nil {
		return a.unavailable(in.label, err) // not counted, so it must come again
	}
	a.log.Error("a delivery was too large and is lost", zap.String("source", in.source), zap.Int64("bytes", bytes),
		zap.String("principal", in.principal), zap.Int64("limit", a.cfg.MaxAlertBytes))
	_, err := io.CopyN(io.Discard, c.Request().Body, drainBytes)
	if err != nil && !errors.Is(err, io.EOF) {
		a.log.Debug("the rest of a delivery that is too large did not arrive", zap.Error(err))
	}
	return withStatus(http.StatusRequestEntityTooLarge, incident.KindInvalid,
		"the delivery is over %d bytes (--max-alert-bytes); it was counted as lost", a.cfg.MaxAlertBytes)
}

// unavailable makes 503 of whatever went wrong.
func (a *api) unavailable(source string, err error) error {
	a.metrics.alerts.WithLabelValues(source, alertRefused).Inc()
	return &incident.Error{Kind: incident.KindUnavailable, Op: "take a delivery from " + source,
		Msg: "it cannot be stored right now; send it again", Err: err}
}

// keptHeaders are those that the intakes read, and those that tell a person
// who sent it and as what. Names are lower case. Credentials are never kept.
func keptHeaders(h http.Header, encoding string) map[string]string {
	kept := map[string]string{}
	for name, values := range h {
		name = strings.ToLower(name)
		if name == "user-agent" || strings.HasPrefix(name, intake.HeaderPrefix) || strings.HasPrefix(name, "x-amz-sns-") {
			kept[name] = strings.Join(values, ", ")
		}
	}
	if encoding != "" {
		kept["content-encoding"] = encoding
	}
	return kept
}
