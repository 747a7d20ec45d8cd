package sandbox

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

// slackMessage is a message in a channel or a thread.
type slackMessage struct {
	Type     string          `json:"type"`
	TS       string          `json:"ts"`
	Thread   string          `json:"thread_ts,omitempty"`
	Text     string          `json:"text"`
	Blocks   json.RawMessage `json:"blocks,omitempty"`
	Metadata json.RawMessage `json:"metadata,omitempty"`

	channel string
}

const (
	maxMessages  = 5000
	maxBlocks    = 50
	maxBlockText = 3000
)

var slackChannelID = regexp.MustCompile(`^[CGD][A-Z0-9]{8,20}$`)

func slackError(code string) reply {
	return reply{status: http.StatusOK, body: map[string]any{"ok": false, "error": code}}
}

func slackRefusal(status int, mode ChaosMode) reply {
	switch mode {
	case ChaosThrottle, ChaosQuota:
		return reply{status: status, body: map[string]any{"ok": false, "error": "ratelimited"}}
	case ChaosAccessDenied:
		return slackError("invalid_auth")
	case ChaosNotFound:
		return slackError("channel_not_found")
	case ChaosFailing:
		return slackError("internal_error")
	}
	return reply{status: status, body: map[string]any{"ok": false, "error": "service_unavailable"}}
}

func (s *Server) slackAPI(w http.ResponseWriter, r *http.Request) {
	method := r.PathValue("method")
	s.hear(w, r, "slack", "slack", method, slackRefusal, func(body []byte, record *Told) reply {
		answer := s.slackDo(r, method, body, record)
		if m, ok := answer.body.(map[string]any); ok && m["ok"] == false {
			record.Problem = fmt.Sprint(m["error"])
		}
		return answer
	})
}

func (s *Server) slackDo(r *http.Request, method string, body []byte, record *Told) reply {
	if !strings.HasPrefix(r.Header.Get("Authorization"), "Bearer xoxb-") {
		return slackError("not_authed")
	}
	switch method {
	case "auth.test":
		return reply{status: http.StatusOK, body: map[string]any{"ok": true, "team": "sandbox", "team_id": "T00000000", "user": "vigil", "bot_id": "B00000000"}}
	case "chat.postMessage", "chat.update":
		if !strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") {
			return slackError("invalid_post_type")
		}
		return s.told.write(method == "chat.update", body, record, s.cfg.Now().Unix())
	case "conversations.history", "conversations.replies":
		if !strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") { // methods that read take no JSON
			return slackError("invalid_arguments")
		}
		form, err := url.ParseQuery(string(body))
		if err != nil || form.Get("channel") == "" {
			return slackError("invalid_arguments")
		}
		return s.told.read(method == "conversations.replies", form)
	}
	return slackError("unknown_method")
}

// write posts or changes a message. The caller holds the lock.
func (t *told) write(change bool, body []byte, record *Told, now int64) reply {
	var in struct {
		slackMessage
		Channel string `json:"channel"`
	}
	if json.Unmarshal(body, &in) != nil {
		return slackError("invalid_json")
	}
	var blocks []struct {
		Type string
		Text *struct{ Text string }
	}
	if len(in.Blocks) > 0 && json.Unmarshal(in.Blocks, &blocks) != nil || len(blocks) > maxBlocks {
		return slackError("invalid_blocks")
	}
	for _, b := range blocks {
		if b.Text != nil && (b.Text.Text == "" || len([]rune(b.Text.Text)) > maxBlockText || b.Type == "header" && len([]rune(b.Text.Text)) > 150) {
			return slackError("invalid_blocks")
		}
	}
	if !slackChannelID.MatchString(in.Channel) {
		return slackError("channel_not_found")
	}
	if in.Text == "" && len(blocks) == 0 {
		return slackError("no_text")
	}
	answer := func(ts string) reply {
		record.Done = true
		return reply{status: http.StatusOK, body: map[string]any{"ok": true, "channel": in.Channel, "ts": ts}}
	}
	if change {
		m := t.message(in.Channel, in.TS)
		if m == nil {
			return slackError("message_not_found")
		}
		m.Text, m.Blocks = in.Text, in.Blocks
		return answer(m.TS)
	}
	if in.Thread != "" && t.message(in.Channel, in.Thread) == nil {
		return slackError("thread_not_found")
	}
	var key struct {
		Payload map[string]string `json:"event_payload"`
	}
	if json.Unmarshal(in.Metadata, &key) == nil && key.Payload["key"] != "" {
		record.Key = key.Payload["key"]
		record.Repeated = t.hears("slack/" + in.Channel + "/" + in.Thread + "/" + record.Key)
	}
	m := in.slackMessage
	m.Type, m.channel, m.TS = "message", in.Channel, fmt.Sprintf("%d.%06d", now, t.n+1)
	if t.messages = append(t.messages, &m); len(t.messages) > maxMessages {
		t.messages = t.messages[1:]
	}
	return answer(m.TS)
}

func (t *told) message(channel, ts string) *slackMessage {
	for _, m := range t.messages {
		if m.channel == channel && m.TS == ts {
			return m
		}
	}
	return nil
}

// read lists messages, the newest first in a channel, the oldest first in a
// thread. The caller holds the lock.
func (t *told) read(thread bool, form url.Values) reply {
	oldest, _ := strconv.ParseFloat(form.Get("oldest"), 64) // what is no number asks for all
	list := []slackMessage{}
	for _, m := range t.messages {
		ts, err := strconv.ParseFloat(m.TS, 64)
		if m.channel != form.Get("channel") || err != nil || ts < oldest || m.Thread != form.Get("ts") && (!thread || m.TS != form.Get("ts")) {
			continue
		}
		shown := *m
		if form.Get("include_all_metadata") != "true" {
			shown.Metadata = nil
		}
		if thread {
			list = append(list, shown)
		} else {
			list = append([]slackMessage{shown}, list...)
		}
	}
	if thread && len(list) == 0 {
		return slackError("thread_not_found")
	}
	limit, err := strconv.Atoi(form.Get("limit"))
	if err != nil || limit < 1 {
		limit = 100
	}
	from, _ := strconv.Atoi(form.Get("cursor")) // ours, a number
	from = min(max(from, 0), len(list))
	page := list[from:min(from+limit, len(list))]
	next := ""
	if from+limit < len(list) {
		next = strconv.Itoa(from + limit)
	}
	return reply{status: http.StatusOK, body: map[string]any{"ok": true, "messages": page, "has_more": next != "", "response_metadata": map[string]string{"next_cursor": next}}}
}
