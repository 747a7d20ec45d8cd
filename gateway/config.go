package gateway

import (
	"errors"
	"flag"
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"vigil/gateway/slackinteraction"
)

// Config is what a gateway is told. DefaultConfig says every default; Flags
// names each field on the command line, and VIGIL_ with the flag's name in
// capitals and underscores names it in the environment.
type Config struct {
	Listen  string // address of the HTTP server; port 0 takes a free one
	DataDir string // directory of the store and the session key; made if absent
	WebDir  string // directory of the built dashboards

	EvidenceDir string // where workers keep evidence that is too large for a history, as this gateway sees it; empty: it is not served

	TemporalUIURL string // a namespace in Temporal's web UI, for links to workflows; empty: there are none

	NATSURL        string // where the event stream is; unused when Deps has a connection
	StreamReplicas int    // copies of the stream when it is made

	TokenFile      string
	SourcesFile    string   // alert sources that authenticate in ways of their own; empty: all use tokens
	DevPrincipal   bool     // whoever comes from this machine without credentials is admin
	SessionKeyFile string   // default: session.key in DataDir; replicas need the same
	PlainCookies   bool     // session cookies without TLS; implied when listening on loopback
	AllowedHosts   []string // names of this gateway besides loopback's and Listen's
	AllowedOrigins []string // pages of other origins that may use it

	SlackSigningSecretFile string // signing secrets of the Slack app; empty: no clicks are taken
	SlackUsersFile         string // which principal each Slack user is
	SlackHooksURL          string // where Slack takes answers to clicks

	MappingsDir     string        // mappings of the user's own; they add to those that come with Vigil
	CorrelationFile string        // rules by which alerts are grouped; default: those that come with Vigil
	BusinessFile    string        // what downtime costs and what incidents took before; empty: no amounts of money
	KeepIncidents   time.Duration // how long closed incidents are kept; 0: for ever
	KeepDeliveries  time.Duration // how long deliveries are kept that are done with
	MaxBacklog      int64         // deliveries and dispatches that may wait; beyond it, 503
	MinFreeDisk     int64         // bytes that must be left on the store's disk; below it, 503

	MaxAlertBytes  int64 // a larger delivery is 413, after decompression as before it
	MaxAlertMemory int64 // all deliveries in flight together; beyond it, 503

	ReadTimeout    time.Duration // for one request, body included
	ReconcileEvery time.Duration // how often open incidents are compared with Temporal
	SystemEvery    time.Duration // how often health and business figures go to sockets
	StopTimeout    time.Duration // how long Stop may take
}

// DefaultConfig is the configuration of a gateway that nobody configured. It
// lacks a way to sign in: give TokenFile or DevPrincipal.
func DefaultConfig() Config {
	return Config{
		Listen: "127.0.0.1:8080", DataDir: ".vigil", WebDir: "web/dist",
		NATSURL: "nats://127.0.0.1:4222", StreamReplicas: 1, SlackHooksURL: slackinteraction.HooksURL,
		KeepDeliveries: 30 * 24 * time.Hour, MaxBacklog: 500_000, MinFreeDisk: 256 << 20,
		MaxAlertBytes: 16 << 20, MaxAlertMemory: 256 << 20,
		ReadTimeout: 30 * time.Second, ReconcileEvery: time.Second, SystemEvery: 3 * time.Second,
		StopTimeout: 4 * time.Second,
	}
}

// Flags adds a flag for every field to fs. The field's value is the default.
func (c *Config) Flags(fs *flag.FlagSet) {
	fs.StringVar(&c.Listen, "listen", c.Listen, "`address` to serve HTTP on")
	fs.StringVar(&c.DataDir, "data-dir", c.DataDir, "`directory` of the gateway's store; made if it does not exist")
	fs.StringVar(&c.WebDir, "web-dir", c.WebDir, "`directory` of the built dashboards")
	fs.StringVar(&c.EvidenceDir, "evidence-dir", c.EvidenceDir, "`directory` in which workers keep evidence that is too large for a history, where this gateway can read it; empty to serve only what incidents hold")
	fs.StringVar(&c.TemporalUIURL, "temporal-ui-url", c.TemporalUIURL, "`url` at which people's browsers find the namespace in Temporal's web UI, such as https://temporal.example.com/namespaces/default; empty for no links to workflows")
	fs.StringVar(&c.NATSURL, "nats-url", c.NATSURL, "`url` of the NATS server that has the event stream")
	fs.IntVar(&c.StreamReplicas, "stream-replicas", c.StreamReplicas, "copies of the event stream, when this gateway is the one that makes it; 3 on a NATS cluster")
	fs.StringVar(&c.TokenFile, "token-file", c.TokenFile, "YAML `file` of principals, their roles and the hashes of their tokens; reread when it changes")
	fs.StringVar(&c.SourcesFile, "sources-file", c.SourcesFile, "YAML `file` of alert sources that authenticate in ways of their own, such as by a signature; reread when it changes; without it all send tokens")
	fs.BoolVar(&c.DevPrincipal, "dev-principal", c.DevPrincipal, "take whoever connects from this machine without credentials for an admin called dev; refused unless --listen is a loopback address")
	fs.StringVar(&c.SessionKeyFile, "session-key-file", c.SessionKeyFile, "`file` with at least 32 random bytes that sign session cookies; the same for all replicas (default session.key in the data directory, made if absent)")
	fs.BoolVar(&c.PlainCookies, "plain-cookies", c.PlainCookies, "let browsers send session cookies without TLS; always so when --listen is a loopback address")
	fs.Var(listFlag{&c.AllowedHosts}, "allowed-hosts", "comma-separated host `names` by which the gateway may be addressed, besides localhost and the one in --listen")
	fs.Var(listFlag{&c.AllowedOrigins}, "allowed-origins", "comma-separated `origins` (https://name:port) whose pages may use the gateway, besides its own")
	fs.StringVar(&c.SlackSigningSecretFile, "slack-signing-secret-file", c.SlackSigningSecretFile, "`file` with the signing secret of the Slack app, or two, one a line, while it is replaced; empty takes no clicks from Slack")
	fs.StringVar(&c.SlackUsersFile, "slack-users-file", c.SlackUsersFile, "YAML `file` that says which principal of --token-file each Slack user is; reread when it changes")
	fs.StringVar(&c.SlackHooksURL, "slack-hooks-url", c.SlackHooksURL, "`url` of the only host at which people who clicked in Slack are answered")
	fs.StringVar(&c.MappingsDir, "mappings-dir", c.MappingsDir, "`directory` of YAML mappings by which more sources are read (gateway/intake/mappings/README.md); reread when one changes")
	fs.StringVar(&c.CorrelationFile, "correlation-file", c.CorrelationFile, "YAML `file` of the rules by which alerts are grouped into incidents (default those that come with Vigil, at /api/v1/correlation)")
	fs.StringVar(&c.BusinessFile, "business-file", c.BusinessFile, "YAML `file` that says what downtime costs and what incidents took before Vigil (deploy/docs/business-figures.md); reread when it changes; without it no amounts of money are computed")
	fs.DurationVar(&c.KeepIncidents, "keep-incidents", c.KeepIncidents, "how long incidents are kept after they closed, with their events and what they add to the business figures; 0 for ever")
	fs.DurationVar(&c.KeepDeliveries, "keep-deliveries", c.KeepDeliveries, "how long the bytes that senders sent are kept once their alerts are with an incident; what is in quarantine stays")
	fs.Int64Var(&c.MaxBacklog, "max-backlog", c.MaxBacklog, "`alerts` that may wait for Temporal before senders are answered 503")
	fs.Int64Var(&c.MinFreeDisk, "min-free-disk", c.MinFreeDisk, "`bytes` that must be left on the disk of --data-dir, or senders are answered 503")
	fs.Int64Var(&c.MaxAlertBytes, "max-alert-bytes", c.MaxAlertBytes, "largest delivery that is taken, in `bytes`")
	fs.Int64Var(&c.MaxAlertMemory, "max-alert-memory", c.MaxAlertMemory, "most that deliveries in flight may hold together, in `bytes`")
	fs.DurationVar(&c.ReadTimeout, "read-timeout", c.ReadTimeout, "longest that a request may take to arrive")
	fs.DurationVar(&c.ReconcileEvery, "reconcile-every", c.ReconcileEvery, "how often open incidents are compared with Temporal")
	fs.DurationVar(&c.SystemEvery, "system-every", c.SystemEvery, "how often health and business figures are sent to dashboards")
	fs.DurationVar(&c.StopTimeout, "stop-timeout", c.StopTimeout, "longest that stopping may take")
}

// Validate says what is wrong with c, and what would be right.
func (c Config) Validate() error {
	host, _, err := net.SplitHostPort(c.Listen)
	switch {
	case err != nil:
		return fmt.Errorf("gateway: --listen is %q; write it as host:port, such as 127.0.0.1:8080", c.Listen)
	case c.DevPrincipal && !isLoopbackHost(host):
		return fmt.Errorf("gateway: --dev-principal would make everyone who reaches %s an admin; listen on 127.0.0.1, or use --token-file", c.Listen)
	case c.TokenFile == "" && !c.DevPrincipal:
		return errors.New("gateway: nobody could use it: give --token-file, or --dev-principal while listening on loopback")
	case (c.SlackSigningSecretFile == "") != (c.SlackUsersFile == ""):
		return errors.New("gateway: --slack-signing-secret-file and --slack-users-file belong together: a click must be Slack's, and somebody's")
	case c.SlackUsersFile != "" && c.TokenFile == "":
		return errors.New("gateway: --slack-users-file needs --token-file, which says what the people that it names may do")
	case c.TemporalUIURL != "" && !isNamespaceURL(c.TemporalUIURL):
		return fmt.Errorf("gateway: --temporal-ui-url is %q; give the page of the namespace, such as https://temporal.example.com/namespaces/default", c.TemporalUIURL)
	case c.DataDir == "":
		return errors.New("gateway: --data-dir is empty; name a directory on a local disk")
	case c.KeepDeliveries < time.Hour:
		return fmt.Errorf("gateway: --keep-deliveries is %s; use 1h or more", c.KeepDeliveries)
	case c.KeepIncidents != 0 && c.KeepIncidents < 24*time.Hour:
		return fmt.Errorf("gateway: --keep-incidents is %s; use 24h or more, or 0 for ever", c.KeepIncidents)
	case c.MaxBacklog < 1 || c.MinFreeDisk < 0:
		return errors.New("gateway: --max-backlog must be 1 or more, --min-free-disk 0 or more")
	case c.MaxAlertBytes < 1<<10:
		return fmt.Errorf("gateway: --max-alert-bytes is %d; use 1024 or more", c.MaxAlertBytes)
	case c.MaxAlertMemory < 2*c.MaxAlertBytes:
		return fmt.Errorf("gateway: --max-alert-memory is %d; it must be at least twice --max-alert-bytes, for a compressed delivery and what it unpacks to", c.MaxAlertMemory)
	case c.StreamReplicas < 1 || c.StreamReplicas > 5:
		return fmt.Errorf("gateway: --stream-replicas is %d; use 1 to 5", c.StreamReplicas)
	case c.ReadTimeout <= 0 || c.ReconcileEvery <= 0 || c.SystemEvery <= 0 || c.StopTimeout <= 0:
		return errors.New("gateway: --read-timeout, --reconcile-every, --system-every and --stop-timeout must be positive")
	}
	return nil
}

// isNamespaceURL reports whether workflows can be linked to below u. It is
// put into pages, so it must not be a script.
func isNamespaceURL(u string) bool {
	p, err := url.Parse(u)
	return err == nil && (p.Scheme == "http" || p.Scheme == "https") && p.Host != "" && strings.Contains(p.Path, "/namespaces/")
}

func (c Config) sessionKeyFile() string {
	if c.SessionKeyFile != "" {
		return c.SessionKeyFile
	}
	return filepath.Join(c.DataDir, "session.key")
}

func (c Config) storeFile() string { return filepath.Join(c.DataDir, "gateway.db") }

// secureCookies reports whether browsers must keep cookies to TLS. On
// loopback there is no TLS, nor anybody who could listen.
func (c Config) secureCookies() bool {
	host, _, _ := net.SplitHostPort(c.Listen)
	return !c.PlainCookies && !isLoopbackHost(host)
}

// listFlag is a flag whose value is separated by commas.
type listFlag struct{ to *[]string }

func (l listFlag) String() string {
	if l.to == nil {
		return ""
	}
	return strings.Join(*l.to, ",")
}

func (l listFlag) Set(value string) error {
	*l.to = nil
	for _, item := range strings.Split(value, ",") {
		if item = strings.TrimSpace(item); item != "" {
			*l.to = append(*l.to, item)
		}
	}
	return nil
}
