package gateway

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
	"golang.org/x/sync/semaphore"

	"vigil/gateway/correlate"
	"vigil/gateway/dispatch"
	"vigil/gateway/hub"
	"vigil/gateway/intake"
	"vigil/gateway/relay"
	"vigil/gateway/sender"
	"vigil/gateway/store"
	"vigil/gateway/store/sqlite"
	"vigil/internal/bus"
	"vigil/internal/lifecycle"
	"vigil/internal/logging"
	"vigil/workflows/event"
	"vigil/workflows/incident"
)

// closedShown is how many closed incidents a browser is given at its start.
const closedShown = 100

// Deps is what a gateway is given to work with. Engine is needed; everything
// else has a default. What is handed in stays the caller's to close.
type Deps struct {
	Engine Engine
	NATS   *nats.Conn           // default: a connection to Config.NATSURL
	Store  store.Store          // default: a SQLite file in Config.DataDir
	Web    fs.FS                // default: Config.WebDir
	Demo   DemoController       // default: none, and no demo routes
	Log    *zap.Logger          // default: none
	Prom   *prometheus.Registry // default: one of its own, served at /metrics as any other

	// Streams, Publisher and the buckets replace NATS altogether, for tests.
	Streams    relay.Streams
	Publisher  EventPublisher
	Controls   Bucket
	Principals Bucket
}

// Gateway is the process that alert sources, people and browsers talk to.
type Gateway struct {
	cfg   Config
	deps  Deps
	log   *zap.Logger
	group lifecycle.Group

	listener net.Listener
	router   *echo.Echo

	admit func() error // instead of looking at backlog and disk, in tests
}

// New checks the configuration. Start does everything else.
func New(cfg Config, deps Deps) (*Gateway, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if deps.Engine == nil {
		return nil, errors.New("gateway: Deps.Engine is nil; give it gateway/temporal's client")
	}
	if deps.Streams != nil && (deps.Publisher == nil || deps.Controls == nil || deps.Principals == nil) {
		return nil, errors.New("gateway: Deps.Streams replaces NATS and is given alone; give Publisher, Controls and Principals with it")
	}
	if deps.Log == nil {
		deps.Log = zap.NewNop()
	}
	if deps.Prom == nil {
		deps.Prom = prometheus.NewRegistry()
	}
	if deps.Web == nil {
		deps.Web = os.DirFS(cfg.WebDir)
	}
	return &Gateway{cfg: cfg, deps: deps, log: deps.Log}, nil
}

// Addr is the address that the gateway listens on, "" before Start.
func (g *Gateway) Addr() string {
	if g.listener == nil {
		return ""
	}
	return g.listener.Addr().String()
}

// Start starts the parts in order. When it returns nil, requests are served;
// Temporal and the stream are connected to in the background. When it returns
// an error, nothing is left running.
func (g *Gateway) Start(ctx context.Context) error {
	l, err := listen(g.cfg.Listen)
	if err != nil {
		return err
	}
	g.listener = l
	g.group.Add(lifecycle.Hook{Name: "listener", Stop: func(context.Context) error {
		if err := l.Close(); err != nil && !errors.Is(err, net.ErrClosed) { // closed by the server, where that ran
			return err
		}
		return nil
	}})
	if err := g.assemble(ctx); err != nil {
		return errors.Join(err, g.group.Start(ctx), g.Stop(context.WithoutCancel(ctx)))
	}
	if err := g.group.Start(ctx); err != nil {
		return fmt.Errorf("gateway: %w", err)
	}
	g.log.Info("the gateway serves", zap.String("address", g.Addr()), zap.Bool("dev_principal", g.cfg.DevPrincipal))
	return nil
}

// Stop accepts nothing more, closes the sockets, lets the dispatcher finish
// what it has in hand, and closes the store. It takes at most StopTimeout.
func (g *Gateway) Stop(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, g.cfg.StopTimeout)
	defer cancel()
	if err := g.group.Stop(ctx); err != nil {
		return fmt.Errorf("gateway: %w", err)
	}
	return nil
}

// assemble makes the parts and says in which order they start. Stopping goes
// the other way, so what is added last stops first: the server, then sockets,
// then what works in the background, and the store at the very end.
func (g *Gateway) assemble(ctx context.Context) error {
	if err := os.MkdirAll(g.cfg.DataDir, 0o700); err != nil {
		return fmt.Errorf("gateway: make the data directory (--data-dir): %w", err)
	}
	s, err := g.openStore(ctx)
	if err != nil {
		return err
	}
	conn, err := g.connect()
	if err != nil {
		return err
	}
	guard, err := newGuard(g.cfg.Listen, g.cfg.AllowedHosts, g.cfg.AllowedOrigins)
	if err != nil {
		return err
	}
	h := hub.New(hub.Config{CheckOrigin: guard.originAllowed, Registerer: g.deps.Prom, Log: logging.Slog(g.log, "hub")},
		relay.NewSource(s, closedShown))
	auth, err := g.authenticator(h)
	if err != nil {
		return err
	}
	r := relay.New(relay.Config{Registerer: g.deps.Prom, Log: g.log.Named("relay")}, conn.streams, s, h, g.deps.Engine)
	metrics := newMetrics(g.deps.Prom, s, g.log)
	controls := newControls(conn.controls, g.log.Named("controls"))
	people := newDirectory(conn.principals, auth.everybody, g.log.Named("principals"))
	if auth.tokens != nil {
		auth.tokens.onReload = people.changed
	}
	leases := newLeases(g.deps.Engine)
	g.deps.Prom.MustRegister(controls, leases)
	sources, err := g.openSources(metrics)
	if err != nil {
		return err
	}
	reader, err := intake.NewReader(g.cfg.MappingsDir, sources.Formats)
	if err != nil {
		return fmt.Errorf("gateway: --mappings-dir: %w", err)
	}
	rules, err := correlate.Load(g.cfg.CorrelationFile, func(rule string, err error) {
		metrics.ruleFailed(rule)
		g.log.Warn("a correlation rule failed and was passed over", zap.String("rule", rule), zap.Error(err))
	})
	if err != nil {
		return fmt.Errorf("gateway: --correlation-file: %w", err)
	}
	label := func(source string) string { return sourceLabel(sources, reader, source) }
	d, err := dispatch.New(dispatch.Config{Inbox: s, Incidents: g.deps.Engine, Correlator: rules, Parse: reader.Parse, Label: label,
		Log: g.log.Named("dispatch"), Metrics: g.deps.Prom})
	if err != nil {
		return err
	}
	admission := &admission{counts: s.InboxCounts, free: freeDisk(g.cfg.DataDir), maxBacklog: g.cfg.MaxBacklog, minFree: uint64(g.cfg.MinFreeDisk), log: g.log}
	health := &health{store: s, engine: g.deps.Engine, relay: r, hub: h, controls: controls, people: people, started: time.Now()}
	rates, err := g.openRates()
	if err != nil {
		return err
	}
	business := newBusiness(s, rates)
	system := &systemEvents{every: g.cfg.SystemEvery, business: business, health: health, hub: h, log: g.log, asked: make(chan struct{}, 1)}
	controls.tell = func(c incident.Controls) { system.send(event.TypeControlsChanged, incident.OriginLive, c) }
	admit := admission.admit
	if g.admit != nil {
		admit = g.admit
	}
	a := &api{
		cfg: g.cfg, log: g.log, store: s, engine: g.deps.Engine, hub: h, auth: auth, sources: sources, label: label, admit: admit, guard: guard, health: health, system: system, business: business,
		controls: controls, leases: leases,
		demo: g.deps.Demo, web: g.deps.Web, metrics: metrics, rules: rules, reader: reader, scraped: newScrape(g.deps.Prom, g.log),
		memory: semaphore.NewWeighted(g.cfg.MaxAlertMemory), wake: d.Notify, now: time.Now,
	}
	if a.slack, err = g.openSlack(a); err != nil {
		return err
	}
	if g.router, err = a.handler(); err != nil {
		return err
	}
	rec := &reconciler{every: g.cfg.ReconcileEvery, engine: g.deps.Engine, reads: s, stream: conn.publisher, metrics: a.metrics,
		log: g.log.Named("reconcile"), now: time.Now, since: map[string]time.Time{}, done: map[string]time.Time{}}

	g.group.Add(lifecycle.Hook{Name: "relay", Start: r.Start, Stop: r.Stop})
	g.group.Add(lifecycle.Hook{Name: "dispatcher", Start: d.Start, Stop: d.Stop})
	g.group.Add(lifecycle.Go("reconciler", rec.run))
	g.group.Add(lifecycle.Go("system events", system.run))
	g.group.Add(lifecycle.Go("controls", controls.watch))
	g.group.Add(lifecycle.Go("principals", people.run))
	g.group.Add(lifecycle.Go("housekeeping", (&housekeeping{store: s, keep: g.cfg.KeepDeliveries, keepIncidents: g.cfg.KeepIncidents,
		forgotten: metrics.forgotten, log: g.log, now: time.Now}).run))
	if auth.tokens != nil {
		g.group.Add(lifecycle.Go("token file", auth.tokens.watch))
	}
	if rates != nil {
		g.group.Add(lifecycle.Go("business file", rates.watch))
	}
	if sources != nil {
		g.group.Add(lifecycle.Go("sources file", sources.Watch))
	}
	g.group.Add(lifecycle.Go("mappings", func(ctx context.Context) error { g.watchMappings(ctx, reader); return nil }))
	if a.slack != nil {
		g.group.Add(lifecycle.Go("Slack users", a.slack.users.Watch))
		g.group.Add(lifecycle.Go("decisions from Slack", a.slack.run))
	}
	g.group.Add(lifecycle.Go("admission", admission.run))
	g.group.Add(lifecycle.Hook{Name: "sockets", Stop: h.Shutdown})
	srv := newServer(g.listener, g.router, g.cfg.ReadTimeout, g.log)
	g.group.Add(lifecycle.Hook{Name: "server", Start: srv.start, Stop: srv.stop})
	return nil
}

func (g *Gateway) openStore(ctx context.Context) (store.Store, error) {
	if g.deps.Store != nil {
		return g.deps.Store, nil
	}
	s, err := sqlite.Open(ctx, g.cfg.storeFile())
	if err != nil {
		return nil, fmt.Errorf("gateway: open the store: %w", err)
	}
	g.group.Add(lifecycle.Hook{Name: "store", Stop: func(context.Context) error { return s.Close() }})
	return s, nil
}

// onNATS is what the gateway has there.
type onNATS struct {
	streams    relay.Streams
	publisher  EventPublisher
	controls   Bucket
	principals Bucket
}

// connect prepares the way to NATS. It does not wait for it: whoever needs it
// tries until it is there, and health says so meanwhile.
func (g *Gateway) connect() (onNATS, error) {
	if g.deps.Streams != nil {
		return onNATS{g.deps.Streams, g.deps.Publisher, g.deps.Controls, g.deps.Principals}, nil
	}
	nc := g.deps.NATS
	if nc == nil {
		var err error
		if nc, err = bus.Connect(g.cfg.NATSURL, "vigil-gateway", nats.RetryOnFailedConnect(true)); err != nil {
			return onNATS{}, fmt.Errorf("gateway: %w", err)
		}
		g.group.Add(lifecycle.Hook{Name: "NATS connection", Stop: func(context.Context) error { nc.Close(); return nil }})
	}
	js, err := jetstream.New(nc)
	if err != nil {
		return onNATS{}, fmt.Errorf("gateway: open JetStream: %w", err)
	}
	open := func(ctx context.Context) (*bus.Streams, error) { return bus.Open(ctx, nc, g.cfg.StreamReplicas) }
	return onNATS{relay.JetStream(open), relay.NewPublisher(js),
		bus.Controls(js, g.cfg.StreamReplicas), bus.Principals(js, g.cfg.StreamReplicas)}, nil
}

// openRates reads the business file, where there is one.
func (g *Gateway) openRates() (*ratesFile, error) {
	if g.cfg.BusinessFile == "" {
		return nil, nil
	}
	return openRatesFile(g.cfg.BusinessFile, g.log.Named("business"))
}

// openSources reads the sources file, where there is one.
func (g *Gateway) openSources(m *metrics) (*sender.Sources, error) {
	if g.cfg.SourcesFile == "" {
		return nil, nil
	}
	s, err := sender.Open(g.cfg.SourcesFile, sender.Options{Log: g.log.Named("sources"), RoutingKey: eventsRoutingKey,
		Fetched: func(outcome string) { m.certificates.WithLabelValues(outcome).Inc() }})
	if err != nil {
		return nil, fmt.Errorf("gateway: %w", err)
	}
	return s, nil
}

func (g *Gateway) authenticator(h *hub.Hub) (*authenticator, error) {
	a := &authenticator{dev: g.cfg.DevPrincipal}
	var err error
	if a.sessions, err = openSessions(g.cfg.sessionKeyFile(), g.cfg.secureCookies()); err != nil {
		return nil, err
	}
	if g.cfg.TokenFile == "" {
		return a, nil
	}
	// Whoever lost a role or the token loses the sockets opened with it too.
	a.tokens, err = openTokenFile(g.cfg.TokenFile, g.log, func(names []string) {
		for _, name := range names {
			h.Revoke(name)
		}
	})
	if err != nil {
		return nil, err
	}
	return a, nil
}
