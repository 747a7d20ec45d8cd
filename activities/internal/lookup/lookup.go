// Package lookup holds what the adapters behind activities.Runbooks and
// activities.Memory share: how a question is put to a service, and how what it
// answers becomes an incident.Document.
package lookup

import (
	"fmt"
	"math"
	"path"
	"strings"

	"vigil/activities"
	"vigil/workflows/incident"
)

const (
	defaultLimit = 5
	// maxText bounds what is taken of a document, in characters.
	maxText = 4000
)

// Question is the text that a search asks a service, redacted because it
// leaves the process, and at most most characters long. It is empty where
// nothing is asked.
func Question(q activities.Search, most int) string {
	var parts []string
	for _, part := range []string{q.Text, q.Service, strings.ReplaceAll(string(q.Cause), "_", " ")} {
		if part = strings.Join(strings.Fields(part), " "); part != "" {
			parts = append(parts, part)
		}
	}
	return clip(activities.Redact(strings.Join(parts, "; ")), most, "")
}

// Limit is how many documents q asks for, at most most.
func Limit(q activities.Search, most int) int {
	if q.Limit <= 0 {
		return min(defaultLimit, most)
	}
	return min(q.Limit, most)
}

// Text is what is kept of a document's text: redacted, because the service may
// hold what nobody should have written down, and bounded.
func Text(s string) string { return clip(activities.Redact(strings.TrimSpace(s)), maxText, "…") }

// URI is a document's address as it may be shown: one with a query or a user in
// it can hold a secret, and is redacted.
func URI(s string) string {
	if strings.ContainsAny(s, "?@") {
		return activities.Redact(s)
	}
	return s
}

// IDs makes the ids of the documents of one answer differ: several passages of
// one document often come under its own.
type IDs map[string]int

// Unique is id the first time, and id#2, id#3, … after.
func (ids IDs) Unique(id string) string {
	if ids[id]++; ids[id] == 1 {
		return id
	}
	return ids.Unique(fmt.Sprintf("%s#%d", id, ids[id]))
}

// Title is the first of titles that says something, else the last part of uri.
func Title(uri string, titles ...string) string {
	for _, t := range titles {
		if t = strings.Join(strings.Fields(t), " "); t != "" {
			return clip(activities.Redact(t), 200, "…")
		}
	}
	if uri == "" {
		return "untitled"
	}
	return clip(activities.Redact(path.Base(strings.TrimRight(uri, "/"))), 200, "…")
}

// Score brings a service's score into 0 to 1; one that it does not give is 0.
func Score(s *float64) float64 {
	if s == nil || math.IsNaN(*s) {
		return 0
	}
	return math.Max(0, math.Min(1, *s))
}

// Unasked is the error for a search without words, which services refuse.
func Unasked(service string) error {
	return incident.Errorf(incident.KindInvalid, "%s: a search needs text, a service or a cause", service)
}

func clip(s string, most int, mark string) string {
	if r := []rune(s); len(r) > most {
		return strings.TrimSpace(string(r[:most])) + mark
	}
	return s
}
