package sqlite_test

import (
	"context"
	"flag"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"

	"vigil/gateway/store"
	"vigil/gateway/store/sqlite"
	"vigil/gateway/store/storetest"
)

// fresh makes an opener on a new file.
func fresh(t testing.TB) storetest.Opener {
	path := filepath.Join(t.TempDir(), "a store?#%.db") // names that a URI would misread
	return func(t testing.TB) store.Store { return open(t, path) }
}

func open(t testing.TB, path string) *sqlite.Store {
	t.Helper()
	s, err := sqlite.Open(context.Background(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// The property tests open a file for every case: twenty are enough for every
// day; -rapid.checks=N asks for more.
func TestMain(m *testing.M) {
	flag.Parse()
	asked := false
	flag.Visit(func(f *flag.Flag) { asked = asked || f.Name == "rapid.checks" })
	if !asked {
		if err := flag.Set("rapid.checks", "20"); err != nil {
			panic(err)
		}
	}
	goleak.VerifyTestMain(m)
}

func TestConformance(t *testing.T) { storetest.Run(t, fresh) }
