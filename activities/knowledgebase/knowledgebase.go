// Package knowledgebase searches runbooks in an Amazon Bedrock knowledge base
// (Retrieve). It finds passages by meaning and asks no model to write about
// them: what a person is shown is what the document says.
//
// A search by meaning always finds something, however far off; MinScore is
// what makes "no runbook found" an answer. What is found is untrusted text:
// whoever can write into the knowledge base's source can write into it.
//
// Runbooks is immutable and safe for concurrent use.
package knowledgebase

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/bedrockagentruntime"
	"github.com/aws/aws-sdk-go-v2/service/bedrockagentruntime/document"
	"github.com/aws/aws-sdk-go-v2/service/bedrockagentruntime/types"

	"vigil/activities"
	"vigil/activities/internal/awscall"
	"vigil/activities/internal/lookup"
	"vigil/workflows/incident"
)

const (
	service     = "knowledge_base"
	readTimeout = time.Minute
	maxQuery    = 1000 // characters that Retrieve takes
	maxResults  = 100
)

// Config configures Runbooks.
type Config struct {
	ID       string  // of the knowledge base; required
	MinScore float64 // below it a passage is no match; 0: 0.3, negative: every passage is a match
	Hybrid   bool    // search by words as well as by meaning, where the vector store can; false: the service decides
}

const defaultMinScore = 0.3

// Runbooks searches one knowledge base.
type Runbooks struct {
	api  *bedrockagentruntime.Client
	call awscall.Caller
	c    Config
}

var _ activities.Runbooks = (*Runbooks)(nil)

// New makes Runbooks. recorder may be nil.
func New(cfg aws.Config, c Config, recorder activities.Recorder) (*Runbooks, error) {
	if c.ID == "" {
		return nil, incident.Errorf(incident.KindInvalid, "%s: it needs the id of a knowledge base", service)
	}
	if !(c.MinScore <= 1) {
		return nil, incident.Errorf(incident.KindInvalid, "%s: a least score of %g is never reached; scores go from 0 to 1", service, c.MinScore)
	}
	if c.MinScore == 0 {
		c.MinScore = defaultMinScore
	}
	return &Runbooks{api: bedrockagentruntime.NewFromConfig(awscall.Prepare(cfg, readTimeout)), call: awscall.New(service, recorder), c: c}, nil
}

// Find implements activities.Runbooks.
func (r *Runbooks) Find(ctx context.Context, q activities.Search) ([]incident.Document, incident.Provenance, error) {
	text := lookup.Question(q, maxQuery)
	if text == "" {
		return nil, incident.Provenance{}, lookup.Unasked(service)
	}
	search := &types.KnowledgeBaseVectorSearchConfiguration{NumberOfResults: aws.Int32(int32(lookup.Limit(q, maxResults)))}
	if r.c.Hybrid {
		search.OverrideSearchType = types.SearchTypeHybrid
	}
	out, p, err := awscall.Do(ctx, r.call, "Retrieve", r.api.Retrieve, &bedrockagentruntime.RetrieveInput{
		KnowledgeBaseId:        &r.c.ID,
		RetrievalQuery:         &types.KnowledgeBaseQuery{Text: &text},
		RetrievalConfiguration: &types.KnowledgeBaseRetrievalConfiguration{VectorSearchConfiguration: search},
	})
	if err != nil {
		return nil, p, err
	}
	var found []incident.Document
	ids := lookup.IDs{}
	for i, result := range out.RetrievalResults {
		if d, ok := passage(result, i); ok && d.Score >= r.c.MinScore {
			d.ID = ids.Unique(d.ID)
			found = append(found, d)
		}
	}
	return found, p, nil
}

// passage reads one result; false where it holds no text, as an image does.
func passage(r types.KnowledgeBaseRetrievalResult, place int) (incident.Document, bool) {
	text := content(r.Content)
	if text == "" {
		return incident.Document{}, false
	}
	uri := lookup.URI(cmp.Or(location(r.Location), metadata(r.Metadata, "x-amz-bedrock-kb-source-uri")))
	return incident.Document{
		ID:     cmp.Or(metadata(r.Metadata, "x-amz-bedrock-kb-chunk-id"), aws.ToString(r.DocumentId), uri, fmt.Sprintf("result-%d", place+1)),
		Title:  lookup.Title(uri, metadata(r.Metadata, "title"), metadata(r.Metadata, "x-amz-bedrock-kb-title")),
		Text:   lookup.Text(text),
		Source: service, URI: uri, Score: lookup.Score(r.Score),
	}, true
}

// content is the text of a passage; rows of a table are "column: value".
func content(c *types.RetrievalResultContent) string {
	if c == nil {
		return ""
	}
	if text := strings.TrimSpace(aws.ToString(c.Text)); text != "" {
		return text
	}
	var cells []string
	for _, cell := range c.Row {
		if v := aws.ToString(cell.ColumnValue); v != "" {
			cells = append(cells, aws.ToString(cell.ColumnName)+": "+v)
		}
	}
	return strings.Join(cells, ", ")
}

// location is where a person finds the document.
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
	case l.GoogleDriveLocation != nil:
		return aws.ToString(l.GoogleDriveLocation.Url)
	case l.OneDriveLocation != nil:
		return aws.ToString(l.OneDriveLocation.Url)
	case l.KendraDocumentLocation != nil:
		return aws.ToString(l.KendraDocumentLocation.Uri)
	case l.CustomDocumentLocation != nil:
		return aws.ToString(l.CustomDocumentLocation.Id)
	}
	return "" // rows of a database have no place of their own
}

// metadata is an entry of a result's metadata, where it is there and text.
func metadata(m map[string]document.Interface, key string) string {
	d, ok := m[key]
	if !ok || d == nil {
		return ""
	}
	var s string
	if err := d.UnmarshalSmithyDocument(&s); err != nil {
		return ""
	}
	return s
}
