package kubernetes_test

import (
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	clienttesting "k8s.io/client-go/testing"

	"vigil/activities"
	"vigil/activities/internal/awstest"
	"vigil/workflows/incident"
)

// TestKilledWhilePreparing: a kill switch that is thrown while the workload is
// looked for, or between a scale's two requests, stops the effect.
func TestKilledWhilePreparing(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		effect incident.Effect
		verb   string
		writes int
	}{
		"looking for it": {restart, "list", 0},
		"half-way":       {scale, "get", 1}, // the token, and not the number
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := mustWorld(t, nil, running())
			w.PrependReactor(c.verb, "deployments", func(clienttesting.Action) (bool, runtime.Object, error) {
				time.Sleep(awstest.Slow)
				return false, nil, nil
			})
			if err := awstest.Killed(t, w.x, c.effect); err == nil || activities.KindOf(err) != incident.KindConflict || len(w.writes()) != c.writes {
				t.Errorf("%v after %q, want a refusal after %d", err, w.writes(), c.writes)
			}
		})
	}
}
