package workflows

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
)

// parseAnswer reads one JSON object, bare or in a fenced block, and refuses
// everything else: unknown fields, trailing text, no object at all.
func parseAnswer(text string, into any) error {
	reflect.ValueOf(into).Elem().SetZero() // nothing of an answer that was refused stays in the next
	s := strings.TrimSpace(text)
	if strings.HasPrefix(s, "```") && strings.HasSuffix(s, "```") && strings.Contains(s, "\n") {
		s = strings.TrimSuffix(s[strings.Index(s, "\n")+1:], "```")
	}
	if s = strings.TrimSpace(s); !strings.HasPrefix(s, "{") {
		return errors.New("it is not a JSON object")
	}
	return readStrictly(json.RawMessage(s), into)
}

// clip shortens text to n bytes without cutting a character in two.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "") + "…"
}
