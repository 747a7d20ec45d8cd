package notify_test

import (
	"flag"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"vigil/activities/notify"
	"vigil/workflows/incident"
)

var update = flag.Bool("update", false, "write the golden files anew")

func mustParse(t testing.TB, raw string) *notify.File {
	t.Helper()
	f, err := notify.Parse("notify.yaml", []byte(raw))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func read(t testing.TB, name string) string {
	t.Helper()
	raw, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func TestParse(t *testing.T) {
	t.Parallel()
	f := mustParse(t, read(t, "good.yaml"))
	pager := f.Channels["pager"]
	if pager.Kind != notify.KindPagerDuty || pager.URL != "https://events.pagerduty.com/v2/enqueue" || pager.SecretFile != "/etc/vigil/pagerduty-key" || pager.MinSeverity != incident.SeverityHigh ||
		pager.Rate != (notify.Rate{Count: 4, Per: time.Minute}) || len(pager.Kinds) != 7 {
		t.Errorf("%+v", pager)
	}
	if c := f.Channels["incidents"]; c.Target != "C0123456789" || c.URL != "https://slack.com/api" || c.Rate != (notify.Rate{Count: 1, Per: time.Second}) {
		t.Errorf("%+v", c)
	}
	if p := f.People["bob"]; p.Name != "bob" {
		t.Errorf("%+v", p)
	}
	if got := f.TeamChannels(); !reflect.DeepEqual(got["sre"], []string{"incidents", "pager"}) || len(got) != 3 {
		t.Errorf("%v", got)
	}
	if s := f.Schedules["sre"]; !s.Start.Equal(time.Date(2026, 1, 5, 8, 0, 0, 0, time.UTC)) || len(s.Overrides) != 1 || !s.Overrides[0].From.Equal(time.Date(2026, 3, 3, 8, 0, 0, 0, time.UTC)) {
		t.Errorf("%+v", s)
	}
	for severity, want := range map[incident.Severity][]incident.EscalationStep{
		incident.SeverityHigh:     {{AfterMS: 0, Teams: []string{"sre"}}, {AfterMS: 300_000, Teams: []string{"engineering leads", "executives"}}},
		incident.SeverityLow:      {}, // the file says nobody
		incident.SeverityCritical: {{AfterMS: 0, Teams: []string{"sre", "engineering leads"}}, {AfterMS: 300_000, Teams: []string{"executives"}}},
		incident.SeverityMedium:   {{AfterMS: 0, Teams: []string{"sre"}}, {AfterMS: 1_800_000, Teams: []string{"engineering leads"}}},
	} {
		if got := f.Escalation[severity]; !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v, want %v", severity, got, want)
		}
	}
	if !slices.Equal(f.Skipped, []string{"customer success"}) || !slices.Equal(f.Nobody([]string{"on-call", "sre"}), []string{"on-call"}) {
		t.Errorf("%v, %v", f.Skipped, f.Nobody([]string{"on-call", "sre"}))
	}
}

// TestProblems: all of them are said at once, each with its line.
func TestProblems(t *testing.T) {
	t.Parallel()
	_, err := notify.Parse("notify.yaml", []byte(read(t, "bad.yaml")))
	if incident.KindOf(err) != incident.KindInvalid || err == nil {
		t.Fatalf("%v", err)
	}
	if strings.Contains(err.Error(), "canary") {
		t.Error("an address with a secret is repeated")
	}
	got := err.Error() + "\n"
	if *update {
		if err := os.WriteFile("testdata/bad.txt", []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got != read(t, "bad.txt") {
		t.Errorf("got\n%s", got)
	}
}

func TestNotAFile(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		"": "empty", "[]": "notify.yaml:1", "a: [": "did not find expected node content", "channels: {}": "there are none",
		"---\nteams: {}\n---\nx": "one document", "teams: 5": "notify.yaml:1: teams", "x: &a [*a]": "", strings.Repeat("#", 2<<20): "bytes", "? [a]\n: b": "",
	} {
		if _, err := notify.Parse("notify.yaml", []byte(raw)); incident.KindOf(err) != incident.KindInvalid || err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "notify.yaml") {
			t.Errorf("%.40q: %v, want %q", raw, err, want)
		}
	}
	if _, err := notify.Read("testdata/bad.yaml"); err == nil || incident.KindOf(err) != incident.KindInvalid || !strings.Contains(err.Error(), "testdata/bad.yaml") {
		t.Errorf("%v", err)
	}
	if _, err := notify.Read("testdata/nothing.yaml"); err == nil || !strings.Contains(err.Error(), "nothing.yaml") {
		t.Errorf("%v", err)
	}
}

func FuzzParse(f *testing.F) {
	for _, name := range []string{"good.yaml", "bad.yaml"} {
		f.Add(read(f, name))
	}
	f.Add("channels: &a {x: *a}")
	f.Fuzz(func(t *testing.T, raw string) {
		file, err := notify.Parse("notify.yaml", []byte(raw))
		if err != nil {
			if incident.KindOf(err) != incident.KindInvalid {
				t.Fatalf("%T %v", err, err)
			}
			return
		}
		// Whatever was taken holds together.
		for name, team := range file.Teams {
			for _, c := range team.Channels {
				if _, ok := file.Channels[c]; !ok {
					t.Fatalf("team %q has no channel %q", name, c)
				}
			}
		}
		for _, steps := range file.Escalation {
			for _, s := range steps {
				if len(file.Nobody(s.Teams)) > 0 || len(s.Teams) == 0 {
					t.Fatalf("%+v", s)
				}
			}
		}
		for _, s := range file.Schedules {
			if _, ok := file.People[notify.OnCall(s, time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))]; !ok {
				t.Fatalf("%+v", s)
			}
		}
	})
}

func TestRate(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]notify.Rate{"1/s": {Count: 1, Per: time.Second}, "2/minute": {Count: 2, Per: time.Minute}, "30 / hour": {Count: 30, Per: time.Hour}} {
		if got, err := notify.ParseRate(s); err != nil || got != want {
			t.Errorf("%s: %v, %v", s, got, err)
		}
	}
	for _, s := range []string{"", "1", "0/s", "-1/s", "1/day", "x/s", "1.5/s", "99999/s"} {
		if _, err := notify.ParseRate(s); err == nil {
			t.Errorf("%s was taken", s)
		}
	}
}
