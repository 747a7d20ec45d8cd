package sandbox

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Click is a person who clicks a button of the newest message of an incident.
// It goes to the gateway that the sandbox was told of, signed as Slack signs.
type Click struct {
	User     string `json:"user"`     // member id
	Incident string `json:"incident"` // whose message
	Action   string `json:"action"`   // action_id of the button
	Secret   string `json:"secret"`   // of the app; another than the gateway's is a forgery
	Times    int    `json:"times"`    // that Slack delivers it; default 1
}

const slackInteractions = "/api/v1/slack/interactions"

func (s *Server) slackClick(w http.ResponseWriter, r *http.Request) {
	var in Click
	if !readJSON(w, r, &in) {
		return
	}
	if s.notifier.url == "" {
		writeProblem(w, http.StatusConflict, "the sandbox was told of no gateway")
		return
	}
	s.told.mu.Lock()
	message, value := s.told.button(in.Incident, in.Action)
	s.told.n++
	n := s.told.n
	s.told.mu.Unlock()
	if message == nil {
		writeProblem(w, http.StatusNotFound, fmt.Sprintf("no message of %s has the button %s", in.Incident, in.Action))
		return
	}
	payload, err := json.Marshal(map[string]any{
		"type": "block_actions", "team": map[string]string{"id": "T00000000"}, "user": map[string]string{"id": in.User}, "trigger_id": strconv.Itoa(n),
		"container":    map[string]string{"type": "message", "channel_id": message.channel, "message_ts": message.TS},
		"response_url": fmt.Sprintf("%s/_slack/respond/%d", s.URL(), n),
		"actions":      []map[string]string{{"type": "button", "action_id": in.Action, "action_ts": strconv.Itoa(n), "value": value}},
	})
	if err != nil {
		writeProblem(w, http.StatusInternalServerError, err.Error())
		return
	}
	body := []byte(url.Values{"payload": {string(payload)}}.Encode())
	var statuses []int
	for range max(in.Times, 1) {
		status, err := s.interact(r.Context(), body, in.Secret)
		if err != nil {
			writeProblem(w, http.StatusBadGateway, err.Error())
			return
		}
		statuses = append(statuses, status)
	}
	writeJSON(w, http.StatusOK, map[string]any{"statuses": statuses})
}

// interact posts an interaction to the gateway.
func (s *Server) interact(ctx context.Context, body []byte, secret string) (int, error) {
	stamp := strconv.FormatInt(time.Now().Unix(), 10) // the gateway's clock is the real one
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte("v0:" + stamp + ":"))
	mac.Write(body)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimSuffix(s.notifier.url, snsPath)+slackInteractions, bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("X-Slack-Request-Timestamp", stamp)
	req.Header.Set("X-Slack-Signature", "v0="+hex.EncodeToString(mac.Sum(nil)))
	resp, err := s.notifier.client.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10)) // only the status matters
	return resp.StatusCode, nil
}

// button finds a button on the newest message of an incident, and what it
// carries. The caller holds the lock.
func (t *told) button(incident, action string) (*slackMessage, string) {
	for i := len(t.messages) - 1; i >= 0; i-- {
		m := t.messages[i]
		var blocks []struct {
			Elements []struct {
				ActionID string `json:"action_id"`
				Value    string `json:"value"`
			}
		}
		if json.Unmarshal(m.Blocks, &blocks) != nil {
			continue // elements of another shape have no buttons
		}
		for _, b := range blocks {
			for _, e := range b.Elements {
				var value struct {
					Incident string `json:"incident"`
				}
				if e.ActionID == action && json.Unmarshal([]byte(e.Value), &value) == nil && value.Incident == incident {
					return m, e.Value
				}
			}
		}
	}
	return nil, ""
}

// slackRespond is what a person who clicked is told.
func (s *Server) slackRespond(w http.ResponseWriter, r *http.Request) {
	s.hear(w, r, "slack", "slack", "response_url", slackRefusal, func(body []byte, record *Told) reply {
		var in struct {
			Type string `json:"response_type"`
			Text string `json:"text"`
		}
		if json.Unmarshal(body, &in) != nil || in.Text == "" {
			return slackError("invalid_payload")
		}
		record.Done, record.Key = true, r.PathValue("n")
		if s.told.said = append(s.told.said, in.Type+": "+in.Text); len(s.told.said) > maxTold {
			s.told.said = s.told.said[1:]
		}
		return reply{status: http.StatusOK, body: map[string]any{"ok": true}}
	})
}
