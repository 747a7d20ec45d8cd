package brain

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

type questionAnswer struct {
	Text   string  `json:"text"`
	Claims []claim `json:"claims"`
}

// maxClaims is how many facts an answer to a person rests on.
const maxClaims = 6

// advice is what people ask runbooks for.
var advice = re(`runbook|what (should|can|do)|how (do|to|can)|procedure`)

// look asks for what a question is about, where it is not known yet.
func look(p *picture, r Request) (why string, calls []Call) {
	if len(r.Tools) == 0 || p.toolTurns > 0 {
		return "", nil
	}
	w := wishes{p: p, offered: r.Tools}
	q := strings.ToLower(p.question)
	about := p.mentioned()
	if len(about) == 0 {
		about = []string{cmp.Or(p.culprit(), p.incident.Service)}
	}
	mentions := func(any ...string) bool {
		return slices.ContainsFunc(any, func(s string) bool { return strings.Contains(q, s) })
	}
	for _, s := range about[:min(len(about), 2)] {
		v := p.services[s]
		if v == nil || len(v.metrics) == 0 {
			w.ask(toolMetrics, s)
		}
		if mentions("log", "error", "exception", "message") && (v == nil || len(v.logIDs) == 0) {
			w.ask(toolLogs, s)
		}
		if mentions("deploy", "change", "release", "version", "config") && (v == nil || len(v.changed) == 0) {
			w.ask(toolChanges, s)
		}
		if mentions("restart", "event", "failover", "pod", "instance") && (v == nil || len(v.eventID) == 0) {
			w.ask(toolEvents, s)
		}
		if mentions("query", "queries", "statement", "sql", "wait", "database") && (v == nil || len(v.loadID) == 0) {
			w.ask(toolLoad, s)
		}
	}
	if mentions("before", "similar", "past", "last time", "again") {
		w.search(toolIncidents)
	}
	if advice.MatchString(p.question) {
		w.search(toolRunbooks)
	}
	if len(w.calls) == 0 {
		return "", nil
	}
	return w.explain(about), w.calls
}

// reply answers a person's question with what the evidence says of the
// services that it names, or of the one that is thought to be at fault.
func reply(p *picture) questionAnswer {
	a := questionAnswer{Claims: []claim{}}
	about := p.mentioned()
	var said []string
	if d := p.diagnosis; d != nil && d.Verdict == "probable" && (len(about) == 0 || slices.Contains(about, d.Service)) {
		said = append(said, fmt.Sprintf("The likely cause is %s in %s.", words(d.Cause), d.Service))
		for _, c := range d.Claims {
			if cites := p.known(c.Cites); len(cites) > 0 && len(a.Claims) < maxClaims {
				a.Claims = append(a.Claims, claim{c.Text, cites})
			}
		}
		about = append(about, d.Service)
	}
	if len(about) == 0 {
		about = append(about, cmp.Or(p.culprit(), p.incident.Service))
	}
	for _, name := range about {
		for _, c := range p.facts(name) {
			if len(a.Claims) < maxClaims && !slices.ContainsFunc(a.Claims, func(have claim) bool { return have.Text == c.Text }) {
				a.Claims = append(a.Claims, c)
				said = append(said, c.Text)
			}
		}
	}
	for _, e := range p.runbooks {
		if len(e.Docs) > 0 && len(a.Claims) < maxClaims && advice.MatchString(p.question) {
			c := claim{fmt.Sprintf("The runbook %q is about it.", clipped(e.Docs[0].Title)), []string{e.ID}}
			a.Claims, said = append(a.Claims, c), append([]string{c.Text}, said...)
		}
	}
	if len(a.Claims) == 0 {
		a.Text = "The evidence that there is does not answer that: unknown."
		return a
	}
	if len(said) == 0 {
		for _, c := range a.Claims {
			said = append(said, c.Text)
		}
	}
	a.Text = strings.Join(said[:min(len(said), 4)], " ")
	return a
}

// mentioned lists the services that the question names.
func (p *picture) mentioned() []string {
	var out []string
	q := strings.ToLower(p.question)
	known := p.names()
	for _, e := range p.edges {
		known = append(known, e.From, e.To)
	}
	slices.Sort(known)
	for _, name := range slices.Compact(known) {
		if name != "" && containsWord(q, strings.ToLower(name)) {
			out = append(out, name)
		}
	}
	return out
}

// containsWord reports whether a text has a name in it, and not only as a part
// of a longer one: orders is not in orders-db.
func containsWord(text, name string) bool {
	part := func(b byte) bool {
		return b == '-' || b == '_' || b >= 'a' && b <= 'z' || b >= '0' && b <= '9'
	}
	for from := 0; ; {
		i := strings.Index(text[from:], name)
		if i < 0 {
			return false
		}
		i += from
		end := i + len(name)
		if (i == 0 || !part(text[i-1])) && (end == len(text) || !part(text[end])) {
			return true
		}
		from = i + 1
	}
}

// culprit is the service at fault as far as is known; empty where nobody says.
func (p *picture) culprit() string {
	if d := p.diagnosis; d != nil && d.Service != "" {
		return d.Service
	}
	if all := weigh(p); len(all) > 0 {
		return all[0].service
	}
	return ""
}

// facts says what the evidence shows of a service, the unusual first.
func (p *picture) facts(name string) []claim {
	v := p.services[name]
	if v == nil {
		return nil
	}
	var out []claim
	for _, metric := range v.moved() {
		m := v.moves[metric]
		out = append(out, claim{fmt.Sprintf("%s of %s went from %s to %s.", metric, name, num(m.from), num(m.to)), []string{m.id}})
	}
	if len(v.moves) == 0 && len(v.metrics) > 0 {
		out = append(out, claim{fmt.Sprintf("The measures of %s are within their normal range.", name), v.metrics[:1]})
	}
	if l, ok := v.newError(p.incident.StartedAt.AddDate(0, 0, -1)); ok {
		out = append(out, claim{fmt.Sprintf("%s logs %q, %d times against %d before.", name, l.Template, l.Count, l.Baseline), []string{l.id}})
	}
	if c, ok := v.lastDeployment(p.incident.StartedAt); ok {
		out = append(out, claim{fmt.Sprintf("%s was deployed at %s: %s.", name, c.At.UTC().Format("15:04:05"), c.Summary), []string{c.id}})
	} else if len(v.changed) > 0 && len(v.changes) == 0 {
		out = append(out, claim{fmt.Sprintf("No recent change to %s was found.", name), v.changed[:1]})
	}
	for _, e := range v.events {
		if e.Warning {
			out = append(out, claim{fmt.Sprintf("The platform reported of %s: %s", name, clipped(e.Message)), []string{e.id}})
			break
		}
	}
	if v.load != nil && len(v.load.Statements) > 0 {
		s := v.load.Statements[0]
		out = append(out, claim{fmt.Sprintf("%s of %s active sessions in %s are of one statement: %s", num(s.Load), num(v.load.Average), name, clipped(s.SQL)), v.loadID[:1]})
	}
	return out
}

func clipped(s string) string {
	r := []rune(strings.Join(strings.Fields(s), " "))
	if len(r) > 160 {
		return string(r[:160]) + "…"
	}
	return string(r)
}
