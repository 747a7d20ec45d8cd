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
