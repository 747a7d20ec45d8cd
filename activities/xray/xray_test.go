package xray_test

import (
	"context"
	"net/http"
	"reflect"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"vigil/activities"
	"vigil/activities/internal/awstest"
	"vigil/activities/xray"
	"vigil/workflows/incident"
)

var window = activities.Window{From: time.Date(2026, 11, 23, 11, 0, 0, 0, time.UTC), To: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)}

func TestConformance(t *testing.T) {
	t.Parallel()
	awstest.Conform(t, awstest.Adapter{
		Service: "xray", Operation: "GetServiceGraph",
		Answers: map[string]awstest.Answer{"GetServiceGraph": awstest.JSON(`{"Services":[]}`)},
		Call: func(ctx context.Context, cfg aws.Config, rec activities.Recorder) error {
			_, _, err := xray.New(cfg, rec).Graph(ctx, window)
			return err
		},
	})
}

func TestGraph(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		pages []string
		want  []incident.Edge
	}{
		{"empty", []string{`{"Services":[]}`}, nil},
		{"sorted, each once", []string{`{"Services":[
			{"ReferenceId":0,"Name":"web","Edges":[{"ReferenceId":2},{"ReferenceId":1},{"ReferenceId":1}]},
			{"ReferenceId":1,"Name":"api","Edges":[{"ReferenceId":2}]},
			{"ReferenceId":2,"Name":"orders-db","Type":"Database::SQL"}]}`},
			[]incident.Edge{{From: "api", To: "orders-db"}, {From: "web", To: "api"}, {From: "web", To: "orders-db"}}},
		{"over pages", []string{
			`{"NextToken":"2","Services":[{"ReferenceId":0,"Name":"web","Edges":[{"ReferenceId":1}]}]}`,
			`{"Services":[{"ReferenceId":1,"Name":"api"}]}`},
			[]incident.Edge{{From: "web", To: "api"}}},
		{"clients, loops and loose ends", []string{`{"Services":[
			{"ReferenceId":0,"Name":"somebody","Type":"client","Edges":[{"ReferenceId":1}]},
			{"ReferenceId":1,"Name":"web","Edges":[{"ReferenceId":1},{"ReferenceId":9}]}]}`}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			next := make(chan string, len(c.pages))
			for _, p := range c.pages {
				next <- p
			}
			s := awstest.Serve(t, func(string, *http.Request, []byte) awstest.Answer { return awstest.JSON(<-next) })
			got, p, err := xray.New(awstest.Config(s.URL), nil).Graph(t.Context(), window)
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, c.want) {
				t.Errorf("\n got %+v\nwant %+v", got, c.want)
			}
			if p.Origin != incident.OriginLive || p.Service != "xray" || len(s.Requests()) != len(c.pages) {
				t.Errorf("provenance %+v after %d requests", p, len(s.Requests()))
			}
		})
	}
}

func TestGraphEndsWithoutEnd(t *testing.T) {
	t.Parallel()
	s := awstest.Serve(t, func(string, *http.Request, []byte) awstest.Answer { return awstest.JSON(`{"NextToken":"again"}`) })
	if _, _, err := xray.New(awstest.Config(s.URL), nil).Graph(t.Context(), window); incident.KindOf(err) != incident.KindInternal || err == nil {
		t.Errorf("pages without end: %v", err)
	}
}

func TestGraphWindow(t *testing.T) {
	t.Parallel()
	s := awstest.Serve(t, func(string, *http.Request, []byte) awstest.Answer { return awstest.JSON(`{}`) })
	long := activities.Window{From: window.To.Add(-48 * time.Hour), To: window.To}
	if _, _, err := xray.New(awstest.Config(s.URL), nil).Graph(t.Context(), long); err != nil {
		t.Fatal(err)
	}
	if got, want := string(s.Requests()[0].Body), `{"EndTime":1795435200,"StartTime":1795413600}`; got != want {
		t.Errorf("asked %s, want the last six hours %s", got, want)
	}
	_, _, err := xray.New(awstest.Config(s.URL), nil).Graph(t.Context(), activities.Window{From: window.To, To: window.From})
	if incident.KindOf(err) != incident.KindInvalid {
		t.Errorf("window the wrong way round: %v", err)
	}
}
