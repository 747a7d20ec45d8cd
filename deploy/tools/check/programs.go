package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
)

// program is something that tests run and that is no part of the repository.
type program struct {
	names  []string // under which it may be installed
	debian string   // the package that brings it
}

var (
	browser      = program{[]string{"chromium", "chromium-browser", "google-chrome"}, "chromium"}
	prometheus   = program{[]string{"prometheus"}, "prometheus"}
	alertmanager = program{[]string{"prometheus-alertmanager", "alertmanager"}, "prometheus-alertmanager"}
)

// programs finds what tests need, or installs it where this process may.
func (r *runner) programs() (tally, error) {
	var missing []string
	for _, p := range []program{browser, prometheus, alertmanager} {
		if path := p.find(); path != "" {
			fmt.Fprintln(r.out, path)
		} else {
			missing = append(missing, p.debian)
		}
	}
	if len(missing) == 0 {
		return tally{}, nil
	}
	if err := r.install(missing); err != nil {
		return tally{}, err
	}
	for _, p := range []program{browser, prometheus, alertmanager} {
		if p.find() == "" {
			return tally{}, fmt.Errorf("the package %s was installed, but brought no program called %s", p.debian, strings.Join(p.names, " or "))
		}
	}
	return tally{}, nil
}

func (p program) find() string {
	for _, name := range p.names {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}

// install uses the system's package manager, as root or by a sudo that asks
// nothing. What it installs is not started as a service.
func (r *runner) install(packages []string) error {
	help := fmt.Errorf("not found, and the tests run it: install %s so that it is on the PATH (Debian: apt-get install %s)",
		strings.Join(packages, ", "), strings.Join(packages, " "))
	if _, err := exec.LookPath("apt-get"); err != nil {
		return help
	}
	apt := []string{"env", "RUNLEVEL=1", "DEBIAN_FRONTEND=noninteractive", "apt-get"}
	if os.Geteuid() != 0 {
		if r.command("", "sudo", "-n", "true").Run() != nil {
			return help
		}
		apt = append([]string{"sudo", "-n"}, apt...)
	}
	fmt.Fprintf(r.out, "Installing the system's packages %s.\n", strings.Join(packages, ", "))
	with := func(args ...string) []string { return append(slices.Clone(apt), args...) }
	err := r.sh("", with("update", "-q"),
		with(append([]string{"-o", "Dpkg::Options::=--force-confold", "install", "-q", "-y", "--no-install-recommends"}, packages...)...))
	if err != nil {
		return errors.Join(help, err)
	}
	return nil
}
