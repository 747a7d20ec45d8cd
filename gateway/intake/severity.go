package intake

import (
	"regexp"
	"strings"

	"vigil/workflows/incident"
)

// severityWords are what sources call their severities.
var severityWords = map[incident.Severity][]string{
	incident.SeverityCritical: {"critical", "crit", "emergency", "emerg", "fatal", "disaster", "blocker", "page",
		"p0", "p1", "sev0", "sev1", "s1"},
	incident.SeverityHigh: {"high", "major", "severe", "error", "err", "urgent", "alert", "p2", "sev2", "s2"},
	incident.SeverityMedium: {"medium", "moderate", "warning", "warn", "average",
		"p3", "sev3", "s3", "ticket"},
	incident.SeverityLow: {"low", "minor", "info", "informational", "information", "notice", "debug", "none",
		"p4", "p5", "sev4", "sev5", "s4", "s5"},
}

var severityOf = func() map[string]incident.Severity {
	out := map[string]incident.Severity{}
	for s, words := range severityWords {
		for _, w := range words {
			out[w] = s
		}
	}
	return out
}()

// severity reads a source's word for it; "" where it says nothing that we know.
func severity(word string) incident.Severity {
	word = strings.ToLower(strings.NewReplacer("-", "", "_", "", " ", "").Replace(word))
	return severityOf[word]
}

// labelSeverity reads the severity from labels: severity, then priority (whose
// bare numbers count from 1, the worst), then level.
func labelSeverity(labels scalars) incident.Severity {
	if s := severity(labels.get("severity")); s != "" {
		return s
	}
	if p := labels.get("priority"); p != "" {
		if s := severity(p); s != "" {
			return s
		}
		if s := severity("p" + p); s != "" {
			return s
		}
	}
	return severity(labels.get("level"))
}

// serviceLabels name the service, the most telling first.
var serviceLabels = []string{"service", "service_name", "app", "application", "app_kubernetes_io_name",
	"deployment", "statefulset", "daemonset", "job", "namespace"}

var (
	// In a name only words that mean nothing else are a severity: "high" is
	// not, because of alarms called HighLatency.
	nameSeverity = regexp.MustCompile(`(?i)(?:^|[^a-z0-9])(critical|crit|warning|warn|p[0-5]|sev-?[0-5])(?:$|[^a-z0-9])`)
	// In a description a severity is one that says so: "severity: high", "[P2]".
	textSeverity = regexp.MustCompile(`(?i)\b(?:severity|priority)\s*[:=]\s*"?([a-z]+-?[0-9]?|[0-5])|\[(critical|high|medium|low|warning|p[0-5]|sev-?[0-5])\]`)
)

// alarmSeverity reads the severity of an alarm that has no field for it: from
// a convention in its name, then from its description; medium where neither
// says anything.
func alarmSeverity(name, description string) incident.Severity {
	if m := nameSeverity.FindStringSubmatch(name); m != nil {
		return severity(m[1])
	}
	if m := textSeverity.FindStringSubmatch(description); m != nil {
		word := m[1] + m[2]
		if s := severity(word); s != "" {
			return s
		}
		if s := severity("p" + word); s != "" {
			return s
		}
	}
	return incident.SeverityMedium
}
