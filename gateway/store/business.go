package store

import (
	"vigil/workflows/event"
	"vigil/workflows/incident"
)

// Business counts incidents.
func Business(all []event.Summary) event.BusinessMetrics {
	var b event.BusinessMetrics
	for _, s := range all {
		if !s.Status.Terminal() {
			b.Open++
		} else {
			b.Closed++
		}
		if s.Outcome == incident.OutcomeRemediated {
			b.Remediated++
		}
	}
	return b
}
