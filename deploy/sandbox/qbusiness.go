package sandbox

import (
	"fmt"
	"strings"

	"github.com/google/uuid"
)

var qbusinessOperations = []operation{
	{"qbusiness", "ChatSync", restJSON, "/applications/{}/conversations", (*Server).chatSync},
	{"qbusiness", "SearchRelevantContent", restJSON, "/applications/{}/relevant-content", (*Server).searchContent},
}

// chatSync answers from the runbooks, and says which.
func (s *Server) chatSync(x *exchange) (any, error) {
	var in struct {
		UserMessage     string `json:"userMessage"`
		ConversationID  string `json:"conversationId"`
		ParentMessageID string `json:"parentMessageId"`
		ChatMode        string `json:"chatMode"`
	}
	if err := x.decode(&in); err != nil {
		return nil, err
	}
	x.note("application", x.path[0])
	if !x.query.Has("sync") {
		return nil, errorf("ValidationException", "The sandbox chats with ?sync only.")
	}
	if in.UserMessage == "" {
		return nil, errorf("ValidationException", "userMessage is required.")
	}
	if (in.ConversationID == "") != (in.ParentMessageID == "") {
		return nil, errorf("ValidationException", "conversationId and parentMessageId belong together.")
	}
	if err := s.pause(x.ctx, s.modelLatency()); err != nil {
		return nil, err
	}
	answer := "I could not find relevant information to answer the question."
	sources := []any{}
	var said []string
	for i, h := range s.findRunbooks(in.UserMessage, 5) {
		said = append(said, h.item.Text)
		sources = append(sources, map[string]any{"title": h.item.Title, "snippet": h.item.Text, "url": h.item.URI, "citationNumber": i + 1,
			"documentId": h.item.URI, "indexId": "sandbox"})
	}
	if len(said) > 0 {
		answer = strings.Join(said, "\n\n")
	}
	id := in.ConversationID
	if id == "" {
		id = uuid.NewString()
	}
	x.note("results", len(sources))
	return map[string]any{"conversationId": id, "systemMessage": answer, "systemMessageId": uuid.NewString(), "userMessageId": uuid.NewString(), "sourceAttributions": sources}, nil
}

// searchContent returns passages without asking a model.
func (s *Server) searchContent(x *exchange) (any, error) {
	var in struct {
		QueryText     string `json:"queryText"`
		MaxResults    *int   `json:"maxResults"`
		ContentSource struct {
			Retriever *struct {
				RetrieverID string `json:"retrieverId"`
			} `json:"retriever"`
		} `json:"contentSource"`
	}
	if err := x.decode(&in); err != nil {
		return nil, err
	}
	x.note("application", x.path[0])
	limit := 10
	if in.MaxResults != nil {
		limit = *in.MaxResults
	}
	switch {
	case in.QueryText == "":
		return nil, errorf("ValidationException", "queryText is required.")
	case in.ContentSource.Retriever == nil || in.ContentSource.Retriever.RetrieverID == "":
		return nil, errorf("ValidationException", "contentSource needs a retriever.")
	case limit < 1 || limit > 100:
		return nil, errorf("ValidationException", "maxResults is %d; it must be 1 to 100.", limit)
	}
	content := []any{}
	for i, h := range s.findRunbooks(in.QueryText, limit) {
		content = append(content, map[string]any{"content": h.item.Text, "documentId": fmt.Sprintf("%s#%d", h.item.URI, i), "documentTitle": h.item.Title,
			"documentUri": h.item.URI, "scoreAttributes": map[string]string{"scoreConfidence": grade(h.score)}})
	}
	x.note("results", len(content))
	return map[string]any{"relevantContent": content}, nil
}

// grade is a score in the words of Q Business.
func grade(score float64) string {
	switch {
	case score >= 0.75:
		return "VERY_HIGH"
	case score >= 0.5:
		return "HIGH"
	case score >= 0.3:
		return "MEDIUM"
	}
	return "LOW"
}
