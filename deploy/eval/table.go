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
	answered string  // statistics, sandbox, or the model's id
	notable  float64 // how sure an answer is from which on it counts as one; 0: rca.Notable

	cases, top1, top3 int  // with a fault; the right answer first, or among the first three
	healthy, falsely  int  // without one; those in which somebody is suspected
	whole             bool // an answer is judged as a whole: there is no second place
	judged            int  // cases in brier
	brier             float64
	took              []time.Duration

	asked        usage // of models, all cases together
	inconclusive int   // answers that name nobody
	aside        int   // answers of no use, for which the statistics' own stand
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
	r.judged++
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
	r.judged++
	r.brier += confidence * confidence
	r.took = append(r.took, took)
}

// add counts what was answered to c. byCause asks for the right cause too.
func (r *row) add(c question, a answer, byCause bool) {
	r.addUsage(a)
	sure := 0.0
	if len(a.suspects) > 0 {
		sure = a.suspects[0].Score
	}
	if c.service == "" {
		least := r.notable
		if least == 0 {
			least = rca.Notable
		}
		falsely := sure >= least
		if a.by.model != nil { // what would be acted on is what it concludes
			falsely = a.diagnosis.Verdict == incident.VerdictProbable
		}
		r.countHealthy(falsely, sure, a.took)
		return
	}
	r.count(1+slices.IndexFunc(a.suspects, func(s incident.Suspect) bool {
		return s.Service == c.service && (!byCause || s.Cause == c.cause)
	}), sure, a.took)
}

// addUsage counts what a model's answer took.
func (r *row) addUsage(a answer) {
	if a.by.model == nil {
		return
	}
	r.asked.add(a.used)
	r.inconclusive += one(a.diagnosis.Verdict == incident.VerdictInconclusive)
	r.aside += one(a.aside != "")
}

// name is what answered, and that it was only simulated.
func (r *row) name() string {
	if r.asked.simulated {
		return r.answered + " (simulated)"
	}
	return r.answered
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
// always saying one half gives 0.25. Where models were asked there is also what
// a case took of them.
func write(w io.Writer, title string, rows []*row) {
	set, wide, models := 34, len("answered by"), false
	for _, r := range rows {
		set, wide, models = max(set, len(r.set)), max(wide, len(r.name())), models || r.asked.turns > 0
	}
	fmt.Fprintf(w, "\n%s\n  %-*s %-*s %5s %7s %7s %16s %6s %8s", title, set, "", wide, "answered by", "cases", "top-1", "top-3", "false on healthy", "Brier", "per case")
	if models {
		fmt.Fprintf(w, " %6s %8s %9s %12s %9s", "turns", "tokens", "cost", "inconclusive", "set aside")
	}
	fmt.Fprintln(w)
	for _, r := range rows {
		third := share(r.top3, r.cases)
		if r.whole {
			third = "-"
		}
		fmt.Fprintf(w, "  %-*s %-*s %5d %7s %7s %16s %6s %8s", set, r.set, wide, r.name(), r.cases, share(r.top1, r.cases), third,
			of(r.falsely, r.healthy), mean(r.brier, r.judged), r.median().Round(10*time.Microsecond))
		if r.asked.turns > 0 {
			n := float64(r.judged)
			fmt.Fprintf(w, " %6.1f %8.0f %9s %12d %9d", float64(r.asked.turns)/n, float64(r.asked.tokens)/n, r.asked.cost(n), r.inconclusive, r.aside)
		}
		fmt.Fprintln(w)
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
