package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
)

// browsers are the names under which a Chromium may be installed.
var browsers = []string{"chromium", "chromium-browser", "google-chrome"}

// chromium finds a browser, or installs one where this process may.
func (r *runner) chromium() (tally, error) {
	path := findBrowser()
	if path == "" {
		if err := r.installChromium(); err != nil {
			return tally{}, err
		}
		if path = findBrowser(); path == "" {
			return tally{}, errors.New("the package chromium was installed, but brought no program of that name")
		}
	}
	fmt.Fprintln(r.out, path)
	return tally{}, nil
}

func findBrowser() string {
	for _, name := range browsers {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}

// installChromium uses the system's package manager, as root or by a sudo that
// asks nothing.
func (r *runner) installChromium() error {
	help := errors.New("no Chromium found; install one so that `chromium` is found (Debian: apt-get install chromium)")
	if _, err := exec.LookPath("apt-get"); err != nil {
		return help
	}
	apt := []string{"apt-get"}
	if os.Geteuid() != 0 {
		if r.command("", "sudo", "-n", "true").Run() != nil {
			return help
		}
		apt = []string{"sudo", "-n", "apt-get"}
	}
	fmt.Fprintln(r.out, "No Chromium found; installing the system's package.")
	with := func(args ...string) []string { return append(slices.Clone(apt), args...) }
	err := r.sh("", with("update", "-q"), with("-o", "Dpkg::Options::=--force-confold", "install", "-q", "-y", "--no-install-recommends", "chromium"))
	if err != nil {
		return errors.Join(help, err)
	}
	return nil
}
