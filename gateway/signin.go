package gateway

import (
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"vigil/workflows/incident"
)

// Me is who asks.
type Me struct {
	incident.Principal
	Dev        bool   `json:"dev"`                   // the principal that development mode gives without credentials
	Sandbox    bool   `json:"sandbox"`               // the gateway has a sandbox, in which things can be made to go wrong
	TemporalUI string `json:"temporal_ui,omitempty"` // the page of the namespace in Temporal's web UI; absent where the gateway was not told
}

func (a *api) me(c echo.Context) error {
	caller := who(c.Request().Context())
	return answer(c, http.StatusOK, a.meOf(caller.Principal, caller.Dev))
}

func (a *api) meOf(p incident.Principal, dev bool) Me {
	return Me{Principal: p, Dev: dev, Sandbox: a.demo != nil, TemporalUI: strings.TrimSuffix(a.cfg.TemporalUIURL, "/")}
}

// SignInRequest trades a token for a session cookie.
type SignInRequest struct {
	Token string `json:"token"`
}

// signIn starts a session. It is the only route that takes credentials in a
// body, because it is what a sign-in page can send.
func (a *api) signIn(c echo.Context) error {
	raw, err := readCommand(c)
	if err != nil {
		return err
	}
	var body SignInRequest
	if err := decodeStrict(raw, &body); err != nil {
		return err
	}
	e, ok := a.auth.principals().byToken(body.Token)
	if !ok {
		a.metrics.authFailures.WithLabelValues(authToken).Inc()
		return withStatus(http.StatusUnauthorized, incident.KindDenied, "%s", authWords[authToken])
	}
	c.SetCookie(a.auth.sessions.issue(e))
	return answer(c, http.StatusOK, a.meOf(e.Principal, false))
}

// signOut ends the session that the request carries, if any.
func (a *api) signOut(c echo.Context) error {
	if cookie, err := c.Request().Cookie(sessionCookie); err == nil {
		if _, ok := a.auth.sessions.check(cookie.Value, a.auth.principals()); ok {
			a.auth.sessions.end(cookie.Value)
		}
	}
	c.SetCookie(a.auth.sessions.clear())
	return c.NoContent(http.StatusNoContent)
}
