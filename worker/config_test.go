package worker

import (
	"flag"
	"io"
	"strings"
	"testing"

	"vigil/workflows/incident"
)

func configured(t *testing.T, args ...string) (incident.Settings, error) {
	t.Helper()
	c := DefaultConfig()
	fs := flag.NewFlagSet("worker", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	c.Flags(fs)
	if err := fs.Parse(args); err != nil {
		t.Fatal(err)
	}
	return c.settings()
}

func TestEveryActionIsADryRunUntilItIsEnabled(t *testing.T) {
	s, err := configured(t)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range s.Catalogue {
		if e.Enabled {
			t.Errorf("%s is enabled by default", e.Type)
		}
	}
	s, err = configured(t, "--enable-actions", "rollback_deployment, restart_service")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range s.Catalogue {
		if want := e.Type != incident.ActionScaleService; e.Enabled != want {
			t.Errorf("%s enabled: %v", e.Type, e.Enabled)
		}
	}
}

func TestBadSettingsSayWhatWouldBeRight(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"--enable-actions=explode", "rollback_deployment, restart_service, scale_service"},
		{"--verify-points=1", "use 2 or more"},
		{"--lookback=0s", "must be positive"},
		{"--escalation-ladder=,", "name at least one level"},
	} {
		_, err := configured(t, c.args)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, wanted %q in it", c.args, err, c.want)
		}
	}
}

func TestAdminCommandIsComplete(t *testing.T) {
	got := adminCommand("prod", searchAttributes)
	want := "  temporal operator search-attribute create --namespace prod --name IncidentNeedsHuman --type Bool" +
		" --name IncidentPhase --type Keyword --name IncidentService --type Keyword --name IncidentSeverity --type Keyword"
	if got != want {
		t.Errorf("got\n%s\nwanted\n%s", got, want)
	}
}
