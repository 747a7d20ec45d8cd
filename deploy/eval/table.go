package main

import (
	"fmt"
	"io"
	"slices"
	"time"

	"vigil/activities/rca"
	"vigil/workflows/incident"
)

// statistics is who answers where no model does.
const statistics = "statistics"

// row is what one answerer gave on one data set: a line of the table. Counts
// are of cases; what a data set does not ask stays zero and prints as a dash.
type row struct {
	set      string  // data set
	answered string  // statistics, or the model's id
	notable  float64 // how sure an answer is from which on it counts as one; 0: rca.Notable

	cases, top1, top3 int // with a fault; the right answer first, or among the first three
	healthy, falsely  int // without one; those in which somebody is suspected
	brier             float64
	took              []time.Duration
}

// count adds a case with a fault: place is where the right answer came, 1 the
// first, 0 nowhere; confidence is how sure the first answer was.
func (r *row) count(place int, confidence float64, took time.Duration) {
	r.cases++
	right := 0.0
	if place == 1 {
		r.top1++
		right = 1
	}
	if place >= 1 && place <= 3 {
		r.top3++
	}
	r.brier += (confidence - right) * (confidence - right)
	r.took = append(r.took, took)
}

// countHealthy adds a case without a fault. Whatever is said of it is wrong, so
// its confidence counts against it.
func (r *row) countHealthy(falsely bool, confidence float64, took time.Duration) {
	r.healthy++
	if falsely {
		r.falsely++
	}
	r.brier += confidence * confidence
	r.took = append(r.took, took)
}

// add counts what was answered to c. byCause asks for the right cause too.
func (r *row) add(c question, suspects []incident.Suspect, byCause bool, took time.Duration) {
	sure := 0.0
	if len(suspects) > 0 {
		sure = suspects[0].Score
	}
	if c.service == "" {
		least := r.notable
		if least == 0 {
			least = rca.Notable
		}
		r.countHealthy(sure >= least, sure, took)
		return
	}
	r.count(1+slices.IndexFunc(suspects, func(s incident.Suspect) bool {
		return s.Service == c.service && (!byCause || s.Cause == c.cause)
	}), sure, took)
}

func (r *row) median() time.Duration {
	if len(r.took) == 0 {
		return 0
	}
	slices.Sort(r.took)
	return r.took[len(r.took)/2]
}

// write prints a table. The Brier score is the mean squared distance between
// how sure the first answer was and whether it was right: 0 is perfect, and
// always saying one half gives 0.25.
func write(w io.Writer, title string, rows []*row) {
	fmt.Fprintf(w, "\n%s\n  %-34s %-11s %5s %7s %7s %16s %6s %8s\n", title, "", "answered by", "cases", "top-1", "top-3", "false on healthy", "Brier", "per case")
	for _, r := range rows {
		fmt.Fprintf(w, "  %-34s %-11s %5d %7s %7s %16s %6s %8s\n", r.set, r.answered, r.cases, share(r.top1, r.cases), share(r.top3, r.cases),
			of(r.falsely, r.healthy), mean(r.brier, r.cases+r.healthy), r.median().Round(10*time.Microsecond))
	}
}

func share(n, all int) string {
	if all == 0 {
		return "-"
	}
	return fmt.Sprintf("%.1f%%", 100*float64(n)/float64(all))
}

func of(n, all int) string {
	if all == 0 {
		return "-"
	}
	return fmt.Sprintf("%d of %d", n, all)
}

func mean(sum float64, n int) string {
	if n == 0 {
		return "-"
	}
	return fmt.Sprintf("%.3f", sum/float64(n))
}
