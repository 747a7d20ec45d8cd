package incident_test

import (
	"fmt"
	"math"
	"testing"

	"pgregory.net/rapid"

	"vigil/workflows/incident"
)

// sure are facts on which nothing but policy and mode keep Vigil from acting.
var sure = incident.Facts{IncidentID: "inc-1", Service: "checkout", Type: incident.ActionRestartService, Enabled: true,
	Verdict: incident.VerdictProbable, DiagnosisVoted: true, ValidWeight: 1, Models: incident.ModelsOn}

// anyFacts are whatever can be, half of it as it should be.
func anyFacts(t *rapid.T) incident.Facts {
	f := sure
	f.Severity = rapid.SampledFrom(incident.Severities).Draw(t, "severity")
	f.Risk = rapid.SampledFrom(append(incident.Risks[:len(incident.Risks):len(incident.Risks)], "")).Draw(t, "risk")
	f.BlastRadius = rapid.SampledFrom(incident.BlastRadii).Draw(t, "radius")
	f.Service = rapid.SampledFrom([]string{"checkout", "orders"}).Draw(t, "service")
	f.Confidence = rapid.Float64Range(0, 1).Draw(t, "confidence")
	f.Score = rapid.Float64Range(0, 1).Draw(t, "score")
	f.Attempt = rapid.IntRange(1, 4).Draw(t, "attempt")
	f.Verdict = sometimes(t, "verdict", f.Verdict, "", incident.VerdictInconclusive, incident.VerdictHealthy)
	f.Models = sometimes(t, "models", f.Models, "", incident.ModelsOff, incident.ModelsDegraded, "odd")
	f.ValidWeight = sometimes(t, "weight", f.ValidWeight, 0, 0.3, 0.6999, 0.7, 0.1+0.2+0.4, 0.9, math.NaN(), math.Inf(-1))
	f.DiagnosisVoted = sometimes(t, "voted", true, false)
	f.Unsuspected = sometimes(t, "unsuspected", false, true)
	f.ChosenBy = sometimes(t, "chosen by", "", "ada")
	f.Enabled = sometimes(t, "enabled", true, false)
	return f
}

// sometimes draws usual half of the time, so that everything at once is usual
// often enough.
func sometimes[T any](t *rapid.T, label string, usual T, others ...T) T {
	if rapid.IntRange(0, 9).Draw(t, label+" is usual") < 8 {
		return usual
	}
	return rapid.SampledFrom(others).Draw(t, label)
}

func anyVerdict(t *rapid.T) incident.PolicyVerdict {
	return incident.PolicyVerdict{
		Autonomy: rapid.SampledFrom(append(incident.Autonomies[:len(incident.Autonomies):len(incident.Autonomies)], "autonomous", "notify", "", "Autonomous", "yes")).Draw(t, "autonomy"),
		Rule:     "r", Version: "1", Role: rapid.SampledFrom(append(incident.Roles[:len(incident.Roles):len(incident.Roles)], "", "root")).Draw(t, "role"),
	}
}

func anyControls(t *rapid.T) incident.Controls {
	c := incident.Controls{Mode: sometimes(t, "mode", incident.ModeExecute, "", incident.ModeReadOnly, incident.ModeAdvisory, "turbo"),
		DryRun: sometimes(t, "dry run", false, true), Killed: rapid.Bool().Draw(t, "killed")}
	if rapid.Bool().Draw(t, "dry services") {
		c.DryRunServices = []string{"orders"}
	}
	if rapid.Bool().Draw(t, "dry incidents") {
		c.DryRunIncidents = []string{"inc-2"}
	}
	return c
}

// scene is all that a ruling comes from.
type scene struct {
	f incident.Facts
	v incident.PolicyVerdict
	c incident.Controls
}

var scenes = rapid.Custom(func(t *rapid.T) scene { return scene{anyFacts(t), anyVerdict(t), anyControls(t)} })

type ruler func(incident.Facts, incident.PolicyVerdict, incident.Controls) incident.Ruling

// broken says which promise to users a ruling breaks, "" for none.
func broken(s scene, rule ruler) string {
	f, v, c := s.f, s.v, s.c
	r := rule(f, v, c)
	bounds := f.Verdict == incident.VerdictProbable && f.DiagnosisVoted && f.ValidWeight >= incident.MinAutonomyWeight-1e-9 &&
		(f.Models == incident.ModelsOn || f.Models == incident.ModelsOff) && f.ChosenBy == "" && !f.Unsuspected
	may := v.Autonomy.Alone() && c.Mode == incident.ModeExecute && bounds
	dry := !f.Enabled || c.DryRun || f.Service == "orders" && len(c.DryRunServices) > 0
	switch {
	case r.Autonomy.Alone() != may:
		return fmt.Sprintf("it may act alone: %v, and is to: %v", may, r.Autonomy.Alone())
	case may && r.Autonomy != v.Autonomy:
		return fmt.Sprintf("the policy says %s, the ruling %s", v.Autonomy, r.Autonomy)
	case v.Autonomy.Valid() && v.Autonomy.Stricter(r.Autonomy):
		return fmt.Sprintf("the ruling %s is freer than the policy's %s", r.Autonomy, v.Autonomy)
	case !r.Autonomy.Valid():
		return fmt.Sprintf("%q is no autonomy", r.Autonomy)
	case (!v.Autonomy.Valid() || c.Mode == incident.ModeReadOnly) && r.Autonomy != incident.AutonomyNever:
		return fmt.Sprintf("policy %q in mode %q comes to %s", v.Autonomy, c.Mode, r.Autonomy)
	case r.Autonomy != v.Autonomy && len(r.Bounds) == 0:
		return fmt.Sprintf("%s became %s, and nothing says why", v.Autonomy, r.Autonomy)
	case !r.Mode.Valid() || c.Mode.Valid() && r.Mode != c.Mode || !c.Mode.Valid() && r.Mode != incident.ModeAdvisory:
		return fmt.Sprintf("mode %q became %q", c.Mode, r.Mode)
	case r.Role != incident.RoleApprover && r.Role != incident.RoleAdmin || v.Role == incident.RoleAdmin && r.Role != incident.RoleAdmin:
		return fmt.Sprintf("role %q became %q", v.Role, r.Role)
	case r.DryRun != dry || r.DryRun != (r.DryRunReason != ""):
		return fmt.Sprintf("dry run: %v for %q, want %v", r.DryRun, r.DryRunReason, dry)
	}
	return ""
}

// Vigil acts alone exactly when the policy says so, the mode is execute and
// every bound holds: never with models degraded, without the diagnosis' vote,
// on too little weight, on what is not probable, on a service that a model alone
// suspects, or on what a person chose.
func TestRule(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := scenes.Draw(t, "scene")
		if why := broken(s, incident.Rule); why != "" {
			t.Fatal(why)
		}
	})
}

// Were one of the bounds not there, the property would find out.
func TestRulePropertyCanFail(t *testing.T) {
	for name, mutant := range map[string]ruler{
		"ignores degraded models": func(f incident.Facts, v incident.PolicyVerdict, c incident.Controls) incident.Ruling {
			f.Models = incident.ModelsOn
			return incident.Rule(f, v, c)
		},
		"ignores the diagnosis' vote": func(f incident.Facts, v incident.PolicyVerdict, c incident.Controls) incident.Ruling {
			f.DiagnosisVoted = true
			return incident.Rule(f, v, c)
		},
		"believes a model alone": func(f incident.Facts, v incident.PolicyVerdict, c incident.Controls) incident.Ruling {
			f.Unsuspected = false
			return incident.Rule(f, v, c)
		},
		"takes any weight": func(f incident.Facts, v incident.PolicyVerdict, c incident.Controls) incident.Ruling {
			f.ValidWeight = 1
			return incident.Rule(f, v, c)
		},
		"takes any diagnosis": func(f incident.Facts, v incident.PolicyVerdict, c incident.Controls) incident.Ruling {
			f.Verdict = incident.VerdictProbable
			return incident.Rule(f, v, c)
		},
		"lets people propose and Vigil act": func(f incident.Facts, v incident.PolicyVerdict, c incident.Controls) incident.Ruling {
			f.ChosenBy = ""
			return incident.Rule(f, v, c)
		},
		"is always in execute": func(f incident.Facts, v incident.PolicyVerdict, c incident.Controls) incident.Ruling {
			c.Mode = incident.ModeExecute
			return incident.Rule(f, v, c)
		},
		"runs what is not enabled": func(f incident.Facts, v incident.PolicyVerdict, c incident.Controls) incident.Ruling {
			f.Enabled = true
			return incident.Rule(f, v, c)
		},
		"never acts": func(f incident.Facts, v incident.PolicyVerdict, c incident.Controls) incident.Ruling {
			c.Mode = incident.ModeAdvisory
			return incident.Rule(f, v, c)
		},
	} {
		found := false
		for seed := 0; seed < 2000 && !found; seed++ {
			found = broken(scenes.Example(seed), mutant) != ""
		}
		if !found {
			t.Errorf("a rule that %s passes", name)
		}
	}
}

func TestAutonomiesAreOrdered(t *testing.T) {
	for i, a := range incident.Autonomies {
		for j, b := range incident.Autonomies {
			if a.Stricter(b) != (i > j) {
				t.Errorf("%s stricter than %s: %v", a, b, a.Stricter(b))
			}
		}
		if incident.Autonomy("yes").Stricter(a) != true || a.Stricter("yes") {
			t.Errorf("what is no autonomy is not stricter than %s", a)
		}
	}
	for a, want := range map[incident.Autonomy]int{incident.AutonomyAutonomous: 0, incident.AutonomyNotify: 0, incident.AutonomyApprove: 1, incident.AutonomyTwoApprovers: 2, incident.AutonomyNever: 0} {
		if a.Approvers() != want || a.Alone() != (a == incident.AutonomyAutonomous || a == incident.AutonomyNotify) {
			t.Errorf("%s takes %d people, alone %v", a, a.Approvers(), a.Alone())
		}
	}
}

func TestDryRunSaysWhy(t *testing.T) {
	off := sure
	off.Enabled = false
	for want, r := range map[string]incident.Ruling{
		"actions of type restart_service are not enabled": incident.Rule(off, incident.PolicyVerdict{}, incident.Controls{DryRun: true}),
		"everything is in dry run":                        incident.Rule(sure, incident.PolicyVerdict{}, incident.Controls{DryRun: true}),
		"checkout is in dry run":                          incident.Rule(sure, incident.PolicyVerdict{}, incident.Controls{DryRunServices: []string{"checkout"}}),
		"this incident is in dry run":                     incident.Rule(sure, incident.PolicyVerdict{}, incident.Controls{DryRunIncidents: []string{"inc-1"}}),
		"":                                                incident.Rule(sure, incident.PolicyVerdict{}, incident.Controls{}),
	} {
		if r.DryRunReason != want {
			t.Errorf("%q, want %q", r.DryRunReason, want)
		}
	}
}
