package main

import (
	"errors"
	"flag"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/peterbourgon/ff/v3"

	"vigil/deploy/processes"
	"vigil/deploy/sandbox/signing"
	"vigil/gateway"
	"vigil/worker"
)

const (
	envPrefix           = "VIGIL"
	defaultTemporalAddr = "127.0.0.1:7233" // where Temporal's own tools look
)

// part is one of the servers that can run alone.
type part string

const (
	partTemporal part = processes.Temporal
	partNATS     part = processes.NATS
	partSandbox  part = processes.Sandbox
)

var parts = []part{partTemporal, partNATS, partSandbox}

func (p part) name() string { return string(p) }

// config is what the process is told. parse says every default.
type config struct {
	stateDir string
	webDir   string
	only     part // "" runs everything
	split    bool
	alone    bool // no sandbox: the user's own systems are looked at

	temporalAddr    string // where the embedded server listens
	temporalUIAddr  string
	temporalAddress string // an existing server, from TEMPORAL_ADDRESS; none is embedded then
	natsAddr        string // only where NATS runs alone; inside one process it needs no port
	sandboxAddr     string
	snsAddr         string // where the sandbox has the certificate that signs its alarms
	gatewayAddr     string

	tick      time.Duration // step of the sandbox's world
	seed      uint64
	logLevel  string
	logFormat string

	restartAfter time.Duration // split: how long a part that ended stays away

	temporalFaults float64

	worker      worker.Config
	gateway     gateway.Config
	told        processes.TellFlags // what of telling people at the sandbox the user has not set otherwise
	workerArgs  []string            // split: the worker's flags that were given, for its own process
	gatewayArgs []string
}

// parse reads flags and the environment; a flag wins. getenv is os.Getenv but
// for tests.
func parse(args []string, getenv func(string) string) (config, error) {
	var c config
	var only string
	fs := flag.NewFlagSet("vigil-dev", flag.ContinueOnError)
	fs.StringVar(&c.stateDir, "state-dir", ".vigil", "`directory` of all state; remove it to begin anew")
	fs.StringVar(&c.webDir, "web-dir", "web/dist", "`directory` of the built dashboards")
	fs.StringVar(&only, "only", "", "run one `part` alone: temporal, nats or sandbox")
	fs.BoolVar(&c.alone, "no-sandbox", false, "run without the AWS sandbox, to look at systems of your own; every action is a dry run unless you enable it")
	fs.BoolVar(&c.split, "split", false, "start and watch temporal, nats, sandbox, worker and gateway as separate processes")
	fs.StringVar(&c.temporalAddr, "temporal-addr", defaultTemporalAddr, "`address` of the embedded Temporal server")
	fs.StringVar(&c.temporalUIAddr, "temporal-ui-addr", "127.0.0.1:8233", "`address` of Temporal's web UI; empty for none")
	fs.StringVar(&c.natsAddr, "nats-addr", "127.0.0.1:4222", "`address` of NATS where it runs as a process of its own")
	fs.StringVar(&c.sandboxAddr, "sandbox-addr", "127.0.0.1:4566", "`address` of the AWS sandbox")
	fs.StringVar(&c.snsAddr, "sandbox-sns-addr", "127.0.0.1:4567", "`address` at which the sandbox has the certificate that signs its alarms")
	fs.StringVar(&c.gatewayAddr, "gateway-addr", "127.0.0.1:8080", "`address` of the gateway and the dashboards")
	fs.DurationVar(&c.tick, "tick", 5*time.Second, "step of the sandbox's world: one point of every metric")
	fs.Uint64Var(&c.seed, "seed", 1, "seed of the sandbox's noise")
	fs.StringVar(&c.logLevel, "log-level", "info", "debug, info, warn or error")
	fs.StringVar(&c.logFormat, "log-format", "console", "console or json")
	fs.Float64Var(&c.temporalFaults, "temporal-faults", 0, "for tests: share of the Temporal server's writes and reads that time out, half of the writes after they were done")
	fs.DurationVar(&c.restartAfter, "restart-after", 2*time.Second, "with --split: how long a process that ended stays away")
	c.worker, c.gateway = worker.DefaultConfig(), gateway.DefaultConfig()
	workerFlags := adopt(fs, c.worker.Flags, "nats-url", "data-dir")
	gatewayFlags := adopt(fs, c.gateway.Flags, "nats-url", "listen", "data-dir", "web-dir", "dev-principal", "stop-timeout", "evidence-dir")
	if err := ff.Parse(fs, args, ff.WithEnvVarPrefix(envPrefix)); err != nil {
		return config{}, err
	}
	c.workerArgs, c.gatewayArgs = given(fs, workerFlags), given(fs, gatewayFlags)
	if !c.alone {
		values := processes.SandboxFlags(c.tick)
		values["aws-endpoint"] = "http://" + c.sandboxAddr
		if err := defaults(fs, values); err != nil {
			return config{}, err
		}
	}
	if fs.NArg() > 0 {
		return config{}, fmt.Errorf("unexpected %q; everything is set by flags, see --help", fs.Args())
	}
	c.temporalAddress = getenv("TEMPORAL_ADDRESS")
	c.only = part(only)
	c.worker.DataDir = c.file(processes.Worker)
	c.gateway.Listen, c.gateway.WebDir, c.gateway.DataDir = c.gatewayAddr, c.webDir, c.file(processes.Gateway)
	if c.gateway.SourcesFile == "" && !c.alone {
		c.gateway.SourcesFile = signing.Sources(c.file(processes.Sandbox))
	}
	if !c.alone {
		if err := c.tell(fs); err != nil {
			return config{}, err
		}
	}
	c.gateway.DevPrincipal, c.gateway.EvidenceDir = true, worker.EvidenceDir(c.worker.DataDir)
	return c, c.validate()
}

func (c config) validate() error {
	switch {
	case c.only != "" && !slices.Contains(parts, c.only):
		return fmt.Errorf("--only is %q; use temporal, nats or sandbox; worker and gateway have binaries of their own", c.only)
	case c.only != "" && c.split:
		return errors.New("--only runs one part, --split all of them; use one of the two")
	case c.alone && c.split, c.alone && c.only != "":
		return errors.New("--no-sandbox is for everything in one process; leave out --split and --only")
	case c.only == partTemporal && c.temporalAddress != "":
		return fmt.Errorf("--only temporal would embed a server, but TEMPORAL_ADDRESS says to use the one at %s; unset it", c.temporalAddress)
	case c.stateDir == "":
		return errors.New("--state-dir is empty; name a directory on a local disk")
	case c.tick < 10*time.Millisecond || c.tick > time.Minute:
		return fmt.Errorf("--tick is %s; use 10ms to 1m", c.tick)
	case c.restartAfter < 0:
		return fmt.Errorf("--restart-after is %s; use 0 or more", c.restartAfter)
	}
	return nil
}

// embedsTemporal reports whether this process runs the Temporal server.
func (c config) embedsTemporal() bool { return c.runs(partTemporal) && c.temporalAddress == "" }

// runs reports whether this process runs p.
func (c config) runs(p part) bool {
	return c.only == p || c.only == "" && !(c.alone && p == partSandbox)
}

// part names what of the state directory this process uses; "" is all of it.
func (c config) part() string {
	if c.split {
		return "split"
	}
	return c.only.name()
}

// file is a path below the state directory.
func (c config) file(name string) string { return filepath.Join(c.stateDir, name) }

// listener is an address that this process opens.
type listener struct{ what, addr, flag, hint string }

func (c config) listeners() []listener {
	var all []listener
	if c.embedsTemporal() {
		all = append(all, listener{"Temporal server", c.temporalAddr, "temporal-addr", "; to use a server that runs there, set TEMPORAL_ADDRESS=" + c.temporalAddr})
		if c.temporalUIAddr != "" {
			all = append(all, listener{"Temporal web UI", c.temporalUIAddr, "temporal-ui-addr", ""})
		}
	}
	if c.only == partNATS {
		all = append(all, listener{"NATS", c.natsAddr, "nats-addr", ""})
	}
	if c.runs(partSandbox) {
		all = append(all, listener{"AWS sandbox", c.sandboxAddr, "sandbox-addr", ""}, listener{"certificate of the AWS sandbox", c.snsAddr, "sandbox-sns-addr", ""})
	}
	if c.only == "" {
		all = append(all, listener{"gateway", c.gatewayAddr, "gateway-addr", ""})
	}
	return all
}

// envName is the environment variable of a flag.
func envName(flagName string) string {
	return envPrefix + "_" + strings.ToUpper(strings.ReplaceAll(flagName, "-", "_"))
}
