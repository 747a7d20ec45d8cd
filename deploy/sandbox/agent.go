package sandbox

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"sync"
)

var agentOperations = []operation{
	{"bedrock-agent-runtime", "InvokeAgent", restJSON, "/agents/{}/agentAliases/{}/sessions/{}/text", (*Server).invokeAgent},
}

// agents is what agents remember: the turns of open sessions, and by memory id
// the summaries of those that ended.
type agents struct {
	mu       sync.Mutex
	sessions map[string][]string
	memories map[string][]string
}

func newAgents() *agents {
	return &agents{sessions: map[string][]string{}, memories: map[string][]string{}}
}

func (a *agents) reset() {
	a.mu.Lock()
	defer a.mu.Unlock()
	clear(a.sessions)
	clear(a.memories)
}

// invokeAgent answers with what the agent remembers and what the runbooks say,
// cited. A session that ends becomes a summary in its memory: what was said in
// it, in a row.
func (s *Server) invokeAgent(x *exchange) (any, error) {
	var in struct {
		InputText  string `json:"inputText"`
		MemoryID   string `json:"memoryId"`
		EndSession bool   `json:"endSession"`
	}
	if err := x.decode(&in); err != nil {
		return nil, err
	}
	if in.InputText == "" && !in.EndSession {
		return nil, errorf("ValidationException", "inputText is required unless endSession is true.")
	}
	session := strings.Join(x.path, "/")
	x.note("agent", x.path[0])
	x.note("memory", in.MemoryID)
	s.agents.mu.Lock()
	remembered := find(in.InputText, s.agents.memories[in.MemoryID], func(text string) string { return text }, 3)
	if in.InputText != "" {
		s.agents.sessions[session] = append(s.agents.sessions[session], in.InputText)
	}
	if in.EndSession {
		if in.MemoryID != "" && len(s.agents.sessions[session]) > 0 {
			s.agents.memories[in.MemoryID] = append(s.agents.memories[in.MemoryID], strings.Join(s.agents.sessions[session], " "))
		}
		delete(s.agents.sessions, session)
	}
	s.agents.mu.Unlock()
	if err := s.pause(x.ctx, s.modelLatency()); err != nil {
		return nil, err
	}

	out := &eventStream{header: http.Header{"X-Amzn-Bedrock-Agent-Content-Type": {"application/json"}, "X-Amz-Bedrock-Agent-Session-Id": {x.path[2]}}}
	if in.MemoryID != "" {
		out.header.Set("X-Amz-Bedrock-Agent-Memory-Id", in.MemoryID)
	}
	say := func(text string, citations []any) {
		chunk := map[string]any{"bytes": base64.StdEncoding.EncodeToString([]byte(text))}
		if len(citations) > 0 {
			chunk["attribution"] = map[string]any{"citations": citations}
		}
		out.events = append(out.events, streamEvent{kind: "chunk", payload: chunk})
	}
	if in.InputText == "" {
		return out, nil
	}
	if len(remembered) == 0 {
		say("I remember nothing like it. ", nil)
	}
	for _, h := range remembered {
		say(fmt.Sprintf("I remember: %s ", h.item), nil)
	}
	for _, h := range s.findRunbooks(in.InputText, 3) {
		say(h.item.Text+" ", []any{map[string]any{
			"generatedResponsePart": map[string]any{"textResponsePart": map[string]any{"text": h.item.Text}},
			"retrievedReferences":   []any{reference(h.item, nil)},
		}})
	}
	return out, nil
}
