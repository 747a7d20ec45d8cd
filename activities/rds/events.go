package rds

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/rds/types"

	"vigil/activities"
	"vigil/activities/internal/awscall"
	"vigil/workflows/incident"
)

const (
	keepsEvents = 14 * 24 * time.Hour
	maxEvents   = 200 // the newest
)

// problems are the categories that RDS gives to what is wrong.
var problems = []string{"failure", "low storage"}

// Events returns what RDS reported of an instance and of the cluster that it
// belongs to, or of a cluster and its instances.
func (d *Database) Events(ctx context.Context, service string, w activities.Window) ([]incident.SystemEvent, incident.Provenance, error) {
	w, err := checked(service, w, keepsEvents)
	if err != nil {
		return nil, incident.Provenance{}, err
	}
	db, all, err := d.find(ctx, service)
	if err != nil || db == nil {
		return nil, all, err
	}
	var out []incident.SystemEvent
	read := func(source string, kind types.SourceType) error {
		events, p, err := d.events(ctx, source, kind, w)
		all = awscall.Merge(all, p)
		out = append(out, events...)
		return err
	}
	for _, i := range db.instances {
		if err := read(aws.ToString(i.DBInstanceIdentifier), types.SourceTypeDbInstance); err != nil {
			return nil, all, err
		}
	}
	if db.cluster != "" {
		if err := read(db.cluster, types.SourceTypeDbCluster); err != nil {
			return nil, all, err
		}
	}
	slices.SortStableFunc(out, func(a, b incident.SystemEvent) int { return a.At.Compare(b.At) })
	return out[max(0, len(out)-maxEvents):], all, nil
}

func (d *Database) events(ctx context.Context, source string, kind types.SourceType, w activities.Window) ([]incident.SystemEvent, incident.Provenance, error) {
	in := &rds.DescribeEventsInput{SourceIdentifier: &source, SourceType: kind, StartTime: &w.From, EndTime: &w.To, MaxRecords: aws.Int32(100)}
	var (
		out []incident.SystemEvent
		all incident.Provenance
	)
	for range maxPages {
		page, p, err := awscall.Do(ctx, d.ask, "DescribeEvents", d.rds.DescribeEvents, in)
		all = awscall.Merge(all, p)
		if err != nil {
			if incident.KindOf(err) == incident.KindNotFound {
				return out, all, nil // deleted since it was found
			}
			return nil, all, err
		}
		for _, e := range page.Events {
			if e.Date == nil || e.Date.Before(w.From) || e.Date.After(w.To) {
				continue
			}
			out = append(out, incident.SystemEvent{At: e.Date.UTC(), Resource: source, Category: strings.Join(e.EventCategories, ", "),
				Message: activities.Redact(aws.ToString(e.Message)),
				Warning: slices.ContainsFunc(e.EventCategories, func(c string) bool { return slices.Contains(problems, c) })})
		}
		if aws.ToString(page.Marker) == "" {
			break
		}
		in.Marker = page.Marker
	}
	return out, all, nil
}
