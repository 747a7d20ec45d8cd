package event

import (
	"slices"
	"sort"
	"time"

	"vigil/workflows/incident"
)

// View is what an incident's events add up to. Apply is the only way to
// change it, and replaces what it changes rather than writing into it: a copy
// of a view stays as it was. The TypeScript reducer in web/src/store mirrors it
// field by field.
type View struct {
	Summary
	Description  string                 `json:"description,omitempty"`
	Labels       map[string]string      `json:"labels,omitempty"`
	Phases       []PhaseView            `json:"phases"`
	Agents       []AgentView            `json:"agents"`
	Alerts       []incident.Alert       `json:"alerts"`   // one per member, as last heard
	Evidence     []incident.Evidence    `json:"evidence"` // in the order collected
	Diagnosis    *incident.Diagnosis    `json:"diagnosis,omitempty"`
	Prediction   *incident.Prediction   `json:"prediction,omitempty"`
	Decision     *incident.Decision     `json:"decision,omitempty"`
	Proposal     *incident.Proposal     `json:"proposal,omitempty"`  // the latest
	Action       *incident.Action       `json:"action,omitempty"`    // set once it was started
	Execution    *incident.Execution    `json:"execution,omitempty"` // the latest of Executions
	Verification *incident.Verification `json:"verification,omitempty"`
	Message      string                 `json:"message,omitempty"`
	Review       string                 `json:"review,omitempty"` // ReviewLines as one text

	Ruling      *incident.Ruling      `json:"ruling,omitempty"`      // on the action that is, or was last, decided on
	Executions  []incident.Execution  `json:"executions,omitempty"`  // every step of every action, and what took them back, as they began
	Remediation *incident.Remediation `json:"remediation,omitempty"` // of the latest action
	Proposed    *OptionProposed       `json:"proposed,omitempty"`    // the option that a person put forward last
	ReviewLines []incident.ReviewLine `json:"review_lines,omitempty"`
	Deliveries  []DeliveryView        `json:"deliveries,omitempty"` // the latest ShownDeliveries, one per notification and channel

	Budget       incident.Budget                    `json:"budget"`                  // raised for the incident; zero: the settings' own
	AgentBudgets map[incident.Agent]incident.Budget `json:"agent_budgets,omitempty"` // raised for agents
	Paused       *BudgetExhausted                   `json:"paused,omitempty"`        // what it waits for
	Questions    []Question                         `json:"questions,omitempty"`
	Guardrail    GuardrailCounts                    `json:"guardrail"`
	Lesson       *incident.Lesson                   `json:"lesson,omitempty"`

	MoreAlerts map[string]incident.MemberState `json:"more_alerts,omitempty"` // those that were only mentioned, by member
	Moves      []incident.Move                 `json:"moves,omitempty"`       // without the names of members
}

// Question is a person's question with its answer, once there is one.
type Question struct {
	QuestionAsked
	AskedAt    time.Time        `json:"asked_at"`
	Answer     *incident.Answer `json:"answer,omitempty"`
	Error      string           `json:"error,omitempty"`
	AnsweredAt time.Time        `json:"answered_at,omitzero"`
}

// GuardrailCounts is what the guardrail made of an incident's texts.
type GuardrailCounts struct {
	Passed     int   `json:"passed"`
	Anonymized int   `json:"anonymized"`
	Blocked    int   `json:"blocked"`
	Failed     int   `json:"failed"`
	TextUnits  int64 `json:"text_units"`
}

// Summary is the part of a View that a list of incidents shows.
type Summary struct {
	IncidentID     string                  `json:"incident_id"`
	RunID          string                  `json:"run_id"`
	Seq            int64                   `json:"seq"` // last numbered event applied
	Title          string                  `json:"title"`
	Service        string                  `json:"service"`
	Severity       incident.Severity       `json:"severity"`
	Status         incident.Status         `json:"status"`
	Phase          incident.Phase          `json:"phase,omitempty"` // the latest that began
	NeedsHuman     bool                    `json:"needs_human"`
	Handover       incident.HandoverReason `json:"handover,omitempty"`
	StatusReason   string                  `json:"status_reason,omitempty"`
	Outcome        incident.Outcome        `json:"outcome,omitempty"`
	Verdict        incident.Verdict        `json:"verdict,omitempty"`
	Cause          incident.Cause          `json:"cause,omitempty"`
	CauseService   string                  `json:"cause_service,omitempty"`
	Source         string                  `json:"source"`
	Origin         incident.Origin         `json:"origin"`
	OpenedBy       string                  `json:"opened_by,omitempty"`
	AcknowledgedBy string                  `json:"acknowledged_by,omitempty"`
	Level          int                     `json:"level"` // step of the escalation ladder reached
	AlertsFiring   int                     `json:"alerts_firing"`
	AlertsTotal    int                     `json:"alerts_total"`
	StartedAt      time.Time               `json:"started_at,omitzero"`
	OpenedAt       time.Time               `json:"opened_at,omitzero"`
	AcknowledgedAt time.Time               `json:"acknowledged_at,omitzero"`
	ClosedAt       time.Time               `json:"closed_at,omitzero"`
	UpdatedAt      time.Time               `json:"updated_at,omitzero"`
	Cost           Cost                    `json:"cost"`
	Degraded       bool                    `json:"degraded"`
	DegradedReason string                  `json:"degraded_reason,omitempty"`
	CauseCorrect   *bool                   `json:"cause_correct,omitempty"` // what a person said of the diagnosis; nil: nobody did
	ReviewedBy     string                  `json:"reviewed_by,omitempty"`
	ReviewVer      int                     `json:"review_version,omitempty"` // of the post-incident review; 0: not written
}

// Cost is what models and guardrail consumed for one incident. CostMicros is
// the sum of all calls whose price is known; UnknownPriced counts the others.
// Repeated counts calls that were sent and whose answer was lost in a crash:
// they are taken to have used what the call that took their place used, and
// are in every sum but ModelCalls. RepeatedMicros is the part of CostMicros
// that is so estimated.
type Cost struct {
	ModelCalls     int   `json:"model_calls"`
	InputTokens    int64 `json:"input_tokens"`
	OutputTokens   int64 `json:"output_tokens"`
	CacheTokens    int64 `json:"cache_tokens"`
	CostMicros     int64 `json:"cost_usd_micros"`
	UnknownPriced  int   `json:"unknown_priced_calls"`
	Repeated       int   `json:"repeated_calls"`
	RepeatedMicros int64 `json:"repeated_cost_usd_micros"`
}

// PhaseView is one phase as it stands.
type PhaseView struct {
	Phase     incident.Phase      `json:"phase"`
	State     incident.PhaseState `json:"state"`
	Detail    string              `json:"detail,omitempty"`
	StartedAt time.Time           `json:"started_at,omitzero"`
	EndedAt   time.Time           `json:"ended_at,omitzero"`
}

// AgentView is one agent as it stands.
type AgentView struct {
	AgentUpdated
	UpdatedAt  time.Time           `json:"updated_at,omitzero"`
	Provenance incident.Provenance `json:"provenance,omitzero"` // of its latest model call, where it made one
	Model      string              `json:"model,omitempty"`     // that it asks; empty: none yet, or none is left
	Used       incident.Budget     `json:"used"`
}

// Apply adds e to the view. It reports false, and changes nothing, for an
// event that was applied before, that belongs to another run which is not
// newer, or whose type or data this version cannot read. The caller sees to
// the order: e.Seq must be v.Seq+1, 1 for the first of a run, or 0.
func (v *View) Apply(e Event) bool {
	if e.RunID == v.RunID && e.Seq != 0 && e.Seq <= v.Seq {
		return false
	}
	data, err := e.Decode()
	if err != nil {
		return false
	}
	switch d := data.(type) {
	case *IncidentOpened:
		v.open(e, d) // a new run starts from nothing
	case *IncidentContinued:
		before := *v
		*v = d.View // or from where another left it
		v.RunID = e.RunID
		v.keepUnnumbered(before)
	default:
		if e.RunID != v.RunID {
			return false
		}
	}
	if e.Seq != 0 {
		v.Seq = e.Seq
	}
	if e.At.After(v.UpdatedAt) {
		v.UpdatedAt = e.At // what carries no number may come again, or late
	}
	if e.Provenance.Origin == incident.OriginSimulated {
		v.Origin = incident.OriginSimulated // what rests on something simulated is never shown as live
	}
	v.apply(e, data)
	return true
}

func (v *View) open(e Event, d *IncidentOpened) {
	*v = View{
		Summary: Summary{
			IncidentID: e.IncidentID, RunID: e.RunID, Title: d.Title, Service: d.Service, Severity: d.Severity,
			Status: incident.StatusDetected, Source: d.Source, Origin: e.Provenance.Origin, OpenedBy: d.OpenedBy,
			StartedAt: d.StartedAt, OpenedAt: e.At,
		},
		Description: d.Description, Labels: d.Labels,
		Phases: []PhaseView{}, Agents: []AgentView{}, Alerts: []incident.Alert{}, Evidence: []incident.Evidence{},
	}
	for _, p := range incident.Phases {
		v.Phases = append(v.Phases, PhaseView{Phase: p, State: incident.PhasePending})
	}
	for _, a := range incident.Agents {
		v.Agents = append(v.Agents, AgentView{AgentUpdated: AgentUpdated{Agent: a, State: incident.AgentIdle}})
	}
}

func (v *View) apply(e Event, data Data) {
	switch d := data.(type) {
	case *IncidentStatusChanged:
		v.Status, v.NeedsHuman, v.Handover, v.StatusReason = d.Status, d.NeedsHuman, d.Handover, d.Reason
	case *IncidentAcknowledged:
		v.AcknowledgedBy, v.AcknowledgedAt = d.By, e.At
	case *IncidentSeverityChanged:
		v.Severity = d.To
	case *IncidentEscalated:
		v.Level = d.Level
	case *IncidentClosed:
		v.close(d.Status, d.Outcome, d.Reason, e.At)
	case *IncidentAborted:
		v.close(incident.StatusAborted, incident.OutcomeAborted, d.Reason, e.At)
	case *AlertReceived:
		v.alert(d.Alert)
	case *AlertsMentioned:
		v.mention(d.Alerts)
	case *AlertsMoved:
		v.move(d.Move)
	case *PhaseChanged:
		v.phase(d, e.At)
	case *AgentUpdated:
		v.agent(d, e.At)
	case *ModelCalled:
		v.modelCall(d, e.Provenance)
	case *ModelRouted:
		v.changeAgent(d.Agent, func(a *AgentView) { a.Model = d.Model })
	case *IncidentDegraded:
		v.Degraded, v.DegradedReason = d.Degraded, ""
		if d.Degraded {
			v.DegradedReason = d.Reason
		}
	case *BudgetExhausted:
		if d.Scope != BudgetOfDay {
			v.Paused = d
		}
	case *BudgetRaised:
		v.raise(d)
	case *QuestionAsked:
		v.Questions = append(slices.Clip(v.Questions), Question{QuestionAsked: *d, AskedAt: e.At})
	case *QuestionAnswered:
		v.answer(d, e.At)
	case *GuardrailChecked:
		v.guardrail(d, e.Provenance)
	case *LessonLearned:
		v.Lesson = &d.Lesson
	case *CauseReviewed:
		v.CauseCorrect, v.ReviewedBy = &d.Correct, d.By
	case *EvidenceCollected:
		v.Evidence = append(slices.Clip(v.Evidence), d.Evidence)
	case *DiagnosisConcluded:
		v.Diagnosis = &d.Diagnosis
		v.Verdict, v.Cause, v.CauseService = d.Diagnosis.Verdict, d.Diagnosis.Cause, d.Diagnosis.Service
	case *PredictionConcluded:
		v.Prediction = &d.Prediction
	case *DecisionMade:
		v.Decision = &d.Decision
	case *PolicyRuled:
		v.Ruling = &d.Ruling
	case *OptionProposed:
		v.Proposed = d
	case *ApprovalRequested:
		v.Proposal = &d.Proposal
	case *ApprovalGiven:
		v.approve(d.ProposalID, incident.Approval{By: d.By, At: e.At, Comment: d.Comment})
	case *ApprovalDecided:
		v.settle(d.ProposalID, d.State, d.By, d.Comment, e.At)
	case *ApprovalExpired:
		v.settle(d.ProposalID, incident.ProposalExpired, "", "", e.At)
	case *ApprovalVoided:
		v.settle(d.ProposalID, incident.ProposalVoided, "", d.Reason, e.At)
	case *ActionStarted:
		v.Action = &d.Action
		v.execute(incident.Execution{ActionHash: d.Effect.ActionHash, Step: d.Effect.Step, Undo: d.Effect.Undo,
			Executor: d.Effect.Executor, Document: d.Effect.Document, ClientToken: d.ClientToken,
			State: incident.ExecutionRunning, StartedAt: e.At, Provenance: e.Provenance})
	case *ActionFinished:
		v.execute(d.Execution)
	case *RemediationChanged:
		v.Remediation = &d.Remediation
	case *NotificationSent:
		v.deliver(DeliveryView{Delivery: d.Delivery, At: e.At})
	case *VerificationMeasured:
		v.Verification = &d.Verification
	case *MessageDrafted:
		v.Message = d.Text
	case *ReviewWritten:
		if v.ReviewVer < writtenVersion {
			v.Review, v.ReviewLines, v.ReviewVer = d.Text, d.Lines, writtenVersion
		}
	case *ReviewEdited:
		v.edit(d)
	}
}

func (v *View) close(s incident.Status, o incident.Outcome, reason string, at time.Time) {
	v.Status, v.Outcome, v.StatusReason, v.ClosedAt, v.NeedsHuman = s, o, reason, at, false
	v.Paused = nil // nobody waits any more
	if v.Proposal != nil && v.Proposal.State == incident.ProposalPending {
		v.settle(v.Proposal.ID, incident.ProposalVoided, "", reason, at)
	}
}

func (v *View) phase(d *PhaseChanged, at time.Time) {
	v.Phases = slices.Clone(v.Phases)
	for i := range v.Phases {
		p := &v.Phases[i]
		if p.Phase != d.Phase {
			continue
		}
		p.State, p.Detail = d.State, d.Detail
		if d.State == incident.PhaseRunning {
			p.StartedAt, p.EndedAt, v.Phase = at, time.Time{}, d.Phase
		} else {
			p.EndedAt = at
		}
	}
}

func (v *View) agent(d *AgentUpdated, at time.Time) {
	v.changeAgent(d.Agent, func(a *AgentView) { a.AgentUpdated, a.UpdatedAt = *d, at })
}

func (v *View) changeAgent(name incident.Agent, change func(*AgentView)) {
	v.Agents = slices.Clone(v.Agents)
	for i := range v.Agents {
		if v.Agents[i].Agent == name {
			change(&v.Agents[i])
		}
	}
}

func (v *View) modelCall(d *ModelCalled, p incident.Provenance) {
	used := incident.Budget{Turns: 1}
	v.Cost.ModelCalls++
	if p.Usage != nil {
		times := 1 + int64(p.Lost)
		v.Cost.InputTokens += p.Usage.InputTokens * times
		v.Cost.OutputTokens += p.Usage.OutputTokens * times
		v.Cost.CacheTokens += p.Usage.CacheTokens * times
		used.Tokens = (p.Usage.InputTokens + p.Usage.OutputTokens) * times
	}
	used.CostMicros = v.charge(p)
	v.changeAgent(d.Agent, func(a *AgentView) { a.Provenance, a.Used = p, a.Used.Plus(used) })
}

func (v *View) settle(id string, s incident.ProposalState, by, comment string, at time.Time) {
	if v.Proposal == nil || v.Proposal.ID != id {
		return
	}
	p := *v.Proposal // the event that brought it stays as it was
	p.State, p.DecidedBy, p.Comment, p.DecidedAt = s, by, comment, at
	v.Proposal = &p
}

func sortedKeys[K ~string, V any](m map[K]V) []K {
	keys := make([]K, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Slice(keys, func(i, j int) bool { return keys[i] < keys[j] })
	return keys
}
