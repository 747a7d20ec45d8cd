package e2e_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"vigil/deploy/e2e/harness"
	"vigil/deploy/processes"
	"vigil/gateway"
	"vigil/workflows/incident"
)

// Clocks of the pair, as short as Alertmanager lets them be useful. A repeat
// also brings the news that an alert fired again between two flushes, of which
// Alertmanager tells nobody before.
const (
	peerTimeout    = time.Second // the second peer waits it before it tells what the first did not
	groupInterval  = 3 * time.Second
	repeatInterval = 10 * time.Second

	// notifyTimeout is how long Alertmanager goes on trying to bring what a
	// group was like: 10 s at least, and the wait for its peers.
	notifyTimeout = 10*time.Second + 2*peerTimeout
)

const pairConfig = `route:
  receiver: vigil
  group_by: [alertname, service]
  group_wait: 1s
  group_interval: %s
  repeat_interval: %s
receivers:
- name: vigil
  webhook_configs:
  - url: %s/api/v1/alerts/alertmanager
    send_resolved: true
`

// pair is two real Alertmanagers that know of each other. Each speaks to the
// gateway through a proxy that notes what it was answered.
type pair struct {
	v     *harness.Vigil
	names []string
	urls  []string
	notes *recorder
}

// startPair starts both and waits until they have found each other.
func startPair(t *testing.T, v *harness.Vigil) *pair {
	t.Helper()
	binary := harness.Alertmanager(t)
	addrs := harness.FreeAddrs(t, 4)
	p := &pair{v: v, notes: &recorder{}}
	dir := t.TempDir()
	for i := range 2 {
		name := fmt.Sprint("alertmanager-", i)
		proxy := p.notes.proxy(t, i, v.GatewayURL())
		config := filepath.Join(dir, name+".yml")
		write(t, config, fmt.Sprintf(pairConfig, groupInterval, repeatInterval, proxy))
		v.Run(processes.Spec{Name: name, Path: binary, Args: []string{
			"--config.file=" + config, "--storage.path=" + filepath.Join(dir, name),
			"--web.listen-address=" + addrs[i], "--cluster.listen-address=" + addrs[2+i], "--cluster.advertise-address=" + addrs[2+i],
			"--cluster.peer=" + addrs[3-i], "--cluster.peer-timeout=" + peerTimeout.String(), "--cluster.gossip-interval=100ms",
		}})
		p.names, p.urls = append(p.names, name), append(p.urls, "http://"+addrs[i])
	}
	for _, u := range p.urls {
		eventually(t, time.Minute, "the Alertmanagers have found each other", func() (any, bool) {
			var s struct {
				Cluster struct {
					Status string `json:"status"`
					Peers  []any  `json:"peers"`
				} `json:"cluster"`
			}
			resp, err := http.Get(u + "/api/v2/status")
			if err != nil {
				return err.Error(), false
			}
			defer resp.Body.Close()
			if err := json.NewDecoder(resp.Body).Decode(&s); err != nil {
				return err.Error(), false
			}
			return s, s.Cluster.Status == "ready" && len(s.Cluster.Peers) == 2
		})
	}
	return p
}

func (p *pair) stop() {
	for _, name := range p.names {
		p.v.Stop(name)
	}
}

// episode is one time that one alert fired. Senders give the start to the
// millisecond.
type episode struct {
	fingerprint string
	startsAt    int64
}

func (e episode) String() string {
	return e.fingerprint + " of " + time.UnixMilli(e.startsAt).UTC().Format("15:04:05.000")
}

// amWebhook is what of Alertmanager's message is judged.
type amWebhook struct {
	GroupKey string `json:"groupKey"`
	Alerts   []struct {
		Status      incident.AlertStatus `json:"status"`
		Fingerprint string               `json:"fingerprint"`
		Labels      map[string]string    `json:"labels"`
		StartsAt    time.Time            `json:"startsAt"`
	} `json:"alerts"`
}

// parseWebhook reads a message; one that cannot be read holds nothing.
func parseWebhook(body []byte) (w amWebhook) {
	_ = json.Unmarshal(body, &w)
	return w
}

func (w amWebhook) episode(i int) episode {
	return episode{w.Alerts[i].Fingerprint, w.Alerts[i].StartsAt.UnixMilli()}
}

// gaveUp stands for an answer that its sender no longer waited for: what
// Alertmanager could not bring within a flush's time it makes anew.
const gaveUp = 499

// answered is one message with the answer that its sender got.
type answered struct {
	peer       int
	at         time.Time
	code       int // 502 where the gateway cannot be reached
	deliveryID int64
	body       []byte
	message    amWebhook
}

func (a answered) accepted() bool { return a.code/100 == 2 }

// recorder notes what Alertmanagers were answered, in the order of the answers.
type recorder struct {
	mu  sync.Mutex
	all []answered
}

func (r *recorder) since(at time.Time) []answered {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, a := range r.all {
		if a.at.After(at) {
			return r.all[i:len(r.all):len(r.all)]
		}
	}
	return nil
}

func (r *recorder) note(a answered) {
	r.mu.Lock()
	defer r.mu.Unlock()
	a.at = time.Now()
	r.all = append(r.all, a)
}

// proxy passes on what one peer sends, and notes the answer before the peer
// gets it: no peer can believe in a 2xx that is not in the notes.
func (r *recorder) proxy(t *testing.T, peer int, gatewayURL string) string {
	target, err := url.Parse(gatewayURL)
	if err != nil {
		t.Fatal(err)
	}
	onward := &httputil.ReverseProxy{
		Rewrite: func(p *httputil.ProxyRequest) { p.SetURL(target) },
		ErrorHandler: func(w http.ResponseWriter, q *http.Request, _ error) {
			code := http.StatusBadGateway
			if q.Context().Err() != nil {
				code = gaveUp
			}
			w.WriteHeader(code)
		},
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		body, err := io.ReadAll(q.Body)
		if err != nil {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		got := answered{peer: peer, body: body, message: parseWebhook(body)}
		q.Body = io.NopCloser(bytes.NewReader(body))
		answer := httptest.NewRecorder()
		onward.ServeHTTP(answer, q)
		got.code = answer.Code
		if got.accepted() {
			var a gateway.Accepted
			if err := json.Unmarshal(answer.Body.Bytes(), &a); err != nil || a.DeliveryID == 0 {
				t.Errorf("the gateway answered %d %s: %v", answer.Code, answer.Body, err)
			}
			got.deliveryID = a.DeliveryID
		}
		r.note(got)
		w.WriteHeader(answer.Code)
		_, _ = w.Write(answer.Body.Bytes()) // a peer that no longer listens sends it again
	}))
	t.Cleanup(server.Close)
	return server.URL
}
