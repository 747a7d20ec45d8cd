package temporal

import (
	"context"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/envconfig"
	"go.temporal.io/sdk/converter"
	sdklog "go.temporal.io/sdk/log"
	sdktemporal "go.temporal.io/sdk/temporal"

	"vigil/workflows/incident"
)

const (
	// callTimeout bounds every call. Longer would keep a person or a key's
	// alerts waiting; a call that needs longer has found no worker.
	callTimeout = 5 * time.Second

	// maxSummary is Temporal's limit for a workflow's summary in its UI.
	maxSummary = 200

	// pollerFresh is how long ago a worker may have begun its last poll and
	// still count: a poll takes up to a minute, then the next one begins.
	pollerFresh = 65 * time.Second
)

var (
	attrSeverity = sdktemporal.NewSearchAttributeKeyKeyword(incident.AttrSeverity)
	attrService  = sdktemporal.NewSearchAttributeKeyKeyword(incident.AttrService)
)

// Client reaches incidents' workflows.
type Client struct {
	sdk     client.Client
	timeout time.Duration
	now     func() time.Time
}

// Options of Dial. TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE, TEMPORAL_API_KEY,
// TEMPORAL_TLS…, and TEMPORAL_PROFILE with its file decide where and how to
// connect, as they do for Temporal's own tools.
type Options struct {
	Address string        // instead of TEMPORAL_ADDRESS; "" leaves that in force
	Logger  sdklog.Logger // nil: the SDK's own
}

// Dial prepares a client and connects when it is first used.
func Dial(o Options) (*Client, error) {
	opts, err := envconfig.LoadDefaultClientOptions()
	if err != nil {
		return nil, fmt.Errorf("temporal: read the TEMPORAL_* settings: %w", err)
	}
	if o.Address != "" {
		opts.HostPort = o.Address
	}
	opts.Logger = o.Logger
	c, err := client.NewLazyClient(opts)
	if err != nil {
		return nil, fmt.Errorf("temporal: prepare a client for %s: %w", opts.HostPort, err)
	}
	return New(c), nil
}

// New wraps a client that exists already. Close closes it.
func New(c client.Client) *Client {
	return &Client{sdk: c, timeout: callTimeout, now: time.Now}
}

// Close ends the connection.
func (c *Client) Close() { c.sdk.Close() }

// Start starts the workflow of incident id. An id that was used before, even
// by an incident that is over, is an error of kind conflict.
func (c *Client) Start(ctx context.Context, id string, in incident.Input) error {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	opts := startOptions(id, in)
	opts.WorkflowExecutionErrorWhenAlreadyStarted = true
	_, err := c.sdk.ExecuteWorkflow(ctx, opts, incident.WorkflowType, in)
	return wrap(err, "start incident %s", id)
}

// Deliver brings alerts to incident id, and starts its workflow where there is
// none yet. An incident that is over is an error of kind conflict.
func (c *Client) Deliver(ctx context.Context, id string, in incident.Input, alerts incident.AlertSignal) error {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	_, err := c.sdk.SignalWithStartWorkflow(ctx, id, incident.SignalAlert, alerts, startOptions(id, in), incident.WorkflowType, in)
	return wrap(err, "deliver alerts to incident %s", id)
}

// Signal brings alerts to incident id, which must be running: otherwise the
// error is of kind not_found, or conflict where it is over.
func (c *Client) Signal(ctx context.Context, id string, alerts incident.AlertSignal) error {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	return wrap(c.sdk.SignalWorkflow(ctx, id, "", incident.SignalAlert, alerts), "signal incident %s", id)
}

// Review starts the workflow that keeps a person's review of an incident. An
// id that was used before is an error of kind conflict.
func (c *Client) Review(ctx context.Context, id string, in incident.ReviewInput) error {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	_, err := c.sdk.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID:                                       id,
		TaskQueue:                                incident.TaskQueue,
		WorkflowIDReusePolicy:                    enumspb.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE,
		WorkflowExecutionErrorWhenAlreadyStarted: true,
		StaticSummary:                            truncate("Review of "+in.Lesson.IncidentID, maxSummary),
	}, incident.ReviewWorkflowType, in)
	return wrap(err, "start review %s", id)
}

// Postmortem starts the workflow that keeps a person's edit of a review. Where
// the id was used before, before is what it was used for.
func (c *Client) Postmortem(ctx context.Context, id string, in incident.PostmortemInput) (before *incident.PostmortemInput, err error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	_, err = c.sdk.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID:                                       id,
		TaskQueue:                                incident.TaskQueue,
		WorkflowIDReusePolicy:                    enumspb.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE,
		WorkflowExecutionErrorWhenAlreadyStarted: true,
		StaticSummary:                            truncate("Edit of the review by "+in.Principal.Name, maxSummary),
	}, incident.PostmortemWorkflowType, in)
	var used *serviceerror.WorkflowExecutionAlreadyStarted
	if !errors.As(err, &used) {
		return nil, wrap(err, "start the edit %s", id)
	}
	before = new(incident.PostmortemInput)
	first := c.sdk.GetWorkflowHistory(ctx, id, used.RunId, false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	if !first.HasNext() {
		return nil, wrap(err, "start the edit %s", id)
	}
	e, err := first.Next()
	if err != nil {
		return nil, wrap(err, "read the edit %s", id)
	}
	if converter.GetDefaultDataConverter().FromPayloads(e.GetWorkflowExecutionStartedEventAttributes().GetInput(), before) != nil {
		before = new(incident.PostmortemInput) // encoded by a codec that is not known here: somebody did, and that is all
	}
	return before, nil
}

func startOptions(id string, in incident.Input) client.StartWorkflowOptions {
	var attrs []sdktemporal.SearchAttributeUpdate
	if in.Severity.Valid() {
		attrs = append(attrs, attrSeverity.ValueSet(string(in.Severity)))
	}
	if in.Service != "" {
		attrs = append(attrs, attrService.ValueSet(in.Service))
	}
	return client.StartWorkflowOptions{
		ID:                    id,
		TaskQueue:             incident.TaskQueue,
		WorkflowIDReusePolicy: enumspb.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE,
		StaticSummary:         truncate(in.Title, maxSummary),
		TypedSearchAttributes: sdktemporal.NewSearchAttributes(attrs...),
	}
}

// truncate shortens s to at most limit bytes without cutting a character.
func truncate(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	for limit > 0 && !utf8.RuneStart(s[limit]) {
		limit--
	}
	return s[:limit]
}

// Update sends an update to incident id and waits for its outcome, which is
// decoded into result. The same updateID never takes effect twice in a run.
// What the workflow refuses comes back with the kind and the words it gave.
func (c *Client) Update(ctx context.Context, id, name, updateID string, args, result any) error {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	handle, err := c.sdk.UpdateWorkflow(ctx, client.UpdateWorkflowOptions{
		WorkflowID: id, UpdateID: updateID, UpdateName: name, Args: []any{args},
		WaitForStage: client.WorkflowUpdateStageCompleted,
	})
	if err == nil {
		err = handle.Get(ctx, result)
	}
	return wrap(err, "%s on incident %s", name, id)
}
