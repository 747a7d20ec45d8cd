package intake_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"vigil/gateway/intake"
	"vigil/workflows/incident"
)

func write(t testing.TB, dir, name, content string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// named is a mapping whose alerts have this title.
func named(name, title string) string {
	return "name: " + name + "\nabout: " + title + "\nalert: {key: '1', status: '\"firing\"', title: '\"" + title + "\"'}\n"
}

func title(t testing.TB, r *intake.Reader, source string) string {
	t.Helper()
	res, err := r.Parse(delivery(source, `{}`))
	if err != nil {
		return err.Error()
	}
	return res.Alerts[0].Title
}

func TestReaderSources(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "own.yaml", named("own", "mine"))
	write(t, dir, "p.yml", named("pingdom", "my pingdom"))
	write(t, dir, ".hidden.yaml", "wrong")
	write(t, dir, "README.md", "wrong")
	if err := os.Mkdir(filepath.Join(dir, "folder.yaml"), 0o700); err != nil {
		t.Fatal(err)
	}
	r := newReader(t, dir, map[string]string{"am-eu": am, "sns": "own", "site": "pingdom"})
	want := map[string]intake.SourceInfo{
		am:        {Name: am, About: intake.Summary(am), Kind: intake.SourceBuiltIn},
		"zabbix":  {Name: "zabbix", About: "a Zabbix problem or its recovery, by a webhook media type", Kind: intake.SourceShipped},
		"own":     {Name: "own", About: "mine", Kind: intake.SourceUser},
		"pingdom": {Name: "pingdom", About: "my pingdom", Kind: intake.SourceUser},
		"am-eu":   {Name: "am-eu", About: intake.Summary(am), Kind: intake.SourceBuiltIn, As: am},
		"site":    {Name: "site", About: "my pingdom", Kind: intake.SourceUser, As: "pingdom"},
		"sns":     {Name: "sns", About: "mine", Kind: intake.SourceUser, As: "own"},
	}
	got := r.Sources()
	for i, s := range got {
		if i > 0 && got[i-1].Name >= s.Name {
			t.Errorf("%s stands before %s", got[i-1].Name, s.Name)
		}
		if !r.Known(s.Name) || s.About == "" {
			t.Errorf("%+v", s)
		}
		if w, ok := want[s.Name]; ok && s != w {
			t.Errorf("got %+v, want %+v", s, w)
		}
		delete(want, s.Name)
	}
	if len(want) > 0 || r.Known("pigeon") || r.Known("") {
		t.Errorf("missing %v", want)
	}
	for source, want := range map[string]string{"own": "mine", "site": "my pingdom", "sns": "mine"} {
		if got := title(t, r, source); got != want {
			t.Errorf("%s is read as %q, want %q", source, got, want)
		}
	}
	// An alias is its own source: two servers do not tell of one problem.
	d := delivery("am-eu", `{"alerts":[{"status":"firing","labels":{"alertname":"A"}}]}`)
	res, err := r.Parse(d)
	if err != nil || res.Alerts[0].Source != "am-eu" {
		t.Errorf("%+v, %v", res, err)
	}
	if res, err := r.Parse(delivery("site", `{}`)); err != nil || res.Alerts[0].CorrelationKey != "site:1" {
		t.Errorf("%+v, %v", res, err)
	}
}

func TestReaderRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		files   map[string]string
		aliases map[string]string
		want    string
	}{
		"a name of code":       {map[string]string{"a.yaml": named("sns", "x")}, nil, `a.yaml: name: "sns" is read by code; take another name, and make "sns" an alias`},
		"one name twice":       {map[string]string{"a.yaml": named("x", "x"), "b.yaml": named("x", "y")}, nil, `b.yaml: name: "x" is the name of the mapping in a.yaml already`},
		"two wrong":            {map[string]string{"a.yaml": "a: 1", "b.yaml": "b: 1"}, nil, "b.yaml:1: b: there is no such field"},
		"too large":            {map[string]string{"a.yaml": strings.Repeat("#", intake.MaxMappingBytes+1)}, nil, "a.yaml: a mapping has at most"},
		"alias of nothing":     {nil, map[string]string{"a": "pigeon"}, `alias a: there is no format or mapping "pigeon"`},
		"alias that is no URL": {nil, map[string]string{"A/b": "sns"}, `alias "A/b" cannot be part of an address`},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for f, content := range c.files {
				write(t, dir, f, content)
			}
			_, err := intake.NewReader(dir, func() map[string]string { return c.aliases })
			wantInvalid(t, err, c.want)
		})
	}
	if _, err := intake.NewReader(filepath.Join(t.TempDir(), "none"), nil); err == nil || !strings.Contains(err.Error(), "folder of mappings") {
		t.Errorf("a folder that is not there: %v", err)
	}
}

func TestReloadKeepsMappingsWhenAFileIsWrong(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "own.yaml", named("own", "first"))
	r := newReader(t, dir, map[string]string{"other": "own"})
	reload := func(wantChanged bool, wantErr, wantTitle string) {
		t.Helper()
		changed, err := r.Reload()
		if changed != wantChanged || (err == nil) != (wantErr == "") || err != nil && !strings.Contains(err.Error(), wantErr) {
			t.Errorf("changed %t, %v; want %t, %q", changed, err, wantChanged, wantErr)
		}
		if got := title(t, r, "own"); !strings.Contains(got, wantTitle) {
			t.Errorf("read as %q, want %q", got, wantTitle)
		}
	}
	reload(false, "", "first")
	write(t, dir, "own.yaml", named("own", "second")+"each: bod\n")
	reload(false, "own.yaml:4: each: there is no \"bod\"", "first")
	reload(false, "own.yaml:4: each: there is no \"bod\"", "first") // still wrong
	write(t, dir, "own.yaml", named("own", "second"))
	reload(true, "", "second")
	write(t, dir, "new.yaml", "name: [")
	reload(false, "new.yaml:1:", "second")
	if err := os.Remove(filepath.Join(dir, "new.yaml")); err != nil {
		t.Fatal(err)
	}
	reload(true, "", "second")
	if err := os.Rename(filepath.Join(dir, "own.yaml"), filepath.Join(dir, "own.txt")); err != nil {
		t.Fatal(err)
	}
	reload(false, `alias other: there is no format or mapping "own"`, "second")
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	reload(false, "folder of mappings", "second")
}

func TestWatchTakesChanges(t *testing.T) {
	dir := t.TempDir()
	r := newReader(t, dir, nil)
	ctx, cancel := context.WithCancel(t.Context())
	said := make(chan error, 10)
	var done sync.WaitGroup
	done.Go(func() { r.Watch(ctx, time.Millisecond, func(err error) { said <- err }) })
	write(t, dir, "own.yaml.part", named("own", "first")) // written aside and moved, as editors do
	rename := func() {
		if err := os.Rename(filepath.Join(dir, "own.yaml.part"), filepath.Join(dir, "own.yaml")); err != nil {
			t.Fatal(err)
		}
	}
	rename()
	if err := <-said; err != nil || title(t, r, "own") != "first" {
		t.Errorf("%v, and own is %q", err, title(t, r, "own"))
	}
	write(t, dir, "own.yaml.part", "name: own\n")
	rename()
	if err := <-said; incident.KindOf(err) != incident.KindInvalid || title(t, r, "own") != "first" {
		t.Errorf("%v, and own is %q", err, title(t, r, "own"))
	}
	write(t, dir, "own.yaml.part", named("own", "second"))
	rename()
	if err := <-said; err != nil || title(t, r, "own") != "second" {
		t.Errorf("%v, and own is %q", err, title(t, r, "own"))
	}
	cancel()
	done.Wait()
	if len(said) > 0 {
		t.Errorf("said once more: %v", <-said)
	}
}

// Parse and Reload at once: each delivery is read by one mapping or the other.
func TestReaderIsConcurrent(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "own.yaml", named("own", "first"))
	r := newReader(t, dir, nil)
	var done sync.WaitGroup
	for range 4 {
		done.Go(func() {
			for range 50 {
				if got := title(t, r, "own"); got != "first" && got != "second" {
					t.Errorf("read as %q", got)
				}
				r.Sources()
			}
		})
	}
	for i := range 20 {
		write(t, dir, "next", named("own", []string{"second", "first"}[i%2]))
		if err := os.Rename(filepath.Join(dir, "next"), filepath.Join(dir, "own.yaml")); err != nil {
			t.Fatal(err)
		}
		if changed, err := r.Reload(); err != nil || !changed {
			t.Errorf("changed %t, %v", changed, err)
		}
	}
	done.Wait()
}

// Names of shipped mappings and of formats in code never meet: NewReader says so.
func TestShippedMappingsAreWhole(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("mappings", "*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string]intake.SourceKind{}
	for _, s := range newReader(t, "", nil).Sources() {
		kinds[s.Name] = s.Kind
	}
	for _, f := range files {
		raw, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		m, err := intake.NewMapping(f, raw)
		if err != nil {
			t.Errorf("%v", err)
			continue
		}
		if m.Name()+".yaml" != filepath.Base(f) || kinds[m.Name()] != intake.SourceShipped || m.About() == "" {
			t.Errorf("%s holds %q, which is %q", f, m.Name(), kinds[m.Name()])
		}
		if m.Name() != "generic" && !strings.Contains(string(raw), "\n# https://") {
			t.Errorf("%s has no link to what it reads", f)
		}
	}
	if len(files) < 10 {
		t.Errorf("%d mappings", len(files))
	}
}
