package bus_test

import (
	"regexp"
	"testing"

	"pgregory.net/rapid"

	"vigil/internal/bus"
)

// valid is what NATS takes for a key, of one token.
var valid = regexp.MustCompile(`^[-_=a-zA-Z0-9]+$`)

// TestKeysDiffer: every name has a key that NATS takes, and its own.
func TestKeysDiffer(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{"ada": "ada", "b. o@example": "b=2E=20o=40example", "=2E": "=3D2E", "%2E": "=252E", "é": "=C3=A9"} {
		if got := bus.Key(name); got != want {
			t.Errorf("key of %q is %s, want %s", name, got, want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.StringOfN(rapid.SampledFrom([]rune("ab.=%2E3D*> _é")), 1, 8, -1)
		a, b := name.Draw(t, "a"), name.Draw(t, "b")
		if !valid.MatchString(bus.Key(a)) || a != b && bus.Key(a) == bus.Key(b) {
			t.Fatalf("%q and %q have the keys %s and %s", a, b, bus.Key(a), bus.Key(b))
		}
	})
}
