package e2e_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"testing"
	"time"

	"vigil/workflows/event"
	"vigil/workflows/incident"
)

// api speaks to one gateway, and to the sandbox beside it, as any client would.
type api struct {
	t       testing.TB
	gateway string
	sandbox string
	auth    []string // headers of every request; none: whoever the gateway takes one for who says nothing
}

// as is the same api, used by somebody with these headers.
func (a api) as(headers []string) api {
	a.auth = headers
	return a
}

// call makes one request. A body that is not nil goes out as JSON, an answer
// is read into out; the status is returned, 0 where nobody answered.
func (a api) call(method, url string, body, out any, headers ...string) (int, string) {
	a.t.Helper()
	var r io.Reader
	if body != nil {
		raw, err := json.Marshal(body)
		if err != nil {
			a.t.Fatal(err)
		}
		r = bytes.NewReader(raw)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Second)
	defer cancel()
	q, err := http.NewRequestWithContext(ctx, method, url, r)
	if err != nil {
		a.t.Fatal(err)
	}
	if body != nil {
		q.Header.Set("Content-Type", "application/json")
	}
	headers = append(slices.Clone(headers), a.auth...)
	for i := 0; i+1 < len(headers); i += 2 {
		q.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(q)
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, err.Error()
	}
	if out != nil && resp.StatusCode < 300 {
		if err := json.Unmarshal(raw, out); err != nil {
			a.t.Fatalf("%s %s answered %s: %v", method, url, raw, err)
		}
	}
	return resp.StatusCode, string(raw)
}

func (a api) must(method, url string, body, out any, headers ...string) {
	a.t.Helper()
	if status, text := a.call(method, url, body, out, headers...); status < 200 || status > 299 {
		a.t.Fatalf("%s %s: %d %s", method, url, status, text)
	}
}

// fault starts a fault in the sandbox's world.
func (a api) fault(name string) {
	a.t.Helper()
	a.must(http.MethodPost, a.sandbox+"/_world/fault", map[string]string{"fault": name}, nil)
}

func (a api) incidents() []event.Summary {
	a.t.Helper()
	var page struct {
		Incidents []event.Summary `json:"incidents"`
	}
	a.call(http.MethodGet, a.gateway+"/api/v1/incidents?limit=100", nil, &page)
	return page.Incidents
}

func (a api) view(id string) event.View {
	a.t.Helper()
	var v event.View
	a.call(http.MethodGet, a.gateway+"/api/v1/incidents/"+id, nil, &v)
	return v
}

// history returns every event of the incident's latest run.
func (a api) history(id string) []event.Event {
	a.t.Helper()
	var all []event.Event
	for {
		var page struct {
			Events []event.Event `json:"events"`
			More   bool          `json:"more"`
		}
		var after int64
		if len(all) > 0 {
			after = all[len(all)-1].Seq
		}
		a.must(http.MethodGet, fmt.Sprintf("%s/api/v1/incidents/%s/events?after=%d", a.gateway, id, after), nil, &page)
		all = append(all, page.Events...)
		if !page.More || len(page.Events) == 0 {
			return all
		}
	}
}

func (a api) decide(id, decision string, p incident.Proposal) (int, string) {
	a.t.Helper()
	return a.call(http.MethodPost, a.gateway+"/api/v1/incidents/"+id+"/decisions",
		map[string]string{"decision": decision, "proposal_id": p.ID, "action_hash": p.ActionHash}, nil)
}

func (a api) resolve(id, reason string) (int, string) {
	a.t.Helper()
	return a.call(http.MethodPost, a.gateway+"/api/v1/incidents/"+id+"/resolve", map[string]string{"reason": reason}, nil)
}

// effect is one automation that took effect in the sandbox's world.
type effect struct {
	Token string `json:"client_token"`
	Count int    `json:"token_count"`
}

func (a api) effects() []effect {
	a.t.Helper()
	var out struct {
		Effects []effect `json:"effects"`
	}
	a.must(http.MethodGet, a.sandbox+"/_effects", nil, &out)
	return out.Effects
}

// eventually asks until ok, and fails with what was seen last where it never is.
func eventually[T any](t testing.TB, within time.Duration, what string, ask func() (T, bool)) T {
	t.Helper()
	deadline := time.Now().Add(within)
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		v, ok := ask()
		if ok {
			return v
		}
		if time.Now().After(deadline) {
			raw, _ := json.Marshal(v)
			t.Fatalf("not within %s: %s; last seen: %.3000s", within, what, raw)
		}
		<-tick.C
	}
}

// opened waits for an incident that is not among known.
func (a api) opened(within time.Duration, known ...string) event.Summary {
	a.t.Helper()
	return eventually(a.t, within, "an incident opens", func() (event.Summary, bool) {
		for _, s := range a.incidents() {
			old := false
			for _, id := range known {
				old = old || s.IncidentID == id
			}
			if !old {
				return s, true
			}
		}
		return event.Summary{}, false
	})
}

// reaches waits until the incident's view satisfies ok.
func (a api) reaches(id string, within time.Duration, what string, ok func(event.View) bool) event.View {
	a.t.Helper()
	return eventually(a.t, within, what, func() (event.View, bool) {
		v := a.view(id)
		return v, v.IncidentID == id && ok(v)
	})
}

func awaitsApproval(v event.View) bool {
	return v.Proposal != nil && v.Proposal.State == incident.ProposalPending
}

func terminal(v event.View) bool { return v.Status.Terminal() }
