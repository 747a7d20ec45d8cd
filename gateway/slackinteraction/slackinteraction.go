// Package slackinteraction reads what Slack sends when somebody clicks a
// button: whether it is from Slack, who clicked what, and where an answer goes.
// It decides nothing.
//
// Verify believes a request by its bytes alone: HMAC-SHA256 over "v0:", the
// timestamp, ":" and the raw body, with one of the app's signing secrets, not
// older or newer than five minutes, compared in constant time. Parse reads the
// same bytes. A Responder answers the person alone (ephemeral), and only at the
// one host that was configured: a response_url is from the body, and must not
// make the gateway call anybody else. Nothing here keeps state but a Users
// file, which is reread when it changes.
package slackinteraction

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"
)

// Headers of a signed request.
const (
	HeaderTimestamp = "X-Slack-Request-Timestamp"
	HeaderSignature = "X-Slack-Signature"
)

// Window is how far a timestamp may be from our clock.
const Window = 5 * time.Minute

// Actions of the buttons.
const (
	ActionApprove = "vigil_approve"
	ActionReject  = "vigil_reject"
)

// Reasons why a request is not believed, or is not for us.
var (
	ErrUnsigned = errors.New("it is not signed")
	ErrFormat   = errors.New("its signature cannot be read")
	ErrStale    = errors.New("it was signed more than 5 minutes from now; check the clock")
	ErrMismatch = errors.New("its signature is not of this app's signing secret")

	// ErrNotOurs is for what came from Slack and asks for nothing: a button that
	// only opens a page, or an interaction of another kind.
	ErrNotOurs = errors.New("nothing is to be done")
)

// Verify returns nil where body is from Slack.
func Verify(h http.Header, body []byte, secrets [][]byte, now time.Time) error {
	stamps, signatures := h.Values(HeaderTimestamp), h.Values(HeaderSignature)
	if len(stamps) == 0 || len(signatures) == 0 {
		return ErrUnsigned
	}
	digits, ok := strings.CutPrefix(signatures[0], "v0=")
	given, hexErr := hex.DecodeString(digits)
	seconds, err := strconv.ParseInt(stamps[0], 10, 64)
	if len(stamps) > 1 || len(signatures) > 1 || !ok || hexErr != nil || len(given) != sha256.Size || err != nil {
		return ErrFormat
	}
	good := false
	for _, s := range secrets {
		mac := hmac.New(sha256.New, s)
		mac.Write([]byte("v0:" + stamps[0] + ":"))
		mac.Write(body)
		good = hmac.Equal(given, mac.Sum(nil)) || good
	}
	switch age := now.Sub(time.Unix(seconds, 0)); {
	case !good:
		return ErrMismatch
	case age > Window || age < -Window:
		return ErrStale
	}
	return nil
}

// ReadSecrets reads a file of signing secrets, one a line: two while one
// replaces the other. Errors quote nothing of it.
func ReadSecrets(path string) ([][]byte, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read Slack's signing secret: %w", err)
	}
	var out [][]byte
	for n, line := range strings.Split(string(raw), "\n") {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		if len(line) < 16 {
			return nil, fmt.Errorf("line %d of %s is shorter than a signing secret; it is under Basic Information of the app", n+1, path)
		}
		out = append(out, []byte(line))
	}
	if len(out) == 0 || len(out) > 8 {
		return nil, fmt.Errorf("%s holds %d signing secrets; give 1 to 8, one a line", path, len(out))
	}
	return out, nil
}

// Click is a button that somebody clicked. Nothing in it is checked but that
// it came from Slack.
type Click struct {
	Team, User  string // ids
	Approve     bool   // or reject
	Incident    string
	Proposal    string
	Hash        string // of the exact action
	Channel, TS string // of the message
	At          string // the click's own time; with message and user it names the click
	ResponseURL string
}

// maxPart bounds each part of a Click, in bytes.
const maxPart = 512

// Parse reads the body of an interaction. ErrNotOurs is no failure.
func Parse(body []byte) (Click, error) {
	form, err := url.ParseQuery(string(body))
	if err != nil || len(form["payload"]) != 1 {
		return Click{}, errors.New("the body is not a form with one payload")
	}
	var in struct {
		Type        string `json:"type"`
		ResponseURL string `json:"response_url"`
		Team        struct{ ID string }
		User        struct{ ID string }
		Container   struct {
			ChannelID string `json:"channel_id"`
			MessageTS string `json:"message_ts"`
		}
		Actions []struct {
			ActionID string `json:"action_id"`
			ActionTS string `json:"action_ts"`
			Value    string `json:"value"`
		}
	}
	if err := json.Unmarshal([]byte(form.Get("payload")), &in); err != nil {
		return Click{}, errors.New("the payload is not what Slack sends")
	}
	if in.Type != "block_actions" || len(in.Actions) != 1 || in.Actions[0].ActionID != ActionApprove && in.Actions[0].ActionID != ActionReject {
		return Click{}, ErrNotOurs
	}
	var value struct {
		Incident string `json:"incident"`
		Proposal string `json:"proposal"`
		Hash     string `json:"hash"`
	}
	dec := json.NewDecoder(strings.NewReader(in.Actions[0].Value))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&value); err != nil {
		return Click{}, errors.New("the button carries nothing that Vigil put there")
	}
	c := Click{Team: in.Team.ID, User: in.User.ID, Approve: in.Actions[0].ActionID == ActionApprove, Incident: value.Incident, Proposal: value.Proposal, Hash: value.Hash,
		Channel: in.Container.ChannelID, TS: in.Container.MessageTS, At: in.Actions[0].ActionTS, ResponseURL: in.ResponseURL}
	for name, part := range map[string]string{"user": c.User, "incident": c.Incident, "proposal": c.Proposal, "hash": c.Hash, "action_ts": c.At} {
		if part == "" || len(part) > maxPart {
			return Click{}, fmt.Errorf("%s is missing, or too long", name)
		}
	}
	return c, nil
}

// Responder tells the person who clicked.
type Responder struct {
	base   *url.URL
	client *http.Client
}

// HooksURL is where Slack takes answers.
const HooksURL = "https://hooks.slack.com"

const (
	respondTimeout = 5 * time.Second
	maxText        = 2000
)

// NewResponder makes a Responder that answers at base alone, which is HooksURL
// but in tests.
func NewResponder(base string) (*Responder, error) {
	u, err := url.Parse(base)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.User != nil || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" {
		return nil, fmt.Errorf("%q is no address of a host, such as %s", base, HooksURL)
	}
	return &Responder{base: u, client: &http.Client{Timeout: respondTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}, nil
}

// Respond shows text to the person who clicked, and to nobody else.
func (r *Responder) Respond(ctx context.Context, to, text string) error {
	u, err := url.Parse(to)
	if err != nil || u.Scheme != r.base.Scheme || !strings.EqualFold(u.Host, r.base.Host) || u.User != nil {
		return fmt.Errorf("the response_url is not at %s, and nobody was answered", r.base.Host)
	}
	runes := []rune(text)
	if len(runes) > maxText {
		text = string(runes[:maxText]) + "…"
	}
	raw, err := json.Marshal(map[string]any{"response_type": "ephemeral", "replace_original": false, "text": escape.Replace(text)})
	if err != nil {
		return fmt.Errorf("encode the answer to Slack: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, u.String(), bytes.NewReader(raw))
	if err != nil {
		return errors.New("the response_url cannot be called")
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := r.client.Do(req)
	if err != nil {
		var trip *url.Error // the address is as good as a password
		if errors.As(err, &trip) {
			err = trip.Err
		}
		return fmt.Errorf("answer in Slack: %w", err)
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10)) // only the status matters
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("answer in Slack: HTTP %d", resp.StatusCode)
	}
	return nil
}

// escape keeps what others wrote from mentioning and linking.
var escape = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")
