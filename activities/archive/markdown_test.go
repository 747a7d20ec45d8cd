package archive

import (
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestSplit(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, text string
		want       []section
	}{
		{"no heading", "just text\n", []section{{"pool", "pool", "just text"}}},
		{"nothing", "\n\n", nil},
		{"title and sections", "# Pool\nintro\n## Full ##\nraise it\n### Deeper\nmore\n", []section{
			{"pool", "Pool", "intro"}, {"full", "Pool › Full", "raise it"}, {"deeper", "Pool › Deeper", "more"}}},
		{"title alone", "# Pool exhausted", []section{{"pool-exhausted", "Pool exhausted", ""}}},
		{"code is no heading", "# Pool\n```sh\n# not a heading\n```\n~~~\n## nor this\n```\n~~~\n", []section{
			{"pool", "Pool", "```sh\n# not a heading\n```\n~~~\n## nor this\n```\n~~~"}}},
		{"underlined", "Pool\n====\nintro\n\nFull\n----\nraise it\n\n- item\n---\n", []section{
			{"pool", "Pool", "intro"}, {"full", "Pool › Full", "raise it\n\n- item\n---"}}},
		{"front matter", "---\ntitle: x\n---\n# Pool\nintro", []section{{"pool", "Pool", "intro"}}},
		{"hash tags and deep marks", "# Pool\n#tag\n####### seven\n", []section{{"pool", "Pool", "#tag\n####### seven"}}},
		{"the same heading twice", "# P\n## A\none\n## A\ntwo\n## A 1\nthree\r\n", []section{
			{"p", "P", ""}, {"a", "P › A", "one"}, {"a-1", "P › A", "two"}, {"a-1-1", "P › A 1", "three"}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if got := split("db/pool.md", c.text); !reflect.DeepEqual(got, c.want) {
				t.Errorf("\n got %q\nwant %q", got, c.want)
			}
		})
	}
}

// FuzzSplit holds that nothing but headings is lost, no part is too long or cut
// within a character, and no two have the same anchor.
func FuzzSplit(f *testing.F) {
	for _, s := range []string{"# A\ntext\n## B\n", "A\n=\n", "```\n# x", strings.Repeat("é", 5000), "# a\n# a\n# a-1\n# a", strings.Repeat("line\n\n", 2000)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if !utf8.ValidString(text) {
			t.Skip()
		}
		seen := map[string]bool{}
		for _, s := range split("a.md", text) {
			if seen[s.anchor] {
				t.Errorf("two sections have the anchor %q", s.anchor)
			}
			seen[s.anchor] = true
			if len(s.body) > maxSection || !utf8.ValidString(s.body) {
				t.Errorf("a part of %d bytes", len(s.body))
			}
		}
	})
}
