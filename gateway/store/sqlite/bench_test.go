package sqlite_test

import (
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"vigil/gateway/store"
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
