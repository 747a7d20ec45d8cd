package sandbox

import (
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"vigil/deploy/sandbox/world"
)

const rdsVersion = "2014-10-31 "

var rdsOperations = []operation{
	{"rds", "DescribeDBInstances", awsQuery, rdsVersion + "DescribeDBInstances", (*Server).describeDBInstances},
	{"rds", "DescribeEvents", awsQuery, rdsVersion + "DescribeEvents", (*Server).describeDBEvents},
}

// monitoringInterval is how often the databases' operating systems are
// measured, in seconds. That they are is what makes their CPUs known.
const monitoringInterval = 60

type dbInstance struct {
	Identifier         string             `xml:"DBInstanceIdentifier"`
	Class              string             `xml:"DBInstanceClass"`
	Engine             string             `xml:"Engine"`
	EngineVersion      string             `xml:"EngineVersion"`
	Status             string             `xml:"DBInstanceStatus"`
	Created            string             `xml:"InstanceCreateTime"`
	AllocatedStorage   int                `xml:"AllocatedStorage"`
	StorageType        string             `xml:"StorageType"`
	MultiAZ            bool               `xml:"MultiAZ"`
	ResourceID         string             `xml:"DbiResourceId"`
	ARN                string             `xml:"DBInstanceArn"`
	MonitoringInterval int                `xml:"MonitoringInterval"`
	InsightsEnabled    bool               `xml:"PerformanceInsightsEnabled"`
	InsightsRetention  int                `xml:"PerformanceInsightsRetentionPeriod"`
	ParameterGroups    []dbParameterGroup `xml:"DBParameterGroups>DBParameterGroup"`
}

type dbParameterGroup struct {
	Name   string `xml:"DBParameterGroupName"`
	Status string `xml:"ParameterApplyStatus"`
}

// dbResourceID is the id under which Performance Insights knows a database.
func dbResourceID(name string) string {
	sum := sha256.Sum256([]byte(name))
	return "db-" + base32.StdEncoding.EncodeToString(sum[:])[:26]
}

func (s *Server) databases() []string {
	var out []string
	for _, svc := range s.world.Services() {
		if svc.Kind == world.KindDatabase {
			out = append(out, svc.Name)
		}
	}
	return out
}

// describeDBInstances knows instances that belong to no cluster.
func (s *Server) describeDBInstances(x *exchange) (any, error) {
	name := x.query.Get("DBInstanceIdentifier")
	all := s.databases()
	if name != "" {
		i := slices.IndexFunc(all, func(d string) bool { return strings.EqualFold(d, name) })
		if i < 0 {
			return nil, errorf("DBInstanceNotFound", "DBInstance %s not found.", name)
		}
		all = all[i : i+1]
	}
	for n := 1; ; n++ {
		filter := x.query.Get(fmt.Sprintf("Filters.Filter.%d.Name", n))
		if filter == "" {
			break
		}
		wanted := members(x.query, fmt.Sprintf("Filters.Filter.%d.Values.Value", n))
		x.note("filter", filter)
		switch filter {
		case "db-instance-id":
			all = slices.DeleteFunc(all, func(d string) bool { return !slices.Contains(wanted, d) })
		case "db-cluster-id":
			all = nil
		default:
			return nil, errorf("InvalidParameterValue", "Unrecognized filter name: %s; the sandbox has db-instance-id and db-cluster-id.", filter)
		}
	}
	page, next, err := dbPage(x.query, all)
	if err != nil {
		return nil, err
	}
	out := struct {
		Instances []dbInstance `xml:"DBInstances>DBInstance"`
		Marker    string       `xml:"Marker,omitempty"`
	}{Marker: next}
	for _, d := range page {
		has, _ := s.world.Provision(d)
		out.Instances = append(out.Instances, dbInstance{Identifier: d, Class: has.Class, Engine: "postgres", EngineVersion: "16.4", Status: has.Status,
			Created: s.world.Now().Add(-9000 * time.Hour).Format(time.RFC3339), AllocatedStorage: has.Storage, StorageType: "gp3", MultiAZ: true,
			ResourceID: dbResourceID(d), ARN: world.DatabaseARN(d), MonitoringInterval: monitoringInterval, InsightsEnabled: true, InsightsRetention: 7,
			ParameterGroups: []dbParameterGroup{{d, "in-sync"}}})
	}
	x.note("databases", page)
	return out, nil
}

type dbEvent struct {
	Source     string   `xml:"SourceIdentifier"`
	SourceType string   `xml:"SourceType"`
	Message    string   `xml:"Message"`
	Categories []string `xml:"EventCategories>EventCategory"`
	Date       string   `xml:"Date"`
	ARN        string   `xml:"SourceArn"`
}

const (
	sourceInstance     = "db-instance"
	defaultDuration    = 60 * time.Minute
	keepsEvents        = 14 * 24 * time.Hour
	timeOfQuery        = "2006-01-02T15:04:05.000Z"
	invalidValue       = "InvalidParameterValue"
	invalidCombination = "InvalidParameterCombination"
)

// sourceTypes are all that RDS has; only instances report anything here.
var sourceTypes = []string{sourceInstance, "db-cluster", "db-parameter-group", "db-security-group", "db-snapshot", "db-cluster-snapshot",
	"custom-engine-version", "db-proxy", "blue-green-deployment", "db-shard-group", "zero-etl"}

func (s *Server) describeDBEvents(x *exchange) (any, error) {
	source, kind := x.query.Get("SourceIdentifier"), x.query.Get("SourceType")
	x.note("source", source)
	switch {
	case kind != "" && !slices.Contains(sourceTypes, kind):
		return nil, errorf(invalidValue, "Invalid source type: %s", kind)
	case source != "" && kind == "":
		return nil, errorf(invalidCombination, "A source identifier needs a source type.")
	case x.query.Get("Filters.Filter.1.Name") != "":
		return nil, errorf(invalidValue, "This parameter isn't currently supported: Filters.")
	case kind == sourceInstance && source != "" && !slices.Contains(s.databases(), strings.ToLower(source)):
		return nil, errorf("DBInstanceNotFound", "DBInstance %s not found.", source)
	}
	from, to, err := s.eventSpan(x.query)
	if err != nil {
		return nil, err
	}
	categories := members(x.query, "EventCategories.EventCategory")
	found := s.world.PlatformEvents(func(e world.PlatformEvent) bool {
		return !e.At.Before(from) && e.At.Before(to) && (kind == "" || kind == sourceInstance) &&
			(source == "" || strings.EqualFold(source, e.Source)) && (len(categories) == 0 || slices.Contains(categories, e.Category))
	})
	page, next, err := dbPage(x.query, found)
	if err != nil {
		return nil, err
	}
	out := struct {
		Events []dbEvent `xml:"Events>Event"`
		Marker string    `xml:"Marker,omitempty"`
	}{Marker: next}
	for _, e := range page {
		out.Events = append(out.Events, dbEvent{Source: e.Source, SourceType: sourceInstance, Message: e.Message, Categories: []string{e.Category},
			Date: e.At.UTC().Format(timeOfQuery), ARN: e.ARN})
	}
	x.note("events", len(page))
	return out, nil
}

// eventSpan is the time that events are asked for: from StartTime, or for so
// many minutes, until EndTime.
func (s *Server) eventSpan(q url.Values) (from, to time.Time, err error) {
	now := s.world.Now()
	to = now.Add(time.Millisecond) // what happens now is part of it
	minutes := defaultDuration
	if v := q.Get("Duration"); v != "" {
		n, err := strconv.Atoi(v)
		if err != nil || n < 1 || n > 20160 {
			return from, to, errorf(invalidValue, "Duration must be from 1 to 20160 minutes, not %s.", v)
		}
		if q.Get("StartTime") != "" {
			return from, to, errorf(invalidCombination, "Duration and StartTime cannot go together.")
		}
		minutes = time.Duration(n) * time.Minute
	}
	if v := q.Get("EndTime"); v != "" {
		if to, err = time.Parse(time.RFC3339Nano, v); err != nil {
			return from, to, errorf(invalidValue, "EndTime is not a time: %s", v)
		}
	}
	from = to.Add(-minutes)
	if v := q.Get("StartTime"); v != "" {
		if from, err = time.Parse(time.RFC3339Nano, v); err != nil {
			return from, to, errorf(invalidValue, "StartTime is not a time: %s", v)
		}
	}
	switch {
	case from.After(to):
		return from, to, errorf(invalidCombination, "The end time must be after the start time.")
	case from.Before(now.Add(-keepsEvents)):
		return from, to, errorf(invalidValue, "Events are kept for 14 days; the start time is too long ago.")
	}
	return from, to, nil
}

// dbPage is one page of a list, of 20 to 100 records.
func dbPage[T any](q url.Values, all []T) (page []T, next string, err error) {
	size := 100
	if v := q.Get("MaxRecords"); v != "" {
		if size, err = strconv.Atoi(v); err != nil || size < 20 || size > 100 {
			return nil, "", errorf(invalidValue, "MaxRecords must be from 20 to 100, not %s.", v)
		}
	}
	offset, err := pageOffset(q.Get("Marker"))
	if err != nil {
		return nil, "", errorf(invalidValue, "The marker is not one of the sandbox's.")
	}
	page, next = paginate(all, offset, size)
	return page, next, nil
}

// members reads a list of a form: name.1, name.2, and so on.
func members(q url.Values, name string) []string {
	var out []string
	for n := 1; ; n++ {
		v := q.Get(fmt.Sprintf("%s.%d", name, n))
		if v == "" {
			return out
		}
		out = append(out, v)
	}
}
