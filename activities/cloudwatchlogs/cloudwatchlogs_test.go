package cloudwatchlogs_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"vigil/activities"
	"vigil/activities/cloudwatchlogs"
	"vigil/activities/internal/awstest"
	"vigil/workflows/incident"
)

var (
	noon   = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	window = activities.Window{From: noon.Add(-500 * time.Millisecond), To: noon.Add(1500 * time.Millisecond)}
	quick  = cloudwatchlogs.Config{PollMin: time.Millisecond, PollMax: 4 * time.Millisecond, GiveUpIn: 10 * time.Second}
)

func mustLogs(t testing.TB, cfg aws.Config, c cloudwatchlogs.Config, rec activities.Recorder) *cloudwatchlogs.Logs {
	t.Helper()
	l, err := cloudwatchlogs.New(cfg, c, rec)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestConformance(t *testing.T) {
	t.Parallel()
	one := quick
	one.Groups = []string{"/ecs/{service}"}
	for _, op := range []string{"StartQuery", "GetQueryResults"} {
		t.Run(op, func(t *testing.T) {
			t.Parallel()
			awstest.Conform(t, awstest.Adapter{
				Service: "cloudwatchlogs", Operation: op, AbsenceIsAnswer: op == "StartQuery",
				Answers: map[string]awstest.Answer{
					"StartQuery":      awstest.Snapshot(t, "cloudwatchlogs", "StartQuery"),
					"GetQueryResults": awstest.JSON(`{"status":"Complete","results":[]}`),
				},
				Call: func(ctx context.Context, cfg aws.Config, rec activities.Recorder) error {
					_, _, err := mustLogs(t, cfg, one, rec).Search(ctx, "checkout", window, 10)
					return err
				},
			})
		})
	}
}

func TestSearch(t *testing.T) {
	t.Parallel()
	row := func(at, message string) string {
		m, err := json.Marshal(message)
		if err != nil {
			t.Fatal(err)
		}
		return `[{"field":"@timestamp","value":"` + at + `"},{"field":"@message","value":` + string(m) + `},{"field":"@ptr","value":"p"}]`
	}
	results := strings.Join([]string{
		row("2026-11-23 12:00:01.900", "after the window"),
		row("2026-11-23 12:00:01.000", "third\n"),
		row("2026-11-23 12:00:00.250", `{"level":"error","msg":"second of the same instant"}`),
		row("2026-11-23 12:00:00.250", "WARN second"),
		row("2026-11-23 11:59:59.400", "before the window"),
	}, ",")
	var looks atomic.Int32
	s := awstest.Serve(t, func(op string, r *http.Request, body []byte) awstest.Answer {
		if op == "StartQuery" {
			if strings.Contains(string(body), "/ecs/") {
				return awstest.Exception(r, 400, "ResourceNotFoundException", "no such group")
			}
			return awstest.JSON(`{"queryId":"q1"}`)
		}
		switch looks.Add(1) {
		case 1:
			return awstest.JSON(`{"status":"Scheduled"}`)
		case 2:
			return awstest.JSON(`{"status":"Running","results":[` + row("2026-11-23 12:00:00.000", "not yet sorted") + `]}`)
		}
		return awstest.JSON(`{"status":"Complete","results":[` + results + `]}`)
	})
	got, p, err := mustLogs(t, awstest.Config(s.URL), quick, nil).Search(t.Context(), "orders-db", window, 50)
	if err != nil {
		t.Fatal(err)
	}
	want := []activities.LogLine{
		{At: noon.Add(250 * time.Millisecond), Level: "warn", Message: "WARN second"},
		{At: noon.Add(250 * time.Millisecond), Level: "error", Message: `{"level":"error","msg":"second of the same instant"}`},
		{At: noon.Add(time.Second), Message: "third"},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("\n got %+v\nwant %+v", got, want)
	}
	if p.Service != "cloudwatchlogs" || p.Operation != "GetQueryResults" || p.Origin != incident.OriginLive {
		t.Errorf("provenance %+v", p)
	}
	requests := s.Requests()
	if len(requests) != 5 {
		t.Fatalf("%d requests, want 2 starts and 3 looks", len(requests))
	}
	const start = `{"endTime":1795435202,"limit":50,"logGroupName":"/aws/rds/instance/orders-db/postgresql","queryString":"fields @timestamp, @message | sort @timestamp desc | limit 50","startTime":1795435199}`
	if got := string(requests[1].Body); !sameJSON(t, got, start) {
		t.Errorf("asked %s\nwant %s", got, start)
	}
}

func sameJSON(t *testing.T, a, b string) bool {
	t.Helper()
	var x, y any
	if err := errors.Join(json.Unmarshal([]byte(a), &x), json.Unmarshal([]byte(b), &y)); err != nil {
		t.Fatal(err)
	}
	return reflect.DeepEqual(x, y)
}

func TestNoLogGroup(t *testing.T) {
	t.Parallel()
	s := awstest.Serve(t, func(_ string, r *http.Request, _ []byte) awstest.Answer {
		a := awstest.Exception(r, 400, "ResourceNotFoundException", "no such group")
		a.Header.Set("X-Vigil-Simulated", "true")
		return a
	})
	rec := &awstest.Recorder{}
	got, p, err := mustLogs(t, awstest.Config(s.URL), quick, rec).Search(t.Context(), "catalog-cache", window, 50)
	if err != nil || len(got) != 0 || p.Origin != incident.OriginSimulated || len(s.Requests()) != len(cloudwatchlogs.DefaultGroups) {
		t.Errorf("%+v, %+v, %v after %d requests; want no lines, and where that comes from", got, p, err, len(s.Requests()))
	}
	for _, c := range rec.Calls() {
		if c.Failed != "" {
			t.Errorf("recorded as failed: %+v", c)
		}
	}
}

func TestQueriesThatDoNotComplete(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status string
		giveUp time.Duration
		want   incident.Kind
	}{
		"failed":     {`{"status":"Failed"}`, time.Minute, incident.KindUnavailable},
		"cancelled":  {`{"status":"Cancelled"}`, time.Minute, incident.KindUnavailable},
		"timed out":  {`{"status":"Timeout"}`, time.Minute, incident.KindUnavailable},
		"never ends": {`{"status":"Running"}`, 20 * time.Millisecond, incident.KindUnavailable},
		"bad time":   {`{"status":"Complete","results":[[{"field":"@timestamp","value":"yesterday"}]]}`, time.Minute, incident.KindInternal},
		"no time":    {`{"status":"Complete","results":[[{"field":"@message","value":"x"}]]}`, time.Minute, incident.KindInternal},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := awstest.Serve(t, func(op string, _ *http.Request, _ []byte) awstest.Answer {
				if op == "StartQuery" {
					return awstest.JSON(`{"queryId":"q1"}`)
				}
				return awstest.JSON(c.status)
			})
			config := quick
			config.GiveUpIn = c.giveUp
			got, _, err := mustLogs(t, awstest.Config(s.URL), config, nil).Search(t.Context(), "checkout", window, 5)
			if err == nil || incident.KindOf(err) != c.want || got != nil {
				t.Errorf("%+v, %v; want %s", got, err, c.want)
			}
		})
	}
}

// TestGivenUpBetweenLooks ends the context while nothing is on the wire.
func TestGivenUpBetweenLooks(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	s := awstest.Serve(t, func(op string, _ *http.Request, _ []byte) awstest.Answer {
		if op == "StartQuery" {
			return awstest.JSON(`{"queryId":"q1"}`)
		}
		time.AfterFunc(20*time.Millisecond, cancel) // long after this answer, long before the next look
		return awstest.JSON(`{"status":"Running"}`)
	})
	_, _, err := mustLogs(t, awstest.Config(s.URL), cloudwatchlogs.Config{PollMin: time.Hour, PollMax: time.Hour, GiveUpIn: 2 * time.Hour}, nil).Search(ctx, "checkout", window, 5)
	if !errors.Is(err, context.Canceled) || incident.KindOf(err) != incident.KindUnavailable {
		t.Errorf("%v, want cancelled of kind unavailable", err)
	}
}

func TestRefuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]cloudwatchlogs.Config{
		"group":  {Groups: []string{"/ecs/all"}},
		"pauses": {PollMin: time.Second, PollMax: time.Millisecond},
	} {
		if _, err := cloudwatchlogs.New(awstest.Config("http://127.0.0.1:1"), c, nil); incident.KindOf(err) != incident.KindInvalid || err == nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	l := mustLogs(t, awstest.Config("http://127.0.0.1:1"), quick, nil)
	if _, _, err := l.Search(t.Context(), "x", window, 0); incident.KindOf(err) != incident.KindInvalid {
		t.Errorf("limit 0: %v", err)
	}
}
