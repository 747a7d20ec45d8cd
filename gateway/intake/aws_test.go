package intake_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"vigil/gateway/intake"
	"vigil/workflows/incident"
)

func at(clock string) time.Time {
	t, err := time.Parse(time.RFC3339, "2026-11-23T"+clock+"Z")
	if err != nil {
		panic(err)
	}
	return t
}

// said is what is looked at of an alert.
type said struct {
	key, title, service string
	status              incident.AlertStatus
	severity            incident.Severity
	starts              time.Time
}

func saidOf(a incident.Alert) said {
	return said{a.CorrelationKey, a.Title, a.Service, a.Status, a.Severity, a.StartsAt}
}

func wantSaid(t *testing.T, res intake.Result, want ...said) {
	t.Helper()
	if len(res.Alerts) != len(want) {
		t.Fatalf("%d alerts, want %d: %+v", len(res.Alerts), len(want), res)
	}
	for i, a := range res.Alerts {
		if got := saidOf(a); got != want[i] {
			t.Errorf("alert %d\ngot  %+v\nwant %+v", i, got, want[i])
		}
	}
}

func TestCompositeAlarm(t *testing.T) {
	res := mustParse(t, delivery(cw, fixture(t, "cloudwatch_composite_ok.json")))
	wantSaid(t, res, said{"arn:aws:cloudwatch:us-east-1:000000000000:alarm:prod-shop-P2", "prod-shop-P2", "", "resolved", "high", at("14:30:00")})
	for name, want := range map[string]string{"alarm_rule": "ALARM(prod-checkout) OR ALARM(prod-orders)", "actions_suppressor": "maintenance",
		"actions_suppressor_wait_period": "120", "actions_suppressor_extension_period": "180", "actions_suppressed_by": "Alarm",
		"actions_suppressed_reason": "Actions suppressed by maintenance"} {
		if got := res.Alerts[0].Labels[name]; got != want {
			t.Errorf("label %s is %q, want %q", name, got, want)
		}
	}
	wantInvalid(t, second(intake.Parse(delivery(cw, `{"a":1}`))), "is no CloudWatch alarm")
	note := mustParse(t, delivery(cw, strings.Replace(fixture(t, "cloudwatch_composite_ok.json"), `"value": "OK"`, `"value": "INSUFFICIENT_DATA"`, 1)))
	if len(note.Alerts) != 0 || !strings.Contains(note.Note, "insufficient data") {
		t.Errorf("%+v", note)
	}
}

func TestFindings(t *testing.T) {
	const title = "Bitcoin-related domain name queried by EC2 instance i-0123456789abcdef0."
	created := at("14:00:00").Add(123 * time.Millisecond)
	want := said{"guardduty:000000000000:us-east-1:16afba5c5c43e07c9e3e5e2e544e95df", title, "", "firing", "high", created}
	camel := mustParse(t, delivery(eb, fixture(t, "guardduty_camel.json")))
	wantSaid(t, camel, want)
	pascal := mustParse(t, delivery(eb, fixture(t, "guardduty_pascal.json")))
	want.status = "resolved" // it was archived
	wantSaid(t, pascal, want)
	if camel.Alerts[0].Fingerprint != pascal.Alerts[0].Fingerprint || camel.Alerts[0].Labels["instance"] != "i-0123456789abcdef0" ||
		pascal.Alerts[0].Labels["instance"] != "i-0123456789abcdef0" || pascal.Alerts[0].EndsAt.IsZero() {
		t.Errorf("%+v\nand\n%+v", camel, pascal)
	}
	// The bands are AWS's own.
	for number, severity := range map[string]incident.Severity{"1": "low", "3.9": "low", "4": "medium", "6.9": "medium", "7.0": "high", "8.9": "high", "9": "critical", "10": "critical",
		"0": "low", "11": "", "-1": "", `"x"`: "", `"NaN"`: "", "null": ""} {
		res := mustParse(t, delivery(eb, strings.Replace(fixture(t, "guardduty_camel.json"), `"severity": 8,`, `"severity": `+number+`,`, 1)))
		if got := res.Alerts[0].Severity; got != severity {
			t.Errorf("severity %s is %q, want %q", number, got, severity)
		}
	}

	const hub = "arn:aws:securityhub:us-east-1:000000000000:control/"
	wantSaid(t, mustParse(t, delivery(eb, fixture(t, "securityhub.json"))),
		said{hub + "S3.8/finding/1", "S3.8 block public access", "", "firing", "high", at("14:00:00")},
		said{hub + "S3.9/finding/2", "S3.9 access logs", "", "resolved", "medium", time.Date(2026, 11, 20, 14, 0, 0, 0, time.UTC)})
	for state, over := range map[string]bool{`"RecordState":"ARCHIVED"`: true, `"Workflow":{"Status":"SUPPRESSED"}`: true, `"Workflow":{"Status":"NOTIFIED"}`: false,
		`"Compliance":{"Status":"WARNING"}`: false, `"Compliance":{"Status":"PASSED"}`: true} {
		a := mustParse(t, delivery(eb, `{"detail-type":"Security Hub Findings - Imported","detail":{"findings":[{"Id":"i",`+state+`}]}}`)).Alerts[0]
		if (a.Status == incident.AlertResolved) != over {
			t.Errorf("%s: %s", state, a.Status)
		}
	}
}

func TestHealthEvents(t *testing.T) {
	body := fixture(t, "health_array.json")
	res := mustParse(t, delivery(eb, body))
	issue := said{"arn:aws:health:us-east-1::event/EC2/AWS_EC2_OPERATIONAL_ISSUE/AWS_EC2_OPERATIONAL_ISSUE_1",
		"AWS Health: AWS_EC2_OPERATIONAL_ISSUE", "EC2", "firing", "high", at("13:50:00")}
	planned := said{"arn:aws:health:us-east-1::event/RDS/AWS_RDS_MAINTENANCE_SCHEDULED/AWS_RDS_MAINTENANCE_SCHEDULED_1",
		"AWS Health: AWS_RDS_MAINTENANCE_SCHEDULED", "RDS", "firing", "low", time.Date(2026, 12, 8, 2, 0, 0, 0, time.UTC)}
	wantSaid(t, res, issue, planned)
	if res.Alerts[0].Labels["entities"] != "i-0123456789abcdef0" || res.Alerts[0].Labels["region"] != "us-east-1" {
		t.Errorf("labels %v", res.Alerts[0].Labels)
	}
	closed := mustParse(t, delivery(eb, strings.Replace(body, `"statusCode": "open"`, `"statusCode": "closed", "endTime": "Mon, 23 Nov 2026 14:20:00 GMT"`, 1))).Alerts[0]
	if closed.Status != incident.AlertResolved || closed.Fingerprint != res.Alerts[0].Fingerprint || !closed.EndsAt.Equal(at("14:20:00")) {
		t.Errorf("%+v", closed)
	}
	// The same event by way of the backup region is the same member.
	backup := mustParse(t, delivery(eb, strings.Replace(body, `"region": "us-west-2"`, `"region": "us-east-1"`, 1))).Alerts[0]
	if backup.ContentKey() != res.Alerts[0].ContentKey() {
		t.Errorf("%+v", backup)
	}
	// An old event has no status; one that only tells of the account is no problem.
	old := mustParse(t, delivery(eb, `{"detail-type":"AWS Health Event","detail":{"eventArn":"a","eventTypeCategory":"issue","endTime":"Mon, 23 Nov 2026 14:20:00 GMT"}}`)).Alerts[0]
	if old.Status != incident.AlertResolved {
		t.Errorf("%+v", old)
	}
	note := mustParse(t, delivery(eb, `{"detail-type":"AWS Health Event","detail":{"eventArn":"a","eventTypeCategory":"accountNotification","eventTypeCode":"CODE"}}`))
	if len(note.Alerts) != 0 || !strings.Contains(note.Note, "accountNotification: CODE") {
		t.Errorf("%+v", note)
	}
}

func TestECS(t *testing.T) {
	failed := mustParse(t, delivery(eb, fixture(t, "ecs_deployment_failed.json")))
	const key = "ecs:000000000000:us-east-1:prod/checkout"
	wantSaid(t, failed, said{key, "ECS service checkout: SERVICE_DEPLOYMENT_FAILED", "checkout", "firing", "high", at("14:04:00")})
	stopped := mustParse(t, delivery(eb, fixture(t, "ecs_task_stopped.json")))
	wantSaid(t, stopped, said{key, "ECS task of checkout: Essential container in task exited", "checkout", "firing", "", at("14:03:00")})
	if !strings.Contains(stopped.Alerts[0].Description, "Container app exit code 137 OutOfMemoryError") {
		t.Errorf("description %q", stopped.Alerts[0].Description)
	}
	service := func(kind, name string) string {
		return `{"detail-type":"ECS Service Action","source":"aws.ecs","account":"000000000000","region":"us-east-1","time":"2026-11-23T14:09:00Z",
			"resources":["arn:aws:ecs:us-east-1:000000000000:service/prod/checkout"],
			"detail":{"eventType":"` + kind + `","eventName":"` + name + `","clusterArn":"arn:aws:ecs:us-east-1:000000000000:cluster/prod"}}`
	}
	steady := mustParse(t, delivery(eb, service("INFO", "SERVICE_STEADY_STATE")))
	wantSaid(t, steady, said{key, "ECS service checkout: SERVICE_STEADY_STATE", "checkout", "resolved", "", at("14:09:00")})
	if steady.Alerts[0].Fingerprint != failed.Alerts[0].Fingerprint || steady.Alerts[0].Fingerprint != stopped.Alerts[0].Fingerprint {
		t.Error("steady state does not end what began")
	}
	wantSaid(t, mustParse(t, delivery(eb, service("WARN", "SERVICE_TASK_START_IMPAIRED"))),
		said{key, "ECS service checkout: SERVICE_TASK_START_IMPAIRED", "checkout", "firing", "medium", at("14:09:00")})
	wantRecorded(t, delivery(eb, service("INFO", "SERVICE_DESIRED_COUNT_UPDATED")).Body, "SERVICE_DESIRED_COUNT_UPDATED")

	task := fixture(t, "ecs_task_stopped.json")
	for name, c := range map[string]struct {
		replace []string
		want    string // firing, resolved or recorded
	}{
		"scaled in":             {[]string{`"EssentialContainerExited"`, `"ServiceSchedulerInitiated"`, `"Essential container in task exited"`, `"Scaling activity initiated by deployment"`}, "recorded"},
		"failed a health check": {[]string{`"EssentialContainerExited"`, `"ServiceSchedulerInitiated"`, `"Essential container in task exited"`, `"Task failed ELB health checks in (target-group x)"`}, "firing"},
		"by a person":           {[]string{`"EssentialContainerExited"`, `"UserInitiated"`}, "recorded"},
		"spot":                  {[]string{`"EssentialContainerExited"`, `"SpotInterruption"`}, "recorded"},
		"could not start":       {[]string{`"EssentialContainerExited"`, `"TaskFailedToStart"`}, "firing"},
		"running": {[]string{`"lastStatus": "STOPPED", "stopCode"`, `"lastStatus": "RUNNING", "x"`, `"lastStatus": "STOPPED",
`, `"lastStatus": "RUNNING",
`}, "recorded"},
		"a job that failed":          {[]string{"service:checkout", "family:report"}, "firing"},
		"a job that ended well":      {[]string{"service:checkout", "family:report", `137, "reason": "OutOfMemoryError: Container killed due to memory usage"`, `0`}, "resolved"},
		"a service's task ended":     {[]string{`137, "reason": "OutOfMemoryError: Container killed due to memory usage"`, `0`}, "recorded"},
		"ended without a word of it": {[]string{`"exitCode": 137, "reason": "OutOfMemoryError: Container killed due to memory usage"`, `"x": 0`}, "recorded"},
	} {
		res := mustParse(t, delivery(eb, strings.NewReplacer(c.replace...).Replace(task)))
		got := "recorded"
		if len(res.Alerts) == 1 {
			got = string(res.Alerts[0].Status)
		}
		if got != c.want {
			t.Errorf("%s: %s, want %s: %+v", name, got, c.want, res)
		}
	}
	for status, want := range map[string]string{`"status":"REGISTRATION_FAILED","statusReason":"no"`: "firing", `"status":"ACTIVE","agentConnected":true`: "resolved",
		`"status":"ACTIVE","agentConnected":false`: "", `"status":"DRAINING","agentConnected":true`: ""} {
		res := mustParse(t, delivery(eb, `{"detail-type":"ECS Container Instance State Change","detail":{"containerInstanceArn":"a/b",`+status+`}}`))
		if got := len(res.Alerts); (got == 1) != (want != "") || got == 1 && string(res.Alerts[0].Status) != want {
			t.Errorf("%s: %+v", status, res)
		}
	}
}

func wantRecorded(t *testing.T, body []byte, words string) {
	t.Helper()
	res := mustParse(t, delivery(eb, string(body)))
	if len(res.Alerts) != 0 || !strings.Contains(res.Note, words) {
		t.Errorf("%+v, want a note with %q", res, words)
	}
}

func TestOutcomes(t *testing.T) {
	action := mustParse(t, delivery(eb, fixture(t, "codepipeline_action_failed.json")))
	wantSaid(t, action, said{"codepipeline:000000000000:us-east-1:shop", "CodePipeline action shop/Deploy/Checkout FAILED", "", "firing", "", at("14:06:00")})
	if !strings.Contains(action.Alerts[0].Description, "Deployment d-123 failed") {
		t.Errorf("description %q", action.Alerts[0].Description)
	}
	event := func(kind, detail string) string {
		return fmt.Sprintf(`{"detail-type":%q,"source":"aws.x","account":"1","region":"r","time":"2026-11-23T14:06:00Z","detail":{%s}}`, kind, detail)
	}
	fixed := mustParse(t, delivery(eb, strings.Replace(fixture(t, "codepipeline_action_failed.json"), "FAILED", "SUCCEEDED", 1))).Alerts[0]
	whole := mustParse(t, delivery(eb, event("CodePipeline Pipeline Execution State Change", `"pipeline":"shop","state":"FAILED"`))).Alerts[0]
	if fixed.Fingerprint != action.Alerts[0].Fingerprint || fixed.Status != incident.AlertResolved || whole.Fingerprint == fixed.Fingerprint {
		t.Errorf("action %+v, pipeline %+v", fixed, whole)
	}
	const deploy, scale = "CodeDeploy Deployment State-change Notification", "EC2 Instance "
	for _, c := range []struct{ kind, detail, want, key string }{
		{deploy, `"application":"a","deploymentGroup":"g","state":"FAILURE"`, "firing", "codedeploy:1:r:a/g"},
		{deploy, `"application":"a","deploymentGroup":"g","state":"STOPPED"`, "firing", "codedeploy:1:r:a/g"},
		{deploy, `"application":"a","deploymentGroup":"g","state":"SUCCESS"`, "resolved", "codedeploy:1:r:a/g"},
		{deploy, `"application":"a","deploymentGroup":"g","state":"START"`, "", ""},
		{"CodePipeline Stage Execution State Change", `"pipeline":"p","stage":"s","state":"FAILED"`, "firing", "codepipeline:1:r:p"},
		{"CodePipeline Pipeline Execution State Change", `"pipeline":"p","state":"SUCCEEDED"`, "resolved", "codepipeline:1:r:p"},
		{"CodePipeline Pipeline Execution State Change", `"pipeline":"p","state":"SUPERSEDED"`, "", ""},
		{"CodeBuild Build State Change", `"project-name":"b","build-status":"TIMED_OUT"`, "firing", "codebuild:1:r:b"},
		{"CodeBuild Build State Change", `"project-name":"b","build-status":"IN_PROGRESS"`, "", ""},
		{"Step Functions Execution Status Change", `"stateMachineArn":"arn:m","status":"FAILED"`, "firing", "stepfunctions:1:r:arn:m"},
		{"Step Functions Execution Status Change", `"stateMachineArn":"arn:m","status":"ABORTED"`, "", ""},
		{"Batch Job State Change", `"jobQueue":"q","jobName":"j","status":"SUCCEEDED"`, "resolved", "batch:1:r:q/j"},
		{"Glue Job State Change", `"jobName":"j","state":"TIMEOUT"`, "firing", "glue:1:r:j"},
		{scale + "Launch Unsuccessful", `"AutoScalingGroupName":"g"`, "firing", "autoscaling:1:r:g"},
		{scale + "Launch Successful", `"AutoScalingGroupName":"g"`, "resolved", "autoscaling:1:r:g"},
		{scale + "Terminate Unsuccessful", `"AutoScalingGroupName":"g"`, "firing", "autoscaling:1:r:g"},
		{scale + "Terminate Successful", `"AutoScalingGroupName":"g"`, "resolved", "autoscaling:1:r:g"},
		{scale + "State-change Notification", `"instance-id":"i","state":"terminated"`, "", ""},
		{"Config Rules Compliance Change", `"configRuleName":"c","resourceId":"i","newEvaluationResult":{"complianceType":"NON_COMPLIANT"}`, "firing", "config:1:r:c"},
		{"Config Rules Compliance Change", `"configRuleName":"c","resourceId":"i","newEvaluationResult":{"complianceType":"COMPLIANT"}`, "resolved", "config:1:r:c"},
		{"Config Rules Compliance Change", `"configRuleName":"c","resourceId":"i","newEvaluationResult":{"complianceType":"INSUFFICIENT_DATA"}`, "", ""},
		{"ECR Image Scan", `"repository-name":"e","scan-status":"COMPLETE","finding-severity-counts":{"HIGH":1}`, "firing", "ecr:1:r:e"},
		{"ECR Image Scan", `"repository-name":"e","scan-status":"COMPLETE","finding-severity-counts":{"MEDIUM":9,"CRITICAL":0}`, "resolved", "ecr:1:r:e"},
		{"ECR Image Scan", `"repository-name":"e","scan-status":"FAILED"`, "", ""},
		{"Inspector2 Finding", `"findingArn":"arn:f","severity":"HIGH","status":"ACTIVE"`, "firing", "arn:f"},
		{"Inspector2 Finding", `"findingArn":"arn:f","severity":"HIGH","status":"CLOSED"`, "resolved", "arn:f"},
		{"AWS API Call via CloudTrail", `"eventName":"StopInstances"`, "", ""},
		{"Scheduled Event", ``, "", ""},
	} {
		res := mustParse(t, delivery(eb, event(c.kind, c.detail)))
		switch {
		case c.want == "" && (len(res.Alerts) > 0 || res.Note == ""):
			t.Errorf("%s {%s}: %+v, want a note", c.kind, c.detail, res)
		case c.want != "" && (len(res.Alerts) != 1 || string(res.Alerts[0].Status) != c.want || res.Alerts[0].CorrelationKey != c.key):
			t.Errorf("%s {%s}: %+v, want %s of %s", c.kind, c.detail, res, c.want, c.key)
		}
	}
	launch := mustParse(t, delivery(eb, event(scale+"Launch Successful", `"AutoScalingGroupName":"g"`))).Alerts[0]
	terminate := mustParse(t, delivery(eb, event(scale+"Terminate Unsuccessful", `"AutoScalingGroupName":"g"`))).Alerts[0]
	if launch.Fingerprint == terminate.Fingerprint {
		t.Error("a launch that works ends a termination that does not")
	}
	wantRecorded(t, []byte(event("AWS API Call via CloudTrail", `"eventName":"StopInstances"`)), "StopInstances")
	for body, words := range map[string]string{
		event(deploy, `"state":"FAILURE"`):                                  "does not name what it is about",
		event("GuardDuty Finding", `"severity":8`):                          "does not name what it is about",
		event("AWS Health Event", ``):                                       "no eventArn",
		event("Security Hub Findings - Imported", ``):                       "no findings",
		event("Security Hub Findings - Imported", `"findings":[{"Id":""}]`): "has no Id",
		event("Inspector2 Finding", ``):                                     "no findingArn",
		`{"a":1}`:                                                           `no "detail-type"`,
		`[]`:                                                                "without events",
		`[{"detail-type":"x"},{"a":1}]`:                                     "(2 of 2)",
		`{"detail-type":"x","Detail-Type":"y"}`:                             "twice",
		`{"detail-type":"x","resources":"none"}`:                            "JSON string at resources",
		`{"detail-type":"x","detail":{"a":1,"a":2}}`:                        `"a" twice`,
	} {
		wantInvalid(t, second(intake.Parse(delivery(eb, body))), words)
	}
}

func TestEventBridgeAlarm(t *testing.T) {
	var envelope struct{ Data json.RawMessage }
	if err := json.Unmarshal([]byte(fixture(t, "cloudevent_alarm.json")), &envelope); err != nil {
		t.Fatal(err)
	}
	wantSaid(t, mustParse(t, delivery(eb, string(envelope.Data))),
		said{"arn:aws:cloudwatch:us-east-1:000000000000:alarm:prod-orders-db-connections", "prod-orders-db-connections", "orders-db", "resolved", "high", at("14:02:10").Add(123 * time.Millisecond)})
}

func TestSQS(t *testing.T) {
	const alarm = "arn:aws:cloudwatch:us-east-1:000000000000:alarm:prod-orders-lag"
	const service = "ecs:000000000000:us-east-1:prod/checkout"
	keys := func(res intake.Result) (out []string) {
		for _, a := range res.Alerts {
			out = append(out, a.CorrelationKey)
		}
		return out
	}
	body := fixture(t, "sqs_batch.json")
	want := fmt.Sprint([]string{alarm, service, alarm, service})
	if got := keys(mustParse(t, delivery(sq, body))); fmt.Sprint(got) != want {
		t.Errorf("batch: %v", got)
	}
	var batch struct{ Records []json.RawMessage }
	if err := json.Unmarshal([]byte(body), &batch); err != nil {
		t.Fatal(err)
	}
	list, err := json.Marshal(batch.Records)
	if err != nil {
		t.Fatal(err)
	}
	if got := keys(mustParse(t, delivery(sq, string(list)))); fmt.Sprint(got) != want { // as a pipe sends it
		t.Errorf("list: %v", got)
	}
	for i, raw := range batch.Records { // as a puller takes it: the body alone
		var r struct{ Body string }
		if err := json.Unmarshal(raw, &r); err != nil {
			t.Fatal(err)
		}
		if got := keys(mustParse(t, delivery(sq, r.Body))); len(got) != 1 || got[0] != []string{alarm, service, alarm, service}[i] {
			t.Errorf("body %d: %v", i, got)
		}
	}
	if got := keys(mustParse(t, delivery(sq, fixture(t, "health_array.json")))); len(got) != 2 {
		t.Errorf("a list of events: %v", got)
	}
	for body, words := range map[string]string{
		`hello`:                          "is not JSON",
		`{"a":1}`:                        "neither an alarm nor an event",
		`{"Records":[{"body":"hello"}]}`: `neither an alarm nor an event: "hello"`,
		`{"Records":[{"body":"{}"},{"messageId":"2"}]}`:                      "(1 of 2)",
		`{"Records":[{"body":"{\"detail-type\":\"x\"}"},{"messageId":"2"}]}`: `no "body"`,
		`{"Records":[{"messageId":"2"}]}`:                                    "no SNS notification",
		`[]`:                                                                 "without events",
	} {
		wantInvalid(t, second(intake.Parse(delivery(sq, body))), words)
	}
	if got := keys(mustParse(t, delivery(sq, `{"Records":[{"body":`+quote(fixture(t, "health_array.json"))+`}]}`))); len(got) != 2 {
		t.Errorf("a message with a list of events: %v", got)
	}
	// SNS with raw delivery hands over events, too.
	if res := mustParse(t, delivery(sn, fixture(t, "ecs_deployment_failed.json"))); len(res.Alerts) != 1 || res.Alerts[0].Source != sn || res.Alerts[0].CorrelationKey != service {
		t.Errorf("%+v", res)
	}
}
