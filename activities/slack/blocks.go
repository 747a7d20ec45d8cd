package slack

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"vigil/activities"
	"vigil/activities/internal/tell"
	"vigil/workflows/incident"
)

// Names of the buttons, which the gateway knows.
const (
	ActionApprove = "vigil_approve"
	ActionReject  = "vigil_reject"
)

// ButtonValue is what a button carries: which proposal, and the hash that
// binds a click to the exact action.
type ButtonValue struct {
	Incident string `json:"incident"`
	Proposal string `json:"proposal"`
	Hash     string `json:"hash"`
}

// Limits of Block Kit, in characters.
const (
	maxHeader  = 150
	maxSection = 3000
	maxFact    = 200
	maxButton  = 2000
)

// message is the body of chat.postMessage and chat.update. Nothing in it is
// unfurled, and nothing that looks like a name or a link becomes one.
type message struct {
	Channel     string    `json:"channel"`
	TS          string    `json:"ts,omitempty"`
	Thread      string    `json:"thread_ts,omitempty"`
	Text        string    `json:"text"`
	Blocks      []block   `json:"blocks"`
	Parse       string    `json:"parse"`
	LinkNames   bool      `json:"link_names"`
	UnfurlLinks bool      `json:"unfurl_links"`
	UnfurlMedia bool      `json:"unfurl_media"`
	Metadata    *metadata `json:"metadata,omitempty"`
}

type metadata struct {
	Type    string            `json:"event_type"`
	Payload map[string]string `json:"event_payload"`
}

type block struct {
	Type     string `json:"type"`
	ID       string `json:"block_id,omitempty"`
	Text     *text  `json:"text,omitempty"`
	Fields   []text `json:"fields,omitempty"`
	Elements []any  `json:"elements,omitempty"`
}

type text struct {
	Type     string `json:"type"`
	Text     string `json:"text"`
	Verbatim bool   `json:"verbatim,omitempty"` // mrkdwn: plain names and addresses stay as they are
	Emoji    *bool  `json:"emoji,omitempty"`    // plain_text
}

type button struct {
	Type    string   `json:"type"`
	Action  string   `json:"action_id"`
	Text    text     `json:"text"`
	Value   string   `json:"value,omitempty"`
	URL     string   `json:"url,omitempty"`
	Style   string   `json:"style,omitempty"`
	Confirm *confirm `json:"confirm,omitempty"`
}

type confirm struct {
	Title   text   `json:"title"`
	Text    text   `json:"text"`
	Confirm text   `json:"confirm"`
	Deny    text   `json:"deny"`
	Style   string `json:"style,omitempty"`
}

func plain(s string, n int) text {
	emoji := false
	if s = tell.Clip(tell.Line(s), n); s == "" {
		s = "–" // Slack refuses an empty text
	}
	return text{Type: "plain_text", Text: s, Emoji: &emoji}
}

func mrkdwn(s string, n int) text {
	if s = clipEscaped(s, n); s == "" {
		s = "–"
	}
	return text{Type: "mrkdwn", Text: s, Verbatim: true}
}

// clipEscaped shortens s without leaving half of an entity at its end.
func clipEscaped(s string, n int) string {
	c := tell.Clip(s, n)
	if c == s {
		return s
	}
	body := strings.TrimSuffix(c, "…")
	if i := strings.LastIndexByte(body, '&'); i >= 0 && !strings.Contains(body[i:], ";") {
		body = body[:i]
	}
	return body + "…"
}

// escape makes text from outside inert in mrkdwn.
func escape(s string) string { return tell.Mrkdwn(activities.Redact(tell.Line(s))) }

// fallback is what notifications on telephones show.
func fallback(m tell.Message) string {
	return clipEscaped(fmt.Sprintf("[%s] %s: %s", m.Severity, m.Title, label(m.Kind)), 300)
}

// entities undoes the escapes of a title that was rendered as mrkdwn, for a
// header, in which nothing is read as such.
var entities = strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&")

var labels = map[incident.NotificationKind]string{
	incident.NotifyOpened: "opened", incident.NotifyEscalated: "nobody has acknowledged it", incident.NotifyApproval: "a decision is needed",
	incident.NotifyReminder: "the decision is still open", incident.NotifyDecided: "decided", incident.NotifyActing: "Vigil acts",
	incident.NotifyOutcome: "outcome of the action", incident.NotifyHandover: "a person is needed", incident.NotifyUnsafe: "an action could not be taken back",
	incident.NotifyUpdate: "how it stands", incident.NotifyAcked: "acknowledged", incident.NotifyClosed: "closed",
}

func label(k incident.NotificationKind) string {
	if l := labels[k]; l != "" {
		return l
	}
	return strings.ReplaceAll(string(k), "_", " ")
}

// blocks is the incident's message.
func blocks(m tell.Message) []block {
	header := plain(entities.Replace(m.Title), maxHeader)
	out := []block{{Type: "header", Text: &header}}
	facts := []text{fact("Severity", string(m.Severity)), fact("Status", strings.ReplaceAll(string(m.Status), "_", " ")), fact("Service", m.Service), fact("Incident", m.IncidentID)}
	if !m.OpenedAt.IsZero() {
		facts = append(facts, text{Type: "mrkdwn", Text: "*Opened*\n" + when(m.OpenedAt), Verbatim: true})
	}
	if m.By != "" {
		facts = append(facts, fact("By", m.By))
	}
	if m.To != nil {
		facts = append(facts, fact("On call", m.To.Name))
	}
	out = append(out, block{Type: "section", Fields: facts})
	body := mrkdwn(mention(m)+"*"+label(m.Kind)+"* "+m.Text, maxSection)
	out = append(out, block{Type: "section", Text: &body})
	out = append(out, proposal(m)...)
	if m.Link != "" {
		out = append(out, block{Type: "actions", ID: "vigil_link", Elements: []any{button{Type: "button", Action: "vigil_open", Text: plain("Open in Vigil", 75), URL: tell.Clip(m.Link, maxSection)}}})
	}
	foot := mrkdwn("Vigil, "+when(m.At), maxSection)
	return append(out, block{Type: "context", Elements: []any{foot}})
}

// reply is what is said in the thread.
func reply(m tell.Message) []block {
	said := mrkdwn(mention(m)+"*"+label(m.Kind)+"* "+m.Text, replyChar)
	out := []block{{Type: "section", Text: &said}}
	if p := m.Proposal; p != nil && p.State == incident.ProposalPending {
		what := mrkdwn(fmt.Sprintf("%s on %s, until %s. The buttons are on the message above.", escape(p.Title), escape(p.Action.Target), when(p.Deadline)), maxSection)
		out = append(out, block{Type: "section", Text: &what})
	}
	return out
}

// mention names the person on call where that person is to be woken. Its id is
// from the notification file.
func mention(m tell.Message) string {
	if m.To != nil && m.To.SlackID != "" && m.Kind.Pages() {
		return "<@" + m.To.SlackID + "> "
	}
	return ""
}

func fact(name, value string) text { return mrkdwn("*"+name+"*\n"+escape(value), maxFact) }

// when is a time that Slack shows in the reader's own zone.
func when(t time.Time) string {
	if t.IsZero() {
		return "an unknown time"
	}
	return fmt.Sprintf("<!date^%d^{date_short_pretty} {time}|%s>", t.Unix(), t.UTC().Format("2006-01-02 15:04 UTC"))
}

// proposal is what waits for a decision, with its buttons, or what became of it.
func proposal(m tell.Message) []block {
	p := m.Proposal
	if p == nil {
		return nil
	}
	title := "*Proposed:* "
	if p.DryRun {
		title = "*Proposed (dry run: approving shows what would run, and runs nothing):* "
	}
	said := mrkdwn(fmt.Sprintf("%s%s on %s\n%s\n*Effect:* %s", title, escape(tell.Clip(p.Title, 300)), escape(tell.Clip(p.Action.Target, 200)), escape(tell.Clip(p.Reason, 900)), escape(tell.Clip(p.Effect, 600))), maxSection)
	out := []block{{Type: "divider"}, {Type: "section", Text: &said}}
	facts := []text{fact("Risk", string(p.Risk)), fact("Blast radius", strings.ReplaceAll(string(p.BlastRadius), "_", " ")), fact("Score", fmt.Sprintf("%.2f", p.Score)),
		fact("Approvals", fmt.Sprintf("%d of %d", len(p.Approvals), max(p.Need, 1))), fact("Action", short(p.ActionHash))}
	if p.State != incident.ProposalPending {
		outcome := string(p.State)
		if p.DecidedBy != "" {
			outcome += " by " + p.DecidedBy
		}
		return append(out, block{Type: "section", Fields: append(facts, fact("Decision", outcome))})
	}
	facts = append(facts, fact("Asked of", p.AskedOf), text{Type: "mrkdwn", Text: "*Until*\n" + when(p.Deadline), Verbatim: true})
	out = append(out, block{Type: "section", Fields: facts})
	raw, err := json.Marshal(ButtonValue{Incident: m.IncidentID, Proposal: p.ID, Hash: p.ActionHash})
	if err != nil || len(raw) > maxButton {
		return out // ids that long are not Vigil's; the dashboard decides
	}
	approve := button{Type: "button", Action: ActionApprove, Text: plain("Approve", 75), Value: string(raw), Style: "primary", Confirm: &confirm{Title: plain("Approve this action?", 100),
		Text: plain(fmt.Sprintf("%s on %s (%s)", p.Title, p.Action.Target, short(p.ActionHash)), 300), Confirm: plain("Approve", 30), Deny: plain("Cancel", 30)}}
	reject := button{Type: "button", Action: ActionReject, Text: plain("Reject", 75), Value: string(raw), Style: "danger"}
	return append(out, block{Type: "actions", ID: "vigil_decision", Elements: []any{approve, reject}})
}

// short is enough of a hash to compare it with the dashboard's.
func short(hash string) string { return tell.Clip(hash, 13) }
