package gateway

import (
	"context"
	"errors"
	"strings"
	"testing"

	"go.uber.org/zap"

	"vigil/gateway/store"
	"vigil/workflows/incident"
)

func TestAdmission(t *testing.T) {
	var counts store.InboxCounts
	var countErr, diskErr error
	left := uint64(10 << 30)
	a := &admission{maxBacklog: 100, minFree: 1 << 30, log: zap.NewNop(),
		counts: func(context.Context) (store.InboxCounts, error) { return counts, countErr },
		free:   func() (uint64, error) { return left, diskErr }}
	for _, c := range []struct {
		name   string
		change func()
		words  string // of the refusal; "" admits
	}{
		{"idle", func() {}, ""},
		{"a backlog that is in order", func() { counts.Received, counts.Pending = 40, 59 }, ""},
		{"a backlog too long", func() { counts.Pending = 60 }, "100 deliveries wait"},
		{"worked off", func() { counts.Pending = 0 }, ""},
		{"disk nearly full", func() { left = 1<<30 - 1 }, "1023 MiB left"},
		{"disk cannot be measured", func() { diskErr = errors.New("gone") }, ""},
		{"store cannot be asked", func() { counts.Pending, countErr = 1000, errors.New("locked") }, ""},
	} {
		c.change()
		a.look(t.Context())
		err := a.admit()
		if (err == nil) != (c.words == "") || err != nil && (incident.KindOf(err) != incident.KindUnavailable || !strings.Contains(err.Error(), c.words)) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	if n, err := freeDisk(t.TempDir())(); err != nil || n == 0 {
		t.Errorf("a directory has %d bytes left, %v", n, err)
	}
	if _, err := freeDisk("/no/such/directory")(); err == nil {
		t.Error("a directory that is not there has room")
	}
}
