package sandbox

import (
	"encoding/json"
	"net/http"
	"slices"
	"time"
)

// pagerAlert is an alert of PagerDuty's.
type pagerAlert struct {
	state string // triggered, acknowledged, resolved
}

const maxPagerEvent = 512 << 10

func pagerRefusal(status int, _ ChaosMode) reply {
	return reply{status: status, body: map[string]any{"status": "error", "message": http.StatusText(status)}}
}

// pagerEnqueue takes an event as PagerDuty does. Repeated says that an alert of
// its key was in that state already.
func (s *Server) pagerEnqueue(w http.ResponseWriter, r *http.Request) {
	s.hear(w, r, "pagerduty", "pagerduty", "enqueue", pagerRefusal, func(body []byte, record *Told) reply {
		var in struct {
			RoutingKey string `json:"routing_key"`
			Action     string `json:"event_action"`
			DedupKey   string `json:"dedup_key"`
			Payload    *struct {
				Summary   string    `json:"summary"`
				Source    string    `json:"source"`
				Severity  string    `json:"severity"`
				Timestamp time.Time `json:"timestamp"`
			} `json:"payload"`
		}
		problems := []string{}
		if err := json.Unmarshal(body, &in); err != nil {
			problems = append(problems, "the body is no event")
		}
		record.Operation = in.Action
		check := func(ok bool, what string) {
			if !ok {
				problems = append(problems, what)
			}
		}
		check(len(body) <= maxPagerEvent, "the event is larger than 512 KB")
		check(in.RoutingKey != "", "Length of 'routing_key' is incorrect (should be 32 characters)")
		check(len(in.DedupKey) <= 255, "'dedup_key' is longer than 255 characters")
		check(slices.Contains([]string{"trigger", "acknowledge", "resolve"}, in.Action), "'event_action' is wrong")
		if in.Action == "trigger" {
			check(in.Payload != nil && in.Payload.Summary != "" && len([]rune(in.Payload.Summary)) <= 1024, "'payload.summary' is missing or too long")
			check(in.Payload != nil && in.Payload.Source != "", "'payload.source' is missing")
			check(in.Payload != nil && slices.Contains([]string{"critical", "error", "warning", "info"}, in.Payload.Severity), "'payload.severity' is wrong")
		} else {
			check(in.DedupKey != "", "'dedup_key' is missing")
		}
		if len(problems) > 0 {
			record.Problem = problems[0]
			return reply{status: http.StatusBadRequest, body: map[string]any{"status": "invalid event", "message": "Event object is invalid", "errors": problems}}
		}
		record.Done, record.Key = true, in.DedupKey
		state := map[string]string{"trigger": "triggered", "acknowledge": "acknowledged", "resolve": "resolved"}[in.Action]
		alert := s.told.alerts[in.DedupKey]
		switch {
		case alert == nil || alert.state == "resolved":
			record.Repeated = alert != nil && in.Action == "resolve"
			if in.Action == "trigger" {
				s.told.alerts[in.DedupKey] = &pagerAlert{state}
			}
		case alert.state == state || in.Action == "trigger": // one that is acknowledged stays so
			record.Repeated = true
		default:
			alert.state = state
		}
		return reply{status: http.StatusAccepted, body: map[string]any{"status": "success", "message": "Event processed", "dedup_key": in.DedupKey}}
	})
}

// hidden is a JSON object without the value of a member.
func hidden(body []byte, member string) json.RawMessage {
	var all map[string]json.RawMessage
	if json.Unmarshal(body, &all) != nil {
		return nil
	}
	if _, there := all[member]; there {
		all[member] = json.RawMessage(`"hidden"`)
	}
	out, err := json.Marshal(all)
	if err != nil {
		return nil // cannot be: it was JSON
	}
	return out
}
