package sandbox_test

import (
	"errors"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/google/uuid"

	"vigil/deploy/sandbox"
	"vigil/deploy/sandbox/world"
)

func start(document, service, token string) *ssm.StartAutomationExecutionInput {
	return &ssm.StartAutomationExecutionInput{DocumentName: &document, ClientToken: &token,
		Parameters: map[string][]string{"Cluster": {"prod"}, "Service": {service}},
		Tags:       []ssmtypes.Tag{{Key: aws.String("vigil-action-" + token), Value: aws.String("1")}}}
}

func (f *fixture) effects() []world.Effect {
	f.tb.Helper()
	var out struct{ Effects []world.Effect }
	f.do("GET", "/_effects", nil, &out)
	return out.Effects
}

func (f *fixture) tallies() []world.Tally {
	f.tb.Helper()
	var out struct{ Tallies []world.Tally }
	f.do("GET", "/_effects", nil, &out)
	return out.Tallies
}

func TestAutomation(t *testing.T) {
	t.Parallel()
	f := mustServe(t)
	api := ssm.NewFromConfig(f.config())
	f.mustFault(world.FaultBadDeployment)
	f.clock.ticks(12)
	token := uuid.NewString()
	first, err := api.StartAutomationExecution(t.Context(), start("Vigil-RollbackDeployment", "checkout", token))
	if err != nil {
		t.Fatal(err)
	}
	simulated(t, first.ResultMetadata)
	get := func() *ssmtypes.AutomationExecution {
		t.Helper()
		out, err := api.GetAutomationExecution(t.Context(), &ssm.GetAutomationExecutionInput{AutomationExecutionId: first.AutomationExecutionId})
		if err != nil {
			t.Fatal(err)
		}
		return out.AutomationExecution
	}
	if e := get(); e.AutomationExecutionStatus != ssmtypes.AutomationExecutionStatusInprogress || !e.ExecutionStartTime.Equal(f.clock.Now()) {
		t.Errorf("right after the start: %+v", e)
	}
	// The same token is the same execution, now and when it is over.
	for range 3 {
		again, err := api.StartAutomationExecution(t.Context(), start("Vigil-RollbackDeployment", "checkout", token))
		if err != nil || *again.AutomationExecutionId != *first.AutomationExecutionId {
			t.Fatalf("the same token gave %v, %v", again, err)
		}
		f.clock.ticks(4)
	}
	if e := get(); e.AutomationExecutionStatus != ssmtypes.AutomationExecutionStatusSuccess || e.ExecutionEndTime == nil || len(e.Outputs) == 0 {
		t.Errorf("after twelve ticks: %+v", e)
	}
	found, err := api.DescribeAutomationExecutions(t.Context(), &ssm.DescribeAutomationExecutionsInput{
		Filters: []ssmtypes.AutomationExecutionFilter{{Key: ssmtypes.AutomationExecutionFilterKeyTagKey, Values: []string{"vigil-action-" + token}}}})
	if err != nil || len(found.AutomationExecutionMetadataList) != 1 || *found.AutomationExecutionMetadataList[0].AutomationExecutionId != *first.AutomationExecutionId {
		t.Errorf("by its tag: %+v, %v", found, err)
	}
	if found, err = api.DescribeAutomationExecutions(t.Context(), &ssm.DescribeAutomationExecutionsInput{
		Filters: []ssmtypes.AutomationExecutionFilter{{Key: ssmtypes.AutomationExecutionFilterKeyTagKey, Values: []string{"vigil-action-none"}}}}); err != nil || len(found.AutomationExecutionMetadataList) != 0 {
		t.Errorf("by a tag that there is none of: %+v, %v", found, err)
	}
	effects := f.effects()
	if len(effects) != 1 || effects[0].Token != token || effects[0].TokenCount != 1 || effects[0].Service != "checkout" {
		t.Errorf("effects %+v, want one", effects)
	}
	var w sandbox.WorldView
	f.do("GET", "/_world", nil, &w)
	if w.Alarm.State != world.AlarmOK {
		t.Errorf("the alarm is %s after the rollback", w.Alarm.State)
	}
}

func TestAutomationErrors(t *testing.T) {
	t.Parallel()
	f := mustServe(t)
	api := ssm.NewFromConfig(f.config())
	used := uuid.NewString()
	if _, err := api.StartAutomationExecution(t.Context(), start("Vigil-RestartService", "web", used)); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		in   *ssm.StartAutomationExecutionInput
		want any
	}{
		"document":   {start("AWS-RestartEC2Instance", "web", uuid.NewString()), new(*ssmtypes.AutomationDefinitionNotFoundException)},
		"parameter":  {start("Vigil-RestartService", "", uuid.NewString()), new(*ssmtypes.InvalidAutomationExecutionParametersException)},
		"used token": {start("Vigil-RestartService", "api", used), new(*ssmtypes.IdempotentParameterMismatch)},
	} {
		if _, err := api.StartAutomationExecution(t.Context(), tc.in); !errors.As(err, tc.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := api.StartAutomationExecution(t.Context(), start("Vigil-RestartService", "web", "no-uuid-at-all-but-of-36-characters.")); err == nil {
		t.Error("a token that is no UUID was taken")
	}
	var missing *ssmtypes.AutomationExecutionNotFoundException
	if _, err := api.GetAutomationExecution(t.Context(), &ssm.GetAutomationExecutionInput{AutomationExecutionId: aws.String(uuid.NewString())}); !errors.As(err, &missing) {
		t.Errorf("unknown execution: %v", err)
	}
	var key *ssmtypes.InvalidFilterKey
	if _, err := api.DescribeAutomationExecutions(t.Context(), &ssm.DescribeAutomationExecutionsInput{
		Filters: []ssmtypes.AutomationExecutionFilter{{Key: ssmtypes.AutomationExecutionFilterKeyOpsItemId, Values: []string{"x"}}}}); !errors.As(err, &key) {
		t.Errorf("unknown filter: %v", err)
	}
	// What is wrong with the target is found by the automation itself.
	out, err := api.StartAutomationExecution(t.Context(), start("Vigil-RollbackDeployment", "orders-db", uuid.NewString()))
	if err != nil {
		t.Fatal(err)
	}
	f.clock.ticks(4)
	got, err := api.GetAutomationExecution(t.Context(), &ssm.GetAutomationExecutionInput{AutomationExecutionId: out.AutomationExecutionId})
	if err != nil || got.AutomationExecution.AutomationExecutionStatus != ssmtypes.AutomationExecutionStatusFailed || aws.ToString(got.AutomationExecution.FailureMessage) == "" {
		t.Errorf("a rollback of a database: %+v, %v", got, err)
	}
	if effects := f.effects(); len(effects) != 1 {
		t.Errorf("effects %+v, want that of the restart alone", effects)
	}
}

// TestAutomationsMeetTheirFate: a call that goes well begins an execution that
// does not.
func TestAutomationsMeetTheirFate(t *testing.T) {
	t.Parallel()
	f := mustServe(t)
	api := ssm.NewFromConfig(f.config())
	for _, tc := range []struct {
		rule           sandbox.ChaosRule
		after, effects int
		status         ssmtypes.AutomationExecutionStatus
		step           string
		succeeded      int32
	}{
		{sandbox.ChaosRule{Mode: sandbox.ChaosExecutionFails, MS: 20_000}, 4, 0, ssmtypes.AutomationExecutionStatusFailed, "act", 1},
		{sandbox.ChaosRule{Mode: sandbox.ChaosExecutionFails, Step: "waitUntilStable"}, 3, 1, ssmtypes.AutomationExecutionStatusFailed, "waitUntilStable", 2},
		{sandbox.ChaosRule{Mode: sandbox.ChaosExecutionHangs}, 40, 0, ssmtypes.AutomationExecutionStatusInprogress, "act", 1},
		{sandbox.ChaosRule{Mode: sandbox.ChaosExecutionHangs, MS: 20_000, Step: "waitUntilStable"}, 4, 1, ssmtypes.AutomationExecutionStatusTimedout, "waitUntilStable", 2},
	} {
		tc.rule.Operation = "StartAutomationExecution"
		f.mustChaos(tc.rule)
		before := len(f.effects())
		out, err := api.StartAutomationExecution(t.Context(), start("Vigil-RestartService", "web", uuid.NewString()))
		if err != nil {
			t.Fatal(err)
		}
		get := func() *ssmtypes.AutomationExecution {
			t.Helper()
			got, err := api.GetAutomationExecution(t.Context(), &ssm.GetAutomationExecutionInput{AutomationExecutionId: out.AutomationExecutionId})
			if err != nil {
				t.Fatal(err)
			}
			return got.AutomationExecution
		}
		f.clock.ticks(tc.after - 1)
		if e := get(); e.AutomationExecutionStatus != ssmtypes.AutomationExecutionStatusInprogress {
			t.Errorf("%+v: %s too early", tc.rule, e.AutomationExecutionStatus)
		}
		f.clock.ticks(1)
		e := get()
		if e.AutomationExecutionStatus != tc.status || aws.ToString(e.CurrentStepName) != tc.step || e.ProgressCounters.SuccessSteps != tc.succeeded ||
			(e.FailureMessage == nil) != (tc.status == ssmtypes.AutomationExecutionStatusInprogress) {
			t.Errorf("%+v: %s at %s, %+v, %s", tc.rule, e.AutomationExecutionStatus, aws.ToString(e.CurrentStepName), e.ProgressCounters, aws.ToString(e.FailureMessage))
		}
		if n := len(f.effects()) - before; n != tc.effects {
			t.Errorf("%+v: %d effects", tc.rule, n)
		}
	}
	for _, bad := range []sandbox.ChaosRule{{Operation: "DescribeServices", Mode: sandbox.ChaosExecutionFails},
		{Operation: "UpdateService", Mode: sandbox.ChaosExecutionFails, Step: "lunch"}} {
		if status := f.do("POST", "/_world/chaos", bad, nil); status != 400 {
			t.Errorf("%+v was taken with %d", bad, status)
		}
	}
}

// TestStubbornFaultOnTheWire: the right remedy succeeds, does nothing and is
// taken back, and the next one ends it.
func TestStubbornFaultOnTheWire(t *testing.T) {
	t.Parallel()
	f := mustServe(t)
	api := ssm.NewFromConfig(f.config())
	if status := f.do("POST", "/_world/fault", map[string]any{"fault": "memory_leak", "stubborn": -1}, nil); status != 400 {
		t.Errorf("stubborn -1: %d", status)
	}
	if status := f.do("POST", "/_world/fault", map[string]any{"fault": "dependency_failure", "stubborn": 1}, nil); status != 202 {
		t.Fatalf("%d", status)
	}
	f.clock.ticks(15)
	run := func(document string, parameters map[string][]string) world.AlarmState {
		t.Helper()
		in := start(document, world.PaymentsProvider, uuid.NewString())
		for name, values := range parameters {
			in.Parameters[name] = values
		}
		if _, err := api.StartAutomationExecution(t.Context(), in); err != nil {
			t.Fatal(err)
		}
		f.clock.ticks(18)
		var w sandbox.WorldView
		f.do("GET", "/_world", nil, &w)
		return w.Alarm.State
	}
	if s := run("Vigil-EnableCircuitBreaker", nil); s != world.AlarmAlarm {
		t.Errorf("%s after the first remedy", s)
	}
	var truth world.Truth
	if f.do("GET", "/_world/truth", nil, &truth); truth.Stubborn != 0 || len(truth.Alternatives) == 0 {
		t.Errorf("truth is %+v", truth)
	}
	if s := run("Vigil-DisableCircuitBreaker", nil); s != world.AlarmAlarm {
		t.Errorf("%s after it was taken back", s)
	}
	if s := run("Vigil-DrainTraffic", map[string][]string{"Percent": {"30"}}); s != world.AlarmOK {
		t.Errorf("%s after the second remedy", s)
	}
	if e := f.effects(); len(e) != 3 || e[1].Undo != "Vigil-EnableCircuitBreaker" || e[2].Arguments["Percent"] != "30" || e[2].Kind != world.EffectAutomation {
		t.Errorf("effects %+v", e)
	}
}

func TestDescribeAutomationsInPages(t *testing.T) {
	t.Parallel()
	f := mustServe(t)
	api := ssm.NewFromConfig(f.config())
	for range 7 {
		if _, err := api.StartAutomationExecution(t.Context(), start("Vigil-RestartService", "web", uuid.NewString())); err != nil {
			t.Fatal(err)
		}
	}
	pages := ssm.NewDescribeAutomationExecutionsPaginator(api, &ssm.DescribeAutomationExecutionsInput{MaxResults: aws.Int32(3)})
	seen := map[string]bool{}
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range page.AutomationExecutionMetadataList {
			seen[*e.AutomationExecutionId] = true
		}
	}
	if len(seen) != 7 {
		t.Errorf("%d executions in pages of three, want 7", len(seen))
	}
}
