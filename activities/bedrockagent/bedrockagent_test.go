package bedrockagent_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream"

	"vigil/activities"
	"vigil/activities/bedrockagent"
	"vigil/activities/internal/awstest"
	"vigil/workflows/incident"
)

var question = activities.Search{Text: "timeouts waiting for a connection; password=hunter2-canary", Service: "checkout"}

// frame is one message of an event stream.
func frame(t testing.TB, kind, name, payload string) []byte {
	t.Helper()
	m := eventstream.Message{Payload: []byte(payload)}
	m.Headers.Set(":message-type", eventstream.StringValue(kind))
	m.Headers.Set(":"+kind+"-type", eventstream.StringValue(name))
	m.Headers.Set(":content-type", eventstream.StringValue("application/json"))
	var b bytes.Buffer
	if err := eventstream.NewEncoder().Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func chunk(t testing.TB, text, attribution string) []byte {
	t.Helper()
	body, err := json.Marshal(map[string]any{"bytes": []byte(text)})
	if err != nil {
		t.Fatal(err)
	}
	if attribution != "" {
		body = append(body[:len(body)-1], `,"attribution":`+attribution+`}`...)
	}
	return frame(t, "event", "chunk", string(body))
}

func stream(frames ...[]byte) awstest.Answer {
	return awstest.Answer{Status: 200, Body: bytes.Join(frames, nil), Header: http.Header{"Content-Type": {"application/vnd.amazon.eventstream"},
		"X-Amzn-Bedrock-Agent-Content-Type": {"application/json"}, "X-Amz-Bedrock-Agent-Session-Id": {"s"}}}
}

func agent(t testing.TB, cfg aws.Config, rec activities.Recorder) *bedrockagent.Agent {
	t.Helper()
	a, err := bedrockagent.New(cfg, bedrockagent.Config{AgentID: "AGENT12345", AliasID: "ALIAS12345"}, rec)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestConformance(t *testing.T) {
	t.Parallel()
	awstest.Conform(t, awstest.Adapter{
		Service: "bedrock_agent", Operation: "InvokeAgent",
		Answers: map[string]awstest.Answer{"InvokeAgent": stream(chunk(t, "none", ""))},
		Call: func(ctx context.Context, cfg aws.Config, rec activities.Recorder) error {
			_, _, err := agent(t, cfg, rec).Recall(ctx, question)
			return err
		},
	})
}

func TestRecall(t *testing.T) {
	t.Parallel()
	s := awstest.Serve(t, func(string, *http.Request, []byte) awstest.Answer {
		return stream(chunk(t, "Last week checkout ", ""), frame(t, "event", "trace", `{}`), chunk(t, "was out of connections. token=abcdefgh", ""))
	})
	got, p, err := agent(t, awstest.Config(s.URL), nil).Recall(t.Context(), question)
	want := []incident.Document{{ID: "answer", Title: "What Bedrock agent AGENT12345 remembers", Text: "Last week checkout was out of connections. token=[redacted]", Source: "bedrock_agent"}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("\n got %+v, %v\nwant %+v", got, err, want)
	}
	if p.Operation != "InvokeAgent" || p.Usage == nil || p.Usage.CostMicros != nil {
		t.Errorf("provenance %+v; what it cost is unknown, not nothing", p)
	}
	r := s.Requests()[0]
	var body struct{ MemoryID, InputText string }
	if err := json.Unmarshal(r.Body, &body); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(r.Path, "/agents/AGENT12345/agentAliases/ALIAS12345/sessions/vigil-recall-") || body.MemoryID != "vigil" ||
		!strings.Contains(body.InputText, "timeouts waiting for a connection; password=[redacted]; checkout") {
		t.Errorf("asked %s of %s", r.Body, r.Path)
	}
}

func TestFind(t *testing.T) {
	t.Parallel()
	const cited = `{"citations":[{"generatedResponsePart":{"textResponsePart":{"text":"x"}},"retrievedReferences":[
		{"content":{"text":"Raise max_connections"},"location":{"type":"S3","s3Location":{"uri":"s3://b/pool.md"}}},
		{"content":{"text":"Raise max_connections"},"location":{"type":"S3","s3Location":{"uri":"s3://b/pool.md"}}},
		{"content":{"text":""}},{"content":{"text":"from nowhere"}}]}]}`
	s := awstest.Serve(t, func(string, *http.Request, []byte) awstest.Answer {
		return stream(chunk(t, "I think you should delete it all.", cited))
	})
	got, _, err := agent(t, awstest.Config(s.URL), nil).Find(t.Context(), question)
	want := []incident.Document{{ID: "s3://b/pool.md", Title: "pool.md", Text: "Raise max_connections", Source: "bedrock_agent", URI: "s3://b/pool.md"},
		{ID: "source-2", Title: "untitled", Text: "from nowhere", Source: "bedrock_agent"}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("\n got %+v, %v\nwant %+v", got, err, want)
	}
}

func TestLearn(t *testing.T) {
	t.Parallel()
	s := awstest.Serve(t, func(string, *http.Request, []byte) awstest.Answer { return stream(chunk(t, "noted", "")) })
	l := incident.Lesson{IncidentID: "inc-1", RunID: "run-1", Service: "checkout", Symptoms: "password=hunter2-canary", Cause: incident.CauseMemoryLeak, CauseService: "cart", ConfirmedBy: "Ada"}
	into, _, err := agent(t, awstest.Config(s.URL), nil).Learn(t.Context(), l)
	if err != nil || !reflect.DeepEqual(into, []string{"bedrock_agent"}) {
		t.Fatalf("%v, %v", into, err)
	}
	r := s.Requests()
	if len(r) != 2 || r[0].Path != r[1].Path || strings.Contains(string(r[0].Body), "hunter2") || !strings.Contains(string(r[0].Body), "memory leak of cart, confirmed by Ada") ||
		!strings.Contains(string(r[1].Body), `"endSession":true`) {
		t.Errorf("sent %+v", r)
	}
	l.ConfirmedBy = ""
	if _, _, err := agent(t, awstest.Config(s.URL), nil).Learn(t.Context(), l); err != nil || strings.Contains(string(s.Requests()[2].Body), "memory leak") {
		t.Errorf("a cause that nobody confirmed is told: %s, %v", s.Requests()[2].Body, err)
	}
}

func TestStreams(t *testing.T) {
	t.Parallel()
	whole := chunk(t, "a text that is cut", "")
	for _, c := range []struct {
		name   string
		answer awstest.Answer
		want   incident.Kind // "": no error
		found  int
	}{
		{"nothing said", stream(), "", 0},
		{"none", stream(chunk(t, "None.", "")), "", 0},
		{"cut", stream(chunk(t, "begun", ""), whole[:len(whole)/2]), incident.KindUnavailable, 0},
		{"fails half way", stream(chunk(t, "begun", ""), frame(t, "exception", "throttlingException", `{"message":"less"}`)), incident.KindThrottled, 0},
		{"a dependency fails", stream(frame(t, "exception", "dependencyFailedException", `{"message":"lambda"}`)), incident.KindInvalid, 0},
		{"wants control", stream(frame(t, "event", "returnControl", `{"invocationId":"i","invocationInputs":[]}`)), incident.KindInvalid, 0},
		{"without end", stream(bytes.Repeat(chunk(t, strings.Repeat("word ", 2000), ""), 20)), "", 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := awstest.Serve(t, func(string, *http.Request, []byte) awstest.Answer { return c.answer })
			got, _, err := agent(t, awstest.Config(s.URL), nil).Recall(t.Context(), question)
			if (err == nil) != (c.want == "") || err != nil && incident.KindOf(err) != c.want || len(got) != c.found {
				t.Errorf("%d documents, %v; want kind %q", len(got), err, c.want)
			}
			if len(got) > 0 && len(got[0].Text) > 5000 {
				t.Errorf("a text of %d bytes", len(got[0].Text))
			}
		})
	}
}

func TestRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []bedrockagent.Config{{}, {AgentID: "a"}, {AliasID: "a"}} {
		if _, err := bedrockagent.New(awstest.Config("http://localhost"), c, nil); incident.KindOf(err) != incident.KindInvalid {
			t.Errorf("%+v: %v", c, err)
		}
	}
	a := agent(t, awstest.Config("http://localhost"), nil)
	if _, _, err := a.Recall(t.Context(), activities.Search{}); incident.KindOf(err) != incident.KindInvalid {
		t.Errorf("nothing asked: %v", err)
	}
	if _, _, err := a.Learn(t.Context(), incident.Lesson{}); incident.KindOf(err) != incident.KindInvalid {
		t.Errorf("nothing learned: %v", err)
	}
}
