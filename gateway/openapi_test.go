package gateway_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pb33f/libopenapi"
	validator "github.com/pb33f/libopenapi-validator"

	"vigil/gateway"
	"vigil/workflows/event"
	"vigil/workflows/incident"
)

// document reads the OpenAPI document of a gateway.
func (r *rig) document() []byte {
	r.tb.Helper()
	return r.expect("document", r.do("GET", "/api/v1/openapi.json", nil, as(incident.RoleViewer)), 200, "").body
}

// TestDocumentHasEveryRoute holds the document against the routes of the
// running server, both ways.
func TestDocumentHasEveryRoute(t *testing.T) {
	t.Parallel()
	r := start(t, withDemo)
	var doc struct {
		Paths map[string]map[string]struct {
			OperationID string `json:"operationId"`
		} `json:"paths"`
	}
	must(t, json.Unmarshal(r.document(), &doc))
	registered, ids := r.gateway.Registered(), []string{}
	for path, ops := range doc.Paths {
		for method, op := range ops {
			name := strings.ToUpper(method) + " " + path
			if !registered[name] {
				t.Errorf("%s is documented and not served", name)
			}
			delete(registered, name)
			if op.OperationID == "" || slices.Contains(ids, op.OperationID) {
				t.Errorf("%s has the operation id %q", name, op.OperationID)
			}
			ids = append(ids, op.OperationID)
		}
	}
	for name := range registered {
		if !strings.HasSuffix(name, " /*") { // the dashboards' files
			t.Errorf("%s is served and not documented", name)
		}
	}
	for _, q := range requests { // and requests has one for each
		path := q.route
		if path == "" {
			path = q.path
		}
		delete(doc.Paths[path], strings.ToLower(q.method))
	}
	delete(doc.Paths["/api/v1/session"], "post") // TestResponsesAreAsDocumented signs in
	for path, ops := range doc.Paths {
		for method := range ops {
			t.Errorf("no test makes the request %s %s", method, path)
		}
	}
}

// TestResponsesAreAsDocumented validates the document, and real requests and
// responses against it.
func TestResponsesAreAsDocumented(t *testing.T) {
	t.Parallel()
	r := start(t, withDemo, withKept)
	r.open("inc-1")
	r.open("inc-over")
	r.review("inc-over")
	r.engine.leases = someLeases()
	fill(r, "inc-1")
	r.publishKept("inc-1", 22)
	doc, err := libopenapi.NewDocument(r.document())
	must(t, err)
	v, errs := validator.NewValidator(doc)
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	if ok, problems := v.ValidateDocument(); !ok {
		for _, p := range problems {
			t.Errorf("document: %s: %s %v", p.Message, p.Reason, p.SchemaValidationErrors)
		}
	}
	type exchange struct {
		method, path string
		body         any
		role         incident.Role
		status       int
	}
	var list []exchange
	for _, q := range requests {
		if q.path == "/api/v1/ws" || q.path == "/metrics" {
			continue // not answered with anything that has a schema
		}
		list = append(list, exchange{q.method, q.path, q.body, q.need, q.ok})
		if q.need != "" {
			list = append(list, exchange{q.method, q.path, q.body, "", 401})
		}
		if q.need != "" && q.need != incident.RoleViewer {
			list = append(list, exchange{q.method, q.path, q.body, incident.RoleViewer, 403})
		}
	}
	list = append(list,
		exchange{"POST", "/api/v1/session", map[string]string{"token": tokens[incident.RoleViewer]}, "", 200},
		exchange{"POST", "/api/v1/session", map[string]string{"token": "x"}, "", 401},
		exchange{"PUT", "/api/v1/incidents/inc-over/review", editOf("It was the pool."), incident.RoleResponder, 202},
		exchange{"PUT", "/api/v1/incidents/inc-over/review", editOf("It was not."), incident.RoleAdmin, 409},
		exchange{"PUT", "/api/v1/controls", gateway.ControlsRequest{Mode: incident.ModeAdvisory, Reason: "x", Revision: 99}, incident.RoleAdmin, 409},
		exchange{"GET", "/api/v1/incidents/none", nil, incident.RoleViewer, 404},
		exchange{"GET", "/api/v1/incidents?limit=999", nil, incident.RoleViewer, 400},
		exchange{"POST", "/api/v1/incidents/inc-1/notes", map[string]string{"text": ""}, incident.RoleResponder, 422},
	)
	for _, x := range list {
		var body []byte
		switch b := x.body.(type) {
		case nil:
		case []byte:
			body = b
		default:
			body = []byte(jsonOf(t, b))
		}
		req, err := http.NewRequestWithContext(t.Context(), x.method, r.url+x.path, bytes.NewReader(body))
		must(t, err)
		if body != nil {
			req.Header.Set("Content-Type", "application/json")
		}
		as(x.role)(req)
		resp, err := client.Do(req)
		must(t, err)
		raw, err := io.ReadAll(resp.Body)
		must(t, err)
		resp.Body.Close()
		what := x.method + " " + x.path + " as " + string(x.role)
		if resp.StatusCode != x.status {
			t.Errorf("%s: %d %s, want %d", what, resp.StatusCode, raw, x.status)
			continue
		}
		resp.Body = io.NopCloser(bytes.NewReader(raw))
		if ok, problems := v.ValidateHttpResponse(req, resp); !ok {
			for _, p := range problems {
				t.Errorf("%s: response: %s: %s", what, p.Message, p.Reason)
				for _, s := range p.SchemaValidationErrors {
					t.Errorf("  %s: %s", s.FieldPath, s.Reason)
				}
			}
		}
		if x.status < 300 && (strings.HasPrefix(x.path, "/api/v1/incidents") || strings.HasPrefix(x.path, "/api/v1/controls") && x.method != "DELETE") {
			req.Body = io.NopCloser(bytes.NewReader(body))
			if ok, problems := v.ValidateHttpRequest(req); !ok {
				for _, p := range problems {
					t.Errorf("%s: request: %s: %s %v", what, p.Message, p.Reason, p.SchemaValidationErrors)
				}
			}
		}
	}
}

// fill gives an incident some of everything that a view can hold.
func fill(r *rig, id string) {
	r.tb.Helper()
	confidence, live := 0.8, incident.Provenance{Origin: incident.OriginLive}
	action := incident.Action{IncidentID: id, PlanRevision: 1, Type: incident.ActionRollbackDeployment, Target: "checkout",
		Steps: []incident.Step{{Executor: "ecs", Document: "rollback"}}, Planned: incident.TargetState{"desired_count": 3.0, "image": "v1"}}
	for i, d := range []event.Data{
		&event.AlertReceived{Alert: incident.Alert{Source: "alertmanager", CorrelationKey: "k", Fingerprint: "f", Status: incident.AlertFiring, Title: "x"}},
		&event.PhaseChanged{Phase: incident.PhaseDetection, State: incident.PhaseRunning},
		&event.AgentUpdated{Agent: incident.AgentDiagnosis, State: incident.AgentAnalyzing, Phase: incident.PhaseDiagnosis, Confidence: &confidence},
		&event.EvidenceCollected{Evidence: incident.Evidence{ID: "E1", Kind: incident.EvidenceKinds[0], Source: "cloudwatch", Service: "checkout", Found: true,
			Provenance: incident.Provenance{Origin: incident.OriginSimulated}}},
		&event.DiagnosisConcluded{Diagnosis: incident.Diagnosis{Verdict: incident.Verdicts[0], Cause: incident.CauseBadDeployment, Service: "checkout"}},
		&event.ApprovalRequested{Proposal: incident.Proposal{ID: "p-1", Action: action, ActionHash: action.Hash(), Risk: incident.RiskMedium, State: incident.ProposalPending}},
		&event.ApprovalDecided{ProposalID: "p-1", State: incident.ProposalApproved, By: "alice"},
		&event.ActionStarted{Action: action, Effect: action.Effect(1), ClientToken: "t"},
		&event.VerificationMeasured{Verification: incident.Verification{State: incident.VerificationMeasuring}},
		&event.EvidenceCollected{Evidence: incident.Evidence{ID: "E2", Kind: incident.EvidenceMetric, Found: true, Strength: 0.5, Provenance: live, Series: []incident.Series{{
			Service: "checkout", Metric: incident.MetricLatency, Unit: "ms", Points: []incident.Point{{At: time.UnixMilli(1_700_000_000_000), Value: 12.5}}}}}},
		&event.EvidenceCollected{Evidence: incident.Evidence{ID: "E3", Kind: incident.EvidenceDatabaseLoad, Provenance: live, Load: &incident.DatabaseLoad{Average: 3, Waits: []incident.WaitLoad{{Name: "CPU", Load: 2}}}}},
		&event.PredictionConcluded{Prediction: incident.Prediction{Summary: "up", Forecast: []incident.ForecastPoint{{Low: 1, Value: 2, High: 3}}}},
		&event.QuestionAsked{ID: "Q1", By: "alice", Text: "why?"},
		&event.QuestionAnswered{ID: "Q1", Answer: &incident.Answer{Text: "because", Method: "statistics", Claims: []incident.Claim{{Text: "x"}}}},
		&event.BudgetExhausted{Scope: event.BudgetOfAgent, Agent: incident.AgentDiagnosis, Which: "turns", Cap: incident.Budget{Turns: 3}},
		&event.LessonLearned{Lesson: incident.Lesson{IncidentID: id, RunID: "run-" + id, Title: "x", Outcome: incident.OutcomeRemediated, Origin: incident.OriginLive}, Into: []string{"archive"}},
		&event.RemediationChanged{Remediation: incident.Remediation{WorkflowID: "w", ActionHash: action.Hash(), State: incident.RemediationRunning}},
		&event.NotificationSent{Delivery: incident.Delivery{Key: "k", Channel: "pager", State: incident.DeliveryStates[0], Provenance: live}},
		&event.IncidentDegraded{Degraded: true, Reason: "no model"},
		&event.IncidentStatusChanged{Status: incident.StatusVerifying},
	} {
		r.publish(id, int64(i+2), d)
	}
	eventually(r.tb, "the view to be filled", func() bool {
		var view event.View
		r.do("GET", "/api/v1/incidents/"+id, nil, as(incident.RoleViewer)).into(r.tb, &view)
		return view.Status == incident.StatusVerifying
	})
}
