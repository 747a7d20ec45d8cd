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

// LogGroup is the name of a service's log group, "" where it has none.
func LogGroup(service string) string {
	switch kind, _ := KindOf(service); kind {
	case KindECS:
		return "/ecs/" + service
	case KindDatabase:
		return "/aws/rds/instance/" + service + "/postgresql"
	}
	return ""
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
	group := LogGroup(service)
	if group == "" {
		return
	}
	stream := fmt.Sprintf("%s/app/%08x%08x", service, uint32(w.chat.IntN(3))*2654435761, uint32(w.current(service).Revision)*2246822519)
	if group[1] == 'a' {
		stream = service + ".0"
	}
	w.pending = append(w.pending, LogLine{Group: group, Stream: stream, At: at.Truncate(time.Millisecond), Message: message})
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
	for _, n := range nodes {
		for _, u := range smallTalk[n.name] {
			w.say(n.name, u.perTick*rates[n.name]/normalRates[n.name], u.say)
		}
	}
	for _, a := range w.ailments {
		switch a.fault {
		case FaultBadDeployment:
			w.say(a.service, 2.2*a.heat, sayCouponBug)
			w.say(API, 0.8*a.heat, sayUpstream500)
		case FaultConnectionsExhausted:
			w.say(OrdersDB, 1.6*a.backlog, saySlotsReserved)
			w.say(Orders, 1.4*a.backlog, sayNoSlots)
			w.say(Orders, 0.5*a.backlog, sayPoolTimeout)
			w.say(Payments, 1.2*a.backlog, sayPoolTimeout)
			w.say(Checkout, 0.9*a.backlog, sayCallFailed(Orders))
			w.say(Checkout, 0.7*a.backlog, sayCallFailed(Payments))
		case FaultMemoryLeak:
			memory := nodeByName[a.service].memory + a.memory
			full := collecting(memory)
			if full > 0.02 {
				w.say(a.service, 0.6+full, sayGC(memory, full))
			}
			if full > 0.3 {
				w.say(a.service, 1.4*full, sayOutOfMemory)
			}
			w.say(Checkout, 1.2*full, sayCallFailed(a.service))
		}
	}
}

// logKill writes the end of a task that ran out of memory.
func (w *World) logKill(service string) {
	at := w.at(w.tick)
	w.write(service, at.Add(-w.cfg.Tick/2), fmt.Sprintf("ERROR container killed: OutOfMemoryError: exit code 137 task=%s", hexID(w.chat, 32)))
	w.write(service, at, fmt.Sprintf("INFO starting %s version=%s jvm_heap=1024m", service, w.current(service).TaskDefinition))
}

// logDeploy writes the start of a new version's tasks, which happens in the
// next tick.
func (w *World) logDeploy(d Deployment) {
	at := w.present()
	w.write(d.Service, at, fmt.Sprintf("INFO starting %s version=%s jvm_heap=1024m", d.Service, d.TaskDefinition))
	w.write(d.Service, at, fmt.Sprintf("INFO %s is ready to serve version=%s in %dms", d.Service, d.TaskDefinition, 300+w.chat.IntN(300)))
}

func (w *World) logRestart(service string) {
	at := w.present()
	w.write(service, at, "INFO received SIGTERM, draining requests in flight")
	w.write(service, at, fmt.Sprintf("INFO starting %s version=%s jvm_heap=1024m", service, w.current(service).TaskDefinition))
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
