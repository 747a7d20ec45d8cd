package prometheus

import (
	"strings"

	"vigil/workflows/incident"
)

// rule says how one measure is computed from metrics of a convention.
type rule struct {
	measure incident.Metric
	unit    string
	query   template
}

// template is a PromQL expression in which {metric} stands for the series of
// that metric that belong to the service, {metric|matchers} for those of them
// that match, and $range for the span of a rate. Aggregating leaves one series
// without labels, or none.
type template string

// metrics are those that a template needs.
func (t template) metrics() []string {
	var out []string
	t.walk(func(string) {}, func(metric, _ string) { out = append(out, metric) })
	return out
}

// fill makes the expression for a service; false where a metric is not there.
// What is filled in is not looked at again.
func (t template) fill(in inventory, over string) (string, bool) {
	var (
		b  strings.Builder
		ok = true
	)
	t.walk(func(literal string) { b.WriteString(strings.ReplaceAll(literal, "$range", over)) }, func(metric, matchers string) {
		found, known := in.metrics[metric]
		ok = ok && known
		b.WriteString(found.selector.of(metric, matchers))
	})
	return b.String(), ok
}

func (t template) walk(literal func(string), metric func(name, matchers string)) {
	rest := string(t)
	for {
		i := strings.IndexByte(rest, '{')
		if i < 0 {
			literal(rest)
			return
		}
		literal(rest[:i])
		end := strings.IndexByte(rest, '}')
		name, matchers, _ := strings.Cut(rest[i+1:end], "|")
		metric(name, matchers)
		rest = rest[end+1:]
	}
}
