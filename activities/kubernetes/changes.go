package kubernetes

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"vigil/activities"
	"vigil/workflows/incident"
)

// The kinds of incident.Change.
const (
	deployment    = "deployment"
	configuration = "configuration"
	restart       = "other"
)

const (
	revisionAnnotation = "deployment.kubernetes.io/revision"
	restartAnnotation  = "kubectl.kubernetes.io/restartedAt"
	causeAnnotation    = "kubernetes.io/change-cause"
)

// revision is one state of a workload's pod template.
type revision struct {
	number   int64
	name     string // of the object that keeps it
	at       time.Time
	template corev1.PodTemplateSpec
	raw      json.RawMessage // the template as a StatefulSet keeps it
	cause    string
}

// Recent returns the rollouts of a service's workloads that began in the
// window: a deployment where images changed, else a change of configuration,
// or a restart where nothing else did.
func (c *Cluster) Recent(ctx context.Context, name string, w activities.Window) ([]incident.Change, incident.Provenance, error) {
	if err := checked(name, w); err != nil {
		return nil, incident.Provenance{}, err
	}
	l := c.look()
	p, err := l.find(ctx, name)
	if err != nil {
		return nil, l.all, err
	}
	var out []incident.Change
	for _, work := range p.workloads {
		revisions, err := l.revisions(ctx, work)
		if err != nil {
			return nil, l.all, err
		}
		out = append(out, rollouts(name, work, revisions, w)...)
	}
	slices.SortStableFunc(out, func(a, b incident.Change) int { return a.At.Compare(b.At) })
	return out, l.all, nil
}

// revisions are the states of a workload that the cluster still has, in the
// order in which they were rolled out.
func (l *look) revisions(ctx context.Context, work workload) ([]revision, error) {
	selector, err := metav1.LabelSelectorAsSelector(work.selector)
	if err != nil || selector.Empty() {
		return nil, nil // the cluster would not have taken it
	}
	options := metav1.ListOptions{LabelSelector: selector.String(), Limit: pageSize}
	apps := l.cluster.client.AppsV1()
	var out []revision
	if work.kind == "Deployment" {
		err = l.ask("list replicasets", ctx, func() error {
			list, err := apps.ReplicaSets(work.namespace).List(ctx, options)
			if err != nil {
				return err
			}
			for _, rs := range list.Items {
				n, err := strconv.ParseInt(rs.Annotations[revisionAnnotation], 10, 64)
				if err != nil || !owned(rs.OwnerReferences, work) {
					continue // not a revision of this Deployment
				}
				out = append(out, revision{number: n, name: rs.Name, at: rs.CreationTimestamp.Time, template: rs.Spec.Template, cause: rs.Annotations[causeAnnotation]})
			}
			return nil
		})
	} else {
		err = l.ask("list controllerrevisions", ctx, func() error {
			list, err := apps.ControllerRevisions(work.namespace).List(ctx, options)
			if err != nil {
				return err
			}
			for _, cr := range list.Items {
				var patch struct {
					Spec struct {
						Template json.RawMessage `json:"template"`
					} `json:"spec"`
				}
				r := revision{number: cr.Revision, name: cr.Name, at: cr.CreationTimestamp.Time, cause: cr.Annotations[causeAnnotation]}
				if !owned(cr.OwnerReferences, work) || json.Unmarshal(cr.Data.Raw, &patch) != nil || json.Unmarshal(patch.Spec.Template, &r.template) != nil {
					continue // what cannot be read is none of a StatefulSet's
				}
				r.raw = patch.Spec.Template
				out = append(out, r)
			}
			return nil
		})
	}
	slices.SortFunc(out, func(a, b revision) int { return cmp.Compare(a.number, b.number) })
	return out, err
}

func owned(refs []metav1.OwnerReference, work workload) bool {
	return slices.ContainsFunc(refs, func(r metav1.OwnerReference) bool { return r.Kind == work.kind && r.Name == work.name })
}

func rollouts(service string, work workload, revisions []revision, w activities.Window) []incident.Change {
	var out []incident.Change
	newest := time.Time{}
	for i, r := range revisions {
		at := r.at
		// A rollback takes up an old revision and gives it a new number.
		back := i > 0 && at.Before(newest)
		if back {
			if at = progressed(work.deployment); i != len(revisions)-1 {
				continue // when that was nobody kept
			}
		}
		newest = latest(newest, r.at)
		if at.Before(w.From) || at.After(w.To) {
			continue
		}
		var before *revision
		if i > 0 {
			before = &revisions[i-1]
		}
		out = append(out, change(service, work, r, before, at, back))
	}
	return out
}

func change(service string, work workload, r revision, before *revision, at time.Time, back bool) incident.Change {
	c := incident.Change{Service: service, Kind: deployment, Version: images(r.template), At: at.UTC(), Actor: actor(work.deployment, at)}
	switch {
	case before == nil:
		c.Summary = fmt.Sprintf("rollout of %s, revision %d of %s %s", c.Version, r.number, strings.ToLower(work.kind), work.name)
	case images(before.template) != c.Version:
		c.Before = images(before.template)
		c.Summary = fmt.Sprintf("deployment of %s after %s", c.Version, c.Before)
	default:
		differs := differences(before.template, r.template)
		c.Kind = configuration
		c.Summary = fmt.Sprintf("%s of %s %s changed: %s", "pod template", strings.ToLower(work.kind), work.name, strings.Join(differs, ", "))
		if slices.Equal(differs, []string{"restart"}) {
			c.Kind, c.Summary = restart, fmt.Sprintf("restart of %s %s", strings.ToLower(work.kind), work.name)
		}
	}
	if back {
		c.Summary = "rollback: " + c.Summary
	}
	if r.cause != "" {
		c.Summary += " (" + clean(r.cause) + ")"
	}
	return c
}

// images are what a template runs, without their registries.
func images(t corev1.PodTemplateSpec) string {
	var out []string
	for _, c := range t.Spec.Containers {
		image, digest, _ := strings.Cut(c.Image, "@")
		image = image[strings.LastIndex(image, "/")+1:]
		if digest != "" && !strings.Contains(image, ":") {
			image += "@" + digest[:min(len(digest), 19)]
		}
		out = append(out, image)
	}
	return clean(strings.Join(out, ", "))
}

// differences names what differs between two templates, never the values:
// they may be secrets.
func differences(a, b corev1.PodTemplateSpec) []string {
	var out []string
	add := func(what string, differs bool) {
		if differs && !slices.Contains(out, what) {
			out = append(out, what)
		}
	}
	add("restart", a.Annotations[restartAnnotation] != b.Annotations[restartAnnotation] || a.Annotations[tokenAnnotation] != b.Annotations[tokenAnnotation])
	add("number of containers", len(a.Spec.Containers) != len(b.Spec.Containers))
	for i := range min(len(a.Spec.Containers), len(b.Spec.Containers)) {
		x, y := a.Spec.Containers[i], b.Spec.Containers[i]
		for _, name := range changedEnv(x.Env, y.Env) {
			add("environment variable "+name, true)
		}
		add("sources of the environment", !reflect.DeepEqual(x.EnvFrom, y.EnvFrom))
		add("resources", !reflect.DeepEqual(x.Resources, y.Resources))
		add("command", !reflect.DeepEqual(x.Command, y.Command) || !reflect.DeepEqual(x.Args, y.Args))
		add("probes", !reflect.DeepEqual(x.LivenessProbe, y.LivenessProbe) || !reflect.DeepEqual(x.ReadinessProbe, y.ReadinessProbe) || !reflect.DeepEqual(x.StartupProbe, y.StartupProbe))
		add("mounts", !reflect.DeepEqual(x.VolumeMounts, y.VolumeMounts))
	}
	add("init containers", !reflect.DeepEqual(a.Spec.InitContainers, b.Spec.InitContainers))
	add("volumes", !reflect.DeepEqual(a.Spec.Volumes, b.Spec.Volumes))
	if len(out) == 0 {
		out = []string{"other fields"}
	}
	return out
}

const maxEnv = 10

func changedEnv(a, b []corev1.EnvVar) []string {
	values := func(all []corev1.EnvVar) map[string]corev1.EnvVar {
		out := map[string]corev1.EnvVar{}
		for _, e := range all {
			out[e.Name] = e
		}
		return out
	}
	old, now := values(a), values(b)
	var out []string
	for name, e := range now {
		if o, ok := old[name]; !ok || !reflect.DeepEqual(o, e) {
			out = append(out, name)
		}
	}
	for name := range old {
		if _, ok := now[name]; !ok {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out[:min(len(out), maxEnv)]
}

// actor is what wrote to a Deployment's specification around at, such as
// kubectl-set or argocd-controller; "" where that is not kept.
func actor(d *appsv1.Deployment, at time.Time) string {
	if d == nil {
		return ""
	}
	var best *metav1.ManagedFieldsEntry
	for i, m := range d.ManagedFields {
		near := m.Time != nil && m.Time.Sub(at).Abs() <= time.Minute
		if near && m.Subresource == "" && m.Manager != "kube-controller-manager" && (best == nil || m.Time.After(best.Time.Time)) {
			best = &d.ManagedFields[i]
		}
	}
	if best == nil {
		return ""
	}
	return clean(best.Manager)
}

// progressed is when a Deployment's rollout last moved.
func progressed(d *appsv1.Deployment) time.Time {
	if d == nil {
		return time.Time{}
	}
	for _, c := range d.Status.Conditions {
		if c.Type == appsv1.DeploymentProgressing {
			return c.LastUpdateTime.Time
		}
	}
	return time.Time{}
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
