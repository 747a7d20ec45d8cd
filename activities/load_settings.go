package activities

import (
	"context"
	"crypto/rand"
	"encoding/hex"

	"vigil/workflows/incident"
)

// LoadSettings returns the worker's settings, so that they are in the
// incident's history and stay as they are for it, with what is made anew for
// each incident: which tools there are, and the suffix that delimits data in
// prompts, which nobody who writes that data can know.
func (a *Activities) LoadSettings(ctx context.Context) (incident.Settings, error) {
	s := a.Settings
	var random [8]byte
	_, _ = rand.Read(random[:]) // never fails
	s.Suffix, s.Tools = hex.EncodeToString(random[:]), a.available()
	return s, failureOf(ctx, "load settings", s.Validate())
}
