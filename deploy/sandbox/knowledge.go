package sandbox

import (
	"cmp"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"path"
	"slices"
	"strings"
	"unicode"
)

// Runbook is one section of what was written down for those on call.
type Runbook struct {
	Title string
	URI   string
	Text  string
}

// id tells a section from any other.
func (r Runbook) id() string {
	sum := sha256.Sum256([]byte(r.URI + "\n" + r.Title + "\n" + r.Text))
	return "chunk-" + hex.EncodeToString(sum[:6])
}

//go:embed runbooks/*.md
var shipped embed.FS

// shippedRunbooks are the sections of the runbooks in this directory.
func shippedRunbooks() []Runbook {
	files, err := fs.Glob(shipped, "runbooks/*.md")
	if err != nil {
		panic("sandbox: " + err.Error()) // the pattern is a constant
	}
	var out []Runbook
	for _, name := range files {
		raw, err := shipped.ReadFile(name)
		if err != nil {
			panic("sandbox: " + err.Error()) // it was listed
		}
		title, rest, _ := strings.Cut(strings.TrimPrefix(string(raw), "# "), "\n")
		for i, section := range strings.Split(rest, "\n## ") {
			r := Runbook{Title: title, URI: "s3://vigil-runbooks/" + path.Base(name), Text: strings.TrimSpace(section)}
			if i > 0 {
				head, body, _ := strings.Cut(section, "\n")
				r.Title, r.Text = title+": "+head, strings.TrimSpace(body)
			}
			out = append(out, r)
		}
	}
	return out
}

// hit is something that a search found, with how well it fits, 0 to 1.
type hit[T any] struct {
	item  T
	score float64
}

// leastScore is below what no search returns anything.
const leastScore = 0.15

// find searches by the words that a question and a text share: the score is
// the share of the question's words that the text has.
func find[T any](question string, items []T, text func(T) string, limit int) []hit[T] {
	want := wordsOf(question)
	var out []hit[T]
	for _, item := range items {
		have := wordsOf(text(item))
		shared := 0
		for w := range want {
			if have[w] {
				shared++
			}
		}
		if len(want) == 0 {
			continue
		}
		if score := float64(shared) / float64(len(want)); score >= leastScore {
			out = append(out, hit[T]{item, score})
		}
	}
	slices.SortStableFunc(out, func(a, b hit[T]) int { return cmp.Compare(b.score, a.score) })
	return out[:min(len(out), limit)]
}

// filler are words that say nothing of what a text is about.
var filler = map[string]bool{"the": true, "and": true, "for": true, "with": true, "that": true, "this": true, "was": true, "are": true, "has": true,
	"its": true, "from": true, "what": true, "which": true, "how": true, "why": true, "when": true, "not": true, "but": true, "any": true, "have": true}

// wordsOf are the words of a text without their endings, so that connection
// finds connections.
func wordsOf(text string) map[string]bool {
	out := map[string]bool{}
	for _, w := range strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
		if len(w) < 3 || filler[w] {
			continue
		}
		for _, ending := range []string{"ing", "ed", "es", "s"} {
			if stem, ok := strings.CutSuffix(w, ending); ok && len(stem) >= 4 {
				w = stem
				break
			}
		}
		out[w] = true
	}
	return out
}

func (s *Server) findRunbooks(question string, limit int) []hit[Runbook] {
	return find(question, s.cfg.Runbooks, func(r Runbook) string { return r.Title + " " + r.Text }, limit)
}

var knowledgeOperations = []operation{
	{"bedrock-agent-runtime", "Retrieve", restJSON, "/knowledgebases/{}/retrieve", (*Server).retrieve},
}

// retrieve searches the runbooks, whichever knowledge base is asked.
func (s *Server) retrieve(x *exchange) (any, error) {
	x.note("knowledge_base", x.path[0])
	var in struct {
		RetrievalQuery struct {
			Type string `json:"type"`
			Text string `json:"text"`
		} `json:"retrievalQuery"`
		RetrievalConfiguration struct {
			VectorSearchConfiguration struct {
				NumberOfResults *int `json:"numberOfResults"`
			} `json:"vectorSearchConfiguration"`
		} `json:"retrievalConfiguration"`
	}
	if err := x.decode(&in); err != nil {
		return nil, err
	}
	limit := 5
	if n := in.RetrievalConfiguration.VectorSearchConfiguration.NumberOfResults; n != nil {
		limit = *n
	}
	switch {
	case !knowledgeID.MatchString(x.path[0]):
		return nil, errorf("ValidationException", "The knowledge base id %q is not ten letters and digits.", x.path[0])
	case in.RetrievalQuery.Text == "" || in.RetrievalQuery.Type == "IMAGE":
		return nil, errorf("ValidationException", "retrievalQuery needs a text; the sandbox searches by nothing else.")
	case limit < 1 || limit > 100:
		return nil, errorf("ValidationException", "numberOfResults is %d; it must be 1 to 100.", limit)
	}
	results := []any{}
	for _, h := range s.findRunbooks(in.RetrievalQuery.Text, limit) {
		results = append(results, reference(h.item, &h.score))
	}
	x.note("results", len(results))
	return map[string]any{"retrievalResults": results}, nil
}

// reference is a runbook as a knowledge base tells of it.
func reference(r Runbook, score *float64) map[string]any {
	out := map[string]any{
		"content":  map[string]string{"type": "TEXT", "text": r.Text},
		"location": map[string]any{"type": "S3", "s3Location": map[string]string{"uri": r.URI}},
		"metadata": map[string]any{"x-amz-bedrock-kb-source-uri": r.URI, "x-amz-bedrock-kb-chunk-id": r.id(), "title": r.Title},
	}
	if score != nil {
		out["score"] = *score
	}
	return out
}
