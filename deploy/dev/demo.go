package main

import (
	"context"
	"errors"

	"vigil/deploy/sandbox"
	"vigil/deploy/sandbox/world"
	"vigil/gateway"
	"vigil/workflows/incident"
)

// demo lets the dashboards start faults in the sandbox of this process.
type demo struct{ sandbox *sandbox.Server }

var faults = []gateway.DemoFault{
	{Name: string(world.FaultBadDeployment), Title: "Bad deployment", Description: "A new version of a service fails requests and is slow."},
	{Name: string(world.FaultConnectionsExhausted), Title: "Database connections exhausted", Description: "Callers hold connections until none is left."},
	{Name: string(world.FaultMemoryLeak), Title: "Memory leak", Description: "A service grows until the kernel ends its tasks."},
	{Name: string(world.FaultCPUSaturation), Title: "CPU saturation", Description: "A service spins and leaves no CPU for requests."},
	{Name: string(world.FaultTrafficSurge), Title: "Traffic surge", Description: "More requests come in than there is room for."},
	{Name: string(world.FaultCacheFailure), Title: "Cache failure", Description: "A cache misses, and what is behind it carries the load."},
	{Name: string(world.FaultStorageFull), Title: "Storage full", Description: "A database runs out of disk."},
	{Name: string(world.FaultExpensiveQuery), Title: "Expensive query", Description: "One statement takes the database's CPU."},
	{Name: string(world.FaultThrottled), Title: "Quota reached", Description: "A table refuses requests."},
	{Name: string(world.FaultBadConfiguration), Title: "Bad configuration", Description: "A setting was changed, and errors follow."},
	{Name: string(world.FaultDependencyFailure), Title: "Provider fails", Description: "Something outside no longer answers."},
	{Name: string(world.FaultNetworkFailure), Title: "Network failure", Description: "Two services no longer reach each other."},
	{Name: string(world.FalseAlarmDeployment), Title: "False alarm", Description: "A deployment warms up, an alarm fires, and nothing is wrong."},
}

func (d demo) Status(context.Context) (gateway.DemoStatus, error) {
	s := gateway.DemoStatus{Faults: faults}
	for _, f := range d.sandbox.World().State().Faults {
		s.Active = string(f.Fault) // one at a time; while it drains, another may begin, which comes last
	}
	return s, nil
}

func (d demo) Start(_ context.Context, fault string) error {
	err := d.sandbox.World().StartFault(world.Fault(fault))
	switch {
	case errors.Is(err, world.ErrUnknownFault):
		return &incident.Error{Kind: incident.KindNotFound, Op: "start fault " + fault, Msg: "the sandbox has no such fault", Err: err}
	case errors.Is(err, world.ErrFaultActive):
		return &incident.Error{Kind: incident.KindConflict, Op: "start fault " + fault, Msg: "wait until it is over", Err: err}
	}
	return err
}
