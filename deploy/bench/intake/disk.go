package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"vigil/internal/sqlitefile"
)

const (
	syncs      = 200
	commits    = 2000
	commitTime = 5 * time.Second // for those; what is done by then counts
)

// Disk is what everything else waits for.
type Disk struct {
	SyncP50MS        float64 `json:"sync_p50_ms"` // of 4 KB appended to a bare file
	SyncP99MS        float64 `json:"sync_p99_ms"`
	CommitsPerSecond float64 `json:"commits_per_second"` // of single rows, one after the other
}

// measureDisk measures a bare file, and SQLite with the store's settings and
// one caller, who waits for each row to be on disk.
func measureDisk(ctx context.Context, dir string, bodyBytes int) (d Disk, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return d, err
	}
	disk, err := syncTimes(dir)
	if err != nil {
		return d, err
	}
	d.SyncP50MS, d.SyncP99MS = ms(disk.at(.5)), ms(disk.at(.99))
	db, err := sqlitefile.Writer(filepath.Join(dir, "raw.db"))
	if err != nil {
		return d, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if _, err := db.ExecContext(ctx, `CREATE TABLE raw (id INTEGER PRIMARY KEY AUTOINCREMENT, body BLOB NOT NULL)`); err != nil {
		return d, err
	}
	body := bytes.Repeat([]byte("x"), bodyBytes)
	began := time.Now()
	for n := 1; n <= commits && time.Since(began) < commitTime; n++ {
		if _, err := db.ExecContext(ctx, `INSERT INTO raw (body) VALUES (?)`, body); err != nil {
			return d, err
		}
		d.CommitsPerSecond = float64(n) / time.Since(began).Seconds()
	}
	return d, nil
}

func syncTimes(dir string) (t times, err error) {
	f, err := os.Create(filepath.Join(dir, "sync"))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	block := make([]byte, 4<<10)
	for range syncs {
		began := time.Now()
		if _, err := f.Write(block); err != nil {
			return nil, err
		}
		if err := f.Sync(); err != nil {
			return nil, fmt.Errorf("sync: %w", err)
		}
		t = append(t, time.Since(began))
	}
	slices.Sort(t)
	return t, nil
}

// times is a sorted sample.
type times []time.Duration

// at is the value below or at which share q of the sample lies.
func (t times) at(q float64) time.Duration {
	if len(t) == 0 {
		return 0
	}
	return t[min(int(q*float64(len(t))), len(t)-1)]
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
