package activities

import (
	"context"
	"fmt"

	"vigil/workflows/incident"
)

const (
	maxDocuments = 5
	maxDocument  = 2000 // bytes of each
	maxQuery     = 500  // bytes
)

func (a *Activities) search(in CollectInput) Search {
	return Search{Text: clipText(Redact(in.Text), maxQuery), Service: in.Service, Cause: in.Cause, Exclude: in.IncidentID, Limit: maxDocuments}
}

func (a *Activities) pastEvidence(ctx context.Context, in CollectInput) (incident.Evidence, error) {
	e := nothing(incident.EvidencePastIncident, "Similar past incidents", "No historical matches found")
	if a.Memory == nil {
		return e, nil
	}
	q := a.search(in)
	documents, p, err := a.Memory.Recall(ctx, q)
	if err != nil {
		return incident.Evidence{}, err
	}
	e.Query, e.Provenance, e.Hash = "past incidents like: "+q.Text, p, hash(documents)
	withDocuments(&e, documents)
	confirmed := 0
	for _, d := range e.Documents {
		if d.Cause != "" {
			confirmed++
		}
	}
	if e.Found {
		e.Finding = fmt.Sprintf("%d past incidents are like it, the cause of %d was confirmed", len(e.Documents), confirmed)
	}
	return e, nil
}

func (a *Activities) runbookEvidence(ctx context.Context, in CollectInput) (incident.Evidence, error) {
	e := nothing(incident.EvidenceRunbook, "Runbooks", "No runbook found")
	if a.Runbooks == nil {
		return e, nil
	}
	q := a.search(in)
	documents, p, err := a.Runbooks.Find(ctx, q)
	if err != nil {
		return incident.Evidence{}, err
	}
	e.Query, e.Provenance, e.Hash = "runbooks on: "+q.Text, p, hash(documents)
	if withDocuments(&e, documents); e.Found {
		e.Finding = fmt.Sprintf("%d sections of runbooks match", len(e.Documents))
	}
	return e, nil
}

func withDocuments(e *incident.Evidence, documents []incident.Document) {
	e.Documents, e.Found = documents[:min(len(documents), maxDocuments)], len(documents) > 0
	for i := range e.Documents {
		e.Documents[i].Text = clipText(e.Documents[i].Text, maxDocument)
	}
}
