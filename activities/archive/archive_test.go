package archive_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"vigil/activities"
	"vigil/activities/archive"
	"vigil/workflows/incident"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// clock is a time that passes when the test says so.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

func open(t testing.TB, c archive.Config) *archive.Archive {
	t.Helper()
	if c.Path == "" {
		c.Path = filepath.Join(t.TempDir(), "archive.db")
	}
	a, err := archive.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
	return a
}

func lesson(id string) incident.Lesson {
	return incident.Lesson{IncidentID: id, RunID: "run-" + id, Title: "Checkout answers slowly", Service: "checkout",
		Symptoms: "latency of checkout up, timeouts waiting for a connection", Summary: "the pool of orders-db was exhausted",
		Cause: incident.CauseConnectionsExhausted, CauseService: "orders-db", ConfirmedBy: "verification", Action: "scale_service",
		Outcome: incident.OutcomeRemediated, Origin: incident.OriginLive, OpenedAt: noon, ClosedAt: noon.Add(time.Hour)}
}

func learn(t testing.TB, a *archive.Archive, lessons ...incident.Lesson) {
	t.Helper()
	for _, l := range lessons {
		into, p, err := a.Learn(t.Context(), l)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(into, []string{"archive"}) || p.Service != "archive" || p.Origin == "" {
			t.Errorf("learned into %v, provenance %+v", into, p)
		}
	}
}

func recall(t testing.TB, a *archive.Archive, q activities.Search) []incident.Document {
	t.Helper()
	got, _, err := a.Recall(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestRecall(t *testing.T) {
	t.Parallel()
	a := open(t, archive.Config{})
	disk := lesson("disk")
	disk.Title, disk.Symptoms, disk.Summary = "Search cannot write", "no space left on device", "the volume of search was full"
	disk.Cause, disk.CauseService, disk.Service, disk.ConfirmedBy = incident.CauseStorageFull, "search", "search", "Ada"
	guess := lesson("guess")
	guess.Title, guess.Symptoms, guess.Summary, guess.ConfirmedBy = "Mail is late", "queue of messages grows", "nobody found out why", ""
	learn(t, a, lesson("pool"), disk, guess)

	for _, c := range []struct {
		name string
		q    activities.Search
		want []string
	}{
		{"by symptoms", activities.Search{Text: "checkout: connection timeout"}, []string{"pool"}},
		{"by cause", activities.Search{Cause: incident.CauseStorageFull}, []string{"disk"}},
		{"by service alone", activities.Search{Service: "orders-db"}, []string{"pool"}},
		{"service is not enough where more is asked", activities.Search{Text: "certificate expired", Service: "checkout"}, nil},
		{"one shared word of several", activities.Search{Text: "connection reset by the load balancer of billing"}, nil},
		{"one word, one match", activities.Search{Text: "volume"}, []string{"disk"}},
		{"no shared word", activities.Search{Text: "kubernetes image pull"}, nil},
		{"words that mean nothing", activities.Search{Text: "what is it that was in the"}, nil},
		{"nothing asked", activities.Search{}, nil},
		{"not its own precedent", activities.Search{Text: "checkout: connection timeout", Exclude: "pool"}, nil},
		{"operators are words", activities.Search{Text: `connection" OR NEAR(timeout) AND title:checkout* -- ; DROP TABLE lessons`}, []string{"pool"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []string
			for _, d := range recall(t, a, c.q) {
				got = append(got, d.IncidentID)
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("found %v, want %v", got, c.want)
			}
		})
	}

	got := recall(t, a, activities.Search{Text: "volume full"})[0]
	if got.Cause != incident.CauseStorageFull || got.Service != "search" || got.ConfirmedBy != "Ada" || got.Source != "archive" || got.Title != disk.Title ||
		!strings.Contains(got.Text, "no space left on device") || got.Score <= 0 || got.Score > 1 {
		t.Errorf("found %+v", got)
	}
	if got := recall(t, a, activities.Search{Text: "queue of messages"})[0]; got.Cause != "" || got.Service != "" || got.ConfirmedBy != "" {
		t.Errorf("a cause that nobody confirmed is told: %+v", got)
	}
}

// The score is the share of the question that a document speaks of.
func TestScore(t *testing.T) {
	t.Parallel()
	a := open(t, archive.Config{})
	for i := range 20 {
		l := lesson(fmt.Sprint("other-", i))
		l.Symptoms = "latency of checkout up"
		l.Summary = ""
		learn(t, a, l)
	}
	rare := lesson("rare")
	rare.Symptoms = "latency of checkout up, deadlock detected"
	learn(t, a, rare)

	all := recall(t, a, activities.Search{Text: "checkout latency deadlock detected", Limit: 50})
	if all[0].IncidentID != "rare" || all[0].Score < 0.99 {
		t.Errorf("a document that has every word: %+v", all[0])
	}
	if len(all) != 1 {
		t.Errorf("%d documents share only what all have: %+v", len(all)-1, all[1])
	}
	half := recall(t, a, activities.Search{Text: "deadlock detected among volcanoes, penguins"})
	if len(half) != 1 || half[0].Score > 0.6 || half[0].Score < 0.2 {
		t.Errorf("a document with half of the words: %+v", half)
	}
}

func TestWhoConfirmed(t *testing.T) {
	t.Parallel()
	type word struct {
		by    string
		cause incident.Cause
	}
	for _, c := range []struct {
		name  string
		words []word
		want  word
		rate  [2]int // reviewed, correct
	}{
		{"verification", []word{{"verification", "memory_leak"}}, word{"verification", "memory_leak"}, [2]int{}},
		{"nobody", []word{{"", "memory_leak"}}, word{}, [2]int{}},
		{"a person agrees", []word{{"verification", "memory_leak"}, {"Ada", "memory_leak"}}, word{"Ada", "memory_leak"}, [2]int{1, 1}},
		{"a person knows better", []word{{"verification", "memory_leak"}, {"Ada", "bad_deployment"}}, word{"Ada", "bad_deployment"}, [2]int{1, 0}},
		{"a person knows what it was not", []word{{"verification", "memory_leak"}, {"Ada", ""}}, word{}, [2]int{1, 0}},
		{"a person takes it away", []word{{"verification", "memory_leak"}, {"", ""}}, word{}, [2]int{1, 0}},
		{"a person stands", []word{{"Ada", "bad_deployment"}, {"verification", "memory_leak"}}, word{"Ada", "bad_deployment"}, [2]int{1, 0}},
		{"no stands as well", []word{{"Ada", ""}, {"verification", "memory_leak"}}, word{}, [2]int{1, 0}},
		{"another person", []word{{"Ada", "bad_deployment"}, {"Grace", "memory_leak"}}, word{"Grace", "memory_leak"}, [2]int{}},
		{"verification again", []word{{"verification", "memory_leak"}, {"verification", "bad_deployment"}}, word{"verification", "bad_deployment"}, [2]int{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			a := open(t, archive.Config{})
			for _, w := range c.words {
				l := lesson("one")
				l.ConfirmedBy, l.Cause = w.by, w.cause
				if w.cause == "" {
					l.CauseService = ""
				}
				learn(t, a, l)
			}
			got := recall(t, a, activities.Search{Text: "timeouts waiting for a connection"})
			if len(got) != 1 {
				t.Fatalf("%d documents, want the incident once", len(got))
			}
			if d := (word{got[0].ConfirmedBy, got[0].Cause}); d != c.want {
				t.Errorf("told %+v, want %+v", d, c.want)
			}
			reviewed, correct, err := a.HitRate(t.Context())
			if err != nil || [2]int{reviewed, correct} != c.rate {
				t.Errorf("hit rate %d of %d, %v; want %v", correct, reviewed, err, c.rate)
			}
		})
	}
}

func TestAnIncidentOfSeveralRuns(t *testing.T) {
	t.Parallel()
	a := open(t, archive.Config{})
	first, second := lesson("one"), lesson("one")
	second.RunID, second.ClosedAt, second.Cause, second.Origin = "later", noon.Add(2*time.Hour), incident.CauseMemoryLeak, incident.OriginSimulated
	learn(t, a, first, second)
	q := activities.Search{Text: "timeouts waiting for a connection"}
	got, p, err := a.Recall(t.Context(), q)
	if err != nil || len(got) != 1 || got[0].Cause != incident.CauseMemoryLeak {
		t.Errorf("found %+v, %v; want the run that closed last", got, err)
	}
	if p.Origin != incident.OriginSimulated {
		t.Errorf("a simulated incident is told as %s", p.Origin)
	}
	first.ConfirmedBy = "Ada"
	learn(t, a, first)
	if got := recall(t, a, q); len(got) != 1 || got[0].ConfirmedBy != "Ada" {
		t.Errorf("found %+v, want the run that a person confirmed", got)
	}
}

// What was learned is on disk, free of secrets, and another process reads it.
func TestKept(t *testing.T) {
	t.Parallel()
	const canary = "AKIAIOSFODNN7EXAMPLE"
	path := filepath.Join(t.TempDir(), "archive.db")
	a := open(t, archive.Config{Path: path})
	l := lesson("one")
	l.Symptoms += " with key " + canary
	l.Title += " password=hunter2"
	learn(t, a, l)
	b := open(t, archive.Config{Path: path})
	got := recall(t, b, activities.Search{Text: "timeouts waiting for a connection"})
	if len(got) != 1 || strings.Contains(fmt.Sprint(got), canary) || strings.Contains(fmt.Sprint(got), "hunter2") {
		t.Errorf("another process reads %+v", got)
	}
	for _, name := range []string{path, path + "-wal"} {
		raw, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(raw), canary) || strings.Contains(string(raw), "hunter2") {
			t.Errorf("%s holds a secret", name)
		}
	}
	want := got[0]
	learn(t, b, l) // the same again changes nothing
	if got := recall(t, a, activities.Search{Text: "timeouts waiting for a connection"}); !reflect.DeepEqual(got, []incident.Document{want}) {
		t.Errorf("learned twice: %+v", got)
	}
	if _, _, err := a.Learn(t.Context(), incident.Lesson{IncidentID: "one"}); incident.KindOf(err) != incident.KindInvalid {
		t.Errorf("a lesson without a run: %v", err)
	}
}

func TestConcurrentUse(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	runbook(t, dir, "a.md", "# Pool\nconnection timeout", noon)
	path := filepath.Join(t.TempDir(), "archive.db")
	var all sync.WaitGroup
	for w := range 2 {
		a := open(t, archive.Config{Path: path, Runbooks: dir})
		for i := range 8 {
			all.Go(func() {
				learn(t, a, lesson(fmt.Sprint(w, "-", i)))
				recall(t, a, activities.Search{Text: "connection timeout"})
				if got := find(t, a, "connection timeout"); len(got) != 1 {
					t.Errorf("found %d runbooks, want 1", len(got))
				}
			})
		}
	}
	all.Wait()
	a := open(t, archive.Config{Path: path})
	if got := recall(t, a, activities.Search{Text: "connection timeout", Limit: 50}); len(got) != 16 {
		t.Errorf("%d incidents are kept, want 16", len(got))
	}
}

func TestOpenFails(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	garbage := filepath.Join(dir, "garbage")
	if err := os.WriteFile(garbage, []byte(strings.Repeat("no database ", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		config archive.Config
		kind   incident.Kind
		says   string
	}{
		{archive.Config{}, incident.KindInvalid, "names no file"},
		{archive.Config{Path: filepath.Join(dir, "absent", "archive.db")}, incident.KindUnavailable, "cannot be opened"},
		{archive.Config{Path: garbage}, incident.KindUnavailable, "not an SQLite database"},
		{archive.Config{Path: filepath.Join(dir, "a.db"), Runbooks: filepath.Join(dir, "absent")}, incident.KindUnavailable, "cannot be opened"},
	} {
		_, err := archive.Open(context.Background(), c.config)
		if err == nil || incident.KindOf(err) != c.kind || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%+v: %v, want %s", c.config, err, c.says)
		}
	}
}

func runbook(t testing.TB, dir, name, text string, modified time.Time) {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(path, modified, modified); err != nil {
		t.Fatal(err)
	}
}

func find(t testing.TB, a *archive.Archive, text string) []incident.Document {
	t.Helper()
	got, _, err := a.Find(t.Context(), activities.Search{Text: text})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestFind(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	runbook(t, dir, "databases/pool.md", "# Database runbook\n\nFor PostgreSQL.\n\n## Connections exhausted\n\nRaise max_connections; token=abcdef1234\n\n## Replica lag\n\nWait.\n", noon)
	runbook(t, dir, "notes.txt", "connections exhausted, but no runbook", noon)
	runbook(t, dir, ".git/pool.md", "connections exhausted", noon)
	a := open(t, archive.Config{Runbooks: dir})
	got := find(t, a, "orders-db: connections exhausted, max_connections reached")
	want := incident.Document{ID: "databases/pool.md#connections-exhausted", URI: "databases/pool.md", Source: "archive",
		Title: "Database runbook › Connections exhausted", Text: "Raise max_connections; token=[redacted]"}
	if len(got) != 1 || got[0].Score <= 0 || got[0].Score > 1 {
		t.Fatalf("found %+v", got)
	}
	if got[0].Score = 0; !reflect.DeepEqual(got[0], want) {
		t.Errorf("\n got %+v\nwant %+v", got[0], want)
	}
	if got := find(t, a, "certificate of the mail server"); len(got) != 0 {
		t.Errorf("found %+v where nothing matches", got)
	}
}

func TestRunbooksChange(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	c := &clock{at: noon}
	a := open(t, archive.Config{Runbooks: dir, Now: c.now})
	look := func(want ...string) {
		t.Helper()
		var got []string
		for _, d := range find(t, a, "disk full") {
			got = append(got, d.Text)
		}
		if !slices.Equal(got, want) {
			t.Errorf("found %q, want %q", got, want)
		}
	}
	look()
	runbook(t, dir, "disk.md", "disk full: delete logs", noon)
	look() // not looked at again yet
	c.pass(5 * time.Second)
	look("disk full: delete logs")
	runbook(t, dir, "disk.md", "disk full: add space", noon.Add(time.Minute))
	c.pass(5 * time.Second)
	look("disk full: add space")
	if err := os.Remove(filepath.Join(dir, "disk.md")); err != nil {
		t.Fatal(err)
	}
	c.pass(5 * time.Second)
	look()
}

// As Kubernetes mounts a ConfigMap: links to a hidden directory beside them.
// A link out of the directory is not followed.
func TestLinks(t *testing.T) {
	t.Parallel()
	dir, outside := t.TempDir(), t.TempDir()
	runbook(t, outside, "secret.md", "disk full elsewhere", noon)
	runbook(t, dir, "..2026_11_23/disk.md", "disk full: delete logs", noon)
	runbook(t, dir, "large.md", "disk full "+strings.Repeat("x", 1<<20), noon)
	runbook(t, dir, "binary.md", "disk full \xff\xfe", noon)
	for link, to := range map[string]string{"..data": "..2026_11_23", "disk.md": "..data/disk.md", "out.md": filepath.Join(outside, "secret.md"), "up.md": "../../secret.md"} {
		if err := os.Symlink(to, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	core, logs := observer.New(zap.WarnLevel)
	c := &clock{at: noon}
	a := open(t, archive.Config{Runbooks: dir, Log: zap.New(core), Now: c.now})
	for range 3 {
		if got := find(t, a, "disk full"); len(got) != 1 || got[0].URI != "disk.md" {
			t.Errorf("found %+v", got)
		}
		c.pass(time.Minute)
	}
	var said []string
	for _, l := range logs.All() {
		said = append(said, l.ContextMap()["file"].(string))
	}
	slices.Sort(said)
	if want := []string{"binary.md", "large.md", "out.md", "up.md"}; !slices.Equal(said, want) {
		t.Errorf("said that %v cannot be searched, want each of %v once", said, want)
	}
}

// FuzzSearch holds that no text of a user or a model is an error, and that
// what is found has a score and shares a word.
func FuzzSearch(f *testing.F) {
	dir := f.TempDir()
	runbook(f, dir, "a.md", "# Pool\nconnection timeout AND NEAR title", noon)
	a, err := archive.Open(context.Background(), archive.Config{Path: filepath.Join(f.TempDir(), "a.db"), Runbooks: dir})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = a.Close() })
	learn(f, a, lesson("one"))
	for _, s := range []string{`"`, `""`, `a" OR "b`, `NEAR(connection timeout, 1)`, `title:connection`, `connection*`, `^connection`, "conn\x00ection timeout",
		`{title body}: x`, "-connection", "\xff\xfe connection timeout", "́́", "ﬁle İstanbul", "123 4567 1234567", strings.Repeat("word ", 500)} {
		f.Add(s, "orders-db", "memory_leak")
	}
	f.Fuzz(func(t *testing.T, text, service, cause string) {
		q := activities.Search{Text: text, Service: service, Cause: incident.Cause(cause)}
		past, _, err := a.Recall(context.Background(), q)
		if err != nil {
			t.Fatal(err)
		}
		books, _, err := a.Find(context.Background(), q)
		if err != nil {
			t.Fatal(err)
		}
		for _, list := range [][]incident.Document{past, books} {
			for i, d := range list {
				if !(d.Score > 0 && d.Score <= 1) || i > 0 && d.Score > list[i-1].Score {
					t.Errorf("score %v at place %d", d.Score, i)
				}
			}
		}
	})
}
