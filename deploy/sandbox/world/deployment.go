package world

import (
	"cmp"
	"fmt"
	"time"
)

// Deployment is one version of a service going live.
type Deployment struct {
	ID             string    `json:"id"`
	Service        string    `json:"service"`
	Revision       int       `json:"revision"`
	Code           int       `json:"code"` // the revision that brought the code; others may run it with tasks of another size
	CPU            int       `json:"cpu_units"`
	Memory         int       `json:"memory_mib"`
	TaskDefinition string    `json:"task_definition"` // family:revision
	Before         string    `json:"before,omitempty"`
	CreatedAt      time.Time `json:"created_at"`
	Actor          string    `json:"actor"`
	Summary        string    `json:"summary"`
	Rollback       bool      `json:"rollback,omitempty"`
	Forced         bool      `json:"forced,omitempty"` // the same version again, to replace its tasks
	DoneAt         time.Time `json:"done_at"`          // when its tasks have replaced the ones before

	fate Fate
}

// RolloutState is how the tasks of a deployment get on.
type RolloutState string

const (
	RolloutInProgress RolloutState = "IN_PROGRESS"
	RolloutCompleted  RolloutState = "COMPLETED"
	RolloutFailed     RolloutState = "FAILED"
)

// Rollout is how far the deployment is at a time, and what share of the tasks
// are its own.
func (d Deployment) Rollout(now time.Time) (RolloutState, float64) {
	share := clamp(float64(now.Sub(d.CreatedAt))/float64(d.DoneAt.Sub(d.CreatedAt)), 0, 1)
	if d.fate.before(stepSettle) {
		share = 0
	}
	switch {
	case d.fate.Kind != "" && d.fate.due(d.CreatedAt, now):
		return RolloutFailed, share
	case d.fate.Kind != "" || share < 1:
		return RolloutInProgress, share
	}
	return RolloutCompleted, 1
}

// rolloutTicks is how long tasks of a new version take to replace the old.
const rolloutTicks = rampTicks + 2

// routineServices get a harmless deployment now and then: in the shop two that
// no fault sits on, in a made world any.
func (w *World) routineServices() []string {
	if w.cfg.Varied {
		return w.topo.of(KindECS, nil)
	}
	return []string{Catalog, Web}
}

var routineSummaries = []string{
	"update product images", "bump http client", "translate error pages", "log request sizes",
	"trim response headers", "refresh category tree hourly",
}

// oldDeployments gives every service versions from before the history.
func (w *World) oldDeployments() {
	for i, n := range w.topo.nodes {
		if n.kind != KindECS {
			continue
		}
		first := 11 + 6*i + w.chat.IntN(5)
		for k := range 3 {
			age := time.Duration(3-k)*70*time.Hour + time.Duration(i*7)*time.Hour + time.Duration(w.chat.IntN(7200))*time.Second
			w.record(Deployment{Service: n.name, Revision: first + k, Actor: "ci-deployer", Summary: w.routineSummary(), CreatedAt: w.epoch.Add(-age)})
		}
	}
}

// routine deploys something harmless from time to time, never while people
// have their hands full.
func (w *World) routine() {
	if w.tick < w.nextRoutine {
		return
	}
	w.nextRoutine = w.tick + 240 + w.chat.Int64N(240)
	if len(w.ailments) > 0 {
		return
	}
	services := w.routineServices()
	w.deploy(services[w.chat.IntN(len(services))], w.routineSummary())
}

func (w *World) routineSummary() string { return routineSummaries[w.chat.IntN(len(routineSummaries))] }

// deploy brings a new revision of a service live, from now on.
func (w *World) deploy(service, summary string) Deployment {
	d := w.record(Deployment{Service: service, Revision: w.nextRevision(service), Actor: "ci-deployer", Summary: summary, CreatedAt: w.present()})
	w.logDeploy(d)
	return d
}

// rollback brings back the version before the current one that was never
// itself rolled back from; false where there is none.
func (w *World) rollback(service, actor string) (Deployment, bool) {
	current := w.current(service)
	best := Deployment{}
	for _, d := range w.deployments[service] {
		if d.Code < current.Code && d.Revision > best.Revision && !w.withdrawn[version{service, d.Code}] {
			best = d
		}
	}
	if best.Revision == 0 {
		return Deployment{}, false
	}
	return w.goBack(service, best.Revision, actor, Fate{}), true
}

// goBack makes an earlier version the current one.
func (w *World) goBack(service string, revision int, actor string, f Fate) Deployment {
	current := w.current(service)
	w.withdrawn[version{service, current.Code}] = true
	d := w.record(Deployment{Service: service, Revision: revision, Actor: actor,
		Summary: "roll back from " + current.TaskDefinition, CreatedAt: w.present(), Rollback: true, fate: f})
	if !f.before(stepSettle) {
		w.logDeploy(d)
	}
	return d
}

// version is the code that a service ran.
type version struct {
	service string
	code    int
}

// record completes d, keeps it and puts it on the audit trail.
func (w *World) record(d Deployment) Deployment {
	d.ID = "ecs-svc/" + numericID()
	d.TaskDefinition = fmt.Sprintf("%s:%d", d.Service, d.Revision)
	d.Before = w.current(d.Service).TaskDefinition
	d.DoneAt = d.CreatedAt.Add(rolloutTicks * w.cfg.Tick)
	p := w.provisions[d.Service]
	if known, ok := w.definition(d.Service, d.Revision); ok {
		d.Code, d.CPU, d.Memory = known.Code, known.CPU, known.Memory
	}
	d.Code, d.CPU, d.Memory = cmp.Or(d.Code, d.Revision), cmp.Or(d.CPU, p.cpu), cmp.Or(d.Memory, p.memory)
	p.cpu, p.memory = d.CPU, d.Memory
	w.deployments[d.Service] = append(w.deployments[d.Service], d)
	w.audit(deployEvent(d, w.desired[d.Service]))
	w.release(func(a *ailment, h deed) bool {
		switch {
		case h.service != d.Service:
			return false
		case h.document == DocumentRollback: // what is bad stays so
			return a.fault == FaultBadDeployment && a.code == d.Code
		}
		return h.document == DocumentIncrease && h.level > map[string]int{ResourceCPU: d.CPU, ResourceMemory: d.Memory}[h.argument]
	})
	return d
}

// definition is the deployment that brought a revision live first.
func (w *World) definition(service string, revision int) (Deployment, bool) {
	for _, d := range w.deployments[service] {
		if d.Revision == revision {
			return d, true
		}
	}
	return Deployment{}, false
}

// current is the latest deployment of a service, zero where it has none.
func (w *World) current(service string) Deployment {
	ds := w.deployments[service]
	if len(ds) == 0 {
		return Deployment{}
	}
	return ds[len(ds)-1]
}

func (w *World) nextRevision(service string) int {
	last := 0
	for _, d := range w.deployments[service] {
		last = max(last, d.Revision)
	}
	return last + 1
}

// present is the time of whatever happens now: the time that the world was
// advanced to, or the tick that is being computed on the way there.
func (w *World) present() time.Time {
	if t := w.at(w.tick); w.now.Sub(t) >= w.cfg.Tick {
		return t
	}
	return w.now
}

// Deployments returns the deployments of a service, oldest first, and how many
// tasks it wants.
func (w *World) Deployments(service string) ([]Deployment, int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]Deployment(nil), w.deployments[service]...), w.desired[service]
}

// Tasks is how many tasks of a service run now, and how it stands with starting
// or stopping as many as are wanted.
func (w *World) Tasks(service string) (running int, scaling RolloutState) {
	w.mu.Lock()
	defer w.mu.Unlock()
	running, m := w.running(service), w.moving[service]
	switch {
	case m.fate.Kind != "" && m.fate.due(m.at, w.present()):
		return running, RolloutFailed
	case m.fate.Kind != "" || running != w.desired[service]:
		return running, RolloutInProgress
	}
	return running, RolloutCompleted
}
