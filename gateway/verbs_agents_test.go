package gateway_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"vigil/gateway"
	"vigil/workflows/event"
	"vigil/workflows/incident"
)

func TestVerbsForAgents(t *testing.T) {
	t.Parallel()
	r := start(t)
	responder := incident.Principal{Name: "a responder", Role: incident.RoleResponder}
	approver := incident.Principal{Name: "a approver", Role: incident.RoleApprover}
	for _, c := range []struct {
		path, update string
		body         string
		role         incident.Role
		status       int
		want         any
	}{
		{"questions", incident.UpdateAsk, `{"question":" why the database? "}`, incident.RoleResponder, 202,
			incident.AskArgs{Principal: responder, Question: "why the database?"}},
		{"budget", incident.UpdateRaiseBudget, `{"agent":"diagnosis","turns":5}`, incident.RoleApprover, 200,
			incident.RaiseBudgetArgs{Principal: approver, Agent: incident.AgentDiagnosis, Add: incident.Budget{Turns: 5}}},
		{"budget", incident.UpdateRaiseBudget, `{"tokens":1000,"cost_usd":0.29,"comment":"go on"}`, incident.RoleApprover, 200,
			incident.RaiseBudgetArgs{Principal: approver, Add: incident.Budget{Tokens: 1000, CostMicros: 290_000}, Comment: "go on"}},
		{"budget", incident.UpdateRaiseBudget, `{"decline":true}`, incident.RoleApprover, 200, incident.RaiseBudgetArgs{Principal: approver}},
	} {
		a := r.expect(c.path+" "+c.body, r.do("POST", "/api/v1/incidents/inc-1/"+c.path, c.body, as(c.role)), c.status, "")
		u := r.engine.updates[len(r.engine.updates)-1]
		if u.id != "inc-1" || u.name != c.update || u.args != c.want {
			t.Errorf("%s became %+v, want %s %+v", c.path, u, c.update, c.want)
		}
		if c.path == "questions" {
			var asked incident.AskResult
			if a.into(t, &asked); asked.QuestionID != "Q1" {
				t.Errorf("answer %s", a.body)
			}
		}
	}
	before := len(r.engine.updates)
	for _, c := range []struct{ path, body, words string }{
		{"questions", `{}`, "question is needed"},
		{"questions", `{"question":"` + strings.Repeat("x", 1001) + `"}`, "1000 are the most"},
		{"budget", `{}`, "say by how much"},
		{"budget", `{"turns":-1}`, "positive"},
		{"budget", `{"cost_usd":-0.5}`, "positive"},
		{"budget", `{"cost_usd":1e300}`, "positive"},
		{"budget", `{"turns":1,"decline":true}`, "one of them"},
		{"budget", `{"agent":"boss","turns":1}`, `no agent "boss"`},
		{"review", `{}`, "correct is needed"},
		{"review", `{"correct":true,"cause":"memory_leak"}`, "leave cause"},
		{"review", `{"correct":false,"cause_service":"cart"}`, "give cause too"},
	} {
		r.expect(c.path+" "+c.body, r.do("POST", "/api/v1/incidents/inc-1/"+c.path, c.body, as(incident.RoleAdmin)), 422, c.words)
	}
	if n := len(r.engine.updates) + len(r.engine.reviews); n != before {
		t.Errorf("%d of them reached a workflow", n-before)
	}
}

// diagnosed publishes an incident with a diagnosis and ends it.
func diagnosed(r *rig, id string, d incident.Diagnosis) {
	r.tb.Helper()
	r.open(id)
	r.publish(id, 2, &event.EvidenceCollected{Evidence: incident.Evidence{ID: "E1", Kind: incident.EvidenceMetric, Found: true, Strength: 0.9, Finding: "latency of checkout up"}})
	r.publish(id, 3, &event.DiagnosisConcluded{Diagnosis: d})
	r.publish(id, 4, &event.IncidentClosed{Status: incident.StatusClosed, Outcome: incident.OutcomeUnresolved, Reason: "nobody took it"})
	r.until(id, 4)
}

// until waits for an incident's event seq.
func (r *rig) until(id string, seq int64) {
	r.tb.Helper()
	eventually(r.tb, "event of "+id, func() bool {
		var v event.View
		r.do("GET", "/api/v1/incidents/"+id, nil, as(incident.RoleViewer)).into(r.tb, &v)
		return v.Seq == seq
	})
}

var pool = incident.Diagnosis{Verdict: incident.VerdictProbable, Cause: incident.CauseConnectionsExhausted, Service: "orders-db", Summary: "the pool is exhausted"}

func TestReview(t *testing.T) {
	t.Parallel()
	r := start(t)
	diagnosed(r, "inc-1", pool)
	diagnosed(r, "inc-2", incident.Diagnosis{Verdict: incident.VerdictInconclusive, Cause: incident.CauseUnknown})
	post := func(id, body, k string) answer {
		return r.do("POST", "/api/v1/incidents/"+id+"/review", body, as(incident.RoleResponder), key(k))
	}
	opened := time.Date(2026, 3, 1, 12, 0, 1, 0, time.UTC)
	lesson := incident.Lesson{IncidentID: "inc-1", RunID: "run-inc-1", Title: "Checkout is slow", Service: "checkout",
		Symptoms: "Checkout is slow. latency of checkout up", Summary: "the pool is exhausted", Outcome: incident.OutcomeUnresolved,
		Origin: incident.OriginLive, OpenedAt: opened, ClosedAt: opened.Add(3 * time.Second)}
	who := incident.Principal{Name: "a responder", Role: incident.RoleResponder}
	for k, c := range map[string]struct {
		body string
		want incident.ReviewInput
	}{
		"right":   {`{"correct":true,"comment":"yes"}`, incident.ReviewInput{Correct: true, Cause: pool.Cause, CauseService: pool.Service, Comment: "yes"}},
		"wrong":   {`{"correct":false}`, incident.ReviewInput{}},
		"another": {`{"correct":false,"cause":"bad_deployment","cause_service":"cart"}`, incident.ReviewInput{Cause: incident.CauseBadDeployment, CauseService: "cart"}},
	} {
		var made gateway.Reviewed
		a := r.expect(k, post("inc-1", c.body, k), 202, "")
		a.into(t, &made)
		again := r.expect(k, post("inc-1", c.body, k), 202, "")
		if string(again.body) != string(a.body) {
			t.Errorf("%s: a repetition is %s, the first was %s", k, again.body, a.body)
		}
		c.want.Principal, c.want.Lesson = who, lesson
		if got := r.engine.reviews[made.ReviewID]; !reflect.DeepEqual(got, c.want) || !strings.HasPrefix(made.ReviewID, "inc-1-review-") {
			t.Errorf("%s: %s started with\n%+v, want\n%+v", k, made.ReviewID, got, c.want)
		}
	}
	if len(r.engine.reviews) != 3 {
		t.Errorf("%d reviews, want 3", len(r.engine.reviews))
	}
	r.expect("nothing to be right", post("inc-2", `{"correct":true}`, "k1"), 409, "names no cause")
	r.expect("what it was", post("inc-2", `{"correct":false,"cause":"memory_leak"}`, "k2"), 202, "")
	r.expect("not correct, and the same", post("inc-1", `{"correct":false,"cause":"connections_exhausted","cause_service":"orders-db"}`, "k3"), 422, "say that it is correct")
	r.expect("no such incident", post("none", `{"correct":true}`, "k4"), 404, "does not exist")
	r.engine.down = incident.Errorf(incident.KindUnavailable, "no answer in time")
	r.expect("no Temporal", post("inc-1", `{"correct":true}`, "k5"), 503, "no answer in time")
	r.engine.down = nil
	r.expect("with it", post("inc-1", `{"correct":true}`, "k5"), 202, "")
}

// The lesson that was learned at the end is the one that a review is of.
func TestReviewOfWhatWasLearned(t *testing.T) {
	t.Parallel()
	r := start(t)
	r.open("inc-1")
	r.publish("inc-1", 2, &event.DiagnosisConcluded{Diagnosis: pool})
	learned := incident.Lesson{IncidentID: "inc-1", RunID: "run-inc-1", Title: "as learned", Symptoms: "all of them", Cause: pool.Cause, CauseService: pool.Service, ConfirmedBy: "verification"}
	r.publish("inc-1", 3, &event.LessonLearned{Lesson: learned, Into: []string{"archive"}})
	r.until("inc-1", 3)
	r.expect("review", r.do("POST", "/api/v1/incidents/inc-1/review", `{"correct":false}`, as(incident.RoleResponder)), 202, "")
	learned.Cause, learned.CauseService, learned.ConfirmedBy = "", "", ""
	for _, in := range r.engine.reviews {
		if !reflect.DeepEqual(in.Lesson, learned) {
			t.Errorf("lesson %+v, want %+v", in.Lesson, learned)
		}
	}
}

func TestEventsOfAllRuns(t *testing.T) {
	t.Parallel()
	r := start(t)
	r.open("inc-1")
	var v event.View
	r.do("GET", "/api/v1/incidents/inc-1", nil, as(incident.RoleViewer)).into(t, &v)
	e, err := event.New(&event.IncidentContinued{FromRunID: "run-inc-1", View: v}, "inc-1", "run-b", 1, v.OpenedAt.Add(time.Hour), incident.Provenance{Origin: incident.OriginLive})
	must(t, err)
	must(t, r.stream.PublishEvent(t.Context(), e))
	ids := func(query string) (list []string, more bool) {
		var page gateway.EventList
		r.expect(query, r.do("GET", "/api/v1/incidents/inc-1/events"+query, nil, as(incident.RoleViewer)), 200, "").into(t, &page)
		for _, e := range page.Events {
			list = append(list, e.ID)
		}
		return list, page.More
	}
	eventually(t, "the new run", func() bool { list, _ := ids(""); return reflect.DeepEqual(list, []string{"run-b/1"}) })
	for query, want := range map[string][]string{"?run_id=all": {"run-inc-1/1", "run-b/1"}, "?run_id=all&after=1": {"run-b/1"},
		"?run_id=all&after=2": nil, "?run_id=run-inc-1": {"run-inc-1/1"}} {
		if list, more := ids(query); !reflect.DeepEqual(list, want) || more {
			t.Errorf("%s: %v, more %t; want %v", query, list, more, want)
		}
	}
	if list, more := ids("?run_id=all&limit=1"); len(list) != 1 || !more {
		t.Errorf("a page of one: %v, more %t", list, more)
	}
	r.expect("unknown", r.do("GET", "/api/v1/incidents/none/events?run_id=all", nil, as(incident.RoleViewer)), 404, "does not exist")
}
