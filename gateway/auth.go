package gateway

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"strings"

	"github.com/labstack/echo/v4"

	"vigil/workflows/incident"
)

// devName is the principal that --dev-principal gives to whoever comes from
// this machine without credentials.
const devName = "dev"

// Reasons why nobody was recognised; labels of a metric.
const (
	authMissing = "missing"   // no credentials at all
	authScheme  = "scheme"    // an Authorization header that cannot be read
	authToken   = "token"     // nobody has that token
	authSession = "session"   // a cookie that is not, or no longer, good
	authForward = "forwarded" // the dev principal was asked for through a proxy
)

// identity is an authenticated principal.
type identity struct {
	incident.Principal
	Dev bool
}

// authenticator finds out who asks. Credentials that are presented decide; the
// dev principal is for requests that present none.
type authenticator struct {
	tokens   *tokenFile // nil: none
	sessions *sessions
	dev      bool
}

func (a *authenticator) principals() *principals {
	if a.tokens == nil {
		return nil
	}
	return a.tokens.current.Load()
}

// everybody lists those whom this gateway lets in, by name. The dev principal
// is among them where it is given out, unless the token file has that name.
func (a *authenticator) everybody() map[string]incident.Role {
	all := map[string]incident.Role{}
	if a.dev {
		all[devName] = incident.RoleAdmin
	}
	if p := a.principals(); p != nil {
		for _, e := range p.entries {
			all[e.Name] = e.Role
		}
	}
	return all
}

// authenticate returns the principal of r, or the reason why there is none.
func (a *authenticator) authenticate(r *http.Request) (identity, string) {
	if header := r.Header.Get("Authorization"); header != "" {
		return a.fromHeader(r, header)
	}
	reason := authMissing
	if c, err := r.Cookie(sessionCookie); err == nil {
		if e, ok := a.sessions.check(c.Value, a.principals()); ok {
			return identity{Principal: e.Principal}, ""
		}
		reason = authSession
	}
	if a.dev {
		switch {
		case forwarded(r.Header):
			reason = authForward
		case isLoopback(r.RemoteAddr):
			return identity{Principal: incident.Principal{Name: devName, Role: incident.RoleAdmin}, Dev: true}, ""
		}
	}
	return identity{}, reason
}

func (a *authenticator) fromHeader(r *http.Request, header string) (identity, string) {
	scheme, rest, _ := strings.Cut(header, " ")
	var token, name string
	switch {
	case strings.EqualFold(scheme, "Bearer"):
		token = strings.TrimSpace(rest)
	case strings.EqualFold(scheme, "Basic"): // what SNS, among others, can do
		var ok bool
		if name, token, ok = r.BasicAuth(); !ok {
			return identity{}, authScheme
		}
	default:
		return identity{}, authScheme
	}
	e, ok := a.principals().byToken(token)
	if !ok || name != "" && name != e.Name {
		return identity{}, authToken
	}
	return identity{Principal: e.Principal}, ""
}

// isLoopback reports whether the peer is this machine.
func isLoopback(remoteAddr string) bool {
	ap, err := netip.ParseAddrPort(remoteAddr)
	return err == nil && ap.Addr().Unmap().IsLoopback()
}

// forwarded reports whether a proxy passed the request on: then the peer's
// address is the proxy's and says nothing about who asks.
func forwarded(h http.Header) bool {
	for _, name := range []string{"Forwarded", "X-Forwarded-For", "X-Real-Ip", "Via"} {
		if h.Get(name) != "" {
			return true
		}
	}
	return false
}

// isLoopbackHost reports whether listening on host reaches this machine alone.
func isLoopbackHost(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

type identityKey struct{}

// who returns the principal that authorize put into the context.
func who(ctx context.Context) identity {
	id, _ := ctx.Value(identityKey{}).(identity)
	return id
}

// identify returns who asks, where they have at least role need.
func (a *api) identify(c echo.Context, need incident.Role, challenge string) (identity, error) {
	id, reason := a.auth.authenticate(c.Request())
	if reason != "" {
		a.metrics.authFailures.WithLabelValues(reason).Inc()
		c.Response().Header().Set("WWW-Authenticate", challenge)
		return id, withStatus(http.StatusUnauthorized, incident.KindDenied, "%s", authWords[reason])
	}
	if !id.May(need) {
		a.metrics.authFailures.WithLabelValues("role").Inc()
		return id, incident.Errorf(incident.KindDenied, "%s has the role %s; this needs %s", id.Name, id.Role, need)
	}
	return id, nil
}

// authorize lets those through who have at least role need.
func (a *api) authorize(need incident.Role) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			id, err := a.identify(c, need, challengeBearer)
			if err != nil {
				return err
			}
			r := c.Request()
			c.SetRequest(r.WithContext(context.WithValue(r.Context(), identityKey{}, id)))
			return next(c)
		}
	}
}

var authWords = map[string]string{
	authMissing: "who are you? Send a token as Authorization: Bearer, or sign in",
	authScheme:  "the Authorization header cannot be read; send Bearer and a token, or Basic with the token as password",
	authToken:   "nobody here has that token",
	authSession: "the session is over; sign in again",
	authForward: "the dev principal is for direct requests from this machine; this one came through a proxy",
}
