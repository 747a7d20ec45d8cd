package intake

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"
)

// maxDepth is how deep objects and arrays may nest. No source comes near it.
const maxDepth = 64

// decode reads one JSON document into v. It refuses what encoding/json would
// let pass: members of one object with the same name, where which of them
// counts depends on the reader; names that differ in case only, which Go would
// merge when it fills a struct; and text after the document. In objects that
// hang under one of the names in free, people choose the names, and two that
// differ in case are two; "*" makes that of the whole document.
func decode(raw []byte, v any, free ...string) error {
	if len(bytes.TrimSpace(raw)) == 0 {
		return invalid("is empty")
	}
	if err := check(raw, free); err != nil {
		return err
	}
	err := json.Unmarshal(raw, v)
	var wrong *json.UnmarshalTypeError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &wrong) && wrong.Field != "":
		return invalid("has a JSON %s at %s, where something else belongs", wrong.Value, wrong.Field)
	case errors.As(err, &wrong):
		return invalid("is a JSON %s, where something else belongs", wrong.Value)
	}
	return invalid("is not JSON that can be read: %v", err)
}

// level is one object or array that is open during check.
type level struct {
	object  bool
	free    bool
	name    string          // object: the member read last
	atValue bool            // object: its value comes
	seen    map[string]bool // object: names read, folded unless free
}

// check walks raw token by token, without recursion.
func check(raw []byte, free []string) error {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var stack []level
	for {
		tok, err := dec.Token()
		if errors.Is(err, io.EOF) && len(stack) == 0 {
			return nil
		}
		if err != nil {
			return invalid("is not JSON: %v", err)
		}
		top := len(stack) - 1
		if name, ok := tok.(string); ok && top >= 0 && stack[top].object && !stack[top].atValue {
			if err := stack[top].member(name); err != nil {
				return err
			}
			continue
		}
		switch tok {
		case json.Delim('{'), json.Delim('['):
			if len(stack) == maxDepth {
				return invalid("nests objects and arrays more than %d deep", maxDepth)
			}
			next := level{object: tok == json.Delim('{'), free: contains(free, "*")}
			if next.object {
				next.seen = map[string]bool{}
			}
			if top >= 0 {
				next.free = stack[top].free || stack[top].object && contains(free, stack[top].name)
			}
			stack = append(stack, next)
			continue
		case json.Delim('}'), json.Delim(']'):
			stack = stack[:top]
			top--
		}
		if top >= 0 {
			stack[top].atValue = false // the value is complete
		}
		if top < 0 && dec.More() {
			return invalid("has more text after its JSON")
		}
	}
}

func (l *level) member(name string) error {
	key := name
	if !l.free {
		key = fold(name)
	}
	if l.seen[key] {
		return invalid("has the name %q twice in one object, and which one counts cannot be told", clean(name, MaxLabelName))
	}
	l.seen[key] = true
	l.name, l.atValue = name, true
	return nil
}

// fold maps names that encoding/json takes for the same field to one string.
func fold(s string) string {
	return strings.Map(func(r rune) rune {
		least := r
		for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
			least = min(least, f)
		}
		return least
	}, s)
}

func contains(list []string, s string) bool {
	for _, v := range list {
		if strings.EqualFold(v, s) {
			return true
		}
	}
	return false
}

// scalar is a JSON value read as text: strings as they are, numbers with all
// their digits, true and false; null and what is absent are empty, and an
// object or array is its JSON.
type scalar string

func (s *scalar) UnmarshalJSON(raw []byte) error {
	switch {
	case string(raw) == "null":
		*s = ""
	case len(raw) > 0 && raw[0] == '"':
		var text string
		if err := json.Unmarshal(raw, &text); err != nil {
			return err
		}
		*s = scalar(text)
	default:
		var buf bytes.Buffer
		if err := json.Compact(&buf, raw); err != nil {
			return err
		}
		*s = scalar(buf.String())
	}
	return nil
}

// scalars is an object of scalars; null is none.
type scalars map[string]scalar

func (m scalars) strings() map[string]string {
	out := make(map[string]string, len(m))
	for k, v := range m {
		out[k] = string(v)
	}
	return out
}

// get returns the first of names that is there and not empty.
func (m scalars) get(names ...string) string {
	for _, n := range names {
		if v := strings.TrimSpace(string(m[n])); v != "" {
			return v
		}
	}
	return ""
}

// moment reads a time of a source. One that cannot be read is no time: nothing
// hangs on it, because order goes by our own clock.
func moment(s scalar) time.Time {
	text := strings.TrimSpace(string(s))
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999Z0700"} {
		if t, err := time.Parse(layout, text); err == nil {
			// Beyond these years a time cannot be written as JSON again.
			if t = t.UTC(); t.Year() >= 1 && t.Year() <= 9999 {
				return t
			}
			return time.Time{}
		}
	}
	return time.Time{}
}

// hash is 64 bits of SHA-256, in hex: enough to tell members of one incident
// apart, and to keep two long keys from becoming one.
func hash(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d:%s;", len(p), p)
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}
