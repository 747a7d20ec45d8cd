package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// TestNothingIsStale holds the files on disk against what this program writes.
func TestNothingIsStale(t *testing.T) {
	t.Chdir("..")
	files, err := build()
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range files {
		have, err := os.ReadFile(path)
		if err != nil {
			t.Errorf("%v; run: go generate ./workflows/event", err)
			continue
		}
		if !bytes.Equal(have, want) {
			t.Errorf("workflows/event/%s is stale; run: go generate ./workflows/event", path)
		}
	}
	onDisk, err := filepath.Glob("testdata/golden/*.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range onDisk {
		if _, made := files[filepath.ToSlash(path)]; !made {
			t.Errorf("workflows/event/%s is made by nothing; run: go generate ./workflows/event", path)
		}
	}
}

// TestBuildIsDeterministic: a file that changes by itself would always be stale.
func TestBuildIsDeterministic(t *testing.T) {
	t.Chdir("..")
	first, err := build()
	if err != nil {
		t.Fatal(err)
	}
	second, err := build()
	if err != nil {
		t.Fatal(err)
	}
	for path := range first {
		if !bytes.Equal(first[path], second[path]) {
			t.Errorf("%s differs from one build to the next", path)
		}
	}
}
