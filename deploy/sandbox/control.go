package sandbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"

	"vigil/deploy/sandbox/world"
)

// routes joins AWS and the control paths:
//
//	GET    /_health       200 when the sandbox serves
//	GET    /_world        the world now: services, faults, alarm, automations, notifications
//	POST   /_world/fault  {"fault":"bad_deployment"} begins a fault, {"fault":"clear"} ends the one that is active
//	GET    /_world/chaos  the rules; POST adds a ChaosRule, DELETE removes all
//	GET    /_calls        every AWS call in order; ?after=N, ?service=, ?operation= narrow it
//	GET    /_effects      what automations did to the world
//	POST   /_reset        begins anew; {"seed":N} with another seed
//
// They need no authentication, so a page in a browser must not be able to use
// them: requests from other origins that change something are refused.
func (s *Server) routes() http.Handler {
	control := http.NewServeMux()
	control.HandleFunc("GET /_health", s.health)
	control.HandleFunc("GET /_world", s.showWorld)
	control.HandleFunc("POST /_world/fault", s.startFault)
	control.HandleFunc("GET /_world/chaos", s.showChaos)
	control.HandleFunc("POST /_world/chaos", s.addChaos)
	control.HandleFunc("DELETE /_world/chaos", s.clearChaos)
	control.HandleFunc("GET /_calls", s.showCalls)
	control.HandleFunc("GET /_effects", s.showEffects)
	control.HandleFunc("POST /_reset", s.reset)
	guarded := http.NewCrossOriginProtection().Handler(control)

	return simulated(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if len(r.URL.Path) > 1 && r.URL.Path[:2] == "/_" {
			guarded.ServeHTTP(w, r)
			return
		}
		s.serveAWS(w, r)
	}))
}

func (s *Server) health(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, map[string]any{"status": "ok", "seed": s.world.State().Seed, "tick_ms": s.cfg.Tick.Milliseconds()})
}

// WorldView is what GET /_world shows.
type WorldView struct {
	world.State
	Notifications Notifications `json:"notifications"`
}

func (s *Server) view() WorldView {
	s.advance()
	return WorldView{s.world.State(), s.notifier.report()}
}

func (s *Server) showWorld(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, s.view())
}

func (s *Server) startFault(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Fault string `json:"fault"`
	}
	if !readJSON(w, r, &in) {
		return
	}
	s.advance()
	if in.Fault == "clear" {
		if !s.world.ClearFault() {
			writeProblem(w, http.StatusConflict, "no fault is active")
			return
		}
		writeJSON(w, http.StatusOK, s.view())
		return
	}
	err := s.world.StartFault(world.Fault(in.Fault))
	switch {
	case errors.Is(err, world.ErrFaultActive):
		writeProblem(w, http.StatusConflict, err.Error())
	case err != nil:
		writeProblem(w, http.StatusBadRequest, err.Error())
	default:
		writeJSON(w, http.StatusAccepted, s.view())
	}
}

func (s *Server) showChaos(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, map[string]any{"rules": s.chaos.list()})
}

func (s *Server) addChaos(w http.ResponseWriter, r *http.Request) {
	var rule ChaosRule
	if !readJSON(w, r, &rule) {
		return
	}
	if err := rule.validate(); err != nil {
		writeProblem(w, http.StatusBadRequest, err.Error())
		return
	}
	if rule.Operation != "*" && !supported(rule.Operation) {
		writeProblem(w, http.StatusBadRequest, fmt.Sprintf("there is no operation %q", rule.Operation))
		return
	}
	s.chaos.add(rule)
	s.showChaos(w, r)
}

func supported(name string) bool {
	for _, op := range operations {
		if op.name == name {
			return true
		}
	}
	return false
}

func (s *Server) clearChaos(w http.ResponseWriter, r *http.Request) {
	s.chaos.clear()
	s.showChaos(w, r)
}

func (s *Server) showCalls(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	var after int64
	if v := q.Get("after"); v != "" {
		n, err := strconv.ParseInt(v, 10, 64)
		if err != nil {
			writeProblem(w, http.StatusBadRequest, fmt.Sprintf("after is %q, not a number", v))
			return
		}
		after = n
	}
	service, operation := q.Get("service"), q.Get("operation")
	calls, dropped := s.calls.list(func(c *Call) bool {
		return c.N > after && (service == "" || c.Service == service) && (operation == "" || c.Operation == operation)
	})
	writeJSON(w, http.StatusOK, map[string]any{"calls": calls, "dropped": dropped})
}

func (s *Server) showEffects(w http.ResponseWriter, _ *http.Request) {
	s.advance()
	writeJSON(w, http.StatusOK, map[string]any{"effects": s.world.Effects()})
}

func (s *Server) reset(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Seed *uint64 `json:"seed"`
	}
	if !readJSON(w, r, &in) {
		return
	}
	s.Reset(in.Seed)
	writeJSON(w, http.StatusOK, s.view())
}

// Reset begins the world anew and forgets calls, chaos, queries and
// notifications. seed may be nil to keep it.
func (s *Server) Reset(seed *uint64) {
	s.advancing.Lock()
	defer s.advancing.Unlock()
	s.notifier.reset()
	s.world.Reset(s.cfg.Now(), seed)
	s.chaos.clear()
	s.queries.reset()
	s.calls.reset()
}

// readJSON reads a small body; an empty one leaves into as it is.
func readJSON(w http.ResponseWriter, r *http.Request, into any) bool {
	dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, 64<<10))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil && !errors.Is(err, io.EOF) {
		writeProblem(w, http.StatusBadRequest, "the body: "+err.Error())
		return false
	}
	return true
}

func writeProblem(w http.ResponseWriter, status int, detail string) {
	writeJSON(w, status, map[string]string{"error": detail})
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	raw, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		status, raw = http.StatusInternalServerError, fmt.Appendf(nil, `{"error":%q}`, err.Error())
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(raw, '\n')) // a client that has gone does not matter
}
