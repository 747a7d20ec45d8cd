package worker

import (
	"flag"
	"io"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"vigil/workflows/incident"
)

func parsed(t *testing.T, args ...string) (Config, error) {
	t.Helper()
	c := DefaultConfig()
	fs := flag.NewFlagSet("worker", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	c.Flags(fs)
	return c, fs.Parse(args)
}

func TestActionRoles(t *testing.T) {
	t.Parallel()
	c, err := parsed(t, "--action-role", "scale_service=arn:aws:iam::1:role/a", "--action-role", "clear_cache=arn:aws:iam::1:role/b, drain_traffic=arn:aws:iam::1:role/c")
	want := map[incident.ActionType]string{incident.ActionScaleService: "arn:aws:iam::1:role/a", incident.ActionClearCache: "arn:aws:iam::1:role/b", incident.ActionDrainTraffic: "arn:aws:iam::1:role/c"}
	if err != nil || !reflect.DeepEqual(c.ActionRoles, want) {
		t.Errorf("%v, %v", c.ActionRoles, err)
	}
	if d := DefaultConfig(); len(d.ActionRoles) != 0 {
		t.Errorf("the default changed: %v", d.ActionRoles)
	}
	for _, wrong := range []string{"arn:aws:iam::1:role/a", "dance=arn:aws:iam::1:role/a", "clear_cache=", "clear_cache=a,clear_cache=b"} {
		if _, err := parsed(t, "--action-role", wrong); err == nil {
			t.Errorf("%s is taken", wrong)
		}
	}
}

func TestActing(t *testing.T) {
	t.Parallel()
	entry := func(class incident.ActionType, executor string, enabled bool) incident.CatalogueEntry {
		return incident.CatalogueEntry{Type: class, Enabled: enabled, Steps: []incident.StepSpec{{Executor: executor}}}
	}
	catalogue := []incident.CatalogueEntry{entry(incident.ActionScaleService, "ecs", true), entry(incident.ActionClearCache, "ssm", true),
		entry(incident.ActionDrainTraffic, "webhook", true), entry(incident.ActionUpdateConfig, "ssm", false)}
	for name, c := range map[string]struct {
		catalogue  []incident.CatalogueEntry
		configured map[incident.ActionType]string
		acts       bool
		roles      map[string]string
	}{
		"nothing enabled":  {catalogue[2:], nil, false, map[string]string{}},
		"as the worker":    {catalogue, nil, true, map[string]string{}},
		"one has no role":  {catalogue, map[incident.ActionType]string{incident.ActionScaleService: "a"}, true, map[string]string{"scale_service": "a", "clear_cache": ""}},
		"roles to be used": {nil, map[incident.ActionType]string{incident.ActionScaleService: "a"}, true, map[string]string{"scale_service": "a"}},
	} {
		if acts, roles := acting(c.catalogue, c.configured); acts != c.acts || !reflect.DeepEqual(roles, c.roles) {
			t.Errorf("%s: %t %v, want %t %v", name, acts, roles, c.acts, c.roles)
		}
	}
}

func TestExecutors(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"kubeconfig": `{"apiVersion":"v1","kind":"Config","current-context":"a","contexts":[{"name":"a","context":{"cluster":"a","user":"a"}}],"users":[{"name":"a"}],"clusters":[{"name":"a","cluster":{"server":"http://127.0.0.1:1"}}]}`,
		"hooks.yaml": "hooks: [{name: drain, url: https://ops.example/, secret_file: secret}]\n", "secret": "secret-canary-3f9d1c77\n", "bad.yaml": "hooks: []\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	kube, hooks := "--kubeconfig="+filepath.Join(dir, "kubeconfig"), "--webhooks-file="+filepath.Join(dir, "hooks.yaml")
	common := []string{"--models=none", "--data-dir=", "--aws-region=us-east-1"}
	for _, c := range []struct {
		args  []string
		want  string
		fails string
	}{
		{nil, "ecs ssm", ""},
		{[]string{kube, "--telemetry=aws,kubernetes", hooks}, "ecs kubernetes ssm webhook", ""},
		{[]string{"--prometheus-url=http://127.0.0.1:1"}, "", ""},
		{[]string{"--prometheus-url=http://127.0.0.1:1", kube, hooks}, "kubernetes webhook", ""},
		{[]string{"--action-role=scale_service=arn:aws:iam::1:role/a"}, "ecs ssm", ""},
		{[]string{"--action-role=scale_service=a"}, "", "scale_service"},
		{[]string{"--prometheus-url=http://127.0.0.1:1", "--action-role=scale_service=arn:aws:iam::1:role/a"}, "", "--action-role"},
		{[]string{"--webhooks-file=" + filepath.Join(dir, "bad.yaml")}, "", "bad.yaml"},
		{[]string{"--webhooks-file=" + filepath.Join(dir, "none")}, "", "--webhooks-file"},
	} {
		cfg, err := parsed(t, append(common, c.args...)...)
		if err != nil {
			t.Fatal(err)
		}
		p, err := NewPorts(t.Context(), cfg, Deps{}, nil)
		if c.fails != "" {
			if err == nil || !strings.Contains(err.Error(), c.fails) {
				t.Errorf("%v: %v, want %q", c.args, err, c.fails)
			}
			continue
		}
		if err != nil {
			t.Errorf("%v: %v", c.args, err)
			continue
		}
		if got := strings.Join(slices.Sorted(maps.Keys(p.Executors)), " "); got != c.want {
			t.Errorf("%v: %q, want %q", c.args, got, c.want)
		}
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	}
}
