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

// Executor changes the user's systems, one effect at a time.
type Executor interface {
	// Observe reads the target as the effect's document sees it: what arguments
	// and preconditions of the catalogue may ask about. A target that the
	// executor does not know is an error of kind not_found.
	Observe(ctx context.Context, e incident.Effect) (incident.TargetState, incident.Provenance, error)
	// Call is the request that Start would send. It sends nothing.
	Call(e incident.Effect) (incident.Call, error)
	// Start begins the effect and returns the execution's id. Where the service
	// honours client tokens it carries e.Token(); otherwise it names a target
	// state, so that sending it twice is sending it once.
	Start(ctx context.Context, e incident.Effect) (id string, p incident.Provenance, err error)
	// Find looks for an execution that Start began; "" where none is visible.
	Find(ctx context.Context, e incident.Effect) (id string, err error)
	// Get reads how an execution stands.
	Get(ctx context.Context, e incident.Effect, id string) (incident.ExecutionState, string, incident.Provenance, error)
}

// Catalogue evaluates the expressions of catalogue entries.
type Catalogue interface {
	// Plan makes the exact steps of an entry for a target in state s. An error
	// of kind invalid says what the schema or an expression has against it.
	Plan(e incident.CatalogueEntry, target string, s incident.TargetState) ([]incident.Step, error)
	// Holds evaluates a precondition; "" holds. planned is the state that the
	// action was planned in, s that of now.
	Holds(precondition, target string, planned, s incident.TargetState) (bool, error)
}

// Policy says who has to agree to an action.
type Policy interface {
	Judge(ctx context.Context, f incident.Facts, at time.Time) (incident.PolicyVerdict, error)
}

// Controls are what people set for everything at once. Read never answers from
// memory: where it cannot tell, it is an error, and nothing may be changed.
type Controls interface {
	Read(ctx context.Context) (incident.Controls, error)
}

// Principals knows who may do what at this moment.
type Principals interface {
	// Role is that of a person; "" where there is no such person any more.
	Role(ctx context.Context, name string) (incident.Role, error)
}

// Leases asks for leases and follows those who hold them.
type Leases interface {
	// Request asks for a lease; asking again is asking once. The grant comes to
	// the holder's workflow as incident.SignalLeaseGranted.
	Request(ctx context.Context, r incident.LeaseRequest) error
	// AwaitClose returns once the holder's workflow has closed, with what it
	// said came of its action; nil where it said nothing.
	AwaitClose(ctx context.Context, workflowID, runID string) (*incident.Remediation, error)
}

// Notifier tells people.
type Notifier interface {
	// Notify tells one channel. What cannot be delivered for good is a Delivery
	// of state failed and no error; an error may be tried again.
	Notify(ctx context.Context, n incident.Notification) (incident.Delivery, error)
}

// Database reads what a database platform says of one database. service is
// the name by which the rest of the telemetry knows it.
type Database interface {
	// Events returns what the platform reported, oldest first. A service that
	// is no database gives none and no error.
	Events(ctx context.Context, service string, w Window) ([]incident.SystemEvent, incident.Provenance, error)
	// Load returns what the database spent its time on; nil where the platform
	// does not measure it.
	Load(ctx context.Context, service string, w Window) (*incident.DatabaseLoad, incident.Provenance, error)
}

// Platform reads what the platform under a service reports of its parts: pods
// that are killed, instances that are replaced.
type Platform interface {
	Events(ctx context.Context, service string, w Window) ([]incident.SystemEvent, incident.Provenance, error)
}

// Runbooks searches what was written down before.
type Runbooks interface {
	// Find returns the best matches first; none and no error where nothing matches.
	Find(ctx context.Context, q Search) ([]incident.Document, incident.Provenance, error)
}

// Memory keeps what was learned from incidents.
type Memory interface {
	// Recall returns past incidents like the one asked about, best first. A
	// document's Cause is filled only where it was confirmed.
	Recall(ctx context.Context, q Search) ([]incident.Document, incident.Provenance, error)
	// Learn keeps a lesson; the same incident and run again replaces it. It
	// returns the names of the places that keep it now.
	Learn(ctx context.Context, l incident.Lesson) (into []string, p incident.Provenance, err error)
}

// Search is what runbooks and memory are asked.
type Search struct {
	Text    string         `json:"text"` // words, not a query language
	Service string         `json:"service,omitempty"`
	Cause   incident.Cause `json:"cause,omitempty"`
	Exclude string         `json:"exclude,omitempty"` // an incident that is not its own precedent
	Limit   int            `json:"limit,omitempty"`   // default 5
}

// Keeper keeps what is too large for a history.
type Keeper interface {
	// Keep stores content under its hash and returns where it is, such as
	// file:///… or s3://…. The same content again is the same place.
	Keep(ctx context.Context, content []byte) (ref string, err error)
}

// Spending is what models used today, all incidents and workers together.
type Spending interface {
	// Allow returns an error of incident.KindBudget where the day's cap is
	// reached. Calls in flight may overshoot it.
	Allow(ctx context.Context) error
	// Add counts what a call used. It must not fail the call: what cannot be
	// counted is logged by the implementation.
	Add(ctx context.Context, used incident.Usage)
}

// Deltas takes what a model says while it says it. It must not block; what
// cannot be sent is dropped.
type Deltas interface {
	Delta(d event.ModelDelta)
}

// Model is a language model that can call tools.
type Model interface {
	// Converse makes one turn with r.Model. onText, where it is not nil, is
	// called with each piece of text as it arrives, in order; only the reply
	// counts. An error after some pieces voids them.
	Converse(ctx context.Context, r ModelRequest, onText func(string)) (ModelReply, error)
}

// Purpose is incident.Purpose.
type Purpose = incident.Purpose

const (
	PurposeClassify    = incident.PurposeClassify
	PurposeForecast    = incident.PurposeForecast
	PurposeDiagnose    = incident.PurposeDiagnose
	PurposePlan        = incident.PurposePlan
	PurposeCommunicate = incident.PurposeCommunicate
)

// ModelRequest is one turn. It crosses into history, so it holds text and
// JSON only.
type ModelRequest struct {
	IncidentID string         `json:"incident_id"`
	RunID      string         `json:"run_id"`
	Agent      incident.Agent `json:"agent"`
	Purpose    Purpose        `json:"purpose"`
	Model      string         `json:"model"` // id, ARN or inference profile
	Turn       int            `json:"turn"`
	System     string         `json:"system"`
	Messages   []Message      `json:"messages"`
	Tools      []Tool         `json:"tools,omitempty"`
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
	PromptHash string              `json:"prompt_hash"` // SHA-256 of system, messages and tools as sent
	Provenance incident.Provenance `json:"provenance"`
}

// Guardrail checks text on its way to a model, to people or into an action.
type Guardrail interface {
	// Check returns the text as the guardrail allows it. It never blocks what
	// goes in (GuardInput): that is anonymised.
	Check(ctx context.Context, direction GuardDirection, text string) (GuardrailResult, error)
}

// GuardDirection is where a text is going.
type GuardDirection string

const (
	GuardInput  GuardDirection = "input"  // to a model
	GuardOutput GuardDirection = "output" // to people, or into an action
)

// GuardrailResult is the outcome of a check. Blocked: the text must not be
// used, and Text says why in the guardrail's words. Changed: Text is not what
// was asked about. Off: nothing is configured, and nothing looked at it.
type GuardrailResult struct {
	Blocked    bool                `json:"blocked"`
	Changed    bool                `json:"changed,omitempty"`
	Off        bool                `json:"off,omitempty"`
	Text       string              `json:"text"`
	Policies   []string            `json:"policies,omitempty"` // that intervened: content, topic, word, pii:EMAIL, …
	Provenance incident.Provenance `json:"provenance"`
}

// Publisher hands events to the stream.
type Publisher interface {
	// Publish sends the events in order, each after the stream has
	// acknowledged the one before. Repeating it is harmless: the stream drops
	// what it has by the event's id.
	Publish(ctx context.Context, events []event.Event) error
}
