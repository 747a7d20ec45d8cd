package ecs

import (
	"cmp"
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/smithy-go/middleware"

	"vigil/activities"
	"vigil/activities/internal/actionrole"
	"vigil/activities/internal/awscall"
	"vigil/activities/internal/ecsservice"
	"vigil/workflows/incident"
)

// ExecutorConfig configures an Executor. The zero value is the shipped
// configuration.
type ExecutorConfig struct {
	Cluster string                         // name or ARN; default prod
	Roles   map[incident.ActionType]string // ARN of the role that carries out each class; empty: the worker's own
}

// Executor changes services of ECS by UpdateService.
//
// UpdateService honours no client token, so every document names a target
// state, and doing one twice is doing it once:
//
//   - set_desired_count: the service wants DesiredCount tasks.
//   - set_task_definition: its primary deployment is of TaskDefinition, which
//     names a revision; "the latest" would be another thing each time.
//   - force_new_deployment: its primary deployment is another than Deployment,
//     the one that was read when the action was planned. Deployment may be left
//     out; then nothing tells a deployment that was asked for here from any
//     other, and Find says so by an error instead of guessing.
//
// An execution's id is that of the deployment which brings the state about.
// It is immutable and safe for concurrent use.
type Executor struct {
	api     *ecs.Client
	call    awscall.Caller
	reader  ecsservice.Reader
	cluster string
	roles   *actionrole.Roles
}

var _ activities.Executor = (*Executor)(nil)

// NewExecutor makes an Executor. recorder may be nil.
func NewExecutor(cfg aws.Config, c ExecutorConfig, recorder activities.Recorder) (*Executor, error) {
	roles, err := actionrole.New(cfg, c.Roles, recorder)
	if err != nil {
		return nil, err
	}
	api, call := ecs.NewFromConfig(awscall.Prepare(cfg, readTimeout)), awscall.New(service, recorder)
	return &Executor{api: api, call: call, reader: ecsservice.New(api, call), cluster: cmp.Or(c.Cluster, "prod"), roles: roles}, nil
}

// Observe reads the service; package ecsservice says what there is to know.
func (x *Executor) Observe(ctx context.Context, e incident.Effect) (incident.TargetState, incident.Provenance, error) {
	s, all, err := x.describe(ctx, e)
	if err != nil {
		return nil, all, err
	}
	state, p, err := x.reader.State(ctx, s)
	if p.Operation != "" {
		all = awscall.Merge(all, p)
	}
	return state, all, err
}

// describe reads the target; that there is none is an error.
func (x *Executor) describe(ctx context.Context, e incident.Effect) (*types.Service, incident.Provenance, error) {
	s, p, err := x.reader.Describe(ctx, x.cluster, e.Target)
	if err == nil && s == nil {
		err = incident.Errorf(incident.KindNotFound, "ecs: there is no service %q in the cluster %s; check the name, the cluster, the account and the region", e.Target, x.cluster)
	}
	return s, p, err
}

// Call is the UpdateService that Start sends.
func (x *Executor) Call(e incident.Effect) (incident.Call, error) {
	want, err := parse(e)
	if err != nil {
		return incident.Call{}, err
	}
	body, err := awscall.Render(func(option func(*middleware.Stack) error) error {
		_, err := x.api.UpdateService(context.Background(), x.input(e, want), ecs.WithAPIOptions(option))
		return err
	})
	return incident.Call{Service: service, Operation: "UpdateService", Request: body}, err
}

func (x *Executor) input(e incident.Effect, want document) *ecs.UpdateServiceInput {
	in := &ecs.UpdateServiceInput{Cluster: &x.cluster, Service: &e.Target}
	want.ask(in)
	return in
}

// Start asks for the state, unless the service has left the one that it was to
// be changed from.
func (x *Executor) Start(ctx context.Context, e incident.Effect) (string, incident.Provenance, error) {
	want, err := parse(e)
	if err != nil {
		return "", incident.Provenance{}, err
	}
	if from, ok := want.(forceNewDeployment); ok && from.deployment != "" {
		s, p, err := x.describe(ctx, e)
		if err != nil {
			return "", p, unsent(err)
		}
		if d := ecsservice.Primary(s); d == nil || aws.ToString(d.Id) != from.deployment {
			return "", p, incident.Errorf(incident.KindConflict, "ecs: %s is no longer on the deployment %s; nothing was sent. Read its state again and decide anew", e.Target, from.deployment)
		}
	}
	own, err := x.roles.Credentials(ctx, e, func(p actionrole.Place) []actionrole.Statement { return needs(p, x.cluster, e.Target) })
	if err != nil {
		return "", incident.Provenance{}, err
	}
	update := func(ctx context.Context, in *ecs.UpdateServiceInput, options ...func(*ecs.Options)) (*ecs.UpdateServiceOutput, error) {
		return x.api.UpdateService(ctx, in, append(options, func(o *ecs.Options) {
			if own != nil {
				o.Credentials = own
			}
		})...)
	}
	if err := activities.LastLook(ctx); err != nil {
		return "", incident.Provenance{}, err
	}
	out, p, err := awscall.Do(ctx, x.call, "UpdateService", update, x.input(e, want))
	if err != nil {
		return "", p, awscall.Effect(err)
	}
	if out.Service == nil {
		return "", p, awscall.Malformed(p, "the answer describes no service")
	}
	id := execution(out.Service, want)
	if id == "" {
		return "", p, awscall.Malformed(p, "the service has no primary deployment; is it deployed by something else than ECS?")
	}
	return id, p, nil
}

// Find says whether the service is at, or on its way to, the state that the
// effect asks for.
func (x *Executor) Find(ctx context.Context, e incident.Effect) (string, error) {
	want, err := parse(e)
	if err != nil {
		return "", err
	}
	s, _, err := x.describe(ctx, e)
	if err != nil {
		return "", err
	}
	there, err := want.reached(s)
	if err != nil || !there {
		return "", err
	}
	return execution(s, want), nil
}

// Get reads how the deployment stands that brings the state about. One that
// another has taken the place of cannot be told any more.
func (x *Executor) Get(ctx context.Context, e incident.Effect, id string) (incident.ExecutionState, string, incident.Provenance, error) {
	want, err := parse(e)
	if err != nil {
		return "", "", incident.Provenance{}, err
	}
	s, p, err := x.describe(ctx, e)
	if err != nil {
		return "", "", p, err
	}
	state, detail := stands(s, want, id)
	return state, detail, p, nil
}

// execution is the id of what brings the state about: the primary deployment,
// and of a number of tasks, where ECS does not deploy the service itself, the
// service.
func execution(s *types.Service, want document) string {
	if d := ecsservice.Primary(s); d != nil {
		return aws.ToString(d.Id)
	}
	if want.scales() {
		return "service/" + aws.ToString(s.ServiceName)
	}
	return ""
}

// needs is what one update takes.
func needs(p actionrole.Place, cluster, target string) []actionrole.Statement {
	cluster = cluster[strings.LastIndex(cluster, "/")+1:]
	return []actionrole.Statement{{Effect: "Allow", Action: []string{"ecs:UpdateService"},
		Resource: []string{"arn:" + p.Partition + ":ecs:" + p.Region + ":" + p.Account + ":service/" + cluster + "/" + target}}}
}

// unsent makes what is otherwise in doubt a refusal: the state could not be
// read, so nothing was sent.
func unsent(err error) error {
	switch incident.KindOf(err) {
	case incident.KindUnavailable, incident.KindInternal:
		return &incident.Error{Kind: incident.KindConflict, Op: "look before the update", Msg: "nothing was sent", Err: err}
	}
	return err
}
