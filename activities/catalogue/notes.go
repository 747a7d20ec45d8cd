package catalogue

import (
	"fmt"
	"slices"

	"vigil/activities/internal/yamlfile"
	"vigil/workflows/incident"
)

// knownCauses are those that the shipped statistics find. Adapters and users
// add to them.
var knownCauses = []incident.Cause{incident.CauseBadDeployment, incident.CauseBadConfiguration, incident.CauseConnectionsExhausted, incident.CauseMemoryLeak,
	incident.CauseOutOfMemory, incident.CauseCrashLoop, incident.CauseCPUSaturation, incident.CauseTrafficSurge, incident.CauseStorageFull,
	incident.CauseDiskSaturation, incident.CauseReplicationLag, incident.CauseExpensiveQuery, incident.CauseLockContention, incident.CauseMaintenanceLoad,
	incident.CauseFailover, incident.CauseNetworkFailure, incident.CauseThrottled, incident.CauseDependencyFailure, incident.CauseCacheFailure,
	incident.CauseQueueBacklog, incident.CauseCertificateExpired, incident.CauseNodePressure, incident.CauseImagePull}

// Notes are what is no mistake, and may be one: causes that nothing of
// Vigil's own finds, for which an action would never be proposed.
func Notes(entries []incident.CatalogueEntry) []string {
	known := make([]string, len(knownCauses))
	for i, c := range knownCauses {
		known[i] = string(c)
	}
	var out []string
	for _, e := range entries {
		for _, c := range e.Causes {
			if slices.Contains(knownCauses, c) {
				continue
			}
			note := fmt.Sprintf("%s is for the cause %q, which the shipped statistics never find", e.Name, c)
			if like := yamlfile.Like(string(c), known); like != "" {
				note += "; did you mean " + like + "?"
			}
			out = append(out, note)
		}
	}
	return out
}
