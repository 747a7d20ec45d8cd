package workflows

import (
	"fmt"
	"sort"

	"go.temporal.io/sdk/workflow"

	"vigil/activities"
	"vigil/workflows/event"
	"vigil/workflows/incident"
)

const (
	maxScope    = 12 // services whose measures are read
	maxSuspects = 3  // suspects whose logs and changes are read before a model is asked
	hops        = 4  // how far down the service graph a cause is looked for
)

// diagnoseAndPredict runs the two side by side: what is wrong, and what it
// will come to.
func (w *run) diagnoseAndPredict(ctx workflow.Context) *handover {
	wg := workflow.NewWaitGroup(ctx)
	wg.Add(1)
	workflow.Go(ctx, func(ctx workflow.Context) {
		defer wg.Done()
		w.predict(ctx)
	})
	stop := w.diagnose(ctx)
	wg.Wait(ctx)
	return stop
}

// diagnose gathers evidence, ranks suspects by statistics, lets the model
// reason over both, and holds its answer against the evidence.
func (w *run) diagnose(ctx workflow.Context) *handover {
	w.begin(ctx, incident.PhaseDiagnosis)
	t := task{agent: incident.AgentDiagnosis, phase: incident.PhaseDiagnosis, purpose: activities.PurposeDiagnose,
		what: "gather evidence", system: diagnosisSystem, schema: diagnosisSchema, tools: tools}
	w.agent(ctx, t, incident.AgentInitializing, 0, "")
	w.gather(ctx, t)
	if ctx.Err() != nil {
		return nil
	}
	in := activities.ConcludeInput{Suspects: w.suspects, Evidence: w.view.Evidence}
	state := incident.PhaseCompleted
	if found(w.view.Evidence) { // with nothing to reason about, a model could only invent
		var answer activities.DiagnosisAnswer
		t.what = "find the root cause"
		t.prompt = renderIncident(w.view) + renderEvidence(w.view.Evidence...)
		err := w.ask(ctx, t, &answer)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			state = incident.PhaseDegraded
			w.without(ctx, t, err, "the statistics alone decide")
		} else {
			in.Answer = &answer
		}
		in.Evidence = w.view.Evidence
	}
	var d incident.Diagnosis
	if err := workflow.ExecuteLocalActivity(pureOptions(ctx), activities.ConcludeName, in).Get(ctx, &d); err != nil {
		return &handover{incident.HandoverFailed, "the diagnosis could not be concluded: " + err.Error()}
	}
	p := w.provenance()
	if d.Method == "model" {
		p = w.modelProvenance(t.agent)
	}
	w.emit(ctx, &event.DiagnosisConcluded{Diagnosis: d}, p)
	w.concluded(ctx, t, d.Confidence, d.Summary, p)
	w.end(ctx, incident.PhaseDiagnosis, state, d.Summary)
	if d.Verdict == incident.VerdictInconclusive {
		return &handover{incident.HandoverInconclusive, d.Summary}
	}
	return nil
}

// gather looks at the service graph, at the measures of every service that
// the complaining one depends on, and at logs and changes of the suspects.
// What cannot be read is said, and the rest goes on.
func (w *run) gather(ctx workflow.Context, t task) {
	graph := w.look(ctx, t, []look{{activities.ToolServiceGraph, ""}})
	var edges []incident.Edge
	for _, e := range graph {
		edges = append(edges, e.Edges...)
	}
	var looks []look
	for _, s := range scope(edges, w.service) {
		if s != w.service { // whose measures were read already
			looks = append(looks, look{activities.ToolQueryMetrics, s})
		}
	}
	w.look(ctx, t, looks)
	w.rank(ctx, t)

	looks = nil
	for _, s := range w.suspectServices() {
		looks = append(looks, look{activities.ToolSearchLogs, s}, look{activities.ToolRecentChanges, s})
	}
	w.look(ctx, t, looks)
	w.rank(ctx, t)
	if len(w.suspects) == 0 || ctx.Err() != nil {
		return
	}
	top := w.suspects[0]
	w.addEvidence(ctx, &incident.Evidence{Kind: incident.EvidenceRanking, Source: "statistics", Title: "Suspects as the statistics rank them",
		Found: true, Suspects: w.suspects, Strength: top.Score, Finding: fmt.Sprintf("%s in %s, %.2f", top.Cause, top.Service, top.Score),
		Provenance: w.provenance(), CollectedBy: t.agent})
}

type look struct{ tool, service string }

// look uses tools side by side and returns what came of it, as it came.
func (w *run) look(ctx workflow.Context, t task, looks []look) []incident.Evidence {
	futures := make([]workflow.Future, len(looks))
	for i, l := range looks {
		futures[i] = w.collect(ctx, t.agent, l.tool, l.service)
	}
	var out []incident.Evidence
	asTheyCome(ctx, futures, func(i int, f workflow.Future) {
		e, err := w.collected(ctx, f)
		if err == nil {
			out = append(out, e)
		} else if ctx.Err() == nil {
			w.without(ctx, t, err, fmt.Sprintf("going on without %s %s", looks[i].tool, looks[i].service))
		}
	})
	return out
}

func (w *run) rank(ctx workflow.Context, t task) {
	_, base := w.window()
	err := workflow.ExecuteLocalActivity(pureOptions(ctx), activities.RankSuspectsName, activities.RankInput{
		Evidence: w.view.Evidence, Service: w.service, StartedAt: w.startedAt, BaselineTo: base,
	}).Get(ctx, &w.suspects)
	if err != nil && ctx.Err() == nil {
		w.without(ctx, t, err, "going on without a ranking")
	}
}

// suspectServices are the services to look at more closely: the one that
// complains, and those that rank highest.
func (w *run) suspectServices() []string {
	names := []string{w.service}
	for _, s := range w.suspects {
		if len(names) <= maxSuspects && !has(names, s.Service) {
			names = append(names, s.Service)
		}
	}
	return names
}

// scope is the service itself, what it depends on, nearest first, and who
// calls it directly; at most maxScope.
func scope(edges []incident.Edge, service string) []string {
	out := []string{service}
	frontier := []string{service}
	for range hops {
		var next []string
		for _, e := range edges {
			if has(frontier, e.From) && !has(out, e.To) && !has(next, e.To) {
				next = append(next, e.To)
			}
		}
		sort.Strings(next)
		out = append(out, next...)
		frontier = next
	}
	var callers []string
	for _, e := range edges {
		if e.To == service && !has(out, e.From) && !has(callers, e.From) {
			callers = append(callers, e.From)
		}
	}
	sort.Strings(callers)
	out = append(out, callers...)
	return out[:min(len(out), maxScope)]
}

// found reports whether there is any telemetry of a service at all. The
// service graph alone says nothing of an incident.
func found(all []incident.Evidence) bool {
	for _, e := range all {
		if e.Found && e.Kind != incident.EvidenceTopology {
			return true
		}
	}
	return false
}

func has(list []string, s string) bool {
	for _, v := range list {
		if v == s {
			return true
		}
	}
	return false
}
