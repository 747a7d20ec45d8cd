package notify

import (
	"context"
	"sync"
	"time"

	"vigil/workflows/incident"
)

// remembered is how many notifications a router knows of. An incident has a
// few dozen; what is forgotten is said to the channel with its key all the same.
const remembered = 20_000

// told is what a router knows of one notification to one channel.
type told struct {
	busy     chan struct{} // closed when the attempt that is running ends; nil: none is
	at       time.Time     // when it was told; zero: it was not
	delivery incident.Delivery
	tries    int  // attempts that ended
	doubt    bool // one of them may have arrived
}

// memory is what was told, the oldest forgotten first.
type memory struct {
	mu    sync.Mutex
	known map[string]*told
	order []string // oldest first; a ring once it is full
	next  int
}

func newMemory() *memory { return &memory{known: map[string]*told{}} }

// enter begins an attempt, once no other attempt at the same key runs. done is
// set where it was told before; otherwise the attempt must be left.
func (m *memory) enter(ctx context.Context, key string) (t *told, done bool, err error) {
	for {
		m.mu.Lock()
		t = m.known[key]
		if t == nil {
			t = &told{}
			m.known[key] = t
			m.remember(key)
		}
		if !t.at.IsZero() {
			m.mu.Unlock()
			return t, true, nil
		}
		if t.busy == nil {
			t.busy = make(chan struct{})
			m.mu.Unlock()
			return t, false, nil
		}
		busy := t.busy
		m.mu.Unlock()
		select {
		case <-busy:
		case <-ctx.Done():
			return nil, false, ctx.Err()
		}
	}
}

// remember makes room for key. The caller holds the lock.
func (m *memory) remember(key string) {
	if len(m.order) < remembered {
		m.order = append(m.order, key)
		return
	}
	delete(m.known, m.order[m.next])
	m.order[m.next] = key
	m.next = (m.next + 1) % remembered
}

// leave ends an attempt.
func (m *memory) leave(t *told, d incident.Delivery, sent, doubt bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	t.tries++
	t.doubt = t.doubt || doubt
	if sent {
		t.at, t.delivery = time.Now(), d
	}
	close(t.busy)
	t.busy = nil
}
