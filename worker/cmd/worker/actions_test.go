package main

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files anew")

// hash is that of the shipped files, which change more often than what is tested here.
var hash = regexp.MustCompile(`\+[0-9a-f]{8}\b`)

func TestActionsCheck(t *testing.T) {
	for _, tc := range []struct {
		name string
		args []string
		code int
	}{
		{"offline", []string{"check", "--offline"}, exitWell},
		{"help", []string{"check", "--help"}, exitWell},
		{"nothing", nil, exitUsage},
		{"another", []string{"chekc"}, exitUsage},
		{"unknown_flag", []string{"check", "--offlin"}, exitUsage},
		{"argument", []string{"check", "checkout"}, exitUsage},
		{"both_wrong", []string{"check", "--offline", "--actions-file", "testdata/actions.yaml", "--policy-file", "testdata/policy.yaml"}, exitWrong},
		{"no_file", []string{"check", "--offline", "--actions-file", "testdata/none.yaml"}, exitWrong},
	} {
		var out, problems bytes.Buffer
		if code := actions(tc.args, &out, &problems); code != tc.code {
			t.Errorf("%s: exit code %d, want %d\n%s", tc.name, code, tc.code, problems.String())
		}
		golden(t, tc.name, hash.ReplaceAllString(out.String(), "+HASH")+"--- stderr\n"+problems.String())
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".txt")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("it differs from %s (write it anew with -update)\n got:\n%s\nwant:\n%s", path, got, want)
	}
}

// Every flag that the usage names is one.
func TestUsageNamesFlags(t *testing.T) {
	for _, word := range strings.Fields(actionsUsage) {
		name, ok := strings.CutPrefix(strings.Trim(word, `(),:'`), "--")
		if !ok {
			continue
		}
		var out, problems bytes.Buffer
		actions([]string{"check", "--" + name + "=x", "--help"}, &out, &problems)
		if strings.Contains(problems.String(), "flag provided but not defined") {
			t.Errorf("there is no flag --%s", name)
		}
	}
}
