package policy_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"vigil/activities/policy"
	"vigil/workflows/incident"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestMistakes(t *testing.T) {
	path := filepath.Join("testdata", "wrong.yaml")
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	_, err = policy.Read("wrong.yaml", raw)
	if err == nil || incident.KindOf(err) != incident.KindInvalid {
		t.Fatal(err)
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
	if _, err := policy.Read("p.yaml", []byte("version: a\nrules: []\n")); err == nil || !strings.Contains(err.Error(), "without a rule everything takes two people") {
		t.Error(err)
	}
}

// Whatever a file holds, reading it ends with a policy that judges, or with an
// error of kind invalid.
func FuzzRead(f *testing.F) {
	for _, path := range []string{"default.yaml", "testdata/wrong.yaml"} {
		raw, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Add([]byte(twoRules))
	f.Add([]byte("version: a\nfreezes: [{name: x, days: friday, from: '16:00', to: '08:00', zone: Europe/Berlin, stop: true}]\nrules: [{name: a, when: true, then: never, reason: b}]"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		p, err := policy.Read("fuzz.yaml", raw)
		if err != nil {
			if incident.KindOf(err) != incident.KindInvalid {
				t.Fatalf("kind %s: %v", incident.KindOf(err), err)
			}
			return
		}
		mustJudge(t, p, sure, noon)
		_ = p.FreezeSpans(noon, noon.AddDate(0, 1, 0))
	})
}
