package rca_test

import (
	"math"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"vigil/activities/rca"
	"vigil/workflows/incident"
)

// busyDatabase is a database whose processor one statement takes.
func busyDatabase(sql string, events ...incident.SystemEvent) []incident.Evidence {
	at := time.Date(2025, 3, 4, 5, 0, 0, 0, time.UTC)
	cpu := incident.Series{Service: "ledger", Metric: incident.MetricCPU}
	for i := range 20 {
		v := 20.0
		if i > 8 {
			v = 93
		}
		cpu.Points = append(cpu.Points, incident.Point{At: at.Add(time.Duration(i) * time.Minute), Value: v})
	}
	load := &incident.DatabaseLoad{Average: 6, Peak: 7, CPUs: 4, Waits: []incident.WaitLoad{{Name: "CPU", Load: 5}, {Name: "IO:DataFileRead", Load: 1}},
		Statements: []incident.Statement{{SQL: sql, User: "app", Load: 6, Waits: []incident.WaitLoad{{Name: "CPU", Load: 5}, {Name: "IO:DataFileRead", Load: 1}}}}}
	return []incident.Evidence{
		{ID: "E1", Kind: incident.EvidenceMetric, Source: "cloudwatch", Service: "ledger", Found: true, Series: []incident.Series{cpu}},
		{ID: "E2", Kind: incident.EvidenceEvents, Service: "ledger", Found: len(events) > 0, Events: events},
		{ID: "E3", Kind: incident.EvidenceDatabaseLoad, Service: "ledger", Found: true, Load: load},
	}
}

// A statement is named by its verb and its tables, however it is written.
func TestStatementsAreNamed(t *testing.T) {
	t.Parallel()
	for sql, want := range map[string]string{
		"select a, b from accounts where owner = ?":                                             "SELECT from accounts",
		"/* app:web */ SELECT * FROM `shop`.`baskets` JOIN items i ON i.b = b.id":               "SELECT from shop.baskets",
		"SELECT count(*) FROM \"Old Rows\"":                                                     "aggregating SELECT from Old Rows",
		"WITH x AS (SELECT id FROM a) UPDATE balances SET v = 0 WHERE id IN (SELECT id FROM x)": "bulk UPDATE of balances",
		"insert into trail (a) values ($1)":                                                     "INSERT into trail",
		"INSERT INTO archive SELECT * FROM live WHERE day < $1":                                 "bulk INSERT into archive selected from live",
		"DELETE FROM ONLY sessions WHERE seen < now()":                                          "DELETE from",
		"COPY trail FROM STDIN -- into other_table":                                             "COPY into trail",
		"MERGE INTO stock USING incoming ON stock.id = incoming.id":                             "MERGE on stock",
		"START TRANSACTION; SELECT v FROM balances WHERE id = $1":                               "SELECT from balances",
		"CALL monthly_close()":                                                                  "CALL",
		"\x00\xff not sql at all":                                                               "not sql",
		"":                                                                                      `""`,
	} {
		a, ok := rca.Tell(busyDatabase(sql), "ledger")
		text := a.Summary
		for _, c := range a.Claims {
			text += "\n" + c.Text
		}
		if !ok || !strings.Contains(text, want) {
			t.Errorf("%q: no %q in:\n%s", sql, want, text)
		}
	}
}

// What a database does for itself is told apart from what it does for users.
func TestMaintenanceIsNoQuery(t *testing.T) {
	t.Parallel()
	for sql, want := range map[string]string{
		"autovacuum: VACUUM ANALYZE public.trail":              "autovacuum VACUUM ANALYZE on public.trail",
		"VACUUM (FULL, VERBOSE) trail":                         "on trail",
		"CREATE INDEX CONCURRENTLY trail_at ON trail (at)":     "CREATE INDEX on trail",
		"ALTER TABLE accounts ADD COLUMN note text":            "ALTER TABLE on accounts",
		"OPTIMIZE TABLE baskets":                               "OPTIMIZE TABLE on baskets",
		"REFRESH MATERIALIZED VIEW CONCURRENTLY monthly_sales": "REFRESH MATERIALIZED VIEW on monthly_sales",
	} {
		a, ok := rca.Tell(busyDatabase(sql), "ledger")
		if !ok || a.Cause != incident.CauseMaintenanceLoad || !strings.Contains(a.Summary, want) {
			t.Errorf("%q: %s: %s", sql, a.Cause, a.Summary)
		}
	}
}

// Claims rest on evidence whatever is in it; no text of it has a size or a
// content that matters.
func FuzzTell(f *testing.F) {
	f.Add("SELECT * FROM t", "The allocated storage for the DB instance has been consumed.", "failure", 1.0)
	f.Add("autovacuum: VACUUM FREEZE", "Multi-AZ failover completed", "failover", math.Inf(1))
	f.Add("BEGIN; UPDATE", "replication lag exceeded 99999999999999999999 hours", "", math.NaN())
	f.Add(strings.Repeat("(", 9000), "nears max_connections: 5 of 0", "\xff", -1.0)
	f.Fuzz(func(t *testing.T, sql, message, category string, v float64) {
		at := time.Date(2025, 3, 4, 5, 10, 0, 0, time.UTC)
		evidence := busyDatabase(sql, incident.SystemEvent{At: at, Resource: category, Category: category, Message: message},
			incident.SystemEvent{At: at.Add(-9 * time.Hour), Message: message})
		evidence[2].Load.Average, evidence[2].Load.Statements[0].Load = v, v
		for i := range evidence[0].Series[0].Points {
			if i%3 == 0 {
				evidence[0].Series[0].Points[i].Value = v
			}
		}
		a, ok := rca.Tell(evidence, "ledger")
		if !ok {
			return
		}
		if !a.Verdict.Valid() || !(a.Score >= 0 && a.Score <= 1) {
			t.Fatalf("verdict %q, score %v", a.Verdict, a.Score)
		}
		if len(a.Summary) > 16<<10 || utf8.ValidString(sql+message+category) && !utf8.ValidString(a.Summary) {
			t.Fatalf("summary of %d bytes: %.200q", len(a.Summary), a.Summary)
		}
		for _, c := range a.Claims {
			if c.Supported != (len(c.Cites) > 0) || len(c.Text) > 4<<10 || strings.ContainsAny(c.Text, "\n\r") {
				t.Fatalf("claim %+v", c)
			}
			for _, id := range c.Cites {
				if id != "E1" && id != "E2" && id != "E3" {
					t.Fatalf("cites %q", id)
				}
			}
		}
	})
}

// The same evidence is told the same way, in whichever order it was collected.
func TestTellIsStable(t *testing.T) {
	t.Parallel()
	m := newMade(7)
	madeKinds["a query and a filling disk"].make(m)
	m.ordinary()
	first, _ := rca.Tell(m.collect(), m.name)
	for range 20 {
		e := m.collect()
		e[0], e[2] = e[2], e[0]
		if again, _ := rca.Tell(e, m.name); again.Summary != first.Summary {
			t.Fatalf("%s\nand then\n%s", first.Summary, again.Summary)
		}
	}
}
