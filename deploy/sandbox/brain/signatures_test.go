package brain_test

import (
	"fmt"
	"strings"
	"testing"
)

// observed is evidence of one service of a chain web → api → db, where web
// complains.
func observed(lines ...string) string {
	out := []string{`{"id":"G","kind":"topology","found":true,"edges":[{"from":"web","to":"api"},{"from":"api","to":"db"}]}`,
		`{"id":"W","kind":"metric","service":"web","found":true,"finding":"latency_ms 100 → 900 since 14:01:00","strength":0.9}`}
	return `<incident>{"id":"i","title":"web is slow","service":"web","started_at":"2026-11-23T14:02:00Z"}</incident>` + "\n" + block(append(out, lines...)...)
}

func metricLine(service, finding string) string {
	return fmt.Sprintf(`{"id":"M-%s","kind":"metric","service":%q,"found":true,"finding":%q,"strength":0.8}`, service, service, finding)
}

func logLine(service, template string) string {
	return fmt.Sprintf(`{"id":"L-%s","kind":"log","service":%q,"found":true,"logs":[{"level":"error","template":%q,"count":80,"baseline":0,"first_at":"2026-11-23T14:01:05Z"}]}`, service, service, template)
}

func eventLine(service, category, message string) string {
	return fmt.Sprintf(`{"id":"P-%s","kind":"events","service":%q,"found":true,"events":[{"at":"2026-11-23T14:00:50Z","resource":%q,"category":%q,"message":%q,"warning":true}]}`, service, service, service, category, message)
}

func loadLine(service, load string) string {
	return fmt.Sprintf(`{"id":"D-%s","kind":"database_load","service":%q,"found":true,"load":%s}`, service, service, load)
}

// TestSignatures shows each cause as common platforms show it.
func TestSignatures(t *testing.T) {
	t.Parallel()
	for cause, tc := range map[string]struct {
		service string
		lines   []string
	}{
		"out_of_memory": {"api", []string{metricLine("api", "error_rate 0 → 0.3 since 14:01:00; restarts 0 → 4 since 14:01:00"), eventLine("api", "OOMKilling", "Memory cgroup out of memory: Killed process 1")}},
		"crash_loop":    {"api", []string{metricLine("api", "error_rate 0 → 0.3 since 14:01:00; restarts 0 → 6 since 14:01:00"), eventLine("api", "BackOff", "Back-off restarting failed container api in pod api-1")}},
		"image_pull":    {"api", []string{metricLine("api", "error_rate 0 → 0.3 since 14:01:00; unavailable_replicas 0 → 2 since 14:00:30"), eventLine("api", "Failed", "Failed to pull image registry/api:v9: manifest unknown")}},
		"node_pressure": {"api", []string{metricLine("api", "error_rate 0 → 0.3 since 14:01:00"), eventLine("api", "Evicted", "The node was low on resource: ephemeral-storage")}},
		"cpu_saturation": {"api", []string{metricLine("api", "latency_ms 80 → 700 since 14:01:00; cpu_percent 40 → 99 since 14:00:50"),
			logLine("api", "thread pool starvation detected, <n> waiting")}},
		"storage_full": {"db", []string{metricLine("db", "free_storage_bytes 21474836480 → 10485760 since 13:55:00"), logLine("db", "could not extend file base/<n>/<n>: No space left on device")}},
		"disk_saturation": {"db", []string{metricLine("db", "disk_queue_depth 1 → 64 since 14:00:50; read_latency_ms 1 → 30 since 14:00:50"),
			loadLine("db", `{"average":9,"peak":12,"cpus":4,"waits":[{"name":"IO:DataFileRead","load":8}]}`)}},
		"replication_lag": {"db", []string{metricLine("db", "replica_lag_s 0 → 240 since 14:00:00; transaction_log_rate 1000 → 9000 since 14:00:00")}},
		"lock_contention": {"db", []string{metricLine("db", "database_load 1 → 14 since 14:00:50; connections 20 → 90 since 14:00:55"),
			loadLine("db", `{"average":14,"peak":20,"cpus":4,"waits":[{"name":"Lock:transactionid","load":12},{"name":"CPU","load":1}],"statements":[{"sql":"UPDATE stock SET n = ?","load":12,"waits":[{"name":"Lock:transactionid","load":12}]}]}`)}},
		"expensive_query": {"db", []string{metricLine("db", "cpu_percent 30 → 99 since 14:00:50; database_load 1 → 9 since 14:00:50"),
			loadLine("db", `{"average":9,"peak":12,"cpus":4,"waits":[{"name":"CPU","load":8}],"statements":[{"sql":"SELECT * FROM orders WHERE note LIKE ?","load":8}]}`)}},
		"maintenance_load": {"db", []string{metricLine("db", "write_iops 100 → 3000 since 14:00:50"), logLine("db", "automatic vacuum of table orders (to prevent wraparound)"),
			loadLine("db", `{"average":3,"peak":4,"cpus":4,"statements":[{"sql":"autovacuum: VACUUM public.orders","load":2}]}`)}},
		"failover":        {"db", []string{metricLine("db", "connections 50 → 2 since 14:00:50"), eventLine("db", "failover", "Multi-AZ instance failover started.")}},
		"network_failure": {"api", []string{metricLine("api", "error_rate 0 → 0.5 since 14:01:00; network_out_rate 90000 → 1000 since 14:00:55"), logLine("api", "dial tcp <n>: no route to host")}},
		"throttled":       {"api", []string{metricLine("api", "error_rate 0 → 0.5 since 14:01:00; throttled_requests 0 → 40 since 14:00:55"), logLine("api", "ThrottlingException: Rate exceeded")}},
		"dependency_failure": {"api", []string{metricLine("api", "error_rate 0 → 0.5 since 14:01:00"), logLine("api", "payment provider answered <n>: service unavailable"),
			`{"id":"R","kind":"ranking","found":true,"suspects":[{"service":"api","cause":"dependency_failure","score":0.5}]}`}},
		"cache_failure":       {"api", []string{metricLine("api", "latency_ms 50 → 400 since 14:01:00; cache_hit_rate 0.95 → 0.1 since 14:00:55"), logLine("api", "redis connection refused")}},
		"queue_backlog":       {"api", []string{metricLine("api", "queue_depth 3 → 9000 since 14:00:00; queue_age_s 1 → 700 since 14:00:00")}},
		"certificate_expired": {"api", []string{metricLine("api", "error_rate 0 → 1 since 14:01:00"), logLine("api", "x509: certificate has expired or is not yet valid")}},
		"traffic_surge":       {"web", []string{metricLine("web", "latency_ms 100 → 900 since 14:01:00; request_rate 100 → 400 since 14:00:50; cpu_percent 40 → 70 since 14:00:55")}},
		"bad_configuration": {"api", []string{metricLine("api", "error_rate 0 → 0.5 since 14:01:00"), logLine("api", "missing key payment.endpoint"),
			`{"id":"C","kind":"change","service":"api","found":true,"changes":[{"service":"api","kind":"configuration","summary":"parameter /api/payment changed","at":"2026-11-23T14:00:30Z"}]}`}},
	} {
		a, r := answer(t, "diagnosis_answer", observed(tc.lines...))
		if a["verdict"] != "probable" || a["cause"] != cause || a["service"] != tc.service {
			t.Errorf("%s of %s was diagnosed as %s: %s of %s\n%s", cause, tc.service, a["verdict"], a["cause"], a["service"], r.Text)
		}
		if claims := a["claims"].([]any); len(claims) == 0 || strings.Contains(r.Text, "%!") {
			t.Errorf("%s: %s", cause, r.Text)
		}
	}
}

// TestRanking: the statistics count, and what logs and the graph say against
// them counts too.
func TestRanking(t *testing.T) {
	t.Parallel()
	ranking := `{"id":"R","kind":"ranking","found":true,"suspects":[{"service":"api","cause":"cpu_saturation","score":0.85,"cites":["W"]},{"service":"db","cause":"unknown","score":0.2}]}`
	if a, _ := answer(t, "diagnosis_answer", observed(ranking)); a["verdict"] != "probable" || a["service"] != "api" || a["cause"] != "cpu_saturation" {
		t.Errorf("with nothing against it: %v", a)
	}
	// The graph says that web does not depend on what is suspected.
	elsewhere := strings.ReplaceAll(ranking, `"api"`, `"billing"`)
	edge := `{"id":"G2","kind":"topology","found":true,"edges":[{"from":"billing","to":"ledger"}]}`
	if a, _ := answer(t, "diagnosis_answer", observed(elsewhere, edge)); a["verdict"] == "probable" {
		t.Errorf("what web does not depend on: %v", a)
	}
	// Locks in the database explain why api waits.
	locks := loadLine("db", `{"average":14,"peak":20,"cpus":4,"waits":[{"name":"Lock:tuple","load":13}]}`)
	deadlock := logLine("db", "ERROR: deadlock detected")
	a, r := answer(t, "diagnosis_answer", observed(strings.ReplaceAll(ranking, "0.85", "0.6"), locks, deadlock))
	if a["service"] != "db" || a["cause"] != "lock_contention" || !strings.Contains(r.Text, `"contradicts":["`) {
		t.Errorf("logs say otherwise: %s", r.Text)
	}
}
