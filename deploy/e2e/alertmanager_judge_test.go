package e2e_test

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"vigil/gateway"
	"vigil/gateway/store"
	"vigil/workflows/event"
	"vigil/workflows/incident"
)

// reading is all that Vigil says it has, read after everything has come to rest.
type reading struct {
	deliveries map[int64]gateway.DeliveryItem
	incidents  []found
}

// found is one incident.
type found struct {
	summary event.Summary
	members []incident.Alert   // as they stand
	heard   [][]incident.Alert // what each of its runs was told, in order
}

// read asks the API for everything. Which runs an incident has had only
// Temporal can list: the API shows the latest.
func read(a api, temporal client.Client) reading {
	a.t.Helper()
	r := reading{deliveries: map[int64]gateway.DeliveryItem{}}
	for before := int64(0); ; {
		var page gateway.DeliveryList
		a.must(http.MethodGet, fmt.Sprintf("%s/api/v1/deliveries?limit=50&before=%d", a.gateway, before), nil, &page)
		for _, d := range page.Deliveries {
			r.deliveries[d.ID] = d
		}
		if before = page.Next; before == 0 {
			break
		}
	}
	runs := runsOf(a, temporal)
	for cursor := ""; ; {
		var page gateway.IncidentList
		a.must(http.MethodGet, a.gateway+"/api/v1/incidents?limit=200&cursor="+url.QueryEscape(cursor), nil, &page)
		for _, s := range page.Incidents {
			f := found{summary: s, members: members(a, s.IncidentID)}
			for _, run := range runs[s.IncidentID] {
				f.heard = append(f.heard, heard(a, s.IncidentID, run))
			}
			r.incidents = append(r.incidents, f)
		}
		if cursor = page.NextCursor; cursor == "" {
			return r
		}
	}
}

// members are the alerts of an incident as they stand.
func members(a api, incidentID string) []incident.Alert {
	a.t.Helper()
	var v event.View
	a.must(http.MethodGet, a.gateway+"/api/v1/incidents/"+incidentID, nil, &v)
	return v.Alerts
}

// heard are the alerts that a run of an incident was told.
func heard(a api, incidentID, runID string) (alerts []incident.Alert) {
	a.t.Helper()
	for after := int64(0); ; {
		var page gateway.EventList
		a.must(http.MethodGet, fmt.Sprintf("%s/api/v1/incidents/%s/events?run_id=%s&after=%d", a.gateway, incidentID, runID, after), nil, &page)
		for _, e := range page.Events {
			after = max(after, e.Seq)
			data, err := e.Decode()
			if err != nil {
				a.t.Error(err)
			}
			if d, ok := data.(*event.AlertReceived); ok {
				alerts = append(alerts, d.Alert)
			}
		}
		if !page.More || len(page.Events) == 0 {
			return alerts
		}
	}
}

func runsOf(a api, temporal client.Client) map[string][]string {
	a.t.Helper()
	runs := map[string][]string{}
	for q := (&workflowservice.ListWorkflowExecutionsRequest{Query: "WorkflowType = '" + incident.WorkflowType + "'"}); ; {
		page, err := temporal.ListWorkflow(a.t.Context(), q)
		if err != nil {
			a.t.Fatal(err)
		}
		for _, e := range page.GetExecutions() {
			at := e.GetExecution()
			runs[at.GetWorkflowId()] = append(runs[at.GetWorkflowId()], at.GetRunId())
		}
		if q.NextPageToken = page.GetNextPageToken(); len(q.NextPageToken) == 0 {
			return runs
		}
	}
}

// verdict is what a reading is worth against what was sent.
type verdict struct {
	faults []string

	episodes, reopened, echoes, open, firing int // for the log
	outcomes                                 map[string]int
}

func (v *verdict) fault(format string, args ...any) {
	v.faults = append(v.faults, fmt.Sprintf(format, args...))
}

// judge counts what Vigil has against what Alertmanagers were answered, and
// against what the scenario said last of each alert.
func judge(r reading, answers []answered, last map[string]int64) verdict {
	v := verdict{outcomes: map[string]int{}}
	v.kept(r, answers)
	v.once(r, answers)
	v.shown(r, last)
	open := map[string]string{} // by correlation key
	for _, f := range r.incidents {
		v.outcomes[string(cmp.Or(f.summary.Outcome, incident.Outcome(f.summary.Status)))]++
		if !f.summary.Status.Terminal() {
			v.open++
			v.ownsKeys(f, open)
		}
		for _, run := range f.heard {
			v.tellsOnce(f.summary.IncidentID, run)
		}
	}
	return v
}

// kept: what was answered 2xx is in the inbox, byte for byte, and dispatched.
func (v *verdict) kept(r reading, answers []answered) {
	for _, a := range answers {
		if !a.accepted() {
			continue
		}
		d, ok := r.deliveries[a.deliveryID]
		if !ok || !d.Truncated && !bytes.Equal(d.Body, a.body) {
			v.fault("delivery %d was answered %d and is not in the inbox as it was sent", a.deliveryID, a.code)
		}
	}
	for id, d := range r.deliveries {
		for _, s := range d.Dispatches {
			if s != store.DispatchDelivered && s != store.DispatchRepeated && s != store.DispatchNoOpenProblem {
				v.fault("delivery %d has a dispatch that is %s", id, s)
			}
		}
		if d.State != store.DeliveryNormalised || len(d.Dispatches) == 0 {
			v.fault("delivery %d is %s (%s) with %d dispatches", id, d.State, d.Reason, len(d.Dispatches))
		}
	}
}

// once: every alert that was taken as firing fires in one incident. It may fire
// in another only as often as the senders themselves took back its resolve: a
// peer that could not bring its message during an outage brings it late. A
// message that opens an incident may also tell, for the second time, of a
// resolve whose incident is over; such an echo fires nowhere, and is counted.
func (v *verdict) once(r reading, answers []answered) {
	in := map[episode]map[string]bool{}
	resolvedIn := map[episode]map[string]bool{}
	for _, f := range r.incidents {
		for _, a := range slices.Concat(f.heard...) {
			e, to := episode{a.Fingerprint, a.StartsAt.UnixMilli()}, resolvedIn
			if a.Status == incident.AlertFiring {
				to = in
			}
			if to[e] == nil {
				to[e] = map[string]bool{}
			}
			to[e][f.summary.IncidentID] = true
		}
	}
	again := v.takenBack(r)
	taken := map[episode]bool{}
	for _, a := range answers {
		for i, alert := range a.message.Alerts {
			if a.accepted() && alert.Status == incident.AlertFiring {
				taken[a.message.episode(i)] = true
			}
		}
	}
	v.episodes = len(taken)
	for e := range taken {
		if len(in[e]) == 0 {
			v.fault("the alert %s was answered 2xx and is in no incident", e)
		}
	}
	for e, incidents := range resolvedIn {
		for id := range incidents {
			if !in[e][id] {
				v.echoes++
			}
		}
	}
	for e, incidents := range in {
		if len(incidents) > 1+again[e] {
			v.fault("the alert %s fires in %d incidents, its resolve was taken back %d times: %s", e, len(incidents), again[e], r.stories(e))
		}
	}
}

// stories tells of every incident that heard of e when it heard what, and how
// it ended.
func (r reading) stories(e episode) string {
	const clock = "15:04:05.000"
	var all []string
	for _, f := range r.incidents {
		story, mine := f.summary.IncidentID, false
		for _, a := range slices.Concat(f.heard...) {
			if a.Fingerprint == e.fingerprint {
				story += fmt.Sprintf(", %s since %s at %s (delivery %d)", a.Status, a.StartsAt.Format(clock), a.ReceivedAt.Format(clock), a.InboxID)
				mine = mine || a.StartsAt.UnixMilli() == e.startsAt
			}
		}
		if mine {
			if story += ", " + string(f.summary.Status); f.summary.Status.Terminal() {
				story += fmt.Sprintf(" at %s: %s", f.summary.ClosedAt.Format(clock), f.summary.StatusReason)
			}
			all = append(all, story)
		}
	}
	return strings.Join(all, "; ")
}

// lastWord tells which delivery was the last to speak of an alert, and what
// became of it.
func (r reading) lastWord(fingerprint string) string {
	ids := slices.Sorted(maps.Keys(r.deliveries))
	for _, id := range slices.Backward(ids) {
		for _, alert := range parseWebhook(r.deliveries[id].Body).Alerts {
			if alert.Fingerprint == fingerprint {
				return fmt.Sprintf("delivery %d said %s, and is %v in %v", id, alert.Status, r.deliveries[id].Dispatches, r.deliveries[id].IncidentIDs)
			}
		}
	}
	return "no delivery speaks of it"
}

// takenBack counts how often an alert fired, after its resolve, with the same
// start, in the order in which the inbox took the messages.
func (v *verdict) takenBack(r reading) map[episode]int {
	again, resolved := map[episode]int{}, map[episode]bool{}
	for _, id := range slices.Sorted(maps.Keys(r.deliveries)) {
		w := parseWebhook(r.deliveries[id].Body)
		for i, alert := range w.Alerts {
			e := w.episode(i)
			if alert.Status == incident.AlertFiring && resolved[e] {
				again[e]++
				v.reopened++
			}
			resolved[e] = alert.Status == incident.AlertResolved
		}
	}
	return again
}

// shown: what fires is shown firing in one open incident, with its start; what
// has resolved, or was never told, is shown firing nowhere.
func (v *verdict) shown(r reading, last map[string]int64) {
	firing := map[string][]string{}
	for _, f := range r.incidents {
		for _, a := range f.members {
			if a.Status != incident.AlertFiring {
				continue
			}
			name := scriptID(a.Labels)
			firing[name] = append(firing[name], f.summary.IncidentID)
			switch begun := last[name]; {
			case begun == 0:
				v.fault("%s shows %s firing, which has resolved (%s): %s", f.summary.IncidentID, name, r.lastWord(a.Fingerprint),
					r.stories(episode{a.Fingerprint, a.StartsAt.UnixMilli()}))
			case begun != a.StartsAt.UnixMilli():
				v.fault("%s shows %s firing since %s, it began %s", f.summary.IncidentID, name, a.StartsAt, episode{startsAt: begun})
			case f.summary.Status.Terminal():
				v.fault("%s is %s and shows %s firing", f.summary.IncidentID, f.summary.Status, name)
			}
		}
	}
	for name, begun := range last {
		if begun == 0 {
			continue
		}
		v.firing++
		if len(firing[name]) != 1 {
			v.fault("%s fires and is shown firing in %v", name, firing[name])
		}
	}
}

// ownsKeys: no correlation key has two open incidents.
func (v *verdict) ownsKeys(f found, open map[string]string) {
	keys := map[string]bool{}
	for _, a := range f.members {
		keys[a.CorrelationKey] = true
	}
	for key := range keys {
		if other := open[key]; other != "" {
			v.fault("the key %s has the open incidents %s and %s", key, other, f.summary.IncidentID)
		}
		open[key] = f.summary.IncidentID
	}
}

// tellsOnce: what two peers and every repetition said is one thing.
func (v *verdict) tellsOnce(incidentID string, run []incident.Alert) {
	was := map[string]string{}
	for _, a := range run {
		if was[a.Fingerprint] == a.ContentKey() {
			v.fault("%s was told twice in a row that %s is %s", incidentID, a.Fingerprint, a.Status)
		}
		was[a.Fingerprint] = a.ContentKey()
	}
}
