package temporal_test

import (
	"context"
	"net"
	"sync"
	"testing"

	commonpb "go.temporal.io/api/common/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	sdklog "go.temporal.io/sdk/log"
	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"vigil/gateway/temporal"
)

// server is the other end of the wire: a frontend that answers each call with
// what the test says, and keeps the last request of each.
type server struct {
	workflowservice.UnimplementedWorkflowServiceServer

	mu       sync.Mutex
	start    *workflowservice.StartWorkflowExecutionRequest
	signalWS *workflowservice.SignalWithStartWorkflowExecutionRequest
	signal   *workflowservice.SignalWorkflowExecutionRequest
	update   *workflowservice.UpdateWorkflowExecutionRequest
	queries  []*workflowservice.QueryWorkflowRequest

	err      error // for every call but system info
	onUpdate func(context.Context) (*workflowservice.UpdateWorkflowExecutionResponse, error)
	onQuery  func(*workflowservice.QueryWorkflowRequest) (any, error)
	describe *workflowservice.DescribeWorkflowExecutionResponse
	queue    *workflowservice.DescribeTaskQueueResponse
	history  *historypb.History
	lists    []*workflowservice.ListWorkflowExecutionsRequest
	onList   func(*workflowservice.ListWorkflowExecutionsRequest) *workflowservice.ListWorkflowExecutionsResponse
}

func (s *server) GetSystemInfo(context.Context, *workflowservice.GetSystemInfoRequest) (*workflowservice.GetSystemInfoResponse, error) {
	return &workflowservice.GetSystemInfoResponse{Capabilities: &workflowservice.GetSystemInfoResponse_Capabilities{}}, nil
}

func (s *server) StartWorkflowExecution(_ context.Context, r *workflowservice.StartWorkflowExecutionRequest) (*workflowservice.StartWorkflowExecutionResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.start = r
	return &workflowservice.StartWorkflowExecutionResponse{RunId: "run-1"}, s.err
}

func (s *server) SignalWithStartWorkflowExecution(_ context.Context, r *workflowservice.SignalWithStartWorkflowExecutionRequest) (*workflowservice.SignalWithStartWorkflowExecutionResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.signalWS = r
	return &workflowservice.SignalWithStartWorkflowExecutionResponse{RunId: "run-1"}, s.err
}

func (s *server) SignalWorkflowExecution(_ context.Context, r *workflowservice.SignalWorkflowExecutionRequest) (*workflowservice.SignalWorkflowExecutionResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.signal = r
	return &workflowservice.SignalWorkflowExecutionResponse{}, s.err
}

func (s *server) UpdateWorkflowExecution(ctx context.Context, r *workflowservice.UpdateWorkflowExecutionRequest) (*workflowservice.UpdateWorkflowExecutionResponse, error) {
	s.mu.Lock()
	s.update = r
	s.mu.Unlock()
	if s.err != nil {
		return nil, s.err
	}
	return s.onUpdate(ctx)
}

func (s *server) QueryWorkflow(_ context.Context, r *workflowservice.QueryWorkflowRequest) (*workflowservice.QueryWorkflowResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.queries = append(s.queries, r)
	if s.err != nil {
		return nil, s.err
	}
	v, err := s.onQuery(r)
	if err != nil {
		return nil, err
	}
	p, err := converter.GetDefaultDataConverter().ToPayloads(v)
	return &workflowservice.QueryWorkflowResponse{QueryResult: p}, err
}

func (s *server) DescribeWorkflowExecution(context.Context, *workflowservice.DescribeWorkflowExecutionRequest) (*workflowservice.DescribeWorkflowExecutionResponse, error) {
	return s.describe, s.err
}

func (s *server) GetWorkflowExecutionHistory(context.Context, *workflowservice.GetWorkflowExecutionHistoryRequest) (*workflowservice.GetWorkflowExecutionHistoryResponse, error) {
	return &workflowservice.GetWorkflowExecutionHistoryResponse{History: s.history}, nil
}

func (s *server) ListWorkflowExecutions(_ context.Context, r *workflowservice.ListWorkflowExecutionsRequest) (*workflowservice.ListWorkflowExecutionsResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lists = append(s.lists, r)
	if s.err != nil {
		return nil, s.err
	}
	return s.onList(r), nil
}

func (s *server) DescribeTaskQueue(context.Context, *workflowservice.DescribeTaskQueueRequest) (*workflowservice.DescribeTaskQueueResponse, error) {
	return s.queue, s.err
}

// serve starts s on a loopback port and returns a client of it.
func serve(tb testing.TB, s *server) *temporal.Client {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	g := grpc.NewServer()
	workflowservice.RegisterWorkflowServiceServer(g, s)
	h := health.NewServer()
	h.SetServingStatus("temporal.api.workflowservice.v1.WorkflowService", healthpb.HealthCheckResponse_SERVING)
	healthpb.RegisterHealthServer(g, h)
	done := make(chan struct{})
	go func() { defer close(done); _ = g.Serve(l) }() // returns an error only for Stop
	tb.Cleanup(func() { g.Stop(); <-done })
	return dial(tb, l.Addr().String())
}

func dial(tb testing.TB, address string) *temporal.Client {
	tb.Helper()
	c, err := client.NewLazyClient(client.Options{HostPort: address, Logger: quiet{}})
	if err != nil {
		tb.Fatal(err)
	}
	t := temporal.New(c)
	tb.Cleanup(t.Close)
	return t
}

// decode reads the only payload of a request.
func decode(tb testing.TB, p *commonpb.Payloads, into any) {
	tb.Helper()
	if err := converter.GetDefaultDataConverter().FromPayloads(p, into); err != nil {
		tb.Fatal(err)
	}
}

type quiet struct{}

func (quiet) Debug(string, ...any) {}
func (quiet) Info(string, ...any)  {}
func (quiet) Warn(string, ...any)  {}
func (quiet) Error(string, ...any) {}

var _ sdklog.Logger = quiet{}
