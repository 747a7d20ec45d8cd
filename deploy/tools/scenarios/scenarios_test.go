package main

import (
	"context"
	"encoding/json"
	"io"
	"slices"
	"strings"
	"testing"
)

// TestScrub: what names the machine is replaced and told, everything else is
// kept byte by byte, and what nobody thought of is refused.
func TestScrub(t *testing.T) {
	t.Parallel()
	secrets := []private{{"the state directory", "/tmp/vigil-7", "/var/lib/vigil"}, {"a token", "vigil_ABCDEFGHIJKLMNOPQRSTUVWXYZ", "[token]"}, {"nothing", "", "x"}}
	for name, c := range map[string]struct {
		in, out, replaced, refused string
	}{
		"nothing to hide": {in: `{"at":"2026-12-01T00:00:00Z","n":1.50}`, out: `{"at":"2026-12-01T00:00:00Z","n":1.50}`},
		"a directory":     {in: `{"ref":"file:///tmp/vigil-7/a"}`, out: `{"ref":"file:///var/lib/vigil/a"}`, replaced: "the state directory"},
		"a known token":   {in: `{"t":"vigil_ABCDEFGHIJKLMNOPQRSTUVWXYZ"}`, out: `{"t":"[token]"}`, replaced: "a token"},
		"another path":    {in: `{"p":"/home/someone/x"}`, refused: "a path of this machine"},
		"a port":          {in: `{"u":"http://127.0.0.1:8080/"}`, refused: "an address of a process"},
		"another token":   {in: `{"t":"vigil_QRSTUVWXYZABCDEFGHIJKLMNOP"}`, refused: "a token"},
		"a Slack token":   {in: `{"t":"xoxb-sandbox-ABCDEF"}`, refused: "a token"},
		"an access key":   {in: `{"k":"AKIAIOSFODNN7EXAMPLE"}`, refused: "an AWS key"},
	} {
		clean, replaced, err := scrub([]json.RawMessage{json.RawMessage(c.in)}, secrets)
		switch {
		case c.refused != "":
			if err == nil || !strings.Contains(err.Error(), c.refused) {
				t.Errorf("%s: %v, want an error that says %q", name, err, c.refused)
			}
		case err != nil || string(clean[0]) != c.out || strings.Join(replaced, ",") != c.replaced:
			t.Errorf("%s: %s, %v, %v", name, clean, replaced, err)
		}
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	for args, says := range map[string]string{
		"":                           "",
		"memory-leak second-attempt": "",
		"--aws --name a-b --title t --service s --description d":                 "",
		"--aws --name a-b --title t --service s --description d memory-leak":     "cannot be recorded with --aws",
		"--aws --name ../a --title t --service s --description d":                "--name",
		"--aws --name a --title t --service s --description d --severity urgent": "use critical",
		"--at-once 0": "use 1 or more",
		"--tick 1ms":  "use 1s to 1m",
		"--fast":      "not defined",
	} {
		var errs strings.Builder
		_, err := parse(strings.Fields(args), &errs)
		if (err == nil) != (says == "") || !strings.Contains(errs.String(), says) {
			t.Errorf("%q: %v, said %q; want %q", args, err, errs.String(), says)
		}
	}
}

func TestList(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	if err := run(t.Context(), config{list: true}, &out); err != nil {
		t.Fatal(err)
	}
	for _, p := range catalogue {
		if !validName(p.Name) || !p.Fault.Valid() || p.Resolution == "" {
			t.Errorf("%s is not whole", p.Name)
		}
		if !strings.Contains(out.String(), p.Name) || !strings.Contains(out.String(), string(p.Fault)) {
			t.Errorf("%s is not listed", p.Name)
		}
	}
}

// TestRefused: whoever asks for what is not there, or has built nothing, is
// told what to do, and nothing is left behind.
func TestRefused(t *testing.T) {
	t.Parallel()
	if err := run(t.Context(), config{atOnce: 1, names: []string{"nonsense"}}, io.Discard); err == nil || !strings.Contains(err.Error(), "--list") {
		t.Errorf("an unknown scenario: %v", err)
	}
	cfg, err := parse([]string{"--bin", t.TempDir(), "--out", t.TempDir(), "memory-leak"}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if err := run(t.Context(), cfg, io.Discard); err == nil || !strings.Contains(err.Error(), "task build:go") {
		t.Errorf("nothing is built: %v", err)
	}
	stopped, stop := context.WithCancel(t.Context())
	stop()
	if err := run(stopped, cfg, io.Discard); err == nil {
		t.Error("it was stopped, and says that all is recorded")
	}
}

// TestFile: what is written can be read, an event a line, each as it came.
func TestFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first := scenario{Format: format, summary: summary{Name: "zebra", Title: "a < b"}, Events: []json.RawMessage{[]byte(`{"n":1.0,"t":"x<y"}`), []byte(`{"n":2}`)}}
	if _, err := write(dir, first); err != nil {
		t.Fatal(err)
	}
	second := first
	second.summary.Name = catalogue[0].Name
	if _, err := write(dir, second); err != nil {
		t.Fatal(err)
	}
	got, err := read(dir + "/zebra.json")
	if err != nil || got.Title != first.Title || !slices.EqualFunc(got.Events, first.Events, func(a, b json.RawMessage) bool { return string(a) == string(b) }) {
		t.Errorf("read %+v, %v", got, err)
	}
	raw, err := encode(first)
	if err != nil || strings.Count(string(raw), "\n") != 4 {
		t.Errorf("encoded as %s, %v", raw, err)
	}
}
