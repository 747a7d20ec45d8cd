package hub

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/gorilla/websocket"

	"vigil/workflows/event"
)

// parseHello reads the first frame of a client. On an error, code is the close
// code that says what is wrong.
func parseHello(kind int, body []byte) (hello *event.Hello, code int, err error) {
	hello = new(event.Hello)
	if kind != websocket.TextMessage {
		return nil, event.CloseBadHello, fmt.Errorf("the first frame must be a hello, as text")
	}
	if err := json.Unmarshal(body, hello); err != nil {
		return nil, event.CloseBadHello, fmt.Errorf("the first frame must be a hello: %w", err)
	}
	if hello.Type != event.FrameHello {
		return nil, event.CloseBadHello, fmt.Errorf("the first frame must be a hello, not %.40q", hello.Type)
	}
	if hello.Protocol != event.Protocol {
		return nil, event.CloseProtocol, fmt.Errorf("protocol %d is not spoken here; this gateway speaks %d", hello.Protocol, event.Protocol)
	}
	if len(hello.Topics) == 0 {
		return nil, event.CloseBadHello, fmt.Errorf("the hello names no topic; there is %q", event.TopicIncidents)
	}
	for _, t := range hello.Topics {
		if t != event.TopicIncidents {
			return nil, event.CloseBadHello, fmt.Errorf("there is no topic %.40q; there is %q", t, event.TopicIncidents)
		}
	}
	return hello, 0, nil
}

// bucket limits client frames: n in a burst, n per second on. It belongs to
// the reader goroutine.
type bucket struct {
	rate, tokens float64
	last         time.Time
}

func newBucket(n int) *bucket { return &bucket{rate: float64(n), tokens: float64(n)} }

func (b *bucket) take(now time.Time) bool {
	if !b.last.IsZero() {
		b.tokens = min(b.rate, b.tokens+now.Sub(b.last).Seconds()*b.rate)
	}
	b.last = now
	if b.tokens < 1 {
		return false
	}
	b.tokens--
	return true
}
