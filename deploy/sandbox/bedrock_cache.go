package sandbox

import (
	"crypto/sha256"
	"encoding/json"
	"sync"
	"time"

	"vigil/deploy/sandbox/brain"
)

const (
	cacheFor   = 5 * time.Minute
	leastCache = 1000 // tokens that a prefix must have to be kept
)

// promptCache remembers the prefixes that requests marked with a cachePoint.
type promptCache struct {
	mu    sync.Mutex
	until map[[32]byte]time.Time
}

func newPromptCache() *promptCache { return &promptCache{until: map[[32]byte]time.Time{}} }

// prefix is the part of a request before a cachePoint.
type prefix struct {
	key    [32]byte
	tokens int
}

// usage splits the tokens of an input into what the cache held, what is put
// into it, and the rest. prefixes are in the order of the request.
func (c *promptCache) usage(prefixes []prefix, total int, now time.Time) tokenUsage {
	c.mu.Lock()
	defer c.mu.Unlock()
	u := tokenUsage{}
	for _, p := range prefixes {
		if p.tokens < leastCache {
			continue
		}
		if now.Before(c.until[p.key]) {
			u.CacheRead, u.CacheWrite = p.tokens, 0
		} else {
			u.CacheWrite = p.tokens - u.CacheRead
		}
		c.until[p.key] = now.Add(cacheFor)
	}
	for key, until := range c.until {
		if !now.Before(until) {
			delete(c.until, key)
		}
	}
	u.Input = max(0, total-u.CacheRead-u.CacheWrite)
	return u
}

func (c *promptCache) reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.until)
}

// cachedPrefixes are the parts of the request that end in a cachePoint: of the
// system prompt, or of the messages, which come after it.
func (in converseRequest) cachedPrefixes(model string) []prefix {
	var out []prefix
	seen := []byte(model)
	tokens := 0
	read := func(blocks []contentBlock) {
		for _, b := range blocks {
			if len(b.CachePoint) > 0 {
				out = append(out, prefix{sha256.Sum256(seen), tokens})
				continue
			}
			raw, err := json.Marshal(b)
			if err != nil {
				panic("sandbox: a block that was read does not encode: " + err.Error())
			}
			seen = append(seen, raw...)
			tokens += brain.Tokens(b.text())
		}
	}
	read(in.System)
	for _, m := range in.Messages {
		seen = append(seen, m.Role...)
		read(m.Content)
	}
	return out
}

// text is all that a block shows to a model.
func (b contentBlock) text() string {
	switch {
	case b.Text != nil:
		return *b.Text
	case b.ToolUse != nil:
		return b.ToolUse.Name + string(b.ToolUse.Input)
	case b.ToolResult != nil:
		return b.ToolResult.result().Text
	}
	return ""
}
