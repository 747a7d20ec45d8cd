package intake_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"vigil/gateway/intake"
	"vigil/gateway/store"
	"vigil/workflows/incident"
)

// FuzzMapping: whatever comes, a shipped mapping gives alerts that can be
// dispatched and stored, or a note, or a reason, and the same each time.
func FuzzMapping(f *testing.F) {
	r := newReader(f, "", nil)
	var names []string
	for _, s := range r.Sources() {
		if s.Kind == intake.SourceShipped {
			names = append(names, s.Name)
		}
	}
	for i := range names {
		f.Add(byte(i), "application/json", []byte(`{"check_id":1,"current_state":"DOWN","incident_id":2,"alertId":"a","status":"ACTIVE","event_id":"1","event_value":"1","title":"t","tags":["a:b"],
			"incident":{"incident_id":"x","state":"open"},"event":{"event_definition_id":"d","fields":{"a":{"b":[1.50]}}},"host":"h","service":"s","state":"ok","time":1498861543.5,"messages":[{"type":"incident.trigger","event":"incident.x","incident":{"id":"P","status":"resolved"},"data":{"incident":{"id":"P","status":"triggered"}}}]}`))
		f.Add(byte(i), "application/x-www-form-urlencoded", []byte("title=a&status=%ff%00&alertId=1"))
		f.Add(byte(i), "text/plain", []byte("disk\xff full\non db1"))
		f.Add(byte(i), "", []byte(`[{"service":null,"state":[1e999,"\ud800"]},5,null]`))
	}
	f.Fuzz(func(t *testing.T, choice byte, contentType string, body []byte) {
		d := store.Delivery{ID: 1, Source: names[int(choice)%len(names)], ReceivedAt: receivedAt, ContentType: contentType, Body: body, Origin: incident.OriginLive}
		res, err := r.Parse(d)
		if err != nil {
			if incident.KindOf(err) != incident.KindInvalid || len(res.Alerts) > 0 || res.Note != "" || broken(err) {
				t.Fatalf("error %v of kind %s with %+v", err, incident.KindOf(err), res)
			}
			return
		}
		if len(res.Alerts) == 0 && res.Note == "" {
			t.Fatal("neither alerts nor a note")
		}
		for _, a := range res.Alerts {
			if a.CorrelationKey == "" || a.Fingerprint == "" || a.Title == "" || !a.Status.Valid() || a.Severity != "" && !a.Severity.Valid() {
				t.Fatalf("alert %+v", a)
			}
			for _, s := range []string{a.CorrelationKey, a.Fingerprint, a.Title, a.Description, a.Service} {
				if !utf8.ValidString(s) || strings.ContainsRune(s, 0) {
					t.Fatalf("text %q", s)
				}
			}
			if raw, err := json.Marshal(a); err != nil || len(raw) > 64<<10 {
				t.Fatalf("alert of %d bytes, %v", len(raw), err)
			}
		}
		again, err := r.Parse(d)
		if err != nil || !reflect.DeepEqual(again, res) {
			t.Fatalf("read twice: %+v and %+v, %v", res, again, err)
		}
	})
}

// FuzzMappingFile: whatever a file holds, it is a mapping or an error for a
// person, and a mapping reads a delivery or says why not. The parser's caches
// change which code runs: fuzz with -fuzzminimizetime 1x.
func FuzzMappingFile(f *testing.F) {
	files, err := filepath.Glob(filepath.Join("mappings", "*.yaml"))
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range files {
		raw, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Add([]byte(mappingFile("each: body.list", "let: {a: item.x}", "when: a", `  labels: {a: '"x".find("(")'}`)))
	f.Add([]byte("&a [*a]"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		m, err := intake.NewMapping("fuzz.yaml", raw)
		if err != nil {
			if m != nil || incident.KindOf(err) != incident.KindInvalid || strings.Contains(err.Error(), "cannot be read: ") {
				t.Fatalf("error %v of kind %s", err, incident.KindOf(err))
			}
			return
		}
		res, err := m.Parse(delivery(m.Name(), `{"list":[{"x":true},{"a":"b"}],"title":"t","a":{"b":[1,2.5,"c",null]}}`))
		if err != nil && (incident.KindOf(err) != incident.KindInvalid || broken(err)) || err == nil && len(res.Alerts) == 0 && res.Note == "" {
			t.Fatalf("%+v, %v", res, err)
		}
	})
}

// broken tells a panic in a library from what a person can put right.
func broken(err error) bool {
	return strings.Contains(err.Error(), "which failed") || strings.Contains(err.Error(), "internal error")
}
