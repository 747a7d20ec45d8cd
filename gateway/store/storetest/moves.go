package storetest

import (
	"testing"

	"vigil/gateway/store"
	"vigil/workflows/incident"
)

var ana = incident.Principal{Name: "ana", Role: incident.RoleResponder}

// shown has the read model show incidents as open.
func shown(t testing.TB, s store.Store, first uint64, ids ...string) {
	t.Helper()
	for i, id := range ids {
		r := newRun(id, "run-"+id, "incident "+id)
		apply(t, s, stream(first+uint64(i), r.events...)...)
	}
}

func mergeMovesEverything(t *testing.T, fresh func(testing.TB) Opener) {
	open := fresh(t)
	s := open(t)
	opened(t, s, map[string]string{"a": "inc-a", "b": "inc-b"})
	shown(t, s, 1, "inc-a", "inc-b")
	req := store.MoveRequest{ID: "mov-1", From: "inc-a", To: "inc-b", By: ana, At: t0, Reason: "one cause"}
	move := must[incident.Move](t)(s.Merge(ctx(t), req))
	if !move.All || move.Count != 1 || move.By != "ana" || len(move.Members) != 0 {
		t.Errorf("move: %+v", move)
	}
	if again := must[incident.Move](t)(s.Merge(ctx(t), req)); again.Count != 1 {
		t.Errorf("the same request once more: %+v", again)
	}
	list := assign(t, s, claim())
	if len(list) != 1 || list[0].IncidentID != "inc-b" || list[0].Alerts[0].JoinedBy != "merged by ana" {
		t.Fatalf("%+v", list)
	}
	deliver(t, s, list...)
	s = open(t) // another gateway
	post(t, s, resolved("a"))
	if list := assign(t, s, claim()); len(list) != 1 || list[0].IncidentID != "inc-b" {
		t.Errorf("what its key says later goes to %v", where(list))
	}
	if keys := must[[]store.IncidentKey](t)(s.IncidentKeys(ctx(t), "inc-a")); len(keys) != 1 || keys[0].MovedTo != "inc-b" || keys[0].Open {
		t.Errorf("keys of what was merged: %+v", keys)
	}
	if all := must[[]store.IncidentAlert](t)(s.IncidentAlerts(ctx(t), "inc-a", "", 0, 10)); len(all) != 1 || all[0].MovedTo != "inc-b" {
		t.Errorf("alerts of what was merged: %+v", all)
	}
	told := must[[]store.PendingMove](t)(s.PendingMoves(ctx(t), 10))
	if len(told) != 1 || !told[0].TellFrom || !told[0].TellTo || told[0].Role != incident.RoleResponder {
		t.Fatalf("to be told: %+v", told)
	}
	ok(t, s.MoveTold(ctx(t), "mov-1", true, false))
	ok(t, s.MoveFailed(ctx(t), "mov-1"))
	if told := must[[]store.PendingMove](t)(s.PendingMoves(ctx(t), 10)); len(told) != 1 || told[0].TellFrom || told[0].Attempts != 1 {
		t.Errorf("one side was told: %+v", told)
	}
	ok(t, s.MoveTold(ctx(t), "mov-1", false, true))
	if told := must[[]store.PendingMove](t)(s.PendingMoves(ctx(t), 10)); len(told) != 0 {
		t.Errorf("both were told: %+v", told)
	}
	if log := must[[]store.Audit](t)(s.Audited(ctx(t), "inc-a", 0, 10)); len(log) != 1 || log[0].Action != store.AuditIncidentMerged || log[0].Reason != "one cause" {
		t.Errorf("audit: %+v", log)
	}
}

func splitMovesKeys(t *testing.T, fresh func(testing.TB) Opener) {
	s := fresh(t)(t)
	opened(t, s, map[string]string{"a": "inc-a"})
	c := claim()
	c.Correlator = joiner(func(incident.Alert, store.Scene) (string, string) { return "inc-a", "too eager" })
	post(t, s, firing("b"))
	deliver(t, s, assign(t, s, c)...)
	shown(t, s, 1, "inc-a")
	move := must[incident.Move](t)(s.Split(ctx(t), store.MoveRequest{ID: "mov-1", From: "inc-a", To: "inc-new", Keys: []string{"b"}, By: ana, At: t0, Reason: "another cause"}))
	if move.All || move.Count != 1 || len(move.Members) != 1 || move.Members[0] != incident.MemberID("b", "f1") {
		t.Errorf("move: %+v", move)
	}
	list := assign(t, s, claim())
	if len(list) != 1 || list[0].IncidentID != "inc-new" || list[0].Alerts[0].JoinedBy != "split by ana" {
		t.Fatalf("%+v", list)
	}
	deliver(t, s, list...)
	if !bound(t, s, "a", "inc-a") || bound(t, s, "b", "inc-a") || !bound(t, s, "b", "inc-new") {
		t.Error("keys are not where they belong")
	}
	if log := must[[]store.Audit](t)(s.Audited(ctx(t), "inc-a", 0, 10)); len(log) != 1 || log[0].Action != store.AuditIncidentSplit {
		t.Errorf("audit: %+v", log)
	}
}

// What was split off and is merged back says nothing new, and yet the incident
// hears it: it has let go of it. Before it has, nothing comes back.
func movedBackIsToldAgain(t *testing.T, fresh func(testing.TB) Opener) {
	s := fresh(t)(t)
	opened(t, s, map[string]string{"a": "inc-a"})
	c := claim()
	c.Correlator = joiner(func(incident.Alert, store.Scene) (string, string) { return "inc-a", "too eager" })
	post(t, s, firing("b"))
	deliver(t, s, assign(t, s, c)...)
	shown(t, s, 1, "inc-a")
	must[incident.Move](t)(s.Split(ctx(t), store.MoveRequest{ID: "mov-1", From: "inc-a", To: "inc-new", Keys: []string{"b"}, By: ana, At: t0, Reason: "another cause"}))
	deliver(t, s, assign(t, s, claim())...)
	shown(t, s, 10, "inc-new")
	back := store.MoveRequest{ID: "mov-2", From: "inc-new", To: "inc-a", By: ana, At: t0, Reason: "the same cause"}
	if _, err := s.Merge(ctx(t), back); incident.KindOf(err) != incident.KindConflict {
		t.Fatalf("merged back before the incident knew of the split: %v", err)
	}
	ok(t, s.MoveTold(ctx(t), "mov-1", true, false))
	must[incident.Move](t)(s.Merge(ctx(t), back))
	list := assign(t, s, claim())
	if len(list) != 1 || list[0].IncidentID != "inc-a" || len(list[0].Alerts) != 1 || list[0].Mention[0] {
		t.Fatalf("%+v", list)
	}
	deliver(t, s, list...)
	if all := must[[]store.IncidentAlert](t)(s.IncidentAlerts(ctx(t), "inc-a", "", 0, 10)); len(all) != 2 || all[1].MovedTo != "" {
		t.Errorf("%+v", all)
	}
	post(t, s, firing("b"))
	if list := assign(t, s, claim()); len(list) != 0 {
		t.Errorf("told once more of what it knows: %+v", list)
	}
}

// Alerts that are on their way when a person moves their key arrive where it
// went, and the last word stays the last.
func movesMeetDeliveries(t *testing.T, fresh func(testing.TB) Opener) {
	s := fresh(t)(t)
	opened(t, s, map[string]string{"a": "inc-a", "b": "inc-b"})
	shown(t, s, 1, "inc-a", "inc-b")
	post(t, s, resolved("a"))
	inHand := assign(t, s, claim())
	must[incident.Move](t)(s.Merge(ctx(t), store.MoveRequest{ID: "mov-1", From: "inc-a", To: "inc-b", By: ana, At: t0, Reason: "one cause"}))
	deliver(t, s, inHand...) // inc-a has it, and is part of inc-b
	list := assign(t, s, claim())
	if len(list) != 2 || list[0].IncidentID != "inc-b" || list[1].IncidentID != "inc-b" || list[0].Over || list[1].Over ||
		list[0].Alerts[0].Status != incident.AlertFiring || list[1].Alerts[0].Status != incident.AlertResolved {
		t.Fatalf("%+v", list)
	}
	deliver(t, s, list...)
	if all := must[[]store.IncidentAlert](t)(s.IncidentAlerts(ctx(t), "inc-b", "", 0, 10)); len(all) != 2 || all[1].Alert.Status != incident.AlertResolved {
		t.Errorf("%+v", all)
	}
}

func movesAreRefused(t *testing.T, fresh func(testing.TB) Opener) {
	s := fresh(t)(t)
	opened(t, s, map[string]string{"a": "inc-a", "b": "inc-b"})
	shown(t, s, 1, "inc-a", "inc-b", "inc-done")
	r := newRun("inc-done", "run-2", "x")
	r.close()
	apply(t, s, stream(10, r.events...)...)
	req := store.MoveRequest{ID: "mov-1", From: "inc-a", To: "inc-b", By: ana, At: t0, Reason: "x"}
	for name, c := range map[string]struct {
		change func(*store.MoveRequest)
		split  bool
		want   incident.Kind
	}{
		"into one that is over":    {func(m *store.MoveRequest) { m.To = "inc-done" }, false, incident.KindConflict},
		"into one that is not":     {func(m *store.MoveRequest) { m.To = "inc-none" }, false, incident.KindNotFound},
		"into itself":              {func(m *store.MoveRequest) { m.To = "inc-a" }, false, incident.KindInvalid},
		"of one that is over":      {func(m *store.MoveRequest) { m.From = "inc-done" }, false, incident.KindConflict},
		"split all":                {func(m *store.MoveRequest) { m.To, m.Keys = "inc-new", []string{"a"} }, true, incident.KindInvalid},
		"split what is not its":    {func(m *store.MoveRequest) { m.To, m.Keys = "inc-new", []string{"b"} }, true, incident.KindConflict},
		"split one that is not":    {func(m *store.MoveRequest) { m.From, m.Keys = "inc-none", []string{"a"} }, true, incident.KindNotFound},
		"split one that has ended": {func(m *store.MoveRequest) { m.From, m.Keys = "inc-done", []string{"a"} }, true, incident.KindConflict},
	} {
		m := req
		c.change(&m)
		do := s.Merge
		if c.split {
			do = s.Split
		}
		if _, err := do(ctx(t), m); incident.KindOf(err) != c.want {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
	if log := must[[]store.Audit](t)(s.Audited(ctx(t), "", 0, 10)); len(log) != 0 {
		t.Errorf("what was refused is in the audit: %+v", log)
	}
}
