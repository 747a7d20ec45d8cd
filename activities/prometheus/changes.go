package prometheus

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"vigil/activities"
	"vigil/workflows/incident"
)

// The kinds of incident.Change.
const (
	deployment    = "deployment"
	configuration = "configuration"
	scaling       = "scaling"
)

const (
	maxInfos = 12 // metrics that may carry a version
	// together is how close changes are that have one reason: a rollout changes
	// a Deployment's generation, its image and the version that it reports.
	together = 2 * time.Minute
)

// versions are the labels of an info metric that tell one build from another,
// the one that people know it by first.
var versions = []model.LabelName{"version", "service_version", "app_version", "image_tag", "tag", "image", "image_spec", "revision", "commit", "git_commit", "git_sha", "vcs_revision"}

// specs show a change of what Kubernetes is asked to run, as kube-state-metrics
// counts it.
var specs = []struct{ metric, kind, what string }{
	{"kube_deployment_spec_replicas", scaling, "replicas"},
	{"kube_statefulset_replicas", scaling, "replicas"},
	{"kube_deployment_metadata_generation", configuration, "generation of the Deployment"},
	{"kube_deployment_status_observed_generation", configuration, "generation of the Deployment"},
	{"kube_statefulset_metadata_generation", configuration, "generation of the StatefulSet"},
	{"kube_daemonset_metadata_generation", configuration, "generation of the DaemonSet"},
}

// Recent returns the changes of one service that its metrics show: a version
// or image that was not there before is a deployment, another number of
// replicas is scaling, another generation of its specification alone a change
// of configuration. Who made them metrics do not say.
func (s *Source) Recent(ctx context.Context, service string, w activities.Window) ([]incident.Change, incident.Provenance, error) {
	w, err := s.checked(w)
	if err != nil {
		return nil, incident.Provenance{}, err
	}
	in, all, err := s.inventory(ctx, service, w)
	if err != nil || len(in.metrics) == 0 {
		return nil, all, err
	}
	var parts, infos []string
	by := make([]string, len(versions))
	for i, l := range versions {
		by[i] = string(l)
	}
	for _, n := range in.names {
		carries := strings.HasSuffix(n, "build_info") && n != "go_build_info" || n == "target_info" || n == "app_info" ||
			n == "application_info" || n == "kube_pod_container_info"
		if carries && len(infos) < maxInfos {
			infos = append(infos, n)
			parts = append(parts, tagged(fmt.Sprintf("count by (%s) (%s)", strings.Join(by, ","), in.metrics[n].selector.of(n, "")), len(parts)))
		}
	}
	for i, spec := range specs {
		if in.has(spec.metric) {
			parts = append(parts, tagged(fmt.Sprintf("max(%s)", in.metrics[spec.metric].selector.of(spec.metric, "")), maxInfos+i))
		}
	}
	if len(parts) == 0 {
		return nil, all, nil
	}
	step := newGrid(w, time.Second).step
	m, p, err := s.rangeQuery(ctx, strings.Join(parts, " or "), w, step)
	if err != nil {
		return nil, p, err
	}
	all = merge(all, p)
	seen := make([]model.Matrix, len(infos))
	var out []incident.Change
	for _, series := range m {
		i, ok := part(series.Metric, maxInfos+len(specs))
		switch {
		case !ok:
		case i < len(infos):
			seen[i] = append(seen[i], series)
		case i >= maxInfos:
			spec := specs[i-maxInfos]
			out = append(out, steps(service, spec.kind, spec.what, series.Values)...)
		}
	}
	for _, series := range seen {
		out = append(out, rollouts(service, series, step)...)
	}
	return reasons(out), all, nil
}

// rollouts finds the versions that took the place of another. A version may
// come back: that is a rollback, and a deployment too.
func rollouts(service string, series model.Matrix, step time.Duration) []incident.Change {
	type stay struct {
		version string
		first   model.Time
	}
	var all []stay
	for _, s := range series {
		v := versionOf(s.Metric)
		for i, sample := range s.Values {
			if v != "" && (i == 0 || sample.Timestamp.Sub(s.Values[i-1].Timestamp) > 2*step) {
				all = append(all, stay{v, sample.Timestamp})
			}
		}
	}
	slices.SortFunc(all, func(a, b stay) int { return cmp.Or(cmp.Compare(a.first, b.first), cmp.Compare(a.version, b.version)) })
	var out []incident.Change
	for i, s := range all {
		// What is there at the beginning may be as old as can be, and the same
		// version after a gap was only not seen.
		if s.first == all[0].first || s.version == all[i-1].version {
			continue
		}
		before := all[i-1].version
		out = append(out, incident.Change{Service: service, Kind: deployment, Version: s.version, Before: before,
			Summary: fmt.Sprintf("deployment of %s after %s", s.version, before), At: s.first.Time().UTC()})
	}
	return out
}

func versionOf(m model.Metric) string {
	for _, l := range versions {
		if v := string(m[l]); v != "" {
			if l == "image" || l == "image_spec" {
				v = v[strings.LastIndex(v, "/")+1:]
			}
			return clean(v)
		}
	}
	return ""
}

// steps finds where a number changed.
func steps(service, kind, what string, values []model.SamplePair) []incident.Change {
	var out []incident.Change
	for i := 1; i < len(values); i++ {
		if before, now := values[i-1].Value, values[i].Value; before != now {
			out = append(out, incident.Change{Service: service, Kind: kind, Summary: fmt.Sprintf("%s changed from %v to %v", what, before, now),
				At: values[i].Timestamp.Time().UTC()})
		}
	}
	return out
}

// reasons sorts changes and keeps of those that have one reason the one that
// says most.
func reasons(all []incident.Change) []incident.Change {
	weight := map[string]int{deployment: 0, scaling: 1, configuration: 2}
	slices.SortStableFunc(all, func(a, b incident.Change) int { return cmp.Or(weight[a.Kind]-weight[b.Kind], a.At.Compare(b.At)) })
	var out []incident.Change
	for _, c := range all {
		told := slices.ContainsFunc(out, func(have incident.Change) bool {
			apart := c.At.Sub(have.At).Abs()
			switch c.Kind {
			case deployment: // the same version, told by another metric
				return have.Kind == deployment && apart <= together && (sameVersion(have.Version, c.Version) || have.At.Equal(c.At))
			case scaling:
				return have.Kind == scaling && apart <= together && have.Summary == c.Summary
			}
			return apart <= together
		})
		if !told {
			out = append(out, c)
		}
	}
	slices.SortStableFunc(out, func(a, b incident.Change) int { return a.At.Compare(b.At) })
	return out
}

// sameVersion also knows a version as the tag of its image.
func sameVersion(a, b string) bool {
	return a == b || strings.HasSuffix(a, ":"+b) || strings.HasSuffix(b, ":"+a) || strings.HasSuffix(a, ":v"+b) || strings.HasSuffix(b, ":v"+a)
}
