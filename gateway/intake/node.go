package intake

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
	"time"
)

// node is a JSON value of a vendor who writes the same name now in one case,
// now in another. What is not there is an empty node all the way down.
type node struct{ v any }

// readNode reads raw, which decode has let pass before.
func readNode(raw []byte) node {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var t node
	if dec.Decode(&t.v) != nil {
		return node{}
	}
	return t
}

// at goes down by names: by the exact one where it is there, else by the first
// in order that differs in case only.
func (t node) at(path ...string) node {
	for _, name := range path {
		m, _ := t.v.(map[string]any)
		if _, exact := m[name]; !exact {
			least := ""
			for k := range m {
				if strings.EqualFold(k, name) && (least == "" || k < least) {
					least = k
				}
			}
			name = least
		}
		t = node{m[name]}
	}
	return t
}

// text is the value as a scalar would read it, without white space around it.
func (t node) text() string {
	switch v := t.v.(type) {
	case nil:
		return ""
	case string:
		return strings.TrimSpace(v)
	case json.Number:
		return v.String()
	case bool:
		return strconv.FormatBool(v)
	}
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if enc.Encode(t.v) != nil {
		return ""
	}
	return strings.TrimSpace(buf.String())
}

// first is the text of the first of names that is there and not empty.
func (t node) first(names ...string) string {
	for _, n := range names {
		if v := t.at(n).text(); v != "" {
			return v
		}
	}
	return ""
}

func (t node) list() []node {
	items, _ := t.v.([]any)
	out := make([]node, len(items))
	for i, v := range items {
		out[i] = node{v}
	}
	return out
}

// members are the scalars of an object; objects and lists in it are their JSON.
func (t node) members() scalars {
	m, _ := t.v.(map[string]any)
	out := scalars{}
	for k, v := range m {
		out[k] = scalar(node{v}.text())
	}
	return out
}

// stamp reads a time as moment does, as HTTP writes it, or as a count since
// 1970: seconds, milliseconds, microseconds or nanoseconds, told apart by size.
func stamp(text string) time.Time {
	text = strings.TrimSpace(text)
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		switch {
		case n <= 0:
			return time.Time{}
		case n < 1e11:
			return time.Unix(n, 0).UTC()
		case n < 1e14:
			return time.UnixMilli(n).UTC()
		case n < 1e17:
			return time.UnixMicro(n).UTC()
		}
		return time.Unix(0, n).UTC()
	}
	if t, err := time.Parse(time.RFC1123, text); err == nil && t.Year() >= 1 {
		return t.UTC()
	}
	return moment(scalar(text))
}

// tagLabels reads tags of the form name:value. Where a name comes again its
// values are joined, up to what a label holds; a tag without a value is "true".
func tagLabels(tags []string) map[string]string {
	out := map[string]string{}
	for _, tag := range tags {
		tag = strings.TrimSpace(tag)
		name, value, found := strings.Cut(tag, ":")
		name, value = strings.TrimSpace(name), strings.TrimSpace(value)
		switch {
		case name == "" || found && value == "":
			continue
		case !found:
			value = "true"
		}
		switch have := out[name]; {
		case have == "":
			out[name] = value
		case have != value && len(have) <= MaxLabelValue:
			out[name] = have + "," + value
		}
	}
	return out
}

func asScalars(m map[string]string) scalars {
	out := make(scalars, len(m))
	for k, v := range m {
		out[k] = scalar(v)
	}
	return out
}

// joined are the texts that are not empty, one a line.
func joined(lines ...string) string {
	var out []string
	for _, l := range lines {
		if l = strings.TrimSpace(l); l != "" {
			out = append(out, l)
		}
	}
	return strings.Join(out, "\n")
}

// noted puts before to a text, where there is one.
func noted(before, text string) string {
	if text = strings.TrimSpace(text); text == "" {
		return ""
	}
	return before + text
}

// gather reads a list, each item by read, as one result: as a whole or not at all.
func gather[T any](what string, items []T, read func(T) (Result, error)) (Result, error) {
	if len(items) > MaxAlerts {
		return Result{}, invalid("holds %d %ss, and %d is the limit", len(items), what, MaxAlerts)
	}
	var all Result
	var notes []string
	for i, item := range items {
		one, err := read(item)
		if err != nil {
			if len(items) > 1 {
				err = invalid("has a %s (%d of %d) that %v", what, i+1, len(items), err)
			}
			return Result{}, err
		}
		all.Alerts = append(all.Alerts, one.Alerts...)
		if one.Note != "" && len(notes) < maxNote {
			notes = append(notes, one.Note)
		}
	}
	all.Note = strings.Join(notes, "\n")
	return all, nil
}
