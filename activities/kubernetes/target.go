package kubernetes

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"vigil/workflows/incident"
)

// target is the workload that an effect is on: one of the two.
type target struct {
	deployment *appsv1.Deployment
	set        *appsv1.StatefulSet
}

// locate finds the one workload of a name.
func (l *look) locate(ctx context.Context, name string) (target, error) {
	namespaces := l.cluster.namespaces
	if ns, rest, ok := strings.Cut(name, "/"); ok {
		if !slices.Contains(namespaces, ns) && !slices.Contains(namespaces, metav1.NamespaceAll) {
			return target{}, incident.Errorf(incident.KindDenied, "kubernetes: the namespace %q is not one that this worker looks at", ns)
		}
		namespaces, name = []string{ns}, rest
	}
	if len(validation.IsDNS1123Subdomain(name)) > 0 || (namespaces[0] != metav1.NamespaceAll && len(validation.IsDNS1123Label(namespaces[0])) > 0) {
		return target{}, incident.Errorf(incident.KindInvalid, "kubernetes: %q is no name of a workload; write name or namespace/name", name)
	}
	var found []target
	named := metav1.ListOptions{FieldSelector: "metadata.name=" + name, Limit: pageSize}
	apps := l.cluster.client.AppsV1()
	for _, ns := range namespaces {
		err := l.write("list deployments", ctx, func() error {
			list, err := apps.Deployments(ns).List(ctx, named)
			if err != nil {
				return err
			}
			for i := range list.Items {
				found = append(found, target{deployment: &list.Items[i]})
			}
			return nil
		})
		if err != nil {
			return target{}, err
		}
		err = l.write("list statefulsets", ctx, func() error {
			list, err := apps.StatefulSets(ns).List(ctx, named)
			if err != nil {
				return err
			}
			for i := range list.Items {
				found = append(found, target{set: &list.Items[i]})
			}
			return nil
		})
		if err != nil {
			return target{}, err
		}
	}
	found = slices.DeleteFunc(found, func(t target) bool { return t.meta().Name != name })
	switch len(found) {
	case 0:
		return target{}, incident.Errorf(incident.KindNotFound, "kubernetes: there is no Deployment or StatefulSet %q in the namespaces that this worker looks at", name)
	case 1:
		return found[0], nil
	}
	var all []string
	for _, t := range found {
		all = append(all, t.String())
	}
	return target{}, incident.Errorf(incident.KindConflict, "kubernetes: %q is %s; name one by its namespace, or have the worker look at fewer namespaces", name, strings.Join(all, " and "))
}

func (t target) meta() *metav1.ObjectMeta {
	if t.set != nil {
		return &t.set.ObjectMeta
	}
	return &t.deployment.ObjectMeta
}

func (t target) kind() string {
	if t.set != nil {
		return "statefulset"
	}
	return "deployment"
}

func (t target) String() string { return t.kind() + "/" + t.meta().Namespace + "/" + t.meta().Name }

func (t target) workload() workload {
	m := t.meta()
	if t.set != nil {
		return workload{"StatefulSet", m.Namespace, m.Name, t.set.Spec.Selector, nil}
	}
	return workload{"Deployment", m.Namespace, m.Name, t.deployment.Spec.Selector, t.deployment}
}

func (t target) template() *corev1.PodTemplateSpec {
	if t.set != nil {
		return &t.set.Spec.Template
	}
	return &t.deployment.Spec.Template
}

// replicas is how many there are to be; the cluster fills in 1 where nobody said.
func (t target) replicas() int32 {
	n := (*int32)(nil)
	if t.set != nil {
		n = t.set.Spec.Replicas
	} else {
		n = t.deployment.Spec.Replicas
	}
	if n == nil {
		return 1
	}
	return *n
}

func (t target) ready() int32 {
	if t.set != nil {
		return t.set.Status.ReadyReplicas
	}
	return t.deployment.Status.ReadyReplicas
}

func (t target) paused() bool { return t.deployment != nil && t.deployment.Spec.Paused }

// seen reports whether the workload's controller has taken up its latest
// specification.
func (t target) seen() bool {
	if t.set != nil {
		return t.set.Status.ObservedGeneration >= t.set.Generation
	}
	return t.deployment.Status.ObservedGeneration >= t.deployment.Generation
}

// revision is the number of the pod template that the workload has; 0 where it
// has none yet.
func (t target) revision(past []revision) int64 {
	if t.deployment != nil {
		n, err := strconv.ParseInt(t.deployment.Annotations[revisionAnnotation], 10, 64)
		if err != nil {
			return 0
		}
		return n
	}
	for _, r := range past {
		if r.name == t.set.Status.UpdateRevision {
			return r.number
		}
	}
	return 0
}

// stuck is the reason of a Deployment's condition Progressing once its rollout
// has taken longer than progressDeadlineSeconds.
const stuck = "ProgressDeadlineExceeded"

// rollout says how the latest specification stands, as kubectl rollout status
// does.
func (t target) rollout() (incident.ExecutionState, string) {
	if t.set != nil {
		return t.setRollout()
	}
	d, want := t.deployment, t.replicas()
	s := d.Status
	if !t.seen() {
		return incident.ExecutionRunning, fmt.Sprintf("%s: its controller has not taken it up yet", t)
	}
	counts := fmt.Sprintf("%s: %d of %d replicas are of the latest specification, %d available, %d of before", t, s.UpdatedReplicas, want, s.AvailableReplicas, s.Replicas-s.UpdatedReplicas)
	for _, c := range d.Status.Conditions {
		if c.Type == appsv1.DeploymentProgressing && c.Reason == stuck {
			return incident.ExecutionFailed, counts + "; " + clean(cmp.Or(c.Message, c.Reason))
		}
	}
	if s.UpdatedReplicas != want || s.Replicas > s.UpdatedReplicas || s.AvailableReplicas < want {
		return incident.ExecutionRunning, counts
	}
	return incident.ExecutionSucceeded, counts
}

func (t target) setRollout() (incident.ExecutionState, string) {
	s, want := t.set.Status, t.replicas()
	if !t.seen() {
		return incident.ExecutionRunning, fmt.Sprintf("%s: its controller has not taken it up yet", t)
	}
	// With a partition only the pods from its number on are replaced.
	replaced := want
	if u := t.set.Spec.UpdateStrategy.RollingUpdate; u != nil && u.Partition != nil {
		replaced = max(0, want-*u.Partition)
	}
	updated := s.UpdatedReplicas
	if s.UpdateRevision == s.CurrentRevision { // once all are alike the cluster no longer counts them
		updated = s.Replicas
	}
	counts := fmt.Sprintf("%s: %d of %d replicas are of the latest specification, %d of %d ready", t, updated, replaced, s.ReadyReplicas, want)
	if updated < replaced || s.ReadyReplicas < want || s.Replicas > want {
		return incident.ExecutionRunning, counts
	}
	return incident.ExecutionSucceeded, counts
}
