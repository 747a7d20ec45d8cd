package pull

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"

	"vigil/activities/sqs"
	"vigil/workflows/incident"
)

const (
	alertsPath = "/api/v1/alerts/sqs"
	readyPath  = "/readyz"

	simulatedHeader = "X-Vigil-Simulated"

	// postTimeout is more than the gateway takes to store a delivery or to say
	// that it cannot.
	postTimeout = 10 * time.Second
	// maxAnswer is how much of an answer is read.
	maxAnswer = 64 << 10
)

// answer is what became of one hand-over.
type answer struct {
	fate   fate
	reason string // label of a metric; "" where it was taken
	detail string // for the log
}

type fate int

const (
	taken   fate = iota // it is on disk
	refused             // it will never be taken
	away                // the gateway is not there, or not as it should be
)

// Reasons for which a message is not taken or not deleted; labels of a metric.
const (
	reasonTooLarge   = "too_large"
	reasonRefused    = "refused"         // another 4xx
	reasonNoAnswer   = "no_answer"       // no connection, or nothing within postTimeout
	reasonUnready    = "unavailable"     // 5xx
	reasonThrottled  = "throttled"       // 429
	reasonDenied     = "denied"          // the token is wrong
	reasonToken      = "token"           // the file with the token cannot be read
	reasonNotThere   = "not_found"       // no such path: a wrong URL, or a gateway that is too old
	reasonNotGateway = "not_the_gateway" // an answer that no gateway gives
	reasonNotReady   = "not_ready"       // by its own word, or that cannot be asked for; in the log only
	reasonStuck      = "stuck"           // it alone fails while others are taken
	reasonLease      = "lease"           // another receiver may have it
	reasonDelete     = "delete"          // handed over, and cannot be deleted
	reasonReceive    = "receive"         // the queue cannot be received from
)

// gateway is the receiver of alerts. It is open until it does not take one for
// a reason of its own, and again once it says that it is ready.
type gateway struct {
	base, tokenFile string
	client          *http.Client
	log             *zap.Logger
	up              func(bool) // sets the metric

	mu      sync.Mutex
	open    bool
	changed chan struct{} // closed when open changes
	trouble string        // what is wrong with it, as the log has it; "" for nothing
	took    int64         // messages
}

func newGateway(c Config, log *zap.Logger, up func(bool)) *gateway {
	transport := c.Transport
	if transport == nil {
		transport = &http.Transport{Proxy: http.ProxyFromEnvironment, DialContext: (&net.Dialer{Timeout: 5 * time.Second}).DialContext,
			TLSHandshakeTimeout: 5 * time.Second, MaxIdleConnsPerHost: c.InFlight, IdleConnTimeout: time.Minute}
	}
	return &gateway{base: c.Gateway, tokenFile: c.TokenFile, log: log, up: up, changed: make(chan struct{}),
		client: &http.Client{Transport: transport, Timeout: postTimeout,
			// The token goes to nobody else.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// state returns whether the gateway is open, and what is closed when that changes.
func (g *gateway) state() (open bool, changed <-chan struct{}) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.open, g.changed
}

func (g *gateway) set(open bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.open != open {
		g.open = open
		close(g.changed)
		g.changed = make(chan struct{})
	}
}

func (g *gateway) count() int64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.took
}

// note remembers what an answer to a hand-over says of the gateway.
func (g *gateway) note(a answer) {
	switch a.fate {
	case taken:
		g.say("", "", true)
	case refused:
		g.say("", "", false)
	case away:
		g.say(a.reason, a.detail, false)
		g.set(false)
	}
}

// say logs what is wrong with the gateway whenever that changes, and that
// nothing is wrong any more.
func (g *gateway) say(reason, detail string, took bool) {
	g.mu.Lock()
	was := g.trouble
	g.trouble = reason
	if took {
		g.took++
	}
	g.mu.Unlock()
	g.up(reason == "")
	switch {
	case reason == was:
	case reason == "":
		g.log.Info("The gateway takes alerts again.")
	default:
		g.log.Warn("The gateway does not take alerts; messages wait in the queue and in hand.", zap.String("reason", reason), zap.String("detail", detail))
	}
}

// watch opens the gateway whenever it is closed and says that it is ready. It
// ends with ctx.
func (g *gateway) watch(ctx context.Context) {
	for try := 0; ctx.Err() == nil; {
		open, changed := g.state()
		if open {
			try = 0
			select {
			case <-changed:
			case <-ctx.Done():
			}
			continue
		}
		why := g.probe(ctx)
		if ctx.Err() != nil {
			return
		}
		g.mu.Lock()
		trouble := g.trouble
		g.mu.Unlock()
		// What a hand-over found is gone when a hand-over succeeds, not before.
		if trouble == "" || trouble == reasonNotReady {
			if why == "" {
				g.say("", "", false)
			} else {
				g.say(reasonNotReady, why, false)
			}
		}
		if why == "" {
			g.set(true)
			continue
		}
		try++
		pause(ctx, backoff(try))
	}
}

// probe asks whether alerts can be taken; "" is yes. What lies in front of a
// gateway may not let the question through: then only a hand-over can tell.
func (g *gateway) probe(ctx context.Context) string {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, g.base+readyPath, nil)
	if err != nil {
		return err.Error()
	}
	resp, err := g.client.Do(req)
	if err != nil {
		return innermost(err)
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, maxAnswer)) // only the status matters
	switch {
	case resp.StatusCode/100 == 2, resp.StatusCode == http.StatusNotFound, resp.StatusCode == http.StatusMethodNotAllowed,
		resp.StatusCode == http.StatusUnauthorized, resp.StatusCode == http.StatusForbidden:
		return ""
	}
	return fmt.Sprintf("%s answers %d", readyPath, resp.StatusCode)
}

// post hands a message over. It makes one attempt.
func (g *gateway) post(ctx context.Context, m sqs.Message) answer {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, g.base+alertsPath, strings.NewReader(m.Body))
	if err != nil {
		return answer{away, reasonNotGateway, err.Error()}
	}
	req.Header.Set("Content-Type", "application/json")
	if m.Origin == incident.OriginSimulated {
		req.Header.Set(simulatedHeader, "true")
	}
	if g.tokenFile != "" {
		token, err := readToken(g.tokenFile)
		if err != nil {
			return answer{away, reasonToken, err.Error()}
		}
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := g.client.Do(req)
	if err != nil {
		return answer{away, reasonNoAnswer, innermost(err)}
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return answer{away, reasonNoAnswer, "the answer broke off: " + innermost(err)}
	}
	return read(resp.StatusCode, raw)
}

// read says what an answer means. A 2xx counts only with the number of the
// delivery: a page that something else answers with would lose the alert.
func read(status int, raw []byte) answer {
	var body struct {
		DeliveryID int64  `json:"delivery_id"`
		Detail     string `json:"detail"`
	}
	_ = json.Unmarshal(raw, &body) // what is no JSON says nothing, and is judged by that
	detail := fmt.Sprintf("HTTP %d", status)
	if body.Detail != "" {
		detail += ": " + oneLine(body.Detail)
	}
	switch {
	case status/100 == 2 && body.DeliveryID > 0:
		return answer{fate: taken}
	case status/100 == 2:
		return answer{away, reasonNotGateway, detail + " without the number of a delivery; is --gateway-url the gateway's?"}
	case status >= 500, status == http.StatusRequestTimeout, status == http.StatusTooEarly:
		return answer{away, reasonUnready, detail}
	case status == http.StatusTooManyRequests:
		return answer{away, reasonThrottled, detail}
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		return answer{away, reasonDenied, detail + "; --gateway-token-file needs the token of a responder"}
	case status == http.StatusNotFound, status == http.StatusMethodNotAllowed:
		return answer{away, reasonNotThere, detail + " for " + alertsPath + "; is --gateway-url the gateway's, and the gateway as new as this worker?"}
	case status == http.StatusProxyAuthRequired, status == http.StatusMisdirectedRequest, status < 400:
		return answer{away, reasonNotGateway, detail}
	case status == http.StatusRequestEntityTooLarge:
		return answer{refused, reasonTooLarge, detail}
	}
	return answer{refused, reasonRefused, detail}
}

func readToken(path string) (string, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("read --gateway-token-file: %w", err)
	}
	token := strings.TrimSpace(string(raw))
	if token == "" || strings.ContainsAny(token, "\r\n") {
		return "", fmt.Errorf("--gateway-token-file %s must hold one token and nothing else", path)
	}
	return token, nil
}

// innermost is what went wrong, without the URL around it.
func innermost(err error) string {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	return oneLine(err.Error())
}

func oneLine(s string) string {
	r := []rune(strings.Join(strings.Fields(s), " "))
	if len(r) > 240 {
		return string(r[:240]) + "…"
	}
	return string(r)
}
