package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"vigil/workflows/event"
	"vigil/workflows/incident"
)

const (
	lookEvery = 500 * time.Millisecond
	// quietFor is how long nothing comes any more of an incident that is over.
	quietFor = 15 * time.Second
)

// recording is one scenario while it is recorded.
type recording struct {
	plan
	cfg  config
	log  *logger
	p    *product
	done map[string]bool // what people did
}

// record makes one recording, from the fault to the last event.
func record(ctx context.Context, cfg config, p plan, log *logger) (s scenario, err error) {
	log.say(p.Name, "starting Vigil for %s", p.source())
	product, err := begin(ctx, cfg, p.Alone)
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, product.end()) }()
	r := &recording{plan: p, cfg: cfg, log: log, p: product, done: map[string]bool{}}
	if err := r.goWrong(ctx); err != nil {
		return s, err
	}
	id, err := r.opened(ctx)
	if err != nil {
		return s, err
	}
	view, err := r.follow(ctx, id)
	if err != nil {
		return s, err
	}
	return r.write(ctx, view)
}

// goWrong begins what the incident will be about.
func (r *recording) goWrong(ctx context.Context) error {
	if r.opens != nil {
		r.log.say(r.Name, "people decide at %s/ops", r.p.GatewayURL())
		return r.p.as(recorder).call(ctx, http.MethodPost, "/api/v1/incidents", r.opens, nil)
	}
	if r.Alone {
		controls := map[string]any{"mode": incident.ModeExecute, "reason": "The policy says what Vigil does by itself.", "revision": 0}
		if err := r.p.as(recorder).call(ctx, http.MethodPut, "/api/v1/controls", controls, nil); err != nil {
			return err
		}
	}
	return r.p.sandbox().call(ctx, http.MethodPost, "/_world/fault", map[string]any{"fault": r.Fault, "stubborn": r.Stubborn}, nil)
}

// opened waits for the incident.
func (r *recording) opened(ctx context.Context) (id string, err error) {
	err = r.until(ctx, "an incident", func() (bool, error) {
		var ok bool
		id, ok, err = r.p.as(recorder).first(ctx)
		return ok, err
	})
	if err == nil {
		r.log.say(r.Name, "%s opened", id)
	}
	return id, err
}

// follow goes with the incident until it is over and nothing comes any more,
// and has people do what they are asked.
func (r *recording) follow(ctx context.Context, id string) (event.View, error) {
	var v event.View
	var due time.Time // when somebody has thought about what they are asked
	var asked string
	var quiet time.Time // since when
	seen := int64(-1)
	err := r.until(ctx, "the end of "+id, func() (over bool, err error) {
		before := v.Status
		if v, err = r.p.as(recorder).view(ctx, id); err != nil {
			return false, err
		}
		if v.Status != before {
			r.log.say(r.Name, "%s", v.Status)
		}
		if d, ok := r.next(v, r.done); ok && r.opens == nil {
			switch {
			case d.what != asked:
				asked, due = d.what, time.Now().Add(2*r.cfg.tick)
			case time.Now().After(due):
				return false, r.do(ctx, id, d)
			}
			return false, nil
		}
		if !v.Status.Terminal() || v.Seq != seen {
			seen, quiet = v.Seq, time.Now()
		}
		return v.Status.Terminal() && time.Since(quiet) > quietFor, nil
	})
	return v, err
}

// do has somebody do something. What has changed meanwhile makes it pointless,
// which is no failure: what comes next is seen in the next look.
func (r *recording) do(ctx context.Context, id string, d deed) error {
	who, path := r.p.as(d.by), incidentPath(id)+d.path
	if d.path == "" {
		who, path = r.p.sandbox(), "/_world/heal"
	}
	err := who.call(ctx, d.verb, path, d.body, nil)
	if err != nil && !is(err, http.StatusConflict) {
		return err
	}
	r.done[d.what] = true
	r.log.say(r.Name, "%s %s", d.by, d.what)
	return nil
}

// write makes a scenario of what came.
func (r *recording) write(ctx context.Context, v event.View) (scenario, error) {
	s := scenario{Format: format, summary: summary{Name: r.Name, Title: r.Title, Description: r.Description, Service: v.Service, Severity: v.Severity,
		RecordedAt: v.OpenedAt.UTC(), RecordedFrom: recordedFrom{Origin: v.Origin, What: r.source(), Version: r.cfg.version}}}
	if r.opens == nil {
		s.RecordedFrom.Seed = &r.cfg.seed
	}
	raw, err := r.p.as(recorder).events(ctx, v.IncidentID)
	if err != nil {
		return s, err
	}
	if s.Figures, err = r.p.as(recorder).figures(ctx, v.IncidentID); err != nil {
		return s, err
	}
	var replaced []string
	if s.Events, replaced, err = scrub(raw, r.p.secrets()); err != nil {
		return s, err
	}
	for _, what := range replaced {
		r.log.say(r.Name, "replaced in the events: %s", what)
	}
	return s, s.complete()
}

// complete adds what follows from the events, and refuses what is no whole
// incident.
func (s *scenario) complete() error {
	var v event.View
	var first, last time.Time
	for _, raw := range s.Events {
		var e event.Event
		if err := json.Unmarshal(raw, &e); err != nil {
			return fmt.Errorf("an event cannot be read: %w", err)
		}
		if !v.Apply(e) {
			return fmt.Errorf("event %s cannot be applied; record it anew", e.ID)
		}
		if first.IsZero() {
			first = e.At
		}
		if e.At.After(last) {
			last = e.At
		}
		if e.Provenance.Origin == incident.OriginSimulated {
			s.RecordedFrom.Origin = incident.OriginSimulated
		}
	}
	if !v.Status.Terminal() {
		return fmt.Errorf("the events end with the incident %s; record it anew", v.Status)
	}
	s.EventCount, s.DurationSeconds = len(s.Events), last.Sub(first).Seconds()
	return nil
}

// until asks until ok. What fails is asked again while the product runs: its
// gateway may be busy.
func (r *recording) until(ctx context.Context, what string, ask func() (ok bool, err error)) error {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		ok, err := ask()
		if ok {
			return nil
		}
		var no *refused
		if errors.As(err, &no) && no.status < http.StatusInternalServerError {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for %s: %w", what, errors.Join(context.Cause(ctx), err))
		case <-r.p.process.Done():
			return fmt.Errorf("wait for %s: the Vigil that was started ended: %w\n%s", what, r.p.process.Err(), r.p.lastWords())
		case <-tick.C:
		}
	}
}
