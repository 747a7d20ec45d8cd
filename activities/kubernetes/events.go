package kubernetes

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"vigil/activities"
	"vigil/workflows/incident"
)

const maxEvents = 200 // the newest

// quiet are reasons for a container to wait that are no trouble.
var quiet = []string{"", "ContainerCreating", "PodInitializing"}

// Events returns what the cluster reported of a service's workloads, pods and
// the nodes under them, and what its containers wait for or died of.
func (c *Cluster) Events(ctx context.Context, name string, w activities.Window) ([]incident.SystemEvent, incident.Provenance, error) {
	if err := checked(name, w); err != nil {
		return nil, incident.Provenance{}, err
	}
	l := c.look()
	p, err := l.find(ctx, name)
	if err != nil {
		return nil, l.all, err
	}
	var out []incident.SystemEvent
	for _, ns := range l.eventNamespaces(p) {
		list, err := l.events(ctx, ns)
		if err != nil {
			return nil, l.all, err
		}
		for _, e := range list {
			if first, last := times(e); p.owns(e) && !last.Before(w.From) && !first.After(w.To) {
				out = append(out, incident.SystemEvent{At: last.UTC(), Resource: strings.ToLower(e.InvolvedObject.Kind) + "/" + e.InvolvedObject.Name,
					Category: e.Reason, Message: clean(e.Message), Count: counted(e), Warning: e.Type == corev1.EventTypeWarning})
			}
		}
	}
	for _, pod := range p.pods {
		out = append(out, states(pod, w)...)
	}
	for _, work := range p.workloads {
		out = append(out, conditions(work, w)...)
	}
	slices.SortStableFunc(out, func(a, b incident.SystemEvent) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Resource, b.Resource))
	})
	return out[max(0, len(out)-maxEvents):], l.all, nil
}

// eventNamespaces are those of a service's parts, and the one that events of
// nodes are in where all are read.
func (l *look) eventNamespaces(p parts) []string {
	out := p.namespaces()
	if len(out) > 0 && l.cluster.namespaces[0] == metav1.NamespaceAll && !slices.Contains(out, metav1.NamespaceDefault) {
		out = append(out, metav1.NamespaceDefault)
	}
	return out
}

func (l *look) events(ctx context.Context, ns string) ([]corev1.Event, error) {
	var out []corev1.Event
	options := metav1.ListOptions{Limit: pageSize}
	for range listPages {
		var list *corev1.EventList
		err := l.ask("list events", ctx, func() (err error) {
			list, err = l.cluster.client.CoreV1().Events(ns).List(ctx, options)
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

// owns reports whether an event is about a part of the service. Pods that are
// gone are known by the names that their workloads give.
func (p parts) owns(e corev1.Event) bool {
	o := e.InvolvedObject
	for _, pod := range p.pods {
		if o.Kind == "Pod" && o.Name == pod.Name && o.Namespace == pod.Namespace || o.Kind == "Node" && o.Name == pod.Spec.NodeName && o.Name != "" {
			return true
		}
	}
	for _, w := range p.workloads {
		if w.namespace != o.Namespace {
			continue
		}
		rest, begins := strings.CutPrefix(o.Name, w.name+"-")
		switch o.Kind {
		case w.kind, "HorizontalPodAutoscaler", "Service", "PodDisruptionBudget":
			if o.Name == w.name {
				return true
			}
		case "ReplicaSet":
			if begins && w.kind == "Deployment" && !strings.Contains(rest, "-") {
				return true
			}
		case "Pod": // NAME-HASH-SUFFIX of a Deployment, NAME-SUFFIX of the others
			dashes := 0
			if w.kind == "Deployment" {
				dashes = 1
			}
			if begins && strings.Count(rest, "-") == dashes {
				return true
			}
		}
	}
	return false
}

// times are when an event was first and last seen.
func times(e corev1.Event) (first, last time.Time) {
	last = e.LastTimestamp.Time
	if e.Series != nil && e.Series.LastObservedTime.After(last) {
		last = e.Series.LastObservedTime.Time
	}
	for _, t := range []time.Time{e.EventTime.Time, e.FirstTimestamp.Time, e.CreationTimestamp.Time} {
		if last.IsZero() {
			last = t
		}
		if first.IsZero() {
			first = t
		}
	}
	if first.IsZero() || first.After(last) {
		first = last
	}
	return first, last
}

func counted(e corev1.Event) int {
	n := int(e.Count)
	if e.Series != nil {
		n = max(n, int(e.Series.Count))
	}
	return n
}

// states tells what the containers of a pod wait for and died of.
func states(p corev1.Pod, w activities.Window) []incident.SystemEvent {
	var out []incident.SystemEvent
	add := func(at time.Time, category, format string, args ...any) {
		if !at.IsZero() && !at.After(w.To) {
			out = append(out, incident.SystemEvent{At: at.UTC(), Resource: "pod/" + p.Name, Category: category, Message: clean(fmt.Sprintf(format, args...)), Warning: true})
		}
	}
	if p.Status.Phase == corev1.PodFailed && p.Status.Reason != "" { // such as Evicted
		add(changed(p, corev1.PodReady), p.Status.Reason, "the pod failed: %s", p.Status.Message)
	}
	for _, c := range p.Status.Conditions {
		if c.Type == corev1.PodScheduled && c.Status == corev1.ConditionFalse {
			add(c.LastTransitionTime.Time, c.Reason, "the pod is not scheduled: %s", c.Message)
		}
	}
	for _, c := range containers(p) {
		for _, t := range []*corev1.ContainerStateTerminated{c.LastTerminationState.Terminated, c.State.Terminated} {
			if t == nil || t.ExitCode == 0 && t.Reason != "OOMKilled" || t.FinishedAt.Time.Before(w.From) {
				continue
			}
			out = append(out, died(p, c, t, w)...)
		}
		if wait := c.State.Waiting; wait != nil && !slices.Contains(quiet, wait.Reason) {
			at := changed(p, corev1.ContainersReady)
			if t := c.LastTerminationState.Terminated; t != nil {
				at = t.FinishedAt.Time
			}
			add(at, wait.Reason, "container %s waits, restarted %d times: %s", c.Name, c.RestartCount, wait.Message)
		}
	}
	return out
}

// died tells of one end of a container.
func died(p corev1.Pod, c corev1.ContainerStatus, t *corev1.ContainerStateTerminated, w activities.Window) []incident.SystemEvent {
	if t.FinishedAt.IsZero() || t.FinishedAt.After(w.To) {
		return nil
	}
	message := fmt.Sprintf("container %s ended with exit code %d, restarted %d times", c.Name, t.ExitCode, c.RestartCount)
	if t.Reason == "OOMKilled" {
		message = fmt.Sprintf("container %s was killed because it used more memory than its limit, restarted %d times", c.Name, c.RestartCount)
		for _, spec := range p.Spec.Containers {
			if limit := spec.Resources.Limits.Memory(); spec.Name == c.Name && !limit.IsZero() {
				message += ", limit " + limit.String()
			}
		}
	}
	if t.Message != "" {
		message += ": " + t.Message
	}
	return []incident.SystemEvent{{At: t.FinishedAt.UTC(), Resource: "pod/" + p.Name, Category: cmp.Or(t.Reason, "Error"), Message: clean(message),
		Count: int(c.RestartCount), Warning: true}}
}

// changed is when a condition of a pod changed last.
func changed(p corev1.Pod, kind corev1.PodConditionType) time.Time {
	for _, c := range p.Status.Conditions {
		if c.Type == kind {
			return c.LastTransitionTime.Time
		}
	}
	return p.CreationTimestamp.Time
}

// conditions tells what a Deployment itself says is wrong with it.
func conditions(work workload, w activities.Window) []incident.SystemEvent {
	if work.deployment == nil {
		return nil
	}
	var out []incident.SystemEvent
	for _, c := range work.deployment.Status.Conditions {
		bad := c.Status == corev1.ConditionFalse && (c.Type == "Available" || c.Type == "Progressing") || c.Status == corev1.ConditionTrue && c.Type == "ReplicaFailure"
		if bad && !c.LastTransitionTime.IsZero() && !c.LastTransitionTime.After(w.To) {
			out = append(out, incident.SystemEvent{At: c.LastTransitionTime.UTC(), Resource: "deployment/" + work.name, Category: c.Reason, Message: clean(c.Message), Warning: true})
		}
	}
	return out
}
