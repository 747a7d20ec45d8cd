// Command sandbox runs AWS on the wire over a small world, for development and
// tests. Point AWS_ENDPOINT_URL at it. Every flag can be set by an environment
// variable as well: --listen by VIGIL_SANDBOX_LISTEN.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/peterbourgon/ff/v3"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"vigil/deploy/sandbox"
	"vigil/deploy/sandbox/signing"
)

const stopWithin = 5 * time.Second

func main() {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	err := run(ctx, os.Args[1:])
	switch {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	var (
		cfg   sandbox.Config
		level string
	)
	fs := flag.NewFlagSet("sandbox", flag.ContinueOnError)
	fs.StringVar(&cfg.Listen, "listen", "127.0.0.1:4566", "`address` to listen on")
	fs.StringVar(&cfg.Gateway, "gateway", "", "base `URL` of the gateway that alarms are posted to, such as http://127.0.0.1:8080; empty: none")
	fs.StringVar(&cfg.GatewayToken, "gateway-token", "", "bearer token for the gateway")
	fs.StringVar(&cfg.SNSListen, "sns-listen", "127.0.0.1:4567", "`address` at which the certificate that signs alarms is, for a gateway; a sources file for that is made where --sns-dir is given")
	fs.StringVar(&cfg.SNSDir, "sns-dir", "", "`directory` of the key that signs alarms and of sources.yaml for the gateway's --sources-file; empty: another key at every start")
	fs.BoolVar(&cfg.AlarmEvents, "alarm-events", false, "publish what alarms do to the queue "+sandbox.AlarmQueue+" as well, as EventBridge does")
	fs.DurationVar(&cfg.Tick, "tick", 5*time.Second, "step of the world: one point of every metric")
	fs.Uint64Var(&cfg.Seed, "seed", 1, "seed of all noise")
	fs.BoolVar(&cfg.Varied, "varied", false, "services, faults and noise of the seed's own instead of the shop")
	fs.DurationVar(&cfg.ModelLatency.Min, "model-latency-min", 30*time.Millisecond, "shortest time that a model takes")
	fs.DurationVar(&cfg.ModelLatency.Max, "model-latency-max", 120*time.Millisecond, "longest time that a model takes")
	fs.Func("compromised", "`part` of the id of a model that obeys every instruction that it finds in what it reads, such as nova-pro; * for all; comma-separated", func(v string) error {
		cfg.Compromised = strings.Split(v, ",")
		return nil
	})
	fs.DurationVar(&cfg.MemoryDelay, "memory-delay", 0, "how long after an event an AgentCore memory finds its record")
	fs.StringVar(&level, "log-level", "info", "debug, info, warn or error")
	if err := ff.Parse(fs, args, ff.WithEnvVarPrefix("VIGIL_SANDBOX")); err != nil {
		return err
	}
	log, err := logger(level)
	if err != nil {
		return err
	}
	cfg.Logger = log
	if cfg.SNSDir != "" {
		if err := signing.Prepare(cfg.SNSDir, cfg.SNSListen); err != nil {
			return err
		}
	}
	s, err := sandbox.New(cfg)
	if err != nil {
		return err
	}
	if err := s.Start(ctx); err != nil {
		return err
	}
	fmt.Printf("AWS sandbox on http://%s, tick %s, seed %d\n", s.Addr(), cfg.Tick, cfg.Seed)
	<-ctx.Done()
	stopping, cancel := context.WithTimeout(context.Background(), stopWithin)
	defer cancel()
	return s.Stop(stopping)
}

func logger(level string) (*zap.Logger, error) {
	l, err := zapcore.ParseLevel(level)
	if err != nil {
		return nil, fmt.Errorf("--log-level: %w", err)
	}
	c := zap.NewProductionConfig()
	c.Level, c.Encoding, c.DisableStacktrace, c.DisableCaller = zap.NewAtomicLevelAt(l), "console", true, true
	c.EncoderConfig.EncodeTime = zapcore.TimeEncoderOfLayout("15:04:05.000")
	return c.Build()
}
