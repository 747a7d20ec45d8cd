package brain

import (
	"cmp"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// The tools that the brain knows how to use.
const (
	toolMetrics   = "query_metrics"
	toolLogs      = "search_logs"
	toolChanges   = "recent_changes"
	toolGraph     = "service_graph"
	toolEvents    = "platform_events"
	toolLoad      = "database_load"
	toolIncidents = "similar_incidents"
	toolRunbooks  = "find_runbooks"
)

const (
	maxCallsPerTurn = 6
	maxToolTurns    = 3
	maxQuery        = 200 // characters
)

// investigate says which tools to use before a diagnosis, and why. No calls:
// there is enough, or nothing more to be had.
//
// The first turn with tools always uses some: what came with the question was
// gathered before anybody reasoned about it. Further ones follow only where
// no hypothesis leads yet. Past incidents and runbooks are asked for once,
// as soon as there is something to ask them about.
func investigate(p *picture, r Request) (why string, calls []Call) {
	if len(r.Tools) == 0 || p.toolTurns >= maxToolTurns {
		return "", nil
	}
	w := wishes{p: p, offered: r.Tools}
	if p.toolTurns > 0 {
		if d := diagnose(p); d.Verdict == "probable" {
			w.confirm(d.Service)
			if len(w.calls) == 0 {
				return "", nil
			}
			return fmt.Sprintf("It looks like %s in %s. Before I say so, I look at %s.", words(d.Cause), d.Service, strings.Join(w.reasons, ", ")), w.calls
		}
	}
	suspects := p.suspects()
	if len(p.edges) == 0 {
		w.ask(toolGraph, "")
	}
	if p.toolTurns == 0 {
		w.room = 2 // for what is asked once
	}
	unknown := func(s string, ids func(*view) []string) bool {
		v := p.services[s]
		return v == nil || len(ids(v)) == 0
	}
	for _, s := range suspects { // measures first: they say whose logs are worth reading
		if unknown(s, func(v *view) []string { return v.metrics }) {
			w.ask(toolMetrics, s)
		}
	}
	for i, s := range suspects {
		if unknown(s, func(v *view) []string { return v.logIDs }) {
			w.ask(toolLogs, s)
		}
		if p.isDatabase(s) && unknown(s, func(v *view) []string { return v.loadID }) {
			w.ask(toolLoad, s)
		}
		if (p.isDatabase(s) || i == 0) && unknown(s, func(v *view) []string { return v.eventID }) {
			w.ask(toolEvents, s)
		}
		if unknown(s, func(v *view) []string { return v.changed }) {
			w.ask(toolChanges, s)
		}
	}
	if len(w.calls) == 0 && p.toolTurns == 0 { // all is there: look once more at the first suspects
		for _, s := range suspects[:min(len(suspects), 2)] {
			w.ask(toolMetrics, s)
			w.ask(toolLogs, s)
		}
	}
	w.room = 0
	if p.toolTurns == 0 {
		w.search(toolIncidents)
		w.search(toolRunbooks)
	}
	if len(w.calls) == 0 {
		return "", nil
	}
	return w.explain(suspects), w.calls
}

// measure asks for the measures that a prediction is about, where they are not
// there yet.
func measure(p *picture, r Request) (why string, calls []Call) {
	w := wishes{p: p, offered: r.Tools}
	for _, s := range []string{p.forecastService(), p.incident.Service} {
		if v := p.services[s]; s != "" && (v == nil || len(v.metrics) == 0) && p.toolTurns == 0 {
			w.ask(toolMetrics, s)
		}
	}
	if len(w.calls) == 0 {
		return "", nil
	}
	return w.explain([]string{p.incident.Service}), w.calls
}

// forced is a call where one has to be made: of the tool that is demanded, or
// of the one that fits best.
func (p *picture) forced(r Request) Call {
	if r.Force == AnyTool {
		if _, calls := investigate(p, r); len(calls) > 0 {
			return calls[0]
		}
		r.Force = r.Tools[0]
	}
	w := wishes{p: p, offered: r.Tools}
	service := p.incident.Service
	for _, s := range p.suspects() {
		service = s
		break
	}
	switch r.Force {
	case toolIncidents, toolRunbooks:
		w.search(r.Force)
	case toolGraph:
		w.ask(r.Force, "")
	default:
		w.ask(r.Force, service)
	}
	if len(w.calls) == 0 { // asked before: it is demanded all the same
		w.p.asked = map[string]bool{}
		w.ask(r.Force, service)
	}
	return w.calls[0]
}

func (p *picture) forecastService() string {
	if p.forecast == nil {
		return ""
	}
	return p.forecast.Service
}

// suspects lists the services worth a look: those of the hypotheses so far,
// those that suffer, deepest first, the one that complains, and what it
// depends on.
func (p *picture) suspects() []string {
	var out []string
	add := func(s string) {
		if s != "" && !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	for _, h := range weigh(p) {
		add(h.service)
	}
	for _, r := range p.rankings {
		for _, s := range r.Suspects {
			add(s.Service)
		}
	}
	below := p.downstream(p.incident.Service)
	for _, s := range slices.Backward(below) {
		if v := p.services[s]; v != nil {
			if _, ok := v.suffers(); ok {
				add(s)
			}
		}
	}
	add(p.incident.Service)
	for _, s := range below {
		add(s)
	}
	for _, name := range p.names() {
		if _, ok := p.services[name].suffers(); ok {
			add(name)
		}
	}
	// Who has more to do than usual may owe it to others: those who call it, and
	// the caches that they have beside it.
	for _, h := range weigh(p) {
		if slices.Contains(burdens, h.cause) {
			for _, caller := range p.callers(h.service) {
				add(caller)
				for _, callee := range p.callees(caller) {
					add(callee)
				}
			}
		}
	}
	return out
}

var (
	databaseName    = regexp.MustCompile(`(?i)(^|[-_.])(db|database|postgres|postgresql|mysql|mariadb|aurora|rds|sql)([-_.0-9]|$)`)
	databaseMetrics = []string{"connections", "max_connections", "free_storage_bytes", "replica_lag_s", "read_iops", "write_iops", "read_latency_ms",
		"write_latency_ms", "disk_queue_depth", "transaction_log_rate", "used_transaction_ids", "database_load"}
)

// isDatabase reports whether a service looks like a database: by its name, or
// by what is measured of it.
func (p *picture) isDatabase(service string) bool {
	if databaseName.MatchString(service) {
		return true
	}
	v := p.services[service]
	return v != nil && (v.load != nil || slices.ContainsFunc(databaseMetrics, func(m string) bool { _, ok := v.moves[m]; return ok }))
}

// wishes collects tool calls: only of tools that are offered, none twice in a
// conversation, and no more than a turn may have.
type wishes struct {
	p       *picture
	offered []string
	room    int // calls to keep free
	calls   []Call
	reasons []string
}

func (w *wishes) ask(tool, service string) {
	input := map[string]string{}
	if service != "" {
		input["service"] = service
	}
	w.add(tool, tool+" "+service, input)
}

// confirm looks at what a database says of itself before it is blamed.
func (w *wishes) confirm(service string) {
	if !w.p.isDatabase(service) {
		return
	}
	v := w.p.services[service]
	if v == nil || len(v.loadID) == 0 {
		w.ask(toolLoad, service)
	}
	if v == nil || len(v.eventID) == 0 {
		w.ask(toolEvents, service)
	}
}

// search looks for something that was written down before, once a conversation.
func (w *wishes) search(tool string) {
	for _, have := range map[string][]evidence{toolIncidents: w.p.past, toolRunbooks: w.p.runbooks}[tool] {
		if have.ID != "" {
			return // it came with the question
		}
	}
	w.add(tool, tool+" ", map[string]string{"query": w.p.words()})
}

func (w *wishes) add(tool, key string, input map[string]string) {
	if len(w.calls) >= maxCallsPerTurn-w.room || !slices.Contains(w.offered, tool) || w.p.asked[key] {
		return
	}
	raw, err := json.Marshal(input)
	if err != nil {
		panic("brain: strings do not encode: " + err.Error())
	}
	w.p.asked[key] = true
	w.calls = append(w.calls, Call{Name: tool, Input: raw})
	w.reasons = append(w.reasons, strings.TrimSpace(words(tool)+" "+input["service"]))
}

// words says in a few words what is seen, to search with: the service that
// complains, what left its normal range, and what is thought of it.
func (p *picture) words() string {
	var out []string
	add := func(s string) {
		if s != "" && !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	if all := weigh(p); len(all) > 0 {
		add(words(all[0].cause))
		add(all[0].service)
	}
	add(p.incident.Service)
	if v := p.services[p.incident.Service]; v != nil {
		if m, ok := v.suffers(); ok {
			add(words(m.metric))
		}
	}
	said := []rune(cmp.Or(strings.Join(out, " "), p.incident.Title, "incident"))
	return string(said[:min(len(said), maxQuery)])
}

func (w *wishes) explain(suspects []string) string {
	if len(suspects) == 0 || suspects[0] == "" {
		return fmt.Sprintf("Not enough is known yet. I look at %s.", strings.Join(w.reasons, ", "))
	}
	return fmt.Sprintf("The next suspects are %s. I look at %s.", strings.Join(suspects[:min(len(suspects), 3)], ", "), strings.Join(w.reasons, ", "))
}
