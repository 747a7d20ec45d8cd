package ssm

import (
	"cmp"
	"context"
	"regexp"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/rds"

	"vigil/activities/internal/awscall"
	"vigil/workflows/incident"
)

// Observe reads a target: a service of ECS (package ecsservice says what there
// is to know), a database of RDS (kind "database", status, class,
// allocated_storage_gib), or something else, of kind "other". That is no error:
// a document can act on what neither of them knows, and an entry that needs to
// know more of its target says so in its precondition.
func (e *Executor) Observe(ctx context.Context, a incident.Effect) (incident.TargetState, incident.Provenance, error) {
	s, all, err := e.reader.Describe(ctx, cmp.Or(a.Arguments[parameterCluster], e.cluster), a.Target)
	if err != nil && incident.KindOf(err) != incident.KindNotFound { // without the cluster there is no such service
		return nil, all, err
	}
	if s != nil {
		state, p, err := e.reader.State(ctx, s)
		return state, awscall.Merge(p, all), err // it is the service that was read
	}
	state, p, err := e.database(ctx, a.Target)
	if p.Operation != "" {
		all = awscall.Merge(all, p)
	}
	switch {
	case err != nil:
		return nil, all, err
	case state == nil:
		return incident.TargetState{"kind": "other"}, all, nil
	}
	return state, all, nil
}

// databaseName is what RDS calls instances; anything else it refuses, instead
// of saying that there is none.
var databaseName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9-]{0,62}$`)

// database reads a DB instance; nil where there is none of that name.
func (e *Executor) database(ctx context.Context, name string) (incident.TargetState, incident.Provenance, error) {
	if !databaseName.MatchString(name) {
		return nil, incident.Provenance{}, nil
	}
	out, p, err := awscall.Do(ctx, e.rds, "DescribeDBInstances", e.databases.DescribeDBInstances, &rds.DescribeDBInstancesInput{DBInstanceIdentifier: &name})
	switch {
	case err != nil && incident.KindOf(err) == incident.KindNotFound:
		return nil, p, nil
	case err != nil:
		return nil, p, err
	case len(out.DBInstances) == 0:
		return nil, p, nil
	}
	d := out.DBInstances[0]
	return incident.TargetState{"kind": "database", "status": aws.ToString(d.DBInstanceStatus), "class": aws.ToString(d.DBInstanceClass),
		"allocated_storage_gib": float64(aws.ToInt32(d.AllocatedStorage))}, p, nil
}
