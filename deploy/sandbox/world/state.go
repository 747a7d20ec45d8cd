package world

import (
	"slices"
	"time"
)

// FaultState is the fault that a world has, as its control endpoint shows it.
type FaultState struct {
	Fault     Fault     `json:"fault"`
	Service   string    `json:"service"`
	Callee    string    `json:"callee,omitempty"` // the other end of a call that fails, the database behind a cache
	Phase     string    `json:"phase"`            // active, draining or held
	StartedAt time.Time `json:"started_at"`
	CuredAt   time.Time `json:"cured_at,omitzero"`

	Stubborn int      `json:"stubborn,omitempty"` // how many kinds of remedies do nothing against it
	Tried    []string `json:"tried,omitempty"`    // documents that did nothing
	HeldBy   []string `json:"held_by,omitempty"`  // documents that keep it back as long as they are not taken back
}

// ServiceState is one service as it is now.
type ServiceState struct {
	Service
	Metrics     map[Metric]float64 `json:"metrics"`
	At          time.Time          `json:"at"`
	Version     string             `json:"version,omitempty"`
	Desired     int                `json:"desired_tasks,omitempty"`
	Running     int                `json:"running_tasks,omitempty"`
	Limit       int                `json:"max_connections,omitempty"`
	Provision   Provision          `json:"provision"`
	Deployments []Deployment       `json:"deployments,omitempty"` // the latest three
}

// State is all of the world at one moment.
type State struct {
	Seed       uint64         `json:"seed"`
	Varied     bool           `json:"varied,omitempty"`
	TickMS     int64          `json:"tick_ms"`
	Ticks      int64          `json:"ticks"`
	Now        time.Time      `json:"now"`
	Faults     []FaultState   `json:"faults"`
	Held       []FaultState   `json:"held,omitempty"` // that nobody feels while they are held back
	Alarm      Alarm          `json:"alarm"`
	Services   []ServiceState `json:"services"`
	Executions []Execution    `json:"automations"`
}

// State describes the world as it is now.
func (w *World) State() State {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := State{
		Seed: w.cfg.Seed, Varied: w.cfg.Varied, TickMS: w.cfg.Tick.Milliseconds(), Ticks: w.tick, Now: w.now, Alarm: w.loudest(),
		Faults: []FaultState{}, Executions: []Execution{},
	}
	for _, a := range w.ailments {
		s.Faults = append(s.Faults, w.faultState(a))
	}
	for _, a := range w.held {
		if !a.mended {
			f := w.faultState(a)
			f.Phase = "held"
			s.Held = append(s.Held, f)
		}
	}
	for _, svc := range w.topo.services() {
		r := w.samples[svc.Name]
		latest := r.at(r.len() - 1)
		st := ServiceState{Service: svc, At: latest.At, Metrics: map[Metric]float64{}, Version: w.current(svc.Name).TaskDefinition, Desired: w.desired[svc.Name],
			Running: w.running(svc.Name), Provision: w.provision(svc.Name)}
		for _, g := range measured[svc.Kind] {
			st.Metrics[traits[g].metric] = latest.values[g]
		}
		if svc.Kind == KindDatabase {
			st.Limit = w.limits[svc.Name]
		}
		if ds := w.deployments[svc.Name]; len(ds) > 0 {
			st.Deployments = append(st.Deployments, ds[max(0, len(ds)-3):]...)
		}
		s.Services = append(s.Services, st)
	}
	for _, e := range w.jobs {
		s.Executions = append(s.Executions, e.copy())
	}
	return s
}

func (w *World) faultState(a *ailment) FaultState {
	f := FaultState{Fault: a.fault, Service: a.service, Callee: a.callee, Phase: "active", StartedAt: w.at(a.since), Stubborn: a.stubborn, Tried: slices.Clone(a.tried)}
	if a.cured != 0 {
		f.Phase, f.CuredAt = "draining", w.at(a.cured)
	}
	for _, h := range a.holds {
		f.HeldBy = append(f.HeldBy, h.document)
	}
	return f
}

// Samples returns what was observed of a service in [from, to), oldest first;
// nothing for a service that the world does not have.
func (w *World) Samples(service string, from, to time.Time) []Sample {
	w.mu.Lock()
	defer w.mu.Unlock()
	r, ok := w.samples[service]
	if !ok {
		return nil
	}
	return r.where(func(s Sample) bool { return !s.At.Before(from) && s.At.Before(to) })
}

// Latest is the time of the latest sample.
func (w *World) Latest() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.at(w.tick)
}
