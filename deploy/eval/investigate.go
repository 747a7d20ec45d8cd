package main

import (
	"context"
	"fmt"
	"time"

	"vigil/activities"
	"vigil/workflows/incident"
)

// question is one case: where to look, what complained, and what the truth is.
type question struct {
	name       string
	alert      string // what the alert says, for models
	detail     string
	alerting   string
	from       time.Time // telemetry is read from here
	baselineTo time.Time // normal operation up to here
	startedAt  time.Time
	to         time.Time
	services   []string // whose measures are read

	service string         // the service at fault; empty: all is well
	cause   incident.Cause // empty: not asked
}

// suspectsLookedAt is how many suspects have their logs, changes and events
// read, as in the workflow.
const suspectsLookedAt = 3

// investigate asks the product as the workflow does: the service graph and the
// measures first, a ranking, then logs, changes and platform events of the
// first suspects and of the service that complained, and the ranking again.
func investigate(ctx context.Context, a *activities.Activities, q question) ([]incident.Suspect, []incident.Evidence, error) {
	var evidence []incident.Evidence
	seen := map[string]bool{}
	look := func(tool, service string) error {
		if seen[tool+" "+service] {
			return nil
		}
		seen[tool+" "+service] = true
		got, err := a.CollectEvidence(ctx, activities.CollectInput{Tool: tool, Service: service, Window: activities.Window{From: q.from, To: q.to},
			StartedAt: q.startedAt, BaselineTo: q.baselineTo})
		if err != nil {
			return err
		}
		e := got.Evidence
		e.ID = fmt.Sprintf("E%d", len(evidence)+1)
		evidence = append(evidence, e)
		return nil
	}
	rank := func() ([]incident.Suspect, error) {
		return activities.RankSuspects(ctx, activities.RankInput{Evidence: evidence, Service: q.alerting, StartedAt: q.startedAt, BaselineTo: q.baselineTo})
	}
	if err := look(activities.ToolServiceGraph, ""); err != nil {
		return nil, nil, err
	}
	for _, s := range q.services {
		if err := look(activities.ToolQueryMetrics, s); err != nil {
			return nil, nil, err
		}
	}
	suspects, err := rank()
	if err != nil {
		return nil, nil, err
	}
	if a.Logs == nil && a.Changes == nil && a.Platform == nil && a.Database == nil {
		return suspects, evidence, nil
	}
	next := []string{q.alerting}
	for _, s := range suspects[:min(suspectsLookedAt, len(suspects))] {
		next = append(next, s.Service)
	}
	for _, s := range next {
		for _, tool := range furtherTools {
			if err := look(tool, s); err != nil {
				return nil, nil, err
			}
		}
	}
	suspects, err = rank()
	return suspects, evidence, err
}

// furtherTools are used on the suspects, after the measures of all.
var furtherTools = []string{activities.ToolSearchLogs, activities.ToolRecentChanges, activities.ToolPlatformEvents, activities.ToolDatabaseLoad}
