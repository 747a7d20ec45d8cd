package ecs_test

import (
	"net/http"
	"testing"
	"time"

	"vigil/activities"
	"vigil/activities/ecs"
	"vigil/activities/internal/awstest"
	"vigil/workflows/incident"
)

// TestKilledWhilePreparing: a kill switch that is thrown while the service is
// looked at stops the effect.
func TestKilledWhilePreparing(t *testing.T) {
	t.Parallel()
	s := awstest.Serve(t, func(op string, r *http.Request, body []byte) awstest.Answer {
		if op != "DescribeServices" {
			t.Errorf("%s was sent", op)
		}
		time.Sleep(awstest.Slow)
		return answers(served(4, 4, 0, deployed(5, 42, "PRIMARY", "COMPLETED")))(op, r, body)
	})
	if err := awstest.Killed(t, mustExecutor(t, s.URL, ecs.ExecutorConfig{}), force); err == nil || activities.KindOf(err) != incident.KindConflict {
		t.Errorf("%v, want a refusal", err)
	}
}
