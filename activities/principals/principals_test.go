package principals_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"vigil/activities/principals"
	"vigil/internal/bus"
	"vigil/workflows/incident"
)

// bucket holds values by key; a key without one was deleted.
type bucket map[string]string

func (b bucket) Read(_ context.Context, key string) (bus.Entry, error) {
	v, ok := b[key]
	switch {
	case !ok:
		return bus.Entry{}, nil
	case v == "":
		return bus.Entry{Revision: 2}, nil
	}
	return bus.Entry{Value: []byte(v), Revision: 1}, nil
}

type failing struct{}

func (failing) Read(ctx context.Context, _ string) (bus.Entry, error) {
	if ctx.Err() == nil {
		<-ctx.Done()
	}
	return bus.Entry{}, ctx.Err()
}

func TestRole(t *testing.T) {
	t.Parallel()
	b := bucket{"ada": `{"role":"approver"}`, "gone": "", "half": `{"role":`, "boss": `{"role":"boss"}`, "none": `{}`,
		"m=2E=20o=40example": `{"role":"admin"}`, "_vigil=2Epresence": `{"role":"viewer"}`}
	for name, want := range map[string]struct {
		role  incident.Role
		words string
	}{
		"ada": {role: incident.RoleApprover}, "gone": {}, "never there": {}, "": {},
		"m. o@example": {role: incident.RoleAdmin}, "_vigil.presence": {role: incident.RoleViewer},
		"half": {words: "not understood"}, "boss": {words: `"boss" is no role`}, "none": {words: `"" is no role`},
	} {
		got, err := principals.New(b).Role(t.Context(), name)
		switch {
		case want.words == "" && (err != nil || got != want.role):
			t.Errorf("role of %q is %q, %v, want %q", name, got, err, want.role)
		case want.words != "" && (got != "" || incident.KindOf(err) != incident.KindUnavailable || !strings.Contains(err.Error(), want.words)):
			t.Errorf("role of %q is %q, %v, want unavailable and %q", name, got, err, want.words)
		}
	}
}

func TestRoleIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		role, err := principals.New(failing{}).Role(t.Context(), "ada")
		if took := time.Since(began); role != "" || !errors.Is(err, context.DeadlineExceeded) || took != principals.Timeout {
			t.Errorf("%q, %v after %s", role, err, took)
		}
	})
}
