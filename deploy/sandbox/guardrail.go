package sandbox

import (
	"regexp"
	"slices"
	"strings"
	"time"

	"vigil/deploy/sandbox/brain"
)

var guardrailVersion = regexp.MustCompile(`^(DRAFT|[1-9]\d{0,7})$`)

// applyGuardrail checks texts with the brain's guardrail, whichever id and
// version are asked for: the sandbox has one set of policies.
func (s *Server) applyGuardrail(x *exchange) (any, error) {
	began := time.Now()
	id, version := x.path[0], x.path[1]
	x.note("guardrail", id+":"+version)
	if !guardrailVersion.MatchString(version) {
		return nil, errorf("ValidationException", "The guardrail version %q is neither DRAFT nor a number.", version)
	}
	var in struct {
		Source      string `json:"source"`
		OutputScope string `json:"outputScope"`
		Content     []struct {
			Text *struct {
				Text       string   `json:"text"`
				Qualifiers []string `json:"qualifiers"`
			} `json:"text"`
		} `json:"content"`
	}
	if err := x.decode(&in); err != nil {
		return nil, err
	}
	source := brain.GuardSource(in.Source)
	if source != brain.GuardInput && source != brain.GuardOutput {
		return nil, errorf("ValidationException", "source must be INPUT or OUTPUT.")
	}
	if len(in.Content) == 0 {
		return nil, errorf("ValidationException", "content must not be empty.")
	}
	units, characters, intervened, blocked := 0, 0, false, false
	var texts []string
	assess := assessment{}
	for i, c := range in.Content {
		if c.Text == nil {
			return nil, errorf("ValidationException", "content.%d: the sandbox's guardrail checks text only.", i)
		}
		g := brain.Guard(c.Text.Text, source)
		switch x.strike.mode {
		case ChaosGuardIntervene:
			g.Blocked, g.Intervened = true, true
			g.Findings = append(g.Findings, brain.Finding{Policy: brain.PolicyTopic, Name: "SandboxOrders"})
		case ChaosAnonymized:
			g.Intervened = true
			word, rest, _ := strings.Cut(g.Text, " ")
			g.Findings = append(g.Findings, brain.Finding{Policy: brain.PolicyEntity, Name: "NAME", Match: word})
			g.Text = strings.TrimSpace("{NAME} " + rest)
		}
		units, characters = units+g.Units, characters+g.Characters
		intervened, blocked = intervened || g.Intervened, blocked || g.Blocked
		texts = append(texts, g.Text)
		assess.add(g.Findings)
	}
	// Every policy that the guardrail has counts; patterns of one's own count as
	// free, and words cost nothing.
	usage := map[string]int{"contentPolicyUnits": units, "topicPolicyUnits": units, "sensitiveInformationPolicyUnits": units,
		"sensitiveInformationPolicyFreeUnits": units, "wordPolicyUnits": units, "contextualGroundingPolicyUnits": 0}
	coverage := map[string]any{"textCharacters": map[string]int{"guarded": characters, "total": characters}}
	assess["invocationMetrics"] = map[string]any{"guardrailProcessingLatency": time.Since(began).Milliseconds(), "usage": usage, "guardrailCoverage": coverage}
	out := map[string]any{"action": "NONE", "outputs": []any{}, "assessments": []any{assess}, "usage": usage, "guardrailCoverage": coverage}
	if intervened {
		out["action"], out["actionReason"] = "GUARDRAIL_INTERVENED", "Guardrail masked."
		outputs := []map[string]string{}
		for _, t := range texts {
			outputs = append(outputs, map[string]string{"text": t})
		}
		if blocked {
			out["actionReason"] = "Guardrail blocked."
			outputs = []map[string]string{{"text": brain.Refusal}}
		}
		out["outputs"] = outputs
	}
	x.note("source", in.Source)
	x.note("action", out["action"])
	x.note("units", units)
	x.note("usage", usage)
	return out, nil
}

// assessment is what each policy found, in Bedrock's words.
type assessment map[string]any

func (a assessment) add(findings []brain.Finding) {
	for _, f := range findings {
		switch f.Policy {
		case brain.PolicyEntity:
			a.put("sensitiveInformationPolicy", "piiEntities", map[string]any{"type": f.Name, "match": f.Match, "action": "ANONYMIZED", "detected": true})
		case brain.PolicyRegex:
			a.put("sensitiveInformationPolicy", "regexes", map[string]any{"name": f.Name, "match": f.Match, "regex": f.Regex, "action": "ANONYMIZED", "detected": true})
		case brain.PolicyTopic:
			a.put("topicPolicy", "topics", map[string]any{"name": f.Name, "type": "DENY", "action": blocking(f), "detected": true})
		case brain.PolicyAttack:
			a.put("contentPolicy", "filters", map[string]any{"type": f.Name, "confidence": "HIGH", "filterStrength": "HIGH", "action": blocking(f), "detected": true})
		case brain.PolicyWord:
			a.put("wordPolicy", "customWords", map[string]any{"match": f.Match, "action": blocking(f), "detected": true})
		}
	}
}

func blocking(f brain.Finding) string {
	if f.Noted {
		return "NONE"
	}
	return "BLOCKED"
}

// put adds an entry to a list of a policy. Both lists of sensitive information,
// and of words, are always there, as in Bedrock's answer.
func (a assessment) put(policy, list string, entry map[string]any) {
	p, ok := a[policy].(map[string][]map[string]any)
	if !ok {
		p = map[string][]map[string]any{}
		switch policy {
		case "sensitiveInformationPolicy":
			p["piiEntities"], p["regexes"] = []map[string]any{}, []map[string]any{}
		case "wordPolicy":
			p["customWords"], p["managedWordLists"] = []map[string]any{}, []map[string]any{}
		}
		a[policy] = p
	}
	p[list] = append(p[list], entry)
}

// guarded holds a turn against the guardrail that its request names: what the
// user said last on its way in, and the reply on its way out. A mode may have
// it intervene without reason.
func (in converseRequest) guarded(mode ChaosMode, reply brain.Reply, request brain.Request, t *turn) brain.Reply {
	if in.GuardrailConfig == nil && mode != ChaosGuardIntervene {
		return reply
	}
	last := request.Messages[len(request.Messages)-1]
	input, output := brain.Guard(last.Text, brain.GuardInput), brain.Guard(reply.Text, brain.GuardOutput)
	if c := in.GuardrailConfig; c != nil && c.Trace != "" && c.Trace != "disabled" {
		before, after := assessment{}, assessment{}
		before.add(input.Findings)
		after.add(output.Findings)
		t.trace = map[string]any{"inputAssessment": map[string]any{c.GuardrailIdentifier: before}, "outputAssessments": map[string]any{c.GuardrailIdentifier: []any{after}}}
	}
	if input.Blocked || output.Blocked || mode == ChaosGuardIntervene {
		t.stopReason = "guardrail_intervened"
		return brain.Reply{Text: brain.Refusal, StopReason: t.stopReason, Task: reply.Task}
	}
	reply.Text = output.Text
	return reply
}

// compromised reports whether a model was configured to obey what it reads.
func (s *Server) compromised(model string) bool {
	return slices.ContainsFunc(s.cfg.Compromised, func(part string) bool { return part == "*" || strings.Contains(model, part) })
}
