package worker

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"vigil/activities"
	"vigil/workflows/incident"
)

func enabled(s incident.Settings) []string {
	var out []string
	for _, e := range s.Catalogue {
		if e.Enabled {
			out = append(out, e.Name)
		}
	}
	return out
}

func TestEveryActionIsADryRunUntilItIsEnabled(t *testing.T) {
	s, err := configured(t)
	if err != nil {
		t.Fatal(err)
	}
	if on := enabled(s); len(on) > 0 || len(s.Catalogue) == 0 || s.CatalogueVersion == "" {
		t.Errorf("of %d actions %v are enabled", len(s.Catalogue), on)
	}
	for words, want := range map[string][]string{
		"roll_back":                      {"roll_back"},
		"restart_service":                {"restart_service", "restart_datastore"}, // a type, which is a name as well
		"scale_out, rollback_deployment": {"roll_back", "scale_out"},
		"enable_circuit_breaker,":        {"enable_circuit_breaker"},
	} {
		s, err := configured(t, "--enable-actions", words)
		if err != nil || !slices.Equal(enabled(s), want) {
			t.Errorf("%s enables %v, %v; want %v", words, enabled(s), err, want)
		}
	}
	if s, err = configured(t, "--enable-actions", "all"); err != nil || len(enabled(s)) != len(s.Catalogue) {
		t.Errorf("all enables %v, %v", enabled(s), err)
	}
}

func TestActionSettings(t *testing.T) {
	s, err := configured(t, "--account=123456789012", "--lease-service-concurrent=2", "--lease-account-concurrent=9", "--decision-valid=5m", "--reminder=0s", "--max-actions=7")
	if err != nil || s.Account != "123456789012" || s.ServiceLease.Concurrent != 2 || s.ServiceLease.Share != 0.5 || s.AccountLease.Concurrent != 9 ||
		s.DecisionValidMS != (5*time.Minute).Milliseconds() || s.ReminderMS != 0 || s.MaxActions != 7 {
		t.Errorf("%+v, %v", s, err)
	}
	c, d := DefaultConfig(), incident.DefaultSettings()
	if s, err = c.settings(); err != nil || s.Account != d.Account || s.ServiceLease != d.ServiceLease || s.AccountLease != d.AccountLease ||
		s.DecisionValidMS != d.DecisionValidMS || s.ReminderMS != d.ReminderMS || s.MaxActions != d.MaxActions {
		t.Errorf("the flags' defaults are not the settings': %+v, %v", s, err)
	}
}

const oneAction = `
version: "1"
actions:
  - name: flag
    type: update_config
    title: A flag
    causes: [traffic_surge]
    risk: low
    blast_radius: service
    effect: Less work.
    executor: webhook
    document: flag
    timeout: 5m
    enabled: ENABLED
`

func mustFile(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file.yaml")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestBadActionSettingsSayWhatWouldBeRight(t *testing.T) {
	file := func(on string) string { return mustFile(t, strings.Replace(oneAction, "ENABLED", on, 1)) }
	for _, c := range []struct{ args, want string }{
		{"--enable-actions=explode", "there are restore_previous_config, roll_back, "},
		{"--enable-actions=explode", "of the types update_config, rollback_deployment, "},
		{"--enable-actions=roll_back --actions-file=" + file("false"), `there is no action "roll_back", and none of that type; there are flag`},
		{"--actions-file=" + file("maybe"), `file.yaml:14: flag.enabled: "maybe" is neither true nor false`},
		{"--actions-file=/nowhere.yaml", "read the actions: open /nowhere.yaml"},
		{"--policy-file=/nowhere.yaml", "read the policy: open /nowhere.yaml"},
		{"--policy-file=" + mustFile(t, "version: a\nrules: []\n"), "without a rule everything takes two people"},
		{"--account=", "--account is empty"},
		{"--reminder=-1m", "use 0 for never"},
		{"--max-actions=0", "max_actions and the leases' concurrent must be positive"},
		{"--lease-service-concurrent=0", "must be positive"},
		{"--decision-valid=0s", "must be positive"},
	} {
		_, err := configured(t, strings.Fields(c.args)...)
		if err == nil || !strings.Contains(err.Error(), c.want) || incident.KindOf(err) != incident.KindInvalid {
			t.Errorf("%s: %v, wanted %q in it", c.args, err, c.want)
		}
	}
}

// idle is an executor that is there.
type idle struct{ activities.Executor }

// What is switched on and can never run is said when the worker starts.
func TestEnabledActionsCanBeCarriedOut(t *testing.T) {
	for _, tc := range []struct {
		name      string
		file      string
		enable    string
		executors []string
		want      string // "" for none
	}{
		{"nothing is enabled", "", "", nil, ""},
		{"all, by what is there", "", "all", []string{"ssm"}, ""},
		{"a type of which one can", "", "scale_service", []string{"ssm"}, ""},
		{"all, and nothing is there", "", "all", nil, `nothing can carry out "all" here: this worker has no executor ecs, ssm`},
		{"one that needs another", "", "roll_back", []string{"ssm"}, `nothing can carry out "roll_back" here: this worker has no executor ecs`},
		{"by the file", "true", "", []string{"ssm"}, "flag is enabled, and this worker has no executor webhook"},
		{"by the file, and there", "true", "", []string{"webhook"}, ""},
	} {
		c := DefaultConfig()
		if tc.file != "" {
			c.ActionsFile = mustFile(t, strings.Replace(oneAction, "ENABLED", tc.file, 1))
		}
		if tc.enable != "" {
			c.EnableActions = []string{tc.enable}
		}
		s, err := c.settings()
		if err != nil {
			t.Fatal(err)
		}
		p := &Ports{Activities: &activities.Activities{Settings: s, Executors: map[string]activities.Executor{}}}
		for _, name := range tc.executors {
			p.Executors[name] = idle{}
		}
		err = builder{Config: c}.able(t.Context(), p)
		if (err == nil) != (tc.want == "") || err != nil && !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want %q", tc.name, err, tc.want)
		}
	}
}

// Expressions see the worker's configuration; policy and catalogue are there.
func TestActionPorts(t *testing.T) {
	c := DefaultConfig()
	c.Cluster, c.Environment, c.Account, c.Region = "shop", "staging", "123456789012", "eu-west-1"
	p := &Ports{Activities: &activities.Activities{}}
	if err := (builder{Config: c}).actions(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	holds, err := p.Activities.Catalogue.Holds(`env.cluster == "shop" && env.environment == "staging" && env.account == "123456789012" && env.region == "eu-west-1"`, "x", nil, nil)
	if !holds || err != nil {
		t.Errorf("%v, %v", holds, err)
	}
	v, err := p.Activities.Policy.Judge(t.Context(), incident.Facts{Risk: incident.RiskCritical}, time.Now())
	if err != nil || v.Autonomy != incident.AutonomyNever {
		t.Errorf("%+v, %v", v, err)
	}
}

// What the shipped catalogue plans is what the executors take, and what undoes
// it as well.
func TestExecutorsTakeWhatTheCatalogueSends(t *testing.T) {
	c := DefaultConfig()
	c.Provider, c.DataDir, c.Region, c.Account = ProviderNone, "", "us-east-1", "123456789012"
	p, err := NewPorts(t.Context(), c, Deps{AccessKeyID: "AKIAIOSFODNN7EXAMPLE", SecretAccessKey: "secret"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	service := incident.TargetState{"kind": "ecs", "desired_count": 4.0, "running_count": 4.0, "task_definition": "checkout:42", "previous_task_definition": "checkout:41"}
	targets := map[string]incident.TargetState{"checkout": service, "carts": {"kind": "other"},
		"orders-db": {"kind": "database", "status": "available", "allocated_storage_gib": 100.0, "class": "db.r6g.large"}}
	for _, e := range p.Settings.Catalogue {
		planned := false
		for target, s := range targets {
			if holds, err := p.Activities.Catalogue.Holds(e.Precondition, target, s, s); err != nil || !holds {
				continue
			}
			steps, err := p.Activities.Catalogue.Plan(e, target, s)
			if err != nil {
				t.Errorf("%s on %s: %v", e.Name, target, err)
				continue
			}
			planned = true
			a := incident.Action{IncidentID: "inc-1", PlanRevision: 1, Name: e.Name, Type: e.Type, Target: target, Steps: steps}
			for n := range steps {
				if _, err := p.Executors[steps[n].Executor].Call(a.Effect(n + 1)); err != nil {
					t.Errorf("%s on %s: %v", e.Name, target, err)
				}
				if undo, ok := a.Undo(n + 1); ok {
					if _, err := p.Executors[undo.Executor].Call(undo); err != nil {
						t.Errorf("undoing %s on %s: %v", e.Name, target, err)
					}
				}
			}
		}
		if !planned {
			t.Errorf("%s fits nothing", e.Name)
		}
	}
}
