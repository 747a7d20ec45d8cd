package intake_test

import (
	"fmt"
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
