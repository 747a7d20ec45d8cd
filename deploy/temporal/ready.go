package temporal

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"
)

// readyEvery is how often a server that is starting is asked whether it is up.
const readyEvery = 20 * time.Millisecond

// ready waits until the server serves the namespace and has every search
// attribute. A namespace that was made with fewer of them gets the rest.
func (s *Server) ready(ctx context.Context) error {
	c, err := client.NewLazyClient(client.Options{
		HostPort: s.addr, Namespace: s.cfg.Namespace,
		Logger: sdklog.NewStructuredLogger(slog.New(slog.DiscardHandler)), // failures are returned
	})
	if err != nil {
		return fmt.Errorf("temporal: client for %s: %w", s.addr, err)
	}
	defer c.Close()

	tick := time.NewTicker(readyEvery)
	defer tick.Stop()
	for {
		err := s.ensureAttributes(ctx, c)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("temporal: server on %s is not ready: %w", s.addr, err)
		case <-tick.C:
		}
	}
}

func (s *Server) ensureAttributes(ctx context.Context, c client.Client) error {
	if _, err := c.WorkflowService().DescribeNamespace(ctx, &workflowservice.DescribeNamespaceRequest{Namespace: s.cfg.Namespace}); err != nil {
		return fmt.Errorf("describe namespace %s: %w", s.cfg.Namespace, err)
	}
	have, err := c.OperatorService().ListSearchAttributes(ctx, &operatorservice.ListSearchAttributesRequest{Namespace: s.cfg.Namespace})
	if err != nil {
		return fmt.Errorf("list search attributes: %w", err)
	}
	missing := map[string]enumspb.IndexedValueType{}
	for name, want := range s.cfg.SearchAttributes {
		if _, ok := have.GetCustomAttributes()[name]; !ok {
			missing[name] = want
		}
	}
	if len(missing) == 0 {
		return nil
	}
	_, err = c.OperatorService().AddSearchAttributes(ctx, &operatorservice.AddSearchAttributesRequest{
		Namespace: s.cfg.Namespace, SearchAttributes: missing,
	})
	if err != nil {
		return fmt.Errorf("add search attributes %v: %w", slices.Sorted(maps.Keys(missing)), err)
	}
	return nil
}
