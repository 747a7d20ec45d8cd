package workflows

import (
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"vigil/activities"
	"vigil/workflows/event"
	"vigil/workflows/incident"
)

// run is one run of an incident's workflow. Only workflow coroutines touch
// it, one at a time, so it needs no lock.
type run struct {
	id, runID string
	follows   string // the run's id, where it follows another of the incident
	in        incident.Input
	settings  incident.Settings
	startedAt time.Time // when the trouble began, as far as is known

	view      event.View
	log       []event.Event // every event of this run, for events_since and the publisher
	published int           // how many of log have left
	attrs     attributes    // as last upserted

	heard        map[string]string // word of each alert, by identity, as last heard
	rows         map[string]int64  // of the inbox that had it; of mentions, those of this run
	alerts       workflow.ReceiveChannel
	storyCtx     workflow.Context // cancelled when a person ends the story
	cancelStory  workflow.CancelFunc
	resolvedBy   *incident.ResolveArgs
	cancelled    *incident.CancelSignal
	merged       *incident.Move   // it is part of another incident
	severitySet  bool             // by a person, whose word stands
	recovered    bool             // the telemetry came back by itself
	clearChecked bool             // the telemetry was asked since every alert cleared
	ending       bool             // it is decided how the incident ends
	closing      bool             // the closing event is out
	late         []incident.Alert // came after it
	lateMentions []incident.AlertMention

	service       string // what the investigation starts from
	evidenceCount int
	suspects      []incident.Suspect
	detection     DetectionAnswer
	told          string // the incident as models are told it
	plan          *plan
	revision      int                   // of the plan; a decision is bound to one
	decidedAt     time.Time             // when it was decided on, by people or by the policy
	wanted        *incident.ProposeArgs // an option that a person put forward
	tried         map[string]bool       // options that were carried out and did not help
	triedOrder    []string
	lastFailure   handover
	voided        int     // plans that were refused before they began
	redo          bool    // decide again
	acting        *acting // while an action is carried out
	updates       workflow.ReceiveChannel
	outbox        map[string]*outbox // who is told, by channel
	toldTeams     map[string]bool    // by the escalation policy
	notified      int                // notifications

	gathered  bool     // the first evidence is there
	noModels  bool     // a person said to go on without, or nobody raised a budget
	looking   bool     // a second look is on its way
	rethought bool     // it came to another diagnosis: decide again
	carried   *carried // where another run left it; nil in a first run
	continued bool     // this run ends, and another goes on
}

type attributes struct {
	severity   incident.Severity
	phase      incident.Phase
	service    string
	needsHuman bool
}

// emit makes the next event, applies it to the view and leaves it to the
// publisher. It returns the event's number.
func (w *run) emit(ctx workflow.Context, data event.Data, p incident.Provenance) int64 {
	e, err := event.New(data, w.id, w.runID, int64(len(w.log))+1, workflow.Now(ctx), p)
	if err != nil {
		// Only a value that JSON cannot hold gets here, such as a NaN that an
		// activity should have refused: a defect, which fails the workflow task
		// visibly and leaves the incident to go on after a fix.
		panic(err)
	}
	w.log = append(w.log, e)
	w.view.Apply(e)
	return e.Seq
}

// provenance is that of a statement of the workflow itself.
func (w *run) provenance() incident.Provenance {
	return incident.Provenance{Origin: w.in.Origin, Service: "workflow"}
}

func (w *run) by(p incident.Principal) incident.Provenance {
	return incident.Provenance{Origin: incident.OriginLive, Service: "person", Principal: p.Name}
}

// status moves the incident on.
func (w *run) status(ctx workflow.Context, s incident.Status) {
	if w.view.Status == s && !w.view.NeedsHuman {
		return
	}
	w.emit(ctx, &event.IncidentStatusChanged{Status: s, NeedsHuman: s == incident.StatusAwaitingApproval}, w.provenance())
	w.upsert(ctx)
}

// begin and end frame a phase.
func (w *run) begin(ctx workflow.Context, p incident.Phase) {
	w.emit(ctx, &event.PhaseChanged{Phase: p, State: incident.PhaseRunning}, w.provenance())
	workflow.SetCurrentDetails(ctx, "**"+string(p)+"** · "+w.view.Title)
	w.upsert(ctx)
}

func (w *run) end(ctx workflow.Context, p incident.Phase, s incident.PhaseState, detail string) {
	w.emit(ctx, &event.PhaseChanged{Phase: p, State: s, Detail: detail}, w.provenance())
}

// upsert writes the search attributes where they have changed: one history
// event a phase, not one a field.
func (w *run) upsert(ctx workflow.Context) {
	want := attributes{w.view.Severity, w.view.Phase, w.view.Service, w.view.NeedsHuman}
	if want == w.attrs {
		return
	}
	err := workflow.UpsertTypedSearchAttributes(ctx,
		temporal.NewSearchAttributeKeyKeyword(incident.AttrSeverity).ValueSet(string(want.severity)),
		temporal.NewSearchAttributeKeyKeyword(incident.AttrPhase).ValueSet(string(want.phase)),
		temporal.NewSearchAttributeKeyKeyword(incident.AttrService).ValueSet(want.service),
		temporal.NewSearchAttributeKeyBool(incident.AttrNeedsHuman).ValueSet(want.needsHuman))
	if err != nil {
		workflow.GetLogger(ctx).Warn("Cannot set the search attributes; the incident goes on without.", "error", err)
		return
	}
	w.attrs = want
}

const (
	batchEvents = 50
	batchBytes  = 256 << 10 // of event data; well below the limit of a payload
)

// startPublisher sends what emit collected, one batch after another, each an
// ordinary activity that is retried for ever: what leaves is in the history,
// and it leaves in order.
func (w *run) startPublisher(ctx workflow.Context) {
	ctx, _ = workflow.NewDisconnectedContext(ctx)
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: time.Minute,
		HeartbeatTimeout:    heartbeat,
		RetryPolicy:         &temporal.RetryPolicy{InitialInterval: 500 * time.Millisecond, MaximumInterval: 10 * time.Second},
	})
	workflow.Go(ctx, func(ctx workflow.Context) {
		for {
			if err := workflow.Await(ctx, func() bool { return w.published < len(w.log) }); err != nil {
				return
			}
			batch := w.nextBatch()
			err := workflow.ExecuteActivity(ctx, activities.PublishEventsName, activities.PublishEventsInput{Events: batch}).Get(ctx, nil)
			if err != nil {
				// Only an event that the stream refuses for good ends here. It is in
				// the history and in events_since, from where the gateway fills gaps.
				workflow.GetLogger(ctx).Error("The stream refuses events; the gateway has to fetch them.", "error", err, "from_seq", batch[0].Seq)
			}
			w.published += len(batch)
		}
	})
}

func (w *run) nextBatch() []event.Event {
	batch, size := w.log[w.published:], 0
	for i, e := range batch {
		size += len(e.Data)
		if i == batchEvents || i > 0 && size > batchBytes {
			return batch[:i]
		}
	}
	return batch
}

// drain returns when every event has left and no handler is running.
func (w *run) drain(ctx workflow.Context) {
	// The context is never cancelled, so Await cannot fail.
	_ = workflow.Await(ctx, func() bool {
		return w.published == len(w.log) && workflow.AllHandlersFinished(ctx)
	})
}
