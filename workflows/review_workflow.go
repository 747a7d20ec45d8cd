package workflows

import (
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"vigil/activities"
	"vigil/workflows/event"
	"vigil/workflows/incident"
)

// ReviewWorkflow keeps what a person said of a diagnosis: whether it was the
// cause, or what was. It is a workflow of its own, because people look back
// when the incident's own is long over. Its event carries no number: it joins
// the incident's run without being part of its story.
func ReviewWorkflow(ctx workflow.Context, in incident.ReviewInput) error {
	l := in.Lesson
	switch {
	case !in.Principal.May(incident.RoleResponder):
		return refuse(incident.KindDenied, "reviewing needs the role responder or higher")
	case l.IncidentID == "" || l.RunID == "":
		return refuse(incident.KindInvalid, "the review names no incident and run")
	case len(in.Comment) > maxNote || len(in.Cause) > 100 || len(in.CauseService) > 200:
		return refuse(incident.KindInvalid, "the comment, cause or service is too long")
	}
	l.Cause, l.CauseService, l.ConfirmedBy = in.Cause, in.CauseService, in.Principal.Name
	if in.Cause == "" || in.Cause == incident.CauseUnknown { // only what it was not is known, and who says so
		l.Cause, l.CauseService = "", ""
	}
	var kept activities.Learned
	if err := workflow.ExecuteActivity(keepOptions(ctx), activities.LearnIncidentName, l).Get(ctx, &kept); err != nil {
		return err
	}
	e, err := event.New(&event.CauseReviewed{By: in.Principal.Name, Correct: in.Correct, Cause: l.Cause, CauseService: l.CauseService,
		Comment: in.Comment}, l.IncidentID, l.RunID, 0, workflow.Now(ctx),
		incident.Provenance{Origin: incident.OriginLive, Service: "person", Principal: in.Principal.Name})
	if err != nil {
		return err
	}
	e.ID = workflow.GetInfo(ctx).WorkflowExecution.ID // published twice is published once
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: time.Minute, HeartbeatTimeout: heartbeat,
		RetryPolicy: &temporal.RetryPolicy{InitialInterval: 500 * time.Millisecond, MaximumInterval: 10 * time.Second}})
	return workflow.ExecuteActivity(ctx, activities.PublishEventsName, activities.PublishEventsInput{Events: []event.Event{e}}).Get(ctx, nil)
}

func refuse(k incident.Kind, text string) error {
	return temporal.NewNonRetryableApplicationError(text, string(k), nil)
}
