package world

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestRing(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.IntRange(1, 20).Draw(t, "limit")
		items := rapid.SliceOfN(rapid.Int(), 1, 60).Draw(t, "items")
		r := newRing[int](limit)
		for _, v := range items {
			r.add(v)
		}
		want := items[max(0, len(items)-limit):]
		if got := r.where(func(int) bool { return true }); !slices.Equal(got, want) || r.len() != len(want) || r.at(r.len()-1) != want[len(want)-1] {
			t.Fatalf("a ring of %d has %v of %v", limit, got, items)
		}
	})
}
