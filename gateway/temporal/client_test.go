package temporal_test

import (
	"context"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	enumspb "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
	"go.temporal.io/api/serviceerror"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	updatepb "go.temporal.io/api/update/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/converter"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	"vigil/gateway/temporal"
	"vigil/workflows/event"
	"vigil/workflows/incident"
)

func TestStartSaysWhatTheWorkflowNeeds(t *testing.T) {
	t.Parallel()
	s := &server{}
	c := serve(t, s)
	in := incident.Input{Title: strings.Repeat("é", 150), Service: "checkout", Severity: incident.SeverityHigh}
	if err := c.Start(t.Context(), "inc-1", in); err != nil {
		t.Fatal(err)
	}
	r := s.start
	if r.GetWorkflowId() != "inc-1" || r.GetTaskQueue().GetName() != incident.TaskQueue || r.GetWorkflowType().GetName() != incident.WorkflowType {
		t.Errorf("started %s %s on %s", r.GetWorkflowId(), r.GetWorkflowType().GetName(), r.GetTaskQueue().GetName())
	}
	if r.GetWorkflowIdReusePolicy() != enumspb.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE {
		t.Errorf("reuse policy is %v: an id could be used twice", r.GetWorkflowIdReusePolicy())
	}
	for key, want := range map[string]string{incident.AttrSeverity: `"high"`, incident.AttrService: `"checkout"`} {
		if got := string(r.GetSearchAttributes().GetIndexedFields()[key].GetData()); got != want {
			t.Errorf("search attribute %s is %s, want %s", key, got, want)
		}
	}
	var got incident.Input
	decode(t, r.GetInput(), &got)
	if got.Title != in.Title || got.Service != in.Service {
		t.Errorf("input is %+v", got)
	}
	var summary string
	if err := converter.GetDefaultDataConverter().FromPayload(r.GetUserMetadata().GetSummary(), &summary); err != nil {
		t.Fatal(err)
	}
	if len(summary) > 200 || !utf8.ValidString(summary) || !strings.HasPrefix(in.Title, summary) {
		t.Errorf("summary is %d bytes: %q", len(summary), summary)
	}
}

func TestReviewIsAWorkflowOfItsOwn(t *testing.T) {
	t.Parallel()
	s := &server{}
	c := serve(t, s)
	in := incident.ReviewInput{Principal: incident.Principal{Name: "ada", Role: incident.RoleResponder}, Correct: true, Lesson: incident.Lesson{IncidentID: "inc-1", RunID: "run-1"}}
	if err := c.Review(t.Context(), incident.ReviewID("inc-1", "k"), in); err != nil {
		t.Fatal(err)
	}
	r := s.start
	if r.GetWorkflowId() != "inc-1-review-k" || r.GetWorkflowType().GetName() != incident.ReviewWorkflowType || r.GetTaskQueue().GetName() != incident.TaskQueue ||
		r.GetWorkflowIdReusePolicy() != enumspb.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE {
		t.Errorf("started %v", r)
	}
	var got incident.ReviewInput
	if decode(t, r.GetInput(), &got); got != in {
		t.Errorf("input %+v, want %+v", got, in)
	}
	s.err = serviceerror.ToStatus(serviceerror.NewWorkflowExecutionAlreadyStarted("used", "r", "run-1")).Err()
	check(t, "Review", c.Review(t.Context(), "inc-1-review-k", in), incident.KindConflict, "in use")
}

func TestDeliverSignalsWithStart(t *testing.T) {
	t.Parallel()
	s := &server{}
	c := serve(t, s)
	alerts := incident.AlertSignal{Alerts: []incident.Alert{{Fingerprint: "f1", Status: incident.AlertFiring}}}
	if err := c.Deliver(t.Context(), "inc-1", incident.Input{Title: "x"}, alerts); err != nil {
		t.Fatal(err)
	}
	r := s.signalWS
	if r.GetSignalName() != incident.SignalAlert || r.GetWorkflowIdReusePolicy() != enumspb.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE {
		t.Errorf("signal %s, reuse policy %v", r.GetSignalName(), r.GetWorkflowIdReusePolicy())
	}
	var got incident.AlertSignal
	decode(t, r.GetSignalInput(), &got)
	if len(got.Alerts) != 1 || got.Alerts[0].Fingerprint != "f1" {
		t.Errorf("signal carries %+v", got)
	}
	if err := c.Signal(t.Context(), "inc-1", alerts); err != nil {
		t.Fatal(err)
	}
	if s.signal.GetSignalName() != incident.SignalAlert {
		t.Errorf("signal is %s", s.signal.GetSignalName())
	}
}

func TestUpdateGivesTheOutcome(t *testing.T) {
	t.Parallel()
	s := &server{onUpdate: func(context.Context) (*workflowservice.UpdateWorkflowExecutionResponse, error) {
		p, err := converter.GetDefaultDataConverter().ToPayloads(incident.VerbResult{Seq: 7})
		return completed(&updatepb.Outcome{Value: &updatepb.Outcome_Success{Success: p}}), err
	}}
	c := serve(t, s)
	var got incident.VerbResult
	if err := c.Update(t.Context(), "inc-1", incident.UpdateNote, "u-1", incident.NoteArgs{Text: "hi"}, &got); err != nil {
		t.Fatal(err)
	}
	meta := s.update.GetRequest().GetMeta()
	if got.Seq != 7 || meta.GetUpdateId() != "u-1" || s.update.GetRequest().GetInput().GetName() != incident.UpdateNote {
		t.Errorf("result %+v, update %v", got, s.update)
	}
}

// completed is the answer to an update that has come to its end.
func completed(o *updatepb.Outcome) *workflowservice.UpdateWorkflowExecutionResponse {
	return &workflowservice.UpdateWorkflowExecutionResponse{
		UpdateRef: &updatepb.UpdateRef{UpdateId: "u-1"},
		Stage:     enumspb.UPDATE_WORKFLOW_EXECUTION_LIFECYCLE_STAGE_COMPLETED, Outcome: o,
	}
}

func TestUpdateRefusedByTheWorkflow(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		typ, message string
		kind         incident.Kind
		want         string
	}{
		{"conflict", "already decided by bob", incident.KindConflict, "already decided by bob"},
		{"denied", "alice may not decide", incident.KindDenied, "alice may not decide"},
		{"AcceptedUpdateCompletedWorkflow", "x", incident.KindConflict, "ended before"},
		{"Surprise", "stack", incident.KindInternal, "failed to handle"},
	} {
		s := &server{onUpdate: func(context.Context) (*workflowservice.UpdateWorkflowExecutionResponse, error) {
			return completed(&updatepb.Outcome{Value: &updatepb.Outcome_Failure{Failure: &failurepb.Failure{Message: c.message,
				FailureInfo: &failurepb.Failure_ApplicationFailureInfo{ApplicationFailureInfo: &failurepb.ApplicationFailureInfo{Type: c.typ}}}}}), nil
		}}
		err := serve(t, s).Update(t.Context(), "inc-1", incident.UpdateDecide, "u-1", incident.DecideArgs{}, &incident.DecideResult{})
		check(t, "Update "+c.typ, err, c.kind, c.want)
	}
}

func TestUpdateWithoutWorkerAssumesNothing(t *testing.T) {
	t.Parallel()
	s := &server{onUpdate: func(ctx context.Context) (*workflowservice.UpdateWorkflowExecutionResponse, error) {
		<-ctx.Done()
		return nil, status.FromContextError(ctx.Err()).Err()
	}}
	c := serve(t, s)
	temporal.SetTimeout(c, 100*time.Millisecond)
	err := c.Update(t.Context(), "inc-1", incident.UpdateNote, "u-1", incident.NoteArgs{}, &incident.VerbResult{})
	check(t, "Update", err, incident.KindUnavailable, "nothing is assumed; repeat with the same Idempotency-Key")
}

// check holds err against a kind and a part of its words.
func check(tb testing.TB, what string, err error, kind incident.Kind, want string) {
	tb.Helper()
	if err == nil {
		tb.Errorf("%s went through, want %s", what, kind)
		return
	}
	if incident.KindOf(err) != kind || !strings.Contains(err.Error(), want) {
		tb.Errorf("%s = %s %q, want %s that says %q", what, incident.KindOf(err), err, kind, want)
	}
}

func TestServerErrorsBecomeKinds(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		err  error
		kind incident.Kind
	}{
		{"already started", serviceerror.NewWorkflowExecutionAlreadyStarted("used", "r", "run-1"), incident.KindConflict},
		{"over", serviceerror.NewNotFound("workflow execution already completed"), incident.KindConflict},
		{"no such workflow", serviceerror.NewNotFound("workflow not found for ID: inc-1"), incident.KindNotFound},
		{"no namespace", serviceerror.NewNamespaceNotFound("vigil"), incident.KindUnavailable},
		{"attributes missing", serviceerror.NewInvalidArgument("Namespace default has no mapping defined for search attribute IncidentService"), incident.KindUnavailable},
		{"wrong request", serviceerror.NewInvalidArgument("WorkflowId is too long"), incident.KindInternal},
		{"credentials", serviceerror.NewPermissionDenied("no", ""), incident.KindUnavailable},
		{"unknown", status.Error(codes.DataLoss, "gone"), incident.KindInternal},
	} {
		cl := serve(t, &server{err: serviceerror.ToStatus(c.err).Err()})
		ctx := t.Context()
		for what, err := range map[string]error{
			"Start":   cl.Start(ctx, "inc-1", incident.Input{}),
			"Deliver": cl.Deliver(ctx, "inc-1", incident.Input{}, incident.AlertSignal{}),
			"Signal":  cl.Signal(ctx, "inc-1", incident.AlertSignal{}),
			"Update":  cl.Update(ctx, "inc-1", incident.UpdateNote, "u", incident.NoteArgs{}, &incident.VerbResult{}),
		} {
			check(t, c.name+": "+what, err, c.kind, "inc-1")
		}
	}
}

func TestNobodyListening(t *testing.T) {
	t.Parallel()
	c := dial(t, "127.0.0.1:1") // nothing listens on port 1; dialling itself must not mind
	temporal.SetTimeout(c, 300*time.Millisecond)
	check(t, "Start", c.Start(t.Context(), "inc-1", incident.Input{}), incident.KindUnavailable, "start incident inc-1")
	check(t, "Health", c.Health(t.Context()), incident.KindUnavailable, "")
}

func TestEventsSinceReadsAllPages(t *testing.T) {
	t.Parallel()
	const total = 450
	s := &server{onQuery: func(r *workflowservice.QueryWorkflowRequest) (any, error) {
		var args incident.EventsSinceArgs
		if err := converter.GetDefaultDataConverter().FromPayloads(r.GetQuery().GetQueryArgs(), &args); err != nil {
			return nil, err
		}
		var page []event.Event
		for seq := args.AfterSeq + 1; seq <= total && len(page) < args.Limit; seq++ {
			page = append(page, event.Event{Type: event.TypeIncidentNoted, Seq: seq, Data: []byte(`{}`)})
		}
		return page, nil
	}}
	got, err := serve(t, s).EventsSince(t.Context(), "inc-1", "run-1", 3)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != total-3 || got[0].Seq != 4 || got[len(got)-1].Seq != total {
		t.Errorf("%d events", len(got))
	}
	if r := s.queries[0]; r.GetExecution().GetRunId() != "run-1" || r.GetQuery().GetQueryType() != incident.QueryEventsSince {
		t.Errorf("query is %v", r)
	}
}

func TestEventsSinceDoesNotLoopOnAWorkflowThatRepeatsItself(t *testing.T) {
	t.Parallel()
	s := &server{onQuery: func(*workflowservice.QueryWorkflowRequest) (any, error) {
		return []event.Event{{Seq: 1, Data: []byte(`{}`)}}, nil
	}}
	_, err := serve(t, s).EventsSince(t.Context(), "inc-1", "run-1", 0)
	check(t, "EventsSince", err, incident.KindInternal, "after 1 and returned up to 1")
}

func TestState(t *testing.T) {
	t.Parallel()
	s := &server{onQuery: func(*workflowservice.QueryWorkflowRequest) (any, error) {
		return event.View{Summary: event.Summary{IncidentID: "inc-1", Status: incident.StatusVerifying}}, nil
	}}
	v, err := serve(t, s).State(t.Context(), "inc-1")
	if err != nil || v.Status != incident.StatusVerifying {
		t.Errorf("State = %+v, %v", v.Summary, err)
	}
}

func TestDescribe(t *testing.T) {
	t.Parallel()
	for st, c := range map[enumspb.WorkflowExecutionStatus]struct {
		open bool
		how  string
	}{
		enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING:          {true, ""},
		enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED:        {false, "completed"},
		enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED:       {false, "terminated"},
		enumspb.WORKFLOW_EXECUTION_STATUS_TIMED_OUT:        {false, "timed_out"},
		enumspb.WORKFLOW_EXECUTION_STATUS_CONTINUED_AS_NEW: {false, "continued_as_new"},
	} {
		s := &server{describe: &workflowservice.DescribeWorkflowExecutionResponse{WorkflowExecutionInfo: &workflowpb.WorkflowExecutionInfo{Status: st}}}
		open, how, err := serve(t, s).Describe(t.Context(), "inc-1", "run-1")
		if err != nil || open != c.open || how != c.how {
			t.Errorf("Describe of %v = %v %q %v", st, open, how, err)
		}
	}
	_, _, err := serve(t, &server{err: serviceerror.ToStatus(serviceerror.NewNotFound("workflow not found")).Err()}).Describe(t.Context(), "inc-1", "")
	check(t, "Describe", err, incident.KindNotFound, "describe incident inc-1")
}

func TestWorkersCountsThoseSeenLately(t *testing.T) {
	t.Parallel()
	ago := func(id string, d time.Duration) *taskqueuepb.PollerInfo {
		return &taskqueuepb.PollerInfo{Identity: id, LastAccessTime: timestamppb.New(time.Now().Add(-d))}
	}
	s := &server{queue: &workflowservice.DescribeTaskQueueResponse{Pollers: []*taskqueuepb.PollerInfo{
		ago("a", time.Second), ago("a", 30*time.Second), ago("b", 58*time.Second), ago("gone", 3*time.Minute)}}}
	n, err := serve(t, s).Workers(t.Context())
	if err != nil || n != 2 {
		t.Errorf("Workers = %d, %v, want a and b", n, err)
	}
}

func TestHealth(t *testing.T) {
	t.Parallel()
	if err := serve(t, &server{}).Health(t.Context()); err != nil {
		t.Error(err)
	}
}

// The events of a run that continued as new are asked of that run.
func TestEventsSinceOfAnEarlierRun(t *testing.T) {
	t.Parallel()
	s := &server{onQuery: func(r *workflowservice.QueryWorkflowRequest) (any, error) { return []event.Event{}, nil }}
	c := serve(t, s)
	for _, run := range []string{"run-a", ""} {
		if _, err := c.EventsSince(t.Context(), "inc-1", run, 7); err != nil {
			t.Fatal(err)
		}
		e := s.queries[len(s.queries)-1].GetExecution()
		if e.GetWorkflowId() != "inc-1" || e.GetRunId() != run {
			t.Errorf("asked %v, want run %q", e, run)
		}
	}
}
