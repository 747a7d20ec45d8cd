package controls_test

import (
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"vigil/activities/controls"
	"vigil/internal/bus"
	"vigil/workflows/incident"
)

// bucket answers every read with the same.
type bucket func(ctx context.Context, key string) (bus.Entry, error)

func (b bucket) Read(ctx context.Context, key string) (bus.Entry, error) { return b(ctx, key) }

func holds(value string, revision uint64) bucket {
	return func(_ context.Context, key string) (bus.Entry, error) {
		if key != bus.ControlsKey {
			return bus.Entry{}, errors.New("asked for " + key)
		}
		e := bus.Entry{Revision: revision}
		if value != "" {
			e.Value = []byte(value)
		}
		return e, nil
	}
}

func TestRead(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	stopped, err := json.Marshal(incident.Controls{Mode: incident.ModeExecute, Killed: true, By: "ada", Reason: "it misfires", At: at, Revision: 3})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name  string
		in    bucket
		want  incident.Controls
		words string // of the error
	}{
		{"never written", holds("", 0), incident.Controls{}, ""},
		{"deleted", holds("", 9), incident.Controls{Revision: 9}, ""},
		{"the bucket's revision counts", holds(string(stopped), 7),
			incident.Controls{Mode: incident.ModeExecute, Killed: true, By: "ada", Reason: "it misfires", At: at, Revision: 7}, ""},
		{"not JSON", holds("{", 4), incident.Controls{}, "revision 4 of them is not understood"},
		{"empty", bucket(func(context.Context, string) (bus.Entry, error) { return bus.Entry{Value: []byte{}, Revision: 2}, nil }), incident.Controls{}, "not understood"},
		{"two values", holds("{}{}", 4), incident.Controls{}, "something after the value"},
		{"a control of a later version", holds(`{"halt_deployments":true}`, 4), incident.Controls{}, "halt_deployments"},
		{"no such mode", holds(`{"mode":"reckless"}`, 4), incident.Controls{}, `"reckless" is no mode`},
		{"no answer", func(context.Context, string) (bus.Entry, error) { return bus.Entry{}, errors.New("no responders") }, incident.Controls{}, "cannot be told"},
	} {
		got, err := controls.New(c.in).Read(t.Context())
		switch {
		case c.words == "" && (err != nil || !reflect.DeepEqual(got, c.want)):
			t.Errorf("%s: %+v, %v, want %+v", c.name, got, err, c.want)
		case c.words != "" && (err == nil || incident.KindOf(err) != incident.KindUnavailable || !strings.Contains(err.Error(), c.words)):
			t.Errorf("%s: %v, want unavailable and %q", c.name, err, c.words)
		}
	}
}

// TestReadIsBounded: a bucket that says nothing is an error in time.
func TestReadIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		_, err := controls.New(bucket(func(ctx context.Context, _ string) (bus.Entry, error) {
			<-ctx.Done()
			return bus.Entry{}, ctx.Err()
		})).Read(t.Context())
		if took := time.Since(began); err == nil || took != controls.Timeout {
			t.Errorf("%v after %s, want an error after %s", err, took, controls.Timeout)
		}
	})
}

// TestEveryReadAsks: nothing is answered from memory.
func TestEveryReadAsks(t *testing.T) {
	t.Parallel()
	value := `{}`
	c := controls.New(bucket(func(context.Context, string) (bus.Entry, error) {
		return bus.Entry{Value: []byte(value), Revision: 1}, nil
	}))
	for _, killed := range []bool{false, true} {
		if killed {
			value = `{"killed":true}`
		}
		if got, err := c.Read(t.Context()); err != nil || got.Killed != killed {
			t.Errorf("killed is %t, %v, want %t", got.Killed, err, killed)
		}
	}
}

// FuzzRead: whatever the bucket holds is an error, or controls that keep the
// kill switch as it is written there.
func FuzzRead(f *testing.F) {
	for _, s := range []string{"", "{}", `{"killed":true}`, `{"killed":false,"killed":true}`, `null`, `[]`, `{"mode":"execute","dry_run_services":null}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		got, err := controls.New(bucket(func(context.Context, string) (bus.Entry, error) { return bus.Entry{Value: raw, Revision: 5}, nil })).Read(t.Context())
		if err != nil {
			if incident.KindOf(err) != incident.KindUnavailable || !reflect.DeepEqual(got, incident.Controls{}) {
				t.Errorf("%+v, %v", got, err)
			}
			return
		}
		var want struct{ Killed bool }
		if raw != nil {
			if err := json.Unmarshal(raw, &want); err != nil {
				t.Fatalf("%q was accepted: %v", raw, err)
			}
		}
		if got.Killed != want.Killed || got.Revision != 5 || got.Mode != "" && !got.Mode.Valid() {
			t.Errorf("%q became %+v", raw, got)
		}
	})
}
