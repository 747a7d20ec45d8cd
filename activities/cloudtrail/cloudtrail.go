// Package cloudtrail reads what was done to a service from AWS CloudTrail:
// deployments, scaling, changes of configuration, and who made them. CloudTrail
// shows an event minutes after it happened; package ecs sees deployments at once.
//
// Changes is immutable and safe for concurrent use.
package cloudtrail

import (
	"context"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail/types"

	"vigil/activities"
	"vigil/activities/internal/awscall"
	"vigil/workflows/incident"
)

const (
	service     = "cloudtrail"
	readTimeout = time.Minute
	// maxPages bounds a look to 250 events, the newest. CloudTrail allows two
	// calls a second for a whole account and region.
	maxPages = 5
)

// Changes reads the audit trail.
type Changes struct {
	api  *cloudtrail.Client
	call awscall.Caller
}

var _ activities.Changes = (*Changes)(nil)

// New makes Changes. recorder may be nil.
func New(cfg aws.Config, recorder activities.Recorder) *Changes {
	return &Changes{api: cloudtrail.NewFromConfig(awscall.Prepare(cfg, readTimeout)), call: awscall.New(service, recorder)}
}

// Recent returns what was done in the window to the resource named service.
// Reading is no change, and neither is a call that AWS refused.
func (c *Changes) Recent(ctx context.Context, service string, w activities.Window) ([]incident.Change, incident.Provenance, error) {
	if service == "" || !w.To.After(w.From) {
		return nil, incident.Provenance{}, incident.Errorf(incident.KindInvalid, "cloudtrail: a look needs a service and a window, not %q from %s to %s", service, w.From, w.To)
	}
	in := &cloudtrail.LookupEventsInput{StartTime: &w.From, EndTime: &w.To,
		LookupAttributes: []types.LookupAttribute{{AttributeKey: types.LookupAttributeKeyResourceName, AttributeValue: &service}}}
	var (
		out []incident.Change
		all incident.Provenance
	)
	for page := 0; page < maxPages; page++ {
		events, p, err := awscall.Do(ctx, c.call, "LookupEvents", c.api.LookupEvents, in)
		if err != nil {
			return nil, p, err
		}
		all = awscall.Merge(all, p)
		for _, e := range events.Events {
			if change, ok := change(service, e); ok && !change.At.Before(w.From) && !change.At.After(w.To) {
				out = append(out, change)
			}
		}
		if aws.ToString(events.NextToken) == "" {
			break
		}
		in.NextToken = events.NextToken
	}
	slices.SortStableFunc(out, func(a, b incident.Change) int { return a.At.Compare(b.At) })
	return out, all, nil
}
