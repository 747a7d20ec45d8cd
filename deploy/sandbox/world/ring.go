package world

// ring keeps the latest items, oldest first.
type ring[T any] struct {
	items []T
	start int
	limit int
}

func newRing[T any](limit int) *ring[T] { return &ring[T]{limit: limit} }

func (r *ring[T]) add(v T) {
	if len(r.items) < r.limit {
		r.items = append(r.items, v)
		return
	}
	r.items[r.start] = v
	r.start = (r.start + 1) % r.limit
}

func (r *ring[T]) len() int { return len(r.items) }

// at returns item i, 0 the oldest.
func (r *ring[T]) at(i int) T { return r.items[(r.start+i)%len(r.items)] }

// where returns the items for which keep holds, oldest first.
func (r *ring[T]) where(keep func(T) bool) []T {
	var out []T
	for i := range r.items {
		if v := r.at(i); keep(v) {
			out = append(out, v)
		}
	}
	return out
}
