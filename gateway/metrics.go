package gateway

import (
	"context"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"vigil/gateway/store"
)

// metrics are the gateway's own figures; hub and relay register theirs. No
// label holds anything that a sender can choose.
type metrics struct {
	requests       *prometheus.CounterVec
	duration       *prometheus.HistogramVec
	alerts         *prometheus.CounterVec
	authFailures   *prometheus.CounterVec
	aborted        *prometheus.CounterVec
	rules          *prometheus.CounterVec
	senderFailures *prometheus.CounterVec
	certificates   *prometheus.CounterVec
	decisions      *prometheus.CounterVec
	forgotten      prometheus.Counter
}

func newMetrics(r prometheus.Registerer, s store.Store, log *zap.Logger) *metrics {
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "gateway_requests_total", Help: "HTTP requests, by route and status."}, []string{"route", "method", "status"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "gateway_request_seconds", Help: "Time to answer an HTTP request; sockets are not counted.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}}, []string{"route"}),
		alerts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "gateway_alert_deliveries_total", Help: "Deliveries of alert sources, by what became of the request."}, []string{"source", "outcome"}),
		authFailures: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "gateway_auth_failures_total", Help: "Requests refused because of who asked, by reason."}, []string{"reason"}),
		aborted: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "gateway_incidents_aborted_total", Help: "Incidents that ended in Temporal without saying so themselves, by how."}, []string{"how"}),
		senderFailures: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "gateway_sender_auth_failures_total", Help: "Deliveries that were not believed to be from their source, by reason."}, []string{"source", "reason"}),
		certificates: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "gateway_sender_certificate_fetches_total", Help: "Signing certificates of SNS that were asked for, by what came."}, []string{"outcome"}),
	}
	m.rules = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "gateway_correlation_rule_failures_total", Help: "Correlation rules that failed when they were asked, and were passed over."}, []string{"rule"})
	m.decisions = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "gateway_decisions_total", Help: "Decisions on proposals that people made, by what they said and what became of it: a state of the proposal, or the kind of refusal."}, []string{"decision", "outcome"})
	m.forgotten = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "gateway_incidents_forgotten_total", Help: "Incidents that were deleted because they closed longer ago than they are kept."})
	r.MustRegister(m.forgotten, m.rules, m.decisions, m.requests, m.duration, m.alerts, m.authFailures, m.aborted, m.senderFailures, m.certificates, &inboxCollector{store: s, log: log})
	return m
}

// ruleFailed counts a rule that could not be asked. Its name is the operator's.
func (m *metrics) ruleFailed(rule string) { m.rules.WithLabelValues(rule).Inc() }

// observe counts a request once it has been answered.
func (a *api) observe(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		began := time.Now()
		if err := next(c); err != nil {
			c.Error(err) // answers, so that the status below is the one sent
		}
		route := c.Path()
		if route == "" || route == "/*" {
			route = "other"
		}
		a.metrics.requests.WithLabelValues(route, c.Request().Method, strconv.Itoa(c.Response().Status)).Inc()
		if route != socketPath {
			a.metrics.duration.WithLabelValues(route).Observe(time.Since(began).Seconds())
		}
		return nil
	}
}

// inboxCollector asks the store when it is scraped. When the store does not
// answer, the figures are absent rather than old.
type inboxCollector struct {
	store store.Store
	log   *zap.Logger
}

var (
	inboxStates = prometheus.NewDesc("gateway_inbox_deliveries", "Deliveries in the inbox, by state.", []string{"state"}, nil)
	inboxLost   = prometheus.NewDesc("gateway_inbox_lost_total", "Deliveries refused for their size and so lost.", nil, nil)
	inboxAge    = prometheus.NewDesc("gateway_inbox_oldest_pending_seconds", "Age of the oldest alerts that no incident has yet; 0 where there are none.", nil, nil)
	openCount   = prometheus.NewDesc("gateway_incidents_open", "Incidents that are not closed.", nil, nil)
)

func (*inboxCollector) Describe(ch chan<- *prometheus.Desc) {
	ch <- inboxStates
	ch <- inboxLost
	ch <- inboxAge
	ch <- openCount
}

func (i *inboxCollector) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), checkWait)
	defer cancel()
	counts, err := i.store.InboxCounts(ctx)
	if err != nil {
		i.log.Warn("the inbox could not be counted for a scrape", zap.Error(err))
		return
	}
	open, err := i.store.Open(ctx)
	if err != nil {
		i.log.Warn("open incidents could not be counted for a scrape", zap.Error(err))
		return
	}
	for state, n := range map[string]int64{"received": counts.Received, "quarantined": counts.Quarantined,
		"recorded": counts.Recorded, "pending": counts.Pending, "poisoned": counts.Poisoned} {
		ch <- prometheus.MustNewConstMetric(inboxStates, prometheus.GaugeValue, float64(n), state)
	}
	age := 0.0
	if !counts.OldestPending.IsZero() {
		age = time.Since(counts.OldestPending).Seconds()
	}
	ch <- prometheus.MustNewConstMetric(inboxLost, prometheus.CounterValue, float64(counts.Lost))
	ch <- prometheus.MustNewConstMetric(inboxAge, prometheus.GaugeValue, age)
	ch <- prometheus.MustNewConstMetric(openCount, prometheus.GaugeValue, float64(len(open)))
}
