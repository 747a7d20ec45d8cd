package main

import (
	"context"
	"fmt"
	"os"

	natsgo "github.com/nats-io/nats.go"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"vigil/deploy/nats"
	"vigil/deploy/processes"
	"vigil/deploy/sandbox"
	"vigil/deploy/sandbox/signing"
	"vigil/deploy/sandbox/telling"
	"vigil/deploy/temporal"
	"vigil/internal/bus"
	"vigil/internal/lifecycle"
	"vigil/internal/logging"
	"vigil/workflows/incident"
)

// app is what this process runs, in the order in which it starts.
type app struct {
	cfg   config
	log   *zap.Logger
	parts lifecycle.Group

	temporal *temporal.Server // nil: not in this process
	nats     *nats.Server
	sandbox  *sandbox.Server
	conn     *natsgo.Conn // to nats, for worker and gateway

	failed chan error // what a part cannot go on after
}

// assemble makes the parts. What needs a part that runs is made when it starts.
func assemble(cfg config, log *zap.Logger) (*app, error) {
	a := &app{cfg: cfg, log: log, failed: make(chan error, 1)}
	if cfg.embedsTemporal() {
		if err := a.addTemporal(); err != nil {
			return nil, err
		}
	}
	if cfg.runs(partNATS) {
		if err := a.addNATS(); err != nil {
			return nil, err
		}
	}
	if cfg.runs(partSandbox) {
		if err := a.addSandbox(); err != nil {
			return nil, err
		}
	}
	if cfg.only == "" {
		a.addProduct()
		if err := a.writePID(); err != nil {
			return nil, err
		}
	}
	return a, nil
}

func (a *app) addTemporal() (err error) {
	a.temporal, err = temporal.New(temporal.Config{
		DBFile: a.cfg.file("temporal.db"), Addr: a.cfg.temporalAddr, UIAddr: a.cfg.temporalUIAddr, Namespace: client.DefaultNamespace,
		SearchAttributes: map[string]enumspb.IndexedValueType{
			incident.AttrSeverity:   enumspb.INDEXED_VALUE_TYPE_KEYWORD,
			incident.AttrPhase:      enumspb.INDEXED_VALUE_TYPE_KEYWORD,
			incident.AttrService:    enumspb.INDEXED_VALUE_TYPE_KEYWORD,
			incident.AttrNeedsHuman: enumspb.INDEXED_VALUE_TYPE_BOOL,
		},
		Faults: a.cfg.temporalFaults, LogLevel: zapcore.ErrorLevel, Log: a.log, // its warnings are about clusters
	})
	if err != nil {
		return err
	}
	a.parts.Add(lifecycle.Hook{Name: "Temporal server", Start: a.temporal.Start, Stop: a.temporal.Stop})
	return nil
}

func (a *app) addNATS() (err error) {
	c := nats.Config{Dir: a.cfg.file(processes.NATS), Log: a.log}
	if a.cfg.only == partNATS {
		c.Addr = a.cfg.natsAddr
	}
	if a.nats, err = nats.New(c); err != nil {
		return err
	}
	a.parts.Add(lifecycle.Hook{Name: "NATS server", Start: a.nats.Start, Stop: a.nats.Stop})
	return nil
}

func (a *app) addSandbox() (err error) {
	dir := a.cfg.file(processes.Sandbox)
	if err := signing.Prepare(dir, a.cfg.snsAddr); err != nil {
		return err
	}
	webhooks, err := telling.Prepare(dir, "http://"+a.cfg.sandboxAddr)
	if err != nil {
		return err
	}
	a.sandbox, err = sandbox.New(sandbox.Config{
		Webhooks:  webhooks,
		SNSListen: a.cfg.snsAddr, SNSDir: dir,
		Listen: a.cfg.sandboxAddr, Tick: a.cfg.tick, Seed: a.cfg.seed, Gateway: "http://" + a.cfg.gatewayAddr, Logger: a.log,
	})
	if err != nil {
		return err
	}
	a.parts.Add(lifecycle.Hook{Name: "AWS sandbox", Start: a.sandbox.Start, Stop: a.sandbox.Stop})
	return nil
}

// connect opens the connection that worker and gateway share. It lies inside
// the process, so NATS needs no port.
func (a *app) connect(context.Context) (err error) {
	a.conn, err = bus.Connect(a.nats.URL(), processes.AllInOne, a.nats.Options()...)
	return err
}

func (a *app) disconnect(context.Context) error {
	a.conn.Close()
	return nil
}

// temporalClient says how to reach the embedded server. Where a server was
// named by TEMPORAL_ADDRESS, what else the environment says about it stands.
func (a *app) temporalClient(fromEnvironment client.Options) client.Options {
	if a.temporal == nil {
		return fromEnvironment
	}
	return client.Options{HostPort: a.temporal.Addr(), Namespace: client.DefaultNamespace, Logger: logging.Temporal(a.log)}
}

// writePID says which process to kill, in the file in which --split lists its own.
func (a *app) writePID() error {
	if err := os.WriteFile(a.cfg.file("pids"), fmt.Appendf(nil, "%s %d\n", processes.AllInOne, os.Getpid()), 0o644); err != nil {
		return fmt.Errorf("write the process id: %w", err)
	}
	return nil
}

func (a *app) forgetPID() error {
	if a.cfg.only != "" {
		return nil // whoever started this one keeps the list
	}
	return os.Remove(a.cfg.file("pids"))
}
