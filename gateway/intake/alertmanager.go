package intake

import (
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"strconv"
	"strings"

	"vigil/gateway/store"
	"vigil/workflows/incident"
)

// TruncatedAlerts is the label that tells how many alerts of the group
// Alertmanager left out (its max_alerts). Which they are, and when they end,
// it never says: with a limit there, a group may look resolved too early.
const TruncatedAlerts = "alertmanager_truncated_alerts"

// amWebhook is what Alertmanager posts, version 4 (since 0.9) and version 3.
// They differ in groupKey, which is a string in 4 and a number in 3. Programs
// that send the same shape under another version are read like 4.
// https://prometheus.io/docs/alerting/latest/configuration/#webhook_config
type amWebhook struct {
	Status            scalar          `json:"status"`
	GroupKey          json.RawMessage `json:"groupKey"`
	GroupLabels       scalars         `json:"groupLabels"`
	CommonAnnotations scalars         `json:"commonAnnotations"`
	TruncatedAlerts   scalar          `json:"truncatedAlerts"`
	Alerts            []amAlert       `json:"alerts"`
}

type amAlert struct {
	Status      scalar  `json:"status"`
	Labels      scalars `json:"labels"`
	Annotations scalars `json:"annotations"`
	StartsAt    scalar  `json:"startsAt"`
	EndsAt      scalar  `json:"endsAt"`
	Fingerprint scalar  `json:"fingerprint"`
}

// amFree are the objects in which people choose the names; values is Grafana's.
var amFree = []string{"labels", "annotations", "groupLabels", "commonLabels", "commonAnnotations", "routeLabels", "values"}

// alertmanager reads a webhook. The correlation key is the groupKey, without
// receiver and external URL: two receivers, or two Alertmanagers of one
// cluster, that tell of one group tell of one problem. Where there is no
// groupKey that can be used it is derived (see amKey). Members are told apart
// by fingerprint. Status is the alert's own, else its group's; severity is read
// from the labels. Why it was sent (notification_reason, since 0.34) changes
// nothing, and a webhook without alerts is refused.
func alertmanager(d store.Delivery) (Result, error) {
	var w amWebhook
	if err := decode(d.Body, &w, amFree...); err != nil {
		return Result{}, err
	}
	if len(w.Alerts) == 0 {
		return Result{}, invalid(`holds no alerts: an Alertmanager webhook has them under "alerts"`)
	}
	fingerprints := amFingerprints(w.Alerts)
	var res Result
	for i, in := range w.Alerts {
		status, err := amStatus(in.Status, w.Status)
		if err != nil {
			return Result{}, invalid("has an alert (%d of %d) %v", i+1, len(w.Alerts), err)
		}
		if fingerprints[i] == "" {
			return Result{}, invalid("has an alert (%d of %d) with neither labels nor a fingerprint to know it by", i+1, len(w.Alerts))
		}
		name := in.Labels.get("alertname")
		a := incident.Alert{
			CorrelationKey: amKey(w, in, fingerprints[i]), Fingerprint: fingerprints[i], Status: status,
			Severity: labelSeverity(in.Labels), Service: in.Labels.get(serviceLabels...),
			Title:       amTitle(name, in.Annotations.get("summary", "title")),
			Description: amDescription(in.Annotations),
			Labels:      in.Labels.strings(),
			StartsAt:    moment(in.StartsAt), EndsAt: moment(in.EndsAt),
		}
		if t := string(w.TruncatedAlerts); t != "" && t != "0" {
			a.Labels[TruncatedAlerts] = t
		}
		res.Alerts = append(res.Alerts, a)
	}
	return res, nil
}

// amStatus takes the alert's own status, else its group's.
func amStatus(own, group scalar) (incident.AlertStatus, error) {
	word := firstNonEmpty(string(own), string(group))
	switch s := incident.AlertStatus(strings.ToLower(word)); {
	case s.Valid():
		return s, nil
	case word == "":
		return "", errors.New("without a status, and none for its group")
	}
	return "", fmt.Errorf("in status %q, which is neither firing nor resolved", clean(word, MaxLabelName))
}

// amKey is the group's key. Version 3 sends a number in its place, which is
// another after Alertmanager was upgraded, and some senders nothing: then it
// is made of the group's labels in the words of version 4, as for a group of
// the root route; without group labels, of the alert's name, which is what
// most configurations group by; and without a name each alert is its own group.
func amKey(w amWebhook, a amAlert, fingerprint string) string {
	var key string
	if json.Unmarshal(w.GroupKey, &key) == nil && strings.TrimSpace(key) != "" {
		return key
	}
	name, named := a.Labels["alertname"]
	switch {
	case len(w.GroupLabels) > 0 || w.GroupLabels != nil && len(w.GroupKey) > 0:
		return "{}:" + labelSet(w.GroupLabels)
	case named && name != "":
		return "{}:" + labelSet(scalars{"alertname": name})
	}
	return "{}:fingerprint=" + fingerprint
}

// labelSet writes labels as Alertmanager does: {a="1", b="2"}.
func labelSet(labels scalars) string {
	parts := make([]string, 0, len(labels))
	for _, k := range sortedKeys(labels) {
		parts = append(parts, k+"="+strconv.Quote(string(labels[k])))
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

// amFingerprints returns every alert's fingerprint: the one it came with, else
// the one that Alertmanager computes. A sender that gives the same to alerts
// with different labels does not know what it says; there ours count.
func amFingerprints(alerts []amAlert) []string {
	out := make([]string, len(alerts))
	first := map[string]int{}
	clash := map[string]bool{}
	for i, a := range alerts {
		out[i] = strings.TrimSpace(string(a.Fingerprint))
		if j, known := first[out[i]]; !known {
			first[out[i]] = i
		} else if labelFingerprint(alerts[j].Labels) != labelFingerprint(a.Labels) {
			clash[out[i]] = true
		}
	}
	for i, a := range alerts {
		if (out[i] == "" || clash[out[i]]) && len(a.Labels) > 0 {
			out[i] = labelFingerprint(a.Labels)
		}
	}
	return out
}

// labelFingerprint is the fingerprint of a label set as Prometheus and
// Alertmanager compute it: 64-bit FNV-1a over the sorted names and values,
// each followed by a byte that UTF-8 cannot hold.
func labelFingerprint(labels scalars) string {
	h := fnv.New64a()
	end := []byte{255}
	for _, n := range sortedKeys(labels) {
		h.Write([]byte(n))
		h.Write(end)
		h.Write([]byte(labels[n]))
		h.Write(end)
	}
	return fmt.Sprintf("%016x", h.Sum64())
}

func amTitle(name, summary string) string {
	if name == "" || summary == "" || strings.Contains(summary, name) {
		return firstNonEmpty(summary, name)
	}
	return name + ": " + summary
}

func amDescription(annotations scalars) string {
	text := annotations.get("description", "message", "info")
	if url := annotations.get("runbook_url", "runbook"); url != "" {
		text = strings.TrimSpace(text + "\nRunbook: " + url)
	}
	return text
}
