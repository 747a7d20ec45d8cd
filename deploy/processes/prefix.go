package processes

import (
	"bytes"
	"fmt"
	"io"
	"sync"
)

// Prefix returns a writer that puts name before every line that it passes to
// w. mu keeps the lines of several such writers apart.
func Prefix(w io.Writer, mu *sync.Mutex, name string) io.Writer {
	return &prefixer{to: w, mu: mu, prefix: fmt.Sprintf("%-8s | ", name)}
}

type prefixer struct {
	to     io.Writer
	mu     *sync.Mutex
	prefix string
	rest   []byte // an unfinished line
}

func (p *prefixer) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rest = append(p.rest, b...)
	for {
		end := bytes.IndexByte(p.rest, '\n')
		if end < 0 {
			return len(b), nil
		}
		if _, err := fmt.Fprintf(p.to, "%s%s\n", p.prefix, p.rest[:end]); err != nil {
			return 0, err
		}
		p.rest = p.rest[end+1:]
	}
}
