package activities

import (
	"context"

	"vigil/workflows/incident"
)

// LoadSettings returns the worker's settings, so that they are in the
// incident's history and stay as they are for it.
func (a *Activities) LoadSettings(context.Context) (incident.Settings, error) {
	return a.Settings, failure("load settings", a.Settings.Validate())
}
