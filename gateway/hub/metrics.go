package hub

import (
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"vigil/workflows/event"
)

// Stats is what the hub measured about itself.
type Stats struct {
	Connections int
	// MedianRTT is over the latest round trip of each client; nil before the first.
	MedianRTT *time.Duration
	// Dropped counts the sockets that the hub closed, by close code. Those
	// that fell behind are under event.CloseSlow.
	Dropped map[int]int64
	// Published counts frames published, whatever the number of clients;
	// PublishedPerSecond is over the last ten seconds.
	Published          int64
	PublishedPerSecond float64
}

// Stats reads the current figures.
func (h *Hub) Stats() Stats {
	h.mu.RLock()
	clients := h.clients
	h.mu.RUnlock()
	s := Stats{Connections: len(clients), Dropped: h.metrics.drops()}
	var rtts []time.Duration
	for _, c := range clients {
		if rtt := c.rtt.Load(); rtt > 0 {
			rtts = append(rtts, time.Duration(rtt))
		}
	}
	if len(rtts) > 0 {
		slices.Sort(rtts)
		s.MedianRTT = &rtts[len(rtts)/2]
	}
	s.Published, s.PublishedPerSecond = h.rate.read(time.Since(h.start))
	return s
}

type metrics struct {
	published prometheus.Counter
	resyncs   prometheus.Counter
	rtt       prometheus.Histogram
	closed    *prometheus.CounterVec

	events, system, positions, snapshots, ephemeral prometheus.Counter // frames written, by kind

	mu     sync.Mutex
	byCode map[int]int64
}

func newMetrics(r prometheus.Registerer, h *Hub) *metrics {
	frames := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "gateway_ws_frames_total", Help: "Frames written to sockets, by kind."}, []string{"kind"})
	m := &metrics{
		published: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "gateway_ws_published_total", Help: "Event frames published to the hub, whatever the number of sockets."}),
		resyncs: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "gateway_gap_resync_total", Help: "Times a client was given a snapshot because its position could not be continued."}),
		rtt: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "gateway_ws_rtt_seconds", Help: "Round trip from ping to pong, as the server measures it.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .2, .5, 1, 2.5, 10}}),
		closed: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "gateway_ws_dropped_total", Help: "Sockets that the gateway closed, by close code."}, []string{"code"}),
		events: frames.WithLabelValues("event"), system: frames.WithLabelValues("system"),
		positions: frames.WithLabelValues("position"), snapshots: frames.WithLabelValues("snapshot"), ephemeral: frames.WithLabelValues("ephemeral"),
		byCode: map[int]int64{},
	}
	for code := range event.CloseReasons {
		m.closed.WithLabelValues(strconv.Itoa(code)) // so that zero shows as zero
	}
	connections := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "gateway_ws_connections", Help: "Open sockets."}, func() float64 {
		h.mu.RLock()
		defer h.mu.RUnlock()
		return float64(len(h.clients))
	})
	if r != nil {
		r.MustRegister(connections, frames, m.published, m.resyncs, m.rtt, m.closed)
	}
	return m
}

func (m *metrics) dropped(code int) {
	m.closed.WithLabelValues(strconv.Itoa(code)).Inc()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.byCode[code]++
}

func (m *metrics) drops() map[int]int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := make(map[int]int64, len(m.byCode))
	for code, n := range m.byCode {
		out[code] = n
	}
	return out
}

// window is over how many seconds a throughput is averaged.
const window = 10

// throughput counts frames per second over the last window. Times are
// durations since the hub was made.
type throughput struct {
	mu      sync.Mutex
	total   int64
	seconds [window + 1]int64 // the second under way included
	latest  int64             // second that the newest bucket stands for
}

func (t *throughput) add(now time.Duration, n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.advance(now)
	t.total += int64(n)
	t.seconds[t.latest%int64(len(t.seconds))] += int64(n)
}

// read returns the total, and the rate over the last whole seconds.
func (t *throughput) read(now time.Duration) (total int64, perSecond float64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.advance(now)
	var sum int64
	for i, n := range t.seconds {
		if int64(i) != t.latest%int64(len(t.seconds)) {
			sum += n
		}
	}
	return t.total, float64(sum) / float64(window)
}

func (t *throughput) advance(now time.Duration) {
	second := int64(now / time.Second)
	for steps := 0; t.latest < second && steps < len(t.seconds); steps++ {
		t.latest++
		t.seconds[t.latest%int64(len(t.seconds))] = 0
	}
	t.latest = max(t.latest, second)
}
