package main

import (
	"time"

	"vigil/workflows/incident"
)

// databaseEvidence is E1 to E8 of the database story, one of each newer kind
// among them.
func databaseEvidence(began time.Time, o incident.Origin) []incident.Evidence {
	const step = 10 * time.Second
	from, to := began.Add(-4*time.Minute), began.Add(90*time.Second)
	series := func(service string, m incident.Metric, unit string, before, after float64) incident.Series {
		return ramp(service, m, unit, from, step, 34, began, before, after)
	}
	waits := []incident.WaitLoad{{Name: "CPU", Load: 6.1}, {Name: "IO:DataFileRead", Load: 0.9}, {Name: "Lock:transactionid", Load: 0.4}}
	list := []incident.Evidence{
		{ID: "E1", Kind: incident.EvidenceMetric, Source: "cloudwatch", Service: "orders-db", Title: "Metrics of orders-db", From: from, To: to, Found: true,
			Finding: "cpu_percent 21 → 97 since 14:30:48", Strength: 0.95, Series: []incident.Series{
				series("orders-db", incident.MetricCPU, "percent", 21, 97), series("orders-db", incident.MetricDatabaseLoad, "sessions", 0.8, 7.4),
				series("orders-db", incident.MetricFreeStorage, "bytes", 5.2e10, 5.2e10), series("orders-db", "blks_hit_per_second", "", 1200, 88000),
			}, Provenance: byAWS(o, "cloudwatch", "GetMetricData", 72, 33)},
		{ID: "E2", Kind: incident.EvidenceEvents, Source: "rds", Service: "orders-db", Title: "Platform events of orders-db", From: to.Add(-24 * time.Hour), To: to,
			Found: true, Finding: "1 failover, 11 h before", Strength: 0.2, Events: []incident.SystemEvent{
				{At: to.Add(-11 * time.Hour), Resource: "orders-db", Category: "failover", Message: "Multi-AZ instance failover completed", Warning: true},
				{At: to.Add(-9 * time.Hour), Resource: "orders-db", Category: "backup", Message: "Finished DB instance backup", Count: 2},
			}, Provenance: byAWS(o, "rds", "DescribeEvents", 73, 61)},
		{ID: "E3", Kind: incident.EvidenceDatabaseLoad, Source: "performance insights", Service: "orders-db", Title: "Load of orders-db", From: from, To: to,
			Found: true, Finding: "one SELECT is 5.8 of 7.4 average active sessions on 4 CPUs", Strength: 0.9,
			Load: &incident.DatabaseLoad{Average: 7.4, Peak: 9.1, CPUs: 4, Waits: waits, Statements: []incident.Statement{
				{SQL: "SELECT * FROM order_items WHERE sku = ? ORDER BY created_at", User: "orders", Load: 5.8, CallsPerSecond: 41.5, Waits: waits[:2]},
				{SQL: "UPDATE stock SET reserved = reserved + ? WHERE sku = ?", User: "orders", Load: 0.7},
			}}, Provenance: byAWS(o, "pi", "DescribeDimensionKeys", 74, 140)},
		{ID: "E4", Kind: incident.EvidencePastIncident, Source: "archive", Service: "orders-db", Title: "Similar incidents", Query: "orders-db cpu slow query", Found: true,
			Finding: "1 incident with a confirmed cause", Strength: 0.5, Documents: []incident.Document{
				{ID: "inc-orders-db-1a2b3c", Title: "Orders slow after a release", Text: "A query without an index took the CPU of orders-db; the index was created.",
					Source: "archive", Score: 0.81, IncidentID: "inc-orders-db-1a2b3c", Service: "orders-db", Cause: incident.CauseExpensiveQuery, ConfirmedBy: "verification"},
				{ID: "inc-orders-9z8y7x", Title: "Orders time out", Text: "Nobody found out why.", Source: "archive", Score: 0.44, IncidentID: "inc-orders-9z8y7x", Service: "orders"},
			}, Provenance: incident.Provenance{Origin: o, Service: "archive"}},
		{ID: "E5", Kind: incident.EvidenceMetric, Source: "cloudwatch", Service: "orders", Title: "Metrics of orders", From: from, To: to, Found: true,
			Finding: "latency_ms 88 → 920 since 14:30:58", Strength: 0.88, Ref: "evidence/inc-orders-db-3m7q8z/E5-4d1f", Bytes: 148_211,
			Series:     []incident.Series{series("orders", incident.MetricLatency, "ms", 88, 920)},
			Provenance: byAWS(o, "cloudwatch", "GetMetricData", 75, 45)},
		{ID: "E6", Kind: incident.EvidenceRunbook, Source: "knowledge_base", Service: "orders-db", Title: "Runbooks for an expensive query", Query: "expensive query orders-db", Found: true,
			Finding: "1 runbook", Documents: []incident.Document{{ID: "rb-7", Title: "A database at full CPU", Source: "knowledge_base", URI: "s3://runbooks/database-cpu.md", Score: 0.72,
				Text: "Look at the top statements first. Cancel the statement before you fail over.\n<script>alert(1)</script>"}},
			Provenance: byAWS(o, "bedrock-agent-runtime", "Retrieve", 76, 210)},
		{ID: "E7", Kind: incident.EvidenceChange, Source: "cloudtrail", Service: "orders-db", Title: "Recent changes of orders-db", From: from, To: to, Found: false,
			Finding: "no change in the window", Provenance: byAWS(o, "cloudtrail", "LookupEvents", 77, 90)},
		{ID: "E8", Kind: incident.EvidenceRanking, Source: "rca", Title: "Suspects by statistics", Found: true, Finding: "orders-db stands out", Strength: 0.84,
			Suspects: []incident.Suspect{
				{Service: "orders-db", Cause: incident.CauseExpensiveQuery, Score: 0.84, Reasons: []string{"more sessions than CPUs", "one statement is 78 % of the load"}, Cites: []string{"E1", "E3"}},
				{Service: "orders", Cause: incident.CauseDependencyFailure, Score: 0.3, Reasons: []string{"calls orders-db"}, Cites: []string{"E5"}},
			}, Provenance: incident.Provenance{Origin: o, Service: "rca"}},
	}
	for i := range list {
		list[i].CollectedBy, list[i].Hash = incident.AgentDiagnosis, contentHash("database "+list[i].ID)
	}
	return list
}
