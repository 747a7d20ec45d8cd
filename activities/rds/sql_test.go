package rds

import (
	"strings"
	"testing"
)

func TestMask(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ in, postgres, mysql string }{
		{"SELECT 1", "SELECT ?", ""},
		{"select * from t1 where a = $1 and b = ?", "select * from t1 where a = $1 and b = ?", ""},
		{"INSERT INTO x VALUES ('it''s', 4.5, -3, .5, 1e-9, 0xFF)", "INSERT INTO x VALUES (?, ?, -?, ?, ?, ?)", ""},
		{"a = 'x\\' AND b = 'secret'", "a = ? AND b = ?", "a = ?secret?"},
		{"a = 'x\\'secret'", "a = ?secret?", "a = ?"},
		{"a = E'x\\'secret'", "a = E?", "a = E?"},
		{"a = $$secret$$ or b = $q$it's$q$", "a = ? or b = ?", "a = $$secret$$ or b = $q$it?"},
		{`select "Name" from t where c = "v"`, `select "Name" from t where c = "v"`, `select ? from t where c = ?`},
		{"select `a1` -- secret\nfrom /* secret */ t", "select `a1` from t", "select `a1` from t"},
		{"a = 'cut off sec", "a = ?", "a = ?"},
		{"a = 1 # secret", "a = ? # secret", "a = ?"},
		{"  a\t\n b ", "a b", "a b"},
	} {
		if got := mask(c.in, false); got != c.postgres {
			t.Errorf("PostgreSQL: %q becomes %q, want %q", c.in, got, c.postgres)
		}
		if got := mask(c.in, true); c.mysql != "" && got != c.mysql {
			t.Errorf("MySQL: %q becomes %q, want %q", c.in, got, c.mysql)
		}
	}
	if got := mask(strings.Repeat("é ", 4000), false); len([]rune(got)) != maxStatement+1 {
		t.Errorf("%d runes", len([]rune(got)))
	}
}

// FuzzMask puts a value into a statement as a driver would: it is never in
// what is left.
func FuzzMask(f *testing.F) {
	f.Add("select * from t where a = ", "x", " and b = 4", false)
	f.Add("", "'", "'", true)
	f.Add("a", "\\", "'b'", true)
	f.Fuzz(func(t *testing.T, before, value, after string, mysql bool) {
		_ = mask(before+after, mysql) // anything at all ends
		value = "canary" + strings.ReplaceAll(value, "\x00", "")
		escaped := strings.ReplaceAll(value, "'", "''")
		if mysql {
			escaped = strings.ReplaceAll(strings.ReplaceAll(value, `\`, `\\`), "'", `\'`)
		}
		if got := mask("select a from t where b = '"+escaped+"' and c = 1", mysql); got != "select a from t where b = ? and c = ?" {
			t.Errorf("%q becomes %q", value, got)
		}
	})
}
