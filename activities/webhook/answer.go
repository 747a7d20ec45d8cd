package webhook

import (
	"encoding/json"
	"net/http"
	"strings"

	"vigil/workflows/incident"
)

// Request is the body of a request to act.
type Request struct {
	IncidentID string            `json:"incident_id"`
	ActionHash string            `json:"action_hash"`
	Step       int               `json:"step"`
	Undo       bool              `json:"undo"`
	Document   string            `json:"document"`
	Target     string            `json:"target"`
	Arguments  map[string]string `json:"arguments"`
	Token      string            `json:"token"`
}

// Answer is what a hook says of a request.
type Answer struct {
	ID     string                  `json:"id,omitempty"`
	State  incident.ExecutionState `json:"state,omitempty"`
	Detail string                  `json:"detail,omitempty"`
	Token  string                  `json:"token,omitempty"` // with 409: the one that it knows already
}

const (
	maxID     = 120
	maxDetail = 300
)

// answered reads an answer. A body that is none says nothing, which is allowed.
func answered(status int, body []byte) Answer {
	var a Answer
	if json.Unmarshal(body, &a) != nil {
		a = Answer{}
	}
	switch {
	case a.State == "" && status == http.StatusAccepted:
		a.State = incident.ExecutionRunning
	case a.State == "":
		a.State = incident.ExecutionSucceeded
	case !a.State.Valid():
		a.State = incident.ExecutionUnknown
	}
	return a
}

// An execution's id is what Get has to go by. A hook that can be asked is asked
// by the receiver's own id; of one that cannot be, the id says what it answered:
// "succeeded", "failed: queue is busy".
func (a Answer) id(askable bool, token string) string {
	if askable {
		if a.ID == "" {
			return token
		}
		return a.ID
	}
	id := string(a.State)
	if a.Detail != "" {
		id += ": " + a.Detail
	}
	return id
}

// told reads what such an id says.
func told(id string) (incident.ExecutionState, string) {
	word, detail, _ := strings.Cut(id, ": ")
	switch state := incident.ExecutionState(word); state {
	case incident.ExecutionSucceeded, incident.ExecutionFailed:
		return state, detail
	}
	if detail != "" {
		detail += "; "
	}
	return incident.ExecutionUnknown, detail + "the hook took it, and cannot be asked what became of it: it has no status_url"
}
