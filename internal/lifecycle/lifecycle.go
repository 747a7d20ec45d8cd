// Package lifecycle starts the parts of a process in order and stops them in
// the reverse order. It knows nothing of what they do.
//
// A part that fails to start has everything before it stopped again, so that
// Start leaves either all running or nothing. Stop goes on past failures and
// returns all of them. A Group is used by one goroutine at a time, except that
// Stop may be called from another than Start; it takes effect once.
package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// Hook is one part of a process. Either function may be nil.
type Hook struct {
	Name  string
	Start func(ctx context.Context) error // returns once the part is running
	Stop  func(ctx context.Context) error // returns once the part has stopped, or when ctx ends
}

// Group is an ordered set of parts. The zero value is empty and ready.
type Group struct {
	mu      sync.Mutex
	hooks   []Hook
	started int
}

// Add appends a part. It is started after those that are there already and
// stopped before them.
func (g *Group) Add(h Hook) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.hooks = append(g.hooks, h)
}

// Start starts every part that is not running yet, in the order added.
func (g *Group) Start(ctx context.Context) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	for g.started < len(g.hooks) {
		h := g.hooks[g.started]
		if h.Start != nil {
			if err := h.Start(ctx); err != nil {
				// The caller's context may be what failed; stopping must still work.
				return errors.Join(fmt.Errorf("start %s: %w", h.Name, err), g.stop(context.WithoutCancel(ctx)))
			}
		}
		g.started++
	}
	return nil
}

// Stop stops every running part, last started first.
func (g *Group) Stop(ctx context.Context) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.stop(ctx)
}

func (g *Group) stop(ctx context.Context) error {
	var errs []error
	for g.started > 0 {
		g.started--
		h := g.hooks[g.started]
		if h.Stop == nil {
			continue
		}
		if err := h.Stop(ctx); err != nil {
			errs = append(errs, fmt.Errorf("stop %s: %w", h.Name, err))
		}
	}
	return errors.Join(errs...)
}

// Go turns a function that runs until its context ends into a Hook. Stop
// cancels that context and waits for the function to return; an error that it
// returned for another reason is reported by Stop.
func Go(name string, run func(ctx context.Context) error) Hook {
	var cancel context.CancelFunc
	done := make(chan error, 1)
	return Hook{
		Name: name,
		Start: func(ctx context.Context) error {
			// The start context bounds starting, not running.
			var running context.Context
			running, cancel = context.WithCancel(context.WithoutCancel(ctx))
			go func() { done <- run(running) }()
			return nil
		},
		Stop: func(ctx context.Context) error {
			cancel()
			select {
			case err := <-done:
				if errors.Is(err, context.Canceled) {
					return nil
				}
				return err
			case <-ctx.Done():
				return fmt.Errorf("did not stop in time: %w", ctx.Err())
			}
		},
	}
}
