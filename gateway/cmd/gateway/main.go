// Command gateway runs Vigil's gateway: it takes alerts, serves the API, the
// sockets and the dashboards. `gateway token` makes a token and its entry for
// the token file, `gateway secret` a secret that an alert source may share,
// `gateway try` shows what would come of a delivery.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/peterbourgon/ff/v3"
	"go.uber.org/zap"

	"vigil/gateway"
	"vigil/gateway/temporal"
	"vigil/internal/logging"
)

const usage = `gateway takes alerts, serves the API, the sockets and the dashboards of Vigil.

  gateway [flags]             run it; stop it with Ctrl-C or SIGTERM
  gateway token NAME ROLE     make a token, and its entry for the token file;
                              roles are viewer, responder, approver and admin
  gateway secret              make a secret for an alert source, and its hash
                              for the sources file
  gateway try MAPPING PAYLOAD show what would come of a delivery; see gateway try --help

Every flag can be given in the environment: --data-dir is VIGIL_DATA_DIR. Where
Temporal is comes from TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE, TEMPORAL_API_KEY
and TEMPORAL_TLS…, or a profile, as for Temporal's own tools.

To try it on this machine:  gateway --dev-principal
To run it for others:       gateway --listen :8080 --token-file tokens.yaml --allowed-hosts vigil.example.com

Flags:
`

func main() {
	if err := run(context.Background(), os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	if len(args) > 0 && args[0] == "token" {
		return makeToken(args[1:], stdout)
	}
	if len(args) > 0 && args[0] == "secret" {
		return makeSecret(args[1:], stdout)
	}
	if len(args) > 0 && args[0] == "try" {
		return try(args[1:], os.Stdin, stdout, stderr)
	}
	cfg := gateway.DefaultConfig()
	fs := flag.NewFlagSet("gateway", flag.ContinueOnError)
	cfg.Flags(fs)
	address := fs.String("temporal-address", "", "`address` of Temporal's frontend, instead of TEMPORAL_ADDRESS")
	level := fs.String("log-level", "info", "debug, info, warn or error")
	format := fs.String("log-format", logging.FormatConsole, "console or json")
	fs.SetOutput(stderr)
	fs.Usage = func() {
		fmt.Fprint(stderr, usage)
		fs.PrintDefaults()
	}
	err := ff.Parse(fs, args, ff.WithEnvVarPrefix("VIGIL"))
	switch {
	case errors.Is(err, flag.ErrHelp):
		return nil
	case err != nil:
		return fmt.Errorf("gateway: %w; see gateway --help", err)
	case fs.NArg() > 0:
		return fmt.Errorf("gateway: %q is not a command; see gateway --help", fs.Arg(0))
	}
	log, err := logging.New(*level, *format)
	if err != nil {
		return err
	}
	defer func() { _ = log.Sync() }() // standard error cannot be synced everywhere, and need not be
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	return serve(ctx, cfg, *address, log)
}

// serve runs a gateway until ctx ends.
func serve(ctx context.Context, cfg gateway.Config, temporalAddress string, log *zap.Logger) error {
	engine, err := temporal.Dial(temporal.Options{Address: temporalAddress, Logger: logging.Temporal(log)})
	if err != nil {
		return err
	}
	defer engine.Close()
	g, err := gateway.New(cfg, gateway.Deps{Engine: engine, Log: log})
	if err != nil {
		return err
	}
	if err := g.Start(ctx); err != nil {
		return err
	}
	<-ctx.Done()
	log.Info("stopping")
	return g.Stop(context.WithoutCancel(ctx))
}
