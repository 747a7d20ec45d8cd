package e2e_test

import (
	"fmt"
	"strings"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// soon is how long the page may take to show what is true already, where a
// browser, five processes and other tests share two cores.
const soon = 30 * time.Second

// signsIn gives whoever sits at the browser the session of a token, with the
// request that the sign-in page makes.
func (b browser) signsIn(gateway, token, name string) {
	b.t.Helper()
	b.visit(gateway + "/ops")
	b.do("sign in", soon, chromedp.Evaluate(fmt.Sprintf(`void fetch("/api/v1/session", {method: "POST", headers: {"Content-Type": "application/json"}, body: JSON.stringify({token: %q})})
		.then((r) => document.body.setAttribute("data-signed-in", r.status))`, token), nil), chromedp.WaitReady(`body[data-signed-in="200"]`, chromedp.ByQuery))
	b.opens(gateway + "/ops")
	b.reads(`[data-testid="principal"]`, name)
}

// opens visits a page of the dashboards and waits until it is live.
func (b browser) opens(url string) {
	b.t.Helper()
	b.visit(url)
	b.sees(`[data-testid="connection"][data-state="live"]`, soon)
}

// reads waits until the element is there and says all of words.
func (b browser) reads(selector string, words ...string) {
	b.t.Helper()
	deadline := time.Now().Add(soon)
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		text := b.text(selector)
		missing := missingOf(text, words)
		if text != "" && missing == "" {
			return
		}
		if time.Now().After(deadline) {
			b.screenshot("failed.png")
			b.t.Fatalf("not within %s: %s says %q; it says %.2000q", soon, selector, missing, text)
		}
		<-tick.C
	}
}

func missingOf(text string, words []string) string {
	for _, w := range words {
		if !strings.Contains(text, w) {
			return w
		}
	}
	return ""
}

// count is how many elements a selector finds.
func (b browser) count(selector string) int {
	b.t.Helper()
	var n int
	b.do("count "+selector, soon, chromedp.Evaluate(fmt.Sprintf(`document.querySelectorAll(%q).length`, selector), &n))
	return n
}

// types puts text into a field, key by key.
func (b browser) types(selector, text string) {
	b.t.Helper()
	b.do("type into "+selector, soon, chromedp.SendKeys(selector, text, chromedp.ByQuery))
}

// presses goes to an element and presses a key there. Unlike a click it does
// not miss while what is above the element grows.
func (b browser) presses(selector, key string) {
	b.t.Helper()
	b.do("press a key on "+selector, soon, chromedp.WaitVisible(selector, chromedp.ByQuery), chromedp.WaitEnabled(selector, chromedp.ByQuery),
		chromedp.Focus(selector, chromedp.ByQuery), chromedp.KeyEvent(key))
}

// Of the dialog that is open.
const (
	dialogReason = `[role="dialog"] form textarea`
	dialogSubmit = `[role="dialog"] form button[type="submit"]`
)

// asks opens a dialog by its button.
func (b browser) asks(button string) {
	b.t.Helper()
	b.presses(button, kb.Enter)
	b.sees(dialogReason, soon)
}

// because gives the reason that every dialog wants, sends it, and waits until
// the gateway has said yes.
func (b browser) because(reason string) {
	b.t.Helper()
	b.types(dialogReason, reason)
	b.presses(dialogSubmit, kb.Enter)
	b.do("be told that it is done", soon, chromedp.WaitNotPresent(dialogSubmit, chromedp.ByQuery))
}
