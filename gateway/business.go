package gateway

import (
	"context"
	"fmt"
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

	estimator analytics.Estimator
	turn      chan struct{} // holds one: whoever computes, so that asking much does not take every processor

	// Of whoever has the turn.
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

func newBusiness(s store.Business, rates *ratesFile) *business {
	return &business{store: s, rates: rates, turn: make(chan struct{}, 1)}
}

// compute waits for the turn and has it until done is called.
func (b *business) compute(ctx context.Context) (done func(), err error) {
	select {
	case b.turn <- struct{}{}:
		return func() { <-b.turn }, nil
	case <-ctx.Done():
		return nil, incident.Errorf(incident.KindUnavailable, "others wait for business metrics too; ask again, or for a shorter range")
	}
}

// summary computes the business metrics, where it does not know them.
func (b *business) summary(ctx context.Context, q question) (event.BusinessMetrics, error) {
	done, err := b.compute(ctx)
	if err != nil {
		return event.BusinessMetrics{}, err
	}
	defer done()
	revision, err := b.store.FiguresRevision(ctx)
	if err != nil {
		return event.BusinessMetrics{}, fmt.Errorf("business metrics: %w", err)
	}
	of := basis{revision: revision, rates: b.price()}
	if b.of != of || len(b.known) >= keptAnswers {
		b.of, b.known = of, map[question]event.BusinessMetrics{}
	}
	if m, ok := b.known[q]; ok {
		return m, nil
	}
	all, _, err := b.store.Figures(ctx, q.filter(), "", 0)
	if err != nil {
		return event.BusinessMetrics{}, fmt.Errorf("business metrics: %w", err)
	}
	m := b.estimator.Summarise(all, *of.rates, q.span(), q.origin)
	b.known[q] = m
	return m, nil
}

// series computes the business metrics bucket by bucket.
func (b *business) series(ctx context.Context, q question, bucket analytics.Bucket) (event.BusinessSeries, error) {
	done, err := b.compute(ctx)
	if err != nil {
		return event.BusinessSeries{}, err
	}
	defer done()
	all, _, err := b.store.Figures(ctx, q.filter(), "", 0)
	if err != nil {
		return event.BusinessSeries{}, fmt.Errorf("business series: %w", err)
	}
	s, ok := b.estimator.Series(all, *b.price(), q.span(), q.origin, bucket)
	if !ok {
		return s, malformed("the range has more than %d %ss; ask for a shorter one, or for longer buckets", analytics.MaxPoints, bucket)
	}
	return s, nil
}
