package prometheus_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// world is a real Prometheus that scrapes programs of the test. What the
// programs count depends on how often they were scraped and on nothing else.
type world struct {
	url      string
	started  time.Time
	degraded time.Time
	ended    time.Time
}

const (
	scrapes  = 12 // in each half: normal, then degraded
	interval = "250ms"
)

var theWorld struct {
	once sync.Once
	world
	err error
}

// binary is the Prometheus to test against; "" where there is none.
func binary() string {
	if bin := os.Getenv("PROMETHEUS_BIN"); bin != "" {
		return bin
	}
	bin, err := exec.LookPath("prometheus")
	if err != nil {
		return ""
	}
	return bin
}

// mustWorld lets both halves pass once, for all tests of the package.
func mustWorld(t *testing.T) world {
	t.Helper()
	bin := binary()
	if bin == "" {
		t.Skip("no prometheus on PATH; install one (Debian: apt-get install prometheus), or name it in PROMETHEUS_BIN")
	}
	theWorld.once.Do(func() { theWorld.world, theWorld.err = run(bin) })
	if theWorld.err != nil {
		t.Fatal(theWorld.err)
	}
	return theWorld.world
}

var cleanups []func()

func TestMain(m *testing.M) {
	code := m.Run()
	for i := len(cleanups) - 1; i >= 0; i-- {
		cleanups[i]()
	}
	os.Exit(code)
}

func run(bin string) (world, error) {
	w := world{started: time.Now()}
	halves := make(chan struct{}, 2)
	var mu sync.Mutex
	counts := map[string]int{}
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		name := strings.TrimPrefix(r.URL.Path, "/")
		counts[name]++
		n := counts[name]
		if name == "checkout" && (n == scrapes || n == 2*scrapes) {
			if n == scrapes {
				w.degraded = time.Now()
			}
			halves <- struct{}{}
		}
		if program, ok := programs[name]; ok {
			program(rw, n, max(0, n-scrapes))
		}
	}))
	cleanups = append(cleanups, server.Close)

	dir, err := os.MkdirTemp("", "prometheus")
	if err != nil {
		return w, err
	}
	cleanups = append(cleanups, func() { _ = os.RemoveAll(dir) })
	config := fmt.Sprintf("global: {scrape_interval: %s, scrape_timeout: %s}\nscrape_configs:\n", interval, interval)
	for name := range programs {
		config += fmt.Sprintf("- job_name: %s\n  metrics_path: /%s\n  honor_labels: true\n  static_configs:\n  - targets: [%q]\n    labels: %s\n",
			name, name, strings.TrimPrefix(server.URL, "http://"), targetLabels[name])
	}
	if err := os.WriteFile(filepath.Join(dir, "prometheus.yml"), []byte(config), 0o600); err != nil {
		return w, err
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return w, err
	}
	address := free.Addr().String()
	if err := free.Close(); err != nil {
		return w, err
	}
	ctx, stop := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, bin, "--config.file="+filepath.Join(dir, "prometheus.yml"), "--storage.tsdb.path="+filepath.Join(dir, "data"),
		"--web.listen-address="+address, "--log.level=error", "--web.console.libraries="+dir, "--web.console.templates="+dir)
	var log strings.Builder
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		stop()
		return w, err
	}
	exited := make(chan error, 1)
	go func() { exited <- cmd.Wait() }()
	cleanups = append(cleanups, func() { stop(); <-exited })
	w.url = "http://" + address
	for range 2 {
		select {
		case <-halves:
		case err := <-exited:
			exited <- err
			return w, fmt.Errorf("prometheus ended: %v\n%s", err, log.String())
		case <-time.After(time.Minute):
			return w, fmt.Errorf("prometheus does not scrape\n%s", log.String())
		}
	}
	mu.Lock()
	defer mu.Unlock()
	w.ended = time.Now()
	return w, nil
}
