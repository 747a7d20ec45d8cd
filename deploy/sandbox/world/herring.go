package world

// herring is something that happens beside a fault and has nothing to do with
// it: a job that keeps a CPU busy, or a warning that is always there and now
// is a bit more often. A deployment of another service or a change of how many
// tasks it runs leaves no state behind and is done once.
type herring struct {
	kind    herringKind
	service string
	heat    float64
}

type herringKind int

const (
	herringBatch herringKind = iota
	herringNoise
	herringDeployment
	herringScaling
	herringKinds
)

func (h *herring) step(a *ailment) {
	if a.cured != 0 {
		h.heat *= drain
		return
	}
	h.heat = min(1, h.heat+0.34)
}

func (h *herring) strain(s *strains) {
	if h.kind == herringBatch {
		s.on(h.service).plus[gCPU] += 22 * h.heat
	}
}

// distract adds none to two red herrings to a.
func (w *World) distract(a *ailment) {
	others := w.topo.of(KindECS, func(n *node) bool { return n.name != a.service && n.name != a.callee && n.name != w.topo.watched })
	for range w.fate.IntN(3) {
		service := w.draw(others)
		switch kind := herringKind(w.fate.IntN(int(herringKinds))); kind {
		case herringDeployment:
			w.deploy(service, w.routineSummary())
		case herringScaling:
			w.want(service, w.desired[service]+1, Fate{})
			w.auditChange("UpdateService", service, KindECS, "application-autoscaling",
				map[string]any{"cluster": Cluster, "service": service, "desiredCount": w.desired[service]})
		default:
			a.herrings = append(a.herrings, herring{kind: kind, service: service})
		}
	}
}

// noisier is how much more often a service repeats its everyday warnings.
func (w *World) noisier(service string) float64 {
	more := 1.0
	for _, a := range w.ailments {
		for _, h := range a.herrings {
			if h.kind == herringNoise && h.service == service {
				more += 0.9 * h.heat
			}
		}
	}
	return more
}
