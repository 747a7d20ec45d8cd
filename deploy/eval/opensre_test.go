package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"vigil/workflows/incident"
)

// written is a made scenario on its way to files.
type written struct {
	t      *testing.T
	folder string
	name   string
	begin  time.Time
	series []map[string]any
	events []map[string]any
}

func newWritten(t *testing.T, name string) *written {
	t.Helper()
	return &written{t: t, folder: filepath.Join(t.TempDir(), "family", "case"), name: name, begin: time.Date(2025, 6, 7, 8, 0, 0, 0, time.UTC)}
}

// metric adds a series of 24 minutes that goes from one level to another at the tenth.
func (w *written) metric(name, unit string, from, to float64) {
	var at []string
	var values []float64
	for i := range 24 {
		v := from
		if i >= 10 {
			v = to
		}
		at = append(at, w.begin.Add(time.Duration(i)*time.Minute).Format(time.RFC3339))
		values = append(values, v*(1+0.01*float64(i%3)))
	}
	w.series = append(w.series, map[string]any{"metric_name": name, "unit": unit, "timestamps": at, "values": values,
		"dimensions": []any{map[string]string{"Name": "Resource", "Value": w.name}}})
}

// burst adds a series that leaves its level for five minutes.
func (w *written) burst(name, unit string, level, peak float64) {
	w.metric(name, unit, level, level)
	values, _ := w.series[len(w.series)-1]["values"].([]float64)
	for i := 8; i < 13; i++ {
		values[i] = peak
	}
}

func (w *written) event(minute int, message string) {
	w.events = append(w.events, map[string]any{"timestamp": w.begin.Add(time.Duration(minute) * time.Minute).Format(time.RFC3339), "message": message, "source": w.name})
}

func (w *written) json(name string, v any) {
	w.t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(w.folder, name), raw, 0o600); err != nil {
		w.t.Fatal(err)
	}
}

// read writes the files and reads them as eval does.
func (w *written) read(answer string) scenario {
	w.t.Helper()
	if err := os.MkdirAll(w.folder, 0o750); err != nil {
		w.t.Fatal(err)
	}
	w.json("alert.json", map[string]any{"title": "t", "commonAnnotations": map[string]any{"summary": "something about " + w.name, "resource_name": w.name}})
	w.json("aws_cloudwatch_metrics.json", map[string]any{"metric_data_results": w.series})
	w.json("aws_made_events.json", map[string]any{"events": w.events})
	if err := os.WriteFile(filepath.Join(w.folder, "answer.yml"), []byte(answer), 0o600); err != nil {
		w.t.Fatal(err)
	}
	root := filepath.Dir(filepath.Dir(w.folder))
	folders, err := findScenarios(root)
	if err != nil || len(folders) != 1 {
		w.t.Fatalf("found %v: %v", folders, err)
	}
	s, err := readScenario(root, folders[0])
	if err != nil {
		w.t.Fatal(err)
	}
	return s
}

// Scenarios of services that are no databases are read and told as well.
func TestScenariosOfOtherServices(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fill     func(w *written)
		category incident.Category
		cause    incident.Cause // empty: any of the category
		says     []string
	}{
		"a throttled function": {func(w *written) {
			w.metric("Throttles", "Count", 0, 180)
			w.metric("ConcurrentExecutions", "Count", 300, 1000)
			w.metric("Duration", "Milliseconds", 120, 130)
			w.event(11, "Rate exceeded: the account concurrency limit of 1000 was reached")
		}, incident.CategoryResourceExhaustion, incident.CauseThrottled, []string{"quota"}},
		"a throttled table": {func(w *written) {
			w.metric("WriteThrottleEvents", "Count", 0, 900)
			w.metric("ConsumedWriteCapacityUnits", "Count", 4000, 12000)
		}, incident.CategoryResourceExhaustion, incident.CauseThrottled, []string{"capacity"}},
		"a queue that nobody empties": {func(w *written) {
			w.metric("ApproximateAgeOfOldestMessage", "Seconds", 3, 1900)
			w.metric("ApproximateNumberOfMessagesVisible", "Count", 20, 48000)
			w.metric("NumberOfMessagesDeleted", "Count", 600, 12)
		}, incident.CategoryResourceExhaustion, incident.CauseQueueBacklog, []string{"consumers"}},
		"targets that fail": {func(w *written) {
			w.metric("UnHealthyHostCount", "Count", 0, 3)
			w.metric("HTTPCode_ELB_5XX_Count", "Count", 0, 400)
			w.event(10, "Target failed its health check: timeout")
		}, incident.CategoryInfrastructure, "", []string{"health check"}},
		"a cache without room": {func(w *written) {
			w.metric("Evictions", "Count", 0, 8000)
			w.metric("CacheHitRate", "Percent", 97, 61)
			w.metric("DatabaseMemoryUsagePercentage", "Percent", 71, 99)
		}, incident.CategoryResourceExhaustion, incident.CauseCacheFailure, []string{"memory"}},
		"a broken machine": {func(w *written) {
			w.metric("StatusCheckFailed_System", "Count", 0, 1)
			w.metric("CPUUtilization", "Percent", 20, 0)
		}, incident.CategoryInfrastructure, "", []string{"status checks"}},
		"a function that a release broke": {func(w *written) {
			w.metric("Errors", "Count", 0, 250)
			w.metric("Duration", "Milliseconds", 120, 118)
			w.event(9, "New version 57 published and deployed to alias live")
		}, incident.CategoryDeployment, incident.CauseBadDeployment, []string{"version 57"}},
		"calls that time out": {func(w *written) {
			w.metric("Duration", "Milliseconds", 210, 30000)
			w.metric("Errors", "Count", 0, 90)
			w.metric("Invocations", "Count", 900, 900)
		}, incident.CategoryDependency, incident.CauseDependencyFailure, []string{"timeout", "duration"}},
		"containers killed for memory": {func(w *written) {
			w.metric("MemoryUtilization", "Percent", 61, 99)
			w.metric("RunningTaskCount", "Count", 4, 2)
			w.event(11, "Task stopped: OutOfMemoryError, container killed due to memory usage")
		}, incident.CategoryResourceExhaustion, incident.CauseOutOfMemory, []string{"memory"}},
		"a cache that failed over": {func(w *written) {
			w.metric("CacheHitRate", "Percent", 96, 96)
			w.metric("EngineCPUUtilization", "Percent", 30, 31)
			w.event(10, "Failover to replica node 002 completed after a node failure")
		}, incident.CategoryInfrastructure, incident.CauseFailover, []string{"failover"}},
		"a stream that is not read": {func(w *written) {
			w.metric("IteratorAge", "Milliseconds", 400, 900000)
			w.metric("Errors", "Count", 0, 0)
		}, incident.CategoryResourceExhaustion, incident.CauseQueueBacklog, []string{"iteratorage", "falls behind"}},
		"throttling that is over": {func(w *written) {
			w.burst("Throttles", "Count", 0, 120)
			w.metric("Invocations", "Count", 900, 900)
		}, incident.CategoryHealthy, "", []string{"recovered", "throttles"}},
		"nothing at all": {func(w *written) {
			w.metric("Throttles", "Count", 0, 0)
			w.metric("Errors", "Count", 1, 1)
			w.metric("Duration", "Milliseconds", 120, 121)
		}, incident.CategoryHealthy, "", []string{"no active failure", "within normal bounds"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWritten(t, "relay-"+strings.ReplaceAll(name, " ", "-"))
			c.fill(w)
			s := w.read("root_cause_category: " + string(c.category) + "\nrequired_evidence_sources: [aws_cloudwatch_metrics]\n")
			answers, err := options{}.ask(t.Context(), s.ports(), s.question)
			if err != nil {
				t.Fatal(err)
			}
			a, err := answers[0].concluded(t.Context(), s.question)
			if err != nil {
				t.Fatal(err)
			}
			d := a.diagnosis
			if m := judge(s.key, d, a.evidence); !m.all() || c.cause != "" && d.Cause != c.cause {
				t.Errorf("%+v: %s\n%s", m, d.Cause, prose(d))
			}
			for _, want := range c.says {
				if !strings.Contains(strings.ToLower(prose(d)), want) {
					t.Errorf("nothing of %q in:\n%s", want, prose(d))
				}
			}
		})
	}
}

func TestJudge(t *testing.T) {
	t.Parallel()
	d := incident.Diagnosis{Verdict: incident.VerdictProbable, Cause: incident.CauseStorageFull, Summary: "The disk is FULL.",
		Claims: []incident.Claim{{Text: "it said so", Cites: []string{"E1"}, Supported: true}, {Text: "a guess"}}}
	evidence := []incident.Evidence{{ID: "E1", Kind: incident.EvidenceEvents}}
	for name, c := range map[string]struct {
		key  expected
		want marks
	}{
		"all is said":         {expected{Category: "resource_exhaustion", Required: []string{"disk", "full"}, Sources: []string{"aws_rds_events"}}, marks{}},
		"another category":    {expected{Category: "infrastructure"}, marks{category: "resource_exhaustion, not infrastructure"}},
		"a forbidden cause":   {expected{Category: "resource_exhaustion", ForbiddenCategories: []string{"storage_full"}}, marks{category: "forbidden: storage_full"}},
		"a word is missing":   {expected{Category: "resource_exhaustion", RulingOut: []string{"moon"}}, marks{keywords: "moon"}},
		"a word is forbidden": {expected{Category: "resource_exhaustion", Forbidden: []string{"said so"}}, marks{forbidden: "said so"}},
		"a source is missing": {expected{Category: "resource_exhaustion", Sources: []string{"aws_cloudwatch_metrics"}}, marks{sources: "aws_cloudwatch_metrics"}},
		"a guess is no text":  {expected{Category: "resource_exhaustion", Required: []string{"guess"}}, marks{keywords: "guess"}},
	} {
		if got := judge(c.key, d, evidence); got != c.want {
			t.Errorf("%s: %+v, wanted %+v", name, got, c.want)
		}
	}
}

func TestSnake(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{"WriteThrottleEvents": "write_throttle_events", "HTTPCode_Target_5XX_Count": "http_code_target_5xx_count",
		"EngineCPUUtilization": "engine_cpu_utilization", "StatusCheckFailed_System": "status_check_failed_system", "p99": "p99"} {
		if got := snake(given); got != want {
			t.Errorf("%s: %s, wanted %s", given, got, want)
		}
	}
}

// The recorded scenarios are measured, not tested; what is tested is that they
// can be read and that each is answered.
func TestRecordedScenarios(t *testing.T) {
	root, err := dataFolder()
	if err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join(root, "telemetry", "opensre")
	if _, err := os.Stat(folder); err != nil {
		t.Skipf("no recorded scenarios: %v (set VIGIL_TESTDATA to the folder that holds telemetry/)", err)
	}
	var out bytes.Buffer
	rows, err := evalOpenSRE(t.Context(), &out, folder, options{})
	if err != nil {
		t.Fatal(err)
	}
	if r := rows[0]; r.cases == 0 || r.top1*5 < r.cases*4 || r.judged != r.cases {
		t.Errorf("%d of %d, wanted four fifths at least:\n%s", r.top1, r.cases, &out)
	}
}
