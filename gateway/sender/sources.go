package sender

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"go.uber.org/zap"
)

// reloadEvery is how often a sources file, and what it names, is looked at. A
// secret that was removed stays good for at most that long.
const reloadEvery = 2 * time.Second

// Options are what sources are read with.
type Options struct {
	Log *zap.Logger // default: none

	// RoutingKey finds the credential in the body of an event for PagerDuty,
	// "" where there is none. It is needed for sources with a routing_key.
	RoutingKey func(body []byte) string

	// Fetched is told the outcome of every request for a certificate.
	Fetched func(outcome string)

	Now func() time.Time // default time.Now
}

func (o Options) withDefaults() Options {
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	if o.Fetched == nil {
		o.Fetched = func(string) {}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

// Source is an alert source that a sources file lists.
type Source struct {
	Name   string
	Format string   // how its payloads are read
	Auth   Verifier // nil: as whoever has no means of their own
}

// Sources is a sources file and what it last said. A version that cannot be
// read changes nothing: the last good one stays in force and the log says why.
// A nil Sources lists none.
type Sources struct {
	path string
	opt  Options

	current atomic.Pointer[sources]
	tried   taken // what current was read from, or the last that failed
}

// sources is what a sources file says. It never changes; a new file makes a
// new one.
type sources struct{ byName map[string]Source }

// taken is what a sources file was read from: its own bytes, and those of the
// files that it names, nil where there is no such file.
type taken struct {
	raw   []byte
	files []string
	bytes [][]byte
}

// take reads a file and remembers what it had.
func (t *taken) take(path string) ([]byte, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		raw = nil
	}
	t.files, t.bytes = append(t.files, path), append(t.bytes, raw)
	return raw, err
}

// stands reports whether everything still is as it was taken.
func (t taken) stands(raw []byte) bool {
	if !bytes.Equal(raw, t.raw) {
		return false
	}
	var now taken
	for i, path := range t.files {
		one, err := now.take(path)
		if (err != nil) != (t.bytes[i] == nil) || !bytes.Equal(one, t.bytes[i]) {
			return false
		}
	}
	return true
}

// Open reads a sources file.
func Open(path string, o Options) (*Sources, error) {
	s := &Sources{path: path, opt: o.withDefaults()}
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the sources file (--sources-file): %w", err)
	}
	var parsed *sources
	parsed, s.tried, err = parse(raw, path, s.opt)
	if err != nil {
		return nil, fmt.Errorf("sources file %s: %w", path, err)
	}
	s.current.Store(parsed)
	return s, nil
}

// Find returns the source of that name, and whether it is listed.
func (s *Sources) Find(name string) (Source, bool) {
	if s == nil {
		return Source{}, false
	}
	one, ok := s.current.Load().byName[name]
	return one, ok
}

// Formats says of every listed source how its payloads are read: the name of a
// format by the name of the source.
func (s *Sources) Formats() map[string]string {
	out := map[string]string{}
	if s != nil {
		for name, one := range s.current.Load().byName {
			out[name] = one.Format
		}
	}
	return out
}

// Watch rereads the file, and those that it names, until ctx ends. It compares
// contents, which are few, because a replaced file may keep its time and size.
func (s *Sources) Watch(ctx context.Context) error {
	tick := time.NewTicker(reloadEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			s.reload()
		}
	}
}

func (s *Sources) reload() {
	raw, err := os.ReadFile(s.path)
	if err != nil {
		// Also what a file looks like for a moment while it is replaced.
		s.opt.Log.Warn("the sources file cannot be read; the last version stays in force", zap.Error(err))
		return
	}
	if s.tried.stands(raw) {
		return
	}
	var next *sources
	next, s.tried, err = parse(raw, s.path, s.opt)
	if err != nil {
		s.opt.Log.Error("the sources file is wrong; the last version stays in force", zap.String("file", s.path), zap.Error(err))
		return
	}
	s.current.Store(next)
	s.opt.Log.Info("the sources file was reloaded", zap.Int("sources", len(next.byName)))
}

// readSecret reads a secret that a sources file names. The line end that
// editors put at the end is not part of it.
func readSecret(path string, t *taken) ([]byte, error) {
	raw, err := t.take(path)
	if err != nil {
		return nil, err
	}
	secret := bytes.TrimRight(raw, "\r\n")
	switch {
	case len(secret) < minSecret:
		return nil, fmt.Errorf("%s has a secret of %d bytes; use %d or more, such as gateway secret makes", path, len(secret), minSecret)
	case len(secret) > maxSecret:
		return nil, fmt.Errorf("%s has %d bytes; a secret has at most %d", path, len(secret), maxSecret)
	case bytes.ContainsAny(secret, "\r\n"):
		return nil, errors.New(path + " has several lines; a file has one secret")
	}
	return secret, nil
}
