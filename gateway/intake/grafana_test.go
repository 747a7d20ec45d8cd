package intake_test

import (
	"strings"
	"testing"
	"time"

	"vigil/gateway/intake"
	"vigil/workflows/incident"
)

func TestGrafanaUnified(t *testing.T) {
	res := mustParse(t, delivery(gf, fixture(t, "grafana_v1.json")))
	const key = `grafana:grafana.example:3:{}/{}:{alertname="Slow checkout"}`
	if len(res.Alerts) != 2 {
		t.Fatalf("%+v", res)
	}
	a := res.Alerts[0]
	if a.CorrelationKey != key || a.Fingerprint != "c6eadffa33fcdf37" || a.Status != incident.AlertFiring || a.Severity != "critical" || a.Service != "checkout" ||
		a.Title != "Slow checkout: p95 above 500 ms" || !strings.HasSuffix(a.Description, "Runbook: https://runbooks.example/slow") ||
		!a.StartsAt.Equal(time.Date(2026, 11, 23, 13, 51, 3, 157076e3, time.UTC)) {
		t.Errorf("%+v", a)
	}
	for name, want := range map[string]string{intake.GrafanaOrg: "3", intake.GrafanaValues: "B=644.23943737541908, C=1", intake.GrafanaDashboard: "https://grafana.example/d/shop",
		intake.GrafanaPanel: "https://grafana.example/d/shop?viewPanel=4", "alertname": "Slow checkout"} {
		if a.Labels[name] != want {
			t.Errorf("label %s is %q, want %q", name, a.Labels[name], want)
		}
	}
	if !strings.HasPrefix(a.Labels[intake.GrafanaSilence], "https://grafana.example/alerting/silence/") {
		t.Errorf("silence %q", a.Labels[intake.GrafanaSilence])
	}
	b := res.Alerts[1]
	if b.CorrelationKey != key || b.Status != incident.AlertResolved || b.Severity != "medium" || b.EndsAt.IsZero() {
		t.Errorf("%+v", b)
	}

	noData := mustParse(t, delivery(gf, fixture(t, "grafana_nodata.json"))).Alerts[0]
	if noData.Status != incident.AlertFiring || noData.Title != "DatasourceNoData: Slow checkout" || noData.CorrelationKey != "grafana:grafana.example:1:{}:{}" {
		t.Errorf("%+v", noData)
	}
	// Without an orgId it is an Alertmanager behind Grafana: the same group.
	plain := strings.Replace(fixture(t, "grafana_v1.json"), `"orgId": 3,`, ``, 1)
	direct := mustParse(t, delivery(am, plain)).Alerts[0]
	if got := mustParse(t, delivery(gf, plain)).Alerts[0]; got.CorrelationKey != direct.CorrelationKey || got.Fingerprint != direct.Fingerprint {
		t.Errorf("key %q by Grafana, %q by Alertmanager", got.CorrelationKey, direct.CorrelationKey)
	}
}

func TestGrafanaLegacyStates(t *testing.T) {
	body := fixture(t, "grafana_legacy_nodata.json")
	for state, want := range map[string]incident.AlertStatus{"alerting": incident.AlertFiring, "OK": incident.AlertResolved} {
		a := mustParse(t, delivery(gf, strings.Replace(body, `"no_data"`, `"`+state+`"`, 1))).Alerts[0]
		if a.Status != want || a.CorrelationKey != "grafana:grafana.example:rule:12" || a.Severity != "critical" || a.Title != "Requests" || !a.StartsAt.IsZero() ||
			!strings.Contains(a.Description, "Requests stopped") || a.Labels[intake.GrafanaRule] != "12" {
			t.Errorf("state %s: %+v", state, a)
		}
	}
	for _, state := range []string{"no_data", "pending", "paused"} {
		res := mustParse(t, delivery(gf, strings.Replace(body, `"no_data"`, `"`+state+`"`, 1)))
		if len(res.Alerts) != 0 || !strings.Contains(res.Note, "in state "+state+", which neither opens a problem nor ends one") {
			t.Errorf("state %s: %+v", state, res)
		}
	}
	wantInvalid(t, second(intake.Parse(delivery(gf, strings.Replace(body, `"no_data"`, `"odd"`, 1)))), `in state "odd"`)
	wantInvalid(t, second(intake.Parse(delivery(gf, `{"title":"x","state":"alerting"}`))), "holds no alerts")
	// What the series agree on is a label; the rule's own tags go before.
	a := mustParse(t, delivery(gf, `{"ruleId":0,"ruleName":"R","state":"alerting","tags":{"team":"a"},"evalMatches":[
		{"metric":"m","value":1.50,"tags":{"job":"web","instance":"1","team":"b"}},{"metric":"n","value":2,"tags":{"job":"web","instance":"2","team":"b"}}]}`)).Alerts[0]
	if a.CorrelationKey != "grafana::rule:R" || a.Service != "web" || a.Labels["instance"] != "" || a.Labels["team"] != "a" || a.Labels[intake.GrafanaValues] != "m=1.50, n=2" {
		t.Errorf("%+v", a)
	}
}

// The traps that real webhooks of Alertmanager hold, each by itself.
func TestAlertmanagerTraps(t *testing.T) {
	const alert = `{"status":"firing","labels":{"alertname":"A"},"fingerprint":"01"}`
	read := func(body string) []incident.Alert { return mustParse(t, delivery(am, body)).Alerts }
	plain := read(`{"version":"4","groupKey":"k","alerts":[` + alert + `]}`)[0]
	for name, body := range map[string]string{
		"notification_reason is new":      `{"version":"4","groupKey":"k","notification_reason":"first notification","alerts":[` + alert + `]}`,
		"nothing truncated":               `{"version":"4","groupKey":"k","truncatedAlerts":0,"alerts":[` + alert + `]}`,
		"truncatedAlerts is null":         `{"version":"4","groupKey":"k","truncatedAlerts":null,"alerts":[` + alert + `]}`,
		"another version":                 `{"version":"1","groupKey":"k","alerts":[` + alert + `]}`,
		"empty values":                    `{"version":"4","groupKey":"k","status":"","receiver":"","alerts":[{"status":"firing","labels":{"alertname":"A","severity":"","service":""},"annotations":{"summary":""},"startsAt":"","endsAt":"","fingerprint":"01"}]}`,
		"null for what may be left out":   `{"version":"4","groupKey":"k","commonLabels":null,"alerts":[{"status":"firing","labels":{"alertname":"A","x":null},"annotations":null,"startsAt":null,"fingerprint":"01"}]}`,
		"status only of the group":        `{"version":"4","groupKey":"k","status":"firing","alerts":[{"labels":{"alertname":"A"},"fingerprint":"01"}]}`,
		"no time is the first of January": `{"version":"4","groupKey":"k","alerts":[{"status":"firing","labels":{"alertname":"A"},"startsAt":"0001-01-01T00:00:00Z","fingerprint":"01"}]}`,
	} {
		if got := read(body)[0]; got.ContentKey() != plain.ContentKey() || got.Severity != "" || got.Service != "" || got.Title != "A" {
			t.Errorf("%s: %+v\nwant %+v", name, got, plain)
		}
	}
	if got := read(`{"groupKey":"k","truncatedAlerts":5,"alerts":[` + alert + `]}`)[0]; got.Labels[intake.TruncatedAlerts] != "5" {
		t.Errorf("truncated: %v", got.Labels)
	}
	// One group, one problem; each member says itself how it is.
	mixed := read(`{"groupKey":"k","status":"firing","alerts":[` + alert + `,{"status":"resolved","labels":{"alertname":"A","i":"2"},"fingerprint":"02"}]}`)
	if mixed[0].Status != incident.AlertFiring || mixed[1].Status != incident.AlertResolved || mixed[0].CorrelationKey != mixed[1].CorrelationKey {
		t.Errorf("mixed: %+v", mixed)
	}
	// Version 3 has a number for a key and no fingerprints.
	v3 := read(`{"version":"3","groupKey":5615590933959184469,"groupLabels":{"alertname":"A"},"alerts":[{"status":"firing","labels":{"alertname":"A"}}]}`)[0]
	if v3.CorrelationKey != `{}:{alertname="A"}` || len(v3.Fingerprint) != 16 {
		t.Errorf("version 3: %+v", v3)
	}
}
