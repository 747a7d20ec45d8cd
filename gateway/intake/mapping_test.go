package intake_test

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"vigil/gateway/intake"
	"vigil/gateway/store"
	"vigil/workflows/incident"
)

func newReader(t testing.TB, dir string, aliases map[string]string) *intake.Reader {
	t.Helper()
	r, err := intake.NewReader(dir, func() map[string]string { return aliases })
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// mapped is what comes of one file of the corpus, or which format of code
// reads it; its reading then stands in corpus_test.go.
type mapped struct {
	mapping     string
	code        string
	alerts      []string // key, fingerprint, status, severity, service and start of each
	quarantined string
}

func row(a incident.Alert) string {
	start := "-"
	if !a.StartsAt.IsZero() {
		start = a.StartsAt.Format(time.RFC3339Nano)
	}
	return fmt.Sprintf("%s | %s | %s | %s | %s | %s", a.CorrelationKey, a.Fingerprint, a.Status, a.Severity, a.Service, start)
}

var mappedCorpus = map[string]mapped{
	"alerta-graylog_notification.json": {mapping: "graylog", alerts: []string{
		"graylog:55f1509dbee8e2841898eb64 5e7a9c8d-9bb1-47b6-b8db-4a3a83a25e0c | 92f4d5c2d562f1bd | firing |  | test | 2015-09-10T09:45:54.749Z"}},
	"alerta-new_relic_notification.json": {mapping: "newrelic", alerts: []string{
		"newrelic:11111/0 | 3fba6cffa0dad590 | firing | low |  | 2020-09-25T11:23:27.849Z"}},
	"alerta-pagerduty_alert.json": {mapping: "pagerduty-v1", alerts: []string{
		"pagerduty-v1:PIJ90N7 | 41871ec96455e82a | firing |  | service | 2013-07-09T20:25:44Z",
		"pagerduty-v1:PIJ90N7 | 41871ec96455e82a | resolved |  | service | 2013-07-09T20:25:44Z"}},
	"alerta-pingdom_down.json": {mapping: "pingdom", alerts: []string{
		"pingdom:803318 | 46a6c042aeff63b9 | firing | high | api.alerta.io | 2017-06-30T22:25:43Z"}},
	"alerta-pingdom_up.json": {mapping: "pingdom", alerts: []string{
		"pingdom:803318 | 46a6c042aeff63b9 | resolved | high | api.alerta.io | -"}},
	"alerta-riemann_alert.json": {mapping: "riemann", alerts: []string{
		"riemann:hostbob servicejane | 2e319bcc14d14554 | resolved |  | servicejane | -"}},
	"alerta-stackdriver_open.json": {mapping: "stackdriver", alerts: []string{
		"stackdriver:f2e08c333dc64cb09f75eaab355393bz | 68d64c13256de612 | firing |  | webserver-85 | 2017-07-06T19:10:14Z"}},
	"alerta-stackdriver_closed.json": {mapping: "stackdriver", alerts: []string{
		"stackdriver:f2e08c333dc64cb09f75eaab355393bz | 68d64c13256de612 | resolved |  | webserver-85 | 2017-07-06T19:10:14Z"}},
	"alerta-vmware_vrealize.json": {mapping: "vrealize", alerts: []string{
		"vrealize:sample-alert-uuid | cc36f4a70e85c15f | firing | medium | sample-object-name | 2013-05-28T16:09:06.267Z"}},

	// Somebody has pressed a button in a chat: there is no alert in it.
	"alerta-telegram_ack.json":   {mapping: "generic", quarantined: "nothing in it says what the problem is"},
	"alerta-telegram_close.json": {mapping: "generic", quarantined: "nothing in it says what the problem is"},

	"alerta-prometheus_v3_alert.json":    {code: am},
	"alerta-prometheus_v4_alert.json":    {code: am},
	"alerta-grafana_6.json":              {code: "grafana"},
	"alerta-grafana_alert_alerting.json": {code: "grafana"},
	"alerta-grafana_alert_ok.json":       {code: "grafana"},
	"alerta-grafana_example.json":        {code: "grafana"},
}

func TestMappedCorpus(t *testing.T) {
	dir := filepath.Join(corpus(t), "alerta-webhooks")
	r := newReader(t, "", nil)
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil || len(files) != len(mappedCorpus) {
		t.Fatalf("%d files, %v; %d are expected", len(files), err, len(mappedCorpus))
	}
	for _, path := range files {
		want, ok := mappedCorpus[filepath.Base(path)]
		if !ok {
			t.Errorf("%s has no reading", path)
			continue
		}
		t.Run(filepath.Base(path), func(t *testing.T) {
			if want.code != "" {
				for _, s := range r.Sources() {
					if s.Name == want.code && s.Kind != intake.SourceBuiltIn {
						t.Errorf("%s is %s", s.Name, s.Kind)
					}
				}
				return
			}
			body, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			res, err := r.Parse(delivery(want.mapping, string(body)))
			if want.quarantined != "" {
				wantInvalid(t, err, want.quarantined)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, a := range res.Alerts {
				got = append(got, row(a))
				if a.Title == "" || a.Source != want.mapping || a.InboxID != 7 || !a.ReceivedAt.Equal(receivedAt) {
					t.Errorf("%+v", a)
				}
			}
			if !reflect.DeepEqual(got, want.alerts) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want.alerts, "\n"))
			}
		})
	}
}

// What the corpus does not hold: the other state, the newer version, the list.
func TestShippedMappings(t *testing.T) {
	r := newReader(t, "", nil)
	for name, c := range map[string]struct {
		source, contentType, body string
		want                      []string // as row gives, without fingerprints
		title                     string   // of the first
		invalid                   string
	}{
		"newrelic closed": {"newrelic", "", `{"account_id":1,"incident_id":1502709956288000110,"current_state":"closed","severity":"CRITICAL","condition_name":"Slow","timestamp":1600457850876,"targets":[{"name":"shop"}]}`,
			[]string{"newrelic:1/1502709956288000110 | resolved | critical | shop | -"}, "Slow", ""},
		"newrelic as a form": {"newrelic", "application/x-www-form-urlencoded", `account_id=1&incident_id=7&current_state=ACKNOWLEDGED&severity=WARNING&condition_name=Slow+page`,
			[]string{"newrelic:1/7 | firing | medium |  | -"}, "Slow page", ""},
		"newrelic deployment": {"newrelic", "", `{"deployment":{"revision":"1"}}`, nil, "", "no New Relic incident"},
		"pingdom transaction": {"pingdom", "", `{"check_id":5,"check_name":"Buy","current_state":"FAILING","importance_level":"LOW","state_changed_timestamp":1498861543,"tags":["team:shop"]}`,
			[]string{"pingdom:5 | firing | low |  | 2017-06-30T22:25:43Z"}, "Buy", ""},
		"pingdom odd state": {"pingdom", "", `{"check_id":5,"current_state":"PAUSED"}`, nil, "", `alert.status.from (pingdom.yaml:`},
		"stackdriver 1.2": {"stackdriver", "", `{"version":"1.2","incident":{"incident_id":"0.abc","state":"OPEN","severity":"Error","resource":{"type":"gce_instance","labels":{"zone":"a"}},"resource_name":"web","policy_name":"CPU","started_at":1577840461,"ended_at":null}}`,
			[]string{"stackdriver:0.abc | firing | high | web | 2020-01-01T01:01:01Z"}, "CPU", ""},
		"graylog event": {"graylog", "", `{"event_definition_id":"d","event_definition_title":"Errors","event":{"event_definition_id":"d","message":"Errors: 5","key":"db","priority":3,"source":"node1","timestamp":"2020-05-20T11:35:11.117Z","fields":{"env":"prod"}},"backlog":[]}`,
			[]string{"graylog:d db | firing | high | node1 | 2020-05-20T11:35:11.117Z"}, "Errors", ""},
		"riemann list": {"riemann", "", `[{"host":"a","service":"cpu","state":"critical","time":1498861543.5},{"host":"b","service":"cpu","state":"expired"},{"service":"no state"}]`,
			[]string{"riemann:a cpu | firing | critical | cpu | 2017-06-30T22:25:43.5Z", "riemann:b cpu | firing | medium | cpu | -"}, "cpu is critical on a", ""},
		"zabbix problem": {"zabbix", "", `{"event_id":"42","event_value":"1","event_name":"Disk full","event_nseverity":"4","trigger_id":"7","host_name":"db1","event_tags":"[{\"tag\":\"service\",\"value\":\"orders\"}]"}`,
			[]string{"zabbix:7 | firing | high | orders | -"}, "Disk full", ""},
		"zabbix recovery": {"zabbix", "", `{"event_id":"42","event_value":"0","event_name":"Disk full","event_severity":"Disaster","trigger_id":"7","host_name":"db1","event_tags":"[]"}`,
			[]string{"zabbix:7 | resolved | critical | db1 | -"}, "Disk full", ""},
		"zabbix without parameters": {"zabbix", "", `{"To":"x","Subject":"y"}`, nil, "", "parameters that mappings/zabbix.yaml names"},
		"pagerduty v2": {"pagerduty-v2", "", `{"messages":[{"event":"incident.trigger","incident":{"id":"P1","status":"triggered","title":"Down","urgency":"high","service":{"name":"shop"},"created_at":"2020-01-01T01:01:01Z"}},
			{"event":"incident.resolve","incident":{"id":"P1","status":"resolved","title":"Down","priority":{"summary":"P2"},"created_at":"2020-01-01T01:01:01Z"}},{"event":"pagey.ping"}]}`,
			[]string{"pagerduty-v2:P1 | firing | high | shop | 2020-01-01T01:01:01Z", "pagerduty-v2:P1 | resolved | high |  | 2020-01-01T01:01:01Z"}, "Down", ""},
		"pagerduty v1 at v2": {"pagerduty-v2", "", `{"messages":[{"type":"incident.trigger","data":{"incident":{"id":"P1"}}}]}`, nil, "", "version 2"},
		"vrealize canceled": {"vrealize", "", `{"alertId":"a","status":"CANCELED","criticality":"ALERT_CRITICALITY_LEVEL_IMMEDIATE","alertName":"Latency","resourceName":"vm1","startDate":1369757346267,"cancelDate":1369757346267}`,
			[]string{"vrealize:a | resolved | high | vm1 | 2013-05-28T16:09:06.267Z"}, "Latency on vm1", ""},
		"generic": {"generic", "", `{"Summary":"Disk full","priority":1,"Host":"db1","state":"triggered","started_at":"2020-01-01 01:01:01","tags":["a:b"]}`,
			[]string{"generic:db1 Disk full | firing | critical | db1 | 2020-01-01T01:01:01Z"}, "Disk full", ""},
		"generic, nested, over": {"generic", "", `{"event":{"dedup_key":9007199254740993,"message":"Disk full","severity":"ok","timestamp":1577840461000}}`,
			[]string{"generic:9007199254740993 | resolved |  |  | -"}, "Disk full", ""},
		"generic list":      {"generic", "", `{"alerts":[{"title":"a"},{"title":"b"}]}`, []string{"generic:a | firing |  |  | -", "generic:b | firing |  |  | -"}, "a", ""},
		"generic form":      {"generic", "application/x-www-form-urlencoded", `title=a+b&service=s`, []string{"generic:s a b | firing |  | s | -"}, "a b", ""},
		"generic text":      {"generic", "text/plain", "[FIRING] disk full\non db1", []string{"generic:disk full | firing |  |  | -"}, "[FIRING] disk full", ""},
		"generic number":    {"generic", "", `5`, nil, "", "nothing in it says"},
		"generic blank":     {"generic", "", `{"title":" ","text":""}`, nil, "", "nothing in it says"},
		"generic no JSON":   {"generic", "application/json", `title`, nil, "", "is not JSON"},
		"generic form, odd": {"generic", "application/x-www-form-urlencoded", `title=a&title=b`, nil, "", `"title" twice in its form`},
		"text to another":   {"pingdom", "text/plain", `down`, nil, "", "it is text, and no JSON"},
		"empty":             {"riemann", "", ` `, nil, "", "is empty"},
		"empty list":        {"riemann", "", `[]`, nil, "", "no Riemann event"},
		"twice":             {"pingdom", "", `{"check_id":1,"check_id":2}`, nil, "", "twice"},
	} {
		t.Run(name, func(t *testing.T) {
			d := delivery(c.source, c.body)
			d.ContentType = c.contentType
			res, err := r.Parse(d)
			if c.invalid != "" {
				wantInvalid(t, err, c.invalid)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, a := range res.Alerts {
				got = append(got, strings.Replace(row(a), "| "+a.Fingerprint+" ", "", 1))
			}
			if !reflect.DeepEqual(got, c.want) || res.Alerts[0].Title != c.title {
				t.Errorf("got %q, %q\nwant %q, %q", got, res.Alerts[0].Title, c.want, c.title)
			}
		})
	}
}

// mapping makes one whose alert has these further fields, one a line.
func mapping(t testing.TB, lines ...string) *intake.Mapping {
	t.Helper()
	m, err := intake.NewMapping("t.yaml", []byte(mappingFile(lines...)))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func mappingFile(lines ...string) string {
	return "name: t\nabout: a test\nalert:\n  key: '\"k\"'\n  title: '\"t\"'\n  status: '\"firing\"'\n" + strings.Join(lines, "\n") + "\n"
}

func TestMappingAlert(t *testing.T) {
	m, err := intake.NewMapping("full.yaml", []byte(`
name: full
about: all fields
each: body.list
let:
  inner: item.of
  twice: first(inner.n, 0) * 2
when: item.skip != true
alert:
  key: text(inner.key)
  fingerprint: hash(inner.key, twice)
  status: {from: inner.state, values: {BAD: firing, good: resolved}, else: firing}
  severity: {from: inner.sev, values: {'9': low}, else: high}
  title: inner.title
  description: >-
    received_at.getFullYear() == 2026 ? headers["user-agent"] : ""
  service: {from: inner.svc, values: {s1: shop}}
  starts_at: inner.from
  ends_at: received_at
  labels: {a: inner.n, b: inner.none, "c d": inner}
`))
	if err != nil {
		t.Fatal(err)
	}
	d := delivery("alias", `{"list":[{"of":{"key":7,"n":3,"state":"bad","sev":9,"title":"T","svc":"S1","from":1498861543}},{"skip":true},{"of":{"key":"k","n":1,"state":"GOOD","sev":"what","svc":"other"}}]}`)
	d.Headers = map[string]string{"User-Agent": "x/1"}
	res, err := m.Parse(d)
	if err != nil {
		t.Fatal(err)
	}
	want := []incident.Alert{
		{Source: "alias", CorrelationKey: "alias:7", Fingerprint: res.Alerts[0].Fingerprint, Status: "firing", Severity: "low", Title: "T", Description: "x/1", Service: "shop",
			Labels: map[string]string{"a": "3", "c d": `{"from":1498861543,"key":7,"n":3,"sev":9,"state":"bad","svc":"S1","title":"T"}`}, StartsAt: time.Unix(1498861543, 0).UTC(), EndsAt: receivedAt,
			ReceivedAt: receivedAt, InboxID: 7, Origin: incident.OriginLive},
		{Source: "alias", CorrelationKey: "alias:k", Fingerprint: res.Alerts[1].Fingerprint, Status: "resolved", Severity: "high", Title: "Alert from alias", Description: "x/1", Service: "other",
			Labels: map[string]string{"a": "1", "c d": `{"key":"k","n":1,"sev":"what","state":"GOOD","svc":"other"}`}, EndsAt: receivedAt, ReceivedAt: receivedAt, InboxID: 7, Origin: incident.OriginLive},
	}
	if !reflect.DeepEqual(res.Alerts, want) {
		t.Errorf("got  %+v\nwant %+v", res.Alerts, want)
	}
	if a, b := res.Alerts[0].Fingerprint, res.Alerts[1].Fingerprint; len(a) != 16 || a == b {
		t.Errorf("fingerprints %q and %q", a, b)
	}
}

func TestMappingWithoutAlert(t *testing.T) {
	const rest = "alert: {key: body.id, title: body.id, status: body.id}\n"
	for name, c := range map[string]struct{ file, body, note, invalid string }{
		"a note":            {"when: body.a == 1\nnote: '\"test \" + body.b'\nreason: '\"r\"'\n", `{"b":5}`, "test 5", ""},
		"no note, a reason": {"when: body.a == 1\nnote: body.b\nreason: '\"because \" + body.c'\n", `{"c":1}`, "", "mapping t: because 1"},
		"neither":           {"when: body.a == 1\n", `{}`, "", "nothing in it is an alert by when (t.yaml:3): body.a == 1"},
		"nothing to walk":   {"each: body.list\n", `{}`, "", "there is nothing in each (t.yaml:3): body.list"},
		"a note of a let":   {"let: {x: body.b}\nwhen: false\nnote: x\n", `{"b":"n"}`, "n", ""},
		"a note of nothing": {"when: false\nnote: body.b\nreason: '\"r\"'\n", `{"b":"\u0000 \u0001"}`, "", "mapping t: r"},
		"when is null":      {"when: body.a\nreason: '\"r\"'\n", `{}`, "", "mapping t: r"},
	} {
		t.Run(name, func(t *testing.T) {
			m, err := intake.NewMapping("t.yaml", []byte("name: t\nabout: t\n"+c.file+rest))
			if err != nil {
				t.Fatal(err)
			}
			res, err := m.Parse(delivery("t", c.body))
			if c.invalid != "" {
				wantInvalid(t, err, c.invalid)
				return
			}
			if err != nil || len(res.Alerts) > 0 || res.Note != c.note {
				t.Errorf("%+v, %v", res, err)
			}
		})
	}
}

func TestMappingRefuses(t *testing.T) {
	var fields []string
	for i := range 50_000 {
		fields = append(fields, fmt.Sprintf(`"f%d":1`, i))
	}
	manyFields := strings.Join(fields, ",")
	for name, c := range map[string]struct{ lines, body, want string }{
		"no key":               {"", `{}`, "alert.key (t.yaml:4) gives nothing to know the problem by"},
		"no status":            {"  status: body.s", `{"id":1,"s":"odd"}`, `alert.status (t.yaml:6) gives "odd"`},
		"one of several":       {"  status: item.s\neach: body.l", `{"id":1,"l":[{"s":"ok"},{"s":"odd"}]}`, "alert 2 of 2: alert.status"},
		"each of a text":       {"  status: '\"ok\"'\neach: body.l", `{"id":1,"l":"x"}`, "gives string and no list"},
		"too many":             {"  status: '\"ok\"'\neach: body.l", `{"id":1,"l":[` + strings.Repeat("1,", intake.MaxAlerts) + `1]}`, "more than 10000 alerts"},
		"labels of a text":     {"  status: '\"ok\"'\n  labels: body.l", `{"id":1,"l":"x"}`, "gives string and no map of labels"},
		"when of a text":       {"  status: '\"ok\"'\nwhen: body.l", `{"id":1,"l":"x"}`, "when (t.yaml:7) gives string and no condition"},
		"null and a number":    {"  status: '\"ok\"'\n  service: body.none > 3", `{"id":1}`, "such as null and a number"},
		"no timestamp":         {"  status: '\"ok\"'\n  starts_at: timestamp(body.x)", `{"id":1,"x":"yesterday"}`, "alert.starts_at (t.yaml:7): "},
		"steps":                {"  status: '\"ok\"'\n  service: body.l.map(a, body.l.map(b, body.l.map(c, a + b + c)))", `{"id":1,"l":[` + strings.Repeat("1,", 999) + `1]}`, "alert.service (t.yaml:7) takes too many steps"},
		"replace":              {"  status: '\"ok\"'\n  service: body.l.replace(\"\", body.l)", `{"id":1,"l":"` + strings.Repeat("x", 10_000) + `"}`, "replace gives a text of more than"},
		"split":                {"  status: '\"ok\"'\n  service: body.l.split(\"\")[0]", `{"id":1,"l":"` + strings.Repeat("x", 10_001) + `"}`, "split gives more than 10000 parts"},
		"join":                 {"  status: '\"ok\"'\n  service: body.l.join(body.s)", `{"id":1,"l":[1,2,3],"s":"` + strings.Repeat("x", 600_000) + `"}`, "join gives a text of more than"},
		"tags":                 {"  status: '\"ok\"'\n  labels: tags(body.l)", `{"id":1,"l":"` + strings.Repeat("a,", 10_000) + `"}`, "tags of a text gives more than"},
		"a pattern of its own": {"  status: '\"ok\"'\n  service: body.l.find(body.p)", `{"id":1,"l":"x","p":"("}`, "is no regular expression"},
		"compare":              {"  status: '\"ok\"'\n  service: body.l.filter(x, body == body)", `{"id":1,"l":[` + strings.Repeat("1,", 999) + `1]}`, "alert.service (t.yaml:7) takes too many steps"},
		"hash in all":          {"  status: '\"ok\"'\n  fingerprint: hash(body)\neach: body.l", `{"id":1,"l":[` + strings.Repeat("1,", 999) + `1],"s":"` + strings.Repeat("x", 900_000) + `"}`, "reading all of the delivery takes too many steps"},
		"pick in all":          {"  status: '\"ok\"'\n  service: pick([body.big], [\"none\"])\neach: body.l", `{"id":1,"l":[` + strings.Repeat("1,", 999) + `1],"big":{` + manyFields + `}}`, "reading all of the delivery takes too many steps"},
		"in all":               {"  status: '\"ok\"'\n  description: text(body)\neach: body.l", `{"id":1,"l":[` + strings.Repeat("1,", 999) + `1],"s":"` + strings.Repeat("x", 900_000) + `"}`, "reading all of the delivery takes too many steps"},
	} {
		t.Run(name, func(t *testing.T) {
			file := "name: t\nabout: a test\nalert:\n  key: body.id\n  title: '\"t\"'\n" + c.lines + "\n"
			if c.lines == "" {
				file += "  status: '\"ok\"'\n"
			}
			m, err := intake.NewMapping("/some/where/t.yaml", []byte(file))
			if err != nil {
				t.Fatal(err)
			}
			res, err := m.Parse(delivery("t", c.body))
			wantInvalid(t, err, c.want)
			if len(res.Alerts) > 0 || res.Note != "" || len(err.Error()) > 1000 {
				t.Errorf("%+v, and a reason of %d bytes", res, len(err.Error()))
			}
		})
	}
}

// A person finds out what to do from what NewReader says of a source.
func TestUnknownSourceSaysHowToAddIt(t *testing.T) {
	_, err := newReader(t, "", nil).Parse(delivery("pigeon", `{}`))
	wantInvalid(t, err, `put a mapping with "name: pigeon" into`)
	wantInvalid(t, err, "alertmanager, cloudevents,")
}

func BenchmarkMapping(b *testing.B) {
	r := newReader(b, "", nil)
	d := store.Delivery{Source: "pingdom", ReceivedAt: receivedAt, Body: []byte(`{"check_id":803318,"check_name":"API","current_state":"DOWN","importance_level":"HIGH",
		"state_changed_timestamp":1498861543,"long_description":"HTTP Server Error 503","tags":["a:b"],"check_params":{"hostname":"api","full_url":"http://api/"},"first_probe":{"location":"x"}}`)}
	b.ReportAllocs()
	for b.Loop() {
		if res, err := r.Parse(d); err != nil || len(res.Alerts) != 1 {
			b.Fatal(res, err)
		}
	}
}
