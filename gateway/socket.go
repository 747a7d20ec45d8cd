package gateway

import (
	"github.com/labstack/echo/v4"

	"vigil/workflows/event"
)

// socketPath is where browsers connect.
const socketPath = "/api/v1/ws"

// socket hands an authenticated request over to the hub, which upgrades it.
func (a *api) socket(c echo.Context) error {
	a.system.ask()
	a.hub.Serve(c.Response(), c.Request(), event.Welcome{Principal: who(c.Request().Context()).Principal})
	return nil
}
