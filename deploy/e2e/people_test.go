package e2e_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp/kb"

	"vigil/deploy/e2e/harness"
	"vigil/deploy/processes"
	"vigil/workflows/event"
	"vigil/workflows/incident"
)

// Who sits at the browser. What machines send comes from dev.
const (
	person      = "ana"
	personToken = "token-of-ana-in-this-test"
)

// What she gives as reasons: each is to be found again, word for word.
const (
	whyMaintained = "the ledger moves to its new disks"
	whyMaintEnds  = "the disks are in, earlier than planned"
	whySplit      = "payroll exports have another cause"
	whyMerged     = "it was the same full queue after all"
	whyDiscarded  = "a test call of the heating company"
)

// people is a person at a browser, and what runs behind the page.
type people struct {
	t *testing.T
	v *harness.Vigil
	a api
	b browser

	known []string // incidents that were seen
}

// TestPeoplesWordSurvivesRestarts is what people decide on the page beyond one
// incident's proposal: maintenance windows, splitting and merging, and what
// becomes of deliveries that nobody could read. Each is done in a browser, is
// still so after the gateway was killed, and is in the audit with who and why.
func TestPeoplesWordSurvivesRestarts(t *testing.T) {
	sideBySide(t)
	mappings := t.TempDir()
	v := harness.Start(t, harness.Options{Split: true, Tick: time.Second, WorkerArgs: append([]string{"--models=none"}, quick...),
		GatewayArgs: []string{"--mappings-dir", mappings, "--token-file", responders(t), "--system-every", "1s"}})
	p := &people{t: t, v: v, a: api{t: t, gateway: v.GatewayURL(), sandbox: v.SandboxURL()}, b: openBrowser(t, 1440, 1000)}
	p.b.signsIn(v.GatewayURL(), personToken, person)

	silence := p.maintains()
	first, second := p.splitsAndMerges()
	retried, discarded := p.dealsWithQuarantine(mappings)

	p.restartGateway()
	p.b.opens(p.url("/ops"))
	p.b.presses(`button[aria-label^="System health"]`, kb.Enter)
	p.b.presses(`[data-testid="system-audit"]`, kb.Enter)
	for action, words := range map[string][]string{
		"silence.created":    {silence, whyMaintained},
		"silence.ended":      {silence, whyMaintEnds},
		"incident.split":     {first, second, whySplit},
		"incident.merged":    {second, first, whyMerged},
		"delivery.retried":   {fmt.Sprint("#", retried)},
		"delivery.discarded": {fmt.Sprint("#", discarded), whyDiscarded},
	} {
		entry := `[data-testid="audit"] [data-action="` + action + `"]`
		p.b.reads(entry, append(words, person)...)
		if n := p.b.count(entry); n != 1 {
			t.Errorf("the audit has %d entries of %s, it was done once", n, action)
		}
	}
	p.b.screenshot("ops-audit.png")
}

// maintains is a maintenance window from its beginning to its early end. It
// returns the window's id.
func (p *people) maintains() string {
	p.t.Helper()
	p.b.asks(`[data-testid="silence-create"]`)
	p.b.presses(`[data-testid="silence-dialog"] label:nth-of-type(2) > input[name="kind"]`, " ")
	p.b.types(`[data-testid="silence-dialog"] [aria-label="Value 1"]`, "ledger")
	p.b.because(whyMaintained)
	const active = `section[data-testid="silences-active"] li[data-state="active"]`
	p.b.reads(active, "Maintenance", "service is", "ledger", whyMaintained, person)
	id := strings.TrimPrefix(p.b.attribute(active, "data-testid"), "silence-")
	item := `[data-testid="silence-` + id + `"]`

	began := time.Now().Add(-time.Minute)
	p.posts("ledger", "writes", "firing", began, "f1")
	p.posts("ledger", "lag", "firing", began, "f1")
	p.touched(id, 2)
	p.restartGateway()
	p.posts("ledger", "lag", "resolved", began, "f1") // cleared while nobody wanted to hear of it
	p.posts("ledger", "reads", "firing", began, "f1") // it still holds
	p.touched(id, 3)
	if list := p.a.incidents(); len(list) != 0 {
		p.t.Fatalf("maintenance opened %+v", list)
	}

	p.b.opens(p.url("/ops"))
	p.b.sees(`button[data-testid="silences-active"][data-active="1"]`, soon)
	p.b.reads(item, "Maintenance", "touched 3 alerts", whyMaintained)
	p.b.presses(item+` button[aria-expanded="false"]`, kb.Enter)
	p.b.reads(item+` ul[aria-label^="Alerts that"]`, "writes of ledger", "lag of ledger", "reads of ledger")
	if n := p.b.count(item + ` [data-testid="silenced-alert"][data-state="resolved"]`); n != 1 {
		p.t.Errorf("the page shows %d alerts as cleared, it is one", n)
	}
	p.b.screenshot("ops-maintenance.png")

	p.b.asks(item + ` [data-testid="silence-end"]`)
	p.b.because(whyMaintEnds)
	opened := p.opened()
	v := p.a.reaches(opened, soon, "both alerts that still fire are in one incident", func(v event.View) bool { return v.AlertsTotal == 2 && v.AlertsFiring == 2 })
	for _, al := range v.Alerts {
		if al.Service != "ledger" || al.SilencedBy != "" || strings.Contains(al.Title, "lag") {
			p.t.Errorf("the incident after the maintenance has %+v", al)
		}
	}
	p.b.sees(`[data-testid="incident-`+opened+`"]`, soon)
	p.b.clicksButton("Past")
	p.b.reads(`section[data-testid="silences-ended"] `+item+`[data-state="ended"]`, "Ended by "+person, whyMaintEnds)
	return id
}

// splitsAndMerges takes apart what a rule has put together, and puts it
// together again. It returns the incident and the one that was split off.
func (p *people) splitsAndMerges() (first, second string) {
	p.t.Helper()
	began := time.Now().Add(-time.Minute)
	p.posts("payroll", "runs", "firing", began, "f1")
	first = p.opened()
	p.posts("payroll", "exports", "firing", began, "f1")
	p.b.opens(p.incident(first))
	p.a.reaches(first, 60*time.Second, "a person has it with both alerts", func(v event.View) bool {
		return v.AlertsFiring == 2 && v.Status == incident.StatusNeedsHuman
	})
	p.b.reads(`[data-testid="alerts-count"]`, "2 firing, of 2")
	p.b.reads(`[data-testid="alerts"]`, groupKeyOf("exports"), "joined by: same service")
	p.b.screenshot("ops-joined.png")

	p.b.asks(`[data-testid="incident-split"]`)
	p.b.presses(`[role="dialog"] input[type="checkbox"][aria-label='`+groupKeyOf("exports")+`']`, " ")
	p.b.because(whySplit)
	p.restartGateway() // as soon as the page says yes: the incidents may know or not
	second = p.opened()
	p.movedOn(first, second, whySplit)
	p.b.reads(`[data-testid="alerts-count"]`, "1 firing, of 1")
	p.b.sees(`[data-testid="incident-split"][title^="All alerts came with one key"]`, soon) // what has left cannot be split off again
	p.b.screenshot("ops-split.png")
	p.movedOn(second, first, whySplit)
	p.b.reads(`[data-testid="alerts"]`, "joined by: split by "+person)

	p.posts("payroll", "exports", "firing", began, "f1", "f2")
	p.b.reads(`[data-testid="alerts-count"]`, "2 firing, of 2")
	if v := p.a.view(first); v.AlertsTotal != 1 {
		p.t.Errorf("%d alerts in the incident that the key has left", v.AlertsTotal)
	}

	p.b.asks(`[data-testid="incident-merge"]`)
	p.b.presses(`[role="dialog"] input[type="radio"][value="`+first+`"]`, " ")
	p.b.because(whyMerged)
	p.b.sees(`[data-testid="outcome"][data-outcome="merged"]`, soon)
	p.b.reads(`[data-testid="outcome"]`, first)
	p.movedOn(second, first, whyMerged)
	p.b.screenshot("ops-merged.png")
	p.movedOn(first, second, whyMerged)
	p.b.reads(`[data-testid="alerts-count"]`, "3 firing, of 3")
	p.posts("payroll", "exports", "resolved", began, "f2")
	p.b.reads(`[data-testid="alerts-count"]`, "2 firing, of 3")
	p.b.screenshot("ops-whole-again.png")
	return first, second
}

// movedOn opens an incident's page and sees there who moved its alerts, why,
// and where the others are.
func (p *people) movedOn(id, other, why string) {
	p.t.Helper()
	p.b.opens(p.incident(id))
	p.b.reads(`[data-testid="timeline-entry"][data-type="alerts.moved"]`, other, person, why) // newest first
	p.b.reads(`[data-testid="moves"]`, other, person, why)
}

// mapping reads what batch jobs send.
const mapping = `name: batch
about: the end of a batch job
alert:
  key: body.job
  status: '"firing"'
  title: '"Job " + body.job + " failed"'
  description: body.log
  service: body.job
`

// dealsWithQuarantine has one delivery read after somebody said how, and
// another discarded.
func (p *people) dealsWithQuarantine(mappings string) (retried, discarded int64) {
	p.t.Helper()
	retried = p.delivers("batch", map[string]string{"job": "invoices", "log": "printer tray 7 is empty"})
	discarded = p.delivers("heating", map[string]string{"ping": "boiler 3"})
	p.b.opens(p.url("/ops"))
	p.b.sees(`[data-testid="set-aside"][data-quarantined="2"]`, soon)
	unread, unwanted := fmt.Sprintf(`[data-testid="delivery-%d"]`, retried), fmt.Sprintf(`[data-testid="delivery-%d"]`, discarded)
	p.b.presses(unread+` summary`, kb.Enter)
	p.b.reads(unread+`[data-state="quarantined"]`, "batch", "printer tray 7 is empty")
	p.b.reads(unread+` [data-testid="delivery-reason"]`, `nothing reads source "batch"`, mappings)
	p.b.reads(unwanted+`[data-state="quarantined"] [data-testid="delivery-reason"]`, `nothing reads source "heating"`)
	p.b.screenshot("ops-quarantine.png")

	if err := os.WriteFile(filepath.Join(mappings, "batch.yaml"), []byte(mapping), 0o600); err != nil {
		p.t.Fatal(err)
	}
	eventually(p.t, soon, "the gateway has taken up the mapping", func() (string, bool) {
		_, text := p.a.call(http.MethodGet, p.a.gateway+"/api/v1/sources", nil, nil)
		return text, strings.Contains(text, "your mapping")
	})
	p.b.presses(unread+` [data-testid="delivery-retry"]`, kb.Enter)
	opened := p.opened()
	p.b.reads(unread+` [data-testid="delivery-fate"]`, "Read.", opened)
	if v := p.a.view(opened); v.Title != "Job invoices failed" || v.Service != "invoices" {
		p.t.Errorf("the delivery became %+v", v.Summary)
	}
	p.b.asks(unwanted + ` [data-testid="delivery-discard"]`)
	p.b.because(whyDiscarded)
	p.b.reads(unwanted+` [data-testid="delivery-fate"]`, "Discarded")
	p.b.screenshot("ops-quarantine-dealt-with.png")
	p.b.sees(`body:not(:has([data-testid="set-aside"]))`, soon)
	return retried, discarded
}

// restartGateway kills the gateway and starts it again. The page that is open
// notices, and comes back by itself.
func (p *people) restartGateway() {
	p.t.Helper()
	p.v.Kill(processes.Gateway)
	p.b.sees(`[data-testid="connection"]:not([data-state="live"])`, soon)
	p.v.StartPart(processes.Gateway)
	p.b.sees(`[data-testid="connection"][data-state="live"]`, soon)
}

// posts sends alerts of a group as Alertmanager would, all about one service.
func (p *people) posts(service, groupName, status string, startsAt time.Time, fingerprints ...string) {
	p.t.Helper()
	var alerts []any
	for _, f := range fingerprints {
		alerts = append(alerts, map[string]any{"status": status, "labels": map[string]string{"alertname": "Trouble", "service": service, "group": groupName, "instance": f, "severity": "high"},
			"annotations": map[string]string{"summary": groupName + " of " + service + " on " + f}, "startsAt": startsAt.UTC(), "endsAt": "0001-01-01T00:00:00Z", "fingerprint": groupName + f})
	}
	p.a.must(http.MethodPost, p.a.gateway+"/api/v1/alerts/alertmanager", map[string]any{"version": "4", "groupKey": groupKeyOf(groupName), "status": status,
		"receiver": "vigil", "groupLabels": map[string]string{"group": groupName}, "alerts": alerts}, nil)
}

// groupKeyOf is a correlation key.
func groupKeyOf(name string) string { return fmt.Sprintf(`{}:{group=%q}`, name) }

// delivers posts what nobody may know how to read.
func (p *people) delivers(source string, body any) int64 {
	p.t.Helper()
	var out struct {
		DeliveryID int64 `json:"delivery_id"`
	}
	p.a.must(http.MethodPost, p.a.gateway+"/api/v1/alerts/"+source, body, &out)
	return out.DeliveryID
}

// touched waits until a silence has kept n alerts.
func (p *people) touched(id string, n int) {
	p.t.Helper()
	eventually(p.t, soon, fmt.Sprintf("%d alerts are kept", n), func() (string, bool) {
		var page struct {
			Alerts []any `json:"alerts"`
		}
		_, text := p.a.call(http.MethodGet, p.a.gateway+"/api/v1/silences/"+id+"/alerts", nil, &page)
		return text, len(page.Alerts) == n
	})
}

// opened waits for one incident that was not there before, and no more.
func (p *people) opened() string {
	p.t.Helper()
	id := p.a.opened(soon, p.known...).IncidentID
	if p.known = append(p.known, id); len(p.a.incidents()) != len(p.known) {
		p.t.Errorf("%d incidents, wanted %d: %+v", len(p.a.incidents()), len(p.known), p.a.incidents())
	}
	return id
}

func (p *people) url(path string) string    { return p.v.GatewayURL() + path }
func (p *people) incident(id string) string { return p.url("/ops/incidents/" + id) }

// responders is a file of tokens that makes the person one who may respond.
func responders(t *testing.T) string {
	t.Helper()
	sum := sha256.Sum256([]byte(personToken))
	path := filepath.Join(t.TempDir(), "tokens.yaml")
	text := fmt.Sprintf("principals:\n  - name: %s\n    role: responder\n    token_sha256: %s\n", person, hex.EncodeToString(sum[:]))
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
