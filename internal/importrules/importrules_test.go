package importrules_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// root is the repository's root as seen from this package.
var root = filepath.Join("..", "..")

// pkg is what `go list` says about a package, without its tests: those may
// import what they need.
type pkg struct {
	ImportPath string
	Imports    []string
	Deps       []string
}

func mustList(t *testing.T) []pkg {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Imports,Deps", "./...")
	cmd.Dir = root
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, stderr.String())
	}
	var all []pkg
	dec := json.NewDecoder(strings.NewReader(string(out)))
	for {
		var p pkg
		err := dec.Decode(&p)
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

func TestImportRules(t *testing.T) {
	t.Parallel()
	packages := mustList(t)
	for _, r := range rules {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			bound := 0
			for _, p := range packages {
				if !r.binds(p.ImportPath) {
					continue
				}
				bound++
				for _, problem := range r.check(p) {
					t.Error(problem)
				}
			}
			if bound == 0 {
				t.Errorf("no package matches %v: the rule guards nothing", r.from)
			}
		})
	}
}

// check names every import of p that r bans.
func (r rule) check(p pkg) []string {
	paths, how := p.Imports, "imports"
	if r.deps {
		paths, how = p.Deps, "depends on"
	}
	var problems []string
	for _, path := range paths {
		if r.bans(path) {
			problems = append(problems, fmt.Sprintf("%s %s %s; it must not: %s", p.ImportPath, how, path, r.why))
		}
	}
	return problems
}

func TestAdaptersStandAlone(t *testing.T) {
	t.Parallel()
	adapters := func(path string) bool {
		return strings.HasPrefix(path, "vigil/activities/") && !matches(shared, path)
	}
	for _, p := range mustList(t) {
		if !adapters(p.ImportPath) {
			continue
		}
		for _, path := range p.Deps {
			if adapters(path) && !strings.HasPrefix(path, p.ImportPath+"/") {
				t.Errorf("%s depends on %s; it must not: %s", p.ImportPath, path, whyAdapters)
			}
		}
	}
}

// A rule that never fires is no rule: each kind of ban is shown to work.
func TestRulesFire(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		rule string
		pkg  pkg
		want int
	}{
		{"incident is standard library only", pkg{ImportPath: "vigil/workflows/incident", Imports: []string{"fmt", "github.com/google/uuid"}}, 1},
		{"event adds only incident", pkg{ImportPath: "vigil/workflows/event", Imports: []string{"time", "vigil/workflows/incident", "vigil/activities"}}, 1},
		{"workflow code is deterministic", pkg{ImportPath: "vigil/workflows", Imports: []string{"os", "math/rand/v2", "time"}}, 2},
		{"only deploy links servers", pkg{ImportPath: "vigil/worker", Deps: []string{"go.temporal.io/sdk/worker", "go.temporal.io/server/temporal"}}, 1},
		{"the hub imports only event", pkg{ImportPath: "vigil/gateway/hub", Imports: []string{"vigil/workflows/event", "vigil/workflows/incident"}}, 1},
	} {
		found := false
		for _, r := range rules {
			if r.name != tc.rule {
				continue
			}
			found = true
			if got := r.check(tc.pkg); !r.binds(tc.pkg.ImportPath) || len(got) != tc.want {
				t.Errorf("%s: %d problems %v, want %d", tc.rule, len(got), got, tc.want)
			}
		}
		if !found {
			t.Errorf("there is no rule %q", tc.rule)
		}
	}
}

// The product is tested on the versions in go.mod and runs in development on
// those in deploy/go.mod: where either names a module itself, they must agree.
func TestVersionsAgree(t *testing.T) {
	t.Parallel()
	product, deploy := mustVersions(t, ""), mustVersions(t, "deploy")
	for path, p := range product {
		d, ok := deploy[path]
		if !ok || (p.indirect && d.indirect) || p.version == d.version {
			continue
		}
		t.Errorf("%s is %s in go.mod and %s in deploy/go.mod; what development runs would not be what was tested", path, p.version, d.version)
	}
}

type version struct {
	version  string
	indirect bool
}

func mustVersions(t *testing.T, dir string) map[string]version {
	t.Helper()
	cmd := exec.Command("go", "mod", "edit", "-json")
	cmd.Dir = filepath.Join(root, dir)
	raw, err := cmd.Output()
	if err != nil {
		t.Fatalf("go mod edit -json in %s: %v", cmd.Dir, err)
	}
	var mod struct {
		Require []struct {
			Path, Version string
			Indirect      bool
		}
	}
	if err := json.Unmarshal(raw, &mod); err != nil {
		t.Fatal(err)
	}
	out := map[string]version{}
	for _, r := range mod.Require {
		out[r.Path] = version{r.Version, r.Indirect}
	}
	return out
}
