package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Packages of the deploy module by whether their tests link the Temporal
// server. Those that do run without the race detector: compiling the server
// with it takes longer than all the rest (see deploy/adr).
var (
	withoutServer = []string{"./sandbox/...", "./nats/...", "./processes/...", "./statedir/...", "./eval/...", "./bench/...", "./tools/..."}
	withServer    = []string{"./temporal/...", "./dev/..."}
)

func checks(r *runner) []check {
	// one makes a check of commands that are no tests.
	one := func(name, what, dir string, commands ...[]string) check {
		return check{name, what, func() (tally, error) { return tally{}, r.sh(dir, commands...) }}
	}
	goTool := func(tool string, args ...string) []string { return append([]string{"go", "tool", tool}, args...) }
	vet := []string{"go", "vet"}
	return []check{
		{"format", "gofmt", r.gofmt},
		one("vet", "go vet, product", "", append(vet, "./...")),
		one("vet-deploy", "go vet, deploy", "deploy", append(vet, "./...")),
		one("staticcheck", "staticcheck, product", "", goTool("staticcheck", "./...")),
		// The tool is a requirement of the product's module. Packages that link
		// the Temporal server are left out: staticcheck would analyse all of it.
		one("staticcheck-deploy", "staticcheck, deploy without what links the Temporal server", "deploy",
			append([]string{"go", "tool", "-modfile=../go.mod", "staticcheck"}, append(r.existing("deploy", withoutServer), "./e2e/...", "./lab/...")...)),
		{"programs", "what tests run besides: Chromium, Prometheus, Alertmanager", r.programs},
		{"workflowcheck", "workflow code is deterministic", r.workflowcheck},
		{"test", "Go tests of the product, with the race detector", func() (tally, error) {
			return r.goTest("", "-race", "./...")
		}},
		{"fuzz", "what reads strangers' bytes, fuzzed for a moment each; -fuzztime says for how long", func() (tally, error) {
			return r.fuzz(r.fuzzFor)
		}},
		{"test-deploy", "Go tests of deploy that link no Temporal server, with the race detector", func() (tally, error) {
			return r.goTest("deploy", append([]string{"-race"}, r.existing("deploy", withoutServer)...)...)
		}},
		{"lab", "an incident for each way to misbehave, without the race detector: they are many", func() (tally, error) {
			return r.goTest("deploy", "./lab/...")
		}},
		{"test-server", "Go tests that link the Temporal server, without the race detector", func() (tally, error) {
			return r.goTest("deploy", r.existing("deploy", withServer)...)
		}},
		{"web-install", "npm packages", r.npmInstall},
		one("web-types", "TypeScript", "web", []string{"npm", "run", "--silent", "check"}),
		one("web-lint", "lint", "web", []string{"npm", "run", "--silent", "lint"}),
		one("web-protocol", "generated protocol types are fresh", "web", []string{"npm", "run", "--silent", "generate:check"}),
		{"web-test", "Vitest", func() (tally, error) { return r.vitest() }},
		one("web-build", "production build of the dashboards", "web", []string{"npm", "run", "--silent", "build"}),
		{"binaries", "build vigil-dev, worker, gateway and a real Alertmanager (minutes the first time)", r.binaries},
		{"browser", "the dashboards in a real browser: every view, outages, the source of every number, axe, keyboard", func() (tally, error) {
			return r.vitest("--config", "browser/vitest.config.ts")
		}},
		{"e2e", "end to end: real processes, kills, a real browser", func() (tally, error) {
			return r.goTest("deploy", "-race", "-count=1", "-timeout=20m", "./e2e/...")
		}},
	}
}

// existing are the patterns whose folder is there.
func (r *runner) existing(module string, patterns []string) []string {
	var found []string
	for _, p := range patterns {
		if _, err := os.Stat(filepath.Join(r.root, module, strings.TrimSuffix(p, "/..."))); err == nil {
			found = append(found, p)
		}
	}
	return found
}

// gofmt fails where it would change a file.
func (r *runner) gofmt() (tally, error) {
	cmd := r.command("", "gofmt", "-l", "activities", "deploy", "gateway", "internal", "worker", "workflows")
	out, err := cmd.CombinedOutput()
	if err != nil {
		return tally{}, fmt.Errorf("gofmt: %w\n%s", err, out)
	}
	if len(out) > 0 {
		return tally{}, fmt.Errorf("not formatted; run `go tool task fmt`:\n%s", out)
	}
	return tally{}, nil
}

// workflowcheck prints what it finds and, over some versions, ends well all
// the same: any output is a finding.
func (r *runner) workflowcheck() (tally, error) {
	cmd := r.command("", "go", "tool", "workflowcheck", "-config", "workflows/workflowcheck.yaml", "./workflows/...")
	out, err := cmd.CombinedOutput()
	if err != nil {
		return tally{}, fmt.Errorf("workflowcheck: %w\n%s", err, out)
	}
	if len(bytes.TrimSpace(out)) > 0 {
		return tally{}, fmt.Errorf("workflowcheck:\n%s", out)
	}
	return tally{}, nil
}

// npmInstall installs what package-lock.json says, where that has not been
// done since it last changed.
func (r *runner) npmInstall() (tally, error) {
	lock, err := os.Stat(filepath.Join(r.root, "web", "package-lock.json"))
	if err != nil {
		return tally{}, err
	}
	// npm writes this file at the end of an install.
	done, err := os.Stat(filepath.Join(r.root, "web", "node_modules", ".package-lock.json"))
	if err == nil && !done.ModTime().Before(lock.ModTime()) {
		return tally{}, nil
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return tally{}, err
	}
	return tally{}, r.sh("web", []string{"npm", "ci", "--no-audit", "--no-fund"})
}

// binaries builds what the end-to-end tests run. Worker and gateway are built
// with the race detector, which the tests look for in their output.
func (r *runner) binaries() (tally, error) {
	dir := filepath.Join(r.root, ".vigil", "bin-test")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return tally{}, err
	}
	to := dir + string(filepath.Separator)
	err := errors.Join(
		r.sh("", []string{"go", "build", "-race", "-o", to, "./worker/cmd/worker", "./gateway/cmd/gateway"}),
		r.sh("deploy", []string{"go", "build", "-o", to + "vigil-dev", "./dev"}),
		r.sh("deploy", []string{"go", "run", "./tools/alertmanager", "-to", to + "alertmanager"}),
	)
	r.env = append(r.env, "VIGIL_BIN="+dir)
	return tally{}, err
}
