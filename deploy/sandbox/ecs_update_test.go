package sandbox_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/google/uuid"

	"vigil/deploy/sandbox"
	"vigil/deploy/sandbox/world"
)

func scaleTo(service string, n int32) *ecs.UpdateServiceInput {
	return &ecs.UpdateServiceInput{Cluster: aws.String("prod"), Service: &service, DesiredCount: &n}
}

func (f *fixture) mustDescribe(api *ecs.Client, service string) ecstypes.Service {
	f.tb.Helper()
	out, err := api.DescribeServices(f.tb.Context(), &ecs.DescribeServicesInput{Cluster: aws.String("prod"), Services: []string{service}})
	if err != nil || len(out.Services) != 1 {
		f.tb.Fatalf("%+v, %v", out, err)
	}
	return out.Services[0]
}

// TestUpdateServiceScales: the number is wanted at once, and there later; to
// want it again changes nothing, and is counted.
func TestUpdateServiceScales(t *testing.T) {
	t.Parallel()
	f := mustServe(t)
	api := ecs.NewFromConfig(f.config())
	f.mustFault(world.FaultTrafficSurge)
	f.clock.ticks(15)
	before := f.mustDescribe(api, "web")
	var id string
	for range 3 {
		out, err := api.UpdateService(t.Context(), scaleTo("web", 5))
		if err != nil {
			t.Fatal(err)
		}
		simulated(t, out.ResultMetadata)
		id = aws.ToString(out.Service.Deployments[0].Id)
	}
	if s := f.mustDescribe(api, "web"); s.DesiredCount != 5 || s.RunningCount != 3 || s.PendingCount != 2 || len(s.Deployments) != 1 ||
		*s.Deployments[0].Id != *before.Deployments[0].Id || id != *s.Deployments[0].Id {
		t.Errorf("at once: %d of %d run, %d pend, deployments %+v", s.RunningCount, s.DesiredCount, s.PendingCount, s.Deployments)
	}
	f.clock.ticks(4)
	if s := f.mustDescribe(api, "web"); s.RunningCount != 5 || s.PendingCount != 0 || s.Deployments[0].RunningCount != 5 {
		t.Errorf("after four ticks %d of %d run, %d pend", s.RunningCount, s.DesiredCount, s.PendingCount)
	}
	f.clock.ticks(11)
	var w sandbox.WorldView
	if f.do("GET", "/_world", nil, &w); w.Alarm.State != world.AlarmOK || len(w.Held) != 1 {
		t.Errorf("the alarm is %s with more tasks, held %+v", w.Alarm.State, w.Held)
	}
	if e := f.effects(); len(e) != 1 || e[0].Kind != world.EffectServiceUpdate || e[0].TargetState != "desiredCount=5" || e[0].Service != "web" || e[0].StateCount != 1 || e[0].Arguments["desiredCount"] != "5" {
		t.Errorf("effects %+v", e)
	}
	if n := f.tallies(); len(n) != 1 || n[0].Calls != 3 || n[0].Effects != 1 || n[0].Key != "desiredCount=5" {
		t.Errorf("tallies %+v", n)
	}
	if calls := f.calls("?operation=UpdateService"); len(calls) != 3 || calls[0].Facts["changed"] != true || calls[1].Facts["changed"] != false {
		t.Errorf("calls %+v", calls)
	}
	// Taken back, it hurts again.
	if _, err := api.UpdateService(t.Context(), scaleTo("web", 3)); err != nil {
		t.Fatal(err)
	}
	f.clock.ticks(15)
	w = sandbox.WorldView{}
	if f.do("GET", "/_world", nil, &w); w.Alarm.State != world.AlarmAlarm || len(w.Held) != 0 {
		t.Errorf("the alarm is %s with as many as before, held %+v", w.Alarm.State, w.Held)
	}
}

// TestUpdateServiceRollsBack to the revision before, which can be looked up.
func TestUpdateServiceRollsBack(t *testing.T) {
	t.Parallel()
	f := mustServe(t)
	api := ecs.NewFromConfig(f.config())
	f.mustFault(world.FaultBadDeployment)
	f.clock.ticks(15)
	list, err := api.ListTaskDefinitions(t.Context(), &ecs.ListTaskDefinitionsInput{FamilyPrefix: aws.String("checkout"), Sort: ecstypes.SortOrderDesc, MaxResults: aws.Int32(2)})
	if err != nil || len(list.TaskDefinitionArns) != 2 || list.NextToken == nil {
		t.Fatalf("%+v, %v", list, err)
	}
	bad, good := list.TaskDefinitionArns[0], list.TaskDefinitionArns[1]
	if s := f.mustDescribe(api, "checkout"); *s.TaskDefinition != bad {
		t.Errorf("%s runs, and %s is the latest", *s.TaskDefinition, bad)
	}
	def, err := api.DescribeTaskDefinition(t.Context(), &ecs.DescribeTaskDefinitionInput{TaskDefinition: &good})
	if err != nil || *def.TaskDefinition.Family != "checkout" || *def.TaskDefinition.TaskDefinitionArn != good || def.TaskDefinition.Status != ecstypes.TaskDefinitionStatusActive ||
		*def.TaskDefinition.Cpu != "512" || len(def.TaskDefinition.ContainerDefinitions) != 1 {
		t.Errorf("%+v, %v", def, err)
	}
	revision := fmt.Sprintf("checkout:%d", def.TaskDefinition.Revision)
	for range 2 {
		if _, err := api.UpdateService(t.Context(), &ecs.UpdateServiceInput{Cluster: aws.String("prod"), Service: aws.String("checkout"), TaskDefinition: &revision}); err != nil {
			t.Fatal(err)
		}
	}
	s := f.mustDescribe(api, "checkout")
	if d := s.Deployments; len(d) != 2 || *d[0].TaskDefinition != good || *d[0].Status != "PRIMARY" || d[0].RolloutState != ecstypes.DeploymentRolloutStateInProgress ||
		d[0].RunningCount != 0 || d[0].PendingCount != 3 || *d[1].TaskDefinition != bad || d[1].RunningCount != 3 || *s.TaskDefinition != good {
		t.Errorf("deployments %+v", d)
	}
	f.clock.ticks(15)
	if d := f.mustDescribe(api, "checkout").Deployments; len(d) != 1 || d[0].RolloutState != ecstypes.DeploymentRolloutStateCompleted || d[0].RunningCount != 3 {
		t.Errorf("deployments %+v", d)
	}
	var w sandbox.WorldView
	if f.do("GET", "/_world", nil, &w); w.Alarm.State != world.AlarmOK {
		t.Errorf("the alarm is %s after going back", w.Alarm.State)
	}
	if n := f.tallies(); len(n) != 1 || n[0].Calls != 2 || n[0].Effects != 1 {
		t.Errorf("tallies %+v", n)
	}
}

// TestUpdateServiceIsDoneThoughNobodyIsTold: the doubtful outcome, which can be
// read back.
func TestUpdateServiceIsDoneThoughNobodyIsTold(t *testing.T) {
	t.Parallel()
	f := mustServe(t)
	api := ecs.NewFromConfig(f.config())
	for i, rule := range []sandbox.ChaosRule{{Mode: sandbox.ChaosDoThenTimeout, MS: 1}, {Mode: sandbox.ChaosStreamCut}} {
		rule.Operation = "UpdateService"
		f.mustChaos(rule)
		n := int32(4 + i)
		if _, err := api.UpdateService(t.Context(), scaleTo("orders", n)); err == nil {
			t.Errorf("%s: there was an answer", rule.Mode)
		}
		if s := f.mustDescribe(api, "orders"); s.DesiredCount != n {
			t.Errorf("%s: %d tasks are wanted, not %d", rule.Mode, s.DesiredCount, n)
		}
		if e := f.effects(); len(e) != i+1 {
			t.Errorf("%s: effects %+v", rule.Mode, e)
		}
	}
}

func TestDeploymentsMeetTheirFate(t *testing.T) {
	t.Parallel()
	f := mustServe(t)
	api := ecs.NewFromConfig(f.config())
	f.mustChaos(sandbox.ChaosRule{Operation: "UpdateService", Mode: sandbox.ChaosExecutionFails, MS: 10_000})
	force := &ecs.UpdateServiceInput{Cluster: aws.String("prod"), Service: aws.String("payments"), ForceNewDeployment: true}
	out, err := api.UpdateService(t.Context(), force)
	if err != nil || out.Service.Deployments[0].RolloutState != ecstypes.DeploymentRolloutStateInProgress {
		t.Fatalf("%+v, %v", out, err)
	}
	f.clock.ticks(2)
	s := f.mustDescribe(api, "payments")
	if d := s.Deployments; len(d) != 2 || d[0].RolloutState != ecstypes.DeploymentRolloutStateFailed || d[0].FailedTasks == 0 || d[0].RunningCount != 0 || d[1].RunningCount != 3 || s.RunningCount != 3 {
		t.Errorf("deployments %+v", d)
	}
	f.mustChaos(sandbox.ChaosRule{Operation: "UpdateService", Mode: sandbox.ChaosExecutionHangs})
	if _, err := api.UpdateService(t.Context(), scaleTo("web", 6)); err != nil {
		t.Fatal(err)
	}
	f.clock.ticks(40)
	if s := f.mustDescribe(api, "web"); s.RunningCount != 3 || s.PendingCount != 3 || s.DesiredCount != 6 {
		t.Errorf("%d of %d run, %d pend", s.RunningCount, s.DesiredCount, s.PendingCount)
	}
	f.mustChaos(sandbox.ChaosRule{Operation: "UpdateService", Mode: sandbox.ChaosExecutionFails})
	if _, err := api.UpdateService(t.Context(), scaleTo("api", 6)); err != nil {
		t.Fatal(err)
	}
	if s := f.mustDescribe(api, "api"); s.RunningCount != 3 || s.Deployments[0].RolloutState != ecstypes.DeploymentRolloutStateFailed {
		t.Errorf("%d of %d run, %+v", s.RunningCount, s.DesiredCount, s.Deployments)
	}
	// Tasks that were forced are new ones each time.
	for range 2 {
		if _, err := api.UpdateService(t.Context(), force); err != nil {
			t.Fatal(err)
		}
	}
	if n := f.tallies(); len(n) != 3 || n[0].Key != "forceNewDeployment=true" || n[0].Calls != 3 || n[0].Effects != 3 {
		t.Errorf("tallies %+v", n)
	}
}

func TestUpdateServiceErrors(t *testing.T) {
	t.Parallel()
	f := mustServe(t)
	api := ecs.NewFromConfig(f.config())
	update := func(change func(*ecs.UpdateServiceInput)) error {
		in := &ecs.UpdateServiceInput{Cluster: aws.String("prod"), Service: aws.String("web")}
		change(in)
		_, err := api.UpdateService(t.Context(), in)
		return err
	}
	for name, tc := range map[string]struct {
		change func(*ecs.UpdateServiceInput)
		want   any
	}{
		"cluster":         {func(in *ecs.UpdateServiceInput) { in.Cluster = aws.String("test") }, new(*ecstypes.ClusterNotFoundException)},
		"service":         {func(in *ecs.UpdateServiceInput) { in.Service = aws.String("nobody") }, new(*ecstypes.ServiceNotFoundException)},
		"database":        {func(in *ecs.UpdateServiceInput) { in.Service = aws.String("orders-db") }, new(*ecstypes.ServiceNotFoundException)},
		"count":           {func(in *ecs.UpdateServiceInput) { in.DesiredCount = aws.Int32(-1) }, new(*ecstypes.InvalidParameterException)},
		"task definition": {func(in *ecs.UpdateServiceInput) { in.TaskDefinition = aws.String("web:9999") }, new(*ecstypes.ClientException)},
		"another's":       {func(in *ecs.UpdateServiceInput) { in.TaskDefinition = aws.String("api") }, new(*ecstypes.InvalidParameterException)},
		"what it cannot":  {func(in *ecs.UpdateServiceInput) { in.EnableExecuteCommand = aws.Bool(true) }, new(*ecstypes.InvalidParameterException)},
	} {
		if err := update(tc.change); !errors.As(err, tc.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	var client *ecstypes.ClientException
	if _, err := api.DescribeTaskDefinition(t.Context(), &ecs.DescribeTaskDefinitionInput{TaskDefinition: aws.String("nobody:1")}); !errors.As(err, &client) {
		t.Errorf("a task definition that there is none of: %v", err)
	}
	var parameter *ecstypes.InvalidParameterException
	for _, in := range []*ecs.ListTaskDefinitionsInput{{MaxResults: aws.Int32(101)}, {NextToken: aws.String("!")}, {Sort: "UP"}, {Status: "GONE"}} {
		if _, err := api.ListTaskDefinitions(t.Context(), in); !errors.As(err, &parameter) {
			t.Errorf("%+v: %v", in, err)
		}
	}
	pages, n := ecs.NewListTaskDefinitionsPaginator(api, &ecs.ListTaskDefinitionsInput{MaxResults: aws.Int32(7)}), 0
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		n += len(page.TaskDefinitionArns)
	}
	if n < 18 {
		t.Errorf("%d task definitions of six services", n)
	}
	if e, n := f.effects(), f.tallies(); len(e) != 0 || len(n) != 0 {
		t.Errorf("effects %+v and tallies %+v of what was refused", e, n)
	}
}

// TestDatabasesShowWhatTheyWereGiven.
func TestDatabasesShowWhatTheyWereGiven(t *testing.T) {
	t.Parallel()
	f := mustServe(t)
	api, automation := rds.NewFromConfig(f.config()), ssm.NewFromConfig(f.config())
	for _, want := range []struct {
		resource, class, status string
		storage                 int32
		ticks                   int
	}{{"", "db.m6g.xlarge", "available", 100, 0}, {"storage", "db.m6g.xlarge", "modifying", 162, 2}, {"cpu", "db.m6g.2xlarge", "available", 162, 6}} {
		if want.resource != "" {
			in := start("Vigil-IncreaseResources", "orders-db", uuid.NewString())
			in.Parameters["Resource"] = []string{want.resource}
			if _, err := automation.StartAutomationExecution(t.Context(), in); err != nil {
				t.Fatal(err)
			}
		}
		f.clock.ticks(want.ticks)
		out, err := api.DescribeDBInstances(t.Context(), &rds.DescribeDBInstancesInput{DBInstanceIdentifier: aws.String("orders-db")})
		if err != nil || len(out.DBInstances) != 1 {
			t.Fatalf("%+v, %v", out, err)
		}
		if d := out.DBInstances[0]; *d.AllocatedStorage != want.storage || *d.DBInstanceClass != want.class || *d.DBInstanceStatus != want.status {
			t.Errorf("after %q: %d GiB, %s, %s; want %+v", want.resource, *d.AllocatedStorage, *d.DBInstanceClass, *d.DBInstanceStatus, want)
		}
	}
}
