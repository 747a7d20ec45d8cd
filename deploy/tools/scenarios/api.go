package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"vigil/workflows/event"
)

// api speaks to a gateway, or to the sandbox beside it, for one person.
type api struct {
	base  string
	token string // empty: whoever the gateway takes one for who says nothing
}

// refused is an answer that is no success.
type refused struct {
	status int
	text   string
}

func (r *refused) Error() string { return fmt.Sprintf("%d %s", r.status, r.text) }

// is reports whether err is an answer with this status.
func is(err error, status int) bool {
	var r *refused
	return errors.As(err, &r) && r.status == status
}

// call makes one request. What is not nil goes out as JSON, or is read into.
func (a api) call(ctx context.Context, method, path string, body, out any) error {
	var sent io.Reader
	if body != nil {
		raw, err := json.Marshal(body)
		if err != nil {
			return fmt.Errorf("%s %s: %w", method, path, err)
		}
		sent = bytes.NewReader(raw)
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	q, err := http.NewRequestWithContext(ctx, method, a.base+path, sent)
	if err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	if body != nil {
		q.Header.Set("Content-Type", "application/json")
	}
	if a.token != "" {
		q.Header.Set("Authorization", "Bearer "+a.token)
	}
	resp, err := http.DefaultClient.Do(q)
	if err != nil {
		return err // it names method and address
	}
	raw, err := io.ReadAll(resp.Body)
	if err := errors.Join(err, resp.Body.Close()); err != nil {
		return fmt.Errorf("%s %s: read the answer: %w", method, path, err)
	}
	if resp.StatusCode >= 300 {
		return fmt.Errorf("%s %s: %w", method, path, &refused{resp.StatusCode, string(bytes.TrimSpace(raw))})
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(raw, out); err != nil {
		return fmt.Errorf("%s %s: read the answer: %w", method, path, err)
	}
	return nil
}

// incident is the path of an incident.
func incidentPath(id string) string { return "/api/v1/incidents/" + url.PathEscape(id) }

func (a api) view(ctx context.Context, id string) (event.View, error) {
	var v event.View
	return v, a.call(ctx, http.MethodGet, incidentPath(id), nil, &v)
}

// first is the incident that opened first; false where there is none yet.
func (a api) first(ctx context.Context) (string, bool, error) {
	var page struct {
		Incidents []event.Summary `json:"incidents"`
	}
	if err := a.call(ctx, http.MethodGet, "/api/v1/incidents?limit=100", nil, &page); err != nil || len(page.Incidents) == 0 {
		return "", false, err
	}
	return page.Incidents[len(page.Incidents)-1].IncidentID, true, nil
}

// events are all of an incident, byte by byte as the gateway gives them.
func (a api) events(ctx context.Context, id string) ([]json.RawMessage, error) {
	var all []json.RawMessage
	for {
		var page struct {
			Events []json.RawMessage `json:"events"`
			More   bool              `json:"more"`
		}
		if err := a.call(ctx, http.MethodGet, fmt.Sprintf("%s/events?run_id=all&limit=1000&after=%d", incidentPath(id), len(all)), nil, &page); err != nil {
			return nil, err
		}
		all = append(all, page.Events...)
		if !page.More || len(page.Events) == 0 {
			return all, nil
		}
	}
}

// figures is what the incident adds to the business metrics.
func (a api) figures(ctx context.Context, id string) (event.IncidentFigures, error) {
	var f event.IncidentFigures
	return f, a.call(ctx, http.MethodGet, "/api/v1/analytics/incidents/"+url.PathEscape(id), nil, &f)
}
