package notify

import (
	"bytes"
	"embed"
	"fmt"
	"os"
	"strings"
	"text/template"
	"time"

	"vigil/activities"
	"vigil/activities/internal/tell"
	"vigil/workflows/incident"
)

//go:embed templates
var shipped embed.FS

// bounds are how long a title and a text may be, in characters. The services
// take more; people do not.
var bounds = map[ChannelKind]struct{ title, text int }{
	KindSlack:     {140, 2800},
	KindPagerDuty: {900, 4000},
	KindSNS:       {95, 8000},
	KindWebhook:   {300, 8000},
}

// maxField bounds each piece of text that a template is given.
const maxField = 1200

// maxTemplate bounds a file that replaces a template.
const maxTemplate = 64 << 10

// View is what a template is given. Every string in it is inert in the channel
// that the template is for, and short.
type View struct {
	Kind      string
	Incident  string
	Title     string
	Service   string
	Severity  string
	Status    string
	Text      string
	Summary   string
	By        string
	Outcome   string
	Team      string
	To        string // the person on call
	OpenedAt  string
	At        string
	Link      string
	Simulated bool
	Proposal  *ProposalView
}

// ProposalView is the proposal of a View.
type ProposalView struct {
	ID, Title, Reason, Effect, Target, Risk, BlastRadius, AskedOf, State, DecidedBy, Comment, Deadline string

	DryRun bool
	Need   int
	Have   int
}

// templates are those of each kind of channel. A set defines "title" and
// "text", and may define either for one kind of notification, such as
// "approval.title".
type templates map[ChannelKind]*template.Template

// loadTemplates reads the shipped templates, and what replaces parts of them.
func loadTemplates(replaced map[ChannelKind]string) (templates, error) {
	out := templates{}
	for _, kind := range ChannelKinds {
		raw, err := shipped.ReadFile("templates/" + string(kind) + ".tmpl")
		if err != nil {
			return nil, fmt.Errorf("notify: %w", err)
		}
		set, err := template.New(string(kind)).Option("missingkey=error").Parse(string(raw))
		if err != nil {
			return nil, fmt.Errorf("notify: the shipped template of %s: %w", kind, err)
		}
		if file := replaced[kind]; file != "" {
			if set, err = replace(set, file); err != nil {
				return nil, &incident.Error{Kind: incident.KindInvalid, Op: "the template of " + string(kind), Msg: err.Error()}
			}
		}
		out[kind] = set
		for _, k := range incident.NotificationKinds { // what cannot be executed should not wait for an incident
			if _, _, err := out.render(kind, sample(k)); err != nil {
				return nil, &incident.Error{Kind: incident.KindInvalid, Op: "the template of " + string(kind), Msg: err.Error()}
			}
		}
	}
	return out, nil
}

func replace(set *template.Template, file string) (*template.Template, error) {
	info, err := os.Stat(file)
	if err != nil {
		return nil, fmt.Errorf("%s cannot be read: %w", file, err)
	}
	if info.Size() > maxTemplate {
		return nil, fmt.Errorf("%s has %d bytes; %d are the most that is read", file, info.Size(), maxTemplate)
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("%s cannot be read: %w", file, err)
	}
	return set.Parse(string(raw))
}

// sample is a view that has everything.
func sample(k incident.NotificationKind) View {
	return View{Kind: string(k), Incident: "inc-1", Title: "t", Service: "s", Severity: "high", Status: "investigating", Text: "x", Summary: "x", By: "a", Outcome: "remediated",
		Team: "sre", To: "a", OpenedAt: "o", At: "a", Link: "l", Proposal: &ProposalView{ID: "p", Title: "t", State: "pending", Need: 2, Have: 1}}
}

// render returns the title, on one line, and the text.
func (t templates) render(kind ChannelKind, v View) (title, text string, err error) {
	limit := bounds[kind]
	if title, err = t.part(kind, v, "title"); err != nil {
		return "", "", err
	}
	if text, err = t.part(kind, v, "text"); err != nil {
		return "", "", err
	}
	return tell.Clip(tell.Line(title), limit.title), tell.Clip(strings.TrimSpace(text), limit.text), nil
}

func (t templates) part(kind ChannelKind, v View, name string) (string, error) {
	set := t[kind]
	chosen := set.Lookup(v.Kind + "." + name)
	if chosen == nil {
		chosen = set.Lookup(name)
	}
	if chosen == nil {
		return "", fmt.Errorf("there is no template called %q", name)
	}
	var b bytes.Buffer
	if err := chosen.Execute(&b, v); err != nil {
		return "", err
	}
	return b.String(), nil
}

// viewOf makes everything in n inert for a kind of channel.
func viewOf(kind ChannelKind, n incident.Notification, to *tell.Person, link string) View {
	s := func(text string) string { return inert(kind, text) }
	v := View{Kind: string(n.Kind), Incident: s(n.IncidentID), Title: s(tell.Line(n.Title)), Service: s(tell.Line(n.Service)), Severity: s(string(n.Severity)), Status: s(words(string(n.Status))),
		Text: s(n.Text), Summary: s(n.Summary), By: s(tell.Line(n.By)), Outcome: s(words(string(n.Outcome))), Team: s(n.Team), OpenedAt: stamp(n.OpenedAt), At: stamp(n.At),
		Link: link, Simulated: n.Origin == incident.OriginSimulated}
	if to != nil {
		v.To = s(to.Name)
	}
	if p := n.Proposal; p != nil {
		v.Proposal = &ProposalView{ID: s(p.ID), Title: s(tell.Line(p.Title)), Reason: s(p.Reason), Effect: s(p.Effect), Target: s(tell.Line(p.Action.Target)), Risk: s(string(p.Risk)),
			BlastRadius: s(words(string(p.BlastRadius))), AskedOf: s(p.AskedOf), State: s(string(p.State)), DecidedBy: s(p.DecidedBy), Comment: s(p.Comment), Deadline: stamp(p.Deadline),
			DryRun: p.DryRun, Need: max(p.Need, 1), Have: len(p.Approvals)}
	}
	return v
}

func words(s string) string { return strings.ReplaceAll(s, "_", " ") }

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04 UTC")
}

// inert makes text from outside something that is only read. Slack is told
// besides not to make links or mentions of plain text.
func inert(kind ChannelKind, s string) string {
	s = tell.Clip(activities.Redact(tell.Inert(s)), maxField)
	if kind == KindSlack {
		s = tell.Mrkdwn(s)
	}
	return s
}
