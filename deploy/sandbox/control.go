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
//	POST   /_world/fault  {"fault":"bad_deployment"} begins a fault, {"fault":"clear"} ends the one that is active;
//	                      {"stubborn":1} besides: the first kind of right remedy does nothing, and the next ends it
//	POST   /_world/heal   ends the fault that is active as a person would who knows what is wrong, whichever it is
//	GET    /_world/truth  what a right diagnosis of the active fault says
//	GET    /_world/chaos  the rules; POST adds a ChaosRule, DELETE removes all
//	GET    /_calls        every AWS call in order; ?after=N, ?service=, ?operation=, ?incident=, ?model= narrow it,
//	                      ?contains=TEXT to those that sent a text, in the path or the body
//	GET    /_calls/{n}    what one call sent
//	GET    /_queues       what is in the queues
//	GET    /_effects      what was done to the world, by automations and ECS UpdateService, and how often each was asked for
//	POST   /_hooks/{name} a receiver to try the signed webhook executor with; see hooks.go for it and the paths below it
//	GET    /_told         what people were told, by Slack, PagerDuty, SNS and webhooks; see notify.go for it and their paths
//	POST   /_reset        begins anew; {"seed":N} with another seed, {"varied":true} with a world of its own instead of the shop
//
// They need no authentication, so a page in a browser must not be able to use
// them: requests from other origins that change something are refused.
func (s *Server) routes() http.Handler {
	control := http.NewServeMux()
	control.HandleFunc("GET /_health", s.health)
	control.HandleFunc("GET /_world", s.showWorld)
	control.HandleFunc("POST /_world/fault", s.startFault)
	control.HandleFunc("POST /_world/heal", s.heal)
	control.HandleFunc("GET /_world/truth", s.showTruth)
	control.HandleFunc("GET /_world/chaos", s.showChaos)
	control.HandleFunc("POST /_world/chaos", s.addChaos)
	control.HandleFunc("DELETE /_world/chaos", s.clearChaos)
	control.HandleFunc("GET /_calls", s.showCalls)
	control.HandleFunc("GET /_calls/{n}", s.showBody)
	control.HandleFunc("GET /_effects", s.showEffects)
	control.HandleFunc("GET /_queues", s.showQueues)
	control.HandleFunc("POST /_reset", s.reset)
	s.hooks.routes(control)
	s.tellRoutes(control)
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
		Fault    string `json:"fault"`
		Stubborn int    `json:"stubborn"`
	}
	if !readJSON(w, r, &in) {
		return
	}
	if in.Fault == "clear" {
		s.heal(w, r)
		return
	}
	s.advance()
	err := s.world.StartStubbornFault(world.Fault(in.Fault), in.Stubborn)
	switch {
	case errors.Is(err, world.ErrFaultActive):
		writeProblem(w, http.StatusConflict, err.Error())
	case err != nil:
		writeProblem(w, http.StatusBadRequest, err.Error())
	default:
		writeJSON(w, http.StatusAccepted, s.view())
	}
}

func (s *Server) heal(w http.ResponseWriter, _ *http.Request) {
	s.advance()
	if !s.world.ClearFault() {
		writeProblem(w, http.StatusConflict, "no fault is active")
		return
	}
	writeJSON(w, http.StatusOK, s.view())
}

func (s *Server) showTruth(w http.ResponseWriter, _ *http.Request) {
	s.advance()
	truth, ok := s.world.Truth()
	if !ok {
		writeProblem(w, http.StatusNotFound, "no fault is active")
		return
	}
	writeJSON(w, http.StatusOK, truth)
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
	s.chaos.add(rule)
	s.showChaos(w, r)
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
	is := func(key, have string) bool { return q.Get(key) == "" || q.Get(key) == have }
	calls, dropped := s.calls.list(func(c *Call) bool {
		return c.N > after && is("service", c.Service) && is("operation", c.Operation) && is("incident", c.Incident) && is("model", c.Model)
	})
	if text := q.Get("contains"); text != "" {
		found := []Call{}
		for _, c := range calls {
			yes, err := s.bodies.contains(c.N, text)
			if err != nil {
				writeProblem(w, http.StatusInternalServerError, err.Error())
				return
			}
			if yes {
				found = append(found, c)
			}
		}
		calls = found
	}
	writeJSON(w, http.StatusOK, map[string]any{"calls": calls, "dropped": dropped, "bodies_dropped": s.bodies.lost()})
}

func (s *Server) showBody(w http.ResponseWriter, r *http.Request) {
	n, err := strconv.ParseInt(r.PathValue("n"), 10, 64)
	if err != nil {
		writeProblem(w, http.StatusBadRequest, fmt.Sprintf("%q is no number of a call", r.PathValue("n")))
		return
	}
	body, err := s.bodies.get(n)
	switch {
	case err != nil:
		writeProblem(w, http.StatusInternalServerError, err.Error())
	case body == nil:
		writeProblem(w, http.StatusNotFound, fmt.Sprintf("there is no call %d, or what it sent is no longer kept", n))
	default:
		writeJSON(w, http.StatusOK, map[string]string{"sent": string(body)})
	}
}

func (s *Server) showEffects(w http.ResponseWriter, _ *http.Request) {
	s.advance()
	writeJSON(w, http.StatusOK, map[string]any{"effects": s.world.Effects(), "tallies": s.world.Tallies()})
}

func (s *Server) showQueues(w http.ResponseWriter, _ *http.Request) {
	s.advance()
	writeJSON(w, http.StatusOK, map[string]any{"queues": s.queues.view(s.cfg.Now())})
}

func (s *Server) reset(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Seed   *uint64 `json:"seed"`
		Varied *bool   `json:"varied"`
	}
	if !readJSON(w, r, &in) {
		return
	}
	if in.Varied != nil {
		s.world.Vary(*in.Varied)
	}
	s.Reset(in.Seed)
	writeJSON(w, http.StatusOK, s.view())
}

// Reset begins the world anew and forgets calls, chaos, queries, messages and
// notifications. seed may be nil to keep it.
func (s *Server) Reset(seed *uint64) {
	s.advancing.Lock()
	defer s.advancing.Unlock()
	s.notifier.reset()
	s.told.reset()
	s.world.Reset(s.cfg.Now(), seed)
	s.chaos.clear()
	s.cache.reset()
	s.memories.reset()
	s.agents.reset()
	s.queries.reset()
	s.queues.reset(s.cfg.Now())
	s.calls.reset()
	s.bodies.reset()
	s.hooks.reset()
	s.sessions.reset()
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
