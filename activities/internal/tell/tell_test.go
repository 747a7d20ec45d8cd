package tell_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"vigil/activities/internal/tell"
	"vigil/activities/internal/tell/telltest"
	"vigil/workflows/incident"
)

func TestClip(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		s    string
		n    int
		want string
	}{{"abc", 3, "abc"}, {"abcd", 3, "ab…"}, {"üüü", 3, "üüü"}, {"üüüü", 3, "üü…"}, {"abc", 0, "…"}, {"", 5, ""}} {
		if got := tell.Clip(c.s, c.n); got != c.want {
			t.Errorf("%q to %d: %q, want %q", c.s, c.n, got, c.want)
		}
	}
}

// TestInert: whatever comes in, what goes out is text that shows what it is.
func TestInert(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"a\x00b": "ab", "a\r\nb\tc": "a \nb c", "gnp.\u202eexe": "gnp.exe", "\xff\xfe": "", "\ufeffa\u2066b\u2069": "ab", "日本\u2028x": "日本 x"} {
		if got := tell.Inert(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.String().Draw(t, "s") + string(rapid.SliceOf(rapid.Byte()).Draw(t, "bytes"))
		line := tell.Line(s)
		if strings.ContainsFunc(line, func(r rune) bool { return r < ' ' || r == 0x7f }) || !utf8.ValidString(line) || tell.Line(line) != line {
			t.Fatalf("%q", line)
		}
	})
}

func TestScrub(t *testing.T) {
	t.Parallel()
	if got := tell.Scrub("refused "+telltest.Secret+" of xoxb-12345678-abc, Bearer abcdefghijklmnop0123", []string{telltest.Secret, ""}); strings.Contains(got, "canary") || strings.Contains(got, "xoxb-1") || strings.Contains(got, "abcdefgh") {
		t.Errorf("%q", got)
	}
}

func TestSecret(t *testing.T) {
	t.Parallel()
	if got, err := tell.Secret("a token", telltest.File(t, " s3cret\n")); err != nil || got != "s3cret" {
		t.Errorf("%q, %v", got, err)
	}
	for _, content := range []string{"", " \n", "canary one\ncanary two", "canary\x00"} {
		if _, err := tell.Secret("a token", telltest.File(t, content)); incident.KindOf(err) != incident.KindDenied || strings.Contains(err.Error(), "canary") {
			t.Errorf("%q: %v", content, err)
		}
	}
	if _, err := tell.Secret("a token", "/nowhere"); incident.KindOf(err) != incident.KindDenied {
		t.Errorf("%v", err)
	}
}
