package gateway

import (
	"context"
	"math"
	"net/http"
	"slices"
	"strings"

	"vigil/workflows/event"
	"vigil/workflows/incident"
)

// What people tell and ask the agents: questions, budgets, and whether the
// cause that was named was the cause.

const (
	maxQuestion = 1000      // characters
	maxDollars  = 1_000_000 // of one raise; the workflow allows less
)

// QuestionRequest asks about an open incident. The answer comes as an event.
type QuestionRequest struct {
	Question string `json:"question"`
}

func (r *QuestionRequest) validate() error {
	return join(needed("question", r.Question), atMost("question", r.Question, maxQuestion))
}

// BudgetRequest adds to what models may use, of one agent or of the incident.
// Decline says that the incident is to go on without models.
type BudgetRequest struct {
	Agent   incident.Agent `json:"agent,omitempty"`
	Turns   int            `json:"turns,omitempty"`
	Tokens  int64          `json:"tokens,omitempty"`
	CostUSD float64        `json:"cost_usd,omitempty"`
	Decline bool           `json:"decline,omitempty"`
	Comment string         `json:"comment,omitempty"`
}

func (r *BudgetRequest) validate() error {
	add := r.add()
	switch {
	case r.Agent != "" && !r.Agent.Valid():
		return incident.Errorf(incident.KindInvalid, "there is no agent %q; leave it out for the incident", r.Agent)
	case r.Turns < 0 || r.Tokens < 0 || r.CostUSD < 0 || r.CostUSD > maxDollars:
		return incident.Errorf(incident.KindInvalid, "a budget is raised by a positive amount, and never lowered")
	case r.Decline && add != incident.Budget{}:
		return incident.Errorf(incident.KindInvalid, "decline and an amount were both given; give one of them")
	case !r.Decline && add == incident.Budget{}:
		return incident.Errorf(incident.KindInvalid, "say by how much: turns, tokens or cost_usd; or decline, for the incident to go on without models")
	}
	return atMost("comment", r.Comment, maxText)
}

func (r *BudgetRequest) add() incident.Budget {
	return incident.Budget{Turns: r.Turns, Tokens: r.Tokens, CostMicros: int64(math.Round(r.CostUSD * 1e6))}
}

// ReviewRequest answers "was this the cause?". Where it was not, cause and
// cause_service may say what was.
type ReviewRequest struct {
	Correct      *bool          `json:"correct"`
	Cause        incident.Cause `json:"cause,omitempty"`
	CauseService string         `json:"cause_service,omitempty"`
	Comment      string         `json:"comment,omitempty"`
}

func (r *ReviewRequest) validate() error {
	switch {
	case r.Correct == nil:
		return incident.Errorf(incident.KindInvalid, "correct is needed: true where it was the cause, false where it was not")
	case *r.Correct && (r.Cause != "" || r.CauseService != ""):
		return incident.Errorf(incident.KindInvalid, "correct says that it was the cause that was named; leave cause and cause_service out, or say that it was not")
	case r.Cause == "" && r.CauseService != "":
		return incident.Errorf(incident.KindInvalid, "cause_service without cause says where, and not what; give cause too")
	}
	return join(atMost("cause", string(r.Cause), 100), atMost("cause_service", r.CauseService, maxWord), atMost("comment", r.Comment, maxComment))
}

// maxComment is what a review takes, in characters.
const maxComment = 1000

// Reviewed names the review. What it says comes as an event.
type Reviewed struct {
	ReviewID string `json:"review_id"`
}

func (a *api) ask(ctx context.Context, c call, r QuestionRequest) (outcome, error) {
	out, err := update[incident.AskResult](ctx, a, c, incident.UpdateAsk, incident.AskArgs{Principal: c.who.Principal, Question: strings.TrimSpace(r.Question)})
	out.status = http.StatusAccepted
	return out, err
}

func (a *api) raiseBudget(ctx context.Context, c call, r BudgetRequest) (outcome, error) {
	return update[incident.VerbResult](ctx, a, c, incident.UpdateRaiseBudget,
		incident.RaiseBudgetArgs{Principal: c.who.Principal, Agent: r.Agent, Add: r.add(), Comment: r.Comment})
}

// review starts a workflow of its own, because people look back when the
// incident's is long over. Its id follows from the request's token, so that a
// repetition finds the review that it started.
func (a *api) review(ctx context.Context, c call, r ReviewRequest) (outcome, error) {
	v, err := a.store.Incident(ctx, c.incidentID)
	if err != nil {
		return outcome{}, err
	}
	in := incident.ReviewInput{Principal: c.who.Principal, Correct: *r.Correct, Cause: r.Cause, CauseService: r.CauseService,
		Comment: r.Comment, Lesson: lessonOf(v)}
	named := v.Diagnosis != nil && v.Verdict == incident.VerdictProbable
	switch {
	case in.Correct && !named:
		return outcome{}, incident.Errorf(incident.KindConflict, "incident %s names no cause that could be right; say that it is not correct, and what was", c.incidentID)
	case in.Correct:
		in.Cause, in.CauseService = v.Cause, v.CauseService
	case named && r.Cause == v.Cause && r.CauseService == v.CauseService:
		return outcome{}, incident.Errorf(incident.KindInvalid, "%s of %s is the cause that was named; say that it is correct", r.Cause, r.CauseService)
	}
	id := incident.ReviewID(c.incidentID, c.token[:20])
	if err := a.engine.Review(ctx, id, in); err != nil && incident.KindOf(err) != incident.KindConflict {
		return outcome{}, err
	}
	return outcome{status: http.StatusAccepted, body: Reviewed{ReviewID: id}}, nil
}

// lessonOf is what can be learned of an incident as it stands, without a
// cause: the one that was learned at its end, or else what its view says.
func lessonOf(v event.View) incident.Lesson {
	if v.Lesson != nil && v.Lesson.RunID == v.RunID {
		l := *v.Lesson
		l.Cause, l.CauseService, l.ConfirmedBy = "", "", ""
		return l
	}
	symptoms := []string{strings.TrimSpace(v.Title + " " + v.Description)}
	for _, a := range v.Alerts[:min(len(v.Alerts), 3)] {
		symptoms = append(symptoms, a.Title)
	}
	for _, e := range v.Evidence {
		if e.Found && e.Strength >= 0.5 && e.Finding != "" && !slices.Contains(symptoms, e.Finding) &&
			e.Kind != incident.EvidenceRanking && e.Kind != incident.EvidencePastIncident && e.Kind != incident.EvidenceRunbook {
			symptoms = append(symptoms, e.Finding)
		}
	}
	l := incident.Lesson{IncidentID: v.IncidentID, RunID: v.RunID, Title: v.Title, Service: v.Service, Symptoms: clip(strings.Join(symptoms, ". "), 2000),
		Outcome: v.Outcome, Origin: v.Origin, OpenedAt: v.OpenedAt, ClosedAt: v.ClosedAt}
	if v.Diagnosis != nil {
		l.Summary = clip(v.Diagnosis.Summary, 1000)
	}
	if v.Execution != nil && v.Action != nil {
		l.Action = string(v.Action.Type) + " on " + v.Action.Target
	}
	return l
}

// clip shortens s to at most limit characters.
func clip(s string, limit int) string {
	if r := []rune(s); len(r) > limit {
		return string(r[:limit-1]) + "…"
	}
	return s
}
