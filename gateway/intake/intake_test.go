package intake_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"vigil/gateway/intake"
	"vigil/gateway/store"
	"vigil/workflows/incident"
)

func fixture(t testing.TB, name string) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func mustParse(t *testing.T, d store.Delivery) intake.Result {
	t.Helper()
	res, err := intake.Parse(d)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

func TestAlertmanagerMixedGroup(t *testing.T) {
	d := delivery(am, fixture(t, "alertmanager_v4_mixed.json"))
	d.Origin = incident.OriginSimulated
	res := mustParse(t, d)
	const key = `{}/{team="shop"}:{alertname="ErrorBudgetBurn"}`
	want := []incident.Alert{
		{Source: am, CorrelationKey: key, Fingerprint: "00000000000000aa", Status: incident.AlertResolved, Severity: incident.SeverityMedium,
			Title: "ErrorBudgetBurn: Burning 2 % an hour", Description: "Line one\nline two\nRunbook: https://runbooks.example/burn", Service: "orders",
			Labels: map[string]string{"alertname": "ErrorBudgetBurn", "service": "orders", "severity": "warning",
				"Service": "a label of its own", intake.TruncatedAlerts: "3"},
			StartsAt: time.Date(2026, 11, 23, 13, 0, 0, 123456789, time.UTC), EndsAt: time.Date(2026, 11, 23, 13, 30, 0, 0, time.UTC),
			ReceivedAt: receivedAt, InboxID: 7, Origin: incident.OriginSimulated},
		{Source: am, CorrelationKey: key, Fingerprint: res.Alerts[1].Fingerprint, Status: incident.AlertFiring, Severity: incident.SeverityCritical,
			Title: "ErrorBudgetBurn", Service: "payments",
			Labels: map[string]string{"alertname": "ErrorBudgetBurn", "app": "payments", "priority": "1",
				"shard": "12345678901234567890", intake.TruncatedAlerts: "3"},
			EndsAt: time.Date(2028, 1, 1, 0, 0, 0, 0, time.UTC), ReceivedAt: receivedAt, InboxID: 7, Origin: incident.OriginSimulated},
	}
	if !reflect.DeepEqual(res.Alerts, want) {
		t.Errorf("got  %+v\nwant %+v", res.Alerts, want)
	}
	if len(want[1].Fingerprint) != 16 {
		t.Errorf("computed fingerprint %q", want[1].Fingerprint)
	}
	if got := intake.Dispatches(res.Alerts); len(got) != 1 || got[0].CorrelationKey != key || len(got[0].Alerts) != 2 {
		t.Errorf("dispatches %+v", got)
	}
}

func TestAlertmanagerKeys(t *testing.T) {
	const alerts = `"alerts":[{"status":"firing","labels":{"alertname":"A","x":"1"}},{"status":"firing","labels":{"y":"2"}}]`
	for name, c := range map[string]struct {
		group string
		want  []string // of either alert
	}{
		"version 4":              {`"groupKey":"{}:{a=\"1\"}","groupLabels":{"a":"1"}`, []string{`{}:{a="1"}`, `{}:{a="1"}`}},
		"another receiver":       {`"groupKey":"{}:{a=\"1\"}","receiver":"other","externalURL":"http://other"`, []string{`{}:{a="1"}`, `{}:{a="1"}`}},
		"version 3":              {`"groupKey":5615590933959184469,"groupLabels":{"b":"2","a":"1"}`, []string{`{}:{a="1", b="2"}`, `{}:{a="1", b="2"}`}},
		"version 3, one group":   {`"groupKey":7,"groupLabels":{}`, []string{`{}:{}`, `{}:{}`}},
		"no groupKey":            {`"groupLabels":{"a":"1"}`, []string{`{}:{a="1"}`, `{}:{a="1"}`}},
		"blank groupKey":         {`"groupKey":" ","groupLabels":{"a":"1"}`, []string{`{}:{a="1"}`, `{}:{a="1"}`}},
		"neither, so by name":    {`"status":"firing"`, []string{`{}:{alertname="A"}`, `{}:fingerprint=9dd5724bce637f32`}},
		"a quote in a label":     {`"groupLabels":{"a":"say \"hi\""}`, []string{`{}:{a="say \"hi\""}`, `{}:{a="say \"hi\""}`}},
		"groupLabels is nothing": {`"groupLabels":null,"groupKey":null`, []string{`{}:{alertname="A"}`, `{}:fingerprint=9dd5724bce637f32`}},
	} {
		res := mustParse(t, delivery(am, `{`+c.group+`,`+alerts+`}`))
		if got := []string{res.Alerts[0].CorrelationKey, res.Alerts[1].CorrelationKey}; !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: keys %q, want %q", name, got, c.want)
		}
	}
}

func TestSeverityWords(t *testing.T) {
	for labels, want := range map[string]incident.Severity{
		`"severity":"critical"`: "critical", `"severity":"SEV-1"`: "critical", `"severity":"page"`: "critical",
		`"severity":"Major"`: "high", `"severity":"error"`: "high", `"severity":"warning"`: "medium", `"severity":"info"`: "low",
		`"severity":"odd","priority":"P2"`: "high", `"priority":3`: "medium", `"priority":"1"`: "critical", `"level":"error"`: "high",
		`"severity":"odd"`: "", `"x":"1"`: "", `"severity":""`: "", `"severity":null`: "", `"severity":{"a":1}`: "",
	} {
		res := mustParse(t, delivery(am, `{"alerts":[{"status":"firing","labels":{"a":"b",`+labels+`}}]}`))
		if got := res.Alerts[0].Severity; got != want {
			t.Errorf("labels %s: severity %q, want %q", labels, got, want)
		}
	}
}

func TestSNSAlarm(t *testing.T) {
	body := fixture(t, "sns_alarm.json")
	firing := mustParse(t, delivery(sn, body)).Alerts[0]
	const arn = "arn:aws:cloudwatch:us-east-1:000000000000:alarm:prod-checkout-latency-P1"
	if firing.CorrelationKey != arn || firing.Service != "checkout" || firing.Severity != incident.SeverityCritical ||
		firing.Title != "prod-checkout-latency-P1" || firing.Labels["namespace"] != "ApplicationSignals" || firing.Labels["Environment"] != "prod" ||
		!firing.StartsAt.Equal(time.Date(2026, 11, 23, 14, 2, 10, 123e6, time.UTC)) || !strings.Contains(firing.Description, "Threshold Crossed") {
		t.Errorf("%+v", firing)
	}
	ok := mustParse(t, delivery(sn, strings.ReplaceAll(body, `\"NewStateValue\":\"ALARM\"`, `\"NewStateValue\":\"OK\"`))).Alerts[0]
	if ok.Status != incident.AlertResolved || ok.CorrelationKey != arn || ok.Fingerprint != firing.Fingerprint || ok.EndsAt.IsZero() {
		t.Errorf("%+v", ok)
	}
	wantInvalid(t, second(intake.Parse(delivery(sn, strings.ReplaceAll(body, `\"NewStateValue\":\"ALARM\"`, `\"NewStateValue\":\"ODD\"`)))), `state "ODD"`)

	var env struct{ Message string }
	if err := json.Unmarshal([]byte(body), &env); err != nil {
		t.Fatal(err)
	}
	if raw := mustParse(t, delivery(sn, env.Message)).Alerts[0]; raw.ContentKey() != firing.ContentKey() {
		t.Errorf("raw message delivery gives %+v", raw)
	}
}

func second(_ intake.Result, err error) error { return err }

func TestAlarmSeverityConventions(t *testing.T) {
	for _, c := range []struct {
		name, description string
		want              incident.Severity
	}{
		{"checkout-critical", "", "critical"}, {"P2 checkout", "", "high"}, {"sev-3_db", "", "medium"}, {"disk-warning", "", "medium"},
		{"HighLatency", "", "medium"}, {"high-cpu", "low memory", "medium"}, {"backup1", "", "medium"}, {"MP3-encoder", "", "medium"},
		{"x", "Severity: high", "high"}, {"x", "priority=1", "critical"}, {"x", "[P4] tidy up", "low"}, {"x", `{"severity": "low"}`, "medium"},
		{"critical", "Severity: low", "critical"},
	} {
		body, err := json.Marshal(map[string]any{"AlarmName": c.name, "AlarmDescription": c.description, "NewStateValue": "ALARM"})
		if err != nil {
			t.Fatal(err)
		}
		if got := mustParse(t, delivery(sn, string(body))).Alerts[0].Severity; got != c.want {
			t.Errorf("alarm %q, %q: severity %q, want %q", c.name, c.description, got, c.want)
		}
	}
}

func TestSNSSubscriptionsAreForPeople(t *testing.T) {
	confirmed := delivery(sn, `{"Type":"SubscriptionConfirmation","TopicArn":"arn:t","SubscribeURL":"https://x"}`)
	confirmed.Headers = map[string]string{intake.ConfirmedHeader: "true"}
	if res := mustParse(t, confirmed); !strings.Contains(res.Note, "is confirmed") || strings.Contains(res.Note, "https://x") {
		t.Errorf("note of what the gateway has confirmed: %q", res.Note)
	}
	for typ, words := range map[string]string{"SubscriptionConfirmation": "asks to confirm", "UnsubscribeConfirmation": "has ended"} {
		res := mustParse(t, delivery(sn, `{"Type":"`+typ+`","TopicArn":"arn:t","SubscribeURL":"https://example.com/?Token=x"}`))
		if len(res.Alerts) != 0 || !strings.Contains(res.Note, words) || !strings.Contains(res.Note, "https://example.com/?Token=x") {
			t.Errorf("%s: %+v", typ, res)
		}
	}
}

func TestCloudEvents(t *testing.T) {
	structured := func(attrs string) store.Delivery {
		d := delivery(ce, `{"specversion":"1.0","id":"1","source":"/s",`+attrs+`}`)
		d.ContentType = "application/cloudevents+json; charset=utf-8"
		return d
	}
	binary := func(body string, headers map[string]string) store.Delivery {
		d := delivery(ce, body)
		d.ContentType, d.Headers = "application/json", map[string]string{"Ce-Specversion": "1.0", "Ce-Id": "1", "Ce-Source": "/s"}
		for k, v := range headers {
			d.Headers[k] = v
		}
		return d
	}
	for name, c := range map[string]struct {
		in   store.Delivery
		want incident.Alert // the fields that are looked at
	}{
		"subject is the key": {structured(`"type":"com.x.check.fired","subject":"db-1"`),
			incident.Alert{CorrelationKey: "/s db-1", Status: incident.AlertFiring, Title: "com.x.check.fired db-1"}},
		"its end": {structured(`"type":"com.x.check.resolved","subject":"db-1"`),
			incident.Alert{CorrelationKey: "/s db-1", Status: incident.AlertResolved, Title: "com.x.check.resolved db-1"}},
		"type is the key": {structured(`"type":"com.x.check.recovered"`),
			incident.Alert{CorrelationKey: "/s com.x.check", Status: incident.AlertResolved, Title: "com.x.check.recovered"}},
		"data tells": {structured(`"type":"com.x.check","data":{"status":"OK","title":"Disk","service":"web","severity":"p1","description":"was full","detail":{"deep":1}}`),
			incident.Alert{CorrelationKey: "/s com.x.check", Status: incident.AlertResolved, Title: "Disk", Service: "web", Severity: "critical", Description: "was full"}},
		"data in base64": {structured(`"type":"t","data_base64":"eyJ0aXRsZSI6IkRpc2sifQ=="`),
			incident.Alert{CorrelationKey: "/s t", Status: incident.AlertFiring, Title: "Disk", Description: `{"title":"Disk"}`}},
		"binary": {binary(`{"title":"Disk"}`, map[string]string{"ce-type": "t", "CE-SUBJECT": "db%201%20%C3%A4", "ce-severity": "high", "ce-service": "orders"}),
			incident.Alert{CorrelationKey: "/s db 1 ä", Status: incident.AlertFiring, Title: "Disk", Severity: "high", Service: "orders", Description: `{"title":"Disk"}`}},
		"binary without data": {binary(``, map[string]string{"ce-type": "t"}),
			incident.Alert{CorrelationKey: "/s t", Status: incident.AlertFiring, Title: "t"}},
	} {
		t.Run(name, func(t *testing.T) {
			res := mustParse(t, c.in)
			a := res.Alerts[0]
			got := incident.Alert{CorrelationKey: a.CorrelationKey, Status: a.Status, Title: a.Title, Service: a.Service, Severity: a.Severity, Description: a.Description}
			if !reflect.DeepEqual(got, c.want) || len(res.Alerts) != 1 {
				t.Errorf("got  %+v\nwant %+v", got, c.want)
			}
		})
	}
	fired := mustParse(t, structured(`"type":"com.x.check.fired"`)).Alerts[0]
	over := mustParse(t, structured(`"type":"com.x.check.resolved"`)).Alerts[0]
	if fired.Fingerprint != over.Fingerprint || fired.CorrelationKey != over.CorrelationKey {
		t.Errorf("the end %+v\nis not of the beginning %+v", over, fired)
	}
	alarm := mustParse(t, delivery(ce, fixture(t, "cloudevent_alarm.json"))).Alerts[0]
	if alarm.CorrelationKey != "arn:aws:cloudwatch:us-east-1:000000000000:alarm:prod-orders-db-connections" || alarm.Service != "orders-db" ||
		alarm.Status != incident.AlertResolved || alarm.Severity != incident.SeverityHigh || alarm.Source != ce {
		t.Errorf("%+v", alarm)
	}
}

func TestQuarantine(t *testing.T) {
	deep := strings.Repeat(`{"a":`, 10_000) + `1` + strings.Repeat(`}`, 10_000)
	deepList := strings.Repeat(`[`, 10_000) + strings.Repeat(`]`, 10_000)
	many := strings.TrimSuffix(strings.Repeat(`{"status":"firing","labels":{"a":"b"}},`, intake.MaxAlerts+1), ",")
	for name, c := range map[string]struct{ source, body, words string }{
		"empty":                {am, ``, "is empty"},
		"white space":          {am, " \n", "is empty"},
		"not JSON":             {am, `status=firing`, "is not JSON"},
		"cut off":              {am, `{"alerts":[{"status":"firing"`, "is not JSON"},
		"two documents":        {am, `{"alerts":[]} {"alerts":[]}`, "more text after"},
		"a number":             {am, `5`, "is a JSON number"},
		"a list":               {am, `[]`, "is a JSON array"},
		"wrong type":           {am, `{"alerts":{}}`, "JSON object at alerts"},
		"labels of wrong type": {am, `{"alerts":[{"status":"firing","labels":"x"}]}`, "JSON string at alerts.labels"},
		"no alerts":            {am, `{"alerts":[]}`, "holds no alerts"},
		"unknown status":       {am, `{"alerts":[{"status":"suppressed","labels":{"a":"b"}}]}`, `in status "suppressed"`},
		"nothing to know by":   {am, `{"alerts":[{"status":"firing","labels":{}}]}`, "neither labels nor a fingerprint"},
		"twice the same":       {am, `{"alerts":[{"status":"firing","status":"resolved","labels":{"a":"b"}}]}`, `"status" twice`},
		"twice but for case":   {am, `{"alerts":[{"status":"firing","Status":"resolved","labels":{"a":"b"}}]}`, `"Status" twice`},
		"twice by folding":     {am, `{"alerts":[{"status":"firing","ſtatus":"resolved","labels":{"a":"b"}}]}`, `twice`},
		"a label twice":        {am, `{"alerts":[{"status":"firing","labels":{"a":"b","a":"c"}}]}`, `"a" twice`},
		"twice, escaped":       {am, `{"alerts":[{"status":"firing","labels":{"a":"b","\u0061":"c"}}]}`, `"a" twice`},
		"deep":                 {am, `{"alerts":[{"status":"firing","labels":` + deep + `}]}`, "more than 64 deep"},
		"deep list":            {ce, deepList, "more than 64 deep"},
		"deep data":            {ce, `{"specversion":"1.0","type":"t","source":"s","id":"i","data":` + deep + `}`, "more than 64 deep"},
		"deep message":         {sn, `{"Type":"Notification","Message":` + quote(deep) + `}`, "more than 64 deep"},
		"too many":             {am, `{"alerts":[` + many + `]}`, "holds 10001 alerts"},
		"no SNS type":          {sn, `{"Message":"x"}`, `no "Type"`},
		"odd SNS type":         {sn, `{"Type":"Letter"}`, `type "Letter"`},
		"text message":         {sn, `{"Type":"Notification","TopicArn":"arn:t","Message":"hello"}`, `no CloudWatch alarm and no event: "hello"`},
		"other message":        {sn, `{"Type":"Notification","TopicArn":"arn:t","Message":"{\"a\":1}"}`, "no CloudWatch alarm"},
		"message twice":        {sn, `{"Type":"Notification","Message":"{\"AlarmName\":\"a\",\"alarmname\":\"b\",\"NewStateValue\":\"OK\"}"}`, "twice"},
		"nameless alarm":       {sn, `{"AlarmName":"","NewStateValue":"ALARM"}`, "without a name"},
		"no specversion":       {ce, `{"type":"t","source":"s","id":"i"}`, `no "specversion"`},
		"no id":                {ce, `{"specversion":"1.0","type":"t","source":"s","id":""}`, `no "id"`},
		"old version":          {ce, `{"specversion":"0.3","type":"t","source":"s","id":"i"}`, `version "0.3"`},
		"empty batch":          {ce, `[]`, "without events"},
		"one bad in a batch":   {ce, `[{"specversion":"1.0","type":"t","source":"s","id":"i"},{}]`, "(2 of 2)"},
		"unknown source":       {"pigeon", `{}`, `no intake for source "pigeon"`},
	} {
		t.Run(name, func(t *testing.T) {
			res, err := intake.Parse(delivery(c.source, c.body))
			wantInvalid(t, err, c.words)
			if len(res.Alerts) > 0 || res.Note != "" {
				t.Errorf("an error and %+v", res)
			}
			if len(err.Error()) > 1000 {
				t.Errorf("a reason of %d bytes is not for people", len(err.Error()))
			}
		})
	}
	d := delivery(ce, `<event/>`)
	d.ContentType, d.Headers = "application/cloudevents+xml", map[string]string{"ce-id": "1"}
	wantInvalid(t, second(intake.Parse(d)), "send JSON")
}

func quote(s string) string {
	raw, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	return string(raw)
}

func TestLimits(t *testing.T) {
	labels := map[string]string{"alertname": "A", "zz-binary": "x\x00y\u001b[31m"}
	for n := range 200 {
		labels[fmt.Sprintf("label-%03d-%s", n, strings.Repeat("n", 200))] = strings.Repeat("ä", 600)
	}
	body, err := json.Marshal(map[string]any{"groupKey": strings.Repeat("k", 10_000), "alerts": []any{map[string]any{
		"status": "firing", "fingerprint": strings.Repeat("f", 10_000), "labels": labels,
		"annotations": map[string]string{"summary": strings.Repeat("ö", 10_000), "description": strings.Repeat("d\x07", 10_000)},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	a := mustParse(t, delivery(am, string(body))).Alerts[0]
	raw, err := json.Marshal(a)
	if err != nil {
		t.Fatal(err)
	}
	if len(a.CorrelationKey) > intake.MaxKey || len(a.Fingerprint) > intake.MaxFingerprint || len(a.Title) > intake.MaxTitle ||
		len(a.Description) > intake.MaxDescription || len(a.Labels) > intake.MaxLabels || len(raw) > 10_240 {
		t.Errorf("key %d, fingerprint %d, title %d, description %d, labels %d, whole %d",
			len(a.CorrelationKey), len(a.Fingerprint), len(a.Title), len(a.Description), len(a.Labels), len(raw))
	}
	if a.Labels["alertname"] != "A" || a.Labels[intake.DroppedLabels] == "" || !strings.HasSuffix(a.Title, "…") {
		t.Errorf("title %q, labels %v", a.Title, a.Labels)
	}
	other := mustParse(t, delivery(am, strings.Replace(string(body), "kkk\"", "kkX\"", 1))).Alerts[0]
	if other.CorrelationKey == a.CorrelationKey {
		t.Error("two long keys became one")
	}
}

func TestBrokenTextIsRepaired(t *testing.T) {
	body := "{\"alerts\":[{\"status\":\"firing\",\"labels\":{\"alertname\":\"A\xff\\ud800\\u0000\"},\"annotations\":{\"summary\":\"a\\u001b[31mb\\nc\"}}]}"
	a := mustParse(t, delivery(am, body)).Alerts[0]
	for _, s := range []string{a.Title, a.Labels["alertname"], a.CorrelationKey} {
		if s == "" || !utf8.ValidString(s) || strings.ContainsAny(s, "\x00\x1b") {
			t.Errorf("%q", s)
		}
	}
	if a.Title != "A\uFFFD\uFFFD : a [31mb c" && !strings.HasPrefix(a.Title, "A\uFFFD\uFFFD") {
		t.Errorf("title %q", a.Title)
	}
}
