package brain

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

type detectionAnswer struct {
	Severity   string   `json:"severity"`
	Service    string   `json:"service"`
	Summary    string   `json:"summary"`
	Confidence float64  `json:"confidence"`
	Cites      []string `json:"cites"`
}

var severities = []string{"low", "medium", "high", "critical"} // mildest first

// detect classifies an incident: the severity that its alerts claim, or what
// users of the service suffer, whichever is worse.
func detect(p *picture) detectionAnswer {
	a := detectionAnswer{Service: cmp.Or(p.incident.Service, "unknown"), Cites: []string{}}
	rank := slices.Index(severities, p.incident.Severity)
	for _, alert := range p.incident.Alerts {
		rank = max(rank, slices.Index(severities, alert.Severity))
	}
	a.Confidence = 0.3 // nothing but what the sender says
	a.Summary = cmp.Or(p.incident.Title, "An alert") + "; no measure confirms it yet."
	if v := p.services[p.incident.Service]; v != nil {
		var seen []string
		strength := 0.0
		for _, metric := range []string{"latency_ms", "error_rate"} {
			m, ok := v.moves[metric]
			if !ok || m.rise() <= 0 {
				continue
			}
			rank = max(rank, harm(m))
			seen = append(seen, fmt.Sprintf("%s from %s to %s", metric, num(m.from), num(m.to)))
			strength = math.Max(strength, m.strength)
			if !slices.Contains(a.Cites, m.id) {
				a.Cites = append(a.Cites, m.id)
			}
		}
		if len(seen) > 0 {
			a.Summary = fmt.Sprintf("%s: %s.", v.name, strings.Join(seen, "; "))
			a.Confidence = round(math.Min(0.9, strength))
		} else if len(v.metrics) > 0 {
			a.Cites = v.metrics
			a.Summary = fmt.Sprintf("%s was reported, but its measures are within their normal range.", v.name)
			a.Confidence = 0.2
		}
	}
	if rank < 0 {
		rank = 1
	}
	a.Severity = severities[rank]
	return a
}

// harm ranks what users suffer of one measure.
func harm(m move) int {
	switch {
	case m.metric == "error_rate" && m.to >= 0.25:
		return 3
	case m.metric == "error_rate" && m.to >= 0.05, m.metric == "latency_ms" && m.factor() >= 5:
		return 2
	case m.metric == "error_rate" && m.to >= 0.02, m.metric == "latency_ms" && m.factor() >= 2:
		return 1
	}
	return 0
}

type predictionAnswer struct {
	Summary    string   `json:"summary"`
	Service    string   `json:"service"`
	Metric     string   `json:"metric"`
	Confidence float64  `json:"confidence"`
	Cites      []string `json:"cites"`
}

// predict says in words what the forecast says in numbers; without one, that
// the worst measure stays as it is.
func predict(p *picture) predictionAnswer {
	if f := p.forecast; f != nil && f.Service != "" && len(p.known(f.Cites)) > 0 {
		a := predictionAnswer{Service: f.Service, Metric: f.Metric, Confidence: round(f.Confidence), Cites: p.known(f.Cites)}
		switch {
		case !f.BreachAt.IsZero():
			a.Summary = fmt.Sprintf("If nobody acts, %s of %s reaches its limit of %s at %s.", f.Metric, f.Service, num(f.Limit), f.BreachAt.UTC().Format(time.TimeOnly))
		case f.PerMinute > 0:
			a.Summary = fmt.Sprintf("If nobody acts, %s of %s goes on growing by %s a minute.", f.Metric, f.Service, num(f.PerMinute))
		default:
			a.Summary = fmt.Sprintf("If nobody acts, %s of %s stays about where it is; users go on feeling it.", f.Metric, f.Service)
		}
		return a
	}
	var worst move
	var whose string
	for _, name := range p.names() {
		for _, metric := range []string{"latency_ms", "error_rate", "memory_percent", "connections", "cpu_percent"} {
			if m, ok := p.services[name].moves[metric]; ok && m.rise() > 0 && m.strength > worst.strength {
				worst, whose = m, name
			}
		}
	}
	if whose == "" {
		return predictionAnswer{Summary: "Unknown: no measure shows a trend.", Service: p.incident.Service, Cites: []string{}}
	}
	return predictionAnswer{Summary: fmt.Sprintf("If nobody acts, %s of %s stays near %s, %s before.", worst.metric, whose, num(worst.to), num(worst.from)),
		Service: whose, Metric: worst.metric, Confidence: round(worst.strength * 0.6), Cites: []string{worst.id}}
}

// known drops ids that the conversation does not show.
func (p *picture) known(ids []string) []string {
	out := []string{}
	for _, id := range ids {
		if slices.ContainsFunc(p.evidence, func(e evidence) bool { return e.ID == id }) && !slices.Contains(out, id) {
			out = append(out, id)
		}
	}
	return out
}

type resolutionAnswer struct {
	OptionID   string   `json:"option_id"`
	Reason     string   `json:"reason"`
	Confidence float64  `json:"confidence"`
	Cites      []string `json:"cites"`
}

// remedies says which kinds of action remove a cause, the best first.
var remedies = map[string][]string{
	causeDeployment: {"rollback_deployment"}, causeConfiguration: {"rollback_configuration"}, causeMemory: {"restart_service"},
	causeConnections: {"scale_service"}, "traffic_surge": {"scale_service"}, "cpu_saturation": {"scale_service", "restart_service"}, "out_of_memory": {"restart_service", "scale_service"},
	"crash_loop": {"rollback_deployment", "restart_service"}, "image_pull": {"rollback_deployment"}, "queue_backlog": {"scale_service"},
	"cache_failure": {"restart_service"}, "storage_full": {"scale_storage", "scale_service"}, "disk_saturation": {"scale_storage", "scale_service"},
}

// resolve chooses the option that removes the diagnosed cause where it sits.
func resolve(p *picture) resolutionAnswer {
	a := resolutionAnswer{Cites: []string{}}
	d := p.diagnosis
	if d == nil || d.Verdict != "probable" {
		a.Reason = "Without a probable cause no option is better than none."
		return a
	}
	for _, c := range d.Claims {
		for _, id := range p.known(c.Cites) {
			if !slices.Contains(a.Cites, id) {
				a.Cites = append(a.Cites, id)
			}
		}
	}
	for _, kind := range remedies[d.Cause] {
		for _, o := range p.options {
			if o.Type == kind && o.Target == d.Service {
				a.OptionID, a.Confidence = o.ID, round(math.Min(d.Confidence, 0.95))
				a.Reason = fmt.Sprintf("%s removes the cause, %s in %s, and touches nothing else.", cmp.Or(o.Title, o.ID), words(d.Cause), d.Service)
				return a
			}
		}
	}
	a.Reason = fmt.Sprintf("No option removes %s in %s.", words(d.Cause), d.Service)
	return a
}

type communicationAnswer struct {
	Audience string `json:"audience"`
	Text     string `json:"text"`
}

// communicate tells stakeholders in plain words what is known.
func communicate(p *picture) communicationAnswer {
	where := cmp.Or(p.incident.Service, "one of our services")
	said := []string{fmt.Sprintf("Since %s users of %s may notice slow or failing requests.", began(p.incident.StartedAt), where)}
	if d := p.diagnosis; d != nil && d.Verdict == "probable" {
		said = append(said, plainCause(d))
	} else {
		said = append(said, "The cause is not known yet.")
	}
	if s := p.state; s != nil {
		said = append(said, plainState(s))
	}
	return communicationAnswer{Audience: "stakeholders", Text: strings.Join(said, " ")}
}

func began(at time.Time) string {
	if at.IsZero() {
		return "a short while ago"
	}
	return at.UTC().Format("15:04") + " UTC"
}

func plainCause(d *diagnosis) string {
	switch d.Cause {
	case causeDeployment:
		return fmt.Sprintf("The likely cause is a recent change to %s.", d.Service)
	case causeConnections:
		return fmt.Sprintf("The likely cause is that %s has more to do than it was set up for.", d.Service)
	case causeMemory:
		return fmt.Sprintf("The likely cause is that %s is running out of memory.", d.Service)
	}
	return fmt.Sprintf("The likely cause is in %s.", cmp.Or(d.Service, "a service behind it"))
}

func plainState(s *state) string {
	switch {
	case s.Status == "resolved":
		return "The measures are back to what they were before, and the problem is considered resolved."
	case s.Verification != nil && s.Verification.State == "not_helped":
		return "A first repair did not help; engineers are working on it."
	case s.Execution != nil && s.Execution.State == "running":
		return "A repair is being carried out."
	case s.Status == "needs_human":
		return "Engineers have been brought in."
	}
	return "We are working on it and will report again."
}
