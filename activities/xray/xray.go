// Package xray reads the service graph from AWS X-Ray: who calls whom, as the
// traces of a window show it. A dependency that was not used in the window is
// not in it.
//
// Topology is immutable and safe for concurrent use.
package xray

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/xray"
	"github.com/aws/aws-sdk-go-v2/service/xray/types"

	"vigil/activities"
	"vigil/activities/internal/awscall"
	"vigil/workflows/incident"
)

const (
	service     = "xray"
	readTimeout = time.Minute
	maxWindow   = 6 * time.Hour // X-Ray refuses a longer one
	maxPages    = 50
	typeClient  = "client" // whoever calls from outside: no service of ours
)

// Topology reads the service graph.
type Topology struct {
	api  *xray.Client
	call awscall.Caller
}

var _ activities.Topology = (*Topology)(nil)

// New makes a Topology. recorder may be nil.
func New(cfg aws.Config, recorder activities.Recorder) *Topology {
	return &Topology{api: xray.NewFromConfig(awscall.Prepare(cfg, readTimeout)), call: awscall.New(service, recorder)}
}

// Graph returns each dependency once, sorted by name. Of a window longer than
// six hours it reads the last six.
func (t *Topology) Graph(ctx context.Context, w activities.Window) ([]incident.Edge, incident.Provenance, error) {
	if !w.To.After(w.From) {
		return nil, incident.Provenance{}, incident.Errorf(incident.KindInvalid, "xray: a window from %s to %s is empty", w.From, w.To)
	}
	if w.To.Sub(w.From) > maxWindow {
		w.From = w.To.Add(-maxWindow)
	}
	in := &xray.GetServiceGraphInput{StartTime: &w.From, EndTime: &w.To}
	var (
		services []types.Service
		all      incident.Provenance
	)
	for page := 0; ; page++ {
		out, p, err := awscall.Do(ctx, t.call, "GetServiceGraph", t.api.GetServiceGraph, in)
		if err != nil {
			return nil, p, err
		}
		all = awscall.Merge(all, p)
		services = append(services, out.Services...)
		if aws.ToString(out.NextToken) == "" {
			return edges(services), all, nil
		}
		if page == maxPages {
			return nil, all, awscall.Malformed(all, "the pages do not end; ask for a shorter window")
		}
		in.NextToken = out.NextToken
	}
}

// edges names both ends. The nodes of all pages are gathered first, because an
// edge may lead to a later page. One that leads nowhere names nobody, and is
// left out.
func edges(services []types.Service) []incident.Edge {
	names := map[int32]string{}
	for _, s := range services {
		if s.ReferenceId != nil && aws.ToString(s.Type) != typeClient {
			names[*s.ReferenceId] = aws.ToString(s.Name)
		}
	}
	var out []incident.Edge
	for _, s := range services {
		if s.ReferenceId == nil {
			continue
		}
		from := names[*s.ReferenceId]
		for _, e := range s.Edges {
			if e.ReferenceId == nil {
				continue
			}
			if to := names[*e.ReferenceId]; from != "" && to != "" && from != to {
				out = append(out, incident.Edge{From: from, To: to})
			}
		}
	}
	slices.SortFunc(out, func(a, b incident.Edge) int { return cmp.Or(cmp.Compare(a.From, b.From), cmp.Compare(a.To, b.To)) })
	return slices.Compact(out)
}
