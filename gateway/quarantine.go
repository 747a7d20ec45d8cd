package gateway

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"
	"go.uber.org/zap"

	"vigil/gateway/intake"
	"vigil/gateway/store"
	"vigil/workflows/incident"
)

// RetryRequest has one delivery read again. It has no fields.
type RetryRequest struct{}

func (*RetryRequest) validate() error { return nil }

// RetryAllRequest has every delivery in quarantine read again that matches.
type RetryAllRequest struct {
	Source string `json:"source,omitempty"`
	Text   string `json:"q,omitempty"` // in source, reason or body
}

func (r *RetryAllRequest) validate() error {
	return join(atMost("source", r.Source, maxWord), atMost("q", r.Text, maxWord))
}

// DeliveryChanged says what became of a delivery.
type DeliveryChanged struct {
	DeliveryID int64               `json:"delivery_id"`
	State      store.DeliveryState `json:"state"`
}

// Retried says how many deliveries are read again.
type Retried struct {
	Retried int `json:"retried"`
}

func (a *api) retryDelivery(ctx context.Context, c call, _ RetryRequest) (outcome, error) {
	id, err := deliveryID(c.incidentID)
	if err != nil {
		return outcome{}, err
	}
	if err := a.store.Retry(ctx, id, a.audit(c, store.AuditDeliveryRetried, c.incidentID, "")); err != nil {
		return outcome{}, err
	}
	a.wake()
	return outcome{status: http.StatusOK, body: DeliveryChanged{id, store.DeliveryReceived}}, nil
}

func (a *api) retryDeliveries(ctx context.Context, c call, r RetryAllRequest) (outcome, error) {
	n, err := a.store.RetryAll(ctx, store.DeliveryFilter{Source: r.Source, Text: r.Text}, a.audit(c, store.AuditDeliveriesRetried, r.Source, r.Text))
	if err != nil {
		return outcome{}, err
	}
	a.wake()
	return outcome{status: http.StatusOK, body: Retried{n}}, nil
}

func (a *api) discardDelivery(ctx context.Context, c call, r ReasonRequest) (outcome, error) {
	id, err := deliveryID(c.incidentID)
	if err != nil {
		return outcome{}, err
	}
	if err := a.store.Discard(ctx, id, a.audit(c, store.AuditDeliveryDiscarded, c.incidentID, r.Reason)); err != nil {
		return outcome{}, err
	}
	return outcome{status: http.StatusOK, body: DeliveryChanged{id, store.DeliveryDiscarded}}, nil
}

func deliveryID(s string) (int64, error) {
	id, err := strconv.ParseInt(s, 10, 64)
	if err != nil || id < 1 || id >= 1<<53 {
		return 0, malformed("%q is not the number of a delivery", s)
	}
	return id, nil
}

// SourceList is every source that alerts can come from, or came from.
type SourceList struct {
	Sources []Source `json:"sources"`
}

// Source is one of them. A source without kind is one that nothing reads: its
// deliveries are in quarantine.
type Source struct {
	Name        string `json:"name"`
	About       string `json:"about,omitempty"`
	Kind        string `json:"kind,omitempty"` // built in, shipped mapping, your mapping
	Deliveries  int64  `json:"deliveries"`     // that are kept
	Quarantined int64  `json:"quarantined"`
	LastAt      string `json:"last_at,omitempty"`
}

func (a *api) listSources(c echo.Context) error {
	counts, err := a.store.SourceCounts(c.Request().Context())
	if err != nil {
		return err
	}
	out, at := SourceList{Sources: a.knownSources()}, map[string]int{}
	for i, s := range out.Sources {
		at[s.Name] = i
	}
	for _, n := range counts {
		i, known := at[n.Source]
		if !known {
			i = len(out.Sources)
			out.Sources = append(out.Sources, Source{Name: n.Source})
		}
		s := &out.Sources[i]
		s.Deliveries, s.Quarantined, s.LastAt = n.Deliveries, n.Quarantined, n.LastAt.Format("2006-01-02T15:04:05.999999Z07:00")
	}
	return answer(c, http.StatusOK, out)
}

func (a *api) quarantineRoutes() []route {
	return []route{
		asCommand(route{path: "/:id/retry", need: incident.RoleResponder, handle: change(a, a.retryDelivery), id: "retryDelivery",
			summary: "Read a delivery again that is in quarantine, or try its alerts again that keep failing", body: RetryRequest{}, status: http.StatusOK, result: DeliveryChanged{}}, "/api/v1/deliveries", "alerts"),
		asCommand(route{path: "/retry", need: incident.RoleResponder, handle: change(a, a.retryDeliveries), id: "retryDeliveries",
			summary: "Read every delivery again that is in quarantine and matches", body: RetryAllRequest{}, status: http.StatusOK, result: Retried{}}, "/api/v1/deliveries", "alerts"),
		asCommand(route{path: "/:id/discard", need: incident.RoleResponder, handle: change(a, a.discardDelivery), id: "discardDelivery",
			summary: "Say that nothing is lost with a delivery in quarantine", body: ReasonRequest{}, status: http.StatusOK, result: DeliveryChanged{}}, "/api/v1/deliveries", "alerts"),
		{method: http.MethodGet, path: "/api/v1/sources", need: incident.RoleViewer, handle: a.listSources, id: "listSources", tag: "alerts",
			summary: "List where alerts come from", status: http.StatusOK, result: SourceList{}, problems: []int{http.StatusServiceUnavailable}},
	}
}

// knownSources are those that something reads.
func (a *api) knownSources() []Source {
	var out []Source
	for _, s := range a.reader.Sources() {
		about := s.About
		if s.As != "" {
			about = "read as " + s.As + ": " + about
		}
		out = append(out, Source{Name: s.Name, About: about, Kind: kinds[s.Kind]})
	}
	return out
}

// kinds are what people are told of who made what reads a source.
var kinds = map[intake.SourceKind]string{intake.SourceBuiltIn: "built in", intake.SourceShipped: "shipped mapping", intake.SourceUser: "your mapping"}

// mappingsEvery is how often the folder of mappings is looked at.
const mappingsEvery = 2 * time.Second

// watchMappings takes up mappings that change, and says when one cannot be.
func (g *Gateway) watchMappings(ctx context.Context, r *intake.Reader) {
	r.Watch(ctx, mappingsEvery, func(err error) {
		if err != nil {
			g.log.Error("the mappings are wrong; those before stay in force", zap.String("directory", g.cfg.MappingsDir), zap.Error(err))
			return
		}
		g.log.Info("other mappings are in force; retry what is in quarantine because of them", zap.String("directory", g.cfg.MappingsDir))
	})
}
