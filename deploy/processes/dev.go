package processes

import (
	"maps"
	"slices"
	"time"
)

// The sandbox looks at no signature; the SDK insists on having one to make.
const (
	SandboxRegion          = "us-east-1"
	SandboxAccessKeyID     = "sandbox"
	SandboxSecretAccessKey = "sandbox"
)

// periods are the distances of metric points that CloudWatch can give.
var periods = []time.Duration{time.Second, 5 * time.Second, 10 * time.Second, 30 * time.Second, time.Minute}

// SandboxFlags are the worker's flags, name to value, that fit a sandbox whose
// world moves on every tick: telemetry as fine as the world makes it, waiting
// in proportion, and every action enabled, because approving one has to do
// something. In the world an alarm is raised within 15 ticks of a fault and
// telemetry is back within 15 ticks of the cure.
func SandboxFlags(tick time.Duration) map[string]string {
	period := periods[len(periods)-1]
	for _, p := range periods {
		if p >= tick {
			period = p
			break
		}
	}
	return map[string]string{
		"enable-actions":    "all",
		"aws-region":        SandboxRegion,
		"guardrail-id":      "vigil-sandbox", // it takes any id, as do the next two, of the form that AWS gives them
		"knowledge-base-id": "SANDBOX001",
		"memory-id":         "vigil-SANDBOX001",
		"metric-period":     period.String(),
		"verify-every":      max(period, tick).String(),
		"verify-timeout":    max(60*tick, 30*period).String(),
		// Normal is the first half of it, so 60 points before anything happened.
		"lookback": max(120*tick, 120*period).String(),
	}
}

// TellFlags are flags, name to value, by which people are told at the sandbox.
// The zero value has nobody told.
type TellFlags struct{ Worker, Gateway map[string]string }

// arguments are flags on a command line.
func arguments(flags map[string]string) []string {
	var args []string
	for _, name := range slices.Sorted(maps.Keys(flags)) {
		args = append(args, "--"+name+"="+flags[name])
	}
	return args
}
