package main

import (
	"context"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/envconfig"

	"vigil/deploy/processes"
	"vigil/gateway"
	gatewaytemporal "vigil/gateway/temporal"
	"vigil/internal/lifecycle"
	"vigil/internal/logging"
	"vigil/worker"
)

// addProduct adds the worker and the gateway: the same objects that their own
// binaries run, given what is in this process instead of addresses.
func (a *app) addProduct() {
	a.parts.Add(lifecycle.Hook{Name: "connection to NATS", Start: a.connect, Stop: a.disconnect})
	a.parts.Add(a.workerHook())
	a.parts.Add(a.gatewayHook())
}

func (a *app) workerHook() lifecycle.Hook {
	var w *worker.Worker
	return lifecycle.Hook{
		Name: "worker",
		Start: func(ctx context.Context) (err error) {
			deps := worker.Deps{Log: a.log.Named("worker"), NATS: a.conn, Temporal: a.temporalClient}
			if a.sandbox != nil {
				deps.AccessKeyID, deps.SecretAccessKey = processes.SandboxAccessKeyID, processes.SandboxSecretAccessKey
			}
			w, err = worker.New(a.cfg.worker, deps)
			if err != nil {
				return err
			}
			if err := w.Start(ctx); err != nil {
				return err
			}
			go func() { a.failed <- <-w.Fatal() }() // ends with the process
			return nil
		},
		Stop: func(ctx context.Context) error { return w.Stop(ctx) },
	}
}

func (a *app) gatewayHook() lifecycle.Hook {
	var g *gateway.Gateway
	var engine *gatewaytemporal.Client
	return lifecycle.Hook{
		Name: "gateway",
		Start: func(ctx context.Context) error {
			options, err := envconfig.LoadDefaultClientOptions()
			if err != nil && a.temporal == nil {
				return err
			}
			options = a.temporalClient(options)
			options.Logger = logging.Temporal(a.log)
			c, err := client.NewLazyClient(options)
			if err != nil {
				return err
			}
			engine = gatewaytemporal.New(c)
			deps := gateway.Deps{Engine: engine, NATS: a.conn, Log: a.log.Named("gateway")}
			if a.sandbox != nil {
				deps.Demo = demo{a.sandbox}
			}
			cfg := a.cfg.gateway
			if cfg.TemporalUIURL == "" && a.temporal != nil && a.temporal.UIAddr() != "" {
				cfg.TemporalUIURL = "http://" + a.temporal.UIAddr() + "/namespaces/" + client.DefaultNamespace
			}
			g, err = gateway.New(cfg, deps)
			if err != nil {
				engine.Close()
				return err
			}
			if err := g.Start(ctx); err != nil {
				engine.Close()
				return err
			}
			return nil
		},
		Stop: func(ctx context.Context) error {
			defer engine.Close()
			return g.Stop(ctx)
		},
	}
}
