package world

import (
	"fmt"
	"math"
	"time"
)

// What a service may be given more of.
const (
	ResourceStorage     = "storage"     // databases
	ResourceCapacity    = "capacity"    // tables
	ResourceCPU         = "cpu"         // services of our own, databases, caches
	ResourceMemory      = "memory"      // services of our own, databases, caches
	ResourceConnections = "connections" // databases
)

// What UpdateConfig may change.
const (
	SettingPrevious         = "previous"          // the setting that was changed last, back to what it was
	SettingStatementTimeout = "statement_timeout" // of a database
)

const (
	taskCPU         = 512 // units, of one task
	maxTaskCPU      = 16384
	taskMemory      = 1024 // MiB
	maxTaskMemory   = 122880
	tableCapacity   = 200  // write units
	statementLimit  = 5000 // milliseconds, as UpdateConfig sets it
	modifyingTicks  = 3    // that a database says that it is being modified
	rebootingTicks  = 2
	statusAvailable = "available"
)

// instanceClasses are what a database or a cache may run on, from small to large.
var instanceClasses = []string{"m6g.large", "m6g.xlarge", "m6g.2xlarge", "m6g.4xlarge", "m6g.8xlarge", "m6g.16xlarge"}

const usualClass = 1

// provision is what one service has been given.
type provision struct {
	cpu, memory   int     // services of our own: of one task
	class         int     // databases and caches: place in instanceClasses
	storage       int     // databases: GiB
	spare         float64 // databases: bytes of it that were added and that nothing fills
	capacity      int     // tables
	statementTime int     // databases: statement_timeout in milliseconds; 0: none
	breaker       bool    // a circuit breaker stands between it and its callers
	drained       int     // percent of its traffic that goes another way

	status string // databases: what is being done to it, until a tick
	until  int64
}

func newProvision(n *node) *provision {
	switch n.kind {
	case KindECS:
		return &provision{cpu: taskCPU, memory: taskMemory}
	case KindDatabase:
		return &provision{class: usualClass, storage: 5 * int(math.Ceil(1.6*n.base[gFreeStorage]/gib/5))}
	case KindCache:
		return &provision{class: usualClass}
	case KindTable:
		return &provision{capacity: tableCapacity}
	}
	return &provision{}
}

// Provision is what one service has been given, as others may know it.
type Provision struct {
	CPU              int    `json:"cpu_units,omitempty"`            // of one task
	Memory           int    `json:"memory_mib,omitempty"`           // of one task
	Class            string `json:"class,omitempty"`                // of a database or a cache
	Storage          int    `json:"storage_gib,omitempty"`          // of a database
	Status           string `json:"status,omitempty"`               // of a database
	StatementTimeout int    `json:"statement_timeout_ms,omitempty"` // of a database
	Capacity         int    `json:"write_capacity,omitempty"`       // of a table
	Breaker          bool   `json:"circuit_breaker,omitempty"`      // its callers have a fallback and do not wait for it
	Drained          int    `json:"drained_percent,omitempty"`      // of its traffic goes another way
}

// Provision returns what a service has been given; false where there is no
// such service.
func (w *World) Provision(service string) (Provision, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	p := w.provisions[service]
	if p == nil {
		return Provision{}, false
	}
	return w.provision(service), true
}

func (w *World) provision(service string) Provision {
	p := w.provisions[service]
	out := Provision{CPU: p.cpu, Memory: p.memory, Storage: p.storage, StatementTimeout: p.statementTime, Capacity: p.capacity, Breaker: p.breaker, Drained: p.drained}
	switch kind, _ := w.topo.kindOf(service); kind {
	case KindDatabase:
		out.Class, out.Status = "db."+instanceClasses[p.class], statusAvailable
		if w.tick < p.until {
			out.Status = p.status
		}
	case KindCache:
		out.Class = "cache." + instanceClasses[p.class]
	}
	return out
}

// busy lets a database say for a while what is being done to it.
func (w *World) busy(database, status string, ticks int64) {
	p := w.provisions[database]
	p.status, p.until = status, w.tick+ticks
}

// increase gives a service more of a resource.
func (w *World) increase(e *Execution, t target) error {
	p, n := w.provisions[t.service], w.topo.byName[t.service]
	resource := first(e.Parameters["Resource"])
	switch {
	case resource == ResourceStorage && t.kind == KindDatabase:
		more := int(math.Round(n.base[gFreeStorage] / gib))
		w.resizeStorage(e, t, p.storage+more)
		if a := w.active(); a == nil || a.fault != FaultStorageFull || a.service != t.service {
			p.spare += float64(more) * gib
		}
	case resource == ResourceCapacity && t.kind == KindTable:
		w.resizeTable(e, t, 2*p.capacity)
	case resource == ResourceConnections && t.kind == KindDatabase:
		w.limitConnections(e, t, 2*w.limits[t.service])
	case resource == ResourceCPU && t.kind == KindECS:
		if 2*p.cpu > maxTaskCPU {
			return fmt.Errorf("a task of %s has %d CPU units, and there is no larger one", t.service, p.cpu)
		}
		w.resizeTasks(e, t, 2*p.cpu, p.memory)
	case resource == ResourceMemory && t.kind == KindECS:
		if 2*p.memory > maxTaskMemory {
			return fmt.Errorf("a task of %s has %d MiB, and there is no larger one", t.service, p.memory)
		}
		w.resizeTasks(e, t, p.cpu, 2*p.memory)
	case (resource == ResourceCPU || resource == ResourceMemory) && (t.kind == KindDatabase || t.kind == KindCache):
		if p.class+1 == len(instanceClasses) {
			return fmt.Errorf("%s runs on %s, and there is no larger one", t.service, instanceClasses[p.class])
		}
		w.resizeInstance(e, t, p.class+1)
	default:
		return noResource(resource, t)
	}
	if resource != ResourceConnections { // which says so itself
		level := map[string]int{ResourceCPU: p.cpu, ResourceMemory: p.memory}[resource]
		w.treat(deed{document: e.Document, argument: resource, service: t.service, lasts: true, share: 1, level: level})
	}
	return nil
}

// decrease gives a service what it had at first, of one resource or of all.
func (w *World) decrease(e *Execution, t target) error {
	p, was := w.provisions[t.service], newProvision(w.topo.byName[t.service])
	resource := first(e.Parameters["Resource"])
	is := func(names ...string) bool {
		for _, name := range names {
			if resource == name {
				return true
			}
		}
		return resource == ""
	}
	known := false
	if t.kind == KindDatabase && is(ResourceStorage) {
		known = true
		if p.storage != was.storage {
			w.resizeStorage(e, t, was.storage)
			p.spare = 0
		}
	}
	if t.kind == KindDatabase && is(ResourceConnections) {
		known = true
		if limit := w.usualLimit(t.service); w.limits[t.service] != limit {
			w.limitConnections(e, t, limit)
		}
	}
	if t.kind == KindTable && is(ResourceCapacity) {
		known = true
		if p.capacity != was.capacity {
			w.resizeTable(e, t, was.capacity)
		}
	}
	if t.kind == KindECS && is(ResourceCPU, ResourceMemory) {
		known = true
		cpu, memory := p.cpu, p.memory
		if is(ResourceCPU) {
			cpu = was.cpu
		}
		if is(ResourceMemory) {
			memory = was.memory
		}
		if cpu != p.cpu || memory != p.memory {
			w.resizeTasks(e, t, cpu, memory)
		}
	}
	if (t.kind == KindDatabase || t.kind == KindCache) && is(ResourceCPU, ResourceMemory) {
		known = true
		if p.class != was.class {
			w.resizeInstance(e, t, was.class)
		}
	}
	if !known {
		return noResource(resource, t)
	}
	if len(e.Outputs) == 0 {
		e.say("%s has what it had at first, and nothing was taken from it", t.service)
	}
	w.release(func(_ *ailment, h deed) bool {
		return h.document == DocumentIncrease && h.service == t.service && (resource == "" || h.argument == resource)
	})
	return nil
}

func noResource(resource string, t target) error {
	return fmt.Errorf("%s is a %s and has no %q; services have cpu and memory, databases storage, connections, cpu and memory, caches cpu and memory, tables capacity",
		t.service, t.kind, resource)
}

func (w *World) resizeStorage(e *Execution, t target, to int) {
	p := w.provisions[t.service]
	from := p.storage
	p.storage = to
	w.busy(t.service, "modifying", modifyingTicks)
	w.auditChange("ModifyDBInstance", t.service, t.kind, executor, map[string]any{"dBInstanceIdentifier": t.service, "allocatedStorage": to, "applyImmediately": true})
	w.report(t.service, "configuration change", "Finished applying modification to allocated storage")
	e.say("%s has %d GiB of storage, %d before", t.service, to, from)
}

func (w *World) resizeTable(e *Execution, t target, to int) {
	p := w.provisions[t.service]
	from := p.capacity
	p.capacity = to
	w.auditChange("UpdateTable", t.service, t.kind, executor, map[string]any{"tableName": t.service,
		"provisionedThroughput": map[string]any{"readCapacityUnits": to, "writeCapacityUnits": to}})
	e.say("%s has %d units of capacity, %d before", t.service, to, from)
}

// resizeInstance moves a database or a cache to a node of another size.
func (w *World) resizeInstance(e *Execution, t target, class int) {
	p := w.provisions[t.service]
	from := instanceClasses[p.class]
	p.class = class
	if t.kind == KindDatabase {
		w.busy(t.service, "modifying", modifyingTicks)
		w.auditChange("ModifyDBInstance", t.service, t.kind, executor, map[string]any{"dBInstanceIdentifier": t.service,
			"dBInstanceClass": "db." + instanceClasses[class], "applyImmediately": true})
		w.report(t.service, "configuration change", "Finished applying modification to DB instance class")
	} else {
		w.auditChange("ModifyCacheCluster", t.service, t.kind, executor, map[string]any{"cacheClusterId": t.service,
			"cacheNodeType": "cache." + instanceClasses[class], "applyImmediately": true})
	}
	e.say("%s runs on %s, on %s before", t.service, instanceClasses[class], from)
}

// resizeTasks deploys the code that runs with tasks of another size.
func (w *World) resizeTasks(e *Execution, t target, cpu, memory int) {
	p := w.provisions[t.service]
	p.cpu, p.memory = cpu, memory
	d := w.record(Deployment{Service: t.service, Revision: w.nextRevision(t.service), Code: w.current(t.service).Code, CPU: cpu, Memory: memory,
		Actor: executor, Summary: fmt.Sprintf("tasks of %d CPU units and %d MiB", cpu, memory), CreatedAt: w.present()})
	w.logDeploy(d)
	e.say("tasks of %s have %d CPU units and %d MiB since %s", t.service, cpu, memory, d.TaskDefinition)
}

// usualLimit is how many connections a database takes when nobody has changed
// that.
func (w *World) usualLimit(database string) int {
	return int(math.Round(w.topo.byName[database].base[gConnections]*limitOverUse/10)) * 10
}

// limitConnections sets how many connections a database takes.
func (w *World) limitConnections(e *Execution, t target, to int) {
	from := w.limits[t.service]
	w.limits[t.service] = to
	w.auditChange("ModifyDBParameterGroup", t.service, t.kind, executor, parameterChange(t.service, "max_connections", to))
	w.report(t.service, "configuration change", fmt.Sprintf("Updated parameter max_connections to %d with apply method immediate", to))
	e.say("%s takes %d connections, %d before", t.service, to, from)
	if to > from {
		w.treat(deed{document: e.Document, argument: first(e.Parameters["Resource"]), service: t.service, lasts: true, share: 1, level: to})
		return
	}
	w.release(func(_ *ailment, h deed) bool {
		return h.service == t.service && h.level > to && w.isDatabase(h.service)
	})
}

func (w *World) isDatabase(service string) bool {
	kind, _ := w.topo.kindOf(service)
	return kind == KindDatabase
}

func parameterChange(database, name string, value int) map[string]any {
	return map[string]any{"dBParameterGroupName": database, "parameters": []any{map[string]any{
		"parameterName": name, "parameterValue": fmt.Sprint(value), "applyMethod": "immediate"}}}
}

// tasks is how many tasks of a service run while their number changes.
type tasks struct {
	from int
	at   time.Time
	fate Fate
}

// scaleTicks is how long new tasks take to start, or old ones to stop.
const scaleTicks = 4

// want sets how many tasks of a service there should be.
func (w *World) want(service string, n int, f Fate) {
	w.moving[service] = tasks{from: w.running(service), at: w.present(), fate: f}
	w.desired[service] = n
}

// running is how many tasks of a service run now.
func (w *World) running(service string) int {
	want, m := w.desired[service], w.moving[service]
	if m.at.IsZero() {
		return want
	}
	if m.fate.before(stepSettle) { // they never start
		return m.from
	}
	share := clamp(float64(w.present().Sub(m.at))/float64(scaleTicks*w.cfg.Tick), 0, 1)
	return m.from + int(share*float64(want-m.from))
}
