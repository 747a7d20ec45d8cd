package gateway_test

import (
	"net/url"
	"reflect"
	"strings"
	"testing"

	"vigil/gateway"
	"vigil/workflows/incident"
)

const hash1 = "5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8"

func TestTokenFile(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, file, words string }{
		{"good", "principals:\n  - name: alice\n    role: approver\n    token_sha256: " + hash1, ""},
		{"empty", "", "it is empty"},
		{"nobody", "principals: []", "names nobody"},
		{"not YAML", "principals: [", "line 1"},
		{"unknown key", "people: []", "field people not found"},
		{"an entry of another kind", "principals:\n  - alice", "line 2: an entry must have the fields"},
		{"unknown role", "principals:\n  - name: alice\n    role: boss\n    token_sha256: " + hash1, `line 2: role of "alice" is "boss"; use viewer`},
		{"the token itself", "principals:\n  - name: alice\n    role: viewer\n    token_sha256: hunter2", "64 hexadecimal digits: the SHA-256 of the token, not the token"},
		{"no name", "principals:\n  - role: viewer\n    token_sha256: " + hash1, "line 2: name \"\" will not do"},
		{"a name that breaks lines", "principals:\n  - name: \"a\\nb\"\n    role: viewer\n    token_sha256: " + hash1, "will not do"},
		{"misspelt field", "principals:\n  - name: alice\n    roll: viewer", `line 2: field "roll" is not known`},
		{"field twice", "principals:\n  - name: alice\n    name: bob", "given twice"},
		{"list for a value", "principals:\n  - name: [alice]", "single value"},
		{"same name", "principals:\n  - {name: a, role: viewer, token_sha256: " + hash1 + "}\n  - {name: a, role: admin, token_sha256: " + strings.Repeat("a", 64) + "}", `line 3: "a" is in line 2 already`},
		{"same token", "principals:\n  - {name: a, role: viewer, token_sha256: " + hash1 + "}\n  - {name: b, role: admin, token_sha256: " + hash1 + "}", "same token as the entry in line 2"},
		{"too large", strings.Repeat("#", 1<<20+1), "the most that is read"},
	} {
		got, err := gateway.ParseTokens([]byte(c.file))
		switch {
		case c.words == "" && (err != nil || !reflect.DeepEqual(got, []incident.Principal{{Name: "alice", Role: incident.RoleApprover}})):
			t.Errorf("%s: %v, %v", c.name, got, err)
		case c.words != "" && (err == nil || !strings.Contains(err.Error(), c.words)):
			t.Errorf("%s: %v, want an error that says %q", c.name, err, c.words)
		}
	}
}

func TestNewToken(t *testing.T) {
	t.Parallel()
	one, entry, err := gateway.NewToken("alice", incident.RoleViewer)
	must(t, err)
	two, _, err := gateway.NewToken("alice", incident.RoleViewer)
	must(t, err)
	if one == two || len(one) < 26 || strings.Contains(entry, one) {
		t.Errorf("tokens %s, %s, entry %s", one, two, entry)
	}
	if _, _, err := gateway.NewToken("alice", "boss"); err == nil {
		t.Error("a role that does not exist was given")
	}
}

// FuzzTokenFile: whatever a file holds, it is refused with words, or every
// principal in it is one that may sign in.
func FuzzTokenFile(f *testing.F) {
	f.Add([]byte("principals:\n  - name: alice\n    role: approver\n    token_sha256: " + hash1))
	f.Add([]byte("principals: [{name: &a x, role: *a}]"))
	f.Add([]byte("principals:\n- ? [a]\n  : b"))
	f.Add([]byte("a: &a [*a]"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		list, err := gateway.ParseTokens(raw)
		if err != nil {
			if err.Error() == "" || list != nil {
				t.Errorf("refused with %q and %v", err, list)
			}
			return
		}
		names := map[string]bool{}
		for _, p := range list {
			if p.Name == "" || !p.Role.Valid() || names[p.Name] || strings.ContainsAny(p.Name, "\n\r\t") {
				t.Errorf("accepted %+v", list)
			}
			names[p.Name] = true
		}
	})
}

// FuzzIncidentQuery: a query is refused as invalid or has a sane limit.
func FuzzIncidentQuery(f *testing.F) {
	for _, q := range []string{"", "status=resolved&limit=7", "limit=-1", "open=maybe", "limit=9999999999999999999", "q=%00&q=", "x"} {
		f.Add(q)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		values, err := url.ParseQuery(raw)
		if err != nil {
			return // the server's business
		}
		limit, err := gateway.ParseIncidentQuery(values)
		if err != nil && incident.KindOf(err) != incident.KindInvalid || err == nil && (limit < 1 || limit > 200) {
			t.Errorf("%q: limit %d, %v", raw, limit, err)
		}
	})
}

// FuzzSession: no cookie makes the parser panic.
func FuzzSession(f *testing.F) {
	f.Add("YQ.1.x.y")
	f.Add("...")
	f.Add("YQ.-9223372036854775808.x.y")
	f.Fuzz(func(_ *testing.T, raw string) { gateway.ParseSession(raw) })
}
