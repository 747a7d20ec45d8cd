package world

import (
	"fmt"
	"math"
)

// The names by which the world's resources are known to its AWS interfaces.
const (
	Environment = "prod"
	Cluster     = "prod"
	Account     = "000000000000"
	Region      = "us-east-1"
)

// Kind says what a node of the graph is.
type Kind string

const (
	KindECS      Kind = "ecs"
	KindDatabase Kind = "database"
	KindCache    Kind = "cache"
	KindTable    Kind = "table"    // a managed table with a quota
	KindQueue    Kind = "queue"    // what one service leaves for another to do later
	KindExternal Kind = "external" // somebody else's: seen in traces, measured by nobody here
)

// The services of the shop, which is the world that is not varied.
const (
	Web              = "web"
	API              = "api"
	Checkout         = "checkout"
	Catalog          = "catalog"
	Orders           = "orders"
	Payments         = "payments"
	OrdersDB         = "orders-db"
	CatalogCache     = "catalog-cache"
	Carts            = "carts"
	PaymentsProvider = "payments-provider"
)

// call is one dependency: how much of the callee's latency and errors its
// caller sees, and how many calls one request causes.
type call struct {
	to      string
	latency float64 // share of the callee's p95 that adds to the caller's own
	errors  float64 // share of the callee's failures that fail the caller's request
	fanout  float64 // calls per request
}

// node is the normal state of one service.
type node struct {
	name   string
	kind   Kind
	own    float64 // milliseconds of p95 that are its own work
	cpu    float64 // percent at normal traffic
	memory float64 // percent; 0: not measured
	calls  []call
	talk   dialect // how it writes its log
	base   levels  // what else is measured of it at normal traffic
}

const (
	baseErrors   = 0.001 // share of requests that fail for reasons of no interest
	baseHitRate  = 0.94  // of a cache
	limitOverUse = 1.72  // max_connections of a database, in connections that it normally has
)

// topology is the graph of one world. It never changes once it is made.
type topology struct {
	nodes     []node // callers before callees
	byName    map[string]*node
	entry     string             // where requests come in
	watched   string             // whose latency the alarm is about
	rate      float64            // requests per second at the entry
	threshold float64            // of the alarm, milliseconds
	rates     map[string]float64 // requests per second of each node when nothing is wrong
	normal    map[string]float64 // milliseconds of p95 of each node when nothing is wrong
	reach     map[string]float64 // how much of a node's latency the watched one sees
	noise     float64            // spread of all measures, as a multiple of the shop's
}

// shop is the world that everybody knows.
var shop = newTopology(topology{entry: Web, watched: Checkout, rate: 140, threshold: 300, noise: 1, nodes: []node{
	{name: Web, kind: KindECS, own: 8, cpu: 31, memory: 42, calls: []call{{to: API, latency: 1, errors: 0.95, fanout: 0.98}}},
	{name: API, kind: KindECS, own: 9, cpu: 36, memory: 48, calls: []call{
		{to: Checkout, latency: 0.95, errors: 0.25, fanout: 0.25}, {to: Catalog, latency: 0.1, errors: 0.7, fanout: 0.7}}},
	{name: Checkout, kind: KindECS, own: 34, cpu: 33, memory: 51, calls: []call{
		{to: Carts, latency: 1, errors: 0.8, fanout: 2}, {to: CatalogCache, latency: 1, errors: 0, fanout: 1},
		{to: Orders, latency: 1, errors: 0.9, fanout: 0.98}, {to: Payments, latency: 1, errors: 0.9, fanout: 0.9}}},
	{name: Catalog, kind: KindECS, own: 12, cpu: 28, memory: 44, calls: []call{
		{to: CatalogCache, latency: 2, errors: 0, fanout: 1}, {to: OrdersDB, latency: 0.1, errors: 0, fanout: 0.05}}},
	{name: Orders, kind: KindECS, own: 20, cpu: 34, memory: 47, calls: []call{{to: OrdersDB, latency: 2.5, errors: 0.2, fanout: 3}}},
	{name: Payments, kind: KindECS, own: 14, cpu: 30, memory: 46, calls: []call{
		{to: OrdersDB, latency: 2.5, errors: 0.2, fanout: 2}, {to: PaymentsProvider, latency: 1, errors: 0.9, fanout: 1}}},
	{name: OrdersDB, kind: KindDatabase, own: 4, cpu: 34, base: databaseBase(58)},
	{name: CatalogCache, kind: KindCache, own: 0.8, cpu: 12, base: cacheBase(48)},
	{name: Carts, kind: KindTable, own: 6},
	{name: PaymentsProvider, kind: KindExternal, own: 32},
}})

// newTopology completes t with what follows from its nodes.
func newTopology(t topology) *topology {
	t.byName = make(map[string]*node, len(t.nodes))
	for i := range t.nodes {
		t.byName[t.nodes[i].name] = &t.nodes[i]
	}
	t.rates, t.normal = map[string]float64{t.entry: t.rate}, map[string]float64{}
	t.reach = map[string]float64{t.watched: 1}
	for _, n := range t.nodes {
		for _, c := range n.calls {
			t.rates[c.to] += t.rates[n.name] * c.fanout
			t.reach[c.to] += t.reach[n.name] * c.latency
		}
	}
	for i := len(t.nodes) - 1; i >= 0; i-- { // callees first
		n := t.nodes[i]
		t.normal[n.name] = n.own
		for _, c := range n.calls {
			t.normal[n.name] += c.latency * t.normal[c.to]
		}
	}
	if t.threshold == 0 {
		t.threshold = math.Round(2.6*t.normal[t.watched]/10) * 10
	}
	return &t
}

// callers are the nodes that call name, in the order of the graph.
func (t *topology) callers(name string) []*node {
	var out []*node
	for i := range t.nodes {
		for _, c := range t.nodes[i].calls {
			if c.to == name {
				out = append(out, &t.nodes[i])
				break
			}
		}
	}
	return out
}

// calls reports whether from calls to.
func (t *topology) calls(from, to string) bool {
	for _, c := range t.byName[from].calls {
		if c.to == to {
			return true
		}
	}
	return false
}

// of returns the names of the nodes of a kind for which keep holds.
func (t *topology) of(kind Kind, keep func(*node) bool) []string {
	var out []string
	for i := range t.nodes {
		if n := &t.nodes[i]; n.kind == kind && (keep == nil || keep(n)) {
			out = append(out, n.name)
		}
	}
	return out
}

// path lists the services from the entry to the watched one, both included.
func (t *topology) path() []string {
	leads := map[string]bool{t.watched: true}
	var out []string
	for i := len(t.nodes) - 1; i >= 0; i-- {
		n := t.nodes[i]
		for _, c := range n.calls {
			if leads[c.to] {
				leads[n.name] = true
			}
		}
		if leads[n.name] {
			out = append([]string{n.name}, out...)
		}
	}
	return out
}

// Service is one node of the graph, as others may know it.
type Service struct {
	Name  string   `json:"name"`
	Kind  Kind     `json:"kind"`
	Calls []string `json:"calls,omitempty"`
}

func (t *topology) services() []Service {
	out := make([]Service, 0, len(t.nodes))
	for _, n := range t.nodes {
		s := Service{Name: n.name, Kind: n.kind}
		for _, c := range n.calls {
			s.Calls = append(s.Calls, c.to)
		}
		out = append(out, s)
	}
	return out
}

func (t *topology) kindOf(name string) (Kind, bool) {
	if n := t.byName[name]; n != nil {
		return n.kind, true
	}
	return "", false
}

func (t *topology) logGroup(service string) string {
	kind, _ := t.kindOf(service)
	return logGroup(service, kind)
}

func logGroup(service string, kind Kind) string {
	switch kind {
	case KindECS:
		return "/ecs/" + service
	case KindDatabase:
		return fmt.Sprintf("/aws/rds/instance/%s/postgresql", service)
	}
	return ""
}

// Services lists the services of this world, callers before callees.
func (w *World) Services() []Service { return w.graph().services() }

// KindOf returns what name is in this world; false where there is no such service.
func (w *World) KindOf(name string) (Kind, bool) { return w.graph().kindOf(name) }

// LogGroup is the name of a service's log group, "" where it has none.
func (w *World) LogGroup(service string) string { return w.graph().logGroup(service) }

// graph is the topology, which another seed replaces.
func (w *World) graph() *topology {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.topo
}

// Services lists the services of the shop, callers before callees.
func Services() []Service { return shop.services() }

// KindOf returns what name is in the shop; false where there is no such service.
func KindOf(name string) (Kind, bool) { return shop.kindOf(name) }

// LogGroup is the name of the log group of a service of the shop.
func LogGroup(service string) string { return shop.logGroup(service) }
