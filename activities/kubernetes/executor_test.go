package kubernetes_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"

	"vigil/activities/internal/awstest"
	"vigil/activities/kubernetes"
	"vigil/workflows/incident"
)

const tokenKey = "vigil/action-token"

func effect(document string, arguments ...string) incident.Effect {
	e := incident.Effect{IncidentID: "demo-1", ActionHash: "9f86d081", Step: 1, Executor: "kubernetes", Document: document, Target: "checkout"}
	for i := 0; i+1 < len(arguments); i += 2 {
		e.Arguments = map[string]string{arguments[i]: arguments[i+1]}
	}
	return e
}

var (
	restart  = effect("restart")
	scale    = effect("scale", "Replicas", "4")
	rollback = effect("rollback", "Revision", "1")
)

// running is a Deployment of three pods at revision 2 that has settled.
func running() *appsv1.Deployment {
	d := deployment()
	three := int32(3)
	d.ResourceVersion, d.Generation, d.Spec.Replicas, d.Spec.Template = "77", 5, &three, template("shop/checkout:1.5.0")
	d.Annotations = map[string]string{"deployment.kubernetes.io/revision": "2", "team": "shop"}
	d.Status = appsv1.DeploymentStatus{ObservedGeneration: 5, Replicas: 3, UpdatedReplicas: 3, ReadyReplicas: 3, AvailableReplicas: 3}
	return d
}

// kept is a ReplicaSet that keeps a revision.
func kept(revision int, image string) *appsv1.ReplicaSet {
	t := template(image)
	t.Labels = map[string]string{"app": "checkout", "pod-template-hash": "abc"}
	return replicaSet(revision, 1000-revision, t)
}

func set() *appsv1.StatefulSet {
	two := int32(2)
	return &appsv1.StatefulSet{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "checkout", ResourceVersion: "78", Generation: 3},
		Spec:   appsv1.StatefulSetSpec{Replicas: &two, Selector: &metav1.LabelSelector{MatchLabels: checkout}, Template: template("shop/checkout:1.5.0")},
		Status: appsv1.StatefulSetStatus{ObservedGeneration: 3, Replicas: 2, ReadyReplicas: 2, UpdatedReplicas: 2, CurrentRevision: "checkout-2", UpdateRevision: "checkout-2"}}
}

func keptSet(number int64, image string) *appsv1.ControllerRevision {
	return &appsv1.ControllerRevision{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: fmt.Sprintf("checkout-%d", number), Labels: checkout,
		OwnerReferences: []metav1.OwnerReference{{Kind: "StatefulSet", Name: "checkout"}}}, Revision: number,
		Data: runtime.RawExtension{Raw: fmt.Appendf(nil, `{"spec":{"template":{"$patch":"replace","metadata":{"labels":{"app":"checkout"}},"spec":{"containers":[{"name":"main","image":%q}],"newerField":"kept"}}}}`, image)}}
}

// world is a cluster whose scale subresource is that of the workload.
type world struct {
	*fake.Clientset
	x *kubernetes.Executor
}

func mustWorld(t *testing.T, namespaces []string, objects ...runtime.Object) *world {
	t.Helper()
	w := &world{Clientset: fake.NewClientset(objects...)}
	for _, resource := range []string{"deployments", "statefulsets"} {
		w.PrependReactor("*", resource, func(a clienttesting.Action) (bool, runtime.Object, error) {
			if a.GetSubresource() != "scale" {
				return false, nil, nil
			}
			if u, ok := a.(clienttesting.UpdateAction); ok {
				s := u.GetObject().(*autoscalingv1.Scale)
				return true, s, w.change(t, resource, s.Name, func(d *appsv1.Deployment, f *appsv1.StatefulSet) {
					if d != nil {
						d.Spec.Replicas = &s.Spec.Replicas
					} else {
						f.Spec.Replicas = &s.Spec.Replicas
					}
				})
			}
			s := &autoscalingv1.Scale{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "checkout", ResourceVersion: "79"}}
			return true, s, w.change(t, resource, "checkout", func(d *appsv1.Deployment, f *appsv1.StatefulSet) {
				if d != nil {
					s.Spec.Replicas = *d.Spec.Replicas
				} else {
					s.Spec.Replicas = *f.Spec.Replicas
				}
			})
		})
	}
	x, err := kubernetes.ExecutorWith(w, namespaces, nil)
	if err != nil {
		t.Fatal(err)
	}
	w.x = x
	return w
}

// change changes the stored workload, past the client that is under test.
func (w *world) change(t *testing.T, resource, name string, by func(*appsv1.Deployment, *appsv1.StatefulSet)) error {
	t.Helper()
	gvr := schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: resource}
	o, err := w.Tracker().Get(gvr, "shop", name)
	if err != nil {
		return err
	}
	o = o.DeepCopyObject()
	d, _ := o.(*appsv1.Deployment)
	f, _ := o.(*appsv1.StatefulSet)
	by(d, f)
	return w.Tracker().Update(gvr, o, "shop")
}

func (w *world) deployment(t *testing.T) *appsv1.Deployment {
	t.Helper()
	d, err := w.AppsV1().Deployments("shop").Get(t.Context(), "checkout", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// writes are the requests that change something, as verb, subresource and body.
func (w *world) writes() []string {
	var out []string
	for _, a := range w.Actions() {
		switch a := a.(type) {
		case clienttesting.PatchAction:
			out = append(out, "patch "+string(a.GetPatchType())+" "+string(a.GetPatch()))
		case clienttesting.UpdateAction:
			s, _ := a.GetObject().(*autoscalingv1.Scale)
			out = append(out, fmt.Sprintf("update %s %s to %d at %s", a.GetResource().Resource, a.GetSubresource(), s.Spec.Replicas, s.ResourceVersion))
		}
	}
	return out
}

func TestObserve(t *testing.T) {
	t.Parallel()
	rolling := running()
	rolling.Status.UpdatedReplicas, rolling.Status.ReadyReplicas = 1, 2
	for _, c := range []struct {
		name    string
		objects []runtime.Object
		want    incident.TargetState
	}{
		{"settled", []runtime.Object{running(), kept(1, "shop/checkout:1.4.0"), kept(2, "shop/checkout:1.5.0")}, incident.TargetState{"kind": "deployment", "namespace": "shop", "paused": false,
			"desired_count": 3.0, "running_count": 3.0, "pending_count": 0.0, "deployments": 0.0, "revision": 2.0, "previous_revision": 1.0}},
		{"rolling out, nothing before", []runtime.Object{rolling, kept(2, "shop/checkout:1.5.0")}, incident.TargetState{"kind": "deployment", "namespace": "shop", "paused": false,
			"desired_count": 3.0, "running_count": 2.0, "pending_count": 1.0, "deployments": 1.0, "revision": 2.0}},
		{"a StatefulSet", []runtime.Object{set(), keptSet(1, "a"), keptSet(2, "b")}, incident.TargetState{"kind": "statefulset", "namespace": "shop", "paused": false,
			"desired_count": 2.0, "running_count": 2.0, "pending_count": 0.0, "deployments": 0.0, "revision": 2.0, "previous_revision": 1.0}},
	} {
		got, p, err := mustWorld(t, nil, c.objects...).x.Observe(t.Context(), effect("restart"))
		if err != nil || !reflect.DeepEqual(got, c.want) || p.Service != "kubernetes" {
			t.Errorf("%s: %v, %+v, %v; want %v", c.name, got, p, err, c.want)
		}
	}
}

func TestRestart(t *testing.T) {
	t.Parallel()
	w := mustWorld(t, nil, running())
	if id, err := w.x.Find(t.Context(), restart); id != "" || err != nil {
		t.Errorf("found %q, %v before it began", id, err)
	}
	id, p, err := w.x.Start(t.Context(), restart)
	if err != nil || id != "deployment/shop/checkout" || p.Operation != "patch deployment" {
		t.Fatalf("%q, %+v, %v", id, p, err)
	}
	want := fmt.Sprintf(`patch application/merge-patch+json {"metadata":{"annotations":{"vigil/action-token":"%[1]s"},"resourceVersion":"77"},"spec":{"template":{"metadata":{"annotations":{"vigil/action-token":"%[1]s"}}}}}`, restart.Token())
	if got := w.writes(); len(got) != 1 || got[0] != want {
		t.Errorf("sent %q\nwant %q", got, want)
	}
	if found, err := w.x.Find(t.Context(), restart); found != id || err != nil {
		t.Errorf("found %q, %v", found, err)
	}
	if _, _, err := w.x.Start(t.Context(), restart); incident.KindOf(err) != incident.KindConflict || len(w.writes()) != 1 {
		t.Errorf("begun again: %v", err)
	}
	check := func(want incident.ExecutionState, says string) {
		t.Helper()
		if state, detail, _, err := w.x.Get(t.Context(), restart, id); state != want || err != nil || !strings.Contains(detail, says) {
			t.Errorf("%s %q, %v; want %s %q", state, detail, err, want, says)
		}
	}
	must := func(by func(*appsv1.Deployment)) {
		t.Helper()
		if err := w.change(t, "deployments", "checkout", func(d *appsv1.Deployment, _ *appsv1.StatefulSet) { by(d) }); err != nil {
			t.Fatal(err)
		}
	}
	must(func(d *appsv1.Deployment) { d.Generation = 6 })
	check("running", "not taken it up")
	must(func(d *appsv1.Deployment) {
		d.Status.ObservedGeneration, d.Status.UpdatedReplicas, d.Status.Replicas = 6, 1, 4
	})
	check("running", "1 of 3 replicas are of the latest specification, 3 available, 3 of before")
	must(func(d *appsv1.Deployment) {
		d.Status.Conditions = []appsv1.DeploymentCondition{{Type: appsv1.DeploymentProgressing, Reason: "ProgressDeadlineExceeded", Message: "has timed out progressing, password=hunter2hunter2"}}
	})
	check("failed", "has timed out progressing, password=[redacted]")
	must(func(d *appsv1.Deployment) {
		d.Status.Conditions, d.Status.UpdatedReplicas, d.Status.Replicas = nil, 3, 3
	})
	check("succeeded", "3 of 3")
	must(func(d *appsv1.Deployment) { d.Spec.Template.Annotations[tokenKey] = "another" })
	check("unknown", "restarted again")
	must(func(d *appsv1.Deployment) { delete(d.Annotations, tokenKey) })
	check("unknown", "no longer has the token")
}

func TestScale(t *testing.T) {
	t.Parallel()
	for _, o := range []runtime.Object{running(), set()} {
		w := mustWorld(t, nil, o)
		id, _, err := w.x.Start(t.Context(), scale)
		if err != nil {
			t.Fatal(err)
		}
		kind, _, _ := strings.Cut(id, "/")
		got := w.writes()
		if len(got) != 2 || !strings.Contains(got[0], `"annotations":{"vigil/action-token":"`+scale.Token()+`"},"resourceVersion":"7`) || got[1] != "update "+kind+"s scale to 4 at 79" {
			t.Errorf("sent %q", got)
		}
		if found, err := w.x.Find(t.Context(), scale); found != id || err != nil {
			t.Errorf("found %q, %v", found, err)
		}
		if state, detail, _, err := w.x.Get(t.Context(), scale, id); state != incident.ExecutionRunning || err != nil {
			t.Errorf("%s %q, %v", state, detail, err)
		}
		six := int32(6)
		if err := w.change(t, kind+"s", "checkout", func(d *appsv1.Deployment, f *appsv1.StatefulSet) {
			if d != nil {
				d.Spec.Replicas = &six
			} else {
				f.Spec.Replicas = &six
			}
		}); err != nil {
			t.Fatal(err)
		}
		if state, detail, _, err := w.x.Get(t.Context(), scale, id); state != incident.ExecutionUnknown || !strings.Contains(detail, "6 replicas now and not 4") || err != nil {
			t.Errorf("%s %q, %v", state, detail, err)
		}
		if found, err := w.x.Find(t.Context(), scale); found != "" || err != nil {
			t.Errorf("found %q, %v though it was overtaken", found, err)
		}
	}
}

// TestScaleStopsHalfWay: between the token and the number nothing has happened,
// and the executor says so.
func TestScaleStopsHalfWay(t *testing.T) {
	t.Parallel()
	w := mustWorld(t, nil, running())
	w.PrependReactor("get", "deployments", func(a clienttesting.Action) (bool, runtime.Object, error) {
		return a.GetSubresource() == "scale", nil, errors.New("connection reset")
	})
	if _, _, err := w.x.Start(t.Context(), scale); incident.KindOf(err) != incident.KindConflict {
		t.Errorf("%v, want a refusal", err)
	}
	if found, err := w.x.Find(t.Context(), scale); found != "" || err != nil {
		t.Errorf("found %q, %v", found, err)
	}
	moved := mustWorld(t, nil, running())
	moved.PrependReactor("get", "deployments", func(a clienttesting.Action) (bool, runtime.Object, error) {
		return a.GetSubresource() == "scale", &autoscalingv1.Scale{Spec: autoscalingv1.ScaleSpec{Replicas: 9}}, nil
	})
	if _, _, err := moved.x.Start(t.Context(), scale); incident.KindOf(err) != incident.KindConflict || len(moved.writes()) != 1 {
		t.Errorf("scaled by somebody else meanwhile: %v, sent %q", err, moved.writes())
	}
}

func TestRollback(t *testing.T) {
	t.Parallel()
	w := mustWorld(t, nil, running(), kept(1, "shop/checkout:1.4.0"), kept(2, "shop/checkout:1.5.0"))
	id, _, err := w.x.Start(t.Context(), rollback)
	if err != nil {
		t.Fatal(err)
	}
	var patch []struct {
		Op, Path string
		Value    json.RawMessage
	}
	_, body, _ := strings.Cut(w.writes()[0], "patch application/json-patch+json ")
	if err := json.Unmarshal([]byte(body), &patch); err != nil {
		t.Fatal(err)
	}
	if len(patch) != 3 || patch[0].Path != "/metadata/resourceVersion" || string(patch[0].Value) != `"77"` || patch[1].Path != "/metadata/annotations/vigil~1action-token" {
		t.Errorf("sent %s", body)
	}
	d := w.deployment(t)
	if got := d.Spec.Template; got.Spec.Containers[0].Image != "shop/checkout:1.4.0" || got.Labels["pod-template-hash"] != "" || got.Labels["app"] != "checkout" {
		t.Errorf("template %+v", got)
	}
	if d.Annotations["team"] != "shop" || d.Annotations[tokenKey] != rollback.Token()+"=checkout-999abc" {
		t.Errorf("annotations %v", d.Annotations)
	}
	if found, err := w.x.Find(t.Context(), rollback); found != id || err != nil {
		t.Errorf("found %q, %v", found, err)
	}
	// The cluster gives the old ReplicaSet a new number.
	rs := kept(3, "shop/checkout:1.4.0")
	rs.Name = "checkout-999abc"
	if _, err := w.AppsV1().ReplicaSets("shop").Update(t.Context(), rs, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	number := func(n string, want incident.ExecutionState) {
		t.Helper()
		if err := w.change(t, "deployments", "checkout", func(d *appsv1.Deployment, _ *appsv1.StatefulSet) {
			d.Annotations["deployment.kubernetes.io/revision"] = n
		}); err != nil {
			t.Fatal(err)
		}
		if state, detail, _, err := w.x.Get(t.Context(), rollback, id); state != want || err != nil {
			t.Errorf("at revision %s: %s %q, %v; want %s", n, state, detail, err, want)
		}
	}
	number("3", incident.ExecutionSucceeded)
	number("4", incident.ExecutionUnknown)
}

func TestRollbackOfAStatefulSet(t *testing.T) {
	t.Parallel()
	w := mustWorld(t, nil, set(), keptSet(1, "shop/checkout:1.4.0"), keptSet(2, "shop/checkout:1.5.0"))
	id, _, err := w.x.Start(t.Context(), rollback)
	if err != nil {
		t.Fatal(err)
	}
	if got := w.writes()[0]; strings.Contains(got, "$patch") || !strings.Contains(got, `"newerField":"kept"`) || !strings.Contains(got, `"path":"/metadata/annotations","value"`) {
		t.Errorf("sent %s", got)
	}
	f, err := w.AppsV1().StatefulSets("shop").Get(t.Context(), "checkout", metav1.GetOptions{})
	if err != nil || f.Spec.Template.Spec.Containers[0].Image != "shop/checkout:1.4.0" {
		t.Errorf("%+v, %v", f.Spec.Template, err)
	}
	if err := w.change(t, "statefulsets", "checkout", func(_ *appsv1.Deployment, f *appsv1.StatefulSet) {
		f.Status.UpdateRevision, f.Status.UpdatedReplicas = "checkout-1", 1
	}); err != nil {
		t.Fatal(err)
	}
	if state, detail, _, err := w.x.Get(t.Context(), rollback, id); state != incident.ExecutionRunning || !strings.Contains(detail, "1 of 2") || err != nil {
		t.Errorf("%s %q, %v", state, detail, err)
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	paused, onDelete, elsewhere := running(), set(), running()
	paused.Spec.Paused, onDelete.Spec.UpdateStrategy.Type, elsewhere.Namespace = true, appsv1.OnDeleteStatefulSetStrategyType, "stage"
	named := func(target string) incident.Effect {
		e := restart
		e.Target = target
		return e
	}
	noHash := restart
	noHash.ActionHash = ""
	for name, c := range map[string]struct {
		effect     incident.Effect
		objects    []runtime.Object
		namespaces []string
		want       incident.Kind
	}{
		"no document":            {effect("delete"), nil, nil, incident.KindInvalid},
		"an argument too much":   {effect("restart", "Replicas", "4"), nil, nil, incident.KindInvalid},
		"no number":              {effect("scale", "Replicas", "four"), nil, nil, incident.KindInvalid},
		"below nothing":          {effect("scale", "Replicas", "-1"), nil, nil, incident.KindInvalid},
		"no revision":            {effect("rollback", "Revision", "0"), nil, nil, incident.KindInvalid},
		"of no action":           {noHash, nil, nil, incident.KindInvalid},
		"no name":                {named("Not A Name"), nil, nil, incident.KindInvalid},
		"no such workload":       {restart, nil, nil, incident.KindNotFound},
		"several":                {restart, []runtime.Object{running(), elsewhere}, nil, incident.KindConflict},
		"not this namespace":     {named("stage/checkout"), []runtime.Object{elsewhere}, []string{"shop"}, incident.KindDenied},
		"a revision long gone":   {effect("rollback", "Revision", "9"), []runtime.Object{running(), kept(2, "a")}, nil, incident.KindNotFound},
		"the revision it is at":  {effect("rollback", "Revision", "2"), []runtime.Object{running(), kept(2, "a")}, nil, incident.KindConflict},
		"paused":                 {restart, []runtime.Object{paused}, nil, incident.KindConflict},
		"replaced by hand alone": {restart, []runtime.Object{onDelete}, nil, incident.KindConflict},
	} {
		w := mustWorld(t, c.namespaces, c.objects...)
		if _, _, err := w.x.Start(t.Context(), c.effect); err == nil || incident.KindOf(err) != c.want || len(w.writes()) != 0 {
			t.Errorf("%s: %v, want %s; sent %q", name, err, c.want, w.writes())
		}
	}
	w := mustWorld(t, nil, running(), elsewhere)
	if id, _, err := w.x.Start(t.Context(), named("stage/checkout")); id != "deployment/stage/checkout" || err != nil {
		t.Errorf("by its namespace: %q, %v", id, err)
	}
}

// TestErrors: what the cluster refuses has not happened; what it does not
// answer may have.
func TestErrors(t *testing.T) {
	t.Parallel()
	resource := schema.GroupResource{Group: "apps", Resource: "deployments"}
	for name, c := range map[string]struct {
		err  error
		want incident.Kind
	}{
		"conflict":  {apierrors.NewConflict(resource, "checkout", errors.New("the object has been modified")), incident.KindConflict},
		"forbidden": {apierrors.NewForbidden(resource, "checkout", errors.New("no, token=hunter2hunter2")), incident.KindDenied},
		"not found": {apierrors.NewNotFound(resource, "checkout"), incident.KindNotFound},
		"invalid":   {apierrors.NewInvalid(schema.GroupKind{Kind: "Deployment"}, "checkout", nil), incident.KindInvalid},
		"throttled": {apierrors.NewTooManyRequests("slow", 1), incident.KindThrottled},
		"timeout":   {apierrors.NewTimeoutError("slow", 1), incident.KindUnavailable},
		"broken":    {apierrors.NewInternalError(errors.New("etcd")), incident.KindUnavailable},
		"cut":       {errors.New("connection reset"), incident.KindUnavailable},
	} {
		for _, e := range []incident.Effect{restart, rollback} {
			w := mustWorld(t, nil, running(), kept(1, "a"), kept(2, "b"))
			w.PrependReactor("patch", "deployments", func(clienttesting.Action) (bool, runtime.Object, error) { return true, nil, c.err })
			if _, _, err := w.x.Start(t.Context(), e); err == nil || incident.KindOf(err) != c.want || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("%s, %s: %v, want %s", name, e.Document, err, c.want)
			}
		}
		w := mustWorld(t, nil, running())
		w.PrependReactor("update", "deployments", func(clienttesting.Action) (bool, runtime.Object, error) { return true, nil, c.err })
		if _, _, err := w.x.Start(t.Context(), scale); err == nil || incident.KindOf(err) != c.want {
			t.Errorf("%s, scale: %v, want %s", name, err, c.want)
		}
		want := c.want
		if want == incident.KindUnavailable {
			want = incident.KindConflict // nothing was sent yet
		}
		early := mustWorld(t, nil, running())
		early.PrependReactor("list", "deployments", func(clienttesting.Action) (bool, runtime.Object, error) { return true, nil, c.err })
		if _, _, err := early.x.Start(t.Context(), restart); err == nil || incident.KindOf(err) != want {
			t.Errorf("%s while looking: %v, want %s", name, err, want)
		}
	}
}

func TestCall(t *testing.T) {
	t.Parallel()
	w := mustWorld(t, nil)
	for _, c := range []struct {
		effect incident.Effect
		says   []string
	}{
		{restart, []string{`"workload":"checkout"`, `"template":{"metadata":{"annotations":{"vigil/action-token":"` + restart.Token() + `"}}}`}},
		{scale, []string{`"replicas":4`, scale.Token()}},
		{rollback, []string{"pod template of revision 1", rollback.Token()}},
	} {
		call, err := w.x.Call(c.effect)
		if err != nil || call.Service != "kubernetes" || !json.Valid(call.Request) || len(w.Actions()) != 0 {
			t.Errorf("%s: %+v, %v", c.effect, call, err)
		}
		for _, says := range c.says {
			if !strings.Contains(string(call.Request), says) {
				t.Errorf("%s: %s does not say %s", c.effect, call.Request, says)
			}
		}
	}
}

// TestTokensAreBounded: a workload keeps the last effects, not all of them.
func TestTokensAreBounded(t *testing.T) {
	t.Parallel()
	w := mustWorld(t, nil, running())
	for step := 1; step <= 15; step++ {
		e := restart
		e.Step = step
		if _, _, err := w.x.Start(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(strings.Fields(w.deployment(t).Annotations[tokenKey])); n != 10 {
		t.Errorf("%d tokens are kept", n)
	}
	first, last := restart, restart
	last.Step = 15
	if id, err := w.x.Find(t.Context(), first); id != "" || err != nil {
		t.Errorf("found the first, %q, %v", id, err)
	}
	if id, err := w.x.Find(t.Context(), last); id == "" || err != nil {
		t.Errorf("found the last, %q, %v", id, err)
	}
}

// TestOneRequestEach: a change is sent once, whatever the server says.
func TestOneRequestEach(t *testing.T) {
	t.Parallel()
	s := &apiServer{answer: func(w http.ResponseWriter, r *http.Request) bool {
		switch {
		case r.Method == http.MethodPatch:
			status(w, 503, "ServiceUnavailable", "come back")
		case strings.HasSuffix(r.URL.Path, "/deployments"):
			d := running()
			d.Spec.Template.Spec.Containers[0].Resources = corev1.ResourceRequirements{}
			w.Header().Set("Content-Type", "application/json")
			_ = json.NewEncoder(w).Encode(appsv1.DeploymentList{TypeMeta: metav1.TypeMeta{Kind: "DeploymentList", APIVersion: "apps/v1"}, Items: []appsv1.Deployment{*d}})
		default:
			return false
		}
		return true
	}}
	rec := &awstest.Recorder{}
	x, err := kubernetes.NewExecutor(mustConfig(t, s), rec)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := x.Start(t.Context(), restart); incident.KindOf(err) != incident.KindUnavailable {
		t.Errorf("%v, want in doubt", err)
	}
	var patches int
	for _, a := range s.requests() {
		if strings.HasPrefix(a, "PATCH ") {
			patches++
		}
	}
	if calls := rec.Calls(); patches != 1 || len(calls) != 3 || calls[2].Provenance.Operation != "patch deployment" || calls[2].Failed != incident.KindUnavailable {
		t.Errorf("%d patches, recorded %+v", patches, calls)
	}
}
