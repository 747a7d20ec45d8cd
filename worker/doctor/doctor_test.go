package doctor_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/smithy-go/encoding/cbor"
	"github.com/aws/smithy-go/eventstream"

	"vigil/worker/doctor"
)

var update = flag.Bool("update", false, "write the golden tables anew")

// cloud is an AWS that refuses some operations.
type cloud struct {
	t         *testing.T
	refuses   map[string][2]string // operation: code and message
	simulated bool
}

func (c *cloud) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	op := operation(r, body)
	if c.simulated {
		w.Header().Set("X-Vigil-Simulated", "true")
	}
	if e, ok := c.refuses[op]; ok {
		if e[0] == "" { // no refusal, but another answer
			fmt.Fprint(w, e[1])
			return
		}
		refuse(w, r, e[0], e[1])
		return
	}
	switch op {
	case "GetMetricData", "ListMetrics":
		w.Header().Set("Content-Type", "application/cbor")
		w.Header().Set("Smithy-Protocol", "rpc-v2-cbor")
		_, _ = w.Write(cbor.Encode(cbor.Map{}))
	case "converse-stream":
		w.Header().Set("Content-Type", "application/vnd.amazon.eventstream")
		for _, e := range [][2]string{{"messageStop", `{"stopReason":"max_tokens"}`}, {"metadata", `{"usage":{"inputTokens":3,"outputTokens":1,"totalTokens":4},"metrics":{"latencyMs":3}}`}} {
			if err := eventstream.NewEncoder().Encode(w, eventstream.Message{Payload: []byte(e[1]), Headers: eventstream.Headers{
				{Name: eventstream.MessageTypeHeader, Value: eventstream.StringValue(eventstream.EventMessageType)},
				{Name: eventstream.EventTypeHeader, Value: eventstream.StringValue(e[0])}}}); err != nil {
				c.t.Error(err)
			}
		}
	case "GetCallerIdentity", "AssumeRole", "DescribeDBInstances", "DescribeEvents":
		w.Header().Set("Content-Type", "text/xml")
		fmt.Fprintf(w, `<%[1]sResponse><%[1]sResult>%[2]s</%[1]sResult></%[1]sResponse>`, op, answers[op])
	default:
		w.Header().Set("Content-Type", "application/json")
		answer, ok := answers[op]
		if !ok {
			answer = `{}`
		}
		fmt.Fprint(w, answer)
	}
}

var answers = map[string]string{
	"GetCallerIdentity":   `<Arn>arn:aws:sts::111122223333:assumed-role/vigil/worker</Arn>`,
	"AssumeRole":          `<Credentials><AccessKeyId>ASIA1</AccessKeyId><SecretAccessKey>secret-canary</SecretAccessKey><SessionToken>t</SessionToken><Expiration>2026-11-23T12:15:00Z</Expiration></Credentials><SourceIdentity>vigil-doctor</SourceIdentity>`,
	"DescribeDBInstances": `<DBInstances><DBInstance><DBInstanceIdentifier>orders-db</DBInstanceIdentifier><DbiResourceId>db-1</DbiResourceId><PerformanceInsightsEnabled>true</PerformanceInsightsEnabled></DBInstance></DBInstances>`,
	"foundation-models":   `{"modelDetails":{"modelArn":"arn:m","modelId":"m","modelLifecycle":{"status":"ACTIVE"}}}`,
	"inference-profiles":  `{"inferenceProfileName":"US Nova Pro","inferenceProfileArn":"a","inferenceProfileId":"i","models":[],"status":"ACTIVE","type":"SYSTEM_DEFINED"}`,
	"guardrails":          `{"name":"vigil","guardrailArn":"a","guardrailId":"gr1","version":"3","status":"READY","blockedInputMessaging":"no","blockedOutputsMessaging":"no","createdAt":"2026-01-01T00:00:00Z","updatedAt":"2026-01-01T00:00:00Z"}`,
	"apply":               `{"action":"NONE","outputs":[],"assessments":[],"usage":{}}`,
	"retrieve":            `{"retrievalResults":[{"content":{"text":"x"}}],"memoryRecordSummaries":[]}`,
	"GetQueueAttributes":  `{"Attributes":{"ApproximateNumberOfMessages":"3","ApproximateNumberOfMessagesNotVisible":"1","RedrivePolicy":"{\"deadLetterTargetArn\":\"arn:aws:sqs:eu-west-1:111122223333:vigil-alerts-dead\",\"maxReceiveCount\":5}"}}`,
	"agentaliases":        `{"agentAlias":{"agentAliasStatus":"PREPARED"}}`,
}

// operation names what is asked for, by whatever its protocol says it with.
func operation(r *http.Request, body []byte) string {
	if target := r.Header.Get("X-Amz-Target"); target != "" {
		return target[strings.LastIndex(target, ".")+1:]
	}
	if form, err := url.ParseQuery(string(body)); err == nil && form.Get("Action") != "" {
		return form.Get("Action")
	}
	parts := strings.Split(strings.Trim(r.URL.EscapedPath(), "/"), "/")
	for _, p := range parts {
		switch p {
		case "foundation-models", "inference-profiles", "guardrails", "agentaliases":
			return p
		}
	}
	return parts[len(parts)-1]
}

func refuse(w http.ResponseWriter, r *http.Request, code, message string) {
	w.Header().Set("X-Amzn-Errortype", code)
	switch {
	case r.Header.Get("Smithy-Protocol") == "rpc-v2-cbor":
		w.Header().Set("Content-Type", "application/cbor")
		w.Header().Set("Smithy-Protocol", "rpc-v2-cbor")
		w.WriteHeader(http.StatusBadRequest)
		_, _ = w.Write(cbor.Encode(cbor.Map{"__type": cbor.String(code), "message": cbor.String(message)}))
	case strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded"):
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprintf(w, `<ErrorResponse><Error><Code>%s</Code><Message>%s</Message></Error></ErrorResponse>`, code, message)
	default:
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprintf(w, `{"__type":%q,"message":%q}`, code, message)
	}
}

func everything(url string) doctor.Config {
	return doctor.Config{AWS: aws.Config{Region: "us-east-1", BaseEndpoint: &url,
		Credentials: credentials.NewStaticCredentialsProvider("AKIAIOSFODNN7EXAMPLE", "secret-canary", "")},
		Models: []string{"amazon.nova-micro-v1:0", "us.amazon.nova-pro-v1:0"}, GuardrailID: "gr1", GuardrailVersion: "3", KnowledgeBaseID: "KB12345678",
		MemoryID: "vigil-memory-1234567890", QBusinessID: "app", QBusinessSource: "retriever", AgentID: "AGENT12345", AgentAliasID: "ALIAS12345", Bucket: "evidence", Queues: []string{"https://sqs.eu-west-1.amazonaws.com/111122223333/vigil-alerts"}, Telemetry: true}
}

func acting(c *doctor.Config) {
	*c = doctor.Config{AWS: c.AWS, Acts: true, Roles: map[string]string{"scale_service": "arn:aws:iam::111122223333:role/vigil-act-scale-service",
		"clear_cache": "arn:aws:iam::111122223333:role/vigil-act-clear-cache", "drain_traffic": ""}}
}

func denied(action string) [2]string {
	return [2]string{"AccessDeniedException", "User: arn:aws:sts::111122223333:assumed-role/vigil/worker is not authorized to perform: " + action}
}

func TestTables(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		refuses map[string][2]string
		change  func(*doctor.Config)
		fails   string // "" succeeds
	}{
		{name: "all_well"},
		{name: "nothing_but_credentials", change: func(c *doctor.Config) { *c = doctor.Config{AWS: c.AWS} }},
		{name: "sandbox", change: func(c *doctor.Config) { *c = doctor.Config{AWS: c.AWS} }},
		{name: "permissions", fails: "10 of", refuses: map[string][2]string{
			"converse-stream": denied("bedrock:InvokeModelWithResponseStream"), "foundation-models": denied("bedrock:GetFoundationModel"),
			"apply": denied("bedrock:ApplyGuardrail"), "StartQuery": denied("logs:StartQuery"), "GetMetricData": denied("cloudwatch:GetMetricData"),
			"ServiceGraph": denied("xray:GetServiceGraph"), "DescribeEvents": {"AccessDenied", "not authorized to perform: rds:DescribeEvents"},
			"GetResourceMetrics": {"NotAuthorizedException", "not authorized"}, "retrieve": denied("bedrock:Retrieve"), "GetQueueAttributes": denied("sqs:GetQueueAttributes"),
			"DeleteMessageBatch": denied("sqs:DeleteMessage"), "ChangeMessageVisibilityBatch": denied("sqs:ChangeMessageVisibility"),
		}},
		{name: "settings", fails: "8 of", refuses: map[string][2]string{
			"converse-stream": {"ValidationException", "Invocation of model ID amazon.nova-micro-v1:0 with on-demand throughput isn’t supported."},
			"apply":           {"ResourceNotFoundException", "Guardrail gr1 not found"}, "guardrails": {"ResourceNotFoundException", "Guardrail gr1 not found"},
			"retrieve": {"ResourceNotFoundException", "no such knowledge base"}, "relevant-content": {"ValidationException", "bad retriever"},
			"DescribeServices": {"ClusterNotFoundException", "Cluster not found."}, "LookupEvents": {"ThrottlingException", "Rate exceeded"},
			"GetQueueAttributes": {"QueueDoesNotExist", "The specified queue does not exist."},
		}},
		{name: "notices", refuses: map[string][2]string{
			"foundation-models":  {"", `{"modelDetails":{"modelArn":"arn:m","modelId":"m","modelLifecycle":{"status":"LEGACY","endOfLifeTime":"2027-01-31T00:00:00Z"}}}`},
			"apply":              {"", `{"action":"GUARDRAIL_INTERVENED","outputs":[{"text":"no"}],"assessments":[],"usage":{}}`},
			"retrieve":           {"", `{"retrievalResults":[]}`},
			"GetQueueAttributes": {"", `{"Attributes":{"ApproximateNumberOfMessages":"0"}}`},
		}, change: func(c *doctor.Config) { c.Telemetry = false }},
		{name: "few_receives", refuses: map[string][2]string{
			"GetQueueAttributes": {"", `{"Attributes":{"RedrivePolicy":"{\"deadLetterTargetArn\":\"arn:aws:sqs:eu-west-1:111122223333:dead\",\"maxReceiveCount\":\"1\"}"}}`},
		}, change: func(c *doctor.Config) { *c = doctor.Config{AWS: c.AWS, Queues: c.Queues} }},
		{name: "acting", change: acting, refuses: map[string][2]string{"GetAutomationExecution": {"AutomationExecutionNotFoundException", "There is none."}}},
		{name: "acting_as_the_worker", change: func(c *doctor.Config) { *c = doctor.Config{AWS: c.AWS, Acts: true} }},
		{name: "acting_denied", fails: "4 of", change: acting, refuses: map[string][2]string{"AssumeRole": {"AccessDenied", "not authorized to perform: sts:AssumeRole"},
			"GetAutomationExecution": denied("ssm:GetAutomationExecution"), "DescribeAutomationExecutions": denied("ssm:DescribeAutomationExecutions")}},
		{name: "no_model_access", fails: "2 of", refuses: map[string][2]string{
			"converse-stream": {"AccessDeniedException", "You don't have access to the model with the specified model ID."}},
			change: func(c *doctor.Config) { *c = doctor.Config{AWS: c.AWS, Models: c.Models} }},
		{name: "expired", fails: "1 of", refuses: map[string][2]string{"GetCallerIdentity": {"ExpiredToken", "The security token included in the request is expired"}}},
		{name: "no_credentials", fails: "1 of", change: func(c *doctor.Config) {
			c.AWS.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
				return aws.Credentials{}, errors.New("no role is attached")
			})
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			srv := httptest.NewServer(&cloud{t: t, refuses: c.refuses, simulated: c.name == "sandbox"})
			defer srv.Close()
			config := everything(srv.URL)
			if c.change != nil {
				c.change(&config)
			}
			var out bytes.Buffer
			err := doctor.Run(t.Context(), config, &out)
			if (err == nil) != (c.fails == "") || err != nil && !strings.Contains(err.Error(), c.fails+" ") {
				t.Errorf("%v, want %q", err, c.fails)
			}
			got := strings.ReplaceAll(out.String(), srv.URL, "http://aws.example")
			if strings.Contains(got, "secret-canary") {
				t.Error("the table holds the secret key")
			}
			golden(t, c.name, got)
		})
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".txt")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("the table differs from %s (write it anew with -update)\n got:\n%s\nwant:\n%s", path, got, want)
	}
}

// TestNobodyThere: an endpoint that does not answer is said once, not for
// every row.
func TestNobodyThere(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	if err := doctor.Run(t.Context(), everything("http://127.0.0.1:1"), &out); err == nil || !strings.Contains(out.String(), "check the network") ||
		strings.Count(out.String(), "check the network") != 1 {
		t.Errorf("%v\n%s", err, out.String())
	}
}
