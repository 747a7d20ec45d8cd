package prometheus

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/prometheus/client_golang/api"
	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"

	"vigil/activities"
	"vigil/workflows/incident"
)

// name is what provenance calls this source.
const name = "prometheus"

// Config says where Prometheus is. Only URL is needed.
type Config struct {
	URL             string   // such as http://prometheus:9090, with a path prefix where there is one
	BearerTokenFile string   // file with a bearer token, read for each request because tokens are rotated
	Username        string   // for basic authentication
	PasswordFile    string   // file with its password, read for each request
	CAFile          string   // PEM certificates to trust; default the system's
	TenantID        string   // header X-Scope-OrgID of Mimir and the like
	ServiceLabels   []string // labels that may name a service, the most telling first; default DefaultServiceLabels
}

// DefaultServiceLabels are the labels by which common set-ups name a service.
// The gateway reads the service of an alert from the same ones.
var DefaultServiceLabels = []string{"service", "service_name", "app", "application", "app_kubernetes_io_name",
	"deployment", "statefulset", "daemonset", "job", "exported_service", "exported_job", "container"}

// Source reads from one Prometheus.
type Source struct {
	api      v1.API
	labels   []string
	recorder activities.Recorder
	now      func() time.Time
}

var (
	_ activities.Metrics  = (*Source)(nil)
	_ activities.Topology = (*Source)(nil)
	_ activities.Changes  = (*Source)(nil)
)

// New makes a Source. recorder may be nil. Nothing is asked yet.
func New(c Config, recorder activities.Recorder) (*Source, error) {
	u, err := url.Parse(c.URL)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return nil, incident.Errorf(incident.KindInvalid, "prometheus: the URL is not like http://prometheus:9090")
	case u.User != nil:
		return nil, incident.Errorf(incident.KindInvalid, "prometheus: the URL holds credentials; give a username and a password file instead")
	case u.RawQuery != "" || u.Fragment != "":
		return nil, incident.Errorf(incident.KindInvalid, "prometheus: the URL has a query; give the address alone, such as %s://%s", u.Scheme, u.Host)
	case c.BearerTokenFile != "" && c.Username != "":
		return nil, incident.Errorf(incident.KindInvalid, "prometheus: a bearer token and a username are configured; one of them")
	case c.Username == "" && c.PasswordFile != "":
		return nil, incident.Errorf(incident.KindInvalid, "prometheus: a password file without a username")
	}
	labels := c.ServiceLabels
	if len(labels) == 0 {
		labels = DefaultServiceLabels
	}
	for _, l := range labels {
		if !plainLabel.MatchString(l) {
			return nil, incident.Errorf(incident.KindInvalid, "prometheus: %q is no label name", l)
		}
	}
	trip, err := newTransport(c)
	if err != nil {
		return nil, err
	}
	client, err := api.NewClient(api.Config{Address: strings.TrimRight(c.URL, "/"), Client: &http.Client{Transport: trip, CheckRedirect: sameHost}})
	if err != nil {
		return nil, incident.Errorf(incident.KindInvalid, "prometheus: %v", err)
	}
	return &Source{api: v1.NewAPI(client), labels: labels, recorder: recorder, now: time.Now}, nil
}

// rangeQuery evaluates a query over a window. The result has a series for
// each set of labels.
func (s *Source) rangeQuery(ctx context.Context, query string, w activities.Window, step time.Duration) (model.Matrix, incident.Provenance, error) {
	return s.ask(ctx, "query_range", func(ctx context.Context) (model.Value, v1.Warnings, error) {
		v, warnings, _, err := s.api.QueryRange(ctx, query, v1.Range{Start: w.From, End: w.To, Step: step})
		return v, warnings, err
	})
}

// samples reads the raw samples of a selector in the time before at.
func (s *Source) samples(ctx context.Context, selector string, at time.Time, before time.Duration) (model.Matrix, incident.Provenance, error) {
	return s.ask(ctx, "query", func(ctx context.Context) (model.Value, v1.Warnings, error) {
		v, warnings, _, err := s.api.Query(ctx, selector+"["+duration(before)+"]", at)
		return v, warnings, err
	})
}

// ask makes one request, reports it and says where the answer came from.
// Warnings, such as that of a partial answer, become part of the operation's
// name: there they stay with the evidence, and people see them.
func (s *Source) ask(ctx context.Context, operation string, call func(context.Context) (model.Value, v1.Warnings, error)) (model.Matrix, incident.Provenance, error) {
	seen := &sighting{}
	start := time.Now()
	v, warnings, err := call(context.WithValue(ctx, sightingKey{}, seen))
	p := incident.Provenance{Origin: seen.origin, Service: name, Operation: operation,
		LatencyMS: int64((time.Since(start) + time.Millisecond - 1) / time.Millisecond)}
	if len(warnings) > 0 {
		p.Operation += " (warning: " + clean(strings.Join(warnings, "; ")) + ")"
	}
	reported := activities.Call{Provenance: p}
	matrix, ok := v.(model.Matrix)
	if err == nil && !ok {
		err = &v1.Error{Type: v1.ErrBadResponse, Msg: "the answer is no matrix"}
	}
	if err != nil {
		f := fail(ctx, operation, seen, err)
		reported.Failed, reported.Error = f.Kind, f.Error()
		reported.Cancelled = ctx.Err() == context.Canceled
		err = f
	}
	if s.recorder != nil {
		reported.Provenance.Operation = operation
		s.recorder.Record(reported)
	}
	if err != nil {
		return nil, p, err
	}
	return matrix, p, nil
}

// merge sums up the provenance of an answer that took several requests.
func merge(all, next incident.Provenance) incident.Provenance {
	if all.Origin == "" {
		return next
	}
	next.LatencyMS += all.LatencyMS
	if all.Origin == incident.OriginSimulated {
		next.Origin = all.Origin
	}
	if strings.Contains(all.Operation, "(warning") && !strings.Contains(next.Operation, "(warning") {
		next.Operation = all.Operation
	}
	return next
}

// checked is w without what has not happened yet: beyond now, Prometheus
// would repeat the last sample for five minutes.
func (s *Source) checked(w activities.Window) (activities.Window, error) {
	if now := s.now(); w.To.After(now) {
		w.To = now
	}
	if !w.To.After(w.From) {
		return w, incident.Errorf(incident.KindInvalid, "prometheus: a window from %s to %s is empty", w.From, w.To)
	}
	return w, nil
}
