package worker

import (
	"context"
	"io"
	"maps"
	"slices"
	"strings"

	"vigil/activities/awsconfig"
	"vigil/worker/doctor"
)

// Doctor checks by cheap calls that AWS is as c needs it, and prints a table
// of what works and what is missing.
func Doctor(ctx context.Context, c Config, out io.Writer) error {
	if _, err := c.settings(); err != nil {
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
	d.Acts, d.Roles = c.has(SourceAWS) && len(c.EnableActions)+len(c.ActionRoles) > 0, map[string]string{}
	for class, role := range c.ActionRoles {
		d.Roles[string(class)] = role
	}
	if c.Provider == ProviderBedrock {
		models := slices.Collect(maps.Values(c.Models))
		d.Models = slices.Compact(slices.Sorted(slices.Values(append(models, c.ModelLadder...))))
	}
	return doctor.Run(ctx, d, out)
}
