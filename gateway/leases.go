package gateway

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"

	"vigil/gateway/store"
	"vigil/workflows/incident"
)

const (
	leasesShown  = 200             // most leases that are listed
	leasesAtOnce = 8               // asked side by side
	leasesFresh  = time.Second     // for how long a list is given again
	leasesWait   = 4 * time.Second // for a whole list
)

// LeaseList is how the leases stand that somebody holds, waits for, or had
// lately. It goes by Temporal's list of workflows, which is a moment behind.
type LeaseList struct {
	Leases []Lease `json:"leases"`
	More   bool    `json:"more"` // there are others
}

// Lease is one of them. Where Error says why it could not be asked, the
// resource is all that is known.
type Lease struct {
	incident.LeaseState
	Error string `json:"error,omitempty"`
}

// ClearLeaseRequest says that a holder whose outcome is unknown is done with
// the resource.
type ClearLeaseRequest struct {
	WorkflowID string `json:"workflow_id"` // the holder's
	Reason     string `json:"reason"`
}

func (r *ClearLeaseRequest) validate() error {
	return join(needed("workflow_id", r.WorkflowID), atMost("workflow_id", r.WorkflowID, maxID), needed("reason", r.Reason), atMost("reason", r.Reason, maxText))
}

// leases asks the workflows that hand out leases. Many may ask; they are asked
// once a second.
type leases struct {
	engine Engine

	mu   sync.Mutex // held while asking, so that whoever comes meanwhile waits for that answer
	last LeaseList
	err  error
	at   time.Time
}

func newLeases(e Engine) *leases { return &leases{engine: e} }

// read is the current list, at most leasesFresh old.
func (l *leases) read(ctx context.Context) (LeaseList, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if time.Since(l.at) > leasesFresh {
		// Not the asker's context: others may be waiting for the same answer.
		l.last, l.err = l.ask(context.WithoutCancel(ctx))
		l.at = time.Now()
	}
	return l.last, l.err
}

// forget has the next read ask anew.
func (l *leases) forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.at = time.Time{}
}

func (l *leases) ask(ctx context.Context) (LeaseList, error) {
	ctx, cancel := context.WithTimeout(ctx, leasesWait)
	defer cancel()
	ids, more, err := l.engine.Leases(ctx, leasesShown)
	if err != nil {
		return LeaseList{}, err
	}
	out := LeaseList{Leases: make([]Lease, len(ids)), More: more}
	var all sync.WaitGroup
	places := make(chan struct{}, leasesAtOnce)
	for i, id := range ids {
		places <- struct{}{}
		all.Go(func() {
			defer func() { <-places }()
			state, err := l.engine.Lease(ctx, id)
			if err != nil {
				state = incident.LeaseState{Resource: strings.TrimPrefix(id, incident.LeaseID(""))}
				out.Leases[i].Error = inWords(err)
			}
			out.Leases[i].LeaseState = state
		})
	}
	all.Wait()
	return out, nil
}

func (a *api) listLeases(c echo.Context) error {
	list, err := a.leases.read(c.Request().Context())
	if err != nil {
		return err
	}
	return answer(c, http.StatusOK, list)
}

func (a *api) clearLease(ctx context.Context, c call, r ClearLeaseRequest) (outcome, error) {
	var result incident.VerbResult
	args := incident.ClearLeaseArgs{Principal: c.who.Principal, WorkflowID: r.WorkflowID, Reason: strings.TrimSpace(r.Reason)}
	err := a.engine.Update(ctx, incident.LeaseID(c.incidentID), incident.UpdateClearLease, c.token, args, &result)
	switch {
	case incident.KindOf(err) == incident.KindNotFound:
		return outcome{}, incident.Errorf(incident.KindNotFound, "nobody holds a lease of %s; GET /api/v1/leases lists what is leased", c.incidentID)
	case err != nil:
		return outcome{}, err
	}
	a.leases.forget()
	a.record(ctx, c, store.AuditLeaseCleared, c.incidentID, r.Reason, map[string]string{"workflow_id": r.WorkflowID})
	return outcome{status: http.StatusOK, body: result}, nil
}

func (a *api) leaseRoutes() []route {
	return []route{
		{method: http.MethodGet, path: "/api/v1/leases", need: incident.RoleViewer, handle: a.listLeases, id: "listLeases", tag: "controls",
			summary: "List which remediations hold, or wait for, which service or account", status: http.StatusOK, result: LeaseList{},
			problems: []int{http.StatusTooManyRequests, http.StatusServiceUnavailable}},
		asCommand(route{path: "/:id/clear", need: incident.RoleAdmin, handle: change(a, a.clearLease), id: "clearLease",
			summary: "Say that a holder whose outcome is unknown is done with the resource (service:name or account:name)",
			body:    ClearLeaseRequest{}, status: http.StatusOK, result: incident.VerbResult{}}, "/api/v1/leases", "controls"),
	}
}

var leaseHolders = prometheus.NewDesc("gateway_lease_holders", "Remediations that hold or wait for a lease, by how they stand; unknown ones need a person.", []string{"state"}, nil)

// Describe implements prometheus.Collector.
func (l *leases) Describe(ch chan<- *prometheus.Desc) { ch <- leaseHolders }

// Collect implements prometheus.Collector. Where the leases cannot be asked,
// the figures are absent rather than old.
func (l *leases) Collect(ch chan<- prometheus.Metric) {
	list, err := l.read(context.Background())
	if err != nil {
		return
	}
	count := map[incident.HolderState]int{}
	for _, lease := range list.Leases {
		count[incident.HolderWaiting] += len(lease.Waiting)
		for _, h := range lease.Holders {
			count[h.State]++
		}
	}
	for _, s := range incident.HolderStates {
		ch <- prometheus.MustNewConstMetric(leaseHolders, prometheus.GaugeValue, float64(count[s]), string(s))
	}
}
