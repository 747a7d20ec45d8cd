package activities

import (
	"context"
	"encoding/json"
	"time"

	"vigil/workflows/event"
	"vigil/workflows/incident"
)

// Window is the span of time that a query asks about.
type Window struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
}

// Metrics reads time series.
type Metrics interface {
	// Query returns the standard measures of one service, oldest point first.
	// A service that the source does not know gives no series and no error.
	Query(ctx context.Context, service string, w Window) ([]incident.Series, incident.Provenance, error)
}

// Logs searches log lines.
type Logs interface {
	// Search returns up to limit lines of one service, oldest first. A service
	// without logs gives none and no error.
	Search(ctx context.Context, service string, w Window, limit int) ([]LogLine, incident.Provenance, error)
}

// LogLine is one raw line. It is templated and redacted before it goes further.
type LogLine struct {
	At      time.Time
	Level   string
	Message string
}

// Topology reads the service graph.
type Topology interface {
	Graph(ctx context.Context, w Window) ([]incident.Edge, incident.Provenance, error)
}

// Changes reads what was done to a service.
type Changes interface {
	// Recent returns the changes of one service in the window, oldest first.
	Recent(ctx context.Context, service string, w Window) ([]incident.Change, incident.Provenance, error)
}

// Executor runs actions on the user's systems.
type Executor interface {
	// Start begins the action and returns the execution's id. token is a UUID
	// derived from the action: the same token never starts it twice where the
	// service honours client tokens.
	Start(ctx context.Context, a incident.Action, token string) (id string, p incident.Provenance, err error)
	// Find looks for an execution that Start began with token; "" where there is none.
	Find(ctx context.Context, a incident.Action, token string) (id string, err error)
	// Get reads how an execution stands.
	Get(ctx context.Context, id string) (incident.ExecutionState, string, incident.Provenance, error)
}

// Model is a language model that can call tools.
type Model interface {
	Converse(ctx context.Context, r ModelRequest) (ModelReply, error)
}

// Purpose selects the model: each has one in the configuration.
type Purpose string

const (
	PurposeClassify    Purpose = "classify"    // detection
	PurposeForecast    Purpose = "forecast"    // prediction
	PurposeDiagnose    Purpose = "diagnose"    // diagnosis
	PurposePlan        Purpose = "plan"        // resolution
	PurposeCommunicate Purpose = "communicate" // communication
)

// ModelRequest is one turn. It crosses into history, so it holds text and
// JSON only.
type ModelRequest struct {
	Agent    incident.Agent `json:"agent"`
	Purpose  Purpose        `json:"purpose"`
	Turn     int            `json:"turn"`
	System   string         `json:"system"`
	Messages []Message      `json:"messages"`
	Tools    []Tool         `json:"tools,omitempty"`
}

// Message is one side's turn of the conversation.
type Message struct {
	Role    string        `json:"role"` // user or assistant
	Text    string        `json:"text,omitempty"`
	Calls   []ToolRequest `json:"calls,omitempty"`   // assistant: tools asked for
	Results []ToolOutput  `json:"results,omitempty"` // user: what they returned
}

// Tool is a tool offered to the model.
type Tool struct {
	Name        string          `json:"name"`
	Description string          `json:"description"`
	Schema      json.RawMessage `json:"schema"` // JSON Schema of its input
}

// ToolRequest is a model's wish to have a tool called.
type ToolRequest struct {
	ID    string          `json:"id"`
	Name  string          `json:"name"`
	Input json.RawMessage `json:"input"`
}

// ToolOutput is the answer to a ToolRequest.
type ToolOutput struct {
	ID    string `json:"id"`
	Text  string `json:"text"`
	Error bool   `json:"error,omitempty"`
}

// ModelReply is what the model said.
type ModelReply struct {
	Text       string              `json:"text,omitempty"`
	Calls      []ToolRequest       `json:"calls,omitempty"`
	StopReason string              `json:"stop_reason"`
	Provenance incident.Provenance `json:"provenance"`
}

// Guardrail checks text before it goes to people or into an action.
type Guardrail interface {
	// Check returns the text as the guardrail allows it. Blocked true: it must
	// not be used; Text then says why, in the guardrail's words.
	Check(ctx context.Context, text string) (GuardrailResult, error)
}

// GuardrailResult is the outcome of a check.
type GuardrailResult struct {
	Blocked    bool                `json:"blocked"`
	Text       string              `json:"text"`
	Provenance incident.Provenance `json:"provenance"`
}

// Publisher hands events to the stream.
type Publisher interface {
	// Publish sends the events in order, each after the stream has
	// acknowledged the one before. Repeating it is harmless: the stream drops
	// what it has by the event's id.
	Publish(ctx context.Context, events []event.Event) error
}
