package world

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
)

// The services of the world.
const (
	Web          = "web"
	API          = "api"
	Checkout     = "checkout"
	Catalog      = "catalog"
	Orders       = "orders"
	Payments     = "payments"
	OrdersDB     = "orders-db"
	CatalogCache = "catalog-cache"
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
}

const (
	baseRate        = 140.0 // requests per second at web
	baseErrors      = 0.001 // share of requests that fail for reasons of no interest
	baseConnections = 58.0  // of orders-db
	baseLimit       = 100   // max_connections of orders-db
	raisedLimit     = 200
	cacheClients    = 48.0
)

// nodes are in the order in which requests flow, callers before callees.
var nodes = []node{
	{name: Web, kind: KindECS, own: 8, cpu: 31, memory: 42, calls: []call{{to: API, latency: 1, errors: 0.95, fanout: 0.98}}},
	{name: API, kind: KindECS, own: 9, cpu: 36, memory: 48, calls: []call{
		{to: Checkout, latency: 0.95, errors: 0.25, fanout: 0.25}, {to: Catalog, latency: 0.1, errors: 0.7, fanout: 0.7}}},
	{name: Checkout, kind: KindECS, own: 40, cpu: 33, memory: 51, calls: []call{
		{to: Orders, latency: 1, errors: 0.9, fanout: 0.98}, {to: Payments, latency: 1, errors: 0.9, fanout: 0.9}}},
	{name: Catalog, kind: KindECS, own: 12, cpu: 28, memory: 44, calls: []call{
		{to: CatalogCache, latency: 2, errors: 0, fanout: 1}, {to: OrdersDB, latency: 0.1, errors: 0, fanout: 0.05}}},
	{name: Orders, kind: KindECS, own: 20, cpu: 34, memory: 47, calls: []call{{to: OrdersDB, latency: 2.5, errors: 0.2, fanout: 3}}},
	{name: Payments, kind: KindECS, own: 46, cpu: 30, memory: 46, calls: []call{{to: OrdersDB, latency: 2.5, errors: 0.2, fanout: 2}}},
	{name: OrdersDB, kind: KindDatabase, own: 4, cpu: 34},
	{name: CatalogCache, kind: KindCache, own: 0.8, cpu: 12},
}

var nodeByName = func() map[string]node {
	m := make(map[string]node, len(nodes))
	for _, n := range nodes {
		m[n.name] = n
	}
	return m
}()

// Service is one node of the graph, as others may know it.
type Service struct {
	Name  string   `json:"name"`
	Kind  Kind     `json:"kind"`
	Calls []string `json:"calls,omitempty"`
}

// Services lists the services, callers before callees.
func Services() []Service {
	out := make([]Service, 0, len(nodes))
	for _, n := range nodes {
		s := Service{Name: n.name, Kind: n.kind}
		for _, c := range n.calls {
			s.Calls = append(s.Calls, c.to)
		}
		out = append(out, s)
	}
	return out
}

// KindOf returns what name is; false where there is no such service.
func KindOf(name string) (Kind, bool) {
	n, ok := nodeByName[name]
	return n.kind, ok
}
