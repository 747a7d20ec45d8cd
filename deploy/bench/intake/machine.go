package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"
)

const probeEvery = 100 * time.Millisecond

// Machine is how the machine itself fared during a load, with whatever else
// runs on it: latencies cannot be better than that.
type Machine struct {
	LateP99MS float64 `json:"late_p99_ms"` // of a timer in this process: waiting for a processor
	LateMaxMS float64 `json:"late_max_ms"`
	SyncP99MS float64 `json:"sync_p99_ms"` // of 4 KB appended to a bare file on the same disk
	SyncMaxMS float64 `json:"sync_max_ms"`
}

// posting puts the load on addr and watches the machine meanwhile.
func posting(ctx context.Context, l *load, addr, token, dir string, conns int) (a answers, m Machine, err error) {
	probing, done := context.WithCancel(ctx)
	probed := make(chan error, 1)
	go func() { probed <- m.probe(probing, filepath.Join(dir, "probe")) }()
	a, err = post(ctx, l, addr, token, conns)
	done()
	err = errors.Join(err, <-probed) // m is whole from here on
	return a, m, err
}

// probe measures until ctx ends.
func (m *Machine) probe(ctx context.Context, file string) (err error) {
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	var late, sync times
	block := make([]byte, 4<<10)
	for {
		due := time.Now().Add(probeEvery)
		select {
		case <-ctx.Done():
			slices.Sort(late)
			slices.Sort(sync)
			*m = Machine{ms(late.at(.99)), ms(late.at(1)), ms(sync.at(.99)), ms(sync.at(1))}
			return nil
		case <-time.After(probeEvery):
		}
		late = append(late, time.Since(due))
		began := time.Now()
		if _, err := f.Write(block); err != nil {
			return err
		}
		if err := f.Sync(); err != nil {
			return fmt.Errorf("sync: %w", err)
		}
		sync = append(sync, time.Since(began))
	}
}
