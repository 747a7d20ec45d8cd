package main

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"vigil/deploy/processes"
)

func noEnv(string) string { return "" }

func TestParseDefaults(t *testing.T) {
	c, err := parse(nil, noEnv)
	if err != nil {
		t.Fatal(err)
	}
	if c.temporalAddr != "127.0.0.1:7233" || c.temporalUIAddr != "127.0.0.1:8233" || c.sandboxAddr != "127.0.0.1:4566" ||
		c.gatewayAddr != "127.0.0.1:8080" || c.stateDir != ".vigil" {
		t.Errorf("addresses are %+v", c)
	}
	if c.worker.Endpoint != "http://127.0.0.1:4566" || c.worker.MetricPeriod != 5*time.Second || !slices.Equal(c.worker.EnableActions, []string{"all"}) {
		t.Errorf("the worker is not set up for the sandbox: %+v", c.worker)
	}
	if !c.gateway.DevPrincipal || c.gateway.Listen != c.gatewayAddr {
		t.Errorf("the gateway is not set up for development: %+v", c.gateway)
	}
	if err := c.gateway.Validate(); err != nil {
		t.Error(err)
	}
	if want := filepath.Join(".vigil", "sandbox", "sources.yaml"); c.gateway.SourcesFile != want {
		t.Errorf("the gateway is told of the sandbox by %q, want %q", c.gateway.SourcesFile, want)
	}
	if !c.embedsTemporal() || len(c.listeners()) != 5 {
		t.Errorf("listens on %v", c.listeners())
	}
}

func TestParsePassesOnWhatIsGiven(t *testing.T) {
	t.Setenv("VIGIL_HANDOVER_TIMEOUT", "2m")
	c, err := parse([]string{"--tick=200ms", "--approval-timeout=30s", "--enable-actions=restart_service", "--system-every=1s"}, noEnv)
	if err != nil {
		t.Fatal(err)
	}
	if c.worker.Approval != 30*time.Second || c.worker.Handover != 2*time.Minute || !slices.Equal(c.worker.EnableActions, []string{"restart_service"}) {
		t.Errorf("the worker is given %+v", c.worker)
	}
	if c.worker.MetricPeriod != time.Second {
		t.Errorf("metric period is %s; a tick of 200ms asks for the finest that CloudWatch has", c.worker.MetricPeriod)
	}
	// What a process of its own gets: what was given, and nothing that the
	// tick decides.
	want := []string{"--approval-timeout=30s", "--enable-actions=restart_service", "--handover-timeout=2m0s"}
	if slices.Sort(c.workerArgs); !slices.Equal(c.workerArgs, want) {
		t.Errorf("worker's arguments are %v, want %v", c.workerArgs, want)
	}
	if want := []string{"--system-every=1s"}; !slices.Equal(c.gatewayArgs, want) {
		t.Errorf("gateway's arguments are %v, want %v", c.gatewayArgs, want)
	}
}

// A sources file of the user's own stands in for the one about the sandbox.
func TestSourcesFileOfTheUser(t *testing.T) {
	t.Setenv("VIGIL_SOURCES_FILE", "mine.yaml")
	c, err := parse(nil, noEnv)
	if err != nil {
		t.Fatal(err)
	}
	l, err := c.layout()
	if err != nil {
		t.Fatal(err)
	}
	gateway, err := l.Part(processes.Gateway)
	if err != nil {
		t.Fatal(err)
	}
	if c.gateway.SourcesFile != "mine.yaml" || gateway.Args[len(gateway.Args)-1] != "--sources-file=mine.yaml" {
		t.Errorf("in one process %q, alone %v; what comes last counts", c.gateway.SourcesFile, gateway.Args)
	}
	if c, err = parse([]string{"--no-sandbox", "--sources-file="}, noEnv); err != nil || c.gateway.SourcesFile != "" {
		t.Errorf("without a sandbox the gateway is told of %q: %v", c.gateway.SourcesFile, err)
	}
}

// People are told at the sandbox, and its clicks are taken, unless the user has
// somebody else told or says who may do what.
func TestPeopleAreToldAtTheSandbox(t *testing.T) {
	for _, tc := range []struct {
		args                  []string
		notify, users, public string
	}{
		{nil, ".vigil/sandbox/notify.yaml", ".vigil/sandbox/slack-users.yaml", "http://127.0.0.1:8080"},
		{[]string{"--public-url=https://vigil.example.org"}, ".vigil/sandbox/notify.yaml", ".vigil/sandbox/slack-users.yaml", "https://vigil.example.org"},
		{[]string{"--notify-file=mine.yaml"}, "mine.yaml", "", ""},
		{[]string{"--notify-file="}, "", "", ""},
		{[]string{"--token-file=mine.yaml"}, ".vigil/sandbox/notify.yaml", "", "http://127.0.0.1:8080"},
		{[]string{"--no-sandbox"}, "", "", ""},
	} {
		c, err := parse(tc.args, noEnv)
		if err != nil {
			t.Fatal(err)
		}
		if c.worker.NotifyFile != tc.notify || c.gateway.SlackUsersFile != tc.users || c.worker.PublicURL != tc.public {
			t.Errorf("%v: tells by %q as %q, takes clicks of %q", tc.args, c.worker.NotifyFile, c.worker.PublicURL, c.gateway.SlackUsersFile)
		}
		if err := c.gateway.Validate(); err != nil {
			t.Errorf("%v: %v", tc.args, err)
		}
		l, err := c.layout()
		if err != nil {
			t.Fatal(err)
		}
		worker, err := l.Part(processes.Worker)
		if err != nil {
			t.Fatal(err)
		}
		gateway, err := l.Part(processes.Gateway)
		if err != nil {
			t.Fatal(err)
		}
		if file, public, users := last(worker.Args, "--notify-file="), last(worker.Args, "--public-url="), last(gateway.Args, "--slack-users-file="); file != tc.notify || public != tc.public || users != tc.users {
			t.Errorf("%v: alone the worker tells by %q as %q, the gateway takes clicks of %q", tc.args, file, public, users)
		}
	}
}

// last is the value that counts of a flag.
func last(args []string, flag string) string {
	out := ""
	for _, a := range args {
		if v, ok := strings.CutPrefix(a, flag); ok {
			out = v
		}
	}
	return out
}

func TestTemporalAddressReplacesTheEmbeddedServer(t *testing.T) {
	env := func(name string) string {
		if name == "TEMPORAL_ADDRESS" {
			return "temporal.example:7233"
		}
		return ""
	}
	c, err := parse(nil, env)
	if err != nil {
		t.Fatal(err)
	}
	if c.embedsTemporal() {
		t.Error("a server is embedded all the same")
	}
	l, err := c.layout()
	if err != nil {
		t.Fatal(err)
	}
	if parts := l.Parts(); len(parts) != 4 || parts[0].Name == "temporal" || l.TemporalAddr != "temporal.example:7233" {
		t.Errorf("separate processes are %+v at %s", parts, l.TemporalAddr)
	}
	if _, err := parse([]string{"--only=temporal"}, env); err == nil || !strings.Contains(err.Error(), "TEMPORAL_ADDRESS") {
		t.Errorf("--only temporal with TEMPORAL_ADDRESS = %v", err)
	}
}

func TestParseRefuses(t *testing.T) {
	for _, tc := range []struct{ args, want string }{
		{"--only=worker", "binaries of their own"},
		{"--only=nats --split", "use one of the two"},
		{"--tick=1ms", "use 10ms to 1m"},
		{"--state-dir=", "name a directory"},
		{"--restart-after=-1s", "0 or more"},
		{"incident", "everything is set by flags"},
	} {
		if _, err := parse(strings.Fields(tc.args), noEnv); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("parse %s = %v, want an error that says %q", tc.args, err, tc.want)
		}
	}
}

func TestTakenAddressesAreAllNamed(t *testing.T) {
	taken := mustListen(t)
	c, err := parse([]string{"--gateway-addr=" + taken, "--sandbox-addr=" + taken, "--sandbox-sns-addr=" + taken, "--temporal-addr=127.0.0.1:0", "--temporal-ui-addr=127.0.0.1:0"}, noEnv)
	if err != nil {
		t.Fatal(err)
	}
	err = checkAddresses(c)
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{"--gateway-addr", "VIGIL_GATEWAY_ADDR", "--sandbox-addr", "--sandbox-sns-addr", taken} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error lacks %s: %v", want, err)
		}
	}
	if strings.Contains(err.Error(), "--temporal-addr") {
		t.Errorf("the error names an address that is free: %v", err)
	}
}
