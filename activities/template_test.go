package activities_test

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"

	"vigil/activities"
	"vigil/workflows/incident"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func lines(level string, messages ...string) []activities.LogLine {
	var out []activities.LogLine
	for i, m := range messages {
		out = append(out, activities.LogLine{At: noon.Add(time.Duration(i) * time.Second), Level: level, Message: m})
	}
	return out
}

// TestTemplate says what two lines of one kind have in common.
func TestTemplate(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, line, want string }{
		{"numbers", "took 12ms for 3 of 1,204.5 items (99%)", "took <n>ms for <n> of <n> items (<n>%)"},
		{"names with numbers", "worker12 on ip-10-0-3-7 over http2", "worker<n> on ip-<n>-<n>-<n>-<n> over http<n>"},
		{"uuid", "order 123e4567-e89b-12d3-a456-426614174000 lost", "order <uuid> lost"},
		{"hex", "at 0xDEADBEEF commit 2fd4e1c67a2d28fced849ee1bb76e7391b93eb12", "at <hex> commit <hex>"},
		{"ids", "trace 4bf92f3577b34da6 span a8f3k2z9", "trace <hex> span <id>"},
		{"addresses", "10.0.0.7:5432 and [2001:db8:0:1::7]:443", "<ip> and <ip>"},
		{"times", "2026-11-23T12:00:01.5Z 12:00:01 late", "<time> <time> late"},
		{"quoted", `user "ignore all rules" can't find 'x y'`, `user "<value>" can't find '<value>'`},
		{"query", "GET /cart?id=7&x=y 500", "GET /cart?<query> <n>"},
		{"white space", "a\n\tb   c", "a b c"},
		{"JSON", `{"level":"error","ts":1,"msg":"pool of 20 exhausted","err":"timeout after 5s","id":"x1"}`, "pool of <n> exhausted: timeout after <n>s"},
		{"JSON without a message", `{"a":"b","n":12}`, `{"<value>":"<value>","<value>":<n>}`},
		{"secret", "login password=hunter2", "login password=[redacted]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := activities.Templates(lines("", c.line), nil, 5)
			if len(got) != 1 || got[0].Template != c.want {
				t.Errorf("%q\n got %+v\nwant %q", c.line, got, c.want)
			}
		})
	}
}

func TestTemplatesCountAndRank(t *testing.T) {
	t.Parallel()
	var current, baseline []activities.LogLine
	current = append(current, lines("INFO", "served 1", "served 2", "served 3")...)
	current = append(current, lines("error", "pool exhausted after 5s", "pool exhausted after 6s")...)
	current = append(current, lines("ERROR", "cache miss 1", "cache miss 2", "cache miss 3", "cache miss 4")...)
	current = append(current, lines("error", "always there")...)
	current = append(current, lines("warning", "slow query 12ms")...)
	baseline = append(baseline, lines("info", "served 9", "served 8", "gone")...)
	baseline = append(baseline, lines("error", "cache miss 7", "always there")...)

	got := activities.Templates(current, baseline, 10)
	want := []incident.LogPattern{
		{Level: "error", Template: "pool exhausted after <n>s", Example: "pool exhausted after 5s", Count: 2, FirstAt: noon, LastAt: noon.Add(time.Second)},
		{Level: "error", Template: "cache miss <n>", Example: "cache miss 1", Count: 4, Baseline: 1, FirstAt: noon, LastAt: noon.Add(3 * time.Second)},
		{Level: "warn", Template: "slow query <n>ms", Example: "slow query 12ms", Count: 1, FirstAt: noon, LastAt: noon},
		{Level: "error", Template: "always there", Example: "always there", Count: 1, Baseline: 1, FirstAt: noon, LastAt: noon},
		{Level: "info", Template: "served <n>", Example: "served 1", Count: 3, Baseline: 2, FirstAt: noon, LastAt: noon.Add(2 * time.Second)},
	}
	if len(got) != len(want) {
		t.Fatalf("got %d patterns, want %d: %+v", len(got), len(want), got)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("pattern %d\n got %+v\nwant %+v", i, got[i], want[i])
		}
	}
	if short := activities.Templates(current, baseline, 2); len(short) != 2 || short[0] != want[0] {
		t.Errorf("limit 2 gives %+v", short)
	}
	if none := activities.Templates(nil, baseline, 5); len(none) != 0 {
		t.Errorf("no lines give %+v", none)
	}
}

func TestTemplatesKeepLittle(t *testing.T) {
	t.Parallel()
	got := activities.Templates(lines("", strings.Repeat("größer ", 1000)), nil, 1)
	for _, s := range []string{got[0].Template, got[0].Example} {
		if n := utf8.RuneCountInString(s); n != 300 {
			t.Errorf("%d characters, want 300", n)
		}
	}
}

func TestTemplatesIgnoreOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var all []activities.LogLine
		for i, n := range rapid.SliceOfN(rapid.IntRange(0, 20), 0, 40).Draw(t, "lines") {
			all = append(all, activities.LogLine{At: noon.Add(time.Duration(i) * time.Second), Level: []string{"error", "warn", "info"}[n%3],
				Message: []string{"took 5ms", "lost 7", "took 9ms", "gone away"}[n%4]})
		}
		shuffled := rapid.Permutation(all).Draw(t, "shuffled")
		a, b := activities.Templates(all, nil, 99), activities.Templates(shuffled, nil, 99)
		if len(a) != len(b) {
			t.Fatalf("%d and %d patterns", len(a), len(b))
		}
		total := 0
		for i := range a {
			if a[i] != b[i] {
				t.Fatalf("pattern %d differs: %+v and %+v", i, a[i], b[i])
			}
			total += a[i].Count
		}
		if total != len(all) {
			t.Fatalf("counted %d of %d lines", total, len(all))
		}
	})
}

func TestLevelOf(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		`{"level":"WARN","msg":"ERROR in the text"}`:                "warn",
		`{"severity":"Critical","msg":"x"}`:                         "fatal",
		`{"msg":"no level, ERROR in the text"}`:                     "",
		`ts=1 level=err msg="x"`:                                    "error",
		`2026-11-23 12:00:00.123 UTC [7] FATAL:  too many clients`:  "fatal",
		`2026-11-23T12:00:00Z [main] INFO c.e.Shop - no ERROR here`: "info",
		`2026-11-23 12:00:00 UTC [7] LOG:  checkpoint starting`:     "info",
		`an error happened, in prose`:                               "",
		`{not JSON ERROR`:                                           "error",
		``:                                                          "",
	} {
		if got := activities.LevelOf(line); got != want {
			t.Errorf("LevelOf(%q) = %q, want %q", line, got, want)
		}
	}
}

func FuzzTemplates(f *testing.F) {
	f.Add("took 12ms", "took 13ms")
	f.Add(`{"msg":"x","level":"error"}`, "\xff\xfe ERROR")
	f.Add(`a "b 'c`, "?x=1 ::1 0x")
	f.Fuzz(func(t *testing.T, one, other string) {
		got := activities.Templates(lines("", one, other, one), lines("", other), 10)
		total := 0
		for _, p := range got {
			total += p.Count
			if strings.ContainsAny(p.Template, "0123456789") {
				t.Errorf("a digit is left in %q", p.Template)
			}
			for _, s := range []string{p.Template, p.Example} {
				if !utf8.ValidString(s) || utf8.RuneCountInString(s) > 300 {
					t.Errorf("not valid or too long: %q", s)
				}
				if activities.Redact(s) != s {
					t.Errorf("not redacted: %q", s)
				}
			}
		}
		if total != 3 {
			t.Errorf("counted %d of 3 lines", total)
		}
	})
}
