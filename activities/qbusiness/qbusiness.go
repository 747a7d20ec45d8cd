// Package qbusiness searches runbooks in an Amazon Q Business application.
//
// Amazon Q Business takes no new customers since 2026-07-31; this adapter is
// for those who have an application, and is off unless one is configured.
//
// With a retriever (or index) it searches for passages (SearchRelevantContent),
// which asks no model. Without one it asks the application's chat (ChatSync)
// to answer from its documents alone, and returns the documents that the answer
// rests on: the answer itself is a model's text and nobody's runbook. Chat
// rates no source, so those have the score 0.
//
// What is found is untrusted text. Runbooks is immutable and safe for
// concurrent use.
package qbusiness

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/qbusiness"
	"github.com/aws/aws-sdk-go-v2/service/qbusiness/types"

	"vigil/activities"
	"vigil/activities/internal/awscall"
	"vigil/activities/internal/lookup"
	"vigil/workflows/incident"
)

const (
	service     = "qbusiness"
	readTimeout = 2 * time.Minute // chat answers as a whole
	maxQuery    = 1000
	maxResults  = 100
)

// Config configures Runbooks.
type Config struct {
	ApplicationID string // required
	RetrieverID   string // empty: the application's chat is asked
}

// Runbooks searches one application.
type Runbooks struct {
	api  *qbusiness.Client
	call awscall.Caller
	c    Config
}

var _ activities.Runbooks = (*Runbooks)(nil)

// New makes Runbooks. recorder may be nil.
func New(cfg aws.Config, c Config, recorder activities.Recorder) (*Runbooks, error) {
	if c.ApplicationID == "" {
		return nil, incident.Errorf(incident.KindInvalid, "%s: it needs the id of an application", service)
	}
	return &Runbooks{api: qbusiness.NewFromConfig(awscall.Prepare(cfg, readTimeout)), call: awscall.New(service, recorder), c: c}, nil
}

// Find implements activities.Runbooks.
func (r *Runbooks) Find(ctx context.Context, q activities.Search) ([]incident.Document, incident.Provenance, error) {
	text := lookup.Question(q, maxQuery)
	if text == "" {
		return nil, incident.Provenance{}, lookup.Unasked(service)
	}
	if r.c.RetrieverID == "" {
		return r.chat(ctx, text, lookup.Limit(q, maxResults))
	}
	return r.search(ctx, text, lookup.Limit(q, maxResults))
}

func (r *Runbooks) search(ctx context.Context, text string, limit int) ([]incident.Document, incident.Provenance, error) {
	out, p, err := awscall.Do(ctx, r.call, "SearchRelevantContent", r.api.SearchRelevantContent, &qbusiness.SearchRelevantContentInput{
		ApplicationId: &r.c.ApplicationID, QueryText: &text, MaxResults: aws.Int32(int32(limit)),
		ContentSource: &types.ContentSourceMemberRetriever{Value: types.RetrieverContentSource{RetrieverId: &r.c.RetrieverID}},
	})
	if err != nil {
		return nil, p, err
	}
	var found []incident.Document
	ids := lookup.IDs{}
	for i, c := range out.RelevantContent {
		score, ok := grade(c.ScoreAttributes)
		if body := lookup.Text(aws.ToString(c.Content)); ok && body != "" {
			uri := lookup.URI(aws.ToString(c.DocumentUri))
			found = append(found, incident.Document{ID: ids.Unique(cmp.Or(aws.ToString(c.DocumentId), uri, fmt.Sprintf("result-%d", i+1))),
				Title: lookup.Title(uri, aws.ToString(c.DocumentTitle)), Text: body, Source: service, URI: uri, Score: score})
		}
	}
	return found, p, nil
}

// grade turns the service's four words into quarters. What it holds for hardly
// relevant is no match; what it could not rate is kept, with the score 0.
func grade(s *types.ScoreAttributes) (score float64, ok bool) {
	if s == nil {
		return 0, true
	}
	switch s.ScoreConfidence {
	case types.ScoreConfidenceVeryHigh:
		return 1, true
	case types.ScoreConfidenceHigh:
		return 0.75, true
	case types.ScoreConfidenceMedium:
		return 0.5, true
	case types.ScoreConfidenceLow:
		return 0.25, false
	}
	return 0, true
}

func (r *Runbooks) chat(ctx context.Context, text string, limit int) ([]incident.Document, incident.Provenance, error) {
	message := "Which runbooks or documents say what to do about this? " + text
	out, p, err := awscall.DoMetered(ctx, r.call, "ChatSync", "", r.api.ChatSync, &qbusiness.ChatSyncInput{
		ApplicationId: &r.c.ApplicationID, UserMessage: &message, ChatMode: types.ChatModeRetrievalMode,
	}, nil)
	if err != nil {
		return nil, p, err
	}
	var found []incident.Document
	ids := lookup.IDs{}
	for i, s := range out.SourceAttributions {
		if s == nil || len(found) == limit {
			continue
		}
		body := aws.ToString(s.Snippet)
		for _, segment := range s.TextMessageSegments {
			if body == "" && segment.SnippetExcerpt != nil {
				body = aws.ToString(segment.SnippetExcerpt.Text)
			}
		}
		if body = lookup.Text(body); strings.TrimSpace(body) == "" {
			continue // a source without a passage shows nothing
		}
		uri := lookup.URI(aws.ToString(s.Url))
		found = append(found, incident.Document{ID: ids.Unique(cmp.Or(aws.ToString(s.DocumentId), uri, fmt.Sprintf("source-%d", i+1))),
			Title: lookup.Title(uri, aws.ToString(s.Title)), Text: body, Source: service, URI: uri})
	}
	return found, p, nil
}
