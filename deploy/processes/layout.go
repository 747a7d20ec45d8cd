package processes

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"vigil/deploy/sandbox/signing"
	"vigil/deploy/sandbox/telling"
)

// Names of the parts, in the order in which they are started.
const (
	Temporal = "temporal"
	NATS     = "nats"
	Sandbox  = "sandbox"
	Worker   = "worker"
	Gateway  = "gateway"

	AllInOne = "vigil-dev" // the process that is all of them
)

// Layout is where everything is when Vigil runs on one machine.
type Layout struct {
	BinDir   string // vigil-dev, worker and gateway
	StateDir string
	WebDir   string

	// SNSAddr is where the sandbox has the certificate that signs its alarms.
	TemporalAddr, TemporalUIAddr, NATSAddr, SandboxAddr, SNSAddr, GatewayAddr string

	Tick      time.Duration // of the sandbox's world
	Seed      uint64
	LogFormat string

	TemporalFaults float64 // share of the Temporal server's writes and reads that time out

	// ExternalTemporal means that TemporalAddr is somebody else's server: it
	// is used and never started.
	ExternalTemporal bool

	// Told means that people are told at the sandbox, in separate processes:
	// what the worker tells, and whose clicks the gateway takes.
	Told TellFlags

	// WorkerArgs are flags of the worker, which the all-in-one process knows
	// too, after those that fit the sandbox; GatewayArgs are the gateway's, as
	// a process of its own.
	WorkerArgs  []string
	GatewayArgs []string
}

// Prepare writes what has to be there before the parts start: how the gateway
// tells that an alarm is from the sandbox, and whom the sandbox takes
// notifications for. AllInOne does so itself.
func (l Layout) Prepare() error {
	if err := signing.Prepare(l.sandboxDir(), l.SNSAddr); err != nil {
		return err
	}
	_, err := telling.Prepare(l.sandboxDir(), l.SandboxURL())
	return err
}

func (l Layout) sandboxDir() string { return filepath.Join(l.StateDir, Sandbox) }

// AllInOne is the process that runs every part.
func (l Layout) AllInOne() Spec {
	args := append(l.devArgs(), "--temporal-ui-addr", l.TemporalUIAddr, "--web-dir", l.WebDir)
	return Spec{Name: AllInOne, Path: filepath.Join(l.BinDir, AllInOne), Args: append(args, l.WorkerArgs...), Env: l.devEnv()}
}

// Supervisor is the process that starts every part as a process of its own and
// brings back those that end.
func (l Layout) Supervisor(restartAfter time.Duration) Spec {
	s := l.AllInOne()
	s.Name = "supervisor"
	s.Args = append(s.Args, "--split", "--restart-after", restartAfter.String())
	return s
}

// Parts are the processes that run one part each, in the order of dependence.
func (l Layout) Parts() []Spec {
	var all []Spec
	dev := func(name string, more ...string) {
		args := append(append(l.devArgs(), "--only", name), more...)
		all = append(all, Spec{Name: name, Path: filepath.Join(l.BinDir, AllInOne), Args: args, Env: l.devEnv()})
	}
	if !l.ExternalTemporal {
		dev(Temporal, "--temporal-ui-addr", l.TemporalUIAddr)
	}
	dev(NATS)
	dev(Sandbox)
	worker := append([]string{"--nats-url", l.NATSURL(), "--aws-endpoint", l.SandboxURL(), "--data-dir", filepath.Join(l.StateDir, Worker),
		"--log-format", l.LogFormat}, arguments(SandboxFlags(l.Tick))...)
	gateway := []string{
		"--listen", l.GatewayAddr, "--nats-url", l.NATSURL(), "--data-dir", filepath.Join(l.StateDir, Gateway),
		"--web-dir", l.WebDir, "--sources-file", signing.Sources(l.sandboxDir()), "--evidence-dir", filepath.Join(l.StateDir, Worker, "evidence"), "--dev-principal", "--log-format", l.LogFormat,
	}
	if !l.ExternalTemporal && l.TemporalUIAddr != "" {
		gateway = append(gateway, "--temporal-ui-url", l.TemporalUIURL()+"/namespaces/default")
	}
	env := append(l.env(), "AWS_ACCESS_KEY_ID="+SandboxAccessKeyID, "AWS_SECRET_ACCESS_KEY="+SandboxSecretAccessKey)
	return append(all,
		Spec{Name: Worker, Path: filepath.Join(l.BinDir, Worker), Args: slices.Concat(worker, arguments(l.Told.Worker), l.WorkerArgs), Env: env},
		Spec{Name: Gateway, Path: filepath.Join(l.BinDir, Gateway), Args: slices.Concat(gateway, arguments(l.Told.Gateway), l.GatewayArgs), Env: env},
	)
}

// devEnv is that of vigil-dev, which embeds a server where none is named.
func (l Layout) devEnv() []string {
	if l.ExternalTemporal {
		return l.env()
	}
	return []string{"TEMPORAL_ADDRESS="}
}

// env says which Temporal server to use. For one of our own, it also keeps a
// developer's profile (TLS, API key, namespace) out of the way.
func (l Layout) env() []string {
	if l.ExternalTemporal {
		return []string{"TEMPORAL_ADDRESS=" + l.TemporalAddr}
	}
	return []string{"TEMPORAL_ADDRESS=" + l.TemporalAddr, "TEMPORAL_NAMESPACE=default", "TEMPORAL_CONFIG_FILE=" + os.DevNull}
}

// Part is the process of one part.
func (l Layout) Part(name string) (Spec, error) {
	for _, s := range l.Parts() {
		if s.Name == name {
			return s, nil
		}
	}
	return Spec{}, fmt.Errorf("processes: no part is called %q", name)
}

func (l Layout) devArgs() []string {
	return []string{
		"--state-dir", l.StateDir, "--temporal-addr", l.TemporalAddr, "--nats-addr", l.NATSAddr,
		"--sandbox-addr", l.SandboxAddr, "--sandbox-sns-addr", l.SNSAddr, "--gateway-addr", l.GatewayAddr,
		"--tick", l.Tick.String(), "--seed", fmt.Sprint(l.Seed), "--log-format", l.LogFormat, "--temporal-faults", fmt.Sprint(l.TemporalFaults),
	}
}

// The URLs at which the parts answer.
func (l Layout) GatewayURL() string    { return "http://" + l.GatewayAddr }
func (l Layout) SandboxURL() string    { return "http://" + l.SandboxAddr }
func (l Layout) TemporalUIURL() string { return "http://" + l.TemporalUIAddr }
func (l Layout) NATSURL() string       { return "nats://" + l.NATSAddr }
