package activities

import (
	"context"

	"vigil/workflows/incident"
)

// AnswerInput is a question with all that an answer may rest on. Raw is nil
// where no model answered.
type AnswerInput struct {
	Question  string              `json:"question"`
	Raw       *QuestionAnswer     `json:"raw,omitempty"`
	Diagnosis incident.Diagnosis  `json:"diagnosis"`
	Evidence  []incident.Evidence `json:"evidence"`
	Suspects  []incident.Suspect  `json:"suspects"`
}

// AnswerQuestion holds a model's answer against the evidence, or answers from
// the evidence alone. Pure, a local activity like RankSuspects.
func AnswerQuestion(_ context.Context, in AnswerInput) (incident.Answer, error) {
	if in.Raw == nil {
		return AnswerFromStatistics(in.Question, in.Diagnosis, in.Evidence, in.Suspects), nil
	}
	return CheckAnswer(*in.Raw, in.Evidence), nil
}
