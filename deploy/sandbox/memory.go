package sandbox

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

var memoryOperations = []operation{
	{"bedrock-agentcore", "CreateEvent", restJSON, "/memories/{}/events", (*Server).createEvent},
	{"bedrock-agentcore", "ListEvents", restJSON, "/memories/{}/actor/{}/sessions/{}", (*Server).listEvents},
	{"bedrock-agentcore", "RetrieveMemoryRecords", restJSON, "/memories/{}/retrieve", (*Server).retrieveRecords},
}

// memoryEvent is one event of an AgentCore memory. The sandbox's strategy makes
// one record of each, in the event's own words, Config.MemoryDelay later.
type memoryEvent struct {
	ID        string                     `json:"eventId"`
	MemoryID  string                     `json:"memoryId"`
	ActorID   string                     `json:"actorId"`
	SessionID string                     `json:"sessionId"`
	At        epoch                      `json:"eventTimestamp"`
	Payload   []json.RawMessage          `json:"payload"`
	Metadata  map[string]json.RawMessage `json:"metadata,omitempty"`

	token string
	text  string
	made  time.Time
}

// memories are all events of all memories.
type memories struct {
	mu     sync.Mutex
	events []*memoryEvent
}

func (m *memories) reset() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.events = nil
}

const (
	// memoryStrategy names the sandbox's only strategy, and recordSpace where
	// it puts its records.
	memoryStrategy = "sandbox-incidents"
	recordSpace    = "/incidents/%s/%s"
	maxEvents      = 10_000 // that are kept; the oldest go first
)

// createEvent keeps an event. The same client token again is the same event.
func (s *Server) createEvent(x *exchange) (any, error) {
	var in struct {
		memoryEvent
		ClientToken string `json:"clientToken"`
	}
	if err := x.decode(&in); err != nil {
		return nil, err
	}
	x.note("memory", x.path[0])
	x.note("client_token", in.ClientToken)
	switch {
	case in.ActorID == "":
		return nil, errorf("ValidationException", "actorId is required.")
	case time.Time(in.At).IsZero():
		return nil, errorf("ValidationException", "eventTimestamp is required.")
	case len(in.Payload) == 0:
		return nil, errorf("ValidationException", "payload is required.")
	}
	e := in.memoryEvent
	e.MemoryID, e.token, e.made = x.path[0], in.ClientToken, s.cfg.Now()
	for i, raw := range e.Payload {
		var p struct {
			Conversational *struct {
				Content struct {
					Text string `json:"text"`
				} `json:"content"`
			} `json:"conversational"`
			Blob json.RawMessage `json:"blob"`
			JSON json.RawMessage `json:"json"`
		}
		if err := json.Unmarshal(raw, &p); err != nil {
			return nil, errorf("ValidationException", "payload.%d: %v", i, err)
		}
		if p.Conversational != nil { // blobs are kept, and nothing is made of them
			e.text = strings.TrimSpace(e.text + "\n" + p.Conversational.Content.Text)
		}
	}
	s.memories.mu.Lock()
	defer s.memories.mu.Unlock()
	if e.token != "" {
		for _, have := range s.memories.events {
			if have.token == e.token && have.MemoryID == e.MemoryID {
				x.note("repeated", true)
				return map[string]any{"event": have}, nil
			}
		}
	}
	e.ID = fmt.Sprintf("%d#%08x", e.made.UnixMilli(), len(s.memories.events))
	s.memories.events = append(s.memories.events, &e)
	if len(s.memories.events) > maxEvents {
		s.memories.events = slices.Delete(s.memories.events, 0, len(s.memories.events)-maxEvents)
	}
	return map[string]any{"event": &e}, nil
}

// listEvents lists the events of a session, newest first.
func (s *Server) listEvents(x *exchange) (any, error) {
	var in struct {
		IncludePayloads *bool           `json:"includePayloads"`
		MaxResults      *int            `json:"maxResults"`
		Filter          json.RawMessage `json:"filter"`
	}
	if err := x.decode(&in); err != nil {
		return nil, err
	}
	if len(in.Filter) > 0 {
		return nil, errorf("ValidationException", "The sandbox does not filter events.")
	}
	limit := 20
	if in.MaxResults != nil {
		limit = *in.MaxResults
	}
	x.note("memory", x.path[0])
	s.memories.mu.Lock()
	defer s.memories.mu.Unlock()
	events := []memoryEvent{}
	for _, e := range slices.Backward(s.memories.events) {
		if len(events) == limit || e.MemoryID != x.path[0] || e.ActorID != x.path[1] || e.SessionID != x.path[2] {
			continue
		}
		shown := *e
		if in.IncludePayloads != nil && !*in.IncludePayloads {
			shown.Payload = []json.RawMessage{}
		}
		events = append(events, shown)
	}
	return map[string]any{"events": events}, nil
}

// retrieveRecords searches what the strategy made of events.
func (s *Server) retrieveRecords(x *exchange) (any, error) {
	var in struct {
		Namespace      string `json:"namespace"`
		NamespacePath  string `json:"namespacePath"`
		MaxResults     *int   `json:"maxResults"`
		SearchCriteria struct {
			SearchQuery      string          `json:"searchQuery"`
			MemoryStrategyID string          `json:"memoryStrategyId"`
			TopK             *int            `json:"topK"`
			MetadataFilters  json.RawMessage `json:"metadataFilters"`
		} `json:"searchCriteria"`
	}
	if err := x.decode(&in); err != nil {
		return nil, err
	}
	x.note("memory", x.path[0])
	switch {
	case in.SearchCriteria.SearchQuery == "":
		return nil, errorf("ValidationException", "searchCriteria.searchQuery is required.")
	case in.Namespace == "" && in.NamespacePath == "":
		return nil, errorf("ValidationException", "One of namespace and namespacePath is required.")
	case len(in.SearchCriteria.MetadataFilters) > 0:
		return nil, errorf("ValidationException", "The sandbox does not filter records by metadata.")
	}
	limit := 10
	for _, n := range []*int{in.SearchCriteria.TopK, in.MaxResults} {
		if n != nil {
			limit = min(max(*n, 1), 100)
		}
	}
	s.memories.mu.Lock()
	defer s.memories.mu.Unlock()
	var records []*memoryEvent
	for _, e := range s.memories.events {
		ready := !s.cfg.Now().Before(e.made.Add(s.cfg.MemoryDelay))
		if e.MemoryID == x.path[0] && e.text != "" && ready && strings.HasPrefix(e.namespace(), cmp.Or(in.Namespace, in.NamespacePath)) &&
			(in.SearchCriteria.MemoryStrategyID == "" || in.SearchCriteria.MemoryStrategyID == memoryStrategy) {
			records = append(records, e)
		}
	}
	out := []any{}
	for _, h := range find(in.SearchCriteria.SearchQuery, records, func(e *memoryEvent) string { return e.text }, limit) {
		e := h.item
		r := map[string]any{"memoryRecordId": "mem-" + e.ID, "content": map[string]string{"text": e.text}, "memoryStrategyId": memoryStrategy,
			"namespaces": []string{e.namespace()}, "createdAt": epoch(e.made.Add(s.cfg.MemoryDelay)), "timestamp": e.At, "score": h.score}
		if len(e.Metadata) > 0 {
			r["metadata"] = e.Metadata
		}
		out = append(out, r)
	}
	x.note("results", len(out))
	return map[string]any{"memoryRecordSummaries": out}, nil
}

func (e *memoryEvent) namespace() string { return fmt.Sprintf(recordSpace, e.ActorID, e.SessionID) }
