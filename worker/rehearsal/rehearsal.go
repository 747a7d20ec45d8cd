package rehearsal

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"time"

	"vigil/activities"
	"vigil/workflows/incident"
)

// Config is what is rehearsed, and with what.
type Config struct {
	Settings  incident.Settings // its catalogue
	Catalogue activities.Catalogue
	Policy    activities.Policy
	Executors map[string]activities.Executor
	Offline   bool                // nothing is observed, and only who has to agree is shown
	Topology  activities.Topology // where targets come from where none is named; may be nil

	CatalogueFile, PolicyFile string // as they are called in what is printed
	Targets                   []string
	Notes                     []string // that are no mistakes, and may be ones
	Now                       func() time.Time
}

// maxTargets bounds what is read where nobody named targets.
const maxTargets = 50

// Run prints. The error says what could not be told; what does not fit is no
// error.
func Run(ctx context.Context, c Config, out io.Writer) error {
	if c.Now == nil {
		c.Now = time.Now
	}
	p := &printer{out: out}
	c.head(ctx, p)
	if c.Offline {
		c.agreement(ctx, p)
		return p.err
	}
	targets, err := c.targets(ctx)
	if err != nil {
		return errors.Join(p.err, err)
	}
	r := run{Config: c, printer: p, seen: map[string]*sight{}}
	for _, t := range targets {
		r.target(ctx, t)
	}
	p.say("\nNothing was sent. Tokens, where a call has one, are of this rehearsal: those of an incident differ.\n")
	return errors.Join(append(r.failed, p.err)...)
}

// head says what was read.
func (c Config) head(ctx context.Context, p *printer) {
	enabled := 0
	for _, e := range c.Settings.Catalogue {
		if e.Enabled {
			enabled++
		}
	}
	v, err := c.judge(ctx, incident.CatalogueEntry{}, "", incident.SeverityLow)
	if err != nil {
		p.say("Policy cannot be asked: %v\n", err)
	}
	p.say("Actions  %s, version %s: %d actions, %d enabled\n", c.CatalogueFile, c.Settings.CatalogueVersion, len(c.Settings.Catalogue), enabled)
	p.say("Policy   %s, version %s", c.PolicyFile, v.Version)
	if v.Freeze != "" {
		p.say("; the change freeze %q is on", v.Freeze)
	}
	p.say("\n")
	for _, n := range c.Notes {
		p.say("Note     %s\n", n)
	}
	p.say("\nWho has to agree is said for mode execute and a first action on which little doubt is left (score %.1f, confidence %.1f, by the agents);\n"+
		"in mode advisory, which is the default, at least one person has to.\n", sampleScore, sampleConfidence)
}

// agreement says of each action who would have to agree, on no particular
// target or on those that are named.
func (c Config) agreement(ctx context.Context, p *printer) {
	targets := c.Targets
	if len(targets) == 0 {
		targets = []string{""}
	}
	for _, t := range targets {
		if t == "" {
			p.say("\nany service without a tier\n")
		} else {
			p.say("\n%s%s\n", t, c.tier(ctx, t))
		}
		for _, e := range c.Settings.Catalogue {
			p.say("  %s (%s, risk %s, hurts %s, %s)\n    %s\n", e.Name, e.Type, e.Risk, e.BlastRadius, mode(e), c.agree(ctx, e, t))
		}
	}
}

func mode(e incident.CatalogueEntry) string {
	if e.Enabled {
		return "enabled"
	}
	return "dry run"
}

// targets are those that were named, or all services that are known.
func (c Config) targets(ctx context.Context) ([]string, error) {
	if len(c.Targets) > 0 {
		return c.Targets, nil
	}
	if c.Topology == nil {
		return nil, incident.Errorf(incident.KindInvalid, "there is no service graph to take targets from; name them with --target")
	}
	to := c.Now()
	edges, _, err := c.Topology.Graph(ctx, activities.Window{From: to.Add(-max(time.Hour, time.Duration(c.Settings.LookbackMS)*time.Millisecond)), To: to})
	if err != nil {
		return nil, fmt.Errorf("read the service graph, to take targets from; --target names them instead: %w", err)
	}
	var out []string
	for _, e := range edges {
		out = append(out, e.From, e.To)
	}
	slices.Sort(out)
	out = slices.DeleteFunc(slices.Compact(out), func(s string) bool { return s == "" })
	switch {
	case len(out) == 0:
		return nil, incident.Errorf(incident.KindNotFound, "the service graph of the last hour is empty; name targets with --target")
	case len(out) > maxTargets:
		return nil, incident.Errorf(incident.KindInvalid, "the service graph has %d services, over %d; name those that matter with --target", len(out), maxTargets)
	}
	return out, nil
}

// run is one rehearsal.
type run struct {
	Config
	*printer
	seen   map[string]*sight
	failed []error // targets that could not be read
}

func (r *run) target(ctx context.Context, target string) {
	r.say("\n%s%s\n", target, r.tier(ctx, target))
	acts := &activities.Activities{Catalogue: r.Catalogue, Executors: map[string]activities.Executor{}}
	for name, x := range r.Executors {
		acts.Executors[name] = &remembering{Executor: x, name: name, run: r}
	}
	r.states(ctx, target, acts.Executors)
	for _, e := range r.Settings.Catalogue {
		r.entry(ctx, acts, e, target)
	}
}

// states prints what executors see of a target.
func (r *run) states(ctx context.Context, target string, executors map[string]activities.Executor) {
	shown := map[string]bool{}
	for _, e := range r.Settings.Catalogue {
		s := e.Steps[0]
		x := executors[s.Executor]
		if x == nil || !forTarget(e, target) {
			continue
		}
		state, _, err := x.Observe(ctx, incident.Effect{Step: 1, Type: e.Type, Executor: s.Executor, Document: s.Document, Target: target})
		line := s.Executor + " sees " + words(state)
		if err != nil {
			line = s.Executor + " cannot say: " + err.Error()
			if doubtful(err) && !shown[line] {
				r.failed = append(r.failed, fmt.Errorf("%s: %w", target, err))
			}
		}
		if !shown[line] {
			r.say("  %s\n", line)
		}
		shown[line] = true
	}
}

// doubtful reports whether an error leaves it open how the target is, rather
// than saying that the executor has none such.
func doubtful(err error) bool {
	k := incident.KindOf(err)
	return err != nil && k != incident.KindNotFound && k != incident.KindInvalid
}

func forTarget(e incident.CatalogueEntry, target string) bool {
	return len(e.Services) == 0 || slices.ContainsFunc(e.Services, func(p string) bool { ok, _ := path.Match(p, target); return ok })
}

func (r *run) entry(ctx context.Context, acts *activities.Activities, e incident.CatalogueEntry, target string) {
	r.say("\n  %s (%s, risk %s, hurts %s, %s)\n", e.Name, e.Type, e.Risk, e.BlastRadius, mode(e))
	if !forTarget(e, target) {
		r.say("    does not fit: it is for %s\n", strings.Join(e.Services, ", "))
		return
	}
	if x, ok := acts.Executors[e.Steps[0].Executor].(*remembering); ok {
		if s := r.seen[x.key(e.Steps[0].Document, target)]; s != nil && doubtful(s.err) {
			r.say("    cannot be told: %s cannot say how %s is\n", x.name, target)
			return
		}
	}
	planned, err := acts.PlanOptions(ctx, []activities.Candidate{{Entry: e, Target: target}})
	switch {
	case err != nil:
		r.say("    cannot be told: %v\n", err)
		r.failed = append(r.failed, fmt.Errorf("%s on %s: %w", e.Name, target, err))
		return
	case len(planned.Options) == 0:
		reason := planned.Excluded[0].Reason
		reason, _, _ = strings.Cut(reason, ": "+target+" is map[") // how it is stands above
		r.say("    does not fit: %s\n", reason)
		return
	}
	o := planned.Options[0]
	a := incident.Action{IncidentID: "rehearsal", PlanRevision: 1, Name: o.Name, Type: o.Type, Target: target, Steps: o.Steps,
		Precondition: o.Precondition, Planned: o.Planned, CatalogueVersion: r.Settings.CatalogueVersion}
	for n := range a.Steps {
		effect := a.Effect(n + 1)
		r.call(effect, "")
		if undo, ok := a.Undo(n + 1); ok {
			r.call(undo, "undone by ")
		} else {
			r.say("      cannot be taken back, or need not be\n")
		}
	}
	r.say("    %s\n", r.agree(ctx, e, target))
}

func (r *run) call(e incident.Effect, how string) {
	indent := "    "
	if e.Undo {
		indent = "      "
	}
	c, err := r.Executors[e.Executor].Call(e)
	if err != nil {
		r.say("%s%s%s %s, which cannot be sent: %v\n", indent, how, e.Executor, e.Document, err)
		r.failed = append(r.failed, fmt.Errorf("%s on %s: %w", e.Document, e.Target, err))
		return
	}
	r.say("%s%s%s %s %s\n", indent, how, c.Service, c.Operation, inOrder(c.Request))
}

// inOrder is a request with its names in order, so that the same call is
// printed in the same way. Some encoders have none.
func inOrder(raw json.RawMessage) json.RawMessage {
	var v any
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	if err := dec.Decode(&v); err != nil {
		return raw
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return raw
	}
	return bytes.TrimSpace(out.Bytes())
}

// sight is what was seen of a target.
type sight struct {
	state incident.TargetState
	from  incident.Provenance
	err   error
}

// remembering observes each target once.
type remembering struct {
	activities.Executor
	name string
	run  *run
}

func (x *remembering) key(document, target string) string {
	return x.name + "\x00" + document + "\x00" + target
}

func (x *remembering) Observe(ctx context.Context, e incident.Effect) (incident.TargetState, incident.Provenance, error) {
	key := x.key(e.Document, e.Target)
	s := x.run.seen[key]
	if s == nil {
		s = &sight{}
		s.state, s.from, s.err = x.Executor.Observe(ctx, e)
		x.run.seen[key] = s
	}
	return s.state, s.from, s.err
}

// words is a state in the order of its names.
func words(s incident.TargetState) string {
	var out []string
	for name, v := range s {
		out = append(out, fmt.Sprintf("%s %v", name, v))
	}
	slices.Sort(out)
	if len(out) == 0 {
		return "nothing"
	}
	return strings.Join(out, ", ")
}

// printer writes until it cannot.
type printer struct {
	out io.Writer
	err error
}

func (p *printer) say(format string, args ...any) {
	if p.err == nil {
		if _, err := fmt.Fprintf(p.out, format, args...); err != nil {
			p.err = fmt.Errorf("print: %w", err)
		}
	}
}
