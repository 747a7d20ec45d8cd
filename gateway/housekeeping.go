package gateway

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
)

const (
	housekeepingEvery = time.Minute
	pruneAtOnce       = 500 // deliveries, or rows of an incident, in one transaction, so that alerts never wait for long behind it
)

// housekeeping deletes deliveries that are done with and older than keep, and
// incidents that closed longer ago than keepIncidents; 0 keeps those for ever.
type housekeeping struct {
	store interface {
		Prune(ctx context.Context, before time.Time, limit int) (int, error)
		Forget(ctx context.Context, before time.Time, limit int) (forgotten int, more bool, err error)
	}
	keep          time.Duration
	keepIncidents time.Duration
	forgotten     prometheus.Counter
	log           *zap.Logger
	now           func() time.Time
}

func (h *housekeeping) run(ctx context.Context) error {
	tick := time.NewTicker(housekeepingEvery)
	defer tick.Stop()
	for {
		if err := h.prune(ctx); err != nil && ctx.Err() == nil {
			h.log.Warn("old deliveries could not be deleted; trying again", zap.Error(err))
		}
		if err := h.forget(ctx); err != nil && ctx.Err() == nil {
			h.log.Warn("old incidents could not be deleted; trying again", zap.Error(err))
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func (h *housekeeping) prune(ctx context.Context) error {
	before := h.now().Add(-h.keep)
	for {
		n, err := h.store.Prune(ctx, before, pruneAtOnce)
		if err != nil || n < pruneAtOnce {
			return err
		}
	}
}

func (h *housekeeping) forget(ctx context.Context) error {
	if h.keepIncidents == 0 {
		return nil
	}
	before, all := h.now().Add(-h.keepIncidents), 0
	for {
		n, more, err := h.store.Forget(ctx, before, pruneAtOnce)
		h.forgotten.Add(float64(n))
		if all += n; err != nil || !more {
			if all > 0 {
				h.log.Info("incidents were deleted, with their events", zap.Int("incidents", all), zap.Time("closed_before", before))
			}
			return err
		}
	}
}
