// Package worker is the process that runs workflows and activities: it polls
// the task queue, makes the calls and hands events to the stream. Where it is
// told of SQS queues it also pulls alerts from them, for the gateway.
//
// A worker keeps no state of an incident: it may be killed at any moment and
// another goes on where it was. What it does keep, in its data directory, is
// what was learned from closed incidents and evidence that is too large for a
// history. Start returns once it is polling, or says why it cannot; Stop
// lets running activities finish for StopTimeout and gives the rest back to
// the server. One Worker is started and stopped once.
package worker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/google/uuid"
	natsgo "github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/envconfig"
	sdk "go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
	"go.uber.org/zap"

	"vigil/activities/breaker"
	"vigil/activities/meter"
	"vigil/activities/nats"
	"vigil/activities/spending"
	"vigil/internal/bus"
	"vigil/internal/lifecycle"
	"vigil/internal/logging"
	"vigil/workflows"
	"vigil/workflows/event"
	"vigil/workflows/incident"
)

// StopTimeout is how long running activities have once Stop was called. What
// is not done by then is done again elsewhere, as after a crash.
const StopTimeout = 2 * time.Second

// metricsEvery is how often the figures of AWS services go out, where they changed.
const metricsEvery = 3 * time.Second

// aliveEvery is after how many of those they go out though they did not: a
// worker that is silent for long is taken to be gone.
const aliveEvery = 10

// Deps is what a worker gets from whoever runs it. The zero value of a field
// means that the worker sees to it itself.
type Deps struct {
	Log                          *zap.Logger
	NATS                         *natsgo.Conn                        // default: dialled at Config.NATSURL
	Temporal                     func(client.Options) client.Options // changes what the environment says; nil: nothing
	Registry                     *prometheus.Registry                // default: one of its own
	AccessKeyID, SecretAccessKey string                              // default: the AWS SDK's credential chain
}

// Worker runs workflows and activities.
type Worker struct {
	config   Config
	deps     Deps
	log      *zap.Logger
	parts    lifecycle.Group
	nats     *natsgo.Conn
	streams  *bus.Streams
	temporal client.Client
	options  client.Options
	meter    *meter.Meter
	ports    *Ports
	spending *spending.Spending
	deltas   *nats.Deltas
	id       string // of this process, in the figures that it publishes
	fatal    chan error
}

// New makes a worker. It connects to nothing yet.
func New(c Config, d Deps) (*Worker, error) {
	if _, err := c.settings(); err != nil {
		return nil, err
	}
	if d.Log == nil {
		d.Log = zap.NewNop()
	}
	if d.Registry == nil {
		d.Registry = prometheus.NewRegistry()
	}
	options, err := envconfig.LoadDefaultClientOptions()
	if err != nil {
		return nil, fmt.Errorf("worker: read Temporal's configuration from the environment: %w", err)
	}
	if d.Temporal != nil {
		options = d.Temporal(options)
	}
	options.Logger = logging.Temporal(d.Log)
	if options.Namespace == "" {
		options.Namespace = client.DefaultNamespace
	}
	w := &Worker{config: c, deps: d, log: d.Log, options: options, meter: meter.New(d.Registry), id: uuid.NewString(), fatal: make(chan error, 1)}
	w.parts.Add(lifecycle.Hook{Name: "connection to NATS", Start: w.connect, Stop: w.disconnect})
	w.parts.Add(lifecycle.Hook{Name: "connection to Temporal", Start: w.dial, Stop: w.hangUp})
	w.parts.Add(lifecycle.Go("what models say while they say it", func(ctx context.Context) error { return w.deltas.Run(ctx) }))
	w.parts.Add(w.serving())
	w.parts.Add(lifecycle.Go("figures of AWS services", w.publishMetrics))
	if c.MetricsListen != "" {
		w.parts.Add(w.metrics())
	}
	if len(c.QueueURLs) > 0 {
		w.parts.Add(w.pulling())
	}
	return w, nil
}

// Start starts polling.
func (w *Worker) Start(ctx context.Context) error { return w.parts.Start(ctx) }

// Stop stops polling, lets running activities finish and disconnects.
func (w *Worker) Stop(ctx context.Context) error { return w.parts.Stop(ctx) }

// Fatal delivers an error that the worker cannot go on after, such as a
// namespace that was deleted.
func (w *Worker) Fatal() <-chan error { return w.fatal }

func (w *Worker) connect(ctx context.Context) (err error) {
	w.nats = w.deps.NATS
	if w.nats == nil {
		if w.nats, err = bus.Connect(w.config.NATSURL, "vigil-worker"); err != nil {
			return err
		}
	}
	w.deltas = nats.NewDeltas(w.nats)
	w.streams, err = bus.Open(ctx, w.nats, w.config.StreamReplicas)
	return err
}

func (w *Worker) disconnect(context.Context) error {
	if w.deps.NATS == nil && w.nats != nil {
		w.nats.Close()
	}
	return nil
}

func (w *Worker) dial(ctx context.Context) (err error) {
	w.temporal, err = client.DialContext(ctx, w.options)
	if err != nil {
		return fmt.Errorf("worker: connect to Temporal at %s: %w; is it running, and is TEMPORAL_ADDRESS right?", w.options.HostPort, err)
	}
	return registerAttributes(ctx, w.temporal.OperatorService(), w.options.Namespace)
}

func (w *Worker) hangUp(context.Context) error {
	if w.temporal != nil {
		w.temporal.Close()
	}
	return nil
}

func (w *Worker) serving() lifecycle.Hook {
	var s sdk.Worker
	return lifecycle.Hook{
		Name: "worker on task queue " + incident.TaskQueue,
		Start: func(ctx context.Context) error {
			if err := w.open(ctx); err != nil {
				return err
			}
			s = sdk.New(w.temporal, incident.TaskQueue, sdk.Options{
				WorkerStopTimeout:           StopTimeout,
				DisableRegistrationAliasing: true,
				OnFatalError:                func(err error) { w.fatal <- err },
			})
			Register(s)
			w.ports.Register(s)
			return s.Start()
		},
		Stop: func(context.Context) error { s.Stop(); return w.ports.Close() },
	}
}

// open puts adapters behind the ports, with breakers before those of AI.
func (w *Worker) open(ctx context.Context) error {
	gates, err := breaker.New(breaker.Config{Limits: w.config.RateLimits}, w.meter)
	if err != nil {
		return err
	}
	w.meter.Watch(gates.States)
	if w.ports, err = NewPorts(ctx, w.config, w.deps, gates); err != nil {
		return err
	}
	kv, err := spending.Open(ctx, w.streams.JS, w.config.StreamReplicas)
	if err != nil {
		return errors.Join(err, w.ports.Close())
	}
	w.spending = spending.New(kv, w.config.Daily, w.log, nil)
	w.ports.Publisher, w.ports.Spending, w.ports.Deltas = nats.New(w.streams.JS, nil), w.spending, w.deltas
	if err := w.guards(ctx); err != nil {
		return errors.Join(err, w.ports.Close())
	}
	return nil
}

// Register registers the workflows under their constant names.
func Register(r interface {
	RegisterWorkflowWithOptions(w any, options workflow.RegisterOptions)
}) {
	r.RegisterWorkflowWithOptions(workflows.IncidentWorkflow, workflow.RegisterOptions{Name: incident.WorkflowType})
	r.RegisterWorkflowWithOptions(workflows.ReviewWorkflow, workflow.RegisterOptions{Name: incident.ReviewWorkflowType})
	r.RegisterWorkflowWithOptions(workflows.PostmortemWorkflow, workflow.RegisterOptions{Name: incident.PostmortemWorkflowType})
	r.RegisterWorkflowWithOptions(workflows.LeaseWorkflow, workflow.RegisterOptions{Name: incident.LeaseWorkflowType})
	r.RegisterWorkflowWithOptions(workflows.RemediationWorkflow, workflow.RegisterOptions{Name: incident.RemediationWorkflowType})
}

// publishMetrics sends what the meter counted, where it counted something
// new. A figure that cannot be sent is sent with the next.
func (w *Worker) publishMetrics(ctx context.Context) error {
	publisher := nats.New(w.streams.JS, nil)
	t := time.NewTicker(metricsEvery)
	defer t.Stop()
	last, idle := "", 0
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-t.C:
		}
		services := w.meter.Snapshot()
		services.Worker = w.id
		today, err := w.spending.Today(ctx)
		if err != nil {
			w.log.Warn("Cannot read what models used today.", zap.Error(err))
		}
		services.Today = today
		raw, err := json.Marshal(services)
		if err != nil {
			return fmt.Errorf("worker: encode the figures of AWS services: %w", err)
		}
		idle++
		if len(services.Services) == 0 || string(raw) == last && idle < aliveEvery {
			continue
		}
		idle = 0
		err = publisher.PublishSystemOf(ctx, w.id, event.SystemEvent{Type: event.TypeAWSServices, At: time.Now().UTC(),
			Provenance: incident.Provenance{Origin: originOf(services), Service: "worker"}, Data: raw})
		if err != nil {
			w.log.Warn("Cannot publish the figures of AWS services; trying again.", zap.Error(err))
			continue
		}
		last = string(raw)
	}
}

// originOf is simulated where anything of it is.
func originOf(s event.AWSServices) incident.Origin {
	for _, m := range s.Services {
		if m.Origin == incident.OriginSimulated {
			return m.Origin
		}
	}
	return incident.OriginLive
}

func (w *Worker) metrics() lifecycle.Hook {
	server := &http.Server{Handler: promhttp.HandlerFor(w.deps.Registry, promhttp.HandlerOpts{}), ReadHeaderTimeout: 5 * time.Second}
	return lifecycle.Hook{
		Name: "metrics",
		Start: func(context.Context) error {
			l, err := net.Listen("tcp", w.config.MetricsListen)
			if err != nil {
				return fmt.Errorf("worker: serve metrics: %w; choose another --metrics-listen", err)
			}
			go func() {
				if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
					w.log.Error("The metrics server ended.", zap.Error(err))
				}
			}()
			return nil
		},
		Stop: server.Shutdown,
	}
}
