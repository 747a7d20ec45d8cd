package gateway_test

import (
	"context"
	"encoding/json"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"vigil/gateway"
	"vigil/gateway/store"
	"vigil/internal/bus"
	"vigil/workflows/event"
	"vigil/workflows/incident"
)

const controlsPath = "/api/v1/controls"

func (r *rig) currentControls() (c incident.Controls) {
	r.tb.Helper()
	r.expect("controls", r.do("GET", controlsPath, nil, as(incident.RoleViewer)), 200, "").into(r.tb, &c)
	return c
}

func (r *rig) kill(reason string) answer {
	r.tb.Helper()
	return r.do("POST", controlsPath+"/kill", gateway.KillRequest{Reason: reason}, as(incident.RoleResponder))
}

func TestControlsAreChangedOnlyAsSeen(t *testing.T) {
	t.Parallel()
	r := start(t)
	if c := r.currentControls(); !reflect.DeepEqual(c, incident.Controls{}) {
		t.Errorf("before anybody set them: %+v", c)
	}
	body := gateway.ControlsRequest{Mode: incident.ModeExecute, DryRun: true, DryRunServices: []string{"ledger", " cart", "ledger"}, Reason: " ready "}
	var set incident.Controls
	r.expect("set", r.do("PUT", controlsPath, body, as(incident.RoleAdmin)), 200, "").into(t, &set)
	want := incident.Controls{Mode: incident.ModeExecute, DryRun: true, DryRunServices: []string{"cart", "ledger"}, By: "a admin", Reason: "ready", At: set.At, Revision: 1}
	if !reflect.DeepEqual(set, want) || set.At.IsZero() || !reflect.DeepEqual(r.currentControls(), want) {
		t.Errorf("set to %+v, want %+v", set, want)
	}

	// The same once more is what was done; another change has not seen this one.
	r.expect("repeated", r.do("PUT", controlsPath, body, as(incident.RoleAdmin)), 200, "")
	body.Mode = incident.ModeAdvisory
	a := r.expect("stale", r.do("PUT", controlsPath, body, as(incident.RoleAdmin)), 409, "a admin changed them since: they are at revision 1")
	var p gateway.Problem
	a.into(t, &p)
	if p.Controls == nil || !reflect.DeepEqual(*p.Controls, want) {
		t.Errorf("a stale change is told of %+v, want %+v", p.Controls, want)
	}
	body.Revision = 1
	r.expect("as seen", r.do("PUT", controlsPath, body, as(incident.RoleAdmin)), 200, "")
	body.Revision = 7
	r.expect("of the future", r.do("PUT", controlsPath, body, as(incident.RoleAdmin)), 409, "revision 2")

	for _, c := range []struct{ body, words string }{
		{`{"mode":"reckless","reason":"x"}`, "use read_only, advisory or execute"},
		{`{"mode":"execute"}`, "reason is needed"},
		{`{"mode":"execute","reason":"x","dry_run_services":[" "]}`, "dry_run_services is needed"},
		{`{"mode":"execute","reason":"x","dry_run_incidents":[` + strings.Repeat(`"i",`, 200) + `"i"]}`, "200 are the most"},
	} {
		r.expect(c.body, r.do("PUT", controlsPath, c.body, as(incident.RoleAdmin)), 422, c.words)
	}
	r.expect("the kill switch is not set like this", r.do("PUT", controlsPath, `{"mode":"execute","reason":"x","killed":false}`, as(incident.RoleAdmin)), 400, "killed")
}

func TestKillAndStart(t *testing.T) {
	t.Parallel()
	r := start(t)
	var killed incident.Controls
	r.expect("kill", r.kill("it misfires"), 200, "").into(t, &killed)
	if !killed.Killed || killed.By != "a responder" || killed.Reason != "it misfires" || killed.Revision != 1 || killed.At.IsZero() {
		t.Errorf("killed: %+v", killed)
	}
	r.expect("a responder may not start", r.do("DELETE", controlsPath+"/kill", gateway.StartAgainRequest{Reason: "x"}, as(incident.RoleApprover)), 403, "admin")

	// Whoever set the mode before the kill does not undo it, nor does one after it.
	r.expect("set as before", r.do("PUT", controlsPath, gateway.ControlsRequest{Mode: incident.ModeExecute, Reason: "x"}, as(incident.RoleAdmin)), 409, "a responder changed them")
	r.expect("set", r.do("PUT", controlsPath, gateway.ControlsRequest{Mode: incident.ModeExecute, Reason: "x", Revision: 1}, as(incident.RoleAdmin)), 200, "")
	if c := r.currentControls(); !c.Killed || c.Mode != incident.ModeExecute {
		t.Errorf("after the mode was set: %+v", c)
	}

	// A kill after what the admin saw stays.
	r.expect("kill again, without a word", r.do("POST", controlsPath+"/kill", nil, as(incident.RoleAdmin)), 200, "")
	if c := r.currentControls(); !c.Killed || c.Reason != "no reason was given" || c.Revision != 3 {
		t.Errorf("killed again: %+v", c)
	}
	r.expect("start as seen before", r.do("DELETE", controlsPath+"/kill", gateway.StartAgainRequest{Reason: "x", Revision: 2}, as(incident.RoleAdmin)), 409, "a admin changed them")
	r.expect("start without a reason", r.do("DELETE", controlsPath+"/kill", nil, as(incident.RoleAdmin)), 422, "reason is needed")
	r.expect("start", r.do("DELETE", controlsPath+"/kill", gateway.StartAgainRequest{Reason: "fixed"}, as(incident.RoleAdmin)), 200, "")
	if c := r.currentControls(); c.Killed || c.Mode != incident.ModeExecute || c.By != "a admin" || c.Reason != "fixed" {
		t.Errorf("started: %+v", c)
	}
	r.expect("start what runs", r.do("DELETE", controlsPath+"/kill", gateway.StartAgainRequest{Reason: "again"}, as(incident.RoleAdmin)), 200, "")

	var log gateway.AuditList
	r.expect("audit", r.do("GET", "/api/v1/audit?subject=controls", nil, as(incident.RoleViewer)), 200, "").into(t, &log)
	var got []string
	for _, e := range log.Entries {
		got = append(got, e.Principal+" "+e.Action+": "+e.Reason)
		var detail incident.Controls
		if json.Unmarshal(e.Detail, &detail) != nil || detail.Revision == 0 {
			t.Errorf("entry %+v does not say what the controls became", e)
		}
	}
	want := []string{"a admin controls.started: fixed", "a admin controls.started: fixed", "a admin controls.killed: no reason was given", "a admin controls.set: x", "a responder controls.killed: it misfires"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("audit: %q, want %q", got, want)
	}

	scraped := string(r.expect("metrics", r.do("GET", "/metrics", nil, as(incident.RoleViewer)), 200, "").body)
	for _, line := range []string{`gateway_controls_changes_total{change="kill"} 2`, `gateway_controls_changes_total{change="set"} 1`} {
		if !strings.Contains(scraped, line+"\n") {
			t.Errorf("no %s in the metrics", line)
		}
	}
}

// TestKillWinsAgainstEveryChange: whatever others do at the same time, a kill
// that was confirmed stays until somebody starts again.
func TestKillWinsAgainstEveryChange(t *testing.T) {
	t.Parallel()
	r := start(t)
	stop := make(chan struct{})
	var setters sync.WaitGroup
	for range 2 {
		setters.Go(func() {
			for at := uint64(0); ; {
				select {
				case <-stop:
					return
				default:
				}
				a := r.do("PUT", controlsPath, gateway.ControlsRequest{Mode: incident.ModeExecute, Reason: "race " + strconv.FormatUint(at, 10), Revision: at}, as(incident.RoleAdmin))
				var p gateway.Problem
				var c incident.Controls
				switch a.status {
				case 200:
					a.into(t, &c)
				case 409:
					a.into(t, &p)
					c = *p.Controls
				default:
					t.Errorf("set: %d %s", a.status, a.body)
					return
				}
				at = c.Revision
			}
		})
	}
	for range 8 {
		r.expect("kill", r.kill("now"), 200, "")
		if c := r.currentControls(); !c.Killed {
			t.Errorf("confirmed, and not killed: %+v", c)
		}
		for { // others change something between look and start
			if a := r.do("DELETE", controlsPath+"/kill", gateway.StartAgainRequest{Reason: "go"}, as(incident.RoleAdmin)); a.status == 200 {
				break
			} else if a.status != 409 {
				t.Fatalf("start: %d %s", a.status, a.body)
			}
		}
	}
	close(stop)
	setters.Wait()
}

// TestKillIsTriedUntilItIsStored, and no longer than a person waits.
func TestKillIsTriedUntilItIsStored(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, failed := newBucket(), 0
		b.breaks(func(op, _ string) error {
			if failed++; failed < 6 {
				return map[string]error{"get": errNoNATS, "put": bus.ErrMoved}[op]
			}
			return nil
		})
		ctx, cancel := context.WithCancel(t.Context())
		cancel() // whoever asked has closed the window
		if c, err := gateway.NewSwitch(b).Kill(ctx, "ada", "now"); err != nil || !c.Killed {
			t.Errorf("Kill = %+v, %v", c, err)
		}

		b.breaks(func(string, string) error { return errNoNATS })
		began := time.Now()
		_, err := gateway.NewSwitch(b).Kill(t.Context(), "ada", "now")
		if took := time.Since(began); incident.KindOf(err) != incident.KindUnavailable || !strings.Contains(err.Error(), "Vigil is NOT stopped") || took != gateway.KillWait {
			t.Errorf("Kill = %v after %s", err, took)
		}
	})
}

// TestKillOverwritesWhatIsNotUnderstood: workers stop at such a value, and the
// kill switch is one that they understand.
func TestKillOverwritesWhatIsNotUnderstood(t *testing.T) {
	t.Parallel()
	r := start(t)
	_, err := r.controls.Put(t.Context(), bus.ControlsKey, []byte("{half"), 0)
	must(t, err)
	r.expect("read", r.do("GET", controlsPath, nil, as(incident.RoleViewer)), 503, "revision 1 of the controls is not understood")
	r.expect("start", r.do("DELETE", controlsPath+"/kill", gateway.StartAgainRequest{Reason: "go"}, as(incident.RoleAdmin)), 409, "set the controls anew")
	var c incident.Controls
	r.expect("set anew", r.do("PUT", controlsPath, gateway.ControlsRequest{Mode: incident.ModeAdvisory, Reason: "repair", Revision: 1}, as(incident.RoleAdmin)), 200, "").into(t, &c)
	if !c.Killed || c.Mode != incident.ModeAdvisory {
		t.Errorf("set anew: %+v", c)
	}
	_, err = r.controls.Put(t.Context(), bus.ControlsKey, []byte(`{"later":1}`), c.Revision)
	must(t, err)
	r.expect("kill", r.kill("now"), 200, "")
	if c := r.currentControls(); !c.Killed || c.Reason != "now" || c.Revision != 4 {
		t.Errorf("killed: %+v", c)
	}
}

// TestKillWithoutTheStore: who stops Vigil needs NATS and nothing else.
func TestKillWithoutTheStore(t *testing.T) {
	t.Parallel()
	f := &failing{Store: openStore(t)}
	r := start(t, func(s *setup) { s.deps.Store = f })
	f.fail(incident.Errorf(incident.KindUnavailable, "disk full"))
	r.expect("kill", r.do("POST", controlsPath+"/kill", gateway.KillRequest{Reason: "now"}, as(incident.RoleResponder), header("Idempotency-Key", "k1")), 200, "")
	r.expect("kill again", r.do("POST", controlsPath+"/kill", gateway.KillRequest{Reason: "now"}, as(incident.RoleResponder), header("Idempotency-Key", "k1")), 200, "")
	if !r.currentControls().Killed {
		t.Error("not killed")
	}
}

func (f *failing) Record(ctx context.Context, by store.Audit) error {
	if err := f.failure(); err != nil {
		return err
	}
	return f.Store.Record(ctx, by)
}

func (f *failing) Begin(ctx context.Context, principal, key, hash string) (*store.Answer, error) {
	if err := f.failure(); err != nil {
		return nil, err
	}
	return f.Store.Begin(ctx, principal, key, hash)
}

func TestControlsWithoutNATS(t *testing.T) {
	t.Parallel()
	r := start(t)
	r.controls.breaks(func(string, string) error { return errNoNATS })
	r.expect("read", r.do("GET", controlsPath, nil, as(incident.RoleViewer)), 503, "cannot be read")
	r.expect("set", r.do("PUT", controlsPath, gateway.ControlsRequest{Mode: incident.ModeExecute, Reason: "x"}, as(incident.RoleAdmin)), 503, "cannot be read")
	r.controls.breaks(func(op, _ string) error { return map[string]error{"put": errNoNATS}[op] })
	r.expect("set, and no answer", r.do("PUT", controlsPath, gateway.ControlsRequest{Mode: incident.ModeExecute, Reason: "x"}, as(incident.RoleAdmin)), 503, "whether it was made is not known")
	r.expect("start", r.do("DELETE", controlsPath+"/kill", gateway.StartAgainRequest{Reason: "x"}, as(incident.RoleAdmin)), 200, "") // nothing is stopped
}

// TestControlsAreSeenAtOnce: what any gateway changes is on every page, and in
// the figures of each gateway.
func TestControlsAreSeenAtOnce(t *testing.T) {
	t.Parallel()
	r := start(t)
	conn, _, err := r.dial(incident.RoleViewer)
	must(t, err)
	next := func(until func(incident.Controls) bool) {
		t.Helper()
		for {
			var f event.SystemEvent
			if err := conn.ReadJSON(&f); err != nil {
				t.Fatal(err)
			}
			if f.Type != event.TypeControlsChanged {
				continue
			}
			var c incident.Controls
			must(t, json.Unmarshal(f.Data, &c))
			if until(c) {
				return
			}
		}
	}
	next(func(c incident.Controls) bool { return c.Revision == 0 && !c.Killed }) // as they are
	r.expect("kill", r.kill("now"), 200, "")
	next(func(c incident.Controls) bool { return c.Killed && c.By == "a responder" && c.Revision == 1 })
	eventually(t, "the figures", func() bool {
		scraped := string(r.do("GET", "/metrics", nil, as(incident.RoleViewer)).body)
		return strings.Contains(scraped, "\ngateway_controls_killed 1\n") && strings.Contains(scraped, `gateway_controls_mode{mode="advisory"} 1`) &&
			strings.Contains(scraped, `gateway_controls_mode{mode="execute"} 0`)
	})
	eventually(t, "health to say so", func() bool {
		var m event.SystemHealthMetrics
		r.do("GET", "/api/v1/system/health", nil, as(incident.RoleViewer)).into(t, &m)
		c := m.Components[4]
		return c.Name == "controls" && c.State == "degraded" && strings.Contains(c.Detail, "a responder: now")
	})
	_, err = r.controls.Put(t.Context(), bus.ControlsKey, []byte("?"), 1) // another version of the gateway, say
	must(t, err)
	next(func(c incident.Controls) bool {
		return c.Killed && c.Revision == 2 && strings.Contains(c.Reason, "not understood")
	})
}
