package prometheus

import (
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"vigil/workflows/incident"
)

var (
	plainLabel  = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]*$`)
	plainMetric = regexp.MustCompile(`^[a-zA-Z_:][a-zA-Z0-9_:]*$`) // Prometheus 3 allows any other, too
)

// maxName bounds the name of a service; no label value that names one is longer.
const maxName = 256

// selector is one way in which series may say that they belong to a service:
// the text of one matcher, such as job="checkout".
type selector struct {
	matcher string
	// last: a resort where no other selector finds anything.
	last bool
}

// selectors lists the ways in which a service may be named, best first.
func (s *Source) selectors(service string) ([]selector, error) {
	if service == "" || len(service) > maxName || !utf8.ValidString(service) {
		return nil, incident.Errorf(incident.KindInvalid, "prometheus: a look needs the name of a service, in UTF-8 and at most %d bytes long, not %.40q", maxName, service)
	}
	var out []selector
	for _, l := range s.labels {
		if strings.HasSuffix(l, "job") { // OpenTelemetry writes namespace/name
			out = append(out, selector{matcher: matches(l, `(?:[^/]+/)?`, service, ``)})
			continue
		}
		out = append(out, selector{matcher: equals(l, service)})
	}
	// The pods of a Deployment, DaemonSet or StatefulSet of that name, for what
	// cAdvisor and kube-state-metrics know only by pod.
	return append(out,
		selector{matcher: equals("destination_workload", service)},
		selector{matcher: equals("destination_service_name", service)},
		selector{matcher: matches("pod", ``, service, `-(?:[a-z0-9]{1,10}-[a-z0-9]{5}|[a-z0-9]{5}|[0-9]+)`)},
		selector{matcher: matches("instance", `(?:https?://)?`, service, `(?::[0-9]+)?(?:/.*)?`), last: true},
		selector{matcher: equals("namespace", service), last: true},
	), nil
}

// equals is the matcher label="value". PromQL's string literals are Go's, so
// that no value can end its own.
func equals(label, value string) string { return label + "=" + strconv.Quote(value) }

// matches is a matcher for value between two regular expressions; value
// itself is taken literally.
func matches(label, before, value, after string) string {
	return label + "=~" + strconv.Quote(before+regexp.QuoteMeta(value)+after)
}

// of selects the series of one metric. The metric is named by a matcher too,
// because names may hold any character.
func (s selector) of(metric, extra string) string {
	b := "{" + equals("__name__", metric) + "," + s.matcher
	if extra != "" {
		b += "," + extra
	}
	return b + "}"
}

// duration writes d as PromQL does.
func duration(d time.Duration) string {
	return strconv.FormatInt(max(1, d.Milliseconds()), 10) + "ms"
}
