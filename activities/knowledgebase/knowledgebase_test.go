package knowledgebase_test

import (
	"context"
	"encoding/json"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	"vigil/activities"
	"vigil/activities/internal/awstest"
	"vigil/activities/knowledgebase"
	"vigil/workflows/incident"
)

var question = activities.Search{Text: "connections exhausted; password=hunter2-canary", Service: "orders-db", Cause: incident.CauseConnectionsExhausted, Limit: 3}

func runbooks(t testing.TB, cfg aws.Config, c knowledgebase.Config, rec activities.Recorder) *knowledgebase.Runbooks {
	t.Helper()
	r, err := knowledgebase.New(cfg, c, rec)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestConformance(t *testing.T) {
	t.Parallel()
	awstest.Conform(t, awstest.Adapter{
		Service: "knowledge_base", Operation: "Retrieve",
		Answers: map[string]awstest.Answer{"Retrieve": awstest.JSON(`{"retrievalResults":[]}`)},
		Call: func(ctx context.Context, cfg aws.Config, rec activities.Recorder) error {
			_, _, err := runbooks(t, cfg, knowledgebase.Config{ID: "KB12345678"}, rec).Find(ctx, question)
			return err
		},
	})
}

func TestAsked(t *testing.T) {
	t.Parallel()
	s := awstest.Serve(t, func(string, *http.Request, []byte) awstest.Answer { return awstest.JSON(`{"retrievalResults":[]}`) })
	got, p, err := runbooks(t, awstest.Config(s.URL), knowledgebase.Config{ID: "KB12345678", Hybrid: true}, nil).Find(t.Context(), question)
	if err != nil || len(got) != 0 || p.Service != "knowledge_base" || p.Origin != incident.OriginLive {
		t.Errorf("found %+v, %+v, %v", got, p, err)
	}
	r := s.Requests()[0]
	var body, want any
	if err := json.Unmarshal(r.Body, &body); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(`{"retrievalQuery":{"text":"connections exhausted; password=[redacted]; orders-db; connections exhausted"},
		"retrievalConfiguration":{"vectorSearchConfiguration":{"numberOfResults":3,"overrideSearchType":"HYBRID"}}}`), &want); err != nil {
		t.Fatal(err)
	}
	if r.Path != "/knowledgebases/KB12345678/retrieve" || !reflect.DeepEqual(body, want) {
		t.Errorf("asked %s of %s", r.Body, r.Path)
	}
	long := activities.Search{Text: strings.Repeat("connection ", 500)}
	if _, _, err := runbooks(t, awstest.Config(s.URL), knowledgebase.Config{ID: "KB12345678"}, nil).Find(t.Context(), long); err != nil {
		t.Fatal(err)
	}
	var sent struct{ RetrievalQuery struct{ Text string } }
	if err := json.Unmarshal(s.Requests()[1].Body, &sent); err != nil || len(sent.RetrievalQuery.Text) > 1000 || len(sent.RetrievalQuery.Text) < 900 {
		t.Errorf("a long question is %d characters, %v", len(sent.RetrievalQuery.Text), err)
	}
}

func TestFound(t *testing.T) {
	t.Parallel()
	doc := func(d incident.Document) *incident.Document {
		d.Source = "knowledge_base"
		return &d
	}
	for _, c := range []struct {
		name, result string
		min          float64
		want         *incident.Document
	}{
		{"s3", `{"content":{"text":" Raise max_connections. api_key=canary123 "},"location":{"type":"S3","s3Location":{"uri":"s3://runbooks/db/pool.md"}},"score":0.81,"documentId":"d1",
			"metadata":{"title":"Pool exhausted","x-amz-bedrock-kb-chunk-id":"c1"}}`, 0,
			doc(incident.Document{ID: "c1", Title: "Pool exhausted", Text: "Raise max_connections. api_key=[redacted]", URI: "s3://runbooks/db/pool.md", Score: 0.81})},
		{"signed", `{"content":{"text":"x"},"location":{"type":"WEB","webLocation":{"url":"https://b.example/k.md?X-Amz-Signature=abcdef0123&v=2"}},"score":0.5,"documentId":"d1"}`, 0,
			doc(incident.Document{ID: "d1", Title: "k.md?X-Amz-Signature=[redacted]&v=2", Text: "x", URI: "https://b.example/k.md?X-Amz-Signature=[redacted]&v=2", Score: 0.5})},
		{"web", `{"content":{"text":"x"},"location":{"type":"WEB","webLocation":{"url":"https://wiki.example/pool/"}},"score":0.5}`, 0,
			doc(incident.Document{ID: "https://wiki.example/pool/", Title: "pool", Text: "x", URI: "https://wiki.example/pool/", Score: 0.5})},
		{"confluence", `{"content":{"text":"x"},"location":{"type":"CONFLUENCE","confluenceLocation":{"url":"https://c/1"}},"score":0.5}`, 0,
			doc(incident.Document{ID: "https://c/1", Title: "1", Text: "x", URI: "https://c/1", Score: 0.5})},
		{"sharepoint", `{"content":{"text":"x"},"location":{"type":"SHAREPOINT","sharePointLocation":{"url":"https://s/1"}},"score":0.5}`, 0,
			doc(incident.Document{ID: "https://s/1", Title: "1", Text: "x", URI: "https://s/1", Score: 0.5})},
		{"salesforce", `{"content":{"text":"x"},"location":{"type":"SALESFORCE","salesforceLocation":{"url":"https://f/1"}},"score":0.5}`, 0,
			doc(incident.Document{ID: "https://f/1", Title: "1", Text: "x", URI: "https://f/1", Score: 0.5})},
		{"kendra", `{"content":{"text":"x"},"location":{"type":"KENDRA","kendraDocumentLocation":{"uri":"https://k/1"}},"score":0.5}`, 0,
			doc(incident.Document{ID: "https://k/1", Title: "1", Text: "x", URI: "https://k/1", Score: 0.5})},
		{"custom", `{"content":{"text":"x"},"location":{"type":"CUSTOM","customDocumentLocation":{"id":"rb-1"}},"score":0.5}`, 0,
			doc(incident.Document{ID: "rb-1", Title: "rb-1", Text: "x", URI: "rb-1", Score: 0.5})},
		{"row", `{"content":{"type":"ROW","row":[{"columnName":"step","columnValue":"1"},{"columnName":"do","columnValue":"scale"}]},"location":{"type":"SQL","sqlLocation":{"query":"select"}},"score":0.5}`, 0,
			doc(incident.Document{ID: "result-1", Title: "untitled", Text: "step: 1, do: scale", Score: 0.5})},
		{"no location but metadata", `{"content":{"text":"x"},"score":1.5,"metadata":{"x-amz-bedrock-kb-source-uri":"s3://b/k.md","title":{"a":1}}}`, 0,
			doc(incident.Document{ID: "s3://b/k.md", Title: "k.md", Text: "x", URI: "s3://b/k.md", Score: 1})},
		{"weak", `{"content":{"text":"x"},"score":0.29}`, 0, nil},
		{"weak but asked for", `{"content":{"text":"x"},"score":0.2}`, 0.1, doc(incident.Document{ID: "result-1", Title: "untitled", Text: "x", Score: 0.2})},
		{"no score", `{"content":{"text":"x"}}`, 0, nil},
		{"no score, everything asked for", `{"content":{"text":"x"}}`, -1, doc(incident.Document{ID: "result-1", Title: "untitled", Text: "x"})},
		{"an image", `{"content":{"type":"IMAGE","byteContent":"data:image/png;base64,AA=="},"score":0.9}`, 0, nil},
		{"nothing", `{}`, -1, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := awstest.Serve(t, func(string, *http.Request, []byte) awstest.Answer {
				return awstest.JSON(`{"retrievalResults":[` + c.result + `]}`)
			})
			got, _, err := runbooks(t, awstest.Config(s.URL), knowledgebase.Config{ID: "KB12345678", MinScore: c.min}, nil).Find(t.Context(), question)
			if err != nil {
				t.Fatal(err)
			}
			var want []incident.Document
			if c.want != nil {
				want = []incident.Document{*c.want}
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("\n got %+v\nwant %+v", got, want)
			}
		})
	}
}

func TestRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []knowledgebase.Config{{}, {ID: "x", MinScore: 1.1}} {
		if _, err := knowledgebase.New(awstest.Config("http://localhost"), c, nil); incident.KindOf(err) != incident.KindInvalid {
			t.Errorf("%+v: %v", c, err)
		}
	}
	_, _, err := runbooks(t, awstest.Config("http://localhost"), knowledgebase.Config{ID: "x"}, nil).Find(t.Context(), activities.Search{Text: " \n"})
	if incident.KindOf(err) != incident.KindInvalid {
		t.Errorf("nothing asked: %v", err)
	}
}
