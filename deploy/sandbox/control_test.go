package sandbox_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime"
	bedrocktypes "github.com/aws/aws-sdk-go-v2/service/bedrockruntime/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cloudwatchtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/xray"
	"github.com/google/uuid"

	"vigil/deploy/sandbox"
	"vigil/deploy/sandbox/world"
)

func TestWorldAndFaults(t *testing.T) {
	t.Parallel()
	f := mustServe(t)
	var w sandbox.WorldView
	if f.do("GET", "/_world", nil, &w); len(w.Services) != 10 || len(w.Faults) != 0 || w.Alarm.State != world.AlarmOK || w.Seed != 7 {
		t.Errorf("at first: %+v", w)
	}
	if status := f.do("POST", "/_world/fault", map[string]string{"fault": "gremlins"}, nil); status != http.StatusBadRequest {
		t.Errorf("an unknown fault: %d", status)
	}
	if status := f.do("POST", "/_world/fault", map[string]string{"fault": "clear"}, nil); status != http.StatusConflict {
		t.Errorf("nothing to clear: %d", status)
	}
	f.mustFault(world.FaultMemoryLeak)
	if status := f.do("POST", "/_world/fault", map[string]string{"fault": "bad_deployment"}, nil); status != http.StatusConflict {
		t.Errorf("a second fault: %d", status)
	}
	f.clock.ticks(15)
	if f.do("GET", "/_world", nil, &w); w.Alarm.State != world.AlarmAlarm || w.Faults[0].Fault != world.FaultMemoryLeak || w.Faults[0].Phase != "active" {
		t.Errorf("with a fault: %+v %+v", w.Alarm, w.Faults)
	}
	if status := f.do("POST", "/_world/fault", map[string]string{"fault": "clear"}, nil); status != http.StatusOK {
		t.Errorf("clear: %d", status)
	}
	f.clock.ticks(15)
	if f.do("GET", "/_world", nil, &w); w.Alarm.State != world.AlarmOK || len(w.Faults) != 0 {
		t.Errorf("cleared: %+v %+v", w.Alarm, w.Faults)
	}
	if status := f.do("POST", "/_reset", map[string]any{"seed": 11}, &w); status != http.StatusOK || w.Seed != 11 || len(f.calls("")) != 0 {
		t.Errorf("reset: %d, seed %d", status, w.Seed)
	}
	if status := f.do("GET", "/_health", nil, nil); status != http.StatusOK {
		t.Errorf("health: %d", status)
	}
}

// TestHeal ends a fault as a person would who knows what is wrong.
func TestHeal(t *testing.T) {
	t.Parallel()
	f := mustServe(t)
	if status := f.do("POST", "/_world/heal", nil, nil); status != http.StatusConflict {
		t.Errorf("nothing to heal: %d", status)
	}
	if status := f.do("GET", "/_world/truth", nil, nil); status != http.StatusNotFound {
		t.Errorf("nothing is wrong: %d", status)
	}
	f.mustFault(world.FaultDependencyFailure)
	f.clock.ticks(15)
	var truth world.Truth
	if f.do("GET", "/_world/truth", nil, &truth); truth.Cause != "dependency_failure" || !slices.Equal(truth.Services, []string{world.PaymentsProvider}) || !slices.Equal(truth.Remedies, []string{world.DocumentEnableBreaker}) {
		t.Errorf("truth is %+v", truth)
	}
	var w sandbox.WorldView
	if f.do("GET", "/_world", nil, &w); w.Alarm.State != world.AlarmAlarm {
		t.Errorf("with a fault: %+v", w.Alarm)
	}
	if status := f.do("POST", "/_world/heal", nil, nil); status != http.StatusOK {
		t.Errorf("heal: %d", status)
	}
	f.clock.ticks(15)
	if f.do("GET", "/_world", nil, &w); w.Alarm.State != world.AlarmOK || len(w.Faults) != 0 {
		t.Errorf("healed: %+v %+v", w.Alarm, w.Faults)
	}
	if status := f.do("POST", "/_reset", map[string]any{"seed": 4, "varied": true}, &w); status != http.StatusOK || !w.Varied || w.Services[0].Name == world.Web {
		t.Errorf("a world of its own: %d, %+v", status, w.Services[0])
	}
}

// TestFalseAlarmGoesToTheGateway: the alarm about a database's CPU is told as
// one about a database's CPU.
func TestFalseAlarmGoesToTheGateway(t *testing.T) {
	t.Parallel()
	r := newReceiver(t, 200)
	f := mustServe(t, func(c *sandbox.Config) { c.Gateway = r.URL })
	f.mustFault(world.FalseAlarmBatch)
	f.clock.ticks(20)
	r.wait(t, 1)
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, want := range []string{`orders-db-cpu-high`, `\"Namespace\":\"AWS/RDS\"`, `\"MetricName\":\"CPUUtilization\"`, `DBInstanceIdentifier`} {
		if !strings.Contains(r.bodies[0], want) {
			t.Errorf("no %s in %s", want, r.bodies[0])
		}
	}
}

// TestControlRefusesOtherOrigins keeps web pages from steering the sandbox.
func TestControlRefusesOtherOrigins(t *testing.T) {
	t.Parallel()
	f := mustServe(t)
	req, err := http.NewRequestWithContext(t.Context(), "POST", f.URL()+"/_reset", strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Origin", "https://example.org")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusForbidden {
		t.Errorf("a page of another origin got %d", resp.StatusCode)
	}
}

func TestAlarmGoesToTheGateway(t *testing.T) {
	t.Parallel()
	r := newReceiver(t, 503, 500, 200) // the first two attempts fail
	f := mustServe(t, func(c *sandbox.Config) {
		c.Gateway, c.GatewayToken, c.Retry = r.URL, "secret", []time.Duration{0, 0, 0}
	})
	f.mustFault(world.FaultBadDeployment)
	f.clock.ticks(12)
	r.wait(t, 3)
	f.do("POST", "/_world/fault", map[string]string{"fault": "clear"}, nil)
	f.clock.ticks(15)
	r.wait(t, 1)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.bodies[0] != r.bodies[1] || r.bodies[1] != r.bodies[2] {
		t.Error("the attempts differ")
	}
	for i, want := range []struct{ state, old string }{2: {"ALARM", "OK"}, 3: {"OK", "ALARM"}} {
		if want.state == "" {
			continue
		}
		h := r.got[i].Header
		if r.got[i].URL.Path != "/api/v1/alerts/sns" || h.Get("Content-Type") != "text/plain; charset=UTF-8" || h.Get("X-Amz-Sns-Message-Type") != "Notification" ||
			h.Get("X-Vigil-Simulated") != "true" || h.Get("Authorization") != "Bearer secret" {
			t.Errorf("request to %s with %v", r.got[i].URL.Path, h)
		}
		var envelope struct{ Type, MessageID, TopicArn, Message, Timestamp string }
		if err := json.Unmarshal([]byte(r.bodies[i]), &envelope); err != nil {
			t.Fatal(err)
		}
		var alarm struct {
			AlarmName, NewStateValue, OldStateValue, StateChangeTime string
			Trigger                                                  struct {
				Dimensions []struct{ Name, Value string }
				Period     int
			}
		}
		if err := json.Unmarshal([]byte(envelope.Message), &alarm); err != nil {
			t.Fatal(err)
		}
		_, err := time.Parse("2006-01-02T15:04:05.000-0700", alarm.StateChangeTime)
		if envelope.Type != "Notification" || envelope.MessageID != h.Get("X-Amz-Sns-Message-Id") || alarm.AlarmName != "checkout-latency-high" || err != nil ||
			alarm.NewStateValue != want.state || alarm.OldStateValue != want.old || alarm.Trigger.Dimensions[0].Name != "Service" || alarm.Trigger.Dimensions[0].Value != "checkout" {
			t.Errorf("notification %d: %+v, %v", i, alarm, err)
		}
	}
}

func TestNotificationsAreCounted(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		statuses []int
		attempts int
		state    sandbox.DeliveryState
	}{
		"refused for good": {[]int{403}, 1, sandbox.DeliveryFailed},
		"given up":         {[]int{503, 503, 503}, 3, sandbox.DeliveryFailed},
		"too many":         {[]int{429}, 2, sandbox.DeliveryDelivered},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newReceiver(t, tc.statuses...)
			f := mustServe(t, func(c *sandbox.Config) { c.Gateway, c.Retry = r.URL, []time.Duration{0, 0} })
			f.mustFault(world.FaultBadDeployment)
			f.clock.ticks(12)
			r.wait(t, tc.attempts)
			var w sandbox.WorldView
			// The answer is counted right after the receiver gave it.
			for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); {
				if f.do("GET", "/_world", nil, &w); w.Notifications.Queued == 0 && len(w.Notifications.Latest) == 1 {
					break
				}
			}
			if n := w.Notifications; len(n.Latest) != 1 || n.Latest[0].State != tc.state || n.Latest[0].Attempts != tc.attempts || n.Attempts != tc.attempts {
				t.Errorf("notifications %+v", n)
			}
		})
	}
}

func TestChaos(t *testing.T) {
	t.Parallel()
	f := mustServe(t)
	bedrock := bedrockruntime.NewFromConfig(f.config())
	converse := func(ctx context.Context) error {
		_, err := bedrock.Converse(ctx, converseInput(userText("hello")))
		return err
	}

	f.mustChaos(sandbox.ChaosRule{Operation: "Converse", Mode: sandbox.ChaosThrottle, Count: 2})
	for range 2 {
		var throttled *bedrocktypes.ThrottlingException
		if err := converse(t.Context()); !errors.As(err, &throttled) {
			t.Errorf("throttled: %v", err)
		} else if _, status := code(err); status != http.StatusTooManyRequests {
			t.Errorf("throttled with %d", status)
		}
	}
	if err := converse(t.Context()); err != nil {
		t.Errorf("after two: %v", err)
	}

	f.mustChaos(sandbox.ChaosRule{Operation: "Converse", Mode: sandbox.ChaosError, Error: "ModelErrorException"})
	var model *bedrocktypes.ModelErrorException
	if err := converse(t.Context()); !errors.As(err, &model) {
		t.Errorf("error: %v", err)
	} else if _, status := code(err); status != http.StatusFailedDependency {
		t.Errorf("ModelErrorException with %d", status)
	}

	f.mustChaos(sandbox.ChaosRule{Operation: "Converse", Mode: sandbox.ChaosMalformed})
	if err := converse(t.Context()); err == nil {
		t.Error("half an answer was read as a whole one")
	}

	f.mustChaos(sandbox.ChaosRule{Operation: "*", Service: "xray", Mode: sandbox.ChaosThrottle})
	_, err := xray.NewFromConfig(f.config()).GetServiceGraph(t.Context(), &xray.GetServiceGraphInput{StartTime: aws.Time(genesis.Add(-time.Minute)), EndTime: aws.Time(genesis)})
	if c, status := code(err); c != "ThrottledException" || status != http.StatusTooManyRequests {
		t.Errorf("X-Ray throttled: %v", err)
	}
	f.mustChaos(sandbox.ChaosRule{Operation: "GetMetricData", Mode: sandbox.ChaosError, Error: "InternalServiceFault"})
	var fault *cloudwatchtypes.InternalServiceFault
	if _, err := cloudwatch.NewFromConfig(f.config()).GetMetricData(t.Context(), &cloudwatch.GetMetricDataInput{StartTime: aws.Time(genesis), EndTime: aws.Time(genesis.Add(time.Hour)),
		MetricDataQueries: []cloudwatchtypes.MetricDataQuery{}}); !errors.As(err, &fault) {
		t.Errorf("CloudWatch fails: %v", err)
	}

	f.mustChaos(sandbox.ChaosRule{Operation: "Converse", Mode: sandbox.ChaosSlow, MS: 30})
	began := time.Now()
	if err := converse(t.Context()); err != nil || time.Since(began) < 30*time.Millisecond {
		t.Errorf("slow: %v after %s", err, time.Since(began))
	}

	f.mustChaos(sandbox.ChaosRule{Operation: "Converse", Mode: sandbox.ChaosHang})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := converse(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("hang: %v", err)
	}

	for _, bad := range []sandbox.ChaosRule{{}, {Operation: "Converse", Mode: "explode"}, {Operation: "Sing", Mode: sandbox.ChaosHang},
		{Operation: "Converse", Mode: sandbox.ChaosError}, {Operation: "Converse", Mode: sandbox.ChaosSlow}} {
		if status := f.do("POST", "/_world/chaos", bad, nil); status != http.StatusBadRequest {
			t.Errorf("%+v was taken with %d", bad, status)
		}
	}
	var left struct{ Rules []sandbox.ChaosRule }
	if f.do("DELETE", "/_world/chaos", nil, &left); len(left.Rules) != 0 {
		t.Errorf("rules %v after they were removed", left.Rules)
	}
}

// TestDoThenTimeout is the doubtful outcome: the effect is there, the answer
// never comes, and the same token finds the execution again.
func TestDoThenTimeout(t *testing.T) {
	t.Parallel()
	f := mustServe(t)
	api := ssm.NewFromConfig(f.config())
	f.mustChaos(sandbox.ChaosRule{Operation: "StartAutomationExecution", Mode: sandbox.ChaosDoThenTimeout, MS: 1})
	token := uuid.NewString()
	if _, err := api.StartAutomationExecution(t.Context(), start("Vigil-RestartService", "web", token)); err == nil {
		t.Fatal("there was an answer")
	}
	again, err := api.StartAutomationExecution(t.Context(), start("Vigil-RestartService", "web", token))
	if err != nil {
		t.Fatal(err)
	}
	f.clock.ticks(5)
	if n := f.tallies(); len(n) != 1 || n[0].Calls != 2 || n[0].Effects != 1 || n[0].Key != token {
		t.Errorf("tallies %+v", n)
	}
	if e := f.effects(); len(e) != 1 || e[0].ExecutionID != *again.AutomationExecutionId {
		t.Errorf("effects %+v, want one, of %s", e, *again.AutomationExecutionId)
	}
	calls := f.calls("?service=ssm")
	if len(calls) != 2 || calls[0].Outcome != sandbox.OutcomeGone || calls[0].Chaos != sandbox.ChaosDoThenTimeout || calls[1].Outcome != sandbox.OutcomeOK ||
		calls[0].Facts["client_token"] != token || calls[0].FinishedAt == nil {
		t.Errorf("calls %+v", calls)
	}
}

func TestUnknownOperations(t *testing.T) {
	t.Parallel()
	f := mustServe(t)
	cfg := f.config()
	_, cw := cloudwatch.NewFromConfig(cfg).ListDashboards(t.Context(), &cloudwatch.ListDashboardsInput{})
	_, sm := ssm.NewFromConfig(cfg).ListDocuments(t.Context(), &ssm.ListDocumentsInput{})
	_, br := bedrockruntime.NewFromConfig(cfg).CountTokens(t.Context(), &bedrockruntime.CountTokensInput{ModelId: aws.String(pro),
		Input: &bedrocktypes.CountTokensInputMemberConverse{Value: bedrocktypes.ConverseTokensRequest{}}})
	for name, err := range map[string]error{"cloudwatch": cw, "ssm": sm, "bedrock": br} {
		if c, _ := code(err); c != "UnknownOperationException" || !strings.Contains(fmt.Sprint(err), "GetMetricData") {
			t.Errorf("%s: %v; want an error that names what is supported", name, err)
		}
	}
	if calls := f.calls(""); len(calls) != 0 {
		t.Errorf("operations that there are none of were logged as calls: %+v", calls)
	}
}

func TestStopLetsGoOfHeldCalls(t *testing.T) {
	t.Parallel()
	f := mustServe(t)
	f.mustChaos(sandbox.ChaosRule{Operation: "Converse", Mode: sandbox.ChaosHang})
	done := make(chan error, 1)
	go func() {
		_, err := bedrockruntime.NewFromConfig(f.config()).Converse(t.Context(), converseInput(userText("hello")))
		done <- err
	}()
	for len(f.calls("")) == 0 {
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if err := f.Stop(ctx); err != nil {
		t.Error(err)
	}
	if err := <-done; err == nil {
		t.Error("the call that hung was answered")
	}
}

func TestConfig(t *testing.T) {
	t.Parallel()
	for name, cfg := range map[string]sandbox.Config{
		"tick":    {Tick: time.Hour},
		"gateway": {Gateway: "localhost:8080"},
		"latency": {ModelLatency: sandbox.Latency{Min: 2, Max: 1}},
	} {
		if _, err := sandbox.New(cfg); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
	first := mustServe(t)
	second, err := sandbox.New(sandbox.Config{Listen: first.Addr()})
	if err != nil {
		t.Fatal(err)
	}
	if err := second.Start(t.Context()); err == nil {
		t.Error("two sandboxes listen on one address")
	}
	if err := second.Stop(t.Context()); err != nil {
		t.Error(err)
	}
}
