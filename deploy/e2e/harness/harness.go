package harness

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"vigil/deploy/processes"
)

const (
	readyTimeout = 90 * time.Second // a busy machine with a cold cache
	stopTimeout  = 10 * time.Second
)

// Options says what is started and how. The zero value is everything in one
// process, in a world that moves on five times a second.
type Options struct {
	Split bool     // five processes instead of one
	Parts []string // with Split: only these, in any order; the others can be started later

	Tick        time.Duration // of the sandbox's world; default 200 ms
	Seed        uint64        // of its noise; default 1
	WorkerArgs  []string
	GatewayArgs []string // with Split

	TemporalFaults float64 // share of the Temporal server's writes and reads that time out
}

// Vigil is what a test runs.
type Vigil struct {
	processes.Layout
	t testing.TB

	mu      sync.Mutex
	running map[string]*processes.Process
	order   []string // as started
}

// Start starts Vigil, or the parts of it that o names, and waits until each is
// ready. It is stopped with the test.
func Start(t testing.TB, o Options) *Vigil {
	t.Helper()
	v := Prepare(t, o)
	if !o.Split {
		v.StartPart(processes.AllInOne)
		return v
	}
	for _, spec := range v.Parts() {
		if len(o.Parts) == 0 || slices.Contains(o.Parts, spec.Name) {
			v.StartPart(spec.Name)
		}
	}
	return v
}

// Prepare chooses addresses and a state directory and starts nothing.
func Prepare(t testing.TB, o Options) *Vigil {
	t.Helper()
	if o.Tick == 0 {
		o.Tick = 200 * time.Millisecond
	}
	if o.Seed == 0 {
		o.Seed = 1
	}
	root := repository(t)
	ports := freePorts(t, 6)
	v := &Vigil{t: t, running: map[string]*processes.Process{}, Layout: processes.Layout{
		BinDir: binaries(t, root), StateDir: t.TempDir(), WebDir: filepath.Join(root, "web", "dist"),
		TemporalAddr: ports[0], TemporalUIAddr: ports[1], NATSAddr: ports[2], SandboxAddr: ports[3], GatewayAddr: ports[4], SNSAddr: ports[5],
		Tick: o.Tick, Seed: o.Seed, LogFormat: "json", WorkerArgs: o.WorkerArgs, GatewayArgs: o.GatewayArgs, TemporalFaults: o.TemporalFaults,
	}}
	if err := v.Layout.Prepare(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(v.stop)
	return v
}

// StartPart starts a part that does not run, and waits until it is ready.
func (v *Vigil) StartPart(name string) {
	v.t.Helper()
	p := v.launch(name)
	ctx, cancel := context.WithTimeout(context.Background(), readyTimeout)
	defer cancel()
	begin := time.Now()
	if err := v.Ready(ctx, name, p); err != nil {
		v.t.Fatal(err)
	}
	v.t.Logf("%s (%d) is ready after %s", name, p.PID(), time.Since(begin).Round(time.Millisecond))
}

// Launch starts a part that does not run and returns at once.
func (v *Vigil) Launch(name string) {
	v.t.Helper()
	v.launch(name)
}

func (v *Vigil) launch(name string) *processes.Process {
	v.t.Helper()
	spec := v.AllInOne()
	if name != processes.AllInOne {
		var err error
		if spec, err = v.Part(name); err != nil {
			v.t.Fatal(err)
		}
	}
	return v.Run(spec)
}

// Run starts any process as one of this Vigil's, and returns at once.
func (v *Vigil) Run(spec processes.Spec) *processes.Process {
	v.t.Helper()
	name := spec.Name
	v.mu.Lock()
	defer v.mu.Unlock()
	if p := v.running[name]; p != nil {
		v.t.Fatalf("%s runs already, as process %d", name, p.PID())
	}
	log, err := os.OpenFile(v.logFile(name), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		v.t.Fatal(err)
	}
	p, err := processes.Start(spec, log)
	if err != nil {
		v.t.Fatal(err)
	}
	if err := log.Close(); err != nil { // the child has its own
		v.t.Fatal(err)
	}
	v.running[name] = p
	if !slices.Contains(v.order, name) {
		v.order = append(v.order, name)
	}
	return p
}

// Kill ends a part as kill -9 does, and waits until it is gone.
func (v *Vigil) Kill(name string) {
	v.t.Helper()
	p := v.take(name)
	if err := p.Kill(); err != nil {
		v.t.Fatal(err)
	}
}

// Stop asks a part to end and waits until it has.
func (v *Vigil) Stop(name string) {
	v.t.Helper()
	p := v.take(name)
	ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	if err := p.Stop(ctx); err != nil {
		v.t.Fatal(err)
	}
}

// Restart kills a part and starts it again.
func (v *Vigil) Restart(name string) {
	v.t.Helper()
	v.Kill(name)
	v.StartPart(name)
}

// Signal sends sig to a part, such as SIGSTOP and SIGCONT.
func (v *Vigil) Signal(name string, sig os.Signal) {
	v.t.Helper()
	v.mu.Lock()
	p := v.running[name]
	v.mu.Unlock()
	if p == nil {
		v.t.Fatalf("%s does not run", name)
	}
	if err := p.Signal(sig); err != nil {
		v.t.Fatal(err)
	}
}

// PID is the process id of a part, 0 where it does not run.
func (v *Vigil) PID(name string) int {
	v.mu.Lock()
	defer v.mu.Unlock()
	if p := v.running[name]; p != nil {
		return p.PID()
	}
	return 0
}

// Log is everything that a part has printed so far, over all of its starts.
func (v *Vigil) Log(name string) string {
	v.t.Helper()
	raw, err := os.ReadFile(v.logFile(name))
	if err != nil {
		v.t.Fatal(err)
	}
	return string(raw)
}

func (v *Vigil) logFile(name string) string { return filepath.Join(v.StateDir, name+".log") }

// take forgets a part that is about to be ended.
func (v *Vigil) take(name string) *processes.Process {
	v.t.Helper()
	v.mu.Lock()
	defer v.mu.Unlock()
	p := v.running[name]
	if p == nil {
		v.t.Fatalf("%s does not run", name)
	}
	delete(v.running, name)
	return p
}

// stop ends everything in the reverse order of starting, and reports what the
// processes left behind.
func (v *Vigil) stop() {
	v.mu.Lock()
	defer v.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	for _, name := range slices.Backward(v.order) {
		p := v.running[name]
		if p == nil {
			continue
		}
		select {
		case <-p.Done():
			v.t.Errorf("%s (%d) ended by itself: %v", name, p.PID(), p.Err())
		default:
			if err := p.Stop(ctx); err != nil {
				v.t.Error(err)
			}
		}
	}
	clear(v.running)
	for _, name := range v.order {
		v.report(name)
	}
}

// String names the addresses, for failure messages.
func (v *Vigil) String() string {
	v.mu.Lock()
	defer v.mu.Unlock()
	return fmt.Sprintf("gateway %s, sandbox %s, temporal %s, running %v", v.GatewayURL(), v.SandboxURL(), v.TemporalAddr,
		slices.Sorted(maps.Keys(v.running)))
}
