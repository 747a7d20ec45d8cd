package world

// Where faults sit in a made world: anywhere that the watched service depends
// on closely enough to feel it.

const felt = 0.5 // share of a node's latency that the watched service sees at least

func (w *World) draw(names []string) string { return names[w.fate.IntN(len(names))] }

// ownCode is a service that nothing was done to in the last minutes: of one
// that was just deployed nobody could say that it is not for that.
func ownCode(w *World) (string, string) {
	near := w.topo.of(KindECS, func(n *node) bool { return w.topo.reach[n.name] >= felt })
	return w.draw(w.undisturbed(near)), ""
}

// undisturbed are those of names that were not deployed lately, or all.
func (w *World) undisturbed(names []string) []string {
	const lately = 120 // ticks
	var out []string
	for _, n := range names {
		if w.at(w.tick).Sub(w.current(n).CreatedAt) > lately*w.cfg.Tick {
			out = append(out, n)
		}
	}
	if len(out) == 0 {
		return names
	}
	return out
}

func onlyOf(k Kind) func(w *World) (string, string) {
	return func(w *World) (string, string) { return w.draw(w.topo.of(k, nil)), "" }
}

// busiestDatabase is a database that the watched service feels.
func busiestDatabase(w *World) (string, string) {
	return w.draw(w.topo.of(KindDatabase, func(n *node) bool { return w.topo.reach[n.name] >= felt })), ""
}

// cacheAndDatabase is the cache and the database that stands behind it.
func cacheAndDatabase(w *World) (string, string) {
	cache := w.draw(w.topo.of(KindCache, nil))
	for _, c := range w.topo.callers(cache) {
		for _, d := range w.topo.of(KindDatabase, nil) {
			if w.topo.calls(c.name, d) {
				return cache, d
			}
		}
	}
	panic("world: no database stands behind " + cache)
}

func twoServices(w *World) (string, string) {
	caller := w.draw(w.undisturbed(w.topo.of(KindECS, func(n *node) bool {
		return w.topo.reach[n.name] >= felt && len(w.ownCallees(n)) > 0
	})))
	return caller, w.draw(w.ownCallees(w.topo.byName[caller]))
}

// ownCallees are the services of our own code that n calls.
func (w *World) ownCallees(n *node) []string {
	var out []string
	for _, c := range n.calls {
		if w.topo.byName[c.to].kind == KindECS {
			out = append(out, c.to)
		}
	}
	return out
}
