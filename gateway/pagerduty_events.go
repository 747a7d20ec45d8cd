package gateway

import (
	"bytes"
	"encoding/json"
	"net/http"

	"github.com/labstack/echo/v4"

	"vigil/gateway/intake"
)

// Senders of PagerDuty's Events API (version 2) know two paths and no others,
// so the gateway has them; both are the source pagerduty-events.
// https://developer.pagerduty.com/docs/send-alert-event
const (
	eventsSource     = "pagerduty-events"
	eventsPath       = "/v2/enqueue"
	changeEventsPath = "/v2/change/enqueue"
)

// EventsAccepted answers an event as PagerDuty does.
type EventsAccepted struct {
	Status   string `json:"status"`
	Message  string `json:"message"`
	DedupKey string `json:"dedup_key,omitempty"` // by which later events mean the same problem
}

func (a *api) receiveEvent(c echo.Context) error {
	return a.take(c, eventsSource, func(_ int64, body []byte) error {
		return answer(c, http.StatusAccepted, EventsAccepted{Status: "success", Message: "Event processed", DedupKey: intake.EventsDedupKey(body)})
	})
}

func (a *api) receiveChangeEvent(c echo.Context) error {
	return a.take(c, eventsSource, func(int64, []byte) error {
		return answer(c, http.StatusAccepted, EventsAccepted{Status: "success", Message: "Change event processed"})
	})
}

// eventsRoutingKey is the credential of an event, "" where it has none or
// cannot be read.
func eventsRoutingKey(body []byte) string { return eventsMember(body, "routing_key") }

// eventsMember reads a string member of an object, "" where it is not there
// once: of two, which one counts could not be told.
func eventsMember(body []byte, name string) string {
	dec := json.NewDecoder(bytes.NewReader(body))
	if tok, err := dec.Token(); err != nil || tok != json.Delim('{') {
		return ""
	}
	found, times := "", 0
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return ""
		}
		var raw json.RawMessage
		if err := dec.Decode(&raw); err != nil {
			return ""
		}
		if key != name {
			continue
		}
		times++
		if err := json.Unmarshal(raw, &found); err != nil {
			return ""
		}
	}
	if _, err := dec.Token(); err != nil || times != 1 {
		return ""
	}
	return found
}
