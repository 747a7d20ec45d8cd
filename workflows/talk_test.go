package workflows_test

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"vigil/activities"
	"vigil/workflows/incident"
)

// A model that is asked because another one answered nothing of use is told
// what the other one's tools brought, and nothing of its answers.
func TestNextModelIsToldWhatToolsBrought(t *testing.T) {
	s := newStory(t, func(s *incident.Settings) { s.Models[incident.PurposeDiagnose] = lite })
	var second []activities.Message
	s.shop.models = only(incident.AgentDiagnosis, func(r activities.ModelRequest) (activities.ModelReply, error) {
		looked := slices.ContainsFunc(r.Messages, func(m activities.Message) bool { return len(m.Results) > 0 })
		switch {
		case r.Model == lite && !looked:
			return activities.ModelReply{Calls: []activities.ToolRequest{{ID: "t1", Name: activities.ToolQueryMetrics, Input: json.RawMessage(`{"service":"orders"}`)}}}, nil
		case r.Model == lite:
			return activities.ModelReply{Text: "It is the database, I think."}, nil
		}
		second = slices.Clone(r.Messages)
		return answer(map[string]any{"verdict": "inconclusive", "cause": "unknown", "service": "", "summary": "unclear", "confidence": 0, "claims": []any{}})
	})
	s.env.RegisterDelayedCallback(s.env.CancelWorkflow, 20*time.Minute)
	s.env.ExecuteWorkflow(incident.WorkflowType, slowCheckout)
	if len(second) != 3 || len(second[1].Calls) != 1 || len(second[2].Results) != 1 || second[2].Results[0].Error {
		t.Errorf("the second model is told %s", asJSON(t, second))
	}
}
