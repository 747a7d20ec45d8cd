package main

import (
	"context"
	"net/http"
	"time"

	"vigil/workflows/event"
	"vigil/workflows/incident"
)

// figures is what the incident adds to the business metrics, as the gateway
// says. One without /api/v1/analytics answers 404, and then figuresOf takes what
// the view tells: it goes when every gateway has it.
func (r *recording) figures(ctx context.Context, v event.View) (event.IncidentFigures, error) {
	f, err := r.p.as(recorder).figures(ctx, v.IncidentID)
	if is(err, http.StatusNotFound) {
		return figuresOf(v), nil
	}
	return f, err
}

func figuresOf(v event.View) event.IncidentFigures {
	span := func(from, to time.Time) *float64 {
		if from.IsZero() || to.IsZero() || to.Before(from) {
			return nil
		}
		s := to.Sub(from).Seconds()
		return &s
	}
	f := event.IncidentFigures{
		IncidentID: v.IncidentID, RunID: v.RunID, Title: v.Title, Service: v.Service, Severity: v.Severity, Status: v.Status, Outcome: v.Outcome, Origin: v.Origin,
		StartedAt: v.StartedAt, OpenedAt: v.OpenedAt, AcknowledgedAt: v.AcknowledgedAt, ClosedAt: v.ClosedAt,
		DetectSeconds: span(v.StartedAt, v.OpenedAt), AcknowledgeSeconds: span(v.OpenedAt, v.AcknowledgedAt),
		Acted: len(v.Executions) > 0, Helped: v.Outcome == incident.OutcomeRemediated, CauseCorrect: v.CauseCorrect,
		AICostMicros: v.Cost.CostMicros, AICallsUnknownPrice: v.Cost.UnknownPriced,
	}
	if v.Status == incident.StatusResolved {
		f.ResolveSeconds = span(v.OpenedAt, v.ClosedAt)
	}
	return f
}
