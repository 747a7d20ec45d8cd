package sqlite_test

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"vigil/gateway/store"
	"vigil/gateway/store/sqlite"
	"vigil/workflows/incident"
)

// BenchmarkAccept compares group commit with a transaction for each delivery,
// side by side on the same disk: with more callers the first gets faster per
// delivery, because they share a sync, and the second does not.
//
//	go test -run '^$' -bench Accept ./gateway/store/sqlite
func BenchmarkAccept(b *testing.B) {
	body := make([]byte, 1024)
	for _, callers := range []int{1, 16, 64} {
		b.Run(fmt.Sprintf("group/callers=%d", callers), func(b *testing.B) {
			s := open(b, filepath.Join(b.TempDir(), "store.db"))
			concurrently(b, callers, func() error {
				_, err := s.Accept(b.Context(), store.Delivery{Source: "alertmanager", Body: body})
				return err
			})
		})
		b.Run(fmt.Sprintf("single/callers=%d", callers), func(b *testing.B) {
			s := open(b, filepath.Join(b.TempDir(), "store.db"))
			concurrently(b, callers, func() error {
				return s.Exec(b.Context(), `INSERT INTO deliveries (source, received_at, content_type, headers, body, principal, origin)
					VALUES ('alertmanager', 0, '', '{}', ?, '', '')`, body)
			})
		})
	}
}

// concurrently makes b.N calls from a number of callers.
func concurrently(b *testing.B, callers int, call func() error) {
	var left atomic.Int64
	left.Store(int64(b.N))
	var wg sync.WaitGroup
	b.ResetTimer()
	for range callers {
		wg.Go(func() {
			for left.Add(-1) >= 0 {
				if err := call(); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "deliveries/s")
}

// BenchmarkRepeated brings deliveries that repeat what incidents know all the
// way: accepted, read, assigned and so settled, together as many as come while
// the ones before them are worked on.
//
//	go test -run '^$' -bench Repeated ./gateway/store/sqlite
func BenchmarkRepeated(b *testing.B) {
	for _, together := range []int{1, 16, 128} {
		b.Run(fmt.Sprintf("together=%d", together), func(b *testing.B) {
			s := open(b, filepath.Join(b.TempDir(), "store.db"))
			round := func(n int) {
				var wg sync.WaitGroup
				for range n {
					wg.Go(func() {
						if _, err := s.Accept(b.Context(), store.Delivery{Source: "alertmanager", Body: make([]byte, 1024), Origin: incident.OriginLive}); err != nil {
							b.Error(err)
						}
					})
				}
				wg.Wait()
				dispatchAll(b, s, n)
			}
			round(128) // every alert is known to its incident
			b.ResetTimer()
			for left := b.N; left > 0; left -= together {
				round(min(left, together))
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "deliveries/s")
		})
	}
}

// dispatchAll does what a dispatcher does with n deliveries of one alert each,
// and has every signal arrive.
func dispatchAll(b *testing.B, s *sqlite.Store, n int) {
	list, err := s.Received(b.Context(), n, 8<<20)
	if err != nil || len(list) != n {
		b.Fatalf("%d of %d deliveries are there: %v", len(list), n, err)
	}
	readings := make([]store.Reading, n)
	for i, d := range list {
		key := fmt.Sprintf("group %d", i)
		readings[i] = store.Reading{DeliveryID: d.ID, State: store.DeliveryNormalised, Dispatches: []store.Dispatch{{CorrelationKey: key, Alerts: []incident.Alert{{
			Source: "alertmanager", CorrelationKey: key, Fingerprint: "f", Status: incident.AlertFiring, Severity: incident.SeverityHigh, Service: "checkout",
			Title: "Requests take too long", Labels: map[string]string{"alertname": "Slow", "service": "checkout", "cluster": "eu"}, ReceivedAt: time.Now(), InboxID: d.ID,
			Origin: incident.OriginLive}}}}}
	}
	if err := s.Read(b.Context(), readings); err != nil {
		b.Fatal(err)
	}
	got, err := s.Assign(b.Context(), store.Claim{Limit: n, Bytes: 8 << 20, Now: time.Now(), NewID: func() string { return fmt.Sprintf("inc-%d", rand.Int64()) }})
	if err != nil {
		b.Fatal(err)
	}
	var settled []store.Settlement
	for _, a := range got.List {
		settled = append(settled, store.Settlement{DispatchID: a.ID, IncidentID: a.IncidentID, State: store.DispatchDelivered, Alerts: a.Alerts, Mention: a.Mention})
	}
	if err := s.Settle(b.Context(), settled); err != nil {
		b.Fatal(err)
	}
}
