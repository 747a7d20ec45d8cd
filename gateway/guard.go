package gateway

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"vigil/workflows/incident"
)

// guard keeps pages of other sites from using a browser that can reach the
// gateway. Host names are checked against DNS rebinding: a foreign name that
// resolves to this address is refused. Origins are checked on everything that
// carries one, the upgrade of a WebSocket above all, which browsers let any
// page ask for.
type guard struct {
	hosts   []string
	origins []string
	cross   *http.CrossOriginProtection
}

func newGuard(listen string, hosts, origins []string) (*guard, error) {
	g := &guard{hosts: []string{"localhost", "127.0.0.1", "::1"}, cross: http.NewCrossOriginProtection()}
	if host, _, err := net.SplitHostPort(listen); err == nil && host != "" {
		if ip := net.ParseIP(host); ip == nil || !ip.IsUnspecified() {
			g.hosts = append(g.hosts, strings.ToLower(host))
		}
	}
	for _, h := range hosts {
		if h == "" || strings.ContainsAny(h, "/*@ ") || hostOf(h) != strings.ToLower(strings.Trim(h, "[]")) {
			return nil, fmt.Errorf("gateway: --allowed-hosts has %q; give names or addresses alone, without scheme, port or wildcard", h)
		}
		g.hosts = append(g.hosts, hostOf(h))
	}
	for _, o := range origins {
		if err := g.cross.AddTrustedOrigin(o); err != nil {
			return nil, fmt.Errorf("gateway: --allowed-origins: %w; write it as https://name or https://name:port", err)
		}
		g.origins = append(g.origins, strings.ToLower(o))
	}
	return g, nil
}

// hostOf is the name in a Host header: lower case, no port, no brackets.
func hostOf(host string) string {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	return strings.ToLower(strings.Trim(host, "[]"))
}

// originAllowed reports whether the page that asks, if one does, is ours. The
// scheme is not compared with the request's: TLS may end before the gateway.
func (g *guard) originAllowed(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if origin == "" {
		return true
	}
	u, err := url.Parse(origin)
	if err != nil || u.Host == "" {
		return false // among them "null", which sandboxed pages send
	}
	return strings.EqualFold(u.Host, r.Host) || slices.Contains(g.origins, strings.ToLower(origin))
}

func (g *guard) check(r *http.Request) error {
	if !slices.Contains(g.hosts, hostOf(r.Host)) {
		return withStatus(http.StatusMisdirectedRequest, incident.KindDenied,
			"the gateway does not go by the name %q; add it to --allowed-hosts if it should", hostOf(r.Host))
	}
	if !g.originAllowed(r) {
		return incident.Errorf(incident.KindDenied,
			"pages of %q may not use this gateway; add it to --allowed-origins if they should", r.Header.Get("Origin"))
	}
	if err := g.cross.Check(r); err != nil {
		return incident.Errorf(incident.KindDenied, "%v; add the page's origin to --allowed-origins if it may", err)
	}
	return nil
}

// probes are asked by machines that know the gateway by its address only, and
// tell nothing that is worth rebinding a name for.
var probes = []string{"/healthz", "/readyz"}

func (a *api) protect(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		h := c.Response().Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Content-Security-Policy", apiPolicy) // pages set their own
		h.Set("X-Frame-Options", "DENY")
		if !slices.Contains(probes, c.Request().URL.Path) {
			if err := a.guard.check(c.Request()); err != nil {
				return err
			}
		}
		return next(c)
	}
}

// apiPolicy is for answers that are data: nothing in them may run.
const apiPolicy = "default-src 'none'; frame-ancestors 'none'"
