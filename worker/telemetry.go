package worker

import (
	"flag"
	"slices"
	"strings"
	"time"

	"vigil/workflows/incident"
)

// Telemetry says where measures, logs, changes and events come from. Several
// sources may answer for the same service; what they know is put together.
type Telemetry struct {
	Sources []string // of aws, prometheus and kubernetes; none: those that are told where to look, or aws

	Cluster      string        // ECS cluster of the services
	Environment  string        // of the services, in CloudWatch Application Signals
	MetricPeriod time.Duration // distance of the CloudWatch points asked for

	PrometheusURL           string
	PrometheusTokenFile     string   // file with a bearer token
	PrometheusUser          string   // for basic authentication
	PrometheusPasswordFile  string   //
	PrometheusCAFile        string   // PEM; empty: the system's
	PrometheusTenant        string   // X-Scope-OrgID
	PrometheusServiceLabels []string // that may name a service, most telling first; empty: the usual ones

	Kubeconfig           string   // empty: the cluster that the worker runs in
	KubernetesNamespaces []string // empty: all
}

// Sources of telemetry.
const (
	SourceAWS        = "aws"
	SourcePrometheus = "prometheus"
	SourceKubernetes = "kubernetes"
)

func defaultTelemetry() Telemetry {
	return Telemetry{Cluster: "prod", Environment: "prod", MetricPeriod: time.Minute}
}

func (t *Telemetry) flags(fs *flag.FlagSet) {
	fs.Var(listFlag{&t.Sources}, "telemetry", "comma-separated `sources` of telemetry: aws, prometheus, kubernetes; empty for those whose url or kubeconfig is given, or else aws")
	fs.StringVar(&t.Cluster, "ecs-cluster", t.Cluster, "ECS cluster that the services run in")
	fs.StringVar(&t.Environment, "environment", t.Environment, "environment of the services in CloudWatch Application Signals")
	fs.DurationVar(&t.MetricPeriod, "metric-period", t.MetricPeriod, "distance of the CloudWatch points asked for: 1s, 5s, 10s, 20s, 30s or whole minutes")
	fs.StringVar(&t.PrometheusURL, "prometheus-url", t.PrometheusURL, "`url` of Prometheus, or what speaks its API, such as http://prometheus:9090")
	fs.StringVar(&t.PrometheusTokenFile, "prometheus-token-file", t.PrometheusTokenFile, "`file` with a bearer token for Prometheus")
	fs.StringVar(&t.PrometheusUser, "prometheus-user", t.PrometheusUser, "user of Prometheus, for basic authentication")
	fs.StringVar(&t.PrometheusPasswordFile, "prometheus-password-file", t.PrometheusPasswordFile, "`file` with that user's password")
	fs.StringVar(&t.PrometheusCAFile, "prometheus-ca-file", t.PrometheusCAFile, "PEM `file` of certificates to trust for Prometheus; empty for the system's")
	fs.StringVar(&t.PrometheusTenant, "prometheus-tenant", t.PrometheusTenant, "tenant, for Mimir and the like; empty for none")
	fs.Var(listFlag{&t.PrometheusServiceLabels}, "prometheus-service-labels", "comma-separated `labels` that may name a service, the most telling first; empty for the usual ones")
	fs.StringVar(&t.Kubeconfig, "kubeconfig", t.Kubeconfig, "`file` that says how to reach Kubernetes; empty for the cluster that the worker runs in")
	fs.Var(listFlag{&t.KubernetesNamespaces}, "kubernetes-namespaces", "comma-separated `namespaces` to look at; empty for all")
}

// sources are those that are asked.
func (t Telemetry) sources() []string {
	if len(t.Sources) > 0 {
		return t.Sources
	}
	var out []string
	if t.PrometheusURL != "" {
		out = append(out, SourcePrometheus)
	}
	if t.Kubeconfig != "" {
		out = append(out, SourceKubernetes)
	}
	if t.PrometheusURL == "" {
		out = append(out, SourceAWS)
	}
	return out
}

func (t Telemetry) has(source string) bool { return slices.Contains(t.sources(), source) }

func (t Telemetry) validate() error {
	for _, s := range t.sources() {
		if !slices.Contains([]string{SourceAWS, SourcePrometheus, SourceKubernetes}, s) {
			return incident.Errorf(incident.KindInvalid, "--telemetry names %q; there are aws, prometheus and kubernetes", s)
		}
	}
	switch {
	case !t.has(SourceAWS) && !t.has(SourcePrometheus):
		return incident.Errorf(incident.KindInvalid, "--telemetry is %q: without aws or prometheus there is no source of metrics", strings.Join(t.Sources, ","))
	case t.has(SourcePrometheus) && t.PrometheusURL == "":
		return incident.Errorf(incident.KindInvalid, "--telemetry names prometheus; say where it is with --prometheus-url")
	}
	return nil
}
