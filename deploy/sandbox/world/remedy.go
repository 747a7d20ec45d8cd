package world

import (
	"slices"

	"vigil/workflows/incident"
)

// Truth is what a right diagnosis of a fault says.
type Truth struct {
	Cause incident.Cause `json:"cause,omitempty"` // "" for a false alarm

	// Services at which the fault may be said to be, the most exact first: a
	// call that fails has two ends, and a surge of requests is one from where
	// they come in to where they hurt.
	Services []string `json:"services,omitempty"`

	// Remedies are the automation documents that end it, run on any of Services;
	// Actions are the same with all that they have to be told.
	Remedies []string `json:"remedies,omitempty"`
	Actions  []Remedy `json:"actions,omitempty"`

	// Stubborn is how many kinds of remedies still do nothing. Alternatives are
	// the documents that end a stubborn fault besides its remedies, once it has
	// withstood as many.
	Stubborn     int      `json:"stubborn,omitempty"`
	Alternatives []string `json:"alternatives,omitempty"`
}

// Remedy is an automation that ends a fault.
type Remedy struct {
	Document   string              `json:"document"`
	Parameters map[string][]string `json:"parameters"`
}

// remedy is a document that ends a fault, and the value of its Setting or
// Resource where it takes one.
type remedy struct{ document, argument string }

// remedies are what ends each fault, in the order in which a person would try
// them.
var remedies = map[Fault][]remedy{
	FaultBadDeployment:        {{DocumentRollback, ""}},
	FaultConnectionsExhausted: {{DocumentScale, ""}, {DocumentIncrease, ResourceConnections}},
	FaultMemoryLeak:           {{DocumentRestart, ""}},
	FaultCPUSaturation:        {{DocumentRestart, ""}, {DocumentScale, ""}, {DocumentIncrease, ResourceCPU}},
	FaultTrafficSurge:         {{DocumentScale, ""}},
	FaultStorageFull:          {{DocumentIncrease, ResourceStorage}},
	FaultExpensiveQuery:       {{DocumentUpdateConfig, SettingStatementTimeout}},
	FaultCacheFailure:         {{DocumentClearCache, ""}, {DocumentRestart, ""}},
	FaultDependencyFailure:    {{DocumentEnableBreaker, ""}},
	FaultThrottled:            {{DocumentIncrease, ResourceCapacity}},
	FaultBadConfiguration:     {{DocumentUpdateConfig, SettingPrevious}},
	FaultNetworkFailure:       {{DocumentDrain, ""}},
}

// alternatives are what else ends a fault that has withstood its remedies:
// what one would try next, and what does nothing as a first choice.
var alternatives = map[Fault][]string{
	FaultBadDeployment:        {DocumentRestart, DocumentUpdateConfig, DocumentDrain, DocumentScale},
	FaultConnectionsExhausted: {DocumentRestart, DocumentUpdateConfig, DocumentIncrease, DocumentDrain},
	FaultMemoryLeak:           {DocumentScale, DocumentRollback, DocumentIncrease, DocumentDrain},
	FaultCPUSaturation:        {DocumentRollback, DocumentDrain, DocumentUpdateConfig},
	FaultTrafficSurge:         {DocumentIncrease, DocumentDrain, DocumentEnableBreaker},
	FaultStorageFull:          {DocumentUpdateConfig, DocumentScale, DocumentRestart},
	FaultExpensiveQuery:       {DocumentScale, DocumentRestart, DocumentIncrease, DocumentDrain},
	FaultCacheFailure:         {DocumentScale, DocumentIncrease, DocumentUpdateConfig},
	FaultDependencyFailure:    {DocumentDrain, DocumentUpdateConfig},
	FaultThrottled:            {DocumentEnableBreaker, DocumentDrain, DocumentUpdateConfig},
	FaultBadConfiguration:     {DocumentRollback, DocumentRestart, DocumentDrain},
	FaultNetworkFailure:       {DocumentRestart, DocumentEnableBreaker, DocumentScale, DocumentRollback},
}

// Truth returns what is wrong; false where no fault is active.
func (w *World) Truth() (Truth, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	a := w.active()
	if a == nil {
		return Truth{}, false
	}
	if a.fault.FalseAlarm() {
		return Truth{}, true
	}
	t := Truth{Cause: incident.Cause(a.fault), Services: w.places(a), Stubborn: a.stubborn - len(a.tried)}
	if a.stubborn > 0 {
		t.Alternatives = slices.Clone(alternatives[a.fault])
	}
	for _, r := range remedies[a.fault] {
		t.Remedies = append(t.Remedies, r.document)
		p := map[string][]string{"Cluster": {Cluster}, "Service": {t.Services[0]}}
		if name := documentOf(r.document).argument; name != "" {
			p[name] = []string{r.argument}
		}
		t.Actions = append(t.Actions, Remedy{r.document, p})
	}
	return t, true
}

// places are where an ailment may be said to be, the most exact first.
func (w *World) places(a *ailment) []string {
	switch a.fault {
	case FaultNetworkFailure:
		return []string{a.service, a.callee}
	case FaultTrafficSurge:
		return w.topo.path()
	}
	return []string{a.service}
}

// deed is what was done to a service that may help against a fault.
type deed struct {
	document, argument string
	service            string
	lasts              bool    // it is a state that can be taken back; otherwise it happens once
	share              float64 // of the effect that it takes away, 0–1
	level              int     // what it set: how many tasks, connections
}

// relief is the share of the effect that is held back.
func (a *ailment) relief() float64 {
	share := 0.0
	for _, h := range a.holds {
		share = max(share, h.share)
	}
	return share
}

// treat tells the active fault what was done. Only a remedy of its own cause,
// on a service where it may be said to be, ends it.
func (w *World) treat(d deed) {
	a := w.active()
	if a == nil || !a.begun || !w.reaches(a, d) || !w.helps(a, d) || a.withstands(d.document) {
		return
	}
	if !d.lasts {
		a.holds, a.cured = nil, max(w.tick, 1)
		return
	}
	a.holds = append(a.holds, d)
	if d.share >= 1 {
		a.cured = max(w.tick, 1)
	}
}

// reaches reports whether a deed was done where it can help. Who calls what is
// out of reach can be held away from it at either end.
func (w *World) reaches(a *ailment, d deed) bool {
	if slices.Contains(w.places(a), d.service) {
		return true
	}
	detour := d.document == DocumentEnableBreaker || d.document == DocumentDrain
	return detour && (a.fault == FaultDependencyFailure || a.fault == FaultThrottled) && w.topo.calls(d.service, a.service)
}

func (w *World) helps(a *ailment, d deed) bool {
	if d.document == DocumentRollback && a.fault == FaultBadDeployment && w.current(d.service).Code >= a.code {
		return false // another version was taken away
	}
	if slices.Contains(remedies[a.fault], remedy{d.document, d.argument}) {
		return true
	}
	return a.stubborn > 0 && slices.Contains(alternatives[a.fault], d.document)
}

// withstands reports whether a remedy does nothing against a stubborn fault,
// and remembers that it was tried.
func (a *ailment) withstands(document string) bool {
	switch {
	case slices.Contains(a.tried, document):
		return true
	case len(a.tried) < a.stubborn:
		a.tried = append(a.tried, document)
		return true
	}
	return false
}

// release takes back what holds faults back, and lets one come again that
// nothing else holds back.
func (w *World) release(taken func(*ailment, deed) bool) {
	for _, a := range slices.Concat(w.ailments, w.held) {
		before := len(a.holds)
		a.holds = slices.DeleteFunc(a.holds, func(h deed) bool { return taken(a, h) })
		if len(a.holds) == before || a.cured == 0 || a.relief() >= 1 || a.mended {
			continue
		}
		a.cured = 0
		if faultSpecs[a.fault].mends == 0 { // what is somebody else's went on meanwhile
			a.from = w.tick
		}
		if i := slices.Index(w.held, a); i >= 0 {
			w.held = slices.Delete(w.held, i, i+1)
			w.ailments = append(w.ailments, a)
		}
	}
}

// stepHeld moves the faults on that are held back and that nobody feels.
func (w *World) stepHeld() {
	w.held = slices.DeleteFunc(w.held, func(a *ailment) bool {
		if m := faultSpecs[a.fault].mends; m > 0 && w.tick-a.heldFrom >= m && !a.mended {
			w.mend(a)
		}
		a.before = reach{a.ill, 0}
		if a.mended {
			a.ill = 0
		}
		return a.mended && a.before.ill == 0
	})
}

// mendHeld ends the faults that are held back, and reports whether there were
// any.
func (w *World) mendHeld() bool {
	found := false
	for _, a := range w.held {
		found = found || !a.mended
		w.mend(a)
	}
	return found
}

// mend ends a fault that is held back. Its owners take back what is of no use
// any more: a circuit breaker closes, and traffic goes its usual way.
func (w *World) mend(a *ailment) {
	a.mended = true
	for _, h := range a.holds {
		switch p := w.provisions[h.service]; h.document {
		case DocumentEnableBreaker:
			p.breaker = false
		case DocumentDrain:
			p.drained = 0
		}
	}
}
