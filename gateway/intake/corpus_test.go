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
// their members' fingerprints, in order. A file that is read from more than one
// source has " as " and the source after its name.
type reading struct {
	source      string
	opens       map[string][]string
	resolves    map[string][]string // nothing is open: no open problem
	quarantined string              // words of the reason
	recorded    string              // words of the note
	severity    incident.Severity   // of the first alert
	service     string              // of the first alert
	start       string              // of the first alert; empty where the source says none
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
	"alertmanager-live-0.34.2/cap_ok_01.json": {source: am, start: "2026-11-23T00:24:52.591145807Z", opens: members{`{}:{alertname="DiskRunningFull"}`: {
		"8320f0af89d48747", "e1d3beb1bb24a40c", "831ef0af89d40470", "74eed9368316aaba", "7666d3970f6e15cf", "6543bc164be4f176"}}},
	"alertmanager-live-0.34.2/cap_s429_04.json": {source: am, start: "2026-11-23T00:24:52.615887208Z", severity: "critical", service: "checkout", resolves: members{
		`{}/{case="s429"}:{alertname="HighRequestLatency", case="s429"}`: {"f5f954f0d902cfde"}}},
	"alertmanager-live-0.34.2/cap_s503_01.json": {source: am, start: "2026-11-23T00:24:52.603868498Z", severity: "critical", service: "checkout", opens: members{
		`{}/{case="s503"}:{alertname="HighRequestLatency", case="s503"}`: {"258ee5f8a146609d"}}},
	"alertmanager-live-0.34.2/cap_s503_05.json": {source: am, start: "2026-11-23T00:24:52.603868498Z", severity: "critical", service: "checkout", resolves: members{
		`{}/{case="s503"}:{alertname="HighRequestLatency", case="s503"}`: {"258ee5f8a146609d"}}},
	"alertmanager-live-0.34.2/cap_slow_01.json": {source: am, start: "2026-11-23T00:24:52.641144318Z", severity: "critical", service: "checkout", opens: members{
		`{}/{case="slow"}:{alertname="HighRequestLatency", case="slow"}`: {"957d85a9617244f5"}}},
	"alertmanager-live-0.34.2/cap_slow_02.json": {source: am, start: "2026-11-23T00:24:52.641144318Z", severity: "critical", service: "checkout", opens: members{
		`{}/{case="slow"}:{alertname="HighRequestLatency", case="slow"}`: {"957d85a9617244f5"}}},
	"alertmanager-live-0.34.2/cap_trunc_01.json": {source: am, start: "2026-11-23T00:24:52.813119505Z", severity: "medium", opens: members{
		`{}/{case="trunc"}:{alertname="KubePodCrashLooping", case="trunc"}`: {"00000608df735d24", "45c971da9e389b47"}}},

	// No groupKey and no groupLabels: grouped by the alert's name.
	"alertmanager-prom2teams/all_ok.json":                   {source: am, start: "2017-05-09T07:01:37.803Z", severity: "high", resolves: members{`{}:{alertname="DiskSpace"}`: {"dd19ae3d4e06ac55"}}},
	"alertmanager-prom2teams/all_ok_extra_annotations.json": {source: am, start: "2017-05-09T07:01:37.803Z", severity: "high", resolves: members{`{}:{alertname="DiskSpace"}`: {"dd19ae3d4e06ac55"}}},
	"alertmanager-prom2teams/all_ok_extra_labels.json":      {source: am, start: "2017-05-09T07:01:37.803Z", severity: "high", service: "fsociety", resolves: members{`{}:{alertname="DiskSpace"}`: {"dd19ae3d4e06ac55"}}},
	// Two alerts with different labels under one fingerprint: ours count.
	"alertmanager-prom2teams/all_ok_multiple.json": {source: am, start: "2017-05-09T07:01:37.803Z", severity: "high", resolves: members{`{}:{alertname="DiskSpace"}`: {"d7639280ae704875", "73156dd28f7bde77"}}},
	"alertmanager-prom2teams/with_common_items.json": {source: am, start: "2019-01-28T20:26:23.868893Z", severity: "medium", service: "monitoring", resolves: members{
		`{}/{alertname="CPUThrottlingHigh"}:{}`: {"dd19ae3d4e06ac55"}}},
	"alertmanager-prom2teams/without_fingerprint.json":     {source: am, start: "2017-05-09T07:01:37.803Z", severity: "high", resolves: members{`{}:{alertname="DiskSpace"}`: {"d7639280ae704875"}}},
	"alertmanager-prom2teams/without_instance_field.json":  {source: am, start: "2017-05-09T07:01:37.803Z", severity: "high", service: "fsociety", resolves: members{`{}:{alertname="DiskSpace"}`: {"dd19ae3d4e06ac55"}}},
	"alertmanager-prom2teams/without_mandatory_field.json": {source: am, quarantined: "an alert (1 of 1) without a status"},
	"alertmanager-prom2teams/without_optional_field.json":  {source: am, start: "2017-05-09T07:01:37.803Z", severity: "high", service: "fsociety", resolves: members{`{}:{alertname="DiskSpace"}`: {"230df8ca898682ca"}}},

	"alerta-webhooks/alerta-prometheus_v3_alert.json": {source: am, start: "2016-08-01T10:27:08.008Z", severity: "critical", service: "System", opens: members{`{}:{alertname="failedConnect"}`: {"d2089d8d0f422129"}}},
	"alerta-webhooks/alerta-prometheus_v4_alert.json": {source: am, start: "2017-08-03T19:17:37.804Z", severity: "critical", opens: members{`{}:{alertname=thing_dead}`: {"2f30fca22fdaa8ef"}}},
	// The body of Alertmanager's own API is a list, and no webhook.
	"alertmanager-apiv2/alertmanager-examples-ha-send_alerts.json": {source: am, quarantined: "is a JSON array"},
	// Another product's webhook at the wrong address.
	"alerta-webhooks/alerta-grafana_alert_alerting.json as alertmanager": {source: am, quarantined: "holds no alerts"},

	"aws-sns-cloudwatch/alerta-cloudwatch_notification.json": {source: sn, start: "2019-02-15T23:53:45.093Z", severity: "medium", service: "try.alerta.io", opens: members{
		"1234567890:EU (Ireland):bucketbytesAlarm": {"ad13d8c42aa3d4dd"}}},
	"aws-sns-cloudwatch/alerta-cloudwatch_insufficient_data.json":         {source: sn, recorded: "insufficient data"},
	"aws-sns-cloudwatch/alerta-cloudwatch_subscription_confirmation.json": {source: sn, recorded: "https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription"},
	"aws-lambda-go/cloudwatch-alarm-sns-payload-single-metric.json": {source: sn, start: "2015-06-03T17:43:27.123Z", severity: "medium", service: "TestInstance", opens: members{
		"arn:aws:cloudwatch:REGION:ACCOUNT_NUMBER:alarm:EXAMPLE": {"d1cac71dd2f49256"}}},
	"aws-lambda-go/cloudwatch-alarm-sns-payload-multiple-metrics.json": {source: sn, start: "2015-06-03T17:43:27.123Z", severity: "medium", service: "TestInstance", opens: members{
		"arn:aws:cloudwatch:REGION:ACCOUNT_NUMBER:alarm:EXAMPLE": {"d1cac71dd2f49256"}}},
	"aws-lambda-go/sns-event.json":                {source: sn, quarantined: `no CloudWatch alarm and no event: "Hello from SNS!"`},
	"aws-lambda-go/sqs-event.json as sns":         {source: sn, quarantined: "no SNS notification"},
	"aws-powertools/snsEvent.json":                {source: sn, quarantined: "no CloudWatch alarm"},
	"aws-powertools/snsSqsEvent.json as sns":      {source: sn, quarantined: "no SNS notification"},
	"aws-powertools/eventBridgeEvent.json as sns": {source: sn, recorded: "in state terminated"},
	"aws-powertools/cloudWatchAlarmEventSingleMetric.json as sns": {source: sn, start: "2024-02-17T11:53:08.431Z", severity: "medium", opens: members{
		"arn:aws:cloudwatch:eu-west-1:912397435824:alarm:test_alarm": {"2907451d6beff698"}}},
	"aws-powertools/cloudWatchAlarmEventCompositeMetric.json as sns": {source: sn, start: "2023-08-04T12:56:46.138Z", severity: "medium", opens: members{
		"arn:aws:cloudwatch:us-east-1:111122223333:alarm:SuppressionDemo.Main": {"cee7d4ffb2daf709"}}},

	// Data that is not what it says is left out; the event itself is sound.
	"cloudevents/json-format-01.json": {source: ce, start: "2018-04-05T17:31:00Z", opens: members{"/mycontext com.example.someevent": {"d44f141107e78f03"}}},
	"cloudevents/json-format-02.json": {source: ce, start: "2018-04-05T17:31:00Z", opens: members{"/mycontext com.example.someevent": {"d44f141107e78f03"}}},
	"cloudevents/json-format-03.json": {source: ce, start: "2018-04-05T17:31:00Z", opens: members{"/mycontext com.example.someevent": {"d44f141107e78f03"}}},
	"cloudevents/json-format-04.json": {source: ce, start: "2018-04-05T17:31:00Z", opens: members{"/mycontext com.example.someevent": {"d44f141107e78f03"}}},
	"cloudevents/json-format-05.json": {source: ce, start: "2018-04-05T17:31:00Z", opens: members{"/mycontext com.example.someevent": {"d44f141107e78f03"}}},
	"cloudevents/json-format-06.json": {source: ce, opens: members{"/mycontext com.example.someevent": {"d44f141107e78f03"}}},
	"cloudevents/json-format-07.json": {source: ce, start: "2018-04-05T17:31:00Z", opens: members{
		"/mycontext/4 com.example.someevent": {"1df16b19e46c6544"}, "/mycontext/9 com.example.someotherevent": {"40b7a9da15f3bae2"}}},
	"aws-eventbridge/custodian-event-instance-state.json as cloudevents": {source: ce, quarantined: `has no "specversion"`},

	// Queues: what the messages hold decides.
	"aws-lambda-go/sqs-event.json":             {source: sq, quarantined: `neither an alarm nor an event: "Message Body"`},
	"aws-powertools/snsSqsEvent.json":          {source: sq, quarantined: "no CloudWatch alarm and no event"},
	"aws-powertools/snsSqsFifoEvent.json":      {source: sq, quarantined: "no CloudWatch alarm and no event"},
	"aws-lambda-go/kafka-event.json":           {source: sq, quarantined: "JSON object at Records"},
	"aws-powertools/cloudWatchLogEvent.json":   {source: cw, quarantined: "no CloudWatch alarm"},
	"aws-lambda-go/cloudwatch-logs-event.json": {source: cw, quarantined: "no CloudWatch alarm"},

	"aws-powertools/cloudWatchAlarmEventSingleMetric.json": {source: cw, start: "2024-02-17T11:53:08.431Z", severity: "medium", opens: members{
		`arn:aws:cloudwatch:eu-west-1:912397435824:alarm:test_alarm`: {"2907451d6beff698"}}},
	"aws-powertools/cloudWatchAlarmEventCompositeMetric.json": {source: cw, start: "2023-08-04T12:56:46.138Z", severity: "medium", opens: members{
		`arn:aws:cloudwatch:us-east-1:111122223333:alarm:SuppressionDemo.Main`: {"cee7d4ffb2daf709"}}},

	"aws-powertools/eventBridgeEvent.json":                         {source: eb, recorded: "in state terminated"},
	"aws-eventbridge/custodian-event-instance-state.json":          {source: eb, recorded: "in state pending"},
	"aws-eventbridge/custodian-sqs-discover.json":                  {source: eb, recorded: `"Config Configuration Item Change"`},
	"aws-lambda-go/codepipeline-execution-state-change-event.json": {source: eb, recorded: "in state STARTED"},
	// What Config and CloudTrail hand over themselves is no event.
	"aws-eventbridge/custodian-event-config-rule-instance.json":      {source: eb, quarantined: `no "detail-type"`},
	"aws-eventbridge/custodian-event-cloud-trail-run-instances.json": {source: eb, quarantined: `no "detail-type"`},
	"aws-powertools/bedrockAgentEvent.json":                          {source: eb, quarantined: `no "detail-type"`},
	"aws-powertools/bedrockAgentPostEvent.json":                      {source: eb, quarantined: `no "detail-type"`},
	"aws-lambda-go/autoscaling-event-launch-unsuccessful.json": {source: eb, start: "1970-01-01T00:00:00Z", service: "my-auto-scaling-group", opens: members{
		`autoscaling:123456789012:us-west-2:my-auto-scaling-group`: {"5e6f89458264c030"}}},
	"aws-lambda-go/autoscaling-event-terminate-unsuccessful.json": {source: eb, start: "1970-01-01T00:00:00Z", service: "my-auto-scaling-group", opens: members{
		`autoscaling:123456789012:us-west-2:my-auto-scaling-group`: {"e7dd2c60cb47fc61"}}},
	"aws-eventbridge/custodian-event-asg-instance-failed.json": {source: eb, start: "2016-05-21T16:43:34Z", service: "CustodianTest", opens: members{
		`autoscaling:619193117841:us-west-2:CustodianTest`: {"83bd40f4c646b2b2"}}},
	"aws-lambda-go/codedeploy-deployment-event.json": {source: eb, start: "2016-06-30T22:06:31Z", service: "myApplication", resolves: members{
		`codedeploy:123456789012:us-east-1:myApplication/myDeploymentGroup`: {"dfa557d023666ae0"}}},
	"aws-lambda-go/ecr-image-scan-event.json": {source: eb, start: "2019-10-30T21:32:27Z", severity: "critical", opens: members{
		`ecr:123456789012:eu-north-1:tribble-image-scan-test`: {"6a84d12f3213724a"}}},
	"aws-lambda-go/ecs-container-instance-state-change.json": {source: eb, start: "2016-12-06T16:41:06Z", resolves: members{
		`ecs-instance:111122223333:us-east-1:default/b54a2a04-046f-4331-9d74-3f6d7f6ca315`: {"133db7f1a5241d72"}}},

	"pagerduty-v3/go-pagerduty-priority_updated.json": {source: pd, start: "2021-04-26T17:36:27.458Z", severity: "critical", service: "API Service", opens: members{
		`PGR0VU2`: {"08e6faeed76579f5"}}},

	// Legacy Grafana says no times.
	"alerta-webhooks/alerta-grafana_example.json": {source: gf, opens: members{
		`grafana:url.to.grafana:rule:1`: {"fae46d39bd665f04"}}},
	"alerta-webhooks/alerta-grafana_alert_alerting.json": {source: gf, service: "monitoring", opens: members{
		`grafana:grafana.domain.tld:rule:7`: {"f3f3dc41c5d7dc29"}}},
	"alerta-webhooks/alerta-grafana_alert_ok.json": {source: gf, resolves: members{
		`grafana:grafana.domain.tld:rule:7`: {"f3f3dc41c5d7dc29"}}},
	"alerta-webhooks/alerta-grafana_6.json": {source: gf, severity: "medium", service: "Physical", opens: members{
		`grafana:grafana.logreposit.com:rule:58`: {"487caac980b53490"}}},
}

// mappedElsewhere are read by mapping files, under sources of their own; their
// readings are with the mappings.
var mappedElsewhere = map[string]bool{
	"alerta-webhooks/alerta-graylog_notification.json":   true,
	"alerta-webhooks/alerta-new_relic_notification.json": true,
	"alerta-webhooks/alerta-pagerduty_alert.json":        true,
	"alerta-webhooks/alerta-pingdom_down.json":           true,
	"alerta-webhooks/alerta-pingdom_up.json":             true,
	"alerta-webhooks/alerta-riemann_alert.json":          true,
	"alerta-webhooks/alerta-stackdriver_closed.json":     true,
	"alerta-webhooks/alerta-stackdriver_open.json":       true,
	"alerta-webhooks/alerta-telegram_ack.json":           true,
	"alerta-webhooks/alerta-telegram_close.json":         true,
	"alerta-webhooks/alerta-vmware_vrealize.json":        true,
}

func TestCorpus(t *testing.T) {
	dir := corpus(t)
	read := map[string]bool{}
	for name, want := range readings {
		file, _, _ := strings.Cut(name, " as ")
		read[file] = true
		t.Run(name, func(t *testing.T) {
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
			var start time.Time
			if want.start != "" {
				if start, err = time.Parse(time.RFC3339, want.start); err != nil {
					t.Fatal(err)
				}
			}
			if a := res.Alerts[0]; !a.StartsAt.Equal(start) {
				t.Errorf("starts at %v, want %v", a.StartsAt, start)
			}
		})
	}
	// Every file has a reading, here or with the mappings.
	files := 0
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Ext(path) != ".json" {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		file := filepath.ToSlash(rel)
		files++
		if read[file] == mappedElsewhere[file] {
			t.Errorf("%s: has a reading here %v, is mapped elsewhere %v; exactly one must be so", file, read[file], mappedElsewhere[file])
		}
		return nil
	})
	if want := len(read) + len(mappedElsewhere); err != nil || files != want {
		t.Errorf("%d files, %v; the tables have %d", files, err, want)
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
