package brain

import (
	"encoding/json"
	"strings"
	"time"
)

// evidence is one piece of evidence as the conversation shows it.
type evidence struct {
	ID       string       `json:"id"`
	Kind     string       `json:"kind"`
	Service  string       `json:"service"`
	Title    string       `json:"title"`
	Found    bool         `json:"found"`
	Finding  string       `json:"finding"`
	Strength float64      `json:"strength"`
	Logs     []logPattern `json:"logs"`
	Changes  []change     `json:"changes"`
	Edges    []edge       `json:"edges"`
	Suspects []suspect    `json:"suspects"`
}

type logPattern struct {
	Level    string    `json:"level"`
	Template string    `json:"template"`
	Example  string    `json:"example"`
	Count    int       `json:"count"`
	Baseline int       `json:"baseline"`
	FirstAt  time.Time `json:"first_at"`
}

type change struct {
	Service string    `json:"service"`
	Kind    string    `json:"kind"`
	Summary string    `json:"summary"`
	Version string    `json:"version"`
	Before  string    `json:"before"`
	At      time.Time `json:"at"`
}

type edge struct {
	From string `json:"from"`
	To   string `json:"to"`
}

type suspect struct {
	Service string  `json:"service"`
	Cause   string  `json:"cause"`
	Score   float64 `json:"score"`
}

type incident struct {
	ID          string    `json:"id"`
	Title       string    `json:"title"`
	Description string    `json:"description"`
	Service     string    `json:"service"`
	Severity    string    `json:"severity"`
	StartedAt   time.Time `json:"started_at"`
	Alerts      []struct {
		Title       string            `json:"title"`
		Description string            `json:"description"`
		Service     string            `json:"service"`
		Severity    string            `json:"severity"`
		Labels      map[string]string `json:"labels"`
	} `json:"alerts"`
}

type diagnosis struct {
	Verdict    string  `json:"verdict"`
	Cause      string  `json:"cause"`
	Service    string  `json:"service"`
	Summary    string  `json:"summary"`
	Confidence float64 `json:"confidence"`
	Claims     []claim `json:"claims"`
}

type claim struct {
	Text  string   `json:"text"`
	Cites []string `json:"cites"`
}

type option struct {
	ID     string `json:"id"`
	Type   string `json:"type"`
	Target string `json:"target"`
	Title  string `json:"title"`
}

type forecast struct {
	Summary    string    `json:"summary"`
	Service    string    `json:"service"`
	Metric     string    `json:"metric"`
	PerMinute  float64   `json:"per_minute"`
	Limit      float64   `json:"limit"`
	BreachAt   time.Time `json:"breach_at"`
	Confidence float64   `json:"confidence"`
	Cites      []string  `json:"cites"`
}

type state struct {
	Status       string `json:"status"`
	Reason       string `json:"reason"`
	Verification *struct {
		State string `json:"state"`
	} `json:"verification"`
	Execution *struct {
		State string `json:"state"`
	} `json:"execution"`
}

// block returns the lines of every block between <tag> and </tag>. A tag
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
