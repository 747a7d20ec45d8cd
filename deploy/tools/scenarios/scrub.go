package main

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// private is something that names the machine of a recording, and what is
// written in its place.
type private struct{ what, text, instead string }

// suspicious is what no recording may hold: a file will be public.
var suspicious = map[string]*regexp.Regexp{
	"a path of this machine":  regexp.MustCompile(`/(?:home|root|tmp|Users|opt|srv|private/var|var/folders)/[A-Za-z0-9._-]`),
	"an address of a process": regexp.MustCompile(`(?:127\.0\.0\.1|localhost|\[::1\]):\d`),
	"a token":                 regexp.MustCompile(`vigil_[A-Z2-7]{20,}|xox[a-z]-[A-Za-z0-9-]{8,}|Bearer [A-Za-z0-9._-]{8,}`),
	"an AWS key":              regexp.MustCompile(`\b(?:AKIA|ASIA)[A-Z0-9]{16}\b`),
	"a private key":           regexp.MustCompile(`-----BEGIN [A-Z ]*PRIVATE KEY-----`),
}

// scrub replaces what is private, and says what of it there was. Everything
// else stays as it is. It refuses what is suspicious afterwards.
func scrub(events []json.RawMessage, secrets []private) (clean []json.RawMessage, replaced []string, err error) {
	found := map[string]bool{}
	for _, raw := range events {
		text := string(raw)
		for _, p := range secrets {
			if p.text != "" && strings.Contains(text, p.text) {
				found[p.what] = true
				text = strings.ReplaceAll(text, p.text, p.instead)
			}
		}
		if what, where := suspect(text); what != "" {
			return nil, nil, fmt.Errorf("an event holds %s: …%s…; see that it is not recorded, or have scrub.go replace it", what, where)
		}
		clean = append(clean, json.RawMessage(text))
	}
	for what := range found {
		replaced = append(replaced, what)
	}
	slices.Sort(replaced)
	return clean, replaced, nil
}

// suspect names what a text holds that it may not, with what is around it.
func suspect(text string) (what, where string) {
	for name, pattern := range suspicious {
		if at := pattern.FindStringIndex(text); at != nil && (what == "" || name < what) {
			what, where = name, text[max(0, at[0]-60):min(len(text), at[1]+60)]
		}
	}
	return what, where
}
