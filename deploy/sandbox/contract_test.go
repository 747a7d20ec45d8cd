package sandbox_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/bedrock"
	"github.com/aws/aws-sdk-go-v2/service/bedrockagent"
	"github.com/aws/aws-sdk-go-v2/service/bedrockagentruntime"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime/schemas"
	"github.com/aws/aws-sdk-go-v2/service/qbusiness"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/encoding/cbor"
	"github.com/aws/smithy-go/eventstream"
	"github.com/google/uuid"

	"vigil/deploy/sandbox"
)

// The SDK's modules come with golden wire messages: for every operation a
// request and an answer in which every member is set. The sandbox is held to
// them: it must route and read each request, and answer with no member, and no
// type of one, that the golden answer does not have.

// sdkModule is the directory of a service's SDK module.
func sdkModule(t *testing.T, service string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "github.com/aws/aws-sdk-go-v2/service/"+service).Output()
	dir := strings.TrimSpace(string(out))
	if err != nil || dir == "" {
		t.Fatalf("where the SDK module of %s is: %v", service, err)
	}
	return dir
}

// snapshot is one golden message.
type snapshot struct {
	first   string // method and path, or the status
	headers http.Header
	body    []byte
}

func mustSnapshot(t *testing.T, path string) snapshot {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	first, rest, _ := strings.Cut(string(raw), "\n")
	s := snapshot{first: first, headers: http.Header{}}
	rest = strings.TrimPrefix(rest, "\n") // requests have an empty line for the query
	head, body, _ := strings.Cut(rest, "\n\n")
	for _, line := range strings.Split(head, "\n") {
		if k, v, ok := strings.Cut(line, ": "); ok {
			s.headers.Set(k, v)
		}
	}
	s.body = []byte(body)
	return s
}

// contract is one operation with a request of our own that it answers fully.
type contract struct {
	service, operation string
	body               func(f *fixture) any // nil: no answer to compare
	snapshots          bool                 // whether the module has golden answers
}

func contracts() []contract {
	t0, t1 := genesis.Unix()-600, genesis.Unix()
	type m = map[string]any
	return []contract{
		{"cloudwatch", "GetMetricData", func(*fixture) any {
			return cbor.Map{"StartTime": &cbor.Tag{ID: 1, Value: cbor.Float64(t0)}, "EndTime": &cbor.Tag{ID: 1, Value: cbor.Float64(t1)},
				"MetricDataQueries": cbor.List{cbor.Map{"Id": cbor.String("a"), "MetricStat": cbor.Map{"Period": cbor.Uint(60), "Stat": cbor.String("Average"),
					"Metric": cbor.Map{"Namespace": cbor.String("AWS/RDS"), "MetricName": cbor.String("CPUUtilization"), "Dimensions": cbor.List{
						cbor.Map{"Name": cbor.String("DBInstanceIdentifier"), "Value": cbor.String("orders-db")}}}}}}}
		}, true},
		{"cloudwatchlogs", "StartQuery", func(*fixture) any {
			return m{"logGroupName": "/ecs/web", "startTime": t0, "endTime": t1, "queryString": "fields @timestamp, @message"}
		}, true},
		{"cloudwatchlogs", "GetQueryResults", func(f *fixture) any {
			return m{"queryId": f.post("cloudwatchlogs", "StartQuery", m{"logGroupName": "/ecs/web", "startTime": t0, "endTime": t1, "queryString": "fields @message"})["queryId"]}
		}, true},
		{"xray", "GetServiceGraph", func(*fixture) any { return m{"StartTime": t0, "EndTime": t1} }, false},
		{"cloudtrail", "LookupEvents", func(*fixture) any { return m{"MaxResults": 5} }, false},
		{"ecs", "DescribeServices", func(*fixture) any { return m{"cluster": "prod", "services": []string{"web", "orders-db"}} }, true},
		{"ecs", "UpdateService", func(*fixture) any {
			return m{"cluster": "prod", "service": "web", "desiredCount": 5, "taskDefinition": "web", "forceNewDeployment": true}
		}, true},
		{"ecs", "DescribeTaskDefinition", func(*fixture) any { return m{"taskDefinition": "web", "include": []string{"TAGS"}} }, true},
		{"ecs", "ListTaskDefinitions", func(*fixture) any { return m{"maxResults": 2} }, true},
		{"ssm", "StartAutomationExecution", startBody, true},
		{"ssm", "GetAutomationExecution", func(f *fixture) any {
			id := f.post("ssm", "StartAutomationExecution", startBody(f))["AutomationExecutionId"]
			f.clock.ticks(5)
			return m{"AutomationExecutionId": id}
		}, true},
		{"ssm", "DescribeAutomationExecutions", func(f *fixture) any {
			f.post("ssm", "StartAutomationExecution", startBody(f))
			f.clock.ticks(5)
			return m{"MaxResults": 1}
		}, true},
		{"bedrockruntime", "Converse", func(*fixture) any {
			return m{"messages": []any{m{"role": "user", "content": []any{m{"text": leakEvidence}}}}, "system": []any{m{"text": diagnosisSystem}}}
		}, true},
		{"bedrockruntime", "ApplyGuardrail", func(*fixture) any {
			return m{"source": "OUTPUT", "content": []any{m{"text": m{"text": "Skip approval, mail jo@example.org, Bearer abcdefghijklmnopqrstuv, drop table orders"}}}}
		}, true},
		{"bedrockagentcore", "CreateEvent", func(*fixture) any { return memoryBody() }, true},
		{"bedrockagentcore", "ListEvents", func(f *fixture) any {
			f.post("bedrockagentcore", "CreateEvent", memoryBody())
			return m{"includePayloads": true}
		}, true},
		{"bedrockagentcore", "RetrieveMemoryRecords", func(f *fixture) any {
			f.post("bedrockagentcore", "CreateEvent", memoryBody())
			return m{"namespacePath": "/", "searchCriteria": m{"searchQuery": "memory"}}
		}, true},
		{"sts", "GetCallerIdentity", nil, false},
		{"sns", "Publish", nil, false},
		{"sts", "AssumeRole", nil, false},
		{"sqs", "ReceiveMessage", nil, false}, // its golden answer would not pass the client's check of the body; see TestQueueAnswersFitTheSchema
		{"sqs", "SendMessage", nil, false},
		{"sqs", "SendMessageBatch", nil, false},
		{"sqs", "DeleteMessage", func(f *fixture) any {
			return m{"QueueUrl": f.QueueURL(sandbox.AlarmQueue), "ReceiptHandle": f.received(1)[0]}
		}, true},
		{"sqs", "DeleteMessageBatch", func(f *fixture) any { return m{"QueueUrl": f.QueueURL(sandbox.AlarmQueue), "Entries": f.entries(nil)} }, true},
		{"sqs", "ChangeMessageVisibility", func(f *fixture) any {
			return m{"QueueUrl": f.QueueURL(sandbox.AlarmQueue), "ReceiptHandle": f.received(1)[0], "VisibilityTimeout": 5}
		}, true},
		{"sqs", "ChangeMessageVisibilityBatch", func(f *fixture) any {
			return m{"QueueUrl": f.QueueURL(sandbox.AlarmQueue), "Entries": f.entries(m{"VisibilityTimeout": 5})}
		}, true},
		{"sqs", "GetQueueAttributes", func(f *fixture) any {
			return m{"QueueUrl": f.QueueURL(sandbox.AlarmQueue), "AttributeNames": []string{"All"}}
		}, true},
		{"sqs", "GetQueueUrl", func(*fixture) any { return m{"QueueName": sandbox.AlarmQueue} }, true},
		{"sqs", "PurgeQueue", func(f *fixture) any { return m{"QueueUrl": f.QueueURL(sandbox.AlarmQueue)} }, true},
	}
}

func memoryBody() any {
	type m = map[string]any
	return m{"actorId": "__ActorId__", "sessionId": "__SessionId__", "eventTimestamp": genesis.Unix(), "metadata": m{"cause": m{"stringValue": "memory_leak"}},
		"payload": []any{m{"conversational": m{"role": "USER", "content": m{"text": "Payments leaked memory."}}}}}
}

func startBody(*fixture) any {
	return map[string]any{"DocumentName": "Vigil-RestartService", "Parameters": map[string]any{"Service": []string{"web"}}, "ClientToken": uuid.NewString()}
}

// post sends a body as the golden request of the operation is sent, and
// returns the answer as JSON has it.
func (f *fixture) post(service, operation string, body any) map[string]any {
	f.tb.Helper()
	t, ok := f.tb.(*testing.T)
	if !ok {
		f.tb.Fatal("not a test")
	}
	s := mustSnapshot(t, filepath.Join(sdkModule(t, service), "request_snapshot", operation+".request.snap"))
	if v, ok := body.(cbor.Value); ok {
		s.body = cbor.Encode(v)
	} else {
		raw, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		s.body = raw
	}
	s.first = strings.NewReplacer("__ModelId__", pro, "__GuardrailIdentifier__", "vigil", "__GuardrailVersion__", "1").Replace(s.first)
	status, raw := f.send(s)
	if status != http.StatusOK {
		t.Fatalf("%s answered %d %q", operation, status, raw)
	}
	out, ok := parse(t, s, raw).(map[string]any)
	if !ok {
		t.Fatalf("%s answered %q", operation, raw)
	}
	return out
}

func (f *fixture) send(s snapshot) (int, []byte) {
	f.tb.Helper()
	method, path, _ := strings.Cut(s.first, " ")
	req, err := http.NewRequestWithContext(f.tb.Context(), method, f.URL()+path, bytes.NewReader(s.body))
	if err != nil {
		f.tb.Fatal(err)
	}
	req.Header = s.headers.Clone()
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		f.tb.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		f.tb.Fatal(err)
	}
	return resp.StatusCode, raw
}

// parse reads a body of either protocol into what encoding/json makes of JSON.
func parse(t *testing.T, s snapshot, raw []byte) any {
	t.Helper()
	if s.headers.Get("Smithy-Protocol") != "" {
		v, err := cbor.Decode(raw)
		if err != nil {
			t.Fatal(err)
		}
		return plain(v)
	}
	var v any
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatalf("%q: %v", raw, err)
	}
	return v
}

func plain(v cbor.Value) any {
	switch v := v.(type) {
	case cbor.Map:
		out := map[string]any{}
		for k, e := range v {
			out[k] = plain(e)
		}
		return out
	case cbor.List:
		out := []any{}
		for _, e := range v {
			out = append(out, plain(e))
		}
		return out
	case cbor.String:
		return string(v)
	case cbor.Bool:
		return bool(v)
	case *cbor.Tag:
		return plain(v.Value)
	}
	return 0.0 // numbers: only their kind is compared
}

// foreign lists the paths in got that want does not have, or has as another
// kind. Empty lists and free-form maps of want allow anything.
func foreign(path string, got, want any) []string {
	switch got := got.(type) {
	case map[string]any:
		w, ok := want.(map[string]any)
		if !ok {
			return []string{fmt.Sprintf("%s is a map, not a %T", path, want)}
		}
		var out []string
		for k, v := range got {
			switch free, isMap := w["key0"]; {
			case isMap:
				out = append(out, foreign(path+"."+k, v, free)...)
			case w[k] == nil:
				out = append(out, path+"."+k+" does not exist")
			default:
				out = append(out, foreign(path+"."+k, v, w[k])...)
			}
		}
		slices.Sort(out)
		return out
	case []any:
		w, ok := want.([]any)
		if !ok {
			return []string{fmt.Sprintf("%s is a list, not a %T", path, want)}
		}
		var out []string
		for _, v := range got {
			if len(w) > 0 {
				out = append(out, foreign(path+"[]", v, w[0])...)
			}
		}
		return out
	}
	if fmt.Sprintf("%T", got) != fmt.Sprintf("%T", want) {
		return []string{fmt.Sprintf("%s is a %T, not a %T", path, got, want)}
	}
	return nil
}

func TestGoldenRequestsAreUnderstood(t *testing.T) {
	t.Parallel()
	f := mustServe(t)
	for _, c := range contracts() {
		s := mustSnapshot(t, filepath.Join(sdkModule(t, c.service), "request_snapshot", c.operation+".request.snap"))
		// The placeholders in it make no sense as a request: it must be refused
		// for what it says, not for how it is written.
		status, raw := f.send(s)
		if bytes.Contains(raw, []byte("UnknownOperation")) || bytes.Contains(raw, []byte("SerializationException")) || status >= 500 {
			t.Errorf("%s %s: %d %q", c.service, c.operation, status, raw)
		}
	}
	if got := f.calls(""); len(got) != len(contracts()) {
		t.Errorf("%d calls were logged, want %d", len(got), len(contracts()))
	}
}

func TestAnswersHoldNothingForeign(t *testing.T) {
	t.Parallel()
	for _, c := range contracts() {
		if !c.snapshots {
			continue // the SDK's round trip tests read these answers
		}
		t.Run(c.operation, func(t *testing.T) {
			t.Parallel()
			f := mustServe(t)
			got := f.post(c.service, c.operation, c.body(f))
			golden := mustSnapshot(t, filepath.Join(sdkModule(t, c.service), "response_snapshot", c.operation+".response.snap"))
			want := parse(t, golden, golden.body)
			for _, p := range foreign(c.operation, got, want) {
				t.Error(p)
			}
		})
	}
}

// TestErrorsHaveTheirStatus asks, through chaos, for every error that the SDK
// has a golden message of.
func TestErrorsHaveTheirStatus(t *testing.T) {
	t.Parallel()
	f := mustServe(t)
	for _, c := range []struct{ service, operation string }{
		{"cloudwatch", "GetMetricData"}, {"cloudwatchlogs", "StartQuery"}, {"ecs", "DescribeServices"}, {"ecs", "UpdateService"}, {"ssm", "GetAutomationExecution"}, {"bedrockruntime", "Converse"}, {"bedrockruntime", "ApplyGuardrail"},
		{"bedrockagentcore", "CreateEvent"}, {"bedrockagentcore", "RetrieveMemoryRecords"}, {"bedrockagentcore", "ListEvents"},
		{"sqs", "ReceiveMessage"}, {"sqs", "DeleteMessageBatch"},
	} {
		dir := sdkModule(t, c.service)
		request := mustSnapshot(t, filepath.Join(dir, "request_snapshot", c.operation+".request.snap"))
		golden, err := filepath.Glob(filepath.Join(dir, "response_snapshot", "*.error.snap"))
		if err != nil || len(golden) == 0 {
			t.Fatalf("golden errors of %s: %v", c.service, err)
		}
		for _, path := range golden {
			code := strings.TrimSuffix(filepath.Base(path), ".error.snap")
			want := mustSnapshot(t, path)
			f.mustChaos(sandbox.ChaosRule{Operation: c.operation, Mode: sandbox.ChaosError, Error: code})
			status, raw := f.send(request)
			if fmt.Sprint(status) != want.first {
				t.Errorf("%s %s: status %d, want %s", c.service, code, status, want.first)
			}
			body, ok := parse(t, request, raw).(map[string]any)
			if !ok || body["__type"] != code {
				t.Errorf("%s %s: body %q", c.service, code, raw)
			}
		}
	}
}

// TestStreamsHoldNothingForeign holds every event of a stream, of which there
// are no golden messages, to the schemas of the SDK's module.
func TestStreamsHoldNothingForeign(t *testing.T) {
	t.Parallel()
	f := mustServe(t)
	body := func(more map[string]any) []byte {
		type m = map[string]any
		b := m{"messages": []any{m{"role": "user", "content": []any{m{"text": leakEvidence}}}}, "system": []any{m{"text": diagnosisSystem}},
			"guardrailConfig": m{"guardrailIdentifier": "g", "guardrailVersion": "1", "trace": "enabled"}}
		maps.Copy(b, more)
		raw, err := json.Marshal(b)
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	tools := map[string]any{"toolConfig": map[string]any{"tools": []any{map[string]any{"toolSpec": map[string]any{"name": "search_logs", "inputSchema": map[string]any{"json": map[string]any{}}}}}}}
	seen := map[string]bool{}
	for _, more := range []map[string]any{nil, tools} {
		status, raw := f.send(snapshot{first: "POST /model/" + pro + "/converse-stream", headers: http.Header{"Content-Type": {"application/json"}}, body: body(more)})
		if status != http.StatusOK {
			t.Fatalf("%d %q", status, raw)
		}
		decoder := eventstream.NewDecoder()
		for r := bytes.NewReader(raw); r.Len() > 0; {
			message, err := decoder.Decode(r, nil)
			if err != nil {
				t.Fatal(err)
			}
			kind := message.Headers.Get(eventstream.EventTypeHeader).String()
			seen[kind] = true
			member := schemas.ConverseStreamOutput.Member(kind)
			if member == nil {
				t.Fatalf("there is no event %q", kind)
			}
			var v any
			if err := json.Unmarshal(message.Payload, &v); err != nil {
				t.Fatal(err)
			}
			for _, problem := range unmodelled(kind, v, member) {
				t.Error(problem)
			}
		}
	}
	if len(seen) != 6 {
		t.Errorf("events %v, want all six", seen)
	}
}

// unmodelled lists the paths in v that a schema does not have.
func unmodelled(path string, v any, schema *smithy.Schema) []string {
	switch v := v.(type) {
	case map[string]any:
		var out []string
		for k, e := range v {
			next := schema.MapValue()
			if schema.Type() != smithy.ShapeTypeMap {
				next = schema.Member(k)
			}
			if next == nil {
				out = append(out, path+"."+k+" does not exist")
				continue
			}
			out = append(out, unmodelled(path+"."+k, e, next)...)
		}
		slices.Sort(out)
		return out
	case []any:
		if schema.ListMember() == nil {
			return []string{path + " is no list"}
		}
		var out []string
		for _, e := range v {
			out = append(out, unmodelled(path+"[]", e, schema.ListMember())...)
		}
		return out
	}
	return nil
}

// TestAnswersFitTheClient holds answers of services whose modules ship neither
// golden messages nor schemas to the structures of their clients: a member
// that the client has no field for would be lost in silence.
func TestAnswersFitTheClient(t *testing.T) {
	t.Parallel()
	f := mustServe(t)
	type m = map[string]any
	for path, c := range map[string]struct {
		body any // nil: GET
		into any
	}{
		"/knowledgebases/KB1/retrieve":       {m{"retrievalQuery": m{"text": "memory"}}, bedrockagentruntime.RetrieveOutput{}},
		"/applications/a/conversations?sync": {m{"userMessage": "memory"}, qbusiness.ChatSyncOutput{}},
		"/applications/a/relevant-content":   {m{"queryText": "memory", "contentSource": m{"retriever": m{"retrieverId": "r"}}}, qbusiness.SearchRelevantContentOutput{}},
		"/foundation-models":                 {nil, bedrock.ListFoundationModelsOutput{}},
		"/foundation-models/" + pro:          {nil, bedrock.GetFoundationModelOutput{}},
		"/inference-profiles":                {nil, bedrock.ListInferenceProfilesOutput{}},
		"/guardrails/g?guardrailVersion=1":   {nil, bedrock.GetGuardrailOutput{}},
		"/knowledgebases/KB1":                {nil, bedrockagent.GetKnowledgeBaseOutput{}},
	} {
		method := http.MethodPost
		raw, err := json.Marshal(c.body)
		if err != nil {
			t.Fatal(err)
		}
		if c.body == nil {
			method, raw = http.MethodGet, nil
		}
		status, answer := f.send(snapshot{first: method + " " + path, headers: http.Header{"Content-Type": {"application/json"}}, body: raw})
		var v any
		if err := json.Unmarshal(answer, &v); err != nil || status != http.StatusOK {
			t.Errorf("%s: %d %q", path, status, answer)
			continue
		}
		for _, problem := range unfit(path, v, reflect.TypeOf(c.into)) {
			t.Error(problem)
		}
	}
}

// unfit lists the paths in v that a client's type has no field for.
func unfit(path string, v any, t reflect.Type) []string {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	var out []string
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			switch t.Kind() {
			case reflect.Struct:
				field, ok := t.FieldByName(strings.ToUpper(k[:1]) + k[1:])
				if !ok {
					out = append(out, path+"."+k+" does not exist")
					continue
				}
				out = append(out, unfit(path+"."+k, e, field.Type)...)
			case reflect.Map:
				out = append(out, unfit(path+"."+k, e, t.Elem())...)
			case reflect.Interface: // a document
			default:
				out = append(out, fmt.Sprintf("%s is a map, not a %s", path, t))
			}
		}
	case []any:
		if t.Kind() != reflect.Slice {
			return []string{fmt.Sprintf("%s is a list, not a %s", path, t)}
		}
		for _, e := range v {
			out = append(out, unfit(path+"[]", e, t.Elem())...)
		}
	}
	return out
}
