package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"vigil/workflows/event"
	"vigil/workflows/incident"
)

// format is that of the files; web/src/feed/scenarios.ts reads it.
const format = 1

// summary is what the list of scenarios says of each.
type summary struct {
	Name            string            `json:"name"`
	Title           string            `json:"title"`
	Description     string            `json:"description"`
	Service         string            `json:"service"`
	Severity        incident.Severity `json:"severity"`
	RecordedAt      time.Time         `json:"recorded_at"`
	RecordedFrom    recordedFrom      `json:"recorded_from"`
	EventCount      int               `json:"event_count"`
	DurationSeconds float64           `json:"duration_seconds"`
}

// recordedFrom is what was recorded, and by which Vigil.
type recordedFrom struct {
	Origin  incident.Origin `json:"origin"`
	What    string          `json:"what"`
	Version string          `json:"version"`
	Seed    *uint64         `json:"seed,omitempty"` // of the sandbox
}

// scenario is a recording.
type scenario struct {
	Format int `json:"format"`
	summary
	Figures event.IncidentFigures `json:"figures"`
	Events  []json.RawMessage     `json:"events"` // as the gateway gives them
}

// listing is the index: it lists the recordings of a directory.
type listing struct {
	Scenarios []summary `json:"scenarios"`
}

const indexFile = "index.json"

var writing sync.Mutex // recordings that end together have one index

// write puts a scenario into a directory, and into its index, and returns how
// large it is.
func write(dir string, s scenario) (int, error) {
	writing.Lock()
	defer writing.Unlock()
	raw, err := encode(s)
	if err != nil {
		return 0, fmt.Errorf("encode %s: %w", s.Name, err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return 0, fmt.Errorf("make the directory of scenarios: %w", err)
	}
	if err := os.WriteFile(filepath.Join(dir, s.Name+".json"), raw, 0o644); err != nil {
		return 0, fmt.Errorf("write %s: %w", s.Name, err)
	}
	return len(raw), writeIndex(dir)
}

// encode writes an event a line, so that a difference between two recordings
// can be read.
func encode(s scenario) ([]byte, error) {
	events := s.Events
	s.Events = []json.RawMessage{}
	head, err := marshal(s)
	if err != nil {
		return nil, err
	}
	lines := make([][]byte, 0, len(events))
	for _, e := range events {
		var line bytes.Buffer
		if err := json.Compact(&line, e); err != nil {
			return nil, err
		}
		lines = append(lines, line.Bytes())
	}
	open := bytes.TrimSuffix(head, []byte("]}"))
	return slices.Concat(open, []byte("\n"), bytes.Join(lines, []byte(",\n")), []byte("\n]}\n")), nil
}

// writeIndex lists the scenarios that are there: those of the catalogue first,
// in its order.
func writeIndex(dir string) error {
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil {
		return fmt.Errorf("find scenarios: %w", err)
	}
	var all listing
	for _, file := range files {
		if filepath.Base(file) == indexFile {
			continue
		}
		s, err := read(file)
		if err != nil {
			return err
		}
		all.Scenarios = append(all.Scenarios, s.summary)
	}
	place := func(s summary) int {
		i := slices.IndexFunc(catalogue, func(p plan) bool { return p.Name == s.Name })
		if i < 0 {
			return len(catalogue)
		}
		return i
	}
	slices.SortStableFunc(all.Scenarios, func(a, b summary) int { return place(a) - place(b) })
	raw, err := marshal(all)
	if err != nil {
		return fmt.Errorf("encode the index: %w", err)
	}
	var out bytes.Buffer
	if err := errors.Join(json.Indent(&out, raw, "", "  "), out.WriteByte('\n')); err != nil {
		return fmt.Errorf("encode the index: %w", err)
	}
	if err := os.WriteFile(filepath.Join(dir, indexFile), out.Bytes(), 0o644); err != nil {
		return fmt.Errorf("write the index: %w", err)
	}
	return nil
}

func read(file string) (scenario, error) {
	raw, err := os.ReadFile(file)
	if err != nil {
		return scenario{}, fmt.Errorf("read a scenario: %w", err)
	}
	var s scenario
	if err := json.Unmarshal(raw, &s); err != nil {
		return scenario{}, fmt.Errorf("%s is no scenario: %w; record it anew", file, err)
	}
	if s.Format != format {
		return scenario{}, fmt.Errorf("%s has format %d, this is for %d; record it anew", file, s.Format, format)
	}
	return s, nil
}

// marshal leaves < and > as they are: this is no HTML.
func marshal(v any) ([]byte, error) {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSpace(out.Bytes()), nil
}
