package gateway_test

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"vigil/gateway"
	"vigil/workflows/event"
	"vigil/workflows/incident"
)

const someRates = `
currency: EUR
tiers:
- {name: tier_1, cost_per_minute: 100, cost_per_affected_user_minute: 0.02}
services:
- {match: checkout, tier: tier_1, affected_users: 40000}
baseline: {mean_minutes: 47, severity_minutes: {critical: 62}, incidents: 212, source: " the pager "}
`

func TestBusinessFile(t *testing.T) {
	t.Parallel()
	r, err := gateway.ParseRates([]byte(someRates))
	must(t, err)
	if r.Currency != "EUR" || r.Tiers["tier_1"].PerMinute != 100 || r.Tiers["tier_1"].PerUserMinute != 0.02 || len(r.Services) != 1 || *r.Services[0].Users != 40000 ||
		r.Baseline.Seconds != 47*60 || r.Baseline.BySeverity[incident.SeverityCritical] != 62*60 || r.Baseline.N != 212 || r.Baseline.Source != "the pager" {
		t.Errorf("%+v, baseline %+v", r, r.Baseline)
	}
	example, err := os.ReadFile(filepath.Join("..", "deploy", "docs", "business.yaml"))
	must(t, err)
	if _, err := gateway.ParseRates(example); err != nil {
		t.Errorf("the example: %v", err)
	}
}

func TestBusinessFileThatIsWrong(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ from, to, want string }{
		"empty":              {someRates, "", "it is empty"},
		"no mapping":         {someRates, "[]", "cannot unmarshal"},
		"unknown field":      {"currency: EUR", "currency: EUR\nrate: 3", "field rate not found"},
		"unknown below":      {"cost_per_minute: 100", "cost_per_minute: 100, cost_per_hour: 3", "field cost_per_hour not found"},
		"no currency":        {"currency: EUR", "", "three capital letters"},
		"currency":           {"currency: EUR", "currency: euro", "three capital letters"},
		"no tiers":           {"- {name: tier_1, cost_per_minute: 100, cost_per_affected_user_minute: 0.02}", "", "no tiers"},
		"tier name":          {"name: tier_1", "name: '=1'", "name of tier 1"},
		"no cost":            {"cost_per_minute: 100, ", "", "no cost_per_minute"},
		"below zero":         {"cost_per_minute: 100", "cost_per_minute: -1", "from 0 to 1000000"},
		"no number":          {"cost_per_minute: 100", "cost_per_minute: .nan", "from 0 to 1000000"},
		"infinite":           {"cost_per_affected_user_minute: 0.02", "cost_per_affected_user_minute: .inf", "from 0 to 1000000"},
		"tier twice":         {"services:", "- {name: tier_1, cost_per_minute: 1}\nservices:", "there twice"},
		"no services":        {"- {match: checkout, tier: tier_1, affected_users: 40000}", "", "no services"},
		"unknown tier":       {"match: checkout, tier: tier_1", "match: checkout, tier: gold", "not among the tiers"},
		"pattern":            {"match: checkout", "match: 'pay[ment'", "use a name, or a pattern"},
		"users":              {"affected_users: 40000", "affected_users: -1", "affected_users of"},
		"baseline of nobody": {"incidents: 212", "incidents: 0", "how many incidents"},
		"baseline of no one": {`source: " the pager "`, `source: " "`, "where it is from"},
		"baseline of zero":   {"mean_minutes: 47", "mean_minutes: 0", "mean_minutes"},
		"no mean":            {"mean_minutes: 47, ", "", "mean_minutes"},
		"severity":           {"critical: 62", "awful: 62", "severity_minutes"},
		"severity minutes":   {"critical: 62", "critical: 0", "severity_minutes"},
		"another document":   {"incidents: 212, source: \" the pager \"}", "incidents: 212, source: x}\n---\ncurrency: CHF", "more than one document"},
		"too large":          {someRates, strings.Repeat("#", 1<<20+1), "the most that is read"},
	} {
		raw := strings.Replace(someRates, c.from, c.to, 1)
		if _, err := gateway.ParseRates([]byte(raw)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

func TestBusinessFileAtStart(t *testing.T) {
	t.Parallel()
	cfg := gateway.DefaultConfig()
	cfg.Listen, cfg.DataDir, cfg.DevPrincipal, cfg.BusinessFile = "127.0.0.1:0", t.TempDir(), true, filepath.Join(t.TempDir(), "none.yaml")
	g, err := gateway.New(cfg, gateway.Deps{Engine: &engine{}, Streams: newStream(), Publisher: newStream(), Controls: newBucket(), Principals: newBucket()})
	must(t, err)
	if err := g.Start(t.Context()); err == nil || !strings.Contains(err.Error(), "--business-file") {
		t.Errorf("started with %v", err)
	}
}

// The file is reread; one that is wrong changes nothing.
func TestBusinessFileIsReread(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "business.yaml")
	must(t, os.WriteFile(path, []byte(someRates), 0o600))
	r := start(t, func(s *setup) { s.cfg.BusinessFile = path })
	currency := func() string {
		var m event.BusinessMetrics
		r.expect("summary", r.do("GET", "/api/v1/analytics/summary", nil, as(incident.RoleViewer)), 200, "").into(t, &m)
		return m.Currency
	}
	if c := currency(); c != "EUR" {
		t.Fatalf("currency is %q", c)
	}
	must(t, os.WriteFile(path, []byte(strings.Replace(someRates, "EUR", "CHF", 1)), 0o600))
	eventually(t, "the file to be reread", func() bool { return currency() == "CHF" })
}

func FuzzBusinessFile(f *testing.F) {
	f.Add(someRates)
	f.Add("currency: USD\ntiers: [{name: a, cost_per_minute: 1e9}]\nservices: [{match: '[', tier: a}]")
	f.Add("currency: &a USD\ntiers: [*a]\n---\n")
	f.Fuzz(func(t *testing.T, raw string) {
		r, err := gateway.ParseRates([]byte(raw))
		if err != nil {
			if err.Error() == "" {
				t.Error("an error without words")
			}
			return
		}
		for _, s := range r.Services {
			tier, known := r.Tiers[s.Tier]
			if !known || tier.PerMinute < 0 || math.IsNaN(tier.PerMinute) || math.IsInf(tier.PerUserMinute, 0) {
				t.Errorf("%+v of tier %+v", s, tier)
			}
		}
		if b := r.Baseline; b != nil && (!(b.Seconds > 0) || b.N < 1 || b.Source == "") {
			t.Errorf("baseline %+v", b)
		}
	})
}
