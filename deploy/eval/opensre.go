package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"vigil/activities"
	"vigil/workflows/incident"
)

// expected is a scenario's answer key.
type expected struct {
	Category            string   `yaml:"root_cause_category"`
	Required            []string `yaml:"required_keywords"`
	RulingOut           []string `yaml:"ruling_out_keywords"`
	Forbidden           []string `yaml:"forbidden_keywords"`
	ForbiddenCategories []string `yaml:"forbidden_categories"`
	Sources             []string `yaml:"required_evidence_sources"`
}

// scenario is a recorded or scripted incident of one service of AWS, in a
// folder with alert.json, telemetry in aws_*.json and answer.yml.
type scenario struct {
	name string
	scene
	question
	key expected
}

// findScenarios lists the folders at or under root that hold a scenario.
func findScenarios(root string) ([]string, error) {
	var out []string
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && d.Name() == "answer.yml" {
			out = append(out, filepath.Dir(path))
		}
		return err
	})
	slices.Sort(out)
	return out, err
}

func readScenario(root, folder string) (scenario, error) {
	name, err := filepath.Rel(root, folder)
	if err != nil {
		return scenario{}, err
	}
	s := scenario{name: name}
	raw, err := os.ReadFile(filepath.Join(folder, "answer.yml"))
	if err != nil {
		return s, err
	}
	if err := yaml.Unmarshal(raw, &s.key); err != nil {
		return s, fmt.Errorf("%s/answer.yml: %w", folder, err)
	}
	if s.scene, err = readScene(folder); err != nil {
		return s, err
	}
	// The alert says no time. The recording is what an investigation reads that
	// begins when the recording ends: half of it is the past, as the workflow
	// halves its window.
	r := &s.scene
	s.question = question{name: "opensre/" + name, alert: r.alert, detail: r.detail, alerting: r.service, services: r.names(), from: r.from, to: r.to, startedAt: r.to,
		baselineTo: r.from.Add(r.to.Sub(r.from) / 2)}
	return s, nil
}

func readJSON(path string, into any) error {
	raw, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// marks are what a case was judged by; a reason where one is not met.
type marks struct {
	category, keywords, forbidden, sources string
}

func (m marks) all() bool { return m == marks{} }

// judge holds a diagnosis against the answer key. What counts is the text as a
// person reads it, without regard to case.
func judge(key expected, d incident.Diagnosis, evidence []incident.Evidence) marks {
	var m marks
	text := strings.ToLower(prose(d))
	category := string(d.Category())
	wanted := key.Category
	if wanted == "code_defect" { // what a deployment brings
		wanted = string(incident.CategoryDeployment)
	}
	if wanted != category && !strings.HasPrefix(wanted, category+"_") {
		m.category = fmt.Sprintf("%s, not %s", category, key.Category)
	}
	for _, f := range key.ForbiddenCategories {
		if f == category || f == string(d.Cause) {
			m.category = "forbidden: " + f
		}
	}
	var missing, wrong []string
	for _, k := range slices.Concat(key.Required, key.RulingOut) {
		if !strings.Contains(text, strings.ToLower(k)) && !slices.Contains(missing, k) {
			missing = append(missing, k)
		}
	}
	for _, k := range key.Forbidden {
		if strings.Contains(text, strings.ToLower(k)) {
			wrong = append(wrong, k)
		}
	}
	m.keywords, m.forbidden = strings.Join(missing, ", "), strings.Join(wrong, ", ")
	missing = nil
	for _, s := range key.Sources {
		if !cites(d, evidence, s) {
			missing = append(missing, s)
		}
	}
	m.sources = strings.Join(missing, ", ")
	return m
}

// prose is all that a person reads of a diagnosis.
func prose(d incident.Diagnosis) string {
	var b strings.Builder
	b.WriteString(d.Summary)
	for _, c := range d.Claims {
		if c.Supported {
			b.WriteString("\n- " + c.Text)
		}
	}
	for _, h := range d.Hypotheses {
		if h.Cause != d.Cause && h.Cause != incident.CauseUnknown {
			fmt.Fprintf(&b, "\nruled out or less likely: %s (%.2f)", strings.ReplaceAll(string(h.Cause), "_", " "), h.Score)
		}
	}
	return b.String()
}

// cites reports whether a supported claim rests on evidence of a source, as
// the answer keys call them: by the files that hold it.
func cites(d incident.Diagnosis, evidence []incident.Evidence, source string) bool {
	kind := incident.EvidenceMetric
	switch {
	case strings.Contains(source, "performance_insights"):
		kind = incident.EvidenceDatabaseLoad
	case strings.Contains(source, "event"):
		kind = incident.EvidenceEvents
	case strings.Contains(source, "log"):
		kind = incident.EvidenceLog
	}
	for _, c := range d.Claims {
		for _, id := range c.Cites {
			if c.Supported && slices.ContainsFunc(evidence, func(e incident.Evidence) bool { return e.ID == id && e.Kind == kind }) {
				return true
			}
		}
	}
	return false
}

// evalOpenSRE measures on scenarios of one AWS service each: whether what is
// written down has the right category, says what it has to, says nothing that
// is wrong and cites what it has to. All of it is the product's own: evidence
// through its ports, ranking and conclusion. A scenario in which all is well
// counts as right or wrong like the others, and as a false alarm besides where
// a cause is named.
func evalOpenSRE(ctx context.Context, w io.Writer, folder string, o options) ([]*row, error) {
	folders, err := findScenarios(folder)
	if err != nil {
		return nil, err
	}
	if len(folders) == 0 {
		return nil, errors.New("no folder under " + folder + " holds an answer.yml")
	}
	rows, categories := o.rows("diagnosis, all that is asked"), o.rows("diagnosis, category alone")
	tables := make([]strings.Builder, len(rows))
	for _, f := range folders {
		s, err := readScenario(folder, f)
		if err != nil {
			return nil, err
		}
		answers, err := o.ask(ctx, s.ports(), s.question)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", s.name, err)
		}
		for i, a := range answers {
			if a.by.model == nil {
				if a, err = a.concluded(ctx, s.question); err != nil {
					return nil, fmt.Errorf("%s: %w", s.name, err)
				}
			}
			m := judge(s.key, a.diagnosis, a.evidence)
			rows[i].judge(s.key, a, m.all())
			categories[i].judge(s.key, a, m.category == "")
			fmt.Fprint(&tables[i], s.line(a, m, o.verbose))
		}
	}
	for i, r := range rows {
		fmt.Fprintf(w, "\nopensre: the written diagnosis, answered by %s\n  %-52s %-24s %-5s %-9s %-9s %-9s %-8s %s\n%s", r.name(),
			"scenario", "diagnosis", "", "category", "keywords", "forbidden", "sources", "what is missing", tables[i].String())
	}
	return append(rows, categories...), nil
}

// judge counts a written diagnosis.
func (r *row) judge(key expected, a answer, right bool) {
	r.addUsage(a)
	r.whole = true
	r.count(one(right), a.diagnosis.Confidence, a.took)
	if key.Category == string(incident.CategoryHealthy) {
		r.healthy++
		r.falsely += one(a.diagnosis.Verdict == incident.VerdictProbable)
	}
}

// line is a scenario's line of the table.
func (s scenario) line(a answer, m marks, verbose bool) string {
	said := string(a.diagnosis.Cause)
	if a.diagnosis.Verdict != incident.VerdictProbable {
		said = string(a.diagnosis.Verdict)
	}
	out := fmt.Sprintf("  %-52s %-24s %-5s %-9s %-9s %-9s %-8s %s\n", s.name, said, tick(m.all()), tick(m.category == ""), tick(m.keywords == ""),
		tick(m.forbidden == ""), tick(m.sources == ""), strings.Trim(strings.Join([]string{m.category, m.keywords, m.forbidden, m.sources}, "; "), "; "))
	if verbose {
		out += fmt.Sprintf("%s\n  confidence %.2f%s\n\n", prose(a.diagnosis), a.diagnosis.Confidence, a.asideText())
	}
	return out
}

// ports are what the product looks at the scenario through.
func (s scenario) ports() *activities.Activities {
	return &activities.Activities{Settings: incident.DefaultSettings(), Metrics: scenePort{&s.scene}, Logs: scenePort{&s.scene},
		Database: scenePort{&s.scene}, Platform: scenePlatform{&s.scene}}
}

func tick(ok bool) string {
	if ok {
		return "ok"
	}
	return "NO"
}

func one(b bool) int {
	if b {
		return 1
	}
	return 0
}

// cpus is how many processors an instance class has, by its size; 0 where the
// name does not say.
func cpus(class string) float64 {
	size := class[strings.LastIndex(class, ".")+1:]
	switch size {
	case "micro", "small", "medium", "large":
		return 2
	case "xlarge":
		return 4
	}
	var n int
	if _, err := fmt.Sscanf(size, "%dxlarge", &n); err != nil {
		return 0
	}
	return float64(4 * n)
}

// instanceClass reads what the instance is from the scenario's description,
// which may leave it to the one that it is made from.
func instanceClass(folder string) string {
	var about struct {
		Base  string `yaml:"base"`
		Class string `yaml:"instance_class"`
	}
	raw, err := os.ReadFile(filepath.Join(folder, "scenario.yml"))
	if err != nil || yaml.Unmarshal(raw, &about) != nil {
		return "" // a description is no telemetry; a scenario does without
	}
	if about.Class == "" && about.Base != "" && filepath.Base(about.Base) == about.Base && about.Base != filepath.Base(folder) {
		return instanceClass(filepath.Join(filepath.Dir(folder), about.Base))
	}
	return cmp.Or(about.Class, "")
}
