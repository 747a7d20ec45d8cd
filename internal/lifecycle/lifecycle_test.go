package lifecycle_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"vigil/internal/lifecycle"
)

// record makes a hook that writes down what happens to it.
func record(log *[]string, name string, startErr, stopErr error) lifecycle.Hook {
	return lifecycle.Hook{
		Name:  name,
		Start: func(context.Context) error { *log = append(*log, "+"+name); return startErr },
		Stop:  func(context.Context) error { *log = append(*log, "-"+name); return stopErr },
	}
}

func TestStopsInReverse(t *testing.T) {
	t.Parallel()
	var log []string
	var g lifecycle.Group
	g.Add(record(&log, "store", nil, nil))
	g.Add(lifecycle.Hook{Name: "nothing"})
	g.Add(record(&log, "server", nil, nil))
	if err := g.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second time there is nothing left to stop
		if err := g.Stop(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if want := []string{"+store", "+server", "-server", "-store"}; !slices.Equal(log, want) {
		t.Errorf("went %v, want %v", log, want)
	}
}

func TestFailedStartLeavesNothingRunning(t *testing.T) {
	t.Parallel()
	var log []string
	var g lifecycle.Group
	broken := errors.New("address taken")
	g.Add(record(&log, "store", nil, nil))
	g.Add(record(&log, "server", broken, nil))
	g.Add(record(&log, "never", nil, nil))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := g.Start(ctx)
	if !errors.Is(err, broken) || !strings.Contains(err.Error(), "start server") {
		t.Errorf("Start = %v", err)
	}
	if want := []string{"+store", "+server", "-store"}; !slices.Equal(log, want) {
		t.Errorf("went %v, want %v", log, want)
	}
}

func TestStopGoesOnPastFailures(t *testing.T) {
	t.Parallel()
	var log []string
	var g lifecycle.Group
	one, two := errors.New("one"), errors.New("two")
	g.Add(record(&log, "a", nil, one))
	g.Add(record(&log, "b", nil, two))
	if err := g.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := g.Stop(t.Context()); !errors.Is(err, one) || !errors.Is(err, two) {
		t.Errorf("Stop = %v, want both errors", err)
	}
}

func TestGo(t *testing.T) {
	t.Parallel()
	t.Run("ends with its context", func(t *testing.T) {
		t.Parallel()
		var g lifecycle.Group
		started := make(chan struct{})
		g.Add(lifecycle.Go("loop", func(ctx context.Context) error { close(started); <-ctx.Done(); return ctx.Err() }))
		ctx, cancel := context.WithCancel(t.Context())
		if err := g.Start(ctx); err != nil {
			t.Fatal(err)
		}
		<-started
		cancel() // must not end it
		if err := g.Stop(t.Context()); err != nil {
			t.Errorf("Stop = %v", err)
		}
	})
	t.Run("reports its own failure", func(t *testing.T) {
		t.Parallel()
		broken := errors.New("broken")
		var g lifecycle.Group
		g.Add(lifecycle.Go("loop", func(context.Context) error { return broken }))
		if err := g.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := g.Stop(t.Context()); !errors.Is(err, broken) {
			t.Errorf("Stop = %v, want %v", err, broken)
		}
	})
	t.Run("is not waited for without end", func(t *testing.T) {
		t.Parallel()
		release := make(chan struct{})
		defer close(release)
		h := lifecycle.Go("loop", func(context.Context) error { <-release; return nil })
		if err := h.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := h.Stop(ctx); err == nil || !strings.Contains(err.Error(), "did not stop in time") {
			t.Errorf("Stop = %v", err)
		}
	})
}
