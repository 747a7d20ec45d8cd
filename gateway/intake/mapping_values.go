package intake

import (
	"bytes"
	"encoding/json"
	"math"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"

	"vigil/workflows/incident"
)

// get is x.key and x[key] of a mapping: null where there is no such member,
// and where x is nothing that has members.
func get(x, key ref.Val) ref.Val {
	switch x := x.(type) {
	case traits.Mapper:
		if v, found := x.Find(key); found {
			return v
		}
	case traits.Lister:
		size, _ := x.Size().(types.Int)
		if i, ok := key.(types.Int); ok && i >= 0 && i < size {
			return x.Get(i)
		}
	}
	return types.NullValue
}

// some is x, or an empty list in place of null.
func some(x ref.Val) ref.Val {
	if x == types.NullValue {
		return emptyList
	}
	return x
}

var emptyList = types.NewRefValList(types.DefaultTypeAdapter, nil)

// list is x as a list: null is empty, and what is no list is the only element.
func list(x ref.Val) ref.Val {
	if _, ok := x.(traits.Lister); ok || x == types.NullValue {
		return some(x)
	}
	return types.NewRefValList(types.DefaultTypeAdapter, []ref.Val{x})
}

// add is x + y. Beside a text everything is text, so that a missing field adds
// nothing to a sentence.
func add(x, y ref.Val) ref.Val {
	if x.Type() == types.StringType || y.Type() == types.StringType {
		return types.String(text(x) + text(y))
	}
	if a, ok := x.(traits.Adder); ok {
		return a.Add(y)
	}
	return types.MaybeNoSuchOverloadErr(x)
}

// text writes a value as people do: null as nothing, numbers with all their
// digits, times as RFC 3339, objects and lists as JSON.
func text(x ref.Val) string {
	switch x := x.(type) {
	case types.String:
		return string(x)
	case types.Null:
		return ""
	case types.Double:
		return strconv.FormatFloat(float64(x), 'f', -1, 64)
	case types.Timestamp:
		return formatTime(x)
	case types.Bytes:
		return strings.ToValidUTF8(string(x), "\uFFFD")
	case traits.Mapper, traits.Lister:
		var buf bytes.Buffer
		enc := json.NewEncoder(&buf)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(native(x)); err != nil {
			return ""
		}
		return strings.TrimSuffix(buf.String(), "\n")
	}
	if s, ok := x.ConvertToType(types.StringType).(types.String); ok {
		return string(s)
	}
	return ""
}

// native is a value as encoding/json writes it.
func native(x ref.Val) any {
	switch x := x.(type) {
	case types.Null:
		return nil
	case types.Bool:
		return bool(x)
	case types.Int:
		return int64(x)
	case types.Uint:
		return uint64(x)
	case types.Double:
		if f := float64(x); !math.IsInf(f, 0) && !math.IsNaN(f) {
			return f
		}
	case traits.Mapper:
		out := map[string]any{}
		for it := x.Iterator(); it.HasNext() == types.True; {
			k := it.Next()
			out[text(k)] = native(x.Get(k))
		}
		return out
	case traits.Lister:
		out := []any{}
		for it := x.Iterator(); it.HasNext() == types.True; {
			out = append(out, native(it.Next()))
		}
		return out
	}
	return text(x)
}

// blank tells what first and pick pass over: null, white space, and what is empty.
func blank(x ref.Val) bool {
	switch x := x.(type) {
	case types.Null:
		return true
	case types.String:
		return strings.TrimSpace(string(x)) == ""
	case traits.Sizer:
		return x.Size() == types.IntZero
	}
	return false
}

// first returns the first value of a list that is not blank, else null.
func first(values ref.Val) ref.Val {
	for it := values.(traits.Lister).Iterator(); it.HasNext() == types.True; {
		if v := it.Next(); !blank(v) {
			return v
		}
	}
	return types.NullValue
}

// pick returns the first of names that x has as a text, number or truth value
// and not blank, else null. Names are the same whatever their case, and with
// and without dashes, underscores and blanks between their words; the one that
// is spelt as asked for goes before. Of a list, the first object that has any
// of names counts.
func pick(x, names ref.Val) ref.Val {
	if l, ok := x.(traits.Lister); ok {
		for it := l.Iterator(); it.HasNext() == types.True; {
			if v := pickFrom(it.Next(), names); v != types.NullValue {
				return v
			}
		}
		return types.NullValue
	}
	return pickFrom(x, names)
}

func pickFrom(x, names ref.Val) ref.Val {
	m, isMap := x.(traits.Mapper)
	wanted, isList := names.(traits.Lister)
	if !isMap || !isList {
		return types.NullValue
	}
	for it := wanted.Iterator(); it.HasNext() == types.True; {
		name := it.Next()
		if v, found := m.Find(name); found && isScalar(v) {
			return v
		}
		if v := likeNamed(m, foldName(text(name))); v != nil {
			return v
		}
	}
	return types.NullValue
}

// likeNamed returns the value in m whose name folds to folded, by the least of
// such names; nil where there is none.
func likeNamed(m traits.Mapper, folded string) (v ref.Val) {
	var name types.String
	for it := m.Iterator(); it.HasNext() == types.True; {
		k, ok := it.Next().(types.String)
		if !ok || !foldsTo(string(k), folded) || v != nil && k > name {
			continue
		}
		if at := m.Get(k); isScalar(at) {
			name, v = k, at
		}
	}
	return v
}

func isScalar(x ref.Val) bool {
	switch x.(type) {
	case traits.Mapper, traits.Lister:
		return false
	}
	return !blank(x)
}

// foldName makes one name of those that differ in case and separators only.
func foldName(s string) string {
	return strings.Map(func(r rune) rune {
		if isSeparator(r) {
			return -1
		}
		return unicode.ToLower(r)
	}, s)
}

// foldsTo is foldName(s) == folded.
func foldsTo(s, folded string) bool {
	for _, r := range s {
		if isSeparator(r) {
			continue
		}
		want, size := utf8.DecodeRuneInString(folded)
		if size == 0 || unicode.ToLower(r) != want {
			return false
		}
		folded = folded[size:]
	}
	return folded == ""
}

func isSeparator(r rune) bool { return r == '_' || r == '-' || r == ' ' || r == '.' }

// severityText reads a word for a severity, or a number that counts from 1,
// the worst; "" where it is neither.
func severityText(x ref.Val) string {
	word := strings.TrimSpace(text(x))
	if s := severity(word); s != "" {
		return string(s)
	}
	return string(severity("p" + word))
}

// statusText reads the words that tell that a problem is there or over; what
// is none of them stays as it is.
func statusText(word string) string {
	word = strings.TrimSpace(word)
	for _, w := range wordsFiring {
		if strings.EqualFold(word, w) {
			return string(incident.AlertFiring)
		}
	}
	for _, w := range wordsResolved {
		if strings.EqualFold(word, w) {
			return string(incident.AlertResolved)
		}
	}
	return word
}

// tags makes a map of what sources have for tags and labels: a map as it is; a
// list of "name:value" or "name=value", or a text of such with commas between;
// a list of objects with name (or key, tag, label) and value. A tag without a
// value is "true".
func tags(x ref.Val) ref.Val {
	if s, ok := x.(types.String); ok {
		parts := strings.Split(string(s), ",")
		if len(parts) > maxParts {
			return types.NewErr("tags of a text gives more than %d parts", maxParts)
		}
		out := map[string]string{}
		for _, part := range parts {
			addTag(out, part)
		}
		return types.NewStringStringMap(types.DefaultTypeAdapter, out)
	}
	if _, ok := x.(traits.Mapper); ok {
		return x
	}
	out := map[string]string{}
	if l, ok := x.(traits.Lister); ok {
		for it := l.Iterator(); it.HasNext() == types.True; {
			switch e := it.Next().(type) {
			case types.String:
				addTag(out, string(e))
			case traits.Mapper:
				if name := text(pick(e, tagNames)); name != "" {
					out[name] = text(get(e, types.String("value")))
				}
			}
		}
	}
	return types.NewStringStringMap(types.DefaultTypeAdapter, out)
}

var tagNames = types.NewStringList(types.DefaultTypeAdapter, []string{"name", "key", "tag", "label"})

func addTag(out map[string]string, tag string) {
	name, value := strings.TrimSpace(tag), "true"
	if i := strings.IndexAny(tag, ":="); i >= 0 {
		name, value = strings.TrimSpace(tag[:i]), strings.TrimSpace(tag[i+1:])
	}
	if name != "" {
		out[name] = value
	}
}

// merge makes one map of several; of a name in more than one, the last counts.
func merge(maps ref.Val) ref.Val {
	out := map[ref.Val]ref.Val{}
	for it := maps.(traits.Lister).Iterator(); it.HasNext() == types.True; {
		if m, ok := it.Next().(traits.Mapper); ok {
			for keys := m.Iterator(); keys.HasNext() == types.True; {
				k := keys.Next()
				out[k] = m.Get(k)
			}
		}
	}
	return types.NewRefValMap(types.DefaultTypeAdapter, out)
}

// hashOf is hash of the texts of a list.
func hashOf(values ref.Val) ref.Val {
	var parts []string
	for it := values.(traits.Lister).Iterator(); it.HasNext() == types.True; {
		parts = append(parts, text(it.Next()))
	}
	return types.String(hash(parts...))
}

// jsonOf reads a text that holds JSON; null where it does not.
func jsonOf(x ref.Val) ref.Val {
	v, err := readJSON([]byte(text(x)))
	if err != nil {
		return types.NullValue
	}
	return types.DefaultTypeAdapter.NativeToValue(v)
}

// find returns what pattern's first group matches in s, or all that it matches
// where it has no group; "" where it does not match.
func find(s, pattern ref.Val) ref.Val {
	re, err := regexp.Compile(text(pattern))
	if err != nil {
		return types.NewErr("find: %q is no regular expression: %v", clean(text(pattern), MaxLabelName), err)
	}
	m := re.FindStringSubmatch(text(s))
	switch {
	case m == nil:
		return types.String("")
	case len(m) > 1:
		return types.String(m[1])
	}
	return types.String(m[0])
}

// What functions may make of the texts of one delivery.
const (
	maxParts = 10_000  // of split and tags
	maxText  = 1 << 20 // bytes of replace and join
)

func replace(s, from, to string) ref.Val {
	if grown := len(s) + strings.Count(s, from)*(len(to)-len(from)); grown > max(maxText, len(s)) {
		return types.NewErr("replace gives a text of more than %d bytes", maxText)
	}
	return types.String(strings.ReplaceAll(s, from, to))
}

func split(s, separator string) ref.Val {
	parts := strings.SplitN(s, separator, maxParts+1)
	if len(parts) > maxParts {
		return types.NewErr("split gives more than %d parts", maxParts)
	}
	return types.NewStringList(types.DefaultTypeAdapter, parts)
}

func join(x ref.Val, separator string) ref.Val {
	var b strings.Builder
	for it := list(x).(traits.Lister).Iterator(); it.HasNext() == types.True; {
		s := text(it.Next())
		if b.Len() > 0 {
			s = separator + s
		}
		if b.Len()+len(s) > maxText {
			return types.NewErr("join gives a text of more than %d bytes", maxText)
		}
		b.WriteString(s)
	}
	return types.String(b.String())
}
