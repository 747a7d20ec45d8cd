package rds

import (
	"cmp"
	"context"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/pi"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/rds/types"

	"vigil/activities"
	"vigil/activities/internal/awscall"
	"vigil/workflows/incident"
)

const (
	service      = "rds"
	loadService  = "pi"
	readTimeout  = time.Minute
	maxInstances = 4 // of a cluster
	maxPages     = 10
)

// Database reads events and load.
type Database struct {
	rds  *rds.Client
	pi   *pi.Client
	ask  awscall.Caller // of RDS, where a name that is no database's is an answer
	load awscall.Caller // of Performance Insights
}

var _ activities.Database = (*Database)(nil)

// New makes a Database. recorder may be nil.
func New(cfg aws.Config, recorder activities.Recorder) *Database {
	return &Database{
		rds: rds.NewFromConfig(awscall.Prepare(cfg, readTimeout)), pi: pi.NewFromConfig(awscall.Prepare(cfg, readTimeout)),
		ask: awscall.New(service, recorder).AbsenceIsAnswer(), load: awscall.New(loadService, recorder),
	}
}

// checked is w, no longer than what RDS keeps. Of a window that ended before
// that RDS itself says that it is too old.
func checked(service string, w activities.Window, keeps time.Duration) (activities.Window, error) {
	if service == "" || !w.To.After(w.From) {
		return w, incident.Errorf(incident.KindInvalid, "rds: a look needs a service and a window, not %q from %s to %s", service, w.From, w.To)
	}
	if oldest := w.To.Add(time.Hour - keeps); w.From.Before(oldest) { // an hour, because the window may have ended a while ago
		w.From = oldest
	}
	return w, nil
}

// identifier is what RDS takes as the name of an instance or a cluster. It
// refuses all others, so that a service of such a name is no database.
var identifier = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9]*(?:-[A-Za-z0-9]+)*$`)

// database is an instance, or a cluster and its instances.
type database struct {
	cluster   string // "" where there is none
	instances []types.DBInstance
}

// find looks for the database of that name; nil where there is none.
func (d *Database) find(ctx context.Context, name string) (*database, incident.Provenance, error) {
	if len(name) > 63 || !identifier.MatchString(name) {
		// Nothing was asked, and RDS's own rules are what says no.
		return nil, incident.Provenance{Origin: incident.OriginLive, Service: service, Operation: "DescribeDBInstances"}, nil
	}
	out, all, err := awscall.Do(ctx, d.ask, "DescribeDBInstances", d.rds.DescribeDBInstances, &rds.DescribeDBInstancesInput{DBInstanceIdentifier: &name})
	switch {
	case err == nil:
		if found := named(out.DBInstances, func(i types.DBInstance) *string { return i.DBInstanceIdentifier }, name); len(found) > 0 {
			return &database{cluster: aws.ToString(found[0].DBClusterIdentifier), instances: found[:1]}, all, nil
		}
		return nil, all, nil
	case incident.KindOf(err) != incident.KindNotFound:
		return nil, all, err
	}
	out, p, err := awscall.Do(ctx, d.ask, "DescribeDBInstances", d.rds.DescribeDBInstances, &rds.DescribeDBInstancesInput{
		Filters: []types.Filter{{Name: aws.String("db-cluster-id"), Values: []string{name}}}})
	all = awscall.Merge(all, p)
	if err != nil {
		if incident.KindOf(err) == incident.KindNotFound {
			return nil, all, nil
		}
		return nil, all, err
	}
	found := named(out.DBInstances, func(i types.DBInstance) *string { return i.DBClusterIdentifier }, name)
	if len(found) == 0 {
		return nil, all, nil
	}
	return &database{cluster: name, instances: found[:min(len(found), maxInstances)]}, all, nil
}

// named are the instances for which id is name. RDS does not tell upper from
// lower case.
func named(all []types.DBInstance, id func(types.DBInstance) *string, name string) []types.DBInstance {
	all = slices.DeleteFunc(slices.Clone(all), func(i types.DBInstance) bool { return !strings.EqualFold(aws.ToString(id(i)), name) })
	slices.SortFunc(all, func(a, b types.DBInstance) int {
		return cmp.Compare(aws.ToString(a.DBInstanceIdentifier), aws.ToString(b.DBInstanceIdentifier))
	})
	return all
}
