package brain

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

const (
	maxCallsPerTurn = 6
	maxToolTurns    = 2
)

// investigate says which tools to use before a diagnosis, and why. No calls:
// there is enough, or nothing more to be had.
//
// The first turn with tools always uses some: what came with the question was
// gathered before anybody reasoned about it. A second one follows only where
// no hypothesis leads yet.
func investigate(p *picture, r Request) (why string, calls []Call) {
	if len(r.Tools) == 0 || p.toolTurns >= maxToolTurns {
		return "", nil
	}
	if p.toolTurns > 0 && diagnose(p).Verdict == "probable" {
		return "", nil
	}
	suspects := p.suspects()
	w := wishes{p: p, offered: r.Tools}
	if len(p.edges) == 0 {
		w.ask(toolGraph, "")
	}
	for _, s := range suspects {
		v := p.services[s]
		if v == nil || len(v.metrics) == 0 {
			w.ask(toolMetrics, s)
		}
		if v == nil || len(v.logIDs) == 0 {
			w.ask(toolLogs, s)
		}
		if v == nil || len(v.changed) == 0 {
			w.ask(toolChanges, s)
		}
	}
	if len(w.calls) == 0 && p.toolTurns == 0 { // all is there: look once more at the first suspects
		for _, s := range suspects[:min(len(suspects), 2)] {
			w.ask(toolMetrics, s)
			w.ask(toolLogs, s)
		}
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
	return out
}

// wishes collects tool calls: only of tools that are offered, none twice in a
// conversation, and no more than a turn may have.
type wishes struct {
	p       *picture
	offered []string
	calls   []Call
	reasons []string
}

func (w *wishes) ask(tool, service string) {
	key := tool + " " + service
	if len(w.calls) >= maxCallsPerTurn || !slices.Contains(w.offered, tool) || w.p.asked[key] {
		return
	}
	input := json.RawMessage("{}")
	if service != "" {
		raw, err := json.Marshal(map[string]string{"service": service})
		if err != nil {
			panic("brain: a string does not encode: " + err.Error())
		}
		input = raw
	}
	w.p.asked[key] = true
	w.calls = append(w.calls, Call{Name: tool, Input: input})
	w.reasons = append(w.reasons, strings.TrimSpace(words(tool)+" "+service))
}

func (w *wishes) explain(suspects []string) string {
	if len(suspects) == 0 || suspects[0] == "" {
		return fmt.Sprintf("Not enough is known yet. I look at %s.", strings.Join(w.reasons, ", "))
	}
	return fmt.Sprintf("The next suspects are %s. I look at %s.", strings.Join(suspects[:min(len(suspects), 3)], ", "), strings.Join(w.reasons, ", "))
}
