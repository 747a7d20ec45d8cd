package workflows

import (
	"fmt"

	"vigil/activities"
	"vigil/workflows/event"
	"vigil/workflows/incident"
)

// Consultation is one diagnosis that one model is asked for outside of an
// incident, as package eval does to measure models. Model and Look stand for
// the activities CallModel and CollectEvidence, and are called one at a time.
type Consultation struct {
	Settings incident.Settings // with Tools and Suffix, as LoadSettings returns them
	View     event.View        // what is told of the incident, and the evidence with its ids
	Suspects []incident.Suspect

	Model func(activities.ModelRequest) (activities.ModelReply, error)
	Look  func(activities.CollectInput) (activities.Collected, error) // the input has no times yet
}

// Consult asks as IncidentWorkflow does: the same words, tools and turns, the
// ranking among the evidence, one more try for an answer that cannot be read.
// It returns the answer, and the evidence with what the tools brought, on which
// the answer is to be concluded. The answer is nil where there is no telemetry to reason
// about: then no model is asked. An error is Model's own, or of
// incident.KindInvalid where the model answered nothing of use.
func Consult(c Consultation, model string) (*activities.DiagnosisAnswer, []incident.Evidence, error) {
	v := c.View
	add := func(e incident.Evidence) incident.Evidence {
		e.ID = fmt.Sprintf("E%d", len(v.Evidence)+1)
		v.Evidence = append(v.Evidence[:len(v.Evidence):len(v.Evidence)], e)
		return e
	}
	if len(c.Suspects) > 0 {
		add(ranking(c.Suspects))
	}
	if !found(v.Evidence) {
		return nil, v.Evidence, nil
	}
	t := diagnosisTask(c.Settings)
	said := newTalk(diagnosisPrompt(c.Settings, renderTagged(c.Settings.Suffix, "incident", told(v)), v.Evidence))
	for said.begin(); said.next(); {
		r := said.request(t.request(c.Settings.Suffix, model))
		r.IncidentID, r.RunID, r.Turn = v.IncidentID, v.RunID, said.turns
		reply, err := c.Model(r)
		if err != nil {
			return nil, v.Evidence, err
		}
		var answer activities.DiagnosisAnswer
		problem := said.hear(reply, &answer)
		switch {
		case len(reply.Calls) > 0:
			looks, outputs := readCalls(t.tools, services(v.Service, v), reply.Calls)
			for i, l := range looks {
				if outputs[i].Error {
					continue
				}
				got, err := c.Look(l.input(v.IncidentID, v.Service, t.agent))
				if err == nil {
					got.Evidence = add(got.Evidence)
				}
				brought(&outputs[i], c.Settings.Suffix, got.Evidence, err)
			}
			said.bring(outputs)
		case problem != "":
			if err := said.repair(problem); err != nil {
				return nil, v.Evidence, err
			}
		default:
			return &answer, v.Evidence, nil
		}
	}
	return nil, v.Evidence, said.giveUp()
}

// diagnosisTask and diagnosisPrompt are what a model is asked with for a
// diagnosis.
func diagnosisTask(s incident.Settings) task {
	return task{agent: incident.AgentDiagnosis, phase: incident.PhaseDiagnosis, purpose: incident.PurposeDiagnose,
		system: diagnosisSystem, schema: diagnosisSchema, tools: offered(s)}
}

func diagnosisPrompt(s incident.Settings, told string, evidence []incident.Evidence) string {
	return told + renderEvidence(s.Suffix, evidence...)
}
