package workflows

import (
	"fmt"
	"slices"
	"strings"

	"go.temporal.io/sdk/workflow"

	"vigil/activities"
	"vigil/workflows/event"
	"vigil/workflows/incident"
)

const (
	maxScope    = 24 // services of the graph whose measures are read
	maxListed   = 12 // the same where nothing says who calls whom
	maxSuspects = 3  // suspects whose logs and changes are read before a model is asked
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
	t := w.diagnosisTask("gather evidence")
	w.agent(ctx, t, incident.AgentInitializing, 0, "")
	w.gather(ctx, t)
	w.gathered = true
	if ctx.Err() != nil {
		return nil
	}
	state, detail := incident.PhaseCompleted, ""
	var d incident.Diagnosis
	var err error
	if found(w.view.Evidence) { // with nothing to reason about, a model could only invent
		d, err = w.reason(ctx, "find the root cause", false)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			state = w.without(ctx, t, err, "the statistics alone decide")
			if unavailable(err) {
				w.degrade(ctx, "no model could be asked for a diagnosis, the statistics stand alone: "+err.Error())
			} else if err == errModelsOff {
				detail = "By statistics alone, models are switched off. "
			}
		}
	}
	if d.Verdict == "" {
		if d, err = w.conclude(ctx, nil); err != nil {
			return &handover{incident.HandoverFailed, "the diagnosis could not be concluded: " + err.Error()}
		}
	}
	w.diagnosed(ctx, t, d)
	w.end(ctx, incident.PhaseDiagnosis, state, detail+d.Summary)
	return w.verdict()
}

func (w *run) diagnosisTask(what string) task {
	t := diagnosisTask(w.settings)
	t.what = what
	return t
}

// reason asks the model for a diagnosis and concludes from it. The error says
// why no model has answered.
func (w *run) reason(ctx workflow.Context, what string, spare bool) (incident.Diagnosis, error) {
	t := w.diagnosisTask(what)
	t.spare, t.prompt = spare, diagnosisPrompt(w.settings, w.told, w.view.Evidence)
	var answer activities.DiagnosisAnswer
	var d incident.Diagnosis
	t.check = func(ctx workflow.Context) (event.RouteReason, string) {
		var err error
		if d, err = w.conclude(ctx, &answer); err != nil {
			return "", ""
		}
		if d.Problem != "" {
			return event.RouteUnsupported, d.Problem
		}
		return "", ""
	}
	if err := w.ask(ctx, t, &answer); err != nil {
		return incident.Diagnosis{}, err
	}
	texts := []*string{&d.Summary}
	for i := range d.Claims {
		texts = append(texts, &d.Claims[i].Text)
	}
	if err := w.shown(ctx, t.agent, texts...); err != nil {
		return incident.Diagnosis{}, err
	}
	return d, nil
}

// conclude holds a model's answer, nil where there is none, against evidence
// and statistics.
func (w *run) conclude(ctx workflow.Context, answer *activities.DiagnosisAnswer) (d incident.Diagnosis, err error) {
	in := activities.ConcludeInput{Answer: answer, Suspects: w.suspects, Evidence: w.view.Evidence, Now: workflow.Now(ctx).UTC()}
	_, in.BaselineTo = w.window()
	in.StartedAt, in.Service = w.startedAt, w.service
	err = workflow.ExecuteLocalActivity(pureOptions(ctx), activities.ConcludeName, in).Get(ctx, &d)
	return d, err
}

// diagnosed shows a diagnosis.
func (w *run) diagnosed(ctx workflow.Context, t task, d incident.Diagnosis) {
	p := w.provenance()
	if d.Method == "model" {
		p = w.modelProvenance(t.agent)
	}
	w.emit(ctx, &event.DiagnosisConcluded{Diagnosis: d}, p)
	w.concluded(ctx, t, d.Confidence, d.Summary, p)
}

// verdict says why a person has to take over after the diagnosis, nil where
// it names a cause.
func (w *run) verdict() *handover {
	switch d := w.view.Diagnosis; d.Verdict {
	case incident.VerdictInconclusive:
		return &handover{incident.HandoverInconclusive, d.Summary}
	case incident.VerdictHealthy:
		return &handover{incident.HandoverHealthy, d.Summary}
	}
	return nil
}

// gather looks at the service graph, at the measures of every service that
// the complaining one depends on, at logs, events and changes of the suspects,
// and at what is known already. What cannot be read is said, and the rest
// goes on.
func (w *run) gather(ctx workflow.Context, t task) {
	var looks []look
	for _, l := range w.scope(w.look(ctx, t, []look{{tool: activities.ToolServiceGraph}})) {
		if l != w.service { // whose measures were read already
			looks = append(looks, look{tool: activities.ToolQueryMetrics, service: l})
		}
	}
	w.look(ctx, t, looks)
	w.rank(ctx, t)

	looks = nil
	for _, s := range w.suspectServices() {
		for _, tool := range []string{activities.ToolSearchLogs, activities.ToolRecentChanges, activities.ToolPlatformEvents} {
			looks = append(looks, look{tool: tool, service: s})
		}
		if isDatabase(w.view.Evidence, s) {
			looks = append(looks, look{tool: activities.ToolDatabaseLoad, service: s})
		}
	}
	symptoms := w.symptoms()
	looks = append(looks, look{tool: activities.ToolSimilarIncidents, text: symptoms}, look{tool: activities.ToolFindRunbooks, text: symptoms})
	w.look(ctx, t, looks)
	w.rank(ctx, t)
	if len(w.suspects) == 0 || ctx.Err() != nil {
		return
	}
	e := ranking(w.suspects)
	e.Provenance, e.CollectedBy = w.provenance(), t.agent
	w.addEvidence(ctx, &e)
}

// ranking is what the statistics suspect, as evidence like any other.
func ranking(suspects []incident.Suspect) incident.Evidence {
	top := suspects[0]
	return incident.Evidence{Kind: incident.EvidenceRanking, Source: "statistics", Title: "Suspects as the statistics rank them",
		Found: true, Suspects: suspects, Strength: top.Score, Finding: fmt.Sprintf("%s in %s, %.2f", top.Cause, top.Service, top.Score)}
}

// scope is what to look at: by the service graph, or, where nothing says who
// calls whom, every service there is.
func (w *run) scope(graph []incident.Evidence) []string {
	var edges []incident.Edge
	var services []string
	for _, e := range graph {
		edges, services = append(edges, e.Edges...), append(services, e.Services...)
	}
	if len(edges) > 0 || len(services) == 0 {
		return activities.Scope(edges, w.service, maxScope)
	}
	out := []string{w.service}
	for _, s := range services {
		if !has(out, s) {
			out = append(out, s)
		}
	}
	return out[:min(len(out), maxListed)]
}

// symptoms is what is seen, in words to search by: what the alerts say, and
// what the statistics suspect.
func (w *run) symptoms() string {
	out := w.view.Title + " " + w.view.Description
	for _, a := range w.view.Alerts[:min(len(w.view.Alerts), 3)] {
		out += " " + a.Title
	}
	if len(w.suspects) > 0 && w.suspects[0].Cause != incident.CauseUnknown {
		out += " " + strings.ReplaceAll(string(w.suspects[0].Cause), "_", " ") + " " + w.suspects[0].Service
	}
	return clip(strings.TrimSpace(out), 450)
}

// isDatabase reports whether a service has measures that only databases have.
func isDatabase(all []incident.Evidence, service string) bool {
	for _, e := range all {
		for _, s := range e.Series {
			switch s.Metric {
			case incident.MetricConnections, incident.MetricMaxConnections, incident.MetricFreeStorage, incident.MetricReplicaLag,
				incident.MetricTransactionLogs, incident.MetricDatabaseLoad, incident.MetricWriteIOPS, incident.MetricReadIOPS:
				if e.Service == service {
					return true
				}
			}
		}
	}
	return false
}

// look uses tools side by side and returns what came of it, as it came.
func (w *run) look(ctx workflow.Context, t task, looks []look) []incident.Evidence {
	futures := make([]workflow.Future, len(looks))
	for i, l := range looks {
		if slices.Contains(w.settings.Tools, l.tool) {
			futures[i] = w.collect(ctx, t.agent, l)
		}
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
