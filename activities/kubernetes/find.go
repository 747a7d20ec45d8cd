package kubernetes

import (
	"cmp"
	"context"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/validation"
)

const (
	maxPods   = 50
	pageSize  = 500
	listPages = 10
)

// serviceLabels are the labels of pods that name a service, the most telling
// first.
var serviceLabels = []string{"app.kubernetes.io/name", "app", "app.kubernetes.io/instance", "k8s-app", "service", "name"}

// workload is what runs the pods of a service.
type workload struct {
	kind, namespace, name string
	selector              *metav1.LabelSelector
	deployment            *appsv1.Deployment // of a Deployment
}

// parts are what belongs to a service.
type parts struct {
	workloads []workload
	pods      []corev1.Pod
}

func (p parts) namespaces() []string {
	var out []string
	for _, w := range p.workloads {
		out = append(out, w.namespace)
	}
	for _, pod := range p.pods {
		out = append(out, pod.Namespace)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// find looks for what belongs to a service: workloads of that name and their
// pods, else the pods of a Service of that name, else pods with it in a label,
// and the workloads that own them.
func (l *look) find(ctx context.Context, name string) (parts, error) {
	var p parts
	if len(validation.IsDNS1123Subdomain(name)) > 0 {
		return p, nil // the cluster allows no object of that name
	}
	for _, ns := range l.cluster.namespaces {
		found, err := l.workloads(ctx, ns, name)
		if err != nil {
			return p, err
		}
		p.workloads = append(p.workloads, found...)
	}
	for _, w := range p.workloads {
		selector, err := metav1.LabelSelectorAsSelector(w.selector)
		if err != nil || selector.Empty() {
			continue // the cluster would not have taken it
		}
		pods, err := l.pods(ctx, w.namespace, selector)
		if err != nil {
			return p, err
		}
		p.pods = append(p.pods, pods...)
	}
	if len(p.workloads) == 0 {
		if err := l.byLabel(ctx, name, &p); err != nil {
			return p, err
		}
	}
	slices.SortStableFunc(p.pods, func(a, b corev1.Pod) int {
		return cmp.Or(cmp.Compare(trouble(b), trouble(a)), b.CreationTimestamp.Compare(a.CreationTimestamp.Time), cmp.Compare(a.Name, b.Name))
	})
	p.pods = p.pods[:min(len(p.pods), maxPods)]
	return p, nil
}

// byLabel finds pods by a Service's selector or by a label.
func (l *look) byLabel(ctx context.Context, name string, p *parts) error {
	for _, ns := range l.cluster.namespaces {
		var list *corev1.ServiceList
		err := l.ask("list services", ctx, func() (err error) {
			list, err = l.cluster.client.CoreV1().Services(ns).List(ctx, metav1.ListOptions{FieldSelector: "metadata.name=" + name, Limit: pageSize})
			return err
		})
		if err != nil {
			return err
		}
		for _, s := range list.Items {
			if s.Name == name && len(s.Spec.Selector) > 0 {
				pods, err := l.pods(ctx, s.Namespace, labels.SelectorFromSet(s.Spec.Selector))
				if err != nil {
					return err
				}
				p.pods = append(p.pods, pods...)
			}
		}
	}
	for _, label := range serviceLabels {
		if len(p.pods) > 0 || len(validation.IsValidLabelValue(name)) > 0 {
			break
		}
		for _, ns := range l.cluster.namespaces {
			pods, err := l.pods(ctx, ns, labels.SelectorFromSet(labels.Set{label: name}))
			if err != nil {
				return err
			}
			p.pods = append(p.pods, pods...)
		}
	}
	return l.owners(ctx, p)
}

// owners adds the workloads of pods that were found without them.
func (l *look) owners(ctx context.Context, p *parts) error {
	type owner struct{ kind, namespace, name string }
	seen := map[owner]bool{}
	for _, pod := range p.pods {
		for _, ref := range pod.OwnerReferences {
			o := owner{ref.Kind, pod.Namespace, ref.Name}
			if o.kind == "ReplicaSet" {
				if hash := pod.Labels["pod-template-hash"]; hash != "" && len(ref.Name) > len(hash)+1 {
					o.kind, o.name = "Deployment", ref.Name[:len(ref.Name)-len(hash)-1]
				}
			}
			if seen[o] {
				continue
			}
			seen[o] = true
			found, err := l.workloads(ctx, o.namespace, o.name)
			if err != nil {
				return err
			}
			p.workloads = append(p.workloads, found...)
		}
	}
	return nil
}

// workloads are the Deployments, StatefulSets and DaemonSets of one name.
func (l *look) workloads(ctx context.Context, ns, name string) ([]workload, error) {
	var out []workload
	named := metav1.ListOptions{FieldSelector: "metadata.name=" + name, Limit: pageSize}
	apps := l.cluster.client.AppsV1()
	err := l.ask("list deployments", ctx, func() error {
		list, err := apps.Deployments(ns).List(ctx, named)
		if err != nil {
			return err
		}
		for i, d := range list.Items {
			out = append(out, workload{"Deployment", d.Namespace, d.Name, d.Spec.Selector, &list.Items[i]})
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	err = l.ask("list statefulsets", ctx, func() error {
		list, err := apps.StatefulSets(ns).List(ctx, named)
		if err != nil {
			return err
		}
		for _, s := range list.Items {
			out = append(out, workload{"StatefulSet", s.Namespace, s.Name, s.Spec.Selector, nil})
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	err = l.ask("list daemonsets", ctx, func() error {
		list, err := apps.DaemonSets(ns).List(ctx, named)
		if err != nil {
			return err
		}
		for _, s := range list.Items {
			out = append(out, workload{"DaemonSet", s.Namespace, s.Name, s.Spec.Selector, nil})
		}
		return nil
	})
	return slices.DeleteFunc(out, func(w workload) bool { return w.name != name }), err
}

// pods are those that selector selects, as many as may be.
func (l *look) pods(ctx context.Context, ns string, selector labels.Selector) ([]corev1.Pod, error) {
	var out []corev1.Pod
	options := metav1.ListOptions{LabelSelector: selector.String(), Limit: pageSize}
	for range listPages {
		var list *corev1.PodList
		err := l.ask("list pods", ctx, func() (err error) {
			list, err = l.cluster.client.CoreV1().Pods(ns).List(ctx, options)
			return err
		})
		if err != nil {
			return nil, err
		}
		out = append(out, list.Items...)
		if options.Continue = list.Continue; options.Continue == "" {
			break
		}
	}
	return out, nil
}

// trouble is how much a pod seems to be in need of a look.
func trouble(p corev1.Pod) int {
	n := 0
	if p.Status.Phase == corev1.PodFailed || p.Status.Phase == corev1.PodPending {
		n += 2
	}
	for _, c := range containers(p) {
		if !c.Ready {
			n += 2
		}
		if c.RestartCount > 0 {
			n++
		}
	}
	return n
}

// containers are the states of all containers of a pod.
func containers(p corev1.Pod) []corev1.ContainerStatus {
	return slices.Concat(p.Status.InitContainerStatuses, p.Status.ContainerStatuses)
}
