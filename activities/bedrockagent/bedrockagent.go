// Package bedrockagent asks an Amazon Bedrock agent (Agents Classic,
// InvokeAgent) what it remembers.
//
// Bedrock Agents Classic takes no new customers since 2026-07-30, and AWS points
// to AgentCore (package agentcore); this adapter is for those who have an
// agent, and is off unless one is configured.
//
// The agent's memory is made of summaries that the service writes of sessions
// after they end. So what Recall returns is one text that a model wrote, from
// memory that a model wrote: it names no incident and no cause that counts as
// confirmed. Find returns the passages of documents that the agent's answer
// cites, and drops the answer. InvokeAgent knows no client token: a lesson that
// is learned twice is a second turn of the same session.
//
// All of it is untrusted text. Agent is immutable and safe for concurrent use.
package bedrockagent

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/bedrockagentruntime"
	"github.com/aws/aws-sdk-go-v2/service/bedrockagentruntime/types"

	"vigil/activities"
	"vigil/activities/internal/awscall"
	"vigil/activities/internal/lookup"
	"vigil/workflows/incident"
)

const (
	service     = "bedrock_agent"
	readTimeout = 5 * time.Minute // an agent may call several models and tools before its first word
	maxQuery    = 4000
	maxResults  = 50
	maxAnswer   = 64 << 10 // bytes of a completion that are read
	// defaultMemory is one memory for all incidents: what was learned of one
	// service may explain another.
	defaultMemory = "vigil"
)

// Config configures an Agent.
type Config struct {
	AgentID  string // required
	AliasID  string // required
	MemoryID string // default vigil
}

// Agent is one alias of an agent.
type Agent struct {
	api  *bedrockagentruntime.Client
	call awscall.Caller
	c    Config
}

var (
	_ activities.Memory   = (*Agent)(nil)
	_ activities.Runbooks = (*Agent)(nil)
)

// New makes an Agent. recorder may be nil.
func New(cfg aws.Config, c Config, recorder activities.Recorder) (*Agent, error) {
	if c.AgentID == "" || c.AliasID == "" {
		return nil, incident.Errorf(incident.KindInvalid, "%s: it needs the id of an agent and of its alias", service)
	}
	if c.MemoryID == "" {
		c.MemoryID = defaultMemory
	}
	return &Agent{api: bedrockagentruntime.NewFromConfig(awscall.Prepare(cfg, readTimeout)), call: awscall.New(service, recorder), c: c}, nil
}

// Recall implements activities.Memory: what the agent says it remembers, or
// nothing where it says that it remembers none.
func (a *Agent) Recall(ctx context.Context, q activities.Search) ([]incident.Document, incident.Provenance, error) {
	text := lookup.Question(q, maxQuery)
	if text == "" {
		return nil, incident.Provenance{}, lookup.Unasked(service)
	}
	prompt := "Which past incidents that you remember resemble this one, and what was their confirmed cause? Answer with the single word NONE where you remember none. "
	if q.Exclude != "" {
		prompt += "Leave out incident " + q.Exclude + ", which is the one at hand. "
	}
	prompt += text
	answer, p, err := a.invoke(ctx, session("recall", prompt), prompt, false)
	if err != nil || answer.text == "" || strings.EqualFold(strings.Trim(answer.text, ".\"'* \n"), "none") {
		return nil, p, err
	}
	return []incident.Document{{ID: "answer", Title: "What Bedrock agent " + a.c.AgentID + " remembers", Text: lookup.Text(answer.text), Source: service}}, p, nil
}

// Find implements activities.Runbooks. The agent rates no source: the score is 0.
func (a *Agent) Find(ctx context.Context, q activities.Search) ([]incident.Document, incident.Provenance, error) {
	text := lookup.Question(q, maxQuery)
	if text == "" {
		return nil, incident.Provenance{}, lookup.Unasked(service)
	}
	prompt := "Which runbooks say what to do about this? Cite them. " + text
	answer, p, err := a.invoke(ctx, session("find", prompt), prompt, false)
	if err != nil {
		return nil, p, err
	}
	var found []incident.Document
	seen, ids := map[string]bool{}, lookup.IDs{}
	for _, r := range answer.references {
		if r.Content == nil || len(found) == lookup.Limit(q, maxResults) {
			continue
		}
		body, uri := lookup.Text(aws.ToString(r.Content.Text)), lookup.URI(location(r.Location))
		if body == "" || seen[uri+"\n"+body] {
			continue
		}
		seen[uri+"\n"+body] = true
		id := uri
		if id == "" {
			id = fmt.Sprintf("source-%d", len(found)+1)
		}
		found = append(found, incident.Document{ID: ids.Unique(id), Title: lookup.Title(uri), Text: body, Source: service, URI: uri})
	}
	return found, p, nil
}

// location is where a person finds a document that the agent cited.
func location(l *types.RetrievalResultLocation) string {
	switch {
	case l == nil:
		return ""
	case l.S3Location != nil:
		return aws.ToString(l.S3Location.Uri)
	case l.WebLocation != nil:
		return aws.ToString(l.WebLocation.Url)
	case l.ConfluenceLocation != nil:
		return aws.ToString(l.ConfluenceLocation.Url)
	case l.SharePointLocation != nil:
		return aws.ToString(l.SharePointLocation.Url)
	case l.SalesforceLocation != nil:
		return aws.ToString(l.SalesforceLocation.Url)
	}
	return ""
}

// Learn implements activities.Memory: it tells the agent the lesson and ends
// the session, which is when the service remembers it.
func (a *Agent) Learn(ctx context.Context, l incident.Lesson) ([]string, incident.Provenance, error) {
	if l.IncidentID == "" || l.RunID == "" {
		return nil, incident.Provenance{}, incident.Errorf(incident.KindInvalid, "%s: a lesson needs an incident and its run, not %q and %q", service, l.IncidentID, l.RunID)
	}
	cause := "nobody confirmed a cause"
	if l.Cause != "" && l.ConfirmedBy != "" {
		cause = fmt.Sprintf("%s of %s, confirmed by %s", strings.ReplaceAll(string(l.Cause), "_", " "), l.CauseService, l.ConfirmedBy)
	}
	text := activities.Redact(fmt.Sprintf("Remember this past incident. Do nothing else.\nIncident %s of %s: %s\nSymptoms: %s\nWhat happened: %s\nCause: %s\nWhat was done: %s\nOutcome: %s",
		l.IncidentID, l.Service, l.Title, l.Symptoms, l.Summary, cause, l.Action, l.Outcome))
	id := session("learn", l.IncidentID+"/"+l.RunID)
	_, p, err := a.invoke(ctx, id, text, false)
	if err != nil {
		return nil, p, err
	}
	_, end, err := a.invoke(ctx, id, "", true)
	if p = awscall.Merge(p, end); err != nil {
		return nil, p, err
	}
	return []string{service}, p, nil
}

// session is a session of its own for each question, so that no answer colours
// another, and the same one where a question is repeated.
func session(what, text string) string {
	sum := sha256.Sum256([]byte(text))
	return "vigil-" + what + "-" + hex.EncodeToString(sum[:12])
}

// answer is what an agent said.
type answer struct {
	text       string
	references []types.RetrievedReference
}

func (a *Agent) invoke(ctx context.Context, session, text string, end bool) (answer, incident.Provenance, error) {
	in := &bedrockagentruntime.InvokeAgentInput{AgentId: &a.c.AgentID, AgentAliasId: &a.c.AliasID, MemoryId: &a.c.MemoryID, SessionId: &session}
	if text != "" {
		in.InputText = &text
	}
	if end {
		in.EndSession = aws.Bool(true)
	}
	var said answer
	p, err := awscall.Stream(ctx, a.call, "InvokeAgent", "", a.api.InvokeAgent, in, func(out *bedrockagentruntime.InvokeAgentOutput) (_ *incident.Usage, err error) {
		stream := out.GetStream()
		said, err = read(stream)
		if closing := stream.Close(); err == nil {
			err = closing
		}
		return &incident.Usage{}, err // the service does not say what its models used: unknown
	})
	return said, p, err
}

// read takes the pieces of an answer until the last. What goes beyond maxAnswer
// is dropped, so that an agent without end fills no memory.
func read(stream *bedrockagentruntime.InvokeAgentEventStream) (answer, error) {
	var said answer
	var text strings.Builder
	for e := range stream.Events() {
		switch e := e.(type) {
		case *types.ResponseStreamMemberChunk:
			text.Write(e.Value.Bytes[:min(len(e.Value.Bytes), maxAnswer-text.Len())])
			if e.Value.Attribution != nil && len(said.references) < maxResults {
				for _, c := range e.Value.Attribution.Citations {
					said.references = append(said.references, c.RetrievedReferences...)
				}
			}
		case *types.ResponseStreamMemberReturnControl:
			return said, incident.Errorf(incident.KindInvalid, "the agent asks Vigil to run an action group, which Vigil does for nobody; use an alias whose action groups run in AWS, or have none")
		}
	}
	said.text = strings.TrimSpace(strings.ToValidUTF8(text.String(), ""))
	return said, stream.Err()
}
