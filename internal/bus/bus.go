// Package bus is the NATS JetStream plumbing that worker and gateway share:
// connecting, the streams' names and configuration, the epoch, and the buckets
// of what is set at the gateway and read by workers. It knows subjects, keys
// and bytes, no incident.
//
// Two streams: Events keeps everything that happened, in order, and System
// keeps the latest value per subject. A stream's epoch is a random id in its
// metadata, written when the stream is made; it changes when the stream is
// made anew, and with it every cursor into the old one becomes void.
package bus

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	EventStream  = "INCIDENTS"
	EventSubject = "inc.evt." // + incident id
	EventFilter  = EventSubject + ">"

	SystemStream  = "SYSTEM"
	SystemSubject = "vigil.sys." // + event type, dots as dashes
	SystemFilter  = SystemSubject + ">"

	// DeltaSubject is where models are heard while they speak: core NATS, kept
	// by nobody. It is followed by the incident id.
	DeltaSubject = "vigil.tok."
	DeltaFilter  = DeltaSubject + ">"

	epochKey = "vigil-epoch"

	// maxAge is how long the event stream keeps messages for replicas that
	// were away; the permanent copy is the gateway's store.
	maxAge = 72 * time.Hour
	// maxSystemAge is how long the latest value of a source that has gone, such
	// as a worker, is still there. Who shows it decides how long it counts.
	maxSystemAge = time.Hour
	// dedupWindow is how long a message id is remembered. A publisher that
	// retries later than that may publish twice; readers drop it by its seq.
	dedupWindow = 10 * time.Minute
)

// Subject is where the events of an incident go. Readers take the id from the
// event, not from the subject.
func Subject(incidentID string) string { return EventSubject + Token(incidentID) }

// Deltas is where what models say about an incident goes as they say it.
func Deltas(incidentID string) string { return DeltaSubject + Token(incidentID) }

// System is where the latest value of a system event goes, of one of several
// sources where it has more than one: each has a latest value of its own.
func System(eventType, source string) string {
	subject := SystemSubject + strings.ReplaceAll(eventType, ".", "-")
	if source != "" {
		subject += "." + Token(source)
	}
	return subject
}

// Token makes an id one token of a subject. Ids that people choose may hold
// what NATS gives a meaning to (dots, spaces, wildcards); those bytes are
// written as %XX.
func Token(id string) string {
	var b strings.Builder
	for i := range len(id) {
		switch c := id[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '_':
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

// Streams is a handle on both streams.
type Streams struct {
	JS     jetstream.JetStream
	Events jetstream.Stream
	System jetstream.Stream
	Epoch  string
}

// Open makes the streams where they do not exist and reads the epoch. Several
// processes may open at once: the first one's epoch stands.
func Open(ctx context.Context, nc *nats.Conn, replicas int) (*Streams, error) {
	js, err := jetstream.New(nc)
	if err != nil {
		return nil, fmt.Errorf("bus: open JetStream: %w", err)
	}
	events, err := ensure(ctx, js, jetstream.StreamConfig{
		Name: EventStream, Subjects: []string{EventFilter}, Storage: jetstream.FileStorage, Replicas: replicas,
		MaxAge: maxAge, Duplicates: dedupWindow, AllowDirect: true,
		Metadata: map[string]string{epochKey: uuid.NewString()},
	})
	if err != nil {
		return nil, err
	}
	system, err := ensure(ctx, js, jetstream.StreamConfig{
		Name: SystemStream, Subjects: []string{SystemFilter}, Storage: jetstream.MemoryStorage, Replicas: replicas,
		MaxMsgsPerSubject: 1, MaxAge: maxSystemAge, AllowDirect: true,
	})
	if err != nil {
		return nil, err
	}
	epoch := events.CachedInfo().Config.Metadata[epochKey]
	if epoch == "" {
		return nil, fmt.Errorf("bus: stream %s has no %q in its metadata: it was not made by Vigil; remove it, or set the key to a random id", EventStream, epochKey)
	}
	return &Streams{JS: js, Events: events, System: system, Epoch: epoch}, nil
}

func ensure(ctx context.Context, js jetstream.JetStream, want jetstream.StreamConfig) (jetstream.Stream, error) {
	s, err := js.Stream(ctx, want.Name)
	if err == nil {
		return s, nil
	}
	if !errors.Is(err, jetstream.ErrStreamNotFound) {
		return nil, fmt.Errorf("bus: look up stream %s: %w", want.Name, err)
	}
	s, err = js.CreateStream(ctx, want)
	if errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) {
		s, err = js.Stream(ctx, want.Name) // another process was first
	}
	if err != nil {
		return nil, fmt.Errorf("bus: create stream %s: %w", want.Name, err)
	}
	return s, nil
}

// Connect dials url and keeps reconnecting for ever once it was connected.
func Connect(url, name string, opts ...nats.Option) (*nats.Conn, error) {
	nc, err := nats.Connect(url, append([]nats.Option{
		nats.Name(name), nats.MaxReconnects(-1), nats.ReconnectWait(500 * time.Millisecond),
	}, opts...)...)
	if err != nil {
		return nil, fmt.Errorf("bus: connect to NATS at %s: %w; is it running, and is the address right?", url, err)
	}
	return nc, nil
}

// Renew gives the event stream a new epoch, for a stream that is no longer
// the one that its epoch stood for. Where two processes do so at once, the
// later one's epoch stands.
func (s *Streams) Renew(ctx context.Context) error {
	info, err := s.Events.Info(ctx)
	if err != nil {
		return fmt.Errorf("bus: look up stream %s: %w", EventStream, err)
	}
	config := info.Config
	if config.Metadata == nil {
		config.Metadata = map[string]string{}
	}
	config.Metadata[epochKey] = uuid.NewString()
	if s.Events, err = s.JS.UpdateStream(ctx, config); err != nil {
		return fmt.Errorf("bus: give stream %s a new epoch: %w", EventStream, err)
	}
	s.Epoch = config.Metadata[epochKey]
	return nil
}
