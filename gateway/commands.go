package gateway

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"
	"go.uber.org/zap"

	"vigil/gateway/store"
	"vigil/workflows/incident"
)

const (
	headerKey      = "Idempotency-Key"
	headerReplayed = "Idempotency-Replayed"

	maxKey     = 255       // bytes of an Idempotency-Key
	maxID      = 255       // bytes of an incident's id; Temporal's limit is higher, no incident's comes near
	maxCommand = 256 << 10 // bytes of a command's body

	// finishWait bounds remembering an answer, which goes on when the client
	// has gone: it will ask again.
	finishWait = 5 * time.Second
)

// command is the body of a request that changes something.
type command[B any] interface {
	*B
	validate() error
}

// call is everything about a request but its body.
type call struct {
	who        identity
	incidentID string // from the path; "" where the path names none
	token      string // derived from principal, key and request: the same for a repetition, and for nothing else
}

// outcome is what a command is answered with.
type outcome struct {
	status int
	body   any
}

// change makes a handler of a command: it reads and checks the body, and runs
// the command once per Idempotency-Key. Answers up to 499 are remembered;
// after a 5xx nothing is known to have happened, so the key is free again and
// the same token makes a repetition harmless.
func change[B any, P command[B]](a *api, run func(context.Context, call, B) (outcome, error)) echo.HandlerFunc {
	return func(c echo.Context) error {
		if len(c.Param("id")) > maxID {
			return incident.Errorf(incident.KindNotFound, "no incident has an id of more than %d bytes", maxID)
		}
		raw, err := readCommand(c)
		if err != nil {
			return err
		}
		var body B
		if err := decodeStrict(raw, &body); err != nil {
			return err
		}
		if err := P(&body).validate(); err != nil {
			return err
		}
		id, r := who(c.Request().Context()), c.Request()
		key, given, err := idempotencyKey(r)
		if err != nil {
			return err
		}
		c.Response().Header().Set(headerKey, key)
		hash := digest(r.Method, r.URL.Path, string(raw))
		once := call{who: id, incidentID: pathID(c), token: digest(id.Name, key, hash)}
		if !given { // nobody knows the key yet, so there is nothing to look up
			out, err := run(r.Context(), once, body)
			if err != nil {
				return err
			}
			return send(c, out.status, out.body)
		}
		return a.once(c, key, hash, func(ctx context.Context) (outcome, error) { return run(ctx, once, body) })
	}
}

// pathID is the id in the path. Echo leaves it as it was written where its
// escaping is not the usual one, such as %3A for a colon.
func pathID(c echo.Context) string {
	id := c.Param("id")
	if c.Request().URL.RawPath != "" {
		if plain, err := url.PathUnescape(id); err == nil {
			return plain
		}
	}
	return id
}

// once runs a command unless its answer is known.
func (a *api) once(c echo.Context, key, hash string, run func(context.Context) (outcome, error)) error {
	ctx, name := c.Request().Context(), who(c.Request().Context()).Name
	known, replayed, err := a.remembered(ctx, name, key, hash, c.Response().Header().Get(headerRequestID), run)
	if err != nil {
		return err
	}
	if replayed {
		c.Response().Header().Set(headerReplayed, "true")
	}
	return send(c, known.Status, known.Body)
}

// remembered runs a command unless its answer is known, and says which it was.
// The error of a command that ran is returned, and remembered as a problem.
func (a *api) remembered(ctx context.Context, name, key, hash, requestID string, run func(context.Context) (outcome, error)) (_ store.Answer, replayed bool, err error) {
	known, err := a.store.Begin(ctx, name, key, hash)
	if err != nil {
		return store.Answer{}, false, err
	}
	if known != nil {
		return *known, true, nil
	}
	out, runErr := run(ctx)
	if runErr != nil {
		p := problemOf(runErr, requestID)
		out = outcome{status: p.Status, body: p}
	}
	raw, err := json.Marshal(out.body)
	if err != nil {
		return store.Answer{}, false, fmt.Errorf("encode answer: %w", err)
	}
	answer := store.Answer{Status: out.status, Body: raw}
	remember := &answer
	if out.status >= http.StatusInternalServerError {
		remember = nil
	}
	finishing, cancel := context.WithTimeout(context.WithoutCancel(ctx), finishWait)
	defer cancel()
	if err := a.store.Finish(finishing, name, key, remember); err != nil {
		// It happened, so the client is told so. A repetition waits for the
		// claim to lapse, and then finds by the token that it was done.
		a.log.Warn("an answer could not be remembered", zap.String("request_id", requestID), zap.Error(err))
	}
	return answer, false, runErr
}

// send answers with a body that may be a remembered one.
func send(c echo.Context, status int, body any) error {
	raw, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("encode answer: %w", err)
	}
	h := c.Response().Header()
	h.Set("Cache-Control", "no-store")
	if status == http.StatusCreated {
		var made Created
		if err := json.Unmarshal(raw, &made); err != nil {
			return fmt.Errorf("read the answer for its location: %w", err)
		}
		h.Set("Location", "/api/v1/incidents/"+made.IncidentID)
	}
	media := mediaJSON
	if status >= http.StatusBadRequest {
		media = mediaProblem
	}
	return c.Blob(status, media, append(raw, '\n'))
}

// idempotencyKey returns the request's key, or makes one, which the answer
// carries so that the request can still be repeated safely.
func idempotencyKey(r *http.Request) (key string, given bool, err error) {
	key = r.Header.Get(headerKey)
	if key == "" {
		return uuid.NewString(), false, nil
	}
	if len(key) > maxKey || strings.ContainsFunc(key, func(c rune) bool { return c < '!' || c > '~' }) {
		return "", false, malformed("%s must be up to %d visible ASCII characters", headerKey, maxKey)
	}
	return key, true, nil
}

// digest is a hash of parts that no other parts share. Its form suits
// workflow and update ids.
func digest(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d:%s;", len(p), p)
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

func readCommand(c echo.Context) ([]byte, error) {
	r := c.Request()
	if t := r.Header.Get("Content-Type"); t != "" {
		if media, _, err := mime.ParseMediaType(t); err != nil || media != mediaJSON {
			return nil, withStatus(http.StatusUnsupportedMediaType, incident.KindInvalid, "the body must be %s, not %s", mediaJSON, t)
		}
	}
	raw, err := io.ReadAll(http.MaxBytesReader(c.Response(), r.Body, maxCommand))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return nil, withStatus(http.StatusRequestEntityTooLarge, incident.KindInvalid, "the body is over %d bytes", maxCommand)
	case err != nil:
		return nil, &incident.Error{Kind: incident.KindUnavailable, Op: "read the body", Msg: "the body did not arrive whole", Err: err}
	}
	return raw, nil
}

// decodeStrict decodes one JSON value. A field that is not known is refused:
// whoever sends a principal, say, should learn that it is not believed.
func decodeStrict(raw []byte, into any) error {
	if len(bytes.TrimSpace(raw)) == 0 {
		return nil // as {}
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		return malformed("the body cannot be read: %s", strings.TrimPrefix(err.Error(), "json: "))
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return malformed("the body has something after its JSON object")
	}
	return nil
}
