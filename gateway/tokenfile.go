package gateway

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"go.uber.org/zap"
)

// tokenFileEvery is how often a token file is looked at. A principal who was
// removed keeps access for at most that long.
const tokenFileEvery = 2 * time.Second

// tokenFile is a token file and what it last said. A version that cannot be
// read changes nothing: the last good one stays in force and the log says why.
type tokenFile struct {
	path     string
	log      *zap.Logger
	onChange func(names []string) // those whose access was changed or ended
	onReload func()               // there is another list of principals

	current atomic.Pointer[principals]
	raw     []byte // what current was read from, or the last that failed
}

func openTokenFile(path string, log *zap.Logger, onChange func([]string)) (*tokenFile, error) {
	f := &tokenFile{path: path, log: log, onChange: onChange}
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("gateway: read the token file (--token-file): %w", err)
	}
	p, err := parseTokens(raw)
	if err != nil {
		return nil, fmt.Errorf("gateway: token file %s: %w", path, err)
	}
	f.raw = raw
	f.current.Store(p)
	return f, nil
}

// watch rereads the file until ctx ends. It compares contents, which are few,
// because a replaced file may keep its time and size.
func (f *tokenFile) watch(ctx context.Context) error {
	tick := time.NewTicker(tokenFileEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			f.reload()
		}
	}
}

func (f *tokenFile) reload() {
	raw, err := os.ReadFile(f.path)
	if err != nil {
		// Also what a file looks like for a moment while it is replaced.
		f.log.Warn("the token file cannot be read; the last version stays in force", zap.Error(err))
		return
	}
	if bytes.Equal(raw, f.raw) {
		return
	}
	f.raw = raw
	next, err := parseTokens(raw)
	if err != nil {
		f.log.Error("the token file is wrong; the last version stays in force", zap.String("file", f.path), zap.Error(err))
		return
	}
	before := f.current.Swap(next)
	names := before.changed(next)
	f.log.Info("the token file was reloaded", zap.Int("principals", len(next.entries)), zap.Strings("changed", names))
	if len(names) > 0 {
		f.onChange(names)
	}
	if f.onReload != nil {
		f.onReload()
	}
}
