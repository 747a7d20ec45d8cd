package kubernetes_test

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"

	"vigil/activities"
	"vigil/activities/kubernetes"
	"vigil/workflows/incident"
)

var (
	noon   = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	window = activities.Window{From: noon.Add(-time.Hour), To: noon}
)

// ago is a time minutes before noon.
func ago(minutes int) metav1.Time {
	return metav1.NewTime(noon.Add(-time.Duration(minutes) * time.Minute))
}

func meta(name string, minutes int, labels map[string]string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: "shop", Name: name, Labels: labels, CreationTimestamp: ago(minutes)}
}

var checkout = map[string]string{"app": "checkout"}

// template is a pod template with one image.
func template(image string, env ...string) corev1.PodTemplateSpec {
	c := corev1.Container{Name: "main", Image: image, Resources: corev1.ResourceRequirements{Limits: corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("256Mi")}}}
	for i := 0; i+1 < len(env); i += 2 {
		c.Env = append(c.Env, corev1.EnvVar{Name: env[i], Value: env[i+1]})
	}
	return corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: checkout}, Spec: corev1.PodSpec{NodeName: "node-1", Containers: []corev1.Container{c}}}
}

func deployment(conditions ...appsv1.DeploymentCondition) *appsv1.Deployment {
	at := ago(10)
	d := &appsv1.Deployment{ObjectMeta: meta("checkout", 10_000, nil), Spec: appsv1.DeploymentSpec{Selector: &metav1.LabelSelector{MatchLabels: checkout}},
		Status: appsv1.DeploymentStatus{Conditions: conditions}}
	d.ManagedFields = []metav1.ManagedFieldsEntry{{Manager: "argocd-controller", Time: &at}, {Manager: "kube-controller-manager", Time: &at, Subresource: "status"}}
	return d
}

func replicaSet(revision, minutes int, t corev1.PodTemplateSpec) *appsv1.ReplicaSet {
	rs := &appsv1.ReplicaSet{ObjectMeta: meta(fmt.Sprintf("checkout-%dabc", minutes), minutes, checkout), Spec: appsv1.ReplicaSetSpec{Template: t}}
	rs.Annotations = map[string]string{"deployment.kubernetes.io/revision": fmt.Sprint(revision)}
	rs.OwnerReferences = []metav1.OwnerReference{{Kind: "Deployment", Name: "checkout"}}
	return rs
}

func pod(name string, labels map[string]string, statuses ...corev1.ContainerStatus) *corev1.Pod {
	return &corev1.Pod{ObjectMeta: meta(name, 10, labels), Spec: template("shop/checkout:1.5.0").Spec,
		Status: corev1.PodStatus{Phase: corev1.PodRunning, ContainerStatuses: statuses}}
}

func event(kind, name, reason, message string, minutes int, warning bool) *corev1.Event {
	e := &corev1.Event{ObjectMeta: meta(fmt.Sprintf("%s.%s.%d", name, strings.ToLower(reason), minutes), minutes, nil), InvolvedObject: corev1.ObjectReference{Kind: kind, Name: name, Namespace: "shop"},
		Reason: reason, Message: message, FirstTimestamp: ago(minutes), LastTimestamp: ago(minutes), Count: 3, Type: corev1.EventTypeNormal}
	if warning {
		e.Type = corev1.EventTypeWarning
	}
	return e
}

func mustCluster(t testing.TB, objects ...runtime.Object) *kubernetes.Cluster {
	t.Helper()
	c, err := kubernetes.With(fake.NewClientset(objects...), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func said(events []incident.SystemEvent) []string {
	var out []string
	for _, e := range events {
		out = append(out, fmt.Sprintf("%s %s %s: %s x%d %t", e.At.Format("15:04"), e.Resource, e.Category, e.Message, e.Count, e.Warning))
	}
	return out
}

func TestEvents(t *testing.T) {
	t.Parallel()
	killed := corev1.ContainerStatus{Name: "main", RestartCount: 4,
		LastTerminationState: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{Reason: "OOMKilled", ExitCode: 137, FinishedAt: ago(5)}},
		State:                corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff", Message: "back-off 1m20s"}}}
	finished := corev1.ContainerStatus{Name: "migrate", State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{Reason: "Completed", FinishedAt: ago(9)}}}
	late := event("Pod", "checkout-7d9c5b6f4-x2x7k", "Failed", "too old", 90, true)
	node := event("Node", "node-1", "NodeNotReady", "Node node-1 status is now: NodeNotReady", 3, true)
	node.Namespace = "default"
	c := mustCluster(t,
		deployment(appsv1.DeploymentCondition{Type: appsv1.DeploymentAvailable, Status: corev1.ConditionFalse, Reason: "MinimumReplicasUnavailable", Message: "Deployment does not have minimum availability.", LastTransitionTime: ago(4)},
			appsv1.DeploymentCondition{Type: appsv1.DeploymentProgressing, Status: corev1.ConditionTrue, LastTransitionTime: ago(4)}),
		pod("checkout-7d9c5b6f4-x2x7k", checkout, finished, killed), pod("payments-1-2", map[string]string{"app": "payments"}, killed),
		event("Pod", "checkout-7d9c5b6f4-x2x7k", "BackOff", "Back-off restarting failed container, password=hunter2hunter2", 2, true),
		event("Pod", "checkout-5c6d7-gone1", "Killing", "Stopping container main", 8, false),
		event("ReplicaSet", "checkout-7d9c5b6f4", "SuccessfulCreate", "Created pod", 10, false),
		event("Pod", "checkout-worker-7d9c5b6f4-x2x7k", "BackOff", "of another service", 2, true),
		event("Deployment", "payments", "ScalingReplicaSet", "of another service", 2, false), late, node)
	got, p, err := c.Events(t.Context(), "checkout", window)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"11:50 replicaset/checkout-7d9c5b6f4 SuccessfulCreate: Created pod x3 false",
		"11:52 pod/checkout-5c6d7-gone1 Killing: Stopping container main x3 false",
		"11:55 pod/checkout-7d9c5b6f4-x2x7k OOMKilled: container main was killed because it used more memory than its limit, restarted 4 times, limit 256Mi x4 true",
		"11:55 pod/checkout-7d9c5b6f4-x2x7k CrashLoopBackOff: container main waits, restarted 4 times: back-off 1m20s x0 true",
		"11:56 deployment/checkout MinimumReplicasUnavailable: Deployment does not have minimum availability. x0 true",
		"11:57 node/node-1 NodeNotReady: Node node-1 status is now: NodeNotReady x3 true",
		"11:58 pod/checkout-7d9c5b6f4-x2x7k BackOff: Back-off restarting failed container, password=[redacted] x3 true",
	}
	if s := said(got); !reflect.DeepEqual(s, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(s, "\n"), strings.Join(want, "\n"))
	}
	if p.Service != "kubernetes" || p.Origin != incident.OriginLive || p.Operation != "list events" {
		t.Errorf("provenance %+v", p)
	}
}

// TestNames: each way in which a service may be found, and ways in which it
// must not.
func TestNames(t *testing.T) {
	t.Parallel()
	waits := corev1.ContainerStatus{Name: "main", State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "ImagePullBackOff"}}}
	byOwner := pod("store-0", map[string]string{"app.kubernetes.io/name": "store-pods"}, waits)
	byOwner.OwnerReferences = []metav1.OwnerReference{{Kind: "StatefulSet", Name: "store"}}
	c := mustCluster(t, pod("a-1", map[string]string{"app.kubernetes.io/name": "labelled"}, waits), pod("b-1", map[string]string{"tier": "front"}, waits),
		&corev1.Service{ObjectMeta: meta("front", 1, nil), Spec: corev1.ServiceSpec{Selector: map[string]string{"tier": "front"}}},
		&corev1.Service{ObjectMeta: meta("everything", 1, nil)},
		&appsv1.StatefulSet{ObjectMeta: meta("store", 9, nil), Spec: appsv1.StatefulSetSpec{Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app.kubernetes.io/name": "store-pods"}}}},
		byOwner, event("StatefulSet", "store", "FailedCreate", "of its owner", 1, true),
		&appsv1.Deployment{ObjectMeta: meta("unselective", 9, nil), Spec: appsv1.DeploymentSpec{Selector: &metav1.LabelSelector{}}})
	for name, want := range map[string]int{"labelled": 1, "front": 1, "store": 2, "store-pods": 2, "everything": 0, "unselective": 0, "nobody": 0, "not a name": 0, "a=b,c": 0} {
		got, p, err := c.Events(t.Context(), name, window)
		if err != nil || len(got) != want || p.Origin != incident.OriginLive {
			t.Errorf("%s: %d events %v, %+v, %v; want %d", name, len(got), said(got), p, err, want)
		}
	}
	other, err := kubernetes.With(fake.NewClientset(byOwner), []string{"elsewhere"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got, _, err := other.Events(t.Context(), "store-pods", window); err != nil || len(got) != 0 {
		t.Errorf("another namespace: %v, %v", said(got), err)
	}
	if _, err := kubernetes.With(fake.NewClientset(), []string{"a/b"}, nil); incident.KindOf(err) != incident.KindInvalid {
		t.Errorf("a namespace that is none: %v", err)
	}
}

func TestRecent(t *testing.T) {
	t.Parallel()
	v1, v2 := template("registry.example/shop/checkout:1.4.1"), template("registry.example/shop/checkout:1.5.0@sha256:0123456789")
	restarted := template("shop/checkout:1.4.1")
	restarted.Annotations = map[string]string{"kubectl.kubernetes.io/restartedAt": "now"}
	progressing := appsv1.DeploymentCondition{Type: appsv1.DeploymentProgressing, Status: corev1.ConditionTrue, LastUpdateTime: ago(3)}
	for name, c := range map[string]struct {
		objects []runtime.Object
		want    []string
	}{
		"a deployment": {[]runtime.Object{deployment(), replicaSet(1, 9000, v1), replicaSet(2, 10, v2)},
			[]string{"11:50 deployment checkout:1.5.0 < checkout:1.4.1 by argocd-controller: deployment of checkout:1.5.0 after checkout:1.4.1"}},
		"long ago": {[]runtime.Object{deployment(), replicaSet(1, 9000, v1), replicaSet(2, 100, v2)}, nil},
		"configuration": {[]runtime.Object{deployment(), replicaSet(1, 9000, template("checkout:1", "MODE", "a", "TOKEN", "hunter2")), replicaSet(2, 20, template("checkout:1", "MODE", "b", "TOKEN", "hunter3"))},
			[]string{"11:40 configuration checkout:1 <  by : pod template of deployment checkout changed: environment variable MODE, environment variable TOKEN"}},
		"a restart": {[]runtime.Object{deployment(), replicaSet(1, 9000, template("shop/checkout:1.4.1")), replicaSet(2, 20, restarted)},
			[]string{"11:40 other checkout:1.4.1 <  by : restart of deployment checkout"}},
		"a rollback": {[]runtime.Object{deployment(progressing), replicaSet(3, 9000, v1), replicaSet(2, 30, v2)},
			[]string{"11:30 deployment checkout:1.5.0 <  by : rollout of checkout:1.5.0, revision 2 of deployment checkout", "11:57 deployment checkout:1.4.1 < checkout:1.5.0 by : rollback: deployment of checkout:1.4.1 after checkout:1.5.0"}},
		"another's": {[]runtime.Object{deployment(), func() runtime.Object {
			rs := replicaSet(2, 10, v2)
			rs.OwnerReferences[0].Name = "checkout-canary"
			return rs
		}()}, nil},
		"a set": {[]runtime.Object{
			&appsv1.StatefulSet{ObjectMeta: meta("checkout", 9000, nil), Spec: appsv1.StatefulSetSpec{Selector: &metav1.LabelSelector{MatchLabels: checkout}}},
			controllerRevision(1, 9000, "store:1"), controllerRevision(2, 15, "store:2")},
			[]string{"11:45 deployment store:2 < store:1 by : deployment of store:2 after store:1"}},
		"nothing": {nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, _, err := mustCluster(t, c.objects...).Recent(t.Context(), "checkout", window)
			if err != nil {
				t.Fatal(err)
			}
			var said []string
			for _, c := range got {
				said = append(said, fmt.Sprintf("%s %s %s < %s by %s: %s", c.At.Format("15:04"), c.Kind, c.Version, c.Before, c.Actor, c.Summary))
				if c.Service != "checkout" {
					t.Errorf("%+v", c)
				}
			}
			if !slices.Equal(said, c.want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(said, "\n"), strings.Join(c.want, "\n"))
			}
		})
	}
}

func controllerRevision(number int64, minutes int, image string) *appsv1.ControllerRevision {
	cr := &appsv1.ControllerRevision{ObjectMeta: meta(fmt.Sprintf("checkout-%d", number), minutes, checkout), Revision: number,
		Data: runtime.RawExtension{Raw: fmt.Appendf(nil, `{"spec":{"template":{"spec":{"containers":[{"name":"main","image":%q}],"$patch":"replace"}}}}`, image)}}
	cr.OwnerReferences = []metav1.OwnerReference{{Kind: "StatefulSet", Name: "checkout"}}
	return cr
}

func TestRefuses(t *testing.T) {
	t.Parallel()
	c := mustCluster(t)
	if _, _, err := c.Events(t.Context(), "", window); incident.KindOf(err) != incident.KindInvalid {
		t.Error(err)
	}
	if _, _, err := c.Recent(t.Context(), "x", activities.Window{From: noon, To: noon}); incident.KindOf(err) != incident.KindInvalid {
		t.Error(err)
	}
	if _, _, err := c.Search(t.Context(), "x", window, 0); incident.KindOf(err) != incident.KindInvalid {
		t.Error(err)
	}
	if _, err := kubernetes.New(kubernetes.Config{Kubeconfig: "/nowhere/kubeconfig"}, nil); incident.KindOf(err) != incident.KindInvalid {
		t.Error(err)
	}
}
