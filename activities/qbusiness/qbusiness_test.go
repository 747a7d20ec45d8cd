package qbusiness_test

import (
	"context"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	"vigil/activities"
	"vigil/activities/internal/awstest"
	"vigil/activities/qbusiness"
	"vigil/workflows/incident"
)

const application = "8a1d4e1c-0000-4000-8000-000000000001"

var (
	question = activities.Search{Text: "connections exhausted; password=hunter2-canary", Limit: 3}
	searches = qbusiness.Config{ApplicationID: application, RetrieverID: "8a1d4e1c-0000-4000-8000-000000000002"}
	chats    = qbusiness.Config{ApplicationID: application}
)

func find(t testing.TB, ctx context.Context, cfg aws.Config, c qbusiness.Config, rec activities.Recorder) ([]incident.Document, incident.Provenance, error) {
	t.Helper()
	r, err := qbusiness.New(cfg, c, rec)
	if err != nil {
		t.Fatal(err)
	}
	return r.Find(ctx, question)
}

func TestConformance(t *testing.T) {
	t.Parallel()
	for op, c := range map[string]qbusiness.Config{"SearchRelevantContent": searches, "ChatSync": chats} {
		t.Run(op, func(t *testing.T) {
			t.Parallel()
			awstest.Conform(t, awstest.Adapter{
				Service: "qbusiness", Operation: op,
				Answers: map[string]awstest.Answer{op: awstest.JSON(`{}`)},
				Call: func(ctx context.Context, cfg aws.Config, rec activities.Recorder) error {
					_, _, err := find(t, ctx, cfg, c, rec)
					return err
				},
			})
		})
	}
}

func TestFind(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		config qbusiness.Config
		answer string
		path   string
		want   []incident.Document
	}{
		{"search", searches, `{"relevantContent":[
			{"content":"Raise max_connections; token=abcdefgh","documentId":"d1","documentTitle":"Pool","documentUri":"https://wiki.example/pool","scoreAttributes":{"scoreConfidence":"VERY_HIGH"}},
			{"content":"hardly","documentId":"d2","scoreAttributes":{"scoreConfidence":"LOW"}},
			{"content":"unrated","documentUri":"s3://b/x.md","scoreAttributes":{"scoreConfidence":"NOT_AVAILABLE"}},
			{"content":" ","documentId":"d4","scoreAttributes":{"scoreConfidence":"HIGH"}}]}`,
			"/applications/" + application + "/relevant-content", []incident.Document{
				{ID: "d1", Title: "Pool", Text: "Raise max_connections; token=[redacted]", Source: "qbusiness", URI: "https://wiki.example/pool", Score: 1},
				{ID: "s3://b/x.md", Title: "x.md", Text: "unrated", Source: "qbusiness", URI: "s3://b/x.md"}}},
		{"chat", chats, `{"systemMessage":"I would restart it.","conversationId":"c","sourceAttributions":[
			{"title":"Pool","snippet":"Raise max_connections","url":"https://wiki.example/pool","citationNumber":1},
			{"title":"No passage"},
			{"title":"Pool","snippet":"Then restart","url":"https://wiki.example/pool"},
			{"documentId":"d2","textMessageSegments":[{"snippetExcerpt":{"text":"from a segment"}}]},
			{"snippet":"one too many"}]}`,
			"/applications/" + application + "/conversations", []incident.Document{
				{ID: "https://wiki.example/pool", Title: "Pool", Text: "Raise max_connections", Source: "qbusiness", URI: "https://wiki.example/pool"},
				{ID: "https://wiki.example/pool#2", Title: "Pool", Text: "Then restart", Source: "qbusiness", URI: "https://wiki.example/pool"},
				{ID: "d2", Title: "untitled", Text: "from a segment", Source: "qbusiness"}}},
		{"chat without sources", chats, `{"systemMessage":"Sorry, I could not find relevant information."}`, "/applications/" + application + "/conversations", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := awstest.Serve(t, func(string, *http.Request, []byte) awstest.Answer { return awstest.JSON(c.answer) })
			got, p, err := find(t, t.Context(), awstest.Config(s.URL), c.config, nil)
			if err != nil || p.Service != "qbusiness" {
				t.Fatalf("%+v, %v", p, err)
			}
			if !reflect.DeepEqual(got, c.want) {
				t.Errorf("\n got %+v\nwant %+v", got, c.want)
			}
			r := s.Requests()[0]
			if r.Path != c.path || strings.Contains(string(r.Body), "hunter2") || !strings.Contains(string(r.Body), "connections exhausted") {
				t.Errorf("asked %s of %s", r.Body, r.Path)
			}
		})
	}
}

func TestRefused(t *testing.T) {
	t.Parallel()
	if _, err := qbusiness.New(awstest.Config("http://localhost"), qbusiness.Config{}, nil); incident.KindOf(err) != incident.KindInvalid {
		t.Errorf("no application: %v", err)
	}
	r, err := qbusiness.New(awstest.Config("http://localhost"), chats, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := r.Find(t.Context(), activities.Search{}); incident.KindOf(err) != incident.KindInvalid {
		t.Errorf("nothing asked: %v", err)
	}
}
