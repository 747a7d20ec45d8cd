package worker

import (
	"flag"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"vigil/activities/breaker"
	"vigil/workflows/incident"
)

// AI is the one configuration of everything artificial: models, guardrail,
// knowledge and memory, what they may cost, and how patient Vigil is with
// them. DefaultConfig says every default; an empty id leaves a part out.
type AI struct {
	Provider string // "bedrock", or "none": statistics and people alone

	Models      map[incident.Purpose]string // model, ARN or inference profile of each purpose
	ModelLadder []string                    // smallest first
	PriceFile   string                      // YAML as activities/bedrock/prices.yaml; empty: that one

	GuardrailID      string // empty: nothing is checked, and the page says so
	GuardrailVersion string

	KnowledgeBaseID   string // Bedrock Knowledge Base with runbooks
	MemoryID          string // AgentCore memory
	MemoryNamespace   string // of its strategy; empty: the adapter's default
	QBusinessID       string // Amazon Q Business application; closed to new customers since July 2026
	QBusinessRetrieve string // its retriever; empty: its chat is asked
	AgentID           string // Bedrock Agents Classic; closed to new customers since July 2026
	AgentAliasID      string

	Budget       incident.Budget                    // of one incident
	AgentBudgets map[incident.Agent]incident.Budget // of its agents
	BudgetWait   time.Duration                      // how long a person has to raise one
	Daily        incident.Budget                    // of all incidents on one day (UTC); zero: no cap
	SecondLook   time.Duration                      // how soon models that failed are asked again
	RateLimits   map[string]breaker.Limit           // by model or service; replaces the shipped ones
}

// Providers of models.
const (
	ProviderBedrock = "bedrock"
	ProviderNone    = "none"
)

func defaultAI() AI {
	d := incident.DefaultSettings()
	return AI{Provider: ProviderBedrock, Models: d.Models, ModelLadder: d.ModelLadder, GuardrailVersion: "DRAFT", Budget: d.Budget,
		AgentBudgets: d.AgentBudgets, BudgetWait: dur(d.BudgetWaitMS), SecondLook: dur(d.SecondLookMS), RateLimits: map[string]breaker.Limit{}}
}

func (a *AI) flags(fs *flag.FlagSet) {
	fs.StringVar(&a.Provider, "models", a.Provider, "where models come from: bedrock, or none to work on statistics and people alone")
	for _, p := range incident.Purposes {
		fs.Var(modelFlag{a.Models, p}, "model-"+string(p), "`model`, ARN or inference profile to "+string(p)+" with")
	}
	fs.Var(listFlag{&a.ModelLadder}, "model-ladder", "comma-separated `models`, smallest first: a step up where an answer cannot be used, a step down where a model cannot be had")
	fs.StringVar(&a.PriceFile, "price-file", a.PriceFile, "`file` of prices to use instead of the shipped ones")
	fs.StringVar(&a.GuardrailID, "guardrail-id", a.GuardrailID, "Bedrock guardrail that checks what goes to models, to people and into actions; empty for none")
	fs.StringVar(&a.GuardrailVersion, "guardrail-version", a.GuardrailVersion, "version of the guardrail")
	fs.StringVar(&a.KnowledgeBaseID, "knowledge-base-id", a.KnowledgeBaseID, "Bedrock Knowledge Base to search for runbooks, besides --runbooks-dir; empty for none")
	fs.StringVar(&a.MemoryID, "memory-id", a.MemoryID, "AgentCore memory that keeps and recalls incidents, besides the archive; empty for none")
	fs.StringVar(&a.MemoryNamespace, "memory-namespace", a.MemoryNamespace, "namespace of the memory's strategy; empty for the usual one")
	fs.StringVar(&a.QBusinessID, "q-business-application-id", a.QBusinessID, "Amazon Q Business application to search for runbooks (closed to new customers); empty for none")
	fs.StringVar(&a.QBusinessRetrieve, "q-business-retriever-id", a.QBusinessRetrieve, "retriever of that application; empty to ask its chat")
	fs.StringVar(&a.AgentID, "bedrock-agent-id", a.AgentID, "Bedrock agent (Agents Classic, closed to new customers) to ask for past incidents; empty for none")
	fs.StringVar(&a.AgentAliasID, "bedrock-agent-alias-id", a.AgentAliasID, "alias of that agent")
	fs.IntVar(&a.Budget.Turns, "max-turns", a.Budget.Turns, "model calls per incident; 0 for no cap")
	fs.Int64Var(&a.Budget.Tokens, "max-tokens", a.Budget.Tokens, "tokens that the models may use per incident; 0 for no cap")
	fs.Var(dollars{&a.Budget.CostMicros}, "max-cost", "US `dollars` that the models may cost per incident; 0 for no cap")
	for _, agent := range incident.Agents {
		fs.Var(turnsFlag{a.AgentBudgets, agent}, "max-turns-"+string(agent), "model calls of the "+string(agent)+" agent per incident; 0 for no cap")
	}
	fs.DurationVar(&a.BudgetWait, "budget-wait", a.BudgetWait, "how long a person has to raise a budget before the statistics go on alone")
	fs.Int64Var(&a.Daily.Tokens, "max-daily-tokens", a.Daily.Tokens, "tokens that all incidents together may use a day (UTC); 0 for no cap")
	fs.Var(dollars{&a.Daily.CostMicros}, "max-daily-cost", "US `dollars` that all incidents together may cost a day (UTC); 0 for no cap")
	fs.DurationVar(&a.SecondLook, "second-look", a.SecondLook, "how soon models that could not be had are asked again; doubles up to 15m, with jitter")
	fs.Var(ratesFlag{a.RateLimits}, "rate-limits", "comma-separated `model=calls/tokens` a minute of this worker, matched to your quotas; 0 for no limit")
}

// apply writes what the configuration means for one incident into s.
func (a AI) apply(s *incident.Settings) error {
	if !slices.Contains([]string{ProviderBedrock, ProviderNone}, a.Provider) {
		return incident.Errorf(incident.KindInvalid, "--models is %q; use bedrock or none", a.Provider)
	}
	for _, b := range []incident.Budget{a.Budget, a.Daily} {
		if b.Turns < 0 || b.Tokens < 0 || b.CostMicros < 0 {
			return incident.Errorf(incident.KindInvalid, "a budget is negative; use 0 for no cap")
		}
	}
	s.ModelsEnabled = a.Provider == ProviderBedrock
	s.Models, s.ModelLadder, s.Budget, s.AgentBudgets = a.Models, a.ModelLadder, a.Budget, a.AgentBudgets
	s.BudgetWaitMS, s.SecondLookMS = a.BudgetWait.Milliseconds(), a.SecondLook.Milliseconds()
	return nil
}

// modelFlag is the model of one purpose.
type modelFlag struct {
	to      map[incident.Purpose]string
	purpose incident.Purpose
}

func (m modelFlag) String() string { return m.to[m.purpose] }

func (m modelFlag) Set(id string) error {
	m.to[m.purpose] = id
	return nil
}

// turnsFlag caps the model calls of one agent.
type turnsFlag struct {
	to    map[incident.Agent]incident.Budget
	agent incident.Agent
}

func (t turnsFlag) String() string { return strconv.Itoa(t.to[t.agent].Turns) }

func (t turnsFlag) Set(s string) error {
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 {
		return fmt.Errorf("%q is no number of calls", s)
	}
	b := t.to[t.agent]
	b.Turns = n
	t.to[t.agent] = b
	return nil
}

// dollars is a flag in US dollars, kept in millionths.
type dollars struct{ micros *int64 }

func (d dollars) String() string {
	if d.micros == nil {
		return "0"
	}
	return strconv.FormatFloat(float64(*d.micros)/1e6, 'f', -1, 64)
}

func (d dollars) Set(s string) error {
	v, err := strconv.ParseFloat(strings.TrimPrefix(s, "$"), 64)
	if err != nil || !(v >= 0 && v < 1e9) {
		return fmt.Errorf("%q is no amount of US dollars", s)
	}
	*d.micros = int64(v*1e6 + 0.5)
	return nil
}

// ratesFlag is a flag of names with limits: name=calls or name=calls/tokens.
type ratesFlag struct{ to map[string]breaker.Limit }

func (r ratesFlag) String() string {
	var all []string
	for name, l := range r.to {
		all = append(all, fmt.Sprintf("%s=%d/%d", name, l.Requests, l.Tokens))
	}
	slices.Sort(all)
	return strings.Join(all, ",")
}

func (r ratesFlag) Set(s string) error {
	for _, part := range strings.Split(s, ",") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		name, rates, ok := cutLast(part, "=")
		calls, tokens, _ := strings.Cut(rates, "/")
		var l breaker.Limit
		var err error
		if l.Requests, err = strconv.Atoi(calls); err == nil && tokens != "" {
			l.Tokens, err = strconv.ParseInt(tokens, 10, 64)
		}
		if !ok || err != nil || l.Requests < 0 || l.Tokens < 0 {
			return fmt.Errorf("%q is not model=calls/tokens", part)
		}
		r.to[name] = l
	}
	return nil
}

func cutLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i <= 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}
