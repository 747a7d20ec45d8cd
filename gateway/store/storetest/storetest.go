// Package storetest is the conformance suite of store.Store: what every
// implementation promises, run against the real thing. Tests alone import it.
package storetest

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"vigil/gateway/store"
	"vigil/workflows/event"
	"vigil/workflows/incident"
)

// Opener opens a handle on one set of data. Each call gives another handle on
// the same data, as another gateway would have it. The opener sees to it that
// handles are closed when the test ends; the suite may close them earlier.
type Opener func(t testing.TB) store.Store

// Run runs the suite. fresh makes a new, empty set of data.
func Run(t *testing.T, fresh func(t testing.TB) Opener) {
	for name, test := range map[string]func(*testing.T, func(testing.TB) Opener){
		"AcceptKeepsEveryField":          acceptKeepsEveryField,
		"AcceptedSurvivesWithoutClose":   acceptedSurvivesWithoutClose,
		"ConcurrentAcceptsAreAllKept":    concurrentAcceptsAreAllKept,
		"AcceptRefusesWhenItCannotStore": acceptRefusesWhenItCannotStore,
		"DeliveriesMoveOnce":             deliveriesMoveOnce,
		"LostDeliveriesAreCounted":       lostDeliveriesAreCounted,
		"ReceivedIsBoundedByBytes":       receivedIsBoundedByBytes,
		"AssignKeepsOrderPerKey":         assignKeepsOrderPerKey,
		"AssignSkipsAKeyAsAWhole":        assignSkipsAKeyAsAWhole,
		"AssignIsBounded":                assignIsBounded,
		"PoisonHoldsUpItsKeyOnly":        poisonHoldsUpItsKeyOnly,
		"OneIncidentPerKey":              oneIncidentPerKey,
		"RepetitionsGoNoFurther":         repetitionsGoNoFurther,
		"ResolvesOpenNothing":            resolvesOpenNothing,
		"WhatClosesReleasesItsKeys":      whatClosesReleasesItsKeys,
		"ResetTakesTheKeyBack":           resetTakesTheKeyBack,
		"RulesJoinKeys":                  rulesJoinKeys,
		"ManyAlertsAreMentioned":         manyAlertsAreMentioned,
		"QuarantineIsAPlace":             quarantineIsAPlace,
		"ReadLateIsNoNews":               readLateIsNoNews,
		"OldDeliveriesArePruned":         oldDeliveriesArePruned,
		"SilencesKeepAlerts":             silencesKeepAlerts,
		"SilencesAreKept":                silencesAreKept,
		"MergeMovesEverything":           mergeMovesEverything,
		"SplitMovesKeys":                 splitMovesKeys,
		"MovedBackIsToldAgain":           movedBackIsToldAgain,
		"SilencesShowWhatCleared":        silencesShowWhatCleared,
		"MovesMeetDeliveries":            movesMeetDeliveries,
		"MovesAreRefused":                movesAreRefused,
		"ApplySkipsAndStopsAtHoles":      applySkipsAndStopsAtHoles,
		"ApplyFills":                     applyFills,
		"NewEpochKeepsEvents":            newEpochKeepsEvents,
		"SecondRunIsANewBranch":          secondRunIsANewBranch,
		"AbortEndsARun":                  abortEndsARun,
		"ReviewsAreKept":                 reviewsAreKept,
		"ContinuedIncidentIsOneStory":    continuedIncidentIsOneStory,
		"UnknownEventsAreKept":           unknownEventsAreKept,
		"AnyInterleavingAppliesExactly":  anyInterleavingAppliesExactly,
		"TwoConsumersApplyOnce":          twoConsumersApplyOnce,
		"SinceServesOrRefuses":           sinceServesOrRefuses,
		"SnapshotIsOfOneMoment":          snapshotIsOfOneMoment,
		"PagesAreStable":                 pagesAreStable,
		"FiltersSelect":                  filtersSelect,
		"IncidentEventsPage":             incidentEventsPage,
		"UnknownIncidentsAreNotFound":    unknownIncidentsAreNotFound,
		"EventsAreFoundById":             eventsAreFoundByID,
		"FiguresFollowEvents":            figuresFollowEvents,
		"FiguresPage":                    figuresPage,
		"FiguresDoNotDependOnArrival":    figuresDoNotDependOnArrival,
		"ForgottenStaysForgotten":        forgottenStaysForgotten,
		"ForgettingIsBounded":            forgettingIsBounded,
		"AnswersAreRemembered":           answersAreRemembered,
		"ClaimsAreExclusive":             claimsAreExclusive,
	} {
		t.Run(name, func(t *testing.T) { test(t, fresh) })
	}
}

// epoch0 is the stream that most tests read.
const epoch0 = "epoch-0"

// t0 is when everything here happens.
var t0 = time.Date(2026, 11, 23, 14, 2, 10, 123456000, time.UTC)

func ctx(t testing.TB) context.Context {
	t.Helper()
	c, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	return c
}

// fatalTB is what testing.TB and rapid.T have in common.
type fatalTB interface {
	Helper()
	Fatalf(format string, args ...any)
}

func ok(t fatalTB, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%v", err)
	}
}

func must[T any](t fatalTB) func(v T, err error) T {
	return func(v T, err error) T {
		t.Helper()
		ok(t, err)
		return v
	}
}

func wantKind(t fatalTB, err error, k incident.Kind) {
	t.Helper()
	if err == nil || incident.KindOf(err) != k {
		t.Fatalf("got error %v, want one of kind %s", err, k)
	}
}

func delivery(n int) store.Delivery {
	return store.Delivery{Source: "alertmanager", ReceivedAt: t0.Add(time.Duration(n) * time.Second),
		ContentType: "application/json", Headers: map[string]string{"User-Agent": "Alertmanager/"},
		Body: fmt.Appendf(nil, `{"n":%d}`, n), Principal: "source-alertmanager", Origin: incident.OriginLive}
}

// firing is an alert of a key.
func firing(key string) incident.Alert {
	return incident.Alert{Source: "alertmanager", CorrelationKey: key, Fingerprint: "f1", Status: incident.AlertFiring, Title: "High latency",
		Service: "svc-" + key, Severity: incident.SeverityHigh, StartsAt: t0, ReceivedAt: t0, Origin: incident.OriginLive}
}

func resolved(key string) incident.Alert {
	a := firing(key)
	a.Status = incident.AlertResolved
	return a
}

// post accepts and reads one delivery that holds alerts.
func post(t testing.TB, s store.Store, alerts ...incident.Alert) int64 {
	t.Helper()
	id := must[int64](t)(s.Accept(ctx(t), delivery(1)))
	reading := store.Reading{DeliveryID: id, State: store.DeliveryNormalised}
	at := map[string]int{}
	for _, a := range alerts {
		a.InboxID = id
		i, ok := at[a.CorrelationKey]
		if !ok {
			i = len(reading.Dispatches)
			at[a.CorrelationKey] = i
			reading.Dispatches = append(reading.Dispatches, store.Dispatch{CorrelationKey: a.CorrelationKey})
		}
		reading.Dispatches[i].Alerts = append(reading.Dispatches[i].Alerts, a)
	}
	ok(t, s.Read(ctx(t), []store.Reading{reading}))
	return id
}

// claim is what a dispatcher asks for; incidents are named inc-1, inc-2, … and
// every key has one of its own.
func claim() store.Claim {
	n := 0
	return store.Claim{Limit: 1000, Bytes: 1 << 20, Now: t0, NewID: func() string { n++; return fmt.Sprint("inc-", n) }}
}

func assign(t testing.TB, s store.Store, c store.Claim) []store.Assignment {
	t.Helper()
	return must[store.Assigned](t)(s.Assign(ctx(t), c)).List
}

// deliver settles assignments as delivered.
func deliver(t testing.TB, s store.Store, list ...store.Assignment) {
	t.Helper()
	var out []store.Settlement
	for _, a := range list {
		out = append(out, store.Settlement{DispatchID: a.ID, IncidentID: a.IncidentID, State: store.DispatchDelivered, Alerts: a.Alerts, Mention: a.Mention})
	}
	ok(t, s.Settle(ctx(t), out))
}

// opened posts a firing alert for each key, and has them delivered: each to an
// incident of its own.
func opened(t testing.TB, s store.Store, names map[string]string) {
	t.Helper()
	for _, key := range slices.Sorted(maps.Keys(names)) {
		post(t, s, firing(key))
		c := claim()
		c.NewID = func() string { return names[key] }
		deliver(t, s, assign(t, s, c)...)
	}
}

// bound reports whether key is open in an incident.
func bound(t testing.TB, s store.Store, key, incidentID string) bool {
	t.Helper()
	for _, k := range must[[]store.IncidentKey](t)(s.IncidentKeys(ctx(t), incidentID)) {
		if k.CorrelationKey == key {
			return k.Open
		}
	}
	return false
}

func record(t testing.TB, s store.Store, deliveryID int64) store.DeliveryRecord {
	t.Helper()
	list := must[[]store.DeliveryRecord](t)(s.Deliveries(ctx(t), store.DeliveryFilter{Before: deliveryID + 1}, 1))
	if len(list) != 1 || list[0].ID != deliveryID {
		t.Fatalf("delivery %d: %+v", deliveryID, list)
	}
	return list[0]
}

// run makes the events of one run of one incident, numbered as its workflow
// numbers them.
type run struct {
	incidentID, runID string
	events            []event.Event
	beside            []event.Event // without a number
}

func newRun(incidentID, runID, title string) *run {
	r := &run{incidentID: incidentID, runID: runID}
	r.add(&event.IncidentOpened{Title: title, Service: "checkout", Severity: incident.SeverityHigh, Source: "alertmanager", StartedAt: t0})
	return r
}

// add appends the next event; each happens a second after the one before.
func (r *run) add(d event.Data) event.Event {
	seq := int64(len(r.events) + 1)
	e, err := event.New(d, r.incidentID, r.runID, seq, t0.Add(time.Duration(seq)*time.Second),
		incident.Provenance{Origin: incident.OriginSimulated, Service: "workflow"})
	if err != nil {
		panic(err) // a struct of ours that does not encode
	}
	r.events = append(r.events, e)
	return e
}

func (r *run) close() event.Event {
	return r.add(&event.IncidentClosed{Status: incident.StatusResolved, Outcome: incident.OutcomeRemediated, Reason: "telemetry is back"})
}

func (r *run) aborted() event.Event {
	e, err := event.New(&event.IncidentAborted{Reason: "terminated"}, r.incidentID, r.runID, 0, t0.Add(time.Hour),
		incident.Provenance{Origin: incident.OriginLive, Service: "gateway"})
	if err != nil {
		panic(err)
	}
	return e
}

// stream gives events their offsets, from first on.
func stream(first uint64, events ...event.Event) []event.Event {
	out := make([]event.Event, len(events))
	for i, e := range events {
		e.Offset = first + uint64(i)
		out[i] = e
	}
	return out
}

// apply applies events that must fit.
func apply(t testing.TB, s store.Store, events ...event.Event) []event.Event {
	t.Helper()
	fresh, gap, err := s.Apply(ctx(t), epoch0, nil, events)
	ok(t, err)
	if gap != nil {
		t.Fatalf("unexpected gap %+v", *gap)
	}
	return fresh
}

func ids(events []event.Event) []string {
	out := make([]string, len(events))
	for i, e := range events {
		out[i] = e.ID
	}
	return out
}
