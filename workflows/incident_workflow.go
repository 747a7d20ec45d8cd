package workflows

import (
	"fmt"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"vigil/activities"
	"vigil/workflows/event"
	"vigil/workflows/incident"
)

// Result is what an incident's workflow returns.
type Result struct {
	IncidentID string           `json:"incident_id"`
	Status     incident.Status  `json:"status"`
	Outcome    incident.Outcome `json:"outcome"`
	Cause      incident.Cause   `json:"cause,omitempty"`
	Service    string           `json:"service,omitempty"`
}

// IncidentWorkflow handles one incident from its first alert until it is
// resolved, or until nobody has taken it at the last deadline.
func IncidentWorkflow(ctx workflow.Context, in incident.Input) (Result, error) {
	w, err := setup(ctx, in)
	if err != nil {
		return Result{}, err
	}
	return w.run(ctx)
}

// ending is how an incident ends.
type ending struct {
	status  incident.Status
	outcome incident.Outcome
	by      string
	reason  string
}

// handover is why Vigil cannot go on alone.
type handover struct {
	reason incident.HandoverReason
	detail string
}

func (w *run) run(ctx workflow.Context) (Result, error) {
	end := w.story(ctx)
	if w.continued {
		return Result{}, w.continueAsNew(ctx)
	}
	w.close(ctx, end)
	if w.anyLate() && ctx.Err() == nil {
		return Result{}, workflow.NewContinueAsNewError(ctx, incident.WorkflowType, w.reopening(ctx))
	}
	return Result{IncidentID: w.id, Status: w.view.Status, Outcome: w.view.Outcome, Cause: w.view.Cause,
		Service: w.view.CauseService}, ctx.Err()
}

// The steps of the story that something comes back to.
const (
	stepDecide  = 2
	stepApprove = 3
)

// story is the way of an incident. Each step returns nil to go on, or why a
// person has to take over; a person may end it at any time. A second look that
// comes to another diagnosis goes back to deciding.
func (w *run) story(ctx workflow.Context) ending {
	steps := []func(workflow.Context) *handover{
		w.detect,
		w.diagnoseAndPredict,
		w.decide,
		w.approve,
		w.resolve, // and verify
	}
	next, stop := w.resume()
	for next < len(steps) && !w.recovered {
		if stop == nil {
			stop = steps[next](w.storyCtx)
		}
		if end := w.ended(ctx); end != nil {
			return *end
		}
		if w.cancelled != nil {
			stop = &handover{incident.HandoverCancelled, w.cancelled.Reason}
		}
		if stop != nil && !w.continued {
			if end := w.handOver(ctx, *stop); end != nil {
				return *end
			}
		}
		switch {
		case w.continued:
			return ending{}
		case w.rethought:
			w.rethought, w.redo, next, stop = false, false, stepDecide, w.verdict()
		case w.redo:
			w.redo, next, stop = false, stepDecide, nil
		default:
			next, stop = next+1, nil
		}
	}
	w.communicate(ctx)
	if w.recovered {
		return ending{incident.StatusResolved, incident.OutcomeRecovered, "vigil", "the alerts cleared and the telemetry is back to its state before the incident"}
	}
	return ending{incident.StatusResolved, incident.OutcomeRemediated, "vigil", "the action helped: the telemetry is back to its state before the incident"}
}

// ended reports that somebody ended the incident, whatever the story was at.
func (w *run) ended(ctx workflow.Context) *ending {
	switch {
	case w.resolvedBy != nil:
		return &ending{incident.StatusResolved, incident.OutcomeResolvedByPerson, w.resolvedBy.Principal.Name, w.resolvedBy.Reason}
	case w.merged != nil:
		return &ending{incident.StatusClosed, incident.OutcomeMerged, w.merged.By, "part of incident " + w.merged.To + ": " + w.merged.Reason}
	case ctx.Err() != nil:
		return &ending{incident.StatusAborted, incident.OutcomeAborted, "", "the workflow was cancelled in Temporal"}
	}
	return nil
}

func (w *run) open(ctx workflow.Context) {
	if w.carried != nil { // it is
		w.receiveAlerts(ctx)
		w.upsert(ctx)
		return
	}
	w.emit(ctx, &event.IncidentOpened{
		Title: w.in.Title, Description: w.in.Description, Service: w.in.Service, Severity: w.in.Severity,
		Labels: w.in.Labels, Source: w.in.Source, OpenedBy: w.in.OpenedBy, StartedAt: w.startedAt,
	}, incident.Provenance{Origin: w.in.Origin, Service: w.in.Source, Principal: w.in.OpenedBy})
	w.takeAlerts(ctx, incident.AlertSignal{Alerts: w.in.Alerts, Mentions: w.in.Mentions})
	w.receiveAlerts(ctx)
	w.upsert(ctx)
}

// close says how it ended and returns once every event has left. An alert that
// comes from here on is kept for a new run: what was decided did not know of it,
// and it is not lost.
func (w *run) close(ctx workflow.Context, end ending) {
	ctx, _ = workflow.NewDisconnectedContext(ctx) // a cancelled workflow still says so
	w.cancelStory()                               // what still looks or answers has nothing to add
	w.ending = true
	w.drain(ctx)
	w.receiveAlerts(ctx)
	w.voidProposal(ctx, "the incident ended")
	w.learn(ctx, end)
	w.tellEnd(ctx, end)
	w.review(ctx, end)
	w.emit(ctx, &event.IncidentClosed{Status: end.status, Outcome: end.outcome, By: end.by, Reason: end.reason},
		w.provenance())
	w.upsert(ctx)
	w.closing = true
	w.drain(ctx)
	w.receiveAlerts(ctx)
}

// reopening is the input of the run that takes up alerts which came too late.
func (w *run) reopening(ctx workflow.Context) incident.Input {
	in := w.in
	in.StartedAt, in.Alerts, in.Mentions = workflow.Now(ctx), w.late, w.lateMentions
	if len(w.late) > 0 {
		in.StartedAt = w.late[0].StartsAt
	}
	return in
}

// setup fills in what the starter left out, registers every handler and opens
// the incident before anything can wait, then loads the settings.
func setup(ctx workflow.Context, in incident.Input) (*run, error) {
	info := workflow.GetInfo(ctx)
	w := &run{id: info.WorkflowExecution.ID, runID: info.WorkflowExecution.RunID, in: withDefaults(in, info.WorkflowStartTime),
		heard: map[string]string{}, rows: map[string]int64{}, tried: map[string]bool{}, outbox: map[string]*outbox{}, toldTeams: map[string]bool{}}
	w.startedAt = w.in.StartedAt
	if info.ContinuedExecutionRunID != "" {
		w.follows = w.runID
	}
	w.storyCtx, w.cancelStory = workflow.WithCancel(ctx)
	w.alerts = workflow.GetSignalChannel(ctx, incident.SignalAlert)
	w.updates = workflow.GetSignalChannel(ctx, incident.SignalRemediation)
	if err := w.takeUp(ctx); err != nil {
		return nil, err
	}
	w.open(ctx) // before anything yields, as registering a handler does: what came with the start finds the incident open
	if err := w.handle(ctx); err != nil {
		return nil, fmt.Errorf("register handlers: %w", err)
	}
	w.startPublisher(ctx)
	workflow.Go(w.storyCtx, w.answerQuestions)
	if w.carried != nil {
		if w.view.Degraded {
			w.lookAgain(ctx)
		}
		w.startEscalation()
		return w, nil // the settings came with the rest
	}
	options := workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: 10 * time.Second,
		RetryPolicy:         &temporal.RetryPolicy{MaximumInterval: 10 * time.Second},
	})
	if err := workflow.ExecuteActivity(options, activities.LoadSettingsName).Get(ctx, &w.settings); err != nil {
		return nil, err
	}
	w.startEscalation()
	return w, nil
}

// withDefaults makes the least input a whole one.
func withDefaults(in incident.Input, started time.Time) incident.Input {
	if in.Service == "" {
		in.Service = "unknown"
	}
	if in.Title == "" {
		in.Title = "Incident on " + in.Service
	}
	if !in.Severity.Valid() {
		in.Severity = incident.SeverityMedium
	}
	if in.Source == "" {
		in.Source = "manual"
	}
	if !in.Origin.Valid() {
		in.Origin = incident.OriginLive
	}
	// A sender's clock may be hours off; ours decides what it can mean.
	if in.StartedAt.IsZero() || in.StartedAt.After(started) || started.Sub(in.StartedAt) > 24*time.Hour {
		in.StartedAt = started
	}
	in.StartedAt = in.StartedAt.UTC()
	return in
}
