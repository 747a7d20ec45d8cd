package world

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// LogLine is one line of a log group.
type LogLine struct {
	Group   string
	Stream  string
	At      time.Time
	Message string
}

// Logs returns the lines of a group from one time to another, both included,
// oldest first; false where there is no such group.
func (w *World) Logs(group string, from, to time.Time) ([]LogLine, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	r, ok := w.logs[group]
	if !ok {
		return nil, false
	}
	return r.where(func(l LogLine) bool { return !l.At.Before(from) && !l.At.After(to) }), true
}

// template writes one line of its kind.
type template func(r *rand.Rand, at time.Time, version string) string

// utterance is a template and how many lines of it a tick brings.
type utterance struct {
	perTick float64
	say     template
}

// say adds n lines in the tick that is being computed; a fraction is a chance.
func (w *World) say(service string, perTick float64, t template) {
	n := int(perTick)
	if w.chat.Float64() < perTick-math.Floor(perTick) {
		n++
	}
	for range n {
		at := w.at(w.tick).Add(-time.Duration(w.chat.Int64N(int64(w.cfg.Tick))))
		w.write(service, at, t(w.chat, at, w.current(service).TaskDefinition))
	}
}

func (w *World) write(service string, at time.Time, message string) {
	group := w.topo.logGroup(service)
	if group == "" {
		return
	}
	n := w.topo.byName[service]
	stream := fmt.Sprintf("%s/app/%08x%08x", service, uint32(w.chat.IntN(3))*2654435761, uint32(w.current(service).Revision)*2246822519)
	if n.kind == KindDatabase {
		stream = service + ".0"
	}
	at = at.Truncate(time.Millisecond)
	w.pending = append(w.pending, LogLine{Group: group, Stream: stream, At: at, Message: n.talk.spell(at, message)})
}

// commitLogs puts the lines of a tick into their groups, in order of time.
func (w *World) commitLogs() {
	slices.SortStableFunc(w.pending, func(a, b LogLine) int { return a.At.Compare(b.At) })
	for _, l := range w.pending {
		w.logs[l.Group].add(l)
	}
	w.pending = w.pending[:0]
}

// chatter writes what services say when all is well, and what they say of the
// current ailments.
func (w *World) chatter(rates map[string]float64) {
	for i := range w.topo.nodes {
		n := &w.topo.nodes[i]
		more := w.noisier(n.name)
		for _, u := range w.smallTalk(n) {
			k := rates[n.name] / w.topo.rates[n.name]
			if u.perTick < 0.08 { // warnings and the like
				k *= more
			}
			w.say(n.name, u.perTick*k, u.say)
		}
		if n.kind == KindECS {
			w.complain(n)
		}
	}
	for _, a := range w.ailments {
		if f := faultSpecs[a.fault]; f.talk != nil {
			f.talk(w, a)
		}
	}
}

func (w *World) smallTalk(n *node) []utterance {
	switch {
	case n.kind == KindDatabase:
		return databaseTalk
	case n.kind != KindECS:
		return nil
	case w.cfg.Varied:
		return madeTalk(n)
	}
	return shopTalk[n.name]
}

// complain writes what n says of the services that it calls and that are in
// trouble now. Databases have complaints of their own kind, see the faults.
func (w *World) complain(n *node) {
	for _, c := range n.calls {
		if w.topo.byName[c.to].kind != KindECS {
			continue
		}
		t := w.truth[c.to]
		trouble := clamp(4*(t.errors-0.02), 0, 1) + clamp(t.latency/w.topo.normal[c.to]/4-0.5, 0, 1)
		if trouble > 0.05 {
			w.say(n.name, math.Min(trouble, 1)*math.Min(1, 0.3+c.fanout), sayCallFailed(c.to))
		}
	}
}

// logKill writes the end of a task that ran out of memory.
func (w *World) logKill(service string) {
	at := w.at(w.tick)
	w.write(service, at.Add(-w.cfg.Tick/2), fmt.Sprintf("ERROR container killed: OutOfMemoryError: exit code 137 task=%s", hexID(w.chat, 32)))
	w.logStart(service, at, w.current(service).TaskDefinition)
}

// logDeploy writes the start of a new version's tasks, which happens in the
// next tick.
func (w *World) logDeploy(d Deployment) {
	at := w.present()
	w.logStart(d.Service, at, d.TaskDefinition)
	w.write(d.Service, at, fmt.Sprintf("INFO %s is ready to serve version=%s in %dms", d.Service, d.TaskDefinition, 300+w.chat.IntN(300)))
}

func (w *World) logRestart(service string) {
	at := w.present()
	w.write(service, at, "INFO received SIGTERM, draining requests in flight")
	w.logStart(service, at, w.current(service).TaskDefinition)
}

func (w *World) logStart(service string, at time.Time, version string) {
	w.write(service, at, fmt.Sprintf("INFO starting %s version=%s", service, version)+w.topo.byName[service].talk.starting())
}

const alphabet = "0123456789abcdef"

func hexID(r *rand.Rand, n int) string {
	var b strings.Builder
	for range n {
		b.WriteByte(alphabet[r.IntN(len(alphabet))])
	}
	return b.String()
}

func requestID(r *rand.Rand) string { return "req-" + hexID(r, 12) }
