package kubernetes

import (
	"context"
	"errors"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"

	"vigil/activities"
	"vigil/workflows/incident"
)

// Executor changes Deployments and StatefulSets: it restarts them, scales them,
// and takes their pod template back to an earlier revision.
//
// At most once: with each change the workload is given the effect's token, in
// the same request where there is one, so that Find is exact; the workload
// keeps the last tokens. Every request carries the resource version that was
// read immediately before, and the cluster refuses it where anything of the
// workload has changed since. A scale takes two requests: the token first and
// then the number, because the scale subresource carries no annotations.
//
// A target is the name of a workload, or namespace/name. One name that several
// workloads bear is refused: which one is meant is not Vigil's to guess.
type Executor struct {
	cluster *Cluster
}

var _ activities.Executor = (*Executor)(nil)

// NewExecutor makes an Executor. recorder may be nil. Nothing is asked yet.
func NewExecutor(c Config, recorder activities.Recorder) (*Executor, error) {
	client, err := connect(c)
	if err != nil {
		return nil, err
	}
	return ExecutorWith(client, c.Namespaces, recorder)
}

// ExecutorWith makes an Executor that acts through client. No namespaces are all.
func ExecutorWith(client kubernetes.Interface, namespaces []string, recorder activities.Recorder) (*Executor, error) {
	c, err := With(client, namespaces, recorder)
	if err != nil {
		return nil, err
	}
	return &Executor{cluster: c}, nil
}

// Observe reads the workload: kind ("deployment" or "statefulset"), namespace,
// desired_count, running_count (ready), pending_count, deployments (1 while it
// rolls out, else 0), paused, revision, and previous_revision, the newest before
// it that the cluster still keeps; it is left out where there is none.
func (x *Executor) Observe(ctx context.Context, e incident.Effect) (incident.TargetState, incident.Provenance, error) {
	l := x.cluster.look()
	t, err := l.locate(ctx, e.Target)
	if err != nil {
		return nil, l.all, err
	}
	past, err := l.revisions(ctx, t.workload())
	if err != nil {
		return nil, l.all, err
	}
	state := incident.TargetState{"kind": t.kind(), "namespace": t.meta().Namespace, "paused": t.paused(),
		"desired_count": float64(t.replicas()), "running_count": float64(t.ready()), "pending_count": float64(max(0, t.replicas()-t.ready())), "deployments": 0.0}
	if rolling, _ := t.rollout(); rolling == incident.ExecutionRunning {
		state["deployments"] = 1.0
	}
	current := t.revision(past)
	if current > 0 {
		state["revision"] = float64(current)
	}
	previous := int64(0)
	for _, r := range past {
		if r.number < current && r.number > previous {
			previous = r.number
		}
	}
	if previous > 0 {
		state["previous_revision"] = float64(previous)
	}
	return state, l.all, nil
}

// Start changes the workload.
func (x *Executor) Start(ctx context.Context, e incident.Effect) (string, incident.Provenance, error) {
	d, err := asked(e)
	if err != nil {
		return "", incident.Provenance{}, err
	}
	l := x.cluster.look()
	t, err := l.locate(ctx, e.Target)
	if err != nil {
		return "", l.all, unsent(err)
	}
	if _, there := noted(t.meta(), e.Token()); there {
		return "", l.all, incident.Errorf(incident.KindConflict, "kubernetes: %s has the token of this effect already; it was begun before, and nothing was sent now", t)
	}
	switch d.name {
	case documentScale:
		err = l.scale(ctx, t, e, d)
	case documentRollback:
		err = l.rollback(ctx, t, e, d)
	default:
		err = l.restart(ctx, t, e)
	}
	if err != nil {
		return "", l.all, err
	}
	return t.String(), l.all, nil
}

// Find looks for the token at the workload. A scale whose token is there and
// whose number is not never came that far, or was overtaken.
func (x *Executor) Find(ctx context.Context, e incident.Effect) (string, error) {
	d, err := asked(e)
	if err != nil {
		return "", err
	}
	t, err := x.cluster.look().locate(ctx, e.Target)
	if err != nil {
		return "", err
	}
	if _, there := noted(t.meta(), e.Token()); !there || (d.name == documentScale && t.replicas() != d.replicas) {
		return "", nil
	}
	return t.String(), nil
}

// Get reads how the rollout stands. A change that another has overtaken cannot
// be told any more.
func (x *Executor) Get(ctx context.Context, e incident.Effect, _ string) (incident.ExecutionState, string, incident.Provenance, error) {
	d, err := asked(e)
	if err != nil {
		return "", "", incident.Provenance{}, err
	}
	l := x.cluster.look()
	t, err := l.locate(ctx, e.Target)
	if err != nil {
		return "", "", l.all, err
	}
	overtaken, err := l.overtaken(ctx, t, e, d)
	if err != nil || overtaken != "" {
		return incident.ExecutionUnknown, overtaken, l.all, err
	}
	state, detail := t.rollout()
	return state, detail, l.all, nil
}

// overtaken says what took the place of an effect; "" where nothing did.
func (l *look) overtaken(ctx context.Context, t target, e incident.Effect, d document) (string, error) {
	name, there := noted(t.meta(), e.Token())
	switch {
	case d.name == documentScale:
		if t.replicas() != d.replicas {
			return fmt.Sprintf("%s is to have %d replicas now and not %d; a person or an autoscaler changed it", t, t.replicas(), d.replicas), nil
		}
	case !there:
		return fmt.Sprintf("%s no longer has the token of this effect; many others were carried out since, or its annotations were replaced", t), nil
	case d.name == documentRestart:
		if t.template().Annotations[tokenAnnotation] != e.Token() {
			return fmt.Sprintf("%s was restarted again or given another pod template", t), nil
		}
	default:
		if !t.seen() {
			return "", nil // its controller has not given the template a number yet
		}
		past, err := l.revisions(ctx, t.workload())
		if err != nil {
			return "", err
		}
		for _, r := range past {
			if r.name == name && r.number == t.revision(past) {
				return "", nil
			}
		}
		return fmt.Sprintf("%s is at revision %d, which is not the one it was taken back to", t, t.revision(past)), nil
	}
	return "", nil
}

// write makes one request that changes something. That there is no such thing
// is an error here.
func (l *look) write(operation string, ctx context.Context, call func() error) error {
	return absent(operation, l.ask(operation, ctx, call))
}

func absent(operation string, err error) error {
	if apierrors.IsNotFound(err) {
		return &incident.Error{Kind: incident.KindNotFound, Op: service + " " + operation, Msg: clean(err.Error()) + "; check the names of the cluster and of the namespaces"}
	}
	return err
}

// unsent makes what is otherwise in doubt a refusal: nothing of the effect was
// sent. Cancelling stays visible.
func unsent(err error) error {
	switch incident.KindOf(err) {
	case incident.KindUnavailable, incident.KindInternal:
		return &incident.Error{Kind: incident.KindConflict, Op: service, Msg: "nothing was changed, because it could not be looked at before", Err: err}
	}
	return err
}

// patch changes the workload in one request.
func (l *look) patch(ctx context.Context, t target, kind types.PatchType, body []byte) error {
	if err := activities.LastLook(ctx); err != nil {
		return err
	}
	m, options := t.meta(), metav1.PatchOptions{FieldManager: manager}
	apps := l.cluster.client.AppsV1()
	return l.write("patch "+t.kind(), ctx, func() (err error) {
		if t.set != nil {
			_, err = apps.StatefulSets(m.Namespace).Patch(ctx, m.Name, kind, body, options)
		} else {
			_, err = apps.Deployments(m.Namespace).Patch(ctx, m.Name, kind, body, options)
		}
		return err
	})
}

// errNoScale is an answer without what was asked for.
var errNoScale = errors.New("the answer holds no scale")
