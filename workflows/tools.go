package workflows

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"go.temporal.io/sdk/workflow"

	"vigil/activities"
	"vigil/workflows/event"
	"vigil/workflows/incident"
)

// The inputs of the tools. Their JSON Schemas are made from them.
type (
	serviceInput struct {
		Service string `json:"service" jsonschema:"minLength=1,maxLength=200,description=name of the service as in the service graph"`
	}
	graphInput   struct{}
	historyInput struct {
		Query   string `json:"query" jsonschema:"minLength=1,maxLength=300,description=what is seen in a few words"`
		Service string `json:"service,omitempty" jsonschema:"maxLength=200,description=the service at fault where it is suspected"`
	}
	runbookInput struct {
		Query string `json:"query" jsonschema:"minLength=1,maxLength=300,description=what help is needed with in a few words"`
	}
)

// offer is every tool that there may be.
var offer = []activities.Tool{
	{Name: activities.ToolQueryMetrics, Description: "Latency, error rate, load, CPU, memory and other measures of one service, with what statistics say of them.", Schema: toolSchema(serviceInput{})},
	{Name: activities.ToolSearchLogs, Description: "Log lines of one service as templates with counts, against the time before the incident.", Schema: toolSchema(serviceInput{})},
	{Name: activities.ToolRecentChanges, Description: "Deployments and other changes of one service.", Schema: toolSchema(serviceInput{})},
	{Name: activities.ToolPlatformEvents, Description: "What the platform reported of one service: failovers, restarts, killed containers, full disks.", Schema: toolSchema(serviceInput{})},
	{Name: activities.ToolDatabaseLoad, Description: "What one database spends its time on: statements and waits.", Schema: toolSchema(serviceInput{})},
	{Name: activities.ToolServiceGraph, Description: "Which service calls which.", Schema: toolSchema(graphInput{})},
	{Name: activities.ToolSimilarIncidents, Description: "Past incidents that looked alike, with their cause where it was confirmed.", Schema: toolSchema(historyInput{})},
	{Name: activities.ToolFindRunbooks, Description: "Sections of runbooks.", Schema: toolSchema(runbookInput{})},
}

func (w *run) tools(names ...string) []activities.Tool { return offered(w.settings, names...) }

// offered are the tools of names that have something behind them; all of them
// where names is empty.
func offered(s incident.Settings, names ...string) []activities.Tool {
	var out []activities.Tool
	for _, t := range offer {
		if slices.Contains(s.Tools, t.Name) && (len(names) == 0 || slices.Contains(names, t.Name)) {
			out = append(out, t)
		}
	}
	return out
}

// look is one use of one tool.
type look struct {
	tool    string
	service string
	text    string // what runbooks and past incidents are searched for
}

// maxToolCalls bounds what one turn may ask for.
const maxToolCalls = 6

// useTools carries out the model's wishes side by side and returns one output
// for each, in order. A wish that cannot be granted is an output that says why.
func (w *run) useTools(ctx workflow.Context, t task, calls []activities.ToolRequest) []activities.ToolOutput {
	looks, outputs := readCalls(t.tools, services(w.service, w.view), calls)
	futures := make([]workflow.Future, len(calls))
	for i, l := range looks {
		if !outputs[i].Error {
			futures[i] = w.collect(ctx, t.agent, l)
		}
	}
	asTheyCome(ctx, futures, func(i int, f workflow.Future) {
		e, err := w.collected(ctx, f)
		brought(&outputs[i], w.settings.Suffix, e, err)
	})
	return outputs
}

// readCalls reads a model's wishes: what to look at for each, or the output
// that says why it cannot be granted.
func readCalls(tools []activities.Tool, known []string, calls []activities.ToolRequest) ([]look, []activities.ToolOutput) {
	looks, outputs := make([]look, len(calls)), make([]activities.ToolOutput, len(calls))
	for i, c := range calls {
		outputs[i].ID = c.ID
		l, err := readCall(tools, known, c)
		if i >= maxToolCalls {
			err = fmt.Errorf("at most %d tools a turn", maxToolCalls)
		}
		if err != nil {
			outputs[i].Text, outputs[i].Error = err.Error(), true
			continue
		}
		looks[i] = l
	}
	return looks, outputs
}

// brought fills the output of a wish that was granted.
func brought(out *activities.ToolOutput, suffix string, e incident.Evidence, err error) {
	if err != nil {
		out.Text, out.Error = "the tool failed: "+clip(err.Error(), 500), true
		return
	}
	out.Text = renderEvidence(suffix, e)
}

// readCall reads a model's wish strictly: a tool that was offered, an input of
// its schema, a service that something is known of. A model chooses among
// what there is; it does not send words of its own into the user's systems.
func readCall(tools []activities.Tool, known []string, c activities.ToolRequest) (look, error) {
	if !slices.ContainsFunc(tools, func(o activities.Tool) bool { return o.Name == c.Name }) {
		return look{}, fmt.Errorf("there is no tool %q here", clip(c.Name, 100))
	}
	l := look{tool: c.Name}
	var err error
	switch c.Name {
	case activities.ToolServiceGraph:
		err = readStrictly(c.Input, &graphInput{})
	case activities.ToolSimilarIncidents:
		var in historyInput
		err = readStrictly(c.Input, &in)
		l.text, l.service = in.Query, in.Service
	case activities.ToolFindRunbooks:
		var in runbookInput
		err = readStrictly(c.Input, &in)
		l.text = in.Query
	default:
		var in serviceInput
		err = readStrictly(c.Input, &in)
		if l.service = in.Service; err == nil && l.service == "" {
			err = errors.New("the service is missing")
		}
	}
	switch {
	case err != nil:
		return look{}, fmt.Errorf("the input does not match the tool's schema: %w", err)
	case l.service != "" && !slices.Contains(known, l.service):
		return look{}, fmt.Errorf("no service of that name is known here; there are %s", clip(strings.Join(known, ", "), 1000))
	case len(l.text) > 300 || !utf8.ValidString(l.text):
		return look{}, errors.New("the input does not match the tool's schema: the query is longer than 300 characters")
	case l.text == "" && (c.Name == activities.ToolSimilarIncidents || c.Name == activities.ToolFindRunbooks):
		return look{}, errors.New("the input does not match the tool's schema: the query is missing")
	}
	return l, nil
}

// readStrictly reads one JSON object without unknown fields and with nothing
// after it. An input that is missing is an empty object.
func readStrictly(raw json.RawMessage, into any) error {
	if len(bytes.TrimSpace(raw)) == 0 {
		raw = json.RawMessage("{}")
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return errors.New("text after the object")
	}
	return nil
}

// services are the names that something is known of: the ones that complain,
// those of the service graph, and those that evidence was found of.
func services(complains string, v event.View) []string {
	out := []string{complains}
	add := func(s string) {
		if s != "" && !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	for _, a := range v.Alerts {
		add(a.Service)
	}
	for _, e := range v.Evidence {
		if e.Found {
			add(e.Service)
		}
		for _, d := range e.Edges {
			add(d.From)
			add(d.To)
		}
		for _, s := range e.Services {
			add(s)
		}
		for _, s := range e.Series {
			add(s.Service)
		}
	}
	slices.Sort(out)
	return out
}

// asTheyCome takes each future when it is ready, so that what is quick does
// not wait on the screen for what is slow. Futures that are nil are left out.
func asTheyCome(ctx workflow.Context, futures []workflow.Future, take func(i int, f workflow.Future)) {
	s := workflow.NewSelector(ctx)
	waiting := 0
	for i, f := range futures {
		if f != nil {
			s.AddFuture(f, func(f workflow.Future) { take(i, f) })
			waiting++
		}
	}
	for range waiting {
		s.Select(ctx)
	}
}

// collect starts one look with one tool.
func (w *run) collect(ctx workflow.Context, a incident.Agent, l look) workflow.Future {
	in := l.input(w.id, w.service, a)
	from, base := w.window()
	in.StartedAt, in.BaselineTo, in.Window = w.startedAt, base, activities.Window{From: from, To: workflow.Now(ctx).UTC()}
	return workflow.ExecuteActivity(readOptions(ctx), activities.CollectEvidenceName, in)
}

// input is the look without the time that it is about.
func (l look) input(id, complains string, a incident.Agent) activities.CollectInput {
	if l.tool == activities.ToolServiceGraph {
		l.text = complains
	}
	return activities.CollectInput{Tool: l.tool, IncidentID: id, Service: l.service, Text: l.text, Agent: a}
}

// collected waits for a look, numbers what came of it and shows it.
func (w *run) collected(ctx workflow.Context, f workflow.Future) (incident.Evidence, error) {
	var c activities.Collected
	if err := f.Get(ctx, &c); err != nil {
		return incident.Evidence{}, err
	}
	w.addEvidence(ctx, &c.Evidence)
	if c.Guard != nil {
		w.guardrailChecked(ctx, c.Evidence.CollectedBy, "input", *c.Guard, nil)
	}
	return c.Evidence, nil
}

func (w *run) addEvidence(ctx workflow.Context, e *incident.Evidence) {
	w.evidenceCount++
	e.ID = fmt.Sprintf("E%d", w.evidenceCount)
	w.emit(ctx, &event.EvidenceCollected{Evidence: *e}, e.Provenance)
}

func toolNames(calls []activities.ToolRequest) []string {
	var names []string
	for _, c := range calls {
		if len(names) == maxToolCalls {
			break
		}
		names = append(names, clip(c.Name, 100))
	}
	return names
}

// window is the span that telemetry is read from; its first half, before base,
// counts as normal operation. Trouble begins some time before it is noticed,
// so the second half leaves it that time.
func (w *run) window() (from, base time.Time) {
	lookback := ms(w.settings.LookbackMS)
	return w.startedAt.Add(-lookback), w.startedAt.Add(-lookback / 2)
}
