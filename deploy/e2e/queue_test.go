package e2e_test

import (
	"bytes"
	"context"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"vigil/deploy/sandbox"
	"vigil/deploy/sandbox/world"
	"vigil/worker/doctor"
	"vigil/worker/pull"
)

// TestQueueGatewayIsAway: each message may be received once only, and the
// gateway is away for longer than a message is hidden.
func TestQueueGatewayIsAway(t *testing.T) {
	t.Parallel()
	p := mustPost(t, 1, false)
	sent := p.send(9)
	refusing := make(chan struct{})
	first := sync.OnceFunc(func() { close(refusing) })
	p.inbox.answer = func(body string) int {
		if body == sent[0] {
			return http.StatusAccepted
		}
		first()
		return http.StatusServiceUnavailable
	}
	p.pull()
	<-refusing
	p.until("one is taken and deleted", func() bool { return len(p.queue(queueName).Messages) == 8 })
	p.inbox.down()
	for range 5 { // 5 seconds, in steps of half a lease
		n := len(p.calls("ChangeMessageVisibilityBatch"))
		p.until("they are kept hidden", func() bool { return len(p.calls("ChangeMessageVisibilityBatch")) >= n+2 })
		p.pass(lease / 2)
	}
	if q := p.queue(queueName); q.InFlight != 8 {
		t.Errorf("after the time of a message was over twice: %+v", q)
	}
	p.inbox.mu.Lock()
	p.inbox.answer = nil
	p.inbox.mu.Unlock()
	p.inbox.up()
	p.settled(0)
	p.once(sent)
	if p.inbox.simulated != len(sent) {
		t.Errorf("%d of %d were marked as simulated", p.inbox.simulated, len(sent))
	}
}

// TestQueueTooLarge: what the gateway will never take is kept for a person, and
// holds up nobody.
func TestQueueTooLarge(t *testing.T) {
	t.Parallel()
	p := mustPost(t, 3, false)
	sent := p.send(4)
	p.inbox.answer = func(body string) int {
		if body == sent[1] {
			return http.StatusRequestEntityTooLarge
		}
		return http.StatusAccepted
	}
	p.pull()
	p.settled(1)
	p.once([]string{sent[0], sent[2], sent[3]})
	if dead := p.queue(deadName).Messages; len(dead) == 1 && (dead[0].Body != sent[1] || dead[0].Receives != 3) {
		t.Errorf("in the dead-letter queue: %+v", dead)
	}
}

// TestQueueKilledBeforeDelete: the worker dies when the gateway has the message
// and the queue does not know yet.
func TestQueueKilledBeforeDelete(t *testing.T) {
	t.Parallel()
	p := mustPost(t, 3, false)
	sent := p.send(1)
	p.chaos(sandbox.ChaosRule{Operation: "DeleteMessageBatch", Mode: sandbox.ChaosHang})
	_, kill := p.pull()
	p.until("it is being deleted", func() bool { return len(p.calls("DeleteMessageBatch")) == 1 })
	kill()
	if q := p.queue(queueName); q.InFlight != 1 || len(p.inbox.taken()) != 1 {
		t.Fatalf("taken %q, %+v", p.inbox.taken(), q)
	}
	p.pull()
	p.pass(lease + time.Second)
	p.settled(0)
	p.once([]string{sent[0], sent[0]})
}

// TestQueueFaults: faults of the queue itself lose nothing and repeat nothing.
func TestQueueFaults(t *testing.T) {
	t.Parallel()
	for name, rules := range map[string][]sandbox.ChaosRule{
		"deleted in parts":    {{Operation: "DeleteMessageBatch", Mode: sandbox.ChaosPartial, Count: 2}},
		"cannot delete":       {{Operation: "DeleteMessageBatch", Modes: []sandbox.ChaosMode{sandbox.ChaosFailing, sandbox.ChaosThrottle}}},
		"throttled":           {{Operation: "ReceiveMessage", Mode: sandbox.ChaosThrottle, Count: 2}},
		"broken answers":      {{Operation: "DeleteMessageBatch", Mode: sandbox.ChaosMalformed}},
		"not kept in parts":   {{Operation: "ChangeMessageVisibilityBatch", Mode: sandbox.ChaosPartial, Count: 3}, {Operation: "DeleteMessageBatch", Mode: sandbox.ChaosThrottle, Count: 2}},
		"denied for a moment": {{Operation: "*", Service: "sqs", Mode: sandbox.ChaosAccessDenied}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := mustPost(t, 1, false)
			sent := p.send(12)
			for _, r := range rules {
				p.chaos(r)
			}
			p.pull()
			p.settled(0)
			p.once(sent)
		})
	}
}

// TestQueueStopInTheMiddle: what is being handed over is finished, the rest is
// there for others at once.
func TestQueueStopInTheMiddle(t *testing.T) {
	t.Parallel()
	p := mustPost(t, 2, false)
	sent := p.send(6)
	arrived, release := make(chan struct{}), make(chan struct{})
	first := sync.OnceFunc(func() { close(arrived) })
	p.inbox.answer = func(body string) int {
		if body != sent[0] {
			return http.StatusServiceUnavailable
		}
		first()
		<-release
		return http.StatusAccepted
	}
	running, _ := p.pull(func(c *pull.Config) { c.InFlight, c.Batch = 3, 3 })
	<-arrived
	stopped := make(chan error, 1)
	go func() { stopped <- running.Stop(context.Background()) }()
	p.until("what waits is given back", func() bool { return p.queue(queueName).InFlight == 1 })
	close(release)
	if err := <-stopped; err != nil {
		t.Fatal(err)
	}
	// Where the machine was too slow for the moment that a stop leaves, the
	// first is in the queue too: then it comes twice, and nothing is lost.
	q := p.queue(queueName)
	if q.InFlight > 1 || len(q.Messages) > 6 {
		t.Errorf("after the stop: %+v", q)
	}
	p.inbox.mu.Lock()
	p.inbox.answer = nil
	p.inbox.mu.Unlock()
	p.pull()
	p.pass(lease + time.Second)
	p.settled(0)
	got := p.inbox.taken()
	slices.Sort(got)
	if !slices.Equal(slices.Compact(got), slices.Sorted(slices.Values(sent))) {
		t.Errorf("taken %q, sent %q", got, sent)
	}
}

// TestQueueAlarm: an alarm of the world comes through as EventBridge sends it.
func TestQueueAlarm(t *testing.T) {
	t.Parallel()
	p := mustPost(t, 3, true)
	p.pull()
	if err := p.sandbox.World().StartFault(world.FaultBadDeployment); err != nil {
		t.Fatal(err)
	}
	p.until("the alarm is taken", func() bool {
		if len(p.inbox.taken()) > 0 {
			return true
		}
		p.pass(worldTick)
		return false
	})
	if body := p.inbox.taken()[0]; !strings.Contains(body, `"detail-type":"CloudWatch Alarm State Change"`) || !strings.Contains(body, `"value":"ALARM"`) {
		t.Errorf("taken %s", body)
	}
}

func TestQueueDoctor(t *testing.T) {
	t.Parallel()
	p := mustPost(t, 5, false)
	var out bytes.Buffer
	if err := doctor.Run(t.Context(), doctor.Config{AWS: p.cfg, Queues: []string{p.url}}, &out); err != nil {
		t.Errorf("%v\n%s", err, &out)
	}
	for _, want := range []string{"there; 0 messages wait, 0 are in hand; after 5 receives to arn:aws:sqs:us-east-1:000000000000:" + deadName, "SIMULATED"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing:\n%s", want, &out)
		}
	}
	if q := p.queue(queueName); q.InFlight != 0 {
		t.Errorf("%+v", q)
	}
	if err := doctor.Run(t.Context(), doctor.Config{AWS: p.cfg, Queues: []string{p.url, p.url + "x"}}, &out); err == nil || !strings.Contains(out.String(), "check --alert-queue-url") {
		t.Errorf("a queue that is not there: %v\n%s", err, &out)
	}
}
