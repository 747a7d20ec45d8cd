package worker

import (
	"context"
	"io"
	"maps"
	"slices"
	"strings"

	"vigil/activities/awsconfig"
	"vigil/worker/doctor"
	"vigil/workflows/incident"
)

// Doctor checks by cheap calls that AWS is as c needs it, and prints a table
// of what works and what is missing.
func Doctor(ctx context.Context, c Config, out io.Writer) error {
	settings, err := c.settings()
	if err != nil {
		return err
	}
	cfg, err := awsconfig.Load(ctx, awsconfig.Options{Region: c.Region, Endpoint: c.Endpoint})
	if err != nil {
		return err
	}
	d := doctor.Config{AWS: cfg, GuardrailID: c.GuardrailID, GuardrailVersion: c.GuardrailVersion, KnowledgeBaseID: c.KnowledgeBaseID,
		MemoryID: c.MemoryID, MemoryNamespace: c.MemoryNamespace, QBusinessID: c.QBusinessID, QBusinessSource: c.QBusinessRetrieve,
		AgentID: c.AgentID, AgentAliasID: c.AgentAliasID, Queues: c.QueueURLs, Telemetry: c.has(SourceAWS), Cluster: c.Cluster}
	d.Bucket, _, _ = strings.Cut(c.Bucket, "/")
	if c.has(SourceAWS) {
		d.Acts, d.Roles = acting(settings.Catalogue, c.ActionRoles)
	}
	if c.Provider == ProviderBedrock {
		models := slices.Collect(maps.Values(c.Models))
		d.Models = slices.Compact(slices.Sorted(slices.Values(append(models, c.ModelLadder...))))
	}
	return doctor.Run(ctx, d, out)
}

// acting says whether AWS is to carry out anything, and as which role each
// class of actions: those that are configured, and "" for a class that is
// enabled and has none where others have.
func acting(catalogue []incident.CatalogueEntry, configured map[incident.ActionType]string) (acts bool, roles map[string]string) {
	roles = map[string]string{}
	for class, role := range configured {
		roles[string(class)] = role
	}
	for _, e := range catalogue {
		if !e.Enabled || !slices.ContainsFunc(e.Steps, func(s incident.StepSpec) bool { return s.Executor == executorSSM || s.Executor == executorECS }) {
			continue
		}
		acts = true
		if _, has := configured[e.Type]; !has && len(configured) > 0 {
			roles[string(e.Type)] = ""
		}
	}
	return acts || len(configured) > 0, roles
}
