package main

import (
	"flag"
	"maps"
	"slices"

	"vigil/deploy/processes"
	"vigil/deploy/sandbox/telling"
)

// tell has people told at the sandbox, where the user names no notification
// file, and has clicks in its Slack taken, where the user says nothing about
// who may use the gateway or click. --notify-file with nothing behind it tells
// nobody.
func (c *config) tell(fs *flag.FlagSet) error {
	dir := c.file(processes.Sandbox)
	set := map[string]bool{}
	fs.Visit(func(f *flag.Flag) { set[f.Name] = true })
	none := func(names map[string]string) bool {
		return !slices.ContainsFunc(slices.Collect(maps.Keys(names)), func(n string) bool { return set[n] })
	}
	if set["notify-file"] {
		return nil
	}
	c.told.Worker = telling.WorkerFlags(dir, "http://"+c.gatewayAddr)
	if clicks := telling.GatewayFlags(dir, "http://"+c.sandboxAddr); none(clicks) {
		c.told.Gateway = clicks
	}
	for _, flags := range []map[string]string{c.told.Worker, c.told.Gateway} {
		if err := defaults(fs, flags); err != nil {
			return err
		}
	}
	return nil
}
