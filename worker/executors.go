package worker

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"slices"
	"strings"

	"vigil/activities"
	"vigil/activities/ecs"
	"vigil/activities/kubernetes"
	"vigil/activities/ssm"
	"vigil/activities/webhook"
	"vigil/workflows/incident"
)

// Executing says what carries actions out, and as whom. Without any of it, AWS
// and Kubernetes act with the worker's own credentials where telemetry is read
// from them.
type Executing struct {
	ActionRoles  map[incident.ActionType]string // ARN of the role that each class of actions takes on; empty: the worker's own
	WebhooksFile string                         // YAML file of hooks; "" for none
}

// The executors' names in a catalogue.
const (
	executorSSM        = "ssm"
	executorECS        = "ecs"
	executorKubernetes = "kubernetes"
	executorWebhook    = "webhook"
)

func (e *Executing) flags(fs *flag.FlagSet) {
	fs.Var(rolesFlag{&e.ActionRoles}, "action-role", "`type=arn` of the role that actions of a type take on, with the incident as source identity; may be repeated, or separated by commas. "+
		"With one given, a type without one is refused")
	fs.StringVar(&e.WebhooksFile, "webhooks-file", e.WebhooksFile, "YAML `file` of signed webhooks that carry actions out; empty for none")
}

// executors are what carries actions out: AWS and Kubernetes where they are
// sources of telemetry, and hooks where there is a file of them.
func (b builder) executors(_ context.Context, p *Ports) error {
	if len(b.ActionRoles) > 0 && !b.has(SourceAWS) {
		return incident.Errorf(incident.KindInvalid, "--action-role needs AWS to take roles on; add aws to --telemetry, or name no role")
	}
	all := map[string]activities.Executor{}
	if b.has(SourceAWS) {
		automations, err := ssm.New(b.aws, ssm.Config{Cluster: b.Cluster, Roles: b.ActionRoles}, b.recorder)
		if err != nil {
			return err
		}
		services, err := ecs.NewExecutor(b.aws, ecs.ExecutorConfig{Cluster: b.Cluster, Roles: b.ActionRoles}, b.recorder)
		if err != nil {
			return err
		}
		all[executorSSM], all[executorECS] = automations, services
	}
	if b.has(SourceKubernetes) {
		workloads, err := kubernetes.NewExecutor(kubernetes.Config{Kubeconfig: b.Kubeconfig, Namespaces: b.KubernetesNamespaces}, b.recorder)
		if err != nil {
			return err
		}
		all[executorKubernetes] = workloads
	}
	if b.WebhooksFile != "" {
		hooks, err := webhook.Load(b.WebhooksFile)
		if err != nil {
			return err
		}
		if all[executorWebhook], err = webhook.New(hooks, b.recorder); err != nil {
			return err
		}
	}
	p.Activities.Executors = all
	return nil
}

// rolesFlag is a flag of action types with roles.
type rolesFlag struct {
	to *map[incident.ActionType]string
}

func (r rolesFlag) String() string {
	if r.to == nil {
		return ""
	}
	var all []string
	for _, class := range slices.Sorted(maps.Keys(*r.to)) {
		all = append(all, string(class)+"="+(*r.to)[class])
	}
	return strings.Join(all, ",")
}

func (r rolesFlag) Set(s string) error {
	roles := map[incident.ActionType]string{}
	maps.Copy(roles, *r.to)
	for _, part := range strings.Split(s, ",") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		class, arn, ok := strings.Cut(part, "=")
		if !ok || !incident.ActionType(class).Valid() || arn == "" {
			return fmt.Errorf("%q is not type=arn; the types are %v", part, incident.ActionTypes)
		}
		if before, twice := roles[incident.ActionType(class)]; twice && before != arn {
			return fmt.Errorf("there are two roles for %s", class)
		}
		roles[incident.ActionType(class)] = arn
	}
	*r.to = roles
	return nil
}
