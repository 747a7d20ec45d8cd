package incident_test

import (
	"testing"

	"vigil/workflows/incident"
)

func TestCategory(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		diagnosis incident.Diagnosis
		want      incident.Category
	}{
		"a resource that ran out":     {incident.Diagnosis{Verdict: incident.VerdictProbable, Cause: incident.CauseStorageFull}, incident.CategoryResourceExhaustion},
		"the machine under it":        {incident.Diagnosis{Verdict: incident.VerdictProbable, Cause: incident.CauseFailover}, incident.CategoryInfrastructure},
		"what was deployed":           {incident.Diagnosis{Verdict: incident.VerdictProbable, Cause: incident.CauseBadDeployment}, incident.CategoryDeployment},
		"nothing is wrong":            {incident.Diagnosis{Verdict: incident.VerdictHealthy, Cause: incident.CauseUnknown}, incident.CategoryHealthy},
		"nothing is known":            {incident.Diagnosis{Verdict: incident.VerdictInconclusive, Cause: incident.CauseUnknown}, incident.CategoryUnknown},
		"a cause that is not ours":    {incident.Diagnosis{Verdict: incident.VerdictProbable, Cause: "gremlins"}, incident.CategoryUnknown},
		"a cause but no conclusion":   {incident.Diagnosis{Verdict: incident.VerdictInconclusive, Cause: incident.CauseStorageFull}, incident.CategoryUnknown},
		"what only a database can be": {incident.Diagnosis{Verdict: incident.VerdictProbable, Cause: "memory_pressure"}, incident.CategoryResourceExhaustion},
	} {
		if got := c.diagnosis.Category(); got != c.want || !got.Valid() {
			t.Errorf("%s: %s, wanted %s", name, got, c.want)
		}
	}
}
