package e2e_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// browser is a headless Chromium with one tab.
type browser struct {
	t   testing.TB
	ctx context.Context
}

func openBrowser(t testing.TB, width, height int) browser {
	t.Helper()
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "chrome"} {
		if p, err := exec.LookPath(name); err == nil {
			path = p
			break
		}
	}
	if path == "" {
		t.Fatal("no Chromium on this machine; `go tool task test` installs one where it may, or install the package chromium")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.WindowSize(width, height),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true), chromedp.UserDataDir(t.TempDir()))
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox)
	}
	allocator, stop := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, closeTab := chromedp.NewContext(allocator)
	t.Cleanup(func() {
		closeTab()
		stop()
	})
	b := browser{t, ctx}
	b.do("start", 30*time.Second)
	return b
}

func (b browser) do(what string, within time.Duration, actions ...chromedp.Action) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, within)
	if what == "start" { // the first Run owns the browser: it must not be bounded by a timeout that ends
		ctx, cancel = b.ctx, func() {}
	}
	defer cancel()
	if err := chromedp.Run(ctx, actions...); err != nil {
		b.screenshot("failed.png")
		b.t.Fatalf("%s: %v", what, err)
	}
}

func (b browser) visit(url string) {
	b.t.Helper()
	b.do("open "+url, 20*time.Second, chromedp.Navigate(url))
}

// sees waits until an element is on the page.
func (b browser) sees(selector string, within time.Duration) {
	b.t.Helper()
	b.do("wait for "+selector, within, chromedp.WaitVisible(selector, chromedp.ByQuery))
}

func (b browser) clicks(selector string) {
	b.t.Helper()
	b.do("click "+selector, 10*time.Second, chromedp.Click(selector, chromedp.ByQuery, chromedp.NodeVisible))
}

// clicksButton clicks the enabled button of that accessible name.
func (b browser) clicksButton(name string) {
	b.t.Helper()
	b.do("click the button "+name, 10*time.Second, chromedp.Click(fmt.Sprintf(`//button[not(@disabled)][normalize-space(.)=%q or @aria-label=%q]`, name, name), chromedp.BySearch, chromedp.NodeVisible))
}

// attribute reads an attribute, "" where the element or the attribute is not there.
func (b browser) attribute(selector, name string) string {
	b.t.Helper()
	var v string
	ctx, cancel := context.WithTimeout(b.ctx, 10*time.Second)
	defer cancel()
	err := chromedp.Run(ctx, chromedp.Evaluate(fmt.Sprintf(`document.querySelector(%q)?.getAttribute(%q) ?? ""`, selector, name), &v))
	if err != nil {
		b.t.Fatalf("read %s of %s: %v", name, selector, err)
	}
	return v
}

func (b browser) text(selector string) string {
	b.t.Helper()
	var v string
	ctx, cancel := context.WithTimeout(b.ctx, 10*time.Second)
	defer cancel()
	err := chromedp.Run(ctx, chromedp.Evaluate(fmt.Sprintf(`document.querySelector(%q)?.innerText ?? ""`, selector), &v))
	if err != nil {
		b.t.Fatalf("read %s: %v", selector, err)
	}
	return v
}

// screenshot keeps a picture where VIGIL_SCREENSHOTS names a folder.
func (b browser) screenshot(name string) {
	dir := os.Getenv("VIGIL_SCREENSHOTS")
	if dir == "" {
		return
	}
	var png []byte
	ctx, cancel := context.WithTimeout(b.ctx, 10*time.Second)
	defer cancel()
	if err := chromedp.Run(ctx, chromedp.CaptureScreenshot(&png)); err != nil {
		b.t.Logf("no picture: %v", err)
		return
	}
	if err := os.WriteFile(dir+"/"+name, png, 0o644); err != nil {
		b.t.Error(err)
	}
}
