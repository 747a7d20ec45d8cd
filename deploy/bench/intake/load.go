package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"time"
)

const (
	stormGroups = 100
	bigEvery    = 20 // of the groups, one of so many holds bigGroup alerts
	bigGroup    = 5
)

// load is what is posted: bodies made in advance, and which one comes when.
type load struct {
	bodies []body
	order  []int // by post: index of bodies
	rate   float64
	groups int
	alerts int // in all posts, repetitions included
}

// body is a delivery, and what it holds.
type body struct {
	json         []byte
	fingerprints []string
}

func newLoad(o options) *load {
	if o.storm > 0 {
		return newStorm(o)
	}
	l := &load{rate: o.rate}
	r := rand.New(rand.NewPCG(o.seed, o.seed))
	n := max(1, int(o.rate*o.seconds))
	for i := range n {
		b := 0
		if fresh := int(float64(i+1)*(1-o.repeats)+1e-9) - int(float64(i)*(1-o.repeats)+1e-9); i == 0 || fresh > 0 {
			size := 1
			if b = len(l.bodies); b%bigEvery == bigEvery-1 {
				size = bigGroup
			}
			l.bodies = append(l.bodies, newBody(o.seed, b, b%o.services, 0, size))
		} else {
			b = r.IntN(len(l.bodies))
		}
		l.order = append(l.order, b)
		l.alerts += len(l.bodies[b].fingerprints)
	}
	l.groups = len(l.bodies)
	return l
}

// newStorm is alerts of few groups, one a delivery, in no order.
func newStorm(o options) *load {
	l := &load{rate: o.rate, alerts: o.storm, groups: min(o.storm, stormGroups)}
	r := rand.New(rand.NewPCG(o.seed, o.seed))
	for i := range o.storm {
		group := i % l.groups
		l.bodies = append(l.bodies, newBody(o.seed, group, group%o.services, i/l.groups, 1))
	}
	l.order = r.Perm(o.storm)
	return l
}

// newBody is what Alertmanager posts of a group: its alerts from number first on.
func newBody(seed uint64, group, service, first, size int) body {
	type object = map[string]any
	name, svc := fmt.Sprintf("BenchGroup%05d", group), fmt.Sprintf("bench-service-%02d", service)
	common := object{"alertname": name, "service": svc, "severity": "warning", "cluster": "bench"}
	var b body
	var alerts []object
	for i := first; i < first+size; i++ {
		labels := object{"instance": fmt.Sprintf("10.0.%d.%d:9100", i/250, i%250)}
		for k, v := range common {
			labels[k] = v
		}
		print := fmt.Sprintf("%08x%04x%04x", uint32(seed), group, i)
		b.fingerprints = append(b.fingerprints, print)
		alerts = append(alerts, object{
			"status": "firing", "labels": labels, "fingerprint": print,
			"annotations": object{
				"summary":     fmt.Sprintf("Requests to %s take too long", svc),
				"description": "The 99th percentile of the last five minutes is over two seconds; the objective is half a second."},
			"startsAt": time.Now().UTC().Truncate(time.Second), "endsAt": "0001-01-01T00:00:00Z",
			"generatorURL": "http://prometheus.example/graph?g0.expr=histogram_quantile%280.99%2C+sum+by+%28le%29+%28rate%28request_seconds_bucket%5B5m%5D%29%29%29+%3E+2&g0.tab=1",
		})
	}
	raw, err := json.Marshal(object{
		"version": "4", "receiver": "vigil", "status": "firing", "externalURL": "http://alertmanager.example", "truncatedAlerts": 0,
		"groupKey": fmt.Sprintf("{}:{alertname=%q}", name), "groupLabels": object{"alertname": name}, "commonLabels": common,
		"commonAnnotations": object{}, "alerts": alerts,
	})
	if err != nil {
		panic(err) // texts and numbers always encode
	}
	b.json = raw
	return b
}
