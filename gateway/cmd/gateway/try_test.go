package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"vigil/workflows/incident"
)

// example is the worked example of the README of mappings: the payload, the
// mapping, and what is printed.
func example(t *testing.T) (payload, mapping, printed string) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("..", "..", "intake", "mappings", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```(json|yaml|)\n(.*?)```\n").FindAllStringSubmatch(string(raw), 3)
	if len(blocks) != 3 || blocks[0][1] != "json" || blocks[1][1] != "yaml" {
		t.Fatalf("the README has other blocks: %q", blocks)
	}
	return blocks[0][2], blocks[1][2], blocks[2][2]
}

func TestTryPrintsWhatTheReadmeShows(t *testing.T) {
	payload, mapping, printed := example(t)
	dir := t.TempDir()
	files := []string{"try", filepath.Join(dir, "backup.yaml"), filepath.Join(dir, "payload.json")}
	for i, content := range []string{mapping, payload} {
		if err := os.WriteFile(files[i+1], []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var out, errs bytes.Buffer
	if err := run(t.Context(), files, &out, &errs); err != nil || out.String() != printed || errs.Len() > 0 {
		t.Errorf("%v, %s\ngot\n%s\nwant\n%s", err, &errs, &out, printed)
	}
	out.Reset()
	if err := run(t.Context(), append(files, "--json"), &out, &errs); err != nil {
		t.Fatal(err)
	}
	var got tried
	if err := json.Unmarshal(out.Bytes(), &got); err != nil || len(got.Alerts) != 1 || got.Alerts[0].Labels["run"] != "1502709956288000110" || got.Note != "" {
		t.Errorf("%v, %s", err, &out)
	}
}

func TestTry(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string]string{
		"bad.yaml":   "name: bad\n",
		"note.yaml":  "name: n\nabout: n\nwhen: false\nnote: '\"seen by \" + headers[\"user-agent\"] + \"\\nat all\"'\nalert: {key: '1', status: '\"ok\"', title: '\"t\"'}\n",
		"p.json":     `{"title":"Disk full","severity":"high","labels":{"b":"2","a":"1"}}`,
		"am.json":    `{"alerts":[{"status":"firing","labels":{"alertname":"A"}},{"status":"resolved","labels":{"alertname":"B"}}]}`,
		"p.txt":      "Disk full\non db1",
		"p.form":     "title=Disk+full&host=db1",
		"broken.txt": "",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		name string
		args string // names of files in the folder are made paths
		out  string // in what is printed
		err  string // in the error; "" is none
		kind incident.Kind
	}{
		{name: "help", args: "--help", out: "by what the gateway has for that source"},
		{name: "shipped", args: "--source generic p.json", out: "Read by generic (shipped): alerts of any sender"},
		{name: "flags behind", args: "p.json --source=generic", out: "severity     high\n"},
		{name: "labels in order", args: "--source generic p.json", out: "labels       a = 1\n               b = 2\n"},
		{name: "built in", args: "--source alertmanager am.json", out: "Read by alertmanager (built in): a webhook"},
		{name: "several", args: "--source alertmanager am.json", out: "Alert 2 of 2\n"},
		{name: "text", args: "--source generic p.txt", out: "title        Disk full\n  description  Disk full\n               on db1\n"},
		{name: "form", args: "--source generic p.form", out: "key          generic:db1 Disk full\n"},
		{name: "content type", args: "--source generic --content-type text/plain p.form", out: "title        title=Disk+full&host=db1\n"},
		{name: "note and header", args: "--header User-Agent=x/1 note.yaml p.json", out: "No alert. Recorded for a person:\n  seen by x/1\n"},
		{name: "note as JSON", args: "--json note.yaml p.json", out: `"alerts": [],`},
		{name: "bad mapping", args: "bad.yaml p.json", err: "the mapping is wrong:\nbad.yaml:1: about: is missing", kind: incident.KindInvalid},
		{name: "quarantined", args: "--source alertmanager p.json", err: "quarantined: the delivery holds no alerts", kind: incident.KindInvalid},
		{name: "unknown source", args: "--source pigeon p.json", err: `nothing reads source "pigeon"`, kind: incident.KindInvalid},
		{name: "empty", args: "--source generic broken.txt", err: "is empty"},
		{name: "no payload", args: "bad.yaml", err: "give a mapping and a payload"},
		{name: "too many", args: "--source sns p.json am.json", err: "give one payload beside --source"},
		{name: "no such payload", args: "--source sns none.json", err: "read the payload"},
		{name: "no such mapping", args: "none.yaml p.json", err: "read the mapping"},
		{name: "header", args: "--header x note.yaml p.json", err: "write it as name=value"},
		{name: "flag", args: "--bogus", err: "see gateway try --help"},
	} {
		t.Run(c.name, func(t *testing.T) {
			args := []string{"try"}
			for _, a := range strings.Fields(c.args) {
				if ext := filepath.Ext(a); ext != "" && !strings.HasPrefix(a, "-") && ext != ".1" {
					a = filepath.Join(dir, a)
				}
				args = append(args, a)
			}
			var out bytes.Buffer
			err := run(t.Context(), args, &out, &out)
			if !strings.Contains(out.String(), c.out) {
				t.Errorf("printed %q, want %q in it", &out, c.out)
			}
			if (c.err == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), c.err) || c.kind != "" && incident.KindOf(err) != c.kind {
				t.Errorf("error %v, want %q in it", err, c.err)
			}
		})
	}
	// From standard input.
	var out bytes.Buffer
	if err := try([]string{"--source", "generic", "-"}, strings.NewReader(`{"title":"Disk full"}`), &out, &out); err != nil || !strings.Contains(out.String(), "title        Disk full") {
		t.Errorf("%v, %s", err, &out)
	}
	if err := try([]string{"--source", "generic", "-"}, strings.NewReader(strings.Repeat(" ", maxTried+1)), &out, &out); err == nil || !strings.Contains(err.Error(), "larger than") {
		t.Errorf("%v", err)
	}
}
