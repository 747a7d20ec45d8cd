package main

import (
	"os/exec"
	"runtime/debug"
	"strings"
)

// commit says what was measured: the revision that the build was stamped with
// or, as `go run` stamps none, the one that git knows; "unknown" without either.
func commit() string {
	revision, modified := "", false
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			switch s.Key {
			case "vcs.revision":
				revision = s.Value
			case "vcs.modified":
				modified = s.Value == "true"
			}
		}
	}
	if revision == "" {
		out, err := exec.Command("git", "rev-parse", "HEAD").Output()
		if err != nil {
			return "unknown" // no git, or no repository: a measurement is still one
		}
		revision = strings.TrimSpace(string(out))
		status, err := exec.Command("git", "status", "--porcelain", "--untracked-files=no").Output()
		modified = err == nil && len(status) > 0
	}
	revision = revision[:min(12, len(revision))]
	if modified {
		revision += ", with changes"
	}
	return revision
}
