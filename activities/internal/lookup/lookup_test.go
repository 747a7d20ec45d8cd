package lookup

import (
	"math"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"vigil/activities"
)

func TestQuestion(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		q    activities.Search
		most int
		want string
	}{
		{activities.Search{Text: " a \n b\tc ", Service: "cart", Cause: "memory_leak"}, 100, "a b c; cart; memory leak"},
		{activities.Search{Text: "password=hunter2 x"}, 100, "password=[redacted] x"},
		{activities.Search{Text: "ééééé"}, 3, "ééé"},
		{activities.Search{Text: " \n"}, 100, ""},
	} {
		if got := Question(c.q, c.most); got != c.want {
			t.Errorf("%+v asks %q, want %q", c.q, got, c.want)
		}
	}
}

func TestTextIsBounded(t *testing.T) {
	t.Parallel()
	if got := Text(strings.Repeat("é", 2*maxText)); utf8.RuneCountInString(got) != maxText+1 || !strings.HasSuffix(got, "…") {
		t.Errorf("%d characters", utf8.RuneCountInString(got))
	}
}

func TestScore(t *testing.T) {
	t.Parallel()
	for in, want := range map[float64]float64{-1: 0, 0.5: 0.5, 7: 1, math.Inf(1): 1} {
		if got := Score(&in); got != want {
			t.Errorf("%v is %v, want %v", in, got, want)
		}
	}
	nan := math.NaN()
	if Score(nil) != 0 || Score(&nan) != 0 {
		t.Error("a score that is none is not 0")
	}
}

func TestUnique(t *testing.T) {
	t.Parallel()
	ids := IDs{}
	var got []string
	for _, id := range []string{"a", "a#2", "a", "b", "a"} {
		got = append(got, ids.Unique(id))
	}
	seen := map[string]bool{}
	for _, id := range got {
		if seen[id] {
			t.Errorf("%v are not unique", got)
		}
		seen[id] = true
	}
	if !slices.Equal(got[:2], []string{"a", "a#2"}) {
		t.Errorf("ids %v", got)
	}
}

func TestURI(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"s3://b/k.md": "s3://b/k.md", "https://a:secret@b/c": "https://a:[redacted]@b/c", "https://b/c?token=abcdefgh": "https://b/c?token=[redacted]"} {
		if got := URI(in); got != want {
			t.Errorf("%s is %s, want %s", in, got, want)
		}
	}
}

func TestTitle(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ uri, title, want string }{{"s3://b/k.md", "", "k.md"}, {"s3://b/k.md", " A  b ", "A b"}, {"", "", "untitled"}, {"https://a/b/", "", "b"}} {
		if got := Title(c.uri, c.title); got != c.want {
			t.Errorf("%q %q is %q, want %q", c.uri, c.title, got, c.want)
		}
	}
}
