package rds_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"vigil/activities"
	"vigil/activities/internal/awstest"
	"vigil/activities/rds"
	"vigil/workflows/incident"
)

var (
	noon   = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	window = activities.Window{From: noon.Add(-time.Hour), To: noon}
)

// aws answers as an account with one instance, orders-db, of a cluster.
type account struct {
	mu       sync.Mutex
	engine   string
	off      bool // Performance Insights
	members  int  // of the cluster, further instances
	events   map[string][]string
	pages    int // of events
	requests []string
}

const resource = "db-FAIHNTYBKTGAUSUZQYPDS2GW4A"

func instance(id, engine string, insights bool) string {
	return fmt.Sprintf(`<DBInstance><DBInstanceIdentifier>%s</DBInstanceIdentifier><DBClusterIdentifier>orders</DBClusterIdentifier><Engine>%s</Engine>
		<DbiResourceId>%s</DbiResourceId><PerformanceInsightsEnabled>%t</PerformanceInsightsEnabled><MonitoringInterval>60</MonitoringInterval></DBInstance>`, id, engine, resource, insights)
}

func (a *account) answer(op string, r *http.Request, body []byte) awstest.Answer {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.requests = append(a.requests, op+" "+string(body))
	form, err := url.ParseQuery(string(body))
	if err != nil {
		panic(err)
	}
	switch op {
	case "DescribeDBInstances":
		switch id := form.Get("DBInstanceIdentifier"); {
		case id == "orders-db":
			return awstest.XML(op, "<DBInstances>"+instance(id, a.engine, !a.off)+"</DBInstances>")
		case id != "":
			return awstest.Exception(r, 404, "DBInstanceNotFound", "DBInstance "+id+" not found.")
		case form.Get("Filters.Filter.1.Values.Value.1") == "orders":
			list := instance("orders-db", a.engine, !a.off)
			for i := range a.members {
				list += instance(fmt.Sprintf("orders-db-%d", i), a.engine, !a.off)
			}
			return awstest.XML(op, "<DBInstances>"+list+"</DBInstances>")
		}
		return awstest.XML(op, "<DBInstances>"+instance("someone-elses", a.engine, true)+"</DBInstances>") // a filter that was not understood
	case "DescribeEvents":
		list := strings.Join(a.events[form.Get("SourceType")+" "+form.Get("SourceIdentifier")], "")
		if a.pages--; a.pages > 0 {
			return awstest.XML(op, fmt.Sprintf("<Marker>%d</Marker><Events>%s</Events>", a.pages, list))
		}
		return awstest.XML(op, "<Events>"+list+"</Events>")
	case "GetResourceMetrics":
		at := noon.Add(-30 * time.Minute).Unix()
		return awstest.JSON(fmt.Sprintf(`{"Identifier":%q,"MetricList":[
			{"Key":{"Metric":"db.load.avg"},"DataPoints":[{"Timestamp":%d,"Value":2},{"Timestamp":%d,"Value":10},{"Timestamp":%d}]},
			{"Key":{"Metric":"os.general.numVCPUs.avg"},"DataPoints":[{"Timestamp":%d,"Value":4}]}]}`, resource, at, at+60, at+120, at))
	case "DescribeDimensionKeys":
		var in struct{ GroupBy, PartitionBy struct{ Group string } }
		if err := json.Unmarshal(body, &in); err != nil {
			panic(err)
		}
		const digest = `"db.sql_tokenized.id":"A","db.sql_tokenized.statement":"SELECT * FROM orders WHERE mail = 'ada@example.org' AND n > 4"`
		switch in.GroupBy.Group + " " + in.PartitionBy.Group {
		case "db.wait_event ":
			return awstest.JSON(`{"Keys":[{"Dimensions":{"db.wait_event.type":"CPU","db.wait_event.name":"CPU"},"Total":1.5},
				{"Dimensions":{"db.wait_event.type":"IO","db.wait_event.name":"DataFileRead"},"Total":4.5}]}`)
		case "db.sql_tokenized db.wait_event":
			return awstest.JSON(`{"PartitionKeys":[{"Dimensions":{"db.wait_event.name":"CPU"}},{"Dimensions":{"db.wait_event.name":"IO:DataFileRead"}},{"Dimensions":{"db.wait_event.name":"Lock:tuple"}}],
				"Keys":[{"Dimensions":{"db.sql_tokenized.id":"B","db.sql_tokenized.statement":"COMMIT"},"Total":0.1,"Partitions":[0.1,0,0]},
				{"Dimensions":{` + digest + `},"Total":5.5,"Partitions":[1,4.5,0],"AdditionalMetrics":{"db.sql_tokenized.stats.calls_per_sec.avg":12}}]}`)
		case "db.sql_tokenized db.user":
			return awstest.JSON(`{"PartitionKeys":[{"Dimensions":{"db.user.name":"etl"}},{"Dimensions":{"db.user.name":"app"}}],"Keys":[{"Dimensions":{` + digest + `},"Total":5.5,"Partitions":[0.5,5]}]}`)
		}
	}
	return awstest.Exception(r, 400, "InvalidArgumentException", op)
}

func (a *account) serve(t *testing.T) *rds.Database {
	t.Helper()
	return rds.New(awstest.Config(awstest.Serve(t, a.answer).URL), nil)
}

func event(minutes int, message string, categories ...string) string {
	list := ""
	for _, c := range categories {
		list += "<EventCategory>" + c + "</EventCategory>"
	}
	return fmt.Sprintf("<Event><Date>%s</Date><Message>%s</Message><EventCategories>%s</EventCategories></Event>",
		noon.Add(-time.Duration(minutes)*time.Minute).Format(time.RFC3339), message, list)
}

func TestConformance(t *testing.T) {
	t.Parallel()
	one := awstest.XML("DescribeDBInstances", "<DBInstances>"+strings.ReplaceAll(instance("orders-db", "postgres", true), "<DBClusterIdentifier>orders</DBClusterIdentifier>", "")+"</DBInstances>")
	load := func(ctx context.Context, cfg aws.Config, rec activities.Recorder) error {
		_, _, err := rds.New(cfg, rec).Load(ctx, "orders-db", window)
		return err
	}
	for _, c := range []awstest.Adapter{
		{Service: "pi", Operation: "GetResourceMetrics", Call: load,
			Answers: map[string]awstest.Answer{"DescribeDBInstances": one, "GetResourceMetrics": awstest.JSON(`{"MetricList":[]}`)}},
		{Service: "rds", Operation: "DescribeEvents", AbsenceIsAnswer: true,
			Answers: map[string]awstest.Answer{"DescribeDBInstances": one, "DescribeEvents": awstest.XML("DescribeEvents", "")},
			Call: func(ctx context.Context, cfg aws.Config, rec activities.Recorder) error {
				_, _, err := rds.New(cfg, rec).Events(ctx, "orders-db", window)
				return err
			}},
	} {
		t.Run(c.Operation, func(t *testing.T) { t.Parallel(); awstest.Conform(t, c) })
	}
}

func TestEvents(t *testing.T) {
	t.Parallel()
	at := func(minutes int) time.Time { return noon.Add(-time.Duration(minutes) * time.Minute) }
	failover := incident.SystemEvent{At: at(20), Resource: "orders", Category: "failover, notification", Message: "Completed failover to DB instance: orders-db"}
	full := incident.SystemEvent{At: at(10), Resource: "orders-db", Category: "low storage", Message: "free storage is 2%", Warning: true}
	secret := incident.SystemEvent{At: at(5), Resource: "orders-db", Message: "password=[redacted] was tried"}
	for _, c := range []struct {
		service string
		want    []incident.SystemEvent
		asked   int
	}{
		{"orders-db", []incident.SystemEvent{failover, full, secret}, 3},
		{"orders", []incident.SystemEvent{failover, full, secret}, 6}, // an instance, a cluster, then two instances' and the cluster's events
		{"checkout", nil, 2},
		{"not_an.identifier", nil, 0},
	} {
		t.Run(c.service, func(t *testing.T) {
			t.Parallel()
			a := &account{engine: "aurora-postgresql", members: 1, events: map[string][]string{
				"db-instance orders-db": {event(5, "password=hunter2hunter2 was tried"), event(10, "free storage is 2%", "low storage"), event(90, "too old")},
				"db-cluster orders":     {event(20, "Completed failover to DB instance: orders-db", "failover", "notification")},
			}}
			got, p, err := a.serve(t).Events(t.Context(), c.service, window)
			if err != nil || !reflect.DeepEqual(got, c.want) || p.Service != "rds" || p.Origin != incident.OriginLive {
				t.Errorf("\n got %+v, %+v, %v\nwant %+v", got, p, err, c.want)
			}
			if len(a.requests) > c.asked {
				t.Errorf("%d requests, want at most %d: %q", len(a.requests), c.asked, a.requests)
			}
		})
	}
}

func TestPages(t *testing.T) {
	t.Parallel()
	a := &account{engine: "postgres", pages: 3, events: map[string][]string{"db-instance orders-db": {event(5, "once a page")}}}
	got, _, err := a.serve(t).Events(t.Context(), "orders-db", window)
	if err != nil || len(got) != 3 {
		t.Errorf("%+v, %v; want one event of each of 3 pages", got, err)
	}
	if asked := strings.Join(a.requests, "\n"); !strings.Contains(asked, "Marker=2") || !strings.Contains(asked, "Marker=1") {
		t.Errorf("asked %s", asked)
	}
	endless := &account{engine: "postgres", pages: 1 << 30, events: a.events}
	if got, _, err := endless.serve(t).Events(t.Context(), "orders-db", window); err != nil || len(got) != 10 {
		t.Errorf("%d events, %v", len(got), err)
	}
}

func TestLoad(t *testing.T) {
	t.Parallel()
	want := &incident.DatabaseLoad{Average: 6, Peak: 10, CPUs: 4,
		Waits: []incident.WaitLoad{{Name: "IO:DataFileRead", Load: 4.5}, {Name: "CPU", Load: 1.5}},
		Statements: []incident.Statement{
			{SQL: "SELECT * FROM orders WHERE mail = ? AND n > ?", User: "app", Load: 5.5, CallsPerSecond: 12, Waits: []incident.WaitLoad{{Name: "IO:DataFileRead", Load: 4.5}, {Name: "CPU", Load: 1}}},
			{SQL: "COMMIT", Load: .1, Waits: []incident.WaitLoad{{Name: "CPU", Load: .1}}},
		}}
	for name, c := range map[string]struct {
		account *account
		service string
		want    *incident.DatabaseLoad
	}{
		"an instance":          {&account{engine: "postgres"}, "orders-db", want},
		"a cluster":            {&account{engine: "aurora-postgresql"}, "orders", want},
		"no database":          {&account{engine: "postgres"}, "checkout", nil},
		"insights off":         {&account{engine: "postgres", off: true}, "orders-db", nil},
		"a document database":  {&account{engine: "docdb"}, "orders-db", nil},
		"no possible database": {&account{engine: "postgres"}, "a b", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, p, err := c.account.serve(t).Load(t.Context(), c.service, window)
			if err != nil || !reflect.DeepEqual(got, c.want) || p.Origin != incident.OriginLive {
				t.Errorf("\n got %+v, %+v, %v\nwant %+v", got, p, err, c.want)
			}
			for _, r := range c.account.requests {
				if strings.HasPrefix(r, "DescribeDimensionKeys") && (!strings.Contains(r, resource) || !strings.Contains(r, `"PeriodInSeconds":60`)) {
					t.Errorf("asked %s", r)
				}
			}
		})
	}
}

// TestSnapshots reads the SDK's own samples, whose metric nobody asked for.
func TestSnapshots(t *testing.T) {
	t.Parallel()
	a := &account{engine: "postgres"}
	s := awstest.Serve(t, func(op string, r *http.Request, body []byte) awstest.Answer {
		if strings.HasPrefix(op, "DescribeDB") {
			return a.answer(op, r, body)
		}
		return awstest.Snapshot(t, "pi", op)
	})
	got, _, err := rds.New(awstest.Config(s.URL), nil).Load(t.Context(), "orders-db", window)
	if err != nil || got != nil {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestLongWindows(t *testing.T) {
	t.Parallel()
	a := &account{engine: "postgres"}
	d := a.serve(t)
	long := activities.Window{From: noon.Add(-30 * 24 * time.Hour), To: noon}
	if _, _, err := d.Events(t.Context(), "orders-db", long); err != nil {
		t.Fatal(err)
	}
	form, err := url.ParseQuery(a.requests[len(a.requests)-1][len("DescribeEvents "):])
	if err != nil {
		t.Fatal(err)
	}
	if from, err := time.Parse(time.RFC3339, form.Get("StartTime")); err != nil || noon.Sub(from) > 14*24*time.Hour {
		t.Errorf("asked from %s, %v", form.Get("StartTime"), err)
	}
	for _, w := range []activities.Window{{}, {From: noon, To: noon}} {
		if _, _, err := d.Load(t.Context(), "orders-db", w); incident.KindOf(err) != incident.KindInvalid {
			t.Errorf("window %v: %v", w, err)
		}
	}
}
