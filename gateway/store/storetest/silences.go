package storetest

import (
	"reflect"
	"testing"
	"time"

	"vigil/gateway/store"
	"vigil/workflows/incident"
)

func silence(id string, from, to time.Duration, m ...store.Matcher) store.Silence {
	return store.Silence{ID: id, Kind: store.KindSilence, Matchers: m, StartsAt: t0.Add(from), EndsAt: t0.Add(to),
		Reason: "we know", CreatedBy: "ana", CreatedAt: t0}
}

// A silence keeps alerts and lets them open nothing; one that still fires when
// the silence ends is brought to an incident then, even by a sender that never
// repeats itself.
func silencesKeepAlerts(t *testing.T, fresh func(testing.TB) Opener) {
	s := fresh(t)(t)
	opened(t, s, map[string]string{"open": "inc-open"})
	ok(t, s.CreateSilence(ctx(t), silence("sil-1", -time.Hour, time.Hour, store.Matcher{Name: "severity", Op: "=", Value: "high"})))
	quiet := post(t, s, firing("k1"))
	post(t, s, firing("k2"))
	low := firing("k3")
	low.Severity = incident.SeverityLow
	loud := post(t, s, low)
	joins := firing("open")
	joins.Fingerprint = "f2"
	post(t, s, joins)

	c := claim()
	c.NewID = func() string { return "inc-loud" }
	list := assign(t, s, c)
	if len(list) != 2 || list[0].DeliveryID != loud || list[1].IncidentID != "inc-open" || list[1].Alerts[0].SilencedBy != "sil-1" {
		t.Fatalf("%+v", list)
	}
	deliver(t, s, list...)
	if got := record(t, s, quiet).Dispatches[0]; got != store.DispatchSilenced {
		t.Errorf("a silenced alert is %s", got)
	}
	rec := must[store.SilenceRecord](t)(s.Silence(ctx(t), "sil-1", t0))
	if rec.Alerts != 3 || !rec.LastAlertAt.Equal(t0) || rec.State != store.SilenceActive {
		t.Errorf("silence: %+v", rec)
	}
	touched := must[[]store.SilencedAlert](t)(s.SilencedAlerts(ctx(t), "sil-1", 0, 10))
	if len(touched) != 3 || touched[0].IncidentID != "inc-open" || touched[2].IncidentID != "" || touched[2].Alert.Title == "" {
		t.Errorf("touched: %+v", touched)
	}
	// k2 clears meanwhile.
	post(t, s, resolved("k2"))
	wantAssigned(t, assign(t, s, claim()))
	if n := must[int](t)(s.Unsilence(ctx(t), t0)); n != 0 {
		t.Errorf("%d alerts while the silence holds", n)
	}
	later := t0.Add(2 * time.Hour)
	if n := must[int](t)(s.Unsilence(ctx(t), later)); n != 1 {
		t.Errorf("%d alerts after it, want 1", n)
	}
	if n := must[int](t)(s.Unsilence(ctx(t), later)); n != 0 {
		t.Errorf("%d alerts once more", n)
	}
	c = claim()
	c.Now, c.NewID = later, func() string { return "inc-late" }
	list = assign(t, s, c)
	if len(list) != 1 || list[0].CorrelationKey != "k1" || list[0].IncidentID != "inc-late" || list[0].Alerts[0].SilencedBy != "" {
		t.Fatalf("%+v", list)
	}
	deliver(t, s, list...)
	// What an incident heard as silenced is news when it is not any more.
	post(t, s, joins)
	if list := assign(t, s, c); len(list) != 1 || list[0].Alerts[0].SilencedBy != "" {
		t.Errorf("%+v", list)
	}
}

// What a silence has touched is shown as last heard: also when that was that it
// cleared, whether an incident has it or none.
func silencesShowWhatCleared(t *testing.T, fresh func(testing.TB) Opener) {
	s := fresh(t)(t)
	opened(t, s, map[string]string{"open": "inc-open"})
	ok(t, s.CreateSilence(ctx(t), silence("sil-1", -time.Hour, time.Hour, store.Matcher{Name: "severity", Op: "=", Value: "high"})))
	post(t, s, firing("alone"))
	joins := firing("open")
	joins.Fingerprint = "f2"
	post(t, s, joins)
	deliver(t, s, assign(t, s, claim())...)
	post(t, s, resolved("alone"))
	joins.Status = incident.AlertResolved
	post(t, s, joins)
	deliver(t, s, assign(t, s, claim())...)
	touched := must[[]store.SilencedAlert](t)(s.SilencedAlerts(ctx(t), "sil-1", 0, 10))
	if len(touched) != 2 || touched[0].Alert.Status != incident.AlertResolved || touched[1].Alert.Status != incident.AlertResolved {
		t.Errorf("touched: %+v", touched)
	}
	if n := must[int](t)(s.Unsilence(ctx(t), t0.Add(2*time.Hour))); n != 0 {
		t.Errorf("%d alerts come back of those that cleared", n)
	}
}

func silencesAreKept(t *testing.T, fresh func(testing.TB) Opener) {
	open := fresh(t)
	s := open(t)
	label := store.Matcher{Name: "team", Op: "=~", Value: "shop|pay"}
	one := silence("sil-1", 0, time.Hour, label)
	one.Kind, one.Repeat = store.KindMaintenance, store.RepeatWeekly
	ok(t, s.CreateSilence(ctx(t), one))
	ok(t, s.CreateSilence(ctx(t), one)) // a repeated request
	two := silence("sil-2", time.Minute, time.Hour, label)
	two.CreatedAt = t0.Add(time.Second)
	ok(t, s.CreateSilence(ctx(t), two))
	reopened := open(t)
	got := must[store.SilenceRecord](t)(reopened.Silence(ctx(t), "sil-1", t0))
	if !reflect.DeepEqual(got.Silence, one) || got.State != store.SilenceActive {
		t.Errorf("got  %+v\nwant %+v", got.Silence, one)
	}
	_, err := s.Silence(ctx(t), "none", t0)
	wantKind(t, err, incident.KindNotFound)
	if list := must[[]store.SilenceRecord](t)(s.Silences(ctx(t), "", t0, "", 10)); len(list) != 2 || list[0].ID != "sil-2" || list[0].State != store.SilencePending {
		t.Errorf("list: %+v", list)
	}
	if list := must[[]store.SilenceRecord](t)(s.Silences(ctx(t), "", t0, "sil-2", 10)); len(list) != 1 || list[0].ID != "sil-1" {
		t.Errorf("next page: %+v", list)
	}
	if list := must[[]store.SilenceRecord](t)(s.Silences(ctx(t), store.SilenceActive, t0, "", 10)); len(list) != 1 || list[0].ID != "sil-1" {
		t.Errorf("active: %+v", list)
	}
	end := store.Audit{At: t0.Add(time.Minute), Principal: "ben", Action: store.AuditSilenceEnded, Subject: "sil-1", Reason: "done early"}
	ended := must[store.SilenceRecord](t)(s.EndSilence(ctx(t), "sil-1", end))
	if ended.State != store.SilenceEnded || ended.EndedBy != "ben" || ended.EndReason != "done early" || !ended.EndedAt.Equal(end.At) {
		t.Errorf("ended: %+v", ended)
	}
	_, err = s.EndSilence(ctx(t), "sil-1", end)
	wantKind(t, err, incident.KindConflict)
	_, err = s.EndSilence(ctx(t), "none", end)
	wantKind(t, err, incident.KindNotFound)
	log := must[[]store.Audit](t)(reopened.Audited(ctx(t), "sil-1", 0, 10))
	if len(log) != 2 || log[0].Action != store.AuditSilenceEnded || log[1].Action != store.AuditSilenceCreated || len(log[1].Detail) == 0 {
		t.Errorf("audit: %+v", log)
	}
	other := store.Audit{At: end.At, Principal: "ada", Action: store.AuditControlsKilled, Subject: "controls", Reason: "it misfires", Detail: []byte(`{"killed":true}`)}
	if err := s.Record(ctx(t), other); err != nil {
		t.Fatal(err)
	}
	if got := must[[]store.Audit](t)(s.Audited(ctx(t), "controls", 0, 10)); len(got) != 1 || got[0].ID == 0 || got[0].Principal != "ada" ||
		got[0].Reason != other.Reason || string(got[0].Detail) != string(other.Detail) || !got[0].At.Equal(end.At) {
		t.Errorf("audit of something else: %+v", got)
	}
	if next := must[[]store.Audit](t)(s.Audited(ctx(t), "sil-1", log[0].ID, 10)); len(next) != 1 {
		t.Errorf("next page of the audit: %+v", next)
	}
}
