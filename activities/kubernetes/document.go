package kubernetes

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"vigil/activities"
	"vigil/workflows/incident"
)

// The documents of the Executor.
const (
	documentRestart  = "restart"  // replaces every pod, with the template that there is
	documentScale    = "scale"    // to Replicas
	documentRollback = "rollback" // to the pod template of Revision
)

const (
	// tokenAnnotation holds, at a workload, the tokens of the last effects on
	// it, newest first; that of a rollback with the name of the revision. At a
	// pod template it holds the token of the restart that made it differ.
	tokenAnnotation = "vigil/action-token"
	maxTokens       = 10

	manager = "vigil" // owner of what is changed, in managedFields

	// hashLabel is the cluster's own mark of a ReplicaSet's pods.
	hashLabel = "pod-template-hash"
)

// document is what an effect asks for.
type document struct {
	name     string
	replicas int32
	revision int64
}

// asked takes exactly the arguments of the document: one that would not be sent
// was approved for nothing.
func asked(e incident.Effect) (document, error) {
	takes := map[string]string{documentRestart: "", documentScale: "Replicas", documentRollback: "Revision"}
	name, ok := takes[e.Document]
	if !ok {
		return document{}, incident.Errorf(incident.KindInvalid, "kubernetes: there is no document %q; there are %s", e.Document, strings.Join(slices.Sorted(maps.Keys(takes)), ", "))
	}
	for given := range e.Arguments {
		if given != name {
			return document{}, incident.Errorf(incident.KindInvalid, "kubernetes: %s takes no argument %q", e.Document, given)
		}
	}
	if e.ActionHash == "" || e.Step < 1 {
		return document{}, incident.Errorf(incident.KindInvalid, "kubernetes: the effect is of no action: it has no hash or no step, and its token would not be its own")
	}
	d := document{name: e.Document}
	value := e.Arguments[name]
	switch e.Document {
	case documentScale:
		n, err := strconv.ParseInt(value, 10, 32)
		if err != nil || n < 0 {
			return d, incident.Errorf(incident.KindInvalid, "kubernetes: Replicas is %q; it must be a whole number from 0", value)
		}
		d.replicas = int32(n)
	case documentRollback:
		n, err := strconv.ParseInt(value, 10, 64)
		if err != nil || n < 1 {
			return d, incident.Errorf(incident.KindInvalid, "kubernetes: Revision is %q; it must be the number of a revision", value)
		}
		d.revision = n
	}
	return d, nil
}

// noted looks for a token among those of a workload, and returns the revision
// that was noted with it.
func noted(m *metav1.ObjectMeta, token string) (name string, there bool) {
	for _, entry := range strings.Fields(m.Annotations[tokenAnnotation]) {
		if t, name, _ := strings.Cut(entry, "="); t == token {
			return name, true
		}
	}
	return "", false
}

// note is the annotation with one token more.
func note(m *metav1.ObjectMeta, token, name string) string {
	if name != "" {
		token += "=" + name
	}
	all := append([]string{token}, strings.Fields(m.Annotations[tokenAnnotation])...)
	return strings.Join(all[:min(len(all), maxTokens)], " ")
}

// object is part of a patch.
type object = map[string]any

// notePatch gives a workload a token, and restartPatch its pod template too:
// merge patches.
func notePatch(version, notes string) object {
	return object{"metadata": object{"resourceVersion": version, "annotations": object{tokenAnnotation: notes}}}
}

func restartPatch(version, notes, token string) object {
	p := notePatch(version, notes)
	p["spec"] = object{"template": object{"metadata": object{"annotations": object{tokenAnnotation: token}}}}
	return p
}

// rollbackPatch replaces the pod template: a JSON patch, because a merge would
// keep what the earlier template did not have.
func rollbackPatch(version, notes string, template any, annotated bool) []object {
	p := []object{{"op": "replace", "path": "/metadata/resourceVersion", "value": version}}
	if annotated {
		p = append(p, object{"op": "add", "path": "/metadata/annotations/" + strings.ReplaceAll(tokenAnnotation, "/", "~1"), "value": notes})
	} else {
		p = append(p, object{"op": "add", "path": "/metadata/annotations", "value": object{tokenAnnotation: notes}})
	}
	return append(p, object{"op": "replace", "path": "/spec/template", "value": template})
}

// Call is what Start sends. What is not known before the workload is read, its
// resource version and the earlier template, is named in words.
func (x *Executor) Call(e incident.Effect) (incident.Call, error) {
	d, err := asked(e)
	if err != nil {
		return incident.Call{}, err
	}
	const version = "(as it is read immediately before)"
	c := incident.Call{Service: service, Operation: "patch"}
	request := object{"workload": e.Target}
	switch d.name {
	case documentScale:
		c.Operation = "patch, then update scale"
		request["patch"], request["scale"] = notePatch(version, e.Token()), object{"metadata": object{"resourceVersion": version}, "spec": object{"replicas": d.replicas}}
	case documentRollback:
		request["patch"] = rollbackPatch(version, e.Token(), "(pod template of revision "+strconv.FormatInt(d.revision, 10)+")", true)
	default:
		request["patch"] = restartPatch(version, e.Token(), e.Token())
	}
	c.Request, err = json.Marshal(request)
	return c, err
}

func (l *look) restart(ctx context.Context, t target, e incident.Effect) error {
	if err := rollable(t); err != nil {
		return err
	}
	body, err := json.Marshal(restartPatch(t.meta().ResourceVersion, note(t.meta(), e.Token(), ""), e.Token()))
	if err != nil {
		return err
	}
	return l.patch(ctx, t, types.MergePatchType, body)
}

func (l *look) rollback(ctx context.Context, t target, e incident.Effect, d document) error {
	if err := rollable(t); err != nil {
		return err
	}
	past, err := l.revisions(ctx, t.workload())
	if err != nil {
		return unsent(err)
	}
	i := slices.IndexFunc(past, func(r revision) bool { return r.number == d.revision })
	switch {
	case i < 0:
		return incident.Errorf(incident.KindNotFound, "kubernetes: %s has no revision %d; the cluster keeps as many as revisionHistoryLimit says", t, d.revision)
	case past[i].number == t.revision(past):
		return incident.Errorf(incident.KindConflict, "kubernetes: %s is at revision %d already; nothing was sent", t, d.revision)
	}
	template, err := past[i].pods()
	if err != nil {
		return err
	}
	body, err := json.Marshal(rollbackPatch(t.meta().ResourceVersion, note(t.meta(), e.Token(), past[i].name), template, t.meta().Annotations != nil))
	if err != nil {
		return err
	}
	return l.patch(ctx, t, types.JSONPatchType, body)
}

// pods is the pod template of a revision, without what the cluster put there.
func (r revision) pods() (any, error) {
	if r.raw == nil {
		t := r.template.DeepCopy()
		delete(t.Labels, hashLabel)
		return t, nil
	}
	var t object
	if err := json.Unmarshal(r.raw, &t); err != nil {
		return nil, incident.Errorf(incident.KindInvalid, "kubernetes: the pod template of revision %d cannot be read", r.number)
	}
	delete(t, "$patch") // how a StatefulSet says that it is all of the template
	return t, nil
}

// scale notes the token and then sets the number. Whatever goes wrong before
// the number is sent, the effect has not happened.
func (l *look) scale(ctx context.Context, t target, e incident.Effect, d document) error {
	body, err := json.Marshal(notePatch(t.meta().ResourceVersion, note(t.meta(), e.Token(), "")))
	if err != nil {
		return err
	}
	if err := l.patch(ctx, t, types.MergePatchType, body); err != nil {
		return unsent(err)
	}
	m, apps := t.meta(), l.cluster.client.AppsV1()
	var now *autoscalingv1.Scale
	err = l.write("get scale", ctx, func() (err error) {
		if t.set != nil {
			now, err = apps.StatefulSets(m.Namespace).GetScale(ctx, m.Name, metav1.GetOptions{})
		} else {
			now, err = apps.Deployments(m.Namespace).GetScale(ctx, m.Name, metav1.GetOptions{})
		}
		if err == nil && now == nil {
			err = errNoScale
		}
		return err
	})
	switch {
	case err != nil:
		return unsent(err)
	case now.Spec.Replicas != t.replicas():
		return incident.Errorf(incident.KindConflict, "kubernetes: %s is to have %d replicas, and was to have %d a moment ago; nothing was scaled", t, now.Spec.Replicas, t.replicas())
	}
	if err := activities.LastLook(ctx); err != nil {
		return err
	}
	now.Spec.Replicas = d.replicas
	options := metav1.UpdateOptions{FieldManager: manager}
	return l.write("update scale", ctx, func() (err error) { // with the resource version that it was read with
		if t.set != nil {
			_, err = apps.StatefulSets(m.Namespace).UpdateScale(ctx, m.Name, now, options)
		} else {
			_, err = apps.Deployments(m.Namespace).UpdateScale(ctx, m.Name, now, options)
		}
		return err
	})
}

// rollable refuses what would change a template that no pod ever gets.
func rollable(t target) error {
	switch {
	case t.paused():
		return incident.Errorf(incident.KindConflict, "kubernetes: the rollouts of %s are paused; nothing was sent. Resume them first", t)
	case t.set != nil && t.set.Spec.UpdateStrategy.Type == appsv1.OnDeleteStatefulSetStrategyType:
		return incident.Errorf(incident.KindConflict, "kubernetes: %s replaces its pods only when somebody deletes them (OnDelete); nothing was sent", t)
	}
	return nil
}
