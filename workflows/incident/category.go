package incident

// Category is the broad class that a cause belongs to, in the words in which
// post-mortems are counted.
type Category string

const (
	CategoryResourceExhaustion Category = "resource_exhaustion"
	CategoryInfrastructure     Category = "infrastructure"
	CategoryDeployment         Category = "deployment"
	CategoryConfiguration      Category = "configuration"
	CategoryDependency         Category = "dependency"
	CategoryHealthy            Category = "healthy"
	CategoryUnknown            Category = "unknown"
)

// Categories lists every category.
var Categories = []Category{CategoryResourceExhaustion, CategoryInfrastructure, CategoryDeployment, CategoryConfiguration,
	CategoryDependency, CategoryHealthy, CategoryUnknown}

func (c Category) Valid() bool { return contains(Categories, c) }

// Category is the broad class of a cause: unknown for causes that are not
// among those that Vigil knows.
func (c Cause) Category() Category {
	switch c {
	case CauseBadDeployment, CauseCrashLoop, CauseImagePull:
		return CategoryDeployment
	case CauseBadConfiguration, CauseCertificateExpired:
		return CategoryConfiguration
	case CauseDependencyFailure:
		return CategoryDependency
	case CauseFailover, CauseNetworkFailure, CauseNodePressure,
		"instance_restart", "host_failure", "unhealthy_targets":
		return CategoryInfrastructure
	case CauseConnectionsExhausted, CauseMemoryLeak, CauseOutOfMemory, CauseCPUSaturation, CauseTrafficSurge, CauseStorageFull,
		CauseDiskSaturation, CauseReplicationLag, CauseExpensiveQuery, CauseLockContention, CauseMaintenanceLoad, CauseThrottled,
		CauseCacheFailure, CauseQueueBacklog,
		"memory_pressure", "transaction_id_wraparound", "ports_exhausted":
		return CategoryResourceExhaustion
	}
	return CategoryUnknown
}

// Category is the broad class of what a diagnosis says.
func (d Diagnosis) Category() Category {
	switch d.Verdict {
	case VerdictHealthy:
		return CategoryHealthy
	case VerdictProbable:
		return d.Cause.Category()
	}
	return CategoryUnknown
}
