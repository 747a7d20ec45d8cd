// Package webhooknotify tells any HTTP endpoint, in JSON that is signed.
//
// A request is a POST of a Body, signed as package signing says by every secret
// of a file (several make a rotation), with the notification's key as
// Idempotency-Key: a request that may have arrived is sent again, and a
// receiver that keeps the keys of the last hour is told once. 2xx is success;
// 408, 425, 429, 5xx and the network are tried again; any other answer is
// final, redirects included.
//
// A Channel keeps no state and is safe for concurrent use.
package webhooknotify

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/url"
	"time"

	"vigil/activities"
	"vigil/activities/internal/signing"
	"vigil/activities/internal/tell"
	"vigil/workflows/incident"
)

const (
	service = "webhook"
	// Version is of the body's format. It changes when a field changes its meaning or goes.
	Version = 1
)

// Body is what is sent.
type Body struct {
	Version    int                       `json:"version"`
	Key        string                    `json:"key"` // the same: told already
	Kind       incident.NotificationKind `json:"kind"`
	Incident   string                    `json:"incident"`
	Title      string                    `json:"title"`
	Text       string                    `json:"text"`
	Service    string                    `json:"service"`
	Severity   incident.Severity         `json:"severity"`
	Status     incident.Status           `json:"status"`
	Outcome    incident.Outcome          `json:"outcome,omitempty"`
	Origin     incident.Origin           `json:"origin"`
	Team       string                    `json:"team,omitempty"`
	OnCall     string                    `json:"on_call,omitempty"`
	By         string                    `json:"by,omitempty"`
	Link       string                    `json:"link,omitempty"`
	OpenedAt   time.Time                 `json:"opened_at"`
	At         time.Time                 `json:"at"`
	ProposalID string                    `json:"proposal_id,omitempty"`
	ActionHash string                    `json:"action_hash,omitempty"`
	Proposal   string                    `json:"proposal,omitempty"` // title and target
	State      incident.ProposalState    `json:"proposal_state,omitempty"`
	DryRun     bool                      `json:"dry_run,omitempty"`
	Deadline   time.Time                 `json:"deadline,omitzero"`
}

// Config says where.
type Config struct {
	URL        string
	SecretFile string // secrets, one a line
}

// Channel is one endpoint.
type Channel struct {
	config Config
	caller tell.Caller
	now    func() time.Time
}

var _ tell.Channel = (*Channel)(nil)

// New makes a Channel. recorder may be nil. Nothing is asked yet.
func New(c Config, recorder activities.Recorder) *Channel {
	return &Channel{config: c, caller: tell.New(service, recorder), now: time.Now}
}

// Send posts m.
func (c *Channel) Send(ctx context.Context, m tell.Message) (tell.Receipt, error) {
	secrets, err := signing.ReadSecrets(c.config.SecretFile)
	if err != nil {
		return tell.Receipt{}, &incident.Error{Kind: incident.KindDenied, Op: "sign for " + m.Channel, Msg: "the secrets cannot be read", Err: err}
	}
	raw, err := json.Marshal(bodyOf(m))
	if err != nil {
		return tell.Receipt{}, tell.Refusal("webhook notify", "the message cannot be written as JSON: %v", err)
	}
	sum := sha256.Sum256([]byte(m.Channel + "\x00" + m.Key))
	h := http.Header{"Content-Type": {"application/json"}, "Idempotency-Key": {hex.EncodeToString(sum[:])}}
	signing.Sign(h, secrets, raw, c.now())
	a, err := c.caller.Do(ctx, tell.Request{Operation: "notify", URL: c.config.URL, Header: h, Body: raw, Secrets: hidden(c.config.URL, secrets)}, nil)
	return tell.Receipt{Provenance: a.Provenance}, err
}

// hidden is what no error may repeat: the secrets, and the address, in which
// many services put one.
func hidden(address string, secrets [][]byte) []string {
	out := []string{address}
	if u, err := url.Parse(address); err == nil {
		if len(u.Path) > 1 {
			out = append(out, u.RequestURI(), u.Path)
		}
		if u.RawQuery != "" {
			out = append(out, u.RawQuery)
		}
	}
	for _, s := range secrets {
		out = append(out, string(s))
	}
	return out
}

func bodyOf(m tell.Message) Body {
	b := Body{Version: Version, Key: m.Key, Kind: m.Kind, Incident: m.IncidentID, Title: m.Title, Text: m.Text, Service: tell.Clip(tell.Line(m.Service), 300), Severity: m.Severity,
		Status: m.Status, Outcome: m.Outcome, Origin: m.Origin, Team: m.Team, By: m.By, Link: m.Link, OpenedAt: m.OpenedAt, At: m.At}
	if m.To != nil {
		b.OnCall = m.To.Name
	}
	if p := m.Proposal; p != nil {
		b.ProposalID, b.ActionHash, b.Proposal = p.ID, p.ActionHash, activities.Redact(tell.Clip(tell.Line(p.Title+" on "+p.Action.Target), 400))
		b.State, b.DryRun, b.Deadline = p.State, p.DryRun, p.Deadline
	}
	return b
}
