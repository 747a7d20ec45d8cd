package event

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"vigil/workflows/incident"
)

// Event is one thing that happened to an incident. The workflow fills all but
// Epoch, Offset and PublishedAt: the first two are the stream's position, set
// by whoever reads the stream; PublishedAt is set at hand-over to it.
type Event struct {
	Type       Type   `json:"type"`
	ID         string `json:"id"` // run_id/seq
	IncidentID string `json:"incident_id"`
	RunID      string `json:"run_id"`

	// Seq counts 1, 2, 3, … per incident and run. 0 is an event that the
	// gateway made because the workflow no longer can (incident.aborted).
	Seq int64 `json:"seq"`

	Epoch       string              `json:"epoch,omitempty"`
	Offset      uint64              `json:"offset,omitempty"`
	At          time.Time           `json:"at"`
	PublishedAt time.Time           `json:"published_at,omitzero"`
	Provenance  incident.Provenance `json:"provenance"`
	Data        json.RawMessage     `json:"data"`
}

// MakeID is the id of event seq of run runID.
func MakeID(runID string, seq int64) string { return runID + "/" + strconv.FormatInt(seq, 10) }

// New makes an event from data, whose type decides Type.
func New(data Data, incidentID, runID string, seq int64, at time.Time, p incident.Provenance) (Event, error) {
	raw, err := json.Marshal(data)
	if err != nil {
		return Event{}, fmt.Errorf("event %s: encode data: %w", data.EventType(), err)
	}
	return Event{Type: data.EventType(), ID: MakeID(runID, seq), IncidentID: incidentID, RunID: runID,
		Seq: seq, At: at.UTC(), Provenance: p, Data: raw}, nil
}

// Decode returns the event's data as the struct that belongs to its type.
// A type that this build does not know is an error of kind invalid.
func (e Event) Decode() (Data, error) {
	make, ok := catalogue[e.Type]
	if !ok {
		return nil, incident.Errorf(incident.KindInvalid, "event %s has type %q, which this version does not know", e.ID, e.Type)
	}
	d := make()
	if err := json.Unmarshal(e.Data, d); err != nil {
		return nil, fmt.Errorf("event %s of type %s: decode data: %w", e.ID, e.Type, err)
	}
	return d, nil
}
