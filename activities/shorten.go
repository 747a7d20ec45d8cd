package activities

import (
	"context"
	"encoding/json"

	"vigil/activities/rca"
	"vigil/workflows/incident"
)

// maxEvidence is how much of one piece of evidence a history holds, in bytes
// of JSON. What is larger is kept whole elsewhere and shortened here.
const maxEvidence = 32 << 10

// shorten keeps e whole where a keeper is configured, and cuts it down until
// it fits: fewer points first, because a chart of thirty still shows the shape.
func (a *Activities) shorten(ctx context.Context, e *incident.Evidence) error {
	whole, err := json.Marshal(e)
	if err != nil {
		return incident.Errorf(incident.KindInvalid, "%s cannot be written as JSON: %s", e.Title, err)
	}
	if len(whole) <= maxEvidence {
		return nil
	}
	e.Bytes = int64(len(whole))
	if a.Keeper != nil {
		if e.Ref, err = a.Keeper.Keep(ctx, whole); err != nil {
			return err
		}
	}
	for keep := maxPoints / 2; keep >= 1; keep /= 2 {
		cut(e, keep)
		if raw, err := json.Marshal(e); err == nil && len(raw) <= maxEvidence {
			return nil
		}
	}
	return nil // what is left is titles and findings
}

// cut keeps at most keep points a series, and of everything else a share that
// falls with it.
func cut(e *incident.Evidence, keep int) {
	for i := range e.Series {
		e.Series[i].Points = rca.Thin(e.Series[i].Points, max(keep, 8))
	}
	few := max(keep/4, 1)
	e.Series = e.Series[:min(len(e.Series), max(keep, 6))]
	e.Logs = e.Logs[:min(len(e.Logs), few)]
	e.Changes = e.Changes[:min(len(e.Changes), few)]
	e.Events = e.Events[:min(len(e.Events), few)]
	e.Documents = e.Documents[:min(len(e.Documents), few)]
	e.Edges = e.Edges[:min(len(e.Edges), 16*keep)]
	for i := range e.Logs {
		e.Logs[i].Template, e.Logs[i].Example = clipText(e.Logs[i].Template, 40*keep), clipText(e.Logs[i].Example, 40*keep)
	}
	for i := range e.Documents {
		e.Documents[i].Text = clipText(e.Documents[i].Text, 40*keep)
	}
	for i := range e.Events {
		e.Events[i].Message = clipText(e.Events[i].Message, 40*keep)
	}
	if e.Load != nil {
		load := *e.Load
		load.Statements, load.Waits = load.Statements[:min(len(load.Statements), few)], load.Waits[:min(len(load.Waits), few)]
		e.Load = &load
	}
}
