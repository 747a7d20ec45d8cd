package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"runtime"
	"slices"
	"strings"
)

// Report is every figure of a run. A figure that is absent could not be had.
type Report struct {
	Rate       float64 `json:"rate"` // deliveries per second
	Seconds    float64 `json:"seconds"`
	Repeats    float64 `json:"repeats"`
	Services   int     `json:"services"`
	Storm      int     `json:"storm,omitempty"`
	Worker     bool    `json:"worker"` // ran during the load
	Seed       uint64  `json:"seed"`
	Posts      int     `json:"posts"`
	Alerts     int     `json:"alerts"` // in them, repetitions included
	Different  int     `json:"different_alerts"`
	Groups     int     `json:"groups"`
	CPUs       int     `json:"cpus"`
	LoadBefore string  `json:"load_before"` // of the machine

	Disk    Disk    `json:"disk"`
	Bare    Bare    `json:"bare"`
	Gateway Gateway `json:"gateway"`
}

// Acks is how soon posts were answered, since each was due.
type Acks struct {
	P50MS     float64     `json:"p50_ms"`
	P99MS     float64     `json:"p99_ms"`
	MaxMS     float64     `json:"max_ms"`
	WaitP99MS float64     `json:"wait_p99_ms"` // of that, until a connection was free and the post was sent
	Refused   int         `json:"refused"`     // not answered 202
	Statuses  map[int]int `json:"statuses"`    // 0: no answer
	Error     string      `json:"error,omitempty"`
	Achieved  float64     `json:"achieved_per_second"`
}

func newAcks(a answers) Acks {
	out := Acks{P50MS: ms(a.latencies.at(.5)), P99MS: ms(a.latencies.at(.99)), MaxMS: ms(a.latencies.at(1)), WaitP99MS: ms(a.waits.at(.99)),
		Refused: len(a.latencies) - a.statuses[http.StatusAccepted], Statuses: a.statuses, Achieved: float64(len(a.latencies)) / a.took.Seconds()}
	if a.failed != nil {
		out.Error = a.failed.Error()
	}
	return out
}

func newReport(o options, l *load) *Report {
	r := &Report{Rate: o.rate, Seconds: o.seconds, Repeats: o.repeats, Services: o.services, Storm: o.storm, Worker: o.worker, Seed: o.seed,
		Posts: len(l.order), Alerts: l.alerts, Groups: l.groups, CPUs: runtime.NumCPU(), LoadBefore: loadAverage()}
	for _, b := range l.bodies {
		r.Different += len(b.fingerprints)
	}
	return r
}

func (r *Report) printHead() {
	worker := "with a worker (no models) beside it"
	if !r.Worker {
		worker = "without a worker, which starts afterwards"
	}
	fmt.Printf("%d deliveries, %g a second for %g s: %d alerts, of which %d are different, in %d groups of %d services; seed %d\n",
		r.Posts, r.Rate, r.Seconds, r.Alerts, r.Different, r.Groups, r.Services, r.Seed)
	fmt.Printf("%s; %d processors, which all share; load of the machine before the start %s\n", worker, r.CPUs, r.LoadBefore)
}

func (r *Report) print() {
	g := &r.Gateway
	fmt.Printf("load of the machine when the posts had ended %s\n", g.LoadAfter)
	fmt.Printf("\n  disk: sync of 4 KB p50 %.2f ms, p99 %.2f ms; SQLite as the store uses it, one row a commit: %.0f commits/s\n",
		r.Disk.SyncP50MS, r.Disk.SyncP99MS, r.Disk.CommitsPerSecond)

	fmt.Printf("\n  %-44s %12s %12s %8s\n", "from when a post was due until its answer", "gateway", "only commit", "ratio")
	row := func(name string, whole, bare float64) {
		fmt.Printf("  %-44s %9.2f ms %9.2f ms %8s\n", name, whole, bare, ratio(whole, bare))
	}
	row("median", g.P50MS, r.Bare.P50MS)
	row("p99", g.P99MS, r.Bare.P99MS)
	row("max", g.MaxMS, r.Bare.MaxMS)
	row("p99 of the wait until it was sent", g.WaitP99MS, r.Bare.WaitP99MS)
	beside := func(name string, whole, bare float64) { fmt.Printf("  %-44s %9.2f ms %9.2f ms\n", name, whole, bare) }
	beside("meanwhile, a timer fires late by p99", g.Machine.LateP99MS, r.Bare.Machine.LateP99MS)
	beside("  max", g.Machine.LateMaxMS, r.Bare.Machine.LateMaxMS)
	beside("meanwhile, a bare file syncs in p99", g.Machine.SyncP99MS, r.Bare.Machine.SyncP99MS)
	beside("  max", g.Machine.SyncMaxMS, r.Bare.Machine.SyncMaxMS)
	if own, bare := g.CPUMS["gateway"], r.Bare.CPUMSPerDelivery; bare != nil {
		row("processor time per delivery", own, *bare)
	}
	for _, name := range slices.Sorted(maps.Keys(g.CPUMS)) {
		if name != "gateway" {
			fmt.Printf("  %-44s %9.2f ms\n", "  of "+name, g.CPUMS[name])
		}
	}
	fmt.Printf("  %-44s %12.1f %12.1f\n", "answers per second", g.Achieved, r.Bare.Achieved)

	fmt.Println()
	r.printBars()

	in := g.Incidents
	fmt.Printf("\n  incidents opened %d (%d runs); signals %d, most to one incident %d\n", in.Opened, in.Runs, in.Signals, in.MostSignals)
	fmt.Printf("  longest history %d events; largest %d KB with %d signals (%s)\n", in.MostEvents, in.LargestBytes>>10, in.LargestAlerts, in.LargestID)
	fmt.Printf("  dispatches by outcome: %s\n", counts(g.Dispatches))
	fmt.Printf("  alerts heard, as the incidents count them: %d of %d posted\n", g.Alerts.Heard, r.Alerts)
}

// printBars prints what is asked for, what is, and whether it is met.
func (r *Report) printBars() {
	g := &r.Gateway
	bar := func(name string, met bool, format string, args ...any) {
		verdict := "met"
		if !met {
			verdict = "NOT MET"
		}
		fmt.Printf("  %-44s %-8s %s\n", name, verdict, fmt.Sprintf(format, args...))
	}
	limit := ms(ackLimit)
	bar(fmt.Sprintf("p99 of answers under %g ms", limit), g.P99MS < limit, "%.2f ms", g.P99MS)
	bar("none refused", g.Refused == 0, "%d of %d not answered 202%s", g.Refused, r.Posts, because(g.Error))
	b := g.Backlog
	bar(fmt.Sprintf("backlog empty within %g s", backlogLimit.Seconds()), b.Left == 0 && b.EmptySeconds <= backlogLimit.Seconds(),
		"after %.1f s; %d at the end of the load, at most %d during it, %d left", b.EmptySeconds, b.AtEnd, b.Most, b.Left)
	if m := g.Memory; m != nil {
		bar(fmt.Sprintf("memory flat to within %.0f %%", memoryLimit*100), m.LateMB <= m.EarlyMB*(1+memoryLimit),
			"%.0f MB in the 20th to 30th second, %.0f MB in the last ten (medians); most %.0f MB", m.EarlyMB, m.LateMB, m.MostMB)
	} else {
		fmt.Printf("  %-44s %-8s needs a load of 40 s or more, and /proc\n", "memory flat", "no data")
	}
	a := g.Alerts
	bar("every alert in exactly one incident", a.Once == a.Sent && a.Unknown == 0,
		"%d of %d; %d in none, %d in several, %d unknown", a.Once, a.Sent, a.Missing, a.Twice, a.Unknown)
	d := g.Deliveries
	bar("every delivery settled", b.Left+d.Poisoned+d.Quarantined == 0, "%d wait, %d poisoned, %d in quarantine", b.Left, d.Poisoned, d.Quarantined)
}

func because(err string) string {
	if err == "" {
		return ""
	}
	return " (" + err + ")"
}

func ratio(whole, bare float64) string {
	if bare <= 0 {
		return "no data"
	}
	return fmt.Sprintf("%.1f", whole/bare)
}

func counts(m map[string]int64) string {
	var all []string
	for _, name := range slices.Sorted(maps.Keys(m)) {
		all = append(all, fmt.Sprintf("%s %d", name, m[name]))
	}
	return strings.Join(all, ", ")
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
