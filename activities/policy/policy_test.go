package policy_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"vigil/activities/policy"
	"vigil/workflows/incident"
)

func mustRead(t testing.TB, raw string) *policy.Policy {
	t.Helper()
	p, err := policy.Read("policy.yaml", []byte(raw))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func mustJudge(t testing.TB, p *policy.Policy, f incident.Facts, at time.Time) incident.PolicyVerdict {
	t.Helper()
	v, err := p.Judge(t.Context(), f, at)
	if err != nil {
		t.Fatal(err)
	}
	if !v.Autonomy.Valid() || v.Rule == "" || v.Reason == "" || v.Version == "" {
		t.Fatalf("the verdict lacks something: %+v", v)
	}
	return v
}

var noon = time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC) // a Tuesday

// sure are facts on which the shipped policy lets Vigil act and tell.
var sure = incident.Facts{IncidentID: "inc-1", Severity: incident.SeverityMedium, Service: "checkout", Action: "restart_service",
	Type: incident.ActionRestartService, Risk: incident.RiskLow, BlastRadius: incident.BlastInstance, Enabled: true, Cause: incident.CauseMemoryLeak,
	Verdict: incident.VerdictProbable, Confidence: 0.85, Score: 0.72, ValidWeight: 1, DiagnosisVoted: true, Models: incident.ModelsOn, Attempt: 1, Origin: incident.OriginLive}

func TestShippedPolicy(t *testing.T) {
	p, err := policy.Load("")
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		change func(*incident.Facts)
		want   incident.Autonomy
		rule   string
	}{
		"small and sure":          {func(*incident.Facts) {}, incident.AutonomyNotify, "small and sure"},
		"of a whole service":      {func(f *incident.Facts) { f.BlastRadius = incident.BlastService }, incident.AutonomyNotify, "small and sure"},
		"on the bounds":           {func(f *incident.Facts) { f.Score, f.Confidence = 0.7, 0.8 }, incident.AutonomyNotify, "small and sure"},
		"a weak vote":             {func(f *incident.Facts) { f.Score = 0.69 }, incident.AutonomyApprove, "everything else"},
		"a weak diagnosis":        {func(f *incident.Facts) { f.Confidence = 0.79 }, incident.AutonomyApprove, "everything else"},
		"the second attempt":      {func(f *incident.Facts) { f.Attempt = 2 }, incident.AutonomyApprove, "everything else"},
		"a high severity":         {func(f *incident.Facts) { f.Severity = incident.SeverityHigh }, incident.AutonomyApprove, "everything else"},
		"callers are hurt":        {func(f *incident.Facts) { f.BlastRadius = incident.BlastCallers }, incident.AutonomyApprove, "everything else"},
		"medium risk":             {func(f *incident.Facts) { f.Risk = incident.RiskMedium }, incident.AutonomyApprove, "everything else"},
		"high risk":               {func(f *incident.Facts) { f.Risk = incident.RiskHigh }, incident.AutonomyTwoApprovers, "high risk"},
		"critical risk":           {func(f *incident.Facts) { f.Risk = incident.RiskCritical }, incident.AutonomyNever, "too dangerous"},
		"the account":             {func(f *incident.Facts) { f.BlastRadius = incident.BlastAccount }, incident.AutonomyNever, "too dangerous"},
		"no facts at all":         {func(f *incident.Facts) { *f = incident.Facts{} }, incident.AutonomyApprove, "everything else"},
		"critical risk, severity": {func(f *incident.Facts) { f.Risk, f.Severity = incident.RiskCritical, incident.SeverityCritical }, incident.AutonomyNever, "too dangerous"},
	} {
		f := sure
		tc.change(&f)
		if v := mustJudge(t, p, f, noon); v.Autonomy != tc.want || v.Rule != tc.rule {
			t.Errorf("%s: %s by %q, want %s by %q", name, v.Autonomy, v.Rule, tc.want, tc.rule)
		}
	}
	if spans := p.FreezeSpans(noon, noon.Add(time.Hour)); len(spans) > 0 {
		t.Errorf("frozen: %v", spans)
	}
}

// The examples that the shipped file has in comments are right, and the rules
// about tiers and freezes do what they say once there are some.
func TestShippedPolicyWithTiersAndFreezes(t *testing.T) {
	raw, err := os.ReadFile("default.yaml")
	if err != nil {
		t.Fatal(err)
	}
	s := strings.Replace(string(raw), "  tier_1: []\n", "", 1)
	s = strings.Replace(s, "freezes: []\n", "", 1)
	s = strings.ReplaceAll(s, "  # tier_", "  tier_")
	_, examples, _ := strings.Cut(s, "# freezes:")
	examples, _, _ = strings.Cut(examples, "\n\n")
	s = strings.Replace(s, "# freezes:"+examples, strings.ReplaceAll("freezes:"+examples, "\n# ", "\n"), 1)
	p := mustRead(t, s)
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	saturday := time.Date(2026, 12, 5, 0, 0, 0, 0, berlin)
	for name, tc := range map[string]struct {
		service  string
		severity incident.Severity
		risk     incident.Risk
		at       time.Time
		want     incident.Autonomy
		role     incident.Role
		rule     string
	}{
		"tier 1":                         {"payments", "medium", "low", noon, incident.AutonomyApprove, "", "tier 1"},
		"tier 1 by pattern":              {"orders-db", "medium", "low", noon, incident.AutonomyApprove, "", "tier 1"},
		"tier 2":                         {"shop-web", "medium", "low", noon, incident.AutonomyNotify, "", "small and sure"},
		"weekend":                        {"shop-web", "medium", "low", saturday, incident.AutonomyTwoApprovers, "", "change freeze"},
		"just before":                    {"shop-web", "medium", "low", saturday.Add(-9 * time.Hour), incident.AutonomyNotify, "", "small and sure"},
		"friday evening":                 {"shop-web", "medium", "low", saturday.Add(-time.Second), incident.AutonomyTwoApprovers, "", "change freeze"},
		"weekend, critical":              {"shop-web", "critical", "low", saturday, incident.AutonomyApprove, incident.RoleAdmin, "critical during a change freeze"},
		"weekend, critical, dangerously": {"shop-web", "critical", "high", saturday, incident.AutonomyTwoApprovers, "", "high risk"},
		"year end":                       {"shop-web", "medium", "low", time.Date(2026, 12, 29, 9, 0, 0, 0, time.UTC), incident.AutonomyTwoApprovers, "", "change freeze"},
		"stocktaking":                    {"shop-web", "critical", "low", time.Date(2027, 1, 15, 23, 0, 0, 0, berlin), incident.AutonomyNever, "", "freeze: stocktaking"},
	} {
		f := sure
		f.Service, f.Severity, f.Risk = tc.service, tc.severity, tc.risk
		if v := mustJudge(t, p, f, tc.at); v.Autonomy != tc.want || v.Role != tc.role || v.Rule != tc.rule {
			t.Errorf("%s: %s by %q of role %q, want %s by %q of role %q", name, v.Autonomy, v.Rule, v.Role, tc.want, tc.rule, tc.role)
		}
	}
	spans := p.FreezeSpans(noon, noon.AddDate(1, 0, 0))
	if len(spans) != 1 || spans[0].Name != "stocktaking" || spans[0].To.Sub(spans[0].From) != 8*time.Hour {
		t.Errorf("nothing begins in %v", spans)
	}
}

const twoRules = `
version: a
rules:
  - name: own team
    when: labels.team == "ops"
    then: never
    reason: Not ours to do.
`

// What no rule is about, and what a broken rule might have been about, takes
// two people; and a broken rule never loosens what the others say.
func TestDoubtTakesTwoPeople(t *testing.T) {
	late := twoRules + "  - {name: late, when: 'hour >= 22', then: never, reason: It is late.}\n"
	admins := twoRules + "  - {name: rest, when: 'true', then: approve, role: admin, reason: Somebody has to.}\n"
	two := twoRules + "  - {name: rest, when: 'true', then: two_approvers, reason: Somebody has to.}\n"
	alone := twoRules + "  - {name: rest, when: 'true', then: autonomous, reason: Nobody has to.}\n"
	at := func(hour int) time.Time { return time.Date(2026, 12, 1, hour, 0, 0, 0, time.UTC) }
	team := map[string]string{"team": "sre"}
	for name, tc := range map[string]struct {
		raw    string
		labels map[string]string
		hour   int
		want   incident.Autonomy
		role   incident.Role
		reason string
	}{
		"no rule":                     {twoRules, team, 12, incident.AutonomyTwoApprovers, "", "no rule of the policy is about this"},
		"cannot be evaluated":         {twoRules, nil, 12, incident.AutonomyTwoApprovers, "", `the rule "own team" cannot be evaluated ("labels.team == \"ops\"" needs labels.team`},
		"and a later one is stricter": {late, nil, 23, incident.AutonomyNever, "", "It is late."},
		"and a later one is freer":    {alone, nil, 12, incident.AutonomyTwoApprovers, "", "two people have to agree"},
		"and a later one asks admins": {admins, nil, 12, incident.AutonomyTwoApprovers, incident.RoleAdmin, "two people have to agree"},
		"and a later one asks two":    {two, nil, 12, incident.AutonomyTwoApprovers, "", "Somebody has to."},
		"while all can be evaluated":  {alone, team, 12, incident.AutonomyAutonomous, "", "Nobody has to."},
	} {
		f := sure
		f.Labels = tc.labels
		v := mustJudge(t, mustRead(t, tc.raw), f, at(tc.hour))
		if v.Autonomy != tc.want || v.Role != tc.role || !strings.Contains(v.Reason, tc.reason) {
			t.Errorf("%s: %s of role %q, %q", name, v.Autonomy, v.Role, v.Reason)
		}
	}
}

// Every fact is known to rules, by the value that it has.
func TestRulesSeeEveryFact(t *testing.T) {
	f := sure
	f.Labels, f.Share, f.ChosenBy = map[string]string{"team": "sre"}, 0.25, "ada"
	v := mustJudge(t, mustRead(t, `
version: a
zone: America/New_York
tiers: {gold: ["check*"], silver: ["*"]}
freezes: [{name: standup, days: tuesday, from: "07:00", to: "07:15"}]
rules:
  - name: all
    when: >-
      incident_id == "inc-1" && severity == "medium" && service == "checkout" && tier == "gold" && labels.team == "sre" &&
      action == "restart_service" && type == "restart_service" && risk == "low" && blast_radius == "instance" && share == 0.25 && enabled &&
      cause == "memory_leak" && verdict == "probable" && confidence == 0.85 && score > 0.7 && score < 1 && valid_weight == 1.0 && diagnosis_voted &&
      models == "on" && attempt == 1 && chosen_by == "ada" && origin == "live" && freeze == "standup" && hour == 7 && weekday == "tuesday"
    then: autonomous
    reason: It is as it is.
`), f, noon)
	if v.Autonomy != incident.AutonomyAutonomous || v.Tier != "gold" || v.Freeze != "standup" {
		t.Errorf("%+v", v)
	}
}

// A freeze that comes every week is on at the same time of the day in summer
// and in winter, and over midnight where it ends before it begins.
func TestWeeklyFreezes(t *testing.T) {
	p := mustRead(t, `
version: a
freezes:
  - {name: night, days: [saturday], from: "22:00", to: "06:00", zone: Europe/Berlin, stop: true}
rules: [{name: r, when: true, then: autonomous, reason: Why not.}]
`)
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	for at, want := range map[string]bool{
		"2026-07-04 21:59": false, "2026-07-04 22:00": true, "2026-07-05 05:59": true, "2026-07-05 06:00": false, "2026-07-05 23:00": false,
		"2026-03-28 23:00": true, "2026-03-29 05:59": true, "2026-03-29 06:00": false, // clocks go forward at two
		"2026-10-24 22:30": true, "2026-10-25 05:59": true, "2026-10-25 06:00": false, // and back at three
	} {
		when, err := time.ParseInLocation("2006-01-02 15:04", at, berlin)
		if err != nil {
			t.Fatal(err)
		}
		v := mustJudge(t, p, sure, when)
		if got := v.Autonomy == incident.AutonomyNever; got != want {
			t.Errorf("at %s it is %v: %s", at, got, v.Reason)
		}
		if want && !strings.Contains(v.Reason, "06:00 CE") && !strings.Contains(v.Reason, "UTC") {
			t.Errorf("at %s: %s", at, v.Reason)
		}
	}
	var lengths []time.Duration
	for _, s := range p.FreezeSpans(time.Date(2026, 3, 20, 0, 0, 0, 0, time.UTC), time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC)) {
		lengths = append(lengths, s.To.Sub(s.From))
	}
	if len(lengths) != 2 || lengths[0] != 8*time.Hour || lengths[1] != 7*time.Hour { // an hour is missing in the second
		t.Errorf("the nights are %v long", lengths)
	}
}

// At whatever moment, Judge stops everything exactly within the spans that
// FreezeSpans gives.
func TestFreezeSpansAreWhenNothingBegins(t *testing.T) {
	p := mustRead(t, `
version: a
freezes:
  - {name: soft, days: [sunday], from: "00:00", to: "24:00"}
  - {name: night, days: [monday, friday], from: "21:00", to: "05:30", zone: Australia/Lord_Howe, stop: true}
  - {name: day, days: [sunday], from: "00:00", to: "24:00", zone: America/New_York, stop: true}
  - {name: once, from: 2026-03-03 10:00, to: 2026-03-05 10:00, stop: true}
rules: [{name: r, when: true, then: autonomous, reason: Why not.}]
`)
	from := time.Date(2026, 2, 20, 0, 0, 0, 0, time.UTC)
	spans := p.FreezeSpans(from, from.AddDate(0, 0, 55))
	rapid.Check(t, func(rt *rapid.T) {
		at := from.Add(time.Duration(rapid.Int64Range(0, int64(55*24*time.Hour)).Draw(rt, "at")))
		within := false
		for _, s := range spans {
			within = within || !at.Before(s.From) && at.Before(s.To)
		}
		v, err := p.Judge(t.Context(), sure, at)
		if err != nil || (v.Autonomy == incident.AutonomyNever) != within {
			rt.Fatalf("at %s: %s, %v; within a span: %v", at, v.Autonomy, err, within)
		}
	})
}

// The rule that the page on letting Vigil act tells people to write is right.
func TestDocumentedRule(t *testing.T) {
	page, err := os.ReadFile("../../deploy/docs/letting-vigil-act.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rule, found := strings.Cut(string(page), "```yaml\n")
	rule, _, _ = strings.Cut(rule, "```")
	shipped, err := os.ReadFile("default.yaml")
	if err != nil {
		t.Fatal(err)
	}
	const last = "  - name: everything else\n"
	if !found || strings.Count(string(shipped), last) != 1 {
		t.Fatal("the page has no rule, or the policy no last one")
	}
	own := strings.Replace(string(shipped), last, rule+last, 1)
	own = strings.Replace(own, `risk == "low" && blast_radius in`, `risk == "low" && action == "roll_back" && blast_radius in`, 1) // narrowed, as it says
	p := mustRead(t, own)
	f := sure
	f.Action, f.Confidence = "scale_out", 0.9
	for at, want := range map[string]incident.Autonomy{"2026-12-01T12:00:00Z": incident.AutonomyNotify, "2026-12-01T18:00:00Z": incident.AutonomyApprove, "2026-12-05T12:00:00Z": incident.AutonomyApprove} {
		when, err := time.Parse(time.RFC3339, at)
		if err != nil {
			t.Fatal(err)
		}
		if v := mustJudge(t, p, f, when); v.Autonomy != want {
			t.Errorf("at %s it is %s by %q, want %s", at, v.Autonomy, v.Rule, want)
		}
	}
}
