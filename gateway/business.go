package gateway

import (
	"context"
	"fmt"
	"sync"
	"time"

	"vigil/gateway/analytics"
	"vigil/gateway/store"
	"vigil/workflows/event"
	"vigil/workflows/incident"
)

// keptAnswers is how many answers the business desk remembers: what dashboards
// ask for again and again.
const keptAnswers = 64

// business answers what incidents cost. The same question is computed once, as
// long as nothing changed that the answer follows from.
type business struct {
	store store.Business
	rates *ratesFile // nil: no file

	mu    sync.Mutex
	of    basis
	known map[question]event.BusinessMetrics
}

// basis is what all answers follow from.
type basis struct {
	revision string
	rates    *analytics.Rates
}

// question is a range of incidents, and which of them.
type question struct {
	from, to time.Time
	origin   incident.Origin
	service  string
	severity incident.Severity
}

func (q question) filter() store.FiguresFilter {
	return store.FiguresFilter{From: q.from, To: q.to, Service: q.service, Severity: q.severity}
}

func (q question) span() analytics.Range { return analytics.Range{From: q.from, To: q.to} }

// noRates are in force where there is no file.
var noRates analytics.Rates

func (b *business) price() *analytics.Rates {
	if b.rates == nil {
		return &noRates
	}
	return b.rates.current.Load()
}

// summary computes the business metrics. It holds no lock while it does, so
// two who ask at once may both compute.
func (b *business) summary(ctx context.Context, q question) (event.BusinessMetrics, error) {
	revision, err := b.store.FiguresRevision(ctx)
	if err != nil {
		return event.BusinessMetrics{}, fmt.Errorf("business metrics: %w", err)
	}
	of := basis{revision: revision, rates: b.price()}
	if m, ok := b.recall(of, q); ok {
		return m, nil
	}
	all, _, err := b.store.Figures(ctx, q.filter(), "", 0)
	if err != nil {
		return event.BusinessMetrics{}, fmt.Errorf("business metrics: %w", err)
	}
	m := analytics.Summarise(all, *of.rates, q.span(), q.origin)
	b.remember(of, q, m)
	return m, nil
}

func (b *business) recall(of basis, q question) (event.BusinessMetrics, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.of != of {
		return event.BusinessMetrics{}, false
	}
	m, ok := b.known[q]
	return m, ok
}

func (b *business) remember(of basis, q question, m event.BusinessMetrics) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.of != of || len(b.known) >= keptAnswers {
		b.of, b.known = of, map[question]event.BusinessMetrics{}
	}
	b.known[q] = m
}

// series computes the business metrics bucket by bucket.
func (b *business) series(ctx context.Context, q question, bucket analytics.Bucket) (event.BusinessSeries, error) {
	all, _, err := b.store.Figures(ctx, q.filter(), "", 0)
	if err != nil {
		return event.BusinessSeries{}, fmt.Errorf("business series: %w", err)
	}
	s, ok := analytics.Series(all, *b.price(), q.span(), q.origin, bucket)
	if !ok {
		return s, malformed("the range has more than %d %ss; ask for a shorter one, or for longer buckets", analytics.MaxPoints, bucket)
	}
	return s, nil
}
