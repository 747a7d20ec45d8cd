package gateway_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"vigil/gateway"
	"vigil/gateway/store"
	"vigil/workflows/event"
	"vigil/workflows/incident"
)

// alertOf is a webhook with one alert of a group of its own.
func alertOf(group, service, status string) []byte {
	return fmt.Appendf(nil, `{"version":"4","groupKey":"{}:{group=\"%s\"}","status":"%s","alerts":[{"status":"%s","startsAt":"2026-03-01T12:00:00Z",
		"labels":{"alertname":"Slow","group":"%s","service":"%s","severity":"critical"},"annotations":{"summary":"%s is slow"},"fingerprint":"fp-%s"}]}`,
		group, status, status, group, service, service, group)
}

// post has an alert delivered and returns what became of it.
func (r *rig) post(body []byte) gateway.DeliveryItem {
	r.tb.Helper()
	var got gateway.Accepted
	r.expect("post", r.do("POST", "/api/v1/alerts/alertmanager", body, as(incident.RoleResponder)), 202, "").into(r.tb, &got)
	var item gateway.DeliveryItem
	eventually(r.tb, "the delivery to be settled", func() bool {
		r.expect("read", r.do("GET", fmt.Sprintf("/api/v1/deliveries/%d", got.DeliveryID), nil, as(incident.RoleViewer)), 200, "").into(r.tb, &item)
		return len(item.Dispatches) > 0 && item.Dispatches[0] != store.DispatchPending
	})
	return item
}

// alertsOf lists what belongs to an incident.
func (r *rig) alertsOf(id string) (list gateway.IncidentAlertList) {
	r.tb.Helper()
	r.expect("alerts", r.do("GET", "/api/v1/incidents/"+id+"/alerts", nil, as(incident.RoleViewer)), 200, "").into(r.tb, &list)
	return list
}

func TestAlertsOfOneServiceAreOneIncident(t *testing.T) {
	t.Parallel()
	r := start(t)
	first := r.post(alertOf("a", "checkout", "firing"))
	second := r.post(alertOf("b", "checkout", "firing"))
	third := r.post(alertOf("c", "search", "firing"))
	if first.IncidentIDs[0] != second.IncidentIDs[0] || first.IncidentIDs[0] == third.IncidentIDs[0] {
		t.Fatalf("incidents %v, %v and %v", first.IncidentIDs, second.IncidentIDs, third.IncidentIDs)
	}
	again := r.post(alertOf("b", "checkout", "firing"))
	if again.Dispatches[0] != store.DispatchRepeated {
		t.Errorf("a repetition is %s", again.Dispatches[0])
	}
	id := first.IncidentIDs[0]
	r.open(id)
	list := r.alertsOf(id)
	if list.Total != 2 || list.Firing != 2 || len(list.Keys) != 2 || list.Keys[1].JoinedBy != "same service" || list.Alerts[1].Deliveries != 2 {
		t.Errorf("%+v", list)
	}
	var rules struct {
		Rules []struct{ Name, When string }
		Storm struct{ Incidents int }
	}
	r.expect("rules", r.do("GET", "/api/v1/correlation", nil, as(incident.RoleViewer)), 200, "").into(t, &rules)
	if len(rules.Rules) != 2 || !strings.Contains(rules.Rules[0].When, "incident.services") || rules.Storm.Incidents == 0 {
		t.Errorf("rules: %+v", rules)
	}
}

func TestSplitAndMerge(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	r := startIn(t, dir)
	id := r.post(alertOf("a", "checkout", "firing")).IncidentIDs[0]
	r.post(alertOf("b", "checkout", "firing"))
	r.open(id)
	var moved gateway.Moved
	split := gateway.SplitRequest{CorrelationKeys: []string{`{}:{group="b"}`}, Reason: "another cause"}
	r.expect("split", r.do("POST", "/api/v1/incidents/"+id+"/split", split, as(incident.RoleResponder), key("s1")), 202, "").into(t, &moved)
	if moved.Move.From != id || moved.Move.To == id || moved.Move.Count != 1 || moved.Move.By != "a responder" {
		t.Fatalf("move %+v", moved.Move)
	}
	var again gateway.Moved
	r.expect("the same request", r.do("POST", "/api/v1/incidents/"+id+"/split", split, as(incident.RoleResponder), key("s1")), 202, "").into(t, &again)
	if again.Move.To != moved.Move.To {
		t.Errorf("a repeated request made %s beside %s", again.Move.To, moved.Move.To)
	}
	other := moved.Move.To
	eventually(t, "both to be told", func() bool { return len(r.engine.moves()) >= 2 })
	for _, m := range r.engine.moves() {
		if m.ID != moved.Move.ID || m.Reason != "another cause" {
			t.Errorf("told of %+v", m)
		}
	}
	r.open(other)
	if list := r.alertsOf(other); list.Total != 1 || list.Keys[0].JoinedBy != "split by a responder" {
		t.Errorf("split off: %+v", list)
	}
	if list := r.alertsOf(id); list.Total != 1 || list.Firing != 1 || len(list.Alerts) != 2 || list.Alerts[1].MovedTo != other {
		t.Errorf("left: %+v", list)
	}
	// A gateway that starts again knows.
	must(t, r.gateway.Stop(t.Context()))
	r = startIn(t, dir, func(s *setup) { s.deps.Streams, s.deps.Publisher = r.stream, r.stream })
	if got := r.post(alertOf("b", "checkout", "resolved")).IncidentIDs; len(got) != 1 || got[0] != other {
		t.Errorf("what its key says later went to %v", got)
	}
	merge := gateway.MergeRequest{Into: id, Reason: "one cause after all"}
	eventually(t, "the incident to have heard of the split, and the merge to be taken", func() bool {
		return r.do("POST", "/api/v1/incidents/"+other+"/merge", merge, as(incident.RoleResponder)).status == 202
	})
	eventually(t, "its alerts to be with the other", func() bool { return r.alertsOf(id).Total >= 2 && r.alertsOf(id).Keys[1].Open })
	var log gateway.AuditList
	r.expect("audit", r.do("GET", "/api/v1/audit", nil, as(incident.RoleViewer)), 200, "").into(t, &log)
	if len(log.Entries) != 2 || log.Entries[0].Action != store.AuditIncidentMerged || log.Entries[1].Reason != "another cause" || log.Entries[0].Principal != "a responder" {
		t.Errorf("audit: %+v", log)
	}
	r.expect("no reason", r.do("POST", "/api/v1/incidents/"+id+"/merge", gateway.MergeRequest{Into: other}, as(incident.RoleResponder)), 422, "reason is needed")
	r.expect("no keys", r.do("POST", "/api/v1/incidents/"+id+"/split", gateway.SplitRequest{Reason: "x"}, as(incident.RoleResponder)), 422, "correlation_keys has 0 entries")
}

func TestSilences(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	r := startIn(t, dir)
	req := gateway.SilenceRequest{Kind: store.KindMaintenance, Matchers: []store.Matcher{{Name: "service", Op: "=~", Value: "check.*"}},
		EndsAt: time.Now().Add(time.Hour), Reason: "the database moves"}
	var made store.SilenceRecord
	r.expect("create", r.do("POST", "/api/v1/silences", req, as(incident.RoleResponder), key("k")), 200, "").into(t, &made)
	if made.State != store.SilenceActive || made.CreatedBy != "a responder" {
		t.Fatalf("%+v", made)
	}
	if got := r.post(alertOf("a", "checkout", "firing")); got.Dispatches[0] != store.DispatchSilenced || len(got.IncidentIDs) != 0 {
		t.Errorf("a silenced alert: %+v", got)
	}
	must(t, r.gateway.Stop(t.Context()))
	r = startIn(t, dir)
	var list gateway.SilenceList
	r.expect("list", r.do("GET", "/api/v1/silences?state=active", nil, as(incident.RoleViewer)), 200, "").into(t, &list)
	if len(list.Silences) != 1 || list.Silences[0].Alerts != 1 || list.Silences[0].Reason != "the database moves" {
		t.Fatalf("after a restart: %+v", list)
	}
	var touched gateway.SilencedAlertList
	r.expect("touched", r.do("GET", "/api/v1/silences/"+made.ID+"/alerts", nil, as(incident.RoleViewer)), 200, "").into(t, &touched)
	if len(touched.Alerts) != 1 || touched.Alerts[0].Alert.Service != "checkout" {
		t.Errorf("touched: %+v", touched)
	}
	r.expect("end", r.do("POST", "/api/v1/silences/"+made.ID+"/end", gateway.ReasonRequest{Reason: "done"}, as(incident.RoleResponder)), 200, "").into(t, &made)
	if made.State != store.SilenceEnded || made.EndReason != "done" {
		t.Errorf("ended: %+v", made)
	}
	eventually(t, "the alert that still fires to open an incident", func() bool { return len(r.engine.delivered()) == 1 })
	r.expect("end twice", r.do("POST", "/api/v1/silences/"+made.ID+"/end", gateway.ReasonRequest{Reason: "x"}, as(incident.RoleResponder)), 409, "over already")
	for words, change := range map[string]func(*gateway.SilenceRequest){
		"reason is needed":       func(s *gateway.SilenceRequest) { s.Reason = " " },
		"before it begins":       func(s *gateway.SilenceRequest) { s.EndsAt = time.Now().Add(-time.Hour) },
		"the longest":            func(s *gateway.SilenceRequest) { s.EndsAt = time.Now().AddDate(1, 0, 0) },
		"has 0 entries":          func(s *gateway.SilenceRequest) { s.Matchers = nil },
		"not a regular":          func(s *gateway.SilenceRequest) { s.Matchers = []store.Matcher{{Name: "service", Op: "=~", Value: "("}} },
		"says nothing":           func(s *gateway.SilenceRequest) { s.Matchers = []store.Matcher{{Name: "service", Op: "!=", Value: "x"}} },
		"use silence or":         func(s *gateway.SilenceRequest) { s.Kind = "quiet" },
		"use = or !=":            func(s *gateway.SilenceRequest) { s.Matchers[0].Op = "~" },
		"use daily or weekly":    func(s *gateway.SilenceRequest) { s.Repeat = "hourly" },
		"would repeat daily":     func(s *gateway.SilenceRequest) { s.Repeat, s.EndsAt = store.RepeatDaily, time.Now().Add(25*time.Hour) },
		"a matcher needs a name": func(s *gateway.SilenceRequest) { s.Matchers[0].Name = "" },
	} {
		wrong := req
		wrong.Matchers = []store.Matcher{{Name: "service", Op: "=", Value: "x"}}
		change(&wrong)
		r.expect(words, r.do("POST", "/api/v1/silences", wrong, as(incident.RoleResponder)), 422, words)
	}
}

func TestQuarantine(t *testing.T) {
	t.Parallel()
	r := start(t)
	for _, body := range []string{`{"what":"disk"}`, `{"what":"cpu"}`} {
		r.expect("post", r.do("POST", "/api/v1/alerts/alertmanager", []byte(body), as(incident.RoleResponder)), 202, "")
	}
	r.expect("post", r.do("POST", "/api/v1/alerts/cloudevents", []byte(`{"what":"disk"}`), as(incident.RoleResponder)), 202, "")
	eventually(t, "three in quarantine", func() bool { return len(r.deliveries(store.DeliveryQuarantined)) == 3 })
	find := func(query string) int {
		var list gateway.DeliveryList
		r.expect("search", r.do("GET", "/api/v1/deliveries?"+query, nil, as(incident.RoleViewer)), 200, "").into(t, &list)
		return len(list.Deliveries)
	}
	if find("state=quarantined&q=DISK") != 2 || find("source=cloudevents") != 1 || find("q=nothing") != 0 {
		t.Error("the search finds something else")
	}
	var changed gateway.DeliveryChanged
	r.expect("discard", r.do("POST", "/api/v1/deliveries/1/discard", gateway.ReasonRequest{Reason: "a test of theirs"}, as(incident.RoleResponder)), 200, "").into(t, &changed)
	if changed.State != store.DeliveryDiscarded || find("state=discarded") != 1 {
		t.Errorf("%+v", changed)
	}
	r.expect("discard twice", r.do("POST", "/api/v1/deliveries/1/discard", gateway.ReasonRequest{Reason: "x"}, as(incident.RoleResponder)), 409, "not in quarantine")
	r.expect("retry", r.do("POST", "/api/v1/deliveries/2/retry", nil, as(incident.RoleResponder)), 200, "").into(t, &changed)
	if changed.State != store.DeliveryReceived {
		t.Errorf("%+v", changed)
	}
	eventually(t, "it to be read, in vain, again", func() bool { return find("state=quarantined") == 2 })
	var all gateway.Retried
	r.expect("retry all", r.do("POST", "/api/v1/deliveries/retry", gateway.RetryAllRequest{Source: "cloudevents"}, as(incident.RoleResponder)), 200, "").into(t, &all)
	if all.Retried != 1 {
		t.Errorf("%d retried", all.Retried)
	}
	var sources gateway.SourceList
	r.expect("sources", r.do("GET", "/api/v1/sources", nil, as(incident.RoleViewer)), 200, "").into(t, &sources)
	found := false
	for _, s := range sources.Sources {
		found = found || s.Name == "alertmanager" && s.Deliveries == 2 && s.Kind == "built in" && s.LastAt != ""
	}
	if !found {
		t.Errorf("sources: %+v", sources)
	}
	eventually(t, "what is in quarantine to be counted for an alert on it", func() bool {
		scraped := r.expect("metrics", r.do("GET", "/metrics", nil, as(incident.RoleViewer)), 200, "")
		return strings.Contains(string(scraped.body), `gateway_inbox_deliveries{state="quarantined"} 2`)
	})
	var h event.SystemHealthMetrics
	eventually(t, "health to count it", func() bool {
		r.expect("health", r.do("GET", "/api/v1/system/health", nil, as(incident.RoleViewer)), 200, "").into(t, &h)
		return h.InboxQuarantined == 2
	})
}
