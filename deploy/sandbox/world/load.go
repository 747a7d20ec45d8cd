package world

import (
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"strings"
	"time"
)

// What sessions of a database wait for.
const (
	waitCPU = iota
	waitFileRead
	waitWALWrite
	waitClientRead
	waitTransaction
	waitFileExtend
	waits // how many there are
)

// WaitNames are the wait events by which a LoadSample is divided.
var WaitNames = [waits]string{"CPU", "IO:DataFileRead", "IO:WALWrite", "Client:ClientRead", "Lock:transactionid", "IO:DataFileExtend"}

// DatabaseCPUs is how many processors each database has.
const DatabaseCPUs = 4

// Statement is one SQL statement as a database counts it, without literals.
type Statement struct {
	ID   string
	SQL  string
	User string
}

// statement is what the world knows of one.
type statement struct {
	Statement
	calls  float64 // per second when nothing is wrong
	weight float64 // share of the normal load
	writes bool
	cached bool // its result is kept in a cache: rare while the cache works
}

// LoadSample is what the sessions of a database did in the tick that ended at
// At, in average active sessions.
type LoadSample struct {
	At    time.Time
	cells []float32 // by statement, then by wait
	calls []float32 // per second, by statement
}

// Calls is how often a statement ran, per second.
func (s LoadSample) Calls(statement int) float64 { return float64(s.calls[statement]) }

// Of is the load of one statement, by its place in Load.Statements, waiting
// for one thing, by its place in WaitNames.
func (s LoadSample) Of(statement, wait int) float64 { return float64(s.cells[statement*waits+wait]) }

// Total is all of it.
func (s LoadSample) Total() float64 {
	var sum float64
	for _, v := range s.cells {
		sum += float64(v)
	}
	return sum
}

// Load is what a database spent its time on.
type Load struct {
	Statements []Statement
	Samples    []LoadSample
}

// Load returns what a database spent its time on in [from, to), oldest first;
// false for what is no database of this world.
func (w *World) Load(database string, from, to time.Time) (Load, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	l, ok := w.loads[database]
	if !ok {
		return Load{}, false
	}
	out := Load{Samples: l.samples.where(func(s LoadSample) bool { return !s.At.Before(from) && s.At.Before(to) })}
	for _, s := range l.statements {
		out.Statements = append(out.Statements, s.Statement)
	}
	return out, true
}

// loads is what one database spends its time on.
type loads struct {
	database   string
	base       float64
	statements []statement
	costly     int // the statement that may take all of the CPU
	batch      int // a job that runs now and then
	samples    *ring[LoadSample]
}

// newLoads gives each caller of a database its statements.
func newLoads(t *topology, n *node, capacity int) *loads {
	l := &loads{database: n.name, base: n.base[gLoad], samples: newRing[LoadSample](capacity)}
	callers := t.callers(n.name)
	for _, c := range callers {
		cached := false
		for _, d := range c.calls {
			cached = cached || t.byName[d.to].kind == KindCache
		}
		table := strings.ReplaceAll(c.name, "-", "_")
		user := table + "_app"
		share := 1 / float64(len(callers))
		rate := t.rates[n.name] * share
		if cached {
			share *= 0.2
			rate *= 0.2
		}
		l.add(statement{Statement: Statement{SQL: fmt.Sprintf("SELECT id, status, payload FROM %s WHERE id = $1", table), User: user}, calls: 0.6 * rate,
			weight: 0.5 * share, cached: cached})
		l.add(statement{Statement: Statement{SQL: fmt.Sprintf("INSERT INTO %s_items (parent_id, position, payload) VALUES ($1, $2, $3)", table), User: user}, calls: 0.3 * rate,
			weight: 0.3 * share, writes: true})
		l.add(statement{Statement: Statement{SQL: fmt.Sprintf("UPDATE %s SET status = $1, updated_at = now() WHERE id = $2", table), User: user}, calls: 0.1 * rate,
			weight: 0.2 * share, writes: true})
	}
	first := strings.ReplaceAll(callers[0].name, "-", "_")
	l.costly = len(l.statements)
	l.add(statement{Statement: Statement{User: first + "_app", SQL: fmt.Sprintf(
		"SELECT h.*, i.payload FROM %s h JOIN %s_items i ON i.parent_id = h.id WHERE lower(h.note) LIKE $1 ORDER BY h.updated_at DESC LIMIT $2", first, first)}, calls: 0.2, weight: 0.02})
	l.batch = len(l.statements)
	l.add(statement{Statement: Statement{User: "reporting", SQL: fmt.Sprintf(
		"INSERT INTO daily_totals SELECT date_trunc($1, updated_at), count(*) FROM %s GROUP BY 1", first)}, calls: 0.01, weight: 0.01})
	return l
}

func (l *loads) add(s statement) {
	sum := sha1.Sum([]byte(s.SQL)) // an id as the service gives it, no secret
	s.ID = strings.ToUpper(hex.EncodeToString(sum[:]))
	l.statements = append(l.statements, s)
}

// step computes one tick; load is the traffic as a multiple of normal.
func (l *loads) step(w *World, load float64) {
	s := LoadSample{At: w.at(w.tick), cells: make([]float32, len(l.statements)*waits), calls: make([]float32, len(l.statements))}
	put := func(statement, wait int, v float64) {
		c := &s.cells[statement*waits+wait]
		*c = float32(max(0, float64(*c)+v*(1+0.02*w.topo.noise*clamp(w.noise.NormFloat64(), -3, 3))))
	}
	for i, st := range l.statements {
		v := l.base * st.weight * (1 + 0.6*(load-1))
		put(i, waitCPU, 0.62*v)
		put(i, waitFileRead, 0.2*v)
		put(i, waitClientRead, 0.04*v)
		if st.writes {
			put(i, waitWALWrite, 0.14*v)
		}
	}
	for i, st := range l.statements {
		s.calls[i] = float32(st.calls * load * l.repeated(w, i))
	}
	for _, a := range w.ailments {
		if f := faultSpecs[a.fault]; f.load != nil && (a.service == l.database || a.callee == l.database || a.fault == FaultTrafficSurge) {
			f.load(a, l, put)
		}
	}
	l.samples.add(s)
}

// repeated is how much more often than normal a statement runs.
func (l *loads) repeated(w *World, statement int) float64 {
	for _, a := range w.ailments {
		st := l.statements[statement]
		switch {
		case a.fault == FaultCacheFailure && a.callee == l.database && st.cached && !st.writes:
			return 1 + 9*a.heat
		case a.fault == FaultExpensiveQuery && a.service == l.database && statement == l.costly:
			return 1 + 4*a.heat
		case a.fault == FaultStorageFull && a.service == l.database && st.writes:
			return 1 - 0.6*a.heat
		}
	}
	return 1
}

// latest is the load of the tick that was computed last.
func (l *loads) latest() float64 {
	if l.samples.len() == 0 {
		return l.base
	}
	return l.samples.at(l.samples.len() - 1).Total()
}
