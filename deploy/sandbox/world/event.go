package world

import (
	"fmt"
	"strings"
	"time"
)

const platformEvents = 500 // that are kept

// PlatformEvent is what the database platform reports of one database.
type PlatformEvent struct {
	Source   string // the database
	ARN      string
	Category string
	Message  string
	At       time.Time
}

// PlatformEvents returns the events for which keep holds, oldest first.
func (w *World) PlatformEvents(keep func(PlatformEvent) bool) []PlatformEvent {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.events.where(keep)
}

// DatabaseARN is the ARN of a database.
func DatabaseARN(name string) string {
	return fmt.Sprintf("arn:aws:rds:%s:%s:db:%s", Region, Account, name)
}

// report puts an event of a database on record.
func (w *World) report(database, category, message string) {
	w.reportAt(w.present(), database, category, message)
}

func (w *World) reportAt(at time.Time, database, category, message string) {
	w.events.add(PlatformEvent{Source: database, ARN: DatabaseARN(database), Category: category, Message: message, At: at})
}

// oldReports are a nightly backup and what it says: events that are no sign
// of anything.
func (w *World) oldReports() {
	for _, name := range w.topo.of(KindDatabase, nil) {
		at := w.epoch.Add(-time.Duration(20+w.chat.IntN(200)) * time.Minute)
		w.reportAt(at, name, "backup", "Backing up DB instance")
		w.reportAt(at.Add(4*time.Minute), name, "backup", "Finished DB Instance backup")
	}
}

func lowStorage(w *World, a *ailment, full float64) string {
	n := w.topo.byName[a.service]
	provisioned := 1.6*n.base[gFreeStorage]/gib + float64(w.provisions[a.service].storage-newProvision(n).storage)
	free := (1 - full) * w.topo.byName[a.service].base[gFreeStorage] / gib
	return fmt.Sprintf("The free storage capacity for DB Instance: %s is low at %.0f%% of the provisioned storage [Provisioned Storage: %.2f GB, Free Storage: %.2f GB]. "+
		"You may want to increase the provisioned storage to address this issue.", a.service, 100*free/provisioned, provisioned, free)
}

// onCall is who does what only people do.
const onCall = "on-call"

// auditPerson records what a person did to end a fault.
func (w *World) auditPerson(operation, service string, request map[string]any) {
	kind, _ := w.topo.kindOf(service)
	w.auditChange(operation, service, kind, onCall, request)
}

// setting is a value of a service's configuration that may be wrong.
type setting struct {
	name      string
	good, bad string
	complaint [2]string // how code speaks of it
}

var settings = []setting{
	{"upstream-timeout-ms", "2500", "25", [2]string{"request aborted: upstream-timeout-ms of 25 is up before the first byte", "invalid response: no body was read within the configured 25ms"}},
	{"max-batch-size", "200", "0", [2]string{"invalid configuration: max-batch-size must be positive, got 0", "failed to process batch: batch size 0 is out of range"}},
	{"tax-table-url", "s3://config/tax-v7.json", "s3://config/tax-v8.json", [2]string{"failed to parse setting tax-table-url: unexpected end of JSON input", "cannot compute total: no rate for region in the configured table"}},
	{"feature-flags", "v41", "v42", [2]string{"unknown value 'strict' for feature flag address-check", "validation failed: feature flag address-check requires field postal_code"}},
	{"signing-key-id", "key-2026-08", "key-2026-11", [2]string{"failed to verify token: signing key key-2026-11 is not known", "invalid signature: no public key for the configured key id"}},
	{"worker-concurrency", "16", "1", [2]string{"request rejected: worker-concurrency of 1 is exceeded", "failed to schedule task: configured concurrency 1 leaves no worker"}},
}

// configuration is the setting of a service that was changed last.
type configuration struct {
	setting     setting
	now, before string
	reverted    bool // by an automation, which RestoreConfig takes back
}

// configure changes a setting of a service, on the audit trail.
func (w *World) configure(service string, s setting, value, actor string) {
	before := s.good
	if c, ok := w.configurations[service]; ok && c.setting.name == s.name {
		before = c.now
	}
	w.configurations[service] = configuration{setting: s, now: value, before: before}
	parameter := fmt.Sprintf("/%s/%s/%s", Environment, service, s.name)
	w.audit(TrailEvent{Name: "PutParameter", Source: "ssm.amazonaws.com", At: w.present(), Username: actor,
		Resources: []Resource{{Type: "AWS::SSM::Parameter", Name: parameter}, {Type: resourceTypes[KindECS], Name: service}},
		Request:   map[string]any{"name": parameter, "type": "String", "value": value, "overwrite": true},
		Response:  map[string]any{"version": 2 + len(strings.TrimSpace(value))}})
	at := w.at(w.tick)
	w.write(service, at, fmt.Sprintf("INFO configuration was read again, %s changed", s.name))
}
