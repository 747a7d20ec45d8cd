package rca

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"vigil/workflows/incident"
)

// statementKind says what a statement does to a database.
type statementKind int

const (
	reads       statementKind = iota
	writes                    // rows, and with them the write-ahead log
	maintains                 // the database's own housekeeping, or an administrator's
	holds                     // opens or ends a transaction
	unspecified               // none of the words is known
)

// statement is a statement of a database's load, taken apart as far as a
// sentence about it needs.
type statement struct {
	incident.Statement
	kind   statementKind
	verb   string   // SELECT, UPDATE, VACUUM FREEZE, …
	tables []string // the written one first
	bulk   bool     // it moves many rows at once
	scan   bool     // nothing in it bounds how many rows it reads
	filter string   // the first column that it selects by
}

const (
	maxSQL        = 4 << 10 // of a statement that is looked at
	maxIdentifier = 64
)

var (
	sqlComment  = regexp.MustCompile(`(?s)/\*.*?\*/|--[^\n]*|^\s*#[^\n]*`)
	identifier  = `((?:[A-Za-z_][\w$]*|"[\w $]+"|` + "`[\\w $]+`" + `)(?:\.(?:[A-Za-z_][\w$]*|"[\w $]+"|` + "`[\\w $]+`" + `))*)`
	sqlWritten  = regexp.MustCompile(`(?i)\b(?:INSERT\s+(?:IGNORE\s+)?INTO|REPLACE\s+INTO|MERGE\s+INTO|UPDATE(?:\s+ONLY)?|DELETE\s+FROM|COPY|TRUNCATE(?:\s+TABLE)?|INTO\s+TABLE)\s+` + identifier)
	sqlRead     = regexp.MustCompile(`(?i)\b(?:FROM|JOIN)\s+(?:ONLY\s+)?` + identifier)
	sqlKept     = regexp.MustCompile(`(?i)\b(?:VACUUM|ANALYZE|CLUSTER|REINDEX|REFRESH\s+MATERIALIZED\s+VIEW|ALTER\s+TABLE|OPTIMIZE\s+TABLE|CREATE\s+(?:UNIQUE\s+)?INDEX[^;]*?\bON)(?:\s*\([^)]*\)|\s+(?:FULL|FREEZE|VERBOSE|ANALYZE|TABLE|INDEX|CONCURRENTLY|ONLY))*\s+` + identifier)
	sqlMainVerb = regexp.MustCompile(`(?i)\b(INSERT|REPLACE\s+INTO|UPDATE|DELETE|MERGE|SELECT|COPY|LOAD\s+DATA|TRUNCATE|CALL)\b`)
	sqlVacuum   = regexp.MustCompile(`(?i)\b(?:AUTO)?VACUUM(?:\s*\([^)]*\)|\s+(?:FULL|FREEZE|ANALYZE|VERBOSE))*`)
	sqlKeeping  = regexp.MustCompile(`(?i)\b(REINDEX|CREATE\s+(?:UNIQUE\s+)?INDEX|ALTER\s+TABLE|OPTIMIZE\s+TABLE|CLUSTER|REFRESH\s+MATERIALIZED\s+VIEW|pg_dump|mysqldump|CHECKPOINT(?:ER)?|pg_basebackup|ANALYZE)\b`)
	sqlBound    = regexp.MustCompile(`(?i)\b(LIMIT|FETCH\s+FIRST|TOP\s+\d)\b`)
	sqlFilter   = regexp.MustCompile(`(?i)\bWHERE\s+\(?\s*` + identifier)
	sqlGrouping = regexp.MustCompile(`(?i)\b(GROUP\s+BY|COUNT\s*\(|SUM\s*\(|AVG\s*\(|DISTINCT)`)
)

// parseStatement reads a statement. It is no parser of SQL: it finds the verb
// and the tables of what databases report, normalised or cut off as it may be.
func parseStatement(s incident.Statement) statement {
	out := statement{Statement: s, kind: unspecified}
	text := s.SQL
	if len(text) > maxSQL {
		text = text[:maxSQL]
	}
	text = strings.TrimSpace(sqlComment.ReplaceAllString(text, " "))
	upper := strings.ToUpper(text)
	main := text
	if i := strings.Index(main, ";"); i >= 0 && hasAnyPrefix(upper, "BEGIN", "START TRANSACTION", "SET ") {
		out.kind, out.verb = holds, "transaction"
		main = strings.TrimSpace(main[i+1:])
	} else if hasAnyPrefix(upper, "BEGIN", "COMMIT", "ROLLBACK", "START TRANSACTION", "END") {
		out.kind, out.verb = holds, strings.Fields(upper)[0]
	}
	switch v := longest(sqlVacuum.FindAllString(main, 4)); {
	case v != "":
		out.kind, out.verb = maintains, canonical(v)
		out.table(sqlKept, main)
	case sqlKeeping.MatchString(main) && !hasAnyPrefix(strings.ToUpper(main), "SELECT", "INSERT", "UPDATE", "DELETE", "WITH"):
		out.kind, out.verb = maintains, canonical(sqlKeeping.FindString(main))
		out.table(sqlKept, main)
	default:
		out.query(main)
	}
	return out
}

func longest(all []string) (out string) {
	for _, s := range all {
		if len(s) > len(out) {
			out = s
		}
	}
	return out
}

// query fills in what a statement that reads or writes rows says.
func (s *statement) query(text string) {
	verb := sqlMainVerb.FindString(text)
	if hasAnyPrefix(strings.ToUpper(text), "WITH") { // the verb after the common table expressions decides
		for _, m := range sqlMainVerb.FindAllString(text, -1) {
			if !strings.EqualFold(m, "SELECT") {
				verb = m
				break
			}
		}
	}
	if verb == "" {
		return
	}
	s.verb = canonical(verb)
	switch {
	case s.verb == "SELECT" || s.verb == "CALL", s.verb == "COPY" && strings.Contains(strings.ToUpper(text), " TO "):
		if s.kind != holds {
			s.kind = reads
		}
	default:
		s.kind = writes
		s.table(sqlWritten, text)
	}
	s.table(sqlRead, text)
	upper := strings.ToUpper(text)
	from := s.verb == "INSERT" && strings.Contains(upper, "SELECT")
	s.bulk = from || s.verb == "COPY" || s.verb == "LOAD DATA" || s.verb == "MERGE" ||
		(s.verb == "UPDATE" || s.verb == "DELETE") && (strings.Contains(upper, " IN (SELECT") || strings.Contains(upper, "BATCH"))
	s.scan = s.verb == "SELECT" && !sqlBound.MatchString(text)
	if m := sqlFilter.FindStringSubmatch(text); m != nil {
		s.filter = unquote(m[1])
	}
}

func (s *statement) table(pattern *regexp.Regexp, text string) {
	for _, m := range pattern.FindAllStringSubmatch(text, 8) {
		name := unquote(m[1])
		if !slices.Contains(s.tables, name) && !hasAnyPrefix(strings.ToUpper(name), "SELECT", "STDIN", "SET", "ONLY") {
			s.tables = append(s.tables, name)
		}
	}
}

// aggregates reports whether it sums over rows, as reports do.
func (s *statement) aggregates() bool { return sqlGrouping.MatchString(s.SQL) }

func canonical(verb string) string {
	v := strings.ToUpper(strings.Join(strings.Fields(verb), " "))
	return strings.TrimPrefix(clip(v, 40), "AUTO")
}

func unquote(name string) string {
	name = strings.Map(func(r rune) rune {
		if r == '"' || r == '`' {
			return -1
		}
		return r
	}, name)
	return clip(name, maxIdentifier)
}

func hasAnyPrefix(s string, prefixes ...string) bool {
	for _, p := range prefixes {
		if strings.HasPrefix(s, p) {
			return true
		}
	}
	return false
}

// String says what the statement is in a few words: its verb and its tables.
func (s statement) String() string {
	auto := ""
	if s.kind == maintains && strings.Contains(strings.ToLower(s.SQL), "autovacuum") {
		auto = "autovacuum "
	}
	switch {
	case s.verb == "":
		return fmt.Sprintf("%q", clip(s.SQL, 60))
	case len(s.tables) == 0:
		return auto + s.verb
	case s.verb == "INSERT" && len(s.tables) > 1 && s.bulk:
		return fmt.Sprintf("bulk INSERT into %s selected from %s", s.tables[0], s.tables[1])
	case s.verb == "INSERT":
		return "INSERT into " + s.tables[0]
	case s.verb == "SELECT" && s.aggregates():
		return "aggregating SELECT from " + s.tables[0]
	case s.verb == "SELECT" || s.verb == "DELETE":
		return s.verb + " from " + s.tables[0]
	case s.verb == "COPY":
		return "COPY into " + s.tables[0]
	case s.verb == "UPDATE" && s.bulk:
		return "bulk UPDATE of " + s.tables[0]
	case s.verb == "transaction":
		return "open transaction on " + s.tables[0]
	case s.verb == "UPDATE":
		return "UPDATE of " + s.tables[0]
	}
	return auto + s.verb + " on " + s.tables[0]
}

// by names the user, where it is known.
func (s statement) by() string {
	if s.User == "" {
		return ""
	}
	return " by " + clip(s.User, maxIdentifier)
}

// waitClass is what sessions wait for.
type waitClass int

const (
	waitOther waitClass = iota
	waitCPU
	waitRead   // data from disk
	waitWrite  // data to disk
	waitLog    // the write-ahead or redo log
	waitLock   // another session's row or table lock
	waitLatch  // locks inside the database, on its own memory
	waitClient // the client to say or take something
)

// classOf sorts the waits of PostgreSQL, Aurora, MySQL and MariaDB.
func classOf(name string) waitClass {
	n := strings.ToLower(name)
	switch {
	case n == "cpu" || strings.HasPrefix(n, "cpu:") || n == "cpu_user":
		return waitCPU
	case strings.Contains(n, "client"), strings.Contains(n, "idle"), strings.Contains(n, "/net/"), strings.Contains(n, "socket"):
		return waitClient
	case strings.Contains(n, "wal"), strings.Contains(n, "redo"), strings.Contains(n, "innodb_log"), strings.Contains(n, "binlog"), strings.Contains(n, "xactsync"):
		return waitLog
	case strings.HasPrefix(n, "lwlock"), strings.Contains(n, "mutex"), strings.Contains(n, "rwlock"), strings.Contains(n, "sxlock"), strings.HasPrefix(n, "bufferpin"):
		return waitLatch
	case strings.HasPrefix(n, "lock"), strings.Contains(n, "/lock/"), strings.Contains(n, "mdl_context"), strings.Contains(n, "row_lock"):
		return waitLock
	case strings.Contains(n, "write"), strings.Contains(n, "sync"), strings.Contains(n, "extend"), strings.Contains(n, "flush"):
		return waitWrite
	case strings.Contains(n, "read"), strings.Contains(n, "prefetch"), strings.HasPrefix(n, "io/table"), strings.Contains(n, "innodb_data_file"):
		return waitRead
	case strings.HasPrefix(n, "io:"), strings.HasPrefix(n, "io/"):
		return waitRead
	}
	return waitOther
}

// waiting sums the waits of the given classes.
func waiting(waits []incident.WaitLoad, classes ...waitClass) float64 {
	var sum float64
	for _, w := range waits {
		if slices.Contains(classes, classOf(w.Name)) {
			sum += max(w.Load, 0)
		}
	}
	return sum
}

// waitWords lists the largest waits.
func waitWords(waits []incident.WaitLoad, n int) string {
	sorted := slices.Clone(waits)
	slices.SortStableFunc(sorted, func(a, b incident.WaitLoad) int {
		switch {
		case a.Load > b.Load:
			return -1
		case a.Load < b.Load:
			return 1
		}
		return 0
	})
	var words []string
	for _, w := range sorted[:min(n, len(sorted))] {
		words = append(words, fmt.Sprintf("%s %s", clip(w.Name, maxIdentifier), num(w.Load)))
	}
	return strings.Join(words, ", ")
}
