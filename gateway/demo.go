package gateway

import (
	"context"
	"net/http"

	"github.com/labstack/echo/v4"
)

// FaultRequest makes something go wrong in the sandbox.
type FaultRequest struct {
	Fault string `json:"fault"`
}

func (r *FaultRequest) validate() error {
	return join(needed("fault", r.Fault), atMost("fault", r.Fault, maxWord))
}

func (a *api) demoStatus(c echo.Context) error {
	s, err := a.demo.Status(c.Request().Context())
	if err != nil {
		return err
	}
	s.Faults = nonNil(s.Faults)
	return answer(c, http.StatusOK, s)
}

func (a *api) startFault(ctx context.Context, _ call, r FaultRequest) (outcome, error) {
	if err := a.demo.Start(ctx, r.Fault); err != nil {
		return outcome{}, err
	}
	return outcome{status: http.StatusAccepted, body: FaultStarted(r)}, nil
}

// FaultStarted confirms that a fault is happening.
type FaultStarted struct {
	Fault string `json:"fault"`
}
