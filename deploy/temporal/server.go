package temporal

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/server/common/authorization"
	serverconfig "go.temporal.io/server/common/config"
	serverlog "go.temporal.io/server/common/log"
	"go.temporal.io/server/common/membership/static"
	"go.temporal.io/server/common/primitives"
	temporalserver "go.temporal.io/server/temporal"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// unheard is the level while the server starts and stops. Its services then
// complain about one another's absence; what goes wrong is returned as an error.
const unheard = zapcore.DPanicLevel

// Config says where the server listens and keeps its state.
type Config struct {
	DBFile           string                              // SQLite file; made where it does not exist
	Addr             string                              // frontend, host:port; port 0 takes a free one. Default 127.0.0.1:7233
	UIAddr           string                              // web UI, host:port; empty: no web UI
	Namespace        string                              // default "default"
	Retention        time.Duration                       // how long closed workflows are kept; default 7 days. Read when the file is made
	SearchAttributes map[string]enumspb.IndexedValueType // registered before Start returns
	LogLevel         zapcore.Level                       // of the server's own lines; the zero value is info, which is chatty
	Log              *zap.Logger                         // default: none
	Faults           float64                             // for tests: share of its writes and reads that time out, 0 to 1
}

// Server is an embedded Temporal server.
type Server struct {
	cfg    Config
	addr   string
	level  zap.AtomicLevel // of the server's lines now
	server temporalserver.Server
	ui     *webUI
}

// New checks cfg and sets defaults. Nothing is opened yet.
func New(cfg Config) (*Server, error) {
	if cfg.DBFile == "" {
		return nil, errors.New("temporal: no DBFile; say where the state is kept")
	}
	if cfg.Addr == "" {
		cfg.Addr = "127.0.0.1:7233"
	}
	if cfg.Namespace == "" {
		cfg.Namespace = "default"
	}
	if cfg.Retention == 0 {
		cfg.Retention = 7 * 24 * time.Hour
	}
	if cfg.Retention < 24*time.Hour {
		return nil, fmt.Errorf("temporal: retention is %s; use 24h or more, or incidents vanish while people still look at them", cfg.Retention)
	}
	if cfg.Log == nil {
		cfg.Log = zap.NewNop()
	}
	return &Server{cfg: cfg, level: zap.NewAtomicLevelAt(unheard)}, nil
}

// Start opens the file, starts the server and waits until it answers.
func (s *Server) Start(ctx context.Context) error {
	addr, err := claim(s.cfg.Addr)
	if err != nil {
		return fmt.Errorf("temporal: frontend: %w", err)
	}
	s.addr = addr

	conf, err := s.serverConfig()
	if err != nil {
		return err
	}
	if err := s.prepareFile(conf); err != nil {
		return err
	}
	s.server, err = s.build(conf)
	if err != nil {
		return err
	}
	if err := s.server.Start(); err != nil {
		return errors.Join(fmt.Errorf("temporal: start server on %s with %s: %w", addr, s.cfg.DBFile, err), s.Stop(context.WithoutCancel(ctx)))
	}
	if err := s.ready(ctx); err != nil {
		return errors.Join(err, s.Stop(context.WithoutCancel(ctx)))
	}
	if s.cfg.UIAddr != "" {
		if s.ui, err = startUI(ctx, s.cfg.UIAddr, addr, s.cfg.Namespace); err != nil {
			return errors.Join(err, s.Stop(context.WithoutCancel(ctx)))
		}
	}
	s.level.SetLevel(s.cfg.LogLevel)
	return nil
}

// Stop ends the web UI and the server; workflows go on when the file is
// started again. It waits for the server until ctx ends.
func (s *Server) Stop(ctx context.Context) error {
	s.level.SetLevel(unheard)
	if s.ui != nil {
		s.ui.stop()
		s.ui = nil
	}
	if s.server == nil {
		return nil
	}
	server := s.server
	s.server = nil
	done := make(chan error, 1)
	go func() { done <- server.Stop() }() // it takes no context
	select {
	case err := <-done:
		if err != nil {
			return fmt.Errorf("temporal: stop server: %w", err)
		}
		return nil
	case <-ctx.Done():
		return fmt.Errorf("temporal: server did not stop in time: %w", ctx.Err())
	}
}

// Addr is where the frontend listens, once Start has returned.
func (s *Server) Addr() string { return s.addr }

// UIAddr is where the web UI listens, "" where there is none.
func (s *Server) UIAddr() string {
	if s.ui == nil {
		return ""
	}
	return s.ui.addr
}

func (s *Server) build(conf *serverconfig.Config) (temporalserver.Server, error) {
	authorizer, err := authorization.GetAuthorizerFromConfig(&conf.Global.Authorization)
	if err != nil {
		return nil, fmt.Errorf("temporal: authorizer: %w", err)
	}
	log := serverlog.NewZapLogger(s.cfg.Log.Named("temporal-server").WithOptions(zap.IncreaseLevel(s.level)))
	mapper, err := authorization.GetClaimMapperFromConfig(&conf.Global.Authorization, log)
	if err != nil {
		return nil, fmt.Errorf("temporal: claim mapper: %w", err)
	}
	hosts := map[primitives.ServiceName]static.Hosts{}
	for name, service := range conf.Services {
		hosts[primitives.ServiceName(name)] = static.SingleLocalHost(fmt.Sprintf("127.0.0.1:%d", service.RPC.GRPCPort))
	}
	server, err := temporalserver.NewServer(
		temporalserver.WithConfig(conf),
		temporalserver.ForServices(temporalserver.DefaultServices),
		temporalserver.WithStaticHosts(hosts),
		temporalserver.WithLogger(log),
		temporalserver.WithAuthorizer(authorizer),
		temporalserver.WithClaimMapper(func(*serverconfig.Config) authorization.ClaimMapper { return mapper }),
		temporalserver.WithDynamicConfigClient(dynamicConfig()),
	)
	if err != nil {
		return nil, fmt.Errorf("temporal: build server for %s: %w; a file made by another version of the server has to be removed", s.cfg.DBFile, err)
	}
	return server, nil
}

// claim makes sure that addr can be listened on and fills in a free port for
// port 0. The server opens the address itself, so another process can still
// come between; it then fails to start, later and less clearly.
func claim(addr string) (string, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return "", fmt.Errorf("listen on %s: %w", addr, err)
	}
	addr = l.Addr().String()
	if err := l.Close(); err != nil {
		return "", fmt.Errorf("release %s: %w", addr, err)
	}
	return addr, nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
