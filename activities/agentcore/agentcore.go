// Package agentcore keeps what was learned from incidents in an Amazon Bedrock
// AgentCore memory, which several workers share.
//
// A lesson is an event of the memory (CreateEvent): the service that
// complained is the actor, the incident the session. What a search finds
// (RetrieveMemoryRecords) are the records that the memory's strategy made of
// events, minutes later and in its own words. So a record is known to be of an
// incident only by its metadata or its namespace, and a cause is told only
// where the record's metadata carry it, never read out of prose. A strategy
// whose namespace template is Config.Namespace, and that keeps the metadata
// cause, cause_service, confirmed_by and incident_id, gives all of it.
//
// Events are never changed: what a person says later is one more event, and
// of the records of one incident the one that a person confirmed counts. A
// record of before is found alone where only it resembles the question.
//
// Records are untrusted text. Memory is immutable and safe for concurrent use.
package agentcore

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/bedrockagentcore"
	"github.com/aws/aws-sdk-go-v2/service/bedrockagentcore/types"

	"vigil/activities"
	"vigil/activities/internal/awscall"
	"vigil/activities/internal/lookup"
	"vigil/workflows/incident"
)

const (
	service     = "agentcore"
	readTimeout = time.Minute
	maxQuery    = 10_000 // characters that RetrieveMemoryRecords takes
	maxResults  = 100
	maxMetadata = 256 // characters of a value
	// verification confirms a cause in place of a person.
	verification = "verification"
)

// DefaultNamespace is where a strategy of the memory should put its records.
const DefaultNamespace = "/incidents/{actorId}/{sessionId}"

// Config configures a Memory.
type Config struct {
	MemoryID   string  // required
	Namespace  string  // the strategy's namespace template; default DefaultNamespace
	StrategyID string  // of the strategy whose records are searched; empty: all
	MinScore   float64 // below it a record is no match; 0: 0.3, negative: every record is a match
}

const defaultMinScore = 0.3

// Memory is one AgentCore memory.
type Memory struct {
	api  *bedrockagentcore.Client
	call awscall.Caller
	c    Config
}

var _ activities.Memory = (*Memory)(nil)

// New makes a Memory. recorder may be nil.
func New(cfg aws.Config, c Config, recorder activities.Recorder) (*Memory, error) {
	if c.MemoryID == "" {
		return nil, incident.Errorf(incident.KindInvalid, "%s: it needs the id of a memory", service)
	}
	if c.Namespace = cmp.Or(c.Namespace, DefaultNamespace); !strings.HasPrefix(c.Namespace, "/") {
		return nil, incident.Errorf(incident.KindInvalid, "%s: the namespace %q does not begin with /; use the strategy's template, such as %s", service, c.Namespace, DefaultNamespace)
	}
	if !(c.MinScore <= 1) {
		return nil, incident.Errorf(incident.KindInvalid, "%s: a least score of %g is never reached; scores go from 0 to 1", service, c.MinScore)
	}
	if c.MinScore == 0 {
		c.MinScore = defaultMinScore
	}
	return &Memory{api: bedrockagentcore.NewFromConfig(awscall.Prepare(cfg, readTimeout)), call: awscall.New(service, recorder), c: c}, nil
}

// Learn implements activities.Memory. A cause that nobody confirmed is left
// out. The client token holds incident, run and what is said, so that the same
// lesson again is one event, and a later word on the incident is another.
func (m *Memory) Learn(ctx context.Context, l incident.Lesson) ([]string, incident.Provenance, error) {
	if l.IncidentID == "" || l.RunID == "" {
		return nil, incident.Provenance{}, incident.Errorf(incident.KindInvalid, "%s: a lesson needs an incident and its run, not %q and %q", service, l.IncidentID, l.RunID)
	}
	if l.ConfirmedBy == "" {
		l.Cause, l.CauseService = "", ""
	}
	text := activities.Redact(story(l))
	metadata := map[string]types.MetadataValue{}
	for key, value := range map[string]string{"incident_id": l.IncidentID, "run_id": l.RunID, "cause": string(l.Cause), "cause_service": l.CauseService,
		"confirmed_by": l.ConfirmedBy, "outcome": string(l.Outcome), "origin": string(l.Origin), "title": activities.Redact(l.Title)} {
		if value = plain(value); value != "" {
			metadata[key] = &types.MetadataValueMemberStringValue{Value: value}
		}
	}
	at := l.ClosedAt
	if at.IsZero() {
		at = l.OpenedAt
	}
	if at.IsZero() {
		return nil, incident.Provenance{}, incident.Errorf(incident.KindInvalid, "%s: the lesson of %s has no time", service, l.IncidentID)
	}
	in := &bedrockagentcore.CreateEventInput{
		MemoryId: &m.c.MemoryID, ActorId: aws.String(actor(l.Service)), SessionId: aws.String(session(l.IncidentID)),
		EventTimestamp: &at, Metadata: metadata, ClientToken: aws.String(token(l)),
		Payload: []types.PayloadType{&types.PayloadTypeMemberConversational{Value: types.Conversational{
			Role: types.RoleUser, Content: &types.ContentMemberText{Value: text}}}},
	}
	_, p, err := awscall.Do(ctx, m.call, "CreateEvent", m.api.CreateEvent, in)
	if err != nil {
		return nil, p, err
	}
	return []string{service}, p, nil
}

// story is a lesson in words, which is what a strategy extracts from.
func story(l incident.Lesson) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Incident %s: %s\n", l.IncidentID, l.Title)
	cause := "Nobody confirmed a cause."
	switch {
	case l.Cause != "" && l.ConfirmedBy == verification:
		cause = fmt.Sprintf("%s of %s, confirmed by the telemetry.", strings.ReplaceAll(string(l.Cause), "_", " "), l.CauseService)
	case l.Cause != "":
		cause = fmt.Sprintf("%s of %s, confirmed by a person.", strings.ReplaceAll(string(l.Cause), "_", " "), l.CauseService)
	case l.ConfirmedBy != "" && l.ConfirmedBy != verification:
		cause = "A person said that the cause that was named is not the cause."
	}
	for _, part := range []struct{ name, text string }{{"Complained", l.Service}, {"Symptoms", l.Symptoms}, {"What happened", l.Summary},
		{"Cause", cause}, {"What was done", l.Action}, {"Outcome", string(l.Outcome)}} {
		if part.text != "" {
			fmt.Fprintf(&b, "%s: %s\n", part.name, part.text)
		}
	}
	return b.String()
}

// token tells the same lesson from another.
func token(l incident.Lesson) string {
	raw, err := json.Marshal(l)
	if err != nil { // a lesson is text and times
		panic(err)
	}
	sum := sha256.Sum256(raw)
	return session(l.IncidentID) + "-" + session(l.RunID) + "-" + hex.EncodeToString(sum[:8])
}

// actor and session are names as AgentCore allows them.
func actor(s string) string   { return name(s, 200) }
func session(s string) string { return name(s, 80) }

// name replaces what is not allowed in an id. Where it had to, or the id is too
// long, part of a hash keeps two ids apart.
func name(s string, most int) string {
	out := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_' {
			return r
		}
		return '-'
	}, s)
	first := strings.TrimLeft(out, "-_")
	if out == s && first == out && len(out) <= most && out != "" {
		return out
	}
	sum := sha256.Sum256([]byte(s))
	return strings.TrimRight("x"+first[:min(len(first), most-10)], "-_") + "-" + hex.EncodeToString(sum[:4])
}

// plain is a value as metadata allow it.
func plain(s string) string {
	s = strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune(" ._:/=+@-", r) {
			return r
		}
		return ' '
	}, s)
	s = strings.Join(strings.Fields(s), " ")
	return s[:min(len(s), maxMetadata)]
}

// Recall implements activities.Memory.
func (m *Memory) Recall(ctx context.Context, q activities.Search) ([]incident.Document, incident.Provenance, error) {
	text := lookup.Question(q, maxQuery)
	if text == "" {
		return nil, incident.Provenance{}, lookup.Unasked(service)
	}
	limit := lookup.Limit(q, maxResults)
	root, _, _ := strings.Cut(m.c.Namespace, "{")
	in := &bedrockagentcore.RetrieveMemoryRecordsInput{
		MemoryId: &m.c.MemoryID, NamespacePath: &root,
		// More than asked for: some are of the same incident, or of the one that asks.
		SearchCriteria: &types.SearchCriteria{SearchQuery: &text, TopK: aws.Int32(int32(min(4*limit, maxResults)))},
		MaxResults:     aws.Int32(int32(min(4*limit, maxResults))),
	}
	if m.c.StrategyID != "" {
		in.SearchCriteria.MemoryStrategyId = &m.c.StrategyID
	}
	out, p, err := awscall.Do(ctx, m.call, "RetrieveMemoryRecords", m.api.RetrieveMemoryRecords, in)
	if err != nil {
		return nil, p, err
	}
	var found []record
	for _, r := range out.MemoryRecordSummaries {
		if d, ok := m.record(r); ok && d.Score >= m.c.MinScore && (q.Exclude == "" || d.IncidentID != q.Exclude && d.session != session(q.Exclude)) {
			if d.origin == incident.OriginSimulated {
				p.Origin = d.origin // what rests on something simulated is never shown as live
			}
			found = merge(found, d)
		}
	}
	slices.SortStableFunc(found, func(a, b record) int { return cmp.Compare(b.Score, a.Score) })
	var list []incident.Document
	for _, r := range found[:min(len(found), limit)] {
		list = append(list, r.Document)
	}
	return list, p, nil
}

// record is what a memory record tells.
type record struct {
	incident.Document
	session string // as the namespace has it
	by      string // who spoke of the cause, also where it was to deny it
	origin  incident.Origin
	at      time.Time
}

// record reads a memory record; false where it says nothing.
func (m *Memory) record(r types.MemoryRecordSummary) (record, bool) {
	content, ok := r.Content.(*types.MemoryContentMemberText)
	if !ok || strings.TrimSpace(content.Value) == "" {
		return record{}, false
	}
	text := func(key string) string {
		if v, ok := r.Metadata[key].(*types.MemoryRecordMetadataValueMemberStringValue); ok {
			return v.Value
		}
		return ""
	}
	out := record{origin: incident.Origin(text("origin")), at: aws.ToTime(r.Timestamp)}
	for _, namespace := range r.Namespaces {
		out.session = cmp.Or(out.session, variable(m.c.Namespace, namespace, "{sessionId}"))
	}
	id := cmp.Or(text("incident_id"), out.session)
	title := text("title")
	if title == "" && id != "" {
		title = "Incident " + id
	}
	out.Document = incident.Document{ID: aws.ToString(r.MemoryRecordId), Title: lookup.Title("", title, "A record without an incident"),
		Text: lookup.Text(content.Value), Source: service, Score: lookup.Score(r.Score), IncidentID: id}
	out.by = text("confirmed_by")
	if cause := incident.Cause(text("cause")); cause != "" && out.by != "" {
		out.Cause, out.Service, out.ConfirmedBy = cause, text("cause_service"), out.by
	}
	return out, true
}

// variable is what stands in namespace where template has a variable.
func variable(template, namespace, name string) string {
	want, have := strings.Split(strings.Trim(template, "/"), "/"), strings.Split(strings.Trim(namespace, "/"), "/")
	for i, part := range want {
		if part == name && len(want) == len(have) {
			return have[i]
		}
	}
	return ""
}

// merge adds a record unless its incident is there. Of the records of one
// incident the one that a person confirmed stays, else the latest; it keeps
// the best score of them, and a record without metadata is outdone by any with.
func merge(list []record, r record) []record {
	for i, have := range list {
		if r.IncidentID == "" || have.IncidentID != r.IncidentID {
			continue
		}
		score := max(have.Score, r.Score)
		if word(r) > word(have) || word(r) == word(have) && r.at.After(have.at) {
			list[i] = r
		}
		list[i].Score = score
		return list
	}
	return append(list, r)
}

// word is how much a record's word on the cause counts.
func word(r record) int {
	switch r.by {
	case "":
		return 0
	case verification:
		return 1
	}
	return 2
}
