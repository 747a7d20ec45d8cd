package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// says is a program that says which version it is.
func says(t *testing.T, file, version string) {
	t.Helper()
	script := "#!/bin/sh\necho \"alertmanager, version " + version + " (branch: , revision: unknown)\"\n"
	if err := os.WriteFile(file, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
}

func TestNothingIsDoneTwice(t *testing.T) {
	t.Parallel()
	binary := filepath.Join(t.TempDir(), "alertmanager")
	p := pin{module: "example.com/nowhere", version: "v1.2.3", sum: "h1:none"}
	if p.isBuilt(binary) {
		t.Error("what is not there counts as built")
	}
	says(t, binary, "1.2.30")
	if p.isBuilt(binary) {
		t.Error("another version counts as built")
	}
	says(t, binary, "1.2.3")
	var out bytes.Buffer
	if err := p.build(binary, &out); err != nil || out.Len() > 0 {
		t.Errorf("building what is there: %v, and it said %q", err, &out)
	}
}

// A checksum that is not the pinned one builds nothing and leaves nothing.
func TestOtherFilesAreRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p := pinned
	p.sum = "h1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
	err := p.build(filepath.Join(dir, "alertmanager"), &bytes.Buffer{})
	if err == nil || !strings.Contains(err.Error(), pinned.sum) || !strings.Contains(err.Error(), p.sum) {
		t.Errorf("got %v", err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// The copy can be written to, as the cache cannot, and has what is embedded.
func TestCopyHasThePages(t *testing.T) {
	t.Parallel()
	from, to := t.TempDir(), filepath.Join(t.TempDir(), "module")
	if err := os.MkdirAll(filepath.Join(from, "ui", "app"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(from, "go.mod"), []byte("module x\n"), 0o444); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(from, "ui", "app"), 0o555); err != nil {
		t.Fatal(err)
	}
	if err := copyModule(to, from); err != nil {
		t.Fatal(err)
	}
	for _, name := range append([]string{"go.mod"}, pages...) {
		if info, err := os.Stat(filepath.Join(to, name)); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
}
