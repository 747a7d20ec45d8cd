package temporal_test

import (
	"fmt"
	"reflect"
	"slices"
	"testing"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/converter"

	"vigil/workflows/incident"
)

func TestPostmortemIsAWorkflowOfItsOwn(t *testing.T) {
	t.Parallel()
	s := &server{}
	c := serve(t, s)
	id := incident.PostmortemID("inc-1", 1)
	in := incident.PostmortemInput{Principal: incident.Principal{Name: "ada", Role: incident.RoleResponder}, RunID: "run-1", Base: 1,
		Lines: []incident.ReviewLine{{Section: "Cause", Text: "the pool", By: "ada"}}}
	before, err := c.Postmortem(t.Context(), id, in)
	if err != nil || before != nil {
		t.Fatalf("Postmortem = %+v, %v", before, err)
	}
	r := s.start
	if r.GetWorkflowId() != "inc-1-postmortem-2" || r.GetWorkflowType().GetName() != incident.PostmortemWorkflowType || r.GetTaskQueue().GetName() != incident.TaskQueue ||
		r.GetWorkflowIdReusePolicy() != enumspb.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE {
		t.Errorf("started %v", r)
	}
	var got incident.PostmortemInput
	if decode(t, r.GetInput(), &got); !reflect.DeepEqual(got, in) {
		t.Errorf("input %+v, want %+v", got, in)
	}
}

func TestPostmortemSaysWhoWasFirst(t *testing.T) {
	t.Parallel()
	first := incident.PostmortemInput{Principal: incident.Principal{Name: "bob", Role: incident.RoleAdmin}, Base: 1}
	plain, err := converter.GetDefaultDataConverter().ToPayloads(first)
	if err != nil {
		t.Fatal(err)
	}
	encoded := &commonpb.Payloads{Payloads: []*commonpb.Payload{{Metadata: map[string][]byte{"encoding": []byte("binary/encrypted")}, Data: []byte("x")}}}
	for name, c := range map[string]struct {
		input *commonpb.Payloads
		want  incident.PostmortemInput
	}{"in plain text": {plain, first}, "by a codec": {encoded, incident.PostmortemInput{}}} {
		s := &server{err: serviceerror.ToStatus(serviceerror.NewWorkflowExecutionAlreadyStarted("used", "r", "run-1")).Err(),
			history: &historypb.History{Events: []*historypb.HistoryEvent{{EventId: 1, EventType: enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED,
				Attributes: &historypb.HistoryEvent_WorkflowExecutionStartedEventAttributes{
					WorkflowExecutionStartedEventAttributes: &historypb.WorkflowExecutionStartedEventAttributes{Input: c.input}}}}}}
		got, err := serve(t, s).Postmortem(t.Context(), "inc-1-postmortem-2", incident.PostmortemInput{Principal: incident.Principal{Name: "ada"}})
		if err != nil || got == nil || !reflect.DeepEqual(*got, c.want) {
			t.Errorf("%s: %+v, %v, want %+v", name, got, err, c.want)
		}
	}
	_, err = serve(t, &server{err: serviceerror.ToStatus(serviceerror.NewUnavailable("down")).Err()}).Postmortem(t.Context(), "inc-1-postmortem-2", first)
	check(t, "Postmortem", err, incident.KindUnavailable, "start the edit inc-1-postmortem-2")
}

func TestLeases(t *testing.T) {
	t.Parallel()
	const all = 5
	s := &server{onList: func(r *workflowservice.ListWorkflowExecutionsRequest) *workflowservice.ListWorkflowExecutionsResponse {
		out := &workflowservice.ListWorkflowExecutionsResponse{}
		from := len(r.GetNextPageToken())
		for i := from; i < min(from+2, all); i++ { // pages of two, whatever is asked for
			out.Executions = append(out.Executions, &workflowpb.WorkflowExecutionInfo{Execution: &commonpb.WorkflowExecution{WorkflowId: fmt.Sprintf("lease-service:s%d", all-i)}})
		}
		if from == 0 { // listed with the run that it goes on from
			out.Executions = append(out.Executions, out.Executions[0])
		}
		if from+2 < all {
			out.NextPageToken = make([]byte, from+2)
		}
		return out
	}}
	c := serve(t, s)
	for limit, want := range map[int]struct {
		n    int
		more bool
	}{10: {5, false}, 5: {5, false}, 4: {4, true}, 3: {3, true}, 1: {1, true}} {
		ids, more, err := c.Leases(t.Context(), limit)
		if err != nil || len(ids) != want.n || more != want.more || !slices.IsSorted(ids) {
			t.Errorf("Leases(%d) = %v, %t, %v", limit, ids, more, err)
		}
	}
	if q := s.lists[0].GetQuery(); q != "WorkflowType = 'LeaseWorkflow' AND ExecutionStatus = 'Running'" {
		t.Errorf("query %q", q)
	}
	_, _, err := serve(t, &server{err: serviceerror.ToStatus(serviceerror.NewUnavailable("down")).Err()}).Leases(t.Context(), 10)
	check(t, "Leases", err, incident.KindUnavailable, "list the leases")
}

func TestLease(t *testing.T) {
	t.Parallel()
	want := incident.LeaseState{Resource: "service:checkout", Granted: 2, Holders: []incident.Holder{{WorkflowID: "w", State: incident.HolderUnknown}}}
	s := &server{onQuery: func(*workflowservice.QueryWorkflowRequest) (any, error) { return want, nil }}
	got, err := serve(t, s).Lease(t.Context(), "lease-service:checkout")
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("Lease = %+v, %v", got, err)
	}
	if q := s.queries[0]; q.GetExecution().GetWorkflowId() != "lease-service:checkout" || q.GetQuery().GetQueryType() != incident.QueryLease {
		t.Errorf("query %v", q)
	}
}
