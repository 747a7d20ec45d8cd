package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"
)

// banner is what is printed once everything runs: where things are, and what
// to type next.
func (a *app) banner(took time.Duration) string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n%s is ready after %s.\n\n", a.title(), took.Round(100*time.Millisecond))
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	row := func(what, where string) { fmt.Fprintf(t, "  %s\t%s\n", what, where) }
	if a.cfg.only == "" {
		row("Dashboards", a.dashboards())
		row("API", "http://"+a.cfg.gatewayAddr+"/api/v1/openapi.json")
	}
	switch {
	case a.temporal != nil:
		row("Temporal", a.temporal.Addr())
		if ui := a.temporal.UIAddr(); ui != "" {
			row("Temporal web UI", "http://"+ui)
		}
	case a.cfg.only == "":
		row("Temporal", a.cfg.temporalAddress+" (TEMPORAL_ADDRESS is set, so none is embedded)")
	}
	if a.cfg.only == partNATS {
		row("NATS", a.nats.URL())
	}
	if a.sandbox != nil {
		row("AWS sandbox", a.sandbox.URL()+"/_world")
	}
	row("State", a.cfg.stateDir)
	_ = t.Flush() // a strings.Builder takes everything
	if a.cfg.only == "" {
		b.WriteString(a.suggestions())
	}
	b.WriteString("\nCtrl-C stops.\n\n")
	return b.String()
}

func (a *app) title() string {
	if a.cfg.only != "" {
		return a.cfg.only.name()
	}
	return "Vigil"
}

func (a *app) dashboards() string {
	url := "http://" + a.cfg.gatewayAddr + "/ops"
	if _, err := os.Stat(filepath.Join(a.cfg.webDir, "index.html")); err != nil {
		return url + " (not built: go tool task build)"
	}
	return url
}

// suggestions can be pasted into another terminal as they are.
func (a *app) suggestions() string {
	temporal := a.cfg.temporalAddr
	if a.temporal == nil {
		temporal = a.cfg.temporalAddress
	}
	return fmt.Sprintf(`
Try next, in another terminal:

  A fault in the sandbox; its own alarm opens an incident:
    go tool task incident

  An alert as Alertmanager sends it:
    curl -sS http://%s/api/v1/alerts/alertmanager -H 'Content-Type: application/json' -d '%s'

  An incident by hand:
    go tool task tctl -- --address %s workflow start --taskqueue incidents --workflow_type IncidentWorkflow \
      --workflow_id demo-1 --input '{"title":"Checkout is slow","service":"checkout","severity":"high"}'
`, a.cfg.gatewayAddr, exampleAlert(time.Now()), temporal)
}

// exampleAlert is a webhook of Alertmanager (version 4) about now.
func exampleAlert(now time.Time) string {
	return fmt.Sprintf(`{"version":"4","groupKey":"{}:{alertname=\"HighLatency\"}","status":"firing","receiver":"vigil","alerts":[{"status":"firing","labels":{"alertname":"HighLatency","service":"checkout","severity":"critical"},"annotations":{"summary":"Checkout is slow"},"startsAt":"%s","endsAt":"0001-01-01T00:00:00Z","fingerprint":"c0ffee0000000001"}]}`,
		now.UTC().Format(time.RFC3339))
}
