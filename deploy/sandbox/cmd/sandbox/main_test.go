package main

import (
	"context"
	"testing"
)

func TestRun(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // it is to stop as soon as it is up
	t.Setenv("VIGIL_SANDBOX_TICK", "1s")
	if err := run(ctx, []string{"--listen", "127.0.0.1:0", "--log-level", "error"}); err != nil {
		t.Error(err)
	}
	for name, args := range map[string][]string{
		"flag": {"--no-such-flag"}, "level": {"--log-level", "loud"}, "tick": {"--tick", "2h"}, "gateway": {"--gateway", "nowhere"},
	} {
		if err := run(t.Context(), append(args, "--listen", "127.0.0.1:0")); err == nil {
			t.Errorf("%s: %v was accepted", name, args)
		}
	}
}
