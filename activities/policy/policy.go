package policy

import (
	"context"
	"fmt"
	"maps"
	"path"
	"strings"
	"time"

	"cel.dev/cel-go/cel"

	"vigil/activities"
	"vigil/activities/internal/expr"
	"vigil/workflows/incident"
)

// Policy is a file of rules, ready for use.
type Policy struct {
	version string
	zone    *time.Location
	tiers   []tier
	freezes []freeze
	rules   []rule
}

// tier is a class of services.
type tier struct {
	name     string
	services []string // patterns
}

// rule is one rule of the file.
type rule struct {
	name   string
	when   *expr.Expression
	then   incident.Autonomy
	role   incident.Role
	reason string
}

// noRule is what a decision is called that no rule has made.
const noRule = "no rule"

var (
	_ activities.Policy  = (*Policy)(nil)
	_ activities.Freezes = (*Policy)(nil)
)

// Version is the file's own, and the beginning of its hash.
func (p *Policy) Version() string { return p.version }

// Judge implements activities.Policy. It never fails: what cannot be judged
// takes two people, with the reason said.
func (p *Policy) Judge(_ context.Context, f incident.Facts, at time.Time) (incident.PolicyVerdict, error) {
	v := incident.PolicyVerdict{Version: p.version, Tier: p.tier(f.Service)}
	on, until := p.freezeAt(at)
	v.Freeze = on.name
	if on.stop {
		v.Autonomy, v.Rule = incident.AutonomyNever, "freeze: "+on.name
		v.Reason = fmt.Sprintf("the change freeze %q stops every action until %s", on.name, until.In(p.zone).Format("Mon 2 Jan 15:04 MST"))
		return v, nil
	}
	facts := p.facts(f, v, at)
	var failed []string
	for _, r := range p.rules {
		holds, err := r.when.Holds(facts)
		if err != nil {
			failed = append(failed, fmt.Sprintf("the rule %q cannot be evaluated (%v)", r.name, err))
			continue
		}
		if holds {
			v.Autonomy, v.Rule, v.Reason, v.Role = r.then, r.name, r.reason, r.role
			break
		}
	}
	switch {
	case len(failed) > 0: // a rule that cannot be evaluated might have been stricter than the one that decided
		if incident.AutonomyTwoApprovers.Stricter(v.Autonomy) || v.Rule == "" {
			v.Autonomy, v.Rule, v.Reason = incident.AutonomyTwoApprovers, noRule, "two people have to agree"
		}
		v.Reason = strings.Join(append(failed, v.Reason), "; ")
	case v.Rule == "":
		v.Autonomy, v.Rule, v.Reason = incident.AutonomyTwoApprovers, noRule, "no rule of the policy is about this, so two people have to agree"
	}
	return v, nil
}

// tier is the first whose patterns match the service, "" for none.
func (p *Policy) tier(service string) string {
	for _, t := range p.tiers {
		for _, pattern := range t.services {
			if ok, _ := path.Match(pattern, service); ok { // the pattern was checked
				return t.name
			}
		}
	}
	return ""
}

// factTypes are what rules may ask about.
var factTypes = map[string]*cel.Type{
	"incident_id": cel.StringType, "severity": cel.StringType, "service": cel.StringType, "tier": cel.StringType, "labels": cel.MapType(cel.StringType, cel.StringType),
	"action": cel.StringType, "type": cel.StringType, "risk": cel.StringType, "blast_radius": cel.StringType, "share": cel.DoubleType, "enabled": cel.BoolType,
	"cause": cel.StringType, "verdict": cel.StringType, "confidence": cel.DoubleType,
	"score": cel.DoubleType, "valid_weight": cel.DoubleType, "diagnosis_voted": cel.BoolType, "models": cel.StringType,
	"attempt": cel.IntType, "chosen_by": cel.StringType, "origin": cel.StringType,
	"freeze": cel.StringType, "hour": cel.IntType, "weekday": cel.StringType,
}

func (p *Policy) facts(f incident.Facts, v incident.PolicyVerdict, at time.Time) map[string]any {
	local := at.In(p.zone)
	labels := maps.Clone(f.Labels)
	if labels == nil {
		labels = map[string]string{}
	}
	return map[string]any{
		"incident_id": f.IncidentID, "severity": string(f.Severity), "service": f.Service, "tier": v.Tier, "labels": labels,
		"action": f.Action, "type": string(f.Type), "risk": string(f.Risk), "blast_radius": string(f.BlastRadius), "share": f.Share, "enabled": f.Enabled,
		"cause": string(f.Cause), "verdict": string(f.Verdict), "confidence": f.Confidence,
		"score": f.Score, "valid_weight": f.ValidWeight, "diagnosis_voted": f.DiagnosisVoted, "models": string(f.Models),
		"attempt": f.Attempt, "chosen_by": f.ChosenBy, "origin": string(f.Origin),
		"freeze": v.Freeze, "hour": local.Hour(), "weekday": strings.ToLower(local.Weekday().String()),
	}
}
