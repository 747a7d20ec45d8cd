package intake_test

import (
	"errors"
	"io/fs"
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

// corpus returns the folder of payloads that nobody here wrote: below
// VIGIL_TESTDATA, else below ../shared/data beside the repository.
func corpus(t *testing.T) string {
	t.Helper()
	data := os.Getenv("VIGIL_TESTDATA")
	if data == "" {
		data = filepath.Join("..", "..", "..", "shared", "data")
	}
	dir := filepath.Join(data, "payloads")
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		t.Skipf("the corpus of real payloads is not at %s; set VIGIL_TESTDATA to the folder that holds payloads/", dir)
	}
	return dir
}

var receivedAt = time.Date(2026, 11, 23, 14, 0, 0, 0, time.UTC)

func parseFile(t *testing.T, source, path string) (intake.Result, error) {
	t.Helper()
	body, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return intake.Parse(delivery(source, string(body)))
}

func delivery(source, body string) store.Delivery {
	return store.Delivery{ID: 7, Source: source, ReceivedAt: receivedAt, Body: []byte(body), Origin: incident.OriginLive}
}

// reading says what becomes of one file. Exactly one of opens, resolves,
// quarantined and recorded is set; the first two are correlation keys with
// their members' fingerprints, in order.
type reading struct {
	source      string
	opens       map[string][]string
	resolves    map[string][]string // nothing is open: no open problem
	quarantined string              // words of the reason
	recorded    string              // words of the note
	severity    incident.Severity   // of the first alert
	service     string              // of the first alert
}

const (
	am = intake.SourceAlertmanager
	sn = intake.SourceSNS
	ce = intake.SourceCloudEvents
	gf = intake.SourceGrafana
	cw = intake.SourceCloudWatch
	eb = intake.SourceEventBridge
	sq = intake.SourceSQS
	pd = intake.SourcePagerDuty
	pe = intake.SourcePDEvents
	dd = intake.SourceDatadog
	og = intake.SourceOpsgenie
)

type members = map[string][]string

var readings = map[string]reading{
	"alertmanager-live-0.34.2/cap_ok_01.json": {source: am, opens: members{`{}:{alertname="DiskRunningFull"}`: {
		"8320f0af89d48747", "e1d3beb1bb24a40c", "831ef0af89d40470", "74eed9368316aaba", "7666d3970f6e15cf", "6543bc164be4f176"}}},
	"alertmanager-live-0.34.2/cap_s429_04.json": {source: am, severity: "critical", service: "checkout", resolves: members{
		`{}/{case="s429"}:{alertname="HighRequestLatency", case="s429"}`: {"f5f954f0d902cfde"}}},
	"alertmanager-live-0.34.2/cap_s503_01.json": {source: am, severity: "critical", service: "checkout", opens: members{
		`{}/{case="s503"}:{alertname="HighRequestLatency", case="s503"}`: {"258ee5f8a146609d"}}},
	"alertmanager-live-0.34.2/cap_s503_05.json": {source: am, severity: "critical", service: "checkout", resolves: members{
		`{}/{case="s503"}:{alertname="HighRequestLatency", case="s503"}`: {"258ee5f8a146609d"}}},
	"alertmanager-live-0.34.2/cap_slow_01.json": {source: am, severity: "critical", service: "checkout", opens: members{
		`{}/{case="slow"}:{alertname="HighRequestLatency", case="slow"}`: {"957d85a9617244f5"}}},
	"alertmanager-live-0.34.2/cap_slow_02.json": {source: am, severity: "critical", service: "checkout", opens: members{
		`{}/{case="slow"}:{alertname="HighRequestLatency", case="slow"}`: {"957d85a9617244f5"}}},
	"alertmanager-live-0.34.2/cap_trunc_01.json": {source: am, severity: "medium", opens: members{
		`{}/{case="trunc"}:{alertname="KubePodCrashLooping", case="trunc"}`: {"00000608df735d24", "45c971da9e389b47"}}},

	// No groupKey and no groupLabels: grouped by the alert's name.
	"alertmanager-prom2teams/all_ok.json":                   {source: am, severity: "high", resolves: members{`{}:{alertname="DiskSpace"}`: {"dd19ae3d4e06ac55"}}},
	"alertmanager-prom2teams/all_ok_extra_annotations.json": {source: am, severity: "high", resolves: members{`{}:{alertname="DiskSpace"}`: {"dd19ae3d4e06ac55"}}},
	"alertmanager-prom2teams/all_ok_extra_labels.json":      {source: am, severity: "high", service: "fsociety", resolves: members{`{}:{alertname="DiskSpace"}`: {"dd19ae3d4e06ac55"}}},
	// Two alerts with different labels under one fingerprint: ours count.
	"alertmanager-prom2teams/all_ok_multiple.json": {source: am, severity: "high", resolves: members{`{}:{alertname="DiskSpace"}`: {"d7639280ae704875", "73156dd28f7bde77"}}},
	"alertmanager-prom2teams/with_common_items.json": {source: am, severity: "medium", service: "monitoring", resolves: members{
		`{}/{alertname="CPUThrottlingHigh"}:{}`: {"dd19ae3d4e06ac55"}}},
	"alertmanager-prom2teams/without_fingerprint.json":     {source: am, severity: "high", resolves: members{`{}:{alertname="DiskSpace"}`: {"d7639280ae704875"}}},
	"alertmanager-prom2teams/without_instance_field.json":  {source: am, severity: "high", service: "fsociety", resolves: members{`{}:{alertname="DiskSpace"}`: {"dd19ae3d4e06ac55"}}},
	"alertmanager-prom2teams/without_mandatory_field.json": {source: am, quarantined: "an alert (1 of 1) without a status"},
	"alertmanager-prom2teams/without_optional_field.json":  {source: am, severity: "high", service: "fsociety", resolves: members{`{}:{alertname="DiskSpace"}`: {"230df8ca898682ca"}}},

	"alerta-webhooks/alerta-prometheus_v3_alert.json": {source: am, severity: "critical", service: "System", opens: members{`{}:{alertname="failedConnect"}`: {"d2089d8d0f422129"}}},
	"alerta-webhooks/alerta-prometheus_v4_alert.json": {source: am, severity: "critical", opens: members{`{}:{alertname=thing_dead}`: {"2f30fca22fdaa8ef"}}},
	// The body of Alertmanager's own API is a list, and no webhook.
	"alertmanager-apiv2/alertmanager-examples-ha-send_alerts.json": {source: am, quarantined: "is a JSON array"},
	// Another product's webhook at the wrong address.
	"alerta-webhooks/alerta-grafana_alert_alerting.json": {source: am, quarantined: "holds no alerts"},

	"aws-sns-cloudwatch/alerta-cloudwatch_notification.json": {source: sn, severity: "medium", service: "try.alerta.io", opens: members{
		"1234567890:EU (Ireland):bucketbytesAlarm": {"ad13d8c42aa3d4dd"}}},
	"aws-sns-cloudwatch/alerta-cloudwatch_insufficient_data.json":         {source: sn, recorded: "insufficient data"},
	"aws-sns-cloudwatch/alerta-cloudwatch_subscription_confirmation.json": {source: sn, recorded: "https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription"},
	"aws-lambda-go/cloudwatch-alarm-sns-payload-single-metric.json": {source: sn, severity: "medium", service: "TestInstance", opens: members{
		"arn:aws:cloudwatch:REGION:ACCOUNT_NUMBER:alarm:EXAMPLE": {"d1cac71dd2f49256"}}},
	"aws-lambda-go/cloudwatch-alarm-sns-payload-multiple-metrics.json": {source: sn, severity: "medium", service: "TestInstance", opens: members{
		"arn:aws:cloudwatch:REGION:ACCOUNT_NUMBER:alarm:EXAMPLE": {"d1cac71dd2f49256"}}},
	"aws-lambda-go/sns-event.json":         {source: sn, quarantined: `no CloudWatch alarm and no event: "Hello from SNS!"`},
	"aws-lambda-go/sqs-event.json":         {source: sn, quarantined: "no SNS notification"},
	"aws-powertools/snsEvent.json":         {source: sn, quarantined: "no CloudWatch alarm"},
	"aws-powertools/snsSqsEvent.json":      {source: sn, quarantined: "no SNS notification"},
	"aws-powertools/eventBridgeEvent.json": {source: sn, recorded: "in state terminated"},
	"aws-powertools/cloudWatchAlarmEventSingleMetric.json": {source: sn, severity: "medium", opens: members{
		"arn:aws:cloudwatch:eu-west-1:912397435824:alarm:test_alarm": {"2907451d6beff698"}}},
	"aws-powertools/cloudWatchAlarmEventCompositeMetric.json": {source: sn, severity: "medium", opens: members{
		"arn:aws:cloudwatch:us-east-1:111122223333:alarm:SuppressionDemo.Main": {"cee7d4ffb2daf709"}}},

	// Data that is not what it says is left out; the event itself is sound.
	"cloudevents/json-format-01.json": {source: ce, opens: members{"/mycontext com.example.someevent": {"d44f141107e78f03"}}},
	"cloudevents/json-format-02.json": {source: ce, opens: members{"/mycontext com.example.someevent": {"d44f141107e78f03"}}},
	"cloudevents/json-format-03.json": {source: ce, opens: members{"/mycontext com.example.someevent": {"d44f141107e78f03"}}},
	"cloudevents/json-format-04.json": {source: ce, opens: members{"/mycontext com.example.someevent": {"d44f141107e78f03"}}},
	"cloudevents/json-format-05.json": {source: ce, opens: members{"/mycontext com.example.someevent": {"d44f141107e78f03"}}},
	"cloudevents/json-format-06.json": {source: ce, opens: members{"/mycontext com.example.someevent": {"d44f141107e78f03"}}},
	"cloudevents/json-format-07.json": {source: ce, opens: members{
		"/mycontext/4 com.example.someevent": {"1df16b19e46c6544"}, "/mycontext/9 com.example.someotherevent": {"40b7a9da15f3bae2"}}},
	"aws-eventbridge/custodian-event-instance-state.json": {source: ce, quarantined: `has no "specversion"`},
}

// whole are the folders of which every file has its reading.
var whole = []string{"alertmanager-live-0.34.2", "alertmanager-prom2teams", "aws-sns-cloudwatch", "cloudevents"}

func TestCorpus(t *testing.T) {
	dir := corpus(t)
	for file, want := range readings {
		t.Run(file, func(t *testing.T) {
			res, err := parseFile(t, want.source, filepath.Join(dir, filepath.FromSlash(file)))
			if want.quarantined != "" {
				wantInvalid(t, err, want.quarantined)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if want.recorded != "" {
				if len(res.Alerts) != 0 || !strings.Contains(res.Note, want.recorded) {
					t.Fatalf("got %+v, want a note with %q", res, want.recorded)
				}
				return
			}
			opens, resolves := members{}, members{}
			for _, a := range res.Alerts {
				if a.Status == incident.AlertFiring {
					opens[a.CorrelationKey] = append(opens[a.CorrelationKey], a.Fingerprint)
				} else {
					resolves[a.CorrelationKey] = append(resolves[a.CorrelationKey], a.Fingerprint)
				}
			}
			if !reflect.DeepEqual(opens, orEmpty(want.opens)) || !reflect.DeepEqual(resolves, orEmpty(want.resolves)) {
				t.Fatalf("opens %v, resolves %v\nwant  %v, resolves %v", opens, resolves, want.opens, want.resolves)
			}
			if a := res.Alerts[0]; a.Severity != want.severity || a.Service != want.service || a.InboxID != 7 || !a.ReceivedAt.Equal(receivedAt) {
				t.Errorf("severity %q, service %q, inbox %d, received %v; want %q, %q", a.Severity, a.Service, a.InboxID, a.ReceivedAt, want.severity, want.service)
			}
		})
	}
	for _, folder := range whole {
		files, err := filepath.Glob(filepath.Join(dir, folder, "*.json"))
		if err != nil || len(files) == 0 {
			t.Fatalf("folder %s: %d files, %v", folder, len(files), err)
		}
		for _, f := range files {
			if _, ok := readings[folder+"/"+filepath.Base(f)]; !ok {
				t.Errorf("%s/%s has no reading", folder, filepath.Base(f))
			}
		}
	}
}

func orEmpty(m members) members {
	if m == nil {
		return members{}
	}
	return m
}

// Alertmanager sent this again because it did not get our answer in time.
func TestRepeatedDeliveryIsTheSameAlert(t *testing.T) {
	dir := corpus(t)
	var got [2]incident.Alert
	for i, name := range []string{"cap_slow_01.json", "cap_slow_02.json"} {
		res, err := parseFile(t, am, filepath.Join(dir, "alertmanager-live-0.34.2", name))
		if err != nil || len(res.Alerts) != 1 {
			t.Fatalf("%s: %+v, %v", name, res, err)
		}
		got[i] = res.Alerts[0]
	}
	if got[0].CorrelationKey != got[1].CorrelationKey || got[0].ContentKey() != got[1].ContentKey() {
		t.Errorf("%+v\nand\n%+v", got[0], got[1])
	}
}

// The fingerprints in the captures are Alertmanager's own, so ours must be the
// same where they are left out.
func TestFingerprintIsAlertmanagers(t *testing.T) {
	dir := corpus(t)
	for _, name := range []string{"cap_ok_01.json", "cap_s503_01.json", "cap_trunc_01.json"} {
		raw, err := os.ReadFile(filepath.Join(dir, "alertmanager-live-0.34.2", name))
		if err != nil {
			t.Fatal(err)
		}
		with, err := intake.Parse(delivery(am, string(raw)))
		if err != nil {
			t.Fatal(err)
		}
		without, err := intake.Parse(delivery(am, strings.ReplaceAll(string(raw), `"fingerprint"`, `"ignored"`)))
		if err != nil {
			t.Fatal(err)
		}
		for i, a := range without.Alerts {
			if a.Fingerprint != with.Alerts[i].Fingerprint {
				t.Errorf("%s, alert %d: computed %s, sent %s", name, i, a.Fingerprint, with.Alerts[i].Fingerprint)
			}
		}
	}
}

func wantInvalid(t *testing.T, err error, words string) {
	t.Helper()
	if err == nil || incident.KindOf(err) != incident.KindInvalid || !strings.Contains(err.Error(), words) {
		t.Fatalf("got error %v, want one of kind invalid with %q", err, words)
	}
}
