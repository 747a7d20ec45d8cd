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

func FuzzAlertmanager(f *testing.F)    { fuzz(f, am) }
func FuzzSNS(f *testing.F)             { fuzz(f, sn) }
func FuzzCloudEvents(f *testing.F)     { fuzz(f, ce) }
func FuzzGrafana(f *testing.F)         { fuzz(f, gf) }
func FuzzCloudWatch(f *testing.F)      { fuzz(f, cw) }
func FuzzEventBridge(f *testing.F)     { fuzz(f, eb) }
func FuzzSQS(f *testing.F)             { fuzz(f, sq) }
func FuzzPagerDuty(f *testing.F)       { fuzz(f, pd) }
func FuzzPagerDutyEvents(f *testing.F) { fuzz(f, pe) }
func FuzzDatadog(f *testing.F)         { fuzz(f, dd) }
func FuzzOpsgenie(f *testing.F)        { fuzz(f, og) }

// Every fixture at every address: nobody knows where a sender points its
// webhook, and what is not understood must be refused and never fall over.
func TestEveryFixtureThroughEverySource(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("testdata", "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%d fixtures, %v", len(files), err)
	}
	for _, source := range intake.Sources() {
		understood := 0
		for _, name := range files {
			raw, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			if sound(t, delivery(source, string(raw))) {
				understood++
			}
		}
		if understood == 0 {
			t.Errorf("source %s understands none of the fixtures; it needs one of its own", source)
		}
	}
}

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
		sound(t, d)
	})
}

// sound parses d and checks what every delivery may expect. It reports whether
// there was anything to be read.
func sound(t *testing.T, d store.Delivery) bool {
	t.Helper()
	res, err := intake.Parse(d)
	if err != nil {
		if incident.KindOf(err) != incident.KindInvalid || len(res.Alerts) > 0 || res.Note != "" {
			t.Fatalf("error %v of kind %s with %+v", err, incident.KindOf(err), res)
		}
		return false
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
	return true
}
