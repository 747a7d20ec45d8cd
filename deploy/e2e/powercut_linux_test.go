package e2e_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"vigil/deploy/e2e/harness"
	"vigil/deploy/processes"
	"vigil/gateway"
)

// TestPowerCut is F30: the power goes while alerts are accepted, again and
// again. The file system of the gateway's store stops at once and loses
// whatever was not synced; the gateway is killed, the disk comes back as its
// journal has it, and every delivery that was ever answered 2xx is there,
// byte for byte (I1: sync before 2xx).
//
// What it shows is that nothing is acknowledged while it is only in memory:
// a file written at the same time and not synced has to be gone. What it
// cannot show is a disk that itself lies about having written.
func TestPowerCut(t *testing.T) {
	sideBySide(t)
	cuts := 3
	if *campaign {
		cuts = 40
	}
	r := rand.New(rand.NewPCG(*seed, 30))
	t.Logf("seed %d", *seed)
	d := newDisk(t, 128)
	// The gateway needs nobody to accept alerts; the disk is smaller than what it wants left.
	v := harness.Prepare(t, harness.Options{Split: true, GatewayArgs: []string{"--min-free-disk", "0"}})
	v.GatewayArgs = append(v.GatewayArgs, "--sources-file", filepath.Join(v.StateDir, processes.Sandbox, "sources.yaml")) // on a disk that stays
	v.StateDir = d.dir
	a := api{t: t, gateway: v.GatewayURL(), sandbox: v.SandboxURL()}

	accepted := map[int64][]byte{} // bodies by the number that the gateway gave them
	var mu sync.Mutex
	var n atomic.Int64
	dropped := 0
	for cut := range cuts {
		v.StartPart(processes.Gateway)
		stop := make(chan struct{})
		var senders sync.WaitGroup
		var answered atomic.Int64
		for range 8 {
			senders.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
					}
					body := []byte(fmt.Sprintf(`{"n":%d,"filler":%q}`, n.Add(1), bytes.Repeat([]byte("x"), int(n.Load()*997%9000))))
					var out gateway.Accepted
					status, _ := a.call(http.MethodPost, a.gateway+"/api/v1/alerts/alertmanager", rawJSON(body), &out)
					if status/100 == 2 {
						answered.Add(1)
						mu.Lock()
						accepted[out.DeliveryID] = body
						mu.Unlock()
					}
				}
			})
		}
		least := int64(20 + r.IntN(300))
		eventually(t, time.Minute, "alerts are accepted", func() (int64, bool) { got := answered.Load(); return got, got >= least })
		canary := d.canary(cut)
		d.cut()
		v.Kill(processes.Gateway)
		close(stop)
		senders.Wait()
		d.back()
		if _, err := os.Stat(canary); errors.Is(err, fs.ErrNotExist) {
			dropped++
		}
	}
	if d.mounted && dropped == 0 {
		t.Error("what was not synced was still there after every cut: nothing was cut, and this shows nothing")
	}
	v.StartPart(processes.Gateway)
	for id, want := range accepted {
		if got := a.body(id); !bytes.Equal(got, want) {
			t.Errorf("delivery %d was accepted with %.60q and is now %.60q", id, want, got)
		}
	}
	t.Logf("%d deliveries accepted over %d cuts (%d of them lost a file that was not synced), all there", len(accepted), cuts, dropped)
}

// TestPowerCutOfEverything is the rest of F30: Temporal, the stream, the worker
// and the gateway share the disk that stops, while alerts come and actions are
// approved. Only AWS goes on. Afterwards every accepted alert is with exactly
// one incident (I1 I2), whose workflow knows it, each action took effect once
// (I3), and every incident ends (I7).
func TestPowerCutOfEverything(t *testing.T) {
	sideBySide(t)
	cuts := 1
	if *campaign {
		cuts = 15
	}
	r := rand.New(rand.NewPCG(*seed, 31))
	t.Logf("seed %d", *seed)
	aws := harness.Start(t, harness.Options{Split: true, Parts: []string{processes.Sandbox}, Tick: time.Second})
	d := newDisk(t, 512)
	v := harness.Prepare(t, harness.Options{Split: true, Tick: time.Second, WorkerArgs: quick, // alarms are signed by the sandbox that goes on
		GatewayArgs: []string{"--sources-file", filepath.Join(aws.StateDir, processes.Sandbox, "sources.yaml")}})
	v.StateDir, v.SandboxAddr, v.GatewayAddr = d.dir, aws.SandboxAddr, aws.GatewayAddr
	a := api{t: t, gateway: v.GatewayURL(), sandbox: v.SandboxURL()}
	parts := []string{processes.Temporal, processes.NATS, processes.Worker, processes.Gateway}
	l := newLedger()
	var people *attendants
	for cut := range cuts {
		for _, name := range parts {
			v.StartPart(name)
		}
		if people == nil {
			people = attend(t, a)
		}
		if a.activeFault() == "" {
			a.fault("bad_deployment")
			a.must(http.MethodPost, a.gateway+"/api/v1/incidents", map[string]string{"title": "Checkout is slow", "service": "checkout"}, nil)
		}
		stop := make(chan struct{})
		var sender sync.WaitGroup
		sender.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				default:
					l.send(a.gateway, fires(fmt.Sprint("power-", n%4), fmt.Sprint("f-", cut, "-", n), "down", time.Now()))
				}
			}
		})
		pause(t, time.Duration(1000+r.IntN(9000))*time.Millisecond)
		d.cut()
		for _, name := range parts {
			v.Kill(name)
		}
		close(stop)
		sender.Wait()
		d.back()
	}
	for _, name := range parts {
		v.StartPart(name)
	}
	n, _ := l.accepted(1)
	by := l.found(a, 3*time.Minute)
	for id := range by {
		a.knows(v.TemporalAddr, id, time.Minute)
	}
	a.quiet(3 * time.Minute)
	people.stop()
	checkEffects(t, a)
	t.Logf("%d deliveries accepted over %d cuts, with %d incidents; %d actions", n, cuts, len(by), len(a.effects()))
}

// rawJSON is a body that is JSON already.
type rawJSON []byte

func (r rawJSON) MarshalJSON() ([]byte, error) { return r, nil }

// body is what the gateway keeps of a delivery.
func (a api) body(id int64) []byte {
	a.t.Helper()
	status, text := a.call(http.MethodGet, fmt.Sprintf("%s/api/v1/deliveries/%d/body", a.gateway, id), nil, nil)
	if status != http.StatusOK {
		return []byte(fmt.Sprint(status, " ", text))
	}
	return []byte(text)
}
