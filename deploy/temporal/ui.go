package temporal

import (
	"context"
	"fmt"
	"net/http"
	"time"

	uiserver "github.com/temporalio/ui-server/v2/server"
	uiconfig "github.com/temporalio/ui-server/v2/server/config"
	uioptions "github.com/temporalio/ui-server/v2/server/server_options"
)

type webUI struct {
	addr   string
	server *uiserver.Server
	done   chan error
}

// startUI serves the web UI on addr and waits until it answers.
func startUI(ctx context.Context, addr, frontend, namespace string) (*webUI, error) {
	// The UI ends the process where it cannot listen, so that is tried first.
	addr, err := claim(addr)
	if err != nil {
		return nil, fmt.Errorf("temporal: web UI: %w", err)
	}
	host, port, err := splitAddr(addr)
	if err != nil {
		return nil, err
	}
	ui := &webUI{addr: addr, done: make(chan error, 1)}
	ui.server = uiserver.NewServer(uioptions.WithConfigProvider(&uiconfig.Config{
		Host: host, Port: port, TemporalGRPCAddress: frontend, DefaultNamespace: namespace,
		EnableUI: true, HideLogs: true, DisableNewsFetch: true,
		CORS: uiconfig.CORS{CookieInsecure: true}, // plain HTTP on loopback
	}))
	go func() { ui.done <- ui.server.Start() }()

	tick := time.NewTicker(readyEvery)
	defer tick.Stop()
	for {
		err := ping(ctx, "http://"+addr+"/healthz")
		if err == nil {
			return ui, nil
		}
		select {
		case <-ctx.Done():
			ui.stop()
			return nil, fmt.Errorf("temporal: web UI on %s does not answer: %w", addr, err)
		case <-tick.C:
		}
	}
}

func (u *webUI) stop() {
	u.server.Stop()
	<-u.done
}

func ping(ctx context.Context, url string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	_ = resp.Body.Close() // nothing of it is used
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("GET %s: %s", url, resp.Status)
	}
	return nil
}
