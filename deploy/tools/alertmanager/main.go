// Command alertmanager builds a real Alertmanager for the end-to-end tests.
//
//	go run ./tools/alertmanager -to ../.vigil/bin/alertmanager
//
// What is built is certain: one version of the module, whose checksum is
// written below, and of everything else what that module's own go.sum says. It
// is built in a copy of the module, outside deploy's module graph, because the
// module embeds a web interface that it does not contain: the copy is given an
// empty one. Where the binary already is of that version nothing is done, so
// calling it again takes no time. Several may build the same binary at once;
// each puts a whole one in place.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// To change the version: `go mod download -json MODULE@VERSION` prints the sum.
var pinned = pin{
	module:  "github.com/prometheus/alertmanager",
	version: "v0.35.0",
	sum:     "h1:nbXMjr+P2JaoFd7aHNDxKifEwTPN+TWxM0gNPonuH5w=",
}

// pages is what the module embeds and lacks: each of its two interfaces.
var pages = []string{"ui/app/dist/elm/index.html", "ui/app/dist/mantine/index.html"}

const page = "<!doctype html><title>Alertmanager</title>This Alertmanager was built for tests, without its pages.\n"

func main() {
	to := flag.String("to", "", "the binary to make, as in ../.vigil/bin/alertmanager")
	flag.Parse()
	if *to == "" || flag.NArg() > 0 {
		flag.Usage()
		os.Exit(2)
	}
	if err := pinned.build(*to, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "alertmanager:", err)
		os.Exit(1)
	}
}

// pin is one version of a module and the checksum of all its files.
type pin struct{ module, version, sum string }

// build makes the binary, unless it is there.
func (p pin) build(to string, out io.Writer) error {
	to, err := filepath.Abs(to)
	if err != nil {
		return err
	}
	if p.isBuilt(to) {
		return nil
	}
	fmt.Fprintf(out, "Building Alertmanager %s. The first time this takes minutes.\n", p.version)
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	work, err := os.MkdirTemp(filepath.Dir(to), "alertmanager-")
	if err != nil {
		return err
	}
	return errors.Join(p.buildIn(work, to), os.RemoveAll(work))
}

func (p pin) buildIn(work, to string) error {
	source, err := p.download(work)
	if err != nil {
		return err
	}
	dir := filepath.Join(work, "module")
	if err := copyModule(dir, source); err != nil {
		return err
	}
	binary := filepath.Join(work, "alertmanager")
	// The version is what a release sets too; the path is left out so that the
	// next build finds in the cache what this one compiled.
	if _, err := goTool(dir, "build", "-trimpath", "-buildvcs=false", "-mod=readonly",
		"-ldflags=-s -w -X github.com/prometheus/common/version.Version="+strings.TrimPrefix(p.version, "v"),
		"-o", binary, "./cmd/alertmanager"); err != nil {
		return err
	}
	if !p.isBuilt(binary) {
		return fmt.Errorf("what was built from %s@%s does not say that it is of that version; see how the module's .promu.yml sets it", p.module, p.version)
	}
	return os.Rename(binary, to)
}

// isBuilt asks the binary itself.
func (p pin) isBuilt(binary string) bool {
	out, err := exec.Command(binary, "--version").CombinedOutput()
	return err == nil && bytes.Contains(out, []byte("version "+strings.TrimPrefix(p.version, "v")+" "))
}

// download returns the folder of the module's files. It is asked for outside of
// any module, so that no go.mod has a say or is changed.
func (p pin) download(outside string) (dir string, err error) {
	raw, err := goTool(outside, "mod", "download", "-json", p.module+"@"+p.version)
	if err != nil {
		return "", err
	}
	var got struct{ Dir, Sum string }
	if err := json.Unmarshal(raw, &got); err != nil {
		return "", fmt.Errorf("read what go mod download says: %w", err)
	}
	if got.Sum != p.sum {
		return "", fmt.Errorf("the files of %s@%s have the checksum %s, and %s is pinned: they are not those that were tested; nothing was built",
			p.module, p.version, got.Sum, p.sum)
	}
	return got.Dir, nil
}

// copyModule copies a module out of the cache, where nothing may be changed,
// and adds the pages that it lacks.
func copyModule(to, from string) error {
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		return fmt.Errorf("copy the module: %w", err)
	}
	for _, name := range pages {
		file := filepath.Join(to, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(file, []byte(page), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// goTool runs the go command in dir, under no workspace.
func goTool(dir string, args ...string) (stdout []byte, err error) {
	cmd := exec.Command("go", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOWORK=off")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if stdout, err = cmd.Output(); err != nil {
		return nil, fmt.Errorf("go %s: %w\n%s%s", strings.Join(args, " "), err, stdout, stderr.Bytes())
	}
	return stdout, nil
}
