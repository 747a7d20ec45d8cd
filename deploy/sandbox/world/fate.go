package world

import "time"

// Fate is how an execution or a deployment comes to a bad end on purpose. The
// zero value is none.
type Fate struct {
	Kind  FateKind
	Step  string        // at which it stops: StepAct, before it has changed anything, or StepSettle, after that
	After time.Duration // since its beginning: when it fails; for what hangs, when it is given up, 0 for never
}

// FateKind is a way to end.
type FateKind string

const (
	FateFails FateKind = "fails"
	FateHangs FateKind = "hangs"
)

// The steps of an automation: it looks at its target, acts, and waits for the
// target to settle.
const (
	StepAct    = stepAct
	StepSettle = stepSettle

	stepCheck  = "checkTarget"
	stepAct    = "act"
	stepSettle = "waitUntilStable"
)

// at reports whether the fate strikes at a step.
func (f Fate) at(step string) bool { return f.Kind != "" && f.Step == step }

// before reports whether the fate strikes before a step.
func (f Fate) before(step string) bool { return f.at(stepAct) && step == stepSettle }

// due reports whether it has come to its end.
func (f Fate) due(began, now time.Time) bool {
	return (f.Kind == FateFails || f.After > 0) && !now.Before(began.Add(f.After))
}
