package rca_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"vigil/activities/rca"
	"vigil/workflows/incident"
)

// made is a made-up database incident. Its numbers, names, length and noise
// follow a seed; what kind of trouble it is does not.
type made struct {
	r      *rand.Rand
	name   string
	begin  time.Time
	points int
	onset  int // index of the first point of the trouble
	mysql  bool
	series []incident.Series
	events []incident.SystemEvent
	load   *incident.DatabaseLoad
}

func newMade(seed uint64) *made {
	r := rand.New(rand.NewPCG(seed, 77))
	m := &made{r: r, name: []string{"ledger-db", "parcels", "claims-main", "tickets-primary"}[r.IntN(4)], mysql: r.IntN(3) == 0,
		begin: time.Date(2025, 2, 3, r.IntN(20), r.IntN(60), 0, 0, time.UTC), points: 14 + r.IntN(40)}
	m.onset = 1 + r.IntN(m.points/3)
	return m
}

func (m *made) at(i int) time.Time { return m.begin.Add(time.Duration(i) * time.Minute) }

// noisy is a level with a few percent of noise.
func (m *made) noisy(level float64) float64 { return level * (1 + 0.03*m.r.NormFloat64()) }

func (m *made) add(metric incident.Metric, value func(i int) float64) {
	s := incident.Series{Service: m.name, Metric: metric}
	for i := range m.points {
		s.Points = append(s.Points, incident.Point{At: m.at(i), Value: max(value(i), 0)})
	}
	m.series = append(m.series, s)
}

// flat, step and ramp are the shapes that measures take.
func (m *made) flat(metric incident.Metric, level float64) {
	m.add(metric, func(int) float64 { return m.noisy(level) })
}

func (m *made) step(metric incident.Metric, from, to float64) {
	m.add(metric, func(i int) float64 {
		if i < m.onset {
			return m.noisy(from)
		}
		return m.noisy(to)
	})
}

func (m *made) ramp(metric incident.Metric, from, to float64) {
	m.add(metric, func(i int) float64 {
		if i < m.onset {
			return m.noisy(from)
		}
		return m.noisy(from + (to-from)*float64(i-m.onset+1)/float64(m.points-m.onset))
	})
}

func (m *made) between(low, high float64) float64 { return low + (high-low)*m.r.Float64() }

func (m *made) event(at time.Time, category, format string, args ...any) {
	m.events = append(m.events, incident.SystemEvent{At: at, Resource: m.name, Category: category, Message: fmt.Sprintf(format, args...)})
}

// wait names a wait as the engine does.
func (m *made) wait(postgres, mysql string) string {
	if m.mysql {
		return mysql
	}
	return postgres
}

func (m *made) cpuWait() string  { return "CPU" }
func (m *made) readWait() string { return m.wait("IO:DataFileRead", "io/table/sql/handler") }
func (m *made) logWait() string {
	return m.wait([]string{"IO:WALWrite", "WAL:Lock", "LWLock:WALWrite"}[m.r.IntN(3)], "io/file/innodb/innodb_log_file")
}
func (m *made) dataWait() string {
	return m.wait("IO:DataFileWrite", "io/file/innodb/innodb_data_file_write")
}
func (m *made) lockWait() string {
	return m.wait("Lock:transactionid", "synch/cond/sql/MDL_context::COND_wait_status")
}
func (m *made) clientWait() string { return m.wait("Client:ClientRead", "idle") }

// statement adds a statement of a load; waits are pairs of name and share.
func (m *made) statement(sql, user string, load float64, waits map[string]float64) {
	if m.load == nil {
		m.load = &incident.DatabaseLoad{CPUs: []float64{0, 4, 8}[m.r.IntN(3)]}
	}
	s := incident.Statement{SQL: sql, User: user, Load: load}
	for name, share := range waits {
		s.Waits = append(s.Waits, incident.WaitLoad{Name: name, Load: share * load})
		found := false
		for i := range m.load.Waits {
			if m.load.Waits[i].Name == name {
				m.load.Waits[i].Load += share * load
				found = true
			}
		}
		if !found {
			m.load.Waits = append(m.load.Waits, incident.WaitLoad{Name: name, Load: share * load})
		}
	}
	m.load.Statements = append(m.load.Statements, s)
	m.load.Average += load
	m.load.Peak = max(m.load.Peak, m.load.Average*1.2)
}

// ordinary is what a database does besides.
func (m *made) ordinary(but ...incident.Metric) {
	for metric, level := range map[incident.Metric]float64{incident.MetricCPU: m.between(8, 40), incident.MetricConnections: m.between(20, 900),
		incident.MetricFreeStorage: m.between(60, 900) * (1 << 30), incident.MetricReplicaLag: m.between(0.2, 4), incident.MetricReadIOPS: m.between(200, 3000),
		incident.MetricWriteIOPS: m.between(150, 1500), incident.MetricWriteLatency: m.between(0.5, 3), incident.MetricReadLatency: m.between(0.4, 3),
		incident.MetricTransactionLogs: m.between(1, 9) * (1 << 20), incident.MetricDiskQueue: m.between(0.02, 0.4), incident.MetricFreeMemory: m.between(4, 40) * (1 << 30),
		incident.MetricTransactionIDs: m.between(1e7, 2.5e8), incident.MetricSwap: m.between(1, 90) * (1 << 20)} {
		skip := false
		for _, b := range but {
			skip = skip || b == metric
		}
		for _, s := range m.series {
			skip = skip || s.Metric == metric
		}
		if !skip && m.r.IntN(8) > 0 { // measures are missing now and then
			m.flat(metric, level)
		}
	}
	m.statement("SELECT id, state FROM shipments WHERE id = $1 LIMIT $2", "reader", m.between(0.1, 0.5), map[string]float64{m.cpuWait(): 0.6, m.readWait(): 0.4})
	if m.r.IntN(2) == 0 {
		m.event(m.begin.Add(-time.Duration(2+m.r.IntN(6))*time.Hour), "backup", "Automated backup finished for %s.", m.name)
	}
}

// conclude gives the evidence as it is collected.
func (m *made) collect() []incident.Evidence {
	return []incident.Evidence{
		{ID: "E1", Kind: incident.EvidenceMetric, Source: "cloudwatch", Service: m.name, Found: true, Strength: 0.6, Series: m.series},
		{ID: "E2", Kind: incident.EvidenceEvents, Source: "rds", Service: m.name, Found: len(m.events) > 0, Strength: 0.5, Events: m.events},
		{ID: "E3", Kind: incident.EvidenceDatabaseLoad, Source: "performance_insights", Service: m.name, Found: m.load != nil, Strength: 0.5, Load: m.load},
	}
}

func (m *made) writeBurst(table string) {
	sql := []string{"UPDATE %s SET state = $1 WHERE batch_id = $2", "INSERT INTO %s SELECT * FROM staging WHERE day = $1", "DELETE FROM %s WHERE id IN (SELECT id FROM expired)", "COPY %s FROM STDIN"}[m.r.IntN(4)]
	m.statement(fmt.Sprintf(sql, table), "batcher", m.between(3, 12), map[string]float64{m.logWait(): 0.55, m.dataWait(): 0.3, m.cpuWait(): 0.15})
}

// kinds of made trouble, and what has to be said of them.
var madeKinds = map[string]struct {
	make  func(m *made)
	cause incident.Cause // empty: healthy
	also  incident.Cause
	says  []string
	never []string
}{
	"healthy": {make: func(m *made) {}, says: []string{"no active failure", "within normal bounds"}},
	"healthy under a daily swing": {make: func(m *made) {
		top, n := m.between(50, 74), m.between(60, 2000)
		m.add(incident.MetricCPU, func(i int) float64 { return m.noisy(top * (0.7 + 0.25*float64((i%8))/8)) })
		m.add(incident.MetricConnections, func(i int) float64 { return m.noisy(n * (1 + 0.06*float64((i%6))/6)) })
	}, says: []string{"no active failure", "cpu"}},
	"a spike that is over": {make: func(m *made) {
		k := m.points / 2
		m.add(incident.MetricWriteLatency, func(i int) float64 {
			if i == k || i == k+1 {
				return m.noisy(40)
			}
			return m.noisy(1.5)
		})
	}, says: []string{"no active failure"}},
	"storage that was added in time": {make: func(m *made) {
		from := m.between(8, 60) * (1 << 30)
		added := m.points - 7
		m.add(incident.MetricFreeStorage, func(i int) float64 {
			switch {
			case i >= added:
				return from * 4
			case i < m.onset:
				return from
			}
			return from * (1 - 0.93*float64(i-m.onset+1)/float64(added-m.onset))
		})
		m.event(m.at(added-2), "low storage", "Applying autoscaling-initiated modification to allocated storage.")
		m.event(m.at(added), "configuration change", "Finished applying autoscaling-initiated modification to allocated storage.")
	}, says: []string{"no active failure", "recovered", "autoscal"}},
	"replication lag": {make: func(m *made) {
		m.ramp(incident.MetricReplicaLag, m.between(0.3, 15), m.between(200, 4000))
		m.step(incident.MetricTransactionLogs, m.between(1, 8)*(1<<20), m.between(60, 300)*(1<<20))
		m.step(incident.MetricWriteIOPS, m.between(200, 900), m.between(5000, 30000))
		m.step(incident.MetricCPU, m.between(10, 25), m.between(35, 60))
		m.writeBurst("movements")
	}, cause: incident.CauseReplicationLag, says: []string{"replication lag", "write-heavy workload", "movements"}},
	"replication lag that nobody measures": {make: func(m *made) {
		m.step(incident.MetricTransactionLogs, m.between(1, 8)*(1<<20), m.between(60, 300)*(1<<20))
		m.step(incident.MetricWriteIOPS, m.between(200, 900), m.between(5000, 30000))
		m.event(m.at(m.onset+5), "read replica", "Replication lag of %s-r2 exceeded %d seconds.", m.name, 300+m.r.IntN(3000))
		m.writeBurst("movements")
	}, cause: incident.CauseReplicationLag, says: []string{"replication lag", "absent", "movements", "-r2"}},
	"replication lag beside a busy reader": {make: func(m *made) {
		m.ramp(incident.MetricReplicaLag, m.between(0.3, 15), m.between(300, 4000))
		m.step(incident.MetricTransactionLogs, m.between(1, 8)*(1<<20), m.between(60, 300)*(1<<20))
		m.step(incident.MetricWriteIOPS, m.between(200, 900), m.between(5000, 30000))
		m.step(incident.MetricCPU, m.between(10, 25), m.between(73, 78))
		m.writeBurst("movements")
		m.statement("SELECT region, SUM(total) FROM takings GROUP BY region", "reports", m.load.Average*0.3, map[string]float64{m.cpuWait(): 0.95, m.readWait(): 0.05})
	}, cause: incident.CauseReplicationLag, says: []string{"causally independent", "takings", "movements"}, never: []string{"two independent faults"}},
	"replication lag long after a failover": {make: func(m *made) {
		m.ramp(incident.MetricReplicaLag, m.between(0.3, 15), m.between(300, 4000))
		m.step(incident.MetricWriteIOPS, m.between(200, 900), m.between(5000, 30000))
		m.writeBurst("movements")
		old := m.begin.Add(-3 * time.Hour)
		m.event(old, "failover", "Multi-AZ instance failover started.")
		m.event(old.Add(time.Minute), "failover", "Multi-AZ instance failover completed.")
	}, cause: incident.CauseReplicationLag, says: []string{"historical", "failover"}},
	"connections held by idle clients": {make: func(m *made) {
		limit := float64(100 * (1 + m.r.IntN(60)))
		m.ramp(incident.MetricConnections, limit*m.between(0.3, 0.7), limit*m.between(0.97, 0.995))
		if m.r.IntN(2) == 0 {
			m.flatExact(incident.MetricMaxConnections, limit)
		} else {
			m.event(m.at(m.points-3), "notification", "%s nears its connection limit: %d of %d.", m.name, int(limit*0.95), int(limit))
		}
		m.step(incident.MetricCPU, m.between(10, 25), m.between(40, 60))
		m.statement("BEGIN; SELECT * FROM baskets WHERE owner = $1", "web", m.between(3, 9), map[string]float64{m.clientWait(): 0.9, m.cpuWait(): 0.1})
	}, cause: incident.CauseConnectionsExhausted, says: []string{"connection", "idle", "max_connections", "client"}},
	"connections held by idle clients that burn CPU": {make: func(m *made) {
		limit := float64(1000 * (1 + m.r.IntN(6)))
		m.add(incident.MetricConnections, func(i int) float64 { return limit * (0.91 + 0.085*float64(i)/float64(m.points)) })
		m.event(m.at(m.points-3), "notification, failure", "%s: %d connections, the maximum of %d is near; new connections may be refused.", m.name, int(limit*0.99), int(limit))
		m.add(incident.MetricCPU, func(i int) float64 { return m.between(88, 95) })
		m.statement("SELECT * FROM baskets WHERE owner = $1 ORDER BY age", "web", m.between(5, 9), map[string]float64{m.clientWait(): 0.78, m.cpuWait(): 0.22})
	}, cause: incident.CauseConnectionsExhausted, says: []string{"downstream", "cpu", "idle"}, never: []string{"two independent faults"}},
	"a full disk": {make: func(m *made) {
		from := m.between(5, 60) * (1 << 30)
		m.add(incident.MetricFreeStorage, func(i int) float64 {
			if i < m.onset {
				return from
			}
			return max(from*(1-1.1*float64(i-m.onset+1)/float64(m.points-m.onset)), 4<<20)
		})
		m.event(m.at(m.points-2), "failure", "The DB instance has reached the storage-full threshold, and the database has been shut down.")
		m.statement("INSERT INTO archive_rows SELECT * FROM live_rows WHERE day < $1", "archiver", m.between(2, 8), map[string]float64{m.dataWait(): 0.8, m.cpuWait(): 0.2})
	}, cause: incident.CauseStorageFull, says: []string{"ran out of storage space", "archive_rows"}},
	"a full disk that nobody measures": {make: func(m *made) {
		m.step(incident.MetricWriteIOPS, m.between(700, 3000), 1)
		m.step(incident.MetricWriteLatency, m.between(0.5, 3), m.between(9000, 40000))
		m.step(incident.MetricCPU, m.between(15, 35), 1)
		m.event(m.at(m.onset), "failure", "The allocated storage for the DB instance %s has been consumed.", m.name)
		m.statement("INSERT INTO entries (a, b) VALUES ($1, $2)", "app", m.between(4, 12), map[string]float64{m.lockWait(): 0.8, m.dataWait(): 0.2})
	}, cause: incident.CauseStorageFull, says: []string{"absent", "storage space", "entries"}},
	"an expensive query": {make: func(m *made) {
		m.step(incident.MetricCPU, m.between(10, 30), m.between(88, 97))
		m.step(incident.MetricReadIOPS, m.between(300, 900), m.between(6000, 20000))
		m.statement("SELECT * FROM parcels_seen WHERE colour = $1", "app", m.between(4, 14), map[string]float64{m.cpuWait(): 0.8, m.readWait(): 0.2})
	}, cause: incident.CauseExpensiveQuery, says: []string{"cpu", "query", "parcels_seen", "performance insights"}},
	"a failover": {make: func(m *made) {
		down := func(level float64) func(int) float64 {
			return func(i int) float64 {
				if i == m.onset || i == m.onset+1 {
					return 0
				}
				return m.noisy(level)
			}
		}
		m.onset = m.points / 3
		m.add(incident.MetricConnections, down(m.between(50, 900)))
		m.add(incident.MetricWriteIOPS, down(m.between(300, 3000)))
		at := m.at(m.onset)
		m.event(at.Add(-20*time.Second), "failover", "Multi-AZ instance failover started; the primary host of %s is unhealthy.", m.name)
		m.event(at.Add(25*time.Second), "failover", "Multi-AZ failover to standby complete, DNS propagation may take a few minutes.")
		m.event(at.Add(40*time.Second), "availability", "DB instance restarted.")
	}, cause: incident.CauseFailover, says: []string{"multi-az", "health check failure", "failover completed", "resumed normally"}},
	"a vacuum": {make: func(m *made) {
		m.mysql = false
		m.step(incident.MetricCPU, m.between(10, 30), m.between(82, 95))
		m.step(incident.MetricWriteIOPS, m.between(300, 900), m.between(9000, 30000))
		m.ramp(incident.MetricWriteLatency, m.between(0.5, 2), m.between(60, 300))
		m.ramp(incident.MetricDiskQueue, 0.1, m.between(15, 60))
		m.step(incident.MetricTransactionLogs, 3<<20, m.between(80, 300)*(1<<20))
		m.ramp(incident.MetricConnections, 80, m.between(150, 400))
		m.event(m.at(m.onset+4), "database", "checkpoints are occurring too frequently (9 seconds apart)")
		m.statement("autovacuum: VACUUM FREEZE public.old_rows", "rdsadmin", m.between(4, 9), map[string]float64{"LWLock:BufferMapping": 0.5, "IO:WALWrite": 0.3, "IO:DataFileWrite": 0.2})
	}, cause: incident.CauseMaintenanceLoad, says: []string{"vacuum freeze", "old_rows", "checkpoint", "downstream", "wal"}},
	"locks": {make: func(m *made) {
		m.ramp(incident.MetricConnections, 60, m.between(200, 600))
		m.statement("UPDATE stock SET left_over = left_over - $1 WHERE sku = $2", "shop", m.between(5, 20), map[string]float64{m.lockWait(): 0.9, m.cpuWait(): 0.1})
	}, cause: incident.CauseLockContention, says: []string{"lock contention", "stock", "not connection exhaustion"}},
	"a query and a filling disk": {make: func(m *made) {
		m.step(incident.MetricCPU, m.between(10, 30), m.between(88, 97))
		from := m.between(30, 90) * (1 << 30)
		m.add(incident.MetricFreeStorage, func(i int) float64 { return from * (1 - 0.85*float64(i)/float64(m.points)) })
		m.ramp(incident.MetricReplicaLag, 1, m.between(60, 250))
		m.event(m.at(m.points-2), "low storage", "Free storage capacity for DB instance %s is low at 7%% of the allocated storage.", m.name)
		m.statement("SELECT region, SUM(total) FROM takings GROUP BY region", "reports", 7, map[string]float64{m.cpuWait(): 0.85, m.readWait(): 0.15})
		m.statement("INSERT INTO trail (kind, at) VALUES ($1, $2)", "app", 5, map[string]float64{m.dataWait(): 0.8, m.lockWait(): 0.2})
	}, cause: incident.CauseExpensiveQuery, also: incident.CauseStorageFull, says: []string{"two independent faults", "takings", "trail", "not an independent replication problem"}},
	"replication that has stopped": {make: func(m *made) {
		m.event(m.at(m.onset), "read replica, failure", "Replication for the read replica %s-r1 has stopped: error 1062.", m.name)
	}, cause: incident.CauseReplicationLag, says: []string{"replication has stopped"}},
	"deadlocks": {make: func(m *made) {
		m.step("deadlocks", 0.01, m.between(4, 40))
		m.statement("UPDATE stock SET left_over = left_over - $1 WHERE sku = $2", "shop", m.between(3, 9), map[string]float64{m.lockWait(): 0.6, m.cpuWait(): 0.4})
	}, cause: incident.CauseLockContention, says: []string{"lock contention", "stock"}},
	"an interruption that no event tells of": {make: func(m *made) {
		m.onset = m.points / 3
		for _, metric := range []incident.Metric{incident.MetricConnections, incident.MetricWriteIOPS, incident.MetricReadIOPS} {
			level := m.between(100, 900)
			m.add(metric, func(i int) float64 {
				if i == m.onset || i == m.onset+1 {
					return 0
				}
				return m.noisy(level)
			})
		}
	}, cause: "instance_restart", says: []string{"no platform event says why", "resumed normally"}},
	"writes that stall": {make: func(m *made) {
		m.step(incident.MetricWriteIOPS, m.between(700, 3000), 1)
		m.step(incident.MetricWriteLatency, m.between(0.5, 3), m.between(9000, 40000))
		m.statement("INSERT INTO entries (a, b) VALUES ($1, $2)", "app", m.between(4, 12), map[string]float64{m.lockWait(): 0.8, m.dataWait(): 0.2})
	}, cause: incident.CauseStorageFull, says: []string{"behaves as if", "absent"}},
	"burst credits that are used up": {make: func(m *made) {
		m.ramp("burst_balance", 90, -10)
		m.series[len(m.series)-1].Unit = "Percent"
		m.ramp(incident.MetricReadLatency, 1, m.between(40, 200))
		m.ramp(incident.MetricDiskQueue, 0.2, m.between(20, 60))
	}, cause: incident.CauseDiskSaturation, says: []string{"burst credits"}},
	"memory": {make: func(m *made) {
		m.ramp(incident.MetricFreeMemory, m.between(4, 30)*(1<<30), 100<<20)
		m.ramp(incident.MetricSwap, 20<<20, m.between(1.2, 6)*(1<<30))
	}, cause: "memory_pressure", says: []string{"memory"}},
	"transaction ids": {make: func(m *made) {
		m.flatExact(incident.MetricTransactionIDs, m.between(1.7e9, 2.1e9))
	}, cause: "transaction_id_wraparound", says: []string{"wraparound", "vacuum"}},
}

func (m *made) flatExact(metric incident.Metric, level float64) {
	m.add(metric, func(int) float64 { return level })
}

// Each kind is told by its signs, whatever its numbers, its names, its engine,
// its length, and whichever other measures are missing.
func TestMadeDatabases(t *testing.T) {
	t.Parallel()
	for name, kind := range madeKinds {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for seed := range uint64(25) {
				m := newMade(seed)
				kind.make(m)
				m.ordinary(absent(name)...)
				evidence := m.collect()
				account, ok := rca.Tell(evidence, m.name)
				if !ok {
					t.Fatalf("seed %d: not read as a database", seed)
				}
				text := strings.ToLower(account.Summary)
				for _, c := range account.Claims {
					text += "\n" + strings.ToLower(c.Text)
					if c.Supported != (len(c.Cites) > 0) {
						t.Fatalf("seed %d: claim %+v", seed, c)
					}
				}
				ranked := rca.Rank(rca.FromEvidence(evidence, m.name, m.at(m.points-1), m.at(m.points/2)))
				top := incident.Suspect{Cause: incident.CauseUnknown}
				if len(ranked) > 0 {
					top = ranked[0]
				}
				switch {
				case kind.cause == "" && account.Verdict != incident.VerdictHealthy,
					kind.cause != "" && account.Verdict != incident.VerdictProbable:
					t.Errorf("seed %d: %s: %s", seed, account.Verdict, account.Summary)
				case kind.cause == "":
					if top.Cause != incident.CauseUnknown && top.Score >= rca.Notable {
						t.Errorf("seed %d: healthy, and yet %+v is suspected", seed, top)
					}
				case account.Cause != kind.cause && (kind.also == "" || account.Cause != kind.also):
					t.Errorf("seed %d: %s rather than %s: %s", seed, account.Cause, kind.cause, account.Summary)
				case kind.also != "" && (account.Beside == "" || account.Beside == account.Cause):
					t.Errorf("seed %d: one fault only: %s", seed, account.Summary)
				case kind.also == "" && account.Beside != "":
					t.Errorf("seed %d: %s beside it: %s", seed, account.Beside, account.Summary)
				case top.Cause != account.Cause:
					t.Errorf("seed %d: ranked as %s (%.2f), told as %s (%.2f)", seed, top.Cause, top.Score, account.Cause, account.Score)
				}
				for _, want := range kind.says {
					if !strings.Contains(text, want) {
						t.Errorf("seed %d: nothing of %q in:\n%s", seed, want, text)
					}
				}
				for _, never := range kind.never {
					if strings.Contains(text, never) {
						t.Errorf("seed %d: says %q in:\n%s", seed, never, text)
					}
				}
				if t.Failed() {
					return
				}
			}
		})
	}
}

// absent is what a kind of trouble has nobody measure.
func absent(name string) []incident.Metric {
	switch name {
	case "replication lag that nobody measures", "replication that has stopped":
		return []incident.Metric{incident.MetricReplicaLag}
	case "a full disk that nobody measures", "writes that stall":
		return []incident.Metric{incident.MetricFreeStorage}
	}
	return nil
}

// Whatever is missing of it, a made incident is told without a claim that
// rests on nothing, and no evidence that is not there is cited.
func TestMadeDatabasesWithGaps(t *testing.T) {
	t.Parallel()
	for name, kind := range madeKinds {
		for seed := range uint64(12) {
			m := newMade(seed + 1000)
			kind.make(m)
			m.ordinary()
			if m.r.IntN(2) == 0 {
				m.load = nil
			}
			if m.r.IntN(2) == 0 {
				m.events = m.events[:m.r.IntN(len(m.events)+1)]
			}
			kept := m.series[:0]
			for _, s := range m.series {
				if m.r.IntN(3) > 0 {
					s.Points = s.Points[:m.r.IntN(len(s.Points)+1)]
					kept = append(kept, s)
				}
			}
			m.series = kept
			evidence := m.collect()
			here := map[string]bool{}
			for _, e := range evidence {
				here[e.ID] = e.Found || e.Kind == incident.EvidenceEvents
			}
			rca.Rank(rca.FromEvidence(evidence, m.name, m.at(m.points-1), m.at(m.points/2)))
			account, ok := rca.Tell(evidence, m.name)
			if !ok {
				continue
			}
			if (account.Verdict == incident.VerdictProbable) != (account.Cause != incident.CauseUnknown) {
				t.Errorf("%s, seed %d: %s, %s", name, seed, account.Verdict, account.Cause)
			}
			for _, c := range account.Claims {
				for _, id := range c.Cites {
					if !here[id] {
						t.Errorf("%s, seed %d: cites %s: %s", name, seed, id, c.Text)
					}
				}
				if c.Supported != (len(c.Cites) > 0) {
					t.Errorf("%s, seed %d: claim %+v", name, seed, c)
				}
			}
		}
	}
}
