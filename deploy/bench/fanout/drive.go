package main

import (
	"bufio"
	"context"
	"encoding/gob"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"syscall"
	"time"
)

// result is what one way of delivering events took. Slices are by event, the
// ones that warmed up included.
type result struct {
	warmUp  int
	handed  []time.Time
	arrived [][]int64       // by client, then event: nanoseconds since the epoch
	acked   []time.Duration // the stream had it on disk; nil in the bare loop
	reached []time.Duration // the store had it and the hub was given it; nil in the bare loop
	frame   []byte          // as the hub sent it

	cpuServer, cpuClients time.Duration // per measured event
	allocs, allocBytes    uint64        // of the server, per measured event
}

// drive starts the clients, sends events at the rate, and collects when each
// was read.
func drive(ctx context.Context, o options, url string, send func(i int) error) (result, error) {
	total := o.warmUp + o.events
	res := result{warmUp: o.warmUp, handed: make([]time.Time, total)}
	clients, err := startClients(ctx, o, url)
	if err != nil {
		return res, err
	}
	defer clients.kill()

	var before runtime.MemStats
	var cpu time.Duration
	tick := time.NewTicker(time.Duration(float64(time.Second) / o.rate))
	defer tick.Stop()
	for i := range total {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return res, ctx.Err()
		}
		if i == o.warmUp {
			runtime.ReadMemStats(&before)
			cpu = cpuTime(syscall.RUSAGE_SELF)
		}
		res.handed[i] = time.Now()
		if err := send(i); err != nil {
			return res, fmt.Errorf("event %d: %w", i+1, err)
		}
	}
	report, err := clients.wait()
	if err != nil {
		return res, err
	}
	var after runtime.MemStats
	runtime.ReadMemStats(&after)
	n := uint64(o.events)
	res.cpuServer = (cpuTime(syscall.RUSAGE_SELF) - cpu) / time.Duration(n)
	res.cpuClients = report.CPU / time.Duration(n)
	res.allocs, res.allocBytes = (after.Mallocs-before.Mallocs)/n, (after.TotalAlloc-before.TotalAlloc)/n
	res.arrived = report.Arrived
	return res, nil
}

// clientProcess is the process of the clients.
type clientProcess struct {
	cmd *exec.Cmd
	out *bufio.Reader
}

// startClients returns when all clients are connected.
func startClients(ctx context.Context, o options, url string) (*clientProcess, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	cmd := exec.CommandContext(ctx, self, "-read-from", url, "-clients", strconv.Itoa(o.clients),
		"-events", strconv.Itoa(o.events), "-warm-up", strconv.Itoa(o.warmUp), "-rate", strconv.FormatFloat(o.rate, 'g', -1, 64))
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the clients: %w", err)
	}
	c := &clientProcess{cmd: cmd, out: bufio.NewReader(out)}
	if line, err := c.out.ReadString('\n'); err != nil || line != readyLine {
		c.kill()
		return nil, fmt.Errorf("the clients did not connect: %q, %w", line, err)
	}
	return c, nil
}

// wait returns what the clients report once they have read everything.
func (c *clientProcess) wait() (report clientReport, err error) {
	if err := gob.NewDecoder(c.out).Decode(&report); err != nil {
		return report, fmt.Errorf("read the clients' report: %w", err)
	}
	if err := c.cmd.Wait(); err != nil {
		return report, fmt.Errorf("the clients: %w", err)
	}
	return report, nil
}

// kill ends the process where it has not ended by itself.
func (c *clientProcess) kill() {
	if c.cmd.ProcessState == nil {
		_ = c.cmd.Process.Kill()
		_ = c.cmd.Wait() // says that it was killed
	}
}

// cpuTime is what this process has consumed, user and system.
func cpuTime(who int) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(who, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
