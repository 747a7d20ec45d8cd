package sandbox

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"go.uber.org/zap"

	"vigil/deploy/sandbox/signing"
)

// snsHost serves the certificate that notifications are signed with, as SNS
// does: over TLS, at an address of its own.
type snsHost struct {
	identity *signing.Identity
	listen   string
	listener net.Listener
	http     *http.Server
}

// newSNSHost makes one that does not listen yet.
func newSNSHost(cfg Config) (*snsHost, error) {
	h := &snsHost{listen: cfg.SNSListen}
	var err error
	if cfg.SNSDir == "" {
		h.identity, err = signing.New()
	} else {
		h.identity, err = signing.Open(cfg.SNSDir)
	}
	if err != nil {
		return nil, fmt.Errorf("sandbox: %w", err)
	}
	return h, nil
}

// start listens. run serves.
func (h *snsHost) start(ctx context.Context, log *zap.Logger) error {
	host, _, err := net.SplitHostPort(h.listen)
	if err != nil {
		return fmt.Errorf("sandbox: the address for certificates of SNS is %q; write it as host:port", h.listen)
	}
	conf, err := h.identity.TLS(host)
	if err != nil {
		return fmt.Errorf("sandbox: %w", err)
	}
	var lc net.ListenConfig
	if h.listener, err = lc.Listen(ctx, "tcp", h.listen); err != nil {
		return fmt.Errorf("sandbox: listen on %s for certificates of SNS: %w; use another address, or stop what has this one", h.listen, err)
	}
	h.http = &http.Server{Handler: h.identity.Handler(), TLSConfig: conf, ReadHeaderTimeout: 10 * time.Second, ErrorLog: zap.NewStdLog(log)}
	return nil
}

func (h *snsHost) run(log *zap.Logger) {
	if err := h.http.ServeTLS(h.listener, "", ""); !errors.Is(err, http.ErrServerClosed) {
		log.Error("no longer serving certificates of SNS", zap.Error(err))
	}
}

// addr is the address that it listens on, the configured one before start.
func (h *snsHost) addr() string {
	if h.listener == nil {
		return h.listen
	}
	return h.listener.Addr().String()
}

// certificateURL is where the certificate is.
func (h *snsHost) certificateURL() string { return "https://" + h.addr() + h.identity.Path() }
