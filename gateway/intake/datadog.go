package intake

import (
	"fmt"
	"mime"
	"regexp"
	"strings"

	"vigil/gateway/store"
	"vigil/workflows/incident"
)

// DatadogPayload is the payload to paste into a webhook of Datadog
// (Integrations, Webhooks, Payload), with "Encode as form" left off. Datadog's
// default payload is read as well, but knows neither priority nor tags.
const DatadogPayload = `{
  "id": "$ID",
  "event_type": "$EVENT_TYPE",
  "title": "$EVENT_TITLE",
  "body": "$TEXT_ONLY_MSG",
  "last_updated": "$LAST_UPDATED",
  "link": "$LINK",
  "hostname": "$HOSTNAME",
  "tags": "$TAGS",
  "aggreg_key": "$AGGREG_KEY",
  "alert_id": "$ALERT_ID",
  "alert_title": "$ALERT_TITLE",
  "alert_transition": "$ALERT_TRANSITION",
  "alert_type": "$ALERT_TYPE",
  "alert_priority": "$ALERT_PRIORITY",
  "alert_scope": "$ALERT_SCOPE",
  "alert_metric": "$ALERT_METRIC",
  "alert_query": "$ALERT_QUERY",
  "alert_status": "$ALERT_STATUS",
  "org": {"id": "$ORG_ID", "name": "$ORG_NAME"}
}`

// ddNames are the names under which payloads carry what is read here, in lower
// case without what is no letter; "org":{"id":…} is orgid.
var ddNames = struct {
	monitor, transition, title, monitorTitle, alertType, priority, scope, metric, query, status,
	body, host, tags, at, link, event, kind, org, aggregate []string
}{
	monitor: []string{"alertid", "monitorid"}, transition: []string{"alerttransition", "transition"},
	title: []string{"eventtitle", "title"}, monitorTitle: []string{"alerttitle", "monitorname"}, alertType: []string{"alerttype"},
	priority: []string{"alertpriority", "priority"}, scope: []string{"alertscope", "scope"}, metric: []string{"alertmetric", "metric"},
	query: []string{"alertquery", "query"}, status: []string{"alertstatus", "status"}, body: []string{"textonlymsg", "textmsg", "body", "eventmsg", "message", "text"},
	host: []string{"hostname", "host"}, tags: []string{"tags", "eventtags"}, at: []string{"lastupdated", "date", "dateposix"},
	link: []string{"link", "url"}, event: []string{"id", "eventid"}, kind: []string{"eventtype"}, org: []string{"orgid", "orgname"},
	aggregate: []string{"aggregkey", "aggregationkey"},
}

var (
	ddUnfilled = regexp.MustCompile(`^\$[A-Z][A-Z0-9_]*(\[[^\]]*\])?$`)
	ddMonitor  = regexp.MustCompile(`/monitors[#/]([0-9]+)`)
	ddTitle    = regexp.MustCompile(`^(?:\[(P[1-5])\]\s*)?\[([^\[\]{}]+?)(?:\s+on\s+\{(.*?)\})?\]\s*(.*)$`)
)

// datadog reads webhooks of Datadog, whose payload people write themselves: the
// one above, the default, and others that use the usual names for Datadog's
// variables, in any case and with or without underscores, also under "alert",
// "metadata" or "data". A variable that was not filled in is none.
// https://docs.datadoghq.com/integrations/webhooks/
//
// The correlation key is the monitor: organisation and monitor id, which the
// default payload has in the links of its body; without either its name, else
// the aggregation key. The member is the scope, the group of the monitor that
// the alert is about.
//
// Status is the transition: Recovered resolves; Triggered, Re-Triggered, Alert,
// Warn, No Data, Renotify and their like fire, No Data because it is only sent
// where the monitor asks for it. Without a transition the title has it ("[Warn on
// {host:x}] …"), else the alert type tells error and warning from success. An
// event that says none of it is no monitor's, and is recorded.
//
// The severity is the priority of the monitor; without one Warn is medium, and
// else the alert type counts. The service is a tag. Texts stay as they are,
// images and links in them too.
func datadog(d store.Delivery) (Result, error) {
	if media, _, err := mime.ParseMediaType(d.ContentType); err == nil && media == "application/x-www-form-urlencoded" {
		return Result{}, invalid(`is a form; leave "Encode as form" off in the webhook`)
	}
	var whole tolerant
	if err := decode(d.Body, &whole, "*"); err != nil {
		return Result{}, err
	}
	t := readNode(d.Body)
	if _, object := t.v.(map[string]any); !object {
		return Result{}, invalid("is no webhook of Datadog, which is a JSON object")
	}
	f := scalars{}
	ddFlatten(f, "", t)
	n := ddNames
	title := ddTitle.FindStringSubmatch(f.get(n.title...))
	if title == nil || !ddWord(title[2]) {
		title = []string{"", "", "", "", f.get(n.title...)}
	}
	word := firstNonEmpty(f.get(n.transition...), title[2])
	if status := f.get(n.status...); word == "" && ddWord(status) {
		word = status
	}
	over, err := ddOver(word, f.get(n.alertType...))
	switch {
	case err != nil:
		return Result{}, err
	case over == nil && f.get(n.title...) == "" && f.get(n.monitorTitle...) == "":
		return Result{}, invalid("is no webhook of Datadog: it has neither a transition nor a title")
	case over == nil:
		return Result{Note: fmt.Sprintf("Datadog event %q (%s) is no change of a monitor. %s", f.get(n.title...), f.get(n.kind...), f.get(n.link...))}, nil
	}
	tags := asScalars(tagLabels(strings.Split(f.get(n.tags...), ",")))
	name := firstNonEmpty(f.get(n.monitorTitle...), title[4])
	scope := firstNonEmpty(f.get(n.scope...), title[3])
	monitor := f.get(n.monitor...)
	for _, text := range []string{f.get(n.link...), string(f["body"]), f.get(n.body...)} {
		if m := ddMonitor.FindStringSubmatch(text); monitor == "" && m != nil {
			monitor = m[1]
		}
	}
	what := firstNonEmpty(monitor, title[4], name, f.get(n.aggregate...))
	if what == "" {
		return Result{}, invalid("is an alert of Datadog that names no monitor; send $ALERT_ID")
	}
	a := incident.Alert{CorrelationKey: "datadog:" + f.get(n.org...) + ":" + what, Status: incident.AlertFiring,
		Severity: ddSeverity(firstNonEmpty(f.get(n.priority...), title[1]), word, f.get(n.alertType...)),
		Title:    firstNonEmpty(name, "Datadog monitor "+what), Description: joined(ddBody(f.get(n.body...)), f.get(n.link...)),
		StartsAt: stamp(f.get(n.at...))}
	a.Fingerprint = hash(a.CorrelationKey, ddScope(scope))
	for name, value := range tagLabels(strings.Split(scope, ",")) {
		if _, known := tags[name]; !known {
			tags[name] = scalar(value)
		}
	}
	a.Service = tags.get(serviceLabels...)
	a.Labels = tags.strings()
	for name, value := range map[string]string{"datadog_monitor": monitor, "datadog_scope": scope, "datadog_transition": word,
		"datadog_metric": f.get(n.metric...), "datadog_query": f.get(n.query...), "datadog_status": f.get(n.status...), "datadog_host": f.get(n.host...),
		"datadog_event": f.get(n.event...), "datadog_event_type": f.get(n.kind...), "datadog_aggregation": f.get(n.aggregate...)} {
		a.Labels[name] = value
	}
	return one(end(a, *over)), nil
}

// ddFlatten gathers the scalars of a payload by name. Of several with one name
// the outermost and then the first in order counts.
func ddFlatten(out scalars, prefix string, t node) {
	m, _ := t.v.(map[string]any)
	var deeper []string
	for _, k := range sortedKeys(m) {
		name := prefix + ddName(k)
		value := node{m[k]}
		switch m[k].(type) {
		case map[string]any:
			deeper = append(deeper, k)
			continue
		case []any: // tags
			var items []string
			for _, v := range value.list() {
				items = append(items, v.text())
			}
			value = node{strings.Join(items, ",")}
		}
		text := value.text()
		if _, known := out[name]; known || text == "" || ddUnfilled.MatchString(text) {
			continue
		}
		out[name] = scalar(text)
	}
	for _, k := range deeper {
		name := ddName(k)
		switch name {
		case "metadata", "data", "payload":
			name = "" // these only wrap
		}
		ddFlatten(out, prefix+name, node{m[k]})
	}
}

// ddName is a name as ddNames has it.
func ddName(k string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' {
			return r
		}
		return -1
	}, strings.ToLower(k))
}

var (
	ddFires = []string{"triggered", "re-triggered", "alert", "re-alert", "warn", "re-warn", "warning", "no data", "re-no data", "nodata", "renotify", "renotified", "error"}
	ddEnds  = []string{"recovered", "warn recovered", "alert recovered", "no data recovered", "ok", "success", "resolved"}
)

func ddWord(word string) bool { return contains(ddFires, word) || contains(ddEnds, word) }

// ddOver says whether the alert is over; nil is that nothing says so.
func ddOver(word, alertType string) (*bool, error) {
	var over bool
	switch {
	case word == "":
		switch strings.ToLower(alertType) {
		case "error", "warning":
		case "success", "recovery":
			over = true
		default:
			return nil, nil
		}
	case contains(ddEnds, word):
		over = true
	case !contains(ddFires, word):
		return nil, invalid("is an alert of Datadog with the transition %q, which is not known", clean(word, MaxLabelName))
	}
	return &over, nil
}

func ddSeverity(priority, word, alertType string) incident.Severity {
	if s := labelSeverity(scalars{"priority": scalar(priority)}); s != "" && !strings.EqualFold(priority, "low") && !strings.EqualFold(priority, "normal") {
		return s // normal and low are what $PRIORITY says of the event, whatever the monitor's
	}
	if w := strings.ToLower(word); strings.Contains(w, "warn") {
		return incident.SeverityMedium
	}
	return severity(alertType)
}

// ddScope is the scope with its tags in order, so that it is one member however
// Datadog writes it.
func ddScope(scope string) string {
	tags := tagLabels(strings.Split(scope, ","))
	if len(tags) == 0 {
		return strings.TrimSpace(scope)
	}
	var parts []string
	for _, k := range sortedKeys(tags) {
		parts = append(parts, k+":"+tags[k])
	}
	return strings.Join(parts, ",")
}

// ddBody is the text without the marks that tell Datadog it is Markdown.
func ddBody(text string) string {
	text = strings.TrimSpace(text)
	return strings.TrimSpace(strings.TrimSuffix(strings.TrimPrefix(text, "%%%"), "%%%"))
}
