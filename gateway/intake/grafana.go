package intake

import (
	"fmt"
	"net/url"
	"strings"

	"vigil/gateway/store"
	"vigil/workflows/incident"
)

// The labels that Grafana's own fields are kept under.
const (
	GrafanaOrg       = "grafana_org"
	GrafanaValues    = "grafana_values"
	GrafanaDashboard = "grafana_dashboard"
	GrafanaPanel     = "grafana_panel"
	GrafanaSilence   = "grafana_silence"
	GrafanaRule      = "grafana_rule"
)

// grafanaWebhook is what Grafana adds to the shape of Alertmanager.
type grafanaWebhook struct {
	OrgID       scalar `json:"orgId"`
	ExternalURL scalar `json:"externalURL"`
	Alerts      []struct {
		Values       scalars `json:"values"`
		ValueString  scalar  `json:"valueString"`
		DashboardURL scalar  `json:"dashboardURL"`
		PanelURL     scalar  `json:"panelURL"`
		SilenceURL   scalar  `json:"silenceURL"`
	} `json:"alerts"`
}

// grafanaLegacy is the webhook of dashboard alerts, as Grafana had them up to
// version 10.
type grafanaLegacy struct {
	State       scalar  `json:"state"`
	Title       scalar  `json:"title"`
	Message     scalar  `json:"message"`
	OrgID       scalar  `json:"orgId"`
	RuleID      scalar  `json:"ruleId"`
	RuleName    scalar  `json:"ruleName"`
	RuleURL     scalar  `json:"ruleUrl"`
	ImageURL    scalar  `json:"imageUrl"`
	Tags        scalars `json:"tags"`
	EvalMatches []struct {
		Value  scalar  `json:"value"`
		Metric scalar  `json:"metric"`
		Tags   scalars `json:"tags"`
	} `json:"evalMatches"`
}

// grafana reads both of Grafana's webhooks.
// https://grafana.com/docs/grafana/latest/alerting/configure-notifications/manage-contact-points/integrations/webhook-notifier/
// https://grafana.com/docs/grafana/v8.5/alerting/old-alerting/notifications/
//
// Grafana Alerting sends the shape of Alertmanager under version "1" with
// fields of its own; without an orgId it is an Alertmanager behind Grafana and
// read just so. The correlation key is the groupKey with the host of
// externalURL and the orgId before it: unlike replicas of Alertmanager, two
// organisations or two Grafanas mean different groups by the same words. The
// member is the fingerprint; status, severity and service are read as from
// Alertmanager. DatasourceNoData and DatasourceError are alerts like any: the
// rule asked for them.
//
// Legacy alerting knows one state of a rule, so the rule is both the key (its
// id with the host of ruleUrl) and the member, whichever series match. The
// severity comes from the rule's tags. It says no times. State alerting fires
// and ok resolves. no_data is recorded, as INSUFFICIENT_DATA of CloudWatch is:
// it is what rules do by default when a query finds nothing, and neither opens
// a problem nor ends one; who wants an alert sets the rule to alerting for it.
// pending and paused are recorded too.
func grafana(d store.Delivery) (Result, error) {
	var is struct {
		Alerts   tolerant `json:"alerts"`
		RuleID   scalar   `json:"ruleId"`
		RuleName scalar   `json:"ruleName"`
	}
	if err := decode(d.Body, &is, "*"); err != nil {
		return Result{}, err
	}
	if !is.Alerts.there && (is.RuleID != "" || is.RuleName != "") {
		return legacy(d.Body)
	}
	res, err := alertmanager(d)
	if err != nil {
		return Result{}, err
	}
	var w grafanaWebhook
	if err := decode(d.Body, &w, amFree...); err != nil {
		return Result{}, err
	}
	for i := range res.Alerts {
		a, more := &res.Alerts[i], w.Alerts[i]
		if w.OrgID != "" {
			a.CorrelationKey = "grafana:" + host(w.ExternalURL) + ":" + string(w.OrgID) + ":" + a.CorrelationKey
		}
		values := more.Values.line()
		if values == "" {
			values = string(more.ValueString)
		}
		// Without a summary all of these have the same title.
		if name, rule := a.Labels["alertname"], a.Labels["rulename"]; a.Title == name && rule != "" && strings.HasPrefix(name, "Datasource") {
			a.Title = name + ": " + rule
		}
		a.Labels[GrafanaOrg], a.Labels[GrafanaValues] = string(w.OrgID), values
		a.Labels[GrafanaDashboard], a.Labels[GrafanaPanel] = string(more.DashboardURL), string(more.PanelURL)
		a.Labels[GrafanaSilence] = string(more.SilenceURL)
	}
	return res, nil
}

func legacy(body []byte) (Result, error) {
	var w grafanaLegacy
	if err := decode(body, &w, "tags"); err != nil {
		return Result{}, err
	}
	name, id := firstNonEmpty(string(w.RuleName), string(w.Title)), string(w.RuleID)
	if id == "" || id == "0" {
		id = name // a test notification has the id 0
	}
	if id == "" {
		return Result{}, invalid("is an alert of Grafana without ruleId and ruleName to know it by")
	}
	labels := w.labels()
	a := incident.Alert{
		CorrelationKey: "grafana:" + host(w.RuleURL) + ":rule:" + id, Severity: labelSeverity(labels), Service: labels.get(serviceLabels...),
		Title: firstNonEmpty(name, "Grafana rule "+id), Labels: labels.strings(),
		Description: joined(string(w.Message), noted("Values: ", string(labels[GrafanaValues])), noted("Image: ", string(w.ImageURL))),
	}
	a.Fingerprint = hash(a.CorrelationKey)
	switch state := strings.ToLower(strings.TrimSpace(string(w.State))); state {
	case "alerting":
		a.Status = incident.AlertFiring
	case "ok":
		a.Status = incident.AlertResolved
	case "no_data", "pending", "paused", "unknown":
		return Result{Note: fmt.Sprintf("Grafana rule %q is in state %s, which neither opens a problem nor ends one. %s", a.Title, state, w.Message)}, nil
	default:
		return Result{}, invalid("is Grafana rule %q in state %q, which is none of alerting, ok, no_data, pending and paused",
			clean(a.Title, MaxLabelName), clean(string(w.State), MaxLabelName))
	}
	return Result{Alerts: []incident.Alert{a}}, nil
}

// labels are the rule's tags and, of the series that match, what all agree on.
func (w grafanaLegacy) labels() scalars {
	out := scalars{}
	values := make([]string, 0, len(w.EvalMatches))
	for i, m := range w.EvalMatches {
		values = append(values, string(m.Metric)+"="+string(m.Value))
		if i == 0 {
			for k, v := range m.Tags {
				out[k] = v
			}
			continue
		}
		for k, v := range out {
			if m.Tags[k] != v {
				delete(out, k)
			}
		}
	}
	for k, v := range w.Tags {
		out[k] = v
	}
	out[GrafanaOrg], out[GrafanaRule], out[GrafanaPanel] = w.OrgID, w.RuleID, w.RuleURL
	out[GrafanaValues] = scalar(strings.Join(values, ", "))
	return out
}

// line writes values in the order of their names: A=1, B=2.
func (m scalars) line() string {
	parts := make([]string, 0, len(m))
	for _, k := range sortedKeys(m) {
		parts = append(parts, k+"="+string(m[k]))
	}
	return strings.Join(parts, ", ")
}

// host is the host of a URL, "" where it is none.
func host(link scalar) string {
	u, err := url.Parse(strings.TrimSpace(string(link)))
	if err != nil {
		return ""
	}
	return strings.ToLower(u.Host)
}

// tolerant notes that a member is there, whatever it holds.
type tolerant struct{ there bool }

func (t *tolerant) UnmarshalJSON(raw []byte) error {
	t.there = string(raw) != "null"
	return nil
}
