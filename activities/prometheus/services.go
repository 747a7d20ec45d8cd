package prometheus

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/prometheus/common/model"

	"vigil/activities"
)

const (
	maxServices = 50 // of Services
	maxNear     = 12 // of Near
)

// served metrics betray a service: something is scraped, or answers requests.
const betraying = `up|target_info|.+_requests?_total|requests_total|calls_total|grpc_server_handled_total|(?:.+_)?(?:request|requests|handling|latency|duration)_(?:seconds_|milliseconds_|ms_)?count`

// places are the labels that say where a service belongs.
var places = []string{"namespace", "exported_namespace", "k8s_namespace_name", "service_namespace", "team", "system", "project",
	"environment", "env", "stage", "cluster", "region", "datacenter"}

// platform are parts of the monitoring itself, or of what lies under every
// service. They come last.
var platform = []string{"prometheus", "alertmanager", "grafana", "node-exporter", "node_exporter", "node", "kube-state-metrics", "kubelet",
	"cadvisor", "pushgateway", "blackbox", "blackbox-exporter", "blackbox_exporter", "apiserver", "kubernetes-apiservers", "kubernetes-nodes",
	"kubernetes-cadvisor", "kubernetes", "coredns", "kube-dns", "etcd", "loki", "tempo", "mimir", "thanos", "otel-collector",
	"opentelemetry-collector", "kube-proxy", "kube-scheduler", "kube-controller-manager"}

// neighbour is a service and where it belongs.
type neighbour struct {
	name   string
	places []string // label=value
}

// Services returns the names of services that had metrics in the window, at
// most 50, those that are not part of the monitoring first.
func (s *Source) Services(ctx context.Context, w activities.Window) ([]string, error) {
	return s.nearest(ctx, "", w, maxServices)
}

// Near returns the services that belong to the same namespace, cluster or
// team as service, at most 12, those that share most first; after them, if
// there is room, others. service itself is not among them.
func (s *Source) Near(ctx context.Context, service string, w activities.Window) ([]string, error) {
	return s.nearest(ctx, service, w, maxNear)
}

func (s *Source) nearest(ctx context.Context, service string, w activities.Window, limit int) ([]string, error) {
	all, err := s.neighbours(ctx, w)
	if err != nil {
		return nil, err
	}
	var home []string
	for _, n := range all {
		if n.name == service {
			home = n.places
		}
	}
	shared := func(n neighbour) int {
		common := 0
		for _, p := range n.places {
			if slices.Contains(home, p) {
				common++
			}
		}
		if slices.Contains(platform, n.name) {
			common -= len(places) + 1
		}
		return common
	}
	slices.SortStableFunc(all, func(a, b neighbour) int { return shared(b) - shared(a) })
	var out []string
	for _, n := range all {
		if n.name != service && len(out) < limit {
			out = append(out, n.name)
		}
	}
	return out, nil
}

// neighbours are all services, by name.
func (s *Source) neighbours(ctx context.Context, w activities.Window) ([]neighbour, error) {
	w, err := s.checked(w)
	if err != nil {
		return nil, err
	}
	// Looked for at the beginning and at the end: a service that died is at
	// the beginning only.
	by := strings.Join(append(slices.Clone(s.labels), places...), ",")
	m, _, err := s.rangeQuery(ctx, fmt.Sprintf(`count by (%s) ({__name__=~"%s"})`, by, betraying), w, w.To.Sub(w.From))
	if err != nil {
		return nil, err
	}
	known := map[string]*neighbour{}
	for _, series := range m {
		n := s.nameOf(series.Metric)
		if n == "" || len(n) > maxName {
			continue
		}
		if known[n] == nil {
			known[n] = &neighbour{name: n}
		}
		for _, p := range places {
			if v := series.Metric[model.LabelName(p)]; v != "" {
				known[n].places = append(known[n].places, p+"="+string(v))
			}
		}
	}
	out := make([]neighbour, 0, len(known))
	for _, n := range known {
		slices.Sort(n.places)
		n.places = slices.Compact(n.places)
		out = append(out, *n)
	}
	slices.SortFunc(out, func(a, b neighbour) int { return strings.Compare(a.name, b.name) })
	return out, nil
}

// nameOf is the service that a series belongs to, by the labels that may name
// one; "" where none does.
func (s *Source) nameOf(m model.Metric) string {
	for _, l := range s.labels {
		if v := string(m[model.LabelName(l)]); v != "" {
			if strings.HasSuffix(l, "job") {
				v = v[strings.LastIndex(v, "/")+1:]
			}
			return v
		}
	}
	return ""
}
