package prometheus

import (
	"slices"
	"strings"

	"vigil/workflows/incident"
)

// The units of series.
const (
	unitMilliseconds = "ms"
	unitSeconds      = "s"
	unitShare        = "share"
	unitPerSecond    = "1/s"
	unitPercent      = "percent"
	unitCount        = "count"
	unitBytes        = "bytes"
	unitBytesRate    = "bytes/s"
	unitDays         = "days"
)

// rules are the measures of well-known exporters and libraries but for those
// of requests (requests.go), in the order in which they are preferred where
// several have one measure.
var rules = []rule{
	// Processors: of the limit where there is one, else of one core.
	{incident.MetricCPU, unitPercent, `100 * sum(rate({container_cpu_usage_seconds_total|container!="",container!="POD"}[$range])) / sum({kube_pod_container_resource_limits|resource="cpu"})`},
	{incident.MetricCPU, unitPercent, `100 * sum(rate({container_cpu_usage_seconds_total|container!="",container!="POD"}[$range])) / (sum({container_spec_cpu_quota|container!=""} / {container_spec_cpu_period|container!=""}) > 0)`},
	{incident.MetricCPU, unitPercent, `100 * avg(rate({process_cpu_seconds_total}[$range]) / {go_sched_gomaxprocs_threads})`},
	{incident.MetricCPU, unitPercent, `100 * avg({process_cpu_usage})`},
	{incident.MetricCPU, unitPercent, `100 * avg({jvm_cpu_recent_utilization_ratio})`},
	{incident.MetricCPU, unitPercent, `100 * (1 - avg(rate({node_cpu_seconds_total|mode="idle"}[$range])))`},
	{incident.MetricCPU, "percent of one core", `100 * max(sum without (cpu) (rate({container_cpu_usage_seconds_total|container!="",container!="POD"}[$range])))`},
	{incident.MetricCPU, "percent of one core", `100 * avg(rate({process_cpu_seconds_total}[$range]))`},
	{incident.MetricThrottledCPU, unitShare, `sum(rate({container_cpu_cfs_throttled_periods_total|container!=""}[$range])) / (sum(rate({container_cpu_cfs_periods_total|container!=""}[$range])) > 0)`},

	// Memory.
	{incident.MetricMemory, unitPercent, `100 * max({container_memory_working_set_bytes|container!="",container!="POD"}) / max({kube_pod_container_resource_limits|resource="memory"})`},
	{incident.MetricMemory, unitPercent, `100 * max({container_memory_working_set_bytes|container!="",container!="POD"} / ({container_spec_memory_limit_bytes} > 0))`},
	{incident.MetricMemory, unitPercent, `100 * sum({jvm_memory_used_bytes|area="heap"}) / (sum({jvm_memory_max_bytes|area="heap"}) > 0)`},
	{incident.MetricMemory, unitPercent, `100 * sum({jvm_memory_used_bytes|jvm_memory_type="heap"}) / (sum({jvm_memory_limit_bytes|jvm_memory_type="heap"}) > 0)`},
	{incident.MetricMemory, unitPercent, `100 * max({redis_memory_used_bytes} / ({redis_memory_max_bytes} > 0))`},
	{incident.MetricMemory, unitPercent, `100 * (1 - min({node_memory_MemAvailable_bytes} / {node_memory_MemTotal_bytes}))`},
	{incident.MetricFreeMemory, unitBytes, `min({node_memory_MemAvailable_bytes})`},
	{incident.MetricSwap, unitBytes, `max({node_memory_SwapTotal_bytes} - {node_memory_SwapFree_bytes})`},

	// Containers and their replicas.
	{incident.MetricRestarts, unitCount, `sum({kube_pod_container_status_restarts_total})`},
	{incident.MetricRestarts, unitCount, `sum(changes({process_start_time_seconds}[1h]))`},
	{incident.MetricUnavailable, unitCount, `sum({kube_deployment_status_replicas_unavailable})`},
	{incident.MetricUnavailable, unitCount, `sum({kube_statefulset_replicas}) - sum({kube_statefulset_status_replicas_ready})`},
	{incident.MetricUnavailable, unitCount, `sum({kube_daemonset_status_number_unavailable})`},
	{incident.MetricUnavailable, unitCount, `count({up}) - sum({up})`},
	{incident.MetricUnavailable, unitCount, `count({pg_up}) - sum({pg_up})`},
	{incident.MetricUnavailable, unitCount, `count({mysql_up}) - sum({mysql_up})`},
	{incident.MetricUnavailable, unitCount, `count({redis_up}) - sum({redis_up})`},

	// Databases and pools of connections to them.
	{incident.MetricConnections, unitCount, `sum({pg_stat_activity_count})`},
	{incident.MetricConnections, unitCount, `sum({pg_stat_database_numbackends})`},
	{incident.MetricConnections, unitCount, `sum({mysql_global_status_threads_connected})`},
	{incident.MetricConnections, unitCount, `sum({redis_connected_clients})`},
	{incident.MetricConnections, unitCount, `sum({mongodb_connections|state="current"})`},
	{incident.MetricConnections, unitCount, `sum({hikaricp_connections_active})`},
	{incident.MetricConnections, unitCount, `sum({db_client_connection_count|state="used"})`},
	{incident.MetricConnections, unitCount, `sum({db_client_connections_usage|state="used"})`},
	{incident.MetricConnections, unitCount, `sum({go_sql_in_use_connections})`},
	{incident.MetricMaxConnections, unitCount, `max({pg_settings_max_connections})`},
	{incident.MetricMaxConnections, unitCount, `max({mysql_global_variables_max_connections})`},
	{incident.MetricMaxConnections, unitCount, `max({redis_config_maxclients})`},
	{incident.MetricMaxConnections, unitCount, `sum({hikaricp_connections_max})`},
	{incident.MetricMaxConnections, unitCount, `sum({db_client_connection_max})`},
	{incident.MetricMaxConnections, unitCount, `sum({db_client_connections_max})`},
	{incident.MetricMaxConnections, unitCount, `sum({go_sql_max_open_connections}) > 0`},
	{incident.MetricReplicaLag, unitSeconds, `max({pg_replication_lag_seconds})`},
	{incident.MetricReplicaLag, unitSeconds, `max({pg_replication_lag})`},
	{incident.MetricReplicaLag, unitSeconds, `max({mysql_slave_status_seconds_behind_master})`},
	{incident.MetricReplicaLag, unitSeconds, `max({mysql_replica_status_seconds_behind_source})`},
	{incident.MetricCacheHitRate, unitShare, `sum(rate({redis_keyspace_hits_total}[$range])) / (sum(rate({redis_keyspace_hits_total}[$range])) + sum(rate({redis_keyspace_misses_total}[$range])))`},
	{incident.MetricCacheHitRate, unitShare, `sum(rate({memcached_commands_total|command="get",status="hit"}[$range])) / sum(rate({memcached_commands_total|command="get"}[$range]))`},
	{incident.MetricCacheHitRate, unitShare, `sum(rate({pg_stat_database_blks_hit}[$range])) / (sum(rate({pg_stat_database_blks_hit}[$range])) + sum(rate({pg_stat_database_blks_read}[$range])))`},

	// Queues.
	{incident.MetricQueueDepth, unitCount, `sum({rabbitmq_queue_messages_ready})`},
	{incident.MetricQueueDepth, unitCount, `sum({rabbitmq_detailed_queue_messages_ready})`},
	{incident.MetricQueueDepth, unitCount, `sum({kafka_consumergroup_lag})`},
	{incident.MetricQueueDepth, unitCount, `sum({nats_consumer_num_pending})`},

	// Storage and network.
	{incident.MetricFreeStorage, unitBytes, `min({kubelet_volume_stats_available_bytes})`},
	{incident.MetricFreeStorage, unitBytes, `min({node_filesystem_avail_bytes|fstype!~"tmpfs|ramfs|squashfs|overlay|iso9660"})`},
	{incident.MetricReadIOPS, unitPerSecond, `sum(rate({node_disk_reads_completed_total}[$range]))`},
	{incident.MetricWriteIOPS, unitPerSecond, `sum(rate({node_disk_writes_completed_total}[$range]))`},
	{incident.MetricReadLatency, unitMilliseconds, `1000 * sum(rate({node_disk_read_time_seconds_total}[$range])) / (sum(rate({node_disk_reads_completed_total}[$range])) > 0)`},
	{incident.MetricWriteLatency, unitMilliseconds, `1000 * sum(rate({node_disk_write_time_seconds_total}[$range])) / (sum(rate({node_disk_writes_completed_total}[$range])) > 0)`},
	{incident.MetricDiskQueue, unitCount, `max(rate({node_disk_io_time_weighted_seconds_total}[$range]))`},
	{incident.MetricNetworkIn, unitBytesRate, `sum(rate({container_network_receive_bytes_total}[$range]))`},
	{incident.MetricNetworkIn, unitBytesRate, `sum(rate({node_network_receive_bytes_total|device!="lo"}[$range]))`},
	{incident.MetricNetworkOut, unitBytesRate, `sum(rate({container_network_transmit_bytes_total}[$range]))`},
	{incident.MetricNetworkOut, unitBytesRate, `sum(rate({node_network_transmit_bytes_total|device!="lo"}[$range]))`},

	{incident.MetricCertificateDays, unitDays, `(min({probe_ssl_earliest_cert_expiry}) - time()) / 86400`},

	// What no measure of ours says and everybody who reads it understands.
	{"process_resident_memory_bytes", unitBytes, `max({process_resident_memory_bytes})`},
	{"go_goroutines", unitCount, `max({go_goroutines})`},
	{"process_open_fds", unitCount, `max({process_open_fds})`},
	{"jvm_threads_live_threads", unitCount, `max({jvm_threads_live_threads})`},
	{"pg_deadlocks_rate", unitPerSecond, `sum(rate({pg_stat_database_deadlocks}[$range]))`},
}

// ofRules are the metrics that rules read, so that they are not shown twice.
var ofRules = func() map[string]bool {
	out := map[string]bool{}
	for _, r := range rules {
		for _, m := range r.query.metrics() {
			out[m] = true
		}
	}
	return out
}()

// histograms are the latencies of requests as common libraries write them:
// the name without _bucket, and how many of its units are a millisecond's
// worth. matchers keep to requests that were served, not made.
var histograms = []struct {
	name, matchers string
	scale          string
}{
	{"http_server_request_duration_seconds", "", "1000"}, // OpenTelemetry
	{"http_server_duration_milliseconds", "", "1"},       // OpenTelemetry before 1.23
	{"http_server_requests_seconds", "", "1000"},         // Micrometer
	{"http_request_duration_seconds", "", "1000"},
	{"http_request_duration_milliseconds", "", "1"},
	{"http_request_duration_ms", "", "1"},
	{"http_requests_duration_seconds", "", "1000"},
	{"grpc_server_handling_seconds", "", "1000"},
	{"rpc_server_duration_milliseconds", "", "1"},
	{"rpc_server_call_duration_seconds", "", "1000"},
	{"istio_request_duration_milliseconds", `reporter="destination"`, "1"},
	{"response_latency_ms", `direction="inbound"`, "1"}, // Linkerd
	{"traces_spanmetrics_latency", `span_kind=~"SPAN_KIND_(SERVER|CONSUMER)"`, "1000"},
	{"traces_span_metrics_duration_seconds", `span_kind=~"SPAN_KIND_(SERVER|CONSUMER)"`, "1000"},
	{"traces_span_metrics_duration_milliseconds", `span_kind=~"SPAN_KIND_(SERVER|CONSUMER)"`, "1"},
	{"duration_milliseconds", `span_kind=~"SPAN_KIND_(SERVER|CONSUMER)"`, "1"},
}

// counters count requests.
var counters = []struct{ name, matchers string }{
	{"http_requests_total", ""},
	{"http_server_requests_total", ""},
	{"http_request_total", ""},
	{"requests_total", ""},
	{"request_count_total", ""},
	{"grpc_server_handled_total", ""},
	{"istio_requests_total", `reporter="destination"`},
	{"response_total", `direction="inbound"`}, // Linkerd
	{"traces_spanmetrics_calls_total", `span_kind=~"SPAN_KIND_(SERVER|CONSUMER)"`},
	{"traces_span_metrics_calls_total", `span_kind=~"SPAN_KIND_(SERVER|CONSUMER)"`},
	{"calls_total", `span_kind=~"SPAN_KIND_(SERVER|CONSUMER)"`},
}

// outcome is a label that tells how a request ended, and the values of it
// that are the server's failures.
type outcome struct{ label, failed string }

const (
	httpFailed = `5..`
	grpcFailed = `(?i:unknown|deadline_?exceeded|unimplemented|internal|unavailable|data_?loss)|2|4|12|13|14|15`
	wordFailed = `(?i:5..|errors?|err|fail|failed|failure|failures|server_error|status_code_error|exception|timeout|panic)`
)

// outcomes, the most telling first. Of requests without any of these labels
// it is not known how they ended.
var outcomes = []outcome{
	{"http_response_status_code", httpFailed}, {"http_status_code", httpFailed}, {"response_code", httpFailed},
	{"grpc_code", grpcFailed}, {"rpc_grpc_status_code", grpcFailed}, {"grpc_status", grpcFailed}, {"rpc_response_status_code", grpcFailed},
	{"status_code", wordFailed}, {"code", wordFailed}, {"status", wordFailed}, {"http_status", wordFailed}, {"statusCode", wordFailed},
	{"status_class", wordFailed}, {"code_class", wordFailed}, {"classification", wordFailed}, {"outcome", wordFailed}, {"result", wordFailed},
	{"error", `(?i:true|1|yes)`}, {"is_error", `(?i:true|1|yes)`}, {"success", `(?i:false|0|no)`},
}

// served guesses the unit of a histogram of requests that no table lists;
// false where its name does not say that it is one, or not in which unit.
func served(base string) (scale string, ok bool) {
	words := strings.FieldsFunc(strings.ToLower(base), func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') })
	has := func(any ...string) bool {
		return slices.ContainsFunc(words, func(w string) bool { return slices.Contains(any, w) })
	}
	if !has("duration", "latency", "time", "handling", "elapsed", "seconds", "milliseconds", "ms") ||
		!has("request", "requests", "response", "responses", "handler", "http", "grpc", "rpc", "server", "api", "call", "calls") ||
		has("client", "outgoing", "outbound", "upstream", "db", "database", "sql", "redis", "gc", "queue", "wait", "dns", "tls", "connect", "scrape", "promhttp") {
		return "", false
	}
	switch words[len(words)-1] {
	case "seconds", "second", "s":
		return "1000", true
	case "milliseconds", "millis", "ms":
		return "1", true
	case "microseconds", "us":
		return "0.001", true
	}
	return "", false
}
