// Command gen writes what the protocol looks like from outside of Go, from
// the Go structs alone: the JSON Schema of every event, frame and view
// (schema/protocol.json) and the golden files (testdata/golden). The schema is
// the source of web/src/protocol/generated.ts; the goldens are what the Go
// tests and the TypeScript tests both read.
//
// It runs in the directory of package event (go generate does that) and is a
// build-time tool: nothing that ships imports it. Its own test fails while
// what is on disk differs from what it would write.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	dir := flag.String("dir", ".", "directory of package event")
	flag.Parse()
	if err := run(*dir); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

// run writes every file that build makes, and removes goldens that it no
// longer makes.
func run(dir string) error {
	if err := os.Chdir(dir); err != nil {
		return err
	}
	files, err := build()
	if err != nil {
		return err
	}
	stale, err := filepath.Glob("testdata/golden/*.json")
	if err != nil {
		return err
	}
	for _, path := range stale {
		if _, keep := files[filepath.ToSlash(path)]; keep {
			continue
		}
		if err := os.Remove(path); err != nil {
			return err
		}
	}
	for path, content := range files {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, content, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// build makes every file, by its path below the directory of package event,
// which must be the working directory: the comments of the structs become the
// schema's descriptions.
func build() (map[string][]byte, error) {
	files := map[string][]byte{}
	schema, err := buildSchema()
	if err != nil {
		return nil, fmt.Errorf("schema: %w", err)
	}
	files["schema/protocol.json"] = schema
	goldens, err := buildGoldens()
	if err != nil {
		return nil, fmt.Errorf("goldens: %w", err)
	}
	for name, content := range goldens {
		files["testdata/golden/"+name+".json"] = content
	}
	return files, nil
}
