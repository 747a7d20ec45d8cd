package worker

import (
	"context"
	"errors"
	"io"

	"vigil/activities/catalogue"
	"vigil/activities/policy"
	"vigil/worker/rehearsal"
)

// Rehearsal says what CheckActions looks at besides the files.
type Rehearsal struct {
	Offline bool     // nothing: no target is read
	Targets []string // names of services; none: all of the service graph
}

// CheckActions reads the catalogue and the policy that c names, and prints
// what would come of them. It reads targets and changes nothing; an error says
// what is wrong with the files, or what could not be told.
func CheckActions(ctx context.Context, c Config, r Rehearsal, out io.Writer) error {
	_, catalogueErr := catalogue.Load(c.ActionsFile)
	rules, policyErr := policy.Load(c.PolicyFile)
	if err := errors.Join(catalogueErr, policyErr); err != nil {
		return err
	}
	// What has nothing to do with actions is left alone.
	c.Provider, c.GuardrailID, c.KnowledgeBaseID, c.MemoryID, c.QBusinessID, c.AgentID = ProviderNone, "", "", "", "", ""
	c.DataDir, c.Bucket, c.Runbooks = "", "", ""
	settings, err := c.settings()
	if err != nil {
		return err
	}
	shown := rehearsal.Config{Settings: settings, Policy: rules, Targets: r.Targets, Offline: r.Offline, Notes: catalogue.Notes(settings.Catalogue),
		CatalogueFile: named(c.ActionsFile, "the shipped catalogue"), PolicyFile: named(c.PolicyFile, "the shipped policy")}
	if r.Offline {
		return rehearsal.Run(ctx, shown, out)
	}
	p, err := NewPorts(ctx, c, Deps{}, nil)
	if err != nil {
		return err
	}
	shown.Catalogue, shown.Executors, shown.Topology = p.Activities.Catalogue, p.Executors, p.Topology
	return errors.Join(rehearsal.Run(ctx, shown, out), p.Close())
}

func named(file, otherwise string) string {
	if file == "" {
		return otherwise
	}
	return file
}
