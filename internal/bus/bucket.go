package bus

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// What gateways write and workers read before they change anything.
const (
	ControlsBucket   = "vigil-controls" // one key, ControlsKey
	ControlsKey      = "controls"
	PrincipalsBucket = "vigil-principals" // one key for each principal, Key of the name, with a PrincipalValue

	controlsHistory = 64 // changes of the controls that can be looked back on; the most that NATS keeps

	// presenceKey is where a reader makes the leader show that it still is one.
	// No Key is like it: a dot in a name is written otherwise.
	presenceKey = "_vigil.presence"

	operation = "KV-Operation" // header that makes a message a deletion
	deletion  = "DEL"
)

// PrincipalValue is what the principals bucket has of a principal.
type PrincipalValue struct {
	Role string `json:"role"`
}

// ErrMoved says that a key is not at the revision that a change was based on.
var ErrMoved = errors.New("it was changed meanwhile")

// Key makes a name one token of a bucket's key. It is Token with = for %, which
// keys may not hold.
func Key(name string) string { return strings.ReplaceAll(Token(name), "%", "=") }

// Entry is a key as it stands. Revision counts up with every change, and is 0
// for a key that was never written; Value is nil where there is none.
type Entry struct {
	Value    []byte
	Revision uint64
}

// Bucket is a key-value bucket in the layout of NATS, whose tools read it too.
// It is opened, and made where it does not exist, by the first call: nothing
// needs to be up when it is made. A Bucket is safe for concurrent use.
type Bucket struct {
	js     jetstream.JetStream
	config jetstream.StreamConfig
	prefix string // of keys, to make them subjects
	name   string

	mu     sync.Mutex
	kv     jetstream.KeyValue
	stream jetstream.Stream
}

// Controls is the bucket of what people set for everything at once.
func Controls(js jetstream.JetStream, replicas int) *Bucket {
	return newBucket(js, ControlsBucket, "what people set for all incidents: mode, dry run, kill switch", controlsHistory, replicas)
}

// Principals is the bucket of who may do what.
func Principals(js jetstream.JetStream, replicas int) *Bucket {
	return newBucket(js, PrincipalsBucket, "who may do what, as the gateways' token file says", 1, replicas)
}

// newBucket lays the bucket out as NATS does but for one thing: AllowDirect,
// which lets every replica answer reads from its own copy, is off. A replica
// that lags behind would say that nothing is stopped when it is.
func newBucket(js jetstream.JetStream, name, about string, history int64, replicas int) *Bucket {
	prefix := "$KV." + name + "."
	return &Bucket{js: js, name: name, prefix: prefix, config: jetstream.StreamConfig{
		Name: "KV_" + name, Description: about, Subjects: []string{prefix + ">"}, Storage: jetstream.FileStorage, Replicas: replicas,
		MaxMsgsPerSubject: history, MaxMsgs: -1, MaxBytes: -1, MaxMsgSize: -1, MaxConsumers: -1, Duplicates: 2 * time.Minute,
		Discard: jetstream.DiscardNew, AllowRollup: true, DenyDelete: true,
	}}
}

// Open opens the bucket now, for those who want to know at once whether it can be.
func (b *Bucket) Open(ctx context.Context) error {
	_, _, err := b.open(ctx)
	return err
}

func (b *Bucket) open(ctx context.Context) (jetstream.Stream, jetstream.KeyValue, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.stream != nil {
		return b.stream, b.kv, nil
	}
	s, err := ensure(ctx, b.js, b.config)
	if err != nil {
		return nil, nil, err
	}
	if c := s.CachedInfo().Config; c.AllowDirect { // made by another tool
		c.AllowDirect = false
		if s, err = b.js.UpdateStream(ctx, c); err != nil {
			return nil, nil, fmt.Errorf("bus: have reads of bucket %s go to its leader: %w", b.name, err)
		}
	}
	kv, err := b.js.KeyValue(ctx, b.name)
	if err != nil {
		return nil, nil, fmt.Errorf("bus: open bucket %s: %w", b.name, err)
	}
	b.stream, b.kv = s, kv
	return s, kv, nil
}

// forgetIfGone has the bucket made anew by the next call where NATS says that
// it has none, as one whose files were removed does.
func (b *Bucket) forgetIfGone(err error) {
	if errors.Is(err, jetstream.ErrStreamNotFound) || errors.Is(err, jetstream.ErrNoStreamResponse) {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.stream, b.kv = nil, nil
	}
}

// Get reads a key from the bucket's leader. That is enough to base a Put on,
// which fails where the key has moved.
func (b *Bucket) Get(ctx context.Context, key string) (Entry, error) {
	s, _, err := b.open(ctx)
	if err != nil {
		return Entry{}, err
	}
	m, err := s.GetLastMsgForSubject(ctx, b.prefix+key)
	b.forgetIfGone(err)
	switch {
	case errors.Is(err, jetstream.ErrMsgNotFound):
		return Entry{}, nil
	case err != nil:
		return Entry{}, fmt.Errorf("bus: read %s of bucket %s: %w", key, b.name, err)
	case m.Header.Get(operation) != "":
		return Entry{Revision: m.Sequence}, nil
	}
	return Entry{Value: m.Data, Revision: m.Sequence}, nil
}

// Read reads a key so that no stale copy can answer. Get alone does not give
// that: a leader that is cut off from the others takes itself for the leader
// for some 10 s more, and answers. So the bucket is written to first, which a
// majority must confirm: on the wrong side of a split Read fails, and does not
// say what is no longer so.
func (b *Bucket) Read(ctx context.Context, key string) (Entry, error) {
	if _, _, err := b.open(ctx); err != nil {
		return Entry{}, err
	}
	_, err := b.js.PublishMsg(ctx, &nats.Msg{Subject: b.prefix + presenceKey}, jetstream.WithExpectStream(b.config.Name))
	if b.forgetIfGone(err); err != nil {
		return Entry{}, fmt.Errorf("bus: have a majority confirm the leader of bucket %s: %w", b.name, err)
	}
	return b.Get(ctx, key)
}

// Put changes a key that is at revision, and is ErrMoved where it is not. After
// any other error nobody knows whether it was changed.
func (b *Bucket) Put(ctx context.Context, key string, value []byte, revision uint64) (uint64, error) {
	return b.write(ctx, &nats.Msg{Subject: b.prefix + key, Data: value}, key, revision)
}

// Delete takes a key away that is at revision, as Put changes one.
func (b *Bucket) Delete(ctx context.Context, key string, revision uint64) error {
	_, err := b.write(ctx, &nats.Msg{Subject: b.prefix + key, Header: nats.Header{operation: {deletion}}}, key, revision)
	return err
}

func (b *Bucket) write(ctx context.Context, m *nats.Msg, key string, revision uint64) (uint64, error) {
	if _, _, err := b.open(ctx); err != nil {
		return 0, err
	}
	ack, err := b.js.PublishMsg(ctx, m, jetstream.WithExpectLastSequencePerSubject(revision), jetstream.WithExpectStream(b.config.Name))
	b.forgetIfGone(err)
	var api *jetstream.APIError
	switch {
	case errors.As(err, &api) && (api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence ||
		api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequenceConstant): // another change of the key is under way in a cluster
		return 0, ErrMoved
	case err != nil:
		return 0, fmt.Errorf("bus: write %s of bucket %s: %w", key, b.name, err)
	}
	return ack.Sequence, nil
}

// Keys lists the keys that were ever written, among them those that were
// deleted since: Get tells.
func (b *Bucket) Keys(ctx context.Context) ([]string, error) {
	s, _, err := b.open(ctx)
	if err != nil {
		return nil, err
	}
	info, err := s.Info(ctx, jetstream.WithSubjectFilter(b.prefix+">"))
	if b.forgetIfGone(err); err != nil {
		return nil, fmt.Errorf("bus: list the keys of bucket %s: %w", b.name, err)
	}
	var keys []string
	for subject := range info.State.Subjects {
		if key := strings.TrimPrefix(subject, b.prefix); key != presenceKey {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys, nil
}

// Watch calls fn with the key as it stands and then after every change, in
// order, until ctx ends or it fails. What a replica that lags behind says comes
// late, and is made good.
func (b *Bucket) Watch(ctx context.Context, key string, fn func(Entry)) error {
	_, kv, err := b.open(ctx)
	if err != nil {
		return err
	}
	w, err := kv.Watch(ctx, key)
	if b.forgetIfGone(err); err != nil {
		return fmt.Errorf("bus: watch %s of bucket %s: %w", key, b.name, err)
	}
	defer stopSoon(w)
	seen := false
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case e, ok := <-w.Updates():
			switch {
			case !ok:
				return fmt.Errorf("bus: watch %s of bucket %s: the watcher ended", key, b.name)
			case e == nil: // all there was has come
				if !seen {
					fn(Entry{})
				}
			case e.Operation() != jetstream.KeyValuePut:
				fn(Entry{Revision: e.Revision()})
			default:
				fn(Entry{Value: e.Value(), Revision: e.Revision()})
			}
			seen = true
		}
	}
}

// stopWait is how long the end of a watch waits for NATS.
const stopWait = 250 * time.Millisecond

// stopSoon ends a watcher. Where NATS cannot be reached that takes the client
// 5 s, for which nobody waits: NATS drops what is not followed, and the watcher
// ends with its connection.
func stopSoon(w jetstream.KeyWatcher) {
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		_ = w.Stop()
	}()
	select {
	case <-stopped:
	case <-time.After(stopWait):
	}
}
