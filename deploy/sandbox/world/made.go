package world

import (
	"math/rand/v2"
	"slices"
)

// theme is what the services of a made world are called.
type theme struct {
	entries, services         []string
	databases, caches, tables []string
	externals, queues         []string
}

var themes = []theme{
	{[]string{"edge", "gateway", "storefront"}, []string{"search", "basket", "pricing", "stock", "shipping", "reviews", "loyalty", "returns", "recommender", "invoices", "tax", "accounts"},
		[]string{"core-db", "ledger-db"}, []string{"price-cache", "session-cache"}, []string{"baskets", "reservations"}, []string{"carrier-api", "tax-partner"}, []string{"fulfilment-jobs", "mail-jobs"}},
	{[]string{"rider-app", "ingress", "bff"}, []string{"trips", "dispatch", "matching", "maps", "fares", "drivers", "promos", "notifier", "zones", "receipts", "identity", "fleet"},
		[]string{"trips-db", "fleet-db"}, []string{"geo-cache", "fare-cache"}, []string{"positions", "trip-events"}, []string{"sms-provider", "map-tiles-provider"}, []string{"receipt-jobs", "trip-jobs"}},
	{[]string{"portal", "public-api", "frontend"}, []string{"transfers", "balances", "limits", "fraud", "cards", "statements", "onboarding", "quotes", "disputes", "fx", "audit", "customers"},
		[]string{"accounts-db", "risk-db"}, []string{"rates-cache", "profile-cache"}, []string{"idempotency-keys", "card-tokens"}, []string{"card-network", "credit-bureau"}, []string{"posting-jobs", "letter-jobs"}},
	{[]string{"player", "router", "web-client"}, []string{"playback", "library", "rights", "subtitles", "watchlist", "billing", "profiles", "ratings", "telemetry", "live", "ads", "titles"},
		[]string{"library-db", "billing-db"}, []string{"title-cache", "rights-cache"}, []string{"playheads", "devices"}, []string{"ad-exchange", "drm-provider"}, []string{"encode-jobs", "digest-jobs"}},
}

// made makes the topology of a seed: four to nine services of its own code, of
// which one takes the requests in and one is watched by the alarm, one or two
// databases, a cache, a table and somebody else's service. What is watched
// depends on another service and a database at least, so that every fault has
// a place. Half of the worlds have a queue, which fills when its consumer waits
// for the database.
func made(seed uint64) *topology {
	m := &maker{r: rand.New(rand.NewPCG(seed, 0x2545f4914f6cdd1d))}
	th := themes[m.r.IntN(len(themes))]
	names := slices.Clone(th.services)
	m.r.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	queued := m.r.IntN(2) == 0
	own := 4 + m.r.IntN(6)
	if queued {
		own = 4 + m.r.IntN(4) // it brings a service along
	}

	t := topology{entry: one(m, th.entries), rate: m.between(60, 380), noise: m.between(0.6, 1.5)}
	t.watched = t.entry
	m.service(t.entry)
	if m.r.IntN(3) > 0 {
		t.watched = names[0]
		names = names[1:]
		m.service(t.watched)
		m.call(t.entry, t.watched, call{latency: m.between(0.9, 1), errors: m.between(0.6, 0.95), fanout: m.between(0.4, 1)})
	}
	depth := map[string]int{t.watched: 0}
	var below []string // what the watched service depends on, itself included
	below = append(below, t.watched)
	for i := 0; len(m.nodes) < own; i++ {
		name := names[i]
		m.service(name)
		if i >= 2 && m.r.IntN(3) == 0 && t.entry != t.watched { // beside it
			m.call(t.entry, name, call{latency: m.between(0.05, 0.2), errors: m.between(0.4, 0.8), fanout: m.between(0.3, 1)})
			continue
		}
		parent := one(m, below)
		for depth[parent] >= 2 {
			parent = one(m, below)
		}
		depth[name] = depth[parent] + 1
		m.call(parent, name, call{latency: m.between(0.8, 1), errors: m.between(0.7, 0.95), fanout: m.between(0.5, 1.2)})
		below = append(below, name)
	}

	toDatabase := func() call {
		return call{latency: m.between(1.5, 3), errors: m.between(0.25, 0.5), fanout: m.between(1, 3)}
	}
	// Two clients at least for the first database, one for what else there is.
	clients := slices.Clone(below)
	m.r.Shuffle(len(clients), func(i, j int) { clients[i], clients[j] = clients[j], clients[i] })
	first := one(m, th.databases)
	for _, c := range clients[:min(len(clients), 2+m.r.IntN(2))] {
		m.call(c, first, toDatabase())
	}
	databases := []string{first}
	if m.r.IntN(5) < 2 {
		second := th.databases[0]
		if second == first {
			second = th.databases[1]
		}
		databases = append(databases, second)
		for _, c := range clients[max(0, len(clients)-2):] {
			m.call(c, second, toDatabase())
		}
	}
	if queued { // whose consumer nobody waits for
		queue, worker := one(m, th.queues), names[len(names)-1]
		m.call(one(m, below), queue, call{fanout: m.between(0.05, 0.3)})
		m.nodes = append(m.nodes, &node{name: queue, kind: KindQueue, own: m.between(5, 12), calls: []call{{to: worker, fanout: 1}},
			base: levels{gQueueDepth: m.between(20, 200), gQueueAge: m.between(0.8, 3)}})
		m.service(worker)
		m.call(worker, first, toDatabase())
	}
	cache, table, external := one(m, th.caches), one(m, th.tables), one(m, th.externals)
	m.call(clients[0], cache, call{latency: 2, fanout: 1})
	for i, c := range m.byName(clients[0]).calls { // most of what it asks is in the cache
		if c.to == first {
			m.byName(clients[0]).calls[i].fanout = 0.1 + 0.2*m.r.Float64()
			m.byName(clients[0]).calls[i].latency = m.between(0.8, 1.5)
		}
	}
	m.call(one(m, below), table, call{latency: 1, errors: m.between(0.6, 0.9), fanout: m.between(1, 3)})
	m.call(one(m, below), external, call{latency: m.between(0.8, 1), errors: m.between(0.8, 0.95), fanout: 1})

	for _, name := range databases {
		m.nodes = append(m.nodes, &node{name: name, kind: KindDatabase, own: m.between(3, 6), cpu: m.between(24, 42), base: m.vary(databaseBase(m.between(35, 110)))})
	}
	m.nodes = append(m.nodes,
		&node{name: cache, kind: KindCache, own: m.between(0.5, 1.2), cpu: m.between(8, 22), base: m.vary(cacheBase(m.between(30, 90)))},
		&node{name: table, kind: KindTable, own: m.between(4, 9)},
		&node{name: external, kind: KindExternal, own: m.between(25, 60)})
	for _, n := range m.nodes {
		t.nodes = append(t.nodes, *n)
	}
	return newTopology(t)
}

// maker draws what a made world is made of.
type maker struct {
	r     *rand.Rand
	nodes []*node
}

func (m *maker) between(lo, hi float64) float64 { return lo + (hi-lo)*m.r.Float64() }

func one(m *maker, names []string) string { return names[m.r.IntN(len(names))] }

// service adds a service of its own code, whose calls come later.
func (m *maker) service(name string) {
	m.nodes = append(m.nodes, &node{name: name, kind: KindECS, own: m.between(8, 38), cpu: m.between(22, 42), memory: m.between(38, 58),
		talk: dialect(m.r.IntN(int(dialects)))})
}

func (m *maker) byName(name string) *node {
	for _, n := range m.nodes {
		if n.name == name {
			return n
		}
	}
	panic("world: there is no " + name)
}

func (m *maker) call(from string, to string, c call) {
	c.to = to
	m.byName(from).calls = append(m.byName(from).calls, c)
}

// vary makes other values of the same order, but for shares.
func (m *maker) vary(base levels) levels {
	for g := range base {
		if g := gauge(g); g != gHitRate && g != gConnections {
			base[g] *= m.between(0.6, 1.6)
		}
	}
	return base
}
