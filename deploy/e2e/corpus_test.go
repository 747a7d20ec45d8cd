package e2e_test

import (
	"bytes"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"vigil/deploy/e2e/harness"
	"vigil/gateway/intake"
	"vigil/workflows/event"
	"vigil/workflows/incident"
)

// TestTenSimultaneousPosts sends every payload of the corpus ten times at
// once, as senders do that never saw our answer: each is answered 2xx, no
// correlation key gets two incidents, and no alert is counted twice. Those of
// SNS are of topics that are not the sandbox's, so none of them is believed.
func TestTenSimultaneousPosts(t *testing.T) {
	sideBySide(t)
	root := os.Getenv("VIGIL_TESTDATA")
	if root == "" {
		root = filepath.Join("..", "..", "..", "shared", "data")
	}
	if _, err := os.Stat(filepath.Join(root, "payloads")); err != nil {
		t.Skipf("no corpus at %s; set VIGIL_TESTDATA", root)
	}
	v := harness.Start(t, harness.Options{Tick: time.Second, WorkerArgs: quick})
	a := api{t: t, gateway: v.GatewayURL(), sandbox: v.SandboxURL()}
	posted := 0
	for _, source := range []struct {
		glob, path, contentType string
		refused                 bool
	}{
		{"payloads/alertmanager-live-0.34.2/*.json", "alertmanager", "application/json", false},
		{"payloads/alertmanager-prom2teams/*.json", "alertmanager", "application/json", false},
		{"payloads/alerta-webhooks/alerta-prometheus_*.json", "alertmanager", "application/json", false},
		{"payloads/aws-sns-cloudwatch/*.json", "sns", "text/plain; charset=UTF-8", true},
		{"payloads/cloudevents/*.json", "cloudevents", "application/cloudevents+json", false},
	} {
		files, err := filepath.Glob(filepath.Join(root, source.glob))
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %d files, %v", source.glob, len(files), err)
		}
		for _, file := range files {
			body, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			before := ids(a.incidents())
			var wg sync.WaitGroup
			for range 10 {
				wg.Add(1)
				go func() {
					defer wg.Done()
					resp, err := http.Post(a.gateway+"/api/v1/alerts/"+source.path, source.contentType, bytes.NewReader(body))
					if err != nil {
						t.Error(err)
						return
					}
					defer resp.Body.Close()
					text, _ := io.ReadAll(resp.Body)
					if source.refused != (resp.StatusCode == http.StatusUnauthorized) || !source.refused && resp.StatusCode/100 != 2 {
						t.Errorf("%s: %d %s", filepath.Base(file), resp.StatusCode, text)
					}
				}()
			}
			wg.Wait()
			posted += 10
			a.settled()
			keys := map[string]string{}
			for id := range ids(a.incidents()) {
				if before[id] {
					continue
				}
				// The list follows the inbox: what a file before this one opened
				// may show only now.
				v := a.once(id, filepath.Base(file), keys)
				if source.refused && slices.ContainsFunc(v.Alerts, func(al incident.Alert) bool { return al.Source == intake.SourceSNS }) {
					t.Errorf("%s opened %s though it was not believed", filepath.Base(file), id)
				}
			}
		}
	}
	t.Logf("%d posts, %d incidents", posted, len(a.incidents()))
}

func ids(list []event.Summary) map[string]bool {
	out := map[string]bool{}
	for _, s := range list {
		out[s.IncidentID] = true
	}
	return out
}

// settled waits until nothing in the inbox waits to be read or dispatched.
func (a api) settled() {
	a.t.Helper()
	eventually(a.t, 30*time.Second, "the inbox is empty", func() (event.SystemHealthMetrics, bool) {
		var h event.SystemHealthMetrics
		a.must(http.MethodGet, a.gateway+"/api/v1/system/health", nil, &h)
		return h, h.InboxPending == 0
	})
}

// once holds that an incident has its key for itself, and each alert once.
func (a api) once(id, file string, keys map[string]string) event.View {
	a.t.Helper()
	v := a.reaches(id, 20*time.Second, "its alerts", func(v event.View) bool { return len(v.Alerts) > 0 })
	for _, alert := range v.Alerts {
		if other, taken := keys[alert.CorrelationKey]; taken && other != id {
			a.t.Errorf("%s: key %q has the incidents %s and %s", file, alert.CorrelationKey, other, id)
		}
		keys[alert.CorrelationKey] = id
	}
	seen := map[string]bool{}
	for _, e := range a.history(id) {
		d, err := e.Decode()
		if err != nil {
			a.t.Error(err)
		}
		if r, ok := d.(*event.AlertReceived); ok {
			what := strings.Join([]string{r.Alert.Fingerprint, string(r.Alert.Status), r.Alert.StartsAt.String()}, " ")
			if seen[what] {
				a.t.Errorf("%s: %s took the alert %s twice", file, id, what)
			}
			seen[what] = true
		}
	}
	return v
}
