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
	fmt.Fprintf(&b, "\nVigil is ready after %s.\n\n", took.Round(100*time.Millisecond))
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	row := func(what, where string) { fmt.Fprintf(t, "  %s\t%s\n", what, where) }
	row("Dashboards", a.dashboards())
	row("API", "http://"+a.cfg.gatewayAddr+"/api/v1/openapi.json")
	if a.temporal == nil {
		row("Temporal", a.cfg.temporalAddress+" (TEMPORAL_ADDRESS is set, so none is embedded)")
	} else {
		row("Temporal", a.temporal.Addr())
		if ui := a.temporal.UIAddr(); ui != "" {
			row("Temporal web UI", "http://"+ui)
		}
	}
	if a.sandbox != nil {
		row("AWS sandbox", a.sandbox.URL()+"/_world")
	}
	if len(a.cfg.told.Worker) > 0 {
		row("Who was told", a.sandbox.URL()+"/_told")
	}
	row("State", a.cfg.stateDir)
	_ = t.Flush() // a strings.Builder takes everything
	b.WriteString("\nTry next, in another terminal:\n" + a.suggestions())
	b.WriteString("\nCtrl-C stops.\n\n")
	return b.String()
}

// readyLine is the banner of a part that runs alone.
func (a *app) readyLine(took time.Duration) string {
	where := ""
	switch a.cfg.only {
	case partTemporal:
		where = a.temporal.Addr()
		if ui := a.temporal.UIAddr(); ui != "" {
			where += ", web UI on http://" + ui
		}
	case partNATS:
		where = a.nats.URL()
	case partSandbox:
		where = a.sandbox.URL()
	}
	return fmt.Sprintf("%s is ready after %s on %s\n", a.cfg.only, took.Round(100*time.Millisecond), where)
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
	tctl := "go tool task tctl --"
	switch {
	case a.temporal == nil:
		tctl += " --address " + a.cfg.temporalAddress
	case a.temporal.Addr() != defaultTemporalAddr:
		tctl += " --address " + a.temporal.Addr()
	}
	fault := `
  A fault in the sandbox; its own alarm opens an incident:
    go tool task incident
`
	if a.sandbox == nil {
		fault = ""
	}
	return fault + fmt.Sprintf(`
  An alert as Alertmanager sends it:
    curl -sS http://%s/api/v1/alerts/alertmanager -H 'Content-Type: application/json' -d '%s'

  An incident by hand:
    %s workflow start --taskqueue incidents --workflow_type IncidentWorkflow \
      --workflow_id demo-1 --input '{"title":"Checkout is slow","service":"checkout","severity":"high"}'
`, a.cfg.gatewayAddr, exampleAlert(time.Now()), tctl)
}

// exampleAlert is a webhook of Alertmanager (version 4) about now.
func exampleAlert(now time.Time) string {
	return fmt.Sprintf(`{"version":"4","groupKey":"{}:{alertname=\"HighLatency\"}","status":"firing","receiver":"vigil","alerts":[{"status":"firing","labels":{"alertname":"HighLatency","service":"checkout","severity":"critical"},"annotations":{"summary":"Checkout is slow"},"startsAt":"%s","endsAt":"0001-01-01T00:00:00Z","fingerprint":"c0ffee0000000001"}]}`,
		now.UTC().Format(time.RFC3339))
}
