package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"time"
)

// times is a sorted sample.
type times []time.Duration

func sorted(d []time.Duration) times {
	s := slices.Clone(d)
	slices.Sort(s)
	return s
}

// at is the value below or at which share q of the sample lies.
func (t times) at(q float64) time.Duration {
	if len(t) == 0 {
		return 0
	}
	return t[min(int(q*float64(len(t))), len(t)-1)]
}

func (t times) row(name string) {
	fmt.Printf("  %-52s %9s %9s %9s\n", name, ms(t.at(.5)), ms(t.at(.99)), ms(t.at(1)))
}

func ms(d time.Duration) string { return fmt.Sprintf("%.2f ms", float64(d.Microseconds())/1000) }

// read is hand-over until read, of every client and measured event.
func (r result) read() times {
	var all []time.Duration
	for _, client := range r.arrived {
		for i := r.warmUp; i < len(client); i++ {
			all = append(all, time.Duration(client[i]-r.handed[i].UnixNano()))
		}
	}
	return sorted(all)
}

// byEvent is, for each measured event, when the first or the last client had it.
func (r result) byEvent(pick func(...int64) int64) times {
	var all []time.Duration
	for i := r.warmUp; i < len(r.handed); i++ {
		at := r.arrived[0][i]
		for _, client := range r.arrived {
			at = pick(at, client[i])
		}
		all = append(all, time.Duration(at-r.handed[i].UnixNano()))
	}
	return sorted(all)
}

func first(v ...int64) int64 { return slices.Min(v) }
func last(v ...int64) int64  { return slices.Max(v) }

func printTable(whole, bare result) {
	fmt.Printf("\n  %-52s %9s %9s %9s\n", "since hand-over to the publisher", "median", "p99", "max")
	sorted(whole.acked[whole.warmUp:]).row("acknowledged by the stream, on disk")
	sorted(whole.reached[whole.warmUp:]).row("applied by the store, on disk, and given to the hub")
	whole.byEvent(first).row("read by the first client")
	whole.byEvent(last).row("read by the last client")
	whole.read().row("READ BY A CLIENT")
	fmt.Printf("\n  %-52s\n", "since the start of a bare loop over the same sockets")
	bare.byEvent(last).row("read by the last client")
	bare.read().row("read by a client")

	fmt.Printf("\n  %-52s %9s %9s\n", "per event", "whole", "bare")
	fmt.Printf("  %-52s %9s %9s\n", "processor time of the server", ms(whole.cpuServer), ms(bare.cpuServer))
	fmt.Printf("  %-52s %9s %9s\n", "processor time of the clients", ms(whole.cpuClients), ms(bare.cpuClients))
	fmt.Printf("  %-52s %9d %9d\n", "allocations of the server", whole.allocs, bare.allocs)
	fmt.Printf("  %-52s %8dK %8dK\n", "bytes allocated by the server", whole.allocBytes>>10, bare.allocBytes>>10)
	fmt.Printf("  %-52s %8dB\n", "size of the frame", len(whole.frame))
}

// printMachine says what else bears on the figures.
func printMachine(disk times) {
	fmt.Printf("%d processors; sync of 4 KB to disk: median %s, p99 %s", runtime.NumCPU(), ms(disk.at(.5)), ms(disk.at(.99)))
	if load, err := os.ReadFile("/proc/loadavg"); err == nil {
		if f := bytes.Fields(load); len(f) > 0 {
			fmt.Printf("; load before the start %s", f[0])
		}
	}
	fmt.Println()
}

// syncTimes measures the disk that stream and store wait for.
func syncTimes(dir string, n int) (times, error) {
	f, err := os.Create(filepath.Join(dir, "sync"))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var all []time.Duration
	block := make([]byte, 4<<10)
	for range n {
		began := time.Now()
		if _, err := f.Write(block); err != nil {
			return nil, err
		}
		if err := f.Sync(); err != nil {
			return nil, fmt.Errorf("sync: %w", err)
		}
		all = append(all, time.Since(began))
	}
	return sorted(all), nil
}
