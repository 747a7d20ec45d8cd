package workflows

import (
	"strings"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"vigil/activities"
	"vigil/workflows/event"
	"vigil/workflows/incident"
)

const (
	maxEditedLines = 400
	maxEditedText  = 200_000 // characters, all lines together; a payload of Temporal's holds them
)

// PostmortemWorkflow keeps one edit of an incident's review. It is a workflow
// of its own, because people write reviews when the incident's own is over, and
// its id is the version that was edited: of two people who edit the same text,
// the second is told. Its event carries no number.
func PostmortemWorkflow(ctx workflow.Context, in incident.PostmortemInput) error {
	size := 0
	for _, l := range in.Lines {
		size += len(l.Text) + len(l.Section)
		if strings.TrimSpace(l.Text) == "" || strings.TrimSpace(l.Section) == "" {
			return refuse(incident.KindInvalid, "a line of the review has no text or no section")
		}
	}
	id := workflow.GetInfo(ctx).WorkflowExecution.ID
	of, _, named := strings.Cut(id, "-postmortem-")
	switch {
	case !in.Principal.May(incident.RoleResponder):
		return refuse(incident.KindDenied, "editing the review needs the role responder or higher")
	case !named || in.RunID == "" || in.Base < 1 || id != incident.PostmortemID(of, in.Base):
		return refuse(incident.KindInvalid, "the edit names no incident, run and version")
	case len(in.Lines) == 0 || len(in.Lines) > maxEditedLines || size > maxEditedText:
		return refuse(incident.KindInvalid, "the review is empty, or longer than a review may be")
	}
	e, err := event.New(&event.ReviewEdited{By: in.Principal.Name, Version: in.Base + 1, Lines: in.Lines}, of, in.RunID, 0, workflow.Now(ctx),
		incident.Provenance{Origin: incident.OriginLive, Service: "person", Principal: in.Principal.Name})
	if err != nil {
		return err
	}
	e.ID = id // published twice is published once
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: time.Minute, HeartbeatTimeout: heartbeat,
		RetryPolicy: &temporal.RetryPolicy{InitialInterval: 500 * time.Millisecond, MaximumInterval: 10 * time.Second}})
	return workflow.ExecuteActivity(ctx, activities.PublishEventsName, activities.PublishEventsInput{Events: []event.Event{e}}).Get(ctx, nil)
}
