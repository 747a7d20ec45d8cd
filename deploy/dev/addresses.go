package main

import (
	"errors"
	"fmt"
	"net"
	"syscall"
)

// checkAddresses tries every address that this process is going to listen on
// before anything is started, so that all that are taken are named at once,
// each with the flag that changes it.
func checkAddresses(cfg config) error {
	var errs []error
	for _, l := range cfg.listeners() {
		probe, err := net.Listen("tcp", l.addr)
		switch {
		case errors.Is(err, syscall.EADDRINUSE):
			errs = append(errs, fmt.Errorf("%s: %s is taken by another process; stop it, or choose another with --%s (or %s)%s",
				l.what, l.addr, l.flag, envName(l.flag), l.hint))
		case err != nil:
			errs = append(errs, fmt.Errorf("%s: listen on %s (--%s): %w", l.what, l.addr, l.flag, err))
		default:
			errs = append(errs, probe.Close())
		}
	}
	return errors.Join(errs...)
}
