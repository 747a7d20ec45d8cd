package brain_test

import (
	"encoding/json"
	"strings"
	"testing"

	"vigil/deploy/sandbox/brain"
	"vigil/deploy/sandbox/world"
)

func answer(t *testing.T, title, prompt string, tools ...string) (map[string]any, brain.Reply) {
	t.Helper()
	r := brain.Answer(brain.Request{System: system(title), Tools: tools, Messages: []brain.Message{{Role: "user", Text: prompt}}})
	var out map[string]any
	if r.StopReason == brain.StopEndTurn {
		if err := json.Unmarshal([]byte(r.Text), &out); err != nil {
			t.Fatalf("%s: %q: %v", title, r.Text, err)
		}
	}
	return out, r
}

func TestDetection(t *testing.T) {
	t.Parallel()
	metric := func(finding string) string {
		return block(`{"id":"E1","kind":"metric","service":"checkout","found":true,"strength":0.8,"finding":"` + finding + `"}`)
	}
	incident := func(severity string) string {
		return `<incident>{"title":"Slow","severity":"` + severity + `","alerts":[{"service":"checkout"}]}</incident>` + "\n"
	}
	for name, tc := range map[string]struct {
		prompt, severity string
		cites            int
	}{
		"alert alone":         {incident("low"), "low", 0},
		"nothing is said":     {incident(""), "medium", 0},
		"worse than alert":    {incident("low") + metric("latency_ms 120 → 1100 since 14:02:10"), "high", 1},
		"many errors":         {incident("medium") + metric("error_rate 0.001 → 0.4 since 14:02:10"), "critical", 1},
		"alert knows better":  {incident("critical") + metric("latency_ms 120 → 250 since 14:02:10"), "critical", 1},
		"measures are normal": {incident("medium") + metric("within normal"), "medium", 1},
	} {
		a, _ := answer(t, "detection_answer", tc.prompt)
		if a["severity"] != tc.severity || a["service"] != "checkout" || len(a["cites"].([]any)) != tc.cites || a["summary"] == "" {
			t.Errorf("%s: %v, want %s and %d cites", name, a, tc.severity, tc.cites)
		}
	}
	if a, _ := answer(t, "detection_answer", ""); a["service"] != "unknown" {
		t.Errorf("no incident: %v", a)
	}
}

func TestPrediction(t *testing.T) {
	t.Parallel()
	evidence := block(`{"id":"E4","kind":"metric","service":"payments","found":true,"strength":0.9,"finding":"memory_percent 46 → 97 since 14:02:10"}`)
	forecast := `<forecast>{"service":"payments","metric":"memory_percent","per_minute":12.5,"limit":100,"breach_at":"2026-11-23T14:05:00Z","confidence":0.7,"cites":["E4","E9"]}</forecast>` + "\n"
	a, _ := answer(t, "prediction_answer", forecast+evidence)
	if a["service"] != "payments" || a["metric"] != "memory_percent" || a["confidence"] != 0.7 || len(a["cites"].([]any)) != 1 || !strings.Contains(a["summary"].(string), "14:05:00") {
		t.Errorf("with a forecast: %v", a)
	}
	if a, _ = answer(t, "prediction_answer", evidence); a["service"] != "payments" || a["cites"].([]any)[0] != "E4" {
		t.Errorf("without: %v", a)
	}
	if a, _ = answer(t, "prediction_answer", "<incident>{\"service\":\"web\"}</incident>"); a["confidence"] != 0.0 || len(a["cites"].([]any)) != 0 {
		t.Errorf("without anything: %v", a)
	}
	if _, r := answer(t, "prediction_answer", forecast, "query_metrics"); r.StopReason != brain.StopToolUse || len(r.Calls) != 1 || !strings.Contains(string(r.Calls[0].Input), "payments") {
		t.Errorf("with a tool and no measures: %+v", r)
	}
}

func TestResolution(t *testing.T) {
	t.Parallel()
	options := `<options>[{"id":"restart_service:payments","type":"restart_service","target":"payments"},{"id":"restart_service:web","type":"restart_service","target":"web"},` +
		`{"id":"scale_service:orders-db","type":"scale_service","target":"orders-db"},{"id":"rollback_deployment:checkout","type":"rollback_deployment","target":"checkout"}]</options>` + "\n"
	for name, tc := range map[string]struct{ diagnosis, want string }{
		"leak":         {`{"verdict":"probable","cause":"memory_leak","service":"payments","confidence":0.8}`, "restart_service:payments"},
		"connections":  {`{"verdict":"probable","cause":"connections_exhausted","service":"orders-db","confidence":0.8}`, "scale_service:orders-db"},
		"deployment":   {`{"verdict":"probable","cause":"bad_deployment","service":"checkout","confidence":0.8}`, "rollback_deployment:checkout"},
		"no option":    {`{"verdict":"probable","cause":"memory_leak","service":"catalog","confidence":0.8}`, ""},
		"inconclusive": {`{"verdict":"inconclusive","cause":"unknown"}`, ""},
	} {
		a, _ := answer(t, "resolution_answer", options+"<diagnosis>"+tc.diagnosis+"</diagnosis>")
		if a["option_id"] != tc.want || a["reason"] == "" {
			t.Errorf("%s: %v, want %q", name, a, tc.want)
		}
	}
}

func TestCommunication(t *testing.T) {
	t.Parallel()
	s := mustScene(t, 3, "")
	d := `<diagnosis>{"verdict":"probable","cause":"memory_leak","service":"payments","summary":"x"}</diagnosis>` + "\n"
	for name, tc := range map[string]struct{ prompt, want string }{
		"resolved":  {s.incident() + d + `<state>{"status":"resolved"}</state>`, "considered resolved"},
		"repairing": {s.incident() + d + `<state>{"status":"resolving","execution":{"state":"running"},"verification":null}</state>`, "being carried out"},
		"unknown":   {s.incident(), "not known yet"},
	} {
		a, _ := answer(t, "communication_answer", tc.prompt)
		text := a["text"].(string)
		if a["audience"] != "stakeholders" || !strings.Contains(text, tc.want) || !strings.Contains(text, world.Checkout) || strings.Count(text, ".") > 5 {
			t.Errorf("%s: %v", name, a)
		}
	}
}
