package gateway

import (
	"context"
	"time"

	"go.uber.org/zap"
)

const (
	housekeepingEvery = time.Minute
	pruneAtOnce       = 500 // deliveries in one transaction, so that alerts never wait for long behind it
)

// housekeeping deletes deliveries that are done with and older than keep.
type housekeeping struct {
	store interface {
		Prune(ctx context.Context, before time.Time, limit int) (int, error)
	}
	keep time.Duration
	log  *zap.Logger
	now  func() time.Time
}

func (h *housekeeping) run(ctx context.Context) error {
	tick := time.NewTicker(housekeepingEvery)
	defer tick.Stop()
	for {
		if err := h.pass(ctx); err != nil && ctx.Err() == nil {
			h.log.Warn("old deliveries could not be deleted; trying again", zap.Error(err))
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func (h *housekeeping) pass(ctx context.Context) error {
	before := h.now().Add(-h.keep)
	for {
		n, err := h.store.Prune(ctx, before, pruneAtOnce)
		if err != nil || n < pruneAtOnce {
			return err
		}
	}
}
