package main

import (
	"crypto/sha256"
	"encoding/hex"
	"time"

	"vigil/workflows/incident"
)

// deploymentEvidence is E1 to E6 of the deployment story, with n points a series.
func deploymentEvidence(began time.Time, o incident.Origin, n int) []incident.Evidence {
	const step = 5 * time.Second
	to := began.Add(30 * time.Second)
	from := to.Add(-time.Duration(n-1) * step)
	series := func(service string, m incident.Metric, unit string, before, after float64) incident.Series {
		return ramp(service, m, unit, from, step, n, began, before, after)
	}
	list := []incident.Evidence{
		{ID: "E1", Kind: incident.EvidenceMetric, Source: "cloudwatch", Service: "checkout", Title: "Metrics of checkout",
			Query: "GetMetricData ApplicationSignals Service=checkout, AWS/ECS ServiceName=checkout", From: from, To: to, Found: true,
			Finding: "latency_ms 121 → 940 since 14:02:10; error_rate 0.001 → 0.12 since 14:02:15", Strength: 0.93,
			Series: []incident.Series{
				series("checkout", incident.MetricLatency, "ms", 121, 940),
				series("checkout", incident.MetricErrorRate, "share", 0.001, 0.12),
				series("checkout", incident.MetricRequestRate, "1/s", 42, 39),
				series("checkout", incident.MetricCPU, "percent", 31, 36),
				series("checkout", incident.MetricMemory, "percent", 48, 49),
			}, Provenance: byAWS(o, "cloudwatch", "GetMetricData", 21, 38), CollectedBy: incident.AgentDiagnosis},
		{ID: "E2", Kind: incident.EvidenceLog, Source: "cloudwatch logs", Service: "checkout", Title: "Logs of checkout",
			Query: "/ecs/checkout", From: from, To: to, Found: true, Finding: "1 template that was never seen before, 214 times", Strength: 0.89,
			Logs: []incident.LogPattern{
				{Level: "error", Template: "price table <*> is nil for currency <*>", Example: "price table v<2> is nil for currency EUR", Count: 214, FirstAt: began, LastAt: to},
				{Level: "info", Template: "order <*> priced in <*> ms", Example: "order 81723 priced in 12 ms", Count: 1270, Baseline: 1502, FirstAt: from, LastAt: to},
			}, Provenance: byAWS(o, "cloudwatch logs", "GetQueryResults", 22, 212), CollectedBy: incident.AgentDiagnosis},
		{ID: "E3", Kind: incident.EvidenceChange, Source: "cloudtrail", Service: "checkout", Title: "Changes of checkout", From: from, To: to, Found: true,
			Finding: "v41 → v42 at 14:01:56, 14 s before the first symptom", Strength: 0.86,
			Changes: []incident.Change{{Service: "checkout", Kind: "deployment", Summary: "UpdateService checkout to task definition checkout:42",
				Version: "v42", Before: "v41", Actor: "ci-deployer", At: began.Add(-14 * time.Second)}},
			Provenance: byAWS(o, "cloudtrail", "LookupEvents", 23, 95), CollectedBy: incident.AgentDiagnosis},
		{ID: "E4", Kind: incident.EvidenceTopology, Source: "xray", Title: "Service graph", Found: true, Finding: "8 services; checkout calls orders and payments",
			Edges: []incident.Edge{{From: "web", To: "api"}, {From: "api", To: "checkout"}, {From: "api", To: "catalog"}, {From: "checkout", To: "orders"},
				{From: "checkout", To: "payments"}, {From: "orders", To: "orders-db"}, {From: "payments", To: "orders-db"}, {From: "catalog", To: "catalog-cache"}, {From: "catalog", To: "orders-db"}},
			Provenance: byAWS(o, "xray", "GetServiceGraph", 24, 51), CollectedBy: incident.AgentDiagnosis},
		{ID: "E5", Kind: incident.EvidenceRanking, Source: "rca", Title: "Suspects by statistics", Found: true, Finding: "checkout stands out", Strength: 0.88,
			Suspects: []incident.Suspect{
				{Service: "checkout", Cause: incident.CauseBadDeployment, Score: 0.88, Reasons: []string{"deepest service with symptoms", "deployment 14 s before onset"}, Cites: []string{"E1", "E3"}},
				{Service: "orders-db", Cause: incident.CauseConnectionsExhausted, Score: 0.21, Reasons: []string{"called by checkout"}, Cites: []string{"E6"}},
			}, Provenance: incident.Provenance{Origin: o, Service: "rca"}, CollectedBy: incident.AgentDiagnosis},
		{ID: "E6", Kind: incident.EvidenceMetric, Source: "cloudwatch", Service: "orders-db", Title: "Metrics of orders-db",
			Query: "GetMetricData AWS/RDS DBInstanceIdentifier=orders-db", From: from, To: to, Found: true, Finding: "unremarkable", Strength: 0.06,
			Series: []incident.Series{
				series("orders-db", incident.MetricConnections, "count", 34, 34),
				series("orders-db", incident.MetricCPU, "percent", 22, 21),
			}, Provenance: byAWS(o, "cloudwatch", "GetMetricData", 25, 29), CollectedBy: incident.AgentDiagnosis},
	}
	for i := range list {
		list[i].Hash = contentHash(list[i].ID)
	}
	return list
}

func paymentsLogs(began time.Time, o incident.Origin) incident.Evidence {
	return incident.Evidence{ID: "E7", Kind: incident.EvidenceLog, Source: "cloudwatch logs", Service: "payments", Title: "Logs of payments", Query: "/ecs/payments",
		From: began.Add(-2 * time.Minute), To: began.Add(time.Minute), Found: false, Finding: "no lines in the window",
		Provenance: byAWS(o, "cloudwatch logs", "GetQueryResults", 26, 180), CollectedBy: incident.AgentDiagnosis}
}

func contentHash(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}
