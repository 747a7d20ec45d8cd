package prometheus

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/prometheus/common/model"

	"vigil/activities"
	"vigil/workflows/incident"
)

const maxEdges = 500

// edges are the metrics that say who calls whom, and the labels that do.
var edges = []struct {
	metric, matchers string
	from, to         model.LabelName
}{
	{"traces_service_graph_request_total", "", "client", "server"},
	{"traces_service_graph_request_failed_total", "", "client", "server"},
	{"istio_requests_total", "", "source_workload", "destination_workload"},
	{"istio_tcp_connections_opened_total", "", "source_workload", "destination_workload"},
	{"response_total", `,direction="outbound"`, "deployment", "dst_deployment"},   // Linkerd
	{"response_total", `,direction="outbound"`, "statefulset", "dst_statefulset"}, // Linkerd
	{"response_total", `,direction="outbound"`, "deployment", "dst_statefulset"},  // Linkerd
}

// nobody are the names that meshes and tracers give to what they do not know.
var nobody = []string{"", "unknown", "user"}

// Graph returns who calls whom as traces and service meshes counted it, each
// dependency once, sorted by name. Of a Prometheus without such metrics it
// returns nothing. A dependency counts while its series exist, used or not.
func (s *Source) Graph(ctx context.Context, w activities.Window) ([]incident.Edge, incident.Provenance, error) {
	w, err := s.checked(w)
	if err != nil {
		return nil, incident.Provenance{}, err
	}
	parts := make([]string, len(edges))
	for i, e := range edges {
		parts[i] = tagged(fmt.Sprintf(`count by (%s,%s) ({%s%s})`, e.from, e.to, equals("__name__", e.metric), e.matchers), i)
	}
	m, p, err := s.rangeQuery(ctx, strings.Join(parts, " or "), w, w.To.Sub(w.From)/looks)
	if err != nil {
		return nil, p, err
	}
	var out []incident.Edge
	for _, series := range m {
		i, ok := part(series.Metric, len(edges))
		if !ok {
			continue
		}
		e := incident.Edge{From: string(series.Metric[edges[i].from]), To: string(series.Metric[edges[i].to])}
		if !slices.Contains(nobody, e.From) && !slices.Contains(nobody, e.To) && e.From != e.To && len(e.From) <= maxName && len(e.To) <= maxName {
			out = append(out, e)
		}
	}
	slices.SortFunc(out, func(a, b incident.Edge) int { return cmp.Or(cmp.Compare(a.From, b.From), cmp.Compare(a.To, b.To)) })
	out = slices.Compact(out)
	return out[:min(len(out), maxEdges)], p, nil
}
