package processes

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"

	"vigil/workflows/incident"
)

const (
	probeEvery   = 50 * time.Millisecond
	probeTimeout = 2 * time.Second
)

// Ready waits until the named part can be used, by asking it over its own
// protocol. A process that ends meanwhile (p may be nil) ends the wait.
func (l Layout) Ready(ctx context.Context, name string, p *Process) error {
	var ended <-chan struct{}
	identity := "" // of the worker; the server remembers those before it for minutes
	if p != nil {
		ended = p.Done()
		identity = fmt.Sprintf("%d@", p.PID())
	}
	tick := time.NewTicker(probeEvery)
	defer tick.Stop()
	for {
		err := l.probe(ctx, name, identity)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s is not ready: %w", name, err)
		case <-ended:
			return fmt.Errorf("%s ended before it was ready: %w", name, p.Err())
		case <-tick.C:
		}
	}
}

func (l Layout) probe(ctx context.Context, name, identity string) error {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	switch name {
	case Temporal:
		return l.withTemporal(ctx, func(c client.Client) error {
			_, err := c.WorkflowService().DescribeNamespace(ctx, &workflowservice.DescribeNamespaceRequest{Namespace: client.DefaultNamespace})
			return err
		})
	case NATS:
		nc, err := nats.Connect(l.NATSURL(), nats.Timeout(probeTimeout))
		if err != nil {
			return err
		}
		nc.Close()
		return nil
	case Sandbox:
		return get(ctx, l.SandboxURL()+"/_world")
	case Worker:
		return l.withTemporal(ctx, func(c client.Client) error { return polled(ctx, c, identity) })
	case Gateway, AllInOne:
		return get(ctx, l.GatewayURL()+"/readyz")
	default:
		return fmt.Errorf("processes: no part is called %q", name)
	}
}

func (l Layout) withTemporal(ctx context.Context, ask func(client.Client) error) error {
	c, err := client.DialContext(ctx, client.Options{HostPort: l.TemporalAddr, Logger: log.NewStructuredLogger(slog.New(slog.DiscardHandler))})
	if err != nil {
		return err
	}
	defer c.Close()
	return ask(c)
}

// polled is nil when a worker whose identity begins so has asked for work.
func polled(ctx context.Context, c client.Client, identity string) error {
	queue, err := c.DescribeTaskQueue(ctx, incident.TaskQueue, enumspb.TASK_QUEUE_TYPE_WORKFLOW)
	if err != nil {
		return err
	}
	for _, p := range queue.GetPollers() {
		if strings.HasPrefix(p.GetIdentity(), identity) {
			return nil
		}
	}
	return fmt.Errorf("none of the %d that poll task queue %s is it", len(queue.GetPollers()), incident.TaskQueue)
}

func get(ctx context.Context, url string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		body, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<10)) // only to say why
		return fmt.Errorf("GET %s: %s: %s", url, resp.Status, body)
	}
	return nil
}
