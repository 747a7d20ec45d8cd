package activities

import (
	"encoding/json"
	"regexp"
	"strings"
)

// The levels that Vigil tells apart, least to most severe. Everything else
// that a line calls itself is kept as it is, in lower case.
const (
	levelDebug = "debug"
	levelInfo  = "info"
	levelWarn  = "warn"
	levelError = "error"
	levelFatal = "fatal"
)

// LevelOf guesses the level of a log line: the level field of a JSON line, a
// level=… pair, or an upper-case level word near its beginning. "" where the
// line does not say.
func LevelOf(line string) string {
	if fields, ok := jsonLine(line); ok {
		for _, key := range levelKeys {
			if s, ok := fields[key].(string); ok {
				return normalLevel(s)
			}
		}
		return ""
	}
	head := line
	if len(head) > levelWithin {
		head = head[:levelWithin]
	}
	if m := levelPair.FindStringSubmatch(head); m != nil {
		return normalLevel(m[1])
	}
	if m := levelWord.FindString(head); m != "" {
		return normalLevel(m)
	}
	return ""
}

// levelWithin is how much of a text line may come before its level: a time
// stamp, a host and a thread name fit; the prose of a message mostly does not.
const levelWithin = 120

var (
	levelKeys = []string{"level", "severity", "lvl", "levelname", "log.level", "loglevel"}
	levelPair = regexp.MustCompile(`(?i)\b(?:level|severity|lvl)=["']?([a-z]+)`)
	levelWord = regexp.MustCompile(`\b(?:TRACE|DEBUG|INFO|NOTICE|LOG|WARN|WARNING|ERROR|ERR|SEVERE|FATAL|CRITICAL|CRIT|PANIC|EMERGENCY)\b`)
)

func normalLevel(s string) string {
	switch l := strings.ToLower(s); l {
	case "trace", "debug":
		return levelDebug
	case "info", "notice", "log", "information":
		return levelInfo
	case "warn", "warning":
		return levelWarn
	case "error", "err", "severe":
		return levelError
	case "fatal", "critical", "crit", "panic", "emergency", "alert":
		return levelFatal
	default:
		return l
	}
}

func jsonLine(line string) (map[string]any, bool) {
	line = strings.TrimSpace(line)
	if !strings.HasPrefix(line, "{") {
		return nil, false
	}
	var fields map[string]any
	if err := json.Unmarshal([]byte(line), &fields); err != nil {
		return nil, false // text that begins with a brace
	}
	return fields, true
}
