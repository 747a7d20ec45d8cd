package cloudwatch

import "vigil/workflows/incident"

// The units of series, and the statistics of CloudWatch.
const (
	unitMilliseconds = "ms"
	unitSeconds      = "s"
	unitShare        = "share"
	unitPerSecond    = "1/s"
	unitPercent      = "percent"
	unitCount        = "count"
	unitBytes        = "bytes"
	unitBytesRate    = "bytes/s"

	average = "Average"
	maximum = "Maximum"
	sum     = "Sum"
)

// failures is what counts failed requests; it becomes the error rate once the
// requests are known (shares).
const failures incident.Metric = "failed_requests"

// family is a kind of resource and the dimension that names one.
type family struct {
	namespace, dimension string
	// prefix and parts: a load balancer's dimension is app/NAME/ID.
	prefix string
	parts  int
}

var families = []family{
	{"AWS/RDS", "DBInstanceIdentifier", "", 0},
	{"AWS/RDS", "DBClusterIdentifier", "", 0},
	{"AWS/ElastiCache", "CacheClusterId", "", 0},
	{"AWS/ElastiCache", "ReplicationGroupId", "", 0},
	{"AWS/SQS", "QueueName", "", 0},
	{"AWS/DynamoDB", "TableName", "", 0},
	{"AWS/Lambda", "FunctionName", "", 0},
	{"AWS/ELB", "LoadBalancerName", "", 0},
	{"AWS/ApplicationELB", "LoadBalancer", "app/", 3},
	{"AWS/NetworkELB", "LoadBalancer", "net/", 3},
}

// meaning is what a metric says: a measure in a unit, and how it is had from
// a statistic. rate: the statistic is of a period and becomes one of a second.
type meaning struct {
	measure incident.Metric // "": its own name
	unit    string
	stat    string
	scale   float64
	rate    bool
}

// level is a measure that is the mean of its samples.
func level(m incident.Metric, unit string, scale float64) meaning {
	return meaning{m, unit, average, scale, false}
}

// worst is a measure whose largest sample counts.
func worst(m incident.Metric, unit string, scale float64) meaning {
	return meaning{m, unit, maximum, scale, false}
}

// count is a measure that is counted and shown per second.
func count(m incident.Metric) meaning { return meaning{m, unitPerSecond, sum, 1, true} }

// meanings of the metrics of AWS's services, by namespace. A metric that
// is not here keeps its name, too, and is the mean of its samples.
var meanings = map[string]map[string]meaning{
	"AWS/RDS": {
		"CPUUtilization":            level(incident.MetricCPU, unitPercent, 1),
		"DatabaseConnections":       level(incident.MetricConnections, unitCount, 1),
		"FreeStorageSpace":          level(incident.MetricFreeStorage, unitBytes, 1),
		"FreeLocalStorage":          level(incident.MetricFreeStorage, unitBytes, 1), // Aurora
		"FreeableMemory":            level(incident.MetricFreeMemory, unitBytes, 1),
		"SwapUsage":                 level(incident.MetricSwap, unitBytes, 1),
		"ReplicaLag":                worst(incident.MetricReplicaLag, unitSeconds, 1),
		"AuroraReplicaLag":          worst(incident.MetricReplicaLag, unitSeconds, 0.001),
		"ReadIOPS":                  level(incident.MetricReadIOPS, unitPerSecond, 1),
		"WriteIOPS":                 level(incident.MetricWriteIOPS, unitPerSecond, 1),
		"ReadLatency":               level(incident.MetricReadLatency, unitMilliseconds, 1000),
		"WriteLatency":              level(incident.MetricWriteLatency, unitMilliseconds, 1000),
		"DiskQueueDepth":            level(incident.MetricDiskQueue, unitCount, 1),
		"TransactionLogsGeneration": level(incident.MetricTransactionLogs, unitBytesRate, 1),
		"MaximumUsedTransactionIDs": worst(incident.MetricTransactionIDs, unitCount, 1),
		"DBLoad":                    level(incident.MetricDatabaseLoad, unitCount, 1),
		"NetworkReceiveThroughput":  level(incident.MetricNetworkIn, unitBytesRate, 1),
		"NetworkTransmitThroughput": level(incident.MetricNetworkOut, unitBytesRate, 1),
		"BurstBalance":              level("", unitPercent, 1),
		"EBSByteBalance%":           level("", unitPercent, 1),
		"EBSIOBalance%":             level("", unitPercent, 1),
		"CPUCreditBalance":          level("", unitCount, 1),
		"CommitLatency":             level("", unitMilliseconds, 1),
		"Deadlocks":                 level("", unitPerSecond, 1),
	},
	"AWS/ElastiCache": {
		"CPUUtilization":                level(incident.MetricCPU, unitPercent, 1),
		"EngineCPUUtilization":          level("", unitPercent, 1),
		"DatabaseMemoryUsagePercentage": level(incident.MetricMemory, unitPercent, 1),
		"CurrConnections":               level(incident.MetricConnections, unitCount, 1),
		"CacheHitRate":                  level(incident.MetricCacheHitRate, unitShare, 0.01),
		"FreeableMemory":                level(incident.MetricFreeMemory, unitBytes, 1),
		"SwapUsage":                     level(incident.MetricSwap, unitBytes, 1),
		"ReplicationLag":                worst(incident.MetricReplicaLag, unitSeconds, 1),
		"NetworkBytesIn":                {incident.MetricNetworkIn, unitBytesRate, sum, 1, true},
		"NetworkBytesOut":               {incident.MetricNetworkOut, unitBytesRate, sum, 1, true},
		"Evictions":                     count(""),
		"Reclaimed":                     count(""),
		"NewConnections":                count(""),
		"CacheHits":                     count(""),
		"CacheMisses":                   count(""),
	},
	"AWS/SQS": {
		"ApproximateNumberOfMessagesVisible":    worst(incident.MetricQueueDepth, unitCount, 1),
		"ApproximateAgeOfOldestMessage":         worst(incident.MetricQueueAge, unitSeconds, 1),
		"ApproximateNumberOfMessagesNotVisible": worst("", unitCount, 1),
		"NumberOfMessagesSent":                  count(""),
		"NumberOfMessagesReceived":              count(""),
		"NumberOfMessagesDeleted":               count(""),
		"NumberOfEmptyReceives":                 count(""),
	},
	"AWS/DynamoDB": {
		"SuccessfulRequestLatency":   level(incident.MetricLatency, unitMilliseconds, 1),
		"ThrottledRequests":          count(incident.MetricThrottles),
		"ReadThrottleEvents":         count(""),
		"WriteThrottleEvents":        count(""),
		"SystemErrors":               count(""),
		"UserErrors":                 count(""),
		"ConsumedReadCapacityUnits":  count(""),
		"ConsumedWriteCapacityUnits": count(""),
	},
	"AWS/Lambda": {
		"Duration":             {incident.MetricLatency, unitMilliseconds, "p95", 1, false},
		"Invocations":          count(incident.MetricRequestRate),
		"Errors":               count(failures),
		"Throttles":            count(incident.MetricThrottles),
		"ConcurrentExecutions": worst("", unitCount, 1),
		"IteratorAge":          worst("", unitMilliseconds, 1),
		"DeadLetterErrors":     count(""),
	},
	"AWS/ApplicationELB": {
		"TargetResponseTime":         {incident.MetricLatency, unitMilliseconds, "p95", 1000, false},
		"RequestCount":               count(incident.MetricRequestRate),
		"HTTPCode_Target_5XX_Count":  count(failures),
		"HTTPCode_ELB_5XX_Count":     count(""),
		"UnHealthyHostCount":         worst("", unitCount, 1),
		"HealthyHostCount":           level("", unitCount, 1),
		"ActiveConnectionCount":      {"", unitCount, sum, 1, false},
		"RejectedConnectionCount":    count(""),
		"TargetConnectionErrorCount": count(""),
	},
	"AWS/NetworkELB": {
		"UnHealthyHostCount":             worst("", unitCount, 1),
		"HealthyHostCount":               level("", unitCount, 1),
		"ActiveFlowCount":                level("", unitCount, 1),
		"NewFlowCount":                   count(""),
		"TCP_Target_Reset_Count":         count(""),
		"TCP_ELB_Reset_Count":            count(""),
		"PortAllocationErrorCount":       count(""),
		"RejectedFlowCount":              count(""),
		"ProcessedBytes":                 {incident.MetricNetworkIn, unitBytesRate, sum, 1, true},
		"ClientTLSNegotiationErrorCount": count(""),
	},
	"AWS/ELB": {
		"Latency":              {incident.MetricLatency, unitMilliseconds, "p95", 1000, false},
		"RequestCount":         count(incident.MetricRequestRate),
		"HTTPCode_Backend_5XX": count(failures),
		"HTTPCode_ELB_5XX":     count(""),
		"UnHealthyHostCount":   worst("", unitCount, 1),
		"SurgeQueueLength":     worst(incident.MetricQueueDepth, unitCount, 1),
		"SpilloverCount":       count(""),
	},
}
