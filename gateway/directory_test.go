package gateway_test

import (
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"vigil/gateway"
	"vigil/internal/bus"
	"vigil/workflows/event"
	"vigil/workflows/incident"
)

func TestDirectoryWritesWhatDiffers(t *testing.T) {
	t.Parallel()
	b := newBucket()
	people := map[string]incident.Role{"ada": incident.RoleApprover, "b. o@example": incident.RoleViewer}
	mine := maps.Clone(people) // of another gateway, which reads the same file
	one := gateway.NewDirectory(b, func() map[string]incident.Role { return people })
	two := gateway.NewDirectory(b, func() map[string]incident.Role { return mine })
	step := func(what string, pass func() error, wrote []string, values map[string]string) {
		t.Helper()
		must(t, pass())
		if got := b.written(); !reflect.DeepEqual(got, wrote) {
			t.Errorf("%s: wrote %q, want %q", what, got, wrote)
		}
		if got := b.values(); !reflect.DeepEqual(got, values) {
			t.Errorf("%s: the bucket has %v, want %v", what, got, values)
		}
	}
	whole, rest := func() error { return one(t.Context(), true) }, func() error { return one(t.Context(), false) }
	other := func() error { return two(t.Context(), true) }
	both := map[string]string{"ada": `{"role":"approver"}`, "b=2E=20o=40example": `{"role":"viewer"}`}
	step("at the start", whole, []string{"put ada", "put b=2E=20o=40example"}, both)
	step("again", whole, nil, both)
	step("by another gateway", other, nil, both)

	people["ada"] = incident.RoleViewer
	delete(people, "b. o@example")
	after := map[string]string{"ada": `{"role":"viewer"}`}
	step("after the file changed", whole, []string{"put ada", "delete b=2E=20o=40example"}, after)
	step("what is gone stays gone", func() error { return two(t.Context(), false) }, nil, after) // though its file is old

	b.mu.Lock()
	b.entries = map[string]bus.Entry{} // NATS lost its files
	b.mu.Unlock()
	step("after NATS lost it", rest, []string{"put ada"}, after)
}

func TestDirectoryGivesUpOnAFight(t *testing.T) {
	t.Parallel()
	b := newBucket()
	b.breaks(func(op, _ string) error { return map[string]error{"put": bus.ErrMoved}[op] })
	err := gateway.NewDirectory(b, func() map[string]incident.Role { return map[string]incident.Role{"ada": incident.RoleViewer} })(t.Context(), true)
	if err == nil || !strings.Contains(err.Error(), "the same token file?") {
		t.Errorf("sync = %v", err)
	}
}

// TestDirectoryTriesUntilItCan, and health says so meanwhile.
func TestDirectoryTriesUntilItCan(t *testing.T) {
	t.Parallel()
	b := newBucket()
	b.breaks(func(string, string) error { return errNoNATS })
	r := start(t, func(s *setup) { s.deps.Principals, s.cfg.DevPrincipal = b, true })
	state := func(want, words string) func() bool {
		return func() bool {
			var m event.SystemHealthMetrics
			r.do("GET", "/api/v1/system/health", nil, as(incident.RoleViewer)).into(t, &m)
			c := m.Components[5]
			return c.Name == "principals" && c.State == want && strings.Contains(c.Detail, words)
		}
	}
	eventually(t, "health to say that it cannot be written", state("down", "go by what was there before"))
	b.breaks(nil)
	eventually(t, "health to say that it was", state("healthy", ""))
	want := map[string]string{"dev": `{"role":"admin"}`}
	for _, role := range incident.Roles {
		want["a=20"+string(role)] = `{"role":"` + string(role) + `"}`
	}
	if got := b.values(); !reflect.DeepEqual(got, want) {
		t.Errorf("the bucket has %v, want %v", got, want)
	}
}

// TestRoleLostBetweenTwoRequests: what the file says counts from the next
// request on, for tokens, sessions and workers.
func TestRoleLostBetweenTwoRequests(t *testing.T) {
	t.Parallel()
	r := start(t)
	rewrite := func(content string) {
		must(t, os.WriteFile(filepath.Join(r.dir, "tokens.yaml"), []byte(content), 0o600))
	}
	in := r.expect("sign in", r.do("POST", "/api/v1/session", map[string]string{"token": tokens[incident.RoleApprover]}), 200, "")
	cookie := header("Cookie", strings.Split(in.header.Get("Set-Cookie"), ";")[0])
	decision := gateway.DecisionRequest{Decision: "approve", ProposalID: "p", ActionHash: "h"}
	const path = "/api/v1/incidents/inc-1/decisions"
	r.expect("as approver", r.do("POST", path, decision, as(incident.RoleApprover)), 200, "")
	r.expect("as approver, signed in", r.do("POST", path, decision, cookie), 200, "")

	rewrite(strings.Replace(tokenFile, "role: approver", "role: viewer", 1))
	eventually(t, "the bucket to have the new role", func() bool { return r.principals.values()["a=20approver"] == `{"role":"viewer"}` })
	r.expect("role lost", r.do("POST", path, decision, as(incident.RoleApprover)), 403, "has the role viewer; this needs approver")
	r.expect("role lost, signed in", r.do("POST", path, decision, cookie), 403, "has the role viewer")

	entries := strings.SplitAfter(tokenFile, "  - ")
	var rest strings.Builder
	for _, e := range entries {
		if !strings.Contains(e, "approver") {
			rest.WriteString(e)
		}
	}
	rewrite(rest.String())
	eventually(t, "the bucket to have nobody of that name", func() bool { _, there := r.principals.values()["a=20approver"]; return !there })
	r.expect("gone", r.do("POST", path, decision, as(incident.RoleApprover)), 401, "nobody here has that token")
	r.expect("gone, signed in", r.do("POST", path, decision, cookie), 401, "session is over")
	r.expect("others stay", r.do("GET", "/api/v1/me", nil, as(incident.RoleAdmin)), 200, "")
}
