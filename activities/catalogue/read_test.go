package catalogue_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"vigil/activities/catalogue"
	"vigil/workflows/incident"
)

var update = flag.Bool("update", false, "write the golden files anew")

// Everything that is wrong with a file is said at once, each with its line and
// what would be right.
func TestMistakes(t *testing.T) {
	path := filepath.Join("testdata", "wrong.yaml")
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	contents, err := catalogue.Read("wrong.yaml", raw)
	if err == nil || incident.KindOf(err) != incident.KindInvalid || len(contents.Entries) > 0 {
		t.Fatalf("%v, %d entries", err, len(contents.Entries))
	}
	golden := strings.TrimSuffix(path, ".yaml") + ".txt"
	if *update {
		if err := os.WriteFile(golden, []byte(err.Error()+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, readErr := os.ReadFile(golden)
	if readErr != nil {
		t.Fatal(readErr)
	}
	if got := err.Error() + "\n"; got != string(want) {
		t.Errorf("the problems differ from %s (write it anew with -update)\n got:\n%s\nwant:\n%s", golden, got, want)
	}
}

func TestFilesThatAreNone(t *testing.T) {
	for name, tc := range map[string]struct{ raw, want string }{
		"empty":         {"", "is empty"},
		"a comment":     {"# nothing yet\n", "is empty"},
		"a list":        {"- a\n", "here belong names with values"},
		"two documents": {"version: a\n---\nversion: b\n", "a file is one document"},
		"no YAML":       {"version: [\n", "c.yaml:"},
		"no actions":    {"version: a\nactions: []\n", "without an action there is nothing to propose"},
		"nonsense":      {"version: a\nactions: 7\n", "a list belongs here"},
		"large":         {"version: " + strings.Repeat("a", 1<<20), "is over 1048576 bytes"},
	} {
		if _, err := catalogue.Read("c.yaml", []byte(tc.raw)); err == nil || !strings.Contains(err.Error(), tc.want) || incident.KindOf(err) != incident.KindInvalid {
			t.Errorf("%s: %v; want %q", name, err, tc.want)
		}
	}
	if _, err := catalogue.Load(filepath.Join(t.TempDir(), "none.yaml")); err == nil || !strings.Contains(err.Error(), "none.yaml") {
		t.Errorf("a file that is not there: %v", err)
	}
}

// The version changes with the content, whatever the file calls itself.
func TestVersionFollowsContent(t *testing.T) {
	raw, err := os.ReadFile("default.yaml")
	if err != nil {
		t.Fatal(err)
	}
	a, err := catalogue.Read("a", raw)
	if err != nil {
		t.Fatal(err)
	}
	b, err := catalogue.Read("b", append(raw, "\n# one word more\n"...))
	if err != nil || a.Version == b.Version {
		t.Errorf("%s and %s, %v", a.Version, b.Version, err)
	}
}

// Whatever a file holds, reading it ends with entries or with an error of kind
// invalid, and what was read can be planned or refused.
func FuzzRead(f *testing.F) {
	for _, path := range []string{"default.yaml", "testdata/wrong.yaml"} {
		raw, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Add([]byte("version: a\nactions: &a [*a]\n"))
	f.Add([]byte("version: a\nactions:\n- {name: a, parameters: &p {x: *p}}\n"))
	c := mustNew(f)
	f.Fuzz(func(t *testing.T, raw []byte) {
		contents, err := catalogue.Read("fuzz.yaml", raw)
		if err != nil {
			if incident.KindOf(err) != incident.KindInvalid {
				t.Fatalf("kind %s: %v", incident.KindOf(err), err)
			}
			return
		}
		for _, e := range contents.Entries {
			for _, s := range []incident.TargetState{service, database, other, nil} {
				if _, err := c.Plan(e, "x", s); err != nil && incident.KindOf(err) != incident.KindInvalid {
					t.Fatalf("plan %s: %v", e.Name, err)
				}
				if holds, err := c.Holds(e.Precondition, "x", s, s); err != nil && holds {
					t.Fatalf("%s holds and does not: %v", e.Precondition, err)
				}
			}
		}
	})
}
