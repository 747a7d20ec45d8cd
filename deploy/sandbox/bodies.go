package sandbox

import (
	"bytes"
	"compress/flate"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"sync"
)

const (
	// maxPart is how much of one request is kept, of its beginning and of its
	// end each: more than a conversation may have by far.
	maxPart = 1 << 20
	// maxBodies is what the bodies may take together, compressed.
	maxBodies = 256 << 20
)

// bodies keeps what was sent, so that a test can look for something that must
// never be sent. Conversations repeat themselves and compress well: 200 of
// them with 60 calls each take some 100 MB.
type bodies struct {
	mu      sync.Mutex
	kept    map[int64][]byte // by number of the call, compressed
	order   []int64          // oldest first
	size    int
	dropped int // bodies of which nothing is kept, and those cut short
}

func newBodies() *bodies { return &bodies{kept: map[int64][]byte{}} }

var deflaters = sync.Pool{New: func() any {
	w, err := flate.NewWriter(nil, flate.BestSpeed)
	if err != nil {
		panic("sandbox: " + err.Error()) // the level is a constant
	}
	return w
}}

// keep stores what call n sent: where to, and its body.
func (b *bodies) keep(n int64, target string, body []byte) error {
	cut := len(body) > 2*maxPart
	var out bytes.Buffer
	w, ok := deflaters.Get().(*flate.Writer)
	if !ok {
		panic("sandbox: the pool holds something else")
	}
	defer deflaters.Put(w)
	w.Reset(&out)
	parts := [][]byte{[]byte(target + "\n"), body}
	if cut {
		parts = [][]byte{parts[0], body[:maxPart], []byte("\n"), body[len(body)-maxPart:]}
	}
	for _, p := range parts {
		if _, err := w.Write(p); err != nil {
			return fmt.Errorf("sandbox: keep the body of call %d: %w", n, err)
		}
	}
	if err := w.Close(); err != nil {
		return fmt.Errorf("sandbox: keep the body of call %d: %w", n, err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if cut {
		b.dropped++
	}
	b.kept[n] = out.Bytes()
	b.order = append(b.order, n)
	b.size += out.Len()
	for b.size > maxBodies {
		oldest := b.order[0]
		b.size -= len(b.kept[oldest])
		delete(b.kept, oldest)
		b.order = b.order[1:]
		b.dropped++
	}
	return nil
}

// get returns what call n sent; nil where it is not kept.
func (b *bodies) get(n int64) ([]byte, error) {
	b.mu.Lock()
	raw, ok := b.kept[n]
	b.mu.Unlock()
	if !ok {
		return nil, nil
	}
	body, err := io.ReadAll(flate.NewReader(bytes.NewReader(raw)))
	if err != nil {
		return nil, fmt.Errorf("sandbox: read the body of call %d: %w", n, err)
	}
	return body, nil
}

// contains reports whether call n sent a text, as it is or as JSON writes it,
// once or twice over: evidence is JSON within the text of a message.
func (b *bodies) contains(n int64, text string) (bool, error) {
	body, err := b.get(n)
	if err != nil {
		return false, err
	}
	for _, w := range spellings(text, 2) {
		if bytes.Contains(body, []byte(w)) {
			return true, nil
		}
	}
	return false, nil
}

// spellings are the ways in which a text may stand in JSON that is nested
// deep levels: encoders differ in whether they escape what HTML has.
func spellings(text string, deep int) []string {
	out := []string{text}
	if deep == 0 {
		return out
	}
	for _, html := range []bool{true, false} {
		var b bytes.Buffer
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(html)
		if err := e.Encode(text); err != nil {
			panic("sandbox: a string does not encode: " + err.Error())
		}
		quoted := strings.TrimSpace(b.String())
		if in := quoted[1 : len(quoted)-1]; in != text {
			out = append(out, spellings(in, deep-1)...)
		}
	}
	return out
}

func (b *bodies) lost() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.dropped
}

func (b *bodies) reset() {
	b.mu.Lock()
	defer b.mu.Unlock()
	clear(b.kept)
	b.order, b.size, b.dropped = nil, 0, 0
}
