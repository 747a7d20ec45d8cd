package workflows_test

import (
	"compress/gzip"
	"os"
	"path/filepath"
	"testing"

	"go.temporal.io/sdk/client"
	sdk "go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"vigil/workflows"
	"vigil/workflows/incident"
)

// TestReplay replays every saved history on this code: a change that would
// break an incident which is running at the time of a deployment fails here.
// They are JSON, compressed; `task histories` records them anew, from a real server; do that only where
// the old ones need not be kept (nothing has been released that made them).
func TestReplay(t *testing.T) {
	files, err := filepath.Glob("testdata/histories/*.json.gz")
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 10 {
		t.Fatalf("there are %d histories; each end of the story and each failed state should have one", len(files))
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			r := sdk.NewWorkflowReplayer()
			r.RegisterWorkflowWithOptions(workflows.IncidentWorkflow, workflow.RegisterOptions{Name: incident.WorkflowType})
			r.RegisterWorkflowWithOptions(workflows.RemediationWorkflow, workflow.RegisterOptions{Name: incident.RemediationWorkflowType})
			r.RegisterWorkflowWithOptions(workflows.LeaseWorkflow, workflow.RegisterOptions{Name: incident.LeaseWorkflowType})
			r.RegisterWorkflowWithOptions(workflows.PostmortemWorkflow, workflow.RegisterOptions{Name: incident.PostmortemWorkflowType})
			f, err := os.Open(file)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			plain, err := gzip.NewReader(f)
			if err != nil {
				t.Fatal(err)
			}
			history, err := client.HistoryFromJSON(plain, client.HistoryJSONOptions{})
			if err != nil {
				t.Fatal(err)
			}
			// Ids of children are made from the incident's, so it has to be the same.
			started := history.Events[0].GetWorkflowExecutionStartedEventAttributes()
			original := workflow.Execution{ID: started.GetWorkflowId(), RunID: started.GetOriginalExecutionRunId()}
			if err := r.ReplayWorkflowHistoryWithOptions(nil, history, sdk.ReplayWorkflowHistoryOptions{OriginalExecution: original}); err != nil {
				t.Error(err)
			}
		})
	}
}
