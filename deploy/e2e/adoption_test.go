package e2e_test

import (
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"vigil/deploy/e2e/harness"
	"vigil/deploy/processes"
	"vigil/workflows/event"
	"vigil/workflows/incident"
)

// TestConnectYourOwn follows the README's section of that name to the letter:
// its command starts Vigil, its stanza goes into Alertmanager's configuration.
// Only addresses are replaced, because the test has no right to the usual
// ones, and times are shortened through the environment. A real Prometheus and
// a real Alertmanager watch a small program, one part of which degrades.
func TestConnectYourOwn(t *testing.T) {
	sideBySide(t)
	promBin, amBin := program(t, "prometheus"), program(t, "prometheus-alertmanager", "alertmanager")
	command, stanza := connectYourOwn(t)

	shop := &degrading{slow: func() bool { return false }}
	targets := shop.serve(t)
	promAddr, amAddr := freeAddr(t), freeAddr(t)

	v := harness.Prepare(t, harness.Options{})
	command = strings.ReplaceAll(command, "127.0.0.1:9090", promAddr)
	args := strings.Fields(command)
	if len(args) < 5 || strings.Join(args[:5], " ") != "go tool task dev --" {
		t.Fatalf("the README's command is %q; the test knows what `go tool task dev --` runs", command)
	}
	spec := v.AllInOne()
	spec.Args = append(spec.Args, args[5:]...)
	spec.Env = append(spec.Env, "VIGIL_LOOKBACK=60s", "AWS_ACCESS_KEY_ID=", "AWS_SECRET_ACCESS_KEY=", "AWS_EC2_METADATA_DISABLED=true")

	dir := t.TempDir()
	write(t, filepath.Join(dir, "rules.yml"), `groups:
- name: shop
  interval: 1s
  rules:
  - alert: WebIsSlow
    expr: histogram_quantile(0.95, sum by (le, service) (rate(http_request_duration_seconds_bucket{service="web"}[5s]))) > 0.25
    for: 3s
    labels: {severity: critical}
    annotations: {summary: "web answers slowly"}
`)
	write(t, filepath.Join(dir, "prometheus.yml"), fmt.Sprintf(`global: {scrape_interval: 1s, evaluation_interval: 1s}
rule_files: [%s]
alerting: {alertmanagers: [{static_configs: [{targets: [%q]}]}]}
scrape_configs: [{job_name: shop, static_configs: [{targets: [%q]}]}]
`, filepath.Join(dir, "rules.yml"), amAddr, targets))
	write(t, filepath.Join(dir, "alertmanager.yml"), strings.ReplaceAll(stanza, "127.0.0.1:8080", v.GatewayAddr)+`
route: {receiver: vigil, group_by: [alertname, service], group_wait: 1s, group_interval: 2s, repeat_interval: 1h}
`)
	serve(t, promBin, "--config.file="+filepath.Join(dir, "prometheus.yml"), "--storage.tsdb.path="+filepath.Join(dir, "data"), "--web.listen-address="+promAddr, "--log.level=warn")
	serve(t, amBin, "--config.file="+filepath.Join(dir, "alertmanager.yml"), "--storage.path="+filepath.Join(dir, "am"), "--web.listen-address="+amAddr, "--cluster.listen-address=", "--log.level=warn")
	v.Run(spec)
	a := api{t: t, gateway: v.GatewayURL(), sandbox: ""}
	eventually(t, 90*time.Second, "Vigil is ready", func() (string, bool) {
		status, text := a.call(http.MethodGet, v.GatewayURL()+"/api/v1/incidents", nil, nil)
		return text, status == http.StatusOK
	})
	eventually(t, 60*time.Second, "Prometheus has seen normal operation", func() (string, bool) {
		var answer struct {
			Data struct {
				Result []struct {
					Values [][]any `json:"values"`
				} `json:"result"`
			} `json:"data"`
		}
		now := time.Now().Unix()
		_, text := a.call(http.MethodGet, fmt.Sprintf("http://%s/api/v1/query_range?query=up&start=%d&end=%d&step=1", promAddr, now-120, now), nil, &answer)
		return text[:min(len(text), 300)], len(answer.Data.Result) > 0 && len(answer.Data.Result[0].Values) >= 40
	})

	began := time.Now()
	shop.degrade(func() bool { return time.Now().After(began) })
	opened := a.opened(45 * time.Second)
	view := a.reaches(opened.IncidentID, 60*time.Second, "a diagnosis", func(v event.View) bool { return v.Diagnosis != nil })
	t.Logf("%s after the degradation began: %s", time.Since(began).Round(time.Second), view.Diagnosis.Summary)
	if len(view.Diagnosis.Hypotheses) == 0 || view.Diagnosis.Hypotheses[0].Service != "inventory" {
		t.Errorf("the degraded part is inventory; named were %+v\n%+v", view.Diagnosis.Hypotheses, view.Diagnosis)
	}
	if view.Diagnosis.Verdict == incident.VerdictProbable && view.Diagnosis.Service != "inventory" {
		t.Errorf("diagnosed %s in %s", view.Diagnosis.Cause, view.Diagnosis.Service)
	}
	if view.Service != "web" || view.Cost.ModelCalls != 0 || view.Action != nil || view.Origin != incident.OriginLive {
		t.Errorf("service %s, %d model calls, action %+v, %s", view.Service, view.Cost.ModelCalls, view.Action, view.Origin)
	}
}

// connectYourOwn reads the section's command and stanza from the README.
func connectYourOwn(t *testing.T) (command, stanza string) {
	t.Helper()
	raw, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, ok := strings.Cut(string(raw), "\n## Connect your own\n")
	if !ok {
		t.Fatal("the README has no section \"Connect your own\"")
	}
	section, _, _ = strings.Cut(section, "\n## ")
	block := func(lang string) string {
		m := regexp.MustCompile("(?s)```" + lang + "\n(.*?)```").FindStringSubmatch(section)
		if m == nil {
			t.Fatalf("the section has no %s block", lang)
		}
		return strings.TrimSpace(m[1])
	}
	return block("sh"), block("yaml")
}

// degrading is a program of three parts: web calls cart, cart calls inventory.
// Each says what it does as programs commonly do.
type degrading struct {
	mu   sync.Mutex
	slow func() bool
}

func (d *degrading) degrade(slow func() bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.slow = slow
}

func (d *degrading) isSlow() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.slow()
}

func (d *degrading) serve(t *testing.T) string {
	reg := prometheus.NewRegistry()
	seconds := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "http_request_duration_seconds", Help: "Duration of requests.",
		Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5}}, []string{"service", "code"})
	edges := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "traces_service_graph_request_total", Help: "Requests between services."}, []string{"client", "server"})
	reg.MustRegister(seconds, edges)
	server := httptest.NewServer(promhttp.HandlerFor(reg, promhttp.HandlerOpts{}))
	t.Cleanup(server.Close)
	done := make(chan struct{})
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		r := rand.New(rand.NewPCG(1, 2))
		tick := time.NewTicker(20 * time.Millisecond) // fifty requests a second
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
			}
			own := func(mean float64) float64 { return mean * (0.7 + 0.6*r.Float64()) }
			inventory := own(0.02)
			code := "200"
			if d.isSlow() {
				if inventory = own(0.6); r.IntN(5) == 0 {
					code = "500"
				}
			}
			cart := inventory + own(0.015)
			web := cart + own(0.02)
			seconds.WithLabelValues("inventory", code).Observe(inventory)
			seconds.WithLabelValues("cart", code).Observe(cart)
			seconds.WithLabelValues("web", code).Observe(web)
			seconds.WithLabelValues("search", "200").Observe(own(0.03))
			edges.WithLabelValues("web", "cart").Inc()
			edges.WithLabelValues("cart", "inventory").Inc()
			edges.WithLabelValues("web", "search").Inc()
		}
	}()
	t.Cleanup(func() { close(done); <-stopped })
	return server.Listener.Addr().String()
}

// program finds a program by one of its names.
func program(t *testing.T, names ...string) string {
	t.Helper()
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Fatalf("%s is not installed; `apt-get install prometheus prometheus-alertmanager` brings it, as continuous integration does", names[0])
	return ""
}

// serve runs a program until the test ends.
func serve(t *testing.T, path string, args ...string) {
	t.Helper()
	log, err := os.Create(filepath.Join(t.TempDir(), filepath.Base(path)+".log"))
	if err != nil {
		t.Fatal(err)
	}
	p, err := processes.Start(processes.Spec{Name: filepath.Base(path), Path: path, Args: args}, log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = p.Kill()
		if raw, err := os.ReadFile(log.Name()); err == nil && t.Failed() {
			t.Logf("%s said:\n%s", filepath.Base(path), raw[:min(len(raw), 4000)])
		}
		log.Close()
	})
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func freeAddr(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
