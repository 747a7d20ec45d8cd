package sandbox_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awsecs "github.com/aws/aws-sdk-go-v2/service/ecs"
	awsssm "github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"vigil/activities"
	"vigil/activities/ecs"
	"vigil/activities/ssm"
	"vigil/activities/webhook"
	"vigil/deploy/sandbox"
	"vigil/workflows/incident"
)

// The executors against the sandbox, each with a role for its class: what one
// writes on the wire the other reads, and the session is enough, and no more.

var roles = map[incident.ActionType]string{
	incident.ActionScaleService:       "arn:aws:iam::000000000000:role/vigil-act-scale-service",
	incident.ActionRestartService:     "arn:aws:iam::000000000000:role/vigil-act-restart-service",
	incident.ActionRollbackDeployment: "arn:aws:iam::000000000000:role/vigil-act-rollback-deployment",
}

func effectOn(class incident.ActionType, executor, document string, arguments map[string]string) incident.Effect {
	return incident.Action{IncidentID: "inc-web-1", PlanRevision: 1, Name: document, Type: class, Target: "web",
		Steps: []incident.Step{{Executor: executor, Document: document, Arguments: arguments}}}.Effect(1)
}

// carry begins an effect and follows it to its end, with the clock moved by hand.
func carry(t *testing.T, f *fixture, x activities.Executor, e incident.Effect) (id string, state incident.ExecutionState) {
	t.Helper()
	if found, err := x.Find(t.Context(), e); found != "" || err != nil {
		t.Errorf("%s: found %q, %v before it began", e, found, err)
	}
	id, p, err := x.Start(t.Context(), e)
	if err != nil || p.Origin != incident.OriginSimulated {
		t.Fatalf("%s: %q, %+v, %v", e, id, p, err)
	}
	if found, err := x.Find(t.Context(), e); found != id || err != nil {
		t.Errorf("%s: found %q, %v; it began as %q", e, found, err, id)
	}
	for range 60 {
		state, _, _, err := x.Get(t.Context(), e, id)
		if err != nil {
			t.Fatal(err)
		}
		if state != incident.ExecutionRunning {
			return id, state
		}
		f.clock.ticks(1)
	}
	return id, incident.ExecutionRunning
}

func TestExecutorsAgainstTheSandbox(t *testing.T) {
	t.Parallel()
	f := mustServe(t)
	automations, err := ssm.New(f.config(), ssm.Config{Roles: roles}, nil)
	if err != nil {
		t.Fatal(err)
	}
	services, err := ecs.NewExecutor(f.config(), ecs.ExecutorConfig{Roles: roles}, nil)
	if err != nil {
		t.Fatal(err)
	}
	state, _, err := services.Observe(t.Context(), incident.Effect{Target: "web"})
	if err != nil || state["kind"] != "ecs" || state["desired_count"].(float64) < 1 || state["previous_task_definition"] == nil || state["deployment"] == nil {
		t.Fatalf("web is %v, %v", state, err)
	}
	if db, _, err := automations.Observe(t.Context(), incident.Effect{Target: "orders-db"}); err != nil || db["kind"] != "database" || db["status"] != "available" {
		t.Errorf("orders-db is %v, %v", db, err)
	}
	before := state["task_definition"].(string)
	for _, c := range []struct {
		x activities.Executor
		e incident.Effect
	}{
		{automations, effectOn(incident.ActionRestartService, "ssm", "Vigil-RestartService", map[string]string{"Service": "web", "Cluster": "prod"})},
		{services, effectOn(incident.ActionScaleService, "ecs", "set_desired_count", map[string]string{"DesiredCount": "7"})},
		{services, effectOn(incident.ActionRollbackDeployment, "ecs", "set_task_definition", map[string]string{"TaskDefinition": state["previous_task_definition"].(string)})},
		{services, effectOn(incident.ActionRollbackDeployment, "ecs", "set_task_definition", map[string]string{"TaskDefinition": before})},
	} {
		if _, got := carry(t, f, c.x, c.e); got != incident.ExecutionSucceeded {
			t.Errorf("%s ended as %s", c.e, got)
		}
	}
	now, _, err := services.Observe(t.Context(), incident.Effect{Target: "web"})
	if err != nil || now["desired_count"] != 7.0 || now["task_definition"] != before {
		t.Fatalf("web is %v, %v", now, err)
	}
	force := effectOn(incident.ActionRestartService, "ecs", "force_new_deployment", map[string]string{"Deployment": now["deployment"].(string)})
	if id, got := carry(t, f, services, force); got != incident.ExecutionSucceeded || id == now["deployment"] {
		t.Errorf("%s ended as %s, %s", force, got, id)
	}
	if _, _, err := services.Start(t.Context(), force); incident.KindOf(err) != incident.KindConflict {
		t.Errorf("forced again: %v", err)
	}
	changes := 0
	for _, c := range f.calls("") {
		switch c.Operation {
		case "StartAutomationExecution", "UpdateService":
			if changes++; c.Facts["source_identity"] != "inc-web-1" {
				t.Errorf("%s was made for %v", c.Operation, c.Facts["source_identity"])
			}
		case "AssumeRole":
			if c.Facts["source_identity"] != "inc-web-1" || c.Facts["duration_seconds"] != 900.0 || !strings.HasPrefix(c.Facts["session_name"].(string), "vigil-") {
				t.Errorf("taken on as %v", c.Facts)
			}
		}
	}
	if changes != 5 {
		t.Errorf("%d calls changed something, want 5", changes)
	}
}

// TestSessionsAreNarrow: what was given for one document starts no other, does
// nothing else, and ends.
func TestSessionsAreNarrow(t *testing.T) {
	t.Parallel()
	f := mustServe(t)
	role, policy := roles[incident.ActionRestartService], `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["ssm:StartAutomationExecution"],"Resource":["arn:aws:ssm:us-east-1:*:automation-definition/Vigil-RestartService:*"]}]}`
	out, err := sts.NewFromConfig(f.config()).AssumeRole(t.Context(), &sts.AssumeRoleInput{RoleArn: &role, RoleSessionName: aws.String("vigil-1"), SourceIdentity: aws.String("inc-web-1"),
		DurationSeconds: aws.Int32(900), Policy: &policy})
	if err != nil {
		t.Fatal(err)
	}
	cfg := f.config()
	cfg.Credentials = credentials.NewStaticCredentialsProvider(*out.Credentials.AccessKeyId, *out.Credentials.SecretAccessKey, *out.Credentials.SessionToken)
	automations := awsssm.NewFromConfig(cfg)
	start := func(document string, tags ...types.Tag) error {
		_, err := automations.StartAutomationExecution(t.Context(), &awsssm.StartAutomationExecutionInput{DocumentName: &document, Parameters: map[string][]string{"Service": {"web"}}, Tags: tags})
		return err
	}
	if err := start("Vigil-RestartService"); err != nil {
		t.Error(err)
	}
	_, reading := automations.DescribeAutomationExecutions(t.Context(), &awsssm.DescribeAutomationExecutionsInput{})
	_, updating := awsecs.NewFromConfig(cfg).UpdateService(t.Context(), &awsecs.UpdateServiceInput{Cluster: aws.String("prod"), Service: aws.String("web"), DesiredCount: aws.Int32(1)})
	for name, err := range map[string]error{"another document": start("Vigil-ScaleService"), "with tags": start("Vigil-RestartService", types.Tag{Key: aws.String("a"), Value: aws.String("b")}),
		"reading": reading, "updating": updating} {
		if c, _ := code(err); c != "AccessDeniedException" {
			t.Errorf("%s: %v", name, err)
		}
	}
	f.clock.ticks(16 * 60 / 5)
	if c, _ := code(start("Vigil-RestartService")); c != "ExpiredTokenException" {
		t.Errorf("after its time: %s", c)
	}
}

func TestWebhooksAgainstTheSandbox(t *testing.T) {
	t.Parallel()
	f := mustServe(t)
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("secret-of-the-test-1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	at := f.URL() + "/_hooks/drain"
	x, err := webhook.New([]webhook.Hook{{Name: "drain", URL: at, StatusURL: at + "/status", StateURL: at + "/state", SecretFile: secret}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	set := func(s sandbox.HookSetup) {
		t.Helper()
		// Without secrets: signatures are of now, and the sandbox is at another time.
		if code := f.do("PUT", "/_hooks/drain", s, nil); code != 200 {
			t.Fatalf("set up the hook: %d", code)
		}
	}
	e := effectOn(incident.ActionDrainTraffic, "webhook", "drain", map[string]string{"percent": "50"})
	set(sandbox.HookSetup{Targets: map[string]map[string]any{"web": {"share": 0.5}}})
	if state, _, err := x.Observe(t.Context(), e); err != nil || state["share"] != 0.5 {
		t.Errorf("%v, %v", state, err)
	}
	set(sandbox.HookSetup{Cut: true, Count: 1}) // done, and never answered
	if _, _, err := x.Start(t.Context(), e); incident.KindOf(err) != incident.KindUnavailable {
		t.Fatalf("a connection that was cut: %v", err)
	}
	id, err := x.Find(t.Context(), e)
	if err != nil || id == "" {
		t.Fatalf("read back as %q, %v", id, err)
	}
	if again, _, err := x.Start(t.Context(), e); err != nil || again != id {
		t.Errorf("sent again it is %q, %v; it was %q", again, err, id)
	}
	if state, _, _, err := x.Get(t.Context(), e, id); state != incident.ExecutionSucceeded || err != nil {
		t.Errorf("%s, %v", state, err)
	}
	other := e
	other.Step = 2
	if id, err := x.Find(t.Context(), other); id != "" || err != nil {
		t.Errorf("what was never sent is %q, %v", id, err)
	}
}
