package prometheus_test

import (
	"fmt"
	"io"

	"vigil/activities/prometheus"
)

// programs write their metrics in Prometheus's text format: n is how often
// they were scraped, bad how often since the trouble began. Each scrape sees
// twenty more requests.
var programs = map[string]func(w io.Writer, n, bad int){
	"checkout": checkout,
	"payments": payments,
	"odd":      odd,
	"cluster":  cluster,
	"database": database,
	"tempo":    tempo,
	"nasty":    nasty,

	"everything": everything,
}

// targetLabels are what the configuration says of each program.
var targetLabels = map[string]string{
	"checkout": `{service: checkout, namespace: shop}`,
	"payments": `{namespace: shop}`, // known by its job alone
	"odd":      `{app: odd, namespace: elsewhere}`,
	"cluster":  `{job: kube-state-metrics}`,
	"database": `{namespace: shop}`,
	"tempo":    `{}`,
	"nasty":    `{}`,

	"everything": `{}`,
}

// print writes formatted text to a scrape, whose reader may be gone.
func print(w io.Writer, format string, args ...any) { _, _ = fmt.Fprintf(w, format, args...) }

// checkout is a service as OpenTelemetry instruments it. It was deployed anew
// just before it became slow and began to fail.
func checkout(w io.Writer, n, bad int) {
	const h = "http_server_request_duration_seconds"
	good := 20 * (n - bad)
	slow, failed := 15*bad, 5*bad
	for _, s := range []struct {
		code       int
		fast, slow int
	}{{200, good, slow}, {500, 0, failed}, {429, 2 * bad, 0}} {
		l := fmt.Sprintf(`http_response_status_code="%d"`, s.code)
		print(w, "%s_bucket{%s,le=\"0.05\"} %d\n", h, l, s.fast)
		print(w, "%s_bucket{%s,le=\"0.1\"} %d\n", h, l, s.fast)
		print(w, "%s_bucket{%s,le=\"1\"} %d\n", h, l, s.fast)
		print(w, "%s_bucket{%s,le=\"2\"} %d\n", h, l, s.fast+s.slow)
		print(w, "%s_bucket{%s,le=\"+Inf\"} %d\n", h, l, s.fast+s.slow)
		print(w, "%s_count{%s} %d\n%s_sum{%s} %d\n", h, l, s.fast+s.slow, h, l, s.slow)
	}
	version := "1.4.1"
	if bad > 0 {
		version = "1.5.0"
	}
	print(w, "checkout_build_info{version=%q,goversion=\"go1.26\"} 1\n", version)
	print(w, "process_cpu_seconds_total %f\ngo_sched_gomaxprocs_threads 4\nprocess_resident_memory_bytes %d\n", float64(n)*.05, 50_000_000+bad*1_000_000)
}

// payments is a service with the older conventions: a counter by status, and
// a summary.
func payments(w io.Writer, n, _ int) {
	print(w, "http_requests_total{status=\"200\",handler=\"/pay\"} %d\nhttp_requests_total{status=\"503\",handler=\"/pay\"} %d\n", 19*n, n)
	print(w, "http_request_duration_seconds{quantile=\"0.5\"} 0.02\nhttp_request_duration_seconds{quantile=\"0.95\"} 0.12\n")
	print(w, "http_request_duration_seconds_count %d\nhttp_request_duration_seconds_sum %f\n", 20*n, .4*float64(n))
}

// odd is a program that follows no convention. A pool of it runs full.
func odd(w io.Writer, n, bad int) {
	print(w, "widget_pool_in_use %d\nwidget_color 7\nwidget_painted_total %d\nwidget_painting_spells_sum %d\nwidget_painting_spells_count %d\n", 3+bad, 7*n, 3*n, n)
	for i := range 40 {
		print(w, "widget_shade_%02d 1\n", i)
	}
}

// cluster is cAdvisor and kube-state-metrics, which know orders by its pods.
func cluster(w io.Writer, n, bad int) {
	pod := `namespace="shop",pod="orders-7d9c5b6f4-x2x7k",container="main"`
	print(w, "container_cpu_usage_seconds_total{%s,cpu=\"total\"} %f\n", pod, .05*float64(n))
	print(w, "container_memory_working_set_bytes{%s} %d\n", pod, 100_000_000+bad*5_000_000)
	print(w, "kube_pod_container_resource_limits{%s,resource=\"cpu\",unit=\"core\"} 0.4\n", pod)
	print(w, "kube_pod_container_resource_limits{%s,resource=\"memory\",unit=\"byte\"} 200000000\n", pod)
	print(w, "kube_pod_container_status_restarts_total{%s} %d\n", pod, bad/4)
	print(w, "kube_deployment_status_replicas_unavailable{namespace=\"shop\",deployment=\"orders\"} %d\n", min(bad, 1))
	image := "registry.example/shop/orders:2.0"
	if bad > 0 {
		image = "registry.example/shop/orders:2.1"
	}
	print(w, "kube_pod_container_info{%s,image=%q} 1\n", pod, image)
	print(w, "kube_deployment_metadata_generation{namespace=\"shop\",deployment=\"orders\"} %d\n", 4+min(bad, 1))
	replicas := 3
	if bad > 0 {
		replicas = 5
	}
	print(w, "kube_statefulset_replicas{namespace=\"shop\",statefulset=\"store\"} %d\nkube_statefulset_status_replicas_ready{namespace=\"shop\",statefulset=\"store\"} 3\n", replicas)
	print(w, "kube_statefulset_metadata_generation{namespace=\"shop\",statefulset=\"store\"} %d\n", 1+min(bad, 1))
}

// database is a PostgreSQL as its exporter shows it.
func database(w io.Writer, n, bad int) {
	print(w, "pg_up 1\npg_stat_activity_count{state=\"active\"} %d\npg_stat_activity_count{state=\"idle\"} 20\npg_settings_max_connections 100\n", 5+4*bad)
	print(w, "pg_replication_lag_seconds 0.5\npg_stat_database_blks_hit{datname=\"shop\"} %d\npg_stat_database_blks_read{datname=\"shop\"} %d\n", 99*n, n)
}

// tempo writes a service graph from traces.
func tempo(w io.Writer, n, _ int) {
	for _, e := range [][2]string{{"user", "checkout"}, {"checkout", "payments"}, {"payments", "database"}, {"checkout", "checkout"}, {"checkout", "unknown"}} {
		print(w, "traces_service_graph_request_total{client=%q,server=%q} %d\n", e[0], e[1], 20*n)
	}
}

// nasty has services whose names try to end the matcher that they stand in.
func nasty(w io.Writer, n, _ int) {
	for i, s := range nastyNames {
		print(w, "nasty_depth{service=%s} %d\n", label(s), 1000+i)
	}
}

// everything has all metrics that rules read, growing, with the labels that
// rules ask for.
func everything(w io.Writer, n, _ int) {
	for _, m := range prometheus.RuleMetrics() {
		if m == "up" {
			continue
		}
		labels := []string{`container="c",mode="idle",area="heap",jvm_memory_type="heap",state="current",command="get",status="hit",device="a",fstype="ext4"`}
		if m == "kube_pod_container_resource_limits" {
			labels = []string{`container="c",resource="cpu"`, `container="c",resource="memory"`}
		}
		for _, l := range labels {
			print(w, "%s{%s} %d\n", m, l, n)
		}
	}
}

var nastyNames = []string{`a"} or up{job=~".+`, `\`, `a\"`, "line\nbreak", `.*`, `{}`, "ünïcödé", `$range`, `{up}`, `a|b`, `'`, "`"}

// label writes a label's value as the text format has it.
func label(s string) string {
	out := `"`
	for _, r := range s {
		switch r {
		case '\\':
			out += `\\`
		case '"':
			out += `\"`
		case '\n':
			out += `\n`
		default:
			out += string(r)
		}
	}
	return out + `"`
}
