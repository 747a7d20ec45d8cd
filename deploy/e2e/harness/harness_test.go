package harness_test

import (
	"fmt"
	"log/slog"
	"testing"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"

	"vigil/deploy/e2e/harness"
	"vigil/deploy/processes"
	"vigil/workflows/incident"
)

// A Temporal server that is killed and started again on the same file still
// has the workflows, and what they can be found by.
func TestTemporalKeepsWorkflowsOverAKill(t *testing.T) {
	v := harness.Start(t, harness.Options{Split: true, Parts: []string{processes.Temporal}})
	c, err := client.Dial(client.Options{HostPort: v.TemporalAddr, Logger: log.NewStructuredLogger(slog.New(slog.DiscardHandler))})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	run, err := c.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{
		ID: "inc-kept", TaskQueue: incident.TaskQueue,
		TypedSearchAttributes: temporal.NewSearchAttributes(temporal.NewSearchAttributeKeyKeyword(incident.AttrService).ValueSet("checkout")),
	}, incident.WorkflowType, incident.Input{Service: "checkout"})
	if err != nil {
		t.Fatal(err)
	}

	v.Restart(processes.Temporal)

	got, err := c.DescribeWorkflowExecution(t.Context(), "inc-kept", "")
	if err != nil {
		t.Fatal(err)
	}
	info := got.GetWorkflowExecutionInfo()
	if info.GetExecution().GetRunId() != run.GetRunID() || info.GetStatus() != enums.WORKFLOW_EXECUTION_STATUS_RUNNING {
		t.Errorf("after the restart the workflow is %v in state %v, want run %s, running", info.GetExecution(), info.GetStatus(), run.GetRunID())
	}
	harness.Eventually(t, 10*time.Second, func() error { // the index follows the workflow
		found, err := c.WorkflowService().CountWorkflowExecutions(t.Context(), &workflowservice.CountWorkflowExecutionsRequest{
			Namespace: client.DefaultNamespace, Query: incident.AttrService + ` = "checkout" and ExecutionStatus = "Running"`,
		})
		if err == nil && found.GetCount() != 1 {
			err = fmt.Errorf("%d workflows found by service, want 1", found.GetCount())
		}
		return err
	})
}
