package gateway_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"vigil/workflows/incident"
)

// The alerts on Vigil itself that come with it ask for figures that there are.
func TestAlertRulesNameRealMetrics(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("../deploy/prometheus/vigil-alerts.yaml")
	must(t, err)
	var file struct {
		Groups []struct {
			Rules []struct {
				Alert, Expr, For string
				Labels           map[string]string
				Annotations      map[string]string
			}
		}
	}
	must(t, yaml.Unmarshal(raw, &file))
	r := start(t, func(s *setup) { s.cfg.MaxAlertBytes = 4096 })
	r.expect("post", r.do("POST", "/api/v1/alerts/alertmanager", []byte("{bad"), as(incident.RoleResponder)), 202, "")
	r.expect("refused", r.do("POST", "/api/v1/alerts/alertmanager", []byte("{}")), 401, "")
	eventually(t, "the controls to be heard of", func() bool {
		return strings.Contains(string(r.do("GET", "/metrics", nil, as(incident.RoleViewer)).body), "\ngateway_controls_killed")
	})
	scraped := string(r.expect("metrics", r.do("GET", "/metrics", nil, as(incident.RoleViewer)), 200, "").body)
	name := regexp.MustCompile(`gateway_[a-z_]+`)
	n := 0
	for _, g := range file.Groups {
		for _, rule := range g.Rules {
			if rule.Alert == "" || rule.Annotations["summary"] == "" || rule.Annotations["description"] == "" || rule.Labels["severity"] == "" {
				t.Errorf("rule %+v says too little", rule)
			}
			for _, metric := range name.FindAllString(rule.Expr, -1) {
				n++
				if !strings.Contains(scraped, "\n"+metric) {
					t.Errorf("%s asks for %s, which no gateway has", rule.Alert, metric)
				}
			}
		}
	}
	if n == 0 {
		t.Error("no rule asks for anything")
	}
}
