package postmortem_test

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	extast "github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/text"
	"pgregory.net/rapid"

	"vigil/gateway/postmortem"
	"vigil/workflows/event"
	"vigil/workflows/incident"
)

var update = flag.Bool("update", false, "rewrite the golden files")

var began = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// view is an incident that is over and has a review.
func view() event.View {
	return event.View{
		Summary: event.Summary{IncidentID: "inc-1", RunID: "run-1", Title: "Checkout is slow", Service: "checkout", Severity: incident.SeverityHigh,
			Status: incident.StatusResolved, Outcome: incident.OutcomeRemediated, StatusReason: "latency is back to normal",
			Verdict: incident.VerdictProbable, Cause: incident.CauseBadDeployment, CauseService: "checkout", Origin: incident.OriginLive,
			StartedAt: began, OpenedAt: began.Add(30 * time.Second), AcknowledgedBy: "ada", AcknowledgedAt: began.Add(time.Minute), ClosedAt: began.Add(12 * time.Minute), ReviewVer: 1},
		ReviewLines: []incident.ReviewLine{
			{Section: "Summary", Text: "Checkout is slow on checkout, high. Open for 11m30s; ended as remediated: latency is back to normal.", Cites: []string{"e1", "e9"}},
			{Section: "Timeline", Text: "12:00:30 The incident opened: Checkout is slow.", Cites: []string{"e1"}},
			{Section: "Actions", Text: "12:04:00 roll_back on checkout: helped. p95 is 212.5 ms (limit 250).", Cites: []string{"e7"}},
		},
	}
}

func events() map[string]event.Event {
	live := incident.Provenance{Origin: incident.OriginLive}
	return map[string]event.Event{
		"e1": {ID: "e1", Type: event.TypeIncidentOpened, Seq: 1, At: began.Add(30 * time.Second), Provenance: live},
		"e7": {ID: "e7", Type: event.TypeRemediationChanged, Seq: 7, At: began.Add(4 * time.Minute), Provenance: incident.Provenance{Origin: incident.OriginSimulated}},
		"e9": {ID: "e9", Type: event.TypeCauseReviewed, At: began.Add(20 * time.Minute), Provenance: live},
	}
}

func TestMarkdown(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*event.View){
		"written":   func(*event.View) {},
		"simulated": func(v *event.View) { v.Origin = incident.OriginSimulated },
		"recorded":  func(v *event.View) { v.Origin = incident.OriginRecorded },
		"edited": func(v *event.View) {
			v.ReviewVer = 3
			v.ReviewLines = append(v.ReviewLines, incident.ReviewLine{Section: "People", Text: "We had not been told of the release.", By: "b. o@example"},
				incident.ReviewLine{Section: "Summary", Text: "It was ours.", By: "ada", Cites: []string{"e7", "lost"}})
		},
		"bare": func(v *event.View) {
			*v = event.View{Summary: event.Summary{IncidentID: "inc-2", Title: "Something", Status: incident.StatusVerifying, OpenedAt: began, ReviewVer: 2}}
		},
		"hostile": func(v *event.View) {
			v.Title = "[click](https://evil.example) <img src=x onerror=alert(1)>\n# Heading"
			v.Service = "![pixel](//evil.example/p.png)"
			v.StatusReason = "see https://evil.example, www.evil.example, mailto:a@evil.example or @everyone in #12"
			v.ReviewLines = []incident.ReviewLine{
				{Section: "Summary\n\n<script>", Text: "1. a list\n- another\n```\ncode\n```", By: "**eve**"},
				{Section: "Cause", Text: "[^1]: a note of its own [ref]: https://evil.example", Cites: []string{"]: https://evil.example"}},
				{Section: "Cause", Text: "| a | table |\u202e reversed &lt;b&gt; ~~struck~~ $x$ <https://evil.example>"},
			}
		},
	} {
		v := view()
		change(&v)
		got := postmortem.Markdown(v, events())
		golden := filepath.Join("testdata", name+".md")
		if *update {
			if err := os.WriteFile(golden, got, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != string(want) {
			t.Errorf("%s:\n%s\nwant\n%s", name, got, want)
		}
		inert(t, got)
	}
}

// parser reads what GitHub reads.
var parser = goldmark.New(goldmark.WithExtensions(extension.GFM, extension.Footnote)).Parser()

// inert fails where a renderer would make anything of the review but headings,
// lists, emphasis and footnotes.
func inert(tb testing.TB, md []byte) {
	tb.Helper()
	err := ast.Walk(parser.Parse(text.NewReader(md)), func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		switch n := n.(type) {
		case *ast.Document, *ast.Heading, *ast.List, *ast.ListItem, *ast.TextBlock, *ast.Paragraph, *ast.Text, *ast.Emphasis, *ast.Blockquote,
			*extast.FootnoteLink, *extast.FootnoteList, *extast.Footnote, *extast.FootnoteBacklink:
		default:
			if entering {
				tb.Errorf("a review has a %s in\n%s", n.Kind(), md)
			}
		}
		return ast.WalkContinue, nil
	})
	if err != nil {
		tb.Error(err)
	}
	if s := string(md); linkable.MatchString(s) {
		tb.Errorf("%q in a review may become a link", linkable.FindString(s))
	}
}

// linkable is what some renderers make a link of once they have taken the
// backslashes out.
var linkable = regexp.MustCompile(`(?i):\\?/|www\\?\.|(mailto|xmpp)\\?:|[@#]\\?[\pL\pN]`)

// shown is the text that a renderer shows of the first item of a list.
func shown(tb testing.TB, md string) string {
	tb.Helper()
	source := []byte(md)
	var b strings.Builder
	err := ast.Walk(parser.Parse(text.NewReader(source)), func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if t, ok := n.(*ast.Text); ok && entering {
			b.Write(unescape.ReplaceAll(t.Segment.Value(source), []byte("$1")))
		}
		return ast.WalkContinue, nil
	})
	if err != nil {
		tb.Error(err)
	}
	return strings.ReplaceAll(b.String(), "\u2060", "")
}

var unescape = regexp.MustCompile("\\\\([!-/:-@\\[-`{-~])")

// plain is text as it is to be shown: in one line, and in one direction.
func plain(s string) string {
	return strings.Join(strings.Fields(strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return ' '
		}
		if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2060' || r == '\ufeff' {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "\ufffd"))), " ")
}

// TestEscapeShowsTheText: whatever somebody writes is shown as it was written,
// and is nothing but text.
func TestEscapeShowsTheText(t *testing.T) {
	t.Parallel()
	parts := []string{"a", "1", " ", "\n", "\t", "\\", "`", "*", "_", "{", "}", "[", "]", "(", ")", "#", "+", "-", ".", "!", "<", ">", "&", "|", "~", "$", "^", ":", "/", "@", "=", `"`, "'",
		"http://e.example", "https:", "//", "www.e.example", "mailto:", "xmpp:", "a@e.example", "&lt;", "<b>", "![x](y)", "[^1]", "[x]: y", "\u202e", "\u2060", "\x00", "é", "–", "ftp://x", "<!--", "\xff", "www", "Ftp:"}
	rapid.Check(t, func(r *rapid.T) {
		s := strings.Join(rapid.SliceOfN(rapid.SampledFrom(parts), 0, 12).Draw(r, "parts"), "")
		check(r, s)
	})
}

type failer interface{ Fatalf(string, ...any) }

func check(f failer, s string) {
	var t recorder
	escaped := postmortem.Escape(s)
	inert(&t, []byte("# "+escaped+"\n\n- "+escaped+"\n- **x:** "+escaped+"[^1]\n\n[^1]: "+escaped+"\n"))
	if got := shown(&t, "- x"+escaped+"\n"); plain(s) != "" && got != "x"+plain(s) {
		f.Fatalf("%q is shown as %q, want %q (written %q)", s, got, "x"+plain(s), escaped)
	}
	if len(t.said) > 0 {
		f.Fatalf("%q: %s", s, strings.Join(t.said, "\n"))
	}
}

// recorder notes what a check says.
type recorder struct {
	testing.TB
	said []string
}

func (r *recorder) Helper()           {}
func (r *recorder) Error(args ...any) { r.said = append(r.said, "error") }
func (r *recorder) Errorf(format string, _ ...any) {
	r.said = append(r.said, format)
}

func FuzzEscape(f *testing.F) {
	for _, s := range []string{"[a](b)", "<https://x>", "x\n\n# y", "- [ ] task", "a@b.c", "www.x.y", "http://x", "1. a", "=\n=", "---", "&#60;", "`<b>`"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) { check(t, s) })
}
