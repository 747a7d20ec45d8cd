package brain

import (
	"cmp"
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// picture is all that a conversation shows, arranged by service.
type picture struct {
	incident  incident
	diagnosis *diagnosis
	forecast  *forecast
	options   []option
	state     *state
	evidence  []evidence
	services  map[string]*view
	edges     []edge
	topology  []string // ids of evidence about the graph
	rankings  []evidence
	asked     map[string]bool // tool calls that were made, as name and service
	toolTurns int
	measured  map[string]bool // services that measures were found of
	suffix    string          // of tags
	question  string          // a person's
	runbooks  []evidence
	past      []evidence

	hypotheses []hypothesis // see weigh
	weighed    bool
}

// view is what is known of one service.
type view struct {
	name    string
	moves   map[string]move // by metric
	metrics []string        // ids of evidence about its measures, normal or not
	logs    []citedLog
	logIDs  []string
	changes []citedChange
	changed []string // ids of evidence about its changes, none included
	events  []citedEvent
	eventID []string // ids of evidence about its platform, none included
	load    *load
	loadID  []string
}

type citedEvent struct {
	happening
	id string
}

// move is a measure that left its normal range.
type move struct {
	metric   string
	from, to float64
	since    time.Time // zero: not said
	id       string
	strength float64
	over     bool // it is back to what it was
}

func (m move) rise() float64 { return m.to - m.from }

// factor is how many times its normal value the measure has.
func (m move) factor() float64 {
	if m.from <= 0 {
		return m.to / 1e-3
	}
	return m.to / m.from
}

type citedLog struct {
	logPattern
	id string
}

type citedChange struct {
	change
	id string
}

// read arranges a conversation. Only the user's side holds evidence.
func read(r Request) *picture {
	p := &picture{services: map[string]*view{}, asked: map[string]bool{}, measured: map[string]bool{}, suffix: suffixOf(r.System)}
	for _, m := range r.Messages {
		if m.Role != "user" {
			if len(m.Calls) > 0 {
				p.toolTurns++
			}
			for _, c := range m.Calls {
				key := c.Name + " " + inputService(c.Input)
				if c.Name == toolIncidents || c.Name == toolRunbooks {
					key = c.Name + " "
				}
				p.asked[key] = true
			}
			continue
		}
		p.readText(m.Text)
		for _, res := range m.Results {
			if !res.Error {
				p.readText(res.Text)
			}
		}
	}
	if p.incident.Service == "" {
		for _, a := range p.incident.Alerts {
			p.incident.Service = cmp.Or(p.incident.Service, a.Service, a.Labels["service"])
		}
	}
	for _, e := range p.evidence {
		p.arrange(e)
	}
	return p
}

func (p *picture) readText(text string) {
	decodeBlock(text, "incident"+p.suffix, &p.incident)
	var d diagnosis
	if decodeBlock(text, "diagnosis"+p.suffix, &d) {
		p.diagnosis = &d
	}
	var f forecast
	if decodeBlock(text, "forecast"+p.suffix, &f) {
		p.forecast = &f
	}
	var s state
	if decodeBlock(text, "state"+p.suffix, &s) {
		p.state = &s
	}
	p.question = cmp.Or(readQuestion(text, "question"+p.suffix), p.question)
	decodeBlock(text, "options"+p.suffix, &p.options)
	for _, line := range blocks(text, "evidence"+p.suffix) {
		var e evidence
		if json.Unmarshal([]byte(line), &e) != nil || e.ID == "" {
			continue // not evidence; nothing can be cited of it
		}
		i := slices.IndexFunc(p.evidence, func(have evidence) bool { return have.ID == e.ID })
		if i < 0 {
			p.evidence = append(p.evidence, e)
		} else {
			p.evidence[i] = e
		}
	}
}

func (p *picture) view(service string) *view {
	v := p.services[service]
	if v == nil {
		v = &view{name: service, moves: map[string]move{}}
		p.services[service] = v
	}
	return v
}

// names lists the services that something is known of, in a fixed order.
func (p *picture) names() []string { return slices.Sorted(maps.Keys(p.services)) }

func (p *picture) arrange(e evidence) {
	switch e.Kind {
	case "metric":
		v := p.view(e.Service)
		v.metrics = append(v.metrics, e.ID)
		p.measured[e.Service] = p.measured[e.Service] || e.Found
		for _, m := range p.moves(e) {
			if have, ok := v.moves[m.metric]; !ok || m.strength > have.strength {
				v.moves[m.metric] = m
			}
		}
	case "log":
		v := p.view(e.Service)
		v.logIDs = append(v.logIDs, e.ID)
		for _, l := range e.Logs {
			v.logs = append(v.logs, citedLog{l, e.ID})
		}
	case "change":
		v := p.view(e.Service)
		v.changed = append(v.changed, e.ID)
		for _, c := range e.Changes {
			v.changes = append(v.changes, citedChange{c, e.ID})
		}
	case "topology":
		p.edges = append(p.edges, e.Edges...)
		p.topology = append(p.topology, e.ID)
	case "ranking":
		p.rankings = append(p.rankings, e)
	case "events":
		v := p.view(e.Service)
		v.eventID = append(v.eventID, e.ID)
		for _, h := range e.Events {
			v.events = append(v.events, citedEvent{h, e.ID})
		}
	case "database_load":
		v := p.view(e.Service)
		v.loadID = append(v.loadID, e.ID)
		if e.Load != nil {
			v.load = e.Load
		}
	case "runbook":
		p.runbooks = append(p.runbooks, e)
	case "past_incident":
		p.past = append(p.past, e)
	}
}

// readQuestion is what a person asks: a JSON string, an object with a text, or
// plain words.
func readQuestion(text, tag string) string {
	lines := strings.Join(blocks(text, tag), "\n")
	var said string
	if json.Unmarshal([]byte(lines), &said) == nil {
		return said
	}
	var object struct{ Text, Question string }
	if json.Unmarshal([]byte(lines), &object) == nil {
		return cmp.Or(object.Text, object.Question)
	}
	return lines
}

var movement = regexp.MustCompile(`\b([a-z][a-z0-9_]*)\s+(-?[\d.]+(?:e[+-]?\d+)?)\s*(?:→|->)\s*(-?[\d.]+(?:e[+-]?\d+)?)` +
	`(?:\s+since\s+(\d{1,2}:\d{2}:\d{2}))?(, back to )?`)

// moves reads the finding of a metric. Its times carry no date: it is the one
// that puts them closest to the incident.
func (p *picture) moves(e evidence) []move {
	var out []move
	for _, m := range movement.FindAllStringSubmatch(e.Finding, -1) {
		from, err := strconv.ParseFloat(strings.TrimRight(m[2], "."), 64)
		if err != nil {
			continue
		}
		to, err := strconv.ParseFloat(strings.TrimRight(m[3], "."), 64)
		if err != nil {
			continue
		}
		out = append(out, move{metric: m[1], from: from, to: to, since: p.on(m[4]), id: e.ID, strength: e.Strength, over: m[5] != ""})
	}
	return out
}

// on is the time of day nearest to the start of the incident; zero where
// either is not known.
func (p *picture) on(clock string) time.Time {
	t, err := time.Parse(time.TimeOnly, clock)
	if err != nil || p.incident.StartedAt.IsZero() {
		return time.Time{}
	}
	at := p.incident.StartedAt.UTC()
	t = time.Date(at.Year(), at.Month(), at.Day(), t.Hour(), t.Minute(), t.Second(), 0, time.UTC)
	switch d := t.Sub(at); {
	case d > 12*time.Hour:
		return t.AddDate(0, 0, -1)
	case d < -12*time.Hour:
		return t.AddDate(0, 0, 1)
	}
	return t
}

// callees lists what a service depends on, directly, in a fixed order.
func (p *picture) callees(service string) []string {
	var out []string
	for _, e := range p.edges {
		if e.From == service && !slices.Contains(out, e.To) {
			out = append(out, e.To)
		}
	}
	slices.Sort(out)
	return out
}

// callers lists what calls a service, directly, in a fixed order.
func (p *picture) callers(service string) []string {
	var out []string
	for _, e := range p.edges {
		if e.To == service && !slices.Contains(out, e.From) {
			out = append(out, e.From)
		}
	}
	slices.Sort(out)
	return out
}

// upstream lists what depends on a service, nearest first.
func (p *picture) upstream(service string) []string { return reach(service, p.callers) }

// downstream lists what a service depends on, nearest first.
func (p *picture) downstream(service string) []string { return reach(service, p.callees) }

// reach lists what next leads to from a service, nearest first.
func reach(service string, next func(string) []string) []string {
	var out []string
	for frontier := []string{service}; len(frontier) > 0; {
		var further []string
		for _, f := range frontier {
			for _, c := range next(f) {
				if c != service && !slices.Contains(out, c) {
					out, further = append(out, c), append(further, c)
				}
			}
		}
		frontier = further
	}
	return out
}

// suffers reports whether the service is slower or fails more than it should.
func (v *view) suffers() (move, bool) {
	for _, metric := range []string{"latency_ms", "error_rate"} {
		if m, ok := v.moves[metric]; ok && m.rise() > 0 && !m.over {
			return m, true
		}
	}
	return move{}, false
}

// moved lists the measures that left their normal range, strongest first.
func (v *view) moved() []string {
	out := slices.Sorted(maps.Keys(v.moves))
	slices.SortStableFunc(out, func(a, b string) int { return cmp.Compare(v.moves[b].strength, v.moves[a].strength) })
	return out
}

// onset is when the service began to behave oddly; zero where nothing says.
func (v *view) onset() time.Time {
	var out time.Time
	for _, metric := range []string{"latency_ms", "error_rate", "cpu_percent"} {
		if m, ok := v.moves[metric]; ok && m.rise() > 0 && !m.since.IsZero() && (out.IsZero() || m.since.Before(out)) {
			out = m.since
		}
	}
	return out
}

func inputService(raw json.RawMessage) string {
	var in struct {
		Service string `json:"service"`
	}
	if json.Unmarshal(raw, &in) != nil {
		return "" // a call without a service
	}
	return in.Service
}
