// Package intake reads what alert sources send: bytes in, incident.Alert out.
// One file per source; its comment says what is one problem (the correlation
// key) and what a member of it (the fingerprint). What has no file is read by a
// Mapping, which people write.
//
// Parse either gives alerts, each with a correlation key, a fingerprint and a
// status; or a note, where a delivery holds no alert but a person should see
// it; or an error of kind invalid whose words tell a person why it cannot be
// read. It keeps no state, touches nothing outside,
// and may be called concurrently.
//
// It reads tolerantly where the meaning is clear (unknown fields, missing
// times, numbers as labels) and refuses where it is not: two members of one
// object under the same name, an alert that neither fires nor is resolved.
// A delivery is read as a whole or not at all.
//
// Texts are cut and labels dropped at the limits below, so that an alert stays
// around ten kilobytes at most and a hundred of them fit one Temporal payload.
// The bytes as they came stay in the inbox.
package intake

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"vigil/gateway/store"
	"vigil/workflows/incident"
)

// The sources that alerts come from: the last part of the path they post to.
const (
	SourceAlertmanager = "alertmanager"
	SourceSNS          = "sns"
	SourceCloudEvents  = "cloudevents"
	SourceGrafana      = "grafana"
	SourceCloudWatch   = "cloudwatch"
	SourceEventBridge  = "eventbridge"
	SourceSQS          = "sqs"
	SourcePagerDuty    = "pagerduty"
	SourcePDEvents     = "pagerduty-events"
	SourceDatadog      = "datadog"
	SourceOpsgenie     = "opsgenie"
)

// format is one way in which deliveries are written.
type format struct {
	summary string // what it takes, for the API's documentation
	read    func(store.Delivery) (Result, error)
}

// formats are those that code reads, by the source that is named after each.
var formats = map[string]format{
	SourceAlertmanager: {"a webhook of Alertmanager (version 4 or 3)", alertmanager},
	SourceSNS:          {"an SNS message that holds a CloudWatch alarm or an EventBridge event", sns},
	SourceCloudEvents:  {"a CloudEvent, structured or binary", cloudEvents},
	SourceGrafana:      {"a webhook of Grafana Alerting, or of its legacy alerting", grafana},
	SourceCloudWatch:   {"a CloudWatch alarm as CloudWatch sends it, metric or composite", cloudWatch},
	SourceEventBridge:  {"an EventBridge event, or a list of them", eventBridge},
	SourceSQS:          {"a message of an SQS queue, or a batch, that holds what AWS sends", sqs},
	SourcePagerDuty:    {"a PagerDuty webhook (version 3)", pagerDuty},
	SourcePDEvents:     {"an event of the PagerDuty Events API v2", pagerDutyEvents},
	SourceDatadog:      {"a Datadog webhook, with its default payload or one of your own", datadog},
	SourceOpsgenie:     {"an outgoing webhook of Opsgenie", opsgenie},
}

// Sources lists every source that code reads.
func Sources() []string { return sortedKeys(formats) }

// Summary says what the deliveries of source are, "" where there is no such source.
func Summary(source string) string { return formats[source].summary }

// HeaderPrefix begins the names of the request headers that intakes read,
// besides Content-Type; case does not matter. The gateway keeps them in the
// delivery.
const HeaderPrefix = "ce-"

// ConfirmedHeader is kept by the gateway with a subscription of SNS that it has
// confirmed. No sender can set it.
const ConfirmedHeader = "vigil-confirmed"

// Limits, in bytes unless said otherwise. What is longer is cut; a key or a
// fingerprint that is longer is replaced by its beginning and a hash.
const (
	MaxAlerts      = 10_000 // alerts in one delivery; more is an error
	MaxTitle       = 256
	MaxDescription = 2_048
	MaxService     = 128
	MaxKey         = 512
	MaxFingerprint = 128
	MaxLabels      = 64 // count
	MaxLabelName   = 128
	MaxLabelValue  = 512
	MaxLabelBytes  = 4_096 // names and values of one alert together
	maxNote        = 2_048
)

// DroppedLabels is the label that counts those which did not fit.
const DroppedLabels = "vigil_dropped_labels"

// Result is what a delivery holds. Note is for a person and counts where there
// are no alerts.
type Result struct {
	Alerts []incident.Alert
	Note   string
}

// Parse reads a delivery.
func Parse(d store.Delivery) (Result, error) {
	f, known := formats[d.Source]
	if !known {
		return Result{}, invalid("no intake for source %q; there are %s", d.Source, strings.Join(Sources(), ", "))
	}
	return parse(f.read, d)
}

// parse is what every way to read a delivery has in common.
func parse(read func(store.Delivery) (Result, error), d store.Delivery) (Result, error) {
	res, err := read(d)
	if err != nil {
		return Result{}, invalid("the delivery %v", err)
	}
	if len(res.Alerts) > MaxAlerts {
		return Result{}, invalid("the delivery holds %d alerts, and %d is the limit; have the source send smaller groups", len(res.Alerts), MaxAlerts)
	}
	res.Note = clean(res.Note, maxNote)
	for i := range res.Alerts {
		finish(&res.Alerts[i], d)
	}
	return res, nil
}

// Dispatches groups alerts by correlation key, in the order in which keys and
// alerts came.
func Dispatches(alerts []incident.Alert) []store.Dispatch {
	var out []store.Dispatch
	at := map[string]int{}
	for _, a := range alerts {
		i, ok := at[a.CorrelationKey]
		if !ok {
			i = len(out)
			at[a.CorrelationKey] = i
			out = append(out, store.Dispatch{CorrelationKey: a.CorrelationKey})
		}
		out[i].Alerts = append(out[i].Alerts, a)
	}
	return out
}

// finish brings an alert within the limits and says where it came from.
func finish(a *incident.Alert, d store.Delivery) {
	a.Source, a.InboxID, a.ReceivedAt, a.Origin = d.Source, d.ID, d.ReceivedAt, d.Origin
	a.CorrelationKey = bounded(a.CorrelationKey, MaxKey)
	a.Fingerprint = bounded(a.Fingerprint, MaxFingerprint)
	a.Title = clean(strings.Join(strings.Fields(a.Title), " "), MaxTitle)
	if a.Title == "" {
		a.Title = "Alert from " + d.Source
	}
	a.Description = clean(a.Description, MaxDescription)
	a.Service = clean(a.Service, MaxService)
	a.Labels = boundLabels(a.Labels)
}

// boundLabels keeps labels in the order of their names until one of the
// limits is reached, and counts the rest.
func boundLabels(in map[string]string) map[string]string {
	if len(in) == 0 {
		return nil
	}
	out, size, dropped := make(map[string]string, min(len(in), MaxLabels)), 0, 0
	for _, name := range sortedKeys(in) {
		k, v := clean(name, MaxLabelName), clean(in[name], MaxLabelValue)
		if k == "" || v == "" {
			continue // an empty label is the same as none
		}
		if len(out) == MaxLabels-1 || size+len(k)+len(v) > MaxLabelBytes {
			dropped++
			continue
		}
		out[k] = v
		size += len(k) + len(v)
	}
	if dropped > 0 {
		out[DroppedLabels] = fmt.Sprint(dropped)
	}
	return out
}

// clean makes s valid UTF-8 without control characters and at most limit bytes
// long; a cut is marked by an ellipsis.
func clean(s string, limit int) string {
	s = strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\t' {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD")))
	if len(s) <= limit {
		return s
	}
	const mark = "…"
	cut := limit - len(mark)
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + mark
}

// bounded is clean for identities: what had to be changed keeps a hash of the
// whole, so that two of them never become one.
func bounded(s string, limit int) string {
	if whole := clean(s, limit); whole == s {
		return s
	}
	tail := "#" + hash(s)
	return clean(s, limit-len(tail)) + tail
}

// invalid is an error for a person to read beside the delivery.
func invalid(format string, args ...any) error {
	return incident.Errorf(incident.KindInvalid, format, args...)
}

func firstNonEmpty(values ...string) string {
	for _, v := range values {
		if v = strings.TrimSpace(v); v != "" {
			return v
		}
	}
	return ""
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
