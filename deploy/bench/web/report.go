package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
)

// Report is every figure of a run.
type Report struct {
	Incidents  int       `json:"incidents"`
	Rate       float64   `json:"per_second"`
	Seconds    float64   `json:"seconds"`
	Seed       uint64    `json:"seed"`
	LoadBefore string    `json:"load_before"` // of the machine
	Traces     []Figures `json:"traces"`
	Missed     []string  `json:"missed"` // bounds
}

// row is a figure as the table shows it.
type row struct {
	name   string
	format string
	value  func(Figures) float64
}

var rows = []row{
	{"p99 of the main thread's tasks, ms", "%.1f", func(f Figures) float64 { return f.TaskP99 }},
	{"  of those of more than 1 ms", "%.1f", func(f Figures) float64 { return f.WorkP99 }},
	{"longest task, ms", "%.1f", func(f Figures) float64 { return f.TaskMax }},
	{"p99 by processor time, over 1 ms, ms", "%.1f", func(f Figures) float64 { return f.CPUP99 }},
	{"longest by processor time, ms", "%.1f", func(f Figures) float64 { return f.CPUMax }},
	{"tasks over 50 ms", "%.0f", func(f Figures) float64 { return float64(f.LongTasks) }},
	{"median task, ms", "%.2f", func(f Figures) float64 { return f.TaskP50 }},
	{"tasks since the first paint", "%.0f", func(f Figures) float64 { return float64(f.Tasks) }},
	{"main thread busy under load, %", "%.0f", func(f Figures) float64 { return 100 * f.Busy }},
	{"frames dropped, %", "%.1f", func(f Figures) float64 { return 100 * f.Dropped }},
	{"heap before the load, MB", "%.1f", func(f Figures) float64 { return f.Heap[0] }},
	{"heap in the middle, MB", "%.1f", func(f Figures) float64 { return f.Heap[1] }},
	{"heap at the end, MB", "%.1f", func(f Figures) float64 { return f.Heap[2] }},
	{"first paint, ms", "%.0f", func(f Figures) float64 { return f.FirstPaint }},
	{"row of the list, or the incident, painted, ms", "%.0f", func(f Figures) float64 { return f.FirstView }},
	{"JavaScript until then, gzipped, KB", "%.1f", func(f Figures) float64 { return float64(f.Script) / 1000 }},
	{"events published per second", "%.1f", func(f Figures) float64 { return f.Rate }},
	{"messages of the socket", "%.0f", func(f Figures) float64 { return float64(f.Messages) }},
	{"last event on the page after, ms", "%.0f", func(f Figures) float64 { return f.Last }},
}

// of are the figures of a view's traces.
func (r *Report) of(view string) (out []Figures) {
	for _, f := range r.Traces {
		if f.View == view {
			out = append(out, f)
		}
	}
	return out
}

func median(all []Figures, value func(Figures) float64) float64 {
	var v []float64
	for _, f := range all {
		v = append(v, value(f))
	}
	slices.Sort(v)
	return v[len(v)/2]
}

// print prints each figure's median, with all values in the order of the traces.
func (r *Report) print(names []string) {
	fmt.Printf("\n  %-38s", "median (each trace)")
	for _, name := range names {
		fmt.Printf(" %-30s", name)
	}
	fmt.Println()
	for _, w := range rows {
		fmt.Printf("  %-38s", w.name)
		for _, name := range names {
			all := r.of(name)
			var each []string
			for _, f := range all {
				each = append(each, fmt.Sprintf(w.format, w.value(f)))
			}
			fmt.Printf(" %-30s", fmt.Sprintf(w.format, median(all, w.value))+" ("+strings.Join(each, ", ")+")")
		}
		fmt.Println()
	}
	fmt.Println()
}

// bound is one thing that must hold of a dashboard's view, of the medians.
type bound struct {
	name  string
	limit float64
	value func(Figures) float64
	unit  string
	view  string // that it is for alone; empty: every one
}

var bounds = []bound{
	{"p99 of tasks of more than 1 ms at most 50 ms", 50, func(f Figures) float64 { return f.WorkP99 }, "ms", ""},
	{"no task over 100 ms", 100, func(f Figures) float64 { return f.TaskMax }, "ms", ""},
	// An incident that is open keeps all that happens to it while somebody looks.
	{"heap grows by at most a tenth in the second half", 1.1, func(f Figures) float64 { return f.Heap[2] / f.Heap[1] }, "times", "list"},
	{"initial JavaScript under 200 KB gzipped", 200, func(f Figures) float64 { return float64(f.Script) / 1000 }, "KB", ""},
	{"first view under 1 s", 1000, func(f Figures) float64 { return f.FirstView }, "ms", ""},
}

// judge prints which bounds hold, and notes those that do not.
func (r *Report) judge(names []string) {
	for _, name := range names {
		all := r.of(name)
		if name == reference {
			continue
		}
		for _, b := range bounds {
			if b.view != "" && b.view != name {
				continue
			}
			v := median(all, b.value)
			r.verdict(name, b.name, v <= b.limit, fmt.Sprintf("%.4g %s", v, b.unit))
		}
		checked, wrong, again := 0, []string{}, 0
		for _, f := range all {
			checked += f.RowsChecked
			wrong = append(wrong, f.RowsWrong...)
			again += f.Sockets - 1
		}
		r.verdict(name, "every row on screen shows its latest event", checked > 0 && len(wrong) == 0, fmt.Sprintf("%d rows, %d behind", checked, len(wrong)))
		r.verdict(name, "it never fell behind", again == 0, fmt.Sprintf("%d reconnections", again))
	}
}

// doubt says where the machine was too busy to tell: where even a page that
// does nothing was kept from running for so long.
func (r *Report) doubt() {
	all := r.of(reference)
	if len(all) == 0 {
		return
	}
	for _, b := range bounds[:2] {
		if v := median(all, b.value); v > b.limit {
			fmt.Printf("  The machine is too busy to tell: on the page that only parses, %q has %.4g %s. Measure again when it is idle.\n", b.name, v, b.unit)
		}
	}
}

func (r *Report) verdict(view, what string, holds bool, have string) {
	word := "holds"
	if !holds {
		word = "DOES NOT HOLD"
		r.Missed = append(r.Missed, view+": "+what)
	}
	fmt.Printf("  %-10s %-50s %-14s %s\n", view, what, word, have)
}

// save writes the report to a file, unless there is none to write to.
func (r *Report) save(file string) error {
	if file == "" {
		return nil
	}
	raw, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(raw, '\n'), 0o644)
}

// loadAverage is the machine's, over the last minute.
func loadAverage() string {
	raw, err := os.ReadFile("/proc/loadavg")
	if f := bytes.Fields(raw); err == nil && len(f) > 0 {
		return string(f[0])
	}
	return "not known"
}
