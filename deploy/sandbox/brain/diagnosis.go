package brain

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

type diagnosisAnswer struct {
	Verdict    string             `json:"verdict"`
	Cause      string             `json:"cause"`
	Service    string             `json:"service"`
	Summary    string             `json:"summary"`
	Confidence float64            `json:"confidence"`
	Claims     []claim            `json:"claims"`
	Hypotheses []hypothesisAnswer `json:"hypotheses"`
}

type hypothesisAnswer struct {
	Cause       string   `json:"cause"`
	Service     string   `json:"service"`
	Score       float64  `json:"score"`
	Supports    []string `json:"supports"`
	Contradicts []string `json:"contradicts"`
}

const (
	// enough is the score from which a hypothesis is a probable cause, ahead by
	// how much it has to lead the next one, of another cause or service.
	enough = 0.55
	ahead  = 0.1
	// maxHypotheses is how many of them are told.
	maxHypotheses = 5
)

// diagnose names the hypothesis that leads clearly, or says that none does.
func diagnose(p *picture) diagnosisAnswer {
	all := weigh(p)
	a := diagnosisAnswer{Verdict: "inconclusive", Cause: causeUnknown, Claims: []claim{}, Hypotheses: []hypothesisAnswer{}}
	for _, h := range all[:min(len(all), maxHypotheses)] {
		a.Hypotheses = append(a.Hypotheses, hypothesisAnswer{Cause: h.cause, Service: h.service, Score: round(h.score),
			Supports: cites(h.fors), Contradicts: cites(h.againsts)})
	}
	if ids, ok := p.healthy(all); ok {
		a.Verdict, a.Confidence = "healthy", 0.6
		a.Summary = "Nothing that was looked at is out of its normal range now, and nothing new is logged: a false alarm, or over already."
		a.Claims = append(a.Claims, claim{fmt.Sprintf("The measures of %s are within their normal range.", p.incident.Service), ids})
		return a
	}
	if len(all) == 0 || all[0].score < enough || (len(all) > 1 && all[0].score-all[1].score < ahead) {
		a.Summary = undecided(p, all)
		a.Claims = append(a.Claims, symptoms(p)...)
		return a
	}
	best := all[0]
	a.Verdict, a.Cause, a.Service, a.Confidence = "probable", best.cause, best.service, round(best.score)
	for _, arg := range best.fors {
		if !arg.quiet {
			a.Claims = append(a.Claims, claim{arg.text, arg.ids})
		}
	}
	if complaining := p.services[p.incident.Service]; complaining != nil && complaining.name != best.service {
		if m, ok := complaining.suffers(); ok {
			a.Claims = append(a.Claims, claim{fmt.Sprintf("%s, which depends on it, shows the symptom: %s went from %s to %s.", complaining.name, m.metric, num(m.from), num(m.to)), []string{m.id}})
		}
	}
	for _, e := range p.past {
		for _, d := range e.Docs {
			if d.Cause == best.cause && d.Service == best.service && len(a.Claims) < maxClaims+2 {
				a.Claims = append(a.Claims, claim{fmt.Sprintf("It was confirmed before: %s.", clipped(d.Title)), []string{e.ID}})
			}
		}
	}
	a.Summary = summarise(p, best)
	return a
}

// healthy reports whether the service that complains, and all else that was
// measured, is as it should be, and by which evidence. Logs and changes alone
// do not make it sick: a change that harms nobody is no incident.
func (p *picture) healthy(all []hypothesis) (ids []string, ok bool) {
	v := p.services[p.incident.Service]
	if v == nil || len(v.metrics) == 0 || len(v.logIDs) == 0 || len(all) > 0 && all[0].score >= 0.4 {
		return nil, false
	}
	for _, name := range p.names() {
		s := p.services[name]
		for _, m := range s.moves {
			if !m.over && (m.metric != "request_rate" || m.factor() >= 2) && m.strength >= 0.2 {
				return nil, false
			}
		}
		if _, broken := s.newError(time.Time{}); broken {
			return nil, false
		}
	}
	return append(slices.Clone(v.metrics), v.logIDs...), p.measured[p.incident.Service]
}

func summarise(p *picture, h hypothesis) string {
	var what string
	switch h.cause {
	case causeMemory:
		what = fmt.Sprintf("%s is running out of memory and slows down", h.service)
	case causeConnections:
		what = fmt.Sprintf("%s has no connections left, and its callers wait for one", h.service)
	case causeDeployment:
		what = fmt.Sprintf("The last deployment of %s broke it", h.service)
	default:
		what = fmt.Sprintf("%s in %s", upperFirst(words(h.cause)), h.service)
	}
	if s := p.incident.Service; s != "" && s != h.service {
		return fmt.Sprintf("%s; %s feels it through the services between them.", what, s)
	}
	return what + "."
}

func undecided(p *picture, all []hypothesis) string {
	switch {
	case len(p.evidence) == 0:
		return "Inconclusive: there is no evidence to reason about."
	case len(all) == 0:
		return "Inconclusive: nothing that was looked at points to a cause."
	case all[0].score < enough:
		return fmt.Sprintf("Inconclusive: the best explanation, %s in %s, rests on too little.", words(all[0].cause), all[0].service)
	}
	return fmt.Sprintf("Inconclusive: %s in %s and %s in %s explain it about equally well.", words(all[0].cause), all[0].service, words(all[1].cause), all[1].service)
}

// symptoms are claims about what is out of the ordinary, without a cause.
func symptoms(p *picture) []claim {
	out := []claim{}
	for _, name := range p.names() {
		if m, ok := p.services[name].suffers(); ok {
			out = append(out, claim{fmt.Sprintf("%s of %s went from %s to %s.", m.metric, name, num(m.from), num(m.to)), []string{m.id}})
		}
	}
	return out
}

// cites joins the ids of arguments, each once.
func cites(args []argument) []string {
	out := []string{}
	for _, a := range args {
		for _, id := range a.ids {
			if !slices.Contains(out, id) {
				out = append(out, id)
			}
		}
	}
	return out
}

func round(x float64) float64 { return math.Round(x*100) / 100 }

// num writes a measurement with at most three significant digits.
func num(x float64) string {
	s := strconv.FormatFloat(x, 'g', 3, 64)
	if strings.Contains(s, "e") {
		s = strconv.FormatFloat(x, 'f', 0, 64)
	}
	return s
}

func upperFirst(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}
