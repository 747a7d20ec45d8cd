package importrules_test

import "strings"

// rule bans imports from a set of packages. Patterns are import paths; one
// that ends in /... also means everything below it.
type rule struct {
	name   string
	from   []string // whom the rule binds
	except []string // of from
	ban    []string // what they must not import; "outside" means every other module
	allow  []string // exceptions from ban
	deps   bool     // also through other packages
	why    string
}

// Groups of packages that several rules name.
var (
	aws     = []string{"github.com/aws/aws-sdk-go-v2/...", "github.com/aws/smithy-go/..."}
	servers = []string{"go.temporal.io/server/...", "github.com/temporalio/ui-server/...", "github.com/nats-io/nats-server/...", "vigil/deploy/..."}
	impure  = []string{"net/http", "os", "math/rand", "math/rand/v2", "crypto/rand", "go.uber.org/zap/..."}
	// outside is everything that is neither of this module nor of the
	// standard library.
	outside = []string{"outside"}
)

var rules = []rule{
	{
		name: "incident is standard library only", from: []string{"vigil/workflows/incident"},
		ban: join(outside, []string{"vigil/..."}),
		why: "its words are shared by workflow, activities and gateway; whatever it imported, all of them would",
	},
	{
		name: "event adds only incident", from: []string{"vigil/workflows/event"},
		ban: join(outside, []string{"vigil/..."}), allow: []string{"vigil/workflows/incident"},
		why: "the protocol is the source of the TypeScript types and must not lean on how it is carried or stored",
	},
	{
		name: "workflow code is deterministic", from: []string{"vigil/workflows", "vigil/workflows/incident", "vigil/workflows/event"},
		ban: impure,
		why: "a workflow is replayed from its history: a clock, a file, the network or chance would make the replay another story",
	},
	{
		name: "workflows link no AWS, logger or server", from: []string{"vigil/workflows"}, deps: true,
		ban: join(aws, servers, []string{"go.uber.org/zap/...", "github.com/nats-io/...", "vigil/gateway/...", "vigil/worker/...", "vigil/internal/..."}),
		why: "workflow code says what to do; who does it is decided where the worker is put together",
	},
	{
		name: "activities hold ports and no SDK", from: []string{"vigil/activities"}, deps: true,
		ban: join(aws, servers, []string{"github.com/nats-io/...", "k8s.io/..."}),
		why: "each technology sits behind a port in a sub-package, so that it can be replaced, and the activities tested without it",
	},
	{
		name: "activities know no gateway", from: []string{"vigil/activities/..."}, deps: true,
		ban: []string{"vigil/gateway/...", "vigil/worker/..."},
		why: "workers run without a gateway; what a dashboard needs travels as an event",
	},
	{
		name: "root cause analysis is pure", from: []string{"vigil/activities/rca/..."}, deps: true,
		ban: join(aws, servers, []string{"net/http", "go.temporal.io/...", "vigil/activities", "vigil/gateway/..."}),
		why: "its verdicts are recomputed from evidence in tests and reviews; nothing may come in from the side",
	},
	{
		name: "the gateway knows no activities and no workflow code", from: []string{"vigil/gateway/..."}, deps: true,
		ban: []string{"vigil/activities/...", "vigil/workflows", "vigil/worker/..."},
		why: "it reaches workflows by name through its own interface, so that gateway and worker can be deployed apart",
	},
	{
		name: "the gateway calls no AWS", from: []string{"vigil/gateway/..."}, deps: true, ban: aws,
		why: "the process that strangers talk to holds no credentials for the user's systems",
	},
	{
		name: "senders are believed by their bytes alone", from: []string{"vigil/gateway/sender"}, deps: true,
		ban: []string{"vigil/...", "github.com/labstack/...", "go.temporal.io/..."}, allow: []string{"vigil/gateway/sender"},
		why: "who may be believed is decided in one small package that can be read, attacked and tested alone",
	},
	{
		name: "clicks in Slack are believed by their bytes alone", from: []string{"vigil/gateway/slackinteraction"}, deps: true,
		ban: []string{"vigil/...", "github.com/labstack/...", "go.temporal.io/..."}, allow: []string{"vigil/gateway/slackinteraction"},
		why: "who may be believed is decided in one small package that can be read, attacked and tested alone",
	},
	{
		name: "business figures follow from events alone", from: []string{"vigil/gateway/analytics"},
		ban: []string{"vigil/...", "os", "net/http", "go.uber.org/zap/...", "gopkg.in/..."}, allow: []string{"vigil/workflows/event", "vigil/workflows/incident"},
		why: "the same events give the same bytes only where nothing else can come in",
	},
	{
		name: "the hub imports only event", from: []string{"vigil/gateway/hub"},
		ban: []string{"vigil/...", "github.com/labstack/...", "go.temporal.io/..."}, allow: []string{"vigil/workflows/event"},
		why: "it moves opaque bytes to sockets; the less it knows, the less can keep it from doing that",
	},
	{
		name: "the hub links no Echo and no Temporal", from: []string{"vigil/gateway/hub"}, deps: true,
		ban: []string{"github.com/labstack/...", "go.temporal.io/..."},
		why: "it is tested and measured alone with a thousand sockets",
	},
	{
		name: "plumbing knows no incident", from: []string{"vigil/internal/..."}, deps: true,
		ban: []string{"vigil/workflows/...", "vigil/activities/...", "vigil/gateway/...", "vigil/worker/..."},
		why: "internal is for what both processes share; what knows an incident belongs to one of them",
	},
	{
		name: "only deploy links servers", from: []string{"vigil/..."}, deps: true, ban: servers,
		why: "the product runs against the user's Temporal, NATS and AWS; embedding them is for development, in a module of its own",
	},
}

// shared are the packages below activities that are no adapters: adapters may
// import them.
var shared = []string{"vigil/activities/awsconfig/...", "vigil/activities/meter/...", "vigil/activities/rca/...", "vigil/activities/internal/..."}

const whyAdapters = "an adapter is one technology behind one port; one that leans on another cannot be replaced alone"

// bans reports whether r forbids importing path.
func (r rule) bans(path string) bool {
	if matches(r.allow, path) {
		return false
	}
	if matches(r.ban, path) {
		return true
	}
	return matches(r.ban, "outside") && isOutside(path)
}

func (r rule) binds(pkg string) bool { return matches(r.from, pkg) && !matches(r.except, pkg) }

// isOutside reports whether path is of another module: its first element is a
// host name.
func isOutside(path string) bool {
	first, _, _ := strings.Cut(path, "/")
	return strings.Contains(first, ".")
}

func matches(patterns []string, path string) bool {
	for _, p := range patterns {
		below, tree := strings.CutSuffix(p, "/...")
		if path == below || (tree && strings.HasPrefix(path, below+"/")) {
			return true
		}
	}
	return false
}

func join(lists ...[]string) []string {
	var all []string
	for _, l := range lists {
		all = append(all, l...)
	}
	return all
}
