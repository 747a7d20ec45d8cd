package incident

import (
	"fmt"
	"slices"
	"time"
)

// Autonomy says who has to agree before an action runs.
type Autonomy string

const (
	AutonomyAutonomous   Autonomy = "autonomous"    // nobody
	AutonomyNotify       Autonomy = "notify"        // nobody, and people are told before it runs
	AutonomyApprove      Autonomy = "approve"       // one person
	AutonomyTwoApprovers Autonomy = "two_approvers" // two different people
	AutonomyNever        Autonomy = "never"         // nothing to do, or not by Vigil
)

// Autonomies lists them from the freest to the strictest.
var Autonomies = []Autonomy{AutonomyAutonomous, AutonomyNotify, AutonomyApprove, AutonomyTwoApprovers, AutonomyNever}

func (a Autonomy) Valid() bool { return contains(Autonomies, a) }

// Alone reports whether Vigil acts without a person's decision.
func (a Autonomy) Alone() bool { return a == AutonomyAutonomous || a == AutonomyNotify }

// Approvers is how many people have to agree; 0 where none do, or none can.
func (a Autonomy) Approvers() int {
	switch a {
	case AutonomyApprove:
		return 1
	case AutonomyTwoApprovers:
		return 2
	}
	return 0
}

// Stricter reports whether a asks more than b. What is no autonomy is the
// strictest.
func (a Autonomy) Stricter(b Autonomy) bool { return a.rank() > b.rank() }

func (a Autonomy) rank() int {
	if i := slices.Index(Autonomies, a); i >= 0 {
		return i
	}
	return len(Autonomies)
}

// Mode is how far Vigil may go, for everything at once.
type Mode string

const (
	ModeReadOnly Mode = "read_only" // it looks, and proposes nothing
	ModeAdvisory Mode = "advisory"  // it proposes; people decide on everything
	ModeExecute  Mode = "execute"   // the policy decides what needs a person
)

var Modes = []Mode{ModeReadOnly, ModeAdvisory, ModeExecute}

func (m Mode) Valid() bool { return contains(Modes, m) }

// Controls are what people set for all incidents while they run. The zero
// value is how Vigil ships: advisory, nothing in dry run but what the
// catalogue has not enabled, nothing stopped.
type Controls struct {
	Mode            Mode      `json:"mode,omitempty"` // empty: advisory
	DryRun          bool      `json:"dry_run,omitempty"`
	DryRunServices  []string  `json:"dry_run_services,omitempty"`
	DryRunIncidents []string  `json:"dry_run_incidents,omitempty"`
	Killed          bool      `json:"killed,omitempty"` // the kill switch: no new effect begins, whatever was decided
	By              string    `json:"by,omitempty"`     // who changed them last
	Reason          string    `json:"reason,omitempty"`
	At              time.Time `json:"at,omitzero"`
	Revision        uint64    `json:"revision,omitempty"` // of the store they are in, for changing them without overwriting another's change
}

// Models says what models an incident has.
type Models string

const (
	ModelsOn       Models = "on"
	ModelsOff      Models = "off"      // by configuration
	ModelsDegraded Models = "degraded" // wanted, and not to be had
)

// Facts are what is judged when an action is: all that a policy may ask about.
type Facts struct {
	IncidentID     string            `json:"incident_id"`
	Severity       Severity          `json:"severity"`
	Service        string            `json:"service"` // the target
	Labels         map[string]string `json:"labels,omitempty"`
	Action         string            `json:"action"` // name of the catalogue entry
	Type           ActionType        `json:"type"`
	Risk           Risk              `json:"risk"`
	BlastRadius    BlastRadius       `json:"blast_radius"`
	Share          float64           `json:"share"`
	Enabled        bool              `json:"enabled"` // its class may be executed
	Cause          Cause             `json:"cause"`
	Verdict        Verdict           `json:"verdict"` // of the diagnosis
	Confidence     float64           `json:"confidence"`
	Score          float64           `json:"score"` // of the option in the vote
	ValidWeight    float64           `json:"valid_weight"`
	DiagnosisVoted bool              `json:"diagnosis_voted"`       // for this option, with a valid vote
	Unsuspected    bool              `json:"unsuspected,omitempty"` // the statistics do not suspect the target: a model alone does
	Models         Models            `json:"models"`
	Attempt        int               `json:"attempt"` // which action of this incident it is, from 1
	ChosenBy       string            `json:"chosen_by,omitempty"`
	Origin         Origin            `json:"origin"`
}

// Verdict of the policy file on an action.
type PolicyVerdict struct {
	Autonomy Autonomy `json:"autonomy"`
	Rule     string   `json:"rule"` // name of the rule that decided
	Reason   string   `json:"reason"`
	Version  string   `json:"version"` // of the file
	Tier     string   `json:"tier,omitempty"`
	Freeze   string   `json:"freeze,omitempty"` // name of the change freeze that is on
	Role     Role     `json:"role,omitempty"`   // that approvers need; empty: approver
}

// Ruling is what comes of a policy's verdict under the controls: who has to
// agree, and whether anything runs at all.
type Ruling struct {
	PolicyVerdict
	Mode         Mode     `json:"mode"`
	DryRun       bool     `json:"dry_run"`
	DryRunReason string   `json:"dry_run_reason,omitempty"`
	Bounds       []string `json:"bounds,omitempty"` // why it is stricter than the policy says
}

// MinAutonomyWeight is the share of all weight that valid voters must hold
// before Vigil acts alone.
const MinAutonomyWeight = 0.7

// Rule bounds a policy's verdict: however a policy is written, Vigil acts alone
// only in mode execute, on a probable diagnosis that votes for the action, on a
// service that the statistics suspect too, with valid voters of
// MinAutonomyWeight, while models are not degraded, and never on an option that
// a person put forward. What is no verdict is never.
func Rule(f Facts, v PolicyVerdict, c Controls) Ruling {
	r := Ruling{PolicyVerdict: v, Mode: c.Mode}
	if !r.Mode.Valid() {
		r.Mode = ModeAdvisory
	}
	atLeast := func(a Autonomy, why string) {
		if a.Stricter(r.Autonomy) {
			r.Autonomy, r.Bounds = a, append(r.Bounds, why)
		}
	}
	if !v.Autonomy.Valid() {
		r.Autonomy, r.Bounds = AutonomyNever, append(r.Bounds, fmt.Sprintf("the policy said %q, which is no autonomy", v.Autonomy))
	}
	if r.Role == "" || !(Principal{Name: "x", Role: r.Role}).May(RoleApprover) {
		r.Role = RoleApprover
	}
	if r.Mode == ModeReadOnly {
		atLeast(AutonomyNever, "the mode is read-only")
	}
	if r.Mode != ModeExecute {
		atLeast(AutonomyApprove, "the mode is advisory: people decide on everything")
	}
	for _, bound := range []struct {
		holds bool
		why   string
	}{
		{f.Verdict == VerdictProbable, "no cause was found probable"},
		{f.DiagnosisVoted, "the diagnosis does not vote for it"},
		{!f.Unsuspected, "the statistics do not suspect " + f.Service},
		{f.ValidWeight >= MinAutonomyWeight-1e-9, fmt.Sprintf("valid voters hold %.2f of all weight, below %.1f", f.ValidWeight, MinAutonomyWeight)},
		{f.Models == ModelsOn || f.Models == ModelsOff, "models are degraded"},
		{f.ChosenBy == "", "a person put it forward"},
	} {
		if !bound.holds {
			atLeast(AutonomyApprove, bound.why)
		}
	}
	r.DryRunReason = dryRun(f, c)
	r.DryRun = r.DryRunReason != ""
	return r
}

// dryRun says why an action would only be shown, "" where it would run.
func dryRun(f Facts, c Controls) string {
	switch {
	case !f.Enabled:
		return fmt.Sprintf("actions of type %s are not enabled", f.Type)
	case c.DryRun:
		return "everything is in dry run"
	case slices.Contains(c.DryRunServices, f.Service):
		return f.Service + " is in dry run"
	case slices.Contains(c.DryRunIncidents, f.IncidentID):
		return "this incident is in dry run"
	}
	return ""
}
