package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/profiler"
	"github.com/chromedp/chromedp"
)

// view is a page that is measured.
type view struct {
	name   string
	path   string
	script string // is run once the page is there
	shown  string // true once the page has what it begins with
	last   string // true once it has applied the last event, which is event %d of the busy incident
}

// views are what people keep open, and beside them a page that only reads the
// same messages: what the browser and the machine cost by themselves.
var views = []view{
	{name: "list", path: "/ops", shown: "vigilBench.firstView", last: `document.querySelector('[data-testid="incident-` + lastID + `"]')`},
	{name: "incident", path: "/ops/incidents/" + busyID, shown: "vigilBench.firstView", last: detail + "?.dataset.seq === '%d'"},
	{name: "blank", path: "/api/v1/me", script: parseOnly, shown: "vigilBench.snapshot", last: "vigilBench.seq === %d"},
}

const detail = `document.querySelector('[data-testid="incident-detail"]')`

// Figures is what one trace gave.
type Figures struct {
	View        string     `json:"view"`
	FirstPaint  float64    `json:"first_paint_ms"`
	FirstView   float64    `json:"first_view_ms"` // until what was asked for was painted: a row of the list, or the incident
	Script      int        `json:"script_gzip_bytes"`
	Scripts     []string   `json:"scripts"`
	Tasks       int        `json:"tasks"`
	TaskP50     float64    `json:"task_p50_ms"`
	TaskP99     float64    `json:"task_p99_ms"`
	WorkP99     float64    `json:"work_p99_ms"` // of the tasks of more than a millisecond
	CPUP99      float64    `json:"cpu_p99_ms"`  // of them, what they kept a processor busy
	CPUMax      float64    `json:"cpu_max_ms"`
	TaskMax     float64    `json:"task_max_ms"`
	LongTasks   int        `json:"tasks_over_50_ms"`
	Busy        float64    `json:"busy_share"`  // of the main thread under load
	Heap        [3]float64 `json:"heap_mb"`     // before, in the middle and at the end of the load
	Dropped     float64    `json:"dropped"`     // share of frames
	Last        float64    `json:"last_ms"`     // from the last event's publication until it was on the page
	Rate        float64    `json:"per_second"`  // events, as they were published
	Events      uint64     `json:"events"`      // of the load
	Messages    int        `json:"messages"`    // that the socket brought, pieces of what models say among them
	Sockets     int        `json:"sockets"`     // that the page opened: another one says that it fell behind
	RowsChecked int        `json:"rows"`        // on screen at the end
	RowsWrong   []string   `json:"rows_behind"` // of them, those that do not show the incident's latest event
}

// measureView starts Vigil and a browser, opens the page, puts the load on it
// and takes a trace of three parts, between which garbage is collected.
func measureView(ctx context.Context, o options, v view, dir string) (f Figures, err error) {
	f.View = v.name
	s := new(stack)
	defer func() { err = errors.Join(err, s.stop()) }()
	if err := s.start(ctx, dir, o.web); err != nil {
		return f, err
	}
	all := newLines(o.incidents, o.seed)
	if err := s.open(ctx, all); err != nil {
		return f, fmt.Errorf("open %d incidents: %w", o.incidents, err)
	}
	b, err := openBrowser(ctx, filepath.Join(dir, "browser"))
	if err != nil {
		return f, err
	}
	defer b.stop()

	r := run{o: o, v: v, s: s, b: b, all: all, dir: dir, f: &f}
	if err := r.open(ctx); err != nil {
		return f, err
	}
	opened := s.sent
	for i := range 2 {
		if err := r.load(ctx, i == 1); err != nil {
			return f, err
		}
		if f.Heap[i+1], err = b.heap(); err != nil {
			return f, err
		}
	}
	f.Events = s.sent - opened
	f.Rate = float64(f.Events) / r.loading.Seconds()
	f.Busy = ms(r.loaded.busy()) / ms(r.loading)
	d := r.tasks.durations
	f.Tasks, f.TaskP50, f.TaskP99, f.TaskMax, f.LongTasks = len(d), at(d, .5), at(d, .99), at(d, 1), len(over(d, longTask))
	f.WorkP99, f.CPUP99, f.CPUMax = at(over(d, anyWork), .99), at(over(r.tasks.cpu, anyWork), .99), at(r.tasks.cpu, 1)
	if frames := r.tasks.dropped + r.tasks.drawn; frames > 0 {
		f.Dropped = float64(r.tasks.dropped) / float64(frames)
	}
	return f, r.compare()
}

// run is one measurement under way.
type run struct {
	o   options
	v   view
	s   *stack
	b   *browser
	all *lines
	dir string
	f   *Figures

	main    thread
	tasks   tasks         // since the first paint
	loaded  tasks         // of the load alone
	loading time.Duration // how long it took
	parts   int
}

// open opens the page and waits until it has come to rest.
func (r *run) open(ctx context.Context) error {
	if err := r.b.startTrace(); err != nil {
		return err
	}
	// Answers of the API may not open sockets, but for the script that is put into one here.
	if err := r.b.do("open "+r.v.path, page.SetBypassCSP(r.v.script != ""), chromedp.Navigate(r.s.url(r.v.path))); err != nil {
		return err
	}
	if r.v.script != "" {
		if err := r.b.evaluate("run the page's script", r.v.script, nil); err != nil {
			return err
		}
	}
	if err := r.b.until("see the first view", r.v.shown); err != nil {
		return err
	}
	select {
	case <-time.After(settle):
	case <-ctx.Done():
		return ctx.Err()
	}
	traced, err := r.endTrace()
	if err != nil {
		return err
	}
	main, from, err := traced.firstPaint()
	if err != nil {
		return err
	}
	r.main = main
	r.tasks.add(traced, main, from)
	var told struct {
		Paint   float64
		View    float64
		Scripts []string
	}
	if err := r.b.evaluate("read the page's timings", firstView, &told); err != nil {
		return err
	}
	r.f.FirstPaint, r.f.FirstView, r.f.Scripts = told.Paint, told.View, told.Scripts
	for _, path := range told.Scripts {
		n, err := zipped(ctx, r.s.url(path))
		if err != nil {
			return err
		}
		r.f.Script += n
	}
	r.f.Heap[0], err = r.b.heap()
	return err
}

// firstView is what the page itself knows of its beginning: scripts are those
// that had come when it was painted.
const firstView = `({
	Paint: performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? 0,
	View: vigilBench.firstView ?? 0,
	Scripts: performance.getEntriesByType("resource")
		.filter((r) => r.responseEnd <= (vigilBench.firstView ?? 0)).map((r) => new URL(r.name).pathname).filter((path) => path.endsWith(".js")),
})`

// zipped is the size of a file of the gateway's, gzipped.
func zipped(ctx context.Context, url string) (n int, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, fmt.Errorf("read a script: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return 0, fmt.Errorf("read a script: %s: %s", url, resp.Status)
	}
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	if _, err := io.Copy(z, resp.Body); err != nil {
		return 0, fmt.Errorf("read a script: %s: %w", url, err)
	}
	if err := z.Close(); err != nil {
		return 0, err
	}
	return out.Len(), nil
}

// load puts half of the load on the page and adds what is traced meanwhile.
func (r *run) load(ctx context.Context, end bool) error {
	if err := r.b.startTrace(); err != nil {
		return err
	}
	if r.o.profile != "" {
		if err := r.b.do("start a profile", profiler.Enable(), profiler.Start()); err != nil {
			return err
		}
	}
	n := int(r.o.rate * r.o.seconds / 2)
	began := time.Now()
	tick := time.NewTicker(time.Duration(float64(time.Second) / r.o.rate))
	defer tick.Stop()
	err := r.s.inject(ctx, tick.C, func() []said {
		if n <= 0 {
			return nil
		}
		all := r.all.next()
		n -= len(all)
		return all
	})
	if err != nil {
		return err
	}
	r.loading += time.Since(began)
	if end {
		if err := r.last(ctx); err != nil {
			return err
		}
	}
	if r.o.profile != "" {
		if err := r.b.endProfile(r.o.profile); err != nil {
			return err
		}
	}
	traced, err := r.endTrace()
	if err != nil {
		return err
	}
	r.tasks.add(traced, r.main, 0)
	r.loaded.add(traced, r.main, 0)
	return nil
}

// last publishes the last events and waits until the page has applied them,
// and with them all before.
func (r *run) last(ctx context.Context) error {
	began := time.Now()
	for _, all := range [][]said{r.all.lastInList(), r.all.lastOfBusy()} {
		if err := r.s.inject(ctx, nil, func() (out []said) { out, all = all, nil; return out }); err != nil {
			return err
		}
	}
	expression := strings.Replace(r.v.last, "%d", strconv.FormatInt(r.all.all[0].seq, 10), 1)
	if err := r.b.until("see the last event", expression); err != nil {
		return err
	}
	r.f.Last = ms(time.Since(began))
	return nil
}

// compare holds the rows on screen against the incidents' latest events.
func (r *run) compare() error {
	latest := map[string]int64{lastID: 2}
	for _, l := range r.all.all {
		latest[l.id] = l.seq
	}
	var told struct {
		Sockets, Messages int
		Rows              [][2]string
	}
	if err := r.b.evaluate("read the rows", pageAtEnd, &told); err != nil {
		return err
	}
	r.f.Sockets, r.f.Messages = told.Sockets, told.Messages
	for _, row := range told.Rows {
		id := strings.TrimPrefix(row[0], "incident-")
		want, open := latest[id]
		if !open {
			continue // closed since
		}
		r.f.RowsChecked++
		if row[1] != strconv.FormatInt(want, 10) {
			r.f.RowsWrong = append(r.f.RowsWrong, fmt.Sprintf("%s shows event %s of %d", id, row[1], want))
		}
	}
	return nil
}

const pageAtEnd = `({
	Sockets: vigilBench.sockets,
	Messages: vigilBench.messages,
	Rows: [...document.querySelectorAll('a[data-testid^="incident-` + idPrefix + `"]')].map((row) => [row.dataset.testid, row.dataset.seq]),
})`

// endTrace ends the part of the trace that is under way, and keeps it where
// somebody wants to look at it.
func (r *run) endTrace() (part, error) {
	raw, err := r.b.endTrace()
	if err != nil {
		return part{}, err
	}
	r.parts++
	if r.o.traces != "" {
		name := fmt.Sprintf("%s-%s-%d.json", filepath.Base(r.dir), r.v.name, r.parts)
		if err := os.WriteFile(filepath.Join(r.o.traces, name), raw, 0o644); err != nil {
			return part{}, err
		}
	}
	return readTrace(raw)
}
