package e2e_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"sort"
	"strings"
	"sync"
	"time"

	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"vigil/gateway"
	"vigil/gateway/intake"
	"vigil/gateway/store"
	"vigil/workflows/event"
	"vigil/workflows/incident"
)

// Senders keep their connections, as real ones do, and give up when Alertmanager's
// default would: what takes longer counts as not answered.
var senders = &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 64}}

// post sends bytes to a gateway as a source does. The status is 0 where nobody answered.
func post(gatewayURL, source, contentType string, body []byte, headers ...string) (status int, took time.Duration) {
	began := time.Now()
	req, err := http.NewRequest(http.MethodPost, gatewayURL+"/api/v1/alerts/"+source, bytes.NewReader(body))
	if err != nil {
		return 0, 0
	}
	req.Header.Set("Content-Type", contentType)
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := senders.Do(req)
	if err != nil {
		return 0, time.Since(began)
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body) // so that the connection can be used again
	return resp.StatusCode, time.Since(began)
}

// sentAlert is one alert of Alertmanager's. Its word is its description: what
// the sender said last is what must be known of it.
type sentAlert struct {
	key, fingerprint, service string
	status                    incident.AlertStatus
	word                      string
	startsAt, endsAt          time.Time
	labels                    map[string]string
}

func fires(service, fingerprint, word string, startsAt time.Time) sentAlert {
	return sentAlert{key: "{}:{service=" + fmt.Sprintf("%q", service) + "}", fingerprint: fingerprint, service: service,
		status: incident.AlertFiring, word: word, startsAt: startsAt}
}

// group is the body of one webhook of Alertmanager's with these alerts, all of one key.
func group(alerts ...sentAlert) []byte {
	list := make([]any, 0, len(alerts))
	status := incident.AlertResolved
	for _, s := range alerts {
		if s.status == incident.AlertFiring {
			status = s.status
		}
		labels := map[string]string{"alertname": "Slow", "service": s.service, "severity": "warning"}
		for k, v := range s.labels {
			labels[k] = v
		}
		list = append(list, map[string]any{"status": s.status, "labels": labels, "fingerprint": s.fingerprint,
			"annotations": map[string]string{"summary": "Slow: " + s.service, "description": s.word},
			"startsAt":    s.startsAt.UTC(), "endsAt": s.endsAt.UTC(), "generatorURL": "http://prometheus"})
	}
	raw, err := json.Marshal(map[string]any{"version": "4", "groupKey": alerts[0].key, "status": status, "receiver": "vigil",
		"groupLabels": map[string]string{"service": alerts[0].service}, "commonLabels": map[string]string{},
		"commonAnnotations": map[string]string{}, "externalURL": "http://alertmanager", "alerts": list})
	if err != nil {
		panic(err) // maps of texts
	}
	return raw
}

// ledger remembers what was sent and answered with 2xx, and how long that took:
// what must be there when everything has healed (I1).
type ledger struct {
	mu    sync.Mutex
	want  map[memberKey]*expected
	took  []time.Duration
	other map[int]int // answers that were no 2xx
}

type memberKey struct{ key, fingerprint string }

type expected struct {
	deliveries int64
	unanswered int64  // sent, and stored or not: whoever would know has died, or gave up waiting
	word       string // of the last accepted
}

func newLedger() *ledger { return &ledger{want: map[memberKey]*expected{}, other: map[int]int{}} }

// send posts a group and remembers the answer.
func (l *ledger) send(gatewayURL string, alerts ...sentAlert) int {
	status, took := post(gatewayURL, intake.SourceAlertmanager, "application/json", group(alerts...))
	l.answered(status, took, alerts...)
	return status
}

func (l *ledger) answered(status int, took time.Duration, alerts ...sentAlert) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if status/100 == 2 {
		l.took = append(l.took, took)
	} else {
		l.other[status]++
	}
	for _, s := range alerts {
		k := memberKey{s.key, s.fingerprint}
		if l.want[k] == nil {
			l.want[k] = &expected{}
		}
		if status/100 == 2 {
			l.want[k].deliveries++
			l.want[k].word = s.word
		} else {
			l.want[k].unanswered++
		}
	}
}

// accepted is how many deliveries were answered with 2xx, and how long the
// slowest of a share of them took.
func (l *ledger) accepted(share float64) (n int, within time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.took) == 0 {
		return 0, 0
	}
	took := slices.Clone(l.took)
	slices.Sort(took)
	return len(took), took[min(len(took)-1, int(share*float64(len(took))))]
}

// refused are the answers that were no 2xx, by status.
func (l *ledger) refused() map[int]int {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := map[int]int{}
	for status, n := range l.other {
		out[status] = n
	}
	return out
}

// found waits until every accepted alert is with exactly one incident, heard as
// often as it was accepted, its last word last, and nothing is there that nobody
// sent. An alert whose answer was an error may be there or not. It returns the incidents with the number of their alerts.
func (l *ledger) found(a api, within time.Duration) map[string]int {
	a.t.Helper()
	began := time.Now()
	by := map[string]int{}
	eventually(a.t, within, "every accepted alert is with exactly one incident", func() (string, bool) {
		found, err := l.compare(a)
		by = found
		if err != nil {
			return err.Error(), false
		}
		return "", true
	})
	total := 0
	for _, n := range by {
		total += n
	}
	a.t.Logf("%d alerts are with %d incidents after %s", total, len(by), time.Since(began).Round(100*time.Millisecond))
	return by
}

func (l *ledger) compare(a api) (map[string]int, error) {
	a.t.Helper()
	by, where := map[string]int{}, map[memberKey]string{}
	l.mu.Lock()
	defer l.mu.Unlock()
	var wrong []string
	say := func(format string, args ...any) {
		if len(wrong) < 10 {
			wrong = append(wrong, fmt.Sprintf(format, args...))
		}
	}
	for _, s := range a.allIncidents() {
		for _, m := range a.alertsOf(s.IncidentID) {
			k := memberKey{m.Alert.CorrelationKey, m.Alert.Fingerprint}
			want := l.want[k]
			switch {
			case m.MovedTo != "" || m.Alert.Source != intake.SourceAlertmanager: // the sandbox raises its own
				continue
			case want == nil:
				say("%s has alert %v that nobody sent", s.IncidentID, k)
			case where[k] != "":
				say("alert %v is with %s and with %s", k, where[k], s.IncidentID)
			case m.Deliveries < want.deliveries || m.Deliveries > want.deliveries+want.unanswered:
				say("alert %v was heard %d times and accepted %d times", k, m.Deliveries, want.deliveries)
			case m.Alert.Description != want.word && want.unanswered == 0:
				say("of alert %v the last word is %q, sent last was %q", k, m.Alert.Description, want.word)
			}
			where[k] = s.IncidentID
			by[s.IncidentID]++
		}
	}
	for k, want := range l.want {
		if where[k] == "" && want.deliveries > 0 {
			say("alert %v was accepted and is nowhere", k)
		}
	}
	if len(wrong) > 0 {
		sort.Strings(wrong)
		return by, errors.New(strings.Join(wrong, "; "))
	}
	return by, nil
}

// allIncidents pages through every incident.
func (a api) allIncidents() (all []event.Summary) {
	a.t.Helper()
	for cursor := ""; ; {
		var page gateway.IncidentList
		if status, _ := a.call(http.MethodGet, a.gateway+"/api/v1/incidents?limit=200&cursor="+url.QueryEscape(cursor), nil, &page); status != http.StatusOK {
			return all // whoever asks, asks again
		}
		all = append(all, page.Incidents...)
		if cursor = page.NextCursor; cursor == "" {
			return all
		}
	}
}

// alertsOf pages through every alert of an incident.
func (a api) alertsOf(id string) (all []store.IncidentAlert) {
	a.t.Helper()
	for after := int64(0); ; {
		var page gateway.IncidentAlertList
		if status, _ := a.call(http.MethodGet, fmt.Sprintf("%s/api/v1/incidents/%s/alerts?limit=500&after=%d", a.gateway, id, after), nil, &page); status != http.StatusOK {
			return all
		}
		all = append(all, page.Alerts...)
		if after = page.Next; after == 0 {
			return all
		}
	}
}

// knows waits until the workflow of an incident has taken every alert that the
// gateway says it has, in one of its runs: an alert that comes while it closes
// opens another.
func (a api) knows(temporal, id string, within time.Duration) {
	a.t.Helper()
	c, err := client.Dial(client.Options{HostPort: temporal, Logger: nil})
	if err != nil {
		a.t.Fatal(err)
	}
	defer c.Close()
	eventually(a.t, within, "the workflow of "+id+" knows all of its alerts", func() (string, bool) {
		runs, err := c.ListWorkflow(a.t.Context(), &workflowservice.ListWorkflowExecutionsRequest{Namespace: client.DefaultNamespace, Query: fmt.Sprintf("WorkflowId = %q", id)})
		if err != nil {
			return err.Error(), false
		}
		taken := map[string]bool{}
		for _, run := range runs.GetExecutions() {
			a.taken(id, run.GetExecution().GetRunId(), taken)
		}
		missing := 0
		for _, m := range a.alertsOf(id) {
			if !taken[m.Alert.Member] {
				missing++
			}
		}
		return fmt.Sprintf("in %d runs it has taken %d, and %d are missing", len(runs.GetExecutions()), len(taken), missing), missing == 0
	})
}

// taken adds the members that one run of an incident has taken.
func (a api) taken(id, run string, into map[string]bool) {
	a.t.Helper()
	for after := int64(0); ; {
		var page gateway.EventList
		a.call(http.MethodGet, fmt.Sprintf("%s/api/v1/incidents/%s/events?run_id=%s&limit=1000&after=%d", a.gateway, id, run, after), nil, &page)
		for _, e := range page.Events {
			d, err := e.Decode()
			if err != nil {
				a.t.Fatal(err)
			}
			switch d := d.(type) {
			case *event.AlertReceived:
				into[d.Alert.Member] = true
			case *event.AlertsMentioned:
				for _, m := range d.Alerts {
					into[m.Member] = true
				}
			}
			after = e.Seq
		}
		if !page.More {
			return
		}
	}
}

// deliveries pages through the deliveries of a state.
func (a api) deliveries(state store.DeliveryState) (all []gateway.DeliveryItem) {
	a.t.Helper()
	for before := int64(0); ; {
		var page gateway.DeliveryList
		at := ""
		if before > 0 {
			at = fmt.Sprint("&before=", before)
		}
		a.must(http.MethodGet, a.gateway+"/api/v1/deliveries?limit=50&state="+string(state)+at, nil, &page)
		all = append(all, page.Deliveries...)
		if before = page.Next; before == 0 {
			return all
		}
	}
}
