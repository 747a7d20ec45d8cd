package gateway

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"

	"vigil/internal/bus"
	"vigil/workflows/event"
	"vigil/workflows/incident"
)

const (
	// directoryWait bounds bringing the whole bucket up to date.
	directoryWait = 30 * time.Second
	// directoryEvery is how often it is looked whether the bucket still has
	// everybody: NATS may have lost its files.
	directoryEvery = 30 * time.Second
	// directoryTries is how often one entry is tried that others change meanwhile.
	directoryTries = 5
)

// directory keeps the bucket of principals, by which workers know whether an
// approver still is one, as this gateway's token file says. It writes at the
// start and when the file was reread, and only what differs: gateways with the
// same file do not fight, and one whose file is old undoes nothing, because it
// writes nothing until that changes. Where it cannot write it tries until it
// can; workers go by what was there before, and health says so.
type directory struct {
	bucket    Bucket
	everybody func() map[string]incident.Role
	log       *zap.Logger
	wake      chan struct{}

	mu   sync.Mutex
	done bool  // what the file says is in the bucket
	err  error // why not
}

func newDirectory(b Bucket, everybody func() map[string]incident.Role, log *zap.Logger) *directory {
	return &directory{bucket: b, everybody: everybody, log: log, wake: make(chan struct{}, 1)}
}

// changed has the bucket brought up to date.
func (d *directory) changed() {
	d.report(false, nil)
	select {
	case d.wake <- struct{}{}:
	default: // it will be already
	}
}

func (d *directory) report(done bool, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.done, d.err = done, err
}

// check says how the bucket is, for health.
func (d *directory) check() event.ComponentHealth {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.err != nil:
		return event.ComponentHealth{Name: componentPrincipals, State: stateDown,
			Detail: "who may do what cannot be written where workers read it; they go by what was there before: " + d.err.Error()}
	case !d.done:
		return event.ComponentHealth{Name: componentPrincipals, State: stateDegraded, Detail: "who may do what is being written"}
	}
	return event.ComponentHealth{Name: componentPrincipals, State: stateHealthy}
}

// run keeps the bucket up to date until ctx ends.
func (d *directory) run(ctx context.Context) error {
	whole, pause := true, watchAgain
	for {
		wait := directoryEvery
		err := d.sync(ctx, whole)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			d.log.Warn("who may do what could not be written; trying again", zap.Error(err), zap.Duration("pause", pause))
			d.report(false, err)
			wait, pause = pause, min(2*pause, watchAgainMax)
		default:
			d.report(len(d.wake) == 0, nil)
			whole, pause = false, watchAgain
		}
		select {
		case <-time.After(wait):
		case <-d.wake:
			whole = true
		case <-ctx.Done():
			return nil
		}
	}
}

// sync writes what differs. Where it is not to do the whole of it, it writes
// only what the bucket never had: an entry that was deleted there was deleted
// by a gateway that knows better.
func (d *directory) sync(ctx context.Context, whole bool) error {
	ctx, cancel := context.WithTimeout(ctx, directoryWait)
	defer cancel()
	have, err := d.bucket.Keys(ctx)
	if err != nil {
		return err
	}
	want, wrote := map[string]*bus.PrincipalValue{}, 0
	for name, role := range d.everybody() {
		want[bus.Key(name)] = &bus.PrincipalValue{Role: string(role)}
	}
	keys := slices.Sorted(maps.Keys(want))
	if whole {
		keys = append(keys, have...) // those that are gone last
		slices.Sort(keys)
		keys = slices.Compact(keys)
	}
	for _, key := range keys {
		if !whole && slices.Contains(have, key) {
			continue
		}
		changed, err := d.put(ctx, key, want[key])
		if err != nil {
			return err
		}
		if changed {
			wrote++
		}
	}
	if wrote > 0 {
		d.log.Info("who may do what was written for the workers", zap.Int("principals", len(want)), zap.Int("changed", wrote))
	}
	return nil
}

// put makes one entry what it should be; nil: not there.
func (d *directory) put(ctx context.Context, key string, want *bus.PrincipalValue) (changed bool, err error) {
	var value []byte
	if want != nil {
		if value, err = json.Marshal(want); err != nil {
			return false, fmt.Errorf("encode a principal: %w", err)
		}
	}
	for range directoryTries {
		e, err := d.bucket.Get(ctx, key)
		if err != nil {
			return false, err
		}
		if (e.Value == nil) == (value == nil) && bytes.Equal(e.Value, value) {
			return false, nil
		}
		if value == nil {
			err = d.bucket.Delete(ctx, key, e.Revision)
		} else {
			_, err = d.bucket.Put(ctx, key, value, e.Revision)
		}
		if !errors.Is(err, bus.ErrMoved) {
			return err == nil, err
		}
	}
	return false, fmt.Errorf("the entry %s of bucket %s was changed by others %d times in a row; do the gateways have the same token file?", key, bus.PrincipalsBucket, directoryTries)
}
