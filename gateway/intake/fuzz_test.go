package intake_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"vigil/gateway/intake"
	"vigil/gateway/store"
	"vigil/workflows/incident"
)

func FuzzAlertmanager(f *testing.F) { fuzz(f, am) }
func FuzzSNS(f *testing.F)          { fuzz(f, sn) }
func FuzzCloudEvents(f *testing.F)  { fuzz(f, ce) }

// fuzz: whatever comes, the intake gives alerts that can be dispatched and
// stored, or a note, or a reason, and the same each time.
func fuzz(f *testing.F, source string) {
	files, err := filepath.Glob(filepath.Join("testdata", "*.json"))
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range files {
		raw, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add("application/json", "", raw)
	}
	f.Add("application/json", "1.0 t s i", []byte(`{"status":"ok"}`))
	f.Add("application/cloudevents-batch+json", "", []byte(`[{"specversion":"1.0","type":"t","source":"s","id":"i","time":"0000-01-01T00:00:00+23:59"}]`))
	f.Add("text/plain; charset=UTF-8", "", []byte(`{"Type":"SubscriptionConfirmation","SubscribeURL":"https://x"}`))
	f.Fuzz(func(t *testing.T, contentType, headers string, body []byte) {
		d := store.Delivery{ID: 1, Source: source, ReceivedAt: receivedAt, ContentType: contentType, Body: body, Origin: incident.OriginLive}
		if v := strings.Split(headers, " "); len(v) == 4 {
			d.Headers = map[string]string{"ce-specversion": v[0], "ce-type": v[1], "ce-source": v[2], "ce-id": v[3]}
		}
		res, err := intake.Parse(d)
		if err != nil {
			if incident.KindOf(err) != incident.KindInvalid || len(res.Alerts) > 0 || res.Note != "" {
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
		again, err := intake.Parse(d)
		if err != nil {
			t.Fatal(err)
		}
		for i, a := range again.Alerts {
			if a.ContentKey() != res.Alerts[i].ContentKey() {
				t.Fatalf("read twice: %+v and %+v", a, res.Alerts[i])
			}
		}
	})
}
