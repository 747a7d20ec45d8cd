package yamlfile_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"vigil/activities/internal/yamlfile"
	"vigil/workflows/incident"
)

func read(raw string, f func(*yamlfile.File, yamlfile.Map)) error {
	return yamlfile.Read("f.yaml", []byte(raw), []string{"a", "b", "list", "map"}, f)
}

func TestValues(t *testing.T) {
	err := read("a: ' 1h30m '\nb: &x {n: 0.5, i: 3, on: true}\nlist: one\nmap: *x\n", func(f *yamlfile.File, m yamlfile.Map) {
		if d := m.Duration("a", time.Second, 2*time.Hour); d != 90*time.Minute {
			t.Errorf("a is %s", d)
		}
		in, ok := m.Map("map", "n", "i", "on")
		if !ok || in.Number("n", 0, 1) != 0.5 || in.Int("i", 0, 9) != 3 || !in.Bool("on") || in.Bool("off") || in.Field("n") != "map.n" {
			t.Errorf("the alias is %v", in.Names())
		}
		if l := m.Texts("list"); len(l) != 1 || l[0] != "one" {
			t.Errorf("a single value is %v", l)
		}
		if raw := m.JSON("b"); string(raw) != `{"i":3,"n":0.5,"on":true}` {
			t.Errorf("as JSON %s", raw)
		}
		if m.Text("nothing") != "" || m.JSON("nothing") != nil || m.Texts("nothing") != nil || m.Has("nothing") {
			t.Error("what is not there is something")
		}
	})
	if err != nil {
		t.Error(err)
	}
}

func TestProblemsStandInOrderAndAllAtOnce(t *testing.T) {
	err := read("a: 1\nmapp: 2\nb: [\n  {}]\na: 3\nlist: {}\n", func(f *yamlfile.File, m yamlfile.Map) {
		m.List("list")
		m.Text("b")
	})
	want := []string{"f.yaml:2: mapp: there is no such field; did you mean map?", "f.yaml:3: b: a single value belongs here", "f.yaml:5: a: is there a second time", "f.yaml:6: list: a list belongs here"}
	got := strings.Split(strings.NewReplacer(", as in\n    - first\n    - second", "").Replace(err.Error()), "\n")
	if strings.Join(got, "\n") != strings.Join(want, "\n") || incident.KindOf(err) != incident.KindInvalid {
		t.Errorf("got\n%s\nwanted\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	err = read("a: 1\n", func(f *yamlfile.File, m yamlfile.Map) {
		for range 60 {
			m.Wrong("a", "is odd")
		}
	})
	if lines := strings.Split(err.Error(), "\n"); len(lines) != 51 || lines[50] != "and 10 more" {
		t.Errorf("%d lines, the last %q", len(lines), lines[len(lines)-1])
	}
}

// A library that gives up on a file does not take the worker with it.
func TestPanicIsAProblem(t *testing.T) {
	err := read("a: 1\n", func(*yamlfile.File, yamlfile.Map) { panic("too deep") })
	if err == nil || !strings.Contains(err.Error(), "f.yaml cannot be read: too deep") || incident.KindOf(err) != incident.KindInvalid {
		t.Error(err)
	}
}

func TestBytes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f.yaml")
	if err := os.WriteFile(path, make([]byte, 3<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	raw, err := yamlfile.Bytes(path)
	if err != nil || len(raw) != yamlfile.MaxBytes+1 {
		t.Errorf("%d bytes, %v", len(raw), err)
	}
	if err := yamlfile.Read("f.yaml", raw, nil, nil); err == nil || !strings.Contains(err.Error(), "is over") {
		t.Error(err)
	}
	if _, err := yamlfile.Bytes(filepath.Dir(path)); err == nil || incident.KindOf(err) != incident.KindInvalid {
		t.Errorf("a directory: %v", err)
	}
}

func TestLike(t *testing.T) {
	known := []string{"causes", "services", "timeout"}
	for name, want := range map[string]string{"cause": "causes", "service": "services", "Timeout": "timeout", "timeuot": "timeout", "colour": "", "": ""} {
		if got := yamlfile.Like(name, known); got != want {
			t.Errorf("%q is like %q, want %q", name, got, want)
		}
	}
}
