package intake_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"vigil/gateway/intake"
	"vigil/workflows/incident"
)

func TestPagerDuty(t *testing.T) {
	body := fixture(t, "pagerduty_triggered.json")
	const id = "Q1EXAMPLE000AB"
	triggered := mustParse(t, delivery(pd, body))
	wantSaid(t, triggered, said{id, "Checkout is slow", "Checkout", "firing", "low", at("14:02:11")})
	if l := triggered.Alerts[0].Labels; l["incident_key"] != "slow-checkout" || l["teams"] != "Shop" || l["incident_number"] != "12" {
		t.Errorf("labels %v", l)
	}
	event := func(kind, status string) string {
		return strings.NewReplacer("incident.triggered", kind, `"status": "triggered"`, `"status": "`+status+`"`, "14:02:11.458", "14:20:00").Replace(body)
	}
	for kind, c := range map[string]struct {
		status string
		want   incident.AlertStatus
		news   bool // it says something new of the member
	}{
		"incident.acknowledged":     {"acknowledged", "firing", false},
		"incident.unacknowledged":   {"triggered", "firing", false},
		"incident.escalated":        {"triggered", "firing", false},
		"incident.reassigned":       {"acknowledged", "firing", false},
		"incident.delegated":        {"triggered", "firing", false},
		"incident.priority_updated": {"triggered", "firing", true},
		"incident.reopened":         {"triggered", "firing", true},
		"incident.resolved":         {"resolved", "resolved", true},
		// A reassignment that is told of too late must not open it again.
		"incident.service_updated": {"resolved", "resolved", true},
	} {
		a := mustParse(t, delivery(pd, event(kind, c.status))).Alerts[0]
		if a.Status != c.want || a.CorrelationKey != id || a.Fingerprint != triggered.Alerts[0].Fingerprint || (a.ContentKey() != triggered.Alerts[0].ContentKey()) != c.news {
			t.Errorf("%s: %+v", kind, a)
		}
		if a.Status == incident.AlertResolved && !a.EndsAt.Equal(at("14:20:00")) {
			t.Errorf("%s ends at %v", kind, a.EndsAt)
		}
	}
	for name, want := range map[string]incident.Severity{"P1": "critical", "SEV-2": "high", "Medium": "medium", "P5": "low", "House rule": "low"} {
		a := mustParse(t, delivery(pd, strings.Replace(body, `"priority": null`, `"priority": {"summary": "`+name+`"}`, 1))).Alerts[0]
		if a.Severity != want {
			t.Errorf("priority %s: %q, want %q", name, a.Severity, want)
		}
	}
	for body, words := range map[string]string{
		fixture(t, "pagerduty_annotated.json"): `"Checkout is slow", by "Ann Example". Looking at the database`,
		`{"event":{"event_type":"pagey.ping","data":{"message":"Hello from your friend Pagey!","type":"ping"}}}`:                                       "tries this webhook",
		`{"event":{"event_type":"service.updated","agent":null,"data":{"id":"P1","type":"service","summary":"API"}}}`:                                  `service.updated about "API"`,
		`{"event":{"event_type":"incident.responder.added","data":{"type":"incident_responder","incident":{"id":"Q1"},"message":"Please help"}}}`:      "Please help",
		`{"event":{"event_type":"incident.status_update_published","data":{"type":"incident_status_update","incident":{"id":"Q1"},"message":"Soon"}}}`: "Soon",
	} {
		res := mustParse(t, delivery(pd, body))
		if len(res.Alerts) != 0 || !strings.Contains(res.Note, words) {
			t.Errorf("%+v, want a note with %q", res, words)
		}
	}
	for body, words := range map[string]string{
		`{"messages":[{"event":"incident.trigger"}]}`: "version 1 or 2",
		`{"a":1}`: "no PagerDuty webhook",
		`{"event":{"event_type":"incident.triggered","data":{"type":"incident"}}}`: "without the id",
		`{"event":{"event_type":"incident.triggered","data":"incident"}}`:          "JSON string at event.data",
	} {
		wantInvalid(t, second(intake.Parse(delivery(pd, body))), words)
	}
}

func TestPagerDutyEvents(t *testing.T) {
	const secret = "0123456789abcdef0123456789abcdef"
	body := fixture(t, "pagerduty_events_trigger.json")
	key := intake.EventsDedupKey([]byte(body))
	if len(key) != 32 || intake.EventsRoutingKey([]byte(body)) != secret {
		t.Fatalf("dedup key %q, routing key %q", key, intake.EventsRoutingKey([]byte(body)))
	}
	res := mustParse(t, delivery(pe, body))
	wantSaid(t, res, said{key, "Checkout is slow on web-1", "checkout", "firing", "high", at("14:02:10").Add(315 * time.Millisecond)})
	for name, want := range map[string]string{"source": "web-1.shop.example", "component": "nginx", "group": "shop", "class": "latency", "p95": "644.50",
		"id": "12345678901234567890", "client": "Monitoring Service", "echo": "sent with [routing key]"} {
		if got := res.Alerts[0].Labels[name]; got != want {
			t.Errorf("label %s is %q, want %q", name, got, want)
		}
	}
	if d := res.Alerts[0].Description; d != "Runbook https://runbooks.example/slow\nLatency https://grafana.example/" {
		t.Errorf("description %q", d)
	}
	if other := intake.EventsDedupKey([]byte(strings.Replace(body, "644.50", "644.51", 1))); other == key {
		t.Error("another trigger has the same key")
	}

	keyed := strings.Replace(body, `"event_action"`, `"dedup_key":"slow-checkout","event_action"`, 1)
	fired := mustParse(t, delivery(pe, keyed)).Alerts[0]
	over := mustParse(t, delivery(pe, `{"routing_key":"`+secret+`","dedup_key":"slow-checkout","event_action":"resolve"}`)).Alerts[0]
	if fired.CorrelationKey != "slow-checkout" || over.CorrelationKey != fired.CorrelationKey || over.Fingerprint != fired.Fingerprint || over.Status != incident.AlertResolved {
		t.Errorf("%+v\nand\n%+v", fired, over)
	}
	for word, want := range map[string]incident.Severity{"critical": "critical", "error": "high", "warning": "medium", "info": "low", "odd": ""} {
		if got := mustParse(t, delivery(pe, strings.Replace(body, `"error"`, `"`+word+`"`, 1))).Alerts[0].Severity; got != want {
			t.Errorf("severity %s: %q, want %q", word, got, want)
		}
	}
	for body, words := range map[string]string{
		fixture(t, "pagerduty_events_change.json"):                                         "Change: Deployed checkout 2.4",
		`{"routing_key":"` + secret + `","dedup_key":"slow","event_action":"acknowledge"}`: `acknowledged the event "slow"`,
	} {
		res := mustParse(t, delivery(pe, body))
		if len(res.Alerts) != 0 || !strings.Contains(res.Note, words) || strings.Contains(res.Note, secret) {
			t.Errorf("%+v, want a note with %q", res, words)
		}
	}
	for body, words := range map[string]string{
		`{"event_action":"resolve"}`:                              "no dedup_key",
		`{"event_action":"acknowledge","dedup_key":" "}`:          "no dedup_key",
		`{"event_action":"trigger"}`:                              `no "payload"`,
		`{"routing_key":"x"}`:                                     `no "payload"`,
		`{"event_action":"explode","dedup_key":"k","payload":{}}`: `"explode"`,
		`{"event_action":"trigger","payload":"x"}`:                "JSON string at payload",
	} {
		wantInvalid(t, second(intake.Parse(delivery(pe, body))), words)
	}
	for body, want := range map[string]string{`{`: "", `{"event_action":"resolve"}`: "", fixture(t, "pagerduty_events_change.json"): "", `{"event_action":"resolve","dedup_key":"k"}`: "k"} {
		if got := intake.EventsDedupKey([]byte(body)); got != want {
			t.Errorf("dedup key of %.40s is %q, want %q", body, got, want)
		}
	}
	if got := intake.EventsRoutingKey([]byte(`{"routing_key":"a","Routing_Key":"b"}`)); got != "" {
		t.Errorf("of two routing keys %q counts", got)
	}
}

// The routing key is a secret, wherever its sender puts it.
func TestRoutingKeyIsKeptNowhere(t *testing.T) {
	const secret = "0123456789abcdef0123456789abcdef"
	body := strings.NewReplacer(`"event_action"`, `"dedup_key":"k `+secret+`","event_action"`, "Checkout is slow", secret, "web-1.shop.example", secret,
		`"p95"`, `"x `+secret+`"`, "https://runbooks.example/slow", "https://x/?key="+secret, "Monitoring Service", secret, `"checkout"`, `"`+secret+`"`).Replace(fixture(t, "pagerduty_events_trigger.json"))
	a := mustParse(t, delivery(pe, body)).Alerts[0]
	if all := fmt.Sprintf("%+v", a); strings.Contains(all, secret) {
		t.Errorf("the routing key is in %s", all)
	}
	if key := intake.EventsDedupKey([]byte(body)); key != a.CorrelationKey {
		t.Errorf("answered %q, read as %q", key, a.CorrelationKey)
	}
}

func TestDatadog(t *testing.T) {
	body := fixture(t, "datadog_payload.json")
	res := mustParse(t, delivery(dd, body))
	wantSaid(t, res, said{"datadog:42:1234", "Checkout errors", "checkout", "firing", "high", time.UnixMilli(1795442530000).UTC()})
	a := res.Alerts[0]
	for name, want := range map[string]string{"env": "prod", "team": "shop", "monitor": "true", "datadog_monitor": "1234", "datadog_transition": "Triggered", "datadog_host": "web-1"} {
		if a.Labels[name] != want {
			t.Errorf("label %s is %q, want %q", name, a.Labels[name], want)
		}
	}
	if !strings.Contains(a.Description, "![graph](https://img.example/g.png)") {
		t.Errorf("description %q is no plain text", a.Description)
	}
	// The default payload knows the monitor by its links and the rest by its title.
	over := mustParse(t, delivery(dd, fixture(t, "datadog_default.json")))
	wantSaid(t, over, said{"datadog:42:1234", "Checkout errors", "checkout", "resolved", "high", time.UnixMilli(1795442590000).UTC()})
	if b := over.Alerts[0]; b.Fingerprint != a.Fingerprint || strings.Contains(b.Description, "%%%") || b.EndsAt.IsZero() {
		t.Errorf("%+v\nis not the end of\n%+v", b, a)
	}
	for transition, want := range map[string]string{"Triggered": "firing", "Re-Triggered": "firing", "Warn": "firing", "Re-Warn": "firing", "No Data": "firing",
		"Re-No Data": "firing", "Renotify": "firing", "Recovered": "resolved"} {
		got := mustParse(t, delivery(dd, strings.Replace(body, `"Triggered"`, `"`+transition+`"`, 1))).Alerts[0]
		if string(got.Status) != want || got.CorrelationKey != a.CorrelationKey || got.Fingerprint != a.Fingerprint {
			t.Errorf("%s: %+v", transition, got)
		}
	}
	for name, c := range map[string]struct {
		body     string
		status   incident.AlertStatus
		severity incident.Severity
		key      string
	}{
		"variables in upper case, wrapped": {`{"title":"x","metadata":{"ALERT_ID":"7","ALERT_TRANSITION":"Warn","ORG_ID":"9"}}`, "firing", "medium", "datadog:9:7"},
		"nested alert":                     {`{"title":"x","alert":{"id":7,"transition":"Recovered","type":"success"}}`, "resolved", "", "datadog::7"},
		"no transition":                    {`{"title":"x","alert_id":"7","alert_type":"error"}`, "firing", "high", "datadog::7"},
		"not filled in":                    {`{"title":"[Warn] Queue","alert_id":"$ALERT_ID","alert_transition":"$ALERT_TRANSITION","priority":"$ALERT_PRIORITY"}`, "firing", "medium", "datadog::Queue"},
		"status is the transition":         {`{"title":"x","alert_id":"7","status":"Recovered"}`, "resolved", "", "datadog::7"},
		"a test":                           {`{"title":"[Triggered] [TEST] Host"}`, "firing", "", "datadog::[TEST] Host"},
		"priority of the title":            {`{"title":"[P1] [No Data on {host:a}] Host"}`, "firing", "critical", "datadog::Host"},
		"priority of the event":            {`{"title":"[Warn] Host","priority":"low"}`, "firing", "medium", "datadog::Host"},
		"tags in a list":                   {`{"title":"[Warn] Host","tags":["a:b","c"]}`, "firing", "medium", "datadog::Host"},
	} {
		got := mustParse(t, delivery(dd, c.body)).Alerts[0]
		if got.Status != c.status || got.Severity != c.severity || got.CorrelationKey != c.key {
			t.Errorf("%s: %+v", name, got)
		}
	}
	if res := mustParse(t, delivery(dd, `{"id":"1","title":"Somebody deployed","event_type":"event"}`)); len(res.Alerts) != 0 || !strings.Contains(res.Note, "no change of a monitor") {
		t.Errorf("%+v", res)
	}
	for body, words := range map[string]string{
		`{}`:  "neither a transition nor a title",
		`[1]`: "which is a JSON object",
		`{"alert_id":"7","alert_transition":"Exploded"}`: `transition "Exploded"`,
		`{"alert_transition":"Triggered"}`:               "names no monitor",
		`{"title":"a","title":"b"}`:                      "twice",
	} {
		wantInvalid(t, second(intake.Parse(delivery(dd, body))), words)
	}
	// However often a tag comes, a label stays what a label may be.
	many := `{"title":"[Warn] Host","tags":"` + strings.TrimSuffix(strings.Repeat("a:1,a:2,", 50_000), ",") + `"}`
	if got := mustParse(t, delivery(dd, many)).Alerts[0].Labels["a"]; len(got) > intake.MaxLabelValue {
		t.Errorf("a label of %d bytes", len(got))
	}
	form := delivery(dd, `payload=x`)
	form.ContentType = "application/x-www-form-urlencoded"
	wantInvalid(t, second(intake.Parse(form)), `leave "Encode as form" off`)
}

// What we tell people to paste is what we read.
func TestDatadogPayloadToPaste(t *testing.T) {
	values := map[string]string{"$ID": "1", "$EVENT_TYPE": "query_alert_monitor", "$EVENT_TITLE": "[P3] [Triggered on {host:a}] Load", "$TEXT_ONLY_MSG": "High", "$LAST_UPDATED": "1795442530000",
		"$LINK": "https://app.datadoghq.example/event", "$HOSTNAME": "a", "$TAGS": "service:web,host:a", "$AGGREG_KEY": "g", "$ALERT_ID": "99", "$ALERT_TITLE": "Load", "$ALERT_TRANSITION": "Triggered",
		"$ALERT_TYPE": "error", "$ALERT_PRIORITY": "P3", "$ALERT_SCOPE": "host:a", "$ALERT_METRIC": "system.load.1", "$ALERT_QUERY": "avg(last_5m)", "$ALERT_STATUS": "over", "$ORG_ID": "5", "$ORG_NAME": "Shop"}
	body := regexp.MustCompile(`\$[A-Z_]+`).ReplaceAllStringFunc(intake.DatadogPayload, func(name string) string {
		value, ok := values[name]
		if !ok {
			t.Errorf("the payload has %s, which this test does not know", name)
		}
		return value
	})
	res := mustParse(t, delivery(dd, body))
	wantSaid(t, res, said{"datadog:5:99", "Load", "web", "firing", "medium", time.UnixMilli(1795442530000).UTC()})
	for name, want := range map[string]string{"datadog_metric": "system.load.1", "datadog_query": "avg(last_5m)", "datadog_status": "over", "datadog_event": "1", "datadog_aggregation": "g", "datadog_scope": "host:a"} {
		if got := res.Alerts[0].Labels[name]; got != want {
			t.Errorf("label %s is %q, want %q", name, got, want)
		}
	}
	if res := mustParse(t, delivery(dd, strings.ReplaceAll(intake.DatadogPayload, "$EVENT_TITLE", "Trying the webhook"))); len(res.Alerts) != 0 {
		t.Errorf("a payload that was not filled in is an alert: %+v", res)
	}
}

func TestOpsgenie(t *testing.T) {
	body := fixture(t, "opsgenie_create.json")
	const id = "0a6e3c52-3d3f-4c55-9d2d-6b0f0e6b3e8e-1795442530123"
	created := time.UnixMilli(1795442530123).UTC()
	res := mustParse(t, delivery(og, body))
	wantSaid(t, res, said{id, "Checkout is slow", "checkout", "firing", "high", created})
	a := res.Alerts[0]
	for name, want := range map[string]string{"opsgenie_updated_at": "1502709956288000110", "opsgenie_tiny_id": "23", "opsgenie_alias": "slow-checkout", "shop": "true",
		"region": "eu-west-1", "Region": "a second name", "opsgenie_entity": "web-1", "priority": "P2"} {
		if a.Labels[name] != want {
			t.Errorf("label %s is %q, want %q", name, a.Labels[name], want)
		}
	}
	for action, c := range map[string]struct {
		want string
		news bool
	}{
		"Acknowledge": {"firing", false}, "UnAcknowledge": {"firing", false}, "UpdatePriority": {"firing", true}, "Close": {"resolved", true}, "Delete": {"resolved", true},
		"AddNote": {"", false}, "AddTags": {"", false}, "TakeOwnership": {"", false}, "TestAction": {"", false},
	} {
		res := mustParse(t, delivery(og, strings.Replace(body, `"Create"`, `"`+action+`"`, 1)))
		switch {
		case c.want == "" && (len(res.Alerts) > 0 || !strings.Contains(res.Note, "Opsgenie: "+action+" on alert "+id)):
			t.Errorf("%s: %+v, want a note", action, res)
		case c.want != "" && (string(res.Alerts[0].Status) != c.want || res.Alerts[0].Fingerprint != a.Fingerprint || (res.Alerts[0].ContentKey() != a.ContentKey()) != c.news):
			t.Errorf("%s: %+v", action, res)
		}
	}
	escalated := mustParse(t, delivery(og, fixture(t, "opsgenie_escalate.json")))
	wantSaid(t, escalated, said{id, "Opsgenie alert " + id + ": Escalate", "", "firing", "", time.Time{}})
	if b := escalated.Alerts[0]; b.Fingerprint != a.Fingerprint || b.Labels["opsgenie_escalation"] != "shop_escalation" {
		t.Errorf("%+v", b)
	}
	for priority, want := range map[string]incident.Severity{`"P1"`: "critical", `"P3"`: "medium", `"P5"`: "low", `3`: "medium", `null`: ""} {
		if got := mustParse(t, delivery(og, strings.Replace(body, `"P2"`, priority, 1))).Alerts[0].Severity; got != want {
			t.Errorf("priority %s: %q, want %q", priority, got, want)
		}
	}
	for body, words := range map[string]string{
		`{"action":"Create"}`:                                    "no webhook of Opsgenie",
		`{"action":"Create","alert":{"message":"x"}}`:            "no webhook of Opsgenie",
		`{"alert":{"alertId":"x"}}`:                              "no webhook of Opsgenie",
		`{"action":"Create","alert":{"alertId":"x","tags":"y"}}`: "JSON string at alert.tags",
	} {
		wantInvalid(t, second(intake.Parse(delivery(og, body))), words)
	}
}
