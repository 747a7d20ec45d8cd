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
	"time"

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
	s.question = question{name: "opensre/" + name, alerting: r.service, services: r.names(), from: r.from, to: r.to, startedAt: r.to,
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

// evalOpenSRE measures on scenarios of one AWS service each: whether what the
// statistics write down has the right category, says what it has to, says
// nothing that is wrong and cites what it has to. All of it is the product's
// own: evidence through its ports, ranking and conclusion.
func evalOpenSRE(w io.Writer, folder string, verbose bool) error {
	ctx := context.Background()
	folders, err := findScenarios(folder)
	if err != nil {
		return err
	}
	if len(folders) == 0 {
		return errors.New("no folder under " + folder + " holds an answer.yml")
	}
	fmt.Fprintf(w, "\nopensre: the statistics' written diagnosis\n  %-52s %-24s %-5s %-9s %-9s %-9s %-8s %s\n", "scenario", "diagnosis", "", "category", "keywords", "forbidden", "sources", "what is missing")
	var right, controls, acted int
	var brier float64
	var took []time.Duration
	for _, f := range folders {
		s, err := readScenario(folder, f)
		if err != nil {
			return err
		}
		start := time.Now()
		d, evidence, err := s.diagnose(ctx)
		if err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		took = append(took, time.Since(start))
		m := judge(s.key, d, evidence)
		truth := 0.0
		if m.all() {
			right++
			truth = 1
		}
		brier += (d.Confidence - truth) * (d.Confidence - truth)
		if s.key.Category == string(incident.CategoryHealthy) {
			controls++
			acted += one(d.Verdict == incident.VerdictProbable)
		}
		said := string(d.Cause)
		if d.Verdict != incident.VerdictProbable {
			said = string(d.Verdict)
		}
		fmt.Fprintf(w, "  %-52s %-24s %-5s %-9s %-9s %-9s %-8s %s\n", s.name, said, tick(m.all()), tick(m.category == ""), tick(m.keywords == ""),
			tick(m.forbidden == ""), tick(m.sources == ""), strings.Trim(strings.Join([]string{m.category, m.keywords, m.forbidden, m.sources}, "; "), "; "))
		if verbose {
			fmt.Fprintf(w, "%s\n  confidence %.2f\n\n", prose(d), d.Confidence)
		}
	}
	slices.Sort(took)
	fmt.Fprintf(w, "  %d of %d; healthy ones in which something would be done: %d of %d; Brier %s; per case %s; answered by %s\n",
		right, len(folders), acted, controls, mean(brier, len(folders)), took[len(took)/2].Round(10*time.Microsecond), statistics)
	return nil
}

// diagnose asks the product.
func (s scenario) diagnose(ctx context.Context) (incident.Diagnosis, []incident.Evidence, error) {
	ports := &activities.Activities{Settings: incident.DefaultSettings(), Metrics: scenePort{&s.scene}, Logs: scenePort{&s.scene},
		Database: scenePort{&s.scene}, Platform: scenePlatform{&s.scene}}
	suspects, evidence, err := investigate(ctx, ports, s.question)
	if err != nil {
		return incident.Diagnosis{}, nil, err
	}
	d, err := activities.ConcludeDiagnosis(ctx, activities.ConcludeInput{Suspects: suspects, Evidence: evidence, Service: s.alerting,
		StartedAt: s.startedAt, BaselineTo: s.question.baselineTo, Now: s.question.to})
	return d, evidence, err
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
