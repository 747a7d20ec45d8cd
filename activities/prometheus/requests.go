package prometheus

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/prometheus/common/model"

	"vigil/workflows/incident"
)

const (
	maxCandidates = 3     // per measure: the next is used where one has no points
	throttled     = "429" // of HTTP
)

// requests makes the rules for the latency, rate and errors of requests, from
// the histograms and counters that are there.
func (s *Source) requests(ctx context.Context, in inventory, g grid) ([]rule, incident.Provenance, error) {
	latency, counts := in.latencies()
	counts = append(counts, in.requestCounters()...)
	if len(counts) > 2*maxCandidates {
		counts = counts[:2*maxCandidates]
	}
	out := latency
	ended, p, err := s.endings(ctx, in, counts, g)
	if err != nil {
		return nil, p, err
	}
	// The counters that tell how requests ended come first, so that rate and
	// errors are about the same requests where that is possible.
	slices.SortStableFunc(ended, func(a, b ending) int {
		switch told, next := a.outcome.label != "", b.outcome.label != ""; {
		case told == next:
			return 0
		case told:
			return -1
		default:
			return 1
		}
	})
	for _, e := range ended {
		out = append(out, e.rules()...)
	}
	return append(out, in.errorCounters(ended)...), p, nil
}

// counter is a counter of requests.
type counter struct{ name, matchers string }

func (c counter) ref(extra string) string {
	return "{" + c.name + "|" + strings.Trim(c.matchers+","+extra, ",") + "}"
}

// latencies are the histograms of served requests, known ones first, and the
// counters that they hold.
func (in inventory) latencies() (rules []rule, counts []counter) {
	add := func(base, matchers, scale string) {
		if len(rules) >= maxCandidates || !plainMetric.MatchString(base) {
			return
		}
		bucket, count, sum, quantile := base+"_bucket", base+"_count", base+"_sum", "quantile=\"0.95\""
		q := func(format string, args ...any) {
			rules = append(rules, rule{incident.MetricLatency, unitMilliseconds, template(scale + " * " + fmt.Sprintf(format, args...))})
		}
		switch {
		case in.has(bucket):
			q(`histogram_quantile(0.95, sum by (le) (rate({%s|%s}[$range])))`, bucket, matchers)
		case in.has(base) && !in.has(count): // a native histogram
			q(`histogram_quantile(0.95, sum(rate({%s|%s}[$range])))`, base, matchers)
		case in.has(base): // a summary; without the quantile, the mean
			q(`max({%s|%s})`, base, strings.Trim(matchers+","+quantile, ","))
			fallthrough
		case in.has(count) && in.has(sum):
			q(`sum(rate({%s|%s}[$range])) / (sum(rate({%s|%s}[$range])) > 0)`, sum, matchers, count, matchers)
		default:
			return
		}
		if in.has(count) {
			counts = append(counts, counter{count, matchers})
		}
	}
	for _, h := range histograms {
		add(h.name, h.matchers, h.scale)
	}
	for _, n := range in.names {
		base, ok := strings.CutSuffix(n, "_bucket")
		if !ok {
			if base, ok = strings.CutSuffix(n, "_sum"); !ok || in.has(base+"_bucket") {
				continue
			}
		}
		if known := slices.ContainsFunc(histograms, func(h struct{ name, matchers, scale string }) bool { return h.name == base }); known {
			continue
		}
		if scale, ok := served(base); ok {
			add(base, "", scale)
		}
	}
	if len(rules) == 0 && in.has("probe_duration_seconds") {
		rules = append(rules, rule{incident.MetricLatency, unitMilliseconds, `1000 * max({probe_duration_seconds})`})
	}
	return rules, counts
}

// requestCounters are the counters of served requests, known ones first.
func (in inventory) requestCounters() (out []counter) {
	for _, c := range counters {
		if in.has(c.name) {
			out = append(out, counter(c))
		}
	}
	for _, n := range in.names {
		known := slices.ContainsFunc(out, func(c counter) bool { return c.name == n })
		base, ok := strings.CutSuffix(n, "_total")
		if ok && !known && plainMetric.MatchString(n) && (strings.HasSuffix(base, "_requests") || strings.HasSuffix(base, "_requests_served") || strings.HasSuffix(base, "_requests_handled")) &&
			!strings.Contains(n, "client") && !strings.Contains(n, "promhttp") && !strings.Contains(n, "outgoing") {
			out = append(out, counter{n, ""})
		}
	}
	return out
}

// errorCounters are rules for programs that count failures apart.
func (in inventory) errorCounters(counted []ending) (out []rule) {
	for _, n := range in.names {
		base, ok := strings.CutSuffix(n, "_total")
		words := strings.Split(base, "_")
		last := words[len(words)-1]
		if !ok || !plainMetric.MatchString(n) || !slices.Contains([]string{"errors", "error", "failures", "failed", "exceptions"}, last) {
			continue
		}
		about := slices.ContainsFunc(words, func(w string) bool {
			return slices.Contains([]string{"request", "requests", "http", "grpc", "rpc", "server", "response", "responses", "api"}, w)
		})
		if strings.Contains(n, "client") || !about && len(words) > 1 {
			continue
		}
		for _, c := range counted {
			if len(out) < maxCandidates {
				out = append(out, rule{incident.MetricErrorRate, unitShare,
					template(fmt.Sprintf(`sum(rate({%s}[$range])) / (sum(rate(%s[$range])) > 0)`, n, c.ref("")))})
			}
		}
	}
	if in.has("probe_success") {
		out = append(out, rule{incident.MetricErrorRate, unitShare, `1 - avg({probe_success})`})
	}
	return out
}

// ending is a counter of requests and how it tells how they ended.
type ending struct {
	counter
	outcome   outcome // empty where it does not tell
	throttled bool    // some were refused for a quota
}

func (e ending) rules() []rule {
	all := fmt.Sprintf(`sum(rate(%s[$range]))`, e.ref(""))
	out := []rule{{incident.MetricRequestRate, unitPerSecond, template(all)}}
	if e.outcome.label == "" {
		return out
	}
	// No series of failures is no failures, as long as there are requests.
	failed := fmt.Sprintf(`(sum(rate(%s[$range])) or 0 * %s)`, e.ref(fmt.Sprintf(`%s=~"%s"`, e.outcome.label, e.outcome.failed)), all)
	out = append(out, rule{incident.MetricErrorRate, unitShare, template(fmt.Sprintf(`%s / (%s > 0)`, failed, all))})
	if e.throttled {
		out = append(out, rule{incident.MetricThrottles, unitPerSecond,
			template(fmt.Sprintf(`sum(rate(%s[$range]))`, e.ref(fmt.Sprintf(`%s="%s"`, e.outcome.label, throttled))))})
	}
	return out
}

// endings finds out by which label each counter tells how requests ended.
func (s *Source) endings(ctx context.Context, in inventory, counts []counter, g grid) ([]ending, incident.Provenance, error) {
	if len(counts) == 0 {
		return nil, incident.Provenance{}, nil
	}
	labels := make([]string, len(outcomes))
	for i, o := range outcomes {
		labels[i] = o.label
	}
	parts := make([]string, len(counts))
	for i, c := range counts {
		parts[i] = tagged(fmt.Sprintf("count by (%s) (%s)", strings.Join(labels, ","), in.metrics[c.name].selector.of(c.name, c.matchers)), i)
	}
	m, p, err := s.rangeQuery(ctx, strings.Join(parts, " or "), g.window, g.window.To.Sub(g.window.From)/looks)
	if err != nil {
		return nil, p, err
	}
	out := make([]ending, len(counts))
	best := make([]int, len(counts))
	for i, c := range counts {
		out[i], best[i] = ending{counter: c}, len(outcomes)
	}
	for _, series := range m {
		i, ok := part(series.Metric, len(counts))
		if !ok {
			continue
		}
		for k, o := range outcomes[:min(best[i]+1, len(outcomes))] {
			value := series.Metric[model.LabelName(o.label)]
			if value == "" {
				continue
			}
			if k < best[i] {
				best[i], out[i].outcome = k, o
			}
			out[i].throttled = out[i].throttled || value == throttled
			break
		}
	}
	return out, p, nil
}

func (in inventory) has(metric string) bool {
	_, ok := in.metrics[metric]
	return ok
}
