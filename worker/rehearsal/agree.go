package rehearsal

import (
	"context"
	"fmt"
	"strings"

	"vigil/workflows/incident"
)

// The sample on which the policy is asked: as good as it gets, so that what
// is shown is how far Vigil might ever go.
const (
	sampleScore      = 0.9
	sampleConfidence = 0.9
)

func (c Config) judge(ctx context.Context, e incident.CatalogueEntry, target string, s incident.Severity) (incident.PolicyVerdict, error) {
	return c.Policy.Judge(ctx, facts(e, target, s), c.Now())
}

func facts(e incident.CatalogueEntry, target string, s incident.Severity) incident.Facts {
	f := incident.Facts{IncidentID: "rehearsal", Severity: s, Service: target, Action: e.Name, Type: e.Type, Risk: e.Risk, BlastRadius: e.BlastRadius,
		Share: e.Share, Enabled: e.Enabled, Verdict: incident.VerdictProbable, Confidence: sampleConfidence, Score: sampleScore,
		ValidWeight: 1, DiagnosisVoted: true, Models: incident.ModelsOn, Attempt: 1, Origin: incident.OriginLive}
	if len(e.Causes) > 0 {
		f.Cause = e.Causes[0]
	}
	return f
}

// tier says which tier a target is in.
func (c Config) tier(ctx context.Context, target string) string {
	v, err := c.judge(ctx, incident.CatalogueEntry{}, target, incident.SeverityLow)
	if err != nil || v.Tier == "" {
		return ""
	}
	return " (" + v.Tier + ")"
}

// agree says who has to agree for each severity, those together for which it
// is the same.
func (c Config) agree(ctx context.Context, e incident.CatalogueEntry, target string) string {
	var said []string
	var severities []string
	last := ""
	flush := func() {
		if len(severities) > 0 {
			said = append(said, strings.Join(severities, ", ")+": "+last)
		}
		severities = nil
	}
	for _, s := range incident.Severities {
		now := c.verdict(ctx, e, target, s)
		if now != last {
			flush()
		}
		last = now
		severities = append(severities, string(s))
	}
	flush()
	return strings.Join(said, "; ")
}

func (c Config) verdict(ctx context.Context, e incident.CatalogueEntry, target string, s incident.Severity) string {
	v, err := c.judge(ctx, e, target, s)
	if err != nil {
		return "cannot be judged: " + err.Error()
	}
	r := incident.Rule(facts(e, target, s), v, incident.Controls{Mode: incident.ModeExecute})
	out := string(r.Autonomy)
	if r.Role != incident.RoleApprover && r.Autonomy.Approvers() > 0 {
		out += " (" + string(r.Role) + ")"
	}
	return fmt.Sprintf("%s by %q", out, r.PolicyVerdict.Rule)
}
