package temporal

import (
	"context"
	"slices"
	"strings"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"vigil/workflows/event"
	"vigil/workflows/incident"
)

// eventsPage is how many events one query asks for: enough to be quick, few
// enough to stay far below Temporal's 2 MB for one answer.
const eventsPage = 200

// EventsSince returns all events of a run after afterSeq, oldest first. It
// needs a worker, and works on closed workflows for as long as Temporal keeps
// their history. runID "" is the latest run.
func (c *Client) EventsSince(ctx context.Context, id, runID string, afterSeq int64) ([]event.Event, error) {
	var all []event.Event
	for {
		page, err := c.eventsPage(ctx, id, runID, afterSeq)
		if err != nil {
			return nil, err
		}
		if len(page) == 0 {
			return all, nil
		}
		last := page[len(page)-1].Seq
		if last <= afterSeq {
			return nil, incident.Errorf(incident.KindInternal,
				"read events of incident %s: the workflow was asked for those after %d and returned up to %d", id, afterSeq, last)
		}
		all, afterSeq = append(all, page...), last
	}
}

func (c *Client) eventsPage(ctx context.Context, id, runID string, afterSeq int64) ([]event.Event, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	value, err := c.sdk.QueryWorkflow(ctx, id, runID, incident.QueryEventsSince,
		incident.EventsSinceArgs{AfterSeq: afterSeq, Limit: eventsPage})
	if err != nil {
		return nil, wrap(err, "read events of incident %s", id)
	}
	var page []event.Event
	return page, wrap(value.Get(&page), "read events of incident %s", id)
}

// State returns the incident as its latest run sees it.
func (c *Client) State(ctx context.Context, id string) (event.View, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	var view event.View
	value, err := c.sdk.QueryWorkflow(ctx, id, "", incident.QueryState)
	if err != nil {
		return view, wrap(err, "read the state of incident %s", id)
	}
	return view, wrap(value.Get(&view), "read the state of incident %s", id)
}

// Leases names the workflows that hand out leases now, up to limit. Temporal's
// list is a moment behind what runs.
func (c *Client) Leases(ctx context.Context, limit int) (ids []string, more bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	var page []byte
	for {
		list, err := c.sdk.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{
			PageSize: int32(limit), NextPageToken: page,
			Query: "WorkflowType = '" + incident.LeaseWorkflowType + "' AND ExecutionStatus = 'Running'",
		})
		if err != nil {
			return nil, false, wrap(err, "list the leases")
		}
		for _, w := range list.GetExecutions() {
			if id := w.GetExecution().GetWorkflowId(); !slices.Contains(ids, id) { // a run that went on as another may be listed with it
				ids = append(ids, id)
			}
		}
		page = list.GetNextPageToken()
		if len(page) == 0 || len(ids) >= limit {
			slices.Sort(ids)
			return ids[:min(len(ids), limit)], len(page) > 0 || len(ids) > limit, nil
		}
	}
}

// Lease asks a workflow how the lease stands that it hands out.
func (c *Client) Lease(ctx context.Context, id string) (incident.LeaseState, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	var state incident.LeaseState
	value, err := c.sdk.QueryWorkflow(ctx, id, "", incident.QueryLease)
	if err == nil {
		err = value.Get(&state)
	}
	return state, wrap(err, "read the lease %s", id)
}

// Describe says whether a run is open and, if it is not, how it ended, in
// Temporal's words: completed, terminated, timed_out, failed, canceled,
// continued_as_new. A run that Temporal does not have is an error of kind
// not_found. runID "" is the latest run.
func (c *Client) Describe(ctx context.Context, id, runID string) (open bool, how string, err error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	d, err := c.sdk.DescribeWorkflowExecution(ctx, id, runID)
	if err != nil {
		return false, "", wrap(err, "describe incident %s", id)
	}
	switch s := d.GetWorkflowExecutionInfo().GetStatus(); s {
	case enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING, enumspb.WORKFLOW_EXECUTION_STATUS_PAUSED:
		return true, "", nil
	default:
		return false, snake(s.String()), nil
	}
}

// snake turns TimedOut into timed_out.
func snake(s string) string {
	var b strings.Builder
	for i, r := range s {
		if i > 0 && r >= 'A' && r <= 'Z' {
			b.WriteByte('_')
		}
		b.WriteRune(r)
	}
	return strings.ToLower(b.String())
}

// Workers counts the workers that polled for workflow tasks within about the
// last minute. A worker that was killed is counted until then.
func (c *Client) Workers(ctx context.Context) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	d, err := c.sdk.DescribeTaskQueue(ctx, incident.TaskQueue, enumspb.TASK_QUEUE_TYPE_WORKFLOW)
	if err != nil {
		return 0, wrap(err, "describe task queue %s", incident.TaskQueue)
	}
	seen := map[string]bool{}
	for _, p := range d.GetPollers() {
		if c.now().Sub(p.GetLastAccessTime().AsTime()) <= pollerFresh {
			seen[p.GetIdentity()] = true
		}
	}
	return len(seen), nil
}

// healthTimeout is shorter than callTimeout: health is asked for on screen.
const healthTimeout = 2 * time.Second

// Health returns nil when Temporal answers and says that it serves.
func (c *Client) Health(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	_, err := c.sdk.CheckHealth(ctx, &client.CheckHealthRequest{})
	return wrap(err, "ask Temporal for its health")
}
