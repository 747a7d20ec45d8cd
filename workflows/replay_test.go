package workflows_test

import (
	"path/filepath"
	"testing"

	sdk "go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"vigil/workflows"
	"vigil/workflows/incident"
)

// TestReplay replays every saved history on this code: a change that would
// break an incident which is running at the time of a deployment fails here.
// `task histories` records them anew, from a real server; do that only where
// the old ones need not be kept (nothing has been released that made them).
func TestReplay(t *testing.T) {
	files, err := filepath.Glob("testdata/histories/*.json")
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 5 {
		t.Fatalf("there are %d histories, wanted at least approved, rejected, approval-expired, model-throttled and inconclusive", len(files))
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			r := sdk.NewWorkflowReplayer()
			r.RegisterWorkflowWithOptions(workflows.IncidentWorkflow, workflow.RegisterOptions{Name: incident.WorkflowType})
			r.RegisterWorkflowWithOptions(workflows.RemediationWorkflow, workflow.RegisterOptions{Name: workflows.RemediationWorkflowType})
			if err := r.ReplayWorkflowHistoryFromJSONFile(nil, file); err != nil {
				t.Error(err)
			}
		})
	}
}
