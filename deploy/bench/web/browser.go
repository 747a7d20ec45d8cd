package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/chromedp/cdproto/heapprofiler"
	"github.com/chromedp/cdproto/io"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/profiler"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/cdproto/tracing"
	"github.com/chromedp/chromedp"
)

// observe is put into every page before its own scripts. It counts sockets and
// their messages, and notes when what somebody came for was painted: a row of the
// list, or the incident that the address leads to.
const observe = `{
	const bench = (window.vigilBench = { sockets: 0, messages: 0, firstView: null });
	window.WebSocket = class extends WebSocket {
		constructor(...args) {
			super(...args);
			bench.sockets++;
			this.addEventListener("message", () => bench.messages++);
		}
	};
	const first = location.pathname === "/ops" ? 'a[data-testid^="incident-` + idPrefix + `"]' : '[data-testid="incident-detail"]';
	const look = () => {
		if (document.querySelector(first) === null) requestAnimationFrame(look);
		else setTimeout(() => (bench.firstView = performance.now())); // once the frame is painted
	};
	requestAnimationFrame(look);
}`

// parseOnly is the reference: the same messages, parsed and dropped.
const parseOnly = `{
	const bench = window.vigilBench;
	const socket = new WebSocket("ws://" + location.host + "/api/v1/ws");
	socket.onopen = () => socket.send(JSON.stringify({ type: "hello", protocol: 1, topics: ["incidents"] }));
	socket.onmessage = ({ data }) => {
		const frame = JSON.parse(data);
		if (frame.type === "snapshot") bench.snapshot = true;
		if (frame.incident_id === "` + busyID + `" && frame.seq > 0) bench.seq = frame.seq;
	};
}`

// browser is a Chromium of its own with one tab.
type browser struct {
	ctx  context.Context
	stop func()
}

func openBrowser(ctx context.Context, dir string) (*browser, error) {
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "chrome"} {
		if p, err := exec.LookPath(name); err == nil {
			path = p
			break
		}
	}
	if path == "" {
		return nil, errors.New("no Chromium on this machine; install the package chromium")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.WindowSize(1440, 900),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true), chromedp.UserDataDir(dir))
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox)
	}
	allocator, stopBrowser := chromedp.NewExecAllocator(ctx, options...)
	tab, closeTab := chromedp.NewContext(allocator)
	b := &browser{ctx: tab, stop: func() { closeTab(); stopBrowser() }}
	// The first Run owns the browser, so nothing may bound it.
	err := chromedp.Run(tab, chromedp.ActionFunc(func(ctx context.Context) error {
		_, err := page.AddScriptToEvaluateOnNewDocument(observe).Do(ctx)
		return err
	}))
	if err != nil {
		b.stop()
		return nil, fmt.Errorf("start %s: %w", path, err)
	}
	return b, nil
}

// do does something in the tab, and gives up after a while.
func (b *browser) do(what string, actions ...chromedp.Action) error {
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	if err := chromedp.Run(ctx, actions...); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

func (b *browser) evaluate(what, script string, result any) error {
	return b.do(what, chromedp.Evaluate(script, result))
}

// until waits until an expression is true.
func (b *browser) until(what, expression string) error {
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		var yes bool
		if err := b.evaluate(what, "Boolean("+expression+")", &yes); err != nil || yes {
			return err
		}
	}
	var text string
	err := b.evaluate(what, `document.body.innerText.slice(0, 500)`, &text)
	return errors.Join(fmt.Errorf("%s: not within %s; the page shows %q", what, patience, text), err)
}

// heap is what JavaScript holds once garbage is collected, in MB.
func (b *browser) heap() (used float64, err error) {
	err = b.do("measure the heap", heapprofiler.CollectGarbage(), heapprofiler.CollectGarbage(), chromedp.ActionFunc(func(ctx context.Context) error {
		used, _, _, _, err = runtime.GetHeapUsage().Do(ctx)
		return err
	}))
	return used / (1 << 20), err
}

// endProfile writes what JavaScript spent its time on to a file.
func (b *browser) endProfile(file string) error {
	return b.do("end a profile", chromedp.ActionFunc(func(ctx context.Context) error {
		p, err := profiler.Stop().Do(ctx)
		if err != nil {
			return err
		}
		raw, err := json.Marshal(p)
		if err != nil {
			return err
		}
		return os.WriteFile(file, raw, 0o644)
	}))
}

// Categories of a trace: tasks and frames, what is painted when, and the names
// of threads.
var categories = []string{"-*", "toplevel", "devtools.timeline", "disabled-by-default-devtools.timeline", "devtools.timeline.frame",
	"disabled-by-default-devtools.timeline.frame", "loading", "__metadata"}

func (b *browser) startTrace() error {
	return b.do("start a trace", tracing.Start().WithTransferMode(tracing.TransferModeReturnAsStream).
		WithTraceConfig(&tracing.TraceConfig{RecordMode: tracing.RecordModeRecordUntilFull, TraceBufferSizeInKb: 512 << 10, IncludedCategories: categories}))
}

// endTrace returns the trace as Chromium wrote it.
func (b *browser) endTrace() ([]byte, error) {
	complete := make(chan *tracing.EventTracingComplete, 1)
	ctx, cancel := context.WithCancel(b.ctx)
	defer cancel()
	chromedp.ListenTarget(ctx, func(v any) {
		if e, ok := v.(*tracing.EventTracingComplete); ok {
			complete <- e
		}
	})
	if err := b.do("end a trace", tracing.End()); err != nil {
		return nil, err
	}
	var done *tracing.EventTracingComplete
	select {
	case done = <-complete:
	case <-time.After(patience):
		return nil, fmt.Errorf("end a trace: it was not there within %s", patience)
	}
	if done.DataLossOccurred {
		return nil, errors.New("the trace did not fit into the browser's buffer; measure fewer seconds")
	}
	var out strings.Builder
	err := b.do("read a trace", chromedp.ActionFunc(func(ctx context.Context) error {
		for {
			part, end, err := io.Read(done.Stream).WithSize(4 << 20).Do(ctx)
			if err != nil {
				return err
			}
			out.WriteString(part)
			if end {
				return io.Close(done.Stream).Do(ctx)
			}
		}
	}))
	return []byte(out.String()), err
}
