package brain

import (
	"encoding/json"
	"regexp"
	"strings"
)

// saidSuffix finds the suffix that the system prompt gives to the tags of this
// conversation. Whoever writes into telemetry cannot know it.
var saidSuffix = regexp.MustCompile(`(?i)\bsuffix of this conversation is ([0-9a-z]{4,64})\b`)

// suffixOf is what the names of tags end in, with its hyphen; empty where the
// system prompt gives none, and tags are plain.
func suffixOf(system string) string {
	m := saidSuffix.FindStringSubmatch(system)
	if m == nil {
		return ""
	}
	return "-" + m[1]
}

// blocks returns the lines of every block between <tag> and </tag>. A tag
// counts only at the beginning or the end of a line: within one it is text,
// and a log line may say anything.
func blocks(text, tag string) []string {
	open, shut := "<"+tag+">", "</"+tag+">"
	var out []string
	inside := false
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if rest, ok := strings.CutPrefix(line, open); ok && !inside {
			inside, line = true, strings.TrimSpace(rest)
		}
		if !inside {
			continue
		}
		rest, last := strings.CutSuffix(line, shut)
		if rest = strings.TrimSpace(rest); rest != "" {
			out = append(out, rest)
		}
		inside = !last
	}
	return out
}

// decodeBlock reads the last block of a tag that holds one JSON value.
func decodeBlock(text, tag string, into any) bool {
	lines := blocks(text, tag)
	return len(lines) > 0 && json.Unmarshal([]byte(strings.Join(lines, "\n")), into) == nil
}
