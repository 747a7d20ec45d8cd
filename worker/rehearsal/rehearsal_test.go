package rehearsal_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"vigil/activities"
	"vigil/activities/catalogue"
	"vigil/activities/policy"
	"vigil/worker/rehearsal"
	"vigil/workflows/incident"
)

var update = flag.Bool("update", false, "write the golden files anew")

// system is an executor of a few targets.
type system struct {
	name    string
	targets map[string]incident.TargetState
	fails   map[string]error // by target
	refuses string           // document that it does not know
	looks   map[string]int   // how often a target was observed
	t       *testing.T
}

func (s *system) Observe(_ context.Context, e incident.Effect) (incident.TargetState, incident.Provenance, error) {
	s.looks[e.Target+" "+e.Document]++
	if err := s.fails[e.Target]; err != nil {
		return nil, incident.Provenance{}, err
	}
	state, ok := s.targets[e.Target]
	if !ok {
		return nil, incident.Provenance{}, incident.Errorf(incident.KindNotFound, "%s: there is no service %q", s.name, e.Target)
	}
	return state, incident.Provenance{}, nil
}

func (s *system) Call(e incident.Effect) (incident.Call, error) {
	if e.Document == s.refuses {
		return incident.Call{}, incident.Errorf(incident.KindInvalid, "%s: there is no document %q", s.name, e.Document)
	}
	raw, err := json.Marshal(struct {
		Target    string            `json:"target"`
		Arguments map[string]string `json:"arguments"`
	}{e.Target, e.Arguments})
	return incident.Call{Service: s.name, Operation: e.Document, Request: raw}, err
}

func (s *system) Start(context.Context, incident.Effect) (string, incident.Provenance, error) {
	s.t.Error("something was started")
	return "", incident.Provenance{}, nil
}

func (s *system) Find(context.Context, incident.Effect) (string, error) {
	s.t.Error("something was looked for")
	return "", nil
}

func (s *system) Get(context.Context, incident.Effect, string) (incident.ExecutionState, string, incident.Provenance, error) {
	s.t.Error("something was read back")
	return "", "", incident.Provenance{}, nil
}

// graph is a service graph.
type graph struct {
	edges []incident.Edge
	err   error
}

func (g graph) Graph(context.Context, activities.Window) ([]incident.Edge, incident.Provenance, error) {
	return g.edges, incident.Provenance{}, g.err
}

const actionsFile = `
version: "1"
actions:
  - name: add_task
    type: scale_service
    title: One more task
    causes: [traffic_surge]
    risk: low
    blast_radius: service
    effect: More room.
    precondition: state.desired_count < 10
    executor: ecs
    document: set_desired_count
    arguments: {DesiredCount: "=state.desired_count + 1"}
    undo: {document: set_desired_count, arguments: {DesiredCount: "=state.desired_count"}}
    parameters: {type: object, properties: {DesiredCount: {type: integer, maximum: 10}}}
    enabled: true
    timeout: 5m
  - name: restart
    type: restart_service
    title: Restart
    causes: [memory_leek]
    services: ["orders*"]
    risk: high
    blast_radius: callers
    effect: Fresh memory.
    steps:
      - {executor: ssm, document: Drain, undo: {document: Restore}}
      - {executor: ssm, document: Restart}
    timeout: 5m
  - name: flag
    type: update_config
    title: A flag
    causes: [traffic_surge]
    risk: critical
    blast_radius: service
    effect: Less work.
    executor: webhook
    document: flag
    timeout: 5m
`

const policyFile = `
version: "7"
tiers: {tier_1: ["orders*"]}
freezes: [{name: inventory, days: [tuesday], from: "12:00", to: "13:00"}]
rules:
  - {name: never, when: risk == "critical", then: never, reason: Too much.}
  - {name: important, when: tier == "tier_1" && severity == "critical", then: approve, role: admin, reason: It matters.}
  - {name: high, when: risk == "high", then: two_approvers, reason: Much.}
  - {name: rest, when: "true", then: autonomous, reason: Little.}
`

func mustConfig(t *testing.T) rehearsal.Config {
	t.Helper()
	contents, err := catalogue.Read("actions.yaml", []byte(actionsFile))
	if err != nil {
		t.Fatal(err)
	}
	rules, err := policy.Read("policy.yaml", []byte(policyFile))
	if err != nil {
		t.Fatal(err)
	}
	evaluate, err := catalogue.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	s := incident.DefaultSettings()
	s.Catalogue, s.CatalogueVersion = contents.Entries, "1+00000000"
	return rehearsal.Config{Settings: s, Catalogue: evaluate, Policy: rules, CatalogueFile: "actions.yaml", PolicyFile: "policy.yaml", Notes: catalogue.Notes(contents.Entries),
		Executors: map[string]activities.Executor{
			"ecs": &system{name: "ecs", t: t, looks: map[string]int{}, targets: map[string]incident.TargetState{
				"checkout": {"desired_count": 3.0, "task_definition": "checkout:42"}, "web": {"desired_count": 10.0}}},
			"ssm": &system{name: "ssm", t: t, looks: map[string]int{}, targets: map[string]incident.TargetState{"orders-db": {"kind": "database"}}},
		},
		Now: func() time.Time { return time.Date(2026, 12, 1, 12, 30, 0, 0, time.UTC) }}
}

func TestWhatIsShown(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		change func(*rehearsal.Config)
		fails  string // "" succeeds
	}{
		{name: "offline", change: func(c *rehearsal.Config) { c.Offline, c.Executors = true, nil }},
		{name: "offline_targets", change: func(c *rehearsal.Config) { c.Offline, c.Targets = true, []string{"orders-db", "web"} }},
		{name: "targets", change: func(c *rehearsal.Config) { c.Targets = []string{"checkout", "web", "orders-db", "nowhere"} }},
		{name: "graph", change: func(c *rehearsal.Config) {
			c.Topology = graph{edges: []incident.Edge{{From: "web", To: "checkout"}, {From: "web", To: "orders-db"}}}
		}},
		{name: "unreadable", fails: "checkout: ecs DescribeServices: throttled", change: func(c *rehearsal.Config) {
			c.Targets = []string{"checkout"}
			c.Executors["ecs"].(*system).fails = map[string]error{"checkout": incident.Errorf(incident.KindThrottled, "ecs DescribeServices: throttled")}
		}},
		{name: "refused", fails: `set_desired_count on checkout: ecs: there is no document "set_desired_count"`, change: func(c *rehearsal.Config) {
			c.Targets = []string{"checkout"}
			c.Executors["ecs"].(*system).refuses = "set_desired_count"
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			c := mustConfig(t)
			tc.change(&c)
			var out bytes.Buffer
			err := rehearsal.Run(t.Context(), c, &out)
			if (err == nil) != (tc.fails == "") || err != nil && !strings.Contains(err.Error(), tc.fails) {
				t.Errorf("%v, want %q", err, tc.fails)
			}
			golden(t, tc.name, out.String())
			for name, x := range c.Executors {
				for what, n := range x.(*system).looks {
					if n > 1 {
						t.Errorf("%s observed %s %d times", name, what, n)
					}
				}
			}
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
		t.Errorf("what is shown differs from %s (write it anew with -update)\n got:\n%s\nwant:\n%s", path, got, want)
	}
}

func TestTargetsThatAreNone(t *testing.T) {
	t.Parallel()
	var many []incident.Edge
	for i := range 60 {
		many = append(many, incident.Edge{From: "web", To: fmt.Sprintf("s%d", i)})
	}
	for want, topology := range map[string]activities.Topology{
		"there is no service graph":              nil,
		"the service graph of the last hour is":  graph{},
		"the service graph has 61 services":      graph{edges: many},
		"--target names them instead: no access": graph{err: incident.Errorf(incident.KindDenied, "no access")},
	} {
		c := mustConfig(t)
		c.Topology = topology
		if err := rehearsal.Run(t.Context(), c, &bytes.Buffer{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}
