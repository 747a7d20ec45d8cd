package leases_test

import (
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"vigil/activities/leases"
	"vigil/workflows/incident"
)

// temporalClient stands for Temporal: it notes what was sent, and closes the
// run that is waited for as close says.
type temporalClient struct {
	id, signal, kind string
	arg, input       any
	options          client.StartWorkflowOptions
	sent             int
	err              error

	workflowID, runID string
	get               client.WorkflowRunGetOptions
	close             func(ctx context.Context) (result string, err error)
}

func (c *temporalClient) SignalWithStartWorkflow(_ context.Context, id, signal string, arg any, o client.StartWorkflowOptions, kind any, args ...any) (client.WorkflowRun, error) {
	c.id, c.signal, c.arg, c.options, c.kind, c.input = id, signal, arg, o, kind.(string), args[0]
	c.sent++
	return nil, c.err
}

func (c *temporalClient) GetWorkflow(_ context.Context, workflowID, runID string) client.WorkflowRun {
	c.workflowID, c.runID = workflowID, runID
	return &run{c: c}
}

type run struct {
	client.WorkflowRun
	c *temporalClient
}

func (r *run) GetWithOptions(ctx context.Context, into any, o client.WorkflowRunGetOptions) error {
	r.c.get = o
	result, err := r.c.close(ctx)
	if err != nil || result == "" {
		return err
	}
	return json.Unmarshal([]byte(result), into)
}

func request() incident.LeaseRequest {
	return incident.LeaseRequest{Resource: incident.ServiceResource("checkout"), Limits: incident.LeaseLimits{Concurrent: 1, Share: 0.5},
		Holder: incident.Holder{WorkflowID: "inc-1-remediation-1", RunID: "run-1", IncidentID: "inc-1"}}
}

func TestRequest(t *testing.T) {
	t.Parallel()
	c := &temporalClient{}
	r := request()
	for range 2 { // the second time is harmless because it is the same
		if err := leases.New(c).Request(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	if c.sent != 2 || c.id != "lease-service:checkout" || c.options.ID != c.id || c.signal != incident.SignalLeaseRequest || c.kind != incident.LeaseWorkflowType ||
		c.options.TaskQueue != incident.TaskQueue || c.options.WorkflowIDReusePolicy != enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE {
		t.Errorf("sent %+v", c)
	}
	if want := (incident.LeaseState{Resource: r.Resource, Limits: r.Limits}); !reflect.DeepEqual(c.input, want) || !reflect.DeepEqual(c.arg, r) {
		t.Errorf("input %+v, want %+v; signal %+v", c.input, want, c.arg)
	}
	c.err = serviceerror.NewUnavailable("down")
	if err := leases.New(c).Request(t.Context(), r); incident.KindOf(err) != incident.KindUnavailable || !errors.Is(err, c.err) {
		t.Errorf("Request = %v, want unavailable", err)
	}
}

func TestRequestThatIsNone(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*incident.LeaseRequest){
		"no resource": func(r *incident.LeaseRequest) { r.Resource = "" },
		"no holder":   func(r *incident.LeaseRequest) { r.Holder.WorkflowID = "" },
		"no run":      func(r *incident.LeaseRequest) { r.Holder.RunID = "" },
		"no limit":    func(r *incident.LeaseRequest) { r.Limits.Concurrent = 0 },
	} {
		c, r := &temporalClient{}, request()
		change(&r)
		if err := leases.New(c).Request(t.Context(), r); incident.KindOf(err) != incident.KindInvalid || c.sent != 0 {
			t.Errorf("%s: %v, %d sent", name, err, c.sent)
		}
	}
}

func TestAwaitClose(t *testing.T) {
	t.Parallel()
	said := incident.Remediation{WorkflowID: "w", State: incident.RemediationHelped, Name: "restart"}
	whole, err := json.Marshal(said)
	if err != nil {
		t.Fatal(err)
	}
	failed := func(cause error) error { return temporalError(cause) }
	for _, c := range []struct {
		name   string
		result string
		err    error
		want   *incident.Remediation
		kind   incident.Kind
	}{
		{"completed", string(whole), nil, &said, ""},
		{"completed without a result", "", nil, nil, ""},
		{"completed with nothing", "null", nil, nil, ""},
		{"completed with something else", `"done"`, nil, nil, ""},
		{"completed with something empty", `{}`, nil, nil, ""},
		{"failed", "", failed(errors.New("boom")), nil, ""},
		{"terminated", "", failed(&temporal.TerminatedError{}), nil, ""},
		{"timed out", "", failed(temporal.NewTimeoutError(enumspb.TIMEOUT_TYPE_START_TO_CLOSE, nil)), nil, ""},
		{"canceled", "", failed(temporal.NewCanceledError()), nil, ""},
		{"went on as another", "", &workflow.ContinueAsNewError{}, nil, ""},
		{"not there any more", "", serviceerror.NewNotFound("workflow not found"), nil, ""},
		{"server away", "", serviceerror.NewUnavailable("down"), nil, incident.KindUnavailable},
	} {
		cl := &temporalClient{close: func(context.Context) (string, error) { return c.result, c.err }}
		got, err := leases.New(cl).AwaitClose(t.Context(), "w", "r")
		if !reflect.DeepEqual(got, c.want) || (err == nil) != (c.kind == "") || err != nil && incident.KindOf(err) != c.kind {
			t.Errorf("%s: %+v, %v, want %+v %s", c.name, got, err, c.want, c.kind)
		}
		if cl.workflowID != "w" || cl.runID != "r" || !cl.get.DisableFollowingRuns {
			t.Errorf("%s: waited for %s %s, %+v", c.name, cl.workflowID, cl.runID, cl.get)
		}
	}
}

// temporalError is how the SDK reports a run that did not complete.
func temporalError(cause error) error {
	return &wrapped{&temporal.WorkflowExecutionError{}, cause}
}

type wrapped struct {
	*temporal.WorkflowExecutionError
	cause error
}

func (w *wrapped) Error() string   { return w.cause.Error() }
func (w *wrapped) Unwrap() []error { return []error{w.WorkflowExecutionError, w.cause} }

// TestAwaitCloseEndsWithItsContext: whoever waits is told that nothing is known.
func TestAwaitCloseEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	waiting := make(chan struct{})
	c := &temporalClient{close: func(ctx context.Context) (string, error) {
		close(waiting)
		<-ctx.Done()
		return "", serviceerror.NewCanceled("canceled")
	}}
	done := make(chan error)
	go func() {
		r, err := leases.New(c).AwaitClose(ctx, "w", "r")
		if r != nil {
			err = errors.New("it said something")
		}
		done <- err
	}()
	<-waiting
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) || incident.KindOf(err) != incident.KindUnavailable {
		t.Errorf("AwaitClose = %v", err)
	}
}

func TestAwaitCloseOfNobody(t *testing.T) {
	t.Parallel()
	for _, ids := range [][2]string{{"", "r"}, {"w", ""}} {
		_, err := leases.New(&temporalClient{}).AwaitClose(t.Context(), ids[0], ids[1])
		if incident.KindOf(err) != incident.KindInvalid || !strings.Contains(err.Error(), "a workflow and a run") {
			t.Errorf("%q: %v", ids, err)
		}
	}
}
