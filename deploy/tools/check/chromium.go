package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
)

// browsers are the names under which a Chromium may be installed.
var browsers = []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"}

// chromium finds a browser, or installs one where this process may.
func (r *runner) chromium() (tally, error) {
	path := os.Getenv("VIGIL_CHROMIUM")
	if path == "" {
		path = findBrowser()
	}
	if path == "" {
		if err := r.installChromium(); err != nil {
			return tally{}, err
		}
		if path = findBrowser(); path == "" {
			return tally{}, errors.New("the package chromium was installed, but brought no program of that name")
		}
	}
	fmt.Fprintln(r.out, path)
	r.env = append(r.env, "VIGIL_CHROMIUM="+path)
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
	help := errors.New("no Chromium found; install one (Debian and Ubuntu: apt-get install chromium), or name it in VIGIL_CHROMIUM")
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
	r.env = append(r.env, "DEBIAN_FRONTEND=noninteractive")
	err := r.sh("", append(apt, "update", "-q"), append(apt, "install", "-q", "-y", "--no-install-recommends", "chromium"))
	if err != nil {
		return errors.Join(help, err)
	}
	return nil
}
