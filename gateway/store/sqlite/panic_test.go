package sqlite_test

import (
	"path/filepath"
	"testing"
	"time"

	"vigil/gateway/store"
	"vigil/workflows/incident"
)

// careless fails in a way that nobody has foreseen.
type careless struct{}

func (careless) Join(incident.Alert, store.Scene) (string, string) { panic("boom") }

// A panic within a transaction kept the writer connection, so that whoever
// caught it was left with a store that takes nothing any more.
func TestPanicInATransactionLetsGoOfTheFile(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "store.db"))
	id, err := s.Accept(t.Context(), store.Delivery{Body: []byte("{}")})
	if err != nil {
		t.Fatal(err)
	}
	a := incident.Alert{CorrelationKey: "k", Fingerprint: "f", Status: incident.AlertFiring, Title: "slow"}
	reading := store.Reading{DeliveryID: id, State: store.DeliveryNormalised, Dispatches: []store.Dispatch{{CorrelationKey: "k", Alerts: []incident.Alert{a}}}}
	if err := s.Read(t.Context(), []store.Reading{reading}); err != nil {
		t.Fatal(err)
	}
	claim := store.Claim{Limit: 10, Bytes: 1 << 20, Now: time.Now(), NewID: func() string { return "inc-1" }, Correlator: careless{}}
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic was swallowed; whoever asked would take the claim for done")
			}
		}()
		_, _ = s.Assign(t.Context(), claim)
	}()
	if err := s.Ping(t.Context()); err != nil { // without the fix it waits until the test is over
		t.Fatal(err)
	}
	claim.Correlator = nil
	if got, err := s.Assign(t.Context(), claim); err != nil || len(got.List) != 1 {
		t.Errorf("afterwards: %+v, %v", got, err)
	}
}
