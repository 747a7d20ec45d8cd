package gateway

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"vigil/gateway/analytics"
	"vigil/gateway/store"
	"vigil/workflows/event"
	"vigil/workflows/incident"
)

// What tests see of the inside.

// ParseTokens returns the principals that a token file names.
func ParseTokens(raw []byte) ([]incident.Principal, error) {
	p, err := parseTokens(raw)
	if err != nil {
		return nil, err
	}
	var list []incident.Principal
	for _, e := range p.entries {
		list = append(list, e.Principal)
	}
	return list, nil
}

// ParseRates reads a business file.
func ParseRates(raw []byte) (*analytics.Rates, error) { return parseRates(raw) }

// NewHousekeeping makes one whose passes over old incidents the test runs itself.
func NewHousekeeping(s store.Store, keepIncidents time.Duration, now func() time.Time) func(context.Context) error {
	h := &housekeeping{store: s, keepIncidents: keepIncidents, forgotten: prometheus.NewCounter(prometheus.CounterOpts{Name: "x"}), log: zap.NewNop(), now: now}
	return h.forget
}

// Business answers as the handlers do, without a server around it.
type Business struct{ *business }

// NewBusiness makes one without rates.
func NewBusiness(s store.Business) Business { return Business{newBusiness(s, nil)} }

// Summary is that of everything.
func (b Business) Summary(ctx context.Context) (event.BusinessMetrics, error) {
	return b.summary(ctx, question{})
}

// ParseIncidentQuery returns the limit that a query asks for.
func ParseIncidentQuery(v url.Values) (limit int, err error) {
	q, err := parseIncidentQuery(v)
	return q.limit, err
}

// ParseSession reports whether value has the form of a session.
func ParseSession(value string) bool {
	_, _, _, ok := parseSession(value)
	return ok
}

// ProblemOf describes an error as the gateway would.
func ProblemOf(err error) Problem { return problemOf(err, "id") }

// Registered lists method and path of every route that the server has. HEAD is
// GET without the body, and not documented.
func (g *Gateway) Registered() map[string]bool {
	out := map[string]bool{}
	for _, r := range g.router.Routes() {
		if r.Method == http.MethodHead {
			continue
		}
		out[r.Method+" "+pathParam.ReplaceAllString(r.Path, "{$1}")] = true
	}
	return out
}

// Admit makes f say whether deliveries are taken. It comes before Start.
func (g *Gateway) Admit(f func() error) { g.admit = f }

// EventsMember reads a member of an event for PagerDuty.
func EventsMember(body []byte, name string) string { return eventsMember(body, name) }

// Open is the part of the store that a reconciler reads.
type Open interface {
	Open(context.Context) ([]event.Summary, error)
}

// NewReconciler makes one whose passes the test runs itself.
func NewReconciler(e Engine, o Open, p EventPublisher, now func() time.Time) func(context.Context) error {
	r := &reconciler{every: time.Second, engine: e, reads: o, stream: p, metrics: newMetrics(prometheus.NewRegistry(), nil, zap.NewNop()),
		log: zap.NewNop(), now: now, since: map[string]time.Time{}, done: map[string]time.Time{}}
	return r.pass
}

// Switch is the controls without a server around them.
type Switch struct{ *controls }

// NewSwitch makes one that tells of nothing.
func NewSwitch(b Bucket) Switch { return Switch{newControls(b, zap.NewNop())} }

// Kill stops, as the handler does.
func (s Switch) Kill(ctx context.Context, by, reason string) (incident.Controls, error) {
	return s.kill(ctx, by, reason)
}

// KillWait is for how long a kill is tried.
const KillWait = killWait

// NewDirectory makes one whose passes the test runs itself, whole or not.
func NewDirectory(b Bucket, everybody func() map[string]incident.Role) func(ctx context.Context, whole bool) error {
	return newDirectory(b, everybody, zap.NewNop()).sync
}
