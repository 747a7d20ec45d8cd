package gateway

import (
	"context"
	"fmt"
	"sync/atomic"
	"syscall"
	"time"

	"go.uber.org/zap"

	"vigil/gateway/store"
	"vigil/workflows/incident"
)

// admissionEvery is how often the backlog and the disk are looked at. Between
// two looks a full-speed sender writes some tens of megabytes, which
// Config.MinFreeDisk leaves room for.
const admissionEvery = time.Second

// admission keeps alerts out while there is no room for them: it answers from
// what it saw at its last look, so that asking costs nothing. Refusing early,
// with 503, keeps the store able to finish what it has taken.
type admission struct {
	counts     func(context.Context) (store.InboxCounts, error)
	free       func() (uint64, error) // bytes left on the store's disk
	maxBacklog int64
	minFree    uint64
	log        *zap.Logger

	refusal atomic.Pointer[string] // why nothing is taken; nil: alerts are taken
}

// admit returns an error of kind unavailable while alerts are not taken.
func (a *admission) admit() error {
	if why := a.refusal.Load(); why != nil {
		return incident.Errorf(incident.KindUnavailable, "%s; send it again later", *why)
	}
	return nil
}

func (a *admission) run(ctx context.Context) error {
	tick := time.NewTicker(admissionEvery)
	defer tick.Stop()
	for {
		a.look(ctx)
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// look decides anew. Where the store cannot be asked, storing will say so itself.
func (a *admission) look(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, checkWait)
	defer cancel()
	why := ""
	if c, err := a.counts(ctx); err == nil && c.Received+c.Pending >= a.maxBacklog {
		why = fmt.Sprintf("%d deliveries wait for Temporal already (--max-backlog)", c.Received+c.Pending)
	}
	if left, err := a.free(); err == nil && left < a.minFree {
		why = fmt.Sprintf("the disk of the store has %d MiB left (--min-free-disk)", left>>20)
	}
	before := a.refusal.Load()
	switch {
	case why == "" && before != nil:
		a.log.Info("alerts are taken again")
	case why != "" && before == nil:
		a.log.Error("alerts are refused with 503 until there is room", zap.String("reason", why))
	}
	if why == "" {
		a.refusal.Store(nil)
	} else {
		a.refusal.Store(&why)
	}
}

// freeDisk measures what is left where dir is.
func freeDisk(dir string) func() (uint64, error) {
	return func() (uint64, error) {
		var fs syscall.Statfs_t
		if err := syscall.Statfs(dir, &fs); err != nil {
			return 0, fmt.Errorf("measure the disk of %s: %w", dir, err)
		}
		return uint64(fs.Bavail) * uint64(fs.Bsize), nil
	}
}
