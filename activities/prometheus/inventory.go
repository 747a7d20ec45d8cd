package prometheus

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"vigil/activities"
	"vigil/workflows/incident"
)

const (
	maxSeriesPoints = 240             // of a series
	looks           = 8               // steps in which a window is searched for metrics that came or went
	heartbeat       = 5 * time.Minute // over which scrapes are counted
	usualInterval   = 15 * time.Second
	tag             = "vigil" // label that tells the parts of a union apart
)

// inventory is what Prometheus has of one service.
type inventory struct {
	metrics map[string]found
	names   []string // of metrics, sorted
}

// found is a metric and how its series of the service are selected.
type found struct {
	selector selector
	series   int
}

// inventory finds out which metrics a service has, and under which labels.
// One request asks for all selectors: an exporter names services in its way,
// so one service's metrics are often found under several.
func (s *Source) inventory(ctx context.Context, service string, w activities.Window) (inventory, incident.Provenance, error) {
	all, err := s.selectors(service)
	if err != nil {
		return inventory{}, incident.Provenance{}, err
	}
	parts := make([]string, len(all))
	for i, sel := range all {
		parts[i] = tagged(fmt.Sprintf("count by (__name__) ({%s})", sel.matcher), i)
	}
	// Several looks, because a service that died is not there at the end.
	m, p, err := s.rangeQuery(ctx, strings.Join(parts, " or "), w, w.To.Sub(w.From)/looks)
	if err != nil {
		return inventory{}, p, err
	}
	in := inventory{metrics: map[string]found{}}
	for _, last := range []bool{false, true} {
		if last && len(in.metrics) > 0 {
			break
		}
		best := map[string]int{}
		for _, series := range m {
			metric := string(series.Metric[model.MetricNameLabel])
			i, ok := part(series.Metric, len(all))
			if !ok || metric == "" || all[i].last != last {
				continue
			}
			if b, known := best[metric]; known && b <= i {
				continue
			}
			best[metric] = i
			in.metrics[metric] = found{selector: all[i], series: most(series.Values)}
		}
	}
	for metric := range in.metrics {
		in.names = append(in.names, metric)
	}
	slices.Sort(in.names)
	return in, p, nil
}

// tagged marks the one series of an expression as part i of a union.
func tagged(expression string, i int) string {
	return fmt.Sprintf(`label_replace(%s, %q, "%d", "", "")`, expression, tag, i)
}

// part says which of n parts of a union a series belongs to.
func part(m model.Metric, n int) (int, bool) {
	i, err := strconv.Atoi(string(m[tag]))
	return i, err == nil && i >= 0 && i < n
}

func most(values []model.SamplePair) int {
	n := 0
	for _, v := range values {
		n = max(n, int(v.Value))
	}
	return n
}

// interval is how often a service's metrics are sampled. It is measured on
// the metric with the fewest series.
func (s *Source) interval(ctx context.Context, in inventory, at time.Time) (time.Duration, incident.Provenance, error) {
	pick := ""
	for _, n := range in.names {
		if n == "up" {
			pick = n
			break
		}
		if pick == "" || in.metrics[n].series < in.metrics[pick].series {
			pick = n
		}
	}
	if in.metrics[pick].series > 100 { // thousands of samples, to learn one number
		return usualInterval, incident.Provenance{}, nil
	}
	m, p, err := s.samples(ctx, in.metrics[pick].selector.of(pick, ""), at, heartbeat)
	if err != nil {
		return 0, p, err
	}
	var gaps []int64
	for _, series := range m {
		for i := 1; i < len(series.Values); i++ {
			gaps = append(gaps, int64(series.Values[i].Timestamp-series.Values[i-1].Timestamp))
		}
	}
	if len(gaps) == 0 {
		return time.Minute, p, nil // pushed once a minute, or dead before the end of the window
	}
	slices.Sort(gaps)
	return min(max(time.Duration(gaps[len(gaps)/2])*time.Millisecond, 100*time.Millisecond), heartbeat), p, nil
}

// grid is how a window is cut into points and how long rates look back.
type grid struct {
	window activities.Window
	step   time.Duration
	over   time.Duration
}

func newGrid(w activities.Window, interval time.Duration) grid {
	step := max(interval, w.To.Sub(w.From)/maxSeriesPoints+time.Millisecond)
	return grid{window: w, step: step, over: max(4*interval, step)}
}
