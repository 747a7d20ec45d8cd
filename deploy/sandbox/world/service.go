package world

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

var (
	// ErrUnknownService says that there is no such service of our own.
	ErrUnknownService = errors.New("no such service")
	// ErrUnknownTaskDefinition says that there is no such task definition.
	ErrUnknownTaskDefinition = errors.New("no such task definition")
)

// OperationUpdateService is the Document of effects of UpdateService.
const OperationUpdateService = "UpdateService"

// ServiceUpdate is what is wanted of a service of our own. What is zero stays
// as it is.
type ServiceUpdate struct {
	Desired  *int
	Revision int  // of its task definition
	Force    bool // replace all tasks, whatever else changes
	Fate     Fate
}

// String is the state that an update aims at.
func (u ServiceUpdate) String() string {
	var parts []string
	for name, value := range u.arguments() {
		parts = append(parts, name+"="+value)
	}
	slices.Sort(parts)
	return strings.Join(parts, " ")
}

func (u ServiceUpdate) arguments() map[string]string {
	out := map[string]string{}
	if u.Desired != nil {
		out["desiredCount"] = strconv.Itoa(*u.Desired)
	}
	if u.Revision != 0 {
		out["revision"] = strconv.Itoa(u.Revision)
	}
	if u.Force {
		out["forceNewDeployment"] = "true"
	}
	return out
}

// UpdateService brings a service to the state that u names, and reports whether
// that changed anything. More tasks are what DocumentScale does, a revision
// with earlier code is what DocumentRollback does, and new tasks of the same
// are what DocumentRestart does. The change is made at once; the tasks follow.
func (w *World) UpdateService(service string, u ServiceUpdate) (changed bool, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if kind, _ := w.topo.kindOf(service); kind != KindECS {
		return false, fmt.Errorf("%w: %q", ErrUnknownService, service)
	}
	current := w.current(service)
	wanted := current
	if u.Revision != 0 {
		var ok bool
		if wanted, ok = w.definition(service, u.Revision); !ok {
			return false, fmt.Errorf("%w: %s:%d", ErrUnknownTaskDefinition, service, u.Revision)
		}
	}
	key := Tally{Kind: EffectServiceUpdate, Document: OperationUpdateService, Service: service, Key: u.String()}
	w.tally(key).Calls++
	var done []func() // what faults are told of it, unless it comes to nothing
	id := ""
	if u.Desired != nil && *u.Desired != w.desired[service] {
		before, n := w.desired[service], *u.Desired
		w.want(service, n, u.Fate)
		w.auditChange(OperationUpdateService, service, KindECS, executor, map[string]any{"cluster": Cluster, "service": service, "desiredCount": n})
		done = append(done, func() { w.scaled(service, before, n) })
	}
	switch {
	case wanted.Revision != current.Revision && wanted.Code < current.Code:
		id = w.goBack(service, wanted.Revision, executor, u.Fate).ID
		done = append(done, func() {
			w.treat(deed{document: DocumentRollback, service: service, lasts: true, share: 1})
		})
	case wanted.Revision != current.Revision:
		d := w.record(Deployment{Service: service, Revision: wanted.Revision, Actor: executor, Summary: "deploy " + wanted.TaskDefinition, CreatedAt: w.present(), fate: u.Fate})
		if !u.Fate.before(stepSettle) {
			w.logDeploy(d)
		}
		id = d.ID
	case u.Force:
		id = w.replaceTasks(service, u.Fate).ID
		done = append(done, func() { w.treat(deed{document: DocumentRestart, service: service}) })
	}
	if len(done) == 0 && id == "" {
		return false, nil
	}
	if !u.Fate.before(stepSettle) {
		for _, tell := range done {
			tell()
		}
	}
	w.recordEffect(Effect{Kind: EffectServiceUpdate, ExecutionID: id, Document: OperationUpdateService, Service: service, Arguments: u.arguments(), TargetState: u.String()})
	w.tally(key).Effects++
	return true, nil
}

// TaskDefinition is what one revision of a service runs.
type TaskDefinition struct {
	Service      string
	Revision     int
	Code         int
	CPU, Memory  int
	RegisteredAt time.Time
	By           string
}

// TaskDefinitions returns the revisions of a service, oldest first.
func (w *World) TaskDefinitions(service string) []TaskDefinition {
	w.mu.Lock()
	defer w.mu.Unlock()
	found := map[int]TaskDefinition{}
	for _, d := range w.deployments[service] {
		if _, ok := found[d.Revision]; !ok {
			found[d.Revision] = TaskDefinition{Service: service, Revision: d.Revision, Code: d.Code, CPU: d.CPU, Memory: d.Memory, RegisteredAt: d.CreatedAt, By: d.Actor}
		}
	}
	return slices.SortedFunc(maps.Values(found), func(a, b TaskDefinition) int { return a.Revision - b.Revision })
}
